//! A room's turn: an input goes in, its outputs are carried out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use parlor_protocol::{CloseCode, Event};
use parlor_room::{ConnId, Input, Output, Pace, Room};

use super::batch::{Batch, Framing};
use super::connection::{conn_id, conn_key};
use super::far::is_far;
use super::{Home, Hub, HubRef, RoomKey};

impl Hub {
    /// Gives a room one input and carries out what follows from it. A room of another node has the
    /// input sent there.
    pub(super) fn turn(&mut self, me: &HubRef, key: RoomKey, input: Input) {
        let now = self.tools.clock.now();
        let Some(slot) = self.rooms.get_mut(key) else { return };
        let Home::Here(here) = &mut slot.home else { return self.forward(me, key, input) };
        if !here.is_ours(self.tools.cluster.as_ref(), now.mono) {
            return self.give_up_room(me, key);
        }
        if here.moving.as_ref().is_some_and(|moving| moving.puts_off(&input)) {
            return;
        }
        // A fault of ours in one room must end that room alone.
        let handled = catch_unwind(AssertUnwindSafe(|| here.room.handle_input(now, input)));
        if handled.is_err() {
            return self.collapse(me, key);
        }
        while let Some(output) = self.next_output(key) {
            self.carry_out(me, key, output, now.mono);
        }
        self.reschedule(key);
    }

    fn next_output(&mut self, key: RoomKey) -> Option<Output> {
        match &mut self.rooms.get_mut(key)?.home {
            Home::Here(here) => here.room.poll_output(),
            Home::There(_) => None,
        }
    }

    /// Says how what a connection gets is framed.
    pub(super) fn framing(&self, conn: ConnId) -> Framing {
        match is_far(conn) {
            true => self.far_framing(conn),
            false => self.conns.get(conn_key(conn)).map_or(Framing::WebSocket, |it| it.framing),
        }
    }

    fn carry_out(&mut self, me: &HubRef, key: RoomKey, output: Output, now: Duration) {
        let framing = match &output {
            Output::Send { conn, .. } | Output::Admit { conn } | Output::Close { conn, .. } => {
                self.framing(*conn)
            }
            Output::Broadcast { .. }
            | Output::Store(_)
            | Output::Presence(_)
            | Output::Answer { .. }
            | Output::Ended(_)
            | Output::Idle => Framing::WebSocket,
        };
        let Some(slot) = self.rooms.get_mut(key) else { return };
        match output {
            Output::Send { conn, frame } => {
                slot.batch(framing).send(conn, &frame);
                // An answer to what waits for company waits with it.
                if slot.tick.is_none() {
                    self.touch(key);
                }
            }
            Output::Admit { conn } if is_far(conn) => {
                slot.batch(framing).admit(conn);
                self.touch(key);
            }
            Output::Admit { conn } => {
                let conn = conn_key(conn);
                let audience = slot.audience(framing);
                audience.admitted.push(conn);
                let start = audience.batch.end();
                if let Some(conn) = self.conns.get_mut(conn) {
                    conn.start = start;
                }
            }
            Output::Broadcast { told, pace } => {
                if let (Home::Here(here), Event::PlaybackUpdated(_)) = (&mut slot.home, &told.event)
                {
                    here.moved = true;
                }
                slot.batches().for_each(|batch| batch.tell(&told.event, told.seq));
                self.pace(key, pace, now);
            }
            Output::Close { conn, code } => {
                slot.batch(framing).close(conn, code.number(), "");
                self.touch(key);
                if is_far(conn) {
                    return self.forget_far(conn);
                }
                let conn = conn_key(conn);
                if let Some(conn) = self.conns.get_mut(conn)
                    && std::mem::take(&mut conn.attached)
                    && let Some(slot) = self.rooms.get_mut(key)
                {
                    slot.conns -= 1;
                }
            }
            Output::Store(batch) => self.write_down(me, key, batch),
            Output::Presence(changes) => self.note_presence(key, changes),
            Output::Answer { ask, outcome } => {
                if let Some((_, reply)) = self.asks.remove(&ask.0) {
                    // Whoever asked may be gone; then nobody needs the answer.
                    let _ = reply.send(outcome);
                }
            }
            Output::Ended(reason) => self.end_room(me, key, reason),
            Output::Idle => self.unload(me, key),
        }
    }

    /// Lets a room's batch leave at the end of the turn, or with the next tick of a busy room.
    fn pace(&mut self, key: RoomKey, pace: Pace, now: Duration) {
        let Some(slot) = self.rooms.get_mut(key) else { return };
        let more = slot.room().is_some_and(Room::is_writing);
        let wait = slot.rhythm.tell(now, more);
        if pace == Pace::Now || wait.is_zero() {
            return self.touch(key);
        }
        if slot.tick.is_none() && !slot.touched {
            slot.rhythm.wait(now, more);
            let at = now + wait;
            slot.tick = Some(at);
            self.ticks.insert((at, key));
            self.signals.timers_changed.notify_one();
        }
    }

    /// Marks a room to be flushed when the present turn ends.
    pub(super) fn touch(&mut self, key: RoomKey) {
        let Some(slot) = self.rooms.get_mut(key) else { return };
        if !std::mem::replace(&mut slot.touched, true) {
            self.touched.push(key);
            self.signals.turn_ends.notify_one();
        }
    }

    /// Keeps `deadlines` true to what the room wants.
    pub(super) fn reschedule(&mut self, key: RoomKey) {
        let Some(slot) = self.rooms.get_mut(key) else { return };
        let wanted = slot.room().and_then(Room::poll_timeout);
        if wanted == slot.deadline {
            return;
        }
        if let Some(at) = slot.deadline {
            self.deadlines.remove(&(at, key));
        }
        slot.deadline = wanted;
        if let Some(at) = wanted {
            self.deadlines.insert((at, key));
            if self.deadlines.first() == Some(&(at, key)) {
                self.signals.timers_changed.notify_one();
            }
        }
    }

    /// Wakes every room whose deadline has passed.
    pub(super) fn deadlines_due(&mut self, me: &HubRef) {
        let now = self.tools.clock.now().mono;
        while let Some(&(at, key)) = self.deadlines.first() {
            if at > now {
                return;
            }
            self.deadlines.pop_first();
            if let Some(slot) = self.rooms.get_mut(key) {
                slot.deadline = None;
            }
            self.turn(me, key, Input::Timeout);
        }
    }

    /// Drops a room that failed. Its members are told to come back, and it comes back from its
    /// snapshot with the first of them.
    fn collapse(&mut self, me: &HubRef, key: RoomKey) {
        let Some(slot) = self.rooms.get(key) else { return };
        tracing::error!(room = %slot.id, "a room failed and is loaded again");
        self.send_members_back(me, key);
    }

    /// Drops a room that may be another node's by now. Nothing that happened since leaves.
    pub(super) fn give_up_room(&mut self, me: &HubRef, key: RoomKey) {
        let Some(slot) = self.rooms.get_mut(key) else { return };
        tracing::warn!(room = %slot.id, "a room may be another node's by now and is given up");
        slot.batches().for_each(Batch::clear);
        self.send_members_back(me, key);
    }

    /// Drops a room and has its members come back to wherever it is then.
    pub(super) fn send_members_back(&mut self, me: &HubRef, key: RoomKey) {
        for (conn, kept) in &mut self.conns {
            if kept.room == key
                && std::mem::take(&mut kept.attached)
                && let Some(slot) = self.rooms.get_mut(key)
            {
                let batch = slot.batch(kept.framing);
                batch.close(conn_id(conn), CloseCode::Restart.number(), "");
            }
        }
        self.forget(me, key);
    }
}
