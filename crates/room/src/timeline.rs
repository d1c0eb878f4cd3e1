//! What plays, as a vector: where the medium stands as a function of the server's clock.

use std::time::Duration;

use parlor_protocol::playback::{Holding, PlaybackState};
use parlor_protocol::{ItemId, UserId};
use serde::{Deserialize, Serialize};

use crate::io::{Now, clock_ms};

/// Shortest lead of a coordinated start, and the one taken while no round trip is known.
const LEAD_MIN: Duration = Duration::from_millis(250);
/// Longest lead of a coordinated start.
const LEAD_MAX: Duration = Duration::from_millis(1_500);

/// What plays, without when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Medium {
    /// Its address; `None` before the first one.
    pub(crate) url: Option<String>,
    /// Its kind, as whoever loaded it named it.
    pub(crate) kind: Option<String>,
    /// Its title.
    pub(crate) title: Option<String>,
    /// The queue entry it came from.
    pub(crate) item: Option<ItemId>,
}

/// What a person wants changed; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Change {
    pub(crate) medium: Option<Medium>,
    pub(crate) playing: Option<bool>,
    pub(crate) position_ms: Option<f64>,
    pub(crate) rate: Option<f64>,
}

/// The room's timeline.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Timeline {
    /// What plays.
    pub(crate) medium: Medium,
    /// Whether it is meant to play; while holding it stands all the same.
    pub(crate) playing: bool,
    /// Whether it stands because the room waits for somebody.
    pub(crate) held: bool,
    /// Position at `at`, in ms.
    position_ms: f64,
    /// Server clock at which the position holds; ahead of now for a coordinated start.
    at: Duration,
    /// Rate, 0.25 to 4.
    pub(crate) rate: f64,
    /// Counts every change; 0 before the first.
    pub(crate) rev: u64,
    /// `rev` of the last change a person made. Only missing one of those makes a command stale:
    /// who pauses in the moment the room begins to wait still means it.
    pub(crate) commanded_rev: u64,
    /// Who changed it last; `None` when the room itself did.
    pub(crate) by: Option<UserId>,
    /// Wall clock of the last change, ms.
    pub(crate) updated_ms: i64,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            medium: Medium::default(),
            playing: false,
            held: false,
            position_ms: 0.0,
            at: Duration::ZERO,
            rate: 1.0,
            rev: 0,
            commanded_rev: 0,
            by: None,
            updated_ms: 0,
        }
    }
}

/// Returns how far ahead a coordinated start is set, so that the command reaches everyone before
/// it: 1.5 times the worst round trip of the active members and 150 ms for their players.
pub(crate) fn start_lead(worst_rtt_ms: Option<f64>) -> Duration {
    let Some(rtt_ms) = worst_rtt_ms else { return LEAD_MIN };
    let lead_s = (1.5 * rtt_ms + 150.0) / 1_000.0;
    Duration::try_from_secs_f64(lead_s).unwrap_or(LEAD_MAX).clamp(LEAD_MIN, LEAD_MAX)
}

impl Timeline {
    /// Says whether the position moves with the clock.
    pub(crate) fn moves(&self) -> bool {
        self.playing && !self.held
    }

    /// Returns the position at a moment, in ms.
    pub(crate) fn position_ms(&self, now: Duration) -> f64 {
        if !self.moves() {
            return self.position_ms;
        }
        let passed_ms = clock_ms(now.saturating_sub(self.at));
        self.position_ms + passed_ms * self.rate
    }

    /// Returns the moment from which the position moves: now, or a start that is still to come.
    fn moves_from(&self, now: Duration) -> Duration {
        if self.moves() { self.at.max(now) } else { now }
    }

    /// Returns how long it is until a coordinated start, zero if none is to come.
    pub(crate) fn starts_in(&self, now: Duration) -> Duration {
        self.moves_from(now) - now
    }

    /// Says the same again with `now` as its moment, so that clients without a clock read a
    /// position that is true.
    pub(crate) fn rebase(&mut self, now: Duration) {
        self.position_ms = self.position_ms(now);
        self.at = self.moves_from(now);
    }

    /// Carries out what a person wants. A start, and a seek while playing, are coordinated: they
    /// hold `lead` from now. Returns whether another medium was loaded.
    pub(crate) fn command(
        &mut self,
        now: Now,
        change: Change,
        by: &UserId,
        lead: Duration,
    ) -> bool {
        let before = self.clone();
        self.rebase(now.mono);
        if let Some(medium) = change.medium {
            self.medium = medium;
        }
        let loaded = self.medium.url != before.medium.url || self.medium.item != before.medium.item;
        if loaded {
            self.position_ms = 0.0;
            self.held = false;
        }
        self.playing = change.playing.unwrap_or(self.playing);
        self.position_ms = change.position_ms.unwrap_or(self.position_ms);
        self.rate = change.rate.unwrap_or(self.rate);
        let placed = loaded || change.position_ms.is_some();
        if !self.moves() {
            self.at = now.mono;
        } else if placed || !before.moves() {
            self.at = now.mono + lead;
        }
        if self.rev == 0 || placed || !self.equals_but_for_moment(&before) {
            self.rev += 1;
            self.commanded_rev = self.rev;
        }
        self.by = Some(by.clone());
        self.updated_ms = now.wall_ms;
        loaded
    }

    fn equals_but_for_moment(&self, other: &Self) -> bool {
        self.medium == other.medium && self.playing == other.playing && self.rate == other.rate
    }

    /// Stands still until somebody is ready; it is still meant to play.
    pub(crate) fn hold(&mut self, now: Now) {
        self.rebase(now.mono);
        self.at = now.mono;
        self.held = true;
        self.rev += 1;
    }

    /// Holds no longer; if it is meant to play, it starts `lead` from now.
    pub(crate) fn go_on(&mut self, now: Now, lead: Duration) {
        self.held = false;
        self.at = if self.playing { now.mono + lead } else { now.mono };
        self.rev += 1;
    }

    /// Counts a change that is not in the vector: the room waits for others than before.
    pub(crate) fn count_change(&mut self) {
        self.rev += 1;
    }

    /// Notes that the room itself made the last change.
    pub(crate) fn changed_by_room(&mut self, now: Now) {
        self.by = None;
        self.updated_ms = now.wall_ms;
    }

    /// Puts the timeline at a position that holds at a moment.
    pub(crate) fn place(&mut self, position_ms: f64, at: Duration) {
        self.position_ms = position_ms;
        self.at = at;
    }

    /// Returns the timeline as clients see it, with its position at its own moment.
    pub(crate) fn told(
        &self,
        clock_id: &str,
        holding: Option<Holding>,
        op: Option<String>,
    ) -> PlaybackState {
        PlaybackState {
            media_url: self.medium.url.clone(),
            media_type: self.medium.kind.clone(),
            title: self.medium.title.clone(),
            item_id: self.medium.item.clone(),
            is_playing: self.playing,
            current_time: self.position_ms.round() as u64,
            playback_speed: self.rate,
            last_updated_by: self.by.clone(),
            last_updated: crate::wall::iso_8601(self.updated_ms),
            at: clock_ms(self.at),
            clock_id: clock_id.to_owned(),
            rev: self.rev,
            holding,
            op,
        }
    }
}
