//! Three nodes, their database and their broker.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use parlor_protocol::RoomId;
use parlor_store::{Store, StoreConfig};
use parlor_testkit::postgres::{Durability, Postgres};
use parlor_testkit::redis::TestRedis;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::door::Door;
use crate::history::Kept;
use crate::letters::{Letter, Thread};
use crate::person::Account;

/// Nothing that is waited for takes longer, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Messages read at once at the end.
const PAGE: u64 = 500;
/// Direct messages read at once at the end: as many as a page may have.
const LETTERS: usize = 200;

/// Nodes that are one Parlor.
pub struct Site {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Their broker.
    pub redis: TestRedis,
    postgres: Postgres,
}

/// A server process behind its door.
pub struct Node {
    /// Where clients come in.
    pub door: Door,
    program: PathBuf,
    settings: Vec<(&'static str, String)>,
    port: u16,
    child: Option<Child>,
    _folder: TempDir,
}

impl Site {
    /// Starts everything with the server at `program`.
    ///
    /// # Errors
    /// If something cannot be started: PostgreSQL, Redis, the server.
    pub async fn start(program: &Path, count: usize) -> anyhow::Result<Self> {
        let postgres = Postgres::start(Durability::Process)?;
        let redis = TestRedis::start();
        let mut nodes = Vec::new();
        for _ in 0..count {
            let shared =
                [("PARLOR_DATABASE_URL", postgres.url()), ("PARLOR_REDIS_URL", redis.url())];
            nodes.push(Node::new(program, shared).await?);
        }
        for node in &mut nodes {
            node.start()?;
        }
        for node in &nodes {
            node.ready().await?;
        }
        Ok(Self { nodes, redis, postgres })
    }

    /// Makes a guest; returns the token.
    ///
    /// # Errors
    /// If the first node does not answer.
    pub async fn guest(&self, name: &str) -> anyhow::Result<String> {
        let form = json!({ "displayName": name });
        let made = self.nodes[0].post("/api/v1/auth/guest", "", &form).await?;
        Ok(made["accessToken"].as_str().context("a guest without a token")?.to_owned())
    }

    /// Makes a room of a guest's; returns its id.
    ///
    /// # Errors
    /// If the first node does not answer.
    pub async fn room(&self, token: &str) -> anyhow::Result<String> {
        let form = json!({ "name": "Storm", "isPublic": true });
        let made = self.nodes[0].post("/api/v1/rooms", token, &form).await?;
        Ok(made["roomId"].as_str().context("a room without an id")?.to_owned())
    }

    /// Makes an account.
    ///
    /// # Errors
    /// If the first node does not answer.
    pub async fn account(&self, name: &str) -> anyhow::Result<Account> {
        let email = format!("{name}@example.org");
        let form = json!({ "username": name, "email": email, "password": "a password" });
        let register = ("POST", "/api/v1/auth/register");
        let (head, body) = self.nodes[0].exchange(register, "", &form.to_string()).await?;
        // The login's own token: an access token is good for a quarter of an hour, and storms last
        // longer.
        let cookie = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let value = value.strip_prefix("authToken=")?;
            name.eq_ignore_ascii_case("set-cookie").then(|| value.split(';').next())?
        });
        let token = cookie.context("an account without a login")?.to_owned();
        let made: Value = serde_json::from_str(&body)?;
        let id = made["id"].as_str().context("an account without an id")?.to_owned();
        Ok(Account { id, token })
    }

    /// Reads everything that was said in a room and is kept.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn kept(&self, room: &str) -> anyhow::Result<Vec<Kept>> {
        let config = StoreConfig { url: self.postgres.url(), max_connections: 2 };
        let store = Store::connect(&config).await?;
        let (room, mut all, mut before) = (RoomId::from(room), Vec::new(), None);
        loop {
            let page = store.chat_page(&room, before, PAGE).await?;
            let Some(first) = page.first() else { break };
            before = Some(first.n);
            all.extend(page.into_iter().map(|message| Kept {
                n: message.n,
                client_id: message.client_id,
                text: message.text,
            }));
        }
        Ok(all)
    }
}

impl Node {
    /// Reads a conversation as one of the two finds it here.
    ///
    /// # Errors
    /// If the node does not answer.
    pub async fn thread(&self, owner: &Account, other: &str) -> anyhow::Result<Thread> {
        loop {
            let unread = self.unread(owner, other).await?;
            let letters = self.letters(owner, other).await?;
            // What a broken connection asked for last may be carried out between the two looks.
            if self.unread(owner, other).await? == unread {
                let (owner, other) = (owner.id.clone(), other.to_owned());
                return Ok(Thread { owner, other, letters, unread });
            }
        }
    }

    async fn unread(&self, owner: &Account, other: &str) -> anyhow::Result<usize> {
        let contacts = self.get("/contacts", &owner.token).await?;
        let contacts = contacts["contacts"].as_array().context("no contacts")?;
        let contact = contacts.iter().find(|it| it["contactClerkId"] == other);
        // Who never wrote is none.
        let count = contact.map_or(Some(0), |contact| contact["unreadCount"].as_u64());
        Ok(usize::try_from(count.context("a contact without a count")?)?)
    }

    async fn letters(&self, owner: &Account, other: &str) -> anyhow::Result<Vec<Letter>> {
        let (mut all, mut before) = (Vec::new(), String::new());
        loop {
            let path = format!("/conversations/with/{other}/messages?limit={LETTERS}{before}");
            let (status, text) = self.ask("GET", &path, &owner.token, "").await?;
            if status == 404 && all.is_empty() {
                return Ok(all);
            }
            anyhow::ensure!(status == 200, "{path}: {status} {text}");
            let page: Value = serde_json::from_str(&text)?;
            let page = page["messages"].as_array().context("no messages")?;
            for message in page {
                let text = |field: &str| message[field].as_str().map(str::to_owned);
                all.push(Letter {
                    id: message["id"].as_i64().context("a message without a number")?,
                    from: text("fromClerkId").context("a message of nobody")?,
                    text: text("content").context("a message without a text")?,
                    is_read: message["isRead"] == true && message["readAt"].is_string(),
                });
            }
            match all.last() {
                Some(last) if page.len() == LETTERS => before = format!("&before={}", last.id),
                Some(_) | None => return Ok(all),
            }
        }
    }

    async fn new(program: &Path, shared: [(&'static str, String); 2]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        // Free now; nobody else on this machine is given it within these moments.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut settings = shared.to_vec();
        settings.extend([
            ("PARLOR_LISTEN", format!("127.0.0.1:{port}")),
            ("PARLOR_DATA_DIR", folder.path().join("data").display().to_string()),
            ("PARLOR_CORES", "1".to_owned()),
            ("PARLOR_INSECURE_NO_RATE_LIMITS", "true".to_owned()),
            ("PARLOR_LOG", "error".to_owned()),
        ]);
        let door = Door::open(port).await?;
        let program = program.to_owned();
        Ok(Self { door, program, settings, port, child: None, _folder: folder })
    }

    /// Starts the process; [`Node::ready`] waits for it.
    ///
    /// # Errors
    /// If the system does not start it.
    pub fn start(&mut self) -> anyhow::Result<()> {
        let child = Command::new(&self.program)
            .arg("serve")
            .current_dir(self._folder.path())
            .envs(self.settings.iter().map(|(key, value)| (key, value)))
            // Ours, and no setting of the server.
            .env_remove("PARLOR_BIN")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", self.program.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until it serves.
    ///
    /// # Errors
    /// If that takes too long.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let asking = async {
            while !matches!(self.ask("GET", "/health/ready", "", "").await, Ok((200, _))) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, asking).await.context("a node does not become ready")
    }

    /// Sends a signal to the process.
    ///
    /// # Errors
    /// If it is not there.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = self.child.as_ref().and_then(Child::id).context("the node is not running")?;
        let pid = Pid::from_raw(i32::try_from(id)?).context("a process has an id")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Waits until the process has ended.
    ///
    /// # Errors
    /// If that takes too long.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("the node is not running")?;
        timeout(PATIENCE, child.wait()).await.context("a node does not end")??;
        Ok(())
    }

    async fn get(&self, path: &str, token: &str) -> anyhow::Result<Value> {
        let (status, text) = self.ask("GET", path, token, "").await?;
        anyhow::ensure!(status == 200, "{path}: {status} {text}");
        Ok(serde_json::from_str(&text)?)
    }

    async fn post(&self, path: &str, token: &str, body: &Value) -> anyhow::Result<Value> {
        let (status, text) = self.ask("POST", path, token, &body.to_string()).await?;
        anyhow::ensure!(status < 300, "{path}: {status} {text}");
        Ok(serde_json::from_str(&text)?)
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &str,
    ) -> anyhow::Result<(u16, String)> {
        let (head, body) = self.exchange((method, path), token, body).await?;
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Ok((status.context("no status")?, body))
    }

    /// Sends a request; returns head and body of the answer.
    async fn exchange(
        &self,
        (method, path): (&str, &str),
        token: &str,
        body: &str,
    ) -> anyhow::Result<(String, String)> {
        let length = body.len();
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost:{}\r\n", self.port);
        head += &format!("connection: close\r\ncontent-length: {length}\r\n");
        head += "content-type: application/json\r\n";
        if !token.is_empty() {
            head += &format!("authorization: Bearer {token}\r\n");
        }
        let asking = async {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
            stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = timeout(PATIENCE, asking).await.context("a node does not answer")??;
        let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP")?;
        Ok((head.to_owned(), body.to_owned()))
    }
}
