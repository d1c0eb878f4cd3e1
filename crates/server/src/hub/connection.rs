//! One socket: how it comes to the hub, is read, and ends.

use std::io::{self, Read};
use std::time::Duration;

use parlor_dialects::websocket::{self, Decoder};
use parlor_protocol::{Code, LoginId};
use parlor_room::{ConnId, Departure, Input, Principal};
use slotmap::{Key, KeyData};
use socket2::Socket;
use tokio::io::unix::AsyncFd;

use super::backlog::Backlog;
use super::batch::Framing;
use super::flood::Flood;
use super::readiness::Watched;
use super::{ConnKey, Hub, HubRef, RoomKey, readiness};
use crate::rooms::{Arrival, Opening};

/// A connection of the hub.
pub(super) struct Conn {
    pub(super) stream: Socket,
    pub(super) framing: Framing,
    pub(super) room: RoomKey,
    pub(super) who: Principal,
    /// The login whose revocation ends the connection.
    pub(super) login: Option<LoginId>,
    /// When the connection ends, if nothing newer proves its person by then.
    pub(super) until: Option<Duration>,
    pub(super) decoder: Decoder,
    pub(super) flood: Flood,
    /// Where in its room's batch the connection starts: what stands before was said before it
    /// was admitted, and everything is before it is.
    pub(super) start: usize,
    /// What a socket that would block has not taken yet.
    pub(super) backlog: Option<Box<Backlog>>,
    /// When the peer was heard last; of one that only reads, when it was last pinged.
    pub(super) heard: Duration,
    /// Whether a silent peer was asked whether it is there.
    pub(super) pinged: bool,
    /// When our close frame was queued; from then on the peer's bytes are discarded.
    pub(super) closing: Option<Duration>,
    /// Whether the connection counts in its room.
    pub(super) attached: bool,
}

/// What a read found.
#[derive(PartialEq, Eq)]
pub(super) enum Reading {
    /// As much as was asked for: there may be more.
    Full,
    /// Less than that: the socket is empty for now.
    Some,
    /// Nothing for now.
    Nothing,
    /// The end.
    Over,
}

pub(super) fn conn_id(key: ConnKey) -> ConnId {
    ConnId(key.data().as_ffi())
}

pub(super) fn conn_key(id: ConnId) -> ConnKey {
    KeyData::from_ffi(id.0).into()
}

/// Tells a socket that never became a connection why, and lets it go.
pub(super) fn turn_away(arrival: Arrival, code: Code) {
    let bytes = match arrival.opening {
        Opening::WebSocket => why_turned_away(code),
        // Its response has not begun: whoever reads it comes back, and is told why not.
        Opening::Events(_) => Vec::new(),
    };
    // The socket was just opened: its buffer takes these few bytes, or the peer is gone.
    let _ = io::Write::write_all(&mut (&arrival.stream), &bytes);
    let _ = arrival.stream.shutdown(std::net::Shutdown::Write);
    linger(arrival.stream);
}

/// Says why a connection is not let in, and closes it.
pub(super) fn why_turned_away(code: Code) -> Vec<u8> {
    let mut bytes = Vec::new();
    super::session::append_error(&mut bytes, code);
    websocket::append_close(&mut bytes, code.close().number(), code.message());
    bytes
}

/// Reads a closed socket until the peer closes too, so that unread bytes do not make the system
/// reset the connection under our close frame (RFC 9293, section 3.6.1).
pub(super) fn linger(stream: Socket) {
    #[allow(unsafe_code)]
    // SAFETY: a `Socket` has one descriptor, which it closes itself when it is dropped.
    let Ok(stream) = (unsafe { AsyncFd::register(stream) }) else { return };
    tokio::task::spawn_local(async move {
        let drained = async {
            let mut buffer = [0; 512];
            while let Ok(mut ready) = stream.readable().await {
                let read = ready.try_io(|stream| stream.get_ref().read(&mut buffer));
                if let Ok(Ok(0) | Err(_)) = read {
                    break;
                }
            }
        };
        // A peer that does not close is cut off.
        let _ = tokio::time::timeout(super::sweep::CLOSE_WAIT, drained).await;
    });
}

impl Hub {
    /// Takes a socket into a loaded room.
    pub(super) fn attach(&mut self, me: &HubRef, room: RoomKey, arrival: Arrival) {
        let now = self.tools.clock.now().mono;
        let life = self.tools.auth.socket_life(arrival.login.as_ref());
        let framing = arrival.opening.framing();
        let key = self.conns.insert(Conn {
            stream: arrival.stream,
            framing,
            room,
            who: arrival.who.clone(),
            login: arrival.login,
            until: life.map(|life| now + life),
            decoder: Decoder::default(),
            flood: Flood::default(),
            start: usize::MAX,
            backlog: None,
            heard: now,
            pinged: false,
            closing: None,
            attached: true,
        });
        if let Some(slot) = self.rooms.get_mut(room) {
            slot.conns += 1;
        }
        match arrival.opening {
            Opening::WebSocket => {
                self.turn(me, room, Input::Join { conn: conn_id(key), who: arrival.who });
                if !arrival.glued.is_empty() {
                    let mut glued = arrival.glued.to_vec();
                    self.take_bytes(me, key, &mut glued);
                }
            }
            Opening::Events(opening) => self.open_stream(me, key, arrival.who, *opening),
        }
        // What came meanwhile is announced at once.
        if let Some(conn) = self.conns.get(key)
            && let Err(error) = readiness::watch(&self.registry, Watched::Room(key), &conn.stream)
        {
            tracing::warn!(%error, "a socket cannot be watched");
            self.gone(me, key);
        }
    }

    /// Reads what a socket has, once.
    pub(super) fn read(&mut self, me: &HubRef, key: ConnKey) -> Reading {
        let Some(conn) = self.conns.get_mut(key) else { return Reading::Over };
        let mut buffer = std::mem::take(&mut self.read_buffer);
        let reading = match (&conn.stream).read(&mut buffer) {
            Ok(0) => self.gone(me, key),
            Ok(length) => {
                // Behind our close frame nothing is heard any more, and from those who only read
                // nothing is expected.
                if conn.closing.is_none() && conn.framing == Framing::WebSocket {
                    conn.heard = self.tools.clock.now().mono;
                    self.take_bytes(me, key, &mut buffer[..length]);
                }
                if length == buffer.len() { Reading::Full } else { Reading::Some }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Reading::Nothing,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Reading::Full,
            Err(_) => self.gone(me, key),
        };
        self.read_buffer = buffer;
        reading
    }

    fn take_bytes(&mut self, me: &HubRef, key: ConnKey, bytes: &mut [u8]) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let mut decoder = std::mem::take(&mut conn.decoder);
        let read = decoder.feed(bytes, |message| self.message(me, key, message));
        if let Err(code) = read {
            self.hang_up(me, key, code.number(), "", Departure::Broken);
        }
        if let Some(conn) = self.conns.get_mut(key) {
            conn.decoder = decoder;
        }
    }

    /// Forgets a connection whose socket is gone.
    pub(super) fn gone(&mut self, me: &HubRef, key: ConnKey) -> Reading {
        self.detach(me, key, Departure::Broken);
        if self.conns.remove(key).is_some() {
            self.signals.something_ended.notify_one();
        }
        Reading::Over
    }

    /// Closes a connection with a code of our choosing and tells its room.
    pub(super) fn hang_up(
        &mut self,
        me: &HubRef,
        key: ConnKey,
        code: u16,
        reason: &str,
        how: Departure,
    ) {
        let Some(conn) = self.conns.get(key) else { return };
        if conn.closing.is_some() {
            return;
        }
        let (room, framing) = (conn.room, conn.framing);
        if let Some(slot) = self.rooms.get_mut(room) {
            slot.batch(framing).close(conn_id(key), code, reason);
            self.touch(room);
        }
        self.detach(me, key, how);
    }

    /// Tells the room that a connection is no more, once.
    pub(super) fn detach(&mut self, me: &HubRef, key: ConnKey, how: Departure) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        if !std::mem::take(&mut conn.attached) {
            return;
        }
        let room = conn.room;
        if let Some(slot) = self.rooms.get_mut(room) {
            slot.conns -= 1;
        }
        self.turn(me, room, Input::Depart { conn: conn_id(key), how });
    }
}
