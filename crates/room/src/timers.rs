//! Every moment a room waits for, in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use parlor_protocol::UserId;

/// What a room waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A seat without connection ends.
    Seat(UserId),
    /// The room's patience with a member is due for another look.
    Patience(UserId),
    /// Holding ends, ready or not.
    Hold,
    /// Comings and goings of a large room are told.
    Members,
    /// Those at the door may have gone.
    Callers,
    /// A changed state is stored.
    Snapshot,
    /// The empty room is done with.
    Idle,
    /// Nothing was said for as long as the messages live.
    Vanish,
}

/// A set of timers, each with at most one moment.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Duration, Timer)>,
    at: BTreeMap<Timer, Duration>,
}

impl Timers {
    /// Sets a timer, instead of the moment it had.
    pub(crate) fn set(&mut self, timer: Timer, at: Duration) {
        if let Some(before) = self.at.insert(timer.clone(), at) {
            self.due.remove(&(before, timer.clone()));
        }
        self.due.insert((at, timer));
    }

    /// Sets a timer, unless it has an earlier moment already.
    pub(crate) fn set_at_latest(&mut self, timer: Timer, at: Duration) {
        if self.at(&timer).is_none_or(|before| at < before) {
            self.set(timer, at);
        }
    }

    /// Forgets a timer.
    pub(crate) fn cancel(&mut self, timer: &Timer) {
        if let Some(before) = self.at.remove(timer) {
            self.due.remove(&(before, timer.clone()));
        }
    }

    /// Says whether a timer is set.
    pub(crate) fn is_set(&self, timer: &Timer) -> bool {
        self.at.contains_key(timer)
    }

    /// Returns the moment a timer is set to.
    pub(crate) fn at(&self, timer: &Timer) -> Option<Duration> {
        self.at.get(timer).copied()
    }

    /// Returns the next moment.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest timer that is due, with its own moment.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<(Duration, Timer)> {
        if self.due.first()?.0 > now {
            return None;
        }
        let (at, timer) = self.due.pop_first()?;
        self.at.remove(&timer);
        Some((at, timer))
    }
}
