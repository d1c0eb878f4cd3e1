//! What people wrote to each other, and whether what is kept of it can be.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Findings, Violation};

/// What a person did and was told, over all connections, in the person's order.
#[derive(Clone, Debug, Default)]
pub struct Diary {
    /// Who.
    pub who: String,
    /// What happened.
    pub notes: Vec<Note>,
}

/// Something that happened to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A new connection; what was told over an older one may be told again.
    Connected,
    /// A message was sent for the first time.
    Said {
        /// To whom.
        to: String,
        /// What it says; no two say the same.
        text: String,
    },
    /// A message of one's own was acknowledged: `message_sent`.
    Acknowledged {
        /// What it says.
        text: String,
        /// Its number.
        id: i64,
    },
    /// A message of one's own was not carried out; it is sent again, after others perhaps.
    Refused {
        /// What it says.
        text: String,
    },
    /// A message to oneself came: `receive_message`.
    Received {
        /// From whom.
        from: String,
        /// What it says.
        text: String,
        /// Its number.
        id: i64,
    },
    /// Messages were read, by oneself or by whom they went to: `messages_read`.
    Read {
        /// Their numbers.
        ids: Vec<i64>,
    },
}

/// A message as it is kept at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its number.
    pub id: i64,
    /// Who wrote it.
    pub from: String,
    /// What it says.
    pub text: String,
    /// Whether it was read.
    pub is_read: bool,
}

/// A conversation as one of the two finds it at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// Who looks.
    pub owner: String,
    /// The other one.
    pub other: String,
    /// All of it, newest first.
    pub letters: Vec<Letter>,
    /// How many are unread, by the owner's contacts.
    pub unread: usize,
}

/// Everything that is known of direct messages after the storm.
#[derive(Clone, Debug, Default)]
pub struct Letters {
    /// Every person there was.
    pub diaries: Vec<Diary>,
    /// Every conversation, as each of the two finds it.
    pub threads: Vec<Thread>,
}

/// Where a message is kept: which of the threads, and the message.
type Place<'a> = (usize, &'a Letter);

impl Letters {
    /// Looks whether this can have happened.
    pub fn check(&self, findings: &mut Findings) {
        self.check_threads(findings);
        for diary in &self.diaries {
            self.check_diary(diary, findings);
        }
    }

    fn check_threads(&self, findings: &mut Findings) {
        for thread in &self.threads {
            let Thread { owner, other, letters, unread } = thread;
            if letters.windows(2).any(|pair| pair[0].id <= pair[1].id) {
                let what = format!("{owner} finds messages with {other} in no order");
                findings.violations.insert(Violation::OutOfOrder(what));
            }
            let mut texts = BTreeSet::new();
            for letter in letters {
                if !texts.insert(&letter.text) {
                    let what = format!("{} is kept twice", letter.text);
                    findings.violations.insert(Violation::Doubled(what));
                }
            }
            let is_unread = |letter: &&Letter| letter.from == *other && !letter.is_read;
            let counted = letters.iter().filter(is_unread).count();
            if counted != *unread {
                let what = format!("{owner} has {counted} of {other}, not {unread}");
                findings.violations.insert(Violation::Miscounted(what));
            }
            // Whether it was read may change between two looks.
            let told = |letters: &[Letter]| -> Vec<(i64, String)> {
                letters.iter().map(|it| (it.id, it.text.clone())).collect()
            };
            let theirs = self.threads.iter().find(|it| it.owner == *other && it.other == *owner);
            if theirs.is_none_or(|theirs| told(&theirs.letters) != told(letters)) {
                let what = format!("{owner} and {other} find different messages");
                findings.violations.insert(Violation::Fork(what));
            }
        }
    }

    fn check_diary(&self, diary: &Diary, findings: &mut Findings) {
        let who = &diary.who;
        let by_text = self.of(who, |letter| (letter.from == *who).then_some(letter.text.as_str()));
        let by_id = self.of(who, |letter| Some(letter.id));
        self.check_order(diary, &by_text, findings);
        let (mut told, mut acknowledged) = (BTreeSet::new(), BTreeSet::new());
        for note in &diary.notes {
            match note {
                Note::Connected => told.clear(),
                // What was never acknowledged need not be kept.
                Note::Said { .. } | Note::Refused { .. } => {}
                Note::Acknowledged { text, id } => {
                    acknowledged.insert(text);
                    let what = format!("{text} was acknowledged as {id}");
                    match by_text.get(text.as_str()) {
                        Some((_, kept)) if kept.id == *id => {}
                        Some((_, kept)) => {
                            let what = format!("{what} and is {}", kept.id);
                            findings.violations.insert(Violation::Doubled(what));
                        }
                        None => drop(findings.violations.insert(Violation::Lost(what))),
                    }
                }
                Note::Received { from, text, id } => {
                    let fits = |(thread, letter): &Place<'_>| {
                        self.threads[*thread].other == *from
                            && letter.from == *from
                            && letter.text == *text
                    };
                    if !by_id.get(id).is_some_and(fits) {
                        let what = format!("{text} of {from} was told to {who} as {id}");
                        findings.violations.insert(Violation::Lost(what));
                    }
                    if !told.insert(id) {
                        let what = format!("{text} was told to {who} twice");
                        findings.violations.insert(Violation::Doubled(what));
                    }
                }
                Note::Read { ids } => {
                    findings.receipts += ids.len();
                    let is_read = |id| by_id.get(id).is_some_and(|(_, letter)| letter.is_read);
                    for id in ids.iter().filter(|id| !is_read(*id)) {
                        let what = format!("{who} was told that {id} is read");
                        findings.violations.insert(Violation::Unread(what));
                    }
                }
            }
        }
        findings.letters += acknowledged.len();
    }

    /// Whoever writes to somebody is read in that order. What was refused once may come later, but not
    /// after what was said when it was acknowledged.
    fn check_order(
        &self,
        diary: &Diary,
        by_text: &BTreeMap<&str, Place<'_>>,
        findings: &mut Findings,
    ) {
        let refused: BTreeSet<&String> = diary
            .notes
            .iter()
            .filter_map(|note| match note {
                Note::Refused { text } => Some(text),
                _ => None,
            })
            .collect();
        // The last number in each conversation that what is said now must come after.
        let mut last: BTreeMap<usize, i64> = BTreeMap::new();
        for note in &diary.notes {
            let (Note::Said { text, .. } | Note::Acknowledged { text, .. }) = note else {
                continue;
            };
            let Some((thread, letter)) = by_text.get(text.as_str()) else { continue };
            if let Note::Said { to, .. } = note {
                let other = &self.threads[*thread].other;
                if other != to {
                    let what = format!("{text} went to {other} instead of {to}");
                    findings.violations.insert(Violation::Lost(what));
                }
                if last.get(thread).is_some_and(|before| letter.id <= *before) {
                    let what = format!("{text} stands before what was said before it");
                    findings.violations.insert(Violation::OutOfOrder(what));
                }
                if refused.contains(text) {
                    continue;
                }
            }
            let last = last.entry(*thread).or_insert(letter.id);
            *last = (*last).max(letter.id);
        }
    }

    /// Finds what somebody has in their conversations, by something that names it.
    fn of<'a, K: Ord>(
        &'a self,
        owner: &str,
        name: impl Fn(&'a Letter) -> Option<K>,
    ) -> BTreeMap<K, Place<'a>> {
        let own = self.threads.iter().enumerate().filter(|(_, thread)| thread.owner == owner);
        let letters = own.flat_map(|(at, thread)| thread.letters.iter().map(move |it| (at, it)));
        letters.filter_map(|(at, letter)| Some((name(letter)?, (at, letter)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(id: i64, from: &str, text: &str, is_read: bool) -> Letter {
        Letter { id, from: from.into(), text: text.into(), is_read }
    }

    fn said(text: &str) -> Note {
        Note::Said { to: "bob".into(), text: text.into() }
    }

    fn acknowledged(text: &str, id: i64) -> Note {
        Note::Acknowledged { text: text.into(), id }
    }

    fn received(text: &str, id: i64) -> Note {
        Note::Received { from: "ann".into(), text: text.into(), id }
    }

    /// Ann writes two messages to Bob, who reads the first over a second connection.
    fn good() -> Letters {
        let letters = vec![letter(7, "ann", "b", false), letter(4, "ann", "a", true)];
        let thread = |owner: &str, other: &str, unread| Thread {
            owner: owner.into(),
            other: other.into(),
            letters: letters.clone(),
            unread,
        };
        let ann = vec![
            Note::Connected,
            said("a"),
            acknowledged("a", 4),
            Note::Read { ids: vec![4] },
            said("b"),
            acknowledged("b", 7),
        ];
        let bob = vec![
            Note::Connected,
            received("a", 4),
            Note::Connected,
            received("a", 4),
            Note::Read { ids: vec![4] },
        ];
        Letters {
            diaries: vec![
                Diary { who: "ann".into(), notes: ann },
                Diary { who: "bob".into(), notes: bob },
            ],
            threads: vec![thread("ann", "bob", 0), thread("bob", "ann", 1)],
        }
    }

    fn found(spoil: impl FnOnce(&mut Letters)) -> Vec<Violation> {
        let mut letters = good();
        spoil(&mut letters);
        let mut findings = Findings::default();
        letters.check(&mut findings);
        findings.violations.into_iter().collect()
    }

    fn keep(letters: &mut Letters, change: impl Fn(&mut Vec<Letter>)) {
        letters.threads.iter_mut().for_each(|thread| change(&mut thread.letters));
    }

    #[test]
    fn good_letters_are_found_good() {
        let mut findings = Findings::default();
        good().check(&mut findings);
        assert_eq!((findings.letters, findings.receipts), (2, 2));
        assert!(findings.violations.is_empty(), "{:?}", findings.violations);
    }

    #[test]
    fn what_was_acknowledged_or_told_and_is_not_kept_is_lost() {
        let acknowledged = found(|it| it.diaries[0].notes.push(acknowledged("c", 9)));
        assert!(matches!(acknowledged[..], [Violation::Lost(_)]), "{acknowledged:?}");
        let told = found(|it| it.diaries[1].notes.push(received("c", 9)));
        assert!(matches!(told[..], [Violation::Lost(_)]), "{told:?}");
        let changed = found(|it| it.diaries[1].notes.push(received("x", 7)));
        assert!(matches!(changed[..], [Violation::Lost(_)]), "{changed:?}");
        let astray = found(|it| {
            it.diaries[0].notes[4] = Note::Said { to: "eve".into(), text: "b".into() };
        });
        assert!(matches!(astray[..], [Violation::Lost(_)]), "{astray:?}");
    }

    #[test]
    fn what_is_kept_told_or_acknowledged_twice_is_doubled() {
        let kept = found(|it| keep(it, |letters| letters.insert(0, letter(9, "ann", "a", true))));
        assert!(kept.iter().any(|it| matches!(it, Violation::Doubled(_))), "{kept:?}");
        let told = found(|it| drop(it.diaries[1].notes.remove(2)));
        assert!(matches!(told[..], [Violation::Doubled(_)]), "{told:?}");
        let acknowledged = found(|it| it.diaries[0].notes.push(acknowledged("b", 8)));
        assert!(matches!(acknowledged[..], [Violation::Doubled(_)]), "{acknowledged:?}");
    }

    #[test]
    fn what_stands_before_what_was_said_before_it_is_out_of_order() {
        let turn = |it: &mut Letters| {
            keep(it, |letters| {
                *letters = vec![letter(4, "ann", "a", true), letter(3, "ann", "b", false)];
            });
            it.diaries[0].notes[5] = acknowledged("b", 3);
        };
        let turned = found(turn);
        assert!(matches!(turned[..], [Violation::OutOfOrder(_)]), "{turned:?}");
        // What was refused once may come after what was said meanwhile.
        let refused = Note::Refused { text: "a".into() };
        let meanwhile = found(|it| {
            turn(it);
            it.diaries[0].notes = vec![
                said("a"),
                said("b"),
                refused.clone(),
                acknowledged("b", 3),
                acknowledged("a", 4),
            ];
        });
        assert_eq!(meanwhile, []);
        let late = found(|it| {
            turn(it);
            it.diaries[0].notes.insert(2, refused);
        });
        assert!(matches!(late[..], [Violation::OutOfOrder(_)]), "{late:?}");
    }

    #[test]
    fn what_two_find_differently_is_a_fork_and_no_order_is_none() {
        let forked = found(|it| it.threads[0].letters[0].text = "c".into());
        assert!(forked.iter().any(|it| matches!(it, Violation::Fork(_))), "{forked:?}");
        let mixed = found(|it| keep(it, |letters| letters.reverse()));
        assert!(matches!(mixed[..], [Violation::OutOfOrder(_), Violation::OutOfOrder(_)]));
    }

    #[test]
    fn counts_and_receipts_are_held_to_what_is_kept() {
        let counted = found(|it| it.threads[1].unread = 0);
        assert!(matches!(counted[..], [Violation::Miscounted(_)]), "{counted:?}");
        let read = found(|it| it.diaries[1].notes.push(Note::Read { ids: vec![7] }));
        assert!(matches!(read[..], [Violation::Unread(_)]), "{read:?}");
    }
}
