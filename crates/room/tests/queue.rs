//! What plays next.

use parlor_protocol::queue::{QueueAdd, QueueItem};
use parlor_protocol::{Command, ItemId, limits};
use parlor_room::{ConnId, Room};
use parlor_testkit::scene::{Scene, Store, founding};
use parlor_testkit::wishes::{
    load, pause, play, queue_add, queue_add_once, queue_move, queue_next, queue_remove,
};

/// A room with a film loaded by hand and `count` entries in the queue, `/1.mp4` first.
fn theatre(count: usize) -> (Scene, ConnId, ConnId) {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    let ben = scene.join("ben");
    scene.tell(anna, load("/film.mp4"));
    for number in 1..=count {
        scene.tell(ben, queue_add(&format!("/{number}.mp4")));
    }
    scene.hush();
    (scene, anna, ben)
}

fn queue(scene: &Scene) -> Vec<QueueItem> {
    scene.room.state(scene.now()).queue
}

fn urls(scene: &Scene) -> Vec<String> {
    queue(scene).into_iter().map(|item| item.media_url).collect()
}

fn current(scene: &Scene) -> (Option<String>, Option<ItemId>, bool) {
    let state = scene.room.playback_state(scene.now()).expect("something plays");
    (state.media_url, state.item_id, state.is_playing)
}

#[test]
fn an_entry_is_told_and_acknowledged_once_it_is_stored() {
    let (mut scene, anna, ben) = theatre(0);
    scene.store = Store::Slow;
    scene.ask(anna, 1, queue_add("/1.mp4"));
    assert!(scene.heard(ben).is_empty() && urls(&scene).is_empty());
    let batch = scene.batches.last().expect("the store has it");
    let snapshot = batch.snapshot.as_ref().expect("the queue is in the snapshot");
    assert!(snapshot.0.contains("/1.mp4") && batch.acknowledged);
    scene.release();
    assert_eq!(scene.heard(anna), ["#4 QUEUE_UPDATED [/1.mp4] by anna", "ACK → 1"]);
    assert_eq!(scene.heard(ben), ["#4 QUEUE_UPDATED [/1.mp4] by anna"]);
}

#[test]
fn an_entry_is_kept_as_it_was_added() {
    let (mut scene, anna, _) = theatre(0);
    let add = QueueAdd {
        media_url: Some("https://films.example/a.mp4".to_owned()),
        media_type: Some("video/mp4".to_owned()),
        title: Some("A film".to_owned()),
        client_id: None,
    };
    scene.tell(anna, Command::QueueAdd(add));
    let items = queue(&scene);
    let expected = QueueItem {
        item_id: items[0].item_id.clone(),
        media_url: "https://films.example/a.mp4".to_owned(),
        media_type: Some("video/mp4".to_owned()),
        title: Some("A film".to_owned()),
        client_id: None,
        added_by: "anna".into(),
    };
    assert_eq!(items, [expected]);
}

#[test]
fn a_room_without_a_medium_loads_the_first_entry_at_once() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.hush();
    scene.ask(anna, 1, queue_add("/1.mp4"));
    scene.ask(anna, 2, queue_add("/2.mp4"));
    assert_eq!(
        scene.heard(anna),
        [
            "#2 QUEUE_UPDATED [] by anna",
            "#3 PLAYBACK_UPDATED /1.mp4 paused 0 @1000000 ×1 rev 1 by anna",
            "ACK → 1",
            "#4 QUEUE_UPDATED [/2.mp4] by anna",
            "ACK → 2",
        ]
    );
}

#[test]
fn entries_are_moved_and_removed() {
    let (mut scene, anna, ben) = theatre(4);
    let items = queue(&scene);
    let id = |number: usize| items[number - 1].item_id.clone();
    let moves = [
        (queue_move(&id(4), Some(&id(1))), "[/4.mp4, /1.mp4, /2.mp4, /3.mp4]"),
        (queue_move(&id(4), Some(&id(3))), "[/1.mp4, /2.mp4, /4.mp4, /3.mp4]"),
        (queue_move(&id(1), None), "[/2.mp4, /4.mp4, /3.mp4, /1.mp4]"),
        (queue_move(&id(3), Some(&id(3))), "[/2.mp4, /4.mp4, /3.mp4, /1.mp4]"),
        (queue_remove(&id(4)), "[/2.mp4, /3.mp4, /1.mp4]"),
    ];
    for (seq, (command, expected)) in (8..).zip(moves) {
        scene.tell(anna, command);
        assert_eq!(scene.heard(ben), [format!("#{seq} QUEUE_UPDATED {expected} by anna")]);
    }
}

#[test]
fn entries_that_are_gone_are_not_found() {
    let (mut scene, anna, ben) = theatre(2);
    let items = queue(&scene);
    let (first, second) = (items[0].item_id.clone(), items[1].item_id.clone());
    scene.tell(anna, queue_remove(&first));
    scene.hush();
    let gone = [
        queue_remove(&first),
        queue_move(&first, None),
        queue_move(&second, Some(&first)),
        queue_remove(&"nothing".into()),
    ];
    for command in gone {
        scene.ask(anna, 1, command);
        assert_eq!(scene.heard(anna), ["ERROR not_found → 1"]);
    }
    assert!(scene.heard(ben).is_empty());
}

#[test]
fn next_plays_the_first_entry_from_its_beginning() {
    let (mut scene, anna, _) = theatre(2);
    scene.ask(anna, 1, queue_next(None));
    assert_eq!(
        scene.heard(anna),
        [
            "#6 QUEUE_UPDATED [/2.mp4] by anna",
            "#7 PLAYBACK_UPDATED /1.mp4 playing 0 @1000250 ×1 rev 2 by anna",
            "ACK → 1",
        ]
    );
}

#[test]
fn many_members_whose_film_ends_at_once_advance_it_once() {
    let (mut scene, anna, ben) = theatre(3);
    scene.tell(anna, queue_next(None));
    let (_, playing, _) = current(&scene);
    scene.hush();
    scene.store = Store::Slow;
    scene.ask(anna, 1, queue_next(playing.as_ref()));
    scene.ask(ben, 2, queue_next(playing.as_ref()));
    scene.ask(anna, 3, queue_next(playing.as_ref()));
    scene.release();
    scene.ask(ben, 4, queue_next(playing.as_ref()));
    scene.release();
    assert_eq!(current(&scene).0.as_deref(), Some("/2.mp4"));
    assert_eq!(urls(&scene), ["/3.mp4"]);
    assert_eq!(scene.heard_of(anna, "PLAYBACK").len(), 1);
    assert_eq!(scene.heard_of(ben, "→"), ["ACK → 2", "ACK → 4"]);
}

#[test]
fn the_same_film_twice_in_the_queue_begins_twice() {
    let (mut scene, anna, _) = theatre(0);
    scene.tell(anna, queue_add("/film.mp4"));
    scene.tell(anna, queue_add("/film.mp4"));
    scene.tell(anna, queue_next(None));
    scene.wait_ms(60_000);
    let (_, first, _) = current(&scene);
    scene.tell(anna, queue_next(first.as_ref()));
    let state = scene.room.playback_state(scene.now()).expect("something plays");
    assert_eq!(state.current_time, 0);
    assert_ne!(state.item_id, first);
}

#[test]
fn next_with_an_empty_queue_pauses_at_the_end_once() {
    let (mut scene, anna, ben) = theatre(1);
    scene.tell(anna, queue_next(None));
    let (_, last, _) = current(&scene);
    scene.wait_ms(10_250);
    scene.hush();
    scene.ask(anna, 1, queue_next(last.as_ref()));
    scene.ask(ben, 2, queue_next(last.as_ref()));
    assert_eq!(
        scene.heard(ben),
        ["#7 PLAYBACK_UPDATED /1.mp4 paused 10000 @1010250 ×1 rev 3 by anna", "ACK → 2"]
    );
}

#[test]
fn next_after_the_end_plays_what_was_added_since() {
    let (mut scene, anna, _) = theatre(0);
    scene.tell(anna, play());
    scene.tell(anna, queue_next(None));
    scene.tell(anna, pause());
    scene.tell(anna, queue_add("/1.mp4"));
    scene.tell(anna, queue_next(None));
    let (url, _, is_playing) = current(&scene);
    assert_eq!((url.as_deref(), is_playing), (Some("/1.mp4"), true));
}

#[test]
fn a_full_queue_says_so() {
    let (mut scene, anna, _) = theatre(limits::QUEUE_ITEMS);
    scene.ask(anna, 1, queue_add("/one-too-many.mp4"));
    assert_eq!(scene.heard(anna), ["ERROR queue_full → 1"]);
    assert_eq!(urls(&scene).len(), limits::QUEUE_ITEMS);
}

#[test]
fn entries_are_checked_like_any_medium() {
    let (mut scene, anna, _) = theatre(0);
    let add = |url: Option<&str>, title: &str| {
        Command::QueueAdd(QueueAdd {
            media_url: url.map(str::to_owned),
            media_type: None,
            title: Some(title.to_owned()),
            client_id: None,
        })
    };
    let long = "x".repeat(limits::TITLE_CHARS + 1);
    for bad in [add(None, "a"), add(Some("javascript:alert(1)"), "a"), add(Some("/a"), &long)] {
        scene.ask(anna, 1, bad);
        assert_eq!(scene.heard(anna), ["ERROR invalid → 1"]);
    }
}

#[test]
fn a_failed_store_leaves_the_queue_and_what_plays_alone() {
    let (mut scene, anna, ben) = theatre(2);
    scene.store = Store::Broken;
    scene.ask(anna, 1, queue_next(None));
    scene.ask(anna, 2, queue_add("/3.mp4"));
    assert_eq!(scene.heard(anna), ["ERROR unavailable → 1", "ERROR unavailable → 2"]);
    assert!(scene.heard(ben).is_empty());
    assert_eq!(urls(&scene), ["/1.mp4", "/2.mp4"]);
    assert_eq!(current(&scene).0.as_deref(), Some("/film.mp4"));
}

#[test]
fn what_is_added_twice_under_one_name_is_added_once() {
    let (mut scene, anna, ben) = theatre(0);
    scene.ask(anna, 1, queue_add_once("/1.mp4", "a"));
    scene.ask(anna, 2, queue_add_once("/1.mp4", "a"));
    // Somebody else's name is another.
    scene.ask(ben, 3, queue_add_once("/2.mp4", "a"));
    assert_eq!(urls(&scene), ["/1.mp4", "/2.mp4"]);
    let acknowledged = scene.heard(anna).iter().filter(|it| it.starts_with("ACK")).count();
    assert_eq!(acknowledged, 2);
    // It is known again after it has left the queue, within a batch, and by the next owner.
    let first = queue(&scene)[0].item_id.clone();
    scene.tell(anna, queue_remove(&first));
    scene.store = Store::Slow;
    scene.tell(anna, queue_add_once("/3.mp4", "b"));
    scene.tell(anna, queue_add_once("/3.mp4", "b"));
    scene.tell(anna, queue_add_once("/1.mp4", "a"));
    // The first alone, and the others in one batch.
    scene.release();
    scene.release();
    assert_eq!(urls(&scene), ["/2.mp4", "/3.mp4"]);
    let snapshot = scene.room.snapshot(scene.now());
    let mut scene = Scene::with(|now| {
        let elapsed = std::time::Duration::from_secs(1);
        Room::restore(now, founding(), &snapshot, elapsed).expect("its own snapshot is good")
    });
    let anna = scene.join("anna");
    scene.tell(anna, queue_add_once("/3.mp4", "b"));
    assert_eq!(urls(&scene), ["/2.mp4", "/3.mp4"]);
}

#[test]
fn the_first_entry_of_a_room_is_loaded_once() {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    scene.tell(anna, queue_add_once("/1.mp4", "a"));
    scene.tell(anna, queue_add_once("/1.mp4", "a"));
    assert_eq!(current(&scene).0.as_deref(), Some("/1.mp4"));
    assert!(urls(&scene).is_empty());
}
