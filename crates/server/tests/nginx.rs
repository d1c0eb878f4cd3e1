//! The configurations for nginx in `deploy/`, with Debian's nginx in front of real servers.

#![allow(clippy::unwrap_used)]

mod support;

use std::net::SocketAddr;

use serde_json::{Value, json};
use support::nginx::Nginx;
use support::socket::{Frame, RoomSocket};
use support::stream::EventStream;
use support::tls::{Pair, exchange, handshake};
use support::{Account, Answer, TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;

const HOST: &str = "parlor.example.org";

/// Connects from this loopback address.
async fn from(client: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(client.parse().unwrap(), 0)).unwrap();
    socket.connect(to).await.unwrap()
}

fn request(method: &str, path: &str, more: &str, body: &Value) -> String {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n{more}\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A Parlor behind nginx with https.
struct Scene {
    parlor: Option<TestServer>,
    nginx: Nginx,
    pair: Pair,
}

impl Scene {
    async fn set() -> Self {
        let parlor = TestServer::with(&[
            ("public_url", "https://parlor.example.org"),
            ("trusted_proxies", "127.0.0.1,::1"),
            ("metrics_from", "127.0.0.7"),
        ])
        .await;
        let pair = Pair::new();
        let live = "/etc/letsencrypt/live/parlor.example.org";
        let nginx = Nginx::start(
            "nginx.conf",
            &[
                ("    listen 80;\n    listen [::]:80;\n", "    listen unix:FOLDER/plain;\n"),
                ("    listen [::]:443 ssl http2;\n", ""),
                ("listen 443 ssl", "listen 127.0.0.1:PORT ssl"),
                ("server 127.0.0.1:3000;", &format!("server {};", parlor.address)),
                (&format!("{live}/fullchain.pem"), &pair.certificate_file().display().to_string()),
                (&format!("{live}/privkey.pem"), &pair.key_file().display().to_string()),
                ("/var/log/nginx", "FOLDER"),
            ],
        );
        Self { parlor: Some(parlor), nginx, pair }
    }

    async fn connect(&self, client: &str) -> TlsStream<TcpStream> {
        let stream = from(client, self.nginx.address).await;
        handshake(stream, &self.pair.certificate, &["http/1.1"]).await.unwrap()
    }

    async fn ask(&self, client: &str, request: &str) -> Answer {
        exchange(&mut self.connect(client).await, request).await
    }

    async fn register(&self, name: &str) -> Account {
        let form = json!({
            "username": name, "email": format!("{name}@example.org"), "password": "a password"
        });
        let origin = format!("origin: https://{HOST}\r\n");
        let request = request("POST", "/api/v1/auth/register", &origin, &form);
        let answer = self.ask("127.0.0.7", &request).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        Account::of(&answer)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_shared_through_nginx_and_no_log_of_it_holds_a_token() {
    let mut scene = Scene::set().await;
    let ada = scene.register("ada_l").await;
    assert!(ada.cookie.starts_with("__Host-authToken="), "{}", ada.cookie);
    let form = json!({ "name": "Film night" });
    let cookie = format!("cookie: {}\r\norigin: https://{HOST}\r\n", ada.cookie);
    let made = scene.ask("127.0.0.7", &request("POST", "/api/v1/rooms", &cookie, &form)).await;
    let room = made.json()["roomId"].as_str().unwrap().to_owned();

    let stream = scene.connect("127.0.0.7").await;
    let mut socket = RoomSocket::open_by_query(stream, HOST, &room, &ada.access).await;
    socket.until("USER_JOINED").await;
    socket.send(&json!({ "type": "CHAT_SEND", "payload": { "text": "hello" } })).await;
    assert_eq!(socket.until("CHAT_MESSAGE").await["text"], "hello");
    socket.close(1000).await;
    assert_eq!(socket.next().await, Frame::Close(1000));
    drop(socket);

    let path = format!("\"GET /api/v1/rooms/{room}/ws\"");
    let log = scene.nginx.logged("parlor.log", &["127.0.0.7", &path, " 101 "]);
    assert!(!log.contains(&ada.access), "{log}");
    assert!(!log.contains("authToken"), "{log}");

    // Not even when Parlor does not answer, which is when nginx writes about errors.
    scene.parlor.take().unwrap().stop().await;
    let query = format!("/api/v1/rooms/{room}/ws?authToken={}", ada.access);
    let answer = scene.ask("127.0.0.7", &request("GET", &query, "", &Value::Null)).await;
    assert_eq!(answer.status, 502);
    scene.nginx.logged("parlor.log", &[&path, " 502 "]);
    for name in ["parlor.log", "parlor.error.log", "start.log"] {
        let text = scene.nginx.text(name);
        assert!(!text.contains(&ada.access), "{name}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_events_is_not_gathered_by_nginx() {
    let scene = Scene::set().await;
    let ada = scene.register("ada_l").await;
    let cookie = format!("cookie: {}\r\norigin: https://{HOST}\r\n", ada.cookie);
    let make = request("POST", "/api/room/create", &cookie, &json!({}));
    let room = scene.ask("127.0.0.7", &make).await.json()["roomId"].as_str().unwrap().to_owned();
    let stream = scene.connect("127.0.0.7").await;
    let headers = [("cookie", ada.cookie.as_str())];
    let query = format!("channel={room}");
    let mut stream = EventStream::over(stream, HOST, &query, &headers).await.ok().unwrap();
    // Each arrives while the answer goes on: a proxy that gathered it would keep these few bytes.
    assert_eq!(stream.next().await.unwrap().data["type"], "connected");
    for text in ["one", "two"] {
        let path = format!("/api/messages?roomId={room}");
        let say = request("POST", &path, &cookie, &json!({ "text": text }));
        assert_eq!(scene.ask("127.0.0.7", &say).await.status, 200);
        assert_eq!(stream.until("chat.message").await["text"], text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_a_client_arrives_and_cannot_be_forged() {
    let scene = Scene::set().await;
    let metrics = |more: &str| request("GET", "/metrics", more, &Value::Null);
    // The metrics are for 127.0.0.7 alone.
    assert_eq!(scene.ask("127.0.0.7", &metrics("")).await.status, 200);
    assert_eq!(scene.ask("127.0.0.8", &metrics("")).await.status, 403);
    let forged = metrics("x-forwarded-for: 127.0.0.7\r\n");
    assert_eq!(scene.ask("127.0.0.8", &forged).await.status, 403);
    // Parlor itself is not so easily persuaded either.
    let direct = scene.parlor.as_ref().unwrap().get("/metrics").send().await;
    assert_eq!(direct.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_stand_behind_one_address_and_one_may_go() {
    let settings = [("trusted_proxies", "127.0.0.1"), ("metrics_from", "127.0.0.7")];
    let (one, two) = (TestServer::with(&settings).await, TestServer::with(&settings).await);
    let nginx = Nginx::start(
        "nginx.scale.conf",
        &[
            ("listen 80;", "listen 127.0.0.1:PORT;"),
            ("server parlor-1:3000", &format!("server {}", one.address)),
            ("server parlor-2:3000", &format!("server {}", two.address)),
            ("/dev/stdout", "FOLDER/parlor.log"),
            ("/dev/stderr", "FOLDER/parlor.error.log"),
        ],
    );
    let ask = async || {
        let mut stream = from("127.0.0.7", nginx.address).await;
        let request = request("GET", "/metrics?authToken=secret", "", &Value::Null);
        let request = request.replace(HOST, "localhost:8080");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        Answer::read(&bytes).status
    };
    for _ in 0..6 {
        assert_eq!(ask().await, 200);
    }
    for node in [&one, &two] {
        let log = nginx.logged("parlor.log", &[&node.address.to_string(), " 200 "]);
        assert!(!log.contains("secret"), "{log}");
    }
    one.stop().await;
    for _ in 0..6 {
        assert_eq!(ask().await, 200);
    }
    two.stop().await;
    assert_eq!(ask().await, 502);
    assert!(!nginx.text("parlor.error.log").contains("secret"));
}
