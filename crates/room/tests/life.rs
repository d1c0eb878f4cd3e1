//! How long a room lives, and what survives a restart.

use std::time::Duration;

use parlor_protocol::event::ClosedReason;
use parlor_protocol::member::{Readiness, Role};
use parlor_protocol::room::Wait;
use parlor_protocol::{CloseCode, Code, Command, limits};
use parlor_room::{Founding, Input, Life, Output, Room, Snapshot, SnapshotStamp, UNLOAD_AFTER};
use parlor_testkit::scene::{OPENING, OPENING_WALL_MS, Scene, Store, founding, person};
use parlor_testkit::wishes::{
    ban, chat, kick, load, play, queue_add, rate, report, role_set, seek, watch,
};

fn mortal(ttl_s: u64) -> Founding {
    Founding { life: Life::Idle { ttl: Duration::from_secs(ttl_s) }, ..founding() }
}

#[test]
fn a_room_ends_after_its_time_without_connection_heartbeat_or_command() {
    let mut scene = Scene::of(mortal(60));
    scene.wait_ms(59_999);
    assert_eq!(scene.ended, None);
    scene.wait_ms(1);
    assert_eq!(scene.ended, Some(ClosedReason::Idle));
}

#[test]
fn a_live_connection_keeps_a_room_and_its_time_begins_when_it_is_gone() {
    let mut scene = Scene::of(mortal(60));
    let anna = scene.join("anna");
    scene.wait(Duration::from_secs(3_600));
    scene.lose(anna);
    scene.wait_ms(59_999);
    assert_eq!(scene.ended, None);
    scene.wait_ms(1);
    assert_eq!(scene.ended, Some(ClosedReason::Idle));
}

#[test]
fn what_comes_over_http_keeps_a_room() {
    let mut scene = Scene::of(mortal(60));
    scene.wait_ms(59_000);
    scene.input(Input::Touch);
    scene.wait_ms(59_000);
    scene.ask_over_http(person("anna"), Command::Heartbeat);
    scene.wait_ms(59_999);
    assert_eq!(scene.ended, None);
    scene.wait_ms(1);
    assert_eq!(scene.ended, Some(ClosedReason::Idle));
}

#[test]
fn a_permanent_room_may_be_unloaded_when_nobody_is_there_and_everything_is_stored() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.wait(UNLOAD_AFTER * 10);
    scene.leave(anna);
    scene.wait(UNLOAD_AFTER - Duration::from_millis(1));
    assert_eq!(scene.idle, 0);
    scene.wait_ms(1);
    assert_eq!((scene.idle, scene.ended), (1, None));
}

#[test]
fn a_room_the_store_has_not_taken_yet_is_not_unloaded() {
    let mut scene = Scene::new();
    scene.store = Store::Slow;
    let anna = scene.join("anna");
    scene.leave(anna);
    scene.wait(UNLOAD_AFTER * 3);
    assert_eq!(scene.idle, 0);
    scene.release();
    scene.wait(Duration::from_secs(2));
    assert_eq!(scene.idle, 1);
}

#[test]
fn a_closed_room_says_so_and_closes_with_4004() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    let ben = scene.join("ben");
    scene.store = Store::Slow;
    scene.tell(anna, chat("in flight"));
    scene.ask(anna, 1, chat("waiting"));
    scene.hush();
    scene.input(Input::Close { reason: ClosedReason::Deleted });
    assert_eq!(
        scene.heard(anna),
        ["ERROR room_not_found", "ERROR room_not_found → 1", "#3 ROOM_CLOSED Deleted"]
    );
    assert_eq!(scene.heard(ben), ["#3 ROOM_CLOSED Deleted"]);
    for conn in [anna, ben] {
        assert_eq!(scene.closed(conn), Some(CloseCode::RoomGone));
    }
    assert_eq!(scene.ended, Some(ClosedReason::Deleted));
}

#[test]
fn nobody_enters_a_room_that_ended() {
    let mut room = Room::new(Scene::new().now(), founding());
    let now = Scene::new().now();
    room.handle_input(now, Input::Close { reason: ClosedReason::Deleted });
    while room.poll_output().is_some() {}
    let conn = parlor_room::ConnId(1);
    room.handle_input(now, Input::Join { conn, who: person("anna") });
    let outputs: Vec<_> = std::iter::from_fn(|| room.poll_output()).collect();
    let [Output::Send { frame, .. }, Output::Close { code, .. }] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert_eq!((frame.code, *code), (Some(Code::RoomNotFound), CloseCode::RoomGone));
    assert_eq!(room.poll_timeout(), None);
}

#[test]
fn a_changed_timeline_is_with_the_store_within_250_ms() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.wait_ms(5_000);
    let before = scene.batches.len();
    for position in 0..20 {
        scene.tell(anna, seek(position));
    }
    assert_eq!(scene.batches.len(), before, "a spam of seeks is not a spam of writes");
    scene.wait_ms(250);
    assert_eq!(scene.batches.len(), before + 1);
    let batch = scene.batches.last().expect("one was written");
    assert!(batch.snapshot.is_some() && !batch.acknowledged);
}

#[test]
fn a_snapshot_that_could_not_be_written_is_written_again() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.store = Store::Broken;
    scene.tell(anna, seek(1_000));
    scene.wait_ms(3_500);
    let failed = scene.batches.len();
    assert!((3..=5).contains(&failed), "it is tried about once a second, not {failed} times");
    scene.store = Store::Prompt;
    scene.wait_ms(1_000);
    assert_eq!(scene.batches.len(), failed + 1);
    scene.wait_ms(60_000);
    assert_eq!(scene.batches.len(), failed + 1);
}

/// Restores what the store got last, `elapsed` after the moment it was taken.
fn restart(scene: &Scene, elapsed: Duration) -> Scene {
    let snapshot = scene.batches.iter().rev().find_map(|batch| batch.snapshot.clone());
    let snapshot = snapshot.expect("something was stored");
    let founding = Founding { epoch: "e2".to_owned(), clock_id: "c2".to_owned(), ..founding() };
    Scene::with(|now| {
        Room::restore(now, founding, &snapshot, elapsed).expect("its own snapshot is good")
    })
}

#[test]
fn a_restarted_room_is_where_it_would_have_been() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    let ben = scene.join_as(parlor_testkit::scene::guest("ben"));
    scene.join("cleo");
    scene.tell(anna, watch("/film.mp4"));
    scene.tell(ben, rate(1.5));
    scene.tell(anna, queue_add("/next.mp4"));
    scene.tell(anna, role_set("ben", Role::Moderator));
    scene.tell(anna, role_set("ben", Role::Host));
    scene.tell(anna, ban("dora"));
    scene.tell(anna, kick("cleo"));
    scene.wait_ms(2_000);
    let before = scene.room.state(scene.now());
    let stored = scene.room.snapshot(scene.now());
    let founding = Founding { epoch: "e2".to_owned(), clock_id: "c2".to_owned(), ..founding() };
    let mut scene = Scene::with(|now| {
        Room::restore(now, founding, &stored, Duration::from_secs(10)).expect("it is good")
    });
    let mut expected = before.clone();
    expected.epoch = "e2".to_owned();
    expected.seq = 0;
    expected.server_time = 1_000_000.0;
    let playback = expected.playback_state.as_mut().expect("it plays");
    playback.clock_id = "c2".to_owned();
    playback.current_time += 15_000;
    playback.at = 1_000_000.0;
    for member in &mut expected.member_details {
        member.status = parlor_protocol::member::Status::Reconnecting;
    }
    assert_eq!(scene.room.state(scene.now()), expected);
    assert_eq!(scene.presence, ["+anna", "+ben"]);
    let dora = scene.join("dora");
    assert_eq!(scene.heard(dora), ["ERROR banned"]);
}

#[test]
fn seats_are_kept_for_10_s_after_a_restart() {
    let mut scene = Scene::new();
    scene.join("anna");
    scene.join("ben");
    scene.wait_ms(2_000);
    let mut scene = restart(&scene, Duration::from_secs(5));
    scene.wait(limits::RESTART_GRACE - Duration::from_millis(1));
    let ben = scene.join("ben");
    assert_eq!(
        scene.heard(ben),
        ["USER_JOINED ben, 2 here", "#1 MEMBER_UPDATED ben Member Online silent"]
    );
    scene.wait_ms(1);
    assert_eq!(
        scene.heard(ben),
        [
            "#2 USER_LEFT anna, 1 here",
            "#3 HOST_CHANGED ben",
            "#4 MEMBER_UPDATED ben Host Online silent",
        ]
    );
}

#[test]
fn a_restarted_room_waits_for_its_members_however_short_its_life() {
    let mut scene = Scene::of(mortal(2));
    scene.join("anna");
    let stored = scene.room.snapshot(scene.now());
    let mut scene = Scene::with(|now| {
        Room::restore(now, mortal(2), &stored, Duration::from_secs(3_600)).expect("it is good")
    });
    scene.wait(limits::RESTART_GRACE - Duration::from_millis(1));
    assert_eq!(scene.ended, None, "the time the server was down does not count");
    scene.wait_ms(1);
    assert_eq!(scene.ended, Some(ClosedReason::Idle));
}

#[test]
fn a_film_that_stood_still_stands_where_it_stood() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.tell(anna, load("/film.mp4"));
    scene.tell(anna, seek(61_000));
    scene.wait_ms(1_000);
    let restarted = restart(&scene, Duration::from_secs(3_600));
    let state = restarted.room.playback_state(restarted.now()).expect("it is loaded");
    assert_eq!((state.current_time, state.is_playing), (61_000, false));
}

#[test]
fn a_start_that_was_still_to_come_comes_after_a_short_restart() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.tell(anna, parlor_testkit::wishes::round_trip(800.0));
    scene.tell(anna, load("/film.mp4"));
    scene.tell(anna, play());
    let stored = scene.room.snapshot(scene.now());
    for (elapsed_ms, position, at) in [(350, 0, 1_001_000.0), (2_350, 1_000, 1_000_000.0)] {
        let elapsed = Duration::from_millis(elapsed_ms);
        let room = Room::restore(scene.now(), founding(), &stored, elapsed).expect("it is good");
        let state = room.playback_state(scene.now()).expect("it plays");
        assert_eq!((state.current_time, state.at), (position, at));
    }
}

#[test]
fn a_room_that_was_holding_goes_on_from_where_it_held() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.tell(anna, report(Readiness::Loading));
    scene.tell(anna, watch("/film.mp4"));
    scene.wait_ms(1_000);
    let stored = scene.room.snapshot(scene.now());
    let room = Room::restore(scene.now(), founding(), &stored, Duration::from_secs(9))
        .expect("it is good");
    let state = room.playback_state(scene.now()).expect("it plays");
    assert_eq!((state.current_time, state.is_playing, state.holding), (0, true, None));
}

#[test]
fn a_crowd_is_not_kept_in_snapshots_but_for_the_host() {
    let mut scene = Scene::new();
    for number in 0..=limits::MEMBERS_TOLD_SINGLY {
        scene.join(&format!("m{number:03}"));
    }
    let anna = scene.join("anna");
    scene.tell(anna, chat("hello"));
    scene.wait_ms(2_000);
    let mut scene = restart(&scene, Duration::from_secs(1));
    assert_eq!(scene.room.state(scene.now()).members, ["anna".into()]);
    let ben = scene.join("ben");
    scene.wait(limits::RESTART_GRACE);
    assert_eq!(scene.heard_of(ben, "HOST"), ["#3 HOST_CHANGED ben"]);
}

#[test]
fn settings_of_the_store_win_over_those_of_the_snapshot() {
    let stored = Scene::new().room.snapshot(Scene::new().now());
    let mut founding = founding();
    founding.settings.wait = Wait::None;
    founding.settings.name = "Renamed meanwhile".to_owned();
    let settings = founding.settings.clone();
    let room =
        Room::restore(Scene::new().now(), founding, &stored, Duration::ZERO).expect("it is good");
    assert_eq!(*room.settings(), settings);
}

#[test]
fn a_snapshot_says_when_it_was_taken() {
    let scene = Scene::new();
    let stamp = scene.room.snapshot(scene.now()).stamp();
    let boot = "boot-1".to_owned();
    assert_eq!(stamp, Ok(SnapshotStamp { mono: OPENING, wall_ms: OPENING_WALL_MS, boot }));
}

#[test]
fn a_corrupted_or_foreign_snapshot_is_an_error_and_never_a_panic() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.tell(anna, watch("/film.mp4"));
    let good = scene.room.snapshot(scene.now()).0;
    let restore = |text: &str| {
        let snapshot = Snapshot(text.to_owned());
        Room::restore(Scene::new().now(), founding(), &snapshot, Duration::MAX).is_ok()
    };
    assert!(restore(&good), "even after an eternity");
    for end in (0..good.len()).filter(|end| good.is_char_boundary(*end)) {
        assert!(!restore(&good[..end]), "cut at {end}");
    }
    let foreign = [
        ("the-room", "another-room"),
        ("parlor-room/1", "parlor-room/2"),
        ("\"rate\":1.0", "\"rate\":1000.0"),
        ("\"position_ms\":0.0", "\"position_ms\":-1.0"),
        ("\"position_ms\":0.0", "\"position_ms\":1e300"),
        ("\"starts_in_ms\":250.0", "\"starts_in_ms\":1e9"),
    ];
    for (from, to) in foreign {
        assert!(good.contains(from), "{from} is in {good}");
        assert!(!restore(&good.replace(from, to)), "{to}");
    }
}

fn vanishing(ttl_s: u64, left_s: u64) -> Founding {
    let (ttl, left) = (Duration::from_secs(ttl_s), Duration::from_secs(left_s));
    Founding { life: Life::Messages { ttl, left }, ..founding() }
}

#[test]
fn a_room_whose_messages_vanish_ends_after_its_last_message_whoever_is_there() {
    let mut scene = Scene::of(vanishing(600, 600));
    let anna = scene.join("anna");
    scene.wait_ms(599_000);
    scene.tell(anna, chat("still here"));
    scene.wait_ms(599_999);
    // Nothing but what is said counts.
    scene.tell(anna, Command::Heartbeat);
    assert_eq!(scene.ended, None);
    scene.wait_ms(1);
    assert_eq!(scene.ended, Some(ClosedReason::Vanished));
    assert_eq!(scene.closed(anna), Some(CloseCode::RoomGone));
}

#[test]
fn a_room_whose_messages_vanish_says_when() {
    let mut scene = Scene::of(vanishing(600, 60));
    let anna = scene.join("anna");
    let left_ms = |scene: &Scene| {
        let state = scene.room.state(scene.now());
        state.self_destruct.map(|it| (it.ttl_seconds, it.at - state.server_time))
    };
    scene.wait_ms(10_000);
    assert_eq!(left_ms(&scene), Some((600, 50_000.0)));
    scene.tell(anna, chat("hello"));
    assert_eq!(left_ms(&scene), Some((600, 600_000.0)));
    assert_eq!(left_ms(&Scene::of(mortal(60))), None);
}

#[test]
fn a_message_that_is_not_stored_puts_nothing_off() {
    let mut scene = Scene::of(vanishing(600, 600));
    let anna = scene.join("anna");
    scene.store = Store::Broken;
    scene.wait_ms(599_000);
    scene.tell(anna, chat("lost"));
    scene.wait_ms(1_000);
    assert_eq!(scene.ended, Some(ClosedReason::Vanished));
}

#[test]
fn an_empty_room_whose_messages_vanish_stays_loaded_until_it_ends() {
    let mut scene = Scene::of(vanishing(600, 600));
    let anna = scene.join("anna");
    scene.leave(anna);
    scene.wait_ms(599_999);
    assert_eq!((scene.idle, scene.ended), (0, None));
    scene.wait_ms(1);
    assert_eq!(scene.ended, Some(ClosedReason::Vanished));
}
