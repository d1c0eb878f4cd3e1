//! HTTP/1.1 over kept connections: one that asks and waits, and many that ask again as soon as
//! they are answered.

use std::io::{ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::event::{Timespec, epoll};

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Writes a request as text.
pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&str>,
) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
    if let Some(token) = token {
        text.push_str(&format!("Authorization: Bearer {token}\r\n"));
    }
    if let Some(body) = body {
        let head = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        text.push_str(&head);
    }
    text.push_str("\r\n");
    text.push_str(body.unwrap_or_default());
    text.into_bytes()
}

/// One kept connection.
pub struct Client {
    address: SocketAddr,
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When nothing listens.
    pub fn connect(address: SocketAddr) -> anyhow::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Client { address, stream, read: Vec::new() })
    }

    /// Asks and waits for the answer: its status and body.
    ///
    /// # Errors
    /// When the connection ends first.
    pub fn ask(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&str>,
    ) -> anyhow::Result<(u16, Vec<u8>)> {
        self.stream.write_all(&request(self.address, method, path, token, body))?;
        let mut buffer = [0; 16 * 1024];
        loop {
            if let Some(answer) = Answer::read(&self.read) {
                let body = self.read[answer.body..answer.end].to_vec();
                self.read.drain(..answer.end);
                return Ok((answer.status, body));
            }
            let length = self.stream.read(&mut buffer)?;
            anyhow::ensure!(length > 0, "closed before {method} {path} was answered");
            self.read.extend_from_slice(&buffer[..length]);
        }
    }

    /// Asks for JSON; anything but success is an error.
    ///
    /// # Errors
    /// When the answer is not 2xx or not JSON.
    pub fn ask_json(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&str>,
    ) -> anyhow::Result<serde_json::Value> {
        let (status, body) = self.ask(method, path, token, body)?;
        let text = String::from_utf8_lossy(&body);
        anyhow::ensure!((200..300).contains(&status), "{method} {path}: {status} {text}");
        serde_json::from_slice(&body).with_context(|| format!("{method} {path}: {text}"))
    }
}

struct Answer {
    status: u16,
    body: usize,
    end: usize,
}

impl Answer {
    /// Finds an answer at the beginning of `bytes`; it must say its `Content-Length`.
    fn read(bytes: &[u8]) -> Option<Answer> {
        let body = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&bytes[..body]).ok()?;
        let status = head.get(9..12)?.parse().ok()?;
        let length: usize = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(Some(0), |(_, value)| value.parse().ok())?;
        let end = body + length;
        (bytes.len() >= end).then_some(Answer { status, body, end })
    }
}

/// What many connections got that ask again as soon as they are answered.
#[derive(Debug, Default)]
pub struct Hammered {
    /// Answers with a status of 2xx.
    pub answers: u64,
    /// Answers with another status.
    pub refusals: u64,
    /// How long it took.
    pub wall: Duration,
    /// From request to answer, in µs, one for each answer.
    pub latencies_us: Vec<u32>,
}

/// Sends the same request over and over on `connections` connections for `duration`.
///
/// # Errors
/// When a connection breaks.
pub fn hammer(
    address: SocketAddr,
    request: &[u8],
    connections: usize,
    duration: Duration,
) -> anyhow::Result<Hammered> {
    struct Connection {
        stream: TcpStream,
        read: Vec<u8>,
        asked: Instant,
    }
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut all = Vec::new();
    for index in 0..connections {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&epoll, &stream, data, epoll::EventFlags::IN)?;
        all.push(Connection { stream, read: Vec::new(), asked: Instant::now() });
    }
    let begun = Instant::now();
    for connection in &mut all {
        connection.asked = Instant::now();
        connection.stream.write_all(request)?;
    }
    let mut hammered = Hammered::default();
    let mut buffer = vec![0; 64 * 1024];
    let mut events = [MaybeUninit::<epoll::Event>::uninit(); 1024];
    let wait = Timespec { tv_sec: 1, tv_nsec: 0 };
    while begun.elapsed() < duration {
        let (ready, _) = epoll::wait(&epoll, &mut events[..], Some(&wait))?;
        for event in ready {
            let connection = &mut all[event.data.u64() as usize];
            match connection.stream.read(&mut buffer) {
                Ok(0) => anyhow::bail!("a connection was closed under load"),
                Ok(length) => connection.read.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            }
            if let Some(answer) = Answer::read(&connection.read) {
                connection.read.drain(..answer.end);
                if (200..300).contains(&answer.status) {
                    hammered.answers += 1;
                } else {
                    hammered.refusals += 1;
                }
                let now = Instant::now();
                let latency = now.duration_since(connection.asked).as_micros();
                hammered.latencies_us.push(latency as u32);
                connection.asked = now;
                connection.stream.write_all(request)?;
            }
        }
    }
    hammered.wall = begun.elapsed();
    Ok(hammered)
}
