//! Rooms over HTTP.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{Account, TestServer, refused};

fn id(room: &Value) -> &str {
    room["roomId"].as_str().unwrap()
}

#[tokio::test]
async fn a_room_is_made_with_everything_a_client_needs_to_know() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let form = json!({ "name": " Film night ", "maxParticipants": 5, "unknown": "ignored" });
    let room = server.room(&ada, form).await;
    assert_eq!(room["name"], "Film night");
    assert_eq!(room["hostId"], ada.id.as_str());
    assert_eq!(room["isPublic"], true);
    assert_eq!(room["maxParticipants"], 5);
    assert_eq!(room["joinCode"].as_str().unwrap().len(), 6);
    assert_eq!(room["idleTtlSeconds"], 60);
    // 128 random bits, URL-safe.
    assert_eq!(id(&room).len(), 22);
    assert!(id(&room).bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_'));
}

#[tokio::test]
async fn the_first_medium_plays_and_a_bad_one_makes_no_room() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let media = "https://films.example.org/a.mp4";
    let form =
        json!({ "name": "Film night", "mediaUrl": media, "mediaType": "mp4", "isPlaying": true });
    let room = server.room(&ada, form).await;
    let path = format!("/api/v1/rooms/{}", id(&room));
    let state = server.get(&path).bearer(&ada.access).send().await.json();
    assert_eq!(state["playbackState"]["mediaUrl"], media);
    assert_eq!(state["playbackState"]["mediaType"], "mp4");
    assert_eq!(state["playbackState"]["isPlaying"], true);
    let bad = json!({ "name": "Film night", "mediaUrl": "javascript:alert(1)" });
    let answer = server.post("/api/v1/rooms").bearer(&ada.access).json(&bad).send().await;
    assert_eq!(answer.outcome(), refused(422, "invalid"));
    let rooms = server.get("/api/v1/rooms").bearer(&ada.access).send().await.json();
    assert_eq!(rooms.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_room_that_is_not_valid_is_refused_with_a_reason() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    for form in [
        json!({}),
        json!({ "name": "ab" }),
        json!({ "name": "x".repeat(101) }),
        json!({ "name": "x".repeat(50_000) }),
        json!({ "name": "Film night", "maxParticipants": 1 }),
        json!({ "name": "Film night", "maxParticipants": -3 }),
        json!({ "name": "Film night", "idleTtlSeconds": 1e12 }),
        json!({ "name": ["Film night"] }),
    ] {
        let answer = server.post("/api/v1/rooms").bearer(&ada.access).json(&form).send().await;
        assert_eq!(answer.outcome(), refused(422, "invalid"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.json()["error"], answer.json()["message"]);
    }
}

#[tokio::test]
async fn a_list_holds_public_rooms_and_ones_own_and_goes_on_by_link() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada_l").await, server.register("bob_b").await);
    for number in 0..5 {
        let form = json!({ "name": format!("Room {number}"), "isPublic": number % 2 == 0 });
        server.room(&ada, form).await;
    }
    let walk = |who: Account| {
        let server = &server;
        async move {
            let (mut path, mut names) = ("/api/v1/rooms?limit=2".to_owned(), Vec::new());
            loop {
                let answer = server.get(&path).bearer(&who.access).send().await;
                let page = answer.json();
                let page = page.as_array().unwrap();
                assert!(page.len() <= 2);
                names.extend(page.iter().map(|room| room["name"].as_str().unwrap().to_owned()));
                let Some(link) = answer.header("link") else { return names };
                assert!(link.ends_with("; rel=\"next\""), "{link}");
                path = link[1..link.find('>').unwrap()].to_owned();
            }
        }
    };
    let mut all = walk(ada).await;
    all.sort();
    assert_eq!(all, ["Room 0", "Room 1", "Room 2", "Room 3", "Room 4"]);
    let mut public = walk(bob.clone()).await;
    public.sort();
    assert_eq!(public, ["Room 0", "Room 2", "Room 4"]);
    let forged = server.get("/api/v1/rooms?after=forged").bearer(&bob.access).send().await;
    assert_eq!(forged.outcome(), refused(422, "invalid"));
}

#[tokio::test]
async fn the_older_addresses_answer_alike() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let form = json!({ "name": "Film night" });
    let made = server.post("/rooms").bearer(&ada.access).json(&form).send().await;
    assert_eq!(made.status, 200);
    let room = made.json();
    for root in ["/rooms", "/api/v1/rooms"] {
        let list = server.get(root).bearer(&ada.access).send().await.json();
        assert_eq!(list[0]["roomId"], room["roomId"], "{root}");
        assert_eq!(list[0]["currentMembers"], 0);
        let path = format!("{root}/{}", id(&room));
        let state = server.get(&path).bearer(&ada.access).send().await.json();
        assert_eq!(state["roomId"], room["roomId"], "{root}");
    }
    // They are never pages.
    let page = server.get("/rooms").header("accept", "text/html").send().await;
    assert_eq!(page.outcome(), refused(401, "missing_token"));
}

#[tokio::test]
async fn a_room_is_changed_and_deleted_by_those_who_may() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada_l").await, server.register("bob_b").await);
    let room = server.room(&ada, json!({ "name": "Film night" })).await;
    let path = format!("/api/v1/rooms/{}", id(&room));
    let update = json!({ "name": "Music night", "isPublic": false });
    let foreign = server.ask("PATCH", &path).bearer(&bob.access).json(&update).send().await;
    assert_eq!(foreign.outcome(), refused(403, "forbidden"));
    let own = server.ask("PATCH", &path).bearer(&ada.access).json(&update).send().await;
    assert_eq!((own.status, own.json()["name"].clone()), (200, json!("Music night")));
    let foreign = server.ask("DELETE", &path).bearer(&bob.access).send().await;
    assert_eq!(foreign.outcome(), refused(403, "forbidden"));
    let own = server.ask("DELETE", &path).bearer(&ada.access).send().await;
    assert_eq!(own.status, 200);
    assert!(own.json()["message"].is_string());
    let gone = server.get(&path).bearer(&ada.access).send().await;
    assert_eq!(gone.outcome(), refused(404, "room_not_found"));
    let list = server.get("/api/v1/rooms").bearer(&ada.access).send().await;
    assert_eq!(list.json(), json!([]));
}

#[tokio::test]
async fn presence_members_and_messages_are_answered_for_an_empty_room() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let room = server.room(&ada, json!({ "name": "Film night" })).await;
    let get = |part: &str| {
        server.get(&format!("/api/v1/rooms/{}/{part}", id(&room))).bearer(&ada.access).send()
    };
    assert_eq!(get("presence").await.json(), json!({ "memberCount": 0 }));
    assert_eq!(get("members").await.json(), json!({ "members": [], "memberCount": 0 }));
    assert_eq!(get("messages").await.json(), json!({ "messages": [], "hasMore": false }));
    let nowhere = server.get("/api/v1/rooms/nowhere/presence").bearer(&ada.access).send().await;
    assert_eq!(nowhere.outcome(), refused(404, "room_not_found"));
}

#[tokio::test]
async fn call_clients_make_and_find_rooms_by_code_and_id() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let form = json!({ "name": "x" });
    let anonymous = server.post("/api/rooms/create").json(&form).send().await;
    assert_eq!(anonymous.outcome(), refused(401, "missing_token"));
    let made = server.post("/api/rooms/create").bearer(&ada.access).json(&form).send().await.json();
    assert_eq!(made["success"], true);
    let (room, code) =
        (made["room"]["id"].as_str().unwrap(), made["room"]["joinCode"].as_str().unwrap());
    for path in [
        format!("/api/rooms/{room}"),
        format!("/api/rooms/join/{code}"),
        format!("/api/rooms/join/{}", code.to_lowercase()),
    ] {
        let found = server.get(&path).bearer(&ada.access).send().await.json();
        assert_eq!(found["room"]["id"], room, "{path}");
        assert_eq!(found["room"]["requireAccessBeforeJoining"], false);
        assert_eq!(found["room"]["users"], json!([]));
    }
    let users = server.get(&format!("/api/rooms/{room}/users")).bearer(&ada.access).send().await;
    assert_eq!(users.json(), json!({ "success": true, "users": [] }));
    let nowhere = server.get("/api/rooms/nowhere").send().await;
    assert_eq!(nowhere.json()["message"], "Room not found");
    // The same room can be watched in.
    let state = server.get(&format!("/api/v1/rooms/{room}")).bearer(&ada.access).send().await;
    assert_eq!(state.json()["joinCode"], code);
}

#[tokio::test]
async fn guessing_join_codes_is_stopped_while_an_id_still_works() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let made = server.room(&ada, json!({ "name": "Film night" })).await;
    let code = made["joinCode"].as_str().unwrap();
    for _ in 0..20 {
        let wrong = server.get("/api/rooms/join/AAAAA1").send().await;
        assert_eq!(wrong.outcome(), refused(404, "room_not_found"));
        assert_eq!(server.get(&format!("/api/rooms/{}", id(&made))).send().await.status, 200);
    }
    let stopped = server.get(&format!("/api/rooms/join/{code}")).send().await;
    assert_eq!(stopped.outcome(), refused(429, "rate_limited"));
    assert!(stopped.header("retry-after").is_some());
}
