//! How a node comes to a room.

use std::sync::Arc;
use std::time::Duration;

use crate::{LIFE, Tenure};

/// How long a room is waited for whose node may be dead.
pub const CLAIM_PATIENCE: Duration = LIFE.saturating_mul(2);
/// How often it is claimed meanwhile.
pub const CLAIM_AGAIN: Duration = Duration::from_millis(150);

/// Who has a room, as the database says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The node.
    pub node: Arc<str>,
    /// The room's fence: whoever claims the room raises it.
    pub fence: i64,
}

/// What the bus says of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// It is alive.
    Held,
    /// The bus granted it nothing that lasts.
    Free,
    /// It has no lease, but the bus began anew not long ago and may have forgotten one.
    Forgotten,
    /// The bus does not answer.
    Unknown,
}

/// What is to be done next about a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask the database who has the room; then [`Claiming::holder`].
    AskHolder,
    /// Ask the bus for a node's lease; then [`Claiming::lease`].
    AskLease(Arc<str>),
    /// Have the database remove a node's row if the node is dead for at least this long; then
    /// [`Claiming::buried`].
    Bury {
        /// The node.
        node: Arc<str>,
        /// By the database's clock, counted from the end of the node's life there.
        dead_for: Duration,
    },
    /// Raise the fence of a room that nobody has, or this node; if that fails,
    /// [`Claiming::refused`].
    Claim,
    /// The same for a room that this other node has and nobody else claimed since, and whose node
    /// has no row; if that fails, [`Claiming::refused`].
    TakeOver(Holder),
    /// Wait for [`CLAIM_AGAIN`]; then [`Claiming::begin`].
    Wait,
    /// That node is alive and has it.
    Held(Arc<str>),
    /// It cannot be had now.
    GiveUp,
}

/// A claim to one room.
#[derive(Debug)]
pub struct Claiming {
    node: Arc<str>,
    begun: Duration,
    losses: u64,
    holder: Option<Holder>,
    /// How long the holder was dead at least when its row was removed.
    buried_for: Option<Duration>,
    /// The same as it is asked for.
    asked_for: Duration,
}

impl Claiming {
    /// Makes a claim of `node`, at `now` of its clock. Start with [`begin`](Self::begin).
    pub fn new(node: Arc<str>, now: Duration) -> Self {
        Self {
            node,
            begun: now,
            losses: 0,
            holder: None,
            buried_for: None,
            asked_for: Duration::ZERO,
        }
    }

    /// Returns the node's losses, to be kept with the room once it is claimed.
    pub fn losses(&self) -> u64 {
        self.losses
    }

    /// Begins a round.
    pub fn begin(&mut self, tenure: &Tenure, now: Duration) -> Step {
        let Some(losses) = tenure.standing(now) else { return Step::GiveUp };
        if now.saturating_sub(self.begun) >= CLAIM_PATIENCE {
            return Step::GiveUp;
        }
        (self.losses, self.holder, self.buried_for) = (losses, None, None);
        Step::AskHolder
    }

    /// Goes on when it is known who has the room.
    pub fn holder(&mut self, holder: Option<Holder>) -> Step {
        self.holder = holder.filter(|holder| holder.node != self.node);
        match &self.holder {
            Some(holder) => Step::AskLease(holder.node.clone()),
            None => Step::Claim,
        }
    }

    /// Goes on with what the bus said. `is_silent` if the node with the room has not answered this
    /// one for a while: its lease may outlast it.
    pub fn lease(&mut self, tenure: &Tenure, now: Duration, lease: Lease, is_silent: bool) -> Step {
        let Some(holder) = &self.holder else { return Step::Wait };
        let dead_for = match lease {
            Lease::Held if is_silent => return Step::Wait,
            Lease::Held => return Step::Held(holder.node.clone()),
            Lease::Free => Duration::ZERO,
            Lease::Forgotten => return Step::Wait,
            // The bus may be out for this node alone. Then the other lives on by its lease, and
            // would have told the database so within another life: it asks both.
            Lease::Unknown if tenure.store_alone_decides(now) => LIFE,
            Lease::Unknown => return Step::Wait,
        };
        match self.buried_for {
            Some(buried_for) if buried_for >= dead_for => Step::TakeOver(holder.clone()),
            Some(_) | None => {
                self.asked_for = dead_for;
                Step::Bury { node: holder.node.clone(), dead_for }
            }
        }
    }

    /// Goes on when the database has removed the row of the node with the room, or has none;
    /// `false` if it takes the node for alive.
    ///
    /// The lease is asked for once more: only what the bus says *after* the row is gone excludes
    /// that the node lived now by the one witness and now by the other.
    pub fn buried(&mut self, is_gone: bool) -> Step {
        self.buried_for = is_gone.then_some(self.asked_for);
        match &self.holder {
            Some(holder) if is_gone => Step::AskLease(holder.node.clone()),
            _ => Step::Wait,
        }
    }

    /// Goes on when the room could not be claimed: somebody was faster, or its node is back. `holder`
    /// is who has it, if the database said so; it may be who had it a moment before.
    pub fn refused(&mut self, holder: Option<Holder>) -> Step {
        self.buried_for = None;
        match holder.filter(|holder| holder.node != self.node) {
            Some(holder) => self.holder(Some(holder)),
            None => Step::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Witness;

    const NOW: Duration = Duration::from_secs(10);

    fn tenure() -> Tenure {
        let tenure = Tenure::default();
        tenure.granted(Witness::Store, NOW, NOW);
        tenure
    }

    fn theirs() -> Holder {
        Holder { node: "them".into(), fence: 7 }
    }

    /// A claim to a room that another node has.
    fn begun(tenure: &Tenure) -> Claiming {
        let mut claiming = Claiming::new("us".into(), NOW);
        assert_eq!(claiming.begin(tenure, NOW), Step::AskHolder);
        assert_eq!(claiming.holder(Some(theirs())), Step::AskLease("them".into()));
        claiming
    }

    #[test]
    fn a_room_that_nobody_has_or_this_node_is_claimed_at_once() {
        let mut claiming = Claiming::new("us".into(), NOW);
        assert_eq!(claiming.holder(None), Step::Claim);
        assert_eq!(claiming.holder(Some(Holder { node: "us".into(), fence: 7 })), Step::Claim);
    }

    #[test]
    fn a_dead_nodes_room_is_taken_when_the_bus_says_so_before_and_after_its_burial() {
        let tenure = tenure();
        let mut claiming = begun(&tenure);
        let bury = Step::Bury { node: "them".into(), dead_for: Duration::ZERO };
        assert_eq!(claiming.lease(&tenure, NOW, Lease::Free, false), bury);
        assert_eq!(claiming.buried(true), Step::AskLease("them".into()));
        assert_eq!(claiming.lease(&tenure, NOW, Lease::Free, false), Step::TakeOver(theirs()));
        assert_eq!(claiming.losses(), 1);
    }

    #[test]
    fn either_witness_protects_a_node() {
        let tenure = tenure();
        let after = |lease| begun(&tenure).lease(&tenure, NOW, lease, false);
        assert_eq!(after(Lease::Held), Step::Held("them".into()));
        assert_eq!(after(Lease::Forgotten), Step::Wait);
        assert_eq!(after(Lease::Unknown), Step::Wait);
        let mut claiming = begun(&tenure);
        claiming.lease(&tenure, NOW, Lease::Free, false);
        assert_eq!(claiming.buried(false), Step::Wait);
    }

    #[test]
    fn a_lease_that_is_back_after_the_burial_protects_too() {
        let tenure = tenure();
        let mut claiming = begun(&tenure);
        claiming.lease(&tenure, NOW, Lease::Free, false);
        claiming.buried(true);
        assert_eq!(claiming.lease(&tenure, NOW, Lease::Held, true), Step::Wait);
    }

    #[test]
    fn whoever_was_faster_is_asked_for_at_once() {
        let tenure = tenure();
        let mut claiming = begun(&tenure);
        claiming.lease(&tenure, NOW, Lease::Free, false);
        claiming.buried(true);
        let faster = Holder { node: "faster".into(), fence: 8 };
        assert_eq!(claiming.refused(Some(faster)), Step::AskLease("faster".into()));
        // The burial was another node's.
        let bury = Step::Bury { node: "faster".into(), dead_for: Duration::ZERO };
        assert_eq!(claiming.lease(&tenure, NOW, Lease::Free, false), bury);
        assert_eq!(claiming.refused(None), Step::Wait);
    }

    #[test]
    fn a_silent_node_is_waited_for_as_long_as_its_lease_lasts() {
        let tenure = tenure();
        assert_eq!(begun(&tenure).lease(&tenure, NOW, Lease::Held, true), Step::Wait);
    }

    #[test]
    fn a_claim_ends_with_the_nodes_standing_or_its_patience() {
        let tenure = tenure();
        let mut claiming = Claiming::new("us".into(), NOW);
        assert_eq!(claiming.begin(&tenure, NOW + LIFE), Step::GiveUp);
        let later = NOW + CLAIM_PATIENCE;
        tenure.granted(Witness::Store, later, later);
        assert_eq!(claiming.begin(&tenure, later), Step::GiveUp);
    }
}
