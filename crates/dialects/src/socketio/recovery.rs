//! What a client missed while it was away: connection state recovery, as clients know it since 4.6.
//!
//! Each event carries an offset as its last argument, which clients send back when they return. A log
//! is that of one client; offsets mean nothing in another.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::encode;
use crate::engineio::Outgoing;

/// Events kept for one client at most.
pub const EVENTS: usize = 256;
/// Bytes of the events kept for one client at most.
pub const BYTES: usize = 256 * 1024;

/// The latest events that were told to one client.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Log {
    /// As they were told, with their offsets.
    events: VecDeque<Outgoing>,
    bytes: usize,
    /// The offset of the event told last; the first one has 1.
    last: u64,
}

impl Log {
    /// Gives an event its offset and keeps it; returns it as it is to be told. What is no event of
    /// texts alone is told as it stands and not kept.
    pub fn keep(&mut self, event: &Outgoing) -> Outgoing {
        let Some(numbered) = encode::with_offset(event, self.last + 1) else {
            return event.clone();
        };
        self.last += 1;
        self.bytes += numbered.size_bytes();
        self.events.push_back(numbered.clone());
        while self.events.len() > EVENTS || self.bytes > BYTES {
            let Some(forgotten) = self.events.pop_front() else { break };
            self.bytes -= forgotten.size_bytes();
        }
        numbered
    }

    /// Says whether an event is among those that are kept.
    pub fn holds(&self, event: &Outgoing) -> bool {
        self.events.iter().any(|kept| encode::is_with_offset(kept, event))
    }

    /// Returns the events behind an offset, or behind the beginning; `None` if they are not all there
    /// any more, or the offset was never told.
    pub fn since(&self, offset: Option<&str>) -> Option<Vec<Outgoing>> {
        let offset: u64 = offset.map_or(Some(0), |text| text.parse().ok())?;
        let missed = usize::try_from(self.last.checked_sub(offset)?).ok()?;
        let known = self.events.len().checked_sub(missed)?;
        Some(self.events.iter().skip(known).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(number: usize) -> Outgoing {
        encode::event("/", "e", &json!(number))
    }

    fn text(packet: &Outgoing) -> String {
        match packet {
            Outgoing::Text(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Outgoing::Binary(_) => panic!("is bytes"),
        }
    }

    #[test]
    fn whoever_comes_back_gets_what_was_told_behind_their_offset() {
        let mut log = Log::default();
        let told: Vec<Outgoing> = (0..3).map(|number| log.keep(&event(number))).collect();
        assert_eq!(text(&told[0]), r#"42["e",0,"1"]"#);
        assert_eq!(log.since(None), Some(told.clone()));
        assert!((0..3).all(|number| log.holds(&event(number))));
        for other in [event(3), encode::event("/", "e", ""), encode::disconnect("/")] {
            assert!(!log.holds(&other), "{other:?}");
        }
        assert_eq!(log.since(Some("1")), Some(told[1..].to_vec()));
        assert_eq!(log.since(Some("3")), Some(vec![]));
    }

    #[test]
    fn nothing_is_returned_where_something_would_be_missing() {
        let mut log = Log::default();
        for number in 0..=EVENTS {
            log.keep(&event(number));
        }
        assert_eq!(log.since(None), None);
        assert_eq!(log.since(Some("1")).map(|events| events.len()), Some(EVENTS));
        for offset in ["258", "-1", "x", "", "99999999999999999999"] {
            assert_eq!(log.since(Some(offset)), None, "{offset}");
        }
    }

    #[test]
    fn a_log_is_bounded_in_bytes() {
        let mut log = Log::default();
        let big = encode::event("/", "e", &"x".repeat(BYTES / 2));
        for _ in 0..3 {
            log.keep(&big);
        }
        assert_eq!(log.events.len(), 1);
        let too_big = encode::event("/", "e", &"x".repeat(BYTES));
        log.keep(&too_big);
        assert_eq!((log.events.len(), log.bytes), (0, 0));
        assert_eq!(log.since(Some("3")), None);
    }

    #[test]
    fn what_is_no_event_stays_as_it_is() {
        let mut log = Log::default();
        for packet in [encode::disconnect("/"), Outgoing::Binary(vec![1].into())] {
            assert_eq!(log.keep(&packet), packet);
        }
        assert_eq!(log.since(Some("0")), Some(vec![]));
    }
}
