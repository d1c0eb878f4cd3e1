//! Clocks that begin anywhere and run apart.

use std::time::Duration;

use parlor_testkit::dice::Dice;

/// How far a clock may run from the true time, in millionths: a hundred times what quartz does.
const DRIFT_PPM: u64 = 10_000;

/// A clock that begins at any moment and runs a little fast or slow.
#[derive(Clone, Copy)]
pub struct Clock {
    origin_us: u64,
    rate_ppm: u64,
}

impl Clock {
    pub fn any(dice: &mut Dice) -> Self {
        let rate_ppm = dice.within(1_000_000 - DRIFT_PPM..1_000_001 + DRIFT_PPM);
        Self { origin_us: dice.within(0..1_000_000_000), rate_ppm }
    }

    /// Returns what it shows at a moment of the true time.
    pub fn shows_us(&self, now_us: u64) -> u64 {
        self.origin_us + now_us * self.rate_ppm / 1_000_000
    }

    pub fn shows(&self, now_us: u64) -> Duration {
        Duration::from_micros(self.shows_us(now_us))
    }
}
