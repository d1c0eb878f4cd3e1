//! A room moves to where its members are. A node that has a room most of whose connections come
//! from another node, and keep coming from there, hands it over to that one: what is said then does
//! not travel twice.
//!
//! The room is written down, the database is told whose it is from now on, and its members are sent
//! back; they find it where they come in. What a member said in the moment between is answered by
//! nobody, as when a connection breaks, and clients say it again.

use std::time::Duration;

use parlor_protocol::RoomId;
use parlor_room::{Input, Room};
use parlor_store::RoomWrite;

use super::load::bare;
use super::{Home, Hub, HubRef, RoomKey};
use crate::cluster::wire::Matter;
use crate::cluster::{Cluster, NodeId};
use crate::rooms::Errand;

/// How long most connections must have come from the same other node. It is longer than a dropped
/// member's seat is kept (8 s): those who come back elsewhere after a break may go again as quickly.
const SETTLED_AFTER: Duration = Duration::from_secs(10);
/// A room that has moved needs twice as long to move again, up to 640 s: behind a proxy that sends
/// members to any node they come back to another one each time, and would never be left in peace.
const DOUBLED_AT_MOST: u32 = 6;
/// How often it is looked where connections come from.
const LOOKED_EVERY: Duration = Duration::from_secs(1);
/// Two thirds of the connections are most of them. To come back, a room needs as many on the other
/// side: an even crowd does not make it go to and fro.
const MOST: (usize, usize) = (2, 3);

/// Where most of a room's connections come from, and since when.
#[derive(Default)]
pub(super) struct Leaning {
    toward: Option<(NodeId, Duration)>,
    /// How often the room has moved since it was loaded from rest.
    moves: u32,
}

impl Leaning {
    /// Notes how often the room had moved when it came here.
    pub(super) fn came_after(&mut self, moves: u32) {
        self.moves = self.moves.max(moves);
    }

    /// Notes which other node most connections come from at `now`; returns it once that has lasted,
    /// and begins anew.
    fn note(&mut self, now: Duration, most: Option<&NodeId>) -> Option<NodeId> {
        let settled_after = SETTLED_AFTER * 2_u32.pow(self.moves.min(DOUBLED_AT_MOST));
        match (&self.toward, most) {
            (_, None) => self.toward = None,
            (Some((known, since)), Some(most)) if known == most => {
                if now.saturating_sub(*since) >= settled_after {
                    return self.toward.take().map(|(settled, _)| settled);
                }
            }
            (_, Some(most)) => self.toward = Some((most.clone(), now)),
        }
        None
    }
}

/// A room on its way to another node.
pub(super) struct Move {
    heir: NodeId,
    /// Which move it is since the room was loaded from rest, counted from 1.
    number: u32,
    /// The room's last state, once nothing is said in it any more.
    last: Option<RoomWrite>,
}

impl Move {
    /// Says whether something waits for the room at its next node: it is said again there.
    pub(super) fn puts_off(&self, input: &Input) -> bool {
        match input {
            Input::Join { .. }
            | Input::Command { .. }
            | Input::Ask { .. }
            | Input::Enter { .. }
            | Input::Knock { .. } => true,
            Input::Depart { .. }
            | Input::Stored { .. }
            | Input::Inherit { .. }
            | Input::Touch
            | Input::Close { .. }
            | Input::Timeout => false,
        }
    }
}

/// Looks from time to time where the members of each room are.
pub(super) async fn follow_members(hub: HubRef) {
    let Some(cluster) = hub.borrow().tools.cluster.clone() else { return };
    let mut every = tokio::time::interval(LOOKED_EVERY);
    loop {
        every.tick().await;
        let settled = hub.borrow_mut().settled();
        for (key, heir) in settled {
            tokio::task::spawn_local(begin(hub.clone(), cluster.clone(), key, heir));
        }
    }
}

/// Begins to move a room, if the database answers: without it the room is better off where it is.
async fn begin(me: HubRef, cluster: Cluster, key: RoomKey, heir: NodeId) {
    let Some(id) = me.borrow().rooms.get(key).map(|slot| slot.id.clone()) else { return };
    let store = me.borrow().tools.store.clone();
    match store.holder_of_room(&id).await {
        Ok(Some(holder)) if *holder.node == **cluster.node() && !cluster.is_silent(&heir) => {
            let mut hub = me.borrow_mut();
            if let Some(here) = hub.here_mut(key) {
                let number = here.leaning.moves.saturating_add(1);
                here.moving = Some(Move { heir, number, last: None });
                hub.move_if_written(&me, key);
            }
        }
        Ok(_) => {}
        Err(error) => tracing::debug!(room = %id, %error, "a room stays where it is"),
    }
}

/// Returns the other node that most of a room's connections come from.
fn most<'a>(
    conns: usize,
    far: impl Iterator<Item = (&'a NodeId, &'a usize)>,
) -> Option<&'a NodeId> {
    let (node, count) = far.max_by_key(|(_, count)| **count)?;
    (*count > 0 && count * MOST.1 >= conns * MOST.0).then_some(node)
}

impl Hub {
    /// Returns the rooms whose members have settled at another node.
    fn settled(&mut self) -> Vec<(RoomKey, NodeId)> {
        if self.draining {
            return Vec::new();
        }
        let now = self.tools.clock.now().mono;
        let opens_sockets = self.tools.opens_sockets;
        let rooms = self.rooms.iter_mut();
        let settled = rooms.filter_map(|(key, slot)| {
            let Home::Here(here) = &mut slot.home else { return None };
            // No member is near a node that opens no sockets: any other has it better.
            let conns = if opens_sockets { slot.conns } else { 0 };
            let settled = here.leaning.note(now, most(conns, here.far.iter()))?;
            Some((key, settled))
        });
        settled.collect()
    }

    /// Moves a room that is to move, unless somebody still waits for the store.
    pub(super) fn move_if_written(&mut self, me: &HubRef, key: RoomKey) {
        let now = self.tools.clock.now();
        let (draining, cluster) = (self.draining, self.tools.cluster.clone());
        let Some(slot) = self.rooms.get(key) else { return };
        let Home::Here(here) = &slot.home else { return };
        let is_ours = here.is_ours(cluster.as_ref(), now.mono);
        if draining || !is_ours || here.moving.is_none() || Room::is_writing(&here.room) {
            return;
        }
        let snapshot = Some(here.room.farewell(now).0);
        let last = bare(slot).map(|write| here.sealed(RoomWrite { snapshot, ..write }));
        if let Some(moving) = self.here_mut(key).and_then(|here| here.moving.as_mut()) {
            moving.last = last;
        }
        self.send_members_back(me, key);
    }

    /// Gives a room that is here no more to the node it moves to; `false` if it does not move.
    pub(super) fn hand_over(
        &mut self,
        me: &HubRef,
        id: &RoomId,
        moving: Option<Move>,
        far: &[NodeId],
    ) -> bool {
        let Some(Move { heir, number, last: Some(last) }) = moving else { return false };
        let Some(cluster) = self.tools.cluster.clone() else { return false };
        tracing::info!(room = %id, node = %heir, "a room moves to where its members are");
        // Until it is the other's, nobody may load it again.
        self.loading.insert(id.clone(), Vec::new());
        self.writes += 1;
        let (me, store) = (me.clone(), self.tools.store.clone());
        let (id, far, fence) = (id.clone(), far.to_vec(), last.fence);
        tokio::task::spawn_local(async move {
            let written = store.commit_room(last).await;
            let given = match written {
                Ok(_) => store.hand_room(&id, fence, &heir).await,
                Err(error) => Err(error),
            };
            if let Err(error) = given {
                // Whoever has it by the database finds it as it was last written.
                tracing::warn!(room = %id, %error, "a room could not be handed over");
            }
            for node in far.iter().filter(|node| **node != heir) {
                cluster.send(node, &id, Matter::Dropped);
            }
            cluster.send(&heir, &id, Matter::Yours { moves: number });
            let mut hub = me.borrow_mut();
            hub.write_ended();
            let waiting = hub.loading.remove(&id).unwrap_or_default();
            drop(hub);
            waiting.into_iter().for_each(|errand| Self::run_errand(&me, id.clone(), errand));
        });
        true
    }

    /// Takes a room that another node hands over.
    pub(super) fn inherit_room(me: &HubRef, from: &NodeId, id: RoomId, moves: u32) {
        me.borrow_mut().dropped_by(me, from, &id);
        Self::run_errand(me, id, Errand::Take(moves));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn most_is_two_thirds_at_one_node() {
        let (a, b): (NodeId, NodeId) = ("a".into(), "b".into());
        let most = |conns, far: &[(&NodeId, usize)]| {
            most(conns, far.iter().map(|(node, count)| (*node, count))).cloned()
        };
        assert_eq!(most(3, &[(&a, 2)]), Some(a.clone()));
        assert_eq!(most(4, &[(&a, 2)]), None);
        assert_eq!(most(6, &[(&a, 1), (&b, 4)]), Some(b.clone()));
        assert_eq!(most(6, &[(&a, 3), (&b, 3)]), None);
        assert_eq!(most(0, &[(&a, 0)]), None);
    }

    #[test]
    fn a_room_moves_once_its_members_have_settled() {
        let (a, b): (NodeId, NodeId) = ("a".into(), "b".into());
        let mut leaning = Leaning::default();
        assert_eq!(leaning.note(after(0), Some(&a)), None);
        assert_eq!(leaning.note(after(9), Some(&a)), None);
        // A moment with others in the majority, and it begins anew.
        assert_eq!(leaning.note(after(10), None), None);
        assert_eq!(leaning.note(after(11), Some(&a)), None);
        assert_eq!(leaning.note(after(20), Some(&b)), None);
        assert_eq!(leaning.note(after(29), Some(&b)), None);
        assert_eq!(leaning.note(after(30), Some(&b)), Some(b.clone()));
        assert_eq!(leaning.note(after(31), Some(&b)), None);
    }

    #[test]
    fn each_move_takes_twice_as_long_as_the_one_before() {
        let a: NodeId = "a".into();
        for (moves, seconds) in [(0, 10), (1, 20), (2, 40), (6, 640), (60, 640)] {
            let mut leaning = Leaning::default();
            leaning.came_after(moves);
            assert_eq!(leaning.note(after(0), Some(&a)), None);
            assert_eq!(leaning.note(after(seconds - 1), Some(&a)), None, "{moves}");
            assert_eq!(leaning.note(after(seconds), Some(&a)), Some(a.clone()), "{moves}");
        }
    }
}
