//! Addresses of one role: what they answer, and where they send everybody else.

#![allow(clippy::unwrap_used)]

mod support;

use std::net::SocketAddr;

use serde_json::json;
use support::{Account, TestServer, refused};

const PAGES: &str = "https://parlor.example.org";

/// One server with an address for each role, as it is behind two names.
struct Split {
    server: TestServer,
    sync: SocketAddr,
    ada: Account,
    /// The path of a room's socket.
    socket: String,
}

impl Split {
    async fn start() -> Self {
        let server = TestServer::with(&[
            ("listen", "127.0.0.1:0=api,127.0.0.1:0=sync"),
            ("public_url", PAGES),
            ("sync_url", "wss://sync.example.org"),
        ])
        .await;
        let ada = server.guest("Ada").await;
        let room = server.room(&ada, json!({ "name": "Film night" })).await;
        let socket = format!("/api/v1/rooms/{}/ws", room["roomId"].as_str().unwrap());
        let sync = server.addresses()[1];
        Self { server, sync, ada, socket }
    }
}

#[tokio::test]
async fn a_socket_at_the_address_of_pages_is_sent_to_its_own() {
    let Split { server, ada, socket, .. } = Split::start().await;
    for path in [&socket, &socket.replace("/api/v1", ""), "/", "/api/v1/nothing"] {
        let answer = server.get(path).bearer(&ada.access).upgrade().await;
        assert_eq!(answer.status, 421, "{path}");
    }
    for path in [&socket, "/socket.io/?EIO=4&transport=polling"] {
        let answer = server.get(path).bearer(&ada.access).send().await;
        assert_eq!(answer.outcome(), refused(421, "misdirected"), "{path}");
        let sentence = "Sockets are opened at wss://sync.example.org";
        assert_eq!(answer.json()["message"], sentence);
    }
    assert_eq!(server.get("/").send().await.status, 200);
    assert_eq!(server.get("/health/ready").send().await.status, 200);
}

#[tokio::test]
async fn a_ticket_says_where_it_is_good_and_is_good_there() {
    let Split { server, sync, ada, socket } = Split::start().await;
    let ticket = server.post("/api/v1/auth/ticket").bearer(&ada.access).send().await.json();
    assert_eq!(ticket["syncUrl"], "wss://sync.example.org");
    let address = format!("{socket}?authToken={}", ticket["ticket"].as_str().unwrap());
    let ask = || server.get(&address).at(sync).host("sync.example.org");
    let foreign = ask().origin("https://evil.example").upgrade().await;
    assert_eq!(foreign.outcome().0, 403);
    assert_eq!(ask().origin(PAGES).upgrade().await.status, 101);
    assert_eq!(ask().origin(PAGES).upgrade().await.status, 401);

    let alone = TestServer::start().await;
    let eve = alone.guest("Eve").await;
    let ticket = alone.post("/api/v1/auth/ticket").bearer(&eve.access).send().await.json();
    assert_eq!(ticket.get("syncUrl"), None);
}

#[tokio::test]
async fn the_address_of_sockets_answers_nothing_else_but_its_health() {
    let Split { server, sync, ada, .. } = Split::start().await;
    for path in ["/", "/room/x", "/api/v1/rooms", "/api/v1/users/me", "/scalar", "/rooms"] {
        let answer = server.get(path).at(sync).bearer(&ada.access).send().await;
        assert_eq!(answer.outcome(), refused(421, "misdirected"), "{path}");
        let sentence = "Pages and requests are answered at https://parlor.example.org";
        assert_eq!(answer.json()["message"], sentence);
    }
    let write = server.post("/api/v1/auth/guest").at(sync).json(&json!({})).send().await;
    assert_eq!(write.outcome(), refused(421, "misdirected"));
    for path in ["/health/live", "/health/ready", "/metrics"] {
        assert_eq!(server.get(path).at(sync).send().await.status, 200, "{path}");
    }
    let foreign = server.get("/health/live").at(sync).host("evil.example").send().await;
    assert_eq!(foreign.outcome(), refused(421, "foreign_host"));
}
