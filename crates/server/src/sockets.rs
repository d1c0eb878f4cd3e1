//! Where Socket.IO connections live, and the handle through which everybody else speaks to them.
//!
//! A connection lives on one core of one node, chosen by its id; its polls are sent there and its
//! WebSocket moves there. Others send the core messages through its bounded channel; a full channel is
//! `busy`. Requests that reach another node are passed on (`cluster/relay.rs`).

mod name;

use std::sync::Arc;

use bytes::Bytes;
use parlor_dialects::engineio::{Outgoing, Refusal};
use parlor_dialects::socketio::encode;
use parlor_dialects::socketio::packet::MAIN;
use parlor_dialects::socketio::recovery::Log;
use parlor_protocol::UserId;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::auth::Verified;
use crate::cluster::{Cluster, NodeId};
use crate::http::limits::AddressKey;
use crate::rooms::{HubMessage, Rooms};
pub use name::{Name, Sid};

/// By what a request shows that it belongs to a connection, beside its id.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Claim {
    /// The hash of the token that came with the request. The same token is the same person, whether
    /// it is good by now or not: what ends a login ends its connections.
    pub token_hash: Option<[u8; 16]>,
    /// Whose token it is, once somebody asked.
    pub user: Option<UserId>,
}

/// Why a core does not carry a request out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Declined {
    /// It is refused.
    Refused(Refusal),
    /// The request came with another token than the last: whose is it?
    WhoIsIt,
    /// The core has too much waiting, or the server stops.
    Unavailable,
}

/// Where the answer to a request goes.
pub type Reply<T> = oneshot::Sender<Result<T, Declined>>;

/// A connection that begins.
pub struct Opening {
    /// What it is called.
    pub sid: Sid,
    /// What the first request showed.
    pub claim: Claim,
    /// Whose the first request was, if it had a good token.
    pub identity: Option<Verified>,
    /// What the messages are.
    pub layer: Layer,
    /// Whether its client wants to be told what it missed when it comes back.
    pub recovers: bool,
    /// From where it may say without proof which external user it speaks for; `None` if it may not.
    pub claims_from: Option<AddressKey>,
    /// How it begins.
    pub entry: Entry,
}

/// Names what is kept for a client that may come back: 128 random bits.
pub type Pid = Sid;

/// What is kept for a client that may come back.
#[derive(Debug, Serialize, Deserialize)]
pub struct Recovery {
    /// What it is called.
    pub pid: Pid,
    /// What the client is called in the namespace.
    pub socket_id: Box<str>,
    /// What it was told last.
    pub log: Log,
}

impl Recovery {
    /// Begins to keep what a client is told.
    pub fn begin() -> Box<Self> {
        let socket_id = Sid::random().to_string().into();
        Box::new(Self { pid: Sid::random(), socket_id, log: Log::default() })
    }
}

/// What the messages of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Packets of Socket.IO.
    SocketIo,
    /// Anything: they are echoed.
    Echo,
}

/// How a connection begins.
pub enum Entry {
    /// By a request, which is answered with the handshake.
    Poll(Reply<Vec<u8>>),
    /// By a WebSocket.
    Socket(RawStream),
}

/// A WebSocket out of its runtime.
pub struct RawStream {
    /// The socket.
    pub stream: socket2::Socket,
    /// What was read behind the request already.
    pub glued: Bytes,
}

/// What a request asks of a connection that polls.
#[derive(Debug, Serialize, Deserialize)]
pub enum Ask {
    /// A GET came: answered with a payload.
    Poll(Claim),
    /// A POST came, whose body is yet to be read: answered with nothing.
    PostBegins(Claim),
    /// Its body: answered with nothing.
    Post(Bytes),
}

/// A request whose client does not wait for the answer any more.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Lost {
    /// The GET that waited.
    Poll,
    /// A POST, which will have no body.
    Post,
}

/// Something for the core of a connection, or for those of somebody.
pub enum SocketErrand {
    /// A connection begins.
    Open(Box<Opening>),
    /// A request came.
    Ask(Sid, Ask, Reply<Vec<u8>>),
    /// A request is gone.
    Lost(Sid, Lost),
    /// A WebSocket is to be opened for the connection.
    Upgrade(Sid, Claim, Reply<()>),
    /// It is open.
    Upgraded(Sid, RawStream),
    /// It is open and is closed at once: the connection has one or needs none.
    TurnAway(RawStream),
    /// Somebody comes back and names what they had; it is given away once.
    Recover(UserId, Pid, oneshot::Sender<Option<Box<Recovery>>>),
    /// Every connection of somebody is told this; answered with how many took it.
    Tell(UserId, Outgoing, oneshot::Sender<usize>),
    /// Every connection in a namespace is told this.
    TellNamespace(&'static str, Vec<Outgoing>),
    /// Counts the connections of somebody.
    Count(UserId, oneshot::Sender<usize>),
}

/// The handle to all Socket.IO connections of this node, and the way to those of others. Cheap to
/// clone.
#[derive(Clone)]
pub struct Sockets {
    cores: Arc<[mpsc::Sender<HubMessage>]>,
    cluster: Option<Cluster>,
}

impl Sockets {
    /// Makes the handle: the connections live on the cores of the rooms.
    pub fn of(rooms: &Rooms) -> Self {
        Self { cores: rooms.cores(), cluster: rooms.cluster().cloned() }
    }

    fn core(&self, sid: Sid) -> &mpsc::Sender<HubMessage> {
        &self.cores[(sid.half() % self.cores.len() as u64) as usize]
    }

    /// Hands an errand to the core of a connection; `false` if the core has too much waiting.
    pub fn hand(&self, sid: Sid, errand: SocketErrand) -> bool {
        self.core(sid).try_send(HubMessage::Socket(errand)).is_ok()
    }

    /// Hands an errand to the core of a connection and waits for its answer.
    ///
    /// # Errors
    /// [`Declined`].
    pub async fn run<T>(
        &self,
        sid: Sid,
        errand: impl FnOnce(Reply<T>) -> SocketErrand,
    ) -> Result<T, Declined> {
        let (reply, answer) = oneshot::channel();
        if !self.hand(sid, errand(reply)) {
            return Err(Declined::Unavailable);
        }
        answered(answer).await
    }

    /// Says how the client of a connection of this node calls it.
    pub fn name_of(&self, sid: Sid) -> Name {
        Name { sid, home: self.cluster.as_ref().map(|cluster| cluster.node().clone()) }
    }

    /// Hands a request to its connection, on whichever node that is, and waits for its answer.
    ///
    /// # Errors
    /// [`Declined`].
    pub async fn ask(&self, name: &Name, ask: Ask) -> Result<Vec<u8>, Declined> {
        match self.elsewhere(name)? {
            Some((cluster, home)) => cluster.ask_socket(home, name.sid, ask).await,
            None => self.run(name.sid, |reply| SocketErrand::Ask(name.sid, ask, reply)).await,
        }
    }

    /// Hands a request to a connection of this node at once; the answer is for whoever waits for it.
    pub fn begin_to_ask(
        &self,
        sid: Sid,
        ask: Ask,
    ) -> impl Future<Output = Result<Vec<u8>, Declined>> + use<> {
        let (reply, answer) = oneshot::channel();
        let is_handed = self.hand(sid, SocketErrand::Ask(sid, ask, reply));
        async move { if is_handed { answered(answer).await } else { Err(Declined::Unavailable) } }
    }

    /// Tells a connection that the client of a request does not wait any more.
    pub fn lose(&self, name: &Name, lost: Lost) {
        match self.elsewhere(name) {
            Ok(Some((cluster, home))) => cluster.lose_request(home, name.sid, lost),
            // Where too much waits, the connection finds out at its next ping.
            Ok(None) => drop(self.hand(name.sid, SocketErrand::Lost(name.sid, lost))),
            Err(_) => {}
        }
    }

    /// Says whether a connection lives at another node.
    ///
    /// # Errors
    /// [`Refusal::UnknownSession`] if no node can be called so.
    pub fn is_elsewhere(&self, name: &Name) -> Result<bool, Declined> {
        Ok(self.elsewhere(name)?.is_some())
    }

    /// Says at which other node a connection lives; `None` if it is this one.
    ///
    /// # Errors
    /// [`Refusal::UnknownSession`] if no node can be called so.
    fn elsewhere<'a>(
        &'a self,
        name: &'a Name,
    ) -> Result<Option<(&'a Cluster, &'a NodeId)>, Declined> {
        match (&self.cluster, &name.home) {
            (Some(cluster), Some(home)) if home == cluster.node() => Ok(None),
            (Some(cluster), Some(home)) => Ok(Some((cluster, home))),
            (None, None) => Ok(None),
            (Some(_), None) | (None, Some(_)) => Err(Declined::Refused(Refusal::UnknownSession)),
        }
    }

    /// Tells every connection of somebody an event; returns how many took it. It is written once.
    pub async fn tell<T: Serialize + ?Sized>(
        &self,
        user: &UserId,
        name: &str,
        argument: &T,
    ) -> usize {
        self.begin_to_tell(user, name, argument).await.sum().await
    }

    /// Tells every connection of somebody an event. It is on its way, in order, when this returns; how
    /// many took it is for whoever waits for it.
    pub async fn begin_to_tell<T: Serialize + ?Sized>(
        &self,
        user: &UserId,
        name: &str,
        argument: &T,
    ) -> Answers {
        let event = encode::event(MAIN, name, argument);
        self.ask_cores(|reply| SocketErrand::Tell(user.clone(), event.clone(), reply)).await
    }

    /// Tells every connection in a namespace the packets of an event, but for those on the core of
    /// `speaker`, where that is done already.
    pub async fn tell_namespace(
        &self,
        speaker: Sid,
        namespace: &'static str,
        packets: Vec<Outgoing>,
    ) {
        let own = self.core(speaker);
        for core in self.cores.iter().filter(|core| !core.same_channel(own)) {
            let errand = SocketErrand::TellNamespace(namespace, packets.clone());
            // A closed channel means that the server is stopping and every connection with it.
            let _ = core.send(HubMessage::Socket(errand)).await;
        }
    }

    /// Finds what is kept for a client of somebody that comes back, on whichever node it was.
    pub async fn recover(&self, user: &UserId, pid: Pid) -> Option<Box<Recovery>> {
        let here = self.recover_here(user, pid).await;
        let (None, Some(cluster)) = (&here, &self.cluster) else { return here };
        cluster.recover_socket(user, pid).await
    }

    /// Finds what is kept on this node for a client of somebody that comes back.
    pub async fn recover_here(&self, user: &UserId, pid: Pid) -> Option<Box<Recovery>> {
        for core in self.cores.iter() {
            let (reply, answer) = oneshot::channel();
            let errand = SocketErrand::Recover(user.clone(), pid, reply);
            // A closed channel means that the server is stopping and everything with it.
            let asked = core.send(HubMessage::Socket(errand)).await;
            if asked.is_ok()
                && let Ok(Some(recovery)) = answer.await
            {
                return Some(recovery);
            }
        }
        None
    }

    /// Counts the connections of somebody.
    pub async fn count(&self, user: &UserId) -> usize {
        self.ask_cores(|reply| SocketErrand::Count(user.clone(), reply)).await.sum().await
    }

    /// Asks every core.
    async fn ask_cores(&self, errand: impl Fn(oneshot::Sender<usize>) -> SocketErrand) -> Answers {
        let mut answers = Vec::with_capacity(self.cores.len());
        for core in self.cores.iter() {
            let (reply, answer) = oneshot::channel();
            // A closed channel means that the server is stopping and every connection with it.
            if core.send(HubMessage::Socket(errand(reply))).await.is_ok() {
                answers.push(answer);
            }
        }
        Answers(answers)
    }
}

async fn answered<T>(answer: oneshot::Receiver<Result<T, Declined>>) -> Result<T, Declined> {
    // A connection that ends without an answer is one that nobody knows any more.
    answer.await.unwrap_or(Err(Declined::Refused(Refusal::UnknownSession)))
}

/// What the cores answer, each with a number.
pub struct Answers(Vec<oneshot::Receiver<usize>>);

impl Answers {
    /// Waits for all of them and adds them up.
    pub async fn sum(self) -> usize {
        let mut sum = 0;
        for answer in self.0 {
            sum += answer.await.unwrap_or(0);
        }
        sum
    }
}
