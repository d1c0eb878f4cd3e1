//! The server's clock: monotonic, counted from a beginning of its own, and named anew with each
//! start. Films are timed by it alone; the wall clock only stamps what people read.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parlor_room::Now;
use serde::{Deserialize, Serialize};

/// The clock of this process.
#[derive(Clone, Debug)]
pub struct Clock {
    origin: Instant,
    id: Arc<str>,
    boot_id: Arc<str>,
}

/// A moment that can be related to another process's moments.
///
/// While the machine was not started anew, `boottime_ms` says how much time lies between two of
/// them, whatever the wall clock did; otherwise the wall clock has to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    boot_id: String,
    boottime_ms: u64,
    wall_ms: i64,
}

impl Clock {
    /// Starts a clock at zero under a random name.
    pub fn start() -> Self {
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        Self {
            origin: Instant::now(),
            id: format!("{:016x}", rand::random::<u64>()).into(),
            // Without a boot id no two moments are of one boot, and the wall clock decides.
            boot_id: boot_id.map(|id| id.trim().to_owned()).unwrap_or_default().into(),
        }
    }

    /// Names the clock; clients measure anew when it changes.
    pub fn id(&self) -> &str {
        &self.id
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

    /// Returns the present moment in a form that outlives the process.
    pub fn moment(&self) -> Moment {
        let boottime = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let boottime_ms = boottime.tv_sec as u64 * 1_000 + boottime.tv_nsec as u64 / 1_000_000;
        Moment { boot_id: self.boot_id.to_string(), boottime_ms, wall_ms: wall_ms() }
    }

    /// Returns how long ago `then` was; zero if a clock was set back meanwhile.
    pub fn since(&self, then: &Moment) -> Duration {
        let now = self.moment();
        let same_boot = !now.boot_id.is_empty() && now.boot_id == then.boot_id;
        if same_boot && now.boottime_ms >= then.boottime_ms {
            return Duration::from_millis(now.boottime_ms - then.boottime_ms);
        }
        Duration::from_millis(now.wall_ms.saturating_sub(then.wall_ms).max(0) as u64)
    }
}

/// Returns the wall clock in ms since the Unix epoch.
pub fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_a_boot_a_step_of_the_wall_clock_does_not_count() {
        let clock = Clock::start();
        let mut then = clock.moment();
        then.wall_ms -= 3_600_000;
        assert!(clock.since(&then) < Duration::from_secs(60));
    }

    #[test]
    fn across_boots_the_wall_clock_counts_but_never_backwards() {
        let clock = Clock::start();
        let mut then = clock.moment();
        then.boot_id = "another".into();
        then.wall_ms -= 5_000;
        assert!(clock.since(&then) >= Duration::from_secs(5));
        then.wall_ms += 3_600_000;
        assert_eq!(clock.since(&then), Duration::ZERO);
    }
}
