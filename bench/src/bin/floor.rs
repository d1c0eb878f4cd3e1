//! The floor: a bare loop of `send(2)` of ready bytes over the sockets of a room. `floor PORT`.
//!
//! It is no server: it believes every request to be an upgrade, checks nothing and answers only
//! the load generator. What it costs is what the kernel costs.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};

use anyhow::Context;
use parlor_bench::frame::{self, Head};
use rustix::event::epoll;

/// The listener's mark among the events; sockets have their index.
const LISTENER: u64 = u64::MAX;

struct Socket {
    stream: TcpStream,
    room: Option<usize>,
    unread: Vec<u8>,
}

#[derive(Default)]
struct Room {
    members: Vec<usize>,
    batch: Vec<u8>,
}

fn main() -> anyhow::Result<()> {
    let port: u16 = std::env::args().nth(1).context("no port")?.parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let readable = epoll::EventFlags::IN;
    epoll::add(&epoll, &listener, epoll::EventData::new_u64(LISTENER), readable)?;

    let mut sockets: Vec<Option<Socket>> = Vec::new();
    let mut rooms: Vec<Room> = Vec::new();
    let mut names: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut buffer = vec![0u8; 256 * 1024];
    let mut events = [MaybeUninit::<epoll::Event>::uninit(); 1024];
    let mut touched = Vec::new();
    loop {
        let (ready, _) = epoll::wait(&epoll, &mut events[..], None)?;
        for event in ready {
            let data = event.data.u64();
            if data == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    let data = epoll::EventData::new_u64(sockets.len() as u64);
                    epoll::add(&epoll, &stream, data, readable)?;
                    sockets.push(Some(Socket { stream, room: None, unread: Vec::new() }));
                }
                continue;
            }
            let index = data as usize;
            let Some(socket) = &mut sockets[index] else { continue };
            match socket.stream.read(&mut buffer) {
                Ok(length) if length > 0 => {
                    socket.unread.extend_from_slice(&buffer[..length]);
                    take_in(index, socket, &mut rooms, &mut names, &mut touched)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(_) | Err(_) => {
                    if let Some(room) = socket.room {
                        rooms[room].members.retain(|&member| member != index);
                    }
                    sockets[index] = None;
                }
            }
        }
        for room in touched.drain(..) {
            let room = &mut rooms[room];
            for &member in &room.members {
                if let Some(socket) = &sockets[member] {
                    send_all(&socket.stream, &room.batch);
                }
            }
            room.batch.clear();
        }
    }
}

/// Takes in what one socket sent: an upgrade first, then text for its room.
fn take_in(
    index: usize,
    socket: &mut Socket,
    rooms: &mut Vec<Room>,
    names: &mut HashMap<Vec<u8>, usize>,
    touched: &mut Vec<usize>,
) -> anyhow::Result<()> {
    let Some(room) = socket.room else {
        if socket.unread.ends_with(b"\r\n\r\n") {
            let name = socket.unread.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
            let room = *names.entry(name.to_vec()).or_insert_with(|| {
                rooms.push(Room::default());
                rooms.len() - 1
            });
            rooms[room].members.push(index);
            socket.room = Some(room);
            socket.unread.clear();
            (&socket.stream).write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            )?;
        }
        return Ok(());
    };
    let mut read = 0;
    while let Some(head) = Head::read(&socket.unread, read) {
        let Some(payload) = socket.unread.get(head.payload..head.end) else { break };
        if head.opcode == frame::TEXT {
            let batch = &mut rooms[room].batch;
            if batch.is_empty() {
                touched.push(room);
            }
            frame::push_unmasked(batch, frame::TEXT, payload, head.mask.unwrap_or_default());
        }
        read = head.end;
    }
    socket.unread.drain(..read);
    Ok(())
}

/// Sends all of it, waiting for a full socket: a floor need not be fair to the others.
fn send_all(mut stream: &TcpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(length) => bytes = &bytes[length..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let mut poll = [rustix::event::PollFd::new(&stream, rustix::event::PollFlags::OUT)];
                let _ = rustix::event::poll(&mut poll, None);
            }
            Err(_) => return,
        }
    }
}
