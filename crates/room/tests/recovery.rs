//! The stream of events, and catching up with it.

use std::time::Duration;

use parlor_protocol::limits;
use parlor_protocol::room::RoomUpdate;
use parlor_protocol::{Command, Event};
use parlor_room::{Founding, Room};
use parlor_testkit::scene::{OPENING, Scene, founding};
use parlor_testkit::wishes::{arrange, chat, load, react, resume};

#[test]
fn events_grow_by_one_and_what_is_volatile_has_no_number() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.tell(anna, load("/film.mp4"));
    scene.tell(anna, react("🎉"));
    scene.tell(anna, chat("hello"));
    scene.ask(anna, 1, Command::Heartbeat);
    scene.tell(anna, chat(""));
    scene.tell(anna, arrange(RoomUpdate::default()));
    let numbers: Vec<_> = scene.frames(anna).iter().map(|frame| frame.seq).collect();
    assert_eq!(numbers, [Some(1), Some(2), None, Some(3), None, None, Some(4)]);
}

#[test]
fn who_missed_something_gets_all_of_it_and_then_resumed() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    let ben = scene.join("ben");
    scene.lose(ben);
    scene.tell(anna, chat("one"));
    scene.tell(anna, react("🎉"));
    scene.tell(anna, chat("two"));
    let ben = scene.join("ben");
    scene.hush();
    scene.ask(ben, 1, resume("e1", 2));
    assert_eq!(
        scene.heard(ben),
        [
            "#3 MEMBER_UPDATED ben Member Reconnecting silent",
            "#4 CHAT_MESSAGE 1 anna: one",
            "#5 CHAT_MESSAGE 2 anna: two",
            "#6 MEMBER_UPDATED ben Member Online silent",
            "RESUMED e1 6",
            "ACK → 1",
        ]
    );
    assert!(scene.heard(anna).is_empty());
}

#[test]
fn who_missed_nothing_is_resumed_at_once() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.hush();
    scene.tell(anna, resume("e1", 1));
    assert_eq!(scene.heard(anna), ["RESUMED e1 1"]);
}

#[test]
fn what_cannot_be_had_whole_is_answered_with_the_full_state() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.hush();
    for (epoch, seq) in [("another", 0), ("another", 1), ("e1", 2), ("e1", u64::MAX)] {
        scene.tell(anna, resume(epoch, seq));
        assert_eq!(scene.heard(anna), ["SYNC_FULL_STATE at 1"], "{epoch} {seq}");
    }
}

#[test]
fn a_thousand_events_can_be_resumed_and_no_more() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    for _ in 0..limits::RECOVERY_EVENTS {
        scene.tell(anna, arrange(RoomUpdate::default()));
    }
    scene.hush();
    scene.tell(anna, resume("e1", 1));
    let heard = scene.heard(anna);
    assert_eq!(heard.len(), limits::RECOVERY_EVENTS + 1);
    assert_eq!(heard.last().map(String::as_str), Some("RESUMED e1 1001"));
    scene.tell(anna, resume("e1", 0));
    assert_eq!(scene.heard(anna), ["SYNC_FULL_STATE at 1001"]);
}

#[test]
fn events_can_be_resumed_for_5_minutes() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.tell(anna, chat("hello"));
    scene.wait(limits::RECOVERY_WINDOW);
    scene.hush();
    scene.tell(anna, resume("e1", 1));
    assert_eq!(scene.heard(anna), ["#2 CHAT_MESSAGE 1 anna: hello", "RESUMED e1 2"]);
    scene.wait_ms(1);
    scene.tell(anna, resume("e1", 1));
    assert_eq!(scene.heard(anna), ["SYNC_FULL_STATE at 2"]);
}

#[test]
fn the_full_state_is_sent_when_asked_for_and_true_at_its_number() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    let ben = scene.join("ben");
    scene.tell(anna, chat("hello"));
    scene.hush();
    scene.ask(ben, 1, Command::SyncRequest);
    let state = scene.room.state(scene.now());
    let frames = scene.frames(ben);
    assert_eq!(frames[0].event, Event::SyncFullState(Box::new(state.clone())));
    assert_eq!((frames[0].seq, &frames[1].event), (None, &Event::Ack));
    assert_eq!((state.epoch.as_str(), state.seq), ("e1", 3));
    assert!(scene.heard(anna).is_empty());
}

#[test]
fn the_full_state_looks_as_documented() {
    let mut scene = Scene::of(founding());
    let anna = scene.join("anna");
    scene.tell(anna, load("/film.mp4"));
    let state = serde_json::to_value(scene.room.state(scene.now())).expect("a state is JSON");
    let expected = serde_json::json!({
        "roomId": "the-room",
        "name": "Film night",
        "isPublic": true,
        "maxParticipants": null,
        "control": "everyone",
        "wait": "all",
        "entry": "open",
        "hasPassword": false,
        "joinCode": "ABC234",
        "hostId": "anna",
        "ownerId": "anna",
        "createdAt": "2026-11-20T07:00:00.000Z",
        "members": ["anna"],
        "memberDetails": [{
            "userId": "anna",
            "displayName": "anna",
            "role": "owner",
            "status": "online",
            "readiness": null,
            "catchingUp": false,
            "joinedAt": "2026-11-20T08:00:00.000Z",
        }],
        "memberCount": 1,
        "playbackState": {
            "mediaUrl": "/film.mp4",
            "mediaType": null,
            "isPlaying": false,
            "currentTime": 0,
            "playbackSpeed": 1.0,
            "lastUpdatedBy": "anna",
            "lastUpdated": "2026-11-20T08:00:00.000Z",
            "at": 1_000_000.0,
            "clockId": "c1",
            "rev": 1,
            "holding": null,
        },
        "epoch": "e1",
        "seq": 2,
        "queue": [],
        "chat": [],
        "serverTime": 1_000_000.0,
    });
    assert_eq!(state, expected);
}

#[test]
fn heartbeats_have_no_reply_and_the_clock_is_told_in_ms() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.hush();
    scene.tell(anna, Command::Heartbeat);
    assert!(scene.heard(anna).is_empty());
    scene.wait_ms(1);
    scene.tell(anna, Command::ClockPing(parlor_protocol::playback::ClockPing { c: 4.5 }));
    let now = OPENING.as_millis() + 1;
    assert_eq!(scene.heard(anna), [format!("CLOCK_PONG 4.5 {now} {now}")]);
}

#[test]
fn a_refused_command_without_id_is_answered_too_and_each_id_once() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.hush();
    scene.tell(anna, chat(""));
    scene.ask(anna, 1, chat(""));
    scene.ask(anna, 2, chat("x"));
    assert_eq!(
        scene.heard(anna),
        ["ERROR invalid", "ERROR invalid → 1", "#2 CHAT_MESSAGE 1 anna: x", "ACK → 2"]
    );
}

/// Restores what a room said at its end, by the owner of that number.
fn succeed(scene: &Scene, reign: u64) -> Scene {
    let last_words = scene.room.farewell(scene.now());
    let founding = Founding { epoch: "e2".to_owned(), reign, ..founding() };
    let elapsed = Duration::from_secs(2);
    Scene::with(|now| {
        Room::restore(now, founding, &last_words, elapsed).expect("its own snapshot is good")
    })
}

#[test]
fn after_a_farewell_the_stream_goes_on() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.join("ben");
    scene.tell(anna, chat("missed by ben"));
    let mut scene = succeed(&scene, 2);
    let ben = scene.join("ben");
    scene.hush();
    scene.tell(ben, resume("e1", 2));
    assert_eq!(
        scene.heard(ben),
        [
            "#3 CHAT_MESSAGE 1 anna: missed by ben",
            "#4 MEMBER_UPDATED anna Owner Reconnecting silent",
            "#5 MEMBER_UPDATED ben Member Reconnecting silent",
            "#6 PLAYBACK_UPDATED nothing paused 0 @1000000 ×1 rev 0 by the room",
            "#7 MEMBER_UPDATED ben Member Online silent",
            "RESUMED e1 7",
        ]
    );
}

#[test]
fn the_stream_ends_with_an_owner_that_was_not_the_next() {
    let mut scene = Scene::new();
    scene.join("anna");
    let mut scene = succeed(&scene, 3);
    let anna = scene.join("anna");
    scene.hush();
    scene.tell(anna, resume("e1", 1));
    assert_eq!(scene.heard(anna), ["SYNC_FULL_STATE at 1"]);
}

#[test]
fn no_more_of_a_stream_is_handed_on_than_a_snapshot_can_hold() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    for _ in 0..200 {
        scene.tell(anna, chat(&"x".repeat(4_000)));
    }
    let last_words = scene.room.farewell(scene.now());
    assert!((200_000..300_000).contains(&last_words.0.len()), "{}", last_words.0.len());
    let mut scene = succeed(&scene, 2);
    let anna = scene.join("anna");
    for (seq, whole) in [(1, false), (190, true)] {
        scene.hush();
        scene.tell(anna, resume("e1", seq));
        let heard = scene.heard(anna);
        assert_eq!(heard.last().is_some_and(|it| it.starts_with("RESUMED")), whole, "{heard:?}");
    }
}
