//! Streams of server-sent events: connections that only read.
//!
//! The hub writes the head of the response itself; from then on a stream is a connection like any
//! other, with a framing of its own. It says nothing, so it is not asked whether it is there: what is
//! written to it from time to time tells.

use std::time::Duration;

use parlor_dialects::sse;
use parlor_protocol::Command;
use parlor_protocol::command::StreamPosition;
use parlor_room::{ConnId, Input, Principal, Room};
use socket2::SockRef;

use super::batch::Framing;
use super::connection::conn_id;
use super::{ConnKey, Home, Hub, HubRef, RoomKey};
use crate::clock::wall_ms;
use crate::rooms::{EventsOpening, FarName};

/// How often something is written to a stream on which nothing happens. Proxies give a silent
/// response up after 60 s.
pub(super) const PING_EVERY: Duration = Duration::from_secs(15);
/// A peer that has not confirmed what was sent to it for so long is gone (RFC 5482). Without this
/// the system tries again for a quarter of an hour.
const UNCONFIRMED_AT_MOST: Duration = Duration::from_secs(20);

impl Hub {
    /// Begins a stream for a connection that was just taken up: its head, its seat in the room, and
    /// what its reader has missed.
    pub(super) fn open_stream(
        &mut self,
        me: &HubRef,
        key: ConnKey,
        who: Principal,
        opening: EventsOpening,
    ) {
        let Some(conn) = self.conns.get(key) else { return };
        // Where TLS is in between, the stream is no TCP, and the joint knows its peer.
        let _ = SockRef::from(&conn.stream).set_tcp_user_timeout(Some(UNCONFIRMED_AT_MOST));
        let (room, conn) = (conn.room, conn_id(key));
        let EventsOpening { mut head, since } = opening;
        let Some(slot) = self.rooms.get_mut(room) else { return };
        sse::append_connected(&mut head, &slot.id);
        slot.batch(Framing::Events).aside(conn, head, false);
        let is_here = matches!(slot.home, Home::Here(_));
        self.touch(room);
        if is_here {
            self.join_stream(me, room, conn, who, since);
        } else {
            let name = FarName { conn: conn.0, framing: Framing::Events, since };
            self.attach_at_home(room, name, &who);
        }
    }

    /// Lets a stream into a room of this node, and tells it what it has missed since, or where the
    /// room's events stand.
    pub(super) fn join_stream(
        &mut self,
        me: &HubRef,
        room: RoomKey,
        conn: ConnId,
        who: Principal,
        since: Option<StreamPosition>,
    ) {
        self.turn(me, room, Input::Join { conn, who });
        if let Some(since) = since {
            let (command, fresh) = (Command::Resume(since), rand::random());
            return self.turn(me, room, Input::Command { conn, id: None, command, fresh });
        }
        let Some(slot) = self.rooms.get_mut(room) else { return };
        if let Some(position) = slot.room().map(Room::position) {
            let mut bytes = Vec::new();
            sse::append_position(&mut bytes, &position);
            slot.batch(Framing::Events).aside(conn, bytes, false);
            self.touch(room);
        }
    }

    /// Writes to a stream on which nothing happens.
    pub(super) fn ping_stream(&mut self, me: &HubRef, key: ConnKey) {
        let mut ping = Vec::new();
        sse::append_ping(&mut ping, wall_ms());
        self.write_now(me, key, &ping);
    }
}
