//! Requests to Socket.IO connections of other nodes: a client that polls may reach any node.
//!
//! A letter that is lost is like a connection that breaks: the client finds out and comes back.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use parlor_dialects::engineio::Refusal;
use parlor_protocol::UserId;
use parlor_tenure::Lease;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::wire::{Content, SocketMatter};
use super::{Cluster, NodeId};
use crate::rooms::Rooms;
use crate::sockets::{Ask, Declined, Lost, Pid, Recovery, Sid, Sockets};

/// How often it is looked whether the node that is asked is alive.
const LOOKED_EVERY: Duration = Duration::from_secs(1);
/// How long an answer may take. A poll is answered by a ping sooner than that.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);
/// How long a node may take to say what it kept: its client waits, and can do without.
const RECOVERED_WITHIN: Duration = Duration::from_secs(1);

/// Requests whose answers are awaited from other nodes, by the names they were given.
#[derive(Default)]
pub(super) struct Relays(Mutex<HashMap<u64, oneshot::Sender<SocketMatter>>>);

impl Relays {
    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<SocketMatter>>> {
        // No request is left half noted under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up what is awaited: an answer may have been lost.
    pub(super) fn give_up(&self) {
        self.waiting().clear();
    }
}

impl Cluster {
    /// Has another node carry out a request to one of its connections.
    ///
    /// # Errors
    /// [`Declined`]; of a node that is not there, the connection is unknown.
    pub async fn ask_socket(&self, home: &NodeId, sid: Sid, ask: Ask) -> Result<Vec<u8>, Declined> {
        let (name, mut relay) = self.relay();
        if !self.tell(home, Content::Socket(name, SocketMatter::Ask(sid, ask))) {
            return Err(Declined::Unavailable);
        }
        let answered = timeout(ANSWERED_WITHIN, &mut relay.answer);
        tokio::select! {
            answered = answered => match answered {
                Ok(Ok(SocketMatter::Answer(answer))) => answer,
                // It was lost, or another version answers something else.
                Ok(_) | Err(_) => Err(Declined::Unavailable),
            },
            () = self.death_of(home) => Err(Declined::Refused(Refusal::UnknownSession)),
        }
    }

    /// Tells another node that the client of a request does not wait any more.
    pub fn lose_request(&self, home: &NodeId, sid: Sid, lost: Lost) {
        // If it is lost as well, the connection finds out at its next ping.
        self.tell(home, Content::Socket(0, SocketMatter::Lost(sid, lost)));
    }

    /// Takes from another node what it keeps for a client of somebody that comes back here. Clients
    /// know it by one name for ever, so that it may be at any node; the others do not answer.
    pub async fn recover_socket(&self, user: &UserId, pid: Pid) -> Option<Box<Recovery>> {
        let (name, mut relay) = self.relay();
        self.tell_all(Content::Socket(name, SocketMatter::Recover(user.clone(), pid)));
        match timeout(RECOVERED_WITHIN, &mut relay.answer).await {
            Ok(Ok(SocketMatter::Recovered(recovery))) => Some(recovery),
            Ok(_) | Err(_) => None,
        }
    }

    /// Begins to wait for an answer.
    fn relay(&self) -> (u64, Relay<'_>) {
        let name: u64 = rand::random();
        let (answered, answer) = oneshot::channel();
        self.0.relays.waiting().insert(name, answered);
        (name, Relay { cluster: self, name, answer })
    }

    /// Waits until another node is not there, or not any more.
    async fn death_of(&self, node: &NodeId) {
        while self.lease_of(node).await != Lease::Free {
            sleep(LOOKED_EVERY).await;
        }
    }

    /// Takes what another node says about a connection. Requests reach their core in the order of the
    /// letters.
    pub(super) fn relayed(&self, from: NodeId, name: u64, matter: SocketMatter, rooms: &Rooms) {
        let sockets = Sockets::of(rooms);
        let cluster = self.clone();
        match matter {
            SocketMatter::Ask(sid, ask) => {
                let answer = sockets.begin_to_ask(sid, ask);
                tokio::spawn(async move {
                    let answer = SocketMatter::Answer(answer.await);
                    cluster.tell(&from, Content::Socket(name, answer));
                });
            }
            SocketMatter::Lost(sid, lost) => sockets.lose(&sockets.name_of(sid), lost),
            SocketMatter::Recover(user, pid) => {
                tokio::spawn(async move {
                    if let Some(kept) = sockets.recover_here(&user, pid).await {
                        cluster.tell(&from, Content::Socket(name, SocketMatter::Recovered(kept)));
                    }
                });
            }
            answer @ (SocketMatter::Answer(_) | SocketMatter::Recovered(_)) => {
                if let Some(waiting) = self.0.relays.waiting().remove(&name) {
                    // Whoever asked may not wait any more.
                    let _ = waiting.send(answer);
                }
            }
        }
    }
}

/// A request that waits for its answer from another node.
struct Relay<'a> {
    cluster: &'a Cluster,
    name: u64,
    answer: oneshot::Receiver<SocketMatter>,
}

impl Drop for Relay<'_> {
    fn drop(&mut self) {
        self.cluster.0.relays.waiting().remove(&self.name);
    }
}
