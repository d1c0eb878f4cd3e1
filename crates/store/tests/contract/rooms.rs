use parlor_protocol::{RoomId, UserId};
use parlor_store::{
    Conflict, LifeKind, NewRoom, PresenceRow, RoomCursor, RoomRow, RoomWrite, Store, StoreError,
};

use crate::bed::{Bed, NOON_MS, message, room, write};

fn ids(rooms: &[RoomRow]) -> Vec<&str> {
    rooms.iter().map(|room| room.id.as_str()).collect()
}

pub async fn a_room_comes_back_as_it_was_made(bed: &Bed) {
    let store = bed.open().await;
    let new = room("r1");
    store.create_room(new.clone()).await.unwrap();
    let expected = RoomRow {
        id: new.id,
        name: "Room r1".into(),
        join_code: "CR1".into(),
        owner_id: new.owner_id,
        is_public: true,
        max_participants: Some(7),
        control: new.control,
        wait: new.wait,
        entry: parlor_protocol::access::Entry::Knock,
        has_password: false,
        life: LifeKind::Idle,
        idle_ttl_seconds: Some(60),
        expires_at_ms: Some(NOON_MS + 60_000),
        created_at_ms: NOON_MS,
        updated_at_ms: NOON_MS,
        last_active_at_ms: NOON_MS,
        fence: 0,
    };
    assert_eq!(store.room(&RoomId::from("r1")).await.unwrap(), Some(expected));
    let plain = NewRoom {
        owner_id: None,
        max_participants: None,
        life: LifeKind::Permanent,
        idle_ttl_seconds: None,
        expires_at_ms: None,
        snapshot: Some("{\"first\":true}".into()),
        ..room("r2")
    };
    store.create_room(plain).await.unwrap();
    let loaded = store.load_room(&RoomId::from("r2")).await.unwrap().unwrap();
    assert_eq!(loaded.snapshot.as_deref(), Some("{\"first\":true}"));
    assert_eq!(loaded.row.owner_id, None);
    assert_eq!(loaded.row.max_participants, None);
    assert_eq!(loaded.row.expires_at_ms, None);
    assert_eq!(store.room(&RoomId::from("r3")).await.unwrap(), None);
}

pub async fn a_join_code_is_unique_and_found_whatever_its_case(bed: &Bed) {
    let store = bed.open().await;
    store.create_room(NewRoom { join_code: "abC234".into(), ..room("r1") }).await.unwrap();
    let found = store.room_by_code("ABc234").await.unwrap().unwrap();
    assert_eq!((found.id.as_str(), found.join_code.as_str()), ("r1", "ABC234"));
    let again = NewRoom { join_code: "ABC234".into(), ..room("r2") };
    let refused = store.create_room(again).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(Conflict::JoinCode)), "{refused:?}");
    store.create_room(room("r2")).await.unwrap();
    let r2 = RoomId::from("r2");
    let refused = store.rename_code(&r2, "abc234", NOON_MS).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(Conflict::JoinCode)), "{refused:?}");
    assert!(store.rename_code(&r2, "xyz789", NOON_MS + 9).await.unwrap());
    let renamed = store.room_by_code("XYZ789").await.unwrap().unwrap();
    assert_eq!((renamed.id, renamed.updated_at_ms), (r2, NOON_MS + 9));
    assert!(!store.rename_code(&RoomId::from("none"), "QQQQQQ", NOON_MS).await.unwrap());
    let refused = store.create_room(NewRoom { join_code: "free".into(), ..room("r1") }).await;
    assert!(matches!(refused, Err(StoreError::Conflict(Conflict::Id))), "{refused:?}");
}

pub async fn pages_of_rooms_meet_without_gap_or_overlap(bed: &Bed) {
    let store = bed.open().await;
    // Three of one moment, so that only the id orders them.
    for (id, at_ms) in [("a", 1), ("b", 2), ("c", 2), ("d", 2), ("e", 3)] {
        let new = NewRoom { created_at_ms: NOON_MS + at_ms, ..room(id) };
        store.create_room(new).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut after: Option<RoomCursor> = None;
    loop {
        let page = store.public_rooms(after.as_ref(), 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(RoomCursor::from(last));
        seen.extend(page.iter().map(|room| room.id.to_string()));
    }
    assert_eq!(seen, ["e", "d", "c", "b", "a"]);
}

pub async fn only_public_and_own_rooms_are_visible(bed: &Bed) {
    let store = bed.open().await;
    let (ann, bob) = (Some(UserId::from("ann")), Some(UserId::from("bob")));
    let hidden = |id, owner_id| NewRoom { is_public: false, owner_id, ..room(id) };
    store.create_room(hidden("ann's", ann.clone())).await.unwrap();
    store.create_room(hidden("bob's", bob.clone())).await.unwrap();
    store.create_room(NewRoom { owner_id: bob, ..room("public") }).await.unwrap();
    let ann = ann.unwrap();
    assert_eq!(ids(&store.visible_rooms(&ann, None, 9).await.unwrap()), ["public", "ann's"]);
    assert_eq!(ids(&store.rooms_of(&ann, None, 9).await.unwrap()), ["ann's"]);
    assert_eq!(ids(&store.public_rooms(None, 9).await.unwrap()), ["public"]);
    assert_eq!(store.count_rooms_of(&UserId::from("bob")).await.unwrap(), 2);
}

pub async fn a_deleted_room_takes_everything_with_it(bed: &Bed) {
    let store = bed.open().await;
    let id = RoomId::from("r");
    store.create_room(room("r")).await.unwrap();
    let fence = store.take_room(&id).await.unwrap().unwrap();
    let snapshot = Some("{}".into());
    let said = write("r", fence, vec![message(1, None)]);
    store.commit_room(RoomWrite { snapshot, ..said }).await.unwrap();
    come(&store, "r", "ann").await;
    assert!(store.delete_room(&id).await.unwrap());
    assert!(!store.delete_room(&id).await.unwrap());
    assert_eq!(store.load_room(&id).await.unwrap(), None);
    assert!(store.chat_page(&id, None, 9).await.unwrap().is_empty());
    assert!(store.presence_of(&id).await.unwrap().is_empty());
    store.create_room(room("r")).await.unwrap();
    assert_eq!(store.load_room(&id).await.unwrap().unwrap().snapshot, None);
}

pub async fn expiry_follows_what_is_set(bed: &Bed) {
    let store = bed.open().await;
    for (id, expires_at_ms) in [("late", Some(20)), ("early", Some(10)), ("never", None)] {
        store.create_room(NewRoom { expires_at_ms, ..room(id) }).await.unwrap();
    }
    assert_eq!(ids(&store.expired_rooms(9, 9).await.unwrap()), [""; 0]);
    assert_eq!(ids(&store.expired_rooms(20, 9).await.unwrap()), ["early", "late"]);
    assert_eq!(ids(&store.expired_rooms(20, 1).await.unwrap()), ["early"]);
    let early = RoomId::from("early");
    assert!(store.set_room_expiry(&early, None).await.unwrap());
    assert!(!store.delete_room_if_expired(&early, 100).await.unwrap());
    assert!(store.set_room_expiry(&early, Some(50)).await.unwrap());
    assert!(!store.delete_room_if_expired(&early, 49).await.unwrap());
    assert!(store.delete_room_if_expired(&early, 50).await.unwrap());
    assert!(!store.set_room_expiry(&early, Some(1)).await.unwrap());
}

pub async fn downtime_does_not_end_rooms(bed: &Bed) {
    let store = bed.open().await;
    for (id, expires_at_ms) in [("a", Some(10)), ("b", Some(99)), ("c", None)] {
        store.create_room(NewRoom { expires_at_ms, ..room(id) }).await.unwrap();
    }
    assert_eq!(store.postpone_expiries(50).await.unwrap(), 1);
    assert_eq!(ids(&store.expired_rooms(49, 9).await.unwrap()), [""; 0]);
    assert_eq!(ids(&store.expired_rooms(98, 9).await.unwrap()), ["a"]);
}

pub async fn taking_a_room_raises_its_fence(bed: &Bed) {
    let store = bed.open().await;
    store.create_room(room("r")).await.unwrap();
    let id = RoomId::from("r");
    assert_eq!(store.take_room(&id).await.unwrap(), Some(1));
    assert_eq!(store.take_room(&id).await.unwrap(), Some(2));
    assert_eq!(store.room(&id).await.unwrap().unwrap().fence, 2);
    assert_eq!(store.take_room(&RoomId::from("none")).await.unwrap(), None);
}

async fn come(store: &Store, room: &str, user: &str) {
    let row = PresenceRow {
        room_id: RoomId::from(room),
        user_id: UserId::from(user),
        display_name: user.into(),
        is_guest: true,
        present: true,
        at_ms: NOON_MS,
    };
    store.set_presence(vec![row]).await.unwrap();
}
