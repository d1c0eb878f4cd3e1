//! Coming and going, seats and their grace, and who is host.

use std::time::Duration;

use parlor_protocol::limits;
use parlor_protocol::room::RoomUpdate;
use parlor_protocol::{CloseCode, Code};
use parlor_testkit::scene::{Scene, founding, guest, person};
use parlor_testkit::wishes::{self, arrange};

/// A room with so many members that it tells of them in batches, all joined and told of.
fn crowd() -> Scene {
    let mut scene = Scene::new();
    for number in 0..limits::MEMBERS_TOLD_SINGLY {
        scene.join(&format!("m{number:03}"));
    }
    scene.hush();
    scene
}

#[test]
fn who_joins_is_told_to_everybody_the_joiner_first_of_all() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    let ben = scene.join("ben");
    assert_eq!(scene.heard(anna), ["#1 USER_JOINED anna, 1 here", "#2 USER_JOINED ben, 2 here"]);
    assert_eq!(scene.heard(ben), ["#2 USER_JOINED ben, 2 here"]);
}

#[test]
fn further_connections_of_a_member_are_told_alone_and_outside_the_stream() {
    let mut scene = Scene::new();
    let first = scene.join("anna");
    let ben = scene.join("ben");
    scene.hush();
    let second = scene.join("anna");
    assert_eq!(scene.heard(second), ["USER_JOINED anna, 2 here"]);
    assert!(scene.heard(first).is_empty() && scene.heard(ben).is_empty());
    scene.tell(ben, wishes::react("🎉"));
    for conn in [first, second] {
        assert_eq!(scene.heard(conn), ["REACTION ben 🎉 at nothing"]);
    }
}

#[test]
fn a_member_leaves_with_its_last_connection() {
    let mut scene = Scene::new();
    let first = scene.join("anna");
    let second = scene.join("anna");
    let ben = scene.join("ben");
    scene.hush();
    scene.leave(first);
    assert!(scene.heard(ben).is_empty());
    scene.leave(second);
    assert_eq!(
        scene.heard(ben),
        [
            "#3 USER_LEFT anna, 1 here",
            "#4 HOST_CHANGED ben",
            "#5 MEMBER_UPDATED ben Host Online silent",
        ]
    );
}

#[test]
fn leave_ends_the_seat_at_once_after_its_acknowledgement() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    let ben = scene.join("ben");
    scene.hush();
    scene.ask(ben, 7, parlor_protocol::Command::Leave);
    assert_eq!(scene.heard(ben), ["ACK → 7"]);
    assert_eq!(scene.closed(ben), Some(CloseCode::Normal));
    assert_eq!(scene.heard(anna), ["#3 USER_LEFT ben, 1 here"]);
    scene.lose(ben);
    assert!(scene.heard(anna).is_empty());
}

#[test]
fn a_broken_connection_leaves_its_seat_for_a_grace_of_8_s() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    let ben = scene.join("ben");
    scene.hush();
    scene.lose(ben);
    assert_eq!(scene.heard(anna), ["#3 MEMBER_UPDATED ben Member Reconnecting silent"]);
    scene.wait_ms(7_999);
    assert_eq!(scene.room.member_count(), 2);
    scene.wait_ms(1);
    assert_eq!(scene.heard(anna), ["#4 USER_LEFT ben, 1 here"]);
    assert_eq!(scene.room.member_count(), 1);
}

#[test]
fn who_comes_back_within_the_grace_has_never_left() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    let ben = scene.join("ben");
    scene.lose(ben);
    scene.wait_ms(7_999);
    scene.hush();
    let again = scene.join("ben");
    assert_eq!(
        scene.heard(again),
        ["USER_JOINED ben, 2 here", "#4 MEMBER_UPDATED ben Member Online silent"]
    );
    assert_eq!(scene.heard(anna), ["#4 MEMBER_UPDATED ben Member Online silent"]);
    scene.wait(Duration::from_secs(60));
    assert!(scene.heard(anna).is_empty());
    assert_eq!(scene.presence, ["+anna", "+ben"]);
}

#[test]
fn the_host_stays_host_while_only_reconnecting() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    let ben = scene.join("ben");
    scene.lose(anna);
    scene.wait_ms(7_000);
    scene.join("anna");
    scene.wait_ms(60_000);
    assert_eq!(scene.room.host(), Some(&"anna".into()));
    assert!(scene.heard_of(ben, "HOST_CHANGED").is_empty());
}

#[test]
fn the_longest_present_member_follows_a_host_that_left() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    let ben = scene.join("ben");
    let cleo = scene.join("cleo");
    scene.leave(ben);
    scene.join("ben");
    scene.hush();
    scene.lose(anna);
    scene.wait_ms(8_000);
    assert_eq!(
        scene.heard(cleo),
        [
            "#6 MEMBER_UPDATED anna Owner Reconnecting silent",
            "#7 USER_LEFT anna, 2 here",
            "#8 HOST_CHANGED cleo",
            "#9 MEMBER_UPDATED cleo Host Online silent",
        ]
    );
}

#[test]
fn the_creator_is_host_before_it_comes_and_whoever_comes_first_is_not() {
    let mut scene = Scene::new();
    let ben = scene.join("ben");
    assert_eq!(scene.room.host(), Some(&"anna".into()));
    scene.leave(ben);
    assert_eq!(scene.room.host(), Some(&"anna".into()));
}

#[test]
fn an_empty_room_has_no_host_and_who_comes_next_is_it() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.leave(anna);
    assert_eq!(scene.room.host(), None);
    let ben = scene.join("ben");
    assert_eq!(
        scene.heard(ben),
        [
            "#3 USER_JOINED ben, 1 here",
            "#4 HOST_CHANGED ben",
            "#5 MEMBER_UPDATED ben Host Online silent",
        ]
    );
}

#[test]
fn members_are_listed_by_time_of_joining() {
    let mut scene = Scene::new();
    for name in ["zoe", "anna", "mia"] {
        scene.join(name);
    }
    scene.join("zoe");
    let state = scene.room.state(scene.now());
    assert_eq!(state.members, ["zoe".into(), "anna".into(), "mia".into()]);
    assert_eq!(state.member_count, 3);
}

#[test]
fn members_are_paged() {
    let mut scene = crowd();
    scene.join("last");
    let state = scene.room.state(scene.now());
    assert_eq!(state.members.len(), limits::MEMBER_PAGE);
    let page = scene.room.member_page(state.members.last(), 10);
    assert_eq!(page.members.len(), 1);
    assert_eq!((page.member_count, page.next), (201, None));
    let first = scene.room.member_page(None, 2);
    assert_eq!(first.next, Some("m001".into()));
}

#[test]
fn a_full_room_says_so_and_closes_with_4005() {
    let mut founding = founding();
    founding.settings.max_participants = Some(2);
    let mut scene = Scene::of(founding);
    scene.join("anna");
    scene.join("ben");
    let cleo = scene.join("cleo");
    assert_eq!(scene.heard(cleo), ["ERROR room_full"]);
    assert_eq!(scene.closed(cleo), Some(CloseCode::RoomFull));
    assert_eq!(scene.room.member_count(), 2);
}

#[test]
fn a_seat_in_its_grace_is_taken_but_its_member_may_always_come_back() {
    let mut founding = founding();
    founding.settings.max_participants = Some(2);
    let mut scene = Scene::of(founding);
    scene.join("anna");
    let ben = scene.join("ben");
    scene.lose(ben);
    let cleo = scene.join("cleo");
    assert_eq!(scene.closed(cleo), Some(CloseCode::RoomFull));
    let again = scene.join("ben");
    assert_eq!(scene.closed(again), None);
    scene.leave(again);
    let cleo = scene.join("cleo");
    assert_eq!(scene.closed(cleo), None);
}

#[test]
fn a_member_has_a_limited_number_of_connections() {
    let mut scene = Scene::new();
    for _ in 0..limits::CONNECTIONS_PER_MEMBER {
        let conn = scene.join("anna");
        assert_eq!(scene.closed(conn), None);
    }
    let conn = scene.join("anna");
    assert_eq!(scene.heard(conn), [format!("ERROR {}", Code::RateLimited.as_str())]);
    assert_eq!(scene.closed(conn), Some(CloseCode::Flooding));
}

#[test]
fn who_is_present_is_kept_in_the_table_of_presence() {
    let mut scene = Scene::new();
    let first = scene.join("anna");
    scene.join("anna");
    let ben = scene.join_as(guest("ben"));
    scene.leave(first);
    scene.lose(ben);
    scene.wait_ms(8_000);
    assert_eq!(scene.presence, ["+anna", "+ben", "-ben"]);
}

#[test]
fn a_crowd_is_told_every_500_ms_who_came_and_went() {
    let mut scene = crowd();
    let watching = scene.join("watching");
    assert_eq!(scene.heard(watching), ["USER_JOINED watching, 201 here"]);
    scene.wait_ms(100);
    scene.join("zoe");
    let mia = scene.join("mia");
    scene.leave(mia);
    let gone = scene.join("watching");
    scene.leave(gone);
    assert!(scene.heard(watching).is_empty());
    scene.wait_ms(400);
    assert_eq!(scene.heard(watching), ["#201 MEMBERS_CHANGED +watching +zoe 202 here"]);
    scene.wait_ms(5_000);
    assert!(scene.heard(watching).is_empty());
}

#[test]
fn a_crowd_is_told_who_went_before_it_is_told_who_is_host() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    for number in 0..limits::MEMBERS_TOLD_SINGLY {
        scene.join(&format!("m{number:03}"));
    }
    let watching = scene.join("watching");
    scene.wait_ms(500);
    scene.hush();
    scene.leave(anna);
    assert_eq!(
        scene.heard(watching),
        [
            "#202 MEMBERS_CHANGED -anna 201 here",
            "#203 HOST_CHANGED m000",
            "#204 MEMBER_UPDATED m000 Host Online silent",
        ]
    );
}

#[test]
fn a_crowd_that_shrinks_is_told_singly_again_in_order() {
    let mut scene = crowd();
    let zoe = scene.join("zoe");
    scene.leave(zoe);
    let watching = scene.join("watching");
    scene.leave(watching);
    let last = scene.join_as(person("m000"));
    scene.hush();
    scene.wait_ms(500);
    assert!(scene.heard(last).is_empty(), "coming and going at once is nothing");
    let state = scene.room.state(scene.now());
    assert_eq!(state.member_count, 200);
}

#[test]
fn a_seat_can_be_taken_without_a_connection_for_a_while() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.hush();
    assert_eq!(scene.enter(person("ben")), Ok(()));
    assert_eq!(scene.heard(anna), ["#2 USER_JOINED ben, 2 here"]);
    scene.wait(limits::VISIT_GRACE - Duration::from_millis(1));
    // Coming again keeps it, and nobody hears of it.
    assert_eq!(scene.enter(person("ben")), Ok(()));
    scene.wait(limits::VISIT_GRACE - Duration::from_millis(1));
    assert!(scene.heard(anna).is_empty());
    scene.wait_ms(1);
    assert_eq!(scene.heard(anna), ["#3 USER_LEFT ben, 1 here"]);
}

#[test]
fn a_connection_takes_over_the_seat_that_was_taken_without_one() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    assert_eq!(scene.enter(person("ben")), Ok(()));
    scene.hush();
    let ben = scene.join("ben");
    scene.wait(limits::VISIT_GRACE * 2);
    assert_eq!(scene.room.member_count(), 2);
    scene.leave(ben);
    assert_eq!(scene.heard_of(anna, "USER_"), ["#4 USER_LEFT ben, 1 here"]);
}

#[test]
fn nobody_enters_a_full_room_without_a_connection_either() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    let two = RoomUpdate { max_participants: Some(Some(2)), ..RoomUpdate::default() };
    scene.tell(anna, arrange(two));
    assert_eq!(scene.enter(person("ben")), Ok(()));
    assert_eq!(scene.enter(person("mia")), Err(Code::RoomFull));
    assert_eq!(scene.enter(person("ben")), Ok(()), "who has a seat keeps it");
    assert_eq!(scene.room.member_count(), 2);
}
