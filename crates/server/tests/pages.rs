//! The gate before a room's page, and what is a page at all.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use support::{TestServer, refused};

#[tokio::test]
async fn an_unknown_room_leads_back_to_the_front_door() {
    let server = TestServer::start().await;
    let answer = server.get("/room/nowhere").send().await;
    assert_eq!(answer.status, 307);
    assert_eq!(answer.header("location"), Some("/?error=room-not-found"));
    assert!(answer.cookies().is_empty());
}

#[tokio::test]
async fn a_visitor_without_identity_becomes_a_guest_and_takes_no_seat() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let room = server.room(&ada, json!({ "name": "Film night" })).await;
    let path = format!("/room/{}", room["roomId"].as_str().unwrap());
    let answer = server.get(&path).send().await;
    assert_eq!(answer.status, 200);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("x-auth-token="), "{cookie}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let pair = cookie.split(';').next().unwrap();
    let me = server.get("/api/v1/users/me").cookie(pair).send().await.json();
    assert_eq!(me["isGuest"], true);
    let again = server.get(&path).cookie(pair).send().await;
    assert_eq!((again.status, again.cookies().len()), (200, 0));
    let presence = format!("/api/v1/rooms/{}/presence", room["roomId"].as_str().unwrap());
    let presence = server.get(&presence).bearer(&ada.access).send().await;
    assert_eq!(presence.json(), json!({ "memberCount": 0 }));
}

#[tokio::test]
async fn a_link_on_another_site_keeps_the_identity_but_its_scripts_do_not() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let room = server.room(&ada, json!({ "name": "Film night" })).await;
    let path = format!("/room/{}", room["roomId"].as_str().unwrap());
    let link = server
        .get(&path)
        .cookie(&ada.cookie)
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "navigate")
        .send()
        .await;
    // The login's cookie is renewed, and no guest is made.
    assert!(link.cookies().iter().all(|cookie| cookie.starts_with("authToken=")));
    let script = server.get(&path).cookie(&ada.cookie).origin("https://evil.example").send().await;
    assert_eq!(script.status, 403);
}

#[tokio::test]
async fn a_full_room_leads_back_to_the_front_door_and_its_members_pass() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada_l").await, server.register("bob_b").await);
    let room = server.room(&ada, json!({ "name": "Film night", "maxParticipants": 2 })).await;
    let room = room["roomId"].as_str().unwrap();
    let mut sockets = Vec::new();
    for who in [&ada, &bob] {
        let socket = format!("/api/v1/rooms/{room}/ws");
        sockets.push(server.get(&socket).bearer(&who.access).connect().await);
    }
    let page = format!("/room/{room}");
    let stranger = server.get(&page).send().await;
    assert_eq!(stranger.status, 307);
    assert_eq!(stranger.header("location"), Some("/?error=room-full"));
    assert_eq!(server.get(&page).cookie(&bob.cookie).send().await.status, 200);
}

#[tokio::test]
async fn unknown_addresses_are_no_pages() {
    let server = TestServer::start().await;
    for path in ["/users/a/b", "/contacts/a/b", "/conversations/a/b", "/api", "/api/v1/nothing"] {
        let answer = server.get(path).header("accept", "text/html").send().await;
        assert_eq!(answer.outcome(), refused(404, "not_found"), "{path}");
    }
    // What earlier clients ask for at the root is no page either.
    for (path, status) in [("/users", 405), ("/contacts", 401), ("/conversations", 401)] {
        let answer = server.get(path).header("accept", "text/html").send().await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
    }
    assert_eq!(server.get("/nothing").send().await.outcome(), refused(404, "not_found"));
    let page = server.get("/nothing").header("accept", "text/html").send().await;
    assert_eq!((page.status, page.header("content-type")), (404, Some("text/html; charset=utf-8")));
    assert_eq!(server.get("/").send().await.status, 200);
}

#[tokio::test]
async fn pages_allow_no_inline_script_and_no_guessing_of_types() {
    let server = TestServer::start().await;
    for path in ["/", "/scalar"] {
        let answer = server.get(path).send().await;
        let policy = answer.header("content-security-policy").unwrap();
        let scripts = policy.split(';').find(|part| part.trim().starts_with("script-src"));
        assert!(!scripts.unwrap().contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.header("referrer-policy").is_some());
    }
    let scalar = server.get("/scalar").send().await.text();
    assert!(!scalar.contains("http://") && !scalar.contains("https://"), "{scalar}");
}
