use parlor_protocol::RoomId;
use parlor_store::{ChatOutcome, Conflict, NewRoom, RoomWrite, Store, StoreError};

use crate::bed::{Bed, message, room, write};

pub async fn fifty_tasks_create_and_commit_at_once(bed: &Bed) {
    let store = bed.open().await;
    let tasks: Vec<_> = (0..50)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move { create_and_talk(&store, &format!("r{task}")).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for task in 0..50 {
        let id = RoomId::from(format!("r{task}"));
        let loaded = store.load_room(&id).await.unwrap().unwrap();
        assert_eq!(loaded.snapshot.as_deref(), Some("after 10"));
        assert_eq!(loaded.next_chat_n, 11);
        assert_eq!(loaded.recent_chat.len(), 10);
    }
}

async fn create_and_talk(store: &Store, id: &str) {
    store.create_room(room(id)).await.unwrap();
    let fence = store.take_room(&RoomId::from(id)).await.unwrap().unwrap();
    for n in 1..=10 {
        let said = RoomWrite {
            snapshot: Some(format!("after {n}")),
            ..write(id, fence, vec![message(n, Some(&n.to_string()))])
        };
        assert_eq!(store.commit_room(said).await.unwrap().messages, [ChatOutcome::Stored { n }]);
    }
}

pub async fn a_bad_operation_fails_alone(bed: &Bed) {
    let store = bed.open().await;
    store.create_room(room("taken")).await.unwrap();
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let store = store.clone();
            let new = if n % 4 == 0 {
                NewRoom { join_code: "ctaken".into(), ..room(&format!("r{n}")) }
            } else {
                room(&format!("r{n}"))
            };
            tokio::spawn(async move { store.create_room(new).await })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        let made = task.await.unwrap();
        let found = store.room(&RoomId::from(format!("r{n}"))).await.unwrap();
        if n % 4 == 0 {
            assert!(matches!(made, Err(StoreError::Conflict(Conflict::JoinCode))), "{made:?}");
            assert_eq!(found, None);
        } else {
            made.unwrap();
            assert!(found.is_some());
        }
    }
}

pub async fn more_than_one_statement_holds_is_written(bed: &Bed) {
    let store = bed.open().await;
    let tasks: Vec<_> = (0..700)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.create_room(room(&format!("r{n}"))).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(store.public_rooms(None, 1_000).await.unwrap().len(), 700);
    let id = RoomId::from("r0");
    let fence = store.take_room(&id).await.unwrap().unwrap();
    let said = (1..=5_000).map(|n| message(n, Some(&n.to_string()))).collect();
    assert_eq!(store.commit_room(write("r0", fence, said)).await.unwrap().messages.len(), 5_000);
    assert_eq!(store.load_room(&id).await.unwrap().unwrap().next_chat_n, 5_001);
}

pub async fn a_caller_that_goes_away_hurts_nobody(bed: &Bed) {
    let store = bed.open().await;
    let tasks: Vec<_> = (0..100)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.create_room(room(&format!("r{n}"))).await })
        })
        .collect();
    for task in tasks.iter().step_by(2) {
        task.abort();
    }
    for (n, task) in tasks.into_iter().enumerate() {
        match task.await {
            Ok(made) => made.unwrap(),
            Err(aborted) => assert!(aborted.is_cancelled() && n % 2 == 0),
        }
    }
    store.create_room(room("last")).await.unwrap();
}
