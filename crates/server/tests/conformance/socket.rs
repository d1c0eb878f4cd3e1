//! Socket.IO.

use serde_json::Value;

use super::counterpart;
use crate::support::engineio::{Engine, Heard, Wire, text};

/// Reads the answer to a CONNECT and checks that it names the client, and nothing else.
async fn connected(wire: &mut Wire, before: &str) {
    let answer = wire.text().await;
    let form: Value = serde_json::from_str(answer.strip_prefix(before).unwrap()).unwrap();
    let form = form.as_object().unwrap();
    assert_eq!(form.keys().collect::<Vec<_>>(), ["sid"], "{answer}");
}

/// Opens a connection that is in the main namespace.
async fn joined(engine: Engine) -> Wire {
    let mut wire = engine.socket().await;
    wire.send("40").await;
    connected(&mut wire, "40").await;
    assert_eq!(wire.heard().await, text("42[\"auth\",{}]"));
    wire
}

#[tokio::test]
async fn a_client_is_let_into_the_namespaces_there_are() {
    let (_server, engine) = counterpart("/socket.io/").await;
    for (packet, before, auth) in [
        ("40", "40", r#"42["auth",{}]"#),
        (r#"40{"token":"123"}"#, "40", r#"42["auth",{"token":"123"}]"#),
        ("40/custom,", "40/custom,", r#"42/custom,["auth",{}]"#),
        (r#"40/custom,{"token":"abc"}"#, "40/custom,", r#"42/custom,["auth",{"token":"abc"}]"#),
    ] {
        let mut wire = engine.socket().await;
        wire.send(packet).await;
        connected(&mut wire, before).await;
        assert_eq!(wire.heard().await, text(auth));
    }
    let mut wire = engine.socket().await;
    wire.send("40/random").await;
    assert_eq!(wire.heard().await, text(r#"44/random,{"message":"Invalid namespace"}"#));
}

#[tokio::test]
async fn who_is_in_no_namespace_in_time_is_cut_off() {
    let (_server, engine) = counterpart("/socket.io/").await;
    let mut wire = engine.socket().await;
    assert_eq!(wire.heard().await, Heard::Closed(Some(1000)));
}

#[tokio::test]
async fn a_client_leaves_a_namespace_and_keeps_the_connection() {
    let (_server, engine) = counterpart("/socket.io/").await;
    let mut wire = joined(engine).await;
    wire.send("41").await;
    assert_eq!(wire.next().await, text("2"));

    let mut wire = joined(engine).await;
    wire.send("40/custom").await;
    connected(&mut wire, "40/custom,").await;
    assert_eq!(wire.heard().await, text(r#"42/custom,["auth",{}]"#));
    wire.send("41/custom").await;
    wire.send(r#"42["message","message to main namespace"]"#).await;
    assert_eq!(wire.heard().await, text(r#"42["message-back","message to main namespace"]"#));
}

#[tokio::test]
async fn events_come_back_with_their_arguments() {
    let (_server, engine) = counterpart("/socket.io/").await;
    let mut wire = joined(engine).await;
    wire.send(r#"42["message",1,"2",{"3":[true]}]"#).await;
    assert_eq!(wire.heard().await, text(r#"42["message-back",1,"2",{"3":[true]}]"#));
    wire.send(r#"42456["message-with-ack",1,"2",{"3":[false]}]"#).await;
    assert_eq!(wire.heard().await, text(r#"43456[1,"2",{"3":[false]}]"#));
}

#[tokio::test]
async fn events_come_back_with_their_attachments() {
    let (_server, engine) = counterpart("/socket.io/").await;
    let mut wire = joined(engine).await;
    let two = r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    for (asked, answered) in [
        (r#"452-["message","#, r#"452-["message-back","#),
        (r#"452-789["message-with-ack","#, "462-789["),
    ] {
        wire.send(&format!("{asked}{two}")).await;
        wire.send_binary(&[1, 2, 3]).await;
        wire.send_binary(&[4, 5, 6]).await;
        assert_eq!(wire.heard().await, text(&format!("{answered}{two}")));
        assert_eq!(wire.heard().await, Heard::Binary(vec![1, 2, 3]));
        assert_eq!(wire.heard().await, Heard::Binary(vec![4, 5, 6]));
    }
}

#[tokio::test]
async fn attachments_travel_by_polling_as_well() {
    let (_server, engine) = counterpart("/socket.io/").await;
    let polling = engine.open().await;
    let event = r#"451-["message",{"_placeholder":true,"num":0}]"#;
    polling.say(&format!("40\x1e{event}\x1ebAQIDBA==")).await;
    let mut heard = Vec::new();
    while heard.len() < 4 {
        let (status, body) = polling.poll().await;
        assert_eq!(status, 200);
        for packet in body.split('\x1e') {
            match packet {
                "2" => assert_eq!(polling.say("3").await.0, 200),
                other => heard.push(other.to_owned()),
            }
        }
    }
    let back = r#"451-["message-back",{"_placeholder":true,"num":0}]"#;
    assert_eq!(heard[1..], [r#"42["auth",{}]"#, back, "bAQIDBA=="]);
}

#[tokio::test]
async fn who_sends_no_packet_loses_the_connection() {
    let (_server, engine) = counterpart("/socket.io/").await;
    for packet in [
        "4abc",
        "42{}",
        "42[]",
        "42abc[\"message-with-ack\",1]",
        "42/custom,[\"message\"]",
        "452[\"message\"]",
        "44{}",
        "4",
    ] {
        let mut wire = joined(engine).await;
        wire.send(packet).await;
        assert_eq!(wire.closed().await, Some(1000), "{packet}");
    }
    let mut wire = engine.socket().await;
    wire.send("4abc").await;
    assert_eq!(wire.closed().await, Some(1000));
}
