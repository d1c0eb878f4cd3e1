//! The door of a room over HTTP and at the socket.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::socket::RoomSocket;
use support::{Account, TestServer, refused};
use tokio::net::TcpStream;

/// A server with a room of `ada`'s behind such a door, and somebody else.
async fn behind(entry: &str) -> (TestServer, Account, Account, String) {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada_l").await, server.register("bob_b").await);
    let room = server.room(&ada, json!({ "name": "Film night", "idleTtlSeconds": 600 })).await;
    let room = room["roomId"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/rooms/{room}");
    let answer = server.ask("PATCH", &path).bearer(&ada.access).json(&json!({ "entry": entry }));
    assert_eq!(answer.send().await.json()["entry"], entry);
    (server, ada, bob, room)
}

async fn enter(server: &TestServer, who: &Account, room: &str, body: Value) -> (u16, Value) {
    let path = format!("/api/v1/rooms/{room}/entry");
    let answer = server.post(&path).bearer(&who.access).json(&body).send().await;
    (answer.status, answer.json())
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    let (status, body) = answer;
    let word = body.get("status").and_then(Value::as_str).or_else(|| body["code"].as_str());
    (*status, word.unwrap_or_default())
}

async fn open(server: &TestServer, room: &str, who: &Account) -> RoomSocket<TcpStream> {
    let stream = TcpStream::connect(server.addresses()[0]).await.unwrap();
    RoomSocket::open(stream, "localhost", room, &who.access).await
}

async fn set_password(server: &TestServer, who: &Account, room: &str, password: Value) -> u16 {
    let path = format!("/api/v1/rooms/{room}/password");
    let body = json!({ "password": password });
    server.ask("PUT", &path).bearer(&who.access).json(&body).send().await.status
}

/// What somebody gets who looks at the room in each way.
async fn looks(server: &TestServer, who: &Account, room: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    for part in ["", "/members", "/messages"] {
        let path = format!("/api/v1/rooms/{room}{part}");
        statuses.push(server.get(&path).bearer(&who.access).send().await.status);
    }
    let path = format!("/api/rooms/{room}/users");
    statuses.push(server.get(&path).bearer(&who.access).send().await.status);
    statuses.push(server.get(&path).send().await.status);
    statuses
}

#[tokio::test]
async fn a_password_is_asked_for_proven_and_changed() {
    let (server, ada, bob, room) = behind("open").await;
    assert_eq!(set_password(&server, &bob, &room, json!("mine now")).await, 403);
    assert_eq!(set_password(&server, &ada, &room, json!("abc")).await, 422);
    assert_eq!(set_password(&server, &ada, &room, json!("open sesame")).await, 200);
    assert_eq!(looks(&server, &bob, &room).await, [403, 403, 403, 403, 401]);
    let answer = enter(&server, &bob, &room, json!({})).await;
    assert_eq!(code(&answer), (403, "password_required"));
    let answer = enter(&server, &bob, &room, json!({ "password": "open says me" })).await;
    assert_eq!(code(&answer), (403, "wrong_password"));
    let answer = enter(&server, &bob, &room, json!({ "password": "open sesame" })).await;
    assert_eq!(code(&answer), (200, "admitted"));
    assert_eq!(looks(&server, &bob, &room).await, [200, 200, 200, 200, 401]);
    assert_eq!(set_password(&server, &ada, &room, json!("another one")).await, 200);
    let answer = enter(&server, &bob, &room, json!({ "password": "open sesame" })).await;
    assert_eq!(code(&answer), (403, "wrong_password"));
    assert_eq!(set_password(&server, &ada, &room, Value::Null).await, 200);
    assert_eq!(code(&enter(&server, &bob, &room, json!({})).await), (200, "admitted"));
}

#[tokio::test]
async fn passwords_are_not_tried_endlessly() {
    let (server, ada, bob, room) = behind("open").await;
    assert_eq!(set_password(&server, &ada, &room, json!("open sesame")).await, 200);
    let mut statuses = Vec::new();
    for number in 0..30 {
        let guess = json!({ "password": format!("guess {number}") });
        statuses.push(enter(&server, &bob, &room, guess).await.0);
    }
    assert!(statuses[..15].iter().all(|status| *status == 403), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429));
    // Not even the right one, until a while has passed.
    let answer = enter(&server, &bob, &room, json!({ "password": "open sesame" })).await;
    assert_eq!(code(&answer), (429, "rate_limited"));
}

#[tokio::test]
async fn somebody_knocks_is_seen_and_let_in() {
    let (server, ada, bob, room) = behind("knock").await;
    let mut host = open(&server, &room, &ada).await;
    let mut early = open(&server, &room, &bob).await;
    assert_eq!(early.until("ERROR").await, "You wait until somebody lets you in");
    assert_eq!(early.until_closed().await, 4003);
    let gus = server.guest("Gus").await;
    let path = format!("/api/v1/rooms/{room}/entry");
    let look = server.get(&path).bearer(&gus.access).send().await;
    assert_eq!(code(&(look.status, look.json())), (403, "waiting_room"));
    let answer = enter(&server, &bob, &room, json!({ "message": "It is me, Bob" })).await;
    assert_eq!(code(&answer), (200, "waiting"));
    let told = host.until("WAITING_ROOM").await;
    assert_eq!(told["callers"][0]["userId"], bob.id.as_str());
    assert_eq!(told["callers"][0]["message"], "It is me, Bob");
    assert_eq!(told["callers"].as_array().unwrap().len(), 1, "Gus only looked");
    assert_eq!(looks(&server, &bob, &room).await, [403, 403, 403, 403, 401]);
    host.send(&json!({ "type": "ADMIT", "id": 1, "payload": { "userId": bob.id } })).await;
    host.until("ACK").await;
    assert_eq!(code(&enter(&server, &bob, &room, json!({})).await), (200, "admitted"));
    let mut bobs = open(&server, &room, &bob).await;
    bobs.until("USER_JOINED").await;
}

#[tokio::test]
async fn who_was_banned_is_listed_and_may_come_back() {
    let (server, ada, bob, room) = behind("open").await;
    let mut host = open(&server, &room, &ada).await;
    for user in [bob.id.as_str(), "somebody-unknown"] {
        let kick = json!({ "userId": user, "ban": true });
        host.send(&json!({ "type": "KICK", "id": 1, "payload": kick })).await;
        assert_eq!(host.answer(1).await, None);
    }
    assert_eq!(code(&enter(&server, &bob, &room, json!({})).await), (403, "banned"));
    let bans = format!("/api/v1/rooms/{room}/bans");
    let listed = server.get(&bans).bearer(&ada.access).send().await.json();
    let named = json!({ "userId": bob.id, "displayName": "bob_b" });
    let mut listed = listed.as_array().unwrap().clone();
    listed.sort_by_key(|one| one["userId"] == "somebody-unknown");
    assert_eq!(listed, [named, json!({ "userId": "somebody-unknown" })]);
    let pardon = server.ask("DELETE", &format!("{bans}/{}", bob.id));
    assert_eq!(pardon.bearer(&ada.access).send().await.status, 200);
    assert_eq!(code(&enter(&server, &bob, &room, json!({})).await), (200, "admitted"));
    let left = server.get(&bans).bearer(&ada.access).send().await.json();
    assert_eq!(left.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_is_turned_away_is_told() {
    let (server, ada, bob, room) = behind("knock").await;
    let mut host = open(&server, &room, &ada).await;
    assert_eq!(code(&enter(&server, &bob, &room, json!({})).await), (200, "waiting"));
    host.until("WAITING_ROOM").await;
    host.send(&json!({ "type": "TURN_AWAY", "id": 1, "payload": { "userId": bob.id } })).await;
    host.until("ACK").await;
    assert_eq!(code(&enter(&server, &bob, &room, json!({})).await), (403, "turned_away"));
}

#[tokio::test]
async fn guests_stay_outside_where_an_account_is_needed() {
    let (server, _, bob, room) = behind("accounts").await;
    let gus = server.guest("Gus").await;
    assert_eq!(code(&enter(&server, &gus, &room, json!({})).await), (403, "account_required"));
    assert_eq!(code(&enter(&server, &bob, &room, json!({})).await), (200, "admitted"));
}

#[tokio::test]
async fn the_page_of_a_closed_room_has_the_door_and_its_code_still_looks() {
    let (server, ada, bob, room) = behind("invited").await;
    let page = server.get(&format!("/room/{room}")).bearer(&bob.access).send().await;
    assert_eq!(page.status, 200);
    let path = format!("/api/v1/rooms/{room}");
    let state = server.get(&path).bearer(&ada.access).send().await.json();
    let found = format!("/api/rooms/join/{}", state["joinCode"].as_str().unwrap());
    let found = server.get(&found).bearer(&bob.access).send().await.json();
    assert_eq!(found["room"]["requireAccessBeforeJoining"], false);
    assert_eq!(code(&enter(&server, &bob, &room, json!({})).await), (403, "not_invited"));
    let look = server.get(&path).bearer(&bob.access).send().await;
    assert_eq!(look.outcome(), refused(403, "not_invited"));
}
