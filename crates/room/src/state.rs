//! The whole room as one value, for those who ask: `SYNC_FULL_STATE`, and `GET` over HTTP.

use parlor_protocol::command::StreamPosition;
use parlor_protocol::member::{Member, MemberPage, Readiness, Role, Status};
use parlor_protocol::playback::PlaybackState;
use parlor_protocol::room::{RoomSettings, RoomState};
use parlor_protocol::{UserId, limits};

use crate::io::{Now, Principal};
use crate::members::Seat;
use crate::roles::Act;
use crate::room::Room;
use crate::wall::iso_8601;

impl Room {
    /// Returns the whole room: true at its `seq`, with the position projected to `now`; of a large
    /// room the first page of members.
    pub fn state(&self, now: Now) -> RoomState {
        let page = self.member_page(None, limits::MEMBER_PAGE);
        let position = self.stream.position();
        RoomState {
            room_id: self.founding.room_id.clone(),
            settings: self.durable.settings.clone(),
            host_id: self.host.clone(),
            owner_id: self.founding.owner.clone(),
            created_at: self.founding.created_at.clone(),
            members: page.members.iter().map(|member| member.user_id.clone()).collect(),
            member_details: page.members,
            member_count: page.member_count,
            playback_state: self.playback_state(now),
            epoch: position.epoch,
            seq: position.seq,
            queue: self.durable.queue.clone(),
            chat: self.chat.page().cloned().collect(),
            server_time: now.clock_ms(),
            self_destruct: self.self_destruct(),
        }
    }

    /// Returns what plays, with the position projected to `now`; `None` before anything did.
    pub fn playback_state(&self, now: Now) -> Option<PlaybackState> {
        (self.timeline.rev > 0).then(|| {
            let mut timeline = self.timeline.clone();
            timeline.rebase(now.mono);
            timeline.told(&self.founding.clock_id, self.hold.holding(), None)
        })
    }

    /// Returns where the stream of events stands.
    pub fn position(&self) -> StreamPosition {
        self.stream.position()
    }

    /// Returns the settings as they are committed.
    pub fn settings(&self) -> &RoomSettings {
        &self.durable.settings
    }

    /// Returns who is host.
    pub fn host(&self) -> Option<&UserId> {
        self.host.as_ref()
    }

    /// Returns how many members are present, those who are reconnecting included.
    pub fn member_count(&self) -> usize {
        self.members.count()
    }

    /// Returns members by time of joining, those after the member `after`; from the beginning if
    /// that one is no longer present. At most `limit`, which is capped at
    /// [`limits::MEMBER_PAGE`].
    pub fn member_page(&self, after: Option<&UserId>, limit: usize) -> MemberPage {
        let limit = limit.clamp(1, limits::MEMBER_PAGE);
        let mut seats = self.members.in_order(after);
        let members: Vec<_> = seats.by_ref().take(limit).map(|seat| self.shown(&seat)).collect();
        let next = seats.next().and_then(|_| members.last()).map(|member| member.user_id.clone());
        MemberPage { members, member_count: self.members.count() as u64, next }
    }

    /// Returns a member, if present.
    pub fn member(&self, user: &UserId) -> Option<Member> {
        self.members.seat(user).map(|seat| self.shown(&seat))
    }

    /// Returns what a person is in this room, present or not.
    pub fn role(&self, who: &Principal) -> Role {
        self.offices().role(&who.user_id, who.is_guest)
    }

    /// Says whether a person may close the room for good.
    pub fn may_close(&self, who: &Principal) -> bool {
        Act::Close.is_open_to(self.role(who), self.durable.settings.control)
    }

    /// Says whether a person may invite others, and see who was invited.
    pub fn may_invite(&self, who: &Principal) -> bool {
        Act::Invite.is_open_to(self.role(who), self.durable.settings.control)
    }

    /// Returns who was banned, if a person may know: whoever may let them come back.
    pub fn banned(&self, who: &Principal) -> Option<Vec<UserId>> {
        let may_know = Act::Remove.is_open_to(self.role(who), self.durable.settings.control);
        may_know.then(|| self.durable.bans.iter().cloned().collect())
    }

    /// Says whether a person was banned.
    pub fn is_banned(&self, user: &UserId) -> bool {
        self.durable.bans.contains(user)
    }

    /// Says whether every seat is taken, those kept for members who are reconnecting included.
    pub fn is_full(&self) -> bool {
        let seats = self.durable.settings.max_participants;
        seats.is_some_and(|seats| self.members.count() >= seats as usize)
    }

    fn shown(&self, seat: &Seat<'_>) -> Member {
        let who = seat.who();
        let readiness = seat.readiness();
        Member {
            user_id: who.user_id.clone(),
            display_name: who.display_name.to_string(),
            role: self.role(&who),
            status: match readiness {
                _ if seat.is_reconnecting() => Status::Reconnecting,
                Some(Readiness::Loading | Readiness::Stalled) => Status::Buffering,
                Some(Readiness::Away) => Status::Away,
                Some(Readiness::Ready) | None => Status::Online,
            },
            readiness,
            catching_up: self.hold.is_catching_up(&who.user_id),
            joined_at: iso_8601(seat.joined_ms()),
        }
    }
}
