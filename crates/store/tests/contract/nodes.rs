//! Which node has which room.

use std::time::Duration;

use parlor_protocol::RoomId;
use parlor_store::{Claim, Holder, PresenceRow, Store, StoreError};

use crate::bed::{Bed, NOON_MS, message, room, write};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(600);
/// Over before the next statement, and dead for no longer than that.
const OVER: Duration = Duration::ZERO;

async fn with_room(bed: &Bed) -> (Store, RoomId) {
    let store = bed.open().await;
    store.create_room(room("r")).await.unwrap();
    (store, RoomId::from("r"))
}

fn fence(claim: Claim) -> i64 {
    match claim {
        Claim::Taken { fence } => fence,
        other => panic!("the room was not taken: {other:?}"),
    }
}

/// Buries a node if it is dead, and takes a room of it over.
async fn take_over(store: &Store, id: &RoomId, by: &str, of: &str, fence: i64) -> Claim {
    store.bury_node(of, OVER).await.unwrap();
    let from = Holder { node: of.into(), fence };
    store.take_over_room(id, by, &from).await.unwrap()
}

pub async fn a_node_that_was_buried_learns_it(bed: &Bed) {
    let (store, _) = with_room(bed).await;
    store.renew_node("a", LONG).await.unwrap();
    assert!(!store.bury_node("a", OVER).await.unwrap(), "it is alive");
    assert!(store.prolong_node("a", OVER).await.unwrap());
    assert!(!store.bury_node("a", LONG).await.unwrap(), "it is not dead for so long");
    assert!(store.bury_node("a", OVER).await.unwrap());
    assert!(store.bury_node("a", LONG).await.unwrap(), "there is no row any more");
    assert!(!store.prolong_node("a", LONG).await.unwrap());
    store.renew_node("a", LONG).await.unwrap();
    assert!(store.prolong_node("a", LONG).await.unwrap());
}

pub async fn a_room_is_not_taken_over_that_was_claimed_since_or_whose_node_is_back(bed: &Bed) {
    let (store, id) = with_room(bed).await;
    store.renew_node("a", OVER).await.unwrap();
    let first = fence(store.claim_room(&id, "a").await.unwrap());
    assert_eq!(
        store.holder_of_room(&id).await.unwrap(),
        Some(Holder { node: "a".into(), fence: first })
    );
    let from = Holder { node: "a".into(), fence: first };
    let refused = store.take_over_room(&id, "b", &from).await.unwrap();
    assert_eq!(refused, Claim::Held(Some(from)), "it has a row");
    let second = fence(store.claim_room(&id, "a").await.unwrap());
    let refused = take_over(&store, &id, "b", "a", first).await;
    assert_eq!(refused, held("a", second), "it claimed the room again");
    fence(take_over(&store, &id, "b", "a", second).await);
}

fn held(node: &str, fence: i64) -> Claim {
    Claim::Held(Some(Holder { node: node.into(), fence }))
}

pub async fn a_room_belongs_to_one_living_node(bed: &Bed) {
    let (store, id) = with_room(bed).await;
    store.renew_node("a", LONG).await.unwrap();
    store.renew_node("b", LONG).await.unwrap();
    let first = store.claim_room(&id, "a").await.unwrap();
    assert_eq!(first, Claim::Taken { fence: 1 });
    let second = store.claim_room(&id, "b").await.unwrap();
    assert_eq!(second, held("a", 1));
    let again = store.claim_room(&id, "a").await.unwrap();
    assert_eq!(again, Claim::Taken { fence: 2 });
    assert_eq!(store.claim_room(&RoomId::from("none"), "a").await.unwrap(), Claim::Gone);
}

pub async fn the_room_of_a_dead_node_is_taken_and_its_writes_are_refused(bed: &Bed) {
    let (store, id) = with_room(bed).await;
    store.renew_node("a", LONG).await.unwrap();
    let old = fence(store.claim_room(&id, "a").await.unwrap());
    store.renew_node("a", OVER).await.unwrap();
    store.renew_node("b", LONG).await.unwrap();
    let new = fence(take_over(&store, &id, "b", "a", old).await);
    let late = store.commit_room(write("r", old, vec![message(1, None)])).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    store.commit_room(write("r", new, vec![message(1, None)])).await.unwrap();
    // Alive again, the first node has to ask like anybody else.
    store.renew_node("a", LONG).await.unwrap();
    assert_eq!(store.claim_room(&id, "a").await.unwrap(), held("b", new));
}

pub async fn of_many_claims_at_once_one_wins(bed: &Bed) {
    let (store, id) = with_room(bed).await;
    let names: Vec<String> = (0..8).map(|n| format!("node-{n}")).collect();
    for name in &names {
        store.renew_node(name, LONG).await.unwrap();
    }
    let claims = names.iter().map(|name| {
        let (store, id, name) = (store.clone(), id.clone(), name.clone());
        tokio::spawn(async move { store.claim_room(&id, &name).await.unwrap() })
    });
    let mut taken = 0;
    for claim in claims.collect::<Vec<_>>() {
        taken += usize::from(matches!(claim.await.unwrap(), Claim::Taken { .. }));
    }
    assert_eq!(taken, 1);
}

pub async fn a_released_or_retired_room_is_free(bed: &Bed) {
    let (store, id) = with_room(bed).await;
    store.renew_node("a", LONG).await.unwrap();
    let first = fence(store.claim_room(&id, "a").await.unwrap());
    store.release_room(&id, first - 1).await.unwrap();
    assert_eq!(store.claim_room(&id, "b").await.unwrap(), held("a", first));
    store.release_room(&id, first).await.unwrap();
    store.renew_node("b", LONG).await.unwrap();
    let second = fence(store.claim_room(&id, "b").await.unwrap());
    store.retire_node("b").await.unwrap();
    fence(take_over(&store, &id, "a", "b", second).await);
}

pub async fn a_room_that_is_handed_over_is_the_heirs_alone(bed: &Bed) {
    let (store, id) = with_room(bed).await;
    for node in ["a", "b", "c"] {
        store.renew_node(node, LONG).await.unwrap();
    }
    let old = fence(store.claim_room(&id, "a").await.unwrap());
    store.hand_room(&id, old - 1, "b").await.unwrap();
    assert_eq!(store.holder_of_room(&id).await.unwrap().unwrap().node, "a");
    store.hand_room(&id, old, "b").await.unwrap();
    assert_eq!(store.claim_room(&id, "c").await.unwrap(), held("b", old));
    let new = fence(store.claim_room(&id, "b").await.unwrap());
    let late = store.commit_room(write("r", old, vec![message(1, None)])).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    store.commit_room(write("r", new, vec![message(1, None)])).await.unwrap();
}

pub async fn a_room_in_use_elsewhere_does_not_expire(bed: &Bed) {
    let (store, id) = with_room(bed).await;
    store.renew_node("a", LONG).await.unwrap();
    fence(store.claim_room(&id, "a").await.unwrap());
    let late_ms = NOON_MS + 3_600_000;
    assert!(!store.delete_room_if_expired(&id, late_ms).await.unwrap());
    store.retire_node("a").await.unwrap();
    assert!(store.delete_room_if_expired(&id, late_ms).await.unwrap());
}

pub async fn who_was_present_at_a_dead_node_is_forgotten(bed: &Bed) {
    let (store, id) = with_room(bed).await;
    store.create_room(room("of-the-dead")).await.unwrap();
    let other = RoomId::from("of-the-dead");
    store.renew_node("a", LONG).await.unwrap();
    store.renew_node("b", LONG).await.unwrap();
    fence(store.claim_room(&id, "a").await.unwrap());
    fence(store.claim_room(&other, "b").await.unwrap());
    let came = |room: &RoomId, user: &str| PresenceRow {
        room_id: room.clone(),
        user_id: user.into(),
        display_name: user.to_owned(),
        is_guest: true,
        present: true,
        at_ms: NOON_MS,
    };
    let rows = vec![came(&id, "ann"), came(&other, "bob"), came(&other, "cleo")];
    store.set_presence(rows).await.unwrap();
    assert_eq!(store.forget_presence_of_the_dead().await.unwrap(), 0);
    store.renew_node("b", OVER).await.unwrap();
    assert_eq!(store.forget_presence_of_the_dead().await.unwrap(), 2);
    assert_eq!(store.presence_of(&id).await.unwrap().len(), 1);
    assert_eq!(store.presence_of(&other).await.unwrap().len(), 0);
}

pub async fn the_clock_of_the_database_can_be_read(bed: &Bed) {
    let store = bed.open().await;
    let first = store.clock_us().await.unwrap();
    let second = store.clock_us().await.unwrap();
    // 2020-01-01: in microseconds, and not in any other unit.
    assert!(first > 1_577_836_800_000_000, "{first}");
    assert!((0..60_000_000).contains(&(second - first)), "{first} {second}");
}
