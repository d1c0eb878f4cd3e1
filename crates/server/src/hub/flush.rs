//! A batch leaves: one write per member, the same bytes for all; a socket that would block keeps
//! the rest in a bounded backlog of its own.

use bytes::Bytes;
use parlor_protocol::CloseCode;
use parlor_room::Departure;

use super::backlog::{self, Drained, Sent};
use super::batch::{self, Aside, Batch};
use super::connection::{Conn, conn_key};
use super::far::is_far;
use super::{Audience, ConnKey, Home, Hub, HubRef, RoomKey};

impl Hub {
    /// Ends the turn: sends the batch of every room that was touched.
    pub(super) fn flush_touched(&mut self, me: &HubRef) {
        for key in std::mem::take(&mut self.touched) {
            self.flush_if_ours(me, key);
        }
    }

    /// Sends the batches of busy rooms whose tick has come.
    pub(super) fn ticks_due(&mut self, me: &HubRef) {
        let now = self.tools.clock.now().mono;
        while let Some(&(at, key)) = self.ticks.first() {
            if at > now {
                return;
            }
            self.flush_if_ours(me, key);
            self.ticks.remove(&(at, key));
        }
    }

    /// Sends a room's batch if the room is still this node's: since the turn that filled it, the
    /// batch may have waited for company, or the whole process stood still.
    fn flush_if_ours(&mut self, me: &HubRef, key: RoomKey) {
        let now = self.tools.clock.now().mono;
        let Some(slot) = self.rooms.get(key) else { return };
        if let Home::Here(here) = &slot.home
            && !here.is_ours(self.tools.cluster.as_ref(), now)
        {
            return self.give_up_room(me, key);
        }
        self.flush(me, key);
    }

    /// Sends a room's batch.
    pub(super) fn flush(&mut self, me: &HubRef, key: RoomKey) {
        let Some(slot) = self.rooms.get_mut(key) else { return };
        slot.touched = false;
        if let Some(at) = slot.tick.take() {
            self.ticks.remove(&(at, key));
        }
        if slot.batches().all(|batch| batch.is_empty()) {
            return;
        }
        let begun = self.tools.clock.now().mono;
        let mut sockets = std::mem::take(&mut slot.sockets);
        let mut events = slot.events.take();
        // First: who hears of a change at another node may be the one who takes the room over.
        self.cache(key);
        let mut troubled = Vec::new();
        let mut tells_all = self.flush_audience(key, &mut sockets, &mut troubled);
        if let Some(events) = &mut events {
            tells_all |= self.flush_audience(key, events, &mut troubled);
        }
        if let Some(slot) = self.rooms.get_mut(key) {
            if tells_all {
                slot.rhythm.sent(begun, self.tools.clock.now().mono);
            }
            slot.sockets = sockets;
            slot.events = events;
        }
        for (conn, sent) in troubled {
            self.trouble(me, conn, sent);
        }
    }

    /// Sends what is for those who read one framing; says whether something was for all of them.
    fn flush_audience(
        &mut self,
        key: RoomKey,
        audience: &mut Audience,
        troubled: &mut Vec<(ConnKey, Sent)>,
    ) -> bool {
        let Audience { admitted, batch } = audience;
        let far = match batch.has_asides() {
            true => self.flush_asides(batch, troubled),
            false => Vec::new(),
        };
        if self.tools.cluster.is_some() {
            self.flush_far(key, batch, far);
        }
        let tells_all = !batch.shared().is_empty();
        if tells_all {
            self.flush_shared(batch, admitted, troubled);
        }
        batch.clear();
        tells_all
    }

    /// Caches the state of a room whose film moved, for the node that may have to take it over.
    fn cache(&mut self, key: RoomKey) {
        let now = self.tools.clock.now();
        let (Some(slot), Some(cluster)) = (self.rooms.get_mut(key), &self.tools.cluster) else {
            return;
        };
        if let Home::Here(here) = &mut slot.home
            && std::mem::take(&mut here.moved)
        {
            let snapshot = here.room.snapshot(now);
            let sealed = here.seal.as_ref().map(|seal| seal.seal_snapshot(&snapshot));
            cluster.cache_room(&slot.id, here.fence, sealed.unwrap_or(snapshot));
        }
    }

    /// Sends those who are told something of their own everything in its order; returns what is
    /// for connections of other nodes.
    fn flush_asides(
        &mut self,
        batch: &mut Batch,
        troubled: &mut Vec<(ConnKey, Sent)>,
    ) -> Vec<Aside> {
        let now = self.tools.clock.now().mono;
        let mut near = batch.take_asides();
        // They stand behind the near ones: their names are the greater numbers.
        let far = near.split_off(near.partition_point(|aside| !is_far(aside.conn)));
        for asides in near.chunk_by(|a, b| a.conn == b.conn) {
            let key = conn_key(asides[0].conn);
            let Some(conn) = self.conns.get_mut(key) else { continue };
            if conn.closing.is_some() {
                continue;
            }
            let bytes = batch.woven(conn.start.min(batch.end()), asides);
            let sent = write(conn, &bytes, || Bytes::copy_from_slice(&bytes));
            if conn.start < batch.end() {
                conn.start = batch.end();
            }
            if asides.iter().any(|aside| aside.closes) {
                conn.closing = Some(now);
                if sent == Sent::Fine && conn.backlog.is_none() {
                    shut(conn);
                }
            }
            if sent != Sent::Fine {
                troubled.push((key, sent));
            }
        }
        far
    }

    /// Sends everybody else what is for all, and forgets who is gone.
    fn flush_shared(
        &mut self,
        batch: &Batch,
        admitted: &mut Vec<ConnKey>,
        troubled: &mut Vec<(ConnKey, Sent)>,
    ) {
        let mut shared: Option<Bytes> = None;
        let mut lasting: Option<Bytes> = None;
        let bytes = batch.shared();
        admitted.retain(|key| {
            let Some(conn) = self.conns.get_mut(*key) else { return false };
            if conn.closing.is_some() {
                return false;
            }
            let start = std::mem::take(&mut conn.start);
            if start >= bytes.len() {
                return true;
            }
            let spared = conn.backlog.is_some() && batch.has_volatile();
            let sent = write(conn, &bytes[start..], || match (spared, start) {
                (true, 0) => lasting.get_or_insert_with(|| batch.lasting(0).into()).clone(),
                (true, start) => batch.lasting(start).into(),
                (false, start) => {
                    let all = shared.get_or_insert_with(|| Bytes::copy_from_slice(bytes));
                    all.slice(start..)
                }
            });
            if sent != Sent::Fine {
                troubled.push((*key, sent));
            }
            true
        });
    }

    /// Writes to one connection outside its room's batch.
    pub(super) fn write_now(&mut self, me: &HubRef, key: ConnKey, bytes: &[u8]) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        if conn.closing.is_some() {
            return;
        }
        let sent = write(conn, bytes, || Bytes::copy_from_slice(bytes));
        self.trouble(me, key, sent);
    }

    fn trouble(&mut self, me: &HubRef, key: ConnKey, sent: Sent) {
        match sent {
            Sent::Fine => {}
            Sent::TooSlow => self.give_up(me, key),
            Sent::Broken => {
                self.gone(me, key);
            }
        }
    }

    /// Ends a connection whose reader is too slow: it is told so as far as it reads at all.
    fn give_up(&mut self, me: &HubRef, key: ConnKey) {
        let now = self.tools.clock.now().mono;
        let Some(conn) = self.conns.get_mut(key) else { return };
        let code = CloseCode::TooSlow.number();
        let goodbye = batch::goodbye(conn.framing, code, "reading too slowly");
        if let Some(backlog) = &mut conn.backlog {
            backlog.cut_short(goodbye.into());
        }
        conn.closing = Some(now);
        self.detach(me, key, Departure::Broken);
    }

    /// Writes what a connection owes, to a socket that takes bytes again.
    pub(super) fn drain_backlog(&mut self, me: &HubRef, key: ConnKey) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let Some(backlog) = &mut conn.backlog else { return };
        match backlog.drain(&conn.stream) {
            Drained::Some => {}
            Drained::All => {
                conn.backlog = None;
                if conn.closing.is_some() {
                    shut(conn);
                }
            }
            Drained::Broken => {
                self.gone(me, key);
            }
        }
    }
}

/// Says to the peer that nothing follows.
fn shut(conn: &Conn) {
    // A socket that is already gone needs no goodbye.
    let _ = conn.stream.shutdown(std::net::Shutdown::Write);
}

/// Writes as much as the socket takes; `kept` gives the bytes to keep of it for later. For a
/// connection with a backlog `kept` may be less than `bytes`.
fn write(conn: &mut Conn, bytes: &[u8], kept: impl FnOnce() -> Bytes) -> Sent {
    backlog::write(&conn.stream, &mut conn.backlog, bytes, kept)
}
