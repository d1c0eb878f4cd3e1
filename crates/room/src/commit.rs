//! Commands that count only once they are stored: one batch is in flight at a time, and what
//! arrives meanwhile waits for the next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::{Code, Command, UserId, limits};

use crate::draft::{Deed, Draft, Scene};
use crate::io::{
    Amended, NewChat, Now, Output, Principal, Refusal, StoreBatch, StoreFault, StoredBatch,
    StoredChat,
};
use crate::room::{Asker, Room};
use crate::timers::Timer;

/// A changed timeline is given to the store after one to two of these, so that it is durable within
/// 250 ms. All rooms of a core write at the same moments, and so share their transactions.
const PLAYBACK_STORED_EVERY: Duration = Duration::from_millis(100);
/// A change of who is present or host is given to the store after this: it heals by itself.
const PRESENCE_STORED_AFTER: Duration = Duration::from_millis(1_000);
/// A store that failed is asked again after this.
const STORE_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What waits for the store.
#[derive(Debug, Default)]
pub(crate) struct Commit {
    waiting: VecDeque<Waiting>,
    flight: Option<Flight>,
    batches: u64,
    /// Whether the state changed since a snapshot was last written, and it is time to write one.
    snapshot_due: bool,
    /// Whether the store ever failed: it may have kept what nobody here was told.
    has_failed: bool,
}

/// A command that is not judged yet.
#[derive(Debug)]
struct Waiting {
    asker: Asker,
    who: Principal,
    command: Command,
    fresh: u128,
}

/// A batch the store has.
#[derive(Debug)]
struct Flight {
    batch: u64,
    draft: Draft,
    entries: Vec<Entry>,
    with_snapshot: bool,
}

/// A command that was judged, in the order in which they came.
#[derive(Debug)]
struct Entry {
    asker: Asker,
    who: UserId,
    judged: Result<Option<Deed>, Refusal>,
}

impl Room {
    /// Lets a command wait for the next batch.
    pub(crate) fn stage(&mut self, asker: Asker, who: Principal, command: Command, fresh: u128) {
        if self.commit.waiting.len() >= limits::COMMANDS_WAITING {
            return self.answer(asker, Err(Code::Busy.into()));
        }
        self.commit.waiting.push_back(Waiting { asker, who, command, fresh });
    }

    /// Has the timeline stored soon.
    pub(crate) fn store_playback_soon(&mut self, now: Now) {
        let moments = now.mono.as_millis() / PLAYBACK_STORED_EVERY.as_millis() + 2;
        let at = PLAYBACK_STORED_EVERY * u32::try_from(moments).unwrap_or(u32::MAX);
        self.timers.set_at_latest(Timer::Snapshot, at);
    }

    /// Has the seats and the host stored soon.
    pub(crate) fn store_presence_soon(&mut self, now: Now) {
        self.timers.set_at_latest(Timer::Snapshot, now.mono + PRESENCE_STORED_AFTER);
    }

    /// It is time to store a snapshot.
    pub(crate) fn snapshot_is_due(&mut self) {
        self.commit.snapshot_due = true;
    }

    /// Says whether the store has commands whose outcome will be told as soon as it is done.
    pub fn is_writing(&self) -> bool {
        self.commit.flight.as_ref().is_some_and(|flight| !flight.entries.is_empty())
    }

    /// Says whether the store may have what nobody was told.
    pub(crate) fn may_have_stored_in_secret(&self) -> bool {
        self.commit.has_failed
    }

    /// Says whether nothing can be found in the store that was not told.
    pub(crate) fn knows_what_is_stored(&self) -> bool {
        self.commit.flight.is_none() && !self.commit.has_failed
    }

    /// Says whether everything there is to store is stored.
    pub(crate) fn is_all_stored(&self) -> bool {
        self.commit.flight.is_none()
            && self.commit.waiting.is_empty()
            && !self.commit.snapshot_due
            && !self.timers.is_set(&Timer::Snapshot)
    }

    /// Gives the store what waits, unless it is still busy with the last batch.
    pub(crate) fn store_what_waits(&mut self, now: Now) {
        while self.commit.flight.is_none()
            && (self.commit.snapshot_due || !self.commit.waiting.is_empty())
        {
            let (draft, entries) = self.judge_what_waits(now);
            let with_snapshot = draft.changed || self.commit.snapshot_due;
            if !draft.has_chat() && !with_snapshot {
                // Nothing but refusals and commands that have nothing left to do.
                self.conclude(now, entries, draft.messages, StoredBatch::default());
                continue;
            }
            self.commit.batches += 1;
            let batch = self.commit.batches;
            if with_snapshot {
                self.commit.snapshot_due = false;
                self.timers.cancel(&Timer::Snapshot);
            }
            self.output(Output::Store(StoreBatch {
                batch,
                messages: draft.messages.clone(),
                amendments: draft.amendments.clone(),
                snapshot: with_snapshot.then(|| {
                    let (durable, host) = (&draft.durable, draft.host.as_ref());
                    self.write_snapshot(now, durable, host, &draft.timeline)
                }),
                settings: draft.rearranged.then(|| draft.durable.settings.clone()),
                acknowledged: !entries.is_empty(),
            }));
            self.commit.flight = Some(Flight { batch, draft, entries, with_snapshot });
        }
    }

    fn judge_what_waits(&mut self, now: Now) -> (Draft, Vec<Entry>) {
        let mut draft =
            Draft::new(Arc::clone(&self.durable), self.host.clone(), self.timeline.clone());
        let waiting = std::mem::take(&mut self.commit.waiting);
        let mut scene = Scene {
            now,
            owner: self.founding.owner.as_ref(),
            members: &self.members,
            door: &self.door,
            chat: &mut self.chat,
        };
        let judge = |Waiting { asker, who, command, fresh }| {
            let judged = draft.take(&mut scene, &who, command, fresh);
            Entry { asker, who: who.user_id, judged }
        };
        let entries = waiting.into_iter().map(judge).collect();
        (draft, entries)
    }

    /// The store is done with a batch.
    pub(crate) fn stored(
        &mut self,
        now: Now,
        batch: u64,
        outcome: Result<StoredBatch, StoreFault>,
    ) {
        let Some(flight) = self.commit.flight.take_if(|flight| flight.batch == batch) else {
            return;
        };
        let Flight { draft, entries, with_snapshot, .. } = flight;
        match outcome {
            Ok(stored) => self.conclude(now, entries, draft.messages, stored),
            Err(StoreFault) => {
                self.commit.has_failed = true;
                if with_snapshot {
                    let again = now.mono + STORE_AGAIN_AFTER;
                    self.timers.set_at_latest(Timer::Snapshot, again);
                }
                draft.messages.into_iter().for_each(|message| self.chat.doubt(message));
                self.undo(entries);
            }
        }
    }

    /// Answers what was not stored. Nothing is to be taken back: it was only ever true on the draft.
    fn undo(&mut self, entries: Vec<Entry>) {
        for Entry { asker, judged, .. } in entries {
            let refusal = judged.err().unwrap_or(Code::Unavailable.into());
            self.answer(asker, Err(refusal));
        }
    }

    /// Does what was stored and answers, in the order in which the commands came.
    fn conclude(
        &mut self,
        now: Now,
        entries: Vec<Entry>,
        messages: Vec<NewChat>,
        stored: StoredBatch,
    ) {
        let outcomes = stored.messages.into_iter().chain(std::iter::repeat(StoredChat::New));
        let mut messages = messages.into_iter().zip(outcomes);
        let mut amended = stored.amendments.into_iter();
        for Entry { asker, who, judged } in entries {
            match judged {
                Ok(Some(Deed::Say)) => {
                    let said = messages.next().map(|(new, how)| self.said(now, new, how));
                    self.answer_said(asker, said);
                }
                Ok(Some(Deed::Amend)) => {
                    let amended = amended.next().unwrap_or(Amended::Missing);
                    let outcome = self.amended(now, &who, amended);
                    self.answer(asker, outcome);
                }
                Ok(Some(deed)) => {
                    self.perform(now, &who, deed);
                    self.answer(asker, Ok(()));
                }
                Ok(None) => self.answer(asker, Ok(())),
                Err(refusal) => self.answer(asker, Err(refusal)),
            }
        }
    }

    /// Drops what somebody still wanted.
    pub(crate) fn refuse_what_waits_of(&mut self, user: &UserId) {
        let (theirs, others) = std::mem::take(&mut self.commit.waiting)
            .into_iter()
            .partition(|it| it.who.user_id == *user);
        self.commit.waiting = others;
        for Waiting { asker, .. } in theirs {
            self.answer(asker, Err(Refusal::because(Code::Forbidden, Code::Banned.message())));
        }
    }

    /// Refuses everything that waits for the store: there is no room to do it in.
    pub(crate) fn refuse_what_waits(&mut self) {
        let flight = self.commit.flight.take();
        let judged = flight.into_iter().flat_map(|flight| flight.entries).map(|it| it.asker);
        let waiting = std::mem::take(&mut self.commit.waiting).into_iter().map(|it| it.asker);
        for asker in judged.chain(waiting).collect::<Vec<_>>() {
            self.answer(asker, Err(Code::RoomNotFound.into()));
        }
    }
}
