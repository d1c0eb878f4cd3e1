//! How long a room lives, and how it ends.

use std::time::Duration;

use parlor_protocol::event::{ClosedReason, RoomClosed};
use parlor_protocol::room::SelfDestruct;
use parlor_protocol::{CloseCode, Event};

use crate::io::{Life, Now, Output, Pace, clock_ms};
use crate::members::Members;
use crate::room::Room;
use crate::timers::{Timer, Timers};

/// How long a permanent room stays loaded without anybody.
pub const UNLOAD_AFTER: Duration = Duration::from_secs(60);
/// How soon to look again whether a room that is still storing can be unloaded.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Room {
    /// Something keeps the room alive.
    pub(crate) fn keep_alive(&mut self, now: Now) {
        if self.members.connection_count() == 0
            && let Some(life) = self.life()
        {
            self.timers.set(Timer::Idle, now.mono + life);
        }
    }

    /// Begins to count idleness when the last connection is gone.
    pub(crate) fn watch_for_idleness(&mut self, now: Now) {
        if self.members.connection_count() == 0
            && !self.timers.is_set(&Timer::Idle)
            && let Some(life) = self.life()
        {
            self.timers.set(Timer::Idle, now.mono + life);
        }
    }

    /// A restarted room waits for its members, however short its life without them.
    pub(crate) fn live_until_at_least(&mut self, end: Duration) {
        if self.timers.at(&Timer::Idle).is_some_and(|at| at < end) {
            self.timers.set(Timer::Idle, end);
        }
    }

    /// Returns how long nobody may be there; a room that ends by its messages stays loaded until
    /// then.
    fn life(&self) -> Option<Duration> {
        match self.founding.life {
            Life::Permanent => Some(UNLOAD_AFTER),
            Life::Idle { ttl } => Some(ttl),
            Life::Messages { .. } => None,
        }
    }

    /// Something was said: a room that ends by its messages lives anew.
    pub(crate) fn put_off_vanishing(&mut self, now: Now) {
        if let Life::Messages { ttl, .. } = self.founding.life {
            self.timers.set(Timer::Vanish, now.mono + ttl);
        }
    }

    /// Returns how long the room lives after a message, if it ends by its messages.
    pub fn lives_after_a_message(&self) -> Option<Duration> {
        match self.founding.life {
            Life::Messages { ttl, .. } => Some(ttl),
            Life::Permanent | Life::Idle { .. } => None,
        }
    }

    /// Says when a room that ends by its messages will, unless something is said.
    pub(crate) fn self_destruct(&self) -> Option<SelfDestruct> {
        let Life::Messages { ttl, .. } = self.founding.life else { return None };
        let at = self.timers.at(&Timer::Vanish)?;
        Some(SelfDestruct { ttl_seconds: ttl.as_secs(), at: clock_ms(at) })
    }

    /// Nothing has kept the room alive for as long as it lives.
    pub(crate) fn idle(&mut self, now: Now) {
        match self.founding.life {
            Life::Idle { .. } => self.end(now, ClosedReason::Idle),
            Life::Permanent if self.members.count() == 0 && self.is_all_stored() => {
                self.output(Output::Idle);
                self.timers.set(Timer::Idle, now.mono + UNLOAD_AFTER);
            }
            Life::Permanent => self.timers.set(Timer::Idle, now.mono + LOOK_AGAIN_AFTER),
            Life::Messages { .. } => {}
        }
    }

    /// Ends the room: everybody is told and sent away.
    pub(crate) fn end(&mut self, now: Now, reason: ClosedReason) {
        self.refuse_what_waits();
        self.tell(now, Event::RoomClosed(RoomClosed { reason }), Pace::Now);
        for conn in self.members.connections().collect::<Vec<_>>() {
            self.output(Output::Close { conn, code: CloseCode::RoomGone });
        }
        self.members = Members::default();
        self.timers = Timers::default();
        self.ended = true;
        self.output(Output::Ended(reason));
    }
}
