use parlor_protocol::{RoomId, UserId};
use parlor_store::{
    AmendOutcome, AmendRow, ChatChange, ChatOutcome, ChatRow, RoomWrite, StoreError,
};
use sea_orm::{ConnectionTrait, Statement};

use crate::bed::{Bed, NOON_MS, message, room, write};

fn edit(n: i64, by: &str, text: &str) -> AmendRow {
    let change = ChatChange::Edit { text: text.into(), mentions: vec![UserId::from("bob")] };
    AmendRow { n, author: Some(UserId::from(by)), change, at_ms: NOON_MS + 500 }
}

fn delete(n: i64, by: Option<&str>) -> AmendRow {
    let author = by.map(UserId::from);
    AmendRow { n, author, change: ChatChange::Delete, at_ms: NOON_MS + 700 }
}

fn edited(n: i64, text: &str) -> ChatRow {
    ChatRow {
        text: text.into(),
        mentions: vec![UserId::from("bob")],
        edited_at_ms: Some(NOON_MS + 500),
        ..message(n, None)
    }
}

fn deleted(n: i64) -> ChatRow {
    ChatRow { text: String::new(), deleted_at_ms: Some(NOON_MS + 700), ..message(n, None) }
}

fn amend(fence: i64, amendments: Vec<AmendRow>) -> RoomWrite {
    RoomWrite { amendments, ..write("r", fence, Vec::new()) }
}

/// Opens the bed with a room `r` in which Ann said three things.
async fn with_chat(bed: &Bed) -> (parlor_store::Store, RoomId, i64) {
    let store = bed.open().await;
    let id = RoomId::from("r");
    store.create_room(room("r")).await.unwrap();
    let fence = store.take_room(&id).await.unwrap().unwrap();
    let said = (1..=3).map(|n| message(n, None)).collect();
    store.commit_room(write("r", fence, said)).await.unwrap();
    (store, id, fence)
}

pub async fn an_edited_message_is_read_with_its_new_text(bed: &Bed) {
    let (store, id, fence) = with_chat(bed).await;
    let committed = store.commit_room(amend(fence, vec![edit(2, "ann", "two")])).await.unwrap();
    assert_eq!(committed.amendments, [AmendOutcome::Done(edited(2, "two"))]);
    let page = store.chat_page(&id, None, 10).await.unwrap();
    assert_eq!(page, [message(1, None), edited(2, "two"), message(3, None)]);
    assert_eq!(store.load_room(&id).await.unwrap().unwrap().recent_chat, page);
}

pub async fn a_deleted_message_keeps_its_row_without_what_it_said(bed: &Bed) {
    let (store, id, fence) = with_chat(bed).await;
    store.commit_room(amend(fence, vec![edit(2, "ann", "two")])).await.unwrap();
    let committed = store.commit_room(amend(fence, vec![delete(2, Some("ann"))])).await.unwrap();
    assert_eq!(committed.amendments, [AmendOutcome::Done(deleted(2))]);
    let page = store.chat_page(&id, None, 10).await.unwrap();
    assert_eq!(page, [message(1, None), deleted(2), message(3, None)]);
    let database = bed.look().await;
    let sql = "SELECT text, mentions FROM chat_message WHERE n = 2";
    let sql = Statement::from_string(database.get_database_backend(), sql);
    let row = database.query_one_raw(sql).await.unwrap().unwrap();
    assert_eq!(row.try_get::<String>("", "text").unwrap(), "");
    assert_eq!(row.try_get::<Option<String>>("", "mentions").unwrap(), None);
}

pub async fn only_a_messages_author_changes_it_unless_anybody_may(bed: &Bed) {
    let (store, id, fence) = with_chat(bed).await;
    let wanted = vec![edit(1, "eve", "mine"), delete(2, Some("eve")), delete(3, None)];
    let committed = store.commit_room(amend(fence, wanted)).await.unwrap();
    let expected = [AmendOutcome::Foreign, AmendOutcome::Foreign, AmendOutcome::Done(deleted(3))];
    assert_eq!(committed.amendments, expected);
    let page = store.chat_page(&id, None, 10).await.unwrap();
    assert_eq!(page, [message(1, None), message(2, None), deleted(3)]);
}

pub async fn changes_are_made_in_their_order_and_after_the_messages_they_come_with(bed: &Bed) {
    let (store, id, fence) = with_chat(bed).await;
    let amendments = vec![
        edit(4, "ann", "four"),
        edit(1, "ann", "one"),
        delete(1, None),
        edit(1, "ann", "one again"),
        edit(4, "ann", "still four"),
    ];
    let both = RoomWrite { amendments, ..write("r", fence, vec![message(4, None)]) };
    let committed = store.commit_room(both).await.unwrap();
    assert_eq!(committed.messages, [ChatOutcome::Stored { n: 4 }]);
    assert_eq!(
        committed.amendments,
        [
            AmendOutcome::Done(edited(4, "four")),
            AmendOutcome::Done(edited(1, "one")),
            AmendOutcome::Done(deleted(1)),
            AmendOutcome::Missing,
            AmendOutcome::Done(edited(4, "still four")),
        ]
    );
    let page = store.chat_page(&id, None, 10).await.unwrap();
    assert_eq!(page, [deleted(1), message(2, None), message(3, None), edited(4, "still four")]);
}

pub async fn what_is_repeated_or_missing_changes_nothing(bed: &Bed) {
    let (store, id, fence) = with_chat(bed).await;
    let wanted = || vec![edit(1, "ann", "one"), delete(2, None), delete(9, None)];
    store.commit_room(amend(fence, wanted())).await.unwrap();
    let later = wanted().into_iter().map(|it| AmendRow { at_ms: NOON_MS + 900, ..it });
    let committed = store.commit_room(amend(fence, later.collect())).await.unwrap();
    assert_eq!(
        committed.amendments,
        [
            AmendOutcome::Before(edited(1, "one")),
            AmendOutcome::Before(deleted(2)),
            AmendOutcome::Missing,
        ]
    );
    let page = store.chat_page(&id, None, 10).await.unwrap();
    assert_eq!(page, [edited(1, "one"), deleted(2), message(3, None)]);
}

pub async fn a_lower_fence_changes_nothing(bed: &Bed) {
    let (store, id, old) = with_chat(bed).await;
    store.take_room(&id).await.unwrap().unwrap();
    let late = store.commit_room(amend(old, vec![delete(1, None)])).await.unwrap_err();
    assert!(matches!(late, StoreError::Fenced), "{late:?}");
    assert_eq!(store.chat_page(&id, None, 1).await.unwrap(), [message(3, None)]);
    assert_eq!(store.chat_page(&id, Some(2), 1).await.unwrap(), [message(1, None)]);
}

pub async fn changes_of_many_rooms_share_a_transaction(bed: &Bed) {
    let store = bed.open().await;
    let tasks: Vec<_> = (0..20)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let id = format!("r{task}");
                store.create_room(room(&id)).await.unwrap();
                let fence = store.take_room(&RoomId::from(id.as_str())).await.unwrap().unwrap();
                for n in 1..=5 {
                    let amendments =
                        vec![edit(n, "ann", &format!("{id} {n}")), delete(n - 1, None)];
                    let said = write(&id, fence, vec![message(n, None)]);
                    store.commit_room(RoomWrite { amendments, ..said }).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for task in 0..20 {
        let id = format!("r{task}");
        let mut expected: Vec<_> = (1..=4).map(deleted).collect();
        expected.push(edited(5, &format!("{id} 5")));
        let page = store.chat_page(&RoomId::from(id.as_str()), None, 10).await.unwrap();
        assert_eq!(page, expected);
    }
}

pub async fn what_was_deleted_is_not_handed_out_with_what_somebody_said(bed: &Bed) {
    let (store, id, fence) = with_chat(bed).await;
    store.commit_room(amend(fence, vec![delete(2, None)])).await.unwrap();
    let said = store.messages_of(&UserId::from("ann"), None, 10).await.unwrap();
    assert_eq!(said, [(id.clone(), message(1, None)), (id, message(3, None))]);
}
