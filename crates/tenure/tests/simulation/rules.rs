//! Under which faults a story happens, and how the rules may be broken to see that it is noticed.

use parlor_tenure::Witness;

/// What kinds of bad luck there are. Always there: nodes that are killed, leave or stand still for
/// any time at any await, either witness out for all, a bus that is emptied, answers that are late
/// or lost, statements that are carried out although nobody waits any more.
#[derive(Clone, Copy)]
pub struct Luck {
    /// The witness that single nodes may be cut off from, or that is slow for them.
    pub cuts: Cuts,
    /// How long a node may stand still between its last look at the clock and its bytes, ms.
    pub last_pause_ms: u64,
    /// How often in a hundred a room has nothing to say for seconds, so that nobody looks whose it is.
    pub quiet_percent: u64,
    /// Whether the bus may lose a lease and not know that it did.
    pub loses_leases: bool,
    /// The rule that is broken.
    pub broken: Option<Broken>,
}

/// From what single nodes are cut off.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cuts {
    One(Witness),
    /// Only as the test says.
    None,
}

impl Luck {
    /// What nodes must bear.
    pub const fn bearable(from: Witness) -> Self {
        Self {
            cuts: Cuts::One(from),
            last_pause_ms: 100,
            quiet_percent: 5,
            loses_leases: false,
            broken: None,
        }
    }
}

/// A rule that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    OwnerIgnoresExpiry,
    /// It looks at the clock before the turn and not again before the bytes leave.
    OwnerLooksOnce,
    /// It goes on when a grant comes after its time was over.
    LateGrantIsNoLoss,
    OwnerIgnoresBurial,
    ClaimantIgnoresBus,
    ClaimantIgnoresStore,
    ClaimantTrustsAYoungBus,
    /// A bus that does not answer has no lease.
    ClaimantTakesNoAnswerForNo,
}
