//! How rooms come from the store, are written down, and go.

use std::time::Duration;

use hashbrown::HashMap;
use parlor_protocol::chat::ChatMessage;
use parlor_protocol::event::ClosedReason;
use parlor_protocol::limits::{RECONNECT_GRACE, RESTART_GRACE};
use parlor_protocol::room::RoomSettings;
use parlor_protocol::{Code, RoomId};
use parlor_room::{
    Amended, Change, Founding, Input, Life, PresenceChange, Room, Snapshot, StoreBatch, StoreFault,
    StoredBatch, StoredChat, iso_8601,
};
use parlor_store::{
    AmendOutcome, AmendRow, ChatChange, ChatOutcome, ChatRow, Claim, Committed, LifeKind,
    LoadedRoom, NewChatRow, PresenceRow, RoomWrite, Store, StoreError,
};
use parlor_tenure::{CLAIM_AGAIN, Claiming, Holder, Step};
use tokio::sync::mpsc;

use super::{Here, Home, Hub, HubRef, RoomKey, Slot, Tools};
use crate::clock::wall_ms;
use crate::cluster::{Cluster, NodeId};
use crate::rooms::Errand;
use crate::vanishing::{Seal, vanishes};

/// How long nodes that open sockets have to take a room that one which opens none is asked for: a
/// letter, and some questions to a database that is far away.
const OFFERED_FOR: Duration = Duration::from_millis(1_500);
/// Changes of presence written at once.
const PRESENCE_BATCH: usize = 1_024;

/// Loads a room and runs what was wanted of it meanwhile.
pub(super) async fn load(me: HubRef, id: RoomId) {
    let tools = me.borrow().tools.clone();
    let found = find(&tools, &id).await;
    let mut hub = me.borrow_mut();
    let waiting = hub.loading.remove(&id).unwrap_or_default();
    let key = match found {
        Ok(Found::Here(loaded, taken)) => hub.open(&me, &id, *loaded, taken),
        // Another node was quicker, and nobody waits for it here.
        Ok(Found::There(_)) if waiting.iter().all(|it| matches!(it, Errand::Take(_))) => return,
        Ok(Found::There(owner)) => hub.open_relay(&id, owner),
        Err(code) => {
            return waiting.into_iter().for_each(|errand| tools.refuse(&id, errand, code));
        }
    };
    for errand in waiting {
        hub.errand(&me, key, errand);
    }
}

/// Where a room was found.
enum Found {
    Here(Box<LoadedRoom>, Taken),
    There(NodeId),
}

/// How a room became this node's.
struct Taken {
    fence: i64,
    /// How often the node had lost its rooms before.
    losses: u64,
    /// What seals a room whose messages vanish.
    seal: Option<Seal>,
}

/// Takes a room over from whoever had it and reads it, or finds the node that has it.
async fn find(tools: &Tools, id: &RoomId) -> Result<Found, Code> {
    let faulty = |error: StoreError| {
        tracing::error!(room = %id, %error, "a room cannot be loaded");
        Code::Unavailable
    };
    let store = &tools.store;
    let mut taken = match &tools.cluster {
        Some(cluster) => match claim(tools, cluster, id).await? {
            Claimed::Taken(taken) => taken,
            Claimed::Held(owner) => return Ok(Found::There(owner)),
        },
        None => {
            let fence = store.take_room(id).await.map_err(faulty)?.ok_or(Code::RoomNotFound)?;
            Taken { fence, losses: 0, seal: None }
        }
    };
    // At once: what is asked may be far away, and people wait for the room.
    let cached = async {
        match &tools.cluster {
            Some(cluster) => cluster.cached_room(id, taken.fence - 1).await,
            None => None,
        }
    };
    let (loaded, cached) = tokio::join!(store.load_room(id), cached);
    let mut loaded = loaded.map_err(faulty)?.ok_or(Code::RoomNotFound)?;
    let mut cached = cached;
    if vanishes(&loaded.row) {
        let seal = unseal(tools, &mut loaded, &mut cached).await?;
        taken.seal = Some(seal);
    }
    loaded.snapshot = later(cached, loaded.snapshot);
    if let (LifeKind::Idle, Some(ttl_s)) = (loaded.row.life, loaded.row.idle_ttl_seconds) {
        // A loaded room counts for itself; this is for a server that dies meanwhile. Nobody waits
        // for it.
        let (store, id, expiry) = (store.clone(), id.clone(), wall_ms() + 1_000 * ttl_s);
        tokio::task::spawn_local(async move {
            if let Err(error) = store.set_room_expiry(&id, Some(expiry)).await {
                tracing::warn!(room = %id, %error, "a room's life cannot be prolonged");
            }
        });
    }
    Ok(Found::Here(Box::new(loaded), taken))
}

/// Opens what is kept of a room whose messages vanish. Without its key nothing of it can be read any
/// more, and what is left is deleted.
async fn unseal(
    tools: &Tools,
    loaded: &mut LoadedRoom,
    cached: &mut Option<Snapshot>,
) -> Result<Seal, Code> {
    let id = &loaded.row.id;
    let seal = tools.app.keys.seal_of(id).await.map_err(|error| {
        tracing::error!(room = %id, %error, "a room cannot be loaded");
        Code::Unavailable
    })?;
    let Some(seal) = seal else {
        tracing::warn!(room = %id, "the key of a room whose messages vanish is gone, and so is it");
        if let Err(error) = tools.store.delete_room(id).await {
            tracing::error!(room = %id, %error, "a room that is over cannot be deleted");
        }
        return Err(Code::RoomNotFound);
    };
    loaded.recent_chat.iter_mut().for_each(|row| seal.open_row(row));
    loaded.snapshot = loaded.snapshot.take().and_then(|text| seal.open(&text));
    *cached = cached.take().and_then(|snapshot| seal.open(&snapshot.0)).map(Snapshot);
    Ok(seal)
}

/// Returns the later one of a snapshot that was cached and one that was stored.
fn later(cached: Option<Snapshot>, stored: Option<String>) -> Option<String> {
    let taken_ms = |snapshot: &Snapshot| snapshot.stamp().map(|stamp| stamp.wall_ms).ok();
    let stored = stored.map(Snapshot);
    let later = match (cached, stored) {
        (Some(cached), Some(stored)) if taken_ms(&cached) > taken_ms(&stored) => Some(cached),
        (cached, None) => cached,
        (_, stored) => stored,
    };
    later.map(|snapshot| snapshot.0)
}

enum Claimed {
    Taken(Taken),
    Held(NodeId),
}

/// Claims a room for this node, unless one that is alive has it. If that may be dead, it is waited
/// for until both witnesses of its life are sure.
async fn claim(tools: &Tools, cluster: &Cluster, id: &RoomId) -> Result<Claimed, Code> {
    let faulty = |error: StoreError| {
        tracing::error!(room = %id, %error, "a room cannot be claimed");
        Code::Unavailable
    };
    if !tools.opens_sockets && tools.store.room(id).await.map_err(faulty)?.is_none() {
        return Err(Code::RoomNotFound);
    }
    let (store, tenure) = (&tools.store, cluster.tenure());
    let now = || tools.clock.now().mono;
    let mut claiming = Claiming::new(cluster.node().clone(), now());
    let mut step = claiming.begin(tenure, now());
    let mut offered = None;
    // Whoever had the room in the last round: most likely it is the one to be asked for in this.
    let mut known: Option<NodeId> = None;
    let mut known_lease = None;
    loop {
        let takes = matches!(step, Step::Claim | Step::Bury { .. } | Step::TakeOver(_));
        if takes && !tools.opens_sockets && is_offered(cluster, id, &mut offered) {
            step = Step::Wait;
        }
        let claimed = match step {
            Step::AskHolder => {
                let lease = async {
                    match &known {
                        Some(node) => Some((node.clone(), cluster.lease_of(node).await)),
                        None => None,
                    }
                };
                let (holder, lease) = tokio::join!(store.holder_of_room(id), lease);
                let holder = holder.map_err(faulty)?.map(told_holder);
                known = holder.as_ref().map(|holder| holder.node.clone());
                known_lease = lease;
                step = claiming.holder(holder);
                continue;
            }
            Step::AskLease(node) => {
                let lease = match known_lease.take() {
                    Some((of, lease)) if of == node => lease,
                    _ => cluster.lease_of(&node).await,
                };
                step = claiming.lease(tenure, now(), lease, cluster.is_silent(&node));
                continue;
            }
            Step::Bury { node, dead_for } => {
                let is_gone = store.bury_node(&node, dead_for).await.map_err(faulty)?;
                step = claiming.buried(is_gone);
                continue;
            }
            Step::Wait => {
                tokio::time::sleep(CLAIM_AGAIN).await;
                step = claiming.begin(tenure, now());
                continue;
            }
            Step::Claim => store.claim_room(id, cluster.node()).await,
            Step::TakeOver(Holder { node, fence }) => {
                let from = parlor_store::Holder { node: node.to_string(), fence };
                store.take_over_room(id, cluster.node(), &from).await
            }
            Step::Held(node) => return Ok(Claimed::Held(node)),
            Step::GiveUp => return Err(Code::Unavailable),
        };
        match claimed.map_err(faulty)? {
            Claim::Taken { fence } => {
                let losses = claiming.losses();
                return Ok(Claimed::Taken(Taken { fence, losses, seal: None }));
            }
            Claim::Gone => return Err(Code::RoomNotFound),
            Claim::Held(holder) => step = claiming.refused(holder.map(told_holder)),
        }
    }
}

/// Puts what the database says of a holder into the words of tenure.
fn told_holder(stored: parlor_store::Holder) -> Holder {
    Holder { node: stored.node.into(), fence: stored.fence }
}

/// Offers a room to nodes that open sockets, and says whether they still have time to take it.
fn is_offered(cluster: &Cluster, id: &RoomId, since: &mut Option<tokio::time::Instant>) -> bool {
    let since = since.get_or_insert_with(|| {
        cluster.offer(id);
        tokio::time::Instant::now()
    });
    since.elapsed() < OFFERED_FOR
}

impl Hub {
    /// Opens a room that was read from the store, where its snapshot left off.
    fn open(&mut self, me: &HubRef, id: &RoomId, loaded: LoadedRoom, taken: Taken) -> RoomKey {
        let clock = &self.tools.clock;
        let now = clock.now();
        let snapshot = loaded.snapshot.clone().map(Snapshot);
        let seats_kept = match &self.tools.cluster {
            // Its node died or handed it over a moment ago: its members are on their way.
            Some(_) => RECONNECT_GRACE,
            None => RESTART_GRACE.saturating_sub(now.mono),
        };
        let reign = taken.fence.unsigned_abs();
        let founding = Founding { seats_kept, reign, ..found(clock.id(), clock.boot(), loaded) };
        let restored = snapshot.and_then(|snapshot| {
            let elapsed = snapshot.stamp().map(|stamp| clock.since(&stamp));
            let room = elapsed
                .and_then(|elapsed| Room::restore(now, founding.clone(), &snapshot, elapsed));
            room.inspect_err(|fault| {
                // What the snapshot held (film, queue, seats) is lost; chat and settings are not.
                tracing::error!(room = %id, %fault, "a room begins without its snapshot");
            })
            .ok()
        });
        let room = restored.unwrap_or_else(|| Room::new(now, founding));
        let Taken { fence, losses, seal } = taken;
        let here = Here {
            room,
            fence,
            losses,
            far: HashMap::new(),
            far_events: HashMap::new(),
            moved: false,
            leaning: Default::default(),
            moving: None,
            seal,
        };
        let key = self.insert_slot(id, Home::Here(Box::new(here)));
        // What the room wants at once: its seats noted, its first deadline set.
        self.turn(me, key, Input::Timeout);
        key
    }

    /// Opens the way to a room that another node has.
    fn open_relay(&mut self, id: &RoomId, owner: NodeId) -> RoomKey {
        self.insert_slot(id, Home::There(owner))
    }

    fn insert_slot(&mut self, id: &RoomId, home: Home) -> RoomKey {
        let key = self.rooms.insert(Slot {
            id: id.clone(),
            home,
            sockets: Default::default(),
            events: None,
            rhythm: Default::default(),
            deadline: None,
            tick: None,
            touched: false,
            conns: 0,
        });
        self.by_id.insert(id.clone(), key);
        key
    }

    /// Writes a room's batch to the store and tells the room how that went.
    pub(super) fn write_down(&mut self, me: &HubRef, key: RoomKey, batch: StoreBatch) {
        let Some(slot) = self.rooms.get(key) else { return };
        let id = batch.batch;
        let Some(write) = room_write(slot, batch) else { return };
        let seal = match &slot.home {
            Home::Here(here) => here.seal.clone(),
            Home::There(_) => None,
        };
        self.writes += 1;
        let (me, store) = (me.clone(), self.tools.store.clone());
        tokio::task::spawn_local(async move {
            let room = write.room_id.clone();
            let mut outcome = store.commit_room(write).await;
            if let (Some(seal), Ok(committed)) = (&seal, &mut outcome) {
                seal.open_committed(committed);
            }
            let is_lost = matches!(outcome, Err(StoreError::Fenced));
            let outcome = outcome.map(outcomes).map_err(|error| {
                tracing::error!(%room, %error, "a room cannot be written");
                StoreFault
            });
            let mut hub = me.borrow_mut();
            hub.write_ended();
            if is_lost {
                return hub.give_up_room(&me, key);
            }
            hub.turn(&me, key, Input::Stored { batch: id, outcome });
            hub.move_if_written(&me, key);
        });
    }

    pub(super) fn write_ended(&mut self) {
        self.writes -= 1;
        self.signals.something_ended.notify_one();
    }

    /// Keeps the table of who is present, in the order in which people came and went.
    pub(super) fn note_presence(&mut self, key: RoomKey, changes: Vec<PresenceChange>) {
        let Some(slot) = self.rooms.get(key) else { return };
        if self.presence.try_send((slot.id.clone(), changes)).is_err() {
            tracing::warn!(room = %slot.id, "too many changes of presence wait to be written");
        }
    }

    /// Deletes a room that is over. One that nobody came to for too long stays in the store while
    /// somebody is invited into it.
    pub(super) fn end_room(&mut self, me: &HubRef, key: RoomKey, reason: ClosedReason) {
        let Some(slot) = self.rooms.get(key) else { return };
        let id = slot.id.clone();
        let vanishes = matches!(&slot.home, Home::Here(here) if here.seal.is_some());
        self.forget(me, key);
        // Until it is deleted nobody may load it again.
        self.loading.insert(id.clone(), Vec::new());
        self.writes += 1;
        let (me, store) = (me.clone(), self.tools.store.clone());
        let keys = self.tools.app.keys.clone();
        tokio::task::spawn_local(async move {
            if vanishes {
                keys.destroy_at_last(&id).await;
            }
            let ended = match reason {
                ClosedReason::Idle => store.delete_room_unless_awaited(&id, wall_ms()).await,
                _ => store.delete_room(&id).await,
            };
            let is_kept = reason == ClosedReason::Idle && matches!(ended, Ok(false));
            if let Err(error) = ended {
                tracing::error!(room = %id, %error, "a room that is over cannot be deleted");
            }
            let mut hub = me.borrow_mut();
            hub.write_ended();
            let waiting = hub.loading.remove(&id).unwrap_or_default();
            if is_kept && !waiting.is_empty() {
                hub.loading.insert(id.clone(), waiting);
                drop(hub);
                tokio::task::spawn_local(load(me, id));
                return;
            }
            let tools = &hub.tools;
            waiting.into_iter().for_each(|errand| tools.refuse(&id, errand, Code::RoomNotFound));
        });
    }

    /// Lets a room go that nobody is in; it stays in the store.
    pub(super) fn unload(&mut self, me: &HubRef, key: RoomKey) {
        if self.rooms.get(key).is_some_and(|slot| slot.conns == 0) {
            self.forget(me, key);
        }
    }

    /// Sends what a room still has to say, and drops it.
    pub(super) fn forget(&mut self, me: &HubRef, key: RoomKey) {
        if let Some(mut slot) = self.take_out(me, key) {
            self.let_go(me, &mut slot);
        }
    }

    /// Sends what a room still has to say, and takes it out of the hub. Others wait until it is
    /// [`Hub::let_go`].
    pub(super) fn take_out(&mut self, me: &HubRef, key: RoomKey) -> Option<Slot> {
        self.flush(me, key);
        let slot = self.rooms.remove(key)?;
        self.by_id.remove(&slot.id);
        self.forget_far_in(key);
        // Who still waits for an answer is told that there is none by the dropped channel.
        self.asks.retain(|_, (room, _)| *room != key);
        if let Some(at) = slot.deadline {
            self.deadlines.remove(&(at, key));
        }
        if let Some(at) = slot.tick {
            self.ticks.remove(&(at, key));
        }
        Some(slot)
    }
}

/// What is known of a room when it is opened.
fn found(clock_id: &str, boot: String, loaded: LoadedRoom) -> Founding {
    let row = loaded.row;
    let life = match (row.life, row.idle_ttl_seconds) {
        (LifeKind::Idle, Some(ttl_s)) => {
            Life::Idle { ttl: Duration::from_secs(ttl_s.max(1) as u64) }
        }
        (LifeKind::Messages, Some(ttl_s)) => {
            let ttl = Duration::from_secs(ttl_s.max(1) as u64);
            let left_ms = row.expires_at_ms.map(|at| at.saturating_sub(wall_ms()).max(0) as u64);
            Life::Messages { ttl, left: left_ms.map_or(ttl, Duration::from_millis).min(ttl) }
        }
        (LifeKind::Permanent, _) | (_, None) => Life::Permanent,
    };
    Founding {
        room_id: row.id,
        settings: RoomSettings {
            name: row.name,
            is_public: row.is_public,
            max_participants: row.max_participants,
            control: row.control,
            wait: row.wait,
            entry: row.entry,
            has_password: row.has_password,
            join_code: row.join_code,
        },
        creator: row.owner_id.clone(),
        owner: row.owner_id,
        created_at: iso_8601(row.created_at_ms),
        epoch: format!("{:016x}", rand::random::<u64>()),
        reign: 0,
        clock_id: clock_id.to_owned(),
        boot,
        life,
        seats_kept: RESTART_GRACE,
        chat: loaded.recent_chat.into_iter().map(chat_message).collect(),
        next_chat: loaded.next_chat_n.max(1) as u64,
    }
}

/// Puts a stored message into the words of the protocol.
pub fn chat_message(row: ChatRow) -> ChatMessage {
    ChatMessage {
        id: row.n.to_string(),
        user_id: row.user_id,
        display_name: row.display_name,
        text: row.text,
        sent_at: iso_8601(row.sent_at_ms),
        client_id: row.client_id,
        reply_to: row.reply_to,
        mentions: row.mentions,
        edited_at: row.edited_at_ms.map(iso_8601),
        deleted_at: row.deleted_at_ms.map(iso_8601),
    }
}

/// A write of nothing, for a room that is here.
pub(super) fn bare(slot: &Slot) -> Option<RoomWrite> {
    let Home::Here(here) = &slot.home else { return None };
    Some(RoomWrite {
        room_id: slot.id.clone(),
        fence: here.fence,
        messages: Vec::new(),
        amendments: Vec::new(),
        snapshot: None,
        settings: None,
        touched_at_ms: wall_ms(),
        expires_at_ms: None,
    })
}

fn room_write(slot: &Slot, batch: StoreBatch) -> Option<RoomWrite> {
    let Home::Here(here) = &slot.home else { return None };
    let touched_at_ms = wall_ms();
    let ttl = here.room.lives_after_a_message().filter(|_| !batch.messages.is_empty());
    let expires_at_ms = ttl.map(|ttl| touched_at_ms + ttl.as_millis() as i64);
    let messages = batch.messages.into_iter().map(|chat| NewChatRow {
        n: chat.number as i64,
        user_id: chat.message.user_id,
        display_name: chat.message.display_name,
        text: chat.message.text,
        sent_at_ms: chat.sent_at_ms,
        client_id: chat.message.client_id,
        reply_to: chat.message.reply_to,
        mentions: chat.message.mentions,
        edited_at_ms: None,
        deleted_at_ms: None,
    });
    let amendments = batch.amendments.into_iter().map(|amendment| AmendRow {
        n: amendment.number as i64,
        author: amendment.author,
        change: match amendment.change {
            Change::Edit { text, mentions } => ChatChange::Edit { text, mentions },
            Change::Delete => ChatChange::Delete,
        },
        at_ms: amendment.at_ms,
    });
    Some(here.sealed(RoomWrite {
        messages: messages.collect(),
        amendments: amendments.collect(),
        snapshot: batch.snapshot.map(|snapshot| snapshot.0),
        settings: batch.settings,
        touched_at_ms,
        expires_at_ms,
        ..bare(slot)?
    }))
}

fn outcomes(stored: Committed) -> StoredBatch {
    let messages = stored.messages.into_iter().map(|outcome| match outcome {
        ChatOutcome::Stored { .. } => StoredChat::New,
        ChatOutcome::Duplicate { n } => StoredChat::Duplicate { existing: n as u64 },
    });
    let amendments = stored.amendments.into_iter().map(|outcome| match outcome {
        AmendOutcome::Done(row) => Amended::Done(Box::new(chat_message(row))),
        AmendOutcome::Before(row) => Amended::Before(Box::new(chat_message(row))),
        AmendOutcome::Missing => Amended::Missing,
        AmendOutcome::Foreign => Amended::Foreign,
    });
    StoredBatch { messages: messages.collect(), amendments: amendments.collect() }
}

/// Writes changes of presence in the order in which they came.
pub(super) async fn keep_presence(
    store: Store,
    mut changes: mpsc::Receiver<(RoomId, Vec<PresenceChange>)>,
) {
    let mut waiting = Vec::new();
    while changes.recv_many(&mut waiting, PRESENCE_BATCH).await > 0 {
        let at_ms = wall_ms();
        let rows = waiting.drain(..).flat_map(|(room_id, changes)| {
            changes.into_iter().map(move |change| PresenceRow {
                room_id: room_id.clone(),
                user_id: change.user.user_id,
                display_name: change.user.display_name.to_string(),
                is_guest: change.user.is_guest,
                present: change.present,
                at_ms,
            })
        });
        if let Err(error) = store.set_presence(rows.collect()).await {
            tracing::warn!(%error, "who is present cannot be written");
        }
    }
}
