//! The room's stream of events: numbered, and remembered for those who missed some.
//!
//! On the wire an event has its `seq` alone, not its epoch. Only `RESUMED` and `SYNC_FULL_STATE`
//! name the stream, so what a new connection hears before them belongs to a stream its client
//! cannot know yet: after a restart the new stream may just have reached the number that would
//! have come next in the old one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::Event;
use parlor_protocol::command::StreamPosition;
use parlor_protocol::limits;

use crate::io::Told;

/// What was told in this epoch.
#[derive(Debug)]
pub(crate) struct Stream {
    epoch: String,
    seq: u64,
    recent: VecDeque<(Duration, Arc<Told>)>,
}

impl Stream {
    /// Begins an epoch.
    pub(crate) fn new(epoch: String) -> Self {
        Self { epoch, seq: 0, recent: VecDeque::new() }
    }

    /// Returns where the stream stands.
    pub(crate) fn position(&self) -> StreamPosition {
        StreamPosition { epoch: self.epoch.clone(), seq: self.seq }
    }

    /// Numbers an event, unless it is volatile, and remembers it.
    pub(crate) fn tell(&mut self, now: Duration, event: Event) -> Arc<Told> {
        if event.is_volatile() {
            return Arc::new(Told { seq: None, event });
        }
        self.seq += 1;
        let told = Arc::new(Told { seq: Some(self.seq), event });
        self.recent.push_back((now, Arc::clone(&told)));
        self.forget(now);
        told
    }

    /// Returns all events after a point of the stream, or `None` if they cannot all be had.
    pub(crate) fn after(
        &mut self,
        now: Duration,
        from: &StreamPosition,
    ) -> Option<impl Iterator<Item = Arc<Told>>> {
        self.forget(now);
        let missed = usize::try_from(self.seq.checked_sub(from.seq)?).ok()?;
        let known = from.epoch == self.epoch && missed <= self.recent.len();
        known.then(|| {
            let first = self.recent.len() - missed;
            self.recent.range(first..).map(|(_, told)| Arc::clone(told))
        })
    }

    /// Drops what is outside the recovery window.
    fn forget(&mut self, now: Duration) {
        let oldest = now.saturating_sub(limits::RECOVERY_WINDOW);
        while self.recent.len() > limits::RECOVERY_EVENTS
            || self.recent.front().is_some_and(|(at, _)| *at < oldest)
        {
            self.recent.pop_front();
        }
    }
}
