//! Marking direct messages as read.

use parlor_protocol::UserId;
use parlor_store::{MarkedRead, Party, ReadOf, Store};

use crate::bed::{Bed, NOON_MS};
use crate::direct::{ANN, BOB, clerk, send, unread, with_people};

pub async fn all_of_ones_own_are_read_and_nobody_elses(bed: &Bed) {
    let store = with_people(bed).await;
    let mut ids = Vec::new();
    for (from, to) in [(ANN, BOB), ("carla", BOB), (ANN, BOB), (BOB, ANN), (ANN, "carla")] {
        ids.push(send(&store, from, to, "hi").await.message.id);
    }
    let mut asked = ids.clone();
    asked.extend([ids[0], -1, 0, i64::MAX]);
    let marked = store.mark_read(&clerk(BOB), &asked, NOON_MS + 5).await.unwrap();
    let of = |author: &str, ids: Vec<i64>| ReadOf {
        author: Party { user_id: UserId::from(author), clerk_id: clerk(author) },
        ids,
        is_told: true,
    };
    let expected = MarkedRead {
        ids: ids[..3].to_vec(),
        by_author: vec![of(ANN, vec![ids[0], ids[2]]), of("carla", vec![ids[1]])],
    };
    assert_eq!(marked, expected);
    let counts =
        [unread(&store, BOB).await, unread(&store, ANN).await, unread(&store, "carla").await];
    assert_eq!(counts, [0, 1, 1]);
    let again = store.mark_read(&clerk(BOB), &asked, NOON_MS + 9).await.unwrap();
    assert_eq!(again, MarkedRead { ids: ids[..3].to_vec(), by_author: Vec::new() });
    let none = store.mark_read(&clerk(BOB), &[], NOON_MS).await.unwrap();
    assert_eq!(none, MarkedRead::default());
}

pub async fn more_than_one_statement_holds_are_read(bed: &Bed) {
    let store = with_people(bed).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let tasks: Vec<_> = (0..500)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { send(&store, ANN, BOB, "hi").await.message.id })
            })
            .collect();
        for task in tasks {
            ids.push(task.await.unwrap());
        }
    }
    assert_eq!(unread(&store, BOB).await, 2_500);
    let marked = store.mark_read(&clerk(BOB), &ids, NOON_MS).await.unwrap();
    assert_eq!(marked.by_author[0].ids.len(), 2_500);
    assert_eq!(unread(&store, BOB).await, 0);
}

/// Counts what is not read the slow way.
async fn unread_by_hand(store: &Store, owner: &str) -> i64 {
    let rows = store.direct_messages_of(&clerk(owner), None, 10_000).await.unwrap();
    let open = rows.iter().filter(|row| row.to_clerk_id == owner && !row.is_read);
    i64::try_from(open.count()).unwrap()
}

pub async fn the_count_is_right_whatever_happens_at_once(bed: &Bed) {
    let stores = [with_people(bed).await, Store::connect(&bed.config()).await.unwrap()];
    let first = send(&stores[0], ANN, BOB, "first").await.message.id;
    let tasks: Vec<_> = (0..6_i64)
        .map(|n| {
            let store = stores[(n % 2) as usize].clone();
            tokio::spawn(async move {
                let mut sent = vec![first];
                for round in 0..25 {
                    let author = if n < 3 { ANN } else { "carla" };
                    sent.push(send(&store, author, BOB, "hi").await.message.id);
                    send(&store, BOB, author, "yes").await;
                    // Also what others have read already, or read at this moment.
                    let around: Vec<i64> = sent.iter().flat_map(|id| [*id, id + 1]).collect();
                    if round % 3 == n % 3 {
                        store.mark_read(&clerk(BOB), &around, NOON_MS).await.unwrap();
                    }
                    if round == 12 && n == 5 {
                        let id = store.conversation_with(&clerk(BOB), &clerk(ANN)).await.unwrap();
                        store.clear_conversation(&clerk(BOB), id.unwrap()).await.unwrap();
                    }
                    if round == 15 && n == 4 {
                        let contacts = store.contacts_of(&clerk(BOB), 10, 0).await.unwrap();
                        store.remove_contact(&clerk(BOB), contacts[0].id).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for author in [ANN, "carla"] {
        send(&stores[0], author, BOB, "last").await;
    }
    assert_eq!(unread(&stores[0], BOB).await, unread_by_hand(&stores[0], BOB).await);
    assert_eq!(unread(&stores[0], ANN).await, unread_by_hand(&stores[0], ANN).await);
}
