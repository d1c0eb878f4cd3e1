//! Waiting for those whose player cannot go on, and its bounds.

use parlor_protocol::Command;
use parlor_protocol::member::{Readiness, SourceClass};
use parlor_protocol::room::{RoomUpdate, Wait};
use parlor_room::ConnId;
use parlor_testkit::scene::{Scene, founding, person};
use parlor_testkit::wishes::{self, arrange, load, meter, pause, play, report, seek, watch};

const FILM: &str = "https://films.example/a.mp4";

/// A room that plays, with three members who are ready.
fn theatre(wait: Wait) -> (Scene, ConnId, ConnId, ConnId) {
    let mut founding = founding();
    founding.settings.wait = wait;
    let mut scene = Scene::of(founding);
    let conns = ["anna", "ben", "cleo"].map(|name| scene.join(name));
    let [anna, ben, cleo] = conns;
    scene.tell(anna, load(FILM));
    conns.into_iter().for_each(|conn| scene.tell(conn, report(Readiness::Ready)));
    scene.tell(anna, play());
    scene.wait_ms(10_250);
    scene.hush();
    (scene, anna, ben, cleo)
}

fn is_holding(scene: &Scene) -> bool {
    scene.room.playback_state(scene.now()).is_some_and(|state| state.holding.is_some())
}

fn told(scene: &mut Scene, conn: ConnId) -> Vec<String> {
    let cut = |line: String| line.split_once(FILM).map(|(_, it)| it.trim().to_owned());
    scene.heard_of(conn, "PLAYBACK").into_iter().filter_map(cut).collect()
}

#[test]
fn a_stall_under_1200_ms_does_not_stop_the_room() {
    let (mut scene, anna, ben, _) = theatre(Wait::All);
    scene.tell(ben, report(Readiness::Stalled));
    scene.wait_ms(1_199);
    scene.tell(ben, report(Readiness::Ready));
    scene.wait_ms(10_000);
    assert_eq!(
        scene.heard(anna),
        [
            "#9 MEMBER_UPDATED ben Member Buffering Stalled",
            "#10 MEMBER_UPDATED ben Member Online Ready",
        ]
    );
}

#[test]
fn a_longer_stall_holds_the_room_which_names_who_and_goes_on_together() {
    let (mut scene, anna, ben, _) = theatre(Wait::All);
    scene.tell(ben, report(Readiness::Stalled));
    scene.wait_ms(2_000);
    assert_eq!(
        told(&mut scene, anna),
        ["holding 11200 @1011450 ×1 rev 3 by the room for ben until 1015450"]
    );
    scene.tell(ben, report(Readiness::Ready));
    assert_eq!(told(&mut scene, anna), ["playing 11200 @1012500 ×1 rev 4 by the room"]);
}

#[test]
fn holding_in_the_middle_of_playing_ends_after_4_s() {
    let (mut scene, anna, ben, _) = theatre(Wait::All);
    scene.tell(ben, report(Readiness::Stalled));
    scene.wait_ms(1_200);
    scene.hush();
    scene.wait_ms(3_999);
    assert!(is_holding(&scene));
    scene.wait_ms(1);
    assert_eq!(told(&mut scene, anna), ["playing 11200 @1015700 ×1 rev 4 by the room"]);
    scene.wait_ms(600_000);
    assert!(told(&mut scene, anna).is_empty(), "who was waited for in vain is excused");
}

#[test]
fn loading_holds_until_everybody_who_counts_is_ready() {
    let (mut scene, anna, ben, cleo) = theatre(Wait::All);
    scene.tell(anna, watch("https://films.example/b.mp4"));
    assert_eq!(
        scene.heard_of(anna, "PLAYBACK"),
        ["#9 PLAYBACK_UPDATED https://films.example/b.mp4 holding 0 @1010250 ×1 rev 4 by anna \
             for anna, ben, cleo until 1018250"]
    );
    scene.wait_ms(1_000);
    scene.tell(anna, report(Readiness::Ready));
    scene.tell(ben, report(Readiness::Ready));
    assert!(is_holding(&scene));
    scene.hush();
    scene.tell(cleo, report(Readiness::Ready));
    assert_eq!(
        scene.heard_of(anna, "PLAYBACK"),
        [
            "#12 PLAYBACK_UPDATED https://films.example/b.mp4 playing 0 @1011500 ×1 rev 7 by the room"
        ]
    );
}

#[test]
fn loading_starts_after_8_s_without_those_who_are_not_ready() {
    let (mut scene, anna, _, _) = theatre(Wait::All);
    scene.tell(anna, watch("https://films.example/b.mp4"));
    scene.wait_ms(7_999);
    assert!(is_holding(&scene));
    scene.wait_ms(1);
    assert!(!is_holding(&scene));
}

#[test]
fn play_waits_for_those_who_still_load() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.tell(anna, load(FILM));
    scene.tell(anna, report(Readiness::Loading));
    scene.wait_ms(60_000);
    assert!(!is_holding(&scene), "a paused room waits for nobody");
    scene.tell(anna, play());
    assert!(is_holding(&scene));
    scene.tell(anna, report(Readiness::Ready));
    assert!(!is_holding(&scene));
}

#[test]
fn a_pause_ends_holding_and_a_seek_does_not() {
    let (mut scene, anna, ben, _) = theatre(Wait::All);
    scene.tell(ben, report(Readiness::Stalled));
    scene.wait_ms(1_500);
    scene.hush();
    scene.tell(anna, seek(30_000));
    scene.tell(anna, pause());
    assert_eq!(
        told(&mut scene, anna),
        [
            "holding 30000 @1011750 ×1 rev 4 by anna for ben until 1015450",
            "paused 30000 @1011750 ×1 rev 6 by anna",
        ]
    );
    scene.wait_ms(60_000);
    assert!(told(&mut scene, anna).is_empty());
}

#[test]
fn a_pause_pressed_as_the_room_begins_to_wait_still_counts() {
    let (mut scene, anna, ben, _) = theatre(Wait::All);
    let seen = scene.room.playback_state(scene.now()).expect("it plays").rev;
    scene.tell(ben, report(Readiness::Stalled));
    scene.wait_ms(1_200);
    scene.hush();
    let pause = parlor_protocol::playback::UpdatePlayback {
        is_playing: Some(false),
        rev: Some(seen),
        ..Default::default()
    };
    scene.ask(anna, 1, wishes::playback(pause));
    assert_eq!(scene.heard_of(anna, "→"), ["ACK → 1"]);
}

#[test]
fn a_member_that_never_reported_never_holds_the_room() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.join("old-client");
    scene.tell(anna, watch(FILM));
    scene.tell(anna, report(Readiness::Ready));
    assert!(!is_holding(&scene));
    scene.wait_ms(60_000);
    assert!(!is_holding(&scene));
}

#[test]
fn away_detached_and_reconnecting_members_never_hold_the_room() {
    let (mut scene, anna, ben, cleo) = theatre(Wait::All);
    let dora = scene.join("dora");
    scene.tell(dora, report(Readiness::Stalled));
    scene.tell(ben, report(Readiness::Stalled));
    scene.tell(cleo, report(Readiness::Stalled));
    scene.wait_ms(1_300);
    assert!(is_holding(&scene));
    scene.tell(ben, report(Readiness::Away));
    scene.tell(cleo, meter(0.0, SourceClass::Detached));
    assert!(is_holding(&scene));
    scene.lose(dora);
    assert!(!is_holding(&scene));
    scene.tell(anna, watch("https://films.example/b.mp4"));
    assert_eq!(
        scene.room.playback_state(scene.now()).and_then(|it| it.holding).map(|it| it.waiting_for),
        Some(vec!["anna".into()])
    );
}

#[test]
fn a_member_that_leaves_holds_nobody() {
    let (mut scene, _, ben, _) = theatre(Wait::All);
    scene.tell(ben, report(Readiness::Stalled));
    scene.wait_ms(1_300);
    assert!(is_holding(&scene));
    scene.leave(ben);
    assert!(!is_holding(&scene));
}

#[test]
fn a_latecomer_that_loads_does_not_stop_the_others() {
    let (mut scene, anna, _, _) = theatre(Wait::All);
    let dora = scene.join("dora");
    scene.tell(dora, report(Readiness::Loading));
    scene.wait_ms(7_000);
    scene.tell(dora, report(Readiness::Ready));
    assert!(told(&mut scene, anna).is_empty());
    scene.tell(dora, report(Readiness::Stalled));
    scene.wait_ms(1_200);
    assert!(is_holding(&scene), "once it was ready, it counts");
}

#[test]
fn a_second_window_that_loads_does_not_stop_the_others_either() {
    let (mut scene, anna, _, _) = theatre(Wait::All);
    let second = scene.join("ben");
    scene.tell(second, report(Readiness::Loading));
    scene.wait_ms(7_000);
    assert!(told(&mut scene, anna).is_empty());
    scene.tell(anna, watch("https://films.example/b.mp4"));
    for name in ["anna", "ben", "cleo"] {
        assert!(is_holding(&scene), "another medium is new to everybody");
        let conn = scene.join(name);
        scene.tell(conn, report(Readiness::Ready));
    }
    assert!(is_holding(&scene), "ben's second window still loads");
    scene.tell(second, report(Readiness::Ready));
    assert!(!is_holding(&scene));
}

#[test]
fn who_comes_back_to_its_window_and_loads_does_not_stop_the_others() {
    let (mut scene, anna, ben, _) = theatre(Wait::All);
    scene.tell(ben, report(Readiness::Away));
    scene.wait_ms(5_000);
    scene.tell(ben, report(Readiness::Loading));
    scene.wait_ms(5_000);
    assert!(told(&mut scene, anna).is_empty());
}

#[test]
fn who_may_control_playback_can_go_on_without_waiting() {
    let (mut scene, anna, ben, _) = theatre(Wait::All);
    scene.tell(ben, report(Readiness::Stalled));
    scene.wait_ms(1_200);
    scene.hush();
    scene.ask(anna, 1, Command::GoOn);
    assert_eq!(told(&mut scene, anna), ["playing 11200 @1011700 ×1 rev 4 by the room"]);
    scene.ask(anna, 2, Command::GoOn);
    assert_eq!(scene.heard(anna), ["ACK → 2"]);
}

#[test]
fn a_quorum_goes_on_when_more_than_half_can() {
    let (mut scene, _, ben, cleo) = theatre(Wait::Quorum);
    scene.tell(ben, report(Readiness::Stalled));
    scene.wait_ms(2_000);
    assert!(!is_holding(&scene), "two of three can go on");
    scene.tell(cleo, report(Readiness::Stalled));
    scene.wait_ms(1_200);
    assert!(is_holding(&scene), "one of three can");
    scene.tell(ben, report(Readiness::Ready));
    assert!(!is_holding(&scene));
}

#[test]
fn host_only_waits_for_the_host_alone() {
    let (mut scene, anna, ben, _) = theatre(Wait::HostOnly);
    scene.tell(ben, report(Readiness::Stalled));
    scene.wait_ms(2_000);
    assert!(!is_holding(&scene));
    scene.tell(anna, report(Readiness::Stalled));
    scene.wait_ms(1_200);
    assert_eq!(
        told(&mut scene, ben),
        ["holding 13200 @1013450 ×1 rev 3 by the room for anna until 1017450"]
    );
}

#[test]
fn none_waits_for_nobody() {
    let (mut scene, anna, ben, cleo) = theatre(Wait::None);
    for conn in [anna, ben, cleo] {
        scene.tell(conn, report(Readiness::Stalled));
    }
    scene.wait_ms(60_000);
    assert!(told(&mut scene, anna).is_empty());
}

#[test]
fn changing_the_setting_lets_a_holding_room_go_on() {
    let (mut scene, anna, ben, _) = theatre(Wait::All);
    scene.tell(ben, report(Readiness::Stalled));
    scene.wait_ms(1_200);
    assert!(is_holding(&scene));
    scene.tell(anna, arrange(RoomUpdate { wait: Some(Wait::None), ..RoomUpdate::default() }));
    assert!(!is_holding(&scene));
}

/// Has a member stall until the room gives up on it, and be ready again a little later.
fn stall(scene: &mut Scene, conn: ConnId) {
    scene.tell(conn, report(Readiness::Stalled));
    scene.wait_ms(6_000);
    scene.tell(conn, report(Readiness::Ready));
    scene.wait_ms(1_000);
}

#[test]
fn a_member_that_used_up_20_s_of_waiting_catches_up_and_holds_nobody() {
    let (mut scene, anna, ben, _) = theatre(Wait::All);
    for _ in 0..4 {
        stall(&mut scene, ben);
    }
    scene.tell(ben, report(Readiness::Stalled));
    scene.hush();
    scene.wait_ms(1_200 + 3_999);
    assert!(is_holding(&scene));
    scene.wait_ms(1);
    assert_eq!(
        scene.heard_of(anna, "catching"),
        ["#28 MEMBER_UPDATED ben Member Buffering Stalled, catching up"]
    );
    scene.tell(ben, report(Readiness::Ready));
    stall(&mut scene, ben);
    scene.hush();
    scene.tell(ben, report(Readiness::Stalled));
    scene.wait_ms(60_000);
    assert!(told(&mut scene, anna).is_empty());
}

#[test]
fn a_member_that_is_catching_up_counts_again_after_being_ready_for_30_s() {
    let (mut scene, anna, ben, _) = theatre(Wait::All);
    for _ in 0..5 {
        stall(&mut scene, ben);
    }
    scene.hush();
    scene.wait_ms(28_999);
    assert!(scene.heard(anna).is_empty());
    scene.wait_ms(1);
    assert_eq!(scene.heard_of(anna, "ben"), ["#30 MEMBER_UPDATED ben Member Online Ready"]);
    scene.tell(ben, report(Readiness::Stalled));
    scene.wait_ms(1_200);
    assert!(is_holding(&scene));
}

#[test]
fn the_budget_is_whole_again_after_10_minutes() {
    let (mut scene, _, ben, _) = theatre(Wait::All);
    for _ in 0..4 {
        stall(&mut scene, ben);
    }
    scene.wait_ms(600_000);
    for _ in 0..4 {
        stall(&mut scene, ben);
    }
    let ben = scene.room.member(&"ben".into()).expect("ben is here");
    assert!(!ben.catching_up);
}

#[test]
fn leaving_and_coming_back_does_not_make_the_budget_whole() {
    let (mut scene, _, mut ben, _) = theatre(Wait::All);
    for _ in 0..5 {
        stall(&mut scene, ben);
        scene.leave(ben);
        ben = scene.join_as(person("ben"));
        scene.tell(ben, report(Readiness::Ready));
    }
    assert!(scene.room.member(&"ben".into()).expect("ben is here").catching_up);
}

#[test]
fn a_member_that_came_back_catching_up_is_told_of_when_its_budget_is_whole() {
    let (mut scene, anna, ben, _) = theatre(Wait::All);
    for _ in 0..5 {
        stall(&mut scene, ben);
    }
    scene.leave(ben);
    scene.join("ben");
    scene.hush();
    scene.wait_ms(600_000);
    assert_eq!(scene.heard_of(anna, "ben"), ["#32 MEMBER_UPDATED ben Member Online silent"]);
}

#[test]
fn of_several_connections_the_one_in_most_trouble_speaks() {
    let (mut scene, _, ben, _) = theatre(Wait::All);
    let second = scene.join("ben");
    scene.tell(second, report(Readiness::Ready));
    scene.tell(second, report(Readiness::Stalled));
    scene.wait_ms(1_200);
    assert!(is_holding(&scene));
    scene.lose(second);
    assert!(!is_holding(&scene), "the other one can go on");
    scene.tell(ben, report(Readiness::Stalled));
    scene.wait_ms(1_200);
    assert!(is_holding(&scene));
}
