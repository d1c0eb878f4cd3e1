//! What everybody was told, and whether that can be the history of one room.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

/// What one connection to a room has seen, in its order.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// The room.
    pub room: String,
    /// Who, and the how many-th connection; for people who look into a fault.
    pub who: String,
    /// What happened.
    pub notes: Vec<Note>,
}

/// Something that happened on a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// The connection knows where it stands in the room's stream.
    Begun {
        /// The stream.
        epoch: String,
        /// Its last event that the connection knows.
        seq: u64,
    },
    /// An event of the stream.
    Told {
        /// Its number.
        seq: u64,
        /// Its type and payload.
        event: Value,
    },
    /// A chat message of the connection's own was acknowledged.
    Acknowledged {
        /// What its author calls it.
        client_id: String,
    },
}

/// A chat message as it is kept at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its number.
    pub n: i64,
    /// What its author calls it.
    pub client_id: Option<String>,
    /// What was said.
    pub text: String,
}

/// Everything that is known after the storm.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Every connection there ever was.
    pub sessions: Vec<Session>,
    /// The chat of each room, as the database has it.
    pub kept: BTreeMap<String, Vec<Kept>>,
}

/// Something that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// Two were told different things under one number: the order has forked.
    Fork(String),
    /// A connection was told something out of turn.
    Gap(String),
    /// Something acknowledged or told is not kept.
    Lost(String),
    /// Something was kept or told twice.
    Doubled(String),
    /// What was said in two streams of a room is mixed: two owners wrote at once.
    TwoOwners(String),
    /// Somebody's messages are not in the order in which they were said.
    OutOfOrder(String),
    /// A count of unread messages is not how many there are.
    Miscounted(String),
    /// A message that was told to be read is not.
    Unread(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, what) = match self {
            Self::Fork(what) => ("fork", what),
            Self::Gap(what) => ("gap", what),
            Self::Lost(what) => ("lost", what),
            Self::Doubled(what) => ("doubled", what),
            Self::TwoOwners(what) => ("two owners", what),
            Self::OutOfOrder(what) => ("out of order", what),
            Self::Miscounted(what) => ("miscounted", what),
            Self::Unread(what) => ("unread", what),
        };
        write!(f, "{kind}: {what}")
    }
}

/// What a history holds, and what in it cannot be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Chat messages that were acknowledged.
    pub acknowledged: usize,
    /// Events that were told, each counted once.
    pub events: usize,
    /// Direct messages that were acknowledged.
    pub letters: usize,
    /// Receipts that were told, to whoever read and to whoever wrote.
    pub receipts: usize,
    /// What cannot be.
    pub violations: BTreeSet<Violation>,
}

/// Names an event: room, epoch, number.
type Place<'a> = (&'a str, &'a str, u64);

impl History {
    /// Looks whether this can have happened.
    pub fn check(&self) -> Findings {
        let mut findings = Findings::default();
        let stream = self.stream(&mut findings);
        self.check_chat(&stream, &mut findings);
        check_owners(&stream, &mut findings);
        findings.events = stream.len();
        findings
    }

    /// Puts together what everybody was told.
    fn stream(&self, findings: &mut Findings) -> BTreeMap<Place<'_>, &Value> {
        let mut stream: BTreeMap<Place<'_>, &Value> = BTreeMap::new();
        for session in &self.sessions {
            let mut at: Option<(&str, u64)> = None;
            for note in &session.notes {
                match (note, at) {
                    (Note::Begun { epoch, seq }, _) => at = Some((epoch, *seq)),
                    (Note::Told { seq, event }, Some((epoch, before))) => {
                        if *seq != before + 1 {
                            let what = format!("{}: {seq} after {before}", session.who);
                            findings.violations.insert(Violation::Gap(what));
                        }
                        at = Some((epoch, *seq));
                        let place = (session.room.as_str(), epoch, *seq);
                        let first = *stream.entry(place).or_insert(event);
                        if first != event {
                            let what = format!("{place:?}: {first} and {event}");
                            findings.violations.insert(Violation::Fork(what));
                        }
                    }
                    (Note::Told { seq, .. }, None) => {
                        let what = format!("{}: {seq} before anything", session.who);
                        findings.violations.insert(Violation::Gap(what));
                    }
                    (Note::Acknowledged { .. }, _) => {}
                }
            }
        }
        stream
    }

    fn check_chat(&self, stream: &BTreeMap<Place<'_>, &Value>, findings: &mut Findings) {
        let mut kept_names = BTreeSet::new();
        let mut kept_texts: BTreeMap<(&str, i64), &str> = BTreeMap::new();
        for (room, messages) in &self.kept {
            for message in messages {
                kept_texts.insert((room, message.n), &message.text);
                if let Some(name) = &message.client_id
                    && !kept_names.insert((room.as_str(), name.as_str()))
                {
                    findings.violations.insert(Violation::Doubled(format!("{name} is kept twice")));
                }
            }
        }
        let mut acknowledged = BTreeSet::new();
        for session in &self.sessions {
            for note in &session.notes {
                let Note::Acknowledged { client_id } = note else { continue };
                acknowledged.insert((session.room.as_str(), client_id.as_str()));
            }
        }
        findings.acknowledged = acknowledged.len();
        for (_, name) in acknowledged.difference(&kept_names) {
            findings.violations.insert(Violation::Lost(format!("{name} was acknowledged")));
        }
        let mut told = BTreeMap::new();
        for (place, event) in stream {
            let Some((n, text)) = chat(event) else { continue };
            if kept_texts.get(&(place.0, n)) != Some(&text) {
                let what = format!("{text} was told as {n} at {place:?}");
                findings.violations.insert(Violation::Lost(what));
            }
            if let Some(before) = told.insert((place.0, n), place) {
                let what = format!("{text} was told at {before:?} and {place:?}");
                findings.violations.insert(Violation::Doubled(what));
            }
        }
    }
}

/// Streams of a room follow one another: what is said in one has numbers beyond everything that was
/// said in those before.
fn check_owners(stream: &BTreeMap<Place<'_>, &Value>, findings: &mut Findings) {
    let mut reigns: BTreeMap<(&str, &str), (i64, i64)> = BTreeMap::new();
    for ((room, epoch, _), event) in stream {
        let Some((n, _)) = chat(event) else { continue };
        let reign = reigns.entry((room, epoch)).or_insert((n, n));
        *reign = (reign.0.min(n), reign.1.max(n));
    }
    let mut by_room: BTreeMap<&str, Vec<(i64, i64, &str)>> = BTreeMap::new();
    for ((room, epoch), (first, last)) in reigns {
        by_room.entry(room).or_default().push((first, last, epoch));
    }
    for (room, mut reigns) in by_room {
        reigns.sort_unstable();
        for pair in reigns.windows(2) {
            if pair[1].0 <= pair[0].1 {
                let what = format!("{room}: {:?} and {:?}", pair[0], pair[1]);
                findings.violations.insert(Violation::TwoOwners(what));
            }
        }
    }
}

/// Returns the number and the text of a chat message that was told.
fn chat(event: &Value) -> Option<(i64, &str)> {
    if event["type"] != "CHAT_MESSAGE" {
        return None;
    }
    let n = event["payload"]["id"].as_str()?.parse().ok()?;
    Some((n, event["payload"]["text"].as_str()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn say(seq: u64, n: i64, text: &str) -> Note {
        let payload = json!({ "id": n.to_string(), "text": text });
        Note::Told { seq, event: json!({ "type": "CHAT_MESSAGE", "payload": payload }) }
    }

    fn begun(epoch: &str, seq: u64) -> Note {
        Note::Begun { epoch: epoch.into(), seq }
    }

    fn acknowledged(name: &str) -> Note {
        Note::Acknowledged { client_id: name.into() }
    }

    fn session(who: &str, notes: Vec<Note>) -> Session {
        Session { room: "r".into(), who: who.into(), notes }
    }

    fn kept(n: i64, text: &str) -> Kept {
        Kept { n, client_id: Some(format!("id-{text}")), text: text.into() }
    }

    /// Two members, a change of owner between the second message and the third.
    fn good() -> History {
        let ann = session(
            "ann",
            vec![
                begun("e1", 4),
                say(5, 1, "a"),
                acknowledged("id-a"),
                say(6, 2, "b"),
                begun("e2", 0),
                say(1, 3, "c"),
            ],
        );
        let bob = session("bob", vec![begun("e1", 5), say(6, 2, "b"), acknowledged("id-b")]);
        let room = vec![kept(1, "a"), kept(2, "b"), kept(3, "c")];
        History { sessions: vec![ann, bob], kept: [("r".to_owned(), room)].into() }
    }

    fn found(spoil: impl FnOnce(&mut History)) -> Vec<Violation> {
        let mut history = good();
        spoil(&mut history);
        history.check().violations.into_iter().collect()
    }

    #[test]
    fn a_good_history_is_found_good() {
        let findings = good().check();
        assert_eq!((findings.acknowledged, findings.events), (2, 3));
        assert!(findings.violations.is_empty(), "{:?}", findings.violations);
    }

    #[test]
    fn different_things_under_one_number_are_a_fork() {
        let found = found(|it| it.sessions[1].notes[1] = say(6, 1, "a"));
        assert!(found.iter().any(|it| matches!(it, Violation::Fork(_))), "{found:?}");
    }

    #[test]
    fn a_number_left_out_is_a_gap() {
        let skipped = found(|it| it.sessions[0].notes[3] = say(7, 2, "b"));
        assert!(skipped.iter().any(|it| matches!(it, Violation::Gap(_))), "{skipped:?}");
        let unasked = found(|it| drop(it.sessions[1].notes.remove(0)));
        assert!(unasked.iter().any(|it| matches!(it, Violation::Gap(_))), "{unasked:?}");
    }

    #[test]
    fn what_was_acknowledged_or_told_and_is_not_kept_is_lost() {
        let acknowledged = found(|it| it.sessions[1].notes.push(acknowledged("id-z")));
        assert!(matches!(acknowledged[..], [Violation::Lost(_)]), "{acknowledged:?}");
        let told = found(|it| drop(it.kept.get_mut("r").map(|room| room.remove(2))));
        assert!(matches!(told[..], [Violation::Lost(_)]), "{told:?}");
        let changed = found(|it| {
            it.kept.insert("r".into(), vec![kept(1, "a"), kept(2, "b"), kept(3, "x")]);
        });
        assert!(matches!(changed[..], [Violation::Lost(_)]), "{changed:?}");
    }

    #[test]
    fn what_is_kept_or_told_twice_is_doubled() {
        let stored = found(|it| {
            it.kept.get_mut("r").into_iter().for_each(|room| {
                room.push(Kept { n: 4, ..kept(3, "c") });
            })
        });
        assert!(matches!(stored[..], [Violation::Doubled(_)]), "{stored:?}");
        let told = found(|it| it.sessions[0].notes.push(say(2, 3, "c")));
        assert!(matches!(told[..], [Violation::Doubled(_)]), "{told:?}");
    }

    #[test]
    fn two_streams_that_mix_are_two_owners() {
        let found = found(|it| {
            it.sessions[1].notes.push(say(7, 4, "d"));
            it.kept.get_mut("r").into_iter().for_each(|room| room.push(kept(4, "d")));
        });
        assert!(matches!(found[..], [Violation::TwoOwners(_)]), "{found:?}");
    }
}
