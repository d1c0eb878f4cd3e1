//! Socket.IO clients of a site of several nodes: their requests may reach any of them, and they may
//! come back at another one.

#![allow(clippy::unwrap_used)]

mod nodes;
mod support;

use nodes::Site;
use serde_json::{Value, json};
use support::client::Client;
use support::engineio::{Engine, Polling, Wire, told};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a request is answered with whose connection nobody knows.
const UNKNOWN: &str = r#"{"code":1,"message":"Session ID unknown"}"#;

struct Person {
    id: String,
    token: String,
}

impl Person {
    fn connect(&self) -> String {
        format!("40{}", json!({ "token": self.token }))
    }

    /// Returns the packet that writes to somebody.
    fn writes(&self, to: &Person, text: &str) -> String {
        let form = json!({ "fromClerkId": self.id, "toClerkId": to.id, "text": text });
        format!("42{}", json!(["send_message", form]))
    }
}

async fn register(site: &Site, name: &str) -> Person {
    let email = format!("{name}@example.org");
    let form = json!({ "username": name, "email": email, "password": "a password" });
    let made = site.nodes[0].post("/api/v1/auth/register", "", form).await;
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    Person { id: text("id"), token: text("accessToken") }
}

fn engine(site: &Site, node: usize) -> Engine {
    Engine { address: site.nodes[node].address(), root: "/socket.io/" }
}

/// The same connection, whose next request goes to another node.
fn at(polling: &Polling, site: &Site, node: usize) -> Polling {
    Polling { engine: engine(site, node), sid: polling.sid.clone() }
}

/// Polls at one node after the other until an event of that name comes; answers pings.
async fn until(polling: &Polling, site: &Site, name: &str) -> Value {
    for node in (0..site.nodes.len()).cycle() {
        let here = at(polling, site, node);
        let (status, payload) = here.poll().await;
        assert_eq!(status, 200, "{payload}");
        for packet in payload.split('\x1e') {
            if packet == "2" {
                assert_eq!(here.say("3").await.0, 200);
            }
            let Some(text) = packet.strip_prefix("42") else { continue };
            let event: Value = serde_json::from_str(text).unwrap();
            if event[0] == name {
                return event[1].clone();
            }
        }
    }
    unreachable!()
}

#[tokio::test]
async fn the_requests_of_a_connection_may_reach_any_node() {
    let site = Site::start(3).await;
    let (ada, bob) = (register(&site, "ada_l").await, register(&site, "bob_b").await);
    let polling = engine(&site, 0).open().await;
    assert_eq!(at(&polling, &site, 1).say(&ada.connect()).await, (200, "ok".into()));
    assert!(at(&polling, &site, 2).poll().await.1.starts_with("40{"));
    let mut other = Client::connect(site.nodes[2].address(), Some(&bob.token)).await;
    for (node, text) in ["one", "two", "three"].into_iter().enumerate() {
        let here = at(&polling, &site, node);
        assert_eq!(here.say(&ada.writes(&bob, text)).await.0, 200);
        until(&polling, &site, "message_delivered").await;
        assert_eq!(other.until("receive_message").await["text"], text);
        // It is told by a poll that waits at one node or another.
        let form = json!({ "fromClerkId": bob.id, "toClerkId": ada.id, "text": text });
        other.emit("send_message", form).await;
        assert_eq!(until(&polling, &site, "receive_message").await["text"], text);
    }
    // A payload that is as large as it may be, and one that is larger.
    let here = at(&polling, &site, 1);
    let most = format!("42[\"{}\"]", "x".repeat(1_000_000 - 6));
    assert_eq!(here.say(&most).await.0, 200);
    assert_eq!(here.say(&format!("{most}x")).await.0, 413);
}

#[tokio::test]
async fn a_request_to_another_node_is_refused_as_at_its_own() {
    let site = Site::start(2).await;
    let (ada, bob) = (register(&site, "ada_l").await, register(&site, "bob_b").await);
    let own = engine(&site, 0).open_by(|ask| ask.bearer(&ada.token)).await;
    let far = at(&own, &site, 1);
    // Somebody else's token, none, and then the person's own.
    for ask in [far.get().bearer(&bob.token), far.get()] {
        let answer = ask.send().await;
        assert_eq!((answer.status, answer.text()), (400, UNKNOWN.into()));
    }
    let packet = far.post(&ada.connect()).bearer(&ada.token).send().await;
    assert_eq!(packet.status, 200);
    assert!(far.get().bearer(&ada.token).send().await.text().starts_with("40{"));
    // A WebSocket is not opened for a connection of another node: its client goes on polling.
    let path = format!("/socket.io/?EIO=4&transport=websocket&sid={}", own.sid);
    let header = format!("authorization: Bearer {}\r\n", ada.token);
    let refused = Wire::open(site.nodes[1].address(), &path, &header).await;
    assert_eq!(refused.err(), Some(400));
    // Two polls at once are one too many, wherever they are.
    let (one, two) =
        tokio::join!(own.get().bearer(&ada.token).send(), far.get().bearer(&ada.token).send(),);
    let mut ended = [told(&one), told(&two)];
    ended.sort();
    let bad = r#"{"code":3,"message":"Bad request"}"#;
    assert_eq!(ended, [(200, "1".into()), (400, bad.into())]);
    assert_eq!(told(&far.get().bearer(&ada.token).send().await), (400, UNKNOWN.into()));
    // Names that nobody has, at nodes that there are not.
    let known = own.sid.split_once('.').unwrap();
    for sid in [
        known.0.to_owned(),
        format!("{}.0123456789abcdef", known.0),
        format!("{}.{}", "A".repeat(22), known.1),
        format!("{}.{}", known.0, "0".repeat(1_000)),
        format!("{}.", known.0),
    ] {
        let stray = Polling { engine: engine(&site, 1), sid };
        assert_eq!(stray.poll().await, (400, UNKNOWN.into()), "{}", stray.sid);
        assert_eq!(stray.say("3").await, (400, UNKNOWN.into()), "{}", stray.sid);
    }
}

#[tokio::test]
async fn a_poll_ends_with_the_node_of_its_connection_and_a_connection_with_its_poll() {
    let mut site = Site::start(2).await;
    let (ada, bob) = (register(&site, "ada_l").await, register(&site, "bob_b").await);
    let mut other = Client::connect(site.nodes[1].address(), Some(&bob.token)).await;
    // They are each other's contacts, and told who is there.
    let form = json!({ "fromClerkId": bob.id, "toClerkId": ada.id, "text": "hello" });
    other.emit("send_message", form).await;
    other.until("message_sent").await;
    let status = |word: &str| json!({ "clerkId": ada.id, "status": word });

    // Its client goes away while a poll of it waits at the other node.
    let left = engine(&site, 0).open().await;
    assert_eq!(left.say(&ada.connect()).await.0, 200);
    assert!(left.poll().await.1.starts_with("40{"));
    assert_eq!(other.until("user_status").await, status("online"));
    let address = site.nodes[1].address();
    let head = |method: &str, length: usize| {
        let query = left.query();
        format!(
            "{method} /socket.io/?{query} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let mut stream = TcpStream::connect(address).await.unwrap();
    let both = format!("{}3{}", head("POST", 1), head("GET", 0));
    stream.write_all(both.as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\nok") {
        answer.push(stream.read_u8().await.unwrap().into());
    }
    // The answer to the first request was read, so that the second waits.
    drop(stream);
    assert_eq!(other.until("user_status").await, status("offline"));

    // The node dies while one waits.
    let polling = engine(&site, 0).open().await;
    assert_eq!(polling.say(&ada.connect()).await.0, 200);
    assert!(polling.poll().await.1.starts_with("40{"));
    assert_eq!(other.until("user_status").await, status("online"));
    let far = at(&polling, &site, 1);
    let waiting = tokio::spawn(async move { far.get().send().await });
    site.nodes[0].kill();
    let answer = waiting.await.unwrap();
    assert_eq!((answer.status, answer.text()), (400, UNKNOWN.into()));
}

/// Opens a WebSocket whose client wants to know what it misses, and connects with this payload.
async fn recovering(site: &Site, node: usize, payload: &Value) -> (Wire, Value) {
    let query = "EIO=4&transport=websocket&recovery=1";
    let mut wire = engine(site, node).wire(query).await.unwrap();
    wire.text().await;
    wire.send(&format!("40{payload}")).await;
    let answer = wire.text().await;
    (wire, serde_json::from_str(answer.strip_prefix("40").unwrap()).unwrap())
}

/// Reads the next message that is told; returns its text and its offset.
async fn received(wire: &mut Wire) -> (String, String) {
    loop {
        let text = wire.text().await;
        let event: Value = serde_json::from_str(text.strip_prefix("42").unwrap()).unwrap();
        if event[0] == "receive_message" {
            let word = |value: &Value| value.as_str().unwrap().to_owned();
            return (word(&event[1]["text"]), word(&event[2]));
        }
    }
}

#[tokio::test]
async fn a_client_that_comes_back_at_another_node_is_told_what_it_missed() {
    let site = Site::start(3).await;
    let (ada, bob) = (register(&site, "ada_l").await, register(&site, "bob_b").await);
    let mut from = Client::connect(site.nodes[2].address(), Some(&bob.token)).await;
    let send = |text: &str| json!({ "fromClerkId": bob.id, "toClerkId": ada.id, "text": text });
    let (mut wire, first) = recovering(&site, 0, &json!({ "token": ada.token })).await;
    from.emit("send_message", send("a")).await;
    let (text, offset) = received(&mut wire).await;
    assert_eq!(text, "a");
    drop(wire);
    // One by one at all nodes; what was told last is told first again.
    let mut last = offset;
    for (node, texts) in [(1, ["b", "c"]), (2, ["d", "e"]), (0, ["f", "g"])] {
        for text in texts {
            from.emit("send_message", send(text)).await;
            from.until("message_sent").await;
        }
        let back = json!({ "token": ada.token, "pid": first["pid"], "offset": last });
        let (mut wire, again) = recovering(&site, node, &back).await;
        assert_eq!(again, first);
        for text in texts {
            let told = received(&mut wire).await;
            assert_eq!(told.0, text);
            last = told.1;
        }
        // The old connection may not be known to be gone: this one breaks while it is open.
        drop(wire);
    }
    // Nobody has what was never kept.
    let back = json!({ "token": bob.token, "pid": first["pid"], "offset": last });
    let (_wire, other) = recovering(&site, 1, &back).await;
    assert!(other["pid"] != first["pid"] && other["sid"] != first["sid"]);
}
