//! Invitations into rooms.

use parlor_protocol::{RoomId, UserId};
use parlor_store::{MailState, NewInvitation, NewMail, Store};

use crate::bed::{Bed, NOON_MS, account, guest, room};

const DAY_MS: i64 = 86_400_000;

fn invitation(id: &str, email: &str) -> (NewInvitation, NewMail) {
    let invitation = NewInvitation {
        id: id.into(),
        hash: id.as_bytes().to_vec(),
        room_id: RoomId::from("r"),
        inviter_id: UserId::from("ann"),
        email: email.into(),
        message: Some("Come and see".into()),
        created_at_ms: NOON_MS,
        expires_at_ms: NOON_MS + DAY_MS,
    };
    let mail = NewMail {
        id: format!("mail-{id}"),
        user_id: Some(UserId::from("ann")),
        template: "invite".into(),
        recipient: email.into(),
        payload: "{}".into(),
        sealed_token: Some(b"sealed".to_vec()),
        created_at_ms: NOON_MS,
    };
    (invitation, mail)
}

/// A store with a room of Ann's that ended at noon, and some people.
async fn with_room(bed: &Bed) -> Store {
    let store = bed.open().await;
    for id in ["ann", "bob"] {
        store.create_account(account(id)).await.unwrap();
    }
    store.create_room(room("r")).await.unwrap();
    store.set_room_expiry(&RoomId::from("r"), Some(NOON_MS)).await.unwrap();
    store
}

async fn invite(store: &Store, id: &str, email: &str) -> bool {
    let (invitation, mail) = invitation(id, email);
    store.invite(invitation, mail).await.unwrap()
}

async fn pending(store: &Store, now_ms: i64) -> Vec<String> {
    let rows = store.pending_invitations(&RoomId::from("r"), now_ms, 10).await.unwrap();
    rows.into_iter().map(|row| row.id).collect()
}

pub async fn an_invitation_is_good_for_one_person_and_for_a_time(bed: &Bed) {
    let store = with_room(bed).await;
    assert!(invite(&store, "i1", "bob@example.org").await);
    let listed = store.pending_invitations(&RoomId::from("r"), NOON_MS, 10).await.unwrap();
    assert_eq!(listed[0].mail, Some(MailState::Waiting));
    assert_eq!(listed[0].message.as_deref(), Some("Come and see"));
    let late = store.accept_invitation(b"i1", &UserId::from("bob"), NOON_MS + DAY_MS).await;
    assert_eq!(late.unwrap(), None);
    let accept = async |user: &str| {
        store.accept_invitation(b"i1", &UserId::from(user), NOON_MS + 1).await.unwrap()
    };
    let taken = accept("bob").await.unwrap();
    assert_eq!(taken.accepted_by, Some(UserId::from("bob")));
    assert!(store.user(&UserId::from("bob")).await.unwrap().unwrap().is_email_verified);
    assert_eq!(accept("ann").await, None, "it is used");
    assert!(accept("bob").await.is_some(), "whoever used it may come again");
    assert!(!store.user(&UserId::from("ann")).await.unwrap().unwrap().is_email_verified);
    assert!(pending(&store, NOON_MS + 1).await.is_empty());
    assert!(!store.withdraw_invitation(&RoomId::from("r"), "i1").await.unwrap());
}

pub async fn of_many_who_follow_one_link_one_gets_in(bed: &Bed) {
    let store = with_room(bed).await;
    invite(&store, "i1", "carla@example.org").await;
    let tries = (0..16).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let user = UserId::from(format!("guest-{n}"));
            store.accept_invitation(b"i1", &user, NOON_MS).await.unwrap().is_some()
        })
    });
    let mut winners = 0;
    for attempt in tries.collect::<Vec<_>>() {
        winners += u32::from(attempt.await.unwrap());
    }
    assert_eq!(winners, 1);
}

pub async fn a_withdrawn_invitation_is_good_for_nothing_and_its_mail_is_not_sent(bed: &Bed) {
    let store = with_room(bed).await;
    invite(&store, "i1", "Bob@example.org").await;
    // The second to one address takes the place of the first.
    invite(&store, "i2", "bob@Example.org").await;
    invite(&store, "i3", "carla@example.org").await;
    assert_eq!(pending(&store, NOON_MS).await, ["i3", "i2"]);
    assert_eq!(store.invitation(b"i1", NOON_MS).await.unwrap(), None);
    let elsewhere = RoomId::from("other");
    assert!(!store.withdraw_invitation(&elsewhere, "i2").await.unwrap());
    assert!(store.withdraw_invitation(&RoomId::from("r"), "i2").await.unwrap());
    let bob = UserId::from("bob");
    assert_eq!(store.accept_invitation(b"i2", &bob, NOON_MS).await.unwrap(), None);
    let left = store.lease_mails("node", 10, NOON_MS, NOON_MS + 1).await.unwrap();
    let left: Vec<_> = left.into_iter().map(|mail| mail.id).collect();
    assert_eq!(left, ["mail-i3"]);
    assert_eq!(store.invitations_made_since(&UserId::from("ann"), NOON_MS).await.unwrap(), 1);
}

pub async fn nobody_is_invited_at_an_address_that_takes_no_mail(bed: &Bed) {
    let store = with_room(bed).await;
    store.suppress_mail_to("bob@example.org", "no such box", NOON_MS).await.unwrap();
    assert!(!invite(&store, "i1", "Bob@example.org").await);
    assert!(pending(&store, NOON_MS).await.is_empty());
}

pub async fn a_room_waits_for_whoever_is_invited(bed: &Bed) {
    let store = with_room(bed).await;
    let room = RoomId::from("r");
    invite(&store, "i1", "bob@example.org").await;
    assert!(store.expired_rooms(NOON_MS + 1, 10).await.unwrap().is_empty());
    assert!(!store.delete_room_if_expired(&room, NOON_MS + 1).await.unwrap());
    assert!(!store.delete_room_unless_awaited(&room, NOON_MS + 1).await.unwrap());
    let late_ms = NOON_MS + DAY_MS;
    assert_eq!(store.expired_rooms(late_ms, 10).await.unwrap().len(), 1);
    store.accept_invitation(b"i1", &UserId::from("bob"), NOON_MS + 1).await.unwrap().unwrap();
    assert!(store.delete_room_if_expired(&room, NOON_MS + 1).await.unwrap());
    assert_eq!(store.invitation(b"i1", NOON_MS + 1).await.unwrap(), None, "it went with the room");
}

pub async fn what_a_guest_was_invited_to_is_the_accounts_it_becomes(bed: &Bed) {
    let store = with_room(bed).await;
    invite(&store, "i1", "carla@example.org").await;
    store.keep_guest(guest("g")).await.unwrap();
    let (g, bob) = (UserId::from("g"), UserId::from("bob"));
    store.accept_invitation(b"i1", &g, NOON_MS).await.unwrap().unwrap();
    store.merge_guest(&g, &bob).await.unwrap();
    assert!(store.accept_invitation(b"i1", &bob, NOON_MS).await.unwrap().is_some());
}
