//! A node among others: it shows that it is alive, knows whether its rooms are still its own, and
//! passes letters between its hubs and those of other nodes.
//!
//! A node is alive by two witnesses, the database and the bus; what follows from what they say is
//! decided in `parlor-tenure`, and asked for here. What a node writes is fenced by the database all
//! the same. Letters are numbered: when one is lost, both nodes forget what they
//! had in common, and the clients in between come back and resume.

mod relay;
pub mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;
use parlor_protocol::{LoginId, RoomId, UserId};
use parlor_room::Snapshot;
use parlor_store::{Store, StoreError};
use parlor_tenure::{LIFE, Lease, RENEWAL_PATIENCE, RENEWED_EVERY, Tenure, Witness};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::bus::{Bus, BusError, Delivery, Leased, Named, Subscription};
use crate::clock::Clock;
use crate::rooms::Rooms;
use crate::sockets::Sockets;
use relay::Relays;
use wire::{Cached, Content, Letter, Matter};

/// How often the database's clock is read (quartz drifts by a few ms in a minute at most), and those
/// forgotten who were present at dead nodes: both are a matter of seconds.
const CLOCK_READ_EVERY: Duration = Duration::from_secs(4);
/// Readings of it before a node takes any room.
const FIRST_READINGS: usize = 5;
/// How long the state of a room outlives its node in the cache: it is taken over within seconds.
const ROOM_CACHED: Duration = Duration::from_secs(300);
/// How often nodes that have something in common write to one another.
const HEARTBEAT_EVERY: Duration = Duration::from_millis(500);
/// After this silence of another node, what was shared with it is over.
const SILENCE: Duration = Duration::from_millis(2_000);
/// The subject that all nodes listen to.
const ALL: &str = "nodes";

/// Names a node: new with each start, so that nobody takes a node for the one it was before.
pub type NodeId = Arc<str>;
/// Hexadecimal digits of a node's name.
pub const NODE_DIGITS: usize = 16;

/// This node's place among the others. Cheap to clone.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

struct Inner {
    node: NodeId,
    bus: Bus,
    store: Store,
    clock: Clock,
    tenure: Tenure,
    links: Mutex<HashMap<NodeId, Link>>,
    /// Nodes that fell silent, and when: as long as their lease lasts they look alive.
    silent: Mutex<HashMap<NodeId, Instant>>,
    /// Questions to all nodes that somebody waits for.
    asks: Mutex<HashMap<u64, oneshot::Sender<()>>>,
    relays: Relays,
}

/// What is known of another node.
struct Link {
    /// The row of letters to it, and the number of the next.
    row: u64,
    next: u64,
    /// The row of letters from it, as far as one began.
    theirs: Option<Row>,
    heard: Instant,
}

/// A row of letters from another node.
struct Row {
    name: u64,
    /// The number of the next letter; `None` after one was lost.
    expected: Option<u64>,
}

impl Link {
    fn new() -> Self {
        Self { row: rand::random(), next: 0, theirs: None, heard: Instant::now() }
    }
}

impl Cluster {
    /// Shows for the first time that this node is alive, and listens to the others.
    ///
    /// # Errors
    /// [`JoinError`] if the database or the bus cannot be reached.
    pub async fn join(bus: Bus, store: Store, clock: Clock) -> Result<(Self, Listener), JoinError> {
        let node: NodeId = format!("{:0NODE_DIGITS$x}", rand::random::<u64>()).into();
        let cluster = Self(Arc::new(Inner {
            node: node.clone(),
            bus,
            store,
            clock,
            tenure: Tenure::default(),
            links: Mutex::default(),
            silent: Mutex::default(),
            asks: Mutex::default(),
            relays: Relays::default(),
        }));
        let own = cluster.0.bus.subscribe(&subject(&node)).await?;
        let all = cluster.0.bus.subscribe(ALL).await?;
        cluster.0.store.renew_node(&node, LIFE).await?;
        cluster.renew().await;
        for _ in 0..FIRST_READINGS {
            cluster.read_clock().await;
        }
        Ok((cluster, Listener { own, all }))
    }

    /// Returns what the nodes share beside the database.
    pub fn bus(&self) -> &Bus {
        &self.0.bus
    }

    /// Returns this node's name.
    pub fn node(&self) -> &NodeId {
        &self.0.node
    }

    /// Returns how often this node has lost its rooms, if they are its own at `now`; `None` while
    /// they may be somebody else's.
    pub fn standing(&self, now: Duration) -> Option<u64> {
        self.0.tenure.standing(now)
    }

    /// Returns what decides whose a room is.
    pub fn tenure(&self) -> &Tenure {
        &self.0.tenure
    }

    /// Says whether the message broker can be reached: without it this node's rooms go on, and those
    /// of other nodes cannot be had.
    pub fn hears_others(&self) -> bool {
        *self.0.bus.reachable().borrow()
    }

    /// Asks the bus whether another node is alive.
    pub async fn lease_of(&self, node: &str) -> Lease {
        let asked = self.now();
        let named = self.0.bus.holder(&lease_of(node), LIFE).await;
        match &named {
            Ok(_) => self.0.tenure.bus_answered(),
            Err(_) => self.0.tenure.bus_failed(asked, self.now()),
        }
        match named {
            Ok(Named::Holder(_)) => Lease::Held,
            Ok(Named::Nobody) => Lease::Free,
            Ok(Named::Forgotten) => Lease::Forgotten,
            Err(_) => Lease::Unknown,
        }
    }

    /// Says whether another node has fallen silent towards this one. Its lease may still last.
    pub fn is_silent(&self, node: &str) -> bool {
        self.silent().contains_key(node)
    }

    /// Sends another node something about a room. Whether it arrives is seen by its number.
    pub fn send(&self, to: &NodeId, room: &RoomId, matter: Matter) {
        self.post(to, Content::Room(room.clone(), matter));
    }

    /// Tells every other node that a login was revoked.
    pub fn end_login(&self, login: &LoginId) {
        self.tell_all(Content::EndLogin(login.as_str().to_owned()));
    }

    /// Tells every other node that a guest became an account.
    pub fn inherit(&self, guest: &UserId, account: &UserId) {
        self.tell_all(Content::Inherit(guest.clone(), account.clone()));
    }

    /// Has every other node tell the sockets of somebody an event.
    pub fn tell_person<T: Serialize + ?Sized>(&self, user: &UserId, name: &str, argument: &T) {
        self.tell_all(tell(user, name, argument, None));
    }

    /// Does the same, and says in the end whether a socket at another node took it. It may never end:
    /// whoever asks waits as long as they like.
    pub fn ask_person<T: Serialize + ?Sized>(
        &self,
        user: &UserId,
        name: &str,
        argument: &T,
    ) -> impl Future<Output = bool> + use<T> {
        let ask: u64 = rand::random();
        let (taken, answer) = oneshot::channel();
        self.asks().insert(ask, taken);
        let waiting = Waiting { cluster: self.clone(), ask };
        self.tell_all(tell(user, name, argument, Some(ask)));
        async move {
            let is_taken = answer.await.is_ok();
            drop(waiting);
            is_taken
        }
    }

    fn asks(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<()>>> {
        // No question is left half noted under the lock.
        self.0.asks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the sockets of somebody here what another node wants told.
    async fn tell_here(
        &self,
        rooms: &Rooms,
        user: UserId,
        name: String,
        json: String,
        ask: Option<u64>,
    ) {
        // Of another version, it may be no JSON.
        let Ok(argument) = RawValue::from_string(json) else { return };
        let took = Sockets::of(rooms).begin_to_tell(&user, &name, &argument).await;
        let Some(ask) = ask else { return };
        // The next letter does not wait for the cores' answers.
        let cluster = self.clone();
        tokio::spawn(async move {
            if took.sum().await > 0 {
                cluster.tell_all(Content::Took(ask));
            }
        });
    }

    /// Offers a room that no node has to those that open sockets.
    pub fn offer(&self, room: &RoomId) {
        self.tell_all(Content::Offer(room.clone()));
    }

    /// Keeps a value where every node can take it, for `life`; `false` if that is not possible now.
    pub async fn lend(&self, name: &str, value: Bytes, life: Duration) -> bool {
        let kept = self.0.bus.keep(name, value, life).await;
        kept.inspect_err(|error| tracing::warn!(%error, "other nodes cannot be lent anything"))
            .is_ok()
    }

    /// Takes a value that a node lent; one of several who ask gets it.
    ///
    /// # Errors
    /// [`BusError::Unreachable`].
    pub async fn borrow(&self, name: &str) -> Result<Option<Bytes>, BusError> {
        self.0.bus.take(name).await
    }

    /// Keeps a room's state where whoever has it next finds it sooner than in the database. It may be
    /// lost.
    pub fn cache_room(&self, room: &RoomId, fence: i64, snapshot: Snapshot) {
        let cached = wire::encode_cached(&Cached { fence, snapshot: snapshot.0 });
        if let Err(error) = self.0.bus.keep_soon(&cache_of(room), cached, ROOM_CACHED) {
            tracing::debug!(%error, %room, "a room's state is not cached");
        }
    }

    /// Returns the state that a room's owner with that fence has cached last, if it is there.
    pub async fn cached_room(&self, room: &RoomId, fence: i64) -> Option<Snapshot> {
        let cached = self.0.bus.look(&cache_of(room)).await.ok()??;
        let cached = wire::decode_cached(&cached)?;
        (cached.fence == fence).then_some(Snapshot(cached.snapshot))
    }

    /// Lets the others have this node's rooms at once.
    pub async fn leave(&self) {
        self.0.tenure.leave();
        if let Err(error) = self.0.store.retire_node(&self.0.node).await {
            tracing::warn!(%error, "other nodes wait until this one counts as dead");
        }
        if let Err(error) = self.0.bus.release(&lease_of(&self.0.node), &self.0.node).await {
            tracing::warn!(%error, "other nodes wait until this one counts as dead");
        }
    }

    /// Runs what a node does all the time: shows that it is alive, listens, watches the others.
    pub fn run(&self, listener: Listener, rooms: Rooms, chores: &mut JoinSet<()>) {
        let (alive, timely) = (self.clone(), self.clone());
        let (heard, watching) = (self.clone(), self.clone());
        let for_watch = rooms.clone();
        let rehearsing = self.0.store.clone();
        chores.spawn(async move {
            if let Err(error) = rehearsing.rehearse_taking_over().await {
                tracing::debug!(%error, "the first takeovers will take longer");
            }
        });
        chores.spawn(async move { alive.stay_alive().await });
        chores.spawn(async move { timely.keep_time().await });
        chores.spawn(async move { heard.listen(listener, rooms).await });
        chores.spawn(async move { watching.watch(for_watch).await });
    }

    fn links(&self) -> MutexGuard<'_, HashMap<NodeId, Link>> {
        // No link is left half changed under the lock.
        self.0.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn silent(&self) -> MutexGuard<'_, HashMap<NodeId, Instant>> {
        self.0.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self, to: &NodeId, content: Content) {
        // Under the lock until it is with the bus, so that letters leave in the order of their
        // numbers.
        let mut links = self.links();
        let link = links.entry(to.clone()).or_insert_with(Link::new);
        let (row, number) = (link.row, link.next);
        let letter = Letter { from: self.0.node.to_string(), row, number, content };
        if matches!(letter.content, Content::Room(..)) {
            link.next += 1;
        }
        if let Err(error) = self.0.bus.publish(&subject(to), wire::encode(&letter)) {
            tracing::debug!(%error, node = %to, "a letter to another node is lost");
        }
    }

    fn tell_all(&self, content: Content) {
        let letter = Letter { from: self.0.node.to_string(), row: 0, number: 0, content };
        if let Err(error) = self.0.bus.publish(ALL, wire::encode(&letter)) {
            tracing::warn!(%error, "other nodes cannot be told");
        }
    }

    /// Tells another node something that is not numbered; `false` if it is lost already.
    fn tell(&self, to: &NodeId, content: Content) -> bool {
        let letter = Letter { from: self.0.node.to_string(), row: 0, number: 0, content };
        let published = self.0.bus.publish(&subject(to), wire::encode(&letter));
        published
            .inspect_err(|error| tracing::debug!(%error, node = %to, "a letter is lost"))
            .is_ok()
    }

    async fn stay_alive(&self) {
        let mut every = interval(RENEWED_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.renew().await;
        }
    }

    async fn keep_time(&self) {
        let mut every = interval(CLOCK_READ_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.read_clock().await;
            if let Err(error) = self.0.store.forget_presence_of_the_dead().await {
                tracing::debug!(%error, "who was present at dead nodes is still in the database");
            }
        }
    }

    /// Relates this node's clock to the database's, which all nodes read.
    async fn read_clock(&self) {
        let asked = self.0.clock.now().mono;
        match timeout(RENEWAL_PATIENCE, self.0.store.clock_us()).await {
            Ok(Ok(shared_us)) => self.0.clock.relate(asked, self.0.clock.now().mono, shared_us),
            // What was read before is good for minutes.
            Ok(Err(error)) => tracing::debug!(%error, "the database's clock cannot be read"),
            Err(_) => tracing::debug!("the database's clock cannot be read in time"),
        }
    }

    /// Asks both witnesses to go on. The answer of the one does not wait for that of the other.
    async fn renew(&self) {
        let (by_store, by_bus) = tokio::join!(self.renew_by_store(), self.renew_by_bus());
        if !by_store && !by_bus {
            tracing::warn!("neither the database nor the message broker can be reached");
        }
    }

    async fn renew_by_store(&self) -> bool {
        let (tenure, node, store) = (&self.0.tenure, &self.0.node, &self.0.store);
        let mut asked = self.now();
        let mut granted = timeout(RENEWAL_PATIENCE, store.prolong_node(node, LIFE)).await;
        if matches!(granted, Ok(Ok(false))) && tenure.buried() {
            tracing::warn!("other nodes took this one for dead: its rooms may be theirs");
            asked = self.now();
            let entering = timeout(RENEWAL_PATIENCE, store.renew_node(node, LIFE)).await;
            granted = entering.map(|entered| entered.map(|()| true));
        }
        let is_granted = matches!(granted, Ok(Ok(true)));
        self.witnessed(Witness::Store, asked, is_granted);
        is_granted
    }

    async fn renew_by_bus(&self) -> bool {
        let asked = self.now();
        let name = lease_of(&self.0.node);
        let leased = timeout(RENEWAL_PATIENCE, self.0.bus.lease(&name, &self.0.node, LIFE)).await;
        let is_granted = matches!(leased, Ok(Ok(Leased::Ours { .. })));
        self.witnessed(Witness::Bus, asked, is_granted);
        is_granted
    }

    fn witnessed(&self, by: Witness, asked: Duration, is_granted: bool) {
        let now = self.now();
        match is_granted {
            true => self.0.tenure.granted(by, asked, now),
            false => self.0.tenure.not_granted(by, asked, now),
        }
    }

    fn now(&self) -> Duration {
        self.0.clock.now().mono
    }

    async fn listen(&self, listener: Listener, rooms: Rooms) {
        let Listener { mut own, mut all } = listener;
        loop {
            let delivery = tokio::select! {
                delivery = own.next() => delivery,
                delivery = all.next() => delivery,
            };
            match delivery {
                Some(Delivery::Message(bytes)) => match wire::decode(&bytes) {
                    Some(letter) => self.receive(letter, &rooms).await,
                    None => tracing::warn!("a letter of another version cannot be read"),
                },
                // What was lost, and from whom, the numbers tell; an answer has none.
                Some(Delivery::Gap) => self.0.relays.give_up(),
                None => return,
            }
        }
    }

    async fn receive(&self, letter: Letter, rooms: &Rooms) {
        let from: NodeId = letter.from.into();
        if from == self.0.node {
            return;
        }
        self.silent().remove(&from);
        match letter.content {
            Content::EndLogin(login) => rooms.end_login_here(&LoginId::from(login)).await,
            Content::Inherit(guest, account) => rooms.inherit_here(&guest, &account).await,
            Content::Offer(room) => rooms.take(&room).await,
            Content::Tell(user, name, json, ask) => {
                self.tell_here(rooms, user, name, json, ask).await;
            }
            Content::Took(ask) => {
                if let Some(taken) = self.asks().remove(&ask) {
                    // Whoever asked may not wait any more.
                    let _ = taken.send(());
                }
            }
            Content::Socket(ask, matter) => self.relayed(from, ask, matter, rooms),
            Content::Reset(row) => {
                if self.begin_new_row(&from, row) {
                    rooms.link_broken(&from).await;
                }
            }
            content => {
                let is_numbered = matches!(content, Content::Room(..));
                let arrival = self.note(&from, letter.row, letter.number, is_numbered);
                if arrival != Arrival::InOrder {
                    rooms.link_broken(&from).await;
                }
                match (arrival, content) {
                    (Arrival::InOrder | Arrival::InAnotherRow, Content::Room(room, matter)) => {
                        rooms.deliver(from, room, matter).await;
                    }
                    (Arrival::AfterLoss, _) => self.post(&from, Content::Reset(letter.row)),
                    (Arrival::InOrder | Arrival::InAnotherRow, _) => {}
                }
            }
        }
    }

    /// Begins a new row of letters to a node that lost one of `row`; `false` if there is another
    /// row already.
    fn begin_new_row(&self, to: &NodeId, row: u64) -> bool {
        let mut links = self.links();
        let Some(link) = links.get_mut(to).filter(|link| link.row == row) else { return false };
        (link.row, link.next) = (rand::random(), 0);
        true
    }

    fn note(&self, from: &NodeId, row: u64, number: u64, is_numbered: bool) -> Arrival {
        let mut links = self.links();
        let link = links.entry(from.clone()).or_insert_with(Link::new);
        link.heard = Instant::now();
        let (expected, is_another) = match &link.theirs {
            Some(theirs) if theirs.name == row => (theirs.expected, false),
            Some(_) => (Some(0), true),
            None => (Some(0), false),
        };
        let is_next = expected == Some(number);
        let next = is_next.then_some(number + u64::from(is_numbered));
        link.theirs = Some(Row { name: row, expected: next });
        match (is_next, is_another) {
            (true, false) => Arrival::InOrder,
            (true, true) => Arrival::InAnotherRow,
            (false, _) => Arrival::AfterLoss,
        }
    }

    /// Writes to those who are known, and gives up those who are silent.
    async fn watch(&self, rooms: Rooms) {
        let mut every = interval(HEARTBEAT_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.silent().retain(|_, since| since.elapsed() < 2 * LIFE);
            let (silent, known): (Vec<NodeId>, Vec<NodeId>) = {
                let links = self.links();
                let nodes = links.iter().map(|(node, link)| (node.clone(), link.heard.elapsed()));
                let (silent, known): (Vec<_>, Vec<_>) =
                    nodes.partition(|(_, silence)| *silence > SILENCE);
                let names = |nodes: Vec<(NodeId, Duration)>| nodes.into_iter().map(|it| it.0);
                (names(silent).collect(), names(known).collect())
            };
            for node in silent {
                tracing::info!(%node, "another node is silent");
                self.links().remove(&node);
                self.silent().insert(node.clone(), Instant::now());
                rooms.link_broken(&node).await;
            }
            for node in known {
                self.post(&node, Content::Heartbeat);
            }
        }
    }
}

/// A question to other nodes that somebody waits for.
struct Waiting {
    cluster: Cluster,
    ask: u64,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.cluster.asks().remove(&self.ask);
    }
}

fn tell<T: Serialize + ?Sized>(
    user: &UserId,
    name: &str,
    argument: &T,
    ask: Option<u64>,
) -> Content {
    let json = serde_json::to_string(argument).expect("plain values with text keys are JSON");
    Content::Tell(user.clone(), name.to_owned(), json, ask)
}

/// What other nodes say to this one.
pub struct Listener {
    own: Subscription,
    all: Subscription,
}

/// How a letter fits behind the last one.
#[derive(PartialEq, Eq)]
enum Arrival {
    InOrder,
    /// It begins another row: what was shared before is over.
    InAnotherRow,
    AfterLoss,
}

/// Why a node cannot take its place.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The bus.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn subject(node: &str) -> String {
    format!("node:{node}")
}

fn cache_of(room: &RoomId) -> String {
    format!("room:{room}")
}

fn lease_of(node: &str) -> String {
    format!("node:{node}")
}
