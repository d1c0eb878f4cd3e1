//! Taking back and changing what was said: whose it must be, and that what is gone is gone.

use parlor_protocol::chat::{ChatMessage, ChatSend};
use parlor_protocol::{Command, Event, limits};
use parlor_room::{Amendment, Change, ConnId, Founding, Input, Room, StoreFault};
use parlor_testkit::scene::{OPENING, Scene, Store, founding, message, person};
use parlor_testkit::wishes::{chat, chat_delete, chat_edit, chat_once, chat_to, resume};

/// Anna, who owns the room, and Ben, who has just said the first message.
fn pair() -> (Scene, ConnId, ConnId) {
    let mut scene = Scene::new();
    let anna = scene.join("anna");
    let ben = scene.join("ben");
    scene.tell(ben, chat("hello"));
    scene.hush();
    (scene, anna, ben)
}

fn page(scene: &Scene) -> Vec<ChatMessage> {
    scene.room.state(scene.now()).chat
}

/// A message as it stands after its deletion, when the scene opened.
fn deleted(number: u64, author: &str) -> ChatMessage {
    let deleted_at = Some("2026-11-20T08:00:00.000Z".to_owned());
    ChatMessage { deleted_at, ..message(number, author, "") }
}

#[test]
fn an_edit_is_told_and_acknowledged_only_once_it_is_stored() {
    let (mut scene, anna, ben) = pair();
    scene.store = Store::Slow;
    scene.ask(ben, 1, chat_edit("1", "hello all"));
    assert!(scene.heard(anna).is_empty() && scene.heard(ben).is_empty());
    let batch = scene.batches.last().expect("the store has it");
    let change = Change::Edit { text: "hello all".to_owned(), mentions: Vec::new() };
    let at_ms = scene.now().wall_ms;
    let author = Some("ben".into());
    assert_eq!(batch.amendments, [Amendment { number: 1, author, change, at_ms }]);
    assert_eq!(page(&scene), [message(1, "ben", "hello")]);
    scene.release();
    assert_eq!(scene.heard(ben), ["#4 CHAT_EDITED 1 ben: hello all", "ACK → 1"]);
    let edited_at = Some("2026-11-20T08:00:00.000Z".to_owned());
    let edited = ChatMessage { edited_at, ..message(1, "ben", "hello all") };
    assert_eq!(scene.frames(anna)[0].event, Event::ChatEdited(edited.clone()));
    assert_eq!(page(&scene), [edited]);
}

#[test]
fn a_deleted_message_keeps_its_place_and_loses_its_text() {
    let (mut scene, anna, ben) = pair();
    scene.ask(ben, 1, chat_delete("1"));
    assert_eq!(scene.heard(ben), ["#4 CHAT_DELETED 1 by ben", "ACK → 1"]);
    assert_eq!(scene.heard(anna), ["#4 CHAT_DELETED 1 by ben"]);
    assert_eq!(page(&scene), [deleted(1, "ben")]);
}

#[test]
fn who_resumes_hears_of_a_deleted_message_and_not_what_it_said() {
    let (mut scene, anna, ben) = pair();
    scene.tell(ben, chat_edit("1", "hello all"));
    scene.tell(ben, chat_delete("1"));
    scene.hush();
    scene.tell(anna, resume("e1", 2));
    assert_eq!(
        scene.heard(anna),
        [
            "#3 CHAT_MESSAGE 1 ben: (deleted)",
            "#4 CHAT_EDITED 1 ben: (deleted)",
            "#5 CHAT_DELETED 1 by ben",
            "RESUMED e1 5",
        ]
    );
}

#[test]
fn the_last_words_of_an_owner_do_not_say_what_was_deleted() {
    let (mut scene, _, ben) = pair();
    scene.tell(ben, chat_edit("1", "hello all"));
    scene.tell(ben, chat_delete("1"));
    assert!(!scene.room.farewell(scene.now()).0.contains("hello"));
}

#[test]
fn a_deletion_takes_the_place_of_the_last_words_of_the_owner_before() {
    let (scene, _, _) = pair();
    let last_words = scene.room.farewell(scene.now());
    assert!(last_words.0.contains("hello"), "who resumes is to hear it");
    let facts = Founding { reign: 2, next_chat: 2, chat: page(&scene), ..founding() };
    let room = |now| Room::restore(now, facts, &last_words, OPENING).expect("it is readable");
    let mut scene = Scene::with(room);
    scene.shelf.chat.insert(1, message(1, "ben", "hello"));
    let ben = scene.join("ben");
    scene.tell(ben, chat_delete("1"));
    let batch = scene.batches.iter().find(|batch| !batch.amendments.is_empty());
    let snapshot = batch.and_then(|batch| batch.snapshot.as_ref()).expect("it is written anew");
    assert!(!snapshot.0.contains("hello"));
}

#[test]
fn what_is_older_than_the_page_can_be_amended_too() {
    let mut founding = founding();
    founding.next_chat = 3;
    let mut scene = Scene::of(founding);
    scene.shelf.chat.insert(1, message(1, "ben", "long ago"));
    scene.shelf.chat.insert(2, message(2, "ben", "not so long ago"));
    let ben = scene.join("ben");
    scene.hush();
    scene.ask(ben, 1, chat_edit("1", "once upon a time"));
    scene.ask(ben, 2, chat_delete("2"));
    assert_eq!(
        scene.heard(ben),
        [
            "#2 CHAT_EDITED 1 ben: once upon a time",
            "ACK → 1",
            "#3 CHAT_DELETED 2 by ben",
            "ACK → 2",
        ]
    );
    assert_eq!(scene.shelf.chat[&2], deleted(2, "ben"));
}

#[test]
fn what_is_not_there_cannot_be_amended() {
    let (mut scene, _, ben) = pair();
    for id in ["2", "0", "-1", "01", "+1", "x", ""] {
        for command in [chat_edit(id, "never"), chat_delete(id)] {
            scene.ask(ben, 1, command);
            assert_eq!(scene.heard(ben), ["ERROR message_not_found → 1"], "{id:?}");
        }
    }
    scene.tell(ben, chat_delete("1"));
    scene.hush();
    scene.ask(ben, 2, chat_edit("1", "it lives"));
    assert_eq!(scene.heard(ben), ["ERROR message_not_found → 2"]);
    assert_eq!(page(&scene), [deleted(1, "ben")]);
}

#[test]
fn a_repeated_amendment_is_acknowledged_and_told_once() {
    let (mut scene, anna, ben) = pair();
    for id in [1, 2] {
        scene.ask(ben, id, chat_edit("1", "hello all"));
    }
    for id in [3, 4] {
        scene.ask(ben, id, chat_delete("1"));
    }
    assert_eq!(scene.heard_of(ben, "→"), ["ACK → 1", "ACK → 2", "ACK → 3", "ACK → 4"]);
    let told = ["#4 CHAT_EDITED 1 ben: hello all", "#5 CHAT_DELETED 1 by ben"];
    assert_eq!(scene.heard(anna), told);
}

#[test]
fn amendments_of_one_batch_are_made_in_their_order() {
    let (mut scene, anna, ben) = pair();
    scene.store = Store::Slow;
    scene.ask(anna, 1, chat("wait"));
    scene.ask(ben, 2, chat_edit("1", "one"));
    scene.ask(ben, 3, chat("two"));
    scene.ask(anna, 4, chat_delete("1"));
    scene.ask(ben, 5, chat_edit("1", "three"));
    scene.release();
    assert_eq!(
        scene.heard(ben),
        [
            "#4 CHAT_MESSAGE 2 anna: wait",
            "#5 CHAT_EDITED 1 ben: one",
            "ACK → 2",
            "#6 CHAT_MESSAGE 3 ben: two",
            "ACK → 3",
            "#7 CHAT_DELETED 1 by anna",
            "ERROR message_not_found → 5",
        ]
    );
}

#[test]
fn a_failing_store_means_unavailable_and_the_message_stays_as_it_was() {
    let (mut scene, anna, ben) = pair();
    scene.store = Store::Broken;
    scene.ask(ben, 1, chat_edit("1", "never"));
    scene.ask(ben, 2, chat_delete("1"));
    assert_eq!(scene.heard(ben), ["ERROR unavailable → 1", "ERROR unavailable → 2"]);
    assert!(scene.heard(anna).is_empty());
    assert_eq!(page(&scene), [message(1, "ben", "hello")]);
}

#[test]
fn a_deletion_that_the_store_kept_in_secret_is_told_when_it_is_asked_for_again() {
    let (mut scene, anna, ben) = pair();
    scene.store = Store::Slow;
    scene.ask(ben, 1, chat_delete("1"));
    let batch = scene.batches.last().expect("the store has it").clone();
    scene.shelf.write(&batch);
    scene.input(Input::Stored { batch: batch.batch, outcome: Err(StoreFault) });
    assert_eq!(scene.heard(ben), ["ERROR unavailable → 1"]);
    scene.store = Store::Prompt;
    scene.ask(ben, 2, chat_delete("1"));
    assert_eq!(scene.heard_of(ben, "→"), ["ACK → 2"]);
    assert_eq!(scene.heard(anna), ["#4 CHAT_DELETED 1 by ben"]);
    assert_eq!(page(&scene), [deleted(1, "ben")]);
}

#[test]
fn a_message_in_doubt_that_is_deleted_is_never_told_with_its_text() {
    let (mut scene, anna, ben) = pair();
    scene.store = Store::Broken;
    scene.ask(ben, 1, chat_once("secret", "x"));
    scene.store = Store::Prompt;
    scene.shelf.chat.insert(2, message(2, "ben", "secret"));
    scene.duplicates.insert("x".to_owned(), 2);
    scene.ask(ben, 2, chat_delete("2"));
    scene.ask(ben, 3, chat_once("secret", "x"));
    assert_eq!(scene.heard(anna), ["#4 CHAT_DELETED 2 by ben", "#5 CHAT_MESSAGE 2 ben: (deleted)"]);
}

#[test]
fn the_new_text_obeys_the_rules_of_the_old() {
    let (mut scene, _, ben) = pair();
    for text in ["", "   ", "nul \0", &"ñ".repeat(limits::CHAT_CHARS + 1)] {
        scene.ask(ben, 1, chat_edit("1", text));
        assert_eq!(scene.heard(ben), ["ERROR invalid → 1"]);
    }
}

#[test]
fn who_is_spoken_to_is_told_each_once() {
    let (mut scene, anna, ben) = pair();
    scene.tell(ben, chat_to("@anna look", &["anna", "anna", "somebody gone"]));
    let frames = scene.frames(anna);
    let Event::ChatMessage(said) = &frames[0].event else { panic!("{frames:?}") };
    assert_eq!(said.mentions, ["anna".into(), "somebody gone".into()]);
    scene.tell(ben, chat_edit("2", "look"));
    assert_eq!(page(&scene)[1].mentions, []);
}

#[test]
fn a_message_speaks_to_20_people_at_most() {
    let (mut scene, _, ben) = pair();
    let people = |count: usize| -> Command {
        let mentions = (0..count).map(|number| format!("p{number}").as_str().into()).collect();
        let text = "all of you".to_owned();
        Command::ChatSend(ChatSend { text, client_id: None, reply_to: None, mentions })
    };
    scene.ask(ben, 1, people(limits::CHAT_MENTIONS));
    scene.ask(ben, 2, people(limits::CHAT_MENTIONS + 1));
    scene.ask(ben, 3, chat_to("you", &[&"x".repeat(201)]));
    scene.ask(ben, 4, chat_to("you", &["a\nb"]));
    assert_eq!(
        scene.heard_of(ben, "→"),
        ["ACK → 1", "ERROR invalid → 2", "ERROR invalid → 3", "ERROR invalid → 4"]
    );
}

#[test]
fn an_amendment_over_http_is_answered_when_it_is_stored() {
    let (mut scene, anna, _) = pair();
    scene.store = Store::Slow;
    assert_eq!(scene.ask_over_http(person("ben"), chat_delete("1")), None);
    scene.release();
    assert_eq!(scene.answers.last().map(|(_, it)| it.clone()), Some(Ok(())));
    assert_eq!(scene.heard(anna), ["#4 CHAT_DELETED 1 by ben"]);
}

#[test]
fn what_a_guest_said_is_the_accounts_it_becomes() {
    let (mut scene, _, _) = pair();
    scene.input(Input::Inherit { from: "ben".into(), to: "benjamin".into() });
    let expected = ChatMessage { user_id: "benjamin".into(), ..message(1, "ben", "hello") };
    assert_eq!(page(&scene), [expected]);
}
