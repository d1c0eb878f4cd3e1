//! Nodes as processes, and people who are connected to them.

// Each test file uses its own part of this.
#![allow(dead_code, clippy::unwrap_used)]

mod distance;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use distance::{Distance, Far};
use futures_util::{SinkExt, StreamExt};
use parlor_store::{Store, StoreConfig};
use parlor_testkit::postgres::{Durability, Postgres};
use parlor_testkit::redis::TestRedis;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Nothing that is waited for takes longer, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Nodes, their database and their broker.
pub struct Site {
    pub nodes: Vec<Node>,
    pub redis: TestRedis,
    pub postgres: Postgres,
    _distances: Vec<Distance>,
}

/// Somebody with a token.
pub struct Guest {
    pub id: String,
    token: String,
}

impl Guest {
    pub fn token(&self) -> &str {
        &self.token
    }
}

impl Site {
    pub async fn start(count: usize) -> Self {
        let postgres = Postgres::start(Durability::Process).unwrap_or_else(|e| panic!("{e}"));
        Self::start_over(count, postgres, TestRedis::start(), None).await
    }

    /// Starts nodes that reach the broker by TLS, and trust its certificate because the system does.
    pub async fn start_with_tls(count: usize, certificate: PathBuf, key: PathBuf) -> Self {
        let postgres = Postgres::start(Durability::Process).unwrap_or_else(|e| panic!("{e}"));
        let redis = TestRedis::start_with_tls(certificate.clone(), key);
        Self::start_over(count, postgres, redis, Some(certificate)).await
    }

    async fn start_over(
        count: usize,
        postgres: Postgres,
        redis: TestRedis,
        trusted: Option<PathBuf>,
    ) -> Self {
        // All at once: they agree on who makes the tables.
        let trust: Vec<(&str, &str)> =
            trusted.iter().map(|file| ("SSL_CERT_FILE", file.to_str().unwrap())).collect();
        let starts = (0..count).map(|_| Node::start(postgres.url(), redis.url(), &trust));
        let nodes = futures_util::future::join_all(starts).await;
        Self { nodes, redis, postgres, _distances: Vec::new() }
    }

    /// Starts a node for each of these distances from the database and the broker, ms one way. Two
    /// nodes hear one another after the sum of theirs.
    pub async fn far_apart(distances_ms: &[u64]) -> Self {
        let postgres = Postgres::start(Durability::Process).unwrap_or_else(|e| panic!("{e}"));
        let redis = TestRedis::start();
        // Whoever makes the tables is near them: it takes hundreds of questions.
        let config = StoreConfig { url: postgres.url(), max_connections: 1 };
        let store = Store::connect(&config).await.unwrap();
        store.migrate().await.unwrap();
        store.close().await.unwrap();
        let mut distances = Vec::new();
        let mut starts = Vec::new();
        for &ms in distances_ms {
            let one_way = Duration::from_millis(ms);
            let database = Distance::put(Far::Unix(postgres.socket()), one_way).await;
            let broker = Distance::put(Far::Tcp(redis.port()), one_way).await;
            let database_url = format!("postgres://parlor@127.0.0.1:{}/postgres", database.port);
            let redis_url = format!("redis://127.0.0.1:{}/", broker.port);
            starts.push(Node::start(database_url, redis_url, &[]));
            distances.extend([database, broker]);
        }
        let nodes = futures_util::future::join_all(starts).await;
        Self { nodes, redis, postgres, _distances: distances }
    }

    /// Starts a node for pages and requests, and these many for sockets.
    pub async fn of_roles(sync_count: usize) -> Self {
        let postgres = Postgres::start(Durability::Process).unwrap_or_else(|e| panic!("{e}"));
        let redis = TestRedis::start();
        let api = [("PARLOR_ROLE", "api"), ("PARLOR_SYNC_URL", "ws://sync.example.org")];
        let mut nodes = vec![Node::start(postgres.url(), redis.url(), &api).await];
        for _ in 0..sync_count {
            let role = [("PARLOR_ROLE", "sync")];
            nodes.push(Node::start(postgres.url(), redis.url(), &role).await);
        }
        Self { nodes, redis, postgres, _distances: Vec::new() }
    }

    /// Returns which node has a room, by the database.
    pub async fn owner(&self, room: &str) -> Option<String> {
        let config = StoreConfig { url: self.postgres.url(), max_connections: 1 };
        let store = Store::connect(&config).await.unwrap();
        let owner = store.holder_of_room(&room.into()).await.unwrap().map(|it| it.node);
        store.close().await.unwrap();
        owner
    }

    pub async fn guest(&self, name: &str) -> Guest {
        let made = self.nodes[0].post("/api/v1/auth/guest", "", json!({ "displayName": name }));
        let made = made.await;
        let text = |key: &str| made[key].as_str().unwrap().to_owned();
        Guest { id: text("id"), token: text("accessToken") }
    }

    pub async fn room(&self, owner: &Guest) -> String {
        let form = json!({ "name": "Cinema", "isPublic": true });
        let made = self.nodes[0].post("/api/v1/rooms", &owner.token, form).await;
        made["roomId"].as_str().or(made["id"].as_str()).unwrap().to_owned()
    }
}

/// A server process.
pub struct Node {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Node {
    async fn start(database_url: String, redis_url: String, more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_parlor"))
            .arg("serve")
            .current_dir(folder.path())
            .env("PARLOR_LISTEN", "127.0.0.1:0")
            .env("PARLOR_DATA_DIR", folder.path().join("data"))
            .env("PARLOR_DATABASE_URL", database_url)
            .env("PARLOR_REDIS_URL", redis_url)
            .env("PARLOR_CORES", "1")
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = loop {
            let line = timeout(PATIENCE, said.next_line()).await.unwrap().unwrap();
            let line = line.expect("a node says where it is before it ends");
            if let Some((_, port)) = line.rsplit_once("http://localhost:") {
                break port.trim_end_matches('/').parse().unwrap();
            }
        };
        Self { child, port, _folder: folder }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().unwrap() as i32).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub fn kill(&mut self) {
        self.child.start_kill().unwrap();
    }

    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) {
        assert!(timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().success());
    }

    /// Asks for its readiness until that is `word`.
    pub async fn wait_until_ready_is(&self, word: &str, who: &Guest) {
        let asking = async {
            while self.get("/health/ready", who).await["message"] != word {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, asking).await.unwrap();
    }

    /// Makes a ticket: somebody who can open one socket.
    pub async fn ticket(&self, who: &Guest) -> Guest {
        let made = self.post("/api/v1/auth/ticket", &who.token, json!({})).await;
        Guest { id: who.id.clone(), token: made["ticket"].as_str().unwrap().to_owned() }
    }

    pub async fn get(&self, path: &str, who: &Guest) -> Value {
        self.ask("GET", path, &who.token, None).await
    }

    /// Reads everything that was ever said in a room, oldest first.
    pub async fn history(&self, room: &str, who: &Guest) -> Vec<String> {
        let (mut texts, mut before) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/rooms/{room}/messages{before}");
            let page = self.get(&path, who).await;
            let messages = page["messages"].as_array().unwrap_or_else(|| panic!("{page}"));
            let Some(first) = messages.first() else { return texts };
            before = format!("?before={}", first["id"].as_str().unwrap());
            let page = messages.iter().map(|message| message["text"].as_str().unwrap().to_owned());
            texts.splice(..0, page.collect::<Vec<_>>());
        }
    }

    pub async fn delete(&self, path: &str, who: &Guest) -> Value {
        self.ask("DELETE", path, &who.token, None).await
    }

    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        std::net::SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Value {
        self.ask("POST", path, token, Some(body)).await
    }

    async fn ask(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Value {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost:{}\r\n", self.port);
        head += &format!("connection: close\r\ncontent-length: {}\r\n", body.len());
        head += "content-type: application/json\r\n";
        if !token.is_empty() {
            head += &format!("authorization: Bearer {token}\r\n");
        }
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {answer}"))
    }
}

/// Somebody's connection to a room.
pub struct Member {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Member {
    /// Enters a room, as a client does: a socket that is sent back tries again.
    pub async fn enter(node: &Node, room: &str, who: &Guest) -> Self {
        let url =
            format!("ws://localhost:{}/api/v1/rooms/{room}/ws?authToken={}", node.port, who.token);
        let entering = async {
            loop {
                if let Ok((socket, _)) = connect_async(&url).await {
                    let mut member = Self { socket };
                    if member.is_in().await {
                        return member;
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, entering).await.expect("the room lets them in")
    }

    /// Says with what status a socket is refused.
    pub async fn refused(node: &Node, room: &str, who: &Guest) -> u16 {
        let url =
            format!("ws://localhost:{}/api/v1/rooms/{room}/ws?authToken={}", node.port, who.token);
        match connect_async(&url).await {
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => answer.status().as_u16(),
            Err(error) => panic!("no answer at all: {error}"),
            Ok(_) => panic!("it is let in"),
        }
    }

    async fn is_in(&mut self) -> bool {
        while let Some(told) = self.read().await {
            if told["type"] == "USER_JOINED" {
                return true;
            }
        }
        false
    }

    /// Reads the next event; `None` when the socket is closed.
    async fn read(&mut self) -> Option<Value> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("the room says something")? {
                Ok(Message::Text(text)) => return serde_json::from_str(&text).ok(),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    pub async fn send(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
    }

    pub async fn say(&mut self, id: u64, text: &str) {
        self.send(json!({ "type": "CHAT_SEND", "id": id, "payload": { "text": text } })).await;
    }

    /// Reads up to the next event of this type.
    pub async fn next(&mut self, kind: &str) -> Value {
        loop {
            let told = self.read().await.unwrap_or_else(|| panic!("closed before {kind}"));
            assert_ne!(told["type"], "ERROR", "{told}");
            if told["type"] == kind {
                return told;
            }
        }
    }

    /// Sends a command and waits for its answer; `false` if the socket is closed first.
    pub async fn is_answered(&mut self, command: &Value) -> bool {
        if self.socket.send(Message::text(command.to_string())).await.is_err() {
            return false;
        }
        while let Some(told) = self.read().await {
            if told["id"] == command["id"] {
                assert_eq!(told["type"], "ACK", "{told}");
                return true;
            }
        }
        false
    }

    /// Measures how long the room's node takes to answer.
    pub async fn distance(&mut self) -> Duration {
        let asked = Instant::now();
        self.send(json!({ "type": "CLOCK_PING", "payload": { "c": 1 } })).await;
        self.next("CLOCK_PONG").await;
        asked.elapsed()
    }

    /// Asks for the whole state.
    pub async fn state(&mut self) -> Value {
        self.send(json!({ "type": "SYNC_REQUEST" })).await;
        self.next("SYNC_FULL_STATE").await["payload"].clone()
    }

    /// Reads until the socket is closed; returns with what code.
    pub async fn closed(&mut self) -> u16 {
        self.rest().await.1
    }

    /// Reads until the socket is closed; returns what was said and the code.
    pub async fn rest(&mut self) -> (Vec<Value>, u16) {
        let mut seen = Vec::new();
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("the socket is closed") {
                Some(Ok(Message::Text(text))) => seen.push(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    return (seen, frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                // Without a goodbye: 1006 is what clients call that.
                Some(Err(_)) | None => return (seen, 1006),
            }
        }
    }

    pub async fn leave(mut self) {
        self.send(json!({ "type": "LEAVE" })).await;
    }
}
