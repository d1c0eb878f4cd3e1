//! Direct messages beneath the transports: what they are to tell, and whom.

#![allow(clippy::unwrap_used)]

mod support;

use parlor_protocol::direct::OnlineStatus;
use parlor_protocol::direct::socket::{DeliveryStatus, UserStatus};
use parlor_protocol::{ClerkId, Code, UserId};
use parlor_room::Principal;
use parlor_server::direct::{Direct, News, Reach};
use parlor_store::{DirectPerson, DirectSettingsChange, Party};
use serde_json::json;
use support::{Account, TestServer};

struct Cast {
    server: TestServer,
    ada: DirectPerson,
    bob: DirectPerson,
    ada_account: Account,
}

impl Cast {
    async fn gather() -> Self {
        let server = TestServer::start().await;
        let (one, other) = (server.register("ada_l").await, server.register("bob_b").await);
        let (ada, bob) = (own(&server, &one).await, own(&server, &other).await);
        Self { server, ada, bob, ada_account: one }
    }

    fn direct(&self) -> &Direct {
        &self.server.app().direct
    }

    async fn bob_wants_to_be_asked(&self) {
        let change = DirectSettingsChange { strangers_ask: Some(true), is_searchable: None };
        self.server.app().store.set_direct_settings(&self.bob.user_id, change).await.unwrap();
    }
}

async fn own(server: &TestServer, account: &Account) -> DirectPerson {
    let who = Principal {
        user_id: UserId::from(account.id.as_str()),
        display_name: "".into(),
        is_guest: false,
    };
    server.app().direct.own(&who).await.unwrap()
}

fn party(person: &DirectPerson) -> Party {
    Party { user_id: person.user_id.clone(), clerk_id: person.clerk_id.clone() }
}

#[tokio::test]
async fn a_message_says_what_each_of_the_two_is_told() {
    let cast = Cast::gather().await;
    let (ada, bob) = (&cast.ada, &cast.bob);
    let name = Some("m1".to_owned());
    let sent =
        cast.direct().send(ada, bob.clerk_id.clone(), "hi".into(), name.clone()).await.unwrap();
    assert_eq!((&sent.receiver, sent.reach), (&party(bob), Reach::Told));
    assert!(sent.is_to_be_told());
    let told = serde_json::to_value(sent.to_receiver()).unwrap();
    assert_eq!(
        told,
        json!({
            "messageId": sent.message.id, "from": ada.clerk_id, "fromClerkId": ada.clerk_id,
            "toClerkId": bob.clerk_id, "text": "hi", "content": "hi",
            "timestamp": sent.timestamp(), "conversationId": sent.message.conversation_id,
            "messageType": "text",
        })
    );
    assert_eq!(sent.delivered(true).status, DeliveryStatus::Delivered);
    assert_eq!(sent.delivered(false).status, DeliveryStatus::Saved);
    let again = cast.direct().send(ada, bob.clerk_id.clone(), "hi".into(), name).await.unwrap();
    assert_eq!(again.to_sender(), sent.to_sender());
    assert!(!again.is_to_be_told(), "the receiver was told at first");

    let read = cast.direct().mark_read(bob, &[sent.message.id, 99]).await.unwrap();
    assert_eq!(read.to_reader().message_ids, [sent.message.id]);
    let authors: Vec<_> =
        read.to_authors().map(|(author, event)| (author.clone(), event.message_ids)).collect();
    assert_eq!(authors, [(party(ada), vec![sent.message.id])]);
}

#[tokio::test]
async fn a_request_shows_neither_that_it_arrived_nor_that_it_was_read() {
    let cast = Cast::gather().await;
    let (ada, bob) = (&cast.ada, &cast.bob);
    cast.bob_wants_to_be_asked().await;
    let sent = cast.direct().send(ada, bob.clerk_id.clone(), "hi".into(), None).await.unwrap();
    assert_eq!(sent.reach, Reach::Asked);
    assert!(!sent.is_to_be_told());
    assert_eq!(sent.delivered(true).status, DeliveryStatus::Saved);
    let read = cast.direct().mark_read(bob, &[sent.message.id]).await.unwrap();
    assert_eq!(read.to_reader().message_ids, [sent.message.id]);
    assert_eq!(read.by_author, []);
}

#[tokio::test]
async fn typing_is_shown_to_those_alone_who_may_know_and_want_to() {
    let cast = Cast::gather().await;
    let (ada, bob) = (&cast.ada, &cast.bob);
    let typing = async |one: &DirectPerson, other: &DirectPerson| {
        cast.direct().typing(one, &other.clerk_id).await.unwrap()
    };
    assert_eq!(typing(ada, bob).await, Some(party(bob)));
    assert_eq!(typing(ada, ada).await, None);
    cast.bob_wants_to_be_asked().await;
    assert_eq!(typing(ada, bob).await, None, "a stranger, who has to ask first");
    cast.direct().send(ada, bob.clerk_id.clone(), "hi".into(), None).await.unwrap();
    assert_eq!(typing(ada, bob).await, None, "it was not answered yet");
    assert_eq!(typing(bob, ada).await, None, "that would be an answer");
    cast.direct().send(bob, ada.clerk_id.clone(), "hello".into(), None).await.unwrap();
    assert_eq!(typing(ada, bob).await, Some(party(bob)));
    assert_eq!(typing(bob, ada).await, Some(party(ada)));
    cast.server.app().store.block(&bob.clerk_id, &ada.clerk_id, 0).await.unwrap();
    assert_eq!(typing(ada, bob).await, None);
    assert_eq!(typing(bob, ada).await, None);
    let nobody = cast.direct().typing(ada, &ClerkId::from("nobody")).await.unwrap_err();
    assert_eq!(nobody.code, Code::UserNotFound);
}

#[tokio::test]
async fn contacts_who_were_accepted_are_told_who_is_online() {
    let cast = Cast::gather().await;
    let (ada, bob) = (&cast.ada, &cast.bob);
    let changed = vec![ada.user_id.clone(), UserId::from("nobody")];
    let told =
        async |is_online| cast.direct().told_of_status(changed.clone(), is_online).await.unwrap();
    assert_eq!(told(true).await[0].told, []);
    cast.direct().send(bob, ada.clerk_id.clone(), "hi".into(), None).await.unwrap();
    let changes = told(true).await;
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].told, [party(bob)]);
    let event = UserStatus { clerk_id: ada.clerk_id.clone(), status: OnlineStatus::Online };
    assert_eq!(changes[0].event(), event);
}

#[tokio::test]
async fn what_is_done_over_rest_is_announced() {
    let cast = Cast::gather().await;
    let mut news = cast.direct().listen();
    let form = json!({ "toClerkId": cast.bob.clerk_id, "text": "hi" });
    let ask = cast.server.post("/api/v1/direct/messages").bearer(&cast.ada_account.access);
    let answer = ask.json(&form).send().await.json();
    let News::Sent(sent) = news.recv().await.unwrap() else { panic!("no message") };
    assert_eq!(json!(sent.message.id), answer["messageId"]);
    let form = json!({ "messageIds": [sent.message.id] });
    let ask = cast.server.post("/api/v1/direct/read").bearer(&cast.ada_account.access);
    assert_eq!(ask.json(&form).send().await.status, 200);
    let News::Read(read) = news.recv().await.unwrap() else { panic!("nothing read") };
    assert_eq!((read.ids.len(), read.by_author.len()), (0, 0), "it is not to her");
}
