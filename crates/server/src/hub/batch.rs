//! What a room has to say in one turn: the same framed bytes for every member, once, and asides
//! to single connections, each at its place between them. Members who read another framing have a
//! batch of their own.

use std::ops::Range;

use parlor_dialects::sse::{self, Channel};
use parlor_dialects::{native, websocket};
use parlor_protocol::Event;
use parlor_protocol::frame::ServerFrame;
use parlor_room::ConnId;
use serde::{Deserialize, Serialize};

/// How what a connection gets is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Framing {
    /// The room protocol in WebSocket frames.
    WebSocket,
    /// Server-sent events.
    Events,
}

/// The pending output of a room, in one framing.
#[derive(Default)]
pub struct Batch {
    /// What the lines of server-sent events are named by; `None` for WebSockets.
    channel: Option<Box<Channel>>,
    shared: Vec<u8>,
    volatile: Vec<Range<usize>>,
    asides: Vec<Aside>,
}

/// Bytes for one connection, after the shared bytes up to `at`.
pub struct Aside {
    /// For whom.
    pub conn: ConnId,
    /// Behind how many of the shared bytes they stand.
    pub at: usize,
    /// Whole frames.
    pub bytes: Vec<u8>,
    /// Whether the connection ends after them.
    pub closes: bool,
    /// Whether the connection, one of another node, gets what is shared from here on.
    pub admits: bool,
}

impl Batch {
    /// Makes the batch of those who read server-sent events.
    pub fn of_events(channel: Channel) -> Self {
        Self { channel: Some(Box::new(channel)), ..Self::default() }
    }

    /// Adds an event for everybody.
    pub fn tell(&mut self, event: &Event, seq: Option<u64>) {
        let start = self.shared.len();
        match &self.channel {
            None => websocket::append_text(&mut self.shared, |out| {
                native::encode_event(out, event, seq);
            }),
            Some(channel) => sse::append_event(&mut self.shared, channel, event, seq),
        }
        if event.is_volatile() && self.shared.len() > start {
            self.volatile.push(start..self.shared.len());
        }
    }

    /// Adds a frame for one connection.
    pub fn send(&mut self, conn: ConnId, frame: &ServerFrame) {
        let mut bytes = Vec::with_capacity(64);
        match &self.channel {
            None => websocket::append_text(&mut bytes, |out| native::encode(out, frame)),
            Some(channel) => sse::append_event(&mut bytes, channel, &frame.event, frame.seq),
        }
        if !bytes.is_empty() {
            self.aside(conn, bytes, false);
        }
    }

    /// Adds the end of one connection. A stream of events ends without a word: whoever may, comes
    /// back by itself, and is told then why not.
    pub fn close(&mut self, conn: ConnId, code: u16, reason: &str) {
        self.aside(conn, goodbye(self.framing(), code, reason), true);
    }

    /// Says how what is in it is framed.
    pub fn framing(&self) -> Framing {
        match self.channel {
            None => Framing::WebSocket,
            Some(_) => Framing::Events,
        }
    }

    /// Lets a connection of another node have what is shared from here on.
    pub fn admit(&mut self, conn: ConnId) {
        let at = self.shared.len();
        self.asides.push(Aside { conn, at, bytes: Vec::new(), closes: false, admits: true });
    }

    /// Adds framed bytes for one connection.
    pub fn aside(&mut self, conn: ConnId, bytes: Vec<u8>, closes: bool) {
        self.asides.push(Aside { conn, at: self.shared.len(), bytes, closes, admits: false });
    }

    /// Adds framed bytes for everybody, of which some parts may be left out for slow readers.
    pub fn share(&mut self, bytes: &[u8], volatile: impl Iterator<Item = Range<usize>>) {
        let start = self.shared.len();
        self.shared.extend_from_slice(bytes);
        self.volatile.extend(volatile.map(|part| start + part.start..start + part.end));
    }

    /// Returns which parts of the shared bytes may be left out for slow readers.
    pub fn volatile(&self) -> &[Range<usize>] {
        &self.volatile
    }

    /// Returns where the shared bytes end: a connection that joins now starts here.
    pub fn end(&self) -> usize {
        self.shared.len()
    }

    /// Says whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.shared.is_empty() && self.asides.is_empty()
    }

    /// Says whether somebody waits for an answer of their own.
    pub fn has_asides(&self) -> bool {
        !self.asides.is_empty()
    }

    /// Returns the bytes for every connection without asides.
    pub fn shared(&self) -> &[u8] {
        &self.shared
    }

    /// Returns the shared bytes from `start` on without what may be left out for a slow reader.
    pub fn lasting(&self, start: usize) -> Vec<u8> {
        let mut kept = Vec::with_capacity(self.shared.len().saturating_sub(start));
        let mut from = start;
        for range in &self.volatile {
            if range.start >= from {
                kept.extend_from_slice(&self.shared[from..range.start]);
                from = range.end;
            }
        }
        kept.extend_from_slice(&self.shared[from..]);
        kept
    }

    /// Says whether anything in the shared bytes may be left out for a slow reader.
    pub fn has_volatile(&self) -> bool {
        !self.volatile.is_empty()
    }

    /// Takes the asides out, those of one connection side by side and in order.
    pub fn take_asides(&mut self) -> Vec<Aside> {
        let mut asides = std::mem::take(&mut self.asides);
        asides.sort_by_key(|aside| aside.conn);
        asides
    }

    /// Weaves the asides of one connection into the shared bytes from `start` on. After an aside
    /// that closes nothing follows.
    pub fn woven(&self, start: usize, asides: &[Aside]) -> Vec<u8> {
        let own: usize = asides.iter().map(|aside| aside.bytes.len()).sum();
        let mut out = Vec::with_capacity(self.shared.len().saturating_sub(start) + own);
        let mut from = start;
        for aside in asides {
            let at = aside.at.max(from);
            out.extend_from_slice(&self.shared[from..at]);
            out.extend_from_slice(&aside.bytes);
            from = at;
            if aside.closes {
                return out;
            }
        }
        out.extend_from_slice(&self.shared[from..]);
        out
    }

    /// Forgets what was sent; keeps a buffer of ordinary size for the next turn.
    pub fn clear(&mut self) {
        /// Buffers up to this size are kept, so that a busy room does not allocate each turn
        /// and a quiet one does not hold what a storm once needed.
        const KEPT_BYTES: usize = 4 * 1024;
        self.shared.clear();
        self.shared.shrink_to(KEPT_BYTES);
        self.volatile.clear();
        self.asides.clear();
    }
}

/// Returns the last words to a connection.
pub fn goodbye(framing: Framing, code: u16, reason: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    match framing {
        Framing::WebSocket => websocket::append_close(&mut bytes, code, reason),
        Framing::Events => {}
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_protocol::chat::Reaction;
    use parlor_protocol::member::HostChanged;

    fn conn(n: u64) -> ConnId {
        ConnId(n)
    }

    fn host(id: &str) -> Event {
        Event::HostChanged(HostChanged { new_host_id: id.into() })
    }

    fn ack() -> ServerFrame {
        ServerFrame { event: Event::Ack, seq: None, id: None, code: None }
    }

    fn framed(write: impl FnOnce(&mut Batch)) -> Vec<u8> {
        let mut batch = Batch::default();
        write(&mut batch);
        batch.shared().to_vec()
    }

    #[test]
    fn an_aside_stands_where_it_was_said() {
        let mut batch = Batch::default();
        batch.tell(&host("a"), Some(1));
        batch.send(conn(7), &ack());
        batch.tell(&host("b"), Some(2));
        batch.send(conn(3), &ack());
        let asides = batch.take_asides();
        assert_eq!(asides.iter().map(|a| a.conn).collect::<Vec<_>>(), [conn(3), conn(7)]);
        let first = framed(|batch| batch.tell(&host("a"), Some(1)));
        let second = framed(|batch| batch.tell(&host("b"), Some(2)));
        let mut aside = Vec::new();
        websocket::append_text(&mut aside, |out| native::encode(out, &ack()));
        assert_eq!(batch.woven(0, &asides[1..]), [&first[..], &aside, &second].concat());
        assert_eq!(batch.woven(0, &asides[..1]), [&first[..], &second, &aside].concat());
        assert_eq!(batch.woven(first.len(), &asides[1..]), [&aside[..], &second].concat());
    }

    #[test]
    fn nothing_follows_a_close() {
        let mut batch = Batch::default();
        batch.close(conn(1), 4003, "bye");
        batch.send(conn(1), &ack());
        batch.tell(&host("a"), Some(1));
        let asides = batch.take_asides();
        let mut expected = Vec::new();
        websocket::append_close(&mut expected, 4003, "bye");
        assert_eq!(batch.woven(0, &asides), expected);
    }

    #[test]
    fn a_slow_reader_is_spared_what_is_volatile() {
        let wave = Event::Reaction(Reaction {
            user_id: "a".into(),
            emoji: "x".into(),
            current_time: None,
        });
        let mut batch = Batch::default();
        batch.tell(&wave, None);
        batch.tell(&host("a"), Some(1));
        batch.tell(&wave, None);
        batch.tell(&host("b"), Some(2));
        let lasting = framed(|batch| {
            batch.tell(&host("a"), Some(1));
            batch.tell(&host("b"), Some(2));
        });
        assert!(batch.has_volatile());
        assert_eq!(batch.lasting(0), lasting);
    }
}
