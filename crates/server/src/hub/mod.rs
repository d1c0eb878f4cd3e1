//! The hub: the driver of the rooms on one core, and of the sockets of their members.
//!
//! One hub runs on each single-threaded runtime. Everything in it happens in *turns* between two
//! awaits: a socket is read, its messages are handed to the room, the room's outputs are carried
//! out — what is to be sent is appended, framed, to the room's [`batch::Batch`] — and when every
//! socket that was ready has been read, each touched room's batch goes to each member with one
//! write. Nothing awaits a client: a socket that would block gets a bounded backlog.
//!
//! No lock guards anything here, and no borrow of the hub is held over an await.
//!
//! Start reading at [`Hub`], then `turn.rs` (a room's turn) and `flush.rs` (its batch leaves).

mod backlog;
pub mod batch;
mod connection;
mod errands;
mod events;
mod far;
mod farewell;
pub mod flood;
mod flush;
pub mod load;
mod moving;
mod readiness;
mod relay;
pub mod rhythm;
mod session;
mod socketio;
mod sweep;
mod turn;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use hashbrown::HashMap;
use mio::{Poll, Registry};
use parlor_dialects::sse::Channel;
use parlor_protocol::RoomId;
use parlor_room::{PresenceChange, Room};
use parlor_store::{RoomWrite, Store};
use slotmap::SlotMap;
use tokio::sync::{Notify, mpsc};

use crate::app::App;
use crate::auth::Auth;
use crate::clock::Clock;
use crate::cluster::{Cluster, NodeId};
use crate::rooms::{Answered, Errand, HubMessage};
use crate::vanishing::Seal;
use batch::{Batch, Framing};
use connection::Conn;
use far::FarConn;
use rhythm::Rhythm;
use socketio::Clients;
pub use socketio::Desk;

slotmap::new_key_type! {
    /// Names a connection of this hub; never used twice.
    pub struct ConnKey;
    /// Names a loaded room of this hub; never used twice.
    pub struct RoomKey;
    /// Names a connection of another node to a room of this hub; never used twice.
    pub struct FarKey;
}

/// Bytes read from a socket at once, into one buffer that all sockets share.
const READ_BYTES: usize = 64 * 1024;
/// Errands waiting for one room to be loaded.
const LOADING_ERRANDS: usize = 4_096;
/// Changes of presence waiting to be written.
const PRESENCE_QUEUE: usize = 65_536;

/// What a hub works with.
#[derive(Clone)]
pub struct Tools {
    /// What the events of Socket.IO clients reach.
    pub app: App,
    /// The server's clock.
    pub clock: Clock,
    /// Where rooms are kept.
    pub store: Store,
    /// Who tells whether a token is good.
    pub auth: Auth,
    /// Whether connections may send as much as they like.
    pub no_rate_limits: bool,
    /// This node among others, if there are any.
    pub cluster: Option<Cluster>,
    /// Whether this node opens sockets; one that does not leaves rooms to others.
    pub opens_sockets: bool,
}

/// A hub, shared by the tasks of its core. Borrowed for the length of a turn only.
pub type HubRef = Rc<RefCell<Hub>>;

/// The rooms and sockets of one core.
pub struct Hub {
    tools: Tools,
    rooms: SlotMap<RoomKey, Slot>,
    by_id: HashMap<RoomId, RoomKey>,
    /// Errands for rooms that are being loaded.
    loading: HashMap<RoomId, Vec<Errand>>,
    conns: SlotMap<ConnKey, Conn>,
    /// Connections by Socket.IO.
    clients: Clients,
    /// Rooms whose batch leaves when the present turn ends.
    touched: Vec<RoomKey>,
    /// When each room wants to be woken.
    deadlines: BTreeSet<(Duration, RoomKey)>,
    /// When the batch of each busy room leaves.
    ticks: BTreeSet<(Duration, RoomKey)>,
    /// Commands over HTTP that wait for their room.
    asks: HashMap<u64, (RoomKey, Answered)>,
    /// Questions to other nodes that wait for their answer.
    far_asks: HashMap<u64, (RoomId, Errand)>,
    /// Connections of other nodes, in rooms of this one.
    far: SlotMap<FarKey, FarConn>,
    far_by_name: HashMap<(NodeId, u64), FarKey>,
    /// Those of them that are gone, until what was said to them has left.
    far_gone_since: Vec<FarKey>,
    next_ask: u64,
    /// Store writes that are under way, all rooms together.
    writes: usize,
    /// Whether no new socket is taken any more.
    draining: bool,
    presence: mpsc::Sender<(RoomId, Vec<PresenceChange>)>,
    read_buffer: Box<[u8]>,
    /// Where sockets are named to be watched.
    registry: Registry,
    signals: Rc<Signals>,
}

/// Wakes the hub's own tasks.
#[derive(Default)]
struct Signals {
    turn_ends: Notify,
    timers_changed: Notify,
    /// A connection is gone or a write is done: a drain looks whether it was the last.
    something_ended: Notify,
}

/// A loaded room.
struct Slot {
    id: RoomId,
    home: Home,
    /// Those who speak the room protocol.
    sockets: Audience,
    /// Those who read server-sent events, once there was one.
    events: Option<Box<Audience>>,
    rhythm: Rhythm,
    /// What `deadlines` holds for this room.
    deadline: Option<Duration>,
    /// What `ticks` holds for this room.
    tick: Option<Duration>,
    /// Whether the room is in `touched`.
    touched: bool,
    /// Number of connections, admitted or not.
    conns: usize,
}

/// Those who read the same framing, and what is to be sent to them.
#[derive(Default)]
struct Audience {
    /// Connections that get the room's broadcasts.
    admitted: Vec<ConnKey>,
    batch: Batch,
}

/// Where the room of a slot is.
enum Home {
    Here(Box<Here>),
    /// At another node, which is told what this one's connections say and tells what they get.
    There(NodeId),
}

/// A room of this node.
struct Here {
    room: Room,
    /// Proves to the store that no other node has taken the room over.
    fence: i64,
    /// How often this node had lost its rooms when it took this one.
    losses: u64,
    /// How many connections of each other node are in the room.
    far: HashMap<NodeId, usize>,
    /// How many of them read server-sent events.
    far_events: HashMap<NodeId, usize>,
    /// Whether the film moved since the state was last cached.
    moved: bool,
    leaning: moving::Leaning,
    /// Where the room goes, once it is to move.
    moving: Option<moving::Move>,
    /// Seals what is written of a room whose messages vanish.
    seal: Option<Seal>,
}

impl Here {
    /// Seals what is written of the room, if its messages vanish.
    fn sealed(&self, write: RoomWrite) -> RoomWrite {
        match &self.seal {
            Some(seal) => seal.seal_write(write),
            None => write,
        }
    }

    /// Says whether the room is certainly this node's at `now`.
    fn is_ours(&self, cluster: Option<&Cluster>, now: Duration) -> bool {
        cluster.is_none_or(|cluster| cluster.standing(now) == Some(self.losses))
    }
}

impl Slot {
    /// Returns those who read a framing.
    fn audience(&mut self, framing: Framing) -> &mut Audience {
        match framing {
            Framing::WebSocket => &mut self.sockets,
            Framing::Events => self.events.get_or_insert_with(|| {
                let epoch = match &self.home {
                    Home::Here(here) => here.room.position().epoch,
                    // The room's own node frames what is told.
                    Home::There(_) => String::new(),
                };
                let batch = Batch::of_events(Channel { room: self.id.clone(), epoch });
                Box::new(Audience { admitted: Vec::new(), batch })
            }),
        }
    }

    /// Returns what is pending in a framing.
    fn batch(&mut self, framing: Framing) -> &mut Batch {
        &mut self.audience(framing).batch
    }

    /// Goes through what is pending, in every framing that somebody reads.
    fn batches(&mut self) -> impl Iterator<Item = &mut Batch> {
        let events = self.events.as_deref_mut().map(|events| &mut events.batch);
        [&mut self.sockets.batch].into_iter().chain(events)
    }

    fn room(&self) -> Option<&Room> {
        match &self.home {
            Home::Here(here) => Some(&here.room),
            Home::There(_) => None,
        }
    }
}

impl Hub {
    /// Returns a room of this node.
    fn here_mut(&mut self, key: RoomKey) -> Option<&mut Here> {
        match &mut self.rooms.get_mut(key)?.home {
            Home::Here(here) => Some(here),
            Home::There(_) => None,
        }
    }

    /// Makes a hub and starts its tasks on the present `LocalSet`. They end with it.
    ///
    /// # Errors
    /// If the system has no selector for the hub's sockets.
    pub fn start(tools: Tools, inbox: mpsc::Receiver<HubMessage>) -> io::Result<HubRef> {
        let poll = Poll::new()?;
        let (presence, changes) = mpsc::channel(PRESENCE_QUEUE);
        let signals = Rc::new(Signals::default());
        tokio::task::spawn_local(load::keep_presence(tools.store.clone(), changes));
        let hub = Rc::new(RefCell::new(Hub {
            tools,
            rooms: SlotMap::with_key(),
            by_id: HashMap::new(),
            loading: HashMap::new(),
            conns: SlotMap::with_key(),
            clients: Clients::default(),
            touched: Vec::new(),
            deadlines: BTreeSet::new(),
            ticks: BTreeSet::new(),
            asks: HashMap::new(),
            far_asks: HashMap::new(),
            far: SlotMap::with_key(),
            far_by_name: HashMap::new(),
            far_gone_since: Vec::new(),
            next_ask: 0,
            writes: 0,
            draining: false,
            presence,
            read_buffer: vec![0; READ_BYTES].into_boxed_slice(),
            registry: poll.registry().try_clone()?,
            signals: signals.clone(),
        }));
        tokio::task::spawn_local(take_messages(hub.clone(), inbox));
        tokio::task::spawn_local(end_turns(hub.clone(), signals.clone()));
        tokio::task::spawn_local(keep_time(hub.clone(), signals));
        tokio::task::spawn_local(sweep::sweep(hub.clone()));
        tokio::task::spawn_local(moving::follow_members(hub.clone()));
        tokio::task::spawn_local(readiness::attend(hub.clone(), poll));
        Ok(hub)
    }
}

async fn take_messages(hub: HubRef, mut inbox: mpsc::Receiver<HubMessage>) {
    while let Some(message) = inbox.recv().await {
        match message {
            HubMessage::Room(id, errand) => Hub::run_errand(&hub, id, errand),
            HubMessage::Counts(ids, reply) => {
                // Whoever asked may be gone; then nobody needs the answer.
                let _ = reply.send(hub.borrow().counts(ids));
            }
            HubMessage::EndLogin(login) => {
                let mut borrowed = hub.borrow_mut();
                borrowed.end_login(&hub, &login);
                borrowed.end_login_of_clients(&hub, &login);
            }
            HubMessage::Socket(errand) => hub.borrow_mut().socket_errand(&hub, errand),
            HubMessage::Inherit(guest, account) => {
                hub.borrow_mut().inherit(&hub, &guest, &account);
            }
            HubMessage::Letter(from, room, matter) => Hub::read_letter(&hub, from, room, *matter),
            HubMessage::LinkBroken(node) => Hub::link_broken(&hub, &node),
            HubMessage::Drain(done) => {
                Hub::drain(&hub, done);
                hub.borrow_mut().send_clients_away(&hub);
            }
        }
    }
}

/// Flushes the rooms of each turn. The task is woken while sockets are being read and therefore
/// stands behind all that are ready: what they said leaves together.
async fn end_turns(hub: HubRef, signals: Rc<Signals>) {
    loop {
        signals.turn_ends.notified().await;
        let mut hub_now = hub.borrow_mut();
        hub_now.flush_touched(&hub);
        hub_now.flush_clients(&hub);
    }
}

/// Wakes rooms at their deadlines and busy rooms' batches at their ticks.
async fn keep_time(hub: HubRef, signals: Rc<Signals>) {
    loop {
        let (next, clock) = {
            let hub = hub.borrow();
            let deadline = hub.deadlines.first().map(|(at, _)| *at);
            let tick = hub.ticks.first().map(|(at, _)| *at);
            let next = deadline.into_iter().chain(tick).chain(hub.clients.next_deadline()).min();
            (next, hub.tools.clock.clone())
        };
        match next {
            Some(at) => {
                tokio::select! {
                    () = tokio::time::sleep_until(clock.instant(at)) => {}
                    () = signals.timers_changed.notified() => {}
                }
            }
            None => signals.timers_changed.notified().await,
        }
        let mut borrowed = hub.borrow_mut();
        borrowed.deadlines_due(&hub);
        borrowed.ticks_due(&hub);
        borrowed.clients_due(&hub);
    }
}
