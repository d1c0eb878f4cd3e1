//! Connections of other nodes in rooms of this one: what they say comes in letters, and a batch
//! goes to each node once, whatever the number of its connections.

use std::collections::BTreeMap;

use bytes::Bytes;
use parlor_dialects::native;
use parlor_protocol::playback::ClockPong;
use parlor_protocol::{Code, Command, Event, RoomId};
use parlor_room::{ConnId, Departure, Input};
use slotmap::{Key, KeyData};
use tokio::sync::oneshot;

use super::batch::{Aside, Batch, Framing};
use super::relay::Told;
use super::{FarKey, Home, Hub, HubRef, RoomKey, session};
use crate::cluster::NodeId;
use crate::cluster::wire::{self, FarAside, Matter, Person, Question};
use crate::rooms::{Errand, FarName};

/// Set in the names that rooms know connections of other nodes by.
const FAR: u64 = 1 << 63;

/// A connection of another node.
pub(super) struct FarConn {
    node: NodeId,
    /// What its node calls it.
    name: u64,
    framing: Framing,
    room: RoomKey,
}

/// Says whether a connection is one of another node.
pub(super) fn is_far(conn: ConnId) -> bool {
    conn.0 & FAR != 0
}

fn far_id(key: FarKey) -> ConnId {
    ConnId(key.data().as_ffi() | FAR)
}

fn far_key(conn: ConnId) -> FarKey {
    KeyData::from_ffi(conn.0 & !FAR).into()
}

impl Hub {
    /// Takes what another node says about a room.
    pub(super) fn read_letter(me: &HubRef, from: NodeId, id: RoomId, matter: Matter) {
        match matter {
            Matter::Attach { conn, framing, since, who } => {
                let name = FarName { conn, framing, since };
                Self::run_errand(me, id, Errand::AttachFar(from, name, who.into()));
            }
            Matter::Said { conn, text } => me.borrow_mut().far_said(me, from, conn, &text),
            Matter::Gone { conn, left } => {
                let how = if left { Departure::Left } else { Departure::Broken };
                me.borrow_mut().far_gone(me, from, conn, how);
            }
            Matter::Ask { ask, question } => Self::answer_far(me, from, id, ask, question),
            Matter::Told { framing, shared, volatile, asides } => {
                let told = Told { framing, shared, volatile, asides };
                me.borrow_mut().told_by(&from, &id, told);
            }
            Matter::Answer { ask, answer } => me.borrow_mut().far_answer(ask, answer),
            Matter::Dropped => me.borrow_mut().dropped_by(me, &from, &id),
            Matter::Yours { moves } => Self::inherit_room(me, &from, id, moves),
        }
    }

    /// Takes a connection of another node into a room of this one.
    pub(super) fn attach_far(
        &mut self,
        me: &HubRef,
        room: RoomKey,
        node: NodeId,
        name: FarName,
        who: parlor_room::Principal,
    ) {
        let FarName { conn: name, framing, since } = name;
        let Some(slot) = self.rooms.get_mut(room) else { return };
        let Home::Here(here) = &mut slot.home else {
            let id = slot.id.clone();
            return self.say_dropped(&node, &id);
        };
        *here.far.entry(node.clone()).or_default() += 1;
        if framing == Framing::Events {
            *here.far_events.entry(node.clone()).or_default() += 1;
        }
        slot.conns += 1;
        let key = self.far.insert(FarConn { node: node.clone(), name, framing, room });
        self.far_by_name.insert((node, name), key);
        match framing {
            Framing::WebSocket => self.turn(me, room, Input::Join { conn: far_id(key), who }),
            Framing::Events => self.join_stream(me, room, far_id(key), who, since),
        }
    }

    /// Tells another node that a room is not to be had here.
    pub(super) fn say_dropped(&self, node: &NodeId, room: &RoomId) {
        if let Some(cluster) = &self.tools.cluster {
            cluster.send(node, room, Matter::Dropped);
        }
    }

    fn far_said(&mut self, me: &HubRef, from: NodeId, name: u64, text: &str) {
        if self.draining {
            return;
        }
        let Some(key) = self.far_by_name.get(&(from, name)).copied() else { return };
        let Some(room) = self.far.get(key).map(|conn| conn.room) else { return };
        let conn = far_id(key);
        // Its node has read it already; only another version may find a fault where that did not.
        let Ok(decoded) = native::decode(text) else { return };
        match decoded.command {
            Command::ClockPing(ping) => {
                let now = self.tools.clock.now_ms();
                let pong = Event::ClockPong(ClockPong { c: ping.c, rx: now, tx: now });
                let mut frames = Vec::with_capacity(128);
                session::append_event(&mut frames, &pong);
                if decoded.id.is_some() {
                    session::append_ack(&mut frames, decoded.id);
                }
                if let Some(slot) = self.rooms.get_mut(room) {
                    slot.batch(Framing::WebSocket).aside(conn, frames, false);
                    self.touch(room);
                }
            }
            command => {
                let fresh = rand::random();
                self.turn(me, room, Input::Command { conn, id: decoded.id, command, fresh });
            }
        }
    }

    fn far_gone(&mut self, me: &HubRef, from: NodeId, name: u64, how: Departure) {
        let Some(key) = self.far_by_name.get(&(from, name)).copied() else { return };
        let Some(room) = self.far.get(key).map(|conn| conn.room) else { return };
        self.forget_far(far_id(key));
        self.turn(me, room, Input::Depart { conn: far_id(key), how });
    }

    /// Says how what a connection of another node gets is framed.
    pub(super) fn far_framing(&self, conn: ConnId) -> Framing {
        self.far.get(far_key(conn)).map_or(Framing::WebSocket, |conn| conn.framing)
    }

    /// Forgets a connection of another node.
    pub(super) fn forget_far(&mut self, conn: ConnId) {
        let Some(gone) = self.far.get(far_key(conn)) else { return };
        if let Some(slot) = self.rooms.get_mut(gone.room) {
            slot.conns -= 1;
            if let Home::Here(here) = &mut slot.home {
                let is_event_stream = gone.framing == Framing::Events;
                let events = here.far_events.get_mut(&gone.node).filter(|_| is_event_stream);
                for count in here.far.get_mut(&gone.node).into_iter().chain(events) {
                    *count -= 1;
                }
            }
        }
        // Its name stays known until what is said to it has left.
        self.far_gone_since.push(far_key(conn));
    }

    /// Ends the connections of a node that is silent, or with which a letter was lost.
    pub(super) fn end_far_of(&mut self, me: &HubRef, node: &NodeId) {
        let theirs: Vec<FarKey> =
            self.far.iter().filter(|(_, conn)| conn.node == *node).map(|(key, _)| key).collect();
        for key in theirs {
            let Some(room) = self.far.get(key).map(|conn| conn.room) else { continue };
            self.forget_far(far_id(key));
            self.turn(me, room, Input::Depart { conn: far_id(key), how: Departure::Lost });
        }
        for slot in self.rooms.values_mut() {
            if let Home::Here(here) = &mut slot.home {
                here.far.remove(node);
                here.far_events.remove(node);
            }
        }
        self.bury_far();
    }

    /// Forgets the connections of other nodes in a room that goes.
    pub(super) fn forget_far_in(&mut self, room: RoomKey) {
        let theirs = self.far.iter().filter(|(_, conn)| conn.room == room);
        self.far_gone_since.extend(theirs.map(|(key, _)| key).collect::<Vec<_>>());
        self.bury_far();
    }

    /// Forgets the names of connections that are gone.
    pub(super) fn bury_far(&mut self) {
        for key in std::mem::take(&mut self.far_gone_since) {
            if let Some(gone) = self.far.remove(key) {
                self.far_by_name.remove(&(gone.node, gone.name));
            }
        }
    }

    /// Sends a room's batch to the nodes that have connections in it.
    pub(super) fn flush_far(&mut self, key: RoomKey, batch: &Batch, asides: Vec<Aside>) {
        let (Some(slot), Some(cluster)) = (self.rooms.get_mut(key), &self.tools.cluster) else {
            return;
        };
        let Home::Here(here) = &mut slot.home else { return };
        let framing = batch.framing();
        let mut letters: BTreeMap<NodeId, Vec<FarAside>> = BTreeMap::new();
        if !batch.shared().is_empty() {
            let reads = |node: &&NodeId| {
                let events = here.far_events.get(*node).copied().unwrap_or(0);
                match framing {
                    Framing::WebSocket => here.far.get(*node).is_some_and(|all| *all > events),
                    Framing::Events => events > 0,
                }
            };
            let readers = here.far.keys().filter(reads);
            letters.extend(readers.map(|node| (node.clone(), Vec::new())));
        }
        for aside in asides {
            let Some(conn) = self.far.get(far_key(aside.conn)) else { continue };
            letters.entry(conn.node.clone()).or_default().push(FarAside {
                conn: conn.name,
                at: aside.at as u32,
                bytes: aside.bytes.into(),
                closes: aside.closes,
                admits: aside.admits,
            });
        }
        here.far.retain(|_, count| *count > 0);
        here.far_events.retain(|_, count| *count > 0);
        if letters.is_empty() {
            return;
        }
        let shared = Bytes::copy_from_slice(batch.shared());
        let volatile: Vec<(u32, u32)> =
            batch.volatile().iter().map(|part| (part.start as u32, part.end as u32)).collect();
        for (node, asides) in letters {
            let (shared, volatile) = (shared.clone(), volatile.clone());
            cluster.send(&node, &slot.id, Matter::Told { framing, shared, volatile, asides });
        }
        self.bury_far();
    }

    /// Answers another node's question about a room, which is loaded if need be.
    fn answer_far(me: &HubRef, from: NodeId, id: RoomId, ask: u64, question: Question) {
        match question {
            Question::State => Self::ask_here(me, from, id, ask, Errand::State),
            Question::Count => Self::ask_here(me, from, id, ask, Errand::Count),
            Question::Members(after, limit) => {
                let errand = |reply| Errand::Members(after, limit as usize, reply);
                Self::ask_here(me, from, id, ask, errand);
            }
            Question::MayEnter(who) => {
                Self::ask_here(me, from, id, ask, |reply| Errand::MayEnter(who.into(), reply));
            }
            Question::Enter(who) => {
                Self::ask_here(me, from, id, ask, |reply| Errand::Enter(who.into(), reply));
            }
            Question::Knock(who, proof, message) => {
                let errand = |reply| Errand::Knock(who.into(), proof, message, reply);
                Self::ask_here(me, from, id, ask, errand);
            }
            Question::Command(who, command) => {
                // Of another version, it may be a command that this one does not know.
                let Ok(command) = serde_json::from_str(&command) else { return };
                let errand = |reply| Errand::Command(who.into(), Box::new(command), reply);
                Self::ask_here(me, from, id, ask, errand);
            }
            Question::MayInvite(who) => {
                Self::ask_here(me, from, id, ask, |reply| Errand::MayInvite(who.into(), reply));
            }
            Question::Banned(who) => {
                Self::ask_here(me, from, id, ask, |reply| Errand::Banned(who.into(), reply));
            }
            Question::Close(who) => {
                Self::ask_here(me, from, id, ask, |reply| Errand::Close(who.into(), reply));
            }
            Question::End(reason) => {
                let Ok(reason) = serde_json::from_str(&reason) else { return };
                Self::ask_here(me, from, id, ask, |reply| Errand::End(reason, reply));
            }
        }
    }

    fn ask_here<T, E>(
        me: &HubRef,
        from: NodeId,
        id: RoomId,
        ask: u64,
        errand: impl FnOnce(oneshot::Sender<Result<T, E>>) -> Errand,
    ) where
        T: serde::Serialize + 'static,
        E: Into<parlor_room::Refusal> + From<Code> + 'static,
    {
        let Some(cluster) = me.borrow().tools.cluster.clone() else { return };
        let (reply, answer) = oneshot::channel();
        Self::run_errand(me, id.clone(), errand(reply));
        tokio::task::spawn_local(async move {
            let answer = answer.await.unwrap_or_else(|_| Err(Code::Unavailable.into()));
            let answer = answer.map_err(wire::refusal).and_then(|answer| {
                serde_json::to_string(&answer).map_err(|_| wire::refusal(Code::Internal))
            });
            cluster.send(&from, &id, Matter::Answer { ask, answer });
        });
    }
}

/// Puts somebody into a letter.
pub(super) fn person(who: &parlor_room::Principal) -> Person {
    who.into()
}
