//! A client of Engine.IO with no cleverness at all.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Answer, Ask};

/// What came over a WebSocket.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    Text(String),
    Binary(Vec<u8>),
    /// The end, with the code of the close frame if there was one.
    Closed(Option<u16>),
}

pub fn text(text: &str) -> Heard {
    Heard::Text(text.to_owned())
}

/// A WebSocket.
pub struct Wire {
    pub stream: TcpStream,
}

impl Wire {
    /// Opens a WebSocket at a path; the answer if it is no upgrade.
    pub async fn open(address: SocketAddr, path: &str, headers: &str) -> Result<Self, u16> {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        match std::str::from_utf8(&answer).unwrap().split(' ').nth(1).unwrap().parse().unwrap() {
            101 => Ok(Self { stream }),
            status => Err(status),
        }
    }

    pub async fn send(&mut self, text: &str) {
        self.frame(1, text.as_bytes()).await;
    }

    pub async fn send_binary(&mut self, bytes: &[u8]) {
        self.frame(2, bytes).await;
    }

    async fn frame(&mut self, opcode: u8, payload: &[u8]) {
        // The server may have closed by now; what matters is what is heard then.
        let _ = self.stream.write_all(&frame(opcode, payload)).await;
    }

    /// Reads the next message or the end.
    pub async fn next(&mut self) -> Heard {
        loop {
            let Ok(first) = self.stream.read_u8().await else { return Heard::Closed(None) };
            let length = match self.stream.read_u8().await.unwrap() {
                126 => u64::from(self.stream.read_u16().await.unwrap()),
                127 => self.stream.read_u64().await.unwrap(),
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.stream.read_exact(&mut payload).await.unwrap();
            match first & 0x0f {
                1 => return Heard::Text(String::from_utf8(payload).unwrap()),
                2 => return Heard::Binary(payload),
                8 => return Heard::Closed(Some(u16::from_be_bytes([payload[0], payload[1]]))),
                9 => self.frame(10, &payload).await,
                10 => {}
                other => panic!("a frame of kind {other}"),
            }
        }
    }

    /// Reads the next message that is no ping, answering those.
    pub async fn heard(&mut self) -> Heard {
        loop {
            match self.next().await {
                Heard::Text(ping) if ping == "2" => self.send("3").await,
                other => return other,
            }
        }
    }

    /// Reads the next text that is no ping.
    pub async fn text(&mut self) -> String {
        match self.heard().await {
            Heard::Text(text) => text,
            other => panic!("{other:?} instead of a text"),
        }
    }

    /// Reads to the end.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Heard::Closed(code) = self.next().await {
                return code;
            }
        }
    }
}

/// A frame as clients send it. A mask of zeros changes nothing (RFC 6455, section 5.3).
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80 | opcode];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | short as u8),
        long @ 126..=65_535 => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(long as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}

/// An address of Engine.IO.
#[derive(Clone, Copy)]
pub struct Engine {
    pub address: SocketAddr,
    /// `/engine.io/` or `/socket.io/`.
    pub root: &'static str,
}

impl Engine {
    pub fn ask(&self, method: &str, query: &str) -> Ask {
        Ask::to(self.address, method, &format!("{}?{query}", self.root))
    }

    /// Opens a WebSocket with this query.
    pub async fn wire(&self, query: &str) -> Result<Wire, u16> {
        Wire::open(self.address, &format!("{}?{query}", self.root), "").await
    }

    /// Begins a connection by a WebSocket and takes its handshake.
    pub async fn socket(&self) -> Wire {
        let mut wire = self.wire("EIO=4&transport=websocket").await.unwrap();
        assert!(matches!(wire.next().await, Heard::Text(open) if open.starts_with('0')));
        wire
    }

    /// Begins a connection by polling; returns its id.
    pub async fn open(&self) -> Polling {
        self.open_by(|ask| ask).await
    }

    /// Does the same with headers of one's own.
    pub async fn open_by(&self, with: impl FnOnce(Ask) -> Ask) -> Polling {
        let answer = with(self.ask("GET", "EIO=4&transport=polling")).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let handshake: Value = serde_json::from_str(&answer.text()[1..]).unwrap();
        Polling { engine: *self, sid: handshake["sid"].as_str().unwrap().to_owned() }
    }
}

/// A connection by polling.
#[derive(Clone)]
pub struct Polling {
    pub engine: Engine,
    pub sid: String,
}

impl Polling {
    pub fn query(&self) -> String {
        format!("EIO=4&transport=polling&sid={}", self.sid)
    }

    pub fn get(&self) -> Ask {
        self.engine.ask("GET", &self.query())
    }

    pub fn post(&self, body: &str) -> Ask {
        self.engine.ask("POST", &self.query()).body("text/plain", body.as_bytes())
    }

    /// Polls once; returns the status and the body.
    pub async fn poll(&self) -> (u16, String) {
        told(&self.get().send().await)
    }

    /// Posts once; returns the status and the body.
    pub async fn say(&self, body: &str) -> (u16, String) {
        told(&self.post(body).send().await)
    }

    /// Moves the connection to a WebSocket.
    pub async fn upgrade(&self) -> Wire {
        let query = format!("EIO=4&transport=websocket&sid={}", self.sid);
        let mut wire = self.engine.wire(&query).await.unwrap();
        wire.send("2probe").await;
        assert_eq!(wire.next().await, text("3probe"));
        wire.send("5").await;
        wire
    }
}

pub fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text())
}
