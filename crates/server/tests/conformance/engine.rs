//! Engine.IO, at an address of its own and under Socket.IO.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{calm_counterpart, counterpart};
use crate::support::engineio::{Heard, Polling, text};

const ROOTS: [&str; 2] = ["/engine.io/", "/socket.io/"];

const UNKNOWN: &str = r#"{"code":1,"message":"Session ID unknown"}"#;
const BAD: &str = r#"{"code":3,"message":"Bad request"}"#;

fn refused(body: &str) -> (u16, String) {
    (400, body.to_owned())
}

fn said(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

fn handshake(open: &str) -> Value {
    let mut handshake: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
    assert_eq!(handshake["sid"].as_str().unwrap().len(), 22);
    handshake["sid"] = Value::Null;
    handshake
}

/// Polls until the next answer that is no ping, and answers those.
async fn next_answer(polling: &Polling) -> (u16, String) {
    loop {
        match polling.poll().await {
            (200, ping) if ping == "2" => assert_eq!(polling.say("3").await, said("ok")),
            other => return other,
        }
    }
}

#[tokio::test]
async fn a_connection_begins_by_either_transport() {
    for root in ROOTS {
        let (_server, engine) = counterpart(root).await;
        let answer = engine.ask("GET", "EIO=4&transport=polling").send().await;
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=UTF-8"));
        let rest = |upgrades: Value| {
            json!({ "sid": null, "upgrades": upgrades, "pingInterval": 300, "pingTimeout": 200,
                "maxPayload": 1_000_000 })
        };
        assert_eq!(handshake(&answer.text()), rest(json!(["websocket"])));
        let mut wire = engine.wire("EIO=4&transport=websocket").await.unwrap();
        let Heard::Text(open) = wire.next().await else { panic!("a handshake is a text") };
        assert_eq!(handshake(&open), rest(json!([])));
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_refused() {
    let (_server, engine) = counterpart("/engine.io/").await;
    for (method, query, code) in [
        ("GET", "transport=polling", 5),
        ("GET", "EIO=abc&transport=polling", 5),
        ("GET", "EIO=3&transport=polling", 5),
        ("GET", "EIO=4", 0),
        ("GET", "EIO=4&transport=abc", 0),
        ("POST", "EIO=4&transport=polling", 2),
        ("PUT", "EIO=4&transport=polling", 2),
        ("GET", "EIO=4&transport=websocket", 3),
        ("GET", "EIO=4&transport=polling&sid=abc", 1),
        ("GET", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAAAA", 1),
        ("PUT", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAAAA", 3),
    ] {
        let answer = engine.ask(method, query).send().await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (400, &json!(code)),
            "{method} {query}"
        );
    }
    for query in
        ["transport=websocket", "EIO=abc&transport=websocket", "EIO=4", "EIO=4&transport=abc"]
    {
        assert_eq!(engine.wire(query).await.err(), Some(400), "{query}");
    }
}

#[tokio::test]
async fn messages_come_back_by_polling() {
    let (_server, engine) = counterpart("/engine.io/").await;
    let polling = engine.open().await;
    assert_eq!(polling.say("4one\x1e4two\x1ebAQIDBA==").await, said("ok"));
    assert_eq!(next_answer(&polling).await, said("4one\x1e4two\x1ebAQIDBA=="));
    assert_eq!(polling.say("4three").await, said("ok"));
    assert_eq!(next_answer(&polling).await, said("4three"));
}

#[tokio::test]
async fn messages_come_back_by_websocket() {
    let (_server, engine) = counterpart("/engine.io/").await;
    let mut wire = engine.socket().await;
    wire.send("4hello").await;
    assert_eq!(wire.heard().await, text("4hello"));
    wire.send_binary(&[1, 2, 3, 4]).await;
    assert_eq!(wire.heard().await, Heard::Binary(vec![1, 2, 3, 4]));
    let long = format!("4{}", "x".repeat(999_999));
    wire.send(&long).await;
    assert_eq!(wire.heard().await, text(&long));
}

#[tokio::test]
async fn who_breaks_the_protocol_loses_the_connection() {
    for root in ROOTS {
        let (_server, engine) = counterpart(root).await;
        let polling = engine.open().await;
        assert_eq!(polling.say("abc").await, refused(BAD));
        assert_eq!(polling.poll().await, refused(UNKNOWN));
        let mut wire = engine.socket().await;
        wire.send("abc").await;
        assert_eq!(wire.closed().await, Some(1000));
    }
}

#[tokio::test]
async fn two_polls_at_once_end_the_connection() {
    for root in ROOTS {
        let (_server, engine) = calm_counterpart(root).await;
        let polling = engine.open().await;
        let first = begin_poll(&polling).await;
        assert_eq!(polling.poll().await, refused(BAD));
        assert_eq!(first.await.unwrap(), said("1"));
        assert_eq!(polling.poll().await, refused(UNKNOWN));
    }
}

#[tokio::test]
async fn two_posts_at_once_end_the_connection() {
    let (_server, engine) = calm_counterpart("/engine.io/").await;
    let polling = engine.open().await;
    let path = format!("/engine.io/?{}", polling.query());
    let mut first = TcpStream::connect(engine.address).await.unwrap();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: 5\r\n\r\n4a", engine.address);
    first.write_all(head.as_bytes()).await.unwrap();
    // Once the first is known to wait for its body, the second is one too many.
    let mut refusals = 0;
    while refusals == 0 {
        match polling.say("4b").await {
            (200, _) => {}
            other => {
                assert_eq!(other, refused(BAD));
                refusals += 1;
            }
        }
    }
    assert_eq!(polling.poll().await, refused(UNKNOWN));
}

/// Says nothing a few times. When that is answered, a server with one core has seen every request that
/// was sent before.
async fn is_seen(polling: &Polling) {
    for _ in 0..3 {
        assert_eq!(polling.say("6").await, said("ok"));
    }
}

/// Begins a poll, and returns when the server has it waiting.
async fn begin_poll(polling: &Polling) -> tokio::task::JoinHandle<(u16, String)> {
    let own = polling.clone();
    let waiting = tokio::spawn(async move { own.poll().await });
    is_seen(polling).await;
    waiting
}

#[tokio::test]
async fn a_poll_that_is_given_up_ends_the_connection() {
    for root in ROOTS {
        let (_server, engine) = calm_counterpart(root).await;
        let polling = engine.open().await;
        let mut given_up = TcpStream::connect(engine.address).await.unwrap();
        let query = polling.query();
        let head = format!("GET {root}?{query} HTTP/1.1\r\nhost: {}\r\n\r\n", engine.address);
        given_up.write_all(head.as_bytes()).await.unwrap();
        is_seen(&polling).await;
        drop(given_up);
        ended(&polling).await;
    }
}

/// Waits until a connection is over, by saying nothing until nobody hears it.
async fn ended(polling: &Polling) {
    loop {
        match polling.say("6").await {
            (200, _) => {}
            other => return assert_eq!(other, refused(UNKNOWN)),
        }
    }
}

#[tokio::test]
async fn the_server_pings_and_a_client_that_answers_stays() {
    for root in ROOTS {
        let (_server, engine) = counterpart(root).await;
        let polling = engine.open().await;
        polling.say("40").await;
        let mut wire = engine.socket().await;
        wire.send("40").await;
        let by_wire = async {
            let mut pings = 0;
            while pings < 3 {
                match wire.next().await {
                    Heard::Text(ping) if ping == "2" => {
                        wire.send("3").await;
                        pings += 1;
                    }
                    Heard::Text(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        };
        let by_polling = async {
            let mut pings = 0;
            while pings < 3 {
                let (status, body) = polling.poll().await;
                assert_eq!(status, 200);
                if body == "2" {
                    assert_eq!(polling.say("3").await, said("ok"));
                    pings += 1;
                }
            }
        };
        tokio::join!(by_wire, by_polling);
    }
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_cut_off() {
    for root in ROOTS {
        let (_server, engine) = counterpart(root).await;
        let begun = tokio::time::Instant::now();
        let polling = engine.open().await;
        let mut wire = engine.socket().await;
        assert_eq!(wire.next().await, text("2"));
        assert_eq!(wire.closed().await, Some(1000));
        assert!(begun.elapsed() >= Duration::from_millis(500), "{:?}", begun.elapsed());
        ended(&polling).await;
    }
}

#[tokio::test]
async fn a_client_takes_leave() {
    for root in ROOTS {
        let (_server, engine) = calm_counterpart(root).await;
        let polling = engine.open().await;
        let waiting = begin_poll(&polling).await;
        assert_eq!(polling.say("1").await, said("ok"));
        assert_eq!(waiting.await.unwrap(), said("6"));
        assert_eq!(polling.poll().await, refused(UNKNOWN));
        let mut wire = engine.socket().await;
        wire.send("1").await;
        assert_eq!(wire.closed().await, Some(1000));
    }
}

#[tokio::test]
async fn a_connection_moves_to_a_websocket() {
    let (_server, engine) = calm_counterpart("/engine.io/").await;
    let polling = engine.open().await;
    let mut wire = polling.upgrade().await;
    wire.send("4hello").await;
    assert_eq!(wire.heard().await, text("4hello"));
    assert_eq!(polling.poll().await, refused(BAD));
    assert_eq!(polling.say("4x").await, refused(BAD));
    let query = format!("EIO=4&transport=websocket&sid={}", polling.sid);
    assert_eq!(engine.wire(&query).await.unwrap().closed().await, Some(1000));
    wire.send("4still there").await;
    assert_eq!(wire.heard().await, text("4still there"));
}

#[tokio::test]
async fn a_poll_under_way_is_ended_by_the_move_and_nothing_is_lost() {
    let (_server, engine) = calm_counterpart("/engine.io/").await;
    let polling = engine.open().await;
    let waiting = begin_poll(&polling).await;
    let mut wire = polling.upgrade().await;
    assert_eq!(waiting.await.unwrap(), said("6"));
    wire.send("4hello").await;
    assert_eq!(wire.heard().await, text("4hello"));
}

#[tokio::test]
async fn a_second_websocket_does_not_disturb_the_first() {
    let (_server, engine) = calm_counterpart("/engine.io/").await;
    let polling = engine.open().await;
    let query = format!("EIO=4&transport=websocket&sid={}", polling.sid);
    let mut first = engine.wire(&query).await.unwrap();
    let mut second = engine.wire(&query).await.unwrap();
    second.send("2probe").await;
    assert_eq!(second.closed().await, Some(1000));
    first.send("2probe").await;
    assert_eq!(first.next().await, text("3probe"));
}

#[tokio::test]
async fn what_was_said_over_the_websocket_comes_before_a_poll_that_follows() {
    let (_server, engine) = calm_counterpart("/engine.io/").await;
    for _ in 0..20 {
        let polling = engine.open().await;
        let query = format!("EIO=4&transport=websocket&sid={}", polling.sid);
        let mut wire = engine.wire(&query).await.unwrap();
        wire.send("2probe").await;
        assert_eq!(wire.next().await, text("3probe"));
        wire.send("5").await;
        assert_eq!(polling.poll().await, refused(BAD));
    }
}
