use parlor_protocol::{LoginId, UserId};
use parlor_store::{NewLogin, Rotation, Store, StoreError};

use crate::bed::{Bed, NOON_MS, account};

const EXPIRY_MS: i64 = NOON_MS + 1_000_000;

fn login(id: &str, user: &str) -> NewLogin {
    NewLogin {
        id: LoginId::from(id),
        user_id: UserId::from(user),
        key_id: "key".into(),
        cookie_hash: format!("hash of {id}").into_bytes(),
        user_agent: Some("Browser".into()),
        created_at_ms: NOON_MS,
        expires_at_ms: EXPIRY_MS,
    }
}

async fn with_login(bed: &Bed) -> (Store, LoginId) {
    let store = bed.open().await;
    store.create_account(account("ann")).await.unwrap();
    store.create_login(login("l1", "ann")).await.unwrap();
    (store, LoginId::from("l1"))
}

pub async fn a_login_is_found_by_id_and_by_cookie(bed: &Bed) {
    let (store, id) = with_login(bed).await;
    let found = store.login(&id).await.unwrap().unwrap();
    assert_eq!(found.generation, 0);
    assert_eq!(found.rotated_at_ms, None);
    assert_eq!(found.revoked_at_ms, None);
    assert_eq!(found.expires_at_ms, EXPIRY_MS);
    assert_eq!(found.user_agent.as_deref(), Some("Browser"));
    assert!(found.is_live(NOON_MS) && !found.is_live(EXPIRY_MS));
    assert_eq!(store.login_by_cookie_hash(b"hash of l1").await.unwrap(), Some(found));
    assert_eq!(store.login_by_cookie_hash(b"other").await.unwrap(), None);
    let refused = store.create_login(login("l1", "ann")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused:?}");
}

pub async fn of_many_rotations_at_once_one_wins(bed: &Bed) {
    let (store, id) = with_login(bed).await;
    let at_ms = NOON_MS + 5;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (store, id) = (store.clone(), id.clone());
            tokio::spawn(async move { store.rotate(&id, 0, at_ms).await.unwrap() })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    let won = Rotation::Rotated { generation: 1 };
    let late = Rotation::Already { current_generation: 1, rotated_at_ms: Some(at_ms) };
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == won).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == late).count(), 19);
    let next = store.rotate(&id, 1, at_ms + 1).await.unwrap();
    assert_eq!(next, Rotation::Rotated { generation: 2 });
}

pub async fn a_rotation_of_an_ended_login_finds_it_gone(bed: &Bed) {
    let (store, id) = with_login(bed).await;
    assert_eq!(store.rotate(&id, 0, EXPIRY_MS).await.unwrap(), Rotation::Gone);
    assert!(store.revoke_login(&id, NOON_MS).await.unwrap());
    assert_eq!(store.rotate(&id, 0, NOON_MS).await.unwrap(), Rotation::Gone);
    let missing = store.rotate(&LoginId::from("none"), 0, NOON_MS).await.unwrap();
    assert_eq!(missing, Rotation::Gone);
}

pub async fn a_login_slides_until_it_is_revoked(bed: &Bed) {
    let (store, id) = with_login(bed).await;
    assert!(store.slide(&id, EXPIRY_MS + 7).await.unwrap());
    assert_eq!(store.login(&id).await.unwrap().unwrap().expires_at_ms, EXPIRY_MS + 7);
    assert!(store.revoke_login(&id, NOON_MS + 3).await.unwrap());
    assert!(!store.revoke_login(&id, NOON_MS + 4).await.unwrap());
    assert!(!store.slide(&id, EXPIRY_MS + 8).await.unwrap());
    let ended = store.login(&id).await.unwrap().unwrap();
    assert_eq!(ended.revoked_at_ms, Some(NOON_MS + 3));
    assert!(!ended.is_live(NOON_MS));
}

pub async fn revoking_all_logins_spares_other_people(bed: &Bed) {
    let (store, _) = with_login(bed).await;
    store.create_account(account("bob")).await.unwrap();
    store.create_login(login("l2", "ann")).await.unwrap();
    store.create_login(login("l3", "bob")).await.unwrap();
    let (ann, bob) = (UserId::from("ann"), UserId::from("bob"));
    assert_eq!(store.logins_of(&ann, NOON_MS).await.unwrap().len(), 2);
    assert_eq!(store.logins_of(&ann, EXPIRY_MS).await.unwrap().len(), 0);
    assert_eq!(store.revoke_logins_of(&ann, NOON_MS).await.unwrap(), 2);
    assert_eq!(store.logins_of(&ann, NOON_MS).await.unwrap().len(), 0);
    assert_eq!(store.logins_of(&bob, NOON_MS).await.unwrap().len(), 1);
}

pub async fn forgotten_logins_are_those_long_over(bed: &Bed) {
    let (store, id) = with_login(bed).await;
    store.create_login(login("l2", "ann")).await.unwrap();
    store.revoke_login(&id, NOON_MS).await.unwrap();
    assert_eq!(store.forget_logins(NOON_MS).await.unwrap(), 0);
    assert_eq!(store.forget_logins(NOON_MS + 1).await.unwrap(), 1);
    assert_eq!(store.login(&id).await.unwrap(), None);
    assert_eq!(store.forget_logins(EXPIRY_MS + 1).await.unwrap(), 1);
}

pub async fn a_login_needs_its_person(bed: &Bed) {
    let store = bed.open().await;
    let refused = store.create_login(login("l1", "nobody")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Dangling), "{refused:?}");
}
