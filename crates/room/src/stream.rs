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

use serde::{Deserialize, Serialize};

use crate::io::Told;

/// No more than this of a stream is handed on: bytes of JSON. What is older cannot be resumed then.
const HANDED_ON: usize = 256 * 1024;

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

    /// Takes a message's text out of what was told of it. The events keep their numbers.
    pub(crate) fn redact(&mut self, message: &str, deleted_at: &str) {
        for (_, told) in &mut self.recent {
            let (Event::ChatMessage(it) | Event::ChatEdited(it)) = &told.event else { continue };
            if it.id != message {
                continue;
            }
            // What is on its way to somebody shares the event, and goes out as it was.
            if let Event::ChatMessage(it) | Event::ChatEdited(it) = &mut Arc::make_mut(told).event {
                it.redact(deleted_at);
            }
        }
    }

    /// Writes the stream down for the owner after this one.
    pub(crate) fn write(&self, now: Duration, reign: u64) -> WrittenStream {
        let mut room_left = HANDED_ON;
        let newest_first = self.recent.iter().rev().map_while(|(at, told)| {
            let text = serde_json::to_string(&told.event).ok()?;
            room_left = room_left.checked_sub(text.len())?;
            Some((now.saturating_sub(*at).as_millis() as u64, told.event.clone()))
        });
        let mut recent: Vec<(u64, Event)> = newest_first.collect();
        recent.reverse();
        WrittenStream { reign, epoch: self.epoch.clone(), seq: self.seq, recent }
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

/// A stream as its owner left it.
#[derive(Serialize, Deserialize)]
pub(crate) struct WrittenStream {
    /// Which of the room's owners that was.
    reign: u64,
    epoch: String,
    seq: u64,
    /// The latest events, oldest first, each with its age in ms.
    recent: Vec<(u64, Event)>,
}

impl WrittenStream {
    /// Goes on with the stream `elapsed` after it was written, if that was the owner just before:
    /// one in between has told things under the next numbers.
    pub(crate) fn resume(self, now: Duration, elapsed: Duration, reign: u64) -> Option<Stream> {
        if self.reign.checked_add(1) != Some(reign) || self.recent.len() as u64 > self.seq {
            return None;
        }
        let first = self.seq - self.recent.len() as u64 + 1;
        // By the new owner's clock, which may have begun later: then they are kept a little longer.
        let at = |age_ms| now.saturating_sub(elapsed + Duration::from_millis(age_ms));
        let numbered = self.recent.into_iter().zip(first..);
        let recent = numbered
            .map(|((age_ms, event), seq)| (at(age_ms), Arc::new(Told { seq: Some(seq), event })));
        let recent = recent.filter(|(at, _)| *at >= now.saturating_sub(limits::RECOVERY_WINDOW));
        Some(Stream { epoch: self.epoch, seq: self.seq, recent: recent.collect() })
    }
}
