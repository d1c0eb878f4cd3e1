//! Tokens that are good once.

use parlor_protocol::{LoginId, UserId};
use parlor_store::{NewLogin, NewMail, NewToken, Purpose, Store};

use crate::bed::{Bed, NOON_MS, account};

const EXPIRY_MS: i64 = NOON_MS + 3_600_000;

async fn with_token(bed: &Bed, purpose: Purpose) -> Store {
    let store = bed.open().await;
    store.create_account(account("ann")).await.unwrap();
    keep(&store, b"first", purpose, "ANN@example.org").await;
    store
}

async fn keep(store: &Store, hash: &[u8], purpose: Purpose, subject: &str) {
    let mail = NewMail {
        id: String::from_utf8(hash.to_vec()).unwrap(),
        user_id: Some(UserId::from("ann")),
        template: "reset".into(),
        recipient: subject.into(),
        payload: "{}".into(),
        sealed_token: None,
        created_at_ms: NOON_MS,
    };
    let token = NewToken {
        hash: hash.to_vec(),
        purpose,
        user_id: Some(UserId::from("ann")),
        subject: Some(subject.into()),
        created_at_ms: NOON_MS,
        expires_at_ms: EXPIRY_MS,
    };
    store.enqueue_mail(mail, Some(token)).await.unwrap();
}

async fn login(store: &Store) -> LoginId {
    let id = LoginId::from("l1");
    let new = NewLogin {
        id: id.clone(),
        user_id: UserId::from("ann"),
        key_id: "key".into(),
        cookie_hash: b"cookie".to_vec(),
        user_agent: None,
        created_at_ms: NOON_MS,
        expires_at_ms: EXPIRY_MS,
    };
    store.create_login(new).await.unwrap();
    id
}

pub async fn a_reset_changes_the_password_and_ends_logins_and_other_tokens(bed: &Bed) {
    let store = with_token(bed, Purpose::Reset).await;
    keep(&store, b"second", Purpose::Reset, "ann@example.org").await;
    let (ann, login) = (UserId::from("ann"), login(&store).await);
    assert_eq!(store.email_verified_at(&ann).await.unwrap(), None);
    let outcome = store.reset_password(b"first", "$new", NOON_MS + 5).await.unwrap();
    assert_eq!(outcome, Some(ann.clone()));
    let account = store.account(&ann).await.unwrap().unwrap();
    assert_eq!(account.password_hash.as_deref(), Some("$new"));
    let ended = store.login(&login).await.unwrap().unwrap();
    assert_eq!(ended.revoked_at_ms, Some(NOON_MS + 5));
    assert_eq!(store.email_verified_at(&ann).await.unwrap(), Some(NOON_MS + 5));
    for hash in [&b"first"[..], b"second"] {
        assert_eq!(store.reset_password(hash, "$newer", NOON_MS + 6).await.unwrap(), None);
    }
    let account = store.account(&ann).await.unwrap().unwrap();
    assert_eq!(account.password_hash.as_deref(), Some("$new"));
}

pub async fn of_many_who_use_a_token_at_once_one_succeeds(bed: &Bed) {
    let store = with_token(bed, Purpose::Reset).await;
    let tasks: Vec<_> = (0..10)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let hash = format!("$password {n}");
                store.reset_password(b"first", &hash, NOON_MS).await.unwrap()
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.unwrap().is_some());
    }
    assert_eq!(won, 1);
}

pub async fn a_token_is_good_for_its_purpose_and_its_time(bed: &Bed) {
    let store = with_token(bed, Purpose::Reset).await;
    let look = async |hash: &[u8], purpose, now_ms| {
        store.good_token(hash, purpose, now_ms).await.unwrap().is_some()
    };
    assert!(look(b"first", Purpose::Reset, EXPIRY_MS - 1).await);
    assert!(!look(b"first", Purpose::Reset, EXPIRY_MS).await);
    assert!(!look(b"first", Purpose::Verify, NOON_MS).await);
    assert!(!look(b"other", Purpose::Reset, NOON_MS).await);
    assert_eq!(store.verify_email(b"first", NOON_MS).await.unwrap(), None);
    assert_eq!(store.reset_password(b"first", "$new", EXPIRY_MS).await.unwrap(), None);
    let ann = UserId::from("ann");
    let made =
        async |purpose, since_ms| store.tokens_made_since(&ann, purpose, since_ms).await.unwrap();
    assert_eq!(made(Purpose::Reset, NOON_MS).await, 1);
    assert_eq!(made(Purpose::Reset, NOON_MS + 1).await, 0);
    assert_eq!(made(Purpose::Verify, NOON_MS).await, 0);
}

pub async fn an_address_is_verified_once_and_only_while_it_is_the_accounts(bed: &Bed) {
    let store = with_token(bed, Purpose::Verify).await;
    keep(&store, b"of another", Purpose::Verify, "old@example.org").await;
    let ann = UserId::from("ann");
    assert_eq!(store.verify_email(b"of another", NOON_MS + 1).await.unwrap(), None);
    assert_eq!(store.email_verified_at(&ann).await.unwrap(), None);
    assert_eq!(store.verify_email(b"first", NOON_MS + 2).await.unwrap(), Some(ann.clone()));
    assert_eq!(store.email_verified_at(&ann).await.unwrap(), Some(NOON_MS + 2));
    assert_eq!(store.verify_email(b"first", NOON_MS + 3).await.unwrap(), None);
    assert!(store.user(&ann).await.unwrap().unwrap().is_email_verified);
}
