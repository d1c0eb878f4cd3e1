use parlor_protocol::{RoomId, UserId};
use parlor_store::{PersonKind, PresenceRow, Store};

use crate::bed::{Bed, NOON_MS, account, room};

fn row(room: &str, user: &str, present: bool, after_ms: i64) -> PresenceRow {
    PresenceRow {
        room_id: RoomId::from(room),
        user_id: UserId::from(user),
        display_name: format!("Guest {user}"),
        is_guest: true,
        present,
        at_ms: NOON_MS + after_ms,
    }
}

async fn present(store: &Store, room: &str) -> Vec<String> {
    let members = store.presence_of(&RoomId::from(room)).await.unwrap();
    members.into_iter().map(|member| member.user_id.to_string()).collect()
}

pub async fn who_comes_is_present_and_who_leaves_is_not(bed: &Bed) {
    let store = bed.open().await;
    store.create_account(account("ann")).await.unwrap();
    store.create_room(room("r")).await.unwrap();
    store.create_room(room("s")).await.unwrap();
    let come = vec![row("r", "zoe", true, 1), row("r", "ann", true, 2), row("s", "ann", true, 3)];
    store.set_presence(come).await.unwrap();
    assert_eq!(present(&store, "r").await, ["zoe", "ann"]);
    let kept = store.users(&["zoe", "ann"].map(UserId::from)).await.unwrap();
    let kind = |id: &str| kept.iter().find(|person| person.id.as_str() == id).unwrap().kind;
    assert_eq!((kind("zoe"), kind("ann")), (PersonKind::Guest, PersonKind::Account));
    let member = &store.presence_of(&RoomId::from("r")).await.unwrap()[0];
    assert_eq!((member.since_ms, member.is_mic_active), (NOON_MS + 1, false));

    store.set_presence(vec![row("r", "zoe", false, 4), row("s", "zoe", false, 4)]).await.unwrap();
    assert_eq!(present(&store, "r").await, ["ann"]);
    assert_eq!(present(&store, "s").await, ["ann"]);
    let rooms = ["r", "s", "none"].map(RoomId::from);
    let counts = store.member_counts(&rooms).await.unwrap();
    assert_eq!(counts, [("r", 1), ("s", 1)].map(|(id, n)| (RoomId::from(id), n)).into());
    assert_eq!(
        store.load_room(&rooms[0]).await.unwrap().unwrap().members_present,
        [UserId::from("ann")]
    );
}

pub async fn the_last_word_counts(bed: &Bed) {
    let store = bed.open().await;
    store.create_room(room("r")).await.unwrap();
    let back_and_forth = vec![
        row("r", "ann", true, 1),
        row("r", "ann", false, 2),
        row("r", "bob", false, 1),
        row("r", "bob", true, 2),
    ];
    store.set_presence(back_and_forth).await.unwrap();
    assert_eq!(present(&store, "r").await, ["bob"]);
    store.set_presence(vec![row("r", "bob", true, 9)]).await.unwrap();
    let since_ms = store.presence_of(&RoomId::from("r")).await.unwrap()[0].since_ms;
    assert_eq!(since_ms, NOON_MS + 2, "who is there already stays there");
}

pub async fn coming_into_a_missing_room_is_passed_over(bed: &Bed) {
    let store = bed.open().await;
    store.create_room(room("r")).await.unwrap();
    store.set_presence(vec![row("none", "ann", true, 1), row("r", "ann", true, 1)]).await.unwrap();
    assert_eq!(present(&store, "r").await, ["ann"]);
    assert_eq!(present(&store, "none").await, [""; 0]);
}

pub async fn a_start_clears_presence(bed: &Bed) {
    let store = bed.open().await;
    store.create_room(room("r")).await.unwrap();
    store.set_presence(vec![row("r", "ann", true, 1), row("r", "bob", true, 1)]).await.unwrap();
    assert_eq!(store.clear_presence().await.unwrap(), 2);
    assert_eq!(present(&store, "r").await, [""; 0]);
}
