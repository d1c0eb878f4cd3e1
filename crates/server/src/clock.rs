//! The server's clock: monotonic, counted from a beginning of its own, and named anew with each
//! start. Films are timed by it alone; the wall clock only stamps what people read.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parlor_room::{Now, SnapshotStamp};

/// The clock of this process.
#[derive(Clone, Debug)]
pub struct Clock {
    origin: Instant,
    id: Arc<str>,
    boot: Boot,
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
        Self { origin: Instant::now(), id, boot: Boot::read() }
    }

    /// Names the clock; clients measure anew when it changes.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns what a snapshot keeps so that a later process can tell how long ago it was taken.
    pub fn boot(&self) -> String {
        self.boot.to_text()
    }

    /// Returns the time since the clock's beginning, and the wall clock.
    pub fn now(&self) -> Now {
        Now { mono: self.origin.elapsed(), wall_ms: wall_ms() }
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
        Duration::from_millis(wall_ms().saturating_sub(then.wall_ms).max(0) as u64)
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

    #[test]
    fn a_boot_that_cannot_be_read_leaves_the_decision_to_the_wall_clock() {
        let clock = Clock::start();
        let mut then = stamp(&clock);
        then.boot = String::new();
        then.wall_ms -= 5_000;
        assert!(clock.since(&then) >= Duration::from_secs(5));
    }
}
