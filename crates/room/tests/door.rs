//! Who may come in, who waits before the door, and who was let in before.

use parlor_protocol::access::Entry;
use parlor_protocol::member::Role;
use parlor_protocol::room::RoomUpdate;
use parlor_protocol::{CloseCode, Code};
use parlor_room::{ConnId, Proof, Room};
use parlor_testkit::scene::{Scene, founding, guest, person};
use parlor_testkit::wishes::{admit, arrange, ban, kick, role_set, turn_away};

/// A room with such a door; `anna` owns it and is in.
fn behind(entry: Entry, has_password: bool) -> (Scene, ConnId) {
    let mut founding = founding();
    founding.settings.entry = entry;
    founding.settings.has_password = has_password;
    let mut scene = Scene::of(founding);
    let anna = scene.join("anna");
    scene.hush();
    (scene, anna)
}

fn why_not(scene: &Scene, name: &str) -> Option<Code> {
    scene.room.why_not_in(&person(name))
}

#[test]
fn every_kind_of_door_stops_exactly_whom_it_should() {
    use Entry::{Accounts, Invited, Knock, Open};
    let table = [
        (Open, false, None, None),
        (Open, true, Some(Code::PasswordRequired), Some(Code::PasswordRequired)),
        (Accounts, false, None, Some(Code::AccountRequired)),
        (Accounts, true, Some(Code::PasswordRequired), Some(Code::AccountRequired)),
        (Invited, false, Some(Code::NotInvited), Some(Code::NotInvited)),
        (Invited, true, Some(Code::NotInvited), Some(Code::NotInvited)),
        (Knock, false, Some(Code::WaitingRoom), Some(Code::WaitingRoom)),
        (Knock, true, Some(Code::PasswordRequired), Some(Code::PasswordRequired)),
    ];
    for (entry, has_password, account, without) in table {
        let (mut scene, anna) = behind(entry, has_password);
        assert_eq!(why_not(&scene, "bob"), account, "{entry:?} {has_password}");
        assert_eq!(scene.room.why_not_in(&guest("gus")), without, "{entry:?} {has_password}");
        let bob = scene.join("bob");
        let gus = scene.join_as(guest("gus"));
        for (conn, code) in [(bob, account), (gus, without)] {
            assert_eq!(scene.closed(conn), code.map(|_| CloseCode::Removed));
            let told = code.map(|code| format!("ERROR {}", code.as_str()));
            assert_eq!(scene.heard_of(conn, "ERROR"), told.into_iter().collect::<Vec<_>>());
        }
        // Who keeps order passes every door.
        scene.leave(anna);
        assert_eq!(why_not(&scene, "anna"), None);
    }
}

#[test]
fn a_password_lets_in_until_there_is_another_one() {
    let (mut scene, anna) = behind(Entry::Open, true);
    assert_eq!(scene.knock(person("bob"), Proof::None, ""), Err(Code::PasswordRequired));
    assert_eq!(scene.knock(person("bob"), Proof::Password, ""), Ok(()));
    let bob = scene.join("bob");
    scene.leave(bob);
    assert_eq!(why_not(&scene, "bob"), None);
    scene.tell(anna, admit(Some("cleo")));
    let update = RoomUpdate { has_password: Some(true), ..RoomUpdate::default() };
    scene.tell(anna, arrange(update));
    assert_eq!(why_not(&scene, "bob"), Some(Code::PasswordRequired));
    assert_eq!(why_not(&scene, "cleo"), None, "she was let in by a person");
}

#[test]
fn who_knocks_waits_until_somebody_lets_them_in() {
    let (mut scene, anna) = behind(Entry::Knock, false);
    assert_eq!(scene.knock(guest("gus"), Proof::None, "it is me"), Err(Code::WaitingRoom));
    assert_eq!(scene.knock(person("bob"), Proof::None, ""), Err(Code::WaitingRoom));
    assert_eq!(scene.heard(anna), ["WAITING_ROOM [gus]", "WAITING_ROOM [gus, bob]"]);
    // Asking again is no news.
    assert_eq!(scene.knock(guest("gus"), Proof::None, ""), Err(Code::WaitingRoom));
    assert!(scene.heard(anna).is_empty());
    scene.ask(anna, 1, admit(Some("gus")));
    assert_eq!(scene.heard(anna), ["WAITING_ROOM [bob]", "ACK → 1"]);
    assert_eq!(scene.knock(guest("gus"), Proof::None, ""), Ok(()));
    let gus = scene.join_as(guest("gus"));
    assert_eq!(scene.closed(gus), None);
    assert_eq!(why_not(&scene, "bob"), Some(Code::WaitingRoom));
}

#[test]
fn all_are_let_in_at_once() {
    let (mut scene, anna) = behind(Entry::Knock, false);
    for name in ["bob", "cleo", "dan"] {
        assert_eq!(scene.knock(person(name), Proof::None, ""), Err(Code::WaitingRoom));
    }
    scene.hush();
    scene.ask(anna, 1, admit(None));
    assert_eq!(scene.heard(anna), ["WAITING_ROOM []", "ACK → 1"]);
    for name in ["bob", "cleo", "dan"] {
        assert_eq!(scene.knock(person(name), Proof::None, ""), Ok(()));
    }
}

#[test]
fn who_is_turned_away_hears_it_once_and_may_knock_again() {
    let (mut scene, anna) = behind(Entry::Knock, false);
    assert_eq!(scene.knock(person("bob"), Proof::None, ""), Err(Code::WaitingRoom));
    scene.tell(anna, turn_away("bob", false));
    assert_eq!(scene.knock(person("bob"), Proof::None, ""), Err(Code::TurnedAway));
    assert_eq!(scene.knock(person("bob"), Proof::None, ""), Err(Code::WaitingRoom));
    scene.tell(anna, turn_away("bob", true));
    assert_eq!(scene.knock(person("bob"), Proof::None, ""), Err(Code::Banned));
    assert_eq!(scene.heard_of(anna, "WAITING").last().unwrap(), "WAITING_ROOM []");
}

#[test]
fn who_gives_up_waiting_is_forgotten() {
    let (mut scene, anna) = behind(Entry::Knock, false);
    assert_eq!(scene.knock(person("bob"), Proof::None, ""), Err(Code::WaitingRoom));
    scene.wait_ms(8_000);
    assert_eq!(scene.knock(person("cleo"), Proof::None, ""), Err(Code::WaitingRoom));
    scene.hush();
    scene.wait_ms(8_000);
    assert_eq!(scene.heard(anna), ["WAITING_ROOM [cleo]"]);
    scene.wait_ms(8_000);
    assert_eq!(scene.heard(anna), ["WAITING_ROOM []"]);
}

#[test]
fn only_those_who_keep_order_see_who_waits() {
    let (mut scene, anna) = behind(Entry::Open, false);
    let [bob, cleo] = ["bob", "cleo"].map(|name| scene.join(name));
    let update = RoomUpdate { entry: Some(Entry::Knock), ..RoomUpdate::default() };
    scene.tell(anna, arrange(update));
    scene.hush();
    assert_eq!(scene.knock(person("dan"), Proof::None, ""), Err(Code::WaitingRoom));
    assert_eq!(scene.heard(anna), ["WAITING_ROOM [dan]"]);
    assert!(scene.heard(bob).is_empty());
    scene.tell(anna, role_set("bob", Role::Moderator));
    assert_eq!(scene.heard_of(bob, "WAITING"), ["WAITING_ROOM [dan]"]);
    scene.tell(bob, parlor_protocol::Command::SyncRequest);
    assert_eq!(scene.heard_of(bob, "WAITING"), ["WAITING_ROOM [dan]"]);
    scene.tell(cleo, parlor_protocol::Command::SyncRequest);
    assert!(scene.heard_of(cleo, "WAITING").is_empty());
}

#[test]
fn a_password_comes_before_the_waiting_room() {
    let (mut scene, anna) = behind(Entry::Knock, true);
    assert_eq!(scene.knock(person("bob"), Proof::None, ""), Err(Code::PasswordRequired));
    assert_eq!(scene.knock(person("bob"), Proof::Password, ""), Err(Code::WaitingRoom));
    assert_eq!(scene.knock(person("bob"), Proof::None, ""), Err(Code::WaitingRoom), "proven once");
    scene.tell(anna, admit(Some("bob")));
    assert_eq!(scene.knock(person("bob"), Proof::None, ""), Ok(()));
}

#[test]
fn an_invitation_passes_every_door_but_a_ban() {
    for entry in [Entry::Open, Entry::Accounts, Entry::Invited, Entry::Knock] {
        let (mut scene, anna) = behind(entry, true);
        assert_eq!(scene.knock(guest("gus"), Proof::Invitation, ""), Ok(()));
        assert_eq!(scene.room.why_not_in(&guest("gus")), None);
        scene.tell(anna, ban("gus"));
        assert_eq!(scene.knock(guest("gus"), Proof::Invitation, ""), Err(Code::Banned));
    }
}

#[test]
fn who_is_removed_has_to_be_let_in_again() {
    let (mut scene, anna) = behind(Entry::Knock, false);
    scene.tell(anna, admit(Some("bob")));
    let bob = scene.join("bob");
    scene.tell(anna, kick("bob"));
    assert_eq!(scene.closed(bob), Some(CloseCode::Removed));
    assert_eq!(why_not(&scene, "bob"), Some(Code::WaitingRoom));
}

#[test]
fn who_was_let_in_stays_so_across_a_restart() {
    let (mut scene, anna) = behind(Entry::Knock, false);
    scene.tell(anna, admit(Some("bob")));
    let snapshot = scene.room.snapshot(scene.now());
    let mut founding = founding();
    founding.settings.entry = Entry::Knock;
    let now = scene.now();
    let restored = Room::restore(now, founding, &snapshot, std::time::Duration::ZERO).unwrap();
    assert_eq!(restored.why_not_in(&person("bob")), None);
    assert_eq!(restored.why_not_in(&person("cleo")), Some(Code::WaitingRoom));
}
