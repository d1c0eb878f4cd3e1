use parlor_protocol::RoomId;
use parlor_protocol::access::Entry;
use parlor_protocol::room::{Control, RoomSettings, Wait};
use parlor_store::{ChatOutcome, Committed, Conflict, RoomWrite, Store, StoreError};

use crate::bed::{Bed, NOON_MS, message, room, write};

/// Opens the bed with a room `r` and its fence.
async fn with_room(bed: &Bed) -> (Store, RoomId, i64) {
    let store = bed.open().await;
    let id = RoomId::from("r");
    store.create_room(room("r")).await.unwrap();
    let fence = store.take_room(&id).await.unwrap().unwrap();
    (store, id, fence)
}

async fn numbers(store: &Store, id: &RoomId) -> Vec<i64> {
    store.chat_page(id, None, 100).await.unwrap().into_iter().map(|message| message.n).collect()
}

pub async fn a_room_wakes_with_what_it_wrote(bed: &Bed) {
    let (store, id, fence) = with_room(bed).await;
    let empty = store.load_room(&id).await.unwrap().unwrap();
    assert_eq!((empty.snapshot, empty.next_chat_n), (None, 1));
    let said: Vec<_> = (1..=60).map(|n| message(n, None)).collect();
    let both = RoomWrite { snapshot: Some("one".into()), ..write("r", fence, said.clone()) };
    let outcomes = store.commit_room(both).await.unwrap().messages;
    assert_eq!(outcomes, (1..=60).map(|n| ChatOutcome::Stored { n }).collect::<Vec<_>>());
    let again = RoomWrite { snapshot: Some("two".into()), ..write("r", fence, vec![]) };
    assert_eq!(store.commit_room(again).await.unwrap(), Committed::default());

    let woken = store.load_room(&id).await.unwrap().unwrap();
    assert_eq!(woken.snapshot.as_deref(), Some("two"));
    assert_eq!(woken.recent_chat, said[10..]);
    assert_eq!(woken.next_chat_n, 61);
    assert_eq!(woken.row.last_active_at_ms, NOON_MS + 10_000);
    assert_eq!(woken.row.fence, fence);
    assert_eq!(woken.members_present, []);
}

pub async fn a_repeated_client_id_is_stored_once(bed: &Bed) {
    let (store, id, fence) = with_room(bed).await;
    let first = vec![message(1, Some("x")), message(2, Some("x")), message(3, None)];
    assert_eq!(
        store.commit_room(write("r", fence, first)).await.unwrap().messages,
        [
            ChatOutcome::Stored { n: 1 },
            ChatOutcome::Duplicate { n: 1 },
            ChatOutcome::Stored { n: 3 }
        ]
    );
    let mut by_another = message(6, Some("x"));
    by_another.user_id = "bob".into();
    let second = vec![message(4, Some("x")), message(5, Some("y")), by_another, message(7, None)];
    assert_eq!(
        store.commit_room(write("r", fence, second)).await.unwrap().messages,
        [
            ChatOutcome::Duplicate { n: 1 },
            ChatOutcome::Stored { n: 5 },
            ChatOutcome::Stored { n: 6 },
            ChatOutcome::Stored { n: 7 }
        ]
    );
    assert_eq!(numbers(&store, &id).await, [1, 3, 5, 6, 7]);
}

pub async fn a_lower_fence_writes_nothing(bed: &Bed) {
    let (store, id, old) = with_room(bed).await;
    let new = store.take_room(&id).await.unwrap().unwrap();
    let late =
        RoomWrite { snapshot: Some("late".into()), ..write("r", old, vec![message(1, None)]) };
    let refused = store.commit_room(late).await.unwrap_err();
    assert!(matches!(refused, StoreError::Fenced), "{refused:?}");
    let loaded = store.load_room(&id).await.unwrap().unwrap();
    assert_eq!((loaded.snapshot, loaded.next_chat_n), (None, 1));
    assert_eq!(loaded.row.last_active_at_ms, NOON_MS);
    store.commit_room(write("r", new, vec![message(1, None)])).await.unwrap();
}

pub async fn a_deleted_room_is_gone(bed: &Bed) {
    let (store, id, fence) = with_room(bed).await;
    store.delete_room(&id).await.unwrap();
    let refused = store.commit_room(write("r", fence, vec![message(1, None)])).await.unwrap_err();
    assert!(matches!(refused, StoreError::Gone), "{refused:?}");
}

pub async fn a_used_message_number_refuses_the_whole_write(bed: &Bed) {
    let (store, id, fence) = with_room(bed).await;
    store.commit_room(write("r", fence, vec![message(1, None)])).await.unwrap();
    let clash = vec![message(2, None), message(1, Some("z"))];
    let refused = store.commit_room(write("r", fence, clash)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(Conflict::ChatNumber)), "{refused:?}");
    assert_eq!(numbers(&store, &id).await, [1]);
}

pub async fn settings_reach_the_row(bed: &Bed) {
    let (store, id, fence) = with_room(bed).await;
    let settings = RoomSettings {
        name: "New name".into(),
        is_public: false,
        max_participants: None,
        control: Control::HostOnly,
        wait: Wait::None,
        join_code: "fresh1".into(),
        entry: Entry::Knock,
        has_password: true,
    };
    let change = RoomWrite { settings: Some(settings.clone()), ..write("r", fence, vec![]) };
    store.commit_room(change).await.unwrap();
    let row = store.room(&id).await.unwrap().unwrap();
    assert_eq!(row.name, "New name");
    assert!(!row.is_public);
    assert_eq!(row.max_participants, None);
    assert_eq!((row.control, row.wait), (Control::HostOnly, Wait::None));
    assert_eq!((row.entry, row.has_password), (Entry::Knock, true));
    assert_eq!(row.join_code, "FRESH1");
    assert_eq!(row.updated_at_ms, NOON_MS + 10_000);
    store.create_room(room("other")).await.unwrap();
    let taken = RoomSettings { join_code: "COTHER".into(), ..settings };
    let clash = RoomWrite { settings: Some(taken), ..write("r", fence, vec![message(1, None)]) };
    let refused = store.commit_room(clash).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(Conflict::JoinCode)), "{refused:?}");
    assert_eq!(numbers(&store, &id).await, [0; 0]);
}

pub async fn a_password_of_a_room_is_kept_replaced_and_taken_away(bed: &Bed) {
    let (store, id, _) = with_room(bed).await;
    assert_eq!(store.room_password(&id).await.unwrap(), None);
    for hash in [Some("one".to_owned()), Some("two".to_owned()), None] {
        assert!(store.set_room_password(&id, hash.clone()).await.unwrap());
        assert_eq!(store.room_password(&id).await.unwrap(), hash);
    }
    let unknown = RoomId::from("unknown");
    assert!(!store.set_room_password(&unknown, Some("one".to_owned())).await.unwrap());
    assert_eq!(store.room_password(&unknown).await.unwrap(), None);
}

pub async fn chat_is_paged_from_the_latest_backwards(bed: &Bed) {
    let (store, id, fence) = with_room(bed).await;
    let mut answer = message(4, Some("c"));
    answer.reply_to = Some("2".into());
    let said = vec![message(1, None), message(2, None), message(3, None), answer];
    store.commit_room(write("r", fence, said.clone())).await.unwrap();
    assert_eq!(store.chat_page(&id, None, 2).await.unwrap(), said[2..]);
    assert_eq!(store.chat_page(&id, Some(3), 5).await.unwrap(), said[..2]);
    assert_eq!(store.chat_page(&id, Some(1), 5).await.unwrap(), []);
    assert_eq!(store.chat_page(&RoomId::from("none"), None, 5).await.unwrap(), []);
}

pub async fn everything_is_there_after_reopening(bed: &Bed) {
    let (store, id, fence) = with_room(bed).await;
    let said =
        RoomWrite { snapshot: Some("s".into()), ..write("r", fence, vec![message(1, None)]) };
    store.commit_room(said).await.unwrap();
    let before = store.load_room(&id).await.unwrap();
    drop(store);
    let reopened = bed.open().await;
    assert_eq!(reopened.load_room(&id).await.unwrap(), before);
    reopened.commit_room(write("r", fence, vec![message(2, None)])).await.unwrap();
}
