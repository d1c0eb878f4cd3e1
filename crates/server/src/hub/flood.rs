//! How many messages one connection may send.

use std::time::Duration;

/// Messages per second a connection may send for ever.
pub const MESSAGES_PER_S: u32 = 50;
/// Messages a connection may send at once after a pause.
pub const MESSAGES_BURST: u32 = 200;
/// Refused messages in a row after which the connection is closed with 4501.
pub const REFUSED_MOST: u32 = 500;

/// What to do with a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take it.
    Take,
    /// Refuse it, and say so.
    Refuse,
    /// Refuse it silently: the client was told a moment ago.
    Drop,
    /// End the connection.
    End,
}

/// A token bucket, with a count of what it refused.
pub struct Flood {
    tokens: f32,
    at_ms: u32,
    refused: u32,
}

impl Default for Flood {
    fn default() -> Self {
        Self { tokens: MESSAGES_BURST as f32, at_ms: 0, refused: 0 }
    }
}

impl Flood {
    /// Judges one message that came now.
    pub fn judge(&mut self, now: Duration) -> Verdict {
        let now_ms = now.as_millis() as u32;
        let passed_s = now_ms.wrapping_sub(self.at_ms) as f32 / 1e3;
        self.at_ms = now_ms;
        self.tokens = (self.tokens + passed_s * MESSAGES_PER_S as f32).min(MESSAGES_BURST as f32);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            self.refused = self.refused.saturating_sub(1);
            return Verdict::Take;
        }
        self.refused += 1;
        match self.refused {
            refused if refused > REFUSED_MOST => Verdict::End,
            refused if refused % 50 == 1 => Verdict::Refuse,
            _ => Verdict::Drop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_talkative_client_is_never_refused() {
        let mut flood = Flood::default();
        for n in 0..10_000_u64 {
            assert_eq!(flood.judge(Duration::from_millis(n * 25)), Verdict::Take);
        }
    }

    #[test]
    fn a_flood_is_refused_and_then_ended() {
        let mut flood = Flood::default();
        let verdicts: Vec<_> =
            (0..2_000_u64).map(|n| flood.judge(Duration::from_micros(n * 100))).collect();
        assert_eq!(verdicts[0], Verdict::Take);
        assert!(verdicts.contains(&Verdict::Refuse));
        let told = verdicts.iter().filter(|verdict| **verdict == Verdict::Refuse).count();
        assert!(told <= 20, "told {told} times");
        assert_eq!(verdicts.last(), Some(&Verdict::End));
    }
}
