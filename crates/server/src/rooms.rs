//! Where rooms live, and the handle through which everybody else speaks to them.
//!
//! A room lives on one core, chosen by its id; its members' sockets move there. Others send the
//! core messages through a bounded channel and await the answer; a full channel is `busy`.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashSet};
use parlor_protocol::event::ClosedReason;
use parlor_protocol::member::MemberPage;
use parlor_protocol::room::RoomState;
use parlor_protocol::{Code, Command, LoginId, RoomId, UserId};
use parlor_room::{Principal, Refusal};
use tokio::sync::{mpsc, oneshot};

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
    /// The server stops: every room is written down and every socket told to come back.
    Drain(oneshot::Sender<()>),
}

/// What is wanted of one room.
pub enum Errand {
    /// A socket wants in.
    Attach(Box<Arrival>),
    /// The whole state.
    State(oneshot::Sender<Result<RoomState, Code>>),
    /// How many members are present.
    Count(oneshot::Sender<Result<u64, Code>>),
    /// A page of members.
    Members(Option<UserId>, usize, oneshot::Sender<Result<MemberPage, Code>>),
    /// Whether somebody would be let in.
    MayEnter(UserId, oneshot::Sender<Result<(), Code>>),
    /// A command without a connection.
    Command(Principal, Box<Command>, oneshot::Sender<Result<(), Refusal>>),
    /// The end of the room, asked for by somebody.
    Close(Principal, oneshot::Sender<Result<(), Refusal>>),
    /// The end of the room, without asking.
    End(ClosedReason, oneshot::Sender<Result<(), Code>>),
}

impl Errand {
    /// Answers that it could not be run.
    pub fn fail(self, code: Code) {
        // Whoever asked may be gone; then nobody needs the answer.
        match self {
            // The socket is dropped by the hub, which can say why; here it only closes.
            Errand::Attach(_) => {}
            Errand::State(reply) => drop(reply.send(Err(code))),
            Errand::Count(reply) => drop(reply.send(Err(code))),
            Errand::Members(_, _, reply) => drop(reply.send(Err(code))),
            Errand::MayEnter(_, reply) => drop(reply.send(Err(code))),
            Errand::Command(_, _, reply) => drop(reply.send(Err(code.into()))),
            Errand::Close(_, reply) => drop(reply.send(Err(code.into()))),
            Errand::End(_, reply) => drop(reply.send(Err(code))),
        }
    }
}

/// The handle to all rooms.
#[derive(Clone)]
pub struct Rooms {
    cores: Arc<[mpsc::Sender<HubMessage>]>,
    hasher: DefaultHashBuilder,
}

impl Rooms {
    /// Makes the handle and one inbox per core.
    pub fn new(cores: usize) -> (Self, Vec<mpsc::Receiver<HubMessage>>) {
        let (senders, inboxes): (Vec<_>, Vec<_>) = (0..cores).map(|_| mpsc::channel(INBOX)).unzip();
        (Self { cores: senders.into(), hasher: DefaultHashBuilder::default() }, inboxes)
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
    /// `room_not_found`, `room_full`, `banned`; or as [`Rooms::state`].
    pub async fn may_enter(&self, room: &RoomId, who: &UserId) -> Result<(), Code> {
        self.run(room, |reply| Errand::MayEnter(who.clone(), reply)).await
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
        self.run(room, |reply| Errand::Command(who, Box::new(command), reply)).await
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
        let found = self.find(rooms).await;
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

    /// Closes every socket of a login that was revoked.
    pub async fn end_login(&self, login: &LoginId) {
        for core in self.cores.iter() {
            // A closed channel means that the server is stopping and every socket with it.
            let _ = core.send(HubMessage::EndLogin(login.clone())).await;
        }
    }

    /// Hands what a guest is in loaded rooms to the account it became.
    pub async fn inherit(&self, guest: &UserId, account: &UserId) {
        for core in self.cores.iter() {
            // A closed channel means that the server is stopping; the store knows already.
            let _ = core.send(HubMessage::Inherit(guest.clone(), account.clone())).await;
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
