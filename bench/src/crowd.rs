//! Many WebSockets on one thread: one `epoll_wait` for up to 1 024 of them, one `recv` each.

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

/// Where one socket of a crowd goes.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The path of the room's socket.
    pub path: String,
    /// Who enters, if the server asks.
    pub token: Option<String>,
}

struct Member {
    stream: TcpStream,
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
    /// When a server does not upgrade one of them.
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
    /// When the server does not upgrade one of them.
    pub fn join(&mut self, address: SocketAddr, tickets: &[Ticket]) -> anyhow::Result<()> {
        let first = self.members.len();
        for ticket in tickets {
            let mut stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(UPGRADE_TIMEOUT))?;
            stream.write_all(upgrade_request(address, ticket).as_bytes())?;
            self.members.push(Member { stream, rest: Vec::new(), open: true });
        }
        for index in first..self.members.len() {
            let member = &mut self.members[index];
            member.rest = read_upgrade(&mut member.stream)
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

    /// Returns how many sockets the server has closed.
    pub fn closed(&self) -> usize {
        self.members.iter().filter(|member| !member.open).count()
    }

    /// Closes up to `count` sockets without a word, the latest first.
    pub fn drop_last(&mut self, count: usize) {
        self.members.truncate(self.members.len().saturating_sub(count));
    }

    /// Waits for up to `wait`, reads what came and shows each text to `each`, with the index of the
    /// socket it came to. Pings are answered.
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
    #[inline]
    fn read(&mut self, came: &[u8], mut each: impl FnMut(&[u8])) {
        let mut glued = Vec::new();
        let mut bytes = came;
        if !self.rest.is_empty() {
            glued.append(&mut self.rest);
            glued.extend_from_slice(came);
            bytes = &glued;
        }
        let mut read = 0;
        while let Some(head) = Head::read(bytes, read) {
            let Some(payload) = bytes.get(head.payload..head.end) else { break };
            match head.opcode {
                frame::TEXT => each(payload),
                frame::PING => {
                    let mut pong = Vec::new();
                    frame::push_masked(&mut pong, frame::PONG, payload);
                    // A pong that finds no room in the socket is sent at the next ping.
                    let _ = self.stream.write(&pong);
                }
                _ => {}
            }
            read = head.end;
        }
        if read < bytes.len() {
            self.rest = bytes[read..].to_vec();
        }
    }

    fn end(&mut self, epoll: &OwnedFd) {
        self.open = false;
        // It was added; should it be gone, so much the better.
        let _ = epoll::delete(epoll, &self.stream);
    }
}

fn upgrade_request(address: SocketAddr, ticket: &Ticket) -> String {
    let bearer = match &ticket.token {
        Some(token) => format!("Authorization: Bearer {token}\r\n"),
        None => String::new(),
    };
    format!(
        "GET {} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{bearer}\r\n",
        ticket.path
    )
}

/// Reads the answer to an upgrade and returns what came after it.
fn read_upgrade(stream: &mut TcpStream) -> anyhow::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).context("no answer to an upgrade")?;
        anyhow::ensure!(length > 0, "closed: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..length]);
        if let Some(end) = memchr::memmem::find(&answer, b"\r\n\r\n") {
            let upgraded = answer.starts_with(b"HTTP/1.1 101");
            anyhow::ensure!(upgraded, "no upgrade: {}", String::from_utf8_lossy(&answer));
            return Ok(answer.split_off(end + 4));
        }
    }
}
