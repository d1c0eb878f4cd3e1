//! Saying things: numbers, saying something twice, and a store that is slow or fails.

use parlor_protocol::chat::{ChatMessage, ChatSend};
use parlor_protocol::{Command, Event, limits};
use parlor_room::{ConnId, NewChat};
use parlor_testkit::scene::{Scene, Store, founding, message, person};
use parlor_testkit::wishes::{chat, chat_once};

fn pair() -> (Scene, ConnId, ConnId) {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    let ben = scene.join("ben");
    scene.hush();
    (scene, anna, ben)
}

#[test]
fn a_message_is_told_and_acknowledged_only_once_it_is_stored() {
    let (mut scene, anna, ben) = pair();
    scene.store = Store::Slow;
    scene.ask(anna, 1, chat("hello"));
    assert!(scene.heard(anna).is_empty() && scene.heard(ben).is_empty());
    let batch = scene.batches.last().expect("the store has it");
    let said = message(1, "anna", "hello");
    let sent_at_ms = scene.now().wall_ms;
    assert_eq!(batch.messages, [NewChat { number: 1, message: said.clone(), sent_at_ms }]);
    assert!(batch.acknowledged && batch.snapshot.is_none() && batch.settings.is_none());
    scene.release();
    assert_eq!(scene.heard(anna), ["#3 CHAT_MESSAGE 1 anna: hello", "ACK → 1"]);
    assert_eq!(scene.frames(ben)[0].event, Event::ChatMessage(said));
}

#[test]
fn what_is_said_while_the_store_writes_goes_with_the_next_batch_in_order() {
    let (mut scene, anna, ben) = pair();
    scene.store = Store::Slow;
    scene.ask(anna, 1, chat("one"));
    scene.ask(ben, 2, chat("two"));
    scene.ask(anna, 3, chat("three"));
    assert_eq!(scene.in_flight(), 1, "one batch is in flight at a time");
    scene.release();
    let sizes: Vec<_> = scene.batches.iter().map(|batch| batch.messages.len()).collect();
    assert_eq!(sizes, [1, 2]);
    assert_eq!(
        scene.heard(anna),
        [
            "#3 CHAT_MESSAGE 1 anna: one",
            "ACK → 1",
            "#4 CHAT_MESSAGE 2 ben: two",
            "#5 CHAT_MESSAGE 3 anna: three",
            "ACK → 3",
        ]
    );
}

#[test]
fn a_repeated_client_id_is_stored_and_told_once_and_acknowledged_each_time() {
    let (mut scene, anna, ben) = pair();
    scene.ask(anna, 1, chat_once("hello", "x"));
    scene.ask(anna, 2, chat_once("hello", "x"));
    scene.ask(ben, 3, chat_once("hello", "x"));
    assert_eq!(
        scene.heard(anna),
        ["#3 CHAT_MESSAGE 1 anna: hello", "ACK → 1", "ACK → 2", "#4 CHAT_MESSAGE 2 ben: hello",]
    );
}

#[test]
fn a_repetition_while_the_first_is_being_stored_is_stored_once() {
    let (mut scene, anna, _) = pair();
    scene.store = Store::Slow;
    scene.tell(anna, chat("first"));
    scene.ask(anna, 1, chat_once("hello", "x"));
    scene.ask(anna, 2, chat_once("hello", "x"));
    scene.release();
    assert_eq!(
        scene.heard(anna),
        ["#3 CHAT_MESSAGE 1 anna: first", "#4 CHAT_MESSAGE 2 anna: hello", "ACK → 1", "ACK → 2",]
    );
}

#[test]
fn what_the_store_knows_already_is_acknowledged_and_not_told_again() {
    let (mut scene, anna, _) = pair();
    scene.duplicates.insert("x".to_owned(), 1);
    scene.ask(anna, 1, chat_once("hello", "x"));
    assert_eq!(scene.heard(anna), ["ACK → 1"]);
}

#[test]
fn a_failing_store_means_unavailable_and_nothing_is_told() {
    let (mut scene, anna, ben) = pair();
    scene.store = Store::Broken;
    scene.ask(anna, 1, chat("hello"));
    scene.tell(ben, chat("hello"));
    assert_eq!(scene.heard(anna), ["ERROR unavailable → 1"]);
    assert_eq!(scene.heard(ben), ["ERROR unavailable"]);
}

#[test]
fn numbers_skip_forward_after_a_fault_because_the_store_may_have_committed() {
    let (mut scene, anna, _) = pair();
    scene.store = Store::Broken;
    scene.tell(anna, chat("lost"));
    scene.store = Store::Prompt;
    scene.hush();
    scene.tell(anna, chat("hello"));
    assert_eq!(scene.heard(anna), ["#3 CHAT_MESSAGE 2 anna: hello"]);
}

#[test]
fn a_message_stored_in_a_commit_that_was_thought_to_fail_is_told_when_it_is_said_again() {
    let (mut scene, anna, ben) = pair();
    scene.store = Store::Broken;
    scene.ask(anna, 1, chat_once("hello", "x"));
    scene.store = Store::Prompt;
    scene.duplicates.insert("x".to_owned(), 1);
    scene.ask(anna, 2, chat_once("hello", "x"));
    scene.ask(anna, 3, chat_once("hello", "x"));
    assert_eq!(
        scene.heard(anna),
        ["ERROR unavailable → 1", "#3 CHAT_MESSAGE 1 anna: hello", "ACK → 2", "ACK → 3"]
    );
    assert_eq!(scene.heard(ben), ["#3 CHAT_MESSAGE 1 anna: hello"]);
}

#[test]
fn a_store_that_does_not_keep_up_makes_the_room_busy() {
    let (mut scene, anna, _) = pair();
    scene.store = Store::Slow;
    for _ in 0..=limits::COMMANDS_WAITING {
        scene.tell(anna, chat("hello"));
    }
    assert!(scene.heard(anna).is_empty());
    scene.ask(anna, 1, chat("one too many"));
    assert_eq!(scene.heard(anna), ["ERROR busy → 1"]);
    scene.release();
    scene.hush();
    scene.ask(anna, 2, chat("hello"));
    scene.release();
    assert_eq!(scene.heard_of(anna, "→"), ["ACK → 2"]);
}

#[test]
fn who_leaves_has_still_said_what_was_on_its_way() {
    let (mut scene, anna, ben) = pair();
    scene.store = Store::Slow;
    scene.ask(anna, 1, chat("one"));
    scene.ask(anna, 2, chat("two"));
    scene.leave(anna);
    scene.release();
    assert_eq!(scene.heard_of(ben, "CHAT").len(), 2);
    assert!(scene.heard(anna).is_empty());
}

#[test]
fn texts_are_1_to_4000_characters() {
    let (mut scene, anna, _) = pair();
    let good = ["x", "two\nlines", "<b>not markup</b>", &"ñ".repeat(4_000)];
    let bad = ["", "   ", "nul \0", &"ñ".repeat(4_001)];
    for text in good {
        scene.ask(anna, 1, chat(text));
        assert_eq!(scene.heard_of(anna, "→"), ["ACK → 1"]);
    }
    for text in bad {
        scene.ask(anna, 1, chat(text));
        assert_eq!(scene.heard_of(anna, "→"), ["ERROR invalid → 1"]);
    }
}

#[test]
fn client_ids_and_replies_are_checked() {
    let (mut scene, anna, _) = pair();
    scene.tell(anna, chat("first"));
    scene.hush();
    let reply = |to: &str| {
        Command::ChatSend(ChatSend {
            text: "re".to_owned(),
            client_id: None,
            reply_to: Some(to.to_owned()),
            mentions: Vec::new(),
        })
    };
    scene.ask(anna, 1, reply("1"));
    let frames = scene.frames(anna);
    let Event::ChatMessage(said) = &frames[0].event else { panic!("{frames:?}") };
    assert_eq!(said.reply_to.as_deref(), Some("1"));
    for bad in [reply("99"), reply("-1"), reply("x"), chat_once("x", ""), chat_once("x", "a\nb")] {
        scene.ask(anna, 2, bad);
        assert_eq!(scene.heard(anna), ["ERROR invalid → 2"]);
    }
    scene.ask(anna, 3, chat_once("x", &"y".repeat(65)));
    assert_eq!(scene.heard(anna), ["ERROR invalid → 3"]);
}

#[test]
fn a_full_state_has_the_latest_page_oldest_first() {
    let mut founding = founding();
    founding.chat = (1..=60).map(|number| message(number, "anna", "old")).collect();
    founding.next_chat = 61;
    let mut scene = Scene::of(founding);
    let anna = scene.join("anna");
    scene.tell(anna, chat("new"));
    let ids: Vec<_> =
        scene.room.state(scene.now()).chat.into_iter().map(|message| message.id).collect();
    let expected: Vec<_> = (12..=61).map(|number: u64| number.to_string()).collect();
    assert_eq!(ids, expected);
}

#[test]
fn what_was_said_before_a_restart_is_not_said_again() {
    let mut founding = founding();
    founding.chat =
        vec![ChatMessage { client_id: Some("x".to_owned()), ..message(1, "anna", "hello") }];
    founding.next_chat = 2;
    let mut scene = Scene::of(founding);
    let anna = scene.join("anna");
    scene.hush();
    scene.ask(anna, 1, chat_once("hello", "x"));
    assert_eq!(scene.heard(anna), ["ACK → 1"]);
    assert!(scene.batches.iter().all(|batch| batch.messages.is_empty()));
}

#[test]
fn a_message_over_http_is_answered_when_it_is_stored() {
    let (mut scene, _, ben) = pair();
    scene.store = Store::Slow;
    assert_eq!(scene.ask_over_http(person("anna"), chat("hello")), None);
    scene.release();
    assert_eq!(scene.answers.last().map(|(_, it)| it.clone()), Some(Ok(())));
    assert_eq!(scene.heard(ben), ["#3 CHAT_MESSAGE 1 anna: hello"]);
}

#[test]
fn reactions_are_volatile_and_say_where_the_film_was() {
    let (mut scene, anna, ben) = pair();
    scene.tell(anna, parlor_testkit::wishes::watch("/film.mp4"));
    scene.wait_ms(1_250);
    scene.hush();
    scene.ask(anna, 1, parlor_testkit::wishes::react("🎉"));
    assert_eq!(scene.heard(anna), ["REACTION anna 🎉 at 1000", "ACK → 1"]);
    assert_eq!(scene.heard(ben), ["REACTION anna 🎉 at 1000"]);
    for bad in ["", "much too long for one", "a\nb"] {
        scene.ask(anna, 2, parlor_testkit::wishes::react(bad));
        assert_eq!(scene.heard(anna), ["ERROR invalid → 2"]);
    }
}
