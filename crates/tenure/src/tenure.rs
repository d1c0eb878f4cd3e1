//! What a node knows of itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a witness takes a node for alive after it last said so.
pub const LIFE: Duration = Duration::from_secs(3);
/// How much sooner than its witnesses a node takes itself for dead. It makes up for clocks that run
/// apart (by less than 6 %) and for what lies between looking at the clock and the last byte sent.
pub const MARGIN: Duration = Duration::from_millis(200);
/// How often a node says that it is alive.
pub const RENEWED_EVERY: Duration = Duration::from_millis(600);
/// An answer to that which takes longer is none: the next may be better. Half of [`LIFE`], so that
/// a witness that hangs leaves time to ask the other once more.
pub const RENEWAL_PATIENCE: Duration = Duration::from_millis(1_500);
/// Between when one failure of the bus was asked for and when the next was known there is at most
/// this: otherwise it may have been there meanwhile. Two renewals that hang fit in.
const OUTAGE_GAP: Duration = RENEWAL_PATIENCE.saturating_mul(2).saturating_add(MARGIN);

/// The node has left: nothing is granted to it any more. Before the first grant there is
/// [`NOTHING_YET`].
const LEFT: u64 = 0;
const NOTHING_YET: u64 = 1;
/// Stands where a moment would, when there is none.
const NEVER: u64 = u64::MAX;

/// Who says that a node is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// The database, by the node's row.
    Store,
    /// The bus, by the node's lease.
    Bus,
}

/// Whether a node's rooms are its own. One task reports what the witnesses say; any thread may ask.
/// All times are those of the node's own monotonic clock.
#[derive(Debug)]
pub struct Tenure {
    /// Until when the rooms are the node's own, ns.
    own_until_ns: AtomicU64,
    /// Counts how often they may have become somebody else's.
    losses: AtomicU64,
    /// Until when the database's latest grant reaches, ns.
    store_until_ns: AtomicU64,
    /// Since when the database has granted all that was asked of it in time, ns.
    store_steady_since_ns: AtomicU64,
    /// Since when the bus has not answered at all, ns.
    bus_out_since_ns: AtomicU64,
    /// When it was asked the last time that it did not, ns.
    bus_failed_ns: AtomicU64,
}

impl Default for Tenure {
    fn default() -> Self {
        Self {
            own_until_ns: AtomicU64::new(NOTHING_YET),
            losses: AtomicU64::new(0),
            store_until_ns: AtomicU64::new(0),
            store_steady_since_ns: AtomicU64::new(NEVER),
            bus_out_since_ns: AtomicU64::new(NEVER),
            bus_failed_ns: AtomicU64::new(0),
        }
    }
}

impl Tenure {
    /// Returns how often the node has lost its rooms, if they are its own at `now`; `None` while
    /// they may be somebody else's. A room is the node's as long as this is what it was when the
    /// room was claimed.
    pub fn standing(&self, now: Duration) -> Option<u64> {
        // In this order: a grant counts the loss before it moves the end.
        let own_until_ns = self.own_until_ns.load(Ordering::Acquire);
        let losses = self.losses.load(Ordering::Acquire);
        (now.as_nanos() < u128::from(own_until_ns)).then_some(losses)
    }

    /// Takes note that a witness which was asked at `asked` lets the node live for [`LIFE`]; `now`
    /// is when the answer came. What is granted counts from before it was asked for.
    ///
    /// If the time before was over when the answer came, others may have taken any room meanwhile:
    /// none is the node's own before it is claimed again.
    pub fn granted(&self, by: Witness, asked: Duration, now: Duration) {
        let until_ns = nanos(asked + LIFE - MARGIN);
        let was_over = nanos(now) >= self.own_until_ns.load(Ordering::Acquire);
        if was_over {
            self.losses.fetch_add(1, Ordering::AcqRel);
        }
        let longer = |own_until_ns| (own_until_ns != LEFT).then(|| until_ns.max(own_until_ns));
        // Whoever has left stays dead.
        let _ = self.own_until_ns.fetch_update(Ordering::AcqRel, Ordering::Acquire, longer);
        match by {
            Witness::Store => {
                if nanos(now) >= self.store_until_ns.load(Ordering::Acquire) {
                    self.store_steady_since_ns.store(nanos(now), Ordering::Release);
                }
                self.store_until_ns.fetch_max(until_ns, Ordering::AcqRel);
            }
            Witness::Bus => self.bus_answered(),
        }
    }

    /// Takes note that a witness that was asked at `asked` did not answer, or not in time.
    pub fn not_granted(&self, by: Witness, asked: Duration, now: Duration) {
        match by {
            Witness::Store => self.store_until_ns.store(0, Ordering::Release),
            Witness::Bus => self.bus_failed(asked, now),
        }
    }

    /// Takes note that the database has no row of the node: others took it for dead and may have
    /// taken any room. Says whether the node is to enter again. Only then may a row be made: while
    /// there is none, a lost answer is given again.
    pub fn buried(&self) -> bool {
        self.losses.fetch_add(1, Ordering::AcqRel);
        self.own_until_ns.load(Ordering::Acquire) != LEFT
    }

    /// Ends the node's time for good.
    pub fn leave(&self) {
        self.own_until_ns.store(LEFT, Ordering::Release);
    }

    /// Takes note that the bus answered, whatever it was asked.
    pub fn bus_answered(&self) {
        self.bus_out_since_ns.store(NEVER, Ordering::Release);
    }

    /// Takes note that the bus did not answer, whatever it was asked at `asked`.
    pub fn bus_failed(&self, asked: Duration, now: Duration) {
        let now_ns = nanos(now);
        let before_ns = self.bus_failed_ns.swap(nanos(asked), Ordering::AcqRel);
        let since_ns = self.bus_out_since_ns.load(Ordering::Acquire);
        if since_ns == NEVER || now_ns.saturating_sub(before_ns) > nanos(OUTAGE_GAP) {
            self.bus_out_since_ns.store(now_ns, Ordering::Release);
        }
    }

    /// Says whether the bus is out for long enough that whatever it granted to anybody has ended,
    /// and the database was there for long enough that whoever is alive could tell it so. Then the
    /// database alone decides who is dead.
    pub(crate) fn store_alone_decides(&self, now: Duration) -> bool {
        let now_ns = nanos(now);
        let out_since_ns = self.bus_out_since_ns.load(Ordering::Acquire);
        let failed_ns = self.bus_failed_ns.load(Ordering::Acquire);
        let is_out = now_ns.saturating_sub(out_since_ns) >= nanos(LIFE)
            && now_ns.saturating_sub(failed_ns) <= nanos(OUTAGE_GAP);
        let steady_since_ns = self.store_steady_since_ns.load(Ordering::Acquire);
        let is_steady = now_ns < self.store_until_ns.load(Ordering::Acquire)
            && now_ns.saturating_sub(steady_since_ns) >= nanos(LIFE);
        is_out && is_steady
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A node that the database granted life when its clock showed 10 s.
    fn node() -> Tenure {
        let node = Tenure::default();
        node.granted(Witness::Store, ms(10_000), ms(10_004));
        node
    }

    #[test]
    fn a_grant_counts_from_before_it_was_asked_for_and_less_a_margin() {
        let node = node();
        assert_eq!(node.standing(ms(12_799)), Some(1));
        assert_eq!(node.standing(ms(12_800)), None);
    }

    #[test]
    fn either_witness_keeps_the_rooms() {
        let node = node();
        node.not_granted(Witness::Store, ms(10_600), ms(12_100));
        node.granted(Witness::Bus, ms(10_600), ms(12_100));
        assert_eq!(node.standing(ms(13_399)), Some(1));
    }

    #[test]
    fn a_grant_that_comes_too_late_is_a_loss() {
        let node = node();
        node.granted(Witness::Bus, ms(12_700), ms(12_800));
        assert_eq!(node.standing(ms(12_801)), Some(2));
    }

    #[test]
    fn who_was_buried_has_lost_its_rooms_however_alive_it_is() {
        let node = node();
        assert!(node.buried(), "it enters again");
        assert_eq!(node.standing(ms(10_010)), Some(2));
    }

    #[test]
    fn who_has_left_stays_dead() {
        let node = node();
        node.leave();
        node.granted(Witness::Bus, ms(10_600), ms(10_601));
        assert_eq!(node.standing(ms(10_602)), None);
        assert!(!node.buried(), "it does not enter again");
    }

    /// Renews every 600 ms from 10.6 s up to `end_ms`; the bus fails from `out_ms` on.
    fn renewed(node: &Tenure, end_ms: u64, out_ms: u64) {
        for at_ms in (10_600..end_ms).step_by(600) {
            node.granted(Witness::Store, ms(at_ms), ms(at_ms + 1));
            match at_ms < out_ms {
                true => node.granted(Witness::Bus, ms(at_ms), ms(at_ms + 1)),
                false => node.not_granted(Witness::Bus, ms(at_ms), ms(at_ms + 1)),
            }
        }
    }

    #[test]
    fn the_database_alone_decides_when_the_bus_was_out_for_a_life() {
        let node = node();
        // Its first failure is at 14.201 s.
        renewed(&node, 17_200, 14_000);
        assert!(!node.store_alone_decides(ms(17_200)));
        assert!(node.store_alone_decides(ms(17_201)));
        node.bus_answered();
        assert!(!node.store_alone_decides(ms(17_202)));
    }

    #[test]
    fn a_node_that_stood_still_knows_nothing_of_the_meantime() {
        let node = node();
        renewed(&node, 17_200, 11_000);
        assert!(node.store_alone_decides(ms(17_201)));
        assert!(!node.store_alone_decides(ms(22_000)));
        node.granted(Witness::Store, ms(22_000), ms(22_001));
        node.not_granted(Witness::Bus, ms(22_000), ms(22_001));
        assert!(!node.store_alone_decides(ms(22_002)));
    }
}
