//! How rooms leave a node in good order: with their last words, for whoever has them next.

use parlor_protocol::{CloseCode, Code};
use parlor_store::RoomWrite;

use super::connection::conn_id;
use super::load::bare;
use super::{Home, Hub, HubRef, RoomKey, Slot};
use crate::cluster::NodeId;
use crate::cluster::wire::Matter;

impl Hub {
    /// Writes every room down, says goodbye to every socket, and then tells `done`.
    ///
    /// From the first moment on nothing new is heard. What the store has already is told and
    /// acknowledged; the rooms' last words come after that, and behind them nothing is told.
    pub(super) fn drain(me: &HubRef, done: tokio::sync::oneshot::Sender<()>) {
        me.borrow_mut().draining = true;
        let me = me.clone();
        tokio::task::spawn_local(async move {
            let signals = me.borrow().signals.clone();
            while me.borrow().writes > 0 {
                signals.something_ended.notified().await;
            }
            let store = me.borrow().tools.store.clone();
            let rooms = me.borrow_mut().say_farewell(&me);
            // All at once: they share transactions.
            let written = rooms.into_iter().map(async |(mut slot, last_words)| {
                if let Some(write) = last_words {
                    let room = write.room_id.clone();
                    if let Err(error) = store.commit_room(write).await {
                        tracing::error!(%room, %error, "a room cannot be written at the end");
                    }
                }
                // Other nodes may have the room now; its connections are sent there.
                me.borrow_mut().let_go(&me, &mut slot);
            });
            futures_util::future::join_all(written).await;
            while !me.borrow().conns.is_empty() {
                signals.something_ended.notified().await;
            }
            // The server may have stopped waiting.
            let _ = done.send(());
        });
    }

    /// Takes every room out with its last words, and sends its members away.
    fn say_farewell(&mut self, me: &HubRef) -> Vec<(Slot, Option<RoomWrite>)> {
        let now = self.tools.clock.now();
        self.say_goodbye();
        let rooms: Vec<RoomKey> = self.rooms.keys().collect();
        let taken_out = rooms.into_iter().filter_map(|key| {
            let slot = self.take_out(me, key)?;
            let write = match &slot.home {
                Home::Here(here) => {
                    let snapshot = Some(here.room.farewell(now).0);
                    bare(&slot).map(|bare| here.sealed(RoomWrite { snapshot, ..bare }))
                }
                Home::There(_) => None,
            };
            Some((slot, write))
        });
        taken_out.collect()
    }

    /// Has every connection of every room closed with 1012. Their rooms are not told: they go as
    /// well.
    pub(super) fn say_goodbye(&mut self) {
        for (conn, kept) in &mut self.conns {
            if std::mem::take(&mut kept.attached)
                && let Some(slot) = self.rooms.get_mut(kept.room)
            {
                // Clients come back after a pause of their own within the time named here.
                let batch = slot.batch(kept.framing);
                batch.close(conn_id(conn), CloseCode::Restart.number(), "jitter=2000");
            }
        }
    }

    /// Tells other nodes that a room is not here any more, and lets them claim it.
    pub(super) fn let_go(&mut self, me: &HubRef, slot: &mut Slot) {
        let Some(cluster) = self.tools.cluster.clone() else { return };
        let id = slot.id.clone();
        match &mut slot.home {
            Home::There(_) => {
                let asked = self.far_asks.extract_if(|_, (room, _)| *room == id);
                for (_, (_, errand)) in asked.collect::<Vec<_>>() {
                    errand.fail(Code::Unavailable);
                }
            }
            Home::Here(here) => {
                let (store, fence) = (self.tools.store.clone(), here.fence);
                let far: Vec<NodeId> = here.far.keys().cloned().collect();
                if self.hand_over(me, &id, here.moving.take(), &far) {
                    return;
                }
                tokio::task::spawn_local(async move {
                    if let Err(error) = store.release_room(&id, fence).await {
                        tracing::debug!(room = %id, %error, "a room cannot be released");
                    }
                    // Not before: who comes back at once finds it free.
                    far.iter().for_each(|node| cluster.send(node, &id, Matter::Dropped));
                });
            }
        }
    }
}
