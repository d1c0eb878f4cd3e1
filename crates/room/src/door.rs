//! The door: who may come in, who waits before it, and who was let in before.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::access::{Caller, Entry, WaitingRoom};
use parlor_protocol::member::Role;
use parlor_protocol::{Code, Event, UserId, limits};
use serde::{Deserialize, Serialize};

use crate::checks;
use crate::io::{AskId, ConnId, Now, Principal, Proof, Refusal};
use crate::room::{Asker, Room};
use crate::snapshot::Durable;
use crate::timers::Timer;
use crate::wall::iso_8601;

/// People who were turned away and do not know it yet.
const TURNED_AWAY: usize = limits::CALLERS;

/// Why somebody may pass the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Pass {
    /// They knew the password; another one ends it.
    Password,
    /// Somebody let them in, or invited them.
    Person,
}

/// What goes on before the door. Nothing of it is kept: who waits asks again and again.
#[derive(Debug, Default)]
pub(crate) struct Door {
    /// Who waits, longest first.
    callers: Vec<Waiting>,
    /// Who is to be told that nobody lets them in, oldest first.
    turned_away: VecDeque<UserId>,
}

#[derive(Debug)]
struct Waiting {
    who: Principal,
    message: Option<String>,
    since_ms: i64,
    /// When they asked last.
    seen: Duration,
}

impl Door {
    /// Returns who waits.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &UserId> {
        self.callers.iter().map(|caller| &caller.who.user_id)
    }

    fn waits(&self, user: &UserId) -> bool {
        self.waiting().any(|other| other == user)
    }

    /// Takes somebody out of the queue; says whether they were in it.
    fn release(&mut self, user: &UserId) -> bool {
        let before = self.callers.len();
        self.callers.retain(|caller| caller.who.user_id != *user);
        self.callers.len() < before
    }

    fn shown(&self) -> WaitingRoom {
        let callers = self.callers.iter().map(|caller| Caller {
            user_id: caller.who.user_id.clone(),
            display_name: caller.who.display_name.to_string(),
            is_guest: caller.who.is_guest,
            message: caller.message.clone(),
            since: iso_8601(caller.since_ms),
        });
        WaitingRoom { callers: callers.collect() }
    }
}

impl Durable {
    /// Makes sure that so many more may be let in.
    pub(crate) fn check_passes(&self, more: usize) -> Result<(), Refusal> {
        if self.passes.len() + more > limits::PASSES {
            return Err(checks::invalid("The room has let in too many people"));
        }
        Ok(())
    }
}

impl Room {
    /// Says why somebody would not be let in now; who has a seat always is.
    pub fn why_not_in(&self, who: &Principal) -> Option<Code> {
        if self.is_banned(&who.user_id) {
            return Some(Code::Banned);
        }
        if self.members.seat(&who.user_id).is_some() {
            return None;
        }
        self.what_stops(who).or_else(|| self.is_full().then_some(Code::RoomFull))
    }

    /// Says what stands between somebody and the room: those who keep order and those who were let
    /// in pass.
    fn what_stops(&self, who: &Principal) -> Option<Code> {
        let settings = &self.durable.settings;
        let passes =
            self.role(who) >= Role::Moderator || self.durable.passes.contains_key(&who.user_id);
        match settings.entry {
            _ if passes => None,
            Entry::Invited => Some(Code::NotInvited),
            Entry::Accounts if who.is_guest => Some(Code::AccountRequired),
            _ if settings.has_password => Some(Code::PasswordRequired),
            Entry::Knock => Some(Code::WaitingRoom),
            Entry::Open | Entry::Accounts => None,
        }
    }

    /// Somebody is at the door, and says with what proof.
    pub(crate) fn knock(
        &mut self,
        now: Now,
        ask: AskId,
        who: Principal,
        proof: Proof,
        message: Option<String>,
    ) {
        let outcome = self.receive(now, who, proof, message);
        self.answer(Asker::Http(ask), outcome);
    }

    fn receive(
        &mut self,
        now: Now,
        who: Principal,
        proof: Proof,
        message: Option<String>,
    ) -> Result<(), Refusal> {
        if self.is_banned(&who.user_id) {
            return Err(Code::Banned.into());
        }
        if proof == Proof::Invitation {
            self.give_pass(now, &who.user_id, Pass::Person)?;
        }
        let Some(obstacle) = self.what_stops(&who) else {
            if self.door.release(&who.user_id) {
                self.tell_who_waits();
            }
            return Ok(());
        };
        let entry = self.durable.settings.entry;
        match obstacle {
            Code::PasswordRequired if entry == Entry::Knock && self.door.waits(&who.user_id) => {}
            Code::PasswordRequired if proof != Proof::Password => return Err(obstacle.into()),
            Code::PasswordRequired if entry != Entry::Knock => {
                return self.give_pass(now, &who.user_id, Pass::Password);
            }
            Code::PasswordRequired | Code::WaitingRoom => {}
            _ => return Err(obstacle.into()),
        }
        if let Some(at) = self.door.turned_away.iter().position(|user| *user == who.user_id) {
            self.door.turned_away.remove(at);
            return Err(Code::TurnedAway.into());
        }
        self.wait_outside(now, who, message)
    }

    /// Keeps somebody in the queue, or puts them at its end.
    fn wait_outside(
        &mut self,
        now: Now,
        who: Principal,
        message: Option<String>,
    ) -> Result<(), Refusal> {
        let message = message.filter(|message| !message.trim().is_empty());
        let message = message
            .map(|message| checks::line("message", message, 1..=limits::KNOCK_CHARS))
            .transpose()?;
        let is_full = self.door.callers.len() >= limits::CALLERS;
        let found = self.door.callers.iter_mut().find(|it| it.who.user_id == who.user_id);
        let is_news = match found {
            Some(caller) => {
                caller.seen = now.mono;
                let is_news = caller.who != who || (message.is_some() && caller.message != message);
                caller.who = who;
                caller.message = message.or(caller.message.take());
                is_news
            }
            None if is_full => return Err(Code::Busy.into()),
            None => {
                let (since_ms, seen) = (now.wall_ms, now.mono);
                self.door.callers.push(Waiting { who, message, since_ms, seen });
                true
            }
        };
        self.timers.set_at_latest(Timer::Callers, now.mono + limits::CALLER_GRACE);
        if is_news {
            self.tell_who_waits();
        }
        Err(Code::WaitingRoom.into())
    }

    /// Lets somebody pass from now on. It is stored soon: whoever it is lost for asks once more.
    fn give_pass(&mut self, now: Now, user: &UserId, pass: Pass) -> Result<(), Refusal> {
        self.durable.check_passes(1)?;
        Arc::make_mut(&mut self.durable).passes.insert(user.clone(), pass);
        self.store_presence_soon(now);
        Ok(())
    }

    /// Forgets those who gave up waiting.
    pub(crate) fn look_for_callers(&mut self, now: Now) {
        let before = self.door.callers.len();
        let is_gone = |caller: &Waiting| caller.seen + limits::CALLER_GRACE <= now.mono;
        self.door.callers.retain(|caller| !is_gone(caller));
        if let Some(earliest) = self.door.callers.iter().map(|caller| caller.seen).min() {
            self.timers.set_at_latest(Timer::Callers, earliest + limits::CALLER_GRACE);
        }
        if self.door.callers.len() < before {
            self.tell_who_waits();
        }
    }

    /// Those who were let in need not wait any more; they hear of it when they ask again.
    pub(crate) fn let_in(&mut self, users: &[UserId]) {
        for user in users {
            self.door.release(user);
        }
        self.tell_who_waits();
    }

    /// Somebody need not wait any more, and hears why when they ask again.
    pub(crate) fn send_off(&mut self, user: &UserId) {
        if self.door.release(user) && !self.is_banned(user) {
            self.door.turned_away.push_back(user.clone());
            if self.door.turned_away.len() > TURNED_AWAY {
                self.door.turned_away.pop_front();
            }
        }
        self.tell_who_waits();
    }

    /// Tells those who may let people in who waits.
    pub(crate) fn tell_who_waits(&mut self) {
        let offices = self.offices();
        let mut keepers: Vec<&UserId> = offices.owner.into_iter().chain(offices.host).collect();
        keepers.extend(offices.moderators);
        keepers.sort_unstable();
        keepers.dedup();
        let seats = keepers.into_iter().filter_map(|user| self.members.seat(user));
        let connections: Vec<_> =
            seats.flat_map(|seat| seat.connections().collect::<Vec<_>>()).collect();
        let event = Event::WaitingRoom(self.door.shown());
        for conn in connections {
            self.send(conn, event.clone());
        }
    }

    /// Tells one connection who waits, if its member may let them in and there is anybody.
    pub(crate) fn show_who_waits(&mut self, conn: ConnId) {
        let may = self.members.seat_of(conn).is_some_and(|seat| {
            let who = seat.who();
            self.role(&who) >= Role::Moderator
        });
        if may && !self.door.callers.is_empty() {
            self.send(conn, Event::WaitingRoom(self.door.shown()));
        }
    }
}
