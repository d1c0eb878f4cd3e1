use parlor_protocol::{RoomId, UserId};
use parlor_store::{NewRoom, RoomWrite};

use crate::bed::{Bed, account, message, room, write};

/// Texts that have broken databases before.
const TEXTS: &[&str] = &[
    "'; DROP TABLE room; --",
    "\" OR 1=1 --",
    "$1 ?1 :name @name %s {0} \\' \\",
    "😀 👨‍👩‍👧‍👦 e\u{301} \u{202e}right to left\u{202c}",
    "line\nbreak\r\ttab \u{1} \u{7f} \u{feff}",
    "",
    "   ",
    "\u{10ffff}",
    "NULL",
];

pub async fn every_text_comes_back_as_it_went_in(bed: &Bed) {
    let store = bed.open().await;
    let id = RoomId::from("r");
    store.create_room(room("r")).await.unwrap();
    let fence = store.take_room(&id).await.unwrap().unwrap();
    let long = "🎬".repeat(4_000);
    for (n, text) in TEXTS.iter().copied().chain([long.as_str()]).enumerate() {
        let named = NewRoom { name: text.into(), ..room(&format!("named {n}")) };
        store.create_room(named.clone()).await.unwrap();
        assert_eq!(store.room(&named.id).await.unwrap().unwrap().name, text);
        let mut said = message(n as i64 + 1, Some(text));
        said.text = text.into();
        said.display_name = text.into();
        said.reply_to = Some(text.into());
        let spoken = write("r", fence, vec![said.clone()]);
        store.commit_room(RoomWrite { snapshot: Some(text.into()), ..spoken }).await.unwrap();
        let loaded = store.load_room(&id).await.unwrap().unwrap();
        assert_eq!(loaded.recent_chat.last(), Some(&said));
        assert_eq!(loaded.snapshot.as_deref(), Some(text));
    }
}

pub async fn a_nul_becomes_a_replacement_character(bed: &Bed) {
    let store = bed.open().await;
    store.create_room(NewRoom { name: "a\0b".into(), ..room("r") }).await.unwrap();
    let id = RoomId::from("r");
    assert_eq!(store.room(&id).await.unwrap().unwrap().name, "a\u{FFFD}b");
    let fence = store.take_room(&id).await.unwrap().unwrap();
    let mut said = message(1, Some("\0"));
    said.text = "\0".into();
    said.user_id = UserId::from("\0");
    store.commit_room(write("r", fence, vec![said])).await.unwrap();
    assert_eq!(store.chat_page(&id, None, 1).await.unwrap()[0].text, "\u{FFFD}");
    assert_eq!(store.room(&RoomId::from("\0")).await.unwrap(), None);
    assert_eq!(store.room_by_code("\0").await.unwrap(), None);
    assert_eq!(store.account_by_username("\0").await.unwrap(), None);
}

pub async fn texts_that_look_like_sql_are_only_texts(bed: &Bed) {
    let store = bed.open().await;
    store.create_account(account("ann")).await.unwrap();
    store.create_room(room("r")).await.unwrap();
    for text in TEXTS {
        assert_eq!(store.account_by_username(text).await.unwrap(), None);
        assert_eq!(store.account_by_email(text).await.unwrap(), None);
        assert_eq!(store.user(&UserId::from(*text)).await.unwrap(), None);
        assert_eq!(store.room(&RoomId::from(*text)).await.unwrap(), None);
        assert_eq!(store.room_by_code(text).await.unwrap(), None);
        assert!(!store.delete_room(&RoomId::from(*text)).await.unwrap());
    }
    assert!(store.room(&RoomId::from("r")).await.unwrap().is_some());
}
