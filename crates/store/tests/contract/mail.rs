//! The outbox.

use parlor_protocol::UserId;
use parlor_store::{MailState, NewMail, NewToken, Purpose, Store, StoreError};
use sea_orm::{ConnectionTrait, Statement};

use crate::bed::{Bed, NOON_MS, account};

const LEASE_MS: i64 = 30_000;

fn mail(id: &str, created_at_ms: i64) -> NewMail {
    NewMail {
        id: id.into(),
        user_id: None,
        template: "reset".into(),
        recipient: "Ann@Example.org".into(),
        payload: r#"{"name":"Ann"}"#.into(),
        sealed_token: Some(b"sealed".to_vec()),
        created_at_ms,
    }
}

fn token(hash: &[u8]) -> NewToken {
    NewToken {
        hash: hash.to_vec(),
        purpose: Purpose::Reset,
        user_id: Some(UserId::from("ann")),
        subject: Some("ann@example.org".into()),
        created_at_ms: NOON_MS,
        expires_at_ms: NOON_MS + 1_000,
    }
}

async fn with_mail(bed: &Bed) -> Store {
    let store = bed.open().await;
    assert!(store.enqueue_mail(mail("m1", NOON_MS), None).await.unwrap());
    store
}

async fn lease(store: &Store, holder: &str, now_ms: i64) -> Vec<String> {
    let leased = store.lease_mails(holder, 10, now_ms, now_ms + LEASE_MS).await.unwrap();
    leased.into_iter().map(|mail| mail.id).collect()
}

async fn is_token_erased(bed: &Bed) -> bool {
    let database = bed.look().await;
    let sql = "SELECT id FROM outbox WHERE sealed_token IS NOT NULL";
    let statement = Statement::from_string(database.get_database_backend(), sql);
    database.query_all_raw(statement).await.unwrap().is_empty()
}

pub async fn a_mail_is_leased_once_and_again_when_the_lease_is_over(bed: &Bed) {
    let store = with_mail(bed).await;
    assert!(!store.is_mail_due(NOON_MS - 1).await.unwrap());
    assert!(store.is_mail_due(NOON_MS).await.unwrap());
    let leased = store.lease_mails("a", 10, NOON_MS, NOON_MS + LEASE_MS).await.unwrap();
    assert_eq!(leased.len(), 1);
    assert_eq!(leased[0].sealed_token.as_deref(), Some(&b"sealed"[..]));
    assert_eq!((leased[0].recipient.as_str(), leased[0].attempts), ("Ann@Example.org", 1));
    assert!(!store.is_mail_due(NOON_MS + LEASE_MS - 1).await.unwrap());
    assert_eq!(lease(&store, "b", NOON_MS + LEASE_MS - 1).await, [""; 0]);
    assert_eq!(lease(&store, "b", NOON_MS + LEASE_MS).await, ["m1"]);
    // Whoever was too slow has nothing to say any more.
    assert!(!store.mail_sent("m1", "a", NOON_MS).await.unwrap());
    assert!(store.mail_sent("m1", "b", NOON_MS).await.unwrap());
}

pub async fn of_many_who_lease_at_once_each_gets_other_mails(bed: &Bed) {
    let store = bed.open().await;
    for n in 0..30 {
        store.enqueue_mail(mail(&format!("m{n}"), NOON_MS + n), None).await.unwrap();
    }
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { lease(&store, &format!("node-{n}"), NOON_MS + 100).await })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    // Who lost a race got fewer; the rest is there for whoever comes next.
    for _ in 0..3 {
        all.extend(lease(&store, "late", NOON_MS + 100).await);
    }
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!((count, all.len()), (30, 30));
}

pub async fn a_sent_mail_has_no_token_any_more_and_is_not_sent_again(bed: &Bed) {
    let store = with_mail(bed).await;
    lease(&store, "a", NOON_MS).await;
    assert!(store.mail_sent("m1", "a", NOON_MS + 5).await.unwrap());
    assert!(!store.mail_sent("m1", "a", NOON_MS + 6).await.unwrap());
    assert_eq!(lease(&store, "a", NOON_MS + 10 * LEASE_MS).await, [""; 0]);
    let listed = store.mails(None, 10).await.unwrap();
    assert_eq!((listed[0].state, listed[0].sent_at_ms), (MailState::Sent, Some(NOON_MS + 5)));
    assert!(is_token_erased(bed).await);
}

pub async fn a_deferred_mail_comes_back_at_its_time_and_a_failed_one_never(bed: &Bed) {
    let store = with_mail(bed).await;
    lease(&store, "a", NOON_MS).await;
    let next_ms = NOON_MS + 1_000;
    assert!(!store.mail_deferred("m1", "b", "not theirs", next_ms).await.unwrap());
    assert!(store.mail_deferred("m1", "a", "451 later", next_ms).await.unwrap());
    assert_eq!(lease(&store, "a", next_ms - 1).await, [""; 0]);
    let again = store.lease_mails("a", 10, next_ms, next_ms + LEASE_MS).await.unwrap();
    assert_eq!(again[0].attempts, 2);
    assert!(again[0].sealed_token.is_some());
    assert!(store.mail_failed("m1", "a", "554 never").await.unwrap());
    assert_eq!(lease(&store, "a", next_ms + 10 * LEASE_MS).await, [""; 0]);
    let listed = store.mails(None, 10).await.unwrap();
    assert_eq!(listed[0].state, MailState::Failed);
    assert_eq!(listed[0].last_error.as_deref(), Some("554 never"));
    assert!(is_token_erased(bed).await);
}

pub async fn a_suppressed_address_gets_nothing_whatever_its_case(bed: &Bed) {
    let store = with_mail(bed).await;
    store.suppress_mail_to("ANN@example.org", "550 unknown", NOON_MS).await.unwrap();
    store.suppress_mail_to("ann@example.org", "once more", NOON_MS).await.unwrap();
    let reason = store.mail_suppression("ann@EXAMPLE.org").await.unwrap();
    assert_eq!(reason.as_deref(), Some("550 unknown"));
    assert_eq!(store.mail_suppression("bob@example.org").await.unwrap(), None);
    store.create_account(account("ann")).await.unwrap();
    assert!(!store.enqueue_mail(mail("m2", NOON_MS), Some(token(b"hash"))).await.unwrap());
    assert_eq!(lease(&store, "a", NOON_MS).await, [""; 0]);
    let states: Vec<_> = store.mails(None, 10).await.unwrap().iter().map(|it| it.state).collect();
    assert_eq!(states, [MailState::Suppressed; 2]);
    assert_eq!(store.good_token(b"hash", Purpose::Reset, NOON_MS).await.unwrap(), None);
    assert!(is_token_erased(bed).await);
}

pub async fn mail_and_token_are_written_together_or_not_at_all(bed: &Bed) {
    let store = with_mail(bed).await;
    let refused = store.enqueue_mail(mail("m2", NOON_MS), Some(token(b"hash"))).await.unwrap_err();
    assert!(matches!(refused, StoreError::Dangling), "{refused:?}");
    assert_eq!(store.mails(None, 10).await.unwrap().len(), 1);
    store.create_account(account("ann")).await.unwrap();
    let refused = store.enqueue_mail(mail("m1", NOON_MS), Some(token(b"hash"))).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused:?}");
    assert_eq!(store.good_token(b"hash", Purpose::Reset, NOON_MS).await.unwrap(), None);
    store.enqueue_mail(mail("m2", NOON_MS), Some(token(b"hash"))).await.unwrap();
    assert!(store.good_token(b"hash", Purpose::Reset, NOON_MS).await.unwrap().is_some());
}

pub async fn mails_are_listed_by_pages_and_forgotten_when_they_are_old(bed: &Bed) {
    let store = bed.open().await;
    for n in 0..5 {
        store.enqueue_mail(mail(&format!("m{n}"), NOON_MS + n / 2), None).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None::<(i64, String)>);
    loop {
        let from = after.as_ref().map(|(at, id)| (*at, id.as_str()));
        let page = store.mails(from, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.created_at_ms, last.id.clone()));
        seen.extend(page.into_iter().map(|mail| mail.id));
    }
    assert_eq!(seen, ["m4", "m3", "m2", "m1", "m0"]);
    lease(&store, "a", NOON_MS).await;
    assert!(store.mail_sent("m0", "a", NOON_MS).await.unwrap());
    assert_eq!(store.forget_mail(NOON_MS + 100).await.unwrap(), 1, "the others still wait");
}

pub async fn somebody_who_leaves_takes_mails_and_tokens_along(bed: &Bed) {
    let store = bed.open().await;
    store.create_account(account("ann")).await.unwrap();
    let theirs = NewMail { user_id: Some(UserId::from("ann")), ..mail("m1", NOON_MS) };
    store.enqueue_mail(theirs, Some(token(b"hash"))).await.unwrap();
    assert!(store.forget_user(&UserId::from("ann"), "Somebody").await.unwrap());
    assert_eq!(store.mails(None, 10).await.unwrap(), []);
    assert_eq!(store.good_token(b"hash", Purpose::Reset, NOON_MS).await.unwrap(), None);
}
