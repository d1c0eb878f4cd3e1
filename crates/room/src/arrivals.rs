//! Coming, going, and who is host after it.

use std::sync::Arc;

use parlor_protocol::member::{HostChanged, Member, MemberCount};
use parlor_protocol::{Code, Event, UserId, limits};

use crate::io::{AskId, ConnId, Departure, Now, Output, Pace, PresenceChange, Principal};
use crate::room::{Asker, Room};
use crate::snapshot::Durable;
use crate::timers::Timer;

impl Room {
    /// Lets a connection in: to the seat its member has, or to a new one.
    pub(crate) fn join(&mut self, now: Now, conn: ConnId, who: Principal) {
        let seat = self.members.seat(&who.user_id);
        let has_too_many =
            seat.is_some_and(|seat| seat.connection_count() >= limits::CONNECTIONS_PER_MEMBER);
        let obstacle = self.why_not_in(&who).or(has_too_many.then_some(Code::RateLimited));
        if let Some(code) = obstacle {
            return self.turn_away(conn, code.into());
        }
        let before = self.member(&who.user_id);
        if before.is_none() {
            self.take_seat(now, Some(conn), who);
        } else {
            self.come_back(now, conn, who, before);
        }
        self.timers.cancel(&Timer::Idle);
    }

    /// Lets somebody in who has no connection: to the seat they have, or to a new one.
    pub(crate) fn enter(&mut self, now: Now, ask: AskId, who: Principal) {
        let outcome = match self.why_not_in(&who) {
            Some(code) => Err(code.into()),
            None => {
                self.visit(now, who);
                Ok(())
            }
        };
        self.answer(Asker::Http(ask), outcome);
    }

    fn visit(&mut self, now: Now, who: Principal) {
        self.keep_alive(now);
        let user = who.user_id.clone();
        if self.members.seat(&user).is_none() {
            self.take_seat(now, None, who);
        }
        if self.members.seat(&user).is_some_and(|seat| seat.is_reconnecting()) {
            self.timers.set(Timer::Seat(user), now.mono + limits::VISIT_GRACE);
        }
    }

    fn take_seat(&mut self, now: Now, conn: Option<ConnId>, who: Principal) {
        let user = who.user_id.clone();
        self.members.take(who.clone(), now.wall_ms);
        if let Some(conn) = conn {
            self.members.connect(conn, who.clone());
        }
        self.hold.welcome(&user);
        if self.is_crowd(self.members.count()) {
            if let Some(conn) = conn {
                let joined = self.joined(&user);
                self.send(conn, joined);
                self.output(Output::Admit { conn });
            }
            self.note_in_crowd(now, &user, true);
        } else {
            self.tell_crowd(now);
            if let Some(conn) = conn {
                self.output(Output::Admit { conn });
            }
            let joined = self.joined(&user);
            self.tell(now, joined, Pace::Batched);
        }
        self.output(Output::Presence(vec![PresenceChange { user: who, present: true }]));
        if self.host.is_none() {
            self.crown(now, user);
        }
        self.store_presence_soon(now);
    }

    /// Keeps the seat of somebody who was here before the server was started again.
    pub(crate) fn keep_seat(&mut self, now: Now, who: Principal, joined_ms: i64) {
        let end = now.mono + self.founding.seats_kept;
        self.timers.set(Timer::Seat(who.user_id.clone()), end);
        self.live_until_at_least(end);
        self.members.take(who.clone(), joined_ms);
        self.output(Output::Presence(vec![PresenceChange { user: who, present: true }]));
    }

    /// A further connection, or one after the last broke: the others have seen this member join.
    fn come_back(&mut self, now: Now, conn: ConnId, who: Principal, before: Option<Member>) {
        let user = who.user_id.clone();
        self.members.connect(conn, who);
        self.timers.cancel(&Timer::Seat(user.clone()));
        let joined = self.joined(&user);
        self.send(conn, joined);
        self.output(Output::Admit { conn });
        self.tell_member_if_changed(now, &user, before.as_ref());
    }

    fn joined(&self, user: &UserId) -> Event {
        Event::UserJoined(MemberCount {
            user_id: user.clone(),
            member_count: self.members.count() as u64,
            member: self.member(user),
        })
    }

    /// Lets a connection go. The seat of its member stays while another connection is there, and
    /// for a grace if the last one broke.
    pub(crate) fn depart(&mut self, now: Now, conn: ConnId, how: Departure) {
        let Some(user) = self.members.seat_of(conn).map(|seat| seat.user().clone()) else {
            return;
        };
        let (before, stood) = (self.member(&user), self.standing(&user));
        self.members.disconnect(conn);
        let is_last = self.members.seat(&user).is_some_and(|seat| seat.is_reconnecting());
        match how {
            Departure::Left if is_last => self.free_seat(now, &user),
            Departure::Left | Departure::Broken | Departure::Lost => {
                if is_last {
                    let grace = match how {
                        Departure::Lost => limits::LOST_NODE_GRACE,
                        Departure::Left | Departure::Broken => limits::RECONNECT_GRACE,
                    };
                    let end = now.mono + grace;
                    self.timers.set(Timer::Seat(user.clone()), end);
                }
                let standing = self.standing(&user);
                if standing != stood {
                    self.hold.observe(now.mono, &mut self.timers, &user, standing);
                }
                self.tell_member_if_changed(now, &user, before.as_ref());
            }
        }
        self.watch_for_idleness(now);
        self.settle(now);
    }

    /// Ends a seat: the member has left, whatever connections it had.
    pub(crate) fn free_seat(&mut self, now: Now, user: &UserId) {
        let was_crowd = self.is_crowd(self.members.count());
        let Some(who) = self.members.free(user) else { return };
        self.timers.cancel(&Timer::Seat(user.clone()));
        self.hold.forget(now.mono, &mut self.timers, user);
        if was_crowd {
            self.note_in_crowd(now, user, false);
        } else {
            self.tell_crowd(now);
            let member_count = self.members.count() as u64;
            let left = MemberCount { user_id: user.clone(), member_count, member: None };
            self.tell(now, Event::UserLeft(left), Pace::Batched);
        }
        self.output(Output::Presence(vec![PresenceChange { user: who, present: false }]));
        if self.host.as_ref() == Some(user) {
            self.host = None;
            if let Some(heir) = self.members.longest_present().cloned() {
                self.crown(now, heir);
            }
        }
        self.store_presence_soon(now);
        self.watch_for_idleness(now);
        self.settle(now);
    }

    /// Makes a member host. (One who left while the store wrote it down is not.)
    pub(crate) fn crown(&mut self, now: Now, user: UserId) {
        if self.members.seat(&user).is_none() {
            return;
        }
        // A host must not be told of before the member itself is.
        self.tell_crowd(now);
        let before = self.host.replace(user.clone());
        let changed = HostChanged { new_host_id: user.clone() };
        self.tell(now, Event::HostChanged(changed), Pace::Batched);
        for user in before.iter().chain([&user]) {
            self.tell_member(now, user);
        }
        self.rule_changed(now);
        self.store_presence_soon(now);
    }

    /// Has the new rules of waiting count.
    pub(crate) fn rule_changed(&mut self, now: Now) {
        let (wait, host) = (self.durable.settings.wait, self.host.clone());
        self.hold.set_rule(now.mono, &mut self.timers, wait, host);
        self.settle(now);
    }

    /// Hands what a guest was in this room to the account it became, a ban too.
    pub(crate) fn inherit(&mut self, now: Now, from: &UserId, to: &UserId) {
        for office in [&mut self.founding.owner, &mut self.founding.creator] {
            if office.as_ref() == Some(from) {
                *office = Some(to.clone());
            }
        }
        let Durable { moderators, bans, passes, .. } = Arc::make_mut(&mut self.durable);
        if moderators.remove(from) {
            moderators.insert(to.clone());
        }
        if let Some(pass) = passes.remove(from) {
            passes.insert(to.clone(), pass);
        }
        if bans.contains(from) {
            bans.insert(to.clone());
        }
        self.chat.inherit(from, to);
        // A host that is present stays until it leaves.
        if self.host.as_ref() == Some(from) && self.members.seat(from).is_none() {
            self.host = Some(to.clone());
            let changed = HostChanged { new_host_id: to.clone() };
            self.tell(now, Event::HostChanged(changed), Pace::Batched);
            self.rule_changed(now);
        }
        self.tell_member(now, from);
        self.tell_member(now, to);
        self.store_presence_soon(now);
    }

    /// Tells what is known of a member now, in a crowd as well.
    pub(crate) fn tell_member(&mut self, now: Now, user: &UserId) {
        if let Some(member) = self.member(user) {
            self.tell(now, Event::MemberUpdated(member), Pace::Batched);
        }
    }

    /// Tells of a member's connection and readiness where that is seen: a crowd is not told how
    /// each of its members fares.
    pub(crate) fn tell_member_if_changed(
        &mut self,
        now: Now,
        user: &UserId,
        before: Option<&Member>,
    ) {
        if !self.is_crowd(self.members.count()) && self.member(user).as_ref() != before {
            self.tell_member(now, user);
        }
    }

    /// Says whether a room of so many is told of its members in batches.
    pub(crate) fn is_crowd(&self, count: usize) -> bool {
        count > limits::MEMBERS_TOLD_SINGLY
    }

    fn note_in_crowd(&mut self, now: Now, user: &UserId, came: bool) {
        self.crowd.note(user, came);
        self.timers.set_at_latest(Timer::Members, now.mono + limits::MEMBERS_BATCH);
    }

    /// Tells who came and went, if it was not told yet.
    pub(crate) fn tell_crowd(&mut self, now: Now) {
        self.timers.cancel(&Timer::Members);
        if let Some(changed) = self.crowd.take(self.members.count() as u64) {
            self.tell(now, Event::MembersChanged(changed), Pace::Batched);
        }
    }
}
