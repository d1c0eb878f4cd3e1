//! A room with 100 000 members on three nodes. One is a real process, which has the room; two are
//! played by this test with 50 000 connections each, over the real Redis and PostgreSQL, in the words
//! that nodes use among themselves.

#![allow(clippy::unwrap_used)]

mod nodes;

use std::collections::HashMap;
use std::time::Duration;

use nodes::{Guest, Member, Node, Site};
use parlor_protocol::RoomId;
use parlor_room::Principal;
use parlor_server::bus::{Bus, RedisBus};
use parlor_server::clock::Clock;
use parlor_server::cluster::wire::Matter;
use parlor_server::cluster::{Cluster, NodeId};
use parlor_server::hub::batch::Framing;
use parlor_server::rooms::{HubMessage, Rooms};
use parlor_store::{Store, StoreConfig};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// Connections of each played node.
const CROWD: u64 = 50_000;
/// Connections that a played node lets wait for their admission at once.
const WINDOW: u64 = 1_000;
/// How long a dead node's members are seen at most.
const GONE: Duration = Duration::from_secs(10);
/// Nothing that is waited for takes longer, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node without sockets: it says what a node would say for its connections, and counts what it is
/// told.
struct Played {
    cluster: Cluster,
    inbox: mpsc::Receiver<HubMessage>,
    chores: JoinSet<()>,
    number: usize,
    admitted: u64,
    letters: u64,
    kinds: HashMap<&'static str, u64>,
}

impl Played {
    async fn join(site: &Site, number: usize) -> Self {
        let config = StoreConfig { url: site.postgres.url(), max_connections: 2 };
        let store = Store::connect(&config).await.unwrap();
        let bus = Bus::Redis(RedisBus::open(&site.redis.url()).unwrap());
        let (cluster, listener) = Cluster::join(bus, store, Clock::start()).await.unwrap();
        let (rooms, mut inboxes) = Rooms::new(1, None);
        let mut chores = JoinSet::new();
        cluster.run(listener, rooms, &mut chores);
        let inbox = inboxes.remove(0);
        let kinds = HashMap::new();
        Self { cluster, inbox, chores, number, admitted: 0, letters: 0, kinds }
    }

    /// Has all connections enter, as many at once as the window allows.
    async fn crowd_in(&mut self, owner: &NodeId, room: &RoomId) {
        for conn in 0..CROWD {
            while conn - self.admitted >= WINDOW {
                self.hear().await;
            }
            let name = format!("n{}-{conn}", self.number);
            let who = Principal {
                user_id: name.as_str().into(),
                display_name: name.as_str().into(),
                is_guest: true,
            };
            self.cluster.send(
                owner,
                room,
                Matter::Attach {
                    framing: Framing::WebSocket,
                    since: None,
                    conn,
                    who: (&who).into(),
                },
            );
        }
        while self.admitted < CROWD {
            self.hear().await;
        }
    }

    /// Takes the next letter of the room's owner.
    async fn hear(&mut self) {
        let message = timeout(PATIENCE, self.inbox.recv()).await.expect("the owner says something");
        match message.unwrap() {
            HubMessage::Letter(_, _, matter) => self.note(*matter),
            HubMessage::LinkBroken(node) => panic!("a letter of {node} was lost"),
            _ => {}
        }
    }

    fn note(&mut self, matter: Matter) {
        let Matter::Told { shared, asides, .. } = matter else {
            panic!("the owner says something else: {matter:?}")
        };
        self.letters += 1;
        self.admitted += asides.iter().filter(|aside| aside.admits).count() as u64;
        assert!(asides.iter().all(|aside| !aside.closes), "somebody is turned away");
        for kind in ["USER_JOINED", "MEMBERS_CHANGED"] {
            let needle = format!("\"type\":\"{kind}\"");
            let count = count(&shared, needle.as_bytes());
            *self.kinds.entry(kind).or_default() += count;
        }
    }

    /// Dies without a word.
    async fn die(mut self) {
        self.chores.shutdown().await;
    }
}

fn count(haystack: &[u8], needle: &[u8]) -> u64 {
    haystack.windows(needle.len()).filter(|window| *window == needle).count() as u64
}

async fn member_count(node: &Node, room: &str, who: &Guest) -> u64 {
    let seen = node.get(&format!("/api/v1/rooms/{room}"), who).await;
    seen["memberCount"].as_u64().unwrap_or_else(|| panic!("{seen}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_members_on_three_nodes_are_one_room() {
    let site = Site::start(1).await;
    let owner = &site.nodes[0];
    let ada = site.guest("Ada").await;
    let room = site.room(&ada).await;
    let mut inside = Member::enter(owner, &room, &ada).await;
    let id = RoomId::from(room.as_str());
    let mut first = Played::join(&site, 1).await;
    let mut second = Played::join(&site, 2).await;
    let owner_id: NodeId = {
        let config = StoreConfig { url: site.postgres.url(), max_connections: 2 };
        let store = Store::connect(&config).await.unwrap();
        store.holder_of_room(&id).await.unwrap().unwrap().node.into()
    };

    tokio::join!(first.crowd_in(&owner_id, &id), second.crowd_in(&owner_id, &id));
    assert_eq!(member_count(owner, &room, &ada).await, 2 * CROWD + 1);

    // Two hundred were told of one by one, everybody else in a batch each half second.
    for played in [&first, &second] {
        let (joined, batches) = (played.kinds["USER_JOINED"], played.kinds["MEMBERS_CHANGED"]);
        assert!(joined <= 200, "{joined} were told singly");
        assert!((1..=120).contains(&batches), "{batches} batches");
    }

    // One member speaks: once over the bus for each node, whatever its members.
    let before = [first.letters, second.letters];
    inside.say(1, "to all of you").await;
    inside.next("ACK").await;
    for (played, before) in [&mut first, &mut second].into_iter().zip(before) {
        while played.letters == before {
            played.hear().await;
        }
    }

    // A node dies; its members are gone, and nobody else.
    let died = Instant::now();
    first.die().await;
    while member_count(owner, &room, &ada).await != CROWD + 1 {
        assert!(died.elapsed() < PATIENCE, "the dead are still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(died.elapsed() < GONE, "{:?}", died.elapsed());
    inside.say(2, "still here").await;
    inside.next("ACK").await;
    second.die().await;
}
