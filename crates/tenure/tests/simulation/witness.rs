//! The two witnesses: what a database and a broker do with the few things nodes ask of them. That
//! the real ones do the same is shown by the contract tests of the store and of the bus.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parlor_tenure::{Holder, LIFE, Lease};

use crate::clock::Clock;

/// What a node asks of the database.
#[derive(Clone, Debug)]
pub enum Statement {
    /// Makes the node's row.
    Enter,
    /// Moves the end of the node's life on, if it has a row.
    Prolong,
    /// Removes the node's row: it goes of its own accord.
    Retire,
    Holder(usize),
    /// Removes another's row if it is dead for at least this long.
    Bury(Arc<str>, Duration),
    Claim(usize),
    /// `unchecked` is what a broken rule would have: nobody looks for the row.
    TakeOver {
        room: usize,
        from: Holder,
        unchecked: bool,
    },
    /// Writes something durable under a fence.
    Commit(usize, i64),
    Release(usize, i64),
}

/// What a node asks of the bus.
#[derive(Clone, Debug)]
pub enum Command {
    Lease,
    Release,
    Look(Arc<str>),
}

/// What either of them answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It is done (`true`), or what it needs is not there.
    Done(bool),
    Holder(Option<Holder>),
    Fence(Result<i64, Option<Holder>>),
    Lease(Lease),
}

/// A room's row.
#[derive(Default)]
pub struct Row {
    pub owner: Option<Arc<str>>,
    pub fence: i64,
}

/// The database.
pub struct Store {
    clock: Clock,
    pub rooms: Vec<Row>,
    /// Until when each node is alive, µs of the database's clock.
    nodes: BTreeMap<Arc<str>, u64>,
}

impl Store {
    pub fn new(clock: Clock, rooms: usize) -> Self {
        let rooms = (0..rooms).map(|_| Row::default()).collect();
        Self { clock, rooms, nodes: BTreeMap::new() }
    }

    pub fn run(&mut self, now_us: u64, asker: &Arc<str>, statement: &Statement) -> Reply {
        let now_us = self.clock.shows_us(now_us);
        let until_us = now_us + LIFE.as_micros() as u64;
        match statement {
            Statement::Enter => {
                self.nodes.insert(asker.clone(), until_us);
                Reply::Done(true)
            }
            Statement::Prolong => {
                let row = self.nodes.get_mut(asker);
                Reply::Done(row.map(|row| *row = until_us).is_some())
            }
            Statement::Retire => Reply::Done(self.nodes.remove(asker).is_some()),
            Statement::Holder(room) => {
                let Row { owner, fence } = &self.rooms[*room];
                let holder = owner.clone().map(|node| Holder { node, fence: *fence });
                Reply::Holder(holder)
            }
            Statement::Bury(node, dead_for) => {
                let dead_us = now_us.saturating_sub(dead_for.as_micros() as u64);
                if self.nodes.get(node).is_some_and(|until_us| *until_us <= dead_us) {
                    self.nodes.remove(node);
                }
                Reply::Done(!self.nodes.contains_key(node))
            }
            Statement::Claim(room) => {
                let row = &self.rooms[*room];
                let is_free = row.owner.as_ref().is_none_or(|owner| owner == asker);
                self.take(*room, asker, is_free)
            }
            Statement::TakeOver { room, from, unchecked } => {
                let Row { owner, fence } = &self.rooms[*room];
                let is_same = owner.as_ref() == Some(&from.node) && *fence == from.fence;
                let is_gone = *unchecked || !self.nodes.contains_key(&from.node);
                self.take(*room, asker, is_same && is_gone)
            }
            Statement::Commit(room, fence) => Reply::Done(self.rooms[*room].fence == *fence),
            Statement::Release(room, fence) => {
                let row = &mut self.rooms[*room];
                if row.fence == *fence {
                    row.owner = None;
                }
                Reply::Done(true)
            }
        }
    }

    fn take(&mut self, room: usize, node: &Arc<str>, may: bool) -> Reply {
        let row = &mut self.rooms[room];
        if !may {
            let node = row.owner.clone();
            return Reply::Fence(Err(node.map(|node| Holder { node, fence: row.fence })));
        }
        row.fence += 1;
        row.owner = Some(node.clone());
        Reply::Fence(Ok(row.fence))
    }
}

/// The bus.
pub struct Bus {
    clock: Clock,
    /// When each lease ends, µs of the bus's clock.
    leases: BTreeMap<Arc<str>, u64>,
    /// Whether it has been asked anything since it last began anew, and until when it says that it
    /// may have forgotten something.
    remembers: bool,
    young_until_us: u64,
}

impl Bus {
    pub fn new(clock: Clock) -> Self {
        Self { clock, leases: BTreeMap::new(), remembers: false, young_until_us: 0 }
    }

    pub fn run(&mut self, now_us: u64, asker: &Arc<str>, command: &Command) -> Reply {
        let now_us = self.clock.shows_us(now_us);
        let until_us = now_us + LIFE.as_micros() as u64;
        if !std::mem::replace(&mut self.remembers, true) {
            self.young_until_us = until_us;
        }
        match command {
            Command::Lease => {
                self.leases.insert(asker.clone(), until_us);
                Reply::Done(true)
            }
            Command::Release => Reply::Done(self.leases.remove(asker).is_some()),
            Command::Look(node) => {
                let is_held = self.leases.get(node).is_some_and(|until_us| *until_us > now_us);
                Reply::Lease(match (is_held, self.young_until_us > now_us) {
                    (true, _) => Lease::Held,
                    (false, true) => Lease::Forgotten,
                    (false, false) => Lease::Free,
                })
            }
        }
    }

    /// Everything is lost, as when it is emptied or started anew.
    pub fn flush(&mut self) {
        self.leases.clear();
        self.remembers = false;
    }

    /// One lease is lost, and the bus does not know.
    pub fn lose(&mut self, node: &Arc<str>) {
        self.leases.remove(node);
    }
}
