use parlor_store::NewKey;

use crate::bed::{Bed, NOON_MS};

fn key(id: &str) -> NewKey {
    NewKey {
        id: id.into(),
        purpose: "access".into(),
        secret: format!("secret {id}").into_bytes(),
        created_at_ms: NOON_MS,
    }
}

pub async fn nodes_that_start_at_once_agree_on_one_key(bed: &Bed) {
    let nodes = [bed.open().await, bed.open().await];
    let tasks: Vec<_> = (0..10)
        .map(|n| {
            let node = nodes[n % 2].clone();
            tokio::spawn(async move { node.first_key(key(&format!("k{n}"))).await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert_eq!(answers[0].len(), 1);
    assert!(answers.iter().all(|keys| *keys == answers[0]), "{answers:?}");
    assert!(nodes[0].keys("refresh").await.unwrap().is_empty());
}

pub async fn a_newer_key_comes_first_and_a_retired_one_goes(bed: &Bed) {
    let store = bed.open().await;
    store.first_key(key("old")).await.unwrap();
    store.add_key(key("new")).await.unwrap();
    let keys = store.first_key(key("too late")).await.unwrap();
    let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    assert_eq!(ids, ["new", "old"]);
    assert_eq!(keys[1].secret, b"secret old");
    assert!(store.retire_key("old", NOON_MS).await.unwrap());
    assert!(!store.retire_key("old", NOON_MS).await.unwrap());
    let left = store.first_key(key("never needed")).await.unwrap();
    assert_eq!(left, keys[..1]);
}
