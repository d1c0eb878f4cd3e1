//! Room pages as CuteRooms clients know them: every route and event, over real sockets.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::room_page::{make, messages};
use support::socket::RoomSocket;
use support::stream::{EventStream, request};
use support::{Account, TestServer, refused};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn say(server: &TestServer, room: &str, who: &Account, form: Value) -> Value {
    let answer = messages(server, "POST", room, who).json(&form).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn open(server: &TestServer, room: &str, who: &Account) -> EventStream {
    let bearer = format!("Bearer {}", who.access);
    let query = format!("channel={room}");
    let opened = EventStream::open(server.address, &query, &[("authorization", &bearer)]).await;
    opened.unwrap_or_else(|answer| panic!("{}", answer.text()))
}

/// Returns why a stream is not opened.
async fn refusal(server: &TestServer, room: &str, who: &Account) -> (u16, String) {
    let bearer = format!("Bearer {}", who.access);
    let query = format!("channel={room}");
    let opened = EventStream::open(server.address, &query, &[("authorization", &bearer)]).await;
    opened.err().expect("it is refused").outcome()
}

/// Opens a stream that goes on where another was cut off.
async fn go_on(server: &TestServer, query: &str, who: &Account, seen: Option<&str>) -> EventStream {
    let bearer = format!("Bearer {}", who.access);
    let mut headers = vec![("authorization", bearer.as_str())];
    headers.extend(seen.map(|id| ("last-event-id", id)));
    let opened = EventStream::open(server.address, query, &headers).await;
    opened.unwrap_or_else(|answer| panic!("{}", answer.text()))
}

#[tokio::test]
async fn whoever_has_no_identity_is_given_one_with_the_room() {
    let server = TestServer::start().await;
    let made = server.post("/api/room/create").send().await;
    assert_eq!(made.status, 200, "{}", made.text());
    let cookie = made.cookies()[0].split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("x-auth-token="), "{cookie}");
    let room = made.json()["roomId"].as_str().unwrap().to_owned();
    assert_eq!(room.len(), 22, "128 random bits");

    // The cookie is the creator's: it may erase the room.
    let path = format!("/api/room?roomId={room}");
    let erase = || server.ask("DELETE", &path).origin(&server.origin());
    let stranger = server.guest("Stranger").await;
    let refusal = erase().bearer(&stranger.access).send().await;
    assert_eq!(refusal.outcome(), refused(403, "forbidden"));
    assert_eq!(erase().cookie(&cookie).send().await.status, 200);
    assert_eq!(erase().cookie(&cookie).send().await.outcome(), refused(404, "room_not_found"));

    // Somebody who is known keeps their identity.
    let ada = server.register("ada_l").await;
    let made = server.post("/api/room/create").bearer(&ada.access).send().await;
    assert_eq!((made.status, made.cookies().len()), (200, 0));
}

#[tokio::test]
async fn what_is_said_is_streamed_to_everybody_in_the_order_of_the_socket() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada_l").await, server.guest("Bob").await);
    let room = make(&server, &ada, json!({})).await;
    let mut stream = open(&server, &room, &ada).await;
    let first = stream.next().await.unwrap();
    assert_eq!(first.data, json!({ "type": "connected", "channel": room }));

    let socket = TcpStream::connect(server.address).await.unwrap();
    let mut socket = RoomSocket::open(socket, "localhost", &room, &bob.access).await;
    socket.until("USER_JOINED").await;
    let joined = loop {
        let joined = stream.until("presence.join").await;
        if joined["userId"] == bob.id.as_str() {
            break joined;
        }
    };
    assert_eq!(joined, json!({ "userId": bob.id, "memberCount": 2 }));

    let form = json!({ "sender": "Countess", "text": "<b>one</b>", "unknown": [1] });
    let posted = say(&server, &room, &ada, form).await;
    assert_eq!(posted, json!({ "success": true, "messageId": "1" }));
    let chat = json!({ "type": "CHAT_SEND", "payload": { "text": "two" } });
    socket.send(&chat).await;
    say(&server, &room, &bob, json!({ "text": "three" })).await;

    let mut told = Vec::new();
    let mut heard = Vec::new();
    for _ in 0..3 {
        let message = stream.until("chat.message").await;
        told.push((message["sender"].clone(), message["text"].clone()));
        assert_eq!(message["roomId"], room.as_str());
        assert!(message["timestamp"].as_i64().unwrap() > 1_700_000_000_000);
        let message = socket.until("CHAT_MESSAGE").await;
        heard.push((message["displayName"].clone(), message["text"].clone()));
    }
    let expected = [("Countess", "<b>one</b>"), ("Bob", "two"), ("Bob", "three")];
    let expected: Vec<(Value, Value)> =
        expected.iter().map(|(who, text)| (json!(who), json!(text))).collect();
    assert_eq!(told, expected);
    assert_eq!(heard, expected);

    let listed = messages(&server, "GET", &room, &ada).send().await.json();
    let listed = listed["messages"].as_array().unwrap();
    let shown: Vec<_> = listed.iter().map(|it| (it["text"].clone(), it["mine"].clone())).collect();
    assert_eq!(
        shown,
        [
            (json!("<b>one</b>"), json!(true)),
            (json!("two"), json!(false)),
            (json!("three"), json!(false))
        ]
    );

    socket.close(1000).await;
    let left = stream.until("presence.leave").await;
    assert_eq!(left, json!({ "userId": bob.id, "memberCount": 1 }));
}

#[tokio::test]
async fn a_stream_goes_on_where_it_was_cut_off() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let room = make(&server, &ada, json!({})).await;
    let mut stream = open(&server, &room, &ada).await;
    // Even before anything happened there is something to go on from.
    assert_eq!(stream.next().await.unwrap().data["type"], "connected");
    say(&server, &room, &ada, json!({ "text": "one" })).await;
    stream.until("chat.message").await;
    let seen = stream.last_id().unwrap().to_owned();
    drop(stream);
    for text in ["two", "three"] {
        say(&server, &room, &ada, json!({ "text": text })).await;
    }
    let by_query = format!("channel={room}&last_ack_{room}={seen}");
    let by_header = format!("channel={room}");
    // A browser that comes back names the later one in the header.
    let by_both = format!("channel={room}&last_ack_{room}=0-0");
    for (query, header) in [(&by_query, None), (&by_header, Some(&*seen)), (&by_both, Some(&*seen))]
    {
        let mut stream = go_on(&server, query, &ada, header).await;
        assert_eq!(stream.next().await.unwrap().data["type"], "connected");
        for text in ["two", "three"] {
            assert_eq!(stream.until("chat.message").await["text"], text);
        }
    }
    // What cannot be had is said aloud.
    let mut stream = go_on(&server, &by_header, &ada, Some("0123456789abcdef-3")).await;
    loop {
        let told = stream.next().await.unwrap();
        if told.data["type"] == "gap" {
            assert_eq!(told.data["channel"], room.as_str());
            break;
        }
        assert_ne!(told.data["event"], "chat.message");
    }
}

#[tokio::test]
async fn a_message_that_is_sent_twice_is_stored_once() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let room = make(&server, &ada, json!({})).await;
    let form = json!({ "text": "hello", "clientId": "c1" });
    let first = say(&server, &room, &ada, form.clone()).await;
    assert_eq!(say(&server, &room, &ada, form).await, first);
    let listed = messages(&server, "GET", &room, &ada).send().await.json();
    assert_eq!(listed["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn reading_and_writing_take_a_seat_and_a_full_room_takes_nobody() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let room = make(&server, &ada, json!({ "maxParticipants": 2 })).await;
    let guests = futures_util::future::join_all((0..12).map(|n| {
        let server = &server;
        async move { server.guest(&format!("Guest {n}")).await }
    }))
    .await;
    // All at once, each in its own way.
    let outcomes = futures_util::future::join_all(guests.iter().enumerate().map(|(n, guest)| {
        let (server, room) = (&server, &room);
        async move {
            match n % 3 {
                0 => messages(server, "GET", room, guest).send().await.outcome(),
                1 => {
                    let ask = messages(server, "POST", room, guest);
                    ask.json(&json!({ "text": "hello" })).send().await.outcome()
                }
                _ => {
                    let bearer = format!("Bearer {}", guest.access);
                    let headers = [("authorization", bearer.as_str())];
                    let query = format!("channel={room}");
                    match EventStream::open(server.address, &query, &headers).await {
                        Ok(_) => (200, String::new()),
                        Err(answer) => answer.outcome(),
                    }
                }
            }
        }
    }))
    .await;
    let (within, without): (Vec<_>, Vec<_>) =
        outcomes.into_iter().partition(|(status, _)| *status == 200);
    assert_eq!(within.len(), 2);
    assert!(without.iter().all(|it| *it == refused(403, "room_full")), "{without:?}");
    let path = format!("/api/v1/rooms/{room}/presence");
    let count = server.get(&path).bearer(&ada.access).send().await.json();
    assert_eq!(count["memberCount"], 2);
    // The page's own gate turns people away too.
    let page = server.get(&format!("/room/{room}")).send().await;
    assert_eq!((page.status, page.header("location")), (307, Some("/?error=room-full")));
}

#[tokio::test]
async fn what_is_wrong_is_told_and_changes_nothing() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada_l").await, server.guest("Bob").await);
    let room = make(&server, &ada, json!({})).await;
    let post = |form: Value| messages(&server, "POST", &room, &bob).json(&form).send();
    for form in [
        json!({}),
        json!({ "text": "" }),
        json!({ "text": "  " }),
        json!({ "text": 7 }),
        json!({ "text": "x".repeat(1_001) }),
        json!({ "text": "a\0b" }),
        json!({ "text": "x", "sender": "s".repeat(101) }),
        json!({ "text": "x", "sender": "two\nlines" }),
        json!({ "text": "x", "clientId": "" }),
    ] {
        let answer = post(form.clone()).await;
        assert_eq!(answer.outcome(), refused(422, "invalid"), "{form}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(answer.json()["error"].is_string());
    }
    assert_eq!(post(json!({ "text": "x".repeat(1_000_000) })).await.outcome().1, "too_large");
    assert_eq!(post(json!({ "text": "é".repeat(1_000) })).await.status, 200);
    for form in
        [json!({ "ttlSeconds": 59 }), json!({ "ttlSeconds": 604_801 }), json!({ "name": "" })]
    {
        let ask = server.post("/api/room/create").bearer(&ada.access).json(&form);
        assert_eq!(ask.send().await.outcome(), refused(422, "invalid"), "{form}");
    }
    let unknown = "roomId=no-such-room";
    for (method, path) in [
        ("GET", format!("/api/messages?{unknown}")),
        ("GET", format!("/api/room/ttl?{unknown}")),
        ("DELETE", format!("/api/room?{unknown}")),
        ("GET", "/api/realtime?channel=no-such-room".to_owned()),
    ] {
        let nobody = server.ask(method, &path).send().await;
        assert_eq!(nobody.outcome(), refused(401, "missing_token"), "{path}");
        assert_eq!(nobody.json()["message"], "Missing authentication token");
        let answer = server.ask(method, &path).bearer(&bob.access).send().await;
        assert_eq!(answer.outcome(), refused(404, "room_not_found"), "{path}");
    }
    for path in ["/api/messages", "/api/room/ttl", "/api/realtime", "/api/realtime?channel="] {
        let answer = server.get(path).bearer(&bob.access).send().await;
        assert_eq!(answer.outcome(), refused(422, "invalid"), "{path}");
    }
    let foreign =
        server.get(&format!("/api/realtime?channel={room}")).origin("https://evil.example");
    assert_eq!(foreign.bearer(&bob.access).send().await.outcome(), refused(403, "foreign_origin"));
}

#[tokio::test]
async fn a_page_of_a_listed_site_may_read_the_stream_with_its_cookie() {
    let site = "https://friends.example.org";
    let server = TestServer::with(&[("allowed_origins", site)]).await;
    let ada = server.register("ada_l").await;
    let room = make(&server, &ada, json!({})).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let headers = [("cookie", &*ada.cookie), ("origin", site)];
    let ask = request(&server.address.to_string(), &format!("channel={room}"), &headers);
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut head = String::new();
    while !head.contains("connected") {
        let mut some = [0; 1_024];
        let count = stream.read(&mut some).await.unwrap();
        head.push_str(std::str::from_utf8(&some[..count]).unwrap());
    }
    for line in [
        "access-control-allow-origin: https://friends.example.org\r\n",
        "access-control-allow-credentials: true\r\n",
        "vary: origin\r\n",
        "x-content-type-options: nosniff\r\n",
        "x-accel-buffering: no\r\n",
        "cache-control: no-cache, no-transform\r\n",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
}

#[tokio::test]
async fn a_stream_opens_on_a_connection_that_was_used_before_and_with_what_came_behind() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let room = make(&server, &ada, json!({})).await;
    let host = server.address.to_string();
    let bearer = format!("Bearer {}", ada.access);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // Pipelined: the answer to the first must come before the stream begins.
    let first = format!("GET /health/live HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let second = request(&host, &format!("channel={room}"), &[("authorization", &bearer)]);
    let never = format!("GET /health/ready HTTP/1.1\r\nhost: {host}\r\n\r\n");
    stream.write_all((first + &second + &never).as_bytes()).await.unwrap();
    let mut text = String::new();
    while !text.contains("connected") {
        let mut some = [0; 1_024];
        let count = stream.read(&mut some).await.unwrap();
        assert_ne!(count, 0, "{text}");
        text.push_str(std::str::from_utf8(&some[..count]).unwrap());
    }
    assert_eq!(text.matches("HTTP/1.1 200").count(), 2, "{text}");
    assert!(text.find("application/json").unwrap() < text.find("text/event-stream").unwrap());
}

#[tokio::test]
async fn a_stream_ends_with_its_login_and_with_its_seat() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada_l").await, server.register("bob_b").await);
    let room = make(&server, &ada, json!({})).await;
    let (mut one, mut two) = (open(&server, &room, &ada).await, open(&server, &room, &bob).await);
    let out = server.post("/api/v1/auth/logout").bearer(&bob.access).send().await;
    assert_eq!(out.status, 200);
    // In the time of the test's patience; the promise is 5 s, which no test can time on a busy machine.
    assert!(!two.rest().await.contains(&"chat.destroy".to_owned()));
    assert_eq!(refusal(&server, &room, &bob).await, refused(401, "invalid_token"));

    let carl = server.guest("Carl").await;
    let mut three = open(&server, &room, &carl).await;
    let socket = TcpStream::connect(server.address).await.unwrap();
    let mut socket = RoomSocket::open(socket, "localhost", &room, &ada.access).await;
    let kick = json!({ "type": "KICK", "id": 1, "payload": { "userId": carl.id, "ban": true } });
    socket.send(&kick).await;
    socket.until("ACK").await;
    assert!(!three.rest().await.contains(&"chat.destroy".to_owned()));
    assert_eq!(refusal(&server, &room, &carl).await, refused(403, "banned"));
    drop(socket);

    let path = format!("/api/room?roomId={room}");
    assert_eq!(server.ask("DELETE", &path).bearer(&ada.access).send().await.status, 200);
    assert_eq!(one.until("chat.destroy").await, json!({ "isDestroyed": true }));
    assert_eq!(one.rest().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_stream_that_is_never_read_hurts_nobody() {
    let server = TestServer::with(&[("insecure_no_rate_limits", "true")]).await;
    let (ada, bob) = (server.register("ada_l").await, server.guest("Bob").await);
    let room = make(&server, &ada, json!({})).await;
    let deaf = open(&server, &room, &bob).await;
    let mut stream = open(&server, &room, &ada).await;
    let text = "x".repeat(1_000);
    // Far more than the system keeps for a socket and the hub beside it.
    let mut count = 0;
    loop {
        let batch = (0..64).map(|_| say(&server, &room, &ada, json!({ "text": text })));
        futures_util::future::join_all(batch).await;
        for _ in 0..64 {
            assert_eq!(stream.until("chat.message").await["text"], text.as_str());
        }
        count += 64;
        let path = format!("/api/v1/rooms/{room}/members");
        let members = server.get(&path).bearer(&ada.access).send().await.json();
        let status = members["members"].as_array().unwrap().iter().find_map(|member| {
            (member["userId"] == bob.id.as_str()).then(|| member["status"].clone())
        });
        match status {
            Some(status) if status == "online" => assert!(count < 100_000, "nobody was given up"),
            // Given up; the seat is kept a while.
            _ => break,
        }
    }
    drop(deaf);
}
