//! What the room does with its timeline: commands, and waiting for its members' players.

use std::time::Duration;

use parlor_protocol::member::{MemberState, MemberSync, Readiness, SourceClass, Telemetry};
use parlor_protocol::playback::UpdatePlayback;
use parlor_protocol::{Code, Event, UserId, limits};

use crate::checks;
use crate::hold::{HOLD_AT_START, HOLD_MID_PLAY, Standing};
use crate::io::{ConnId, Now, Pace, Refusal};
use crate::room::{Asker, Room};
use crate::timeline::{self, Change, Medium, Timeline};

/// Rooms of more members than this relay no sync meters: each costs a frame to everybody.
const METERS_SHOWN_TO: usize = 50;
/// Round trips are believed up to this, in ms.
const RTT_MS: std::ops::RangeInclusive<f64> = 0.0..=60_000.0;
/// Figures of a sync meter are believed within this, in ms.
const METER_MS: std::ops::RangeInclusive<f64> = -1e9..=1e9;

impl Room {
    /// Carries out `UPDATE_PLAYBACK`. Everybody is told, also when nothing changed.
    pub(crate) fn update_playback(
        &mut self,
        now: Now,
        asker: &Asker,
        by: &UserId,
        update: UpdatePlayback,
    ) -> Result<(), Refusal> {
        let (seen, op) = (update.rev, update.op.clone());
        let change = read_update(update, &self.timeline)?;
        if seen.is_some_and(|rev| rev < self.timeline.commanded_rev) {
            return self.refuse_stale(now, asker);
        }
        self.command_timeline(now, change, by, op);
        Ok(())
    }

    /// The answer to a stale command is the state it did not know of.
    fn refuse_stale(&mut self, now: Now, asker: &Asker) -> Result<(), Refusal> {
        if let (Asker::Conn(conn, id), Some(state)) = (asker, self.playback_state(now)) {
            self.send(*conn, Event::PlaybackUpdated(state));
            if id.is_none() {
                return Ok(());
            }
        }
        Err(Code::Stale.into())
    }

    /// Changes the timeline for a person, and tells.
    pub(crate) fn command_timeline(
        &mut self,
        now: Now,
        change: Change,
        by: &UserId,
        op: Option<String>,
    ) {
        let lead = self.start_lead();
        if self.timeline.command(now, change, by, lead) {
            self.members.forget_newcomers();
            self.hold.new_medium(now.mono, &mut self.timers);
        }
        self.hold_or_go_on(now, HOLD_AT_START);
        self.tell_playback(now, op);
    }

    pub(crate) fn tell_playback(&mut self, now: Now, op: Option<String>) {
        let holding = self.hold.holding();
        let state = self.timeline.told(&self.founding.clock_id, holding, op);
        self.tell(now, Event::PlaybackUpdated(state), Pace::Now);
        self.store_playback_soon(now);
    }

    fn start_lead(&self) -> Duration {
        timeline::start_lead(self.members.worst_rtt_ms())
    }

    /// Begins to hold, goes on, or names others than before, and tells; after everything that may
    /// have changed who is late.
    pub(crate) fn settle(&mut self, now: Now) {
        if self.hold_or_go_on(now, HOLD_MID_PLAY) {
            self.timeline.changed_by_room(now);
            self.tell_playback(now, None);
        }
        for user in self.hold.take_judged() {
            if !self.is_crowd(self.members.count()) {
                self.tell_member(now, &user);
            }
        }
    }

    /// Returns whether the timeline changed.
    fn hold_or_go_on(&mut self, now: Now, limit: Duration) -> bool {
        let others_are_late = self.hold.take_changed();
        let needed = self.timeline.playing && self.hold.is_needed();
        match (self.hold.is_active(), needed) {
            (false, false) => false,
            (false, true) => {
                self.hold.begin(now.mono, &mut self.timers, limit);
                self.timeline.hold(now);
                true
            }
            (true, true) => {
                if others_are_late {
                    self.timeline.count_change();
                }
                others_are_late
            }
            (true, false) => {
                self.hold.end(now.mono, &mut self.timers);
                let lead = self.start_lead();
                self.timeline.go_on(now, lead);
                true
            }
        }
    }

    /// Goes on without those the room waits for.
    pub(crate) fn go_on(&mut self, now: Now) {
        if self.hold.is_active() {
            self.hold.excuse_all(now.mono, &mut self.timers);
            self.settle(now);
        }
    }

    /// Carries out `MEMBER_STATE` of a connection.
    pub(crate) fn member_state(
        &mut self,
        now: Now,
        conn: ConnId,
        user: &UserId,
        state: MemberState,
    ) -> Result<(), Refusal> {
        let MemberState { readiness, rtt_ms, telemetry } = state;
        let rtt_ms = rtt_ms.map(|rtt| checks::number("rttMs", rtt, &RTT_MS)).transpose()?;
        telemetry.as_ref().map(check_meter).transpose()?;
        let before = self.member(user);
        let stood = self.standing(user);
        let moves = self.timeline.moves();
        let Some(report) = self.members.report_mut(conn) else { return Ok(()) };
        if let Some(readiness) = readiness {
            let was_out = matches!(report.readiness, None | Some(Readiness::Away));
            report.newcomer = match readiness {
                Readiness::Loading => report.newcomer || (was_out && moves),
                Readiness::Stalled => report.newcomer,
                Readiness::Ready | Readiness::Away => false,
            };
            report.readiness = Some(readiness);
        }
        report.rtt_ms = rtt_ms.or(report.rtt_ms);
        if let Some(meter) = &telemetry {
            report.detached = meter.class == SourceClass::Detached;
        }
        let standing = self.standing(user);
        if readiness.is_some() || standing != stood {
            self.hold.observe(now.mono, &mut self.timers, user, standing);
        }
        self.tell_member_if_changed(now, user, before.as_ref());
        self.settle(now);
        if let Some(telemetry) = telemetry
            && self.members.count() <= METERS_SHOWN_TO
        {
            let meter = MemberSync { user_id: user.clone(), telemetry };
            self.tell(now, Event::MemberSync(meter), Pace::Batched);
        }
        Ok(())
    }

    /// Returns what a member means for the question whether the room can go on.
    pub(crate) fn standing(&self, user: &UserId) -> Standing {
        match self.members.seat(user).and_then(|seat| seat.counted_readiness()) {
            None | Some(Readiness::Away) => Standing::Uncounted,
            Some(Readiness::Ready) => Standing::Ready,
            Some(Readiness::Loading | Readiness::Stalled) => Standing::Late,
        }
    }
}

/// Reads `UPDATE_PLAYBACK` against what plays.
fn read_update(update: UpdatePlayback, timeline: &Timeline) -> Result<Change, Refusal> {
    let UpdatePlayback {
        media_url,
        media_type,
        title,
        is_playing,
        current_time,
        playback_speed,
        rev: _,
        op,
    } = update;
    if let Some(op) = op {
        checks::line("op", op, 0..=limits::CLIENT_ID_CHARS)?;
    }
    let position_ms = current_time
        .map(|position| {
            checks::number("currentTime", position, &(0.0..=limits::POSITION_MS as f64))
        })
        .transpose()?
        .map(f64::round);
    let rate = playback_speed
        .map(|rate| checks::number("playbackSpeed", rate, &limits::PLAYBACK_SPEED))
        .transpose()?;
    let medium = read_medium(media_url, media_type, title, timeline)?;
    Ok(Change { medium, playing: is_playing, position_ms, rate })
}

/// Returns the medium that is asked for, if one is. The same address again is the same medium,
/// whose kind and title can be corrected.
fn read_medium(
    url: Option<String>,
    kind: Option<String>,
    title: Option<String>,
    timeline: &Timeline,
) -> Result<Option<Medium>, Refusal> {
    let kind = kind
        .map(|kind| checks::block("mediaType", kind, 0..=limits::MEDIA_TYPE_CHARS))
        .transpose()?;
    let title =
        title.map(|title| checks::line("title", title, 0..=limits::TITLE_CHARS)).transpose()?;
    let url = url.map(checks::media_url).transpose()?;
    let current = &timeline.medium;
    Ok(match url {
        Some(url) if current.url.as_ref() != Some(&url) => {
            Some(Medium { url: Some(url), kind, title, item: None })
        }
        Some(_) | None => (kind.is_some() || title.is_some()).then(|| Medium {
            kind: kind.or_else(|| current.kind.clone()),
            title: title.or_else(|| current.title.clone()),
            ..current.clone()
        }),
    })
}

fn check_meter(meter: &Telemetry) -> Result<(), Refusal> {
    let figures = [
        meter.error_p50_ms,
        meter.error_p95_ms,
        meter.error_max_ms,
        meter.error_now_ms,
        meter.clock_bound_ms,
    ];
    figures.into_iter().try_for_each(|ms| checks::number("telemetry", ms, &METER_MS).map(drop))
}
