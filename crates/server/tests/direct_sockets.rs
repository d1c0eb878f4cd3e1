//! Direct messages over Socket.IO: every event of theirs, on one node and on several.

#![allow(clippy::unwrap_used)]

mod nodes;
mod support;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use nodes::Site;
use serde_json::{Value, json};
use support::client::Client;
use support::{Account, TestServer};

async fn connect(server: &TestServer, who: &Account) -> Client {
    Client::connect(server.address, Some(&who.access)).await
}

fn message(from: &Account, to: &Account, text: &str) -> Value {
    json!({ "fromClerkId": from.id, "toClerkId": to.id, "text": text })
}

async fn contacts(server: &TestServer, who: &Account) -> Value {
    server.get("/contacts").bearer(&who.access).send().await.json()["contacts"].clone()
}

#[tokio::test]
async fn a_message_reaches_every_socket_of_its_receiver_and_its_sender_is_told() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada_l").await, server.register("bob_b").await);
    let mut from = connect(&server, &ada).await;
    let registered = from.ask("register_user", json!({ "clerkId": ada.id })).await;
    assert_eq!(registered["success"], true);
    assert_eq!(registered["clerkId"], ada.id.as_str());
    let mut elsewhere = connect(&server, &ada).await;
    let (mut one, mut two) = (connect(&server, &bob).await, connect(&server, &bob).await);

    from.emit("send_message", message(&ada, &bob, "<b>hello</b>")).await;
    let sent = from.until("message_sent").await;
    let delivered = from.until("message_delivered").await;
    assert_eq!(delivered["messageId"], sent["messageId"]);
    assert_eq!(delivered["status"], "delivered");
    for socket in [&mut one, &mut two] {
        let received = socket.until("receive_message").await;
        assert_eq!(
            received,
            json!({
                "messageId": sent["messageId"], "from": ada.id, "fromClerkId": ada.id,
                "toClerkId": bob.id, "text": "<b>hello</b>", "content": "<b>hello</b>",
                "timestamp": sent["timestamp"], "conversationId": sent["conversationId"],
                "messageType": "text"
            })
        );
    }
    // Another tab of the sender has it as well.
    assert_eq!(elsewhere.until("message_mirrored").await["messageId"], sent["messageId"]);
    assert_eq!(contacts(&server, &bob).await[0]["unreadCount"], 1);

    let read = json!({ "messageIds": [sent["messageId"], 999_999] });
    one.emit("mark_as_read", read).await;
    for socket in [&mut one, &mut two, &mut from, &mut elsewhere] {
        let read = socket.until("messages_read").await;
        assert_eq!(read["messageIds"], json!([sent["messageId"]]));
        assert!(read["readAt"].is_string());
    }
    assert_eq!(contacts(&server, &bob).await[0]["unreadCount"], 0);
}

#[tokio::test]
async fn a_message_to_somebody_who_is_away_waits_and_one_sent_twice_is_stored_once() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada_l").await, server.register("bob_b").await);
    let mut from = connect(&server, &ada).await;
    let mut form = message(&ada, &bob, "are you there?");
    form["clientMessageId"] = json!("m1");
    let mut ids = Vec::new();
    for _ in 0..3 {
        from.emit("send_message", form.clone()).await;
        ids.push(from.until("message_sent").await["messageId"].clone());
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    from.emit("send_message", message(&ada, &bob, "another")).await;
    assert_eq!(from.until("message_sent").await.as_object().unwrap().len(), 3);
    loop {
        let delivered = from.until("message_delivered").await;
        if delivered["messageId"] != ids[0] {
            assert_eq!(delivered["status"], "saved");
            assert!(delivered["note"].is_string());
            break;
        }
    }
    assert_eq!(contacts(&server, &bob).await[0]["unreadCount"], 2);
    let path = format!("/conversations/with/{}/messages", ada.id);
    let page = server.get(&path).bearer(&bob.access).send().await.json();
    let texts: Vec<&Value> =
        page["messages"].as_array().unwrap().iter().map(|it| &it["content"]).collect();
    assert_eq!(texts, [&json!("another"), &json!("are you there?")]);
}

#[tokio::test]
async fn what_is_missing_wrong_or_somebody_elses_is_told_as_a_failure() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada_l").await, server.register("bob_b").await);
    let mut socket = connect(&server, &ada).await;
    let missing = "Missing required fields";
    for (event, form, error) in [
        ("send_message", json!({}), missing),
        ("send_message", json!(null), missing),
        ("send_message", json!("text"), missing),
        ("send_message", json!({ "fromClerkId": ada.id, "toClerkId": bob.id }), missing),
        ("send_message", json!({ "fromClerkId": 7, "toClerkId": bob.id, "text": "x" }), missing),
        ("send_message", message(&bob, &ada, "x"), "That is not who you are signed in as"),
        ("mark_as_read", json!({}), missing),
        ("mark_as_read", json!({ "messageIds": "all" }), missing),
        ("typing_start", json!({ "fromClerkId": ada.id }), missing),
        (
            "typing_stop",
            json!({ "fromClerkId": bob.id, "toClerkId": ada.id }),
            "That is not who you are signed in as",
        ),
        ("register_user", json!({}), missing),
    ] {
        socket.emit(event, form.clone()).await;
        assert_eq!(
            socket.until("message_failed").await,
            json!({ "error": error }),
            "{event} {form}"
        );
        // With an acknowledgement, it says so as well.
        let answer = socket.ask(event, form).await;
        assert_eq!(answer["error"], error);
        socket.until("message_failed").await;
    }
    let many: Vec<u64> = (0..100_000).collect();
    let answer = socket.ask("mark_as_read", json!({ "messageIds": many })).await;
    assert_eq!(answer["code"], "invalid", "{answer}");
    let answer = socket.ask("send_message", message(&ada, &bob, &"x".repeat(4_001))).await;
    assert_eq!(answer["code"], "invalid", "{answer}");
    let nobody = json!({ "fromClerkId": ada.id, "toClerkId": "nobody", "text": "x" });
    assert_eq!(socket.ask("send_message", nobody).await["code"], "user_not_found");
    // A guest has no direct messages, and without an identity nothing is heard at all.
    let guest = server.guest("Gina").await;
    let mut socket = connect(&server, &guest).await;
    let answer = socket.ask("send_message", message(&guest, &ada, "x")).await;
    assert_eq!(answer["code"], "account_required");
    let mut socket = Client::connect(server.address, None).await;
    let answer = socket.ask("send_message", message(&ada, &bob, "x")).await;
    assert_eq!(answer["code"], "missing_token");
    assert_eq!(contacts(&server, &bob).await, json!([]));
}

#[tokio::test]
async fn every_documented_event_is_known_and_no_other() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let mut socket = connect(&server, &ada).await;
    let document = server.get("/api/asyncapi.json").send().await.json();
    let messages = document["channels"]["direct"]["messages"].as_object().unwrap();
    let operations = document["operations"].as_object().unwrap();
    let mut known = 0;
    for name in messages.keys() {
        let is_asked = operations.contains_key(&format!("direct.{name}"));
        let answer = socket.ask(name, json!({})).await;
        assert_eq!(answer["code"] != "unknown_event", is_asked, "{name}: {answer}");
        known += usize::from(is_asked);
    }
    assert_eq!(known, 6);
    let own = json!({ "clerkId": ada.id, "token": ada.access });
    assert_eq!(socket.ask("authenticate", own.clone()).await, json!({ "authenticated": true }));
    assert_eq!(socket.ask("register_user", own).await["success"], true);
}

#[tokio::test]
async fn typing_is_told_once_and_ends_by_itself() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada_l").await, server.register("bob_b").await);
    let (mut from, mut to) = (connect(&server, &ada).await, connect(&server, &bob).await);
    let pair = json!({ "fromClerkId": ada.id, "toClerkId": bob.id });
    let typing =
        |is_typing| json!({ "userId": ada.id, "fromClerkId": ada.id, "isTyping": is_typing });
    for _ in 0..3 {
        from.ask("typing_start", pair.clone()).await;
    }
    assert_eq!(to.until("user_typing").await, typing(true));
    from.ask("typing_stop", pair.clone()).await;
    assert_eq!(to.until("user_typing").await, typing(false));
    from.ask("typing_start", pair).await;
    assert_eq!(to.until("user_typing").await, typing(true));
    // Its client says nothing more.
    assert_eq!(to.until("user_typing").await, typing(false));
}

#[tokio::test]
async fn contacts_are_told_who_comes_and_goes_over_all_of_their_sockets() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada_l").await, server.register("bob_b").await);
    let mut watching = connect(&server, &bob).await;
    let mut first = connect(&server, &ada).await;
    // A first message makes each the other's contact.
    first.ask("send_message", message(&ada, &bob, "hello")).await;
    watching.until("receive_message").await;
    let second = connect(&server, &ada).await;
    first.close().await;
    // One socket is left; nobody is told anything, so the next is about the last one.
    second.close().await;
    let status = |status| json!({ "clerkId": ada.id, "status": status });
    let mut told = watching.until("user_status").await;
    if told == status("online") {
        // Her coming was told a moment after she had written.
        told = watching.until("user_status").await;
    }
    assert_eq!(told, status("offline"));
    assert_eq!(contacts(&server, &bob).await[0]["status"], "offline");
    let _again = connect(&server, &ada).await;
    assert_eq!(watching.until("user_status").await, status("online"));
    assert_eq!(contacts(&server, &bob).await[0]["status"], "online");
}

#[tokio::test]
async fn what_is_done_over_rest_is_told_over_sockets() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada_l").await, server.register("bob_b").await);
    let (mut from, mut to) = (connect(&server, &ada).await, connect(&server, &bob).await);
    let form = json!({ "toClerkId": bob.id, "text": "by REST", "clientMessageId": "c1" });
    let sent = server.post("/api/v1/direct/messages").bearer(&ada.access).json(&form).send().await;
    let id = sent.json()["messageId"].clone();
    assert_eq!(to.until("receive_message").await["messageId"], id);
    assert_eq!(from.until("message_mirrored").await["messageId"], id);
    let read = server.post("/api/v1/direct/read").bearer(&bob.access);
    let read = read.json(&json!({ "messageIds": [id] })).send().await;
    assert_eq!(read.status / 100, 2, "{}", read.text());
    assert_eq!(from.until("messages_read").await["messageIds"], json!([id]));
}

#[tokio::test]
async fn a_trusted_client_may_say_who_it_is_and_no_other() {
    let trusting = TestServer::with(&[("insecure_trust_clerk_id", "true")]).await;
    let mut socket = Client::connect(trusting.address, None).await;
    let answer = socket.ask("register_user", json!({ "clerkId": "user_from_outside" })).await;
    assert_eq!(answer["clerkId"], "user_from_outside", "{answer}");
    let another = socket.ask("register_user", json!({ "clerkId": "user_somebody_else" })).await;
    assert_eq!(another["code"], "forbidden");
    // An account of ours is nobody's to claim.
    let ada = trusting.register("ada_l").await;
    let mut socket = Client::connect(trusting.address, None).await;
    let answer = socket.ask("register_user", json!({ "clerkId": ada.id })).await;
    assert_eq!(answer["code"], "missing_token", "{answer}");
    let usual = TestServer::start().await;
    let mut socket = Client::connect(usual.address, None).await;
    let answer = socket.ask("register_user", json!({ "clerkId": "user_from_outside" })).await;
    assert_eq!(answer["code"], "missing_token", "{answer}");
}

#[tokio::test]
async fn a_server_that_stops_amid_events_ends_each_core_in_order() {
    static FAILED: AtomicUsize = AtomicUsize::new(0);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |why| {
        if std::thread::current().name().is_some_and(|name| name.starts_with("core-")) {
            FAILED.fetch_add(1, Ordering::Relaxed);
        }
        usual(why);
    }));
    let server = TestServer::with(&[("insecure_no_rate_limits", "true")]).await;
    let (ada, bob) = (server.register("ada_l").await, server.register("bob_b").await);
    let pair = json!({ "fromClerkId": ada.id, "toClerkId": bob.id });
    let mut clients = Vec::new();
    for _ in 0..32 {
        let mut client = connect(&server, &ada).await;
        for _ in 0..200 {
            client.emit("typing_start", pair.clone()).await;
        }
        clients.push(client);
    }
    // Each of them looks something up in the database at every moment.
    server.stop().await;
    assert_eq!(FAILED.load(Ordering::Relaxed), 0);
}

/// Registers somebody at a node; returns the id and a token.
async fn register(site: &Site, name: &str) -> (String, String) {
    let email = format!("{name}@example.org");
    let form = json!({ "username": name, "email": email, "password": "a password" });
    let made = site.nodes[0].post("/api/v1/auth/register", "", form).await;
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    (text("id"), text("accessToken"))
}

#[tokio::test]
async fn people_at_different_nodes_write_to_each_other_and_see_who_is_there() {
    let mut site = Site::start(3).await;
    let at: Vec<SocketAddr> = site.nodes.iter().map(|node| node.address()).collect();
    let (ada, bob) = (register(&site, "ada_l").await, register(&site, "bob_b").await);
    let mut from = Client::connect(at[0], Some(&ada.1)).await;
    let (mut one, mut two) =
        (Client::connect(at[1], Some(&bob.1)).await, Client::connect(at[2], Some(&bob.1)).await);
    // The node of the receiver says it took the message, once it is known to be there.
    let form = json!({ "fromClerkId": ada.0, "toClerkId": bob.0, "text": "far away" });
    let delivered = loop {
        from.emit("send_message", form.clone()).await;
        from.until("message_sent").await;
        let delivered = from.until("message_delivered").await;
        for socket in [&mut one, &mut two] {
            assert_eq!(socket.until("receive_message").await["text"], "far away");
        }
        // Who is online is written down a moment after they came.
        if delivered["status"] == "delivered" {
            break delivered;
        }
    };
    one.emit("mark_as_read", json!({ "messageIds": [delivered["messageId"]] })).await;
    for socket in [&mut from, &mut one, &mut two] {
        let read = socket.until("messages_read").await;
        assert_eq!(read["messageIds"], json!([delivered["messageId"]]));
    }
    let pair = json!({ "fromClerkId": bob.0, "toClerkId": ada.0 });
    two.emit("typing_start", pair).await;
    assert_eq!(from.until("user_typing").await["isTyping"], true);
    // One of two sockets goes with its node: the person is still there.
    site.nodes[1].kill();
    two.close().await;
    let gone = from.until("user_status").await;
    assert_eq!(gone, json!({ "clerkId": bob.0, "status": "offline" }));
}
