//! What plays: commands and the vector that follows from them.

use parlor_protocol::member::Readiness;
use parlor_protocol::playback::{PlaybackState, UpdatePlayback};
use parlor_protocol::{Code, Event, limits};
use parlor_room::ConnId;
use parlor_testkit::scene::Scene;
use parlor_testkit::wishes::{self, load, pause, play, playback, rate, seek, watch};

const FILM: &str = "https://films.example/a.mp4";

/// A room where anna and ben are, with a film loaded and standing at its beginning.
fn theatre() -> (Scene, ConnId, ConnId) {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    let ben = scene.join("ben");
    scene.tell(anna, load(FILM));
    scene.hush();
    (scene, anna, ben)
}

/// The same with the film playing: it began 60 s ago, at 0.
fn playing() -> (Scene, ConnId, ConnId) {
    let (mut scene, anna, ben) = theatre();
    scene.tell(anna, play());
    scene.wait_ms(250 + 60_000);
    scene.hush();
    (scene, anna, ben)
}

fn position_ms(scene: &Scene) -> u64 {
    scene.room.playback_state(scene.now()).expect("something plays").current_time
}

#[test]
fn a_room_plays_nothing_before_the_first_command() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    assert_eq!(scene.room.state(scene.now()).playback_state, None);
    scene.tell(anna, seek(5_000));
    assert_eq!(
        scene.heard_of(anna, "PLAYBACK"),
        ["#2 PLAYBACK_UPDATED nothing paused 5000 @1000000 ×1 rev 1 by anna"]
    );
}

#[test]
fn playback_is_told_to_every_member_the_sender_too_with_all_that_is_known() {
    let (mut scene, anna, ben) = theatre();
    let update = UpdatePlayback {
        media_url: Some("https://films.example/b.mp4".to_owned()),
        media_type: Some("any text at all".to_owned()),
        title: Some("Film B".to_owned()),
        is_playing: Some(false),
        current_time: Some(61_000.4),
        playback_speed: Some(1.25),
        rev: None,
        op: Some("op-1".to_owned()),
    };
    scene.tell(ben, playback(update));
    let expected = PlaybackState {
        media_url: Some("https://films.example/b.mp4".to_owned()),
        media_type: Some("any text at all".to_owned()),
        title: Some("Film B".to_owned()),
        item_id: None,
        is_playing: false,
        current_time: 61_000,
        playback_speed: 1.25,
        last_updated_by: Some("ben".into()),
        last_updated: "2026-11-20T08:00:00.000Z".to_owned(),
        at: 1_000_000.0,
        clock_id: "c1".to_owned(),
        rev: 2,
        holding: None,
        op: Some("op-1".to_owned()),
    };
    for conn in [anna, ben] {
        let frames = scene.frames(conn);
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0].seq, Some(4));
        assert_eq!(frames[0].event, Event::PlaybackUpdated(expected.clone()));
    }
}

#[test]
fn playback_is_told_also_when_nothing_changed_and_rev_stays() {
    let (mut scene, _, ben) = theatre();
    scene.ask(ben, 1, playback(UpdatePlayback::default()));
    scene.ask(ben, 2, pause());
    assert_eq!(
        scene.heard(ben),
        [
            "#4 PLAYBACK_UPDATED https://films.example/a.mp4 paused 0 @1000000 ×1 rev 1 by ben",
            "ACK → 1",
            "#5 PLAYBACK_UPDATED https://films.example/a.mp4 paused 0 @1000000 ×1 rev 1 by ben",
            "ACK → 2",
        ]
    );
}

#[test]
fn play_starts_250_ms_ahead_while_no_round_trip_is_known() {
    let (mut scene, anna, _) = theatre();
    scene.tell(anna, play());
    assert_eq!(
        scene.heard(anna),
        ["#4 PLAYBACK_UPDATED https://films.example/a.mp4 playing 0 @1000250 ×1 rev 2 by anna"]
    );
    scene.wait_ms(200);
    assert_eq!(position_ms(&scene), 0);
    scene.wait_ms(1_050);
    assert_eq!(position_ms(&scene), 1_000);
}

#[test]
fn the_lead_of_a_start_follows_the_worst_round_trip_of_the_active_members() {
    let leads = [(100.0, 300), (10.0, 250), (5_000.0, 1_500)];
    for (rtt_ms, lead_ms) in leads {
        let (mut scene, anna, ben) = theatre();
        scene.tell(anna, wishes::round_trip(1.0));
        scene.tell(ben, wishes::round_trip(rtt_ms));
        scene.tell(anna, play());
        let state = scene.room.playback_state(scene.now()).expect("something plays");
        assert_eq!(state.at, 1_000_000.0 + f64::from(lead_ms), "{rtt_ms}");
    }
}

#[test]
fn a_member_that_is_away_does_not_make_the_others_wait_for_its_round_trip() {
    let (mut scene, anna, ben) = theatre();
    scene.tell(ben, wishes::round_trip(900.0));
    scene.tell(ben, wishes::report(Readiness::Away));
    scene.tell(anna, play());
    let state = scene.room.playback_state(scene.now()).expect("something plays");
    assert_eq!(state.at, 1_000_250.0);
}

#[test]
fn a_seek_while_playing_is_a_coordinated_start() {
    let (mut scene, anna, _) = playing();
    scene.tell(anna, seek(5_000));
    assert_eq!(
        scene.heard(anna),
        ["#5 PLAYBACK_UPDATED https://films.example/a.mp4 playing 5000 @1060500 ×1 rev 3 by anna"]
    );
}

#[test]
fn a_pause_stands_at_the_position_projected_to_now() {
    let (mut scene, anna, _) = playing();
    scene.tell(anna, pause());
    scene.wait_ms(5_000);
    assert_eq!(
        scene.heard(anna),
        ["#5 PLAYBACK_UPDATED https://films.example/a.mp4 paused 60000 @1060250 ×1 rev 3 by anna"]
    );
    assert_eq!(position_ms(&scene), 60_000);
}

#[test]
fn a_pause_before_a_start_that_is_still_to_come_stands_where_it_would_have_started() {
    let (mut scene, anna, _) = theatre();
    scene.tell(anna, seek(7_000));
    scene.tell(anna, play());
    scene.wait_ms(100);
    scene.tell(anna, pause());
    assert_eq!(position_ms(&scene), 7_000);
}

#[test]
fn an_omitted_position_while_playing_is_the_one_projected_to_now() {
    let (mut scene, _, ben) = playing();
    scene.tell(ben, play());
    scene.tell(ben, rate(2.0));
    assert_eq!(
        scene.heard(ben),
        [
            "#5 PLAYBACK_UPDATED https://films.example/a.mp4 playing 60000 @1060250 ×1 rev 2 by ben",
            "#6 PLAYBACK_UPDATED https://films.example/a.mp4 playing 60000 @1060250 ×2 rev 3 by ben",
        ]
    );
    scene.wait_ms(10_000);
    assert_eq!(position_ms(&scene), 80_000);
}

#[test]
fn another_medium_begins_at_0_unless_a_position_is_given() {
    let (mut scene, anna, _) = playing();
    scene.tell(anna, load("https://films.example/b.mp4"));
    scene.tell(
        anna,
        playback(UpdatePlayback {
            media_url: Some("/sample/parlor-sample.mp4".to_owned()),
            current_time: Some(3_000.0),
            is_playing: Some(false),
            ..UpdatePlayback::default()
        }),
    );
    assert_eq!(
        scene.heard(anna),
        [
            "#5 PLAYBACK_UPDATED https://films.example/b.mp4 playing 0 @1060500 ×1 rev 3 by anna",
            "#6 PLAYBACK_UPDATED /sample/parlor-sample.mp4 paused 3000 @1060250 ×1 rev 4 by anna",
        ]
    );
}

#[test]
fn the_same_address_again_is_the_same_medium() {
    let (mut scene, anna, _) = playing();
    scene.tell(anna, watch(FILM));
    assert_eq!(position_ms(&scene), 60_000);
}

#[test]
fn a_stale_command_is_answered_with_the_current_timeline_to_its_sender_alone() {
    let (mut scene, anna, ben) = theatre();
    scene.tell(anna, play());
    scene.hush();
    let stale = |op: &str| {
        playback(UpdatePlayback {
            current_time: Some(9_000.0),
            rev: Some(1),
            op: Some(op.to_owned()),
            ..UpdatePlayback::default()
        })
    };
    scene.tell(ben, stale("op-1"));
    scene.ask(ben, 3, stale("op-2"));
    let now = "PLAYBACK_UPDATED https://films.example/a.mp4 playing 0 @1000250 ×1 rev 2 by anna";
    assert_eq!(scene.heard(ben), [now, now, "ERROR stale → 3"]);
    assert!(scene.heard(anna).is_empty());
}

#[test]
fn a_command_that_saw_the_latest_change_of_a_person_wins() {
    let (mut scene, anna, ben) = theatre();
    scene.tell(anna, play());
    scene.hush();
    let pause = UpdatePlayback { is_playing: Some(false), rev: Some(2), ..Default::default() };
    scene.ask(ben, 3, playback(pause));
    assert_eq!(
        scene.heard(ben),
        [
            "#5 PLAYBACK_UPDATED https://films.example/a.mp4 paused 0 @1000000 ×1 rev 3 by ben",
            "ACK → 3",
        ]
    );
}

#[test]
fn clients_that_send_no_rev_always_win() {
    let (mut scene, anna, ben) = theatre();
    for position in [1_000, 2_000, 3_000] {
        scene.tell(anna, seek(position));
        scene.tell(ben, seek(position + 500));
    }
    assert_eq!(position_ms(&scene), 3_500);
}

#[test]
fn positions_rates_and_addresses_outside_their_range_are_invalid_and_change_nothing() {
    let (mut scene, anna, ben) = theatre();
    let position = |ms: f64| UpdatePlayback { current_time: Some(ms), ..Default::default() };
    let speed = |rate: f64| UpdatePlayback { playback_speed: Some(rate), ..Default::default() };
    let url = |url: &str| UpdatePlayback { media_url: Some(url.to_owned()), ..Default::default() };
    let kind = |kind: String| UpdatePlayback { media_type: Some(kind), ..Default::default() };
    let bad = [
        position(-1.0),
        position(f64::NAN),
        position(f64::INFINITY),
        position(limits::POSITION_MS as f64 + 1.0),
        speed(0.2),
        speed(1_000.0),
        speed(f64::NAN),
        url("javascript:alert(1)"),
        url("//films.example/a.mp4"),
        kind("x".repeat(101)),
    ];
    for (id, update) in bad.into_iter().enumerate() {
        scene.ask(ben, id as u64, playback(update));
        assert_eq!(scene.heard(ben), [format!("ERROR {} → {id}", Code::Invalid.as_str())]);
    }
    assert!(scene.heard(anna).is_empty());
    let state = scene.room.playback_state(scene.now()).expect("something plays");
    assert_eq!((state.rev, state.media_url.as_deref()), (1, Some(FILM)));
}

#[test]
fn a_position_is_rounded_to_whole_ms() {
    let (mut scene, anna, _) = theatre();
    let update = UpdatePlayback { current_time: Some(1_234.5), ..Default::default() };
    scene.tell(anna, playback(update));
    assert_eq!(position_ms(&scene), 1_235);
}

#[test]
fn a_full_state_projects_the_position_to_the_moment_of_sending() {
    let (scene, _, _) = playing();
    let state = scene.room.state(scene.now());
    let playback = state.playback_state.expect("something plays");
    assert_eq!((playback.current_time, playback.at), (60_000, 1_060_250.0));
    assert_eq!(state.server_time, 1_060_250.0);
}

#[test]
fn a_full_state_within_the_lead_says_when_it_starts() {
    let (mut scene, anna, _) = theatre();
    scene.tell(anna, play());
    scene.wait_ms(100);
    let playback = scene.room.playback_state(scene.now()).expect("something plays");
    assert_eq!((playback.current_time, playback.at), (0, 1_000_250.0));
}

#[test]
fn no_position_ever_jumps_while_commands_change_nothing() {
    let (mut scene, anna, _) = playing();
    for _ in 0..50 {
        scene.wait_ms(37);
        let before = position_ms(&scene);
        scene.tell(anna, play());
        assert_eq!(position_ms(&scene), before);
    }
    assert_eq!(position_ms(&scene), 60_000 + 50 * 37);
}
