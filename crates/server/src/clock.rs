//! The server's clock: monotonic, counted from a beginning of its own, and named anew with each
//! start. Films are timed by it alone; the wall clock only stamps what people read.
//!
//! Of several nodes each relates its clock to the database's by measurement, so that a film goes on
//! at another node where it was, however wrong the nodes' own wall clocks are.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parlor_room::{Now, SnapshotStamp};

/// The clock of this process.
#[derive(Clone, Debug)]
pub struct Clock {
    origin: Instant,
    id: Arc<str>,
    boot: Boot,
    shared: Arc<Shared>,
}

/// How this clock stands to the one that all nodes read.
#[derive(Debug)]
struct Shared {
    /// What the other clock showed at our clock's zero, µs; [`UNKNOWN`] before it was read.
    origin_us: AtomicI64,
    readings: Mutex<VecDeque<Reading>>,
}

/// The other clock was never read.
const UNKNOWN: i64 = i64::MIN;
/// Readings that are kept: what they say is as exact as the fastest of them, and as old.
const READINGS: usize = 16;

/// The other clock, read over a network.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// Between the question and the answer; half of it is how wrong the reading may be.
    took: Duration,
    origin_us: i64,
}

/// Relates this process's clock to those of other processes on the same machine: while the
/// machine is not started anew, the time between two moments is known whatever the wall clock did.
#[derive(Clone, Debug, PartialEq)]
struct Boot {
    /// Names the machine's boot; empty if the system does not say.
    id: Arc<str>,
    /// What CLOCK_BOOTTIME (monotonic, counting suspended time) showed at our clock's zero, ms.
    origin_ms: u64,
}

impl Boot {
    fn read() -> Self {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self { id: id.trim().into(), origin_ms: boottime_ms() }
    }

    fn to_text(&self) -> String {
        format!("{}@{}", self.id, self.origin_ms)
    }

    fn from_text(text: &str) -> Option<Self> {
        let (id, origin_ms) = text.split_once('@')?;
        Some(Self { id: id.into(), origin_ms: origin_ms.parse().ok()? })
    }
}

impl Clock {
    /// Starts a clock at zero under a random name.
    pub fn start() -> Self {
        let id = format!("{:016x}", rand::random::<u64>()).into();
        let shared = Shared { origin_us: AtomicI64::new(UNKNOWN), readings: Mutex::default() };
        Self { origin: Instant::now(), id, boot: Boot::read(), shared: Arc::new(shared) }
    }

    /// Notes what the clock that all nodes read (µs since the Unix epoch) showed between two moments
    /// of this one. From then on [`Now::wall_ms`] follows that clock instead of this machine's.
    pub fn relate(&self, asked: Duration, answered: Duration, shared_us: i64) {
        let took = answered.saturating_sub(asked);
        let between = i64::try_from((asked + took / 2).as_micros()).unwrap_or(i64::MAX);
        let mut readings = self.shared.readings.lock().unwrap_or_else(PoisonError::into_inner);
        readings.push_back(Reading { took, origin_us: shared_us.saturating_sub(between) });
        if readings.len() > READINGS {
            readings.pop_front();
        }
        if let Some(best) = readings.iter().min_by_key(|reading| reading.took) {
            self.shared.origin_us.store(best.origin_us, Ordering::Relaxed);
        }
    }

    /// Names the clock; clients measure anew when it changes.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns what a snapshot keeps so that a later process can tell how long ago it was taken.
    pub fn boot(&self) -> String {
        self.boot.to_text()
    }

    /// Returns the time since the clock's beginning, and the wall clock: that which all nodes share,
    /// once it was read.
    pub fn now(&self) -> Now {
        let mono = self.origin.elapsed();
        Now { mono, wall_ms: self.shared_ms(mono).unwrap_or_else(wall_ms) }
    }

    fn shared_ms(&self, mono: Duration) -> Option<i64> {
        let origin_us = self.shared.origin_us.load(Ordering::Relaxed);
        (origin_us != UNKNOWN).then(|| (origin_us + mono.as_micros() as i64) / 1_000)
    }

    /// Returns the clock in ms, as clients see it.
    pub fn now_ms(&self) -> f64 {
        self.origin.elapsed().as_secs_f64() * 1e3
    }

    /// Converts a time of this clock for tokio's timers.
    pub fn instant(&self, mono: Duration) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.origin + mono)
    }

    /// Returns how long ago a snapshot was taken; zero if a clock was set back meanwhile.
    pub fn since(&self, then: &SnapshotStamp) -> Duration {
        let boot = Boot::from_text(&then.boot);
        if let Some(boot) = boot.filter(|boot| !boot.id.is_empty() && boot.id == self.boot.id) {
            let taken = Duration::from_millis(boot.origin_ms) + then.mono;
            return Duration::from_millis(boottime_ms()).saturating_sub(taken);
        }
        let now_ms = self.now().wall_ms;
        Duration::from_millis(now_ms.saturating_sub(then.wall_ms).max(0) as u64)
    }
}

fn boottime_ms() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    time.tv_sec as u64 * 1_000 + time.tv_nsec as u64 / 1_000_000
}

/// Returns the wall clock in ms since the Unix epoch.
pub fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(clock: &Clock) -> SnapshotStamp {
        let now = clock.now();
        SnapshotStamp { mono: now.mono, wall_ms: now.wall_ms, boot: clock.boot() }
    }

    #[test]
    fn within_a_boot_a_step_of_the_wall_clock_does_not_count() {
        let clock = Clock::start();
        let mut then = stamp(&clock);
        then.wall_ms -= 3_600_000;
        assert!(clock.since(&then) < Duration::from_secs(60));
    }

    #[test]
    fn across_boots_the_wall_clock_counts_but_never_backwards() {
        let clock = Clock::start();
        let mut then = stamp(&clock);
        then.boot = "another@17".into();
        then.wall_ms -= 5_000;
        assert!(clock.since(&then) >= Duration::from_secs(5));
        then.wall_ms += 3_600_000;
        assert_eq!(clock.since(&then), Duration::ZERO);
    }

    /// Reads a clock that is `ahead_ms` ahead of this machine's, over a network that takes `took`.
    fn read(clock: &Clock, ahead_ms: i64, took: Duration, error_us: i64) {
        let asked = clock.now().mono;
        let machine_us = wall_ms() * 1_000;
        clock.relate(asked, asked + took, machine_us + 1_000 * ahead_ms + error_us);
    }

    #[test]
    fn nodes_whose_wall_clocks_differ_agree_by_the_clock_that_both_read() {
        let (one, other) = (Clock::start(), Clock::start());
        // Of the second node nothing is right but what it measured.
        read(&one, 3_600_000, Duration::ZERO, 0);
        read(&other, 3_600_000, Duration::from_millis(120), 60_000);
        let mut then = stamp(&one);
        then.boot = "another@17".into();
        then.wall_ms -= 2_000;
        let since = other.since(&then).as_millis();
        assert!((2_000..2_500).contains(&since), "{since}");
    }

    #[test]
    fn the_fastest_of_the_late_readings_counts() {
        let clock = Clock::start();
        for (ahead_ms, took_ms) in [(900, 0), (5_000, 300), (1_000, 2), (7_000, 40)] {
            read(&clock, ahead_ms, Duration::from_millis(took_ms), 1_000 * took_ms as i64 / 2);
        }
        let ahead_ms = clock.now().wall_ms - wall_ms();
        assert!((895..=905).contains(&ahead_ms), "{ahead_ms}");
        // The fastest one is forgotten in time.
        for _ in 0..READINGS {
            read(&clock, 1_000, Duration::from_millis(2), 1_000);
        }
        let ahead_ms = clock.now().wall_ms - wall_ms();
        assert!((995..=1_005).contains(&ahead_ms), "{ahead_ms}");
    }

    #[test]
    fn a_boot_that_cannot_be_read_leaves_the_decision_to_the_wall_clock() {
        let clock = Clock::start();
        let mut then = stamp(&clock);
        then.boot = String::new();
        then.wall_ms -= 5_000;
        assert!(clock.since(&then) >= Duration::from_secs(5));
    }
}
