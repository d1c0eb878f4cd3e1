//! Socket.IO clients of a real server: who they are, what they may, what they are told.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use parlor_protocol::UserId;
use parlor_protocol::limits::SOCKETS_PER_PERSON;
use parlor_server::config::SocketSettings;
use serde_json::{Value, json};
use support::TestServer;
use support::engineio::{Engine, Heard, Polling, Wire};
use tokio::io::AsyncWriteExt;

const ROOT: &str = "/socket.io/";

fn engine(server: &TestServer) -> Engine {
    Engine { address: server.address, root: ROOT }
}

/// Opens a WebSocket and connects with this payload; returns the answer.
async fn connect(server: &TestServer, payload: &str) -> (Wire, String) {
    let mut wire = engine(server).socket().await;
    wire.send(&format!("40{payload}")).await;
    let answer = wire.text().await;
    (wire, answer)
}

/// Opens a WebSocket for whoever has this token.
async fn connect_as(server: &TestServer, token: &str) -> Wire {
    let (wire, answer) = connect(server, &json!({ "token": token }).to_string()).await;
    assert!(answer.starts_with("40{\"sid\":"), "{answer}");
    wire
}

/// Sends an event with an id and returns what it is answered with, and the events before that.
async fn ask(wire: &mut Wire, name: &str, form: Value) -> (Value, Vec<Value>) {
    wire.send(&format!("427{}", json!([name, form]))).await;
    let mut events = Vec::new();
    loop {
        let text = wire.text().await;
        if let Some(answer) = text.strip_prefix("437") {
            let answer: Value = serde_json::from_str(answer).unwrap();
            return (answer[0].clone(), events);
        }
        events.push(event(&text));
    }
}

fn event(text: &str) -> Value {
    serde_json::from_str(text.strip_prefix("42").unwrap_or_else(|| panic!("{text}"))).unwrap()
}

fn missing_token() -> Value {
    json!({ "error": "Missing authentication token", "code": "missing_token" })
}

#[tokio::test]
async fn the_token_of_the_connect_packet_proves_who_somebody_is() {
    let server = TestServer::start().await;
    let ada = server.register("ada1").await;
    let mut wire = connect_as(&server, &ada.access).await;
    let (answer, events) = ask(&mut wire, "register_user", json!({ "clerkId": ada.id })).await;
    assert_eq!((&answer["success"], &answer["clerkId"]), (&json!(true), &json!(ada.id)));
    assert_eq!(events, [json!(["registered", answer])]);
}

#[tokio::test]
async fn the_first_request_proves_who_somebody_is_by_cookie_or_header() {
    let server = TestServer::start().await;
    let ada = server.register("ada1").await;
    let headers = [
        format!("cookie: {}\r\n", ada.cookie),
        format!("authorization: Bearer {}\r\n", ada.access),
    ];
    for header in headers {
        let path = format!("{ROOT}?EIO=4&transport=websocket");
        let mut wire = Wire::open(server.address, &path, &header).await.unwrap();
        wire.text().await;
        wire.send("40").await;
        wire.text().await;
        let (answer, _) = ask(&mut wire, "register_user", json!({ "clerkId": ada.id })).await;
        assert_eq!(answer["success"], true);
    }
}

#[tokio::test]
async fn a_cookie_that_another_site_had_sent_is_no_proof() {
    let server = TestServer::start().await;
    let ada = server.register("ada1").await;
    let asked = engine(&server).ask("GET", "EIO=4&transport=polling");
    let foreign = asked.cookie(&ada.cookie).origin("https://evil.example").send().await;
    assert_eq!(foreign.outcome(), (403, "foreign_origin".into()));
    let path = format!("{ROOT}?EIO=4&transport=websocket");
    let header = format!("cookie: {}\r\nsec-fetch-site: cross-site\r\n", ada.cookie);
    let mut wire = Wire::open(server.address, &path, &header).await.unwrap();
    wire.text().await;
    wire.send("40").await;
    wire.text().await;
    let (answer, _) = ask(&mut wire, "register_user", json!({ "clerkId": ada.id })).await;
    assert_eq!(answer, missing_token());
}

#[tokio::test]
async fn a_bad_token_is_refused_and_a_good_one_may_follow() {
    let server = TestServer::start().await;
    let ada = server.register("ada1").await;
    let (mut wire, answer) = connect(&server, r#"{"token":"forged"}"#).await;
    let refused = r#"44{"message":"Invalid or expired token","data":{"code":"invalid_token"}}"#;
    assert_eq!(answer, refused);
    wire.send(r#"40{"token":7}"#).await;
    assert_eq!(wire.text().await, refused);
    wire.send(&format!("40{}", json!({ "token": ada.access }))).await;
    assert!(wire.text().await.starts_with("40{"));
}

#[tokio::test]
async fn who_has_proved_nothing_may_do_nothing_but_prove_it() {
    let server = TestServer::start().await;
    let ada = server.register("ada1").await;
    let (mut wire, _) = connect(&server, "").await;
    assert_eq!(ask(&mut wire, "send_message", json!({})).await, (missing_token(), vec![]));
    wire.send(r#"42["send_message",{}]"#).await;
    let mut told = missing_token();
    told["event"] = json!("send_message");
    assert_eq!(event(&wire.text().await), json!(["error", told]));
    let (answer, _) = ask(&mut wire, "authenticate", json!({ "token": "forged" })).await;
    assert_eq!(answer["code"], "invalid_token");
    let (answer, _) = ask(&mut wire, "authenticate", json!({ "token": ada.access })).await;
    assert_eq!(answer, json!({ "authenticated": true }));
    let (answer, _) = ask(&mut wire, "fly", json!({})).await;
    let unknown =
        json!({ "error": "This server does not know that event", "code": "unknown_event" });
    assert_eq!(answer, unknown);
}

#[tokio::test]
async fn a_user_registers_with_a_token_of_their_own() {
    let server = TestServer::start().await;
    let ada = server.register("ada1").await;
    let (mut wire, _) = connect(&server, "").await;
    let form = json!({ "clerkId": ada.id, "token": ada.access });
    assert_eq!(ask(&mut wire, "register_user", form).await.0["success"], true);
    assert_eq!(server.app().sockets.count(&UserId::from(ada.id)).await, 1);
}

#[tokio::test]
async fn nobody_registers_as_somebody_else() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada1").await, server.register("bob1").await);
    let mut wire = connect_as(&server, &ada.access).await;
    for (form, error, code) in [
        (json!({ "clerkId": bob.id }), "clerkId is not yours", "forbidden"),
        (json!({}), "Missing required fields", "invalid"),
        (json!({ "clerkId": 7 }), "Missing required fields", "invalid"),
        (
            json!({ "clerkId": ada.id, "token": bob.access }),
            "You are not allowed to do that",
            "forbidden",
        ),
    ] {
        let (answer, events) = ask(&mut wire, "register_user", form).await;
        assert_eq!(answer, json!({ "error": error, "code": code }));
        assert_eq!(events, [json!(["message_failed", { "error": error }])]);
    }
    wire.send(&format!("42{}", json!(["register_user"]))).await;
    let told = json!(["message_failed", { "error": "Missing required fields" }]);
    assert_eq!(event(&wire.text().await), told);
}

#[tokio::test]
async fn a_connection_stays_with_its_person() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada1").await, server.register("bob1").await);
    let mut wire = connect_as(&server, &ada.access).await;
    let (answer, _) = ask(&mut wire, "authenticate", json!({ "token": bob.access })).await;
    assert_eq!(answer["code"], "forbidden");
    let (answer, _) = ask(&mut wire, "authenticate", json!({ "token": ada.access })).await;
    assert_eq!(answer["authenticated"], true);
}

#[tokio::test]
async fn who_proves_nothing_in_time_is_sent_out() {
    let proof_wait = Duration::from_millis(200);
    let sockets = SocketSettings { proof_wait, ..SocketSettings::default() };
    let server = TestServer::with_sockets(&[], sockets).await;
    let (mut wire, _) = connect(&server, "").await;
    let mut told = missing_token();
    told["event"] = Value::Null;
    assert_eq!(event(&wire.text().await), json!(["error", told]));
    assert_eq!(wire.text().await, "41");
    assert_eq!(wire.heard().await, Heard::Closed(Some(1000)));
    let mut silent = engine(&server).socket().await;
    assert_eq!(silent.heard().await, Heard::Closed(Some(1000)));
}

#[tokio::test]
async fn a_connection_answers_to_nobody_elses_requests() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada1").await, server.register("bob1").await);
    let unknown = (400, r#"{"code":1,"message":"Session ID unknown"}"#.to_owned());
    let by_cookie = engine(&server).open_by(|ask| ask.cookie(&ada.cookie)).await;
    let by_token = engine(&server).open().await;
    let connect = format!("40{}", json!({ "token": ada.access }));
    assert_eq!(by_token.say(&connect).await.0, 200);
    assert!(by_token.poll().await.1.starts_with("40{"));
    for polling in [&by_cookie, &by_token] {
        for asks in [polling.get().cookie(&bob.cookie), polling.post("40").bearer(&bob.access)] {
            assert_eq!(support::engineio::told(&asks.send().await), unknown);
        }
        let stolen = format!("{ROOT}?EIO=4&transport=websocket&sid={}", polling.sid);
        let header = format!("authorization: Bearer {}\r\n", bob.access);
        assert_eq!(Wire::open(server.address, &stolen, &header).await.err(), Some(400));
    }
    assert_eq!(by_cookie.poll().await, unknown, "it came with a cookie before");
    let own = by_cookie.post("40").cookie(&ada.cookie).send().await;
    assert_eq!(own.status, 200);
    // Another token of the same person is as good.
    assert_eq!(by_cookie.get().bearer(&ada.access).send().await.status, 200);
    assert_eq!(by_token.say("2").await.0, 400, "clients do not ping in this version");
}

#[tokio::test]
async fn a_revoked_login_ends_its_connections() {
    let server = TestServer::start().await;
    let ada = server.register("ada1").await;
    let mut wire = connect_as(&server, &ada.access).await;
    let polling = engine(&server).open_by(|ask| ask.cookie(&ada.cookie)).await;
    assert_eq!(polling.post("40").cookie(&ada.cookie).send().await.status, 200);
    assert!(polling.get().cookie(&ada.cookie).send().await.text().starts_with("40{"));
    let out = server.post("/api/v1/auth/logout").bearer(&ada.access).send().await;
    assert_eq!(out.status, 200);
    let ended =
        json!({ "event": null, "error": "Invalid or expired token", "code": "invalid_token" });
    assert_eq!(event(&wire.text().await), json!(["error", ended]));
    assert_eq!(wire.text().await, "41");
    assert_eq!(wire.heard().await, Heard::Closed(Some(1000)));
    let last = polling.get().cookie(&ada.cookie).send().await.text();
    assert!(last.ends_with("\u{1e}41\u{1e}1"), "{last}");
    assert_eq!(server.app().sockets.count(&UserId::from(ada.id)).await, 0);
}

/// Joins by polling with a token.
async fn polling_as(server: &TestServer, token: &str) -> Polling {
    let polling = engine(server).open().await;
    assert_eq!(polling.say(&format!("40{}", json!({ "token": token }))).await.0, 200);
    assert!(polling.poll().await.1.starts_with("40{"));
    polling
}

#[tokio::test]
async fn somebody_is_told_on_every_connection_and_nobody_else_is() {
    let server = TestServer::with(&[("cores", "2")]).await;
    let (ada, bob) = (server.register("ada1").await, server.register("bob1").await);
    let (ada_id, bob_id) = (UserId::from(ada.id), UserId::from(bob.id));
    let mut first = connect_as(&server, &ada.access).await;
    let mut second = connect_as(&server, &ada.access).await;
    let polling = polling_as(&server, &ada.access).await;
    let mut other = connect_as(&server, &bob.access).await;
    let sockets = &server.app().sockets;
    let news = json!({ "text": "hello" });
    assert_eq!(sockets.count(&ada_id).await, 3);
    assert_eq!(sockets.tell(&ada_id, "news", &news).await, 3);
    for wire in [&mut first, &mut second] {
        assert_eq!(event(&wire.text().await), json!(["news", news]));
    }
    assert_eq!(polling.poll().await.1, format!("42{}", json!(["news", news])));
    assert_eq!(sockets.tell(&bob_id, "end", &json!(null)).await, 1);
    assert_eq!(event(&other.text().await), json!(["end", null]));

    first.send("41").await;
    second.send("1").await;
    second.closed().await;
    assert_eq!(polling.say("1").await.0, 200);
    // A connection that left the namespace is still there, but is nobody's.
    first.send("40").await;
    first.text().await;
    assert_eq!(sockets.tell(&ada_id, "news", &news).await, 0);
    assert_eq!(sockets.tell(&UserId::from("nobody"), "news", &news).await, 0);
}

#[tokio::test]
async fn what_somebody_is_told_at_once_comes_in_its_order_on_every_connection() {
    let server = TestServer::with(&[("cores", "1")]).await;
    let ada = server.register("ada1").await;
    let id = UserId::from(ada.id);
    let mut wires = Vec::new();
    for _ in 0..3 {
        wires.push(connect_as(&server, &ada.access).await);
    }
    let (mut kept, _) = connect_recovering(&server, &json!({ "token": ada.access })).await;
    let polling = polling_as(&server, &ada.access).await;
    let sockets = &server.app().sockets;
    let mut answers = Vec::new();
    for number in 0..20 {
        answers.push(sockets.begin_to_tell(&id, "news", &number).await);
    }
    for answer in answers {
        assert_eq!(answer.sum().await, 5);
    }
    let mut polled = Vec::new();
    while polled.len() < 20 {
        let (_, body) = polling.poll().await;
        polled.extend(body.split('\x1e').map(str::to_owned));
    }
    for (number, told) in polled.iter().enumerate() {
        for wire in &mut wires {
            assert_eq!(event(&wire.text().await), json!(["news", number]));
        }
        assert_eq!(event(&kept.text().await), json!(["news", number, (number + 1).to_string()]));
        assert_eq!(event(told), json!(["news", number]));
    }
}

#[tokio::test]
async fn a_person_has_a_limited_number_of_connections() {
    let server = TestServer::start().await;
    let ada = server.register("ada1").await;
    let mut wires = Vec::new();
    for _ in 0..SOCKETS_PER_PERSON {
        wires.push(connect_as(&server, &ada.access).await);
    }
    let form = json!({ "token": ada.access }).to_string();
    let (_, answer) = connect(&server, &form).await;
    assert!(answer.starts_with("44{"), "{answer}");
    let mut gone = wires.pop().unwrap();
    gone.send("1").await;
    gone.closed().await;
    connect_as(&server, &ada.access).await;
}

/// Sends the same text very often, and returns what is heard until the end, and the end.
async fn flooded(server: &TestServer, token: &str, text: &str) -> (Vec<String>, Option<u16>) {
    let mut wire = connect_as(server, token).await;
    let frames = support::engineio::frame(1, text.as_bytes()).repeat(2_000);
    wire.stream.write_all(&frames).await.unwrap();
    let mut heard = Vec::new();
    loop {
        match wire.heard().await {
            Heard::Text(text) => heard.push(text),
            Heard::Binary(_) => panic!("nothing binary was said"),
            Heard::Closed(code) => return (heard, code),
        }
    }
}

#[tokio::test]
async fn a_flood_is_refused_and_then_ended() {
    let server = TestServer::start().await;
    let ada = server.register("ada1").await;
    let (heard, code) = flooded(&server, &ada.access, r#"42["fly"]"#).await;
    assert_eq!(code, Some(4501));
    let told = |code: &str| heard.iter().filter(|text| event(text)[1]["code"] == code).count();
    let (unknown, refused) = (told("unknown_event"), told("rate_limited"));
    assert_eq!(unknown + refused, heard.len());
    // Those that came with the last straw were not looked at any more.
    assert!(unknown < 300, "{unknown} were looked at");
    assert!((1..20).contains(&refused), "{refused} were refused aloud");
    assert_eq!(flooded(&server, &ada.access, "3").await, (vec![], Some(4501)));
    let polling = polling_as(&server, &ada.access).await;
    let mut posts = 0;
    while polling.say("3").await.0 == 200 {
        posts += 1;
        assert!(posts < 20_000, "{posts} POSTs were taken");
    }
}

#[tokio::test]
async fn a_server_that_stops_lets_clients_come_back() {
    let server = TestServer::start().await;
    let ada = server.register("ada1").await;
    let mut wire = connect_as(&server, &ada.access).await;
    let polling = polling_as(&server, &ada.access).await;
    let waiting = tokio::spawn(async move { polling.poll().await });
    // The poll must be there before the server stops: what is told now is its answer.
    let id = UserId::from(ada.id);
    while server.app().sockets.tell(&id, "news", &json!(1)).await != 2 {}
    let (status, _) = waiting.await.unwrap();
    assert_eq!(status, 200);
    server.stop().await;
    loop {
        match wire.heard().await {
            // No packet that would keep a client from coming back.
            Heard::Text(text) => assert_eq!(text, r#"42["news",1]"#),
            Heard::Binary(_) => panic!("nothing binary was said"),
            Heard::Closed(code) => {
                assert_eq!(code, Some(1000));
                return;
            }
        }
    }
}

/// Opens a WebSocket whose client wants to know what it misses, and connects with this payload.
async fn connect_recovering(server: &TestServer, payload: &Value) -> (Wire, Value) {
    let mut wire = engine(server).wire("EIO=4&transport=websocket&recovery=1").await.unwrap();
    wire.text().await;
    wire.send(&format!("40{payload}")).await;
    let answer = wire.text().await;
    (wire, serde_json::from_str(answer.strip_prefix("40").unwrap()).unwrap())
}

#[tokio::test]
async fn a_client_that_comes_back_is_told_what_it_missed() {
    let server = TestServer::with(&[("cores", "2")]).await;
    let ada = server.register("ada1").await;
    let (id, sockets) = (UserId::from(ada.id), &server.app().sockets);
    let (mut wire, first) = connect_recovering(&server, &json!({ "token": ada.access })).await;
    assert_eq!(sockets.tell(&id, "news", &json!("a")).await, 1);
    assert_eq!(event(&wire.text().await), json!(["news", "a", "1"]));
    drop(wire);
    while sockets.count(&id).await > 0 {}
    assert_eq!(sockets.tell(&id, "news", &json!("b")).await, 0);
    assert_eq!(sockets.tell(&id, "news", &json!("c")).await, 0);
    let back = json!({ "token": ada.access, "pid": first["pid"], "offset": "1" });
    let (mut wire, again) = connect_recovering(&server, &back).await;
    assert_eq!(again, first);
    assert_eq!(event(&wire.text().await), json!(["news", "b", "2"]));
    assert_eq!(event(&wire.text().await), json!(["news", "c", "3"]));

    // It comes back before its old connection is known to be gone, and that one is over.
    let back = json!({ "token": ada.access, "pid": first["pid"], "offset": "2" });
    let (mut newer, again) = connect_recovering(&server, &back).await;
    assert_eq!(again, first);
    assert_eq!(event(&newer.text().await), json!(["news", "c", "3"]));
    assert_eq!(wire.closed().await, Some(1000));
    assert_eq!(sockets.tell(&id, "news", &json!("d")).await, 1);
    assert_eq!(event(&newer.text().await), json!(["news", "d", "4"]));
}

#[tokio::test]
async fn nobody_is_told_what_somebody_else_missed() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada1").await, server.register("bob1").await);
    let id = UserId::from(ada.id);
    let (wire, first) = connect_recovering(&server, &json!({ "token": ada.access })).await;
    drop(wire);
    while server.app().sockets.count(&id).await > 0 {}
    let stolen = json!({ "token": bob.access, "pid": first["pid"], "offset": "0" });
    let (_wire, other) = connect_recovering(&server, &stolen).await;
    assert!(other["pid"] != first["pid"] && other["sid"] != first["sid"]);
    // An offset that was never told, and then nothing is kept any more.
    for offset in ["7", "0"] {
        let back = json!({ "token": ada.access, "pid": first["pid"], "offset": offset });
        let (_wire, other) = connect_recovering(&server, &back).await;
        assert!(other["pid"] != first["pid"] && other["sid"] != first["sid"]);
    }
}

#[tokio::test]
async fn who_leaves_or_logs_out_has_nothing_kept() {
    let server = TestServer::start().await;
    let ada = server.register("ada1").await;
    let id = UserId::from(ada.id.clone());
    let (mut wire, left) = connect_recovering(&server, &json!({ "token": ada.access })).await;
    wire.send("41").await;
    drop(wire);
    let (wire, broken) = connect_recovering(&server, &json!({ "token": ada.access })).await;
    drop(wire);
    while server.app().sockets.count(&id).await > 0 {}
    let out = server.post("/api/v1/auth/logout").bearer(&ada.access).send().await;
    assert_eq!(out.status, 200);
    let form = json!({ "username": "ada1", "password": "a password" });
    let again = server.post("/api/v1/auth/login").json(&form).send().await;
    let again = support::Account::of(&again);
    for before in [left, broken] {
        let back = json!({ "token": again.access, "pid": before["pid"], "offset": "0" });
        let (_wire, other) = connect_recovering(&server, &back).await;
        assert!(other["pid"] != before["pid"] && other["sid"] != before["sid"]);
    }
}
