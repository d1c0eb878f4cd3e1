//! Socket.IO clients that are broken, greedy or deaf: nobody else notices, and the server does not
//! grow.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use parlor_protocol::UserId;
use parlor_protocol::limits::{BACKLOG_BYTES, EVENT_BYTES};
use parlor_server::config::SocketSettings;
use serde_json::{Value, json};
use support::engineio::{Engine, Heard, Polling, Wire, frame};
use support::program::{Serving, serve};
use support::{Account, Ask, TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const ROOT: &str = "/socket.io/";

/// A server as a process of its own, without rates, whose memory can be looked at.
struct Site {
    serving: Serving,
    engine: Engine,
    ada: Account,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments = ["--listen", "127.0.0.1:0", "--insecure-no-rate-limits"];
        let mut serving = serve(folder.path(), &arguments);
        let port: u16 = serving.line().trim().rsplit_once(':').unwrap().1.parse().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let form = json!({ "username": "ada_l", "email": "a@b.c", "password": "a password" });
        let ada = Ask::to(address, "POST", "/api/v1/auth/register").json(&form).send().await;
        let ada = Account::of(&ada);
        Self { serving, engine: Engine { address, root: ROOT }, ada, _folder: folder }
    }

    /// Memory of the server that is not on disk, in bytes.
    fn resident(&self) -> u64 {
        let status = format!("/proc/{}/status", self.serving.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
    }

    async fn connected(&self) -> Wire {
        connected(self.engine, &self.ada.access).await
    }
}

async fn connected(engine: Engine, token: &str) -> Wire {
    let mut wire = engine.socket().await;
    wire.send(&format!("40{}", json!({ "token": token }))).await;
    assert!(wire.text().await.starts_with("40{"));
    wire
}

/// Has a client ask something, which must be answered as ever.
async fn is_well(wire: &mut Wire) {
    wire.send(r#"421["fly"]"#).await;
    let answer = wire.text().await;
    let answer: Value = serde_json::from_str(answer.strip_prefix("431").unwrap()).unwrap();
    assert_eq!(answer[0]["code"], "unknown_event");
}

#[tokio::test]
async fn packets_that_are_cut_anywhere_hurt_nobody() {
    let site = Site::start().await;
    let mut witness = site.connected().await;
    let packets = [
        r#"40{"token":"x"}"#,
        r#"4212["register_user",{"clerkId":"x"}]"#,
        r#"452-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
        "43/a,7[1]",
    ];
    for packet in packets {
        for cut in 0..=packet.len() {
            let mut wire = site.engine.socket().await;
            wire.send("40").await;
            wire.text().await;
            wire.send(&packet[..cut]).await;
            // Whatever became of it, the client goes.
            wire.send("1").await;
            wire.closed().await;
            let polling = site.engine.open().await;
            let (status, _) = polling.say(&packet[..cut]).await;
            assert!(status == 200 || status == 400, "{status} for {}", &packet[..cut]);
        }
        // And the same in the middle of a frame, behind which the connection breaks.
        let bytes = frame(1, packet.as_bytes());
        for cut in 0..bytes.len() {
            let mut wire = site.engine.socket().await;
            wire.stream.write_all(&bytes[..cut]).await.unwrap();
        }
    }
    is_well(&mut witness).await;
}

#[tokio::test]
async fn a_hundred_thousand_ids_are_answered_and_none_is_kept() {
    const IDS: u64 = 100_000;
    let site = Site::start().await;
    let mut witness = site.connected().await;
    let wire = site.connected().await;
    let (mut reading, mut writing) = wire.stream.into_split();
    let asking = tokio::spawn(async move {
        for id in 0..IDS {
            // Answers to questions that nobody asked are among them.
            let event = frame(1, format!("42{id}[\"fly\"]").as_bytes());
            let answer = frame(1, format!("43{id}[]").as_bytes());
            writing.write_all(&[event, answer].concat()).await.unwrap();
        }
        writing
    });
    let before = site.resident();
    let mut answered = vec![false; IDS as usize];
    let mut count = 0;
    while count < IDS {
        reading.read_u8().await.unwrap();
        let length = match reading.read_u8().await.unwrap() {
            126 => reading.read_u16().await.unwrap(),
            short => u16::from(short),
        };
        let mut payload = vec![0; usize::from(length)];
        reading.read_exact(&mut payload).await.unwrap();
        let text = String::from_utf8(payload).unwrap();
        let Some(rest) = text.strip_prefix("43") else { continue };
        let id: usize = rest[..rest.find('[').unwrap()].parse().unwrap();
        assert!(!std::mem::replace(&mut answered[id], true), "{id} was answered twice");
        count += 1;
    }
    drop(asking.await.unwrap());
    let growth = site.resident().saturating_sub(before);
    println!("{IDS} ids: {} KiB more", growth >> 10);
    assert!(growth < 16 << 20, "{growth} bytes more");
    is_well(&mut witness).await;
}

#[tokio::test]
async fn attachments_that_never_come_are_waited_for_within_bounds() {
    let mut sockets = SocketSettings::default();
    sockets.engine.ping_interval = Duration::from_millis(500);
    sockets.engine.ping_timeout = Duration::from_millis(500);
    let server = TestServer::with_sockets(&[("insecure_no_rate_limits", "true")], sockets).await;
    let engine = Engine { address: server.address, root: ROOT };
    let ada = server.register("ada1").await;
    let mut announcing = Vec::new();
    for _ in 0..50 {
        let mut wire = connected(engine, &ada.access).await;
        wire.send(r#"4516-["e"]"#).await;
        wire.send_binary(&[0; 1_000]).await;
        announcing.push(wire);
    }
    let mut witness = connected(engine, &ada.access).await;
    is_well(&mut witness).await;
    let mut greedy = connected(engine, &ada.access).await;
    greedy.send(r#"452-["e"]"#).await;
    greedy.send_binary(&vec![0; 600_000]).await;
    greedy.send_binary(&vec![0; 600_000]).await;
    assert_eq!(greedy.closed().await, Some(1000), "attachments are bounded together");
    // Who answers no ping is gone, announced or not; who answers stays.
    let mut ends = JoinSet::new();
    for mut wire in announcing {
        ends.spawn(async move { wire.closed().await });
    }
    let staying = tokio::spawn(async move {
        assert!(matches!(witness.next().await, Heard::Text(ping) if ping == "2"));
        witness.send("3").await;
        is_well(&mut witness).await;
        witness
    });
    while let Some(end) = ends.join_next().await {
        assert_eq!(end.unwrap(), Some(1000));
    }
    staying.await.unwrap();
}

/// Begins a poll and leaves it waiting.
async fn park(polling: &Polling) -> TcpStream {
    let mut stream = TcpStream::connect(polling.engine.address).await.unwrap();
    let (query, host) = (polling.query(), polling.engine.address);
    let head = format!("GET {ROOT}?{query} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn two_thousand_parked_polls_hold_nobody_up() {
    const POLLS: u64 = 2_000;
    parlor_server::process::raise_file_limit();
    let site = Site::start().await;
    let mut witness = site.connected().await;
    let before = site.resident();
    let mut parked = Vec::new();
    for _ in 0..POLLS {
        let polling = site.engine.open().await;
        parked.push((park(&polling).await, polling));
    }
    is_well(&mut witness).await;
    let each = site.resident().saturating_sub(before) / POLLS;
    println!("{POLLS} parked polls: {each} bytes each");
    // Most of it is what the HTTP connection keeps.
    assert!(each < 64 << 10, "{each} bytes for each");
    // They have not proved anything: after 10 s they are sent out, each by its poll.
    for (mut stream, polling) in parked {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n1") {
            answer.push(stream.read_u8().await.unwrap());
        }
        assert_eq!(polling.poll().await.0, 400);
    }
    is_well(&mut witness).await;
}

#[tokio::test]
async fn who_never_reads_is_cut_off_and_the_others_get_everything() {
    let server = TestServer::with(&[("insecure_no_rate_limits", "true")]).await;
    let engine = Engine { address: server.address, root: ROOT };
    let ada = server.register("ada1").await;
    let _deaf = connected(engine, &ada.access).await;
    let polling = engine.open().await;
    assert_eq!(polling.say(&format!("40{}", json!({ "token": ada.access }))).await.0, 200);
    let mut reader = connected(engine, &ada.access).await;
    let (id, sockets) = (UserId::from(ada.id), &server.app().sockets);
    while sockets.count(&id).await < 3 {}
    let big = json!("x".repeat(100_000));
    let expected = format!("42{}", json!(["news", big]));
    let (mut told, mut last) = (0, 3);
    // The system keeps some for it as well, some megabytes at most.
    while last > 1 {
        last = sockets.tell(&id, "news", &big).await;
        assert_eq!(reader.text().await, expected);
        told += 1;
        assert!(told * 100_000 < 16 * BACKLOG_BYTES, "{told} messages and it is still there");
    }
    assert_eq!(sockets.count(&id).await, 1);
    assert_eq!(polling.poll().await.0, 400);
}

#[tokio::test]
async fn a_megabyte_is_the_most_that_one_message_has() {
    let site = Site::start().await;
    let mut witness = site.connected().await;
    let event = |length: usize| {
        let bare = r#"421["fly",""]"#.len();
        format!(r#"421["fly","{}"]"#, "x".repeat(length - bare))
    };
    let mut wire = site.connected().await;
    wire.send(&event(EVENT_BYTES)).await;
    assert!(wire.text().await.starts_with("431[{"));
    wire.send(&event(EVENT_BYTES + 1)).await;
    assert_eq!(wire.closed().await, Some(1009));

    let polling = site.engine.open().await;
    let cookie = format!("40{}", json!({ "token": site.ada.access }));
    assert_eq!(polling.say(&cookie).await.0, 200);
    assert!(polling.poll().await.1.starts_with("40{"));
    assert_eq!(polling.say(&event(EVENT_BYTES)).await.0, 200);
    assert!(polling.poll().await.1.starts_with("431[{"));
    let refused = polling.post(&event(EVENT_BYTES + 1)).send().await;
    assert_eq!(refused.outcome(), (413, "too_large".into()));
    assert_eq!(polling.poll().await.0, 400, "what it said is lost, and so is the connection");
    is_well(&mut witness).await;
}

#[tokio::test]
async fn shapes_that_nobody_expects_are_answered_or_cut_off() {
    let site = Site::start().await;
    let mut witness = site.connected().await;
    let deep = format!("42[\"e\",{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    let wide = format!("42[\"e\"{}]", ",0".repeat(100_000));
    for packet in [
        "42[null]",
        "42[{}]",
        "42\"e\"",
        "4299999999999999999999[\"e\"]",
        "40[]",
        "40/\u{0}",
        "451-[\"e\",{\"_placeholder\":true,\"num\":99}]",
        "451000000-[\"e\"]",
        "0{}",
        "2probe",
        &deep,
        &wide,
    ] {
        let mut wire = site.connected().await;
        wire.send(packet).await;
        match wire.heard().await {
            Heard::Closed(Some(1000)) => {}
            Heard::Text(text) => assert!(text.starts_with("44"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    for form in [json!(null), json!([]), json!("x"), json!({ "token": [] }), json!({ "token": {} })]
    {
        let mut wire = site.connected().await;
        wire.send(&format!("421{}", json!(["authenticate", form]))).await;
        let answer = wire.text().await;
        let answer: Value = serde_json::from_str(answer.strip_prefix("431").unwrap()).unwrap();
        let code = answer[0]["code"].as_str().unwrap();
        assert!(code == "invalid" || code == "missing_token", "{code}");
    }
    is_well(&mut witness).await;
}
