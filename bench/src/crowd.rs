//! Many sockets on one thread: one `epoll_wait` for up to 1 024 of them, one `recv` each.

use std::io::{ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::event::{Timespec, epoll};

use crate::frame::{self, Head};

/// How long a server may take to answer an upgrade.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(30);

/// What a socket of a crowd speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Text frames of a WebSocket.
    WebSocket,
    /// Socket.IO in the text frames of a WebSocket; it connects to the main namespace.
    SocketIo,
    /// Server-sent events. The head of a chunk before an event is taken for a part of it.
    Events,
}

/// Where one socket of a crowd goes.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The path of the room's socket.
    pub path: String,
    /// Who enters, if the server asks.
    pub token: Option<String>,
    /// What is spoken there.
    pub dialect: Dialect,
    /// Whether the socket is told what is said, in frames that count.
    pub listens: bool,
}

impl Ticket {
    /// Makes the ticket of a WebSocket that is told what is said.
    pub fn to(path: &str, token: Option<String>) -> Ticket {
        Ticket { path: path.to_owned(), token, dialect: Dialect::WebSocket, listens: true }
    }
}

struct Member {
    stream: TcpStream,
    dialect: Dialect,
    listens: bool,
    /// The beginning of a frame whose end has not come yet.
    rest: Vec<u8>,
    open: bool,
}

/// Sockets that are read together.
pub struct Crowd {
    epoll: OwnedFd,
    members: Vec<Member>,
    buffer: Vec<u8>,
}

impl Crowd {
    /// Opens one socket per ticket: first all requests are sent, then all answers are awaited.
    ///
    /// # Errors
    /// When a server does not open one of them.
    pub fn enter(address: SocketAddr, tickets: &[Ticket]) -> anyhow::Result<Crowd> {
        let mut crowd = Crowd {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            members: Vec::new(),
            buffer: vec![0; 256 * 1024],
        };
        crowd.join(address, tickets)?;
        Ok(crowd)
    }

    /// Opens more sockets; they come after those there are.
    ///
    /// # Errors
    /// When the server does not open one of them.
    pub fn join(&mut self, address: SocketAddr, tickets: &[Ticket]) -> anyhow::Result<()> {
        let first = self.members.len();
        for ticket in tickets {
            let mut stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(UPGRADE_TIMEOUT))?;
            stream.write_all(opening_request(address, ticket).as_bytes())?;
            let &Ticket { dialect, listens, .. } = ticket;
            self.members.push(Member { stream, dialect, listens, rest: Vec::new(), open: true });
        }
        for index in first..self.members.len() {
            let member = &mut self.members[index];
            member
                .begin()
                .with_context(|| format!("socket {} of {}", index - first, tickets.len()))?;
            member.stream.set_nonblocking(true)?;
            epoll::add(
                &self.epoll,
                &member.stream,
                epoll::EventData::new_u64(index as u64),
                epoll::EventFlags::IN,
            )?;
        }
        Ok(())
    }

    /// Returns how many sockets were opened.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Says whether no socket was opened.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Returns how many sockets are told what is said.
    pub fn listeners(&self) -> usize {
        self.members.iter().filter(|member| member.listens).count()
    }

    /// Returns how many sockets the server has closed.
    pub fn closed(&self) -> usize {
        self.members.iter().filter(|member| !member.open).count()
    }

    /// Closes up to `count` sockets without a word, the latest first.
    pub fn drop_last(&mut self, count: usize) {
        self.members.truncate(self.members.len().saturating_sub(count));
    }

    /// Waits for up to `wait`, reads what came and shows each text to `each`, with the index of the
    /// socket it came to; of server-sent events, each with all that came since the one before. Pings
    /// are answered.
    ///
    /// # Errors
    /// When the kernel refuses to wait.
    pub fn turn(
        &mut self,
        wait: Duration,
        mut each: impl FnMut(usize, &[u8]),
    ) -> anyhow::Result<()> {
        let wait = Timespec::try_from(wait)?;
        let mut events = [MaybeUninit::<epoll::Event>::uninit(); 1024];
        let ready = match epoll::wait(&self.epoll, &mut events[..], Some(&wait)) {
            Ok((ready, _)) => ready,
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for event in ready {
            let index = event.data.u64() as usize;
            let Some(member) = self.members.get_mut(index) else { continue };
            match member.stream.read(&mut self.buffer) {
                Ok(0) => member.end(&self.epoll),
                Ok(length) => member.read(&self.buffer[..length], |text| each(index, text)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => member.end(&self.epoll),
            }
        }
        Ok(())
    }

    /// Reads until nothing has come for `quiet`, at most for `limit`. Returns whether it became
    /// quiet.
    ///
    /// # Errors
    /// When the kernel refuses to wait.
    pub fn settle(&mut self, quiet: Duration, limit: Duration) -> anyhow::Result<bool> {
        let begun = Instant::now();
        let mut last = begun;
        while last.elapsed() < quiet {
            if begun.elapsed() > limit {
                return Ok(false);
            }
            self.turn(Duration::from_millis(20), |_, _| last = Instant::now())?;
        }
        Ok(true)
    }

    /// Sends bytes from one socket. Returns whether the kernel took them all: a server that does
    /// not read its sockets is not waited for.
    pub fn send(&mut self, index: usize, bytes: &[u8]) -> bool {
        let member = &mut self.members[index];
        matches!(member.stream.write(bytes), Ok(length) if length == bytes.len())
    }
}

impl Member {
    /// Reads the answer to its request, keeps what came after it, and connects where that is a step
    /// of its own.
    fn begin(&mut self) -> anyhow::Result<()> {
        let status: &[u8] = match self.dialect {
            Dialect::WebSocket | Dialect::SocketIo => b"HTTP/1.1 101",
            Dialect::Events => b"HTTP/1.1 200",
        };
        self.rest = read_answer(&mut self.stream, status)?;
        if self.dialect == Dialect::SocketIo {
            let mut connect = Vec::new();
            frame::push_masked(&mut connect, frame::TEXT, b"40");
            self.stream.write_all(&connect)?;
        }
        Ok(())
    }

    #[inline]
    fn read(&mut self, came: &[u8], mut each: impl FnMut(&[u8])) {
        let mut glued = Vec::new();
        let mut bytes = came;
        if !self.rest.is_empty() {
            glued.append(&mut self.rest);
            glued.extend_from_slice(came);
            bytes = &glued;
        }
        let read = match self.dialect {
            Dialect::WebSocket | Dialect::SocketIo => self.read_frames(bytes, &mut each),
            Dialect::Events => read_events(bytes, &mut each),
        };
        if read < bytes.len() {
            self.rest = bytes[read..].to_vec();
        }
    }

    #[inline]
    fn read_frames(&self, bytes: &[u8], each: &mut impl FnMut(&[u8])) -> usize {
        let mut read = 0;
        while let Some(head) = Head::read(bytes, read) {
            let Some(payload) = bytes.get(head.payload..head.end) else { break };
            match head.opcode {
                // A ping of Engine.IO.
                frame::TEXT if payload == b"2" && self.dialect == Dialect::SocketIo => {
                    self.answer(frame::TEXT, b"3");
                }
                frame::TEXT => each(payload),
                frame::PING => self.answer(frame::PONG, payload),
                _ => {}
            }
            read = head.end;
        }
        read
    }

    fn answer(&self, opcode: u8, payload: &[u8]) {
        let mut pong = Vec::new();
        frame::push_masked(&mut pong, opcode, payload);
        // A pong that finds no room in the socket is sent at the next ping.
        let _ = (&self.stream).write(&pong);
    }

    fn end(&mut self, epoll: &OwnedFd) {
        self.open = false;
        // It was added; should it be gone, so much the better.
        let _ = epoll::delete(epoll, &self.stream);
    }
}

/// Shows each whole event to `each` and returns how much that was: an event ends with an empty line.
#[inline]
fn read_events(bytes: &[u8], each: &mut impl FnMut(&[u8])) -> usize {
    let mut read = 0;
    for end in memchr::memmem::find_iter(bytes, b"\n\n") {
        each(&bytes[read..end + 2]);
        read = end + 2;
    }
    read
}

fn opening_request(address: SocketAddr, ticket: &Ticket) -> String {
    let bearer = match &ticket.token {
        Some(token) => format!("Authorization: Bearer {token}\r\n"),
        None => String::new(),
    };
    let wants = match ticket.dialect {
        Dialect::WebSocket | Dialect::SocketIo => {
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        }
        Dialect::Events => "Accept: text/event-stream\r\n",
    };
    format!("GET {} HTTP/1.1\r\nHost: {address}\r\n{wants}{bearer}\r\n", ticket.path)
}

/// Reads the answer to a request, which must begin with this status, and returns what came after it.
fn read_answer(stream: &mut TcpStream, status: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).context("no answer")?;
        anyhow::ensure!(length > 0, "closed: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..length]);
        if let Some(end) = memchr::memmem::find(&answer, b"\r\n\r\n") {
            let opened = answer.starts_with(status);
            anyhow::ensure!(opened, "refused: {}", String::from_utf8_lossy(&answer));
            return Ok(answer.split_off(end + 4));
        }
    }
}
