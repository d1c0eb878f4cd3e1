//! One direction of a connection: late, but in order.

use std::time::Duration;

use crate::dice::Dice;

/// How late things are on a line, in ms.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// The least.
    pub base_ms: u64,
    /// How much more at most.
    pub jitter_ms: u64,
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    weather: Weather,
    last_arrival: Duration,
}

impl Link {
    /// Opens a line.
    pub fn new(weather: Weather) -> Self {
        Self { weather, last_arrival: Duration::ZERO }
    }

    /// Returns when something sent now arrives: never before what was sent earlier.
    pub fn arrival(&mut self, now: Duration, dice: &mut Dice) -> Duration {
        let Weather { base_ms, jitter_ms } = self.weather;
        let arrival = now + dice.ms(base_ms..base_ms + jitter_ms + 1);
        self.last_arrival = self.last_arrival.max(arrival);
        self.last_arrival
    }
}
