//! When a room's batch leaves: at once while that is cheap, with company when the room is busy.
//!
//! To write to every member costs the same for one message and for twenty. A room whose batches
//! would take a noticeable part of its core therefore lets some time pass between two of them —
//! as long as that really gathers messages. A room in which nobody speaks until the last message
//! has arrived gains nothing by waiting, and a burst arrives in one turn by itself.

use std::time::Duration;

/// Part of a core that a room may spend on sending before its messages wait for company.
const CHEAP_SHARE: f64 = 0.1;
/// Part of a core that a waiting room may spend on sending.
const WAITING_SHARE: f64 = 0.36;
/// The shortest time from one batch to the next of a room that waits.
const TICK_MIN: Duration = Duration::from_millis(5);
/// The longest time from one batch to the next.
const TICK_MAX: Duration = Duration::from_millis(20);
/// Over this time the rate of messages is measured.
const WINDOW_S: f64 = 0.25;
/// What is told so long after a wait began came because of the wait; what is told before would have
/// left with the same turn.
const TURN: Duration = Duration::from_micros(500);
/// Messages gathered per wait below which waiting is given up.
const WORTH_WAITING: f64 = 0.25;
/// After so many batches sent at once a room that gave up waiting tries it again; each time in vain
/// doubles that, up to the greater.
const TRIED_AGAIN_AFTER: (u32, u32) = (8, 256);

/// Measures how busy a room is, what its batches cost and what waiting brings.
pub struct Rhythm {
    messages_per_s: f64,
    told: Duration,
    /// Time that a batch takes to be sent, smoothed.
    cost: Duration,
    /// When the last batch was begun to be sent.
    sent: Duration,
    /// When the present wait began.
    waiting_since: Option<Duration>,
    /// Messages that came because of the present wait.
    company: u32,
    /// Messages that a wait gathers, smoothed.
    gain: f64,
    /// Batches sent at once since waiting was given up.
    unwaited: u32,
    /// After so many of them waiting is tried again.
    tried_after: u32,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self {
            messages_per_s: 0.0,
            told: Duration::ZERO,
            cost: Duration::ZERO,
            sent: Duration::ZERO,
            waiting_since: None,
            company: 0,
            gain: 1.0,
            unwaited: 0,
            tried_after: TRIED_AGAIN_AFTER.0,
        }
    }
}

impl Rhythm {
    /// Counts a message told now and returns how long it may wait for company. `more` says that
    /// company is certain: the store has the next messages already. It is worth waiting for even
    /// when the last batch is long gone, as it is where the core is slow or is others' as well.
    pub fn tell(&mut self, now: Duration, more: bool) -> Duration {
        let passed = now.saturating_sub(self.told).as_secs_f64();
        self.told = now;
        self.messages_per_s *= (-passed / WINDOW_S).exp();
        self.messages_per_s += 1.0 / WINDOW_S;
        if let Some(since) = self.waiting_since {
            self.company += u32::from(now.saturating_sub(since) >= TURN);
        }
        if self.messages_per_s * self.cost.as_secs_f64() < CHEAP_SHARE {
            return Duration::ZERO;
        }
        if !more && self.gain < WORTH_WAITING && self.unwaited < self.tried_after {
            return Duration::ZERO;
        }
        let tick = self.cost.div_f64(WAITING_SHARE).clamp(TICK_MIN, TICK_MAX);
        let wait = (self.sent + tick).saturating_sub(now);
        if more { wait.max(TICK_MIN) } else { wait }
    }

    /// Says that a message told now waits for company. What waiting brings is learned where it
    /// was not certain to bring something.
    pub fn wait(&mut self, now: Duration, more: bool) {
        self.waiting_since = (!more).then_some(now);
        self.company = 0;
    }

    /// Notes a batch that was sent to everybody.
    pub fn sent(&mut self, begun: Duration, ended: Duration) {
        self.sent = begun;
        self.cost = (3 * self.cost + ended.saturating_sub(begun)) / 4;
        if self.waiting_since.take().is_some() {
            self.gain = (self.gain + f64::from(self.company)) / 2.0;
            self.unwaited = 0;
            self.tried_after = if self.gain < WORTH_WAITING {
                (2 * self.tried_after).min(TRIED_AGAIN_AFTER.1)
            } else {
                TRIED_AGAIN_AFTER.0
            };
        } else {
            self.unwaited += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// What a room did in its last two seconds: batches, and the longest that a message waited.
    struct Seen {
        batches: u32,
        longest: Duration,
    }

    /// Has a room told things for three seconds, and its batches take `cost` each. `next` gives the
    /// moment of the next message for that of the last one and, if nothing waits to be sent, the
    /// end of the last batch.
    fn watch(cost: Duration, next: impl Fn(Duration, Option<Duration>) -> Duration) -> Seen {
        let mut rhythm = Rhythm::default();
        let (mut now, mut free) = (Duration::from_secs(1), Duration::ZERO);
        let mut due: Option<(Duration, Duration)> = None;
        let mut seen = Seen { batches: 0, longest: Duration::ZERO };
        while now < Duration::from_secs(4) {
            let then = next(now, due.is_none().then_some(free));
            if let Some((since, at)) = due.take_if(|(_, at)| *at <= then) {
                let begun = at.max(free);
                free = begun + cost;
                rhythm.sent(begun, free);
                if begun > Duration::from_secs(2) {
                    seen.batches += 1;
                    seen.longest = seen.longest.max(free - since);
                }
                continue;
            }
            now = then;
            let wait = rhythm.tell(now, false);
            if due.is_none() {
                if !wait.is_zero() {
                    rhythm.wait(now, false);
                }
                due = Some((now, now + wait));
            }
        }
        seen
    }

    fn every(gap: Duration) -> impl Fn(Duration, Option<Duration>) -> Duration {
        move |now, _| now + gap
    }

    #[test]
    fn a_quiet_or_small_room_is_told_at_once() {
        let quiet = watch(4 * MS, every(100 * MS));
        assert!((19..=20).contains(&quiet.batches), "{}", quiet.batches);
        assert!(quiet.longest <= 4 * MS, "{:?}", quiet.longest);
        let small = watch(MS / 25, every(2 * MS));
        assert!((998..=1_001).contains(&small.batches), "{}", small.batches);
        assert!(small.longest <= MS / 25, "{:?}", small.longest);
    }

    #[test]
    fn a_busy_room_gathers_but_nobody_waits_long() {
        let busy = watch(4 * MS, every(2 * MS));
        assert!((170..=200).contains(&busy.batches), "{}", busy.batches);
        assert!(busy.longest <= 16 * MS, "{:?}", busy.longest);
        let huge = watch(15 * MS, every(MS));
        assert!(huge.longest <= TICK_MAX + 15 * MS, "{:?}", huge.longest);
    }

    #[test]
    fn one_who_waits_for_the_last_message_is_not_made_to_wait() {
        let alone = watch(4 * MS, |now, sent| match sent {
            Some(sent) => now.max(sent) + MS / 10,
            None => Duration::MAX,
        });
        assert!(alone.batches > 440, "{}", alone.batches);
    }

    #[test]
    fn company_that_is_certain_is_waited_for_and_no_longer_than_for_it() {
        let mut rhythm = Rhythm::default();
        let mut now = Duration::from_secs(1);
        for _ in 0..20 {
            for _ in 0..16 {
                rhythm.tell(now, false);
            }
            rhythm.sent(now, now + 4 * MS);
            now += 50 * MS;
        }
        assert_eq!(rhythm.tell(now, true), TICK_MIN);
        assert_eq!(rhythm.tell(now + MS, false), Duration::ZERO);
    }
}
