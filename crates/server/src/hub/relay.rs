//! Rooms of other nodes: what this one's connections say goes there in letters, in their order, and
//! what comes back goes through a batch of the same kind as a room's own.

use bytes::Bytes;
use parlor_protocol::{Code, RoomId};
use parlor_room::{ConnId, Departure, Input, Principal};

use super::batch::Framing;
use super::connection::conn_key;
use super::far::person;
use super::{Home, Hub, HubRef, RoomKey};
use crate::cluster::NodeId;
use crate::cluster::wire::{self, FarAside, Matter, Question};
use crate::rooms::{Errand, FarName};

/// What the node that has a room says to this one's connections, in one framing.
pub(super) struct Told {
    pub(super) framing: Framing,
    /// For every connection that is admitted.
    pub(super) shared: Bytes,
    /// Parts of `shared` that may be left out for slow readers.
    pub(super) volatile: Vec<(u32, u32)>,
    /// For single connections, in order.
    pub(super) asides: Vec<FarAside>,
}

impl Hub {
    /// Sends a room's input to the node that has the room. The way there is closed behind the last
    /// connection.
    pub(super) fn forward(&mut self, me: &HubRef, key: RoomKey, input: Input) {
        let is_last = matches!(input, Input::Depart { .. });
        let matter = match input {
            Input::Join { conn, who } => {
                let framing = Framing::WebSocket;
                let name = FarName { conn: conn.0, framing, since: None };
                return self.attach_at_home(key, name, &who);
            }
            Input::Depart { conn, how } => {
                Matter::Gone { conn: conn.0, left: how == Departure::Left }
            }
            // Timeouts, outcomes of the store and the like are the owner's own affair.
            _ => return,
        };
        self.send_home(key, matter);
        if is_last {
            self.unload(me, key);
        }
    }

    /// Brings a connection to the node that has its room.
    pub(super) fn attach_at_home(&self, key: RoomKey, name: FarName, who: &Principal) {
        let FarName { conn, framing, since } = name;
        self.send_home(key, Matter::Attach { conn, framing, since, who: person(who) });
    }

    /// Sends what a connection said, as it said it, to the node that has its room; `false` if that
    /// is this one.
    pub(super) fn forward_text(&self, key: RoomKey, conn: ConnId, text: &str) -> bool {
        let is_far = self.rooms.get(key).is_some_and(|slot| matches!(slot.home, Home::There(_)));
        if is_far {
            self.send_home(key, Matter::Said { conn: conn.0, text: text.to_owned() });
        }
        is_far
    }

    fn send_home(&self, key: RoomKey, matter: Matter) {
        if let (Some(slot), Some(cluster)) = (self.rooms.get(key), &self.tools.cluster)
            && let Home::There(owner) = &slot.home
        {
            cluster.send(owner, &slot.id, matter);
        }
    }

    /// Has the node that has a room run an errand.
    pub(super) fn ask_home(&mut self, key: RoomKey, errand: Errand) {
        let Some(slot) = self.rooms.get(key) else { return errand.fail(Code::RoomNotFound) };
        let question = match &errand {
            Errand::Attach(_) | Errand::AttachFar(..) | Errand::Take(_) => return,
            Errand::State(_) => Question::State,
            Errand::Count(_) => Question::Count,
            Errand::Members(after, limit, _) => Question::Members(after.clone(), *limit as u32),
            Errand::MayEnter(who, _) => Question::MayEnter(person(who)),
            Errand::MayInvite(who, _) => Question::MayInvite(person(who)),
            Errand::Banned(who, _) => Question::Banned(person(who)),
            Errand::Enter(who, _) => Question::Enter(person(who)),
            Errand::Knock(who, proof, message, _) => {
                Question::Knock(person(who), *proof, message.clone())
            }
            Errand::Command(who, command, _) => {
                let command = serde_json::to_string(command).expect("a command is JSON");
                Question::Command(person(who), command)
            }
            Errand::Close(who, _) => Question::Close(person(who)),
            Errand::End(reason, _) => Question::end(reason),
        };
        let (ask, id) = (self.next_ask, slot.id.clone());
        self.next_ask += 1;
        self.far_asks.insert(ask, (id, errand));
        self.send_home(key, Matter::Ask { ask, question });
    }

    /// Hands on the answer of another node.
    pub(super) fn far_answer(&mut self, ask: u64, answer: Result<String, (String, String)>) {
        let Some((_, errand)) = self.far_asks.remove(&ask) else { return };
        match answer {
            Ok(answer) => errand.answer(&answer),
            Err((code, message)) => errand.fail_because(wire::code(&code), message),
        }
    }

    /// Takes what the node that has a room says to this one's connections.
    pub(super) fn told_by(&mut self, from: &NodeId, id: &RoomId, told: Told) {
        let Told { framing, shared, volatile, mut asides } = told;
        let Some(key) = self.by_id.get(id).copied() else { return };
        let Some(slot) = self.rooms.get_mut(key) else { return };
        if !matches!(&slot.home, Home::There(owner) if owner == from) {
            return;
        }
        let share = |batch: &mut super::Batch, part: std::ops::Range<usize>| {
            let Some(bytes) = shared.get(part.clone()) else { return };
            let within = volatile.iter().map(|(start, end)| *start as usize..*end as usize);
            let within = within.filter(|it| it.start >= part.start && it.end <= part.end);
            batch.share(bytes, within.map(|it| it.start - part.start..it.end - part.start));
        };
        // They come connection by connection; here their place counts.
        asides.sort_by_key(|aside| aside.at);
        let mut done = 0;
        for aside in asides {
            let at = aside.at as usize;
            share(slot.batch(framing), done..at.max(done));
            done = at.max(done);
            let conn = ConnId(aside.conn);
            let Some(kept) = self.conns.get_mut(conn_key(conn)) else { continue };
            if aside.admits {
                let audience = slot.audience(framing);
                audience.admitted.push(conn_key(conn));
                kept.start = audience.batch.end();
            } else {
                slot.batch(framing).aside(conn, aside.bytes.into(), aside.closes);
            }
            if aside.closes && std::mem::take(&mut kept.attached) {
                slot.conns -= 1;
            }
        }
        share(slot.batch(framing), done..shared.len());
        self.touch(key);
    }

    /// Has the members of a room come back whose node does not have it any more.
    pub(super) fn dropped_by(&mut self, me: &HubRef, from: &NodeId, id: &RoomId) {
        if let Some(key) = self.by_id.get(id).copied()
            && let Some(slot) = self.rooms.get(key)
            && matches!(&slot.home, Home::There(owner) if owner == from)
        {
            self.send_members_back(me, key);
        }
    }

    /// Ends what was shared with another node. The rooms it had are claimed while their members are
    /// on their way back.
    pub(super) fn link_broken(me: &HubRef, node: &NodeId) {
        let mut hub = me.borrow_mut();
        hub.end_far_of(me, node);
        let theirs = hub
            .rooms
            .iter()
            .filter(|(_, slot)| matches!(&slot.home, Home::There(owner) if owner == node));
        let theirs: Vec<_> =
            theirs.map(|(key, slot)| (key, slot.id.clone(), slot.conns > 0)).collect();
        for (key, ..) in &theirs {
            hub.send_members_back(me, *key);
        }
        drop(hub);
        for (_, id, _) in theirs.into_iter().filter(|(.., has_members)| *has_members) {
            Self::run_errand(me, id, Errand::Take(0));
        }
    }
}
