//! A whole server in the test's own process, reached over real sockets.

// Each test file uses its own part of this.
#![allow(dead_code, clippy::unwrap_used)]

pub mod client;
pub mod engineio;
pub mod nginx;
pub mod program;
pub mod room_page;
pub mod smtp;
pub mod socket;
pub mod stream;
pub mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use parlor_server::config::{Config, Flags, SocketSettings, sources};
use parlor_server::running::Running;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A server on a free port, with a database of its own.
pub struct TestServer {
    running: Option<Running>,
    folder: tempfile::TempDir,
    /// Where it listens.
    pub address: SocketAddr,
}

impl TestServer {
    /// Starts a server as it is without any configuration.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts a server with these settings, by their keys.
    pub async fn with(settings: &[(&'static str, &str)]) -> Self {
        Self::with_sockets(settings, SocketSettings::default()).await
    }

    /// Starts a server with these settings, and other times for Socket.IO clients.
    pub async fn with_sockets(settings: &[(&'static str, &str)], sockets: SocketSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut values: BTreeMap<&'static str, String> =
            settings.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
        values.entry("listen").or_insert_with(|| "127.0.0.1:0".to_owned());
        values.entry("cores").or_insert_with(|| "1".to_owned());
        values.insert("data_dir", folder.path().join("data").display().to_string());
        let flags = Flags { values, file: None };
        let values = sources::gather(&flags, &|_| None, folder.path()).unwrap();
        let config = Config { sockets, ..Config::from_values(&values).unwrap() };
        let running = Running::start(config).await.unwrap();
        let address = running.addresses()[0];
        Self { running: Some(running), folder, address }
    }

    /// Returns what its requests reach.
    pub fn app(&self) -> &parlor_server::app::App {
        self.running.as_ref().unwrap().app()
    }

    /// Where it listens, in the order of the setting.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.running.as_ref().unwrap().addresses()
    }

    /// Stops it properly.
    pub async fn stop(mut self) {
        self.running.take().unwrap().stop().await;
    }

    /// Begins a request.
    pub fn ask(&self, method: &str, path: &str) -> Ask {
        Ask::to(self.address, method, path)
    }

    pub fn get(&self, path: &str) -> Ask {
        self.ask("GET", path)
    }

    pub fn post(&self, path: &str) -> Ask {
        self.ask("POST", path)
    }

    /// The origin of its own pages.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Registers somebody with the password `a password`.
    pub async fn register(&self, name: &str) -> Account {
        let email = format!("{name}@example.org");
        let form =
            serde_json::json!({ "username": name, "email": email, "password": "a password" });
        let answer = self.post("/api/v1/auth/register").json(&form).send().await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        Account::of(&answer)
    }

    /// Has somebody be the first who runs the site, by the link a start would print.
    pub async fn have_run_by(&self, who: &Account) {
        let link = self.app().mail.first_link().await.unwrap().unwrap();
        let form = serde_json::json!({ "token": link.split_once('=').unwrap().1 });
        let ask = self.post("/api/v1/admin/first").bearer(&who.access).json(&form);
        assert_eq!(ask.send().await.status, 200);
    }

    /// Makes a guest.
    pub async fn guest(&self, name: &str) -> Account {
        let form = serde_json::json!({ "displayName": name });
        let answer = self.post("/api/v1/auth/guest").json(&form).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Account::of(&answer)
    }

    /// Makes a room of this name; returns the answer's body.
    pub async fn room(&self, owner: &Account, form: Value) -> Value {
        let answer = self.post("/api/v1/rooms").bearer(&owner.access).json(&form).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

/// Somebody with tokens.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: String,
    pub access: String,
    pub refresh: String,
    /// `name=value` of the cookie that was set.
    pub cookie: String,
}

impl Account {
    pub fn of(answer: &Answer) -> Self {
        let body = answer.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let set = answer.header("set-cookie").unwrap_or_default();
        Self {
            id: text("id"),
            access: text("accessToken"),
            refresh: text("refreshToken"),
            cookie: set.split(';').next().unwrap_or_default().to_owned(),
        }
    }
}

/// A request.
pub struct Ask {
    address: SocketAddr,
    method: String,
    path: String,
    host: Option<String>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    /// Begins a request to a server at an address.
    pub fn to(address: SocketAddr, method: &str, path: &str) -> Self {
        Self {
            address,
            method: method.to_owned(),
            path: path.to_owned(),
            host: Some(address.to_string()),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    /// Asks at another address of the server.
    pub fn at(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self.host = Some(address.to_string());
        self
    }

    pub fn without_host(mut self) -> Self {
        self.host = None;
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn cookie(self, cookie: &str) -> Self {
        self.header("cookie", cookie)
    }

    pub fn origin(self, origin: &str) -> Self {
        self.header("origin", origin)
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().as_bytes())
    }

    pub fn body(mut self, kind: &str, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("content-type", kind)
    }

    /// Sends it on a connection of its own and reads the whole answer.
    pub async fn send(self) -> Answer {
        let mut head = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", self.method, self.path);
        if let Some(host) = &self.host {
            head.push_str(&format!("host: {host}\r\n"));
        }
        if !self.body.is_empty() || self.method != "GET" {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&self.body).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        Answer::read(&bytes)
    }

    /// Sends an upgrade and reads no more than the head of the answer.
    pub async fn upgrade(self) -> Answer {
        self.begin_upgrade().await.1
    }

    /// Opens a room's socket and keeps it open: returns once the room has said something.
    pub async fn connect(self) -> TcpStream {
        let (mut stream, answer) = self.begin_upgrade().await;
        assert_eq!(answer.status, 101);
        // The joiner is told of its own joining, so one more byte means that it has its seat.
        if answer.body.is_empty() {
            stream.read_u8().await.unwrap();
        }
        stream
    }

    async fn begin_upgrade(self) -> (TcpStream, Answer) {
        let mut ask = self
            .header("upgrade", "websocket")
            .header("connection", "Upgrade")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let mut head = format!("GET {} HTTP/1.1\r\n", ask.path);
        head.push_str(&format!("host: {}\r\n", ask.host.take().unwrap()));
        for (name, value) in &ask.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut stream = TcpStream::connect(ask.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
            let mut some = [0; 4_096];
            let count = stream.read(&mut some).await.unwrap();
            assert_ne!(count, 0, "the connection ended within the head");
            bytes.extend_from_slice(&some[..count]);
        }
        (stream, Answer::read(&bytes))
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn read(bytes: &[u8]) -> Self {
        let end =
            bytes.windows(4).position(|end| end == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self { status, headers, body: bytes[end + 4..].to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn cookies(&self) -> Vec<&str> {
        let set = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        set.map(|(_, value)| value.as_str()).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// Status and code, which is what most tests look at.
    pub fn outcome(&self) -> (u16, String) {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or(Value::Null);
        (self.status, body["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// What [`Answer::outcome`] is compared with.
pub fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
