//! What is told to many connections at once: framed once in a turn, and sent to each from the same
//! bytes.
//!
//! A group is made when something is told to it first, and is gone when the turn ends. Those of its
//! connections to which a packet is a frame and nothing else *ride*: they get the group's bytes, from
//! a place that each has of its own. All others are told one by one. Before a connection that rides
//! is told something of its own, what the group was told until then becomes its own as well, so
//! that everything arrives in the order in which it was said.

use bytes::Bytes;
use parlor_dialects::engineio::Outgoing;
use parlor_protocol::UserId;
use parlor_protocol::limits::BACKLOG_BYTES;

use super::wire::{append_frame, wire_of};
use super::{Client, ClientKey, Clients};
use crate::hub::backlog::Sent;
use crate::hub::{Hub, HubRef};

/// Whose connections a group has.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Whom {
    /// Those of somebody.
    Person(UserId),
    /// Those in a namespace, whosesoever.
    Namespace(&'static str),
}

/// What is told to many in the present turn.
pub(super) struct Group {
    /// Those who get its bytes.
    riders: Vec<ClientKey>,
    /// Those who are told one by one.
    others: Vec<ClientKey>,
    /// Whole frames.
    framed: Vec<u8>,
}

/// From where a connection gets the bytes of a group.
#[derive(Clone, Copy)]
pub(super) struct Ride {
    /// The group's place among those of the turn.
    group: u32,
    /// Behind how many of its bytes.
    from: u32,
}

impl Ride {
    /// With no group.
    pub(super) const NONE: Ride = Ride { group: u32::MAX, from: 0 };

    fn is_one(self) -> bool {
        self.group != u32::MAX
    }

    /// Returns what is to be had on it still, and goes on behind that.
    pub(super) fn take<'a>(&mut self, groups: &'a [Group]) -> &'a [u8] {
        let Some(group) = groups.get(self.group as usize) else { return &[] };
        let from = std::mem::replace(&mut self.from, group.framed.len() as u32);
        &group.framed[from as usize..]
    }
}

impl Hub {
    /// Tells every connection of somebody an event; returns how many took it.
    pub(super) fn tell_user(&mut self, me: &HubRef, user: &UserId, event: &Outgoing) -> usize {
        self.clients.away.tell(user, event);
        match self.clients.by_user.get(user).map(Vec::as_slice) {
            None => 0,
            Some(&[key]) => usize::from(self.tell_client(me, key, event)),
            Some(_) => {
                let whom = Whom::Person(user.clone());
                self.tell_group(me, &whom, std::slice::from_ref(event))
            }
        }
    }

    /// Tells every connection of a group an event, attachments and all; returns how many took it.
    pub(super) fn tell_group(&mut self, me: &HubRef, whom: &Whom, packets: &[Outgoing]) -> usize {
        let known = self.clients.group_of.get(whom).copied();
        let at = known.unwrap_or_else(|| self.gather(whom));
        let group = &mut self.clients.groups[at as usize];
        if !group.riders.is_empty() {
            packets.iter().for_each(|packet| append_frame(&mut group.framed, packet));
        }
        let (rode, is_much) = (group.riders.len(), group.framed.len() > BACKLOG_BYTES);
        let others = group.others.clone();
        let told = others.into_iter().filter(|&key| match packets {
            [event] => self.tell_client(me, key, event),
            // What has attachments is not kept for those who may come back.
            packets => self.send_client(me, key, packets),
        });
        let took = rode + told.count();
        if is_much {
            // Who does not read owes too much by now, and nobody's place may go beyond its number.
            self.flush_groups(me);
        }
        took
    }

    /// Makes the group of this turn.
    fn gather(&mut self, whom: &Whom) -> u32 {
        let Clients { all, by_user, groups, group_of, .. } = &mut self.clients;
        let at = groups.len() as u32;
        let mut group = Group { riders: Vec::new(), others: Vec::new(), framed: Vec::new() };
        let mut seat = |key, client: &mut Client| match client.ride() {
            Some(ride) => {
                *ride = Ride { group: at, from: 0 };
                group.riders.push(key);
            }
            None => group.others.push(key),
        };
        match whom {
            Whom::Person(user) => {
                for &key in by_user.get(user).into_iter().flatten() {
                    if let Some(client) = all.get_mut(key) {
                        seat(key, client);
                    }
                }
            }
            Whom::Namespace(namespace) => {
                all.iter_mut()
                    .filter(|(_, client)| client.is_in(namespace))
                    .for_each(|(key, client)| seat(key, client));
            }
        }
        groups.push(group);
        group_of.insert(whom.clone(), at);
        self.signals.turn_ends.notify_one();
        at
    }

    /// Adds a connection to a group of this turn: what it is told from now on, it is told by itself.
    pub(super) fn join_group(&mut self, key: ClientKey, whom: &Whom) {
        let Clients { groups, group_of, .. } = &mut self.clients;
        if let Some(&at) = group_of.get(whom) {
            groups[at as usize].others.push(key);
        }
    }

    /// Takes a connection out of a group of this turn. What it was told stays told.
    pub(super) fn leave_group(&mut self, key: ClientKey, whom: &Whom) {
        let Some(&at) = self.clients.group_of.get(whom) else { return };
        self.alight_from(key, at);
        self.clients.groups[at as usize].others.retain(|other| *other != key);
    }

    /// Has a connection told one by one, from now on, what its group is told.
    pub(super) fn alight(&mut self, key: ClientKey) {
        if let Some(wire) = wire_of(self.clients.all.get_mut(key))
            && wire.ride.is_one()
        {
            let at = wire.ride.group;
            self.alight_from(key, at);
        }
    }

    fn alight_from(&mut self, key: ClientKey, at: u32) {
        let Clients { all, groups, .. } = &mut self.clients;
        let Some(group) = groups.get_mut(at as usize) else { return };
        let Some(place) = group.riders.iter().position(|rider| *rider == key) else { return };
        group.riders.swap_remove(place);
        group.others.push(key);
        // One whose WebSocket is gone gets nothing more.
        if let Some(wire) = wire_of(all.get_mut(key)) {
            wire.settle(groups);
            wire.ride = Ride::NONE;
            self.touch_client(key);
        }
    }

    /// Sends what groups were told, and with it what each of their connections was told before.
    pub(super) fn flush_groups(&mut self, me: &HubRef) {
        let Clients { all, groups, group_of, .. } = &mut self.clients;
        group_of.clear();
        let mut troubled = Vec::new();
        for group in std::mem::take(groups) {
            let mut shared: Option<Bytes> = None;
            for key in group.riders {
                let Some(wire) = wire_of(all.get_mut(key)) else { continue };
                let ride = std::mem::replace(&mut wire.ride, Ride::NONE);
                let sent = wire.write_shared(&group.framed, ride.from as usize, &mut shared);
                if sent != Sent::Fine {
                    troubled.push((key, sent));
                }
            }
        }
        for (key, sent) in troubled {
            self.wire_trouble(me, key, sent);
        }
    }
}

impl Client {
    /// Returns where a ride is noted, if it may begin one: an event must be a frame to it and nothing
    /// else, neither kept nor held, and there is one ride at a time.
    fn ride(&mut self) -> Option<&mut Ride> {
        let may = self.session.is_on_socket()
            && self.speech.recovery.is_none()
            && !self.speech.joined.is_empty();
        let wire = self.wire.as_deref_mut().filter(|wire| may && !wire.ride.is_one())?;
        Some(&mut wire.ride)
    }

    fn is_in(&self, namespace: &str) -> bool {
        self.speech.joined.iter().any(|joined| joined.namespace == namespace)
    }
}
