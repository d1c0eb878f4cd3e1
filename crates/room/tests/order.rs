//! Keeping order: roles, removals and settings.

use parlor_protocol::Command;
use parlor_protocol::access::Entry;
use parlor_protocol::chat::React;
use parlor_protocol::command::{Auth, StreamPosition};
use parlor_protocol::member::{Kick, MemberState, Readiness, Role};
use parlor_protocol::playback::{ClockPing, UpdatePlayback};
use parlor_protocol::room::{Control, RoomSettings, RoomUpdate, Wait};
use parlor_protocol::{CloseCode, Code, Event};
use parlor_room::{ConnId, Input, Refusal};
use parlor_testkit::scene::{Scene, Store, founding, guest, message, person};
use parlor_testkit::wishes::{
    admit, arrange, ban, chat, chat_delete, chat_edit, kick, load, pardon, play, queue_add,
    queue_move, queue_next, queue_remove, role_set, turn_away,
};

const ROLES: [Role; 5] = [Role::Guest, Role::Member, Role::Moderator, Role::Host, Role::Owner];

/// A room where each role is held by somebody: `olga` owns it, `hans` is host, `mona` moderates,
/// `max` has an account, `gina` has none. Each of them said something once, from the lowest role up.
fn cast(control: Control) -> (Scene, [(Role, ConnId); 5]) {
    let mut founding = founding();
    founding.settings.control = control;
    founding.creator = Some("hans".into());
    founding.owner = Some("olga".into());
    founding.next_chat = 6;
    let mut scene = Scene::of(founding);
    for (number, name) in (1..).zip(["gina", "max", "mona", "hans", "olga"]) {
        scene.shelf.chat.insert(number, message(number, name, "long ago"));
    }
    let gina = scene.join_as(guest("gina"));
    let [max, mona, hans, olga] = ["max", "mona", "hans", "olga"].map(|name| scene.join(name));
    scene.tell(hans, role_set("mona", Role::Moderator));
    scene.tell(hans, load("/film.mp4"));
    for number in 0..8 {
        scene.tell(hans, queue_add(&format!("/{number}.mp4")));
    }
    scene.hush();
    let conns = [gina, max, mona, hans, olga];
    (scene, std::array::from_fn(|index| (ROLES[index], conns[index])))
}

/// One of each command, all of them good, and what it needs: the least role under each control
/// setting (everyone, moderators, host only). `own` is a message of whoever gives it.
fn commands(scene: &Scene, own: &str) -> Vec<(Command, [Role; 3])> {
    use Role::{Guest, Host, Moderator};
    let queue = scene.room.state(scene.now()).queue;
    let item = &queue[0].item_id;
    let everybody = [Guest, Guest, Guest];
    let remote = [Guest, Moderator, Host];
    let readiness = Some(Readiness::Ready);
    let position = StreamPosition { epoch: "e1".to_owned(), seq: 0 };
    vec![
        (Command::SyncRequest, everybody),
        (Command::Heartbeat, everybody),
        (Command::ClockPing(ClockPing { c: 1.0 }), everybody),
        (Command::MemberState(MemberState { readiness, rtt_ms: None, telemetry: None }), everybody),
        (chat("hello"), everybody),
        (chat_edit(own, "not so long ago"), everybody),
        (chat_delete(own), everybody),
        (Command::React(React { emoji: "🎉".to_owned() }), everybody),
        (Command::Resume(position), everybody),
        (Command::Auth(Auth { token: "token".to_owned() }), everybody),
        (Command::UpdatePlayback(UpdatePlayback::default()), remote),
        (Command::GoOn, remote),
        (queue_add("/new.mp4"), remote),
        (queue_remove(item), remote),
        (queue_move(item, None), remote),
        (queue_next(None), remote),
        (Command::Kick(Kick { user_id: "nobody".into(), ban: true }), [Moderator; 3]),
        (admit(Some("nobody")), [Moderator; 3]),
        (turn_away("nobody", false), [Moderator; 3]),
        (pardon("nobody"), [Moderator; 3]),
        (
            arrange(RoomUpdate { name: Some("New".to_owned()), ..Default::default() }),
            [Moderator; 3],
        ),
        (role_set("max", Moderator), [Host; 3]),
        (Command::Leave, everybody),
    ]
}

#[test]
fn every_role_may_give_exactly_the_commands_of_the_table() {
    let controls = [Control::Everyone, Control::Moderators, Control::HostOnly];
    for (setting, control) in controls.into_iter().enumerate() {
        let count = commands(&cast(control).0, "1").len();
        for index in 0..count {
            for who in 0..ROLES.len() {
                let (mut scene, cast) = cast(control);
                let (command, least) = commands(&scene, &(who + 1).to_string()).swap_remove(index);
                let (role, conn) = cast[who];
                scene.ask(conn, 1, command.clone());
                let answer = scene.heard_of(conn, "→");
                let expected =
                    if role >= least[setting] { "ACK → 1" } else { "ERROR forbidden → 1" };
                assert_eq!(answer, [expected], "{command:?} by {role:?} under {control:?}");
            }
        }
    }
}

#[test]
fn the_table_names_every_command() {
    let (scene, _) = cast(Control::Everyone);
    // A new command does not compile here until it has a number, and fails until it is above.
    let number = |command: &Command| match command {
        Command::SyncRequest => 0,
        Command::UpdatePlayback(_) => 1,
        Command::Heartbeat => 2,
        Command::ClockPing(_) => 3,
        Command::MemberState(_) => 4,
        Command::GoOn => 5,
        Command::ChatSend(_) => 6,
        Command::React(_) => 7,
        Command::QueueAdd(_) => 8,
        Command::QueueRemove(_) => 9,
        Command::QueueMove(_) => 10,
        Command::QueueNext(_) => 11,
        Command::RoleSet(_) => 12,
        Command::Kick(_) => 13,
        Command::RoomUpdate(_) => 14,
        Command::Resume(_) => 15,
        Command::Auth(_) => 16,
        Command::Leave => 17,
        Command::Admit(_) => 18,
        Command::TurnAway(_) => 19,
        Command::Pardon(_) => 20,
        Command::ChatEdit(_) => 21,
        Command::ChatDelete(_) => 22,
    };
    let mut numbers: Vec<_> = commands(&scene, "1").iter().map(|(it, _)| number(it)).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..23).collect::<Vec<_>>());
}

#[test]
fn whose_message_it_is_decides_who_may_edit_it_and_the_role_who_may_delete_it() {
    for (who, role) in ROLES.into_iter().enumerate() {
        for author in 0..ROLES.len() {
            let (mut scene, cast) = cast(Control::Everyone);
            let (conn, message) = (cast[who].1, (author + 1).to_string());
            scene.ask(conn, 1, chat_edit(&message, "never"));
            scene.ask(conn, 2, chat_delete(&message));
            let answer = |id: u64, may: bool| match may {
                true => format!("ACK → {id}"),
                false => format!("ERROR forbidden → {id}"),
            };
            let may_delete = who == author || role >= Role::Moderator;
            let expected = [answer(1, who == author), answer(2, may_delete)];
            assert_eq!(scene.heard_of(conn, "→"), expected, "{role:?}, message {message}");
        }
    }
}

#[test]
fn who_moderates_may_invite() {
    let (scene, _) = cast(Control::Everyone);
    let may = ["max", "mona", "hans", "olga"].map(|name| scene.room.may_invite(&person(name)));
    assert_eq!(may, [false, true, true, true]);
    assert!(!scene.room.may_invite(&guest("gina")));
}

#[test]
fn a_role_is_told_and_acknowledged_once_it_is_stored() {
    let (mut scene, cast) = cast(Control::Everyone);
    let (hans, gina) = (cast[3].1, cast[0].1);
    scene.store = Store::Slow;
    scene.ask(hans, 1, role_set("max", Role::Moderator));
    assert!(scene.heard(gina).is_empty());
    scene.release();
    assert_eq!(scene.heard(gina), ["#16 MEMBER_UPDATED max Moderator Online silent"]);
    assert_eq!(scene.heard_of(hans, "→"), ["ACK → 1"]);
    scene.tell(hans, role_set("max", Role::Member));
    scene.release();
    assert_eq!(scene.heard(gina), ["#17 MEMBER_UPDATED max Member Online silent"]);
}

#[test]
fn the_host_hands_the_room_over() {
    let (mut scene, cast) = cast(Control::Everyone);
    let (hans, gina) = (cast[3].1, cast[0].1);
    scene.ask(hans, 1, role_set("gina", Role::Host));
    assert_eq!(
        scene.heard(gina),
        [
            "#16 HOST_CHANGED gina",
            "#17 MEMBER_UPDATED hans Member Online silent",
            "#18 MEMBER_UPDATED gina Host Online silent",
        ]
    );
    scene.ask(hans, 2, role_set("hans", Role::Host));
    assert_eq!(scene.heard_of(hans, "ERROR"), ["ERROR forbidden → 2"]);
}

#[test]
fn roles_that_cannot_be_given_or_taken_are_refused() {
    let (mut scene, cast) = cast(Control::Everyone);
    let hans = cast[3].1;
    let cases = [
        (role_set("max", Role::Owner), Code::Invalid),
        (role_set("max", Role::Guest), Code::Invalid),
        (role_set("hans", Role::Member), Code::Invalid),
        (role_set("nobody", Role::Moderator), Code::UserNotFound),
        (role_set("nobody", Role::Host), Code::UserNotFound),
    ];
    for (command, code) in cases {
        scene.ask(hans, 1, command);
        assert_eq!(scene.heard(hans), [format!("ERROR {} → 1", code.as_str())]);
    }
}

#[test]
fn a_kicked_member_is_closed_with_4003_and_may_come_back() {
    let (mut scene, cast) = cast(Control::Everyone);
    let (mona, max, gina) = (cast[2].1, cast[1].1, cast[0].1);
    scene.store = Store::Slow;
    scene.ask(mona, 1, kick("max"));
    assert_eq!(scene.closed(max), None, "it counts when it is stored");
    scene.release();
    assert_eq!(scene.closed(max), Some(CloseCode::Removed));
    assert_eq!(scene.heard(gina), ["#16 USER_LEFT max, 4 here"]);
    assert_eq!(scene.heard(mona), ["#16 USER_LEFT max, 4 here", "ACK → 1"]);
    let again = scene.join("max");
    assert_eq!(scene.closed(again), None);
}

#[test]
fn a_banned_member_stays_out() {
    let (mut scene, cast) = cast(Control::Everyone);
    let mona = cast[2].1;
    scene.tell(mona, ban("max"));
    scene.tell(mona, ban("never-seen"));
    for name in ["max", "never-seen"] {
        let conn = scene.join(name);
        assert_eq!(scene.heard(conn), ["ERROR banned"]);
        assert_eq!(scene.closed(conn), Some(CloseCode::Removed));
    }
}

#[test]
fn a_ban_is_seen_by_those_who_may_lift_it_and_lifted_once_it_is_stored() {
    let (mut scene, cast) = cast(Control::Everyone);
    let mona = cast[2].1;
    scene.tell(mona, ban("max"));
    assert_eq!(scene.room.banned(&person("mona")), Some(vec!["max".into()]));
    assert_eq!(scene.room.banned(&guest("gina")), None);
    scene.hush();
    scene.store = Store::Slow;
    scene.ask(mona, 1, pardon("max"));
    assert!(scene.room.is_banned(&"max".into()));
    scene.release();
    assert_eq!(scene.heard(mona), ["ACK → 1"]);
    assert_eq!(scene.room.banned(&person("mona")), Some(vec![]));
    let back = scene.join("max");
    assert_eq!(scene.closed(back), None);
    scene.ask(mona, 2, pardon("max"));
    assert_eq!(scene.heard_of(mona, "→"), ["ACK → 2"], "there is nothing to lift");
}

#[test]
fn nobody_removes_those_beside_or_above_themselves() {
    let names = ["gina", "max", "mona", "hans", "olga"];
    for (kicker, role) in ROLES.into_iter().enumerate() {
        for (kicked, other) in ROLES.into_iter().enumerate() {
            let (mut scene, cast) = cast(Control::Everyone);
            scene.ask(cast[kicker].1, 1, ban(names[kicked]));
            let may = role >= Role::Moderator && other < role;
            let expected = if may { "ACK → 1" } else { "ERROR forbidden → 1" };
            let answer = scene.heard_of(cast[kicker].1, "→");
            assert_eq!(answer, [expected], "{role:?} removes {other:?}");
        }
    }
}

#[test]
fn what_a_removed_member_still_wanted_is_not_done() {
    let (mut scene, cast) = cast(Control::Everyone);
    let (mona, max, gina) = (cast[2].1, cast[1].1, cast[0].1);
    scene.store = Store::Slow;
    scene.tell(mona, kick("max"));
    scene.ask(max, 1, chat("one last word"));
    scene.release();
    assert_eq!(scene.heard(gina), ["#16 USER_LEFT max, 4 here"]);
    assert_eq!(scene.heard(max), ["ERROR forbidden → 1"]);
}

#[test]
fn kicking_somebody_who_is_not_there_finds_nobody() {
    let (mut scene, cast) = cast(Control::Everyone);
    scene.ask(cast[3].1, 1, kick("nobody"));
    assert_eq!(scene.heard(cast[3].1), ["ERROR user_not_found → 1"]);
}

#[test]
fn removing_the_host_makes_the_longest_present_member_host() {
    let (mut scene, cast) = cast(Control::Everyone);
    let (olga, max) = (cast[4].1, cast[1].1);
    scene.tell(olga, kick("hans"));
    assert_eq!(
        scene.heard(max),
        [
            "#16 USER_LEFT hans, 4 here",
            "#17 HOST_CHANGED gina",
            "#18 MEMBER_UPDATED gina Host Online silent",
        ]
    );
}

#[test]
fn settings_are_changed_once_they_are_stored() {
    let (mut scene, cast) = cast(Control::Everyone);
    let (hans, gina) = (cast[3].1, cast[0].1);
    scene.store = Store::Slow;
    let update = RoomUpdate {
        name: Some("Matinee".to_owned()),
        is_public: Some(false),
        max_participants: Some(Some(12)),
        control: Some(Control::Moderators),
        wait: Some(Wait::Quorum),
        entry: Some(Entry::Accounts),
        has_password: Some(true),
    };
    let settings = RoomSettings {
        name: "Matinee".to_owned(),
        is_public: false,
        max_participants: Some(12),
        control: Control::Moderators,
        wait: Wait::Quorum,
        join_code: "ABC234".to_owned(),
        entry: Entry::Accounts,
        has_password: true,
    };
    scene.ask(hans, 1, arrange(update));
    assert_eq!(scene.batches.last().and_then(|it| it.settings.clone()), Some(settings.clone()));
    assert_eq!(scene.room.settings().name, "Film night");
    scene.release();
    assert_eq!(scene.frames(gina)[0].event, Event::RoomUpdated(settings.clone()));
    assert_eq!(*scene.room.settings(), settings);
    scene.ask(gina, 2, play());
    assert_eq!(scene.heard(gina), ["ERROR forbidden → 2"]);
}

#[test]
fn settings_are_checked() {
    let (mut scene, cast) = cast(Control::Everyone);
    let hans = cast[3].1;
    let name = |name: String| RoomUpdate { name: Some(name), ..RoomUpdate::default() };
    let seats = |seats| RoomUpdate { max_participants: Some(Some(seats)), ..RoomUpdate::default() };
    let bad =
        [name(String::new()), name("x".repeat(101)), name("a\nb".to_owned()), seats(0), seats(1)];
    for update in bad {
        scene.ask(hans, 1, arrange(update));
        assert_eq!(scene.heard(hans), ["ERROR invalid → 1"]);
    }
}

#[test]
fn nobody_is_removed_when_the_room_shrinks() {
    let (mut scene, cast) = cast(Control::Everyone);
    let update = RoomUpdate { max_participants: Some(Some(2)), ..RoomUpdate::default() };
    scene.tell(cast[3].1, arrange(update));
    assert_eq!(scene.room.member_count(), 5);
    let late = scene.join("late");
    assert_eq!(scene.closed(late), Some(CloseCode::RoomFull));
}

#[test]
fn each_command_of_a_batch_is_judged_by_what_those_before_it_left() {
    let (mut scene, cast) = cast(Control::Everyone);
    let (hans, gina) = (cast[3].1, cast[0].1);
    scene.store = Store::Slow;
    scene.tell(gina, chat("keeps the store busy"));
    let moderators = RoomUpdate { control: Some(Control::Moderators), ..RoomUpdate::default() };
    scene.ask(hans, 1, arrange(moderators));
    scene.ask(gina, 2, queue_add("/late.mp4"));
    scene.ask(hans, 3, role_set("gina", Role::Moderator));
    scene.release();
    scene.ask(gina, 4, queue_add("/now.mp4"));
    scene.release();
    assert_eq!(scene.heard_of(gina, "→"), ["ERROR forbidden → 2", "ACK → 4"]);
    assert_eq!(scene.heard_of(hans, "→"), ["ACK → 1", "ACK → 3"]);
}

#[test]
fn who_is_host_by_what_is_on_its_way_may_already_act_as_host() {
    let (mut scene, cast) = cast(Control::Everyone);
    let (hans, gina) = (cast[3].1, cast[0].1);
    scene.store = Store::Slow;
    scene.tell(gina, chat("keeps the store busy"));
    scene.ask(hans, 1, role_set("gina", Role::Host));
    scene.ask(gina, 2, role_set("max", Role::Host));
    scene.release();
    assert_eq!(scene.heard_of(gina, "→"), ["ACK → 2"]);
    assert_eq!(scene.room.host(), Some(&"max".into()));
}

#[test]
fn over_http_members_have_their_role_and_strangers_none() {
    let (mut scene, _) = cast(Control::Everyone);
    let rename = || arrange(RoomUpdate { name: Some("New".to_owned()), ..Default::default() });
    let forbidden = Some(Err(Refusal::from(Code::Forbidden)));
    assert_eq!(scene.ask_over_http(person("hans"), rename()), Some(Ok(())));
    assert_eq!(scene.ask_over_http(person("max"), rename()), forbidden);
    assert_eq!(scene.ask_over_http(person("max"), play()), Some(Ok(())));
    assert_eq!(scene.ask_over_http(person("stranger"), play()), forbidden);
    let needs_connection = scene.ask_over_http(person("hans"), Command::SyncRequest);
    assert_eq!(needs_connection.map(|it| it.map_err(|it| it.code)), Some(Err(Code::Invalid)));
}

#[test]
fn the_creator_keeps_order_before_it_comes() {
    let mut founding = founding();
    founding.owner = None;
    founding.creator = Some("gina".into());
    let mut scene = Scene::of(founding);
    assert_eq!(scene.ask_over_http(guest("gina"), load("/film.mp4")), Some(Ok(())));
    assert!(scene.room.may_close(&guest("gina")));
    assert!(!scene.room.may_close(&person("stranger")));
}

#[test]
fn an_account_inherits_the_offices_of_the_guest_it_was() {
    let mut founding = founding();
    founding.owner = Some("gina".into());
    founding.creator = Some("gina".into());
    let mut scene = Scene::of(founding);
    assert!(!scene.room.may_close(&person("regina")));
    scene.input(Input::Inherit { from: "gina".into(), to: "regina".into() });
    assert!(scene.room.may_close(&person("regina")));
    assert!(!scene.room.may_close(&guest("gina")));
    assert_eq!(scene.room.role(&person("regina")), Role::Owner);
    let state = scene.room.state(scene.now());
    assert_eq!(state.host_id, Some("regina".into()));
}

#[test]
fn a_guest_that_is_present_stays_host_until_it_leaves() {
    let mut founding = founding();
    founding.creator = Some("gina".into());
    let mut scene = Scene::of(founding);
    scene.join_as(guest("gina"));
    let host = scene.room.state(scene.now()).host_id;
    assert_eq!(host, Some("gina".into()));
    scene.input(Input::Inherit { from: "gina".into(), to: "regina".into() });
    assert_eq!(scene.room.state(scene.now()).host_id, host);
}

/// A guest that made a room, went, and became the account `greta`, who is here already with max.
fn heiress() -> (Scene, ConnId) {
    let mut founding = founding();
    (founding.creator, founding.owner) = (Some("gina".into()), None);
    let mut scene = Scene::of(founding);
    scene.join("greta");
    let max = scene.join("max");
    scene.hush();
    (scene, max)
}

#[test]
fn an_account_inherits_what_its_guest_was() {
    let (mut scene, max) = heiress();
    let (from, to) = ("gina".into(), "greta".into());
    scene.input(Input::Inherit { from, to });
    assert_eq!(
        scene.heard(max),
        ["#3 HOST_CHANGED greta", "#4 MEMBER_UPDATED greta Host Online silent"]
    );
    assert_eq!(scene.room.host(), Some(&"greta".into()));
    assert!(!scene.room.may_close(&guest("gina")));
}

#[test]
fn an_account_inherits_the_office_and_the_ban_of_its_guest() {
    let (mut scene, cast) = cast(Control::Everyone);
    let hans = cast[3].1;
    scene.tell(hans, role_set("gina", Role::Moderator));
    scene.hush();
    scene.input(Input::Inherit { from: "gina".into(), to: "greta".into() });
    assert_eq!(scene.heard(hans), ["#17 MEMBER_UPDATED gina Guest Online silent"]);
    assert_eq!(scene.room.role(&person("greta")), Role::Moderator);
    scene.tell(hans, ban("gina"));
    scene.input(Input::Inherit { from: "gina".into(), to: "grace".into() });
    assert!(scene.room.is_banned(&"grace".into()) && scene.room.is_banned(&"gina".into()));
}

#[test]
fn a_guest_that_is_host_and_present_stays_host_until_it_leaves() {
    let (mut scene, _) = heiress();
    let gina = scene.join_as(guest("gina"));
    scene.input(Input::Inherit { from: "gina".into(), to: "greta".into() });
    assert_eq!(scene.room.host(), Some(&"gina".into()));
    scene.leave(gina);
    assert_eq!(scene.room.host(), Some(&"greta".into()));
}
