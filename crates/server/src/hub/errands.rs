//! What others want of rooms.

use bytes::Bytes;
use parlor_protocol::event::ClosedReason;
use parlor_protocol::{Code, RoomId, UserId};
use parlor_room::{AskId, Input};

use super::batch::Framing;
use super::connection::{turn_away, why_turned_away};
use super::{Home, Hub, HubRef, LOADING_ERRANDS, RoomKey, Tools};
use crate::cluster::wire::{FarAside, Matter};
use crate::rooms::{Answered, Errand, FarName};

impl Hub {
    /// Runs an errand now, or as soon as its room is loaded.
    pub(super) fn run_errand(me: &HubRef, id: RoomId, errand: Errand) {
        let mut hub = me.borrow_mut();
        if matches!(errand, Errand::Take(_)) && !hub.tools.opens_sockets {
            return;
        }
        if hub.draining {
            return hub.tools.refuse(&id, errand, Code::Unavailable);
        }
        if let Some(key) = hub.by_id.get(&id).copied() {
            return hub.errand(me, key, errand);
        }
        if let Some(waiting) = hub.loading.get_mut(&id) {
            if waiting.len() < LOADING_ERRANDS {
                waiting.push(errand);
            } else {
                hub.tools.refuse(&id, errand, Code::Busy);
            }
            return;
        }
        hub.loading.insert(id.clone(), vec![errand]);
        tokio::task::spawn_local(super::load::load(me.clone(), id));
    }

    /// Runs an errand of a loaded room.
    pub(super) fn errand(&mut self, me: &HubRef, key: RoomKey, errand: Errand) {
        let now = self.tools.clock.now();
        let Some(slot) = self.rooms.get_mut(key) else {
            return errand.fail(Code::RoomNotFound);
        };
        let (room, errand) = match (&mut slot.home, errand) {
            (_, Errand::Attach(arrival)) => return self.attach(me, key, *arrival),
            (_, Errand::AttachFar(node, name, who)) => {
                return self.attach_far(me, key, node, name, who);
            }
            (Home::Here(here), Errand::Take(moves)) => return here.leaning.came_after(moves),
            (Home::There(_), Errand::Take(_)) => return,
            (Home::There(_), errand) => return self.ask_home(key, errand),
            (Home::Here(here), errand) => (&here.room, errand),
        };
        // In all replies: whoever asked may be gone; then nobody needs the answer.
        match errand {
            Errand::Attach(_) | Errand::AttachFar(..) | Errand::Take(_) => {}
            Errand::State(reply) => {
                let _ = reply.send(Ok(room.state(now)));
                self.turn(me, key, Input::Touch);
            }
            Errand::Count(reply) => {
                let _ = reply.send(Ok(room.member_count() as u64));
            }
            Errand::Members(after, limit, reply) => {
                let _ = reply.send(Ok(room.member_page(after.as_ref(), limit)));
            }
            Errand::MayEnter(who, reply) => {
                let _ = reply.send(room.why_not_in(&who).map_or(Ok(()), Err));
            }
            Errand::MayInvite(who, reply) => {
                let allowed = room.may_invite(&who);
                let _ = reply.send(if allowed { Ok(()) } else { Err(Code::Forbidden) });
            }
            Errand::Banned(who, reply) => {
                let _ = reply.send(room.banned(&who).ok_or(Code::Forbidden));
            }
            Errand::Enter(who, reply) => {
                let ask = self.await_answer(key, reply);
                self.turn(me, key, Input::Enter { ask, who });
            }
            Errand::Knock(who, proof, message, reply) => {
                let ask = self.await_answer(key, reply);
                self.turn(me, key, Input::Knock { ask, who, proof, message });
            }
            Errand::Command(who, command, reply) => {
                let ask = self.await_answer(key, reply);
                let input = Input::Ask { ask, who, command: *command, fresh: rand::random() };
                self.turn(me, key, input);
            }
            Errand::Close(who, reply) => {
                let allowed = room.may_close(&who);
                let _ = reply.send(if allowed { Ok(()) } else { Err(Code::Forbidden.into()) });
                if allowed {
                    let reason = ClosedReason::Deleted;
                    self.turn(me, key, Input::Close { reason });
                }
            }
            Errand::End(reason, reply) => {
                let _ = reply.send(Ok(()));
                self.turn(me, key, Input::Close { reason });
            }
        }
    }

    /// Keeps who waits for a room's answer, and names it to the room.
    fn await_answer(&mut self, key: RoomKey, reply: Answered) -> AskId {
        let ask = AskId(self.next_ask);
        self.next_ask += 1;
        self.asks.insert(ask.0, (key, reply));
        ask
    }

    /// Tells every loaded room that a guest became an account.
    pub(super) fn inherit(&mut self, me: &HubRef, guest: &UserId, account: &UserId) {
        for key in self.rooms.keys().collect::<Vec<_>>() {
            let input = Input::Inherit { from: guest.clone(), to: account.clone() };
            self.turn(me, key, input);
        }
    }

    /// Counts who is present in those of the rooms that are loaded.
    pub(super) fn counts(&self, ids: Vec<RoomId>) -> Vec<(RoomId, u64)> {
        let loaded = ids.into_iter().filter_map(|id| {
            let slot = self.rooms.get(*self.by_id.get(&id)?)?;
            let count = slot.room()?.member_count() as u64;
            Some((id, count))
        });
        loaded.collect()
    }
}

impl Tools {
    /// Answers that an errand of a room cannot be run.
    pub(super) fn refuse(&self, room: &RoomId, errand: Errand, code: Code) {
        match (errand, &self.cluster) {
            (Errand::Attach(arrival), _) => turn_away(*arrival, code),
            (Errand::AttachFar(node, FarName { conn, framing, .. }, _), Some(cluster)) => {
                let bytes = match framing {
                    Framing::WebSocket => why_turned_away(code).into(),
                    Framing::Events => Bytes::new(),
                };
                let aside = FarAside { conn, at: 0, bytes, closes: true, admits: false };
                let (shared, volatile, asides) = (Bytes::new(), Vec::new(), vec![aside]);
                cluster.send(&node, room, Matter::Told { framing, shared, volatile, asides });
            }
            (other, _) => other.fail(code),
        }
    }
}
