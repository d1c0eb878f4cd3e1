//! Room pages whose clients are broken or mean harm: answered as is documented, nobody else hears of it,
//! and nothing is lost.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use support::room_page::{make, messages};
use support::stream::EventStream;
use support::{Account, TestServer, refused};

/// Texts that mean something to somebody who takes them for more than a text.
const TEXTS: &[&str] = &[
    "'); DROP TABLE chat_message; --",
    "' OR '1'='1",
    "$1 :name ? %s {0} ${7*7} {{7*7}}",
    "\\'; \\x00 \\u0000 \\",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "data: {\"event\":\"chat.destroy\"}",
    "\"}]},\"x\":[{\"",
    "../../etc/passwd",
    "\u{202e}gnirts a\u{feff}",
    "NULL",
];

async fn open(server: &TestServer, query: &str, who: &Account, seen: Option<&str>) -> EventStream {
    let bearer = format!("Bearer {}", who.access);
    let mut headers = vec![("authorization", bearer.as_str())];
    headers.extend(seen.map(|id| ("last-event-id", id)));
    let opened = EventStream::open(server.address, query, &headers).await;
    opened.unwrap_or_else(|answer| panic!("{}", answer.text()))
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn what_looks_like_sql_or_html_is_a_text_wherever_it_stands() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    for text in TEXTS {
        let room = make(&server, &ada, json!({ "name": text })).await;
        let path = format!("/api/v1/rooms/{room}");
        let state = server.get(&path).bearer(&ada.access).send().await.json();
        assert_eq!(state["name"], *text);
        let mut stream = open(&server, &format!("channel={room}"), &ada, None).await;
        let form = json!({ "sender": text, "text": text, "clientId": text });
        let said = messages(&server, "POST", &room, &ada).json(&form).send().await;
        assert_eq!(said.json(), json!({ "success": true, "messageId": "1" }), "{text}");
        let told = stream.until("chat.message").await;
        assert_eq!((&told["sender"], &told["text"]), (&json!(text), &json!(text)));
        let listed = messages(&server, "GET", &room, &ada).send().await.json();
        assert_eq!(listed["messages"].as_array().unwrap().len(), 1, "{text}");
        assert_eq!(listed["messages"][0]["text"], *text);

        // The page of the room has its name in its head, as a text.
        let page = server.get(&format!("/room/{room}")).bearer(&ada.access).send().await.text();
        let is_markup = text.contains('<') && page.contains(text);
        assert!(!is_markup, "{text} is in the page as it is");

        let strange = encoded(text);
        for (method, path) in [
            ("GET", format!("/api/messages?roomId={strange}")),
            ("GET", format!("/api/room/ttl?roomId={strange}")),
            ("DELETE", format!("/api/room?roomId={strange}")),
            ("GET", format!("/api/realtime?channel={strange}")),
            ("GET", format!("/api/v1/rooms/{strange}/presence")),
            ("GET", format!("/api/v1/rooms/{strange}/members")),
        ] {
            let answer = server.ask(method, &path).bearer(&ada.access).send().await;
            assert_eq!(answer.outcome(), refused(404, "room_not_found"), "{path}");
        }
        let page = server.get(&format!("/room/{strange}")).send().await;
        assert_eq!((page.status, page.header("location")), (307, Some("/?error=room-not-found")));
    }
}

#[tokio::test]
async fn a_body_that_is_cut_anywhere_or_of_any_shape_says_nothing() {
    let server = TestServer::with(&[("insecure_no_rate_limits", "true")]).await;
    let (ada, bob) = (server.register("ada_l").await, server.guest("Bob").await);
    let room = make(&server, &ada, json!({})).await;
    let mut witness = open(&server, &format!("channel={room}"), &ada, None).await;
    let post = |body: &[u8]| messages(&server, "POST", &room, &bob).body("application/json", body);
    let whole = r#"{"sender":"Bob","text":"hello é","clientId":"c1"}"#.as_bytes();
    let deep = format!("{{\"text\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let mut bodies: Vec<&[u8]> = (0..whole.len()).map(|cut| &whole[..cut]).collect();
    bodies.extend([
        b"null".as_slice(),
        b"[]",
        br#"["Bob","text","c2"]"#,
        b"7",
        b"\"text\"",
        br#"{"text":null}"#,
        br#"{"text":{}}"#,
        br#"{"text":["x"]}"#,
        br#"{"text":"x","text":"y"}"#,
        br#"{"text":"x","sender":{}}"#,
        br#"{"text":"x","sender":7}"#,
        br#"{"text":"x","clientId":7}"#,
        br#"{"text":"\ud800"}"#,
        br#"{"text":"x"} {"text":"y"}"#,
        b"{\"text\":\"\xff\"}",
        b"\xef\xbb\xbf{\"text\":\"x\"}",
        deep.as_bytes(),
    ]);
    for body in bodies {
        let answer = post(body).send().await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let (status, code) = answer.outcome();
        assert!(matches!(status, 400 | 422), "{status} {code} for {shown}");
        assert!(answer.json()["error"].is_string() && !code.is_empty(), "{shown}");
    }
    // The only thing that anybody heard is what was said as it should be.
    assert_eq!(post(whole).send().await.status, 200);
    assert_eq!(witness.until("chat.message").await["text"], "hello é");
    let listed = messages(&server, "GET", &room, &ada).send().await.json();
    assert_eq!(listed["messages"].as_array().unwrap().len(), 1);

    for form in [
        json!({ "ttlSeconds": "600" }),
        json!({ "ttlSeconds": -1 }),
        json!({ "ttlSeconds": 1e300 }),
        json!({ "maxParticipants": 1 }),
        json!({ "maxParticipants": {} }),
        json!({ "name": 7 }),
        json!([]),
        json!(["Cinema", 600]),
    ] {
        let answer = server.post("/api/room/create").bearer(&ada.access).json(&form).send().await;
        assert_eq!(answer.outcome(), refused(422, "invalid"), "{form}");
    }
}

#[tokio::test]
async fn a_place_that_never_was_is_said_aloud_and_nothing_is_told_twice() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let room = make(&server, &ada, json!({})).await;
    let long = "9".repeat(4_000);
    let places = [
        "-",
        "--",
        "0-0",
        "a-b",
        "-1",
        "ffffffffffffffff-18446744073709551615",
        "ffffffffffffffff-18446744073709551616",
        "'; DROP TABLE room; ---1",
        "<b>-1",
        &long,
    ];
    for (n, place) in places.iter().enumerate() {
        let by_query = format!("channel={room}&last_ack_{room}={}", encoded(place));
        let by_header = format!("channel={room}");
        for (query, seen) in [(&by_query, None), (&by_header, Some(*place))] {
            let mut stream = open(&server, query, &ada, seen).await;
            let first = stream.next().await.unwrap();
            assert_eq!(first.data, json!({ "type": "connected", "channel": room }), "{place}");
            let text = format!("{n} {}", seen.is_some());
            let form = json!({ "text": text });
            let said = messages(&server, "POST", &room, &ada).json(&form).send().await;
            assert_eq!(said.status, 200, "{}", said.text());
            // What was said before was never seen here, and is not told as if it were new.
            assert_eq!(stream.until("chat.message").await["text"], text, "{place}");
        }
    }
}
