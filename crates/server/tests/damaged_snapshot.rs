//! A room whose snapshot was damaged on disk.

#![allow(clippy::unwrap_used)]

mod support;

use parlor_protocol::RoomId;
use parlor_store::RoomWrite;
use serde_json::json;
use support::TestServer;

#[tokio::test]
async fn a_damaged_snapshot_costs_the_film_but_neither_the_room_nor_its_neighbours() {
    let damaged = [
        "",
        "\u{0}",
        "{",
        "null",
        "[]",
        "{}",
        r#"{"version":1}"#,
        r#"{"version":99,"roomId":"another"}"#,
        "ÿþ not even JSON",
    ];
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let store = &server.app().store;
    let neighbour = server.room(&ada, json!({ "name": "Next door" })).await;
    for text in damaged {
        let room = server.room(&ada, json!({ "name": "Film night" })).await;
        let id = RoomId::from(room["roomId"].as_str().unwrap());
        let fence = store.take_room(&id).await.unwrap().unwrap();
        let write = RoomWrite {
            room_id: id.clone(),
            fence,
            messages: Vec::new(),
            amendments: Vec::new(),
            snapshot: Some(text.to_owned()),
            settings: None,
            touched_at_ms: parlor_server::clock::wall_ms(),
            expires_at_ms: None,
        };
        store.commit_room(write).await.unwrap();

        let asked = server.get(&format!("/api/v1/rooms/{id}")).bearer(&ada.access).send().await;
        assert_eq!(asked.status, 200, "{text:?}: {}", asked.text());
        let state = asked.json();
        assert_eq!(state["name"], "Film night");
        assert_eq!(state["joinCode"], room["joinCode"]);
        assert_eq!(state["playbackState"], json!(null));
    }
    let path = format!("/api/v1/rooms/{}", neighbour["roomId"].as_str().unwrap());
    assert_eq!(server.get(&path).bearer(&ada.access).send().await.status, 200);
    server.stop().await;
}
