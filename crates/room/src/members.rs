//! Who is present: seats in order of joining, and the live connections of each.
//!
//! Rooms have up to a million members, most of them silent, so a seat is small: its first
//! connection is in it, further ones and what players report are kept beside, for those who have
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use hashbrown::HashTable;
use parlor_protocol::UserId;
use parlor_protocol::member::Readiness;

use crate::io::{ConnId, Principal};
use crate::row::{Place, Row};

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

/// A seat as it is kept.
#[derive(Debug)]
struct Kept {
    user: UserId,
    name: Arc<str>,
    joined_ms: i64,
    /// One of its connections, if it has any.
    connection: ConnId,
    connection_count: u8,
    is_guest: bool,
}

/// All seats of a room.
#[derive(Debug, Default)]
pub(crate) struct Members {
    row: Row<Kept>,
    count: usize,
    by_user: HashTable<Place>,
    /// The connections that are in their seats.
    by_connection: HashTable<Place>,
    /// Connections beyond the one in the seat.
    further: BTreeMap<ConnId, Place>,
    further_of: BTreeSet<(Place, ConnId)>,
    reports: BTreeMap<ConnId, Report>,
    connection_count: usize,
}

/// A member's place in the room. It is taken by the first connection and outlives the last one by
/// a grace.
#[derive(Clone, Copy)]
pub(crate) struct Seat<'a> {
    members: &'a Members,
    place: Place,
    kept: &'a Kept,
}

impl<'a> Seat<'a> {
    /// Returns whose it is.
    pub(crate) fn user(&self) -> &'a UserId {
        &self.kept.user
    }

    /// Returns whose it is, with everything known of the person.
    pub(crate) fn who(&self) -> Principal {
        let Kept { user, name, is_guest, .. } = self.kept;
        Principal { user_id: user.clone(), display_name: Arc::clone(name), is_guest: *is_guest }
    }

    /// Returns what the member is called.
    pub(crate) fn display_name(&self) -> &'a str {
        &self.kept.name
    }

    /// Says whether the member has no account.
    pub(crate) fn is_guest(&self) -> bool {
        self.kept.is_guest
    }

    /// Returns when it was taken, in ms of the wall clock.
    pub(crate) fn joined_ms(&self) -> i64 {
        self.kept.joined_ms
    }

    /// Returns how many connections are live.
    pub(crate) fn connection_count(&self) -> usize {
        usize::from(self.kept.connection_count)
    }

    /// Goes through the live connections.
    pub(crate) fn connections(&self) -> impl Iterator<Item = ConnId> + use<'a> {
        let first = (self.kept.connection_count > 0).then_some(self.kept.connection);
        let range = (self.place, ConnId(0))..=(self.place, ConnId(u64::MAX));
        let further = self.members.further_of.range(range).map(|(_, conn)| *conn);
        first.into_iter().chain(further)
    }

    /// Says whether no connection is left, so that only the grace keeps the seat.
    pub(crate) fn is_reconnecting(&self) -> bool {
        self.kept.connection_count == 0
    }

    fn reports(&self) -> impl Iterator<Item = &'a Report> + use<'a> {
        let reports = &self.members.reports;
        self.connections().filter_map(|conn| reports.get(&conn))
    }

    /// Returns what the member's player says. Of several, the one in most trouble speaks, and one
    /// that is hidden only if no other does.
    pub(crate) fn readiness(&self) -> Option<Readiness> {
        worst(self.reports())
    }

    /// Returns the same of the players that count for the others.
    pub(crate) fn counted_readiness(&self) -> Option<Readiness> {
        worst(self.reports().filter(|report| !report.detached && !report.newcomer))
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

/// Hashes the same on every machine. Ids are made by servers, so nobody can choose them to collide.
fn hash(it: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    it.hash(&mut hasher);
    hasher.finish()
}

impl Members {
    /// Returns how many seats are taken, those in their grace included.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Returns how many connections are live.
    pub(crate) fn connection_count(&self) -> usize {
        self.connection_count
    }

    /// Returns a member's seat.
    pub(crate) fn seat(&self, user: &UserId) -> Option<Seat<'_>> {
        self.seat_at(self.find(user)?)
    }

    /// Returns the seat behind a connection.
    pub(crate) fn seat_of(&self, conn: ConnId) -> Option<Seat<'_>> {
        self.seat_at(self.find_connected(conn)?)
    }

    fn seat_at(&self, place: Place) -> Option<Seat<'_>> {
        self.row.get(place).map(|kept| Seat { members: self, place, kept })
    }

    fn find(&self, user: &UserId) -> Option<Place> {
        let is_theirs = |place: &Place| self.row.get(*place).is_some_and(|it| it.user == *user);
        self.by_user.find(hash(user), is_theirs).copied()
    }

    fn find_connected(&self, conn: ConnId) -> Option<Place> {
        let is_its = |place: &Place| self.row.get(*place).is_some_and(|it| it.connection == conn);
        let in_seat = self.by_connection.find(hash(conn), is_its);
        in_seat.or_else(|| self.further.get(&conn)).copied()
    }

    /// Returns the report of a live connection, to be changed.
    pub(crate) fn report_mut(&mut self, conn: ConnId) -> Option<&mut Report> {
        self.find_connected(conn)?;
        Some(self.reports.entry(conn).or_default())
    }

    /// Returns the worst round trip of the connections whose player is not away, in ms.
    pub(crate) fn worst_rtt_ms(&self) -> Option<f64> {
        self.reports
            .values()
            .filter(|report| report.readiness != Some(Readiness::Away))
            .filter_map(|report| report.rtt_ms)
            .max_by(f64::total_cmp)
    }

    /// Another medium is new to everybody: nobody is a newcomer to it.
    pub(crate) fn forget_newcomers(&mut self) {
        self.reports.values_mut().for_each(|report| report.newcomer = false);
    }

    /// Gives a person a seat at the end of the row.
    pub(crate) fn take(&mut self, who: Principal, joined_ms: i64) {
        let Principal { user_id: user, display_name: name, is_guest } = who;
        let code = hash(&user);
        let (connection, connection_count) = (ConnId(0), 0);
        let place =
            self.row.push(Kept { user, name, joined_ms, connection, connection_count, is_guest });
        let row = &self.row;
        self.by_user.insert_unique(code, place, |it| row.get(*it).map_or(0, |it| hash(&it.user)));
        self.count += 1;
    }

    /// Adds a connection to the seat of `who`, who may have a new name since.
    pub(crate) fn connect(&mut self, conn: ConnId, who: Principal) {
        let Some(place) = self.find(&who.user_id) else { return };
        let Some(kept) = self.row.get_mut(place) else { return };
        (kept.name, kept.is_guest) = (who.display_name, who.is_guest);
        kept.connection_count += 1;
        self.connection_count += 1;
        if kept.connection_count == 1 {
            self.put_in_seat(place, conn);
        } else {
            self.further.insert(conn, place);
            self.further_of.insert((place, conn));
        }
    }

    fn put_in_seat(&mut self, place: Place, conn: ConnId) {
        if let Some(kept) = self.row.get_mut(place) {
            kept.connection = conn;
        }
        let row = &self.row;
        let hasher = |it: &Place| row.get(*it).map_or(0, |it| hash(it.connection));
        self.by_connection.insert_unique(hash(conn), place, hasher);
    }

    /// Takes a connection away.
    pub(crate) fn disconnect(&mut self, conn: ConnId) {
        let Some(place) = self.find_connected(conn) else { return };
        self.reports.remove(&conn);
        self.connection_count -= 1;
        if let Some(kept) = self.row.get_mut(place) {
            kept.connection_count -= 1;
        }
        if self.further.remove(&conn).is_some() {
            self.further_of.remove(&(place, conn));
            return;
        }
        if let Ok(entry) = self.by_connection.find_entry(hash(conn), |it| *it == place) {
            entry.remove();
        }
        let range = (place, ConnId(0))..=(place, ConnId(u64::MAX));
        if let Some((_, next)) = self.further_of.range(range).next().copied() {
            self.further.remove(&next);
            self.further_of.remove(&(place, next));
            self.put_in_seat(place, next);
        }
    }

    /// Frees a seat with all its connections, and returns whose it was.
    pub(crate) fn free(&mut self, user: &UserId) -> Option<Principal> {
        let seat = self.seat(user)?;
        let (who, place) = (seat.who(), seat.place);
        for conn in seat.connections().collect::<Vec<_>>() {
            self.disconnect(conn);
        }
        if let Ok(entry) = self.by_user.find_entry(hash(user), |it| *it == place) {
            entry.remove();
        }
        self.row.remove(place);
        self.count -= 1;
        Some(who)
    }

    /// Returns who is present longest.
    pub(crate) fn longest_present(&self) -> Option<&UserId> {
        self.in_order(None).next().map(|seat| seat.user())
    }

    /// Goes through the seats, longest present first, those behind the seat of `after` only.
    pub(crate) fn in_order(&self, after: Option<&UserId>) -> impl Iterator<Item = Seat<'_>> {
        let behind = after.and_then(|user| self.find(user));
        self.row.places(behind).filter_map(|place| self.seat_at(place))
    }

    /// Goes through all live connections.
    pub(crate) fn connections(&self) -> impl Iterator<Item = ConnId> {
        self.in_order(None).flat_map(|seat| seat.connections())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_small() {
        assert_eq!(crate::row::slot_bytes::<Kept>(), 64);
    }
}
