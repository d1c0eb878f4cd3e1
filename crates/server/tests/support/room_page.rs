//! The routes of room pages, as somebody with an account asks them.

use serde_json::Value;

use super::{Account, Ask, TestServer};

/// Makes a room as somebody; returns its id.
pub async fn make(server: &TestServer, who: &Account, form: Value) -> String {
    let answer = server.post("/api/room/create").bearer(&who.access).json(&form).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["roomId"].as_str().unwrap().to_owned()
}

/// Begins a request to the messages of a room.
pub fn messages(server: &TestServer, method: &str, room: &str, who: &Account) -> Ask {
    server.ask(method, &format!("/api/messages?roomId={room}")).bearer(&who.access)
}
