//! What was said, changed and taken back, over real sockets.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::socket::RoomSocket;
use support::{Account, TestServer};
use tokio::net::TcpStream;

async fn enter(server: &TestServer, room: &str, who: &Account) -> RoomSocket<TcpStream> {
    let stream = TcpStream::connect(server.addresses()[0]).await.unwrap();
    let mut socket = RoomSocket::open(stream, "localhost", room, &who.access).await;
    socket.until("USER_JOINED").await;
    socket
}

async fn give(socket: &mut RoomSocket<TcpStream>, kind: &str, payload: Value) -> Option<String> {
    socket.send(&json!({ "type": kind, "id": 7, "payload": payload })).await;
    socket.answer(7).await
}

#[tokio::test]
async fn what_is_taken_back_is_read_nowhere_any_more() {
    let server = TestServer::start().await;
    let (olga, max) = (server.register("olga").await, server.register("max_m").await);
    let room = server.room(&olga, json!({ "name": "Film night" })).await;
    let room = room["roomId"].as_str().unwrap().to_owned();
    let mut olgas = enter(&server, &room, &olga).await;
    let mut maxs = enter(&server, &room, &max).await;
    let mention = json!({ "text": "@olga a secrte", "mentions": [olga.id] });
    maxs.send(&json!({ "type": "CHAT_SEND", "payload": mention })).await;
    let said = olgas.until("CHAT_MESSAGE").await;
    assert_eq!(said["mentions"], json!([olga.id]));
    let id = said["id"].clone();

    let edit = json!({ "id": id, "text": "a secret" });
    assert_eq!(give(&mut olgas, "CHAT_EDIT", edit.clone()).await.as_deref(), Some("forbidden"));
    assert_eq!(give(&mut maxs, "CHAT_EDIT", edit).await, None);
    let edited = olgas.until("CHAT_EDITED").await;
    assert_eq!((&edited["text"], &edited["mentions"]), (&json!("a secret"), &Value::Null));
    assert!(edited["editedAt"].is_string());

    olgas.send(&json!({ "type": "CHAT_SEND", "payload": { "text": "hush" } })).await;
    let own = olgas.until("CHAT_MESSAGE").await["id"].clone();
    let another = give(&mut maxs, "CHAT_DELETE", json!({ "id": own })).await;
    assert_eq!(another.as_deref(), Some("forbidden"));
    // Who keeps order deletes what others said; whoever hears it again is told that it is gone.
    assert_eq!(give(&mut olgas, "CHAT_DELETE", json!({ "id": id })).await, None);
    let gone = maxs.until("CHAT_DELETED").await;
    assert_eq!((&gone["id"], &gone["userId"]), (&id, &json!(olga.id)));

    maxs.send(&json!({ "type": "SYNC_REQUEST" })).await;
    let state = maxs.until("SYNC_FULL_STATE").await;
    let from = json!({ "epoch": state["epoch"], "seq": 0 });
    maxs.send(&json!({ "type": "RESUME", "payload": from })).await;
    let resumed = maxs.until("CHAT_MESSAGE").await;
    let messages = format!("/api/v1/rooms/{room}/messages");
    let page = server.get(&messages).bearer(&max.access).send().await.json();
    for message in [&state["chat"][0], &resumed, &page["messages"][0]] {
        assert_eq!((&message["id"], &message["text"]), (&id, &json!("")));
        assert_eq!(message["deletedAt"], gone["deletedAt"]);
    }
}
