//! Where rooms live, and the handle through which everybody else speaks to them.
//!
//! A room lives on one core, chosen by its id; its members' sockets move there. Others send the
//! core messages through a bounded channel and await the answer; a full channel is `busy`.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashSet};
use parlor_protocol::chat::ChatSend;
use parlor_protocol::command::StreamPosition;
use parlor_protocol::event::ClosedReason;
use parlor_protocol::member::MemberPage;
use parlor_protocol::room::RoomState;
use parlor_protocol::{Code, Command, LoginId, RoomId, UserId};
use parlor_room::{Principal, Proof, Refusal};
use parlor_store::Store;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};

use crate::cluster::wire::Matter;
use crate::cluster::{Cluster, NodeId};
use crate::hub::batch::Framing;
use crate::sockets::SocketErrand;

/// Messages waiting for one core.
const INBOX: usize = 8_192;

/// A socket that was upgraded and wants into a room.
pub struct Arrival {
    /// The socket, out of its runtime: a TCP stream, or an end of a pair behind which TLS is.
    pub stream: socket2::Socket,
    /// What was read behind the request already.
    pub glued: bytes::Bytes,
    /// Whose it is.
    pub who: Principal,
    /// The login behind it; `None` for guests.
    pub login: Option<LoginId>,
    /// How it speaks.
    pub opening: Opening,
}

/// How a connection begins.
pub enum Opening {
    /// As a WebSocket, which is open.
    WebSocket,
    /// As a stream of server-sent events, whose response has not begun.
    Events(Box<EventsOpening>),
}

/// What a stream of events begins with.
pub struct EventsOpening {
    /// The head of the response, with the empty line behind it.
    pub head: Vec<u8>,
    /// The last event its reader has seen, if that is known.
    pub since: Option<StreamPosition>,
}

impl Opening {
    /// Says how what the connection gets is framed.
    pub fn framing(&self) -> Framing {
        match self {
            Self::WebSocket => Framing::WebSocket,
            Self::Events(_) => Framing::Events,
        }
    }
}

/// Something for the core of a room.
pub enum HubMessage {
    /// Concerns one room, which is loaded if need be.
    Room(RoomId, Errand),
    /// Counts who is present, in loaded rooms alone.
    Counts(Vec<RoomId>, oneshot::Sender<Vec<(RoomId, u64)>>),
    /// A login was revoked: its sockets are closed.
    EndLogin(LoginId),
    /// A guest became an account.
    Inherit(UserId, UserId),
    /// Another node says something about a room.
    Letter(NodeId, RoomId, Box<Matter>),
    /// What was shared with another node is over.
    LinkBroken(NodeId),
    /// Concerns Socket.IO connections.
    Socket(SocketErrand),
    /// The server stops: every room is written down and every socket told to come back.
    Drain(oneshot::Sender<()>),
}

/// A connection of another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FarName {
    /// What its node calls it.
    pub conn: u64,
    /// How what it gets is framed.
    pub framing: Framing,
    /// The last event that the reader of a stream has seen, if that is known.
    pub since: Option<StreamPosition>,
}

/// Who waits for a room's answer: done, with the id of the message that was said, if one was; or why
/// not.
pub type Answered = oneshot::Sender<Result<Option<String>, Refusal>>;

/// What is wanted of one room.
pub enum Errand {
    /// A socket wants in.
    Attach(Box<Arrival>),
    /// A connection of another node wants in: the node and its name for the connection.
    AttachFar(NodeId, FarName, Principal),
    /// The room itself, if no other node has it, and how often it has moved before.
    Take(u32),
    /// The whole state.
    State(oneshot::Sender<Result<RoomState, Code>>),
    /// How many members are present.
    Count(oneshot::Sender<Result<u64, Code>>),
    /// A page of members.
    Members(Option<UserId>, usize, oneshot::Sender<Result<MemberPage, Code>>),
    /// Whether somebody would be let in.
    MayEnter(Principal, oneshot::Sender<Result<(), Code>>),
    /// Somebody takes a seat without a connection.
    Enter(Principal, Answered),
    /// Somebody is at the door, with this proof and these words.
    Knock(Principal, Proof, Option<String>, Answered),
    /// A command without a connection; what was said by it is named by its id.
    Command(Principal, Box<Command>, Answered),
    /// Whether somebody may ask others in.
    MayInvite(Principal, oneshot::Sender<Result<(), Code>>),
    /// Who was banned, for somebody who may know.
    Banned(Principal, oneshot::Sender<Result<Vec<UserId>, Code>>),
    /// The end of the room, asked for by somebody.
    Close(Principal, oneshot::Sender<Result<(), Refusal>>),
    /// The end of the room, without asking.
    End(ClosedReason, oneshot::Sender<Result<(), Code>>),
}

impl Errand {
    /// Answers that it could not be run.
    pub fn fail(self, code: Code) {
        self.fail_because(code, code.message().to_owned());
    }

    /// Answers that it could not be run, in other words than the code's own where there is place
    /// for them.
    pub fn fail_because(self, code: Code, message: String) {
        // Whoever asked may be gone; then nobody needs the answer.
        match self {
            // The socket is dropped by the hub, which can say why; here it only closes. Another
            // node finds out by itself.
            Errand::Attach(_) | Errand::AttachFar(..) | Errand::Take(_) => {}
            Errand::State(reply) => drop(reply.send(Err(code))),
            Errand::Count(reply) => drop(reply.send(Err(code))),
            Errand::Members(_, _, reply) => drop(reply.send(Err(code))),
            Errand::MayEnter(_, reply) => drop(reply.send(Err(code))),
            Errand::MayInvite(_, reply) => drop(reply.send(Err(code))),
            Errand::Banned(_, reply) => drop(reply.send(Err(code))),
            Errand::Enter(_, reply) => drop(reply.send(Err(Refusal { code, message }))),
            Errand::Knock(.., reply) => drop(reply.send(Err(Refusal { code, message }))),
            Errand::Command(_, _, reply) => drop(reply.send(Err(Refusal { code, message }))),
            Errand::Close(_, reply) => drop(reply.send(Err(Refusal { code, message }))),
            Errand::End(_, reply) => drop(reply.send(Err(code))),
        }
    }

    /// Answers with what another node said, in JSON.
    pub fn answer(self, json: &str) {
        // Whoever asked may be gone; then nobody needs the answer.
        match self {
            Errand::Attach(_) | Errand::AttachFar(..) | Errand::Take(_) => {}
            Errand::State(reply) => drop(reply.send(read(json))),
            Errand::Count(reply) => drop(reply.send(read(json))),
            Errand::Members(_, _, reply) => drop(reply.send(read(json))),
            Errand::MayEnter(_, reply) => drop(reply.send(read(json))),
            Errand::MayInvite(_, reply) => drop(reply.send(read(json))),
            Errand::Banned(_, reply) => drop(reply.send(read(json))),
            Errand::Enter(_, reply) => drop(reply.send(read(json))),
            Errand::Knock(.., reply) => drop(reply.send(read(json))),
            Errand::Command(_, _, reply) => drop(reply.send(read(json))),
            Errand::Close(_, reply) => drop(reply.send(read(json))),
            Errand::End(_, reply) => drop(reply.send(read(json))),
        }
    }
}

/// Reads an answer; another version of Parlor may have written it.
fn read<T: DeserializeOwned, E: From<Code>>(json: &str) -> Result<T, E> {
    serde_json::from_str(json).map_err(|_| Code::Unavailable.into())
}

/// The handle to all rooms.
#[derive(Clone)]
pub struct Rooms {
    cores: Arc<[mpsc::Sender<HubMessage>]>,
    hasher: DefaultHashBuilder,
    cluster: Option<(Cluster, Store)>,
}

impl Rooms {
    /// Makes the handle and one inbox per core; `cluster` if there are other nodes on the same
    /// database.
    pub fn new(
        cores: usize,
        cluster: Option<(Cluster, Store)>,
    ) -> (Self, Vec<mpsc::Receiver<HubMessage>>) {
        let (senders, inboxes): (Vec<_>, Vec<_>) = (0..cores).map(|_| mpsc::channel(INBOX)).unzip();
        let hasher = DefaultHashBuilder::default();
        (Self { cores: senders.into(), hasher, cluster }, inboxes)
    }

    /// Returns the cores, by which others than rooms are reached as well.
    pub fn cores(&self) -> Arc<[mpsc::Sender<HubMessage>]> {
        self.cores.clone()
    }

    fn core(&self, room: &RoomId) -> &mpsc::Sender<HubMessage> {
        let at = self.hasher.hash_one(room.as_str()) as usize % self.cores.len();
        &self.cores[at]
    }

    /// Hands a socket to its room. It is closed with a reason if the room does not take it, and
    /// without one if the core has too much waiting.
    pub fn attach(&self, room: RoomId, arrival: Arrival) -> Result<(), Code> {
        let errand = Errand::Attach(Box::new(arrival));
        self.core(&room).try_send(HubMessage::Room(room.clone(), errand)).map_err(|_| Code::Busy)
    }

    /// Has the room's core run an errand and waits for its answer.
    async fn run<T, E: From<Code>>(
        &self,
        room: &RoomId,
        errand: impl FnOnce(oneshot::Sender<Result<T, E>>) -> Errand,
    ) -> Result<T, E> {
        let (reply, answer) = oneshot::channel();
        let message = HubMessage::Room(room.clone(), errand(reply));
        self.core(room).try_send(message).map_err(|_| E::from(Code::Busy))?;
        answer.await.unwrap_or_else(|_| Err(Code::Unavailable.into()))
    }

    /// Returns the whole room, loading it if need be.
    ///
    /// # Errors
    /// `room_not_found`; `busy` or `unavailable` if it cannot be had now.
    pub async fn state(&self, room: &RoomId) -> Result<RoomState, Code> {
        self.run(room, Errand::State).await
    }

    /// Returns how many members are present, in constant time.
    ///
    /// # Errors
    /// As [`Rooms::state`].
    pub async fn member_count(&self, room: &RoomId) -> Result<u64, Code> {
        self.run(room, Errand::Count).await
    }

    /// Returns up to `limit` members, longest present first, after the one named.
    ///
    /// # Errors
    /// As [`Rooms::state`].
    pub async fn member_page(
        &self,
        room: &RoomId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<MemberPage, Code> {
        self.run(room, |reply| Errand::Members(after, limit, reply)).await
    }

    /// Says whether somebody would be let in now; who has a seat always is.
    ///
    /// # Errors
    /// `room_not_found`, `room_full`, `banned`; what else stands between them and the room
    /// (`password_required`, `waiting_room`, `not_invited`, `account_required`); or as
    /// [`Rooms::state`].
    pub async fn may_enter(&self, room: &RoomId, who: &Principal) -> Result<(), Code> {
        self.run(room, |reply| Errand::MayEnter(who.clone(), reply)).await
    }

    /// Says whether somebody may look at a room: who may enter, a seat free or not.
    ///
    /// # Errors
    /// As [`Rooms::may_enter`], except for `room_full`.
    pub async fn may_look(&self, room: &RoomId, who: &Principal) -> Result<(), Code> {
        match self.may_enter(room, who).await {
            Ok(()) | Err(Code::RoomFull) => Ok(()),
            Err(code) => Err(code),
        }
    }

    /// Says whether somebody may invite others into a room, and see who was invited.
    ///
    /// # Errors
    /// `forbidden`; or as [`Rooms::state`].
    pub async fn may_invite(&self, room: &RoomId, who: &Principal) -> Result<(), Code> {
        self.run(room, |reply| Errand::MayInvite(who.clone(), reply)).await
    }

    /// Returns who was banned from a room.
    ///
    /// # Errors
    /// `forbidden` to those who may not lift a ban; or as [`Rooms::state`].
    pub async fn banned(&self, room: &RoomId, who: &Principal) -> Result<Vec<UserId>, Code> {
        self.run(room, |reply| Errand::Banned(who.clone(), reply)).await
    }

    /// Gives somebody a seat without a connection, or keeps the one they have, for
    /// [`parlor_protocol::limits::VISIT_GRACE`].
    ///
    /// # Errors
    /// Why they may not come in.
    pub async fn enter(&self, room: &RoomId, who: Principal) -> Result<(), Refusal> {
        self.run(room, |reply| Errand::Enter(who, reply)).await.map(|_| ())
    }

    /// Brings somebody to the door of a room.
    ///
    /// # Errors
    /// Why they may not come in; `waiting_room` if they wait.
    pub async fn knock(
        &self,
        room: &RoomId,
        who: Principal,
        proof: Proof,
        message: Option<String>,
    ) -> Result<(), Refusal> {
        let answered = self.run(room, |reply| Errand::Knock(who, proof, message, reply)).await;
        answered.map(|_| ())
    }

    /// Carries out a command for somebody who has no connection to the room.
    ///
    /// # Errors
    /// The room's refusal.
    pub async fn command(
        &self,
        room: &RoomId,
        who: Principal,
        command: Command,
    ) -> Result<(), Refusal> {
        let answered = self.run(room, |reply| Errand::Command(who, Box::new(command), reply)).await;
        answered.map(|_| ())
    }

    /// Says something for somebody who has a seat; returns the message's id, or `None` if it was
    /// said before under the same `client_id` and is in the store.
    ///
    /// # Errors
    /// The room's refusal.
    pub async fn say(
        &self,
        room: &RoomId,
        who: Principal,
        said: ChatSend,
    ) -> Result<Option<String>, Refusal> {
        let command = Box::new(Command::ChatSend(said));
        self.run(room, |reply| Errand::Command(who, command, reply)).await
    }

    /// Ends a room for good, if `who` may.
    ///
    /// # Errors
    /// The room's refusal.
    pub async fn close(&self, room: &RoomId, who: Principal) -> Result<(), Refusal> {
        self.run(room, |reply| Errand::Close(who, reply)).await
    }

    /// Ends a room for good, without asking anybody.
    ///
    /// # Errors
    /// As [`Rooms::state`].
    pub async fn end(&self, room: &RoomId, reason: ClosedReason) -> Result<(), Code> {
        self.run(room, |reply| Errand::End(reason, reply)).await
    }

    /// Returns how many members are present in each of `rooms`; rooms that are not loaded count
    /// zero. The order is that of `rooms`.
    pub async fn counts(&self, rooms: &[RoomId]) -> Vec<u64> {
        let found = match &self.cluster {
            None => self.find(rooms).await,
            // The owners keep the table of who is present, a moment late.
            Some((_, store)) => match store.member_counts(rooms).await {
                Ok(counts) => counts.into_iter().collect(),
                Err(error) => {
                    tracing::warn!(%error, "who is present cannot be counted");
                    HashMap::new()
                }
            },
        };
        rooms.iter().map(|room| found.get(room).copied().unwrap_or(0)).collect()
    }

    /// Returns which of `rooms` are loaded.
    pub async fn loaded(&self, rooms: &[RoomId]) -> HashSet<RoomId> {
        self.find(rooms).await.into_keys().collect()
    }

    /// Counts who is present in those of `rooms` that are loaded.
    async fn find(&self, rooms: &[RoomId]) -> HashMap<RoomId, u64> {
        let mut found = HashMap::new();
        for core in self.cores.iter() {
            let (reply, answer) = oneshot::channel();
            if core.try_send(HubMessage::Counts(rooms.to_vec(), reply)).is_ok() {
                found.extend(answer.await.unwrap_or_default());
            }
        }
        found
    }

    /// Returns this node's place among others, if there are any.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref().map(|(cluster, _)| cluster)
    }

    /// Says whether rooms of other nodes can be had, if there are other nodes.
    pub fn reaches_all(&self) -> bool {
        self.cluster.as_ref().is_none_or(|(cluster, _)| cluster.hears_others())
    }

    /// Closes every socket of a login that was revoked, on every node.
    pub async fn end_login(&self, login: &LoginId) {
        if let Some((cluster, _)) = &self.cluster {
            cluster.end_login(login);
        }
        self.end_login_here(login).await;
    }

    /// Closes the sockets of a login that was revoked.
    pub async fn end_login_here(&self, login: &LoginId) {
        for core in self.cores.iter() {
            // A closed channel means that the server is stopping and every socket with it.
            let _ = core.send(HubMessage::EndLogin(login.clone())).await;
        }
    }

    /// Hands what a guest is in loaded rooms to the account it became, on every node.
    pub async fn inherit(&self, guest: &UserId, account: &UserId) {
        if let Some((cluster, _)) = &self.cluster {
            cluster.inherit(guest, account);
        }
        self.inherit_here(guest, account).await;
    }

    /// Hands what a guest is in the rooms of this node to the account it became.
    pub async fn inherit_here(&self, guest: &UserId, account: &UserId) {
        for core in self.cores.iter() {
            // A closed channel means that the server is stopping; the store knows already.
            let _ = core.send(HubMessage::Inherit(guest.clone(), account.clone())).await;
        }
    }

    /// Hands what another node says about a room to the room's core.
    pub async fn deliver(&self, from: NodeId, room: RoomId, matter: Matter) {
        let message = HubMessage::Letter(from, room.clone(), Box::new(matter));
        // A closed channel means that the server is stopping; the other node finds out.
        let _ = self.core(&room).send(message).await;
    }

    /// Takes a room that no node has, if this one opens sockets.
    pub async fn take(&self, room: &RoomId) {
        // A closed channel means that the server is stopping; another node takes it.
        let _ = self.core(room).send(HubMessage::Room(room.clone(), Errand::Take(0))).await;
    }

    /// Ends what was shared with another node.
    pub async fn link_broken(&self, node: &NodeId) {
        for core in self.cores.iter() {
            // A closed channel means that the server is stopping and everything with it.
            let _ = core.send(HubMessage::LinkBroken(node.clone())).await;
        }
    }

    /// Says goodbye to every socket and writes every room down; returns when that is done.
    pub async fn drain(&self) {
        let mut waiting = Vec::new();
        for core in self.cores.iter() {
            let (done, finished) = oneshot::channel();
            if core.send(HubMessage::Drain(done)).await.is_ok() {
                waiting.push(finished);
            }
        }
        for finished in waiting {
            // A core that ended without an answer has nothing left to drain.
            let _ = finished.await;
        }
    }
}
