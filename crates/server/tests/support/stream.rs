//! A reader of server-sent events, as plain as `curl -N`.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Answer;

/// Nothing that is waited for takes longer, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// One event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The last `id:` so far.
    pub id: Option<String>,
    /// The JSON of its `data:` line.
    pub data: Value,
}

/// An open stream.
pub struct EventStream<S = TcpStream> {
    stream: S,
    bytes: Vec<u8>,
    last_id: Option<String>,
}

/// Writes a request for a stream.
pub fn request(host: &str, query: &str, headers: &[(&str, &str)]) -> String {
    let mut head = format!("GET /api/realtime?{query} HTTP/1.1\r\nhost: {host}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

impl EventStream {
    /// Asks for a stream; a refusal is returned as the answer it is.
    pub async fn open(
        to: std::net::SocketAddr,
        query: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Answer> {
        let stream = TcpStream::connect(to).await.unwrap();
        Self::over(stream, &to.to_string(), query, headers).await
    }
}

impl<S: AsyncRead + AsyncWriteExt + Unpin> EventStream<S> {
    /// Asks for a stream over any connection.
    pub async fn over(
        mut stream: S,
        host: &str,
        query: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Answer> {
        stream.write_all(request(host, query, headers).as_bytes()).await.unwrap();
        let mut open = Self { stream, bytes: Vec::new(), last_id: None };
        let end = loop {
            if let Some(at) = open.bytes.windows(4).position(|end| end == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(open.read_more().await, "the connection ended within the head");
        };
        let mut answer = Answer::read(&open.bytes[..end]);
        open.bytes.drain(..end);
        if answer.status == 200 {
            assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
            return Ok(open);
        }
        let length: usize = answer.header("content-length").unwrap().parse().unwrap();
        while open.bytes.len() < length {
            assert!(open.read_more().await, "the connection ended within the body");
        }
        answer.body = open.bytes;
        Err(answer)
    }

    async fn read_more(&mut self) -> bool {
        let mut some = [0; 4_096];
        let read = timeout(PATIENCE, self.stream.read(&mut some)).await.expect("something comes");
        let count = read.unwrap_or(0);
        self.bytes.extend_from_slice(&some[..count]);
        count > 0
    }

    /// Reads the next event; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            while let Some(at) = self.bytes.windows(2).position(|end| end == b"\n\n") {
                let block: Vec<u8> = self.bytes.drain(..at + 2).collect();
                let block = String::from_utf8(block).unwrap();
                let of = |field: &str| block.lines().find_map(|line| line.strip_prefix(field));
                if let Some(id) = of("id: ") {
                    self.last_id = Some(id.to_owned());
                }
                if let Some(data) = of("data: ") {
                    let data = serde_json::from_str(data).unwrap();
                    return Some(Told { id: self.last_id.clone(), data });
                }
            }
            if !self.read_more().await {
                return None;
            }
        }
    }

    /// Reads on until an event of this name, and returns its data.
    pub async fn until(&mut self, event: &str) -> Value {
        loop {
            let told = self.next().await.unwrap_or_else(|| panic!("no {event} came"));
            if told.data["event"] == event {
                return told.data["data"].clone();
            }
        }
    }

    /// Reads on to the end of the stream, and returns the names of the events.
    pub async fn rest(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(told) = self.next().await {
            names.push(told.data["event"].as_str().unwrap_or("-").to_owned());
        }
        names
    }

    /// Returns where to go on from.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }
}
