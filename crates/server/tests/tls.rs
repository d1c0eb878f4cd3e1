//! https by the server itself: requests, rooms, certificates that change.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use support::socket::{Frame, RoomSocket};
use support::tls::{Pair, connect, connect_narrow, exchange, trusting};
use support::{Account, Answer, TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long something may take that happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);

async fn serving(pair: &Pair, more: &[(&'static str, &str)]) -> TestServer {
    let (certificate, key) = (pair.certificate_file(), pair.key_file());
    let own = [
        ("tls_cert", certificate.to_str().unwrap()),
        ("tls_key", key.to_str().unwrap()),
        ("public_url", "https://parlor.example.org"),
    ];
    TestServer::with(&[&own[..], more].concat()).await
}

async fn ask(server: &TestServer, pair: &Pair, head: &str, body: &Value) -> Answer {
    let mut stream = connect(server.address, &pair.certificate).await.unwrap();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{head}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(&mut stream, &request).await
}

async fn register(server: &TestServer, pair: &Pair, name: &str) -> (Account, Answer) {
    let form = json!({
        "username": name, "email": format!("{name}@example.org"), "password": "a password"
    });
    let head = "POST /api/v1/auth/register HTTP/1.1\r\nhost: parlor.example.org";
    let answer = ask(server, pair, head, &form).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    (Account::of(&answer), answer)
}

async fn room(server: &TestServer, pair: &Pair, owner: &Account) -> String {
    let head = format!(
        "POST /api/v1/rooms HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}",
        owner.access
    );
    let answer = ask(server, pair, &head, &json!({ "name": "Film night" })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["roomId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_login_over_tls_stays_with_this_host_and_encrypted() {
    let pair = Pair::new();
    let server = serving(&pair, &[]).await;
    let (_, answer) = register(&server, &pair, "ada_l").await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-authToken="), "{cookie}");
    assert!(cookie.ends_with("; Secure"), "{cookie}");
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
    // Everything else on the person's own machine may go on without https.
    let head = "GET /health/ready HTTP/1.1\r\nhost: localhost:3000";
    let local = ask(&server, &pair, head, &Value::Null).await;
    assert_eq!(local.status, 200);
    assert_eq!(local.header("strict-transport-security"), None);
    server.stop().await;
}

#[tokio::test]
async fn own_pages_are_those_that_came_encrypted() {
    let pair = Pair::new();
    let server = serving(&pair, &[]).await;
    let (ada, _) = register(&server, &pair, "ada_l").await;
    let host = format!("localhost:{}", server.address.port());
    for (origin, status) in [
        (format!("https://{host}"), 200),
        ("https://parlor.example.org".to_owned(), 200),
        (format!("http://{host}"), 403),
        ("https://localhost".to_owned(), 403),
    ] {
        let head = format!(
            "POST /api/v1/rooms HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\ncookie: {}",
            ada.cookie
        );
        let answer = ask(&server, &pair, &head, &json!({ "name": "Film night" })).await;
        assert_eq!(answer.status, status, "{origin}: {}", answer.text());
    }
    server.stop().await;
}

#[tokio::test]
async fn http_1_is_what_clients_are_offered() {
    let pair = Pair::new();
    let server = serving(&pair, &[]).await;
    let stream = connect(server.address, &pair.certificate).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let tcp = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let refused = trusting(&pair.certificate, &["h2"]).connect(name, tcp).await.unwrap_err();
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
    server.stop().await;
}

#[tokio::test]
async fn plain_http_is_told_the_https_address() {
    let pair = Pair::new();
    let (certificate, key) = (pair.certificate_file(), pair.key_file());
    let files = [("tls_cert", certificate.to_str().unwrap()), ("tls_key", key.to_str().unwrap())];
    let server = TestServer::with(&files).await;
    let answer = server.get("/room/x").send().await;
    assert_eq!(answer.status, 400);
    let address = format!("https://localhost:{}", server.address.port());
    assert_eq!(answer.text(), format!("This address is encrypted. Open {address} instead.\n"));
    server.stop().await;
    let server = serving(&pair, &[]).await;
    let answer = server.get("/").send().await;
    assert!(answer.text().contains("Open https://parlor.example.org instead."));
    server.stop().await;
}

#[tokio::test]
async fn a_room_is_shared_over_tls_and_each_end_is_told() {
    let pair = Pair::new();
    // Two cores: the room's need not be the one that encrypts.
    let server = serving(&pair, &[("cores", "2")]).await;
    let (ada, _) = register(&server, &pair, "ada_l").await;
    let (bob, _) = register(&server, &pair, "bob_b").await;
    let room = room(&server, &pair, &ada).await;
    let open = async |who: &Account| {
        let stream = connect(server.address, &pair.certificate).await.unwrap();
        RoomSocket::open(stream, "localhost", &room, &who.access).await
    };
    let mut adas = open(&ada).await;
    adas.until("USER_JOINED").await;
    let mut bobs = open(&bob).await;
    bobs.until("USER_JOINED").await;
    assert_eq!(adas.until("USER_JOINED").await["userId"], bob.id.as_str());
    // Longer than a record holds once.
    let text = "x".repeat(3_000);
    for number in 0..20 {
        let payload = json!({ "text": format!("{number} {text}") });
        bobs.send(&json!({ "type": "CHAT_SEND", "payload": payload })).await;
        for socket in [&mut adas, &mut bobs] {
            let told = socket.until("CHAT_MESSAGE").await;
            assert_eq!(told["text"], payload["text"]);
        }
    }
    bobs.close(1000).await;
    assert_eq!(bobs.next().await, Frame::Close(1000));
    bobs.ended().await;
    assert_eq!(adas.until("USER_LEFT").await["userId"], bob.id.as_str());
    let stopping = tokio::spawn(server.stop());
    assert_eq!(adas.until_closed().await, 1012);
    adas.ended().await;
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_connection_ends_properly_whoever_ends_it() {
    let pair = Pair::new();
    let server = serving(&pair, &[]).await;
    let (ada, _) = register(&server, &pair, "ada_l").await;
    let room = room(&server, &pair, &ada).await;
    let open = async |room: &str| {
        let stream = connect(server.address, &pair.certificate).await.unwrap();
        RoomSocket::open(stream, "localhost", room, &ada.access).await
    };
    // The server, because there is no such room.
    let mut nowhere = open("AAAAAAAAAAAAAAAAAAAAAA").await;
    let Frame::Message(error) = nowhere.next().await else { panic!("no reason is given") };
    assert_eq!((&error["type"], &error["code"]), (&json!("ERROR"), &json!("room_not_found")));
    assert_eq!(nowhere.next().await, Frame::Close(4004));
    nowhere.ended().await;
    // The client, that says no more and goes on listening.
    let mut silent = open(&room).await;
    silent.until("USER_JOINED").await;
    silent.say_no_more().await;
    silent.ended().await;
    // The client, without any goodbye: its seat is kept, and its next connection takes it.
    let mut gone = open(&room).await;
    gone.until("USER_JOINED").await;
    drop(gone);
    let mut back = open(&room).await;
    back.until("USER_JOINED").await;
    back.send(&json!({ "type": "LEAVE" })).await;
    assert_eq!(back.until_closed().await, 1000);
    back.ended().await;
    server.stop().await;
}

#[tokio::test]
async fn a_slow_reader_behind_tls_is_cut_off_and_loses_nothing_before_it() {
    let pair = Pair::new();
    let server = serving(&pair, &[("insecure_no_rate_limits", "true")]).await;
    let (ada, _) = register(&server, &pair, "ada_l").await;
    let room = room(&server, &pair, &ada).await;
    let stream = connect_narrow(server.address, &pair.certificate).await.unwrap();
    let mut slow = RoomSocket::open(stream, "localhost", &room, &ada.access).await;
    slow.until("USER_JOINED").await;
    let stream = connect(server.address, &pair.certificate).await.unwrap();
    let mut quick = RoomSocket::open(stream, "localhost", &room, &ada.access).await;
    let begun = Instant::now();
    // What a connection may owe, and what the system's buffers hold beside it.
    let mut sent = 0;
    let address = format!("https://films.example.org/{}", "x".repeat(1_900));
    while sent < 16 * 1024 * 1024 {
        let payload = json!({ "mediaUrl": address, "currentTime": sent });
        quick.send(&json!({ "type": "UPDATE_PLAYBACK", "payload": payload })).await;
        let told = quick.until("PLAYBACK_UPDATED").await;
        assert_eq!(told["currentTime"], sent);
        sent += told.to_string().len();
    }
    assert!(begun.elapsed() < PATIENCE, "the others wait for the slow one");
    let mut last = None;
    let code = loop {
        match slow.next().await {
            Frame::Message(message) => {
                let Some(seq) = message["seq"].as_u64() else { continue };
                assert!(last.is_none_or(|last| seq == last + 1), "{last:?}, then {seq}");
                last = Some(seq);
            }
            Frame::Close(code) => break code,
        }
    };
    assert_eq!(code, 4500);
    assert!(last.is_some());
    slow.ended().await;
    server.stop().await;
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_up_and_open_connections_stay() {
    let mut pair = Pair::new();
    let server = serving(&pair, &[]).await;
    let mut old = connect(server.address, &pair.certificate).await.unwrap();
    let stale = pair.certificate.clone();
    pair.renew();
    until_served(&server, &pair).await;
    let forgotten = connect(server.address, &stale).await.unwrap_err();
    assert!(forgotten.to_string().contains("certificate"), "{forgotten}");
    // A pair that cannot be used changes nothing, and one that can is found after it.
    let good = pair.certificate.clone();
    std::fs::write(pair.key_file(), "no key").unwrap();
    connect(server.address, &good).await.unwrap();
    pair.renew();
    until_served(&server, &pair).await;
    let request = "GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert_eq!(exchange(&mut old, request).await.status, 200);
    server.stop().await;
}

/// Connects anew until the server shows the pair's certificate.
async fn until_served(server: &TestServer, pair: &Pair) {
    let until = Instant::now() + PATIENCE;
    while connect(server.address, &pair.certificate).await.is_err() {
        assert!(Instant::now() < until, "the certificate is not taken up");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn garbage_is_answered_with_an_alert() {
    let pair = Pair::new();
    let server = serving(&pair, &[]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&[0x16, 0x03, 0x01, 0x00, 0x05, 1, 0, 0, 1, 0]).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    // An alert is a record of kind 21 (RFC 8446, section 5.1).
    assert_eq!(answer.first(), Some(&21), "{answer:?}");
    server.stop().await;
}
