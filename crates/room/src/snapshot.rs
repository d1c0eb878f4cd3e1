//! The durable state as text, and back.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use parlor_protocol::queue::QueueItem;
use parlor_protocol::room::RoomSettings;
use parlor_protocol::{RoomId, UserId, limits};
use serde::{Deserialize, Serialize};

use crate::door::Pass;
use crate::io::{Now, Principal, Snapshot, SnapshotFault, SnapshotStamp};
use crate::members::{Members, Seat};
use crate::stream::WrittenStream;
use crate::timeline::{Medium, Timeline};

/// What only ever changes by being committed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Durable {
    pub(crate) settings: RoomSettings,
    pub(crate) moderators: BTreeSet<UserId>,
    pub(crate) bans: BTreeSet<UserId>,
    /// Who may pass the door.
    #[serde(default)]
    pub(crate) passes: BTreeMap<UserId, Pass>,
    pub(crate) queue: Vec<QueueItem>,
    /// The latest additions that their authors gave a name, oldest first.
    #[serde(default)]
    pub(crate) added: VecDeque<(UserId, String)>,
}

/// Says what a snapshot is and which rules it follows; a later form gets a later number.
const FORM: &str = "parlor-room/1";

/// No position is beyond this, however long a room was left playing: up to here, every ms is a
/// number of its own.
const POSITION_MS_MAX: f64 = 9e15;

/// The text of a [`Snapshot`]. What is written is borrowed from the room: a busy one is written
/// several times a second.
#[derive(Serialize, Deserialize)]
pub(crate) struct Written<'a> {
    form: Cow<'a, str>,
    room_id: Cow<'a, RoomId>,
    mono_ms: u64,
    wall_ms: i64,
    boot: Cow<'a, str>,
    pub(crate) durable: Cow<'a, Durable>,
    pub(crate) host: Option<Cow<'a, UserId>>,
    pub(crate) playback: Playback<'a>,
    pub(crate) seats: Vec<WrittenSeat<'a>>,
    /// Only in the last words of an owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stream: Option<WrittenStream>,
}

/// The timeline, with its position at the moment of the snapshot.
#[derive(Serialize, Deserialize)]
pub(crate) struct Playback<'a> {
    medium: Cow<'a, Medium>,
    playing: bool,
    held: bool,
    position_ms: f64,
    /// What was left of the lead of a coordinated start, ms.
    starts_in_ms: f64,
    rate: f64,
    rev: u64,
    by: Option<Cow<'a, UserId>>,
    updated_ms: i64,
}

/// A seat, to be kept for its member until it is back.
#[derive(Serialize, Deserialize)]
pub(crate) struct WrittenSeat<'a> {
    user_id: Cow<'a, UserId>,
    display_name: Cow<'a, str>,
    is_guest: bool,
    joined_ms: i64,
}

/// Writes a room down.
pub(crate) fn write<'a>(
    now: Now,
    room_id: &'a RoomId,
    boot: &'a str,
    durable: &'a Durable,
    host: Option<&'a UserId>,
    timeline: &'a Timeline,
    members: &'a Members,
) -> Written<'a> {
    let seats = match members.count() {
        0..=limits::MEMBERS_TOLD_SINGLY => members.in_order(None).map(WrittenSeat::of).collect(),
        // A crowd would make every snapshot large, and comes back by itself; only the host's seat
        // says that somebody must follow if the host does not.
        _ => host.and_then(|host| members.seat(host)).map(WrittenSeat::of).into_iter().collect(),
    };
    Written {
        form: FORM.into(),
        room_id: Cow::Borrowed(room_id),
        mono_ms: now.mono.as_millis() as u64,
        wall_ms: now.wall_ms,
        boot: boot.into(),
        durable: Cow::Borrowed(durable),
        host: host.map(Cow::Borrowed),
        playback: Playback::of(timeline, now.mono),
        seats,
        stream: None,
    }
}

impl Written<'_> {
    /// Puts it into text.
    pub(crate) fn into_snapshot(self) -> Snapshot {
        Snapshot(serde_json::to_string(&self).expect("plain values with text keys are JSON"))
    }
}

impl Snapshot {
    /// Returns when the snapshot was taken.
    ///
    /// # Errors
    /// If the text is no snapshot of a room.
    pub fn stamp(&self) -> Result<SnapshotStamp, SnapshotFault> {
        let written = self.read()?;
        Ok(SnapshotStamp {
            mono: Duration::from_millis(written.mono_ms),
            wall_ms: written.wall_ms,
            boot: written.boot.into_owned(),
        })
    }

    /// Reads a snapshot of a certain room.
    pub(crate) fn read_for(&self, room_id: &RoomId) -> Result<Written<'_>, SnapshotFault> {
        let written = self.read()?;
        if *written.room_id != *room_id {
            return Err(SnapshotFault("it is of another room".to_owned()));
        }
        Ok(written)
    }

    fn read(&self) -> Result<Written<'_>, SnapshotFault> {
        let written: Written<'_> =
            serde_json::from_str(&self.0).map_err(|fault| SnapshotFault(fault.to_string()))?;
        if written.form != FORM {
            return Err(SnapshotFault("it has an unknown form".to_owned()));
        }
        written.playback.check()?;
        Ok(written)
    }
}

impl<'a> Playback<'a> {
    fn of(timeline: &'a Timeline, now: Duration) -> Self {
        Self {
            medium: Cow::Borrowed(&timeline.medium),
            playing: timeline.playing,
            held: timeline.held,
            position_ms: timeline.position_ms(now),
            starts_in_ms: timeline.starts_in(now).as_secs_f64() * 1_000.0,
            rate: timeline.rate,
            rev: timeline.rev,
            by: timeline.by.as_ref().map(Cow::Borrowed),
            updated_ms: timeline.updated_ms,
        }
    }

    fn check(&self) -> Result<(), SnapshotFault> {
        if !(0.0..=POSITION_MS_MAX).contains(&self.position_ms)
            || !limits::PLAYBACK_SPEED.contains(&self.rate)
            || !(0.0..=60_000.0).contains(&self.starts_in_ms)
        {
            return Err(SnapshotFault("its playback is out of range".to_owned()));
        }
        Ok(())
    }

    /// Returns the timeline as it stands `elapsed` after the snapshot, as if nothing had happened.
    pub(crate) fn resume(self, now: Duration, elapsed: Duration) -> Timeline {
        let elapsed_ms = elapsed.as_secs_f64() * 1_000.0;
        let moves = self.playing && !self.held;
        let moved_ms = if moves { (elapsed_ms - self.starts_in_ms).max(0.0) } else { 0.0 };
        let lead_ms = if moves { (self.starts_in_ms - elapsed_ms).max(0.0) } else { 0.0 };
        let mut timeline = Timeline::default();
        timeline.medium = self.medium.into_owned();
        timeline.playing = self.playing;
        timeline.rate = self.rate;
        timeline.rev = self.rev;
        timeline.commanded_rev = self.rev;
        timeline.by = self.by.map(Cow::into_owned);
        timeline.updated_ms = self.updated_ms;
        timeline.place(
            (self.position_ms + moved_ms * self.rate).min(POSITION_MS_MAX),
            now + Duration::from_secs_f64(lead_ms / 1_000.0),
        );
        timeline
    }
}

impl<'a> WrittenSeat<'a> {
    fn of(seat: Seat<'a>) -> Self {
        Self {
            user_id: Cow::Borrowed(seat.user()),
            display_name: Cow::Borrowed(seat.display_name()),
            is_guest: seat.is_guest(),
            joined_ms: seat.joined_ms(),
        }
    }

    /// Returns whose seat it is and since when, in ms of the wall clock.
    pub(crate) fn into_parts(self) -> (Principal, i64) {
        let who = Principal {
            user_id: self.user_id.into_owned(),
            display_name: self.display_name.into(),
            is_guest: self.is_guest,
        };
        (who, self.joined_ms)
    }
}
