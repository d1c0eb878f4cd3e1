//! Which sockets have something to read, and which take bytes again.
//!
//! All sockets of a core share one selector of the system's, and one task asks it. A task for each
//! socket, with what the runtime keeps of it, would cost an idle connection a third of its memory
//! and every message a round through the scheduler.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token};
use slotmap::{Key, KeyData};
use socket2::Socket;
use tokio::io::unix::AsyncFd;

use super::connection::Reading;
use super::socketio::ClientKey;
use super::{ConnKey, Hub, HubRef};

/// Sockets that are heard in one turn.
const EVENTS: usize = 512;

// A connection's name travels as the token of its socket.
const _: () = assert!(size_of::<usize>() >= size_of::<u64>());

/// Whose socket it is.
#[derive(Clone, Copy)]
pub(super) enum Watched {
    /// A connection to a room.
    Room(ConnKey),
    /// A connection by Socket.IO.
    Client(ClientKey),
}

/// Set in the token of a Socket.IO connection. It is the highest bit of a key's place in its table,
/// and no table has two thousand million places.
const IS_CLIENT: u64 = 1 << 31;

impl Watched {
    fn token(self) -> Token {
        Token(match self {
            Watched::Room(key) => key.data().as_ffi(),
            Watched::Client(key) => key.data().as_ffi() | IS_CLIENT,
        } as usize)
    }

    fn of(token: Token) -> Self {
        let key = token.0 as u64;
        if key & IS_CLIENT == 0 {
            Watched::Room(KeyData::from_ffi(key).into())
        } else {
            Watched::Client(KeyData::from_ffi(key & !IS_CLIENT).into())
        }
    }
}

/// Has a socket watched until it is closed.
pub(super) fn watch(registry: &Registry, whose: Watched, stream: &Socket) -> io::Result<()> {
    let token = whose.token();
    let interest = Interest::READABLE | Interest::WRITABLE;
    registry.register(&mut SourceFd(&stream.as_raw_fd()), token, interest)
}

/// A socket that is to be read once more without being announced again: the selector tells of
/// changes only.
struct Unfinished {
    whose: Watched,
    /// Whether the peer closes, and the end is still to be read.
    closes: bool,
}

/// Reads sockets as they become ready, turn by turn; runs as long as the hub.
pub(super) async fn attend(hub: HubRef, poll: Poll) {
    if let Err(error) = attend_until_failure(&hub, poll).await {
        tracing::error!(%error, "the selector of a core failed: its sockets are not heard any more");
    }
}

async fn attend_until_failure(hub: &HubRef, poll: Poll) -> io::Result<()> {
    let interest = tokio::io::Interest::READABLE;
    #[allow(unsafe_code)]
    // SAFETY: a `Poll` has one descriptor, which it opens and closes itself, and it is not dropped
    // while it is registered.
    let mut poll = unsafe { AsyncFd::register_with_interest(poll, interest) }?;
    let mut events = Events::with_capacity(EVENTS);
    let mut unfinished = Vec::new();
    loop {
        if unfinished.is_empty() {
            let mut ready = poll.readable_mut().await?;
            select(ready.get_inner_mut(), &mut events)?;
            if events.iter().count() < EVENTS {
                ready.clear_ready();
            }
        } else {
            select(poll.get_mut(), &mut events)?;
        }
        hub.borrow_mut().hear(hub, &events, &mut unfinished);
        // The turn ends: what was said leaves before more is read.
        tokio::task::yield_now().await;
    }
}

fn select(poll: &mut Poll, events: &mut Events) -> io::Result<()> {
    match poll.poll(events, Some(Duration::ZERO)) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        outcome => outcome,
    }
}

impl Hub {
    fn hear(&mut self, me: &HubRef, events: &Events, unfinished: &mut Vec<Unfinished>) {
        for event in events {
            let whose = Watched::of(event.token());
            if event.is_writable() {
                match whose {
                    Watched::Room(key) => self.drain_backlog(me, key),
                    Watched::Client(key) => self.drain_client(me, key),
                }
            }
            let closes = event.is_read_closed() || event.is_error();
            if event.is_readable() || closes {
                unfinished.push(Unfinished { whose, closes });
            }
        }
        unfinished.retain(|it| {
            let reading = match it.whose {
                Watched::Room(key) => self.read(me, key),
                Watched::Client(key) => self.read_client(me, key),
            };
            match reading {
                Reading::Full => true,
                Reading::Some => it.closes,
                Reading::Nothing | Reading::Over => false,
            }
        });
    }
}
