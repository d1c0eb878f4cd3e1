//! Coming, going, and who is host after it.

use parlor_protocol::member::{HostChanged, MemberCount};
use parlor_protocol::{Code, Event, UserId, limits};

use crate::io::{ConnId, Departure, Now, Output, Pace, PresenceChange, Principal};
use crate::room::Room;
use crate::timers::Timer;

impl Room {
    pub(crate) fn join(&mut self, now: Now, conn: ConnId, who: Principal) {
        let user = who.user_id.clone();
        let seats =
            self.durable.settings.max_participants.map_or(usize::MAX, |seats| seats as usize);
        match self.members.seat(&user) {
            Some(seat) if seat.connections.len() >= limits::CONNECTIONS_PER_MEMBER => {
                return self.turn_away(conn, Code::RateLimited.into());
            }
            Some(_) => {
                self.members.connect(conn, who);
                self.timers.cancel(&Timer::Seat(user.clone()));
                let joined = self.joined(&user);
                self.send(conn, joined);
                self.output(Output::Admit { conn });
            }
            None if self.members.count() >= seats => {
                return self.turn_away(conn, Code::RoomFull.into());
            }
            None => {
                self.members.take(who.clone(), now.wall_ms);
                self.members.connect(conn, who.clone());
                self.output(Output::Admit { conn });
                let joined = self.joined(&user);
                self.tell(now, joined, Pace::Batched);
                self.output(Output::Presence(vec![PresenceChange { user: who, present: true }]));
            }
        }
    }

    fn joined(&self, user: &UserId) -> Event {
        Event::UserJoined(MemberCount {
            user_id: user.clone(),
            member_count: self.members.count() as u64,
            member: self.member(user),
        })
    }

    pub(crate) fn depart(&mut self, now: Now, conn: ConnId, how: Departure) {
        let Some(user) = self.members.disconnect(conn) else { return };
        if self.members.seat(&user).is_some_and(|seat| !seat.is_reconnecting()) {
            return;
        }
        match how {
            Departure::Left => self.free_seat(now, &user),
            Departure::Broken => {
                let end = now.mono + limits::RECONNECT_GRACE;
                self.timers.set(Timer::Seat(user), end);
            }
        }
    }

    pub(crate) fn free_seat(&mut self, now: Now, user: &UserId) {
        let Some(seat) = self.members.free(user) else { return };
        let left = MemberCount {
            user_id: user.clone(),
            member_count: self.members.count() as u64,
            member: None,
        };
        self.tell(now, Event::UserLeft(left), Pace::Batched);
        self.output(Output::Presence(vec![PresenceChange { user: seat.who, present: false }]));
        if self.host.as_ref() == Some(user) {
            self.host = self.members.longest_present().cloned();
            if let Some(host) = self.host.clone() {
                self.tell(
                    now,
                    Event::HostChanged(HostChanged { new_host_id: host }),
                    Pace::Batched,
                );
            }
        }
    }
}
