//! Who is present: seats in order of joining, and the live connections of each.

use std::collections::BTreeMap;
use std::ops::Bound;

use parlor_protocol::UserId;
use parlor_protocol::member::Readiness;

use crate::io::{ConnId, Principal};

/// A member's place in the room. It is taken by the first connection and outlives the last one by
/// a grace.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    /// Whose it is.
    pub(crate) who: Principal,
    /// Grows with every seat taken: the order of joining.
    pub(crate) order: u64,
    /// Wall clock when it was taken, ms.
    pub(crate) joined_ms: i64,
    /// The live connections and what each last reported; none while reconnecting.
    pub(crate) connections: BTreeMap<ConnId, Report>,
}

/// What one connection said of its player.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Report {
    /// Whether the player can go on; `None` if it never said.
    pub(crate) readiness: Option<Readiness>,
    /// Best round trip, ms.
    pub(crate) rtt_ms: Option<f64>,
    /// Whether it shows something else just now, an advert for one.
    pub(crate) detached: bool,
    /// Whether it began to load while the room was playing: it does not count before it has been
    /// ready once, so that nobody's coming stops the others.
    pub(crate) newcomer: bool,
}

impl Seat {
    /// Says whether no connection is left, so that only the grace keeps the seat.
    pub(crate) fn is_reconnecting(&self) -> bool {
        self.connections.is_empty()
    }

    /// Returns what the member's player says. Of several, the one in most trouble speaks, and one
    /// that is hidden only if no other does.
    pub(crate) fn readiness(&self) -> Option<Readiness> {
        worst(self.connections.values())
    }

    /// Returns the same of the players that count for the others.
    pub(crate) fn counted_readiness(&self) -> Option<Readiness> {
        worst(self.connections.values().filter(|report| !report.detached && !report.newcomer))
    }

    /// Returns the worst round trip of the connections whose player is not away, in ms.
    pub(crate) fn rtt_ms(&self) -> Option<f64> {
        self.connections
            .values()
            .filter(|report| report.readiness != Some(Readiness::Away))
            .filter_map(|report| report.rtt_ms)
            .max_by(f64::total_cmp)
    }
}

fn worst<'a>(reports: impl Iterator<Item = &'a Report>) -> Option<Readiness> {
    reports.filter_map(|report| report.readiness).max_by_key(|readiness| match readiness {
        Readiness::Away => 0,
        Readiness::Ready => 1,
        Readiness::Loading => 2,
        Readiness::Stalled => 3,
    })
}

/// All seats of a room.
///
/// Joining, leaving and counting cost the same in a room of ten and of a million (but for the
/// depth of a tree).
#[derive(Debug, Default)]
pub(crate) struct Members {
    seats: BTreeMap<UserId, Seat>,
    by_order: BTreeMap<u64, UserId>,
    users: BTreeMap<ConnId, UserId>,
    next_order: u64,
}

impl Members {
    /// Returns how many seats are taken, those in their grace included.
    pub(crate) fn count(&self) -> usize {
        self.seats.len()
    }

    /// Returns how many connections are live.
    pub(crate) fn connection_count(&self) -> usize {
        self.users.len()
    }

    /// Returns a member's seat.
    pub(crate) fn seat(&self, user: &UserId) -> Option<&Seat> {
        self.seats.get(user)
    }

    /// Returns the seat behind a connection.
    pub(crate) fn seat_of(&self, conn: ConnId) -> Option<&Seat> {
        self.seats.get(self.users.get(&conn)?)
    }

    /// Returns the report of a connection, to be changed.
    pub(crate) fn report_mut(&mut self, conn: ConnId) -> Option<&mut Report> {
        self.seats.get_mut(self.users.get(&conn)?)?.connections.get_mut(&conn)
    }

    /// Another medium is new to everybody: nobody is a newcomer to it.
    pub(crate) fn forget_newcomers(&mut self) {
        for seat in self.seats.values_mut() {
            seat.connections.values_mut().for_each(|report| report.newcomer = false);
        }
    }

    /// Gives a person a seat at the end of the row.
    pub(crate) fn take(&mut self, who: Principal, joined_ms: i64) {
        let order = self.next_order;
        self.next_order += 1;
        self.by_order.insert(order, who.user_id.clone());
        let seat = Seat { who, order, joined_ms, connections: BTreeMap::new() };
        self.seats.insert(seat.who.user_id.clone(), seat);
    }

    /// Adds a connection to the seat of `who`, who may have a new name since.
    pub(crate) fn connect(&mut self, conn: ConnId, who: Principal) {
        if let Some(seat) = self.seats.get_mut(&who.user_id) {
            self.users.insert(conn, who.user_id.clone());
            seat.who = who;
            seat.connections.insert(conn, Report::default());
        }
    }

    /// Takes a connection away and returns whose it was.
    pub(crate) fn disconnect(&mut self, conn: ConnId) -> Option<UserId> {
        let user = self.users.remove(&conn)?;
        if let Some(seat) = self.seats.get_mut(&user) {
            seat.connections.remove(&conn);
        }
        Some(user)
    }

    /// Frees a seat, and returns it with the connections it had.
    pub(crate) fn free(&mut self, user: &UserId) -> Option<Seat> {
        let seat = self.seats.remove(user)?;
        self.by_order.remove(&seat.order);
        for conn in seat.connections.keys() {
            self.users.remove(conn);
        }
        Some(seat)
    }

    /// Returns who is present longest.
    pub(crate) fn longest_present(&self) -> Option<&UserId> {
        self.by_order.values().next()
    }

    /// Goes through the seats, longest present first, those after the seat of `after` only.
    pub(crate) fn in_order(&self, after: Option<&UserId>) -> impl Iterator<Item = &Seat> {
        let start = match after.and_then(|user| self.seats.get(user)) {
            Some(seat) => Bound::Excluded(seat.order),
            None => Bound::Unbounded,
        };
        self.by_order.range((start, Bound::Unbounded)).filter_map(|(_, user)| self.seats.get(user))
    }

    /// Goes through all live connections.
    pub(crate) fn connections(&self) -> impl Iterator<Item = ConnId> {
        self.users.keys().copied()
    }
}
