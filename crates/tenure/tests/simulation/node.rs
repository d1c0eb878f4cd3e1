//! A node: what the server does around the rules, step by step as the answers come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parlor_tenure::{Claiming, Lease, Step, Tenure, Witness};

use crate::clock::Clock;
use crate::rules::Broken;
use crate::witness::{Command, Reply, Statement};

/// What a question was about.
#[derive(Clone, Debug)]
pub enum Topic {
    Renewal(Witness),
    Entering,
    Claim(usize),
    /// The lease of the node that has the room.
    Look(usize),
    Commit(usize, i64),
    Nothing,
}

/// What a node has the world do.
pub enum Deed {
    Ask(Topic, Statement),
    AskBus(Topic, Command),
    /// Go on with a claim after a while.
    Wait(usize),
    /// Renew again after a while.
    RenewAgain,
    /// The room is to be loaded, and then opened under this fence.
    Load(usize, i64, u64),
}

/// A room that a node takes for its own.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub fence: i64,
    losses: u64,
}

pub struct Node {
    pub name: Arc<str>,
    pub clock: Clock,
    pub tenure: Tenure,
    pub paused_until_us: u64,
    /// It is about to leave, and tells nothing more.
    pub is_leaving: bool,
    pub slots: BTreeMap<usize, Slot>,
    pub claims: BTreeMap<usize, Claiming>,
    /// Answers of the present renewal that are not there yet.
    renewing: u32,
    /// What the rules are bent to, to see that it is noticed.
    broken: Option<Broken>,
    /// How often it heard that it was buried.
    pub burials: u64,
}

impl Node {
    pub fn new(name: Arc<str>, clock: Clock, broken: Option<Broken>) -> Self {
        Self {
            name,
            clock,
            tenure: Tenure::default(),
            paused_until_us: 0,
            is_leaving: false,
            slots: BTreeMap::new(),
            claims: BTreeMap::new(),
            renewing: 0,
            broken,
            burials: 0,
        }
    }

    fn is_broken(&self, rule: Broken) -> bool {
        self.broken == Some(rule)
    }

    /// Does as the hub does before a turn and before a batch leaves.
    pub fn is_ours(&self, room: usize, now: Duration) -> bool {
        let now = if self.is_broken(Broken::OwnerIgnoresExpiry) { Duration::ZERO } else { now };
        let slot = self.slots.get(&room);
        slot.is_some_and(|slot| self.tenure.standing(now) == Some(slot.losses))
    }

    /// Drops a room that may be another node's by now.
    pub fn give_up(&mut self, room: usize) -> Option<Deed> {
        let slot = self.slots.remove(&room)?;
        Some(Deed::Ask(Topic::Nothing, Statement::Release(room, slot.fence)))
    }

    pub fn enter(&self) -> Deed {
        Deed::Ask(Topic::Entering, Statement::Enter)
    }

    pub fn renew(&mut self) -> Vec<Deed> {
        self.renewing = 2;
        vec![
            Deed::Ask(Topic::Renewal(Witness::Store), Statement::Prolong),
            Deed::AskBus(Topic::Renewal(Witness::Bus), Command::Lease),
        ]
    }

    fn renewed(&mut self, more: Vec<Deed>) -> Vec<Deed> {
        let waits = more.is_empty();
        self.renewing -= u32::from(waits);
        if waits && self.renewing == 0 { vec![Deed::RenewAgain] } else { more }
    }

    pub fn want(&mut self, room: usize, now: Duration) -> Vec<Deed> {
        if self.is_leaving || self.slots.contains_key(&room) || self.claims.contains_key(&room) {
            return Vec::new();
        }
        let mut claiming = Claiming::new(self.name.clone(), now);
        let step = claiming.begin(&self.tenure, now);
        self.claims.insert(room, claiming);
        self.follow(room, step)
    }

    /// Takes an answer, or that there is none, to what was asked at `asked`.
    pub fn take(
        &mut self,
        topic: Topic,
        asked: Duration,
        now: Duration,
        reply: Option<Reply>,
        is_silent: bool,
    ) -> Vec<Deed> {
        match (topic, reply) {
            (Topic::Renewal(by), Some(Reply::Done(true))) => {
                let early = self.is_broken(Broken::LateGrantIsNoLoss);
                self.tenure.granted(by, asked, if early { Duration::ZERO } else { now });
                self.renewed(Vec::new())
            }
            (Topic::Renewal(_), Some(_)) => {
                self.burials += 1;
                let enters = self.is_broken(Broken::OwnerIgnoresBurial) || self.tenure.buried();
                let more = enters.then(|| self.enter());
                self.renewed(more.into_iter().collect())
            }
            (Topic::Renewal(by), None) => {
                self.tenure.not_granted(by, asked, now);
                self.renewed(Vec::new())
            }
            (Topic::Entering, Some(_)) => {
                self.tenure.granted(Witness::Store, asked, now);
                self.renewed(Vec::new())
            }
            (Topic::Entering, None) => {
                self.tenure.not_granted(Witness::Store, asked, now);
                self.renewed(Vec::new())
            }
            (Topic::Claim(room), reply) => self.go_on(room, reply),
            (Topic::Look(room), reply) => {
                let lease = match reply {
                    Some(Reply::Lease(lease)) => {
                        self.tenure.bus_answered();
                        lease
                    }
                    _ => {
                        self.tenure.bus_failed(asked, now);
                        Lease::Unknown
                    }
                };
                self.looked(room, now, lease, is_silent)
            }
            (Topic::Commit(room, fence), Some(Reply::Done(false))) => {
                let is_same = self.slots.get(&room).is_some_and(|slot| slot.fence == fence);
                let given_up = if is_same { self.give_up(room) } else { None };
                given_up.into_iter().collect()
            }
            (Topic::Commit(..) | Topic::Nothing, _) => Vec::new(),
        }
    }

    /// Goes on with a claim whose pause is over.
    pub fn waited(&mut self, room: usize, now: Duration) -> Vec<Deed> {
        let Some(claiming) = self.claims.get_mut(&room) else { return Vec::new() };
        let step = claiming.begin(&self.tenure, now);
        self.follow(room, step)
    }

    fn looked(&mut self, room: usize, now: Duration, lease: Lease, is_silent: bool) -> Vec<Deed> {
        let Some(claiming) = self.claims.get_mut(&room) else { return Vec::new() };
        let lease = match (self.broken, lease) {
            (Some(Broken::ClaimantIgnoresBus), _)
            | (Some(Broken::ClaimantTrustsAYoungBus), Lease::Forgotten)
            | (Some(Broken::ClaimantTakesNoAnswerForNo), Lease::Unknown) => Lease::Free,
            (_, lease) => lease,
        };
        let step = claiming.lease(&self.tenure, now, lease, is_silent);
        self.follow(room, step)
    }

    fn go_on(&mut self, room: usize, reply: Option<Reply>) -> Vec<Deed> {
        let Some(claiming) = self.claims.get_mut(&room) else { return Vec::new() };
        let step = match reply {
            Some(Reply::Holder(holder)) => claiming.holder(holder),
            Some(Reply::Done(is_gone)) => {
                let ignores = self.broken == Some(Broken::ClaimantIgnoresStore);
                claiming.buried(is_gone || ignores)
            }
            Some(Reply::Fence(Ok(fence))) => {
                let losses = claiming.losses();
                return vec![Deed::Load(room, fence, losses)];
            }
            Some(Reply::Fence(Err(holder))) => claiming.refused(holder),
            Some(Reply::Lease(_)) | None => Step::GiveUp,
        };
        self.follow(room, step)
    }

    fn follow(&mut self, room: usize, step: Step) -> Vec<Deed> {
        let about = Topic::Claim(room);
        let unchecked = self.is_broken(Broken::ClaimantIgnoresStore);
        let deed = match step {
            Step::AskHolder => Deed::Ask(about, Statement::Holder(room)),
            Step::AskLease(node) => Deed::AskBus(Topic::Look(room), Command::Look(node)),
            Step::Bury { node, dead_for } => Deed::Ask(about, Statement::Bury(node, dead_for)),
            Step::Claim => Deed::Ask(about, Statement::Claim(room)),
            Step::TakeOver(from) => Deed::Ask(about, Statement::TakeOver { room, from, unchecked }),
            Step::Wait => Deed::Wait(room),
            Step::Held(_) | Step::GiveUp => {
                self.claims.remove(&room);
                return Vec::new();
            }
        };
        vec![deed]
    }

    /// Opens a room that was claimed and read.
    pub fn open(&mut self, room: usize, fence: i64, losses: u64) {
        self.claims.remove(&room);
        self.slots.insert(room, Slot { fence, losses });
    }
}
