//! Rooms whose messages vanish: what was said in them is nowhere to be found, in no file, table or
//! broker, and with the key nobody can read what copies there may be.

#![allow(clippy::unwrap_used)]

mod nodes;
mod support;

use std::path::Path;

use nodes::{Member, Site};
use parlor_testkit::redis::TestRedis;
use redis::Commands as _;
use serde_json::json;
use support::TestServer;
use support::socket::RoomSocket;
use support::stream::EventStream;
use tokio::net::TcpStream;

const SAID: &str = "the owl flies at midnight";
const SENDER: &str = "Countess of nowhere";

/// Returns every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let nested = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    nested.collect()
}

/// Returns the files in which some bytes are.
fn holding(folder: &Path, needle: &[u8]) -> Vec<String> {
    let holds = |path: &Path| {
        // A database may take a file away while it is looked for.
        let bytes = std::fs::read(path).unwrap_or_default();
        memchr::memmem::find(&bytes, needle).is_some()
    };
    files(folder).iter().filter(|path| holds(path)).map(|it| it.display().to_string()).collect()
}

/// Returns everything a broker holds, keys and values.
fn held_by(redis: &TestRedis) -> Vec<(String, Vec<u8>)> {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let keys: Vec<String> = connection.keys("*").unwrap();
    let values = keys.into_iter().map(|key| {
        // In the broker's own form, whatever kind of value it is.
        let value: Option<Vec<u8>> = redis::cmd("DUMP").arg(&key).query(&mut connection).unwrap();
        (key, value.unwrap_or_default())
    });
    values.collect()
}

async fn make(server: &TestServer, token: &str) -> String {
    let answer = server.post("/api/room/create").bearer(token).send().await;
    answer.json()["roomId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_was_said_is_in_no_file_of_a_server_alone() {
    let server = TestServer::start().await;
    let data = server.app().config.data_dir.clone();
    let ada = server.register("ada_l").await;
    let room = make(&server, &ada.access).await;
    let path = format!("/api/messages?roomId={room}");
    let form = json!({ "sender": SENDER, "text": SAID });
    assert_eq!(server.post(&path).bearer(&ada.access).json(&form).send().await.status, 200);
    // A room whose messages stay, so that it is known that they would be found.
    let other = server.room(&ada, json!({ "name": "Stays", "idleTtlSeconds": 600 })).await;
    let other = format!("/api/messages?roomId={}", other["roomId"].as_str().unwrap());
    let stays = json!({ "text": "this is to be found" });
    assert_eq!(server.post(&other).bearer(&ada.access).json(&stays).send().await.status, 200);
    assert!(!holding(&data, b"this is to be found").is_empty());

    let key_file = data.join("vanishing").join(format!("{room}.key"));
    let key = std::fs::read(&key_file).unwrap();
    assert_eq!(key.len(), 32);
    for needle in [SAID, SENDER] {
        assert_eq!(holding(&data, needle.as_bytes()), Vec::<String>::new());
    }
    // Those in the room read it all the same, in either way.
    let listed = server.get(&path).bearer(&ada.access).send().await.json();
    assert_eq!(listed["messages"][0]["text"], SAID);
    assert_eq!(listed["messages"][0]["sender"], SENDER);
    let page = format!("/api/v1/rooms/{room}/messages");
    let page = server.get(&page).bearer(&ada.access).send().await.json();
    assert_eq!(page["messages"][0]["text"], SAID);
    let export = server.get("/api/v1/users/me/export").bearer(&ada.access).send().await.text();
    assert!(export.contains(SAID) && !export.contains("sealed:"), "{export}");

    let erase = server.ask("DELETE", &format!("/api/room?roomId={room}"));
    assert_eq!(erase.bearer(&ada.access).send().await.status, 200);
    assert!(!key_file.exists());
    for needle in [SAID.as_bytes(), SENDER.as_bytes(), &key] {
        assert_eq!(holding(&data, needle), Vec::<String>::new());
    }
    assert!(server.app().store.room(&room.as_str().into()).await.unwrap().is_none());
    let gone = server.get(&path).bearer(&ada.access).send().await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn what_is_said_differently_is_in_no_file_either_and_is_told_as_it_is() {
    let server = TestServer::start().await;
    let data = server.app().config.data_dir.clone();
    let ada = server.register("ada_l").await;
    let room = make(&server, &ada.access).await;
    let stream = TcpStream::connect(server.addresses()[0]).await.unwrap();
    let mut socket = RoomSocket::open(stream, "localhost", &room, &ada.access).await;
    for (kind, payload) in [
        ("CHAT_SEND", json!({ "text": "the owl sleeps" })),
        ("CHAT_EDIT", json!({ "id": "1", "text": SAID })),
    ] {
        socket.send(&json!({ "type": kind, "payload": payload })).await;
    }
    assert_eq!(socket.until("CHAT_EDITED").await["text"], SAID);
    assert_eq!(holding(&data, SAID.as_bytes()), Vec::<String>::new());
    let listed = server.get(&format!("/api/messages?roomId={room}")).bearer(&ada.access);
    assert_eq!(listed.send().await.json()["messages"][0]["text"], SAID);
    socket.send(&json!({ "type": "CHAT_DELETE", "payload": { "id": "1" } })).await;
    socket.until("CHAT_DELETED").await;
    let listed = server.get(&format!("/api/messages?roomId={room}")).bearer(&ada.access);
    assert_eq!(listed.send().await.json()["messages"], json!([]));
}

#[tokio::test]
async fn a_room_destroys_itself_and_its_key_when_its_time_is_over() {
    let server = TestServer::start().await;
    let data = server.app().config.data_dir.clone();
    let ada = server.register("ada_l").await;
    let room = make(&server, &ada.access).await;
    let id = room.as_str().into();
    let store = &server.app().store;
    // Nobody has loaded it: it goes by what is left of its time then.
    let soon = parlor_server::clock::wall_ms() + 1_500;
    assert!(store.set_room_expiry(&id, Some(soon)).await.unwrap());
    let bearer = format!("Bearer {}", ada.access);
    let headers = [("authorization", bearer.as_str())];
    let query = format!("channel={room}");
    let mut stream = EventStream::open(server.address, &query, &headers).await.ok().unwrap();
    let ttl = server.get(&format!("/api/room/ttl?roomId={room}"));
    let ttl = ttl.bearer(&ada.access).send().await.json()["ttl"].as_i64().unwrap();
    assert!((0..=2).contains(&ttl), "{ttl}");
    assert_eq!(stream.until("chat.destroy").await, json!({ "isDestroyed": true }));
    assert_eq!(stream.rest().await, Vec::<String>::new());
    // Its core is at it: first the key, then the rows.
    while store.room(&id).await.unwrap().is_some() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(files(&data.join("vanishing")), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn a_message_gives_the_room_its_whole_time_also_in_the_database() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let form = json!({ "ttlSeconds": 3_600 });
    let made = server.post("/api/room/create").bearer(&ada.access).json(&form).send().await;
    let room = made.json()["roomId"].as_str().unwrap().to_owned();
    let id = room.as_str().into();
    let store = &server.app().store;
    let soon = parlor_server::clock::wall_ms() + 600_000;
    assert!(store.set_room_expiry(&id, Some(soon)).await.unwrap());
    let path = format!("/api/messages?roomId={room}");
    let say = server.post(&path).bearer(&ada.access).json(&json!({ "text": SAID }));
    assert_eq!(say.send().await.status, 200);
    let expires = store.room(&id).await.unwrap().unwrap().expires_at_ms.unwrap();
    assert!(expires > soon + 2_900_000, "{expires} after {soon}");
    let ttl = server.get(&format!("/api/room/ttl?roomId={room}"));
    let ttl = ttl.bearer(&ada.access).send().await.json()["ttl"].as_i64().unwrap();
    assert!((3_500..=3_600).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn a_room_whose_key_is_gone_is_gone() {
    let server = TestServer::start().await;
    let data = server.app().config.data_dir.clone();
    let ada = server.register("ada_l").await;
    let room = make(&server, &ada.access).await;
    std::fs::remove_file(data.join("vanishing").join(format!("{room}.key"))).unwrap();
    let path = format!("/api/messages?roomId={room}");
    assert_eq!(server.get(&path).bearer(&ada.access).send().await.status, 404);
    assert!(server.app().store.room(&room.as_str().into()).await.unwrap().is_none());
}

#[tokio::test]
async fn what_was_said_is_in_no_table_and_not_in_the_broker_of_several_nodes() {
    let mut site = Site::start(2).await;
    let (ada, bob) = (site.guest("Ada").await, site.guest("Bob").await);
    let made = site.nodes[0].post("/api/room/create", ada.token(), json!({})).await;
    let room = made["roomId"].as_str().unwrap().to_owned();
    let path = format!("/api/messages?roomId={room}");
    let mut socket = Member::enter(&site.nodes[1], &room, &bob).await;
    let form = json!({ "sender": SENDER, "text": SAID });
    let said = site.nodes[0].post(&path, ada.token(), form).await;
    assert_eq!(said["success"], true, "{said}");
    assert_eq!(socket.next("CHAT_MESSAGE").await["payload"]["text"], SAID);
    // A film, so that there is something to be cached as well.
    let film = json!({ "mediaUrl": "https://example.org/film.mp4", "isPlaying": true });
    socket.send(json!({ "type": "UPDATE_PLAYBACK", "id": 7, "payload": film })).await;
    socket.next("ACK").await;
    for node in &site.nodes {
        let listed = node.get(&path, &ada).await;
        assert_eq!(listed["messages"][0]["text"], SAID);
    }
    let database = site.postgres.folder();
    let needles = [SAID.as_bytes(), SENDER.as_bytes()];
    let nowhere = |site: &Site| {
        for needle in needles {
            assert_eq!(holding(&database, needle), Vec::<String>::new());
            for (key, value) in held_by(&site.redis) {
                assert!(memchr::memmem::find(&value, needle).is_none(), "in {key}");
            }
        }
    };
    nowhere(&site);
    assert!(held_by(&site.redis).iter().any(|(key, _)| key.ends_with(&room)));

    // A node that dies leaves the room to another, which reads on.
    site.nodes[1].kill();
    let mut again = Member::enter(&site.nodes[0], &room, &bob).await;
    let state = again.state().await;
    assert_eq!(state["chat"][0]["text"], SAID, "{state}");
    assert_eq!(state["playbackState"]["mediaUrl"], "https://example.org/film.mp4");
    nowhere(&site);

    let erased = site.nodes[0].delete(&format!("/api/room?roomId={room}"), &ada).await;
    assert_eq!(erased["message"], "The room is erased");
    assert_eq!(again.closed().await, 4004);
    nowhere(&site);
    let keys: Vec<String> = held_by(&site.redis).into_iter().map(|(key, _)| key).collect();
    assert!(!keys.iter().any(|key| key.contains("room-key")), "{keys:?}");
}
