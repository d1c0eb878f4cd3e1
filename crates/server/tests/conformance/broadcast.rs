//! The event `broadcast`, which goes to everybody in the namespace: who gets it, and in which order.
//! What one client sends in one write is carried out in one turn.

use tokio::io::AsyncWriteExt;

use super::{calm_counterpart, counterpart};
use crate::support::engineio::{Engine, Heard, Polling, Wire, frame, text};

const ROOT: &str = "/socket.io/";

/// Opens a connection that is in these namespaces.
async fn inside(engine: Engine, namespaces: &[&str]) -> Wire {
    let mut wire = engine.socket().await;
    for namespace in namespaces {
        wire.send(&format!("40{namespace}")).await;
        assert!(wire.text().await.starts_with("40"));
        assert_eq!(wire.text().await, format!("42{namespace}[\"auth\",{{}}]"));
    }
    wire
}

/// The same by polling.
async fn polling_inside(engine: Engine) -> Polling {
    let polling = engine.open().await;
    assert_eq!(polling.say("40").await.0, 200);
    assert!(polling.poll().await.1.starts_with("40{"));
    assert_eq!(polling.poll().await.1, r#"42["auth",{}]"#);
    polling
}

/// Sends these packets in one write.
async fn send_at_once(wire: &mut Wire, packets: &[&str]) {
    let frames: Vec<u8> = packets.iter().flat_map(|packet| frame(1, packet.as_bytes())).collect();
    wire.stream.write_all(&frames).await.unwrap();
}

async fn hears(wire: &mut Wire, packets: &[&str]) {
    for packet in packets {
        assert_eq!(wire.text().await, *packet);
    }
}

#[tokio::test]
async fn everybody_in_the_namespace_is_told_on_every_core() {
    let (_server, engine) = counterpart(ROOT).await;
    let mut others = Vec::new();
    for _ in 0..8 {
        others.push(inside(engine, &[""]).await);
    }
    let mut elsewhere = inside(engine, &["/custom,"]).await;
    let mut speaker = inside(engine, &[""]).await;
    speaker.send(r#"42["broadcast","a",{"b":1}]"#).await;
    for wire in others.iter_mut().chain([&mut speaker]) {
        hears(wire, &[r#"42["broadcast","a",{"b":1}]"#]).await;
    }
    elsewhere.send(r#"42/custom,["broadcast"]"#).await;
    hears(&mut elsewhere, &[r#"42/custom,["broadcast"]"#]).await;
}

#[tokio::test]
async fn attachments_follow_their_event() {
    let (_server, engine) = calm_counterpart(ROOT).await;
    let (mut speaker, mut other) = (inside(engine, &[""]).await, inside(engine, &[""]).await);
    let event = r#"451-["broadcast",{"_placeholder":true,"num":0}]"#;
    speaker.send(event).await;
    speaker.send_binary(&[1, 2, 3]).await;
    for wire in [&mut speaker, &mut other] {
        assert_eq!(wire.heard().await, text(event));
        assert_eq!(wire.heard().await, Heard::Binary(vec![1, 2, 3]));
    }
}

#[tokio::test]
async fn what_is_said_to_one_and_to_all_comes_in_the_order_in_which_it_was_said() {
    let (_server, engine) = calm_counterpart(ROOT).await;
    let (mut speaker, mut other) = (inside(engine, &[""]).await, inside(engine, &[""]).await);
    let packets = [
        r#"42["message","a"]"#,
        r#"42["broadcast","b"]"#,
        r#"421["message-with-ack","c"]"#,
        r#"42["broadcast","d"]"#,
        r#"42["broadcast","e"]"#,
        r#"42["message","f"]"#,
    ];
    send_at_once(&mut speaker, &packets).await;
    let told = [
        r#"42["message-back","a"]"#,
        r#"42["broadcast","b"]"#,
        r#"431["c"]"#,
        r#"42["broadcast","d"]"#,
        r#"42["broadcast","e"]"#,
        r#"42["message-back","f"]"#,
    ];
    hears(&mut speaker, &told).await;
    let told = [r#"42["broadcast","b"]"#, r#"42["broadcast","d"]"#, r#"42["broadcast","e"]"#];
    hears(&mut other, &told).await;
}

#[tokio::test]
async fn who_is_in_two_namespaces_is_told_in_the_order_of_both() {
    let (_server, engine) = calm_counterpart(ROOT).await;
    let mut other = inside(engine, &["/custom,", ""]).await;
    let mut speaker = inside(engine, &["", "/custom,"]).await;
    let packets = [
        r#"42["broadcast",1]"#,
        r#"42/custom,["broadcast",2]"#,
        r#"42["broadcast",3]"#,
        r#"42/custom,["broadcast",4]"#,
    ];
    send_at_once(&mut speaker, &packets).await;
    hears(&mut speaker, &packets).await;
    hears(&mut other, &packets).await;
}

#[tokio::test]
async fn who_comes_and_goes_is_told_what_is_said_in_between() {
    let (_server, engine) = calm_counterpart(ROOT).await;
    let mut other = inside(engine, &["/custom,"]).await;
    let mut speaker = inside(engine, &["", "/custom,"]).await;
    let packets = [
        r#"42/custom,["broadcast",1]"#,
        "41/custom,",
        r#"42["message",2]"#,
        "40/custom,",
        r#"42/custom,["broadcast",3]"#,
        r#"42["broadcast",4]"#,
        r#"42["message",5]"#,
    ];
    send_at_once(&mut speaker, &packets).await;
    hears(&mut speaker, &[packets[0], r#"42["message-back",2]"#]).await;
    assert!(speaker.text().await.starts_with("40/custom,{"));
    let told = [r#"42/custom,["auth",{}]"#, packets[4], packets[5], r#"42["message-back",5]"#];
    hears(&mut speaker, &told).await;
    hears(&mut other, &[packets[0], packets[4]]).await;

    // Told while it was out, it would hear of it before its own.
    send_at_once(&mut speaker, &["41/custom,", r#"42["message",6]"#]).await;
    hears(&mut speaker, &[r#"42["message-back",6]"#]).await;
    other.send(r#"42/custom,["broadcast",7]"#).await;
    hears(&mut other, &[r#"42/custom,["broadcast",7]"#]).await;
    speaker.send(r#"42["message",8]"#).await;
    hears(&mut speaker, &[r#"42["message-back",8]"#]).await;
}

#[tokio::test]
async fn every_transport_brings_it() {
    let (_server, engine) = calm_counterpart(ROOT).await;
    let mut speaker = inside(engine, &[""]).await;
    let polling = polling_inside(engine).await;
    let moving = polling_inside(engine).await;
    let mut moved = moving.upgrade().await;
    let mut keeping = engine.wire("EIO=4&transport=websocket&recovery=1").await.unwrap();
    keeping.text().await;
    keeping.send("40").await;
    assert!(keeping.text().await.starts_with("40{"));
    hears(&mut keeping, &[r#"42["auth",{}]"#]).await;
    // Answered behind the move, which is over then.
    moved.send(r#"42["message",0]"#).await;
    hears(&mut moved, &[r#"42["message-back",0]"#]).await;

    let packets = [r#"42["broadcast",1]"#, r#"42["broadcast",2]"#];
    send_at_once(&mut speaker, &packets).await;
    hears(&mut speaker, &packets).await;
    hears(&mut moved, &packets).await;
    assert_eq!(polling.poll().await.1, packets.join("\x1e"));
    hears(&mut keeping, &[r#"42["broadcast",1,"1"]"#, r#"42["broadcast",2,"2"]"#]).await;
}
