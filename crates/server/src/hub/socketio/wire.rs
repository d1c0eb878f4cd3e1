//! The WebSocket of a Socket.IO connection: read, written, closed.

use std::io::{self, Read, Write};

use bytes::Bytes;
use mio::unix::SourceFd;
use parlor_dialects::engineio::packet::MESSAGE;
use parlor_dialects::engineio::{Input, Outgoing, Reason};
use parlor_dialects::websocket::{self, Decoder, Message};
use parlor_protocol::CloseCode;
use socket2::Socket;
use std::os::fd::AsRawFd;

use super::group::{Group, Ride};
use super::{Client, ClientKey, Clients};
use crate::hub::backlog::{self, Backlog, Drained, Sent};
use crate::hub::connection::{Reading, linger};
use crate::hub::readiness::{self, Watched};
use crate::hub::{Hub, HubRef};
use crate::sockets::RawStream;

/// A WebSocket.
pub(super) struct Wire {
    stream: Socket,
    decoder: Decoder,
    /// Frames of the present turn.
    unsent: Vec<u8>,
    /// From where it gets what a group was told since.
    pub(super) ride: Ride,
    /// What a socket that would block has not taken yet.
    backlog: Option<Box<Backlog>>,
    /// With what it is closed, unless as usual.
    close_code: CloseCode,
}

impl Hub {
    /// Gives a connection its WebSocket.
    pub(super) fn take_wire(&mut self, me: &HubRef, key: ClientKey, raw: RawStream) {
        let limit = self.tools.app.config.sockets.engine.max_payload as u32;
        // One whose trial is over may still be there.
        self.close_wire(key);
        let Some(client) = self.clients.all.get_mut(key) else { return };
        if let Err(error) = readiness::watch(&self.registry, Watched::Client(key), &raw.stream) {
            tracing::warn!(%error, "a socket cannot be watched");
            return self.feed_client(me, key, Input::SocketLost);
        }
        client.wire = Some(Box::new(Wire {
            stream: raw.stream,
            decoder: Decoder::new(limit, true),
            unsent: Vec::new(),
            ride: Ride::NONE,
            backlog: None,
            close_code: CloseCode::Normal,
        }));
        self.settle_client(me, key);
        if !raw.glued.is_empty() {
            let mut glued = raw.glued.to_vec();
            self.take_frames(me, key, &mut glued);
        }
    }

    /// Reads what a WebSocket has, once.
    pub(in crate::hub) fn read_client(&mut self, me: &HubRef, key: ClientKey) -> Reading {
        let Some(wire) = wire_of(self.clients.all.get_mut(key)) else { return Reading::Over };
        let mut buffer = std::mem::take(&mut self.read_buffer);
        let reading = match (&wire.stream).read(&mut buffer) {
            Ok(0) => self.wire_lost(me, key),
            Ok(length) => {
                self.take_frames(me, key, &mut buffer[..length]);
                if length == buffer.len() { Reading::Full } else { Reading::Some }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Reading::Nothing,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Reading::Full,
            Err(_) => self.wire_lost(me, key),
        };
        self.read_buffer = buffer;
        reading
    }

    fn take_frames(&mut self, me: &HubRef, key: ClientKey, bytes: &mut [u8]) {
        let Some(wire) = wire_of(self.clients.all.get_mut(key)) else { return };
        let mut decoder = std::mem::take(&mut wire.decoder);
        let read = decoder.feed(bytes, |message| {
            let is_message = match message {
                Message::Text(text) => text.as_bytes().first() == Some(&MESSAGE),
                Message::Binary(_) => true,
                Message::Ping(_) | Message::Pong | Message::Close(_) => false,
            };
            // Messages are counted when they are packets.
            if !is_message && !self.is_bearable(key) {
                self.end_wire(me, key, CloseCode::Flooding);
                return false;
            }
            match message {
                Message::Text(text) => self.feed_client(me, key, Input::Text(text)),
                Message::Binary(bytes) => self.feed_client(me, key, Input::Binary(bytes)),
                Message::Ping(payload) => {
                    if let Some(unsent) = self.unsent(key) {
                        websocket::append_pong(unsent, payload);
                        self.touch_client(key);
                    }
                }
                Message::Pong => {}
                Message::Close(_) => self.end_wire(me, key, CloseCode::Normal),
            }
            wire_of(self.clients.all.get_mut(key)).is_some()
        });
        if let Err(code) = read {
            self.end_wire(me, key, code);
        }
        if let Some(wire) = wire_of(self.clients.all.get_mut(key)) {
            wire.decoder = decoder;
        }
    }

    /// Ends a WebSocket that the client closes, or that is not to be read on, and what it carries.
    pub(super) fn end_wire(&mut self, me: &HubRef, key: ClientKey, code: CloseCode) {
        if let Some(wire) = wire_of(self.clients.all.get_mut(key)) {
            wire.close_code = code;
        }
        self.close_wire(key);
        self.feed_client(me, key, Input::SocketLost);
    }

    /// Appends a packet as a frame to those of this turn.
    pub(super) fn frame(&mut self, key: ClientKey, packet: &Outgoing) {
        let Some(unsent) = self.unsent(key) else { return };
        append_frame(unsent, packet);
        self.touch_client(key);
    }

    /// Returns the frames of a connection in this turn, to which more are added.
    fn unsent(&mut self, key: ClientKey) -> Option<&mut Vec<u8>> {
        let Clients { all, groups, .. } = &mut self.clients;
        let wire = wire_of(all.get_mut(key))?;
        wire.settle(groups);
        Some(&mut wire.unsent)
    }

    pub(super) fn touch_client(&mut self, key: ClientKey) {
        if self.clients.touched.last() != Some(&key) {
            self.clients.touched.push(key);
            self.signals.turn_ends.notify_one();
        }
    }

    /// Ends the turn: sends the frames of every connection that has some.
    pub(in crate::hub) fn flush_clients(&mut self, me: &HubRef) {
        self.flush_groups(me);
        for key in std::mem::take(&mut self.clients.touched) {
            let Some(wire) = wire_of(self.clients.all.get_mut(key)) else { continue };
            let sent = wire.flush();
            self.wire_trouble(me, key, sent);
        }
    }

    pub(super) fn wire_trouble(&mut self, me: &HubRef, key: ClientKey, sent: Sent) {
        match sent {
            Sent::Fine => {}
            // Who does not read is not told.
            Sent::TooSlow => self.feed_client(me, key, Input::Close(Reason::TooSlow)),
            Sent::Broken => {
                self.wire_lost(me, key);
            }
        }
    }

    /// Writes what a connection owes, to a socket that takes bytes again.
    pub(in crate::hub) fn drain_client(&mut self, me: &HubRef, key: ClientKey) {
        let Some(wire) = wire_of(self.clients.all.get_mut(key)) else { return };
        let Some(backlog) = &mut wire.backlog else { return };
        match backlog.drain(&wire.stream) {
            Drained::Some => {}
            Drained::All => wire.backlog = None,
            Drained::Broken => {
                self.wire_lost(me, key);
            }
        }
    }

    fn wire_lost(&mut self, me: &HubRef, key: ClientKey) -> Reading {
        if let Some(client) = self.clients.all.get_mut(key) {
            client.wire = None;
        }
        self.feed_client(me, key, Input::SocketLost);
        Reading::Over
    }

    /// Closes the WebSocket of a connection behind what was said.
    pub(super) fn close_wire(&mut self, key: ClientKey) {
        self.alight(key);
        let Some(client) = self.clients.all.get_mut(key) else { return };
        let Some(mut wire) = client.wire.take() else { return };
        wire.unsent.extend_from_slice(&close_frame(wire.close_code));
        // Who does not read what was said before does not learn why.
        if wire.backlog.is_some() || wire.flush() != Sent::Fine || wire.backlog.is_some() {
            return;
        }
        // The socket goes to a watcher of its own; one that was never watched needs no farewell.
        let _ = self.registry.deregister(&mut SourceFd(&wire.stream.as_raw_fd()));
        let _ = wire.stream.shutdown(std::net::Shutdown::Write);
        linger(wire.stream);
    }
}

/// Closes a WebSocket that its connection does not take.
pub(super) fn turn_away(stream: Socket) {
    // A socket that carried nothing yet takes so little, or it is broken.
    let _ = (&stream).write(&close_frame(CloseCode::Normal));
    let _ = stream.shutdown(std::net::Shutdown::Write);
    linger(stream);
}

impl Wire {
    /// Takes what a group was told until now among its own frames.
    pub(super) fn settle(&mut self, groups: &[Group]) {
        self.unsent.extend_from_slice(self.ride.take(groups));
    }

    /// Writes its frames, and behind them the bytes of a group from there on; `shared` holds those
    /// once a socket would block.
    pub(super) fn write_shared(
        &mut self,
        framed: &[u8],
        from: usize,
        shared: &mut Option<Bytes>,
    ) -> Sent {
        let bytes = &framed[from..];
        if bytes.is_empty() || !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return self.flush();
        }
        backlog::write(&self.stream, &mut self.backlog, bytes, || {
            shared.get_or_insert_with(|| Bytes::copy_from_slice(framed)).slice(from..)
        })
    }

    fn flush(&mut self) -> Sent {
        if self.unsent.is_empty() {
            return Sent::Fine;
        }
        let unsent = std::mem::take(&mut self.unsent);
        backlog::write(&self.stream, &mut self.backlog, &unsent, || Bytes::copy_from_slice(&unsent))
    }
}

/// Appends a packet as a frame.
pub(super) fn append_frame(out: &mut Vec<u8>, packet: &Outgoing) {
    match packet {
        Outgoing::Text(text) => websocket::append_text(out, |out| out.extend_from_slice(text)),
        Outgoing::Binary(bytes) => websocket::append_binary(out, bytes),
    }
}

pub(super) fn wire_of(client: Option<&mut Client>) -> Option<&mut Wire> {
    client?.wire.as_deref_mut()
}

fn close_frame(code: CloseCode) -> Vec<u8> {
    let mut frame = Vec::new();
    websocket::append_close(&mut frame, code.number(), "");
    frame
}
