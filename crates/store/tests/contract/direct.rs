//! Direct messages: sending, contacts, requests, blocks, and what one deletes.

use parlor_protocol::{ClerkId, UserId};
use parlor_store::{
    AddedContact, Blocking, DirectRow, DirectSettingsChange, NewDirect, PageOf, Party, SendOutcome,
    SentRow, Standing, Store,
};
use sea_orm::{ConnectionTrait, Statement};

use crate::bed::{Bed, NOON_MS, account, guest};

pub const ANN: &str = "ann";
pub const BOB: &str = "bob";

pub fn clerk(id: &str) -> ClerkId {
    ClerkId::from(id)
}

pub fn message(from: &str, to: &str, text: &str, name: Option<&str>) -> NewDirect {
    NewDirect {
        from: clerk(from),
        to: clerk(to),
        text: text.into(),
        client_message_id: name.map(str::to_owned),
        at_ms: NOON_MS,
    }
}

/// A store with Ann, Bob and Carla.
pub async fn with_people(bed: &Bed) -> Store {
    let store = bed.open().await;
    for id in [ANN, BOB, "carla"] {
        store.create_account(account(id)).await.unwrap();
    }
    store
}

pub async fn send(store: &Store, from: &str, to: &str, text: &str) -> SentRow {
    match store.send_direct(message(from, to, text, None)).await.unwrap() {
        SendOutcome::Sent(sent) => *sent,
        refused => panic!("{refused:?}"),
    }
}

async fn ask_strangers(store: &Store, id: &str) {
    let change = DirectSettingsChange { strangers_ask: Some(true), is_searchable: None };
    store.set_direct_settings(&UserId::from(id), change).await.unwrap();
}

pub async fn newest(store: &Store, owner: &str, id: i64) -> Vec<String> {
    let page = PageOf::Newest { before: None, offset: 0 };
    let open = store.open_conversation(&clerk(owner), id, page, 50).await.unwrap().unwrap();
    open.messages.into_iter().map(|message| message.content).collect()
}

pub async fn unread(store: &Store, owner: &str) -> i64 {
    store.unread_count_of(&clerk(owner)).await.unwrap()
}

pub async fn a_first_message_makes_each_the_others_contact(bed: &Bed) {
    let store = with_people(bed).await;
    let sent = send(&store, BOB, ANN, "Hello\n  there").await;
    let row = DirectRow {
        id: 1,
        conversation_id: 1,
        from_clerk_id: BOB.into(),
        to_clerk_id: ANN.into(),
        content: "Hello\n  there".into(),
        message_type: "text".into(),
        is_read: false,
        read_at: None,
        created_at: sent.message.created_at,
    };
    assert_eq!(sent.message.created_at.timestamp_millis(), NOON_MS);
    let receiver = Party { user_id: UserId::from(ANN), clerk_id: clerk(ANN) };
    let expected =
        SentRow { message: row, receiver, repeated: false, standing: Standing::Accepted };
    assert_eq!(sent, expected);
    for (owner, other, count) in [(ANN, BOB, 1), (BOB, ANN, 0)] {
        let contacts = store.contacts_of(&clerk(owner), 10, 0).await.unwrap();
        assert_eq!(contacts.len(), 1);
        assert_eq!(contacts[0].contact_clerk_id, other);
        assert_eq!(contacts[0].display_name, format!("The {other}"));
        assert_eq!(contacts[0].last_message_preview.as_deref(), Some("Hello there"));
        assert_eq!(contacts[0].last_message_at.unwrap().timestamp_millis(), NOON_MS);
        assert_eq!(contacts[0].unread_count, count);
        let conversations = store.conversations_of(&clerk(owner), 10, 0).await.unwrap();
        assert_eq!(conversations.len(), 1);
        assert_eq!(conversations[0].other_clerk_id, other);
        assert_eq!(newest(&store, owner, conversations[0].id).await, ["Hello\n  there"]);
    }
    // The pair has one conversation, whoever writes.
    assert_eq!(send(&store, ANN, BOB, "Hi").await.message.conversation_id, 1);
    let page = PageOf::Newest { before: None, offset: 0 };
    let none = store.open_conversation(&clerk("carla"), 1, page, 10).await.unwrap();
    assert_eq!(none, None);
}

pub async fn a_repeated_name_is_stored_once_and_answered_as_at_first(bed: &Bed) {
    let store = with_people(bed).await;
    let first = message(ANN, BOB, "once", Some("m1"));
    let SendOutcome::Sent(sent) = store.send_direct(first.clone()).await.unwrap() else { panic!() };
    let again = NewDirect { at_ms: NOON_MS + 5, text: "twice".into(), ..first.clone() };
    let SendOutcome::Sent(repeated) = store.send_direct(again).await.unwrap() else { panic!() };
    assert_eq!(*repeated, SentRow { repeated: true, ..(*sent).clone() });
    // Also to somebody else: it is that message.
    let elsewhere = NewDirect { to: clerk("carla"), ..first.clone() };
    let SendOutcome::Sent(there) = store.send_direct(elsewhere).await.unwrap() else { panic!() };
    assert_eq!(*there, SentRow { repeated: true, ..(*sent).clone() });
    assert!(store.conversations_of(&clerk("carla"), 10, 0).await.unwrap().is_empty());
    // Another author may use the same name.
    let SendOutcome::Sent(other) =
        store.send_direct(message(BOB, ANN, "mine", Some("m1"))).await.unwrap()
    else {
        panic!()
    };
    assert!(!other.repeated);
    assert_eq!(newest(&store, ANN, 1).await, ["mine", "once"]);
    assert_eq!((unread(&store, ANN).await, unread(&store, BOB).await), (1, 1));
}

pub async fn of_many_who_send_the_same_at_once_one_message_is_stored(bed: &Bed) {
    let stores = [with_people(bed).await, Store::connect(&bed.config()).await.unwrap()];
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let store = stores[n % 2].clone();
            tokio::spawn(async move {
                let new = message(ANN, BOB, "once", Some(&format!("m{}", n % 4)));
                store.send_direct(new).await.unwrap()
            })
        })
        .collect();
    let mut ids = std::collections::BTreeMap::new();
    let mut firsts = 0;
    for (n, task) in tasks.into_iter().enumerate() {
        let SendOutcome::Sent(sent) = task.await.unwrap() else { panic!() };
        firsts += u32::from(!sent.repeated);
        assert_eq!(*ids.entry(n % 4).or_insert(sent.message.id), sent.message.id);
    }
    assert_eq!(firsts, 4);
    assert_eq!(unread(&store_of(&stores), BOB).await, 4);
}

fn store_of(stores: &[Store; 2]) -> Store {
    stores[0].clone()
}

pub async fn many_pairs_at_once_are_all_stored_and_counted(bed: &Bed) {
    let stores = [bed.open().await, Store::connect(&bed.config()).await.unwrap()];
    for n in 0..8 {
        stores[0].create_account(account(&format!("user{n}"))).await.unwrap();
    }
    let tasks: Vec<_> = (0..56)
        .map(|n| {
            let store = stores[n % 2].clone();
            let (from, to) = (n / 7, (n / 7 + 1 + n % 7) % 8);
            tokio::spawn(async move {
                for text in 0..10 {
                    let (from, to) = (format!("user{from}"), format!("user{to}"));
                    send(&store, &from, &to, &format!("{text}")).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for n in 0..8 {
        let owner = format!("user{n}");
        assert_eq!(unread(&stores[0], &owner).await, 70);
        let conversations = stores[0].conversations_of(&clerk(&owner), 50, 0).await.unwrap();
        assert_eq!(conversations.len(), 7);
        for conversation in conversations {
            let texts = newest(&stores[0], &owner, conversation.id).await;
            assert_eq!(texts.len(), 20);
        }
    }
}

pub async fn nobody_writes_to_guests_strangers_of_the_site_or_oneself(bed: &Bed) {
    let store = with_people(bed).await;
    store.keep_guest(guest("gus")).await.unwrap();
    for (from, to) in [(ANN, "gus"), ("gus", ANN), (ANN, "nobody"), (ANN, ANN), ("", ANN)] {
        let outcome = store.send_direct(message(from, to, "hi", None)).await.unwrap();
        assert_eq!(outcome, SendOutcome::NoSuchPerson, "{from} to {to}");
    }
    assert!(store.contacts_of(&clerk(ANN), 10, 0).await.unwrap().is_empty());
    assert!(store.conversations_of(&clerk(ANN), 10, 0).await.unwrap().is_empty());
}

pub async fn across_a_block_nothing_is_written_and_nothing_seen(bed: &Bed) {
    let store = with_people(bed).await;
    send(&store, ANN, BOB, "before").await;
    store.introduce(&UserId::from(ANN), true).await.unwrap();
    let seen = async || store.correspondent(&clerk(BOB), &clerk(ANN)).await.unwrap().unwrap();
    assert!(seen().await.is_paralyzed);
    assert_eq!(store.block(&clerk(ANN), &clerk(BOB), NOON_MS).await.unwrap(), Blocking::Done);
    assert_eq!(store.block(&clerk(ANN), &clerk(BOB), NOON_MS).await.unwrap(), Blocking::Done);
    for (from, to) in [(ANN, BOB), (BOB, ANN)] {
        let outcome = store.send_direct(message(from, to, "hi", None)).await.unwrap();
        assert_eq!(outcome, SendOutcome::Blocked);
        assert!(store.hides_from(&clerk(from), &clerk(to)).await.unwrap());
    }
    assert!(!seen().await.is_paralyzed);
    assert!(store.told_of_status(&clerk(ANN)).await.unwrap().is_empty());
    assert!(store.search_people(&clerk(BOB), "ann").await.unwrap().is_empty());
    assert_eq!(store.search_people(&clerk(ANN), "bob").await.unwrap().len(), 1);
    let blocks = store.blocks_of(&clerk(ANN), 10, 0).await.unwrap();
    assert_eq!((blocks.len(), blocks[0].clerk_id.as_str()), (1, BOB));
    let unknown = store.block(&clerk(ANN), &clerk("nobody"), NOON_MS).await.unwrap();
    assert_eq!(unknown, Blocking::NoSuchPerson);
    assert!(store.unblock(&clerk(ANN), &clerk(BOB)).await.unwrap());
    assert!(!store.unblock(&clerk(ANN), &clerk(BOB)).await.unwrap());
    send(&store, BOB, ANN, "again").await;
}

pub async fn a_stranger_of_whoever_wants_to_be_asked_waits_for_an_answer(bed: &Bed) {
    let store = with_people(bed).await;
    ask_strangers(&store, BOB).await;
    store.introduce(&UserId::from(BOB), true).await.unwrap();
    assert_eq!(send(&store, ANN, BOB, "one").await.standing, Standing::Request);
    let id = send(&store, ANN, BOB, "two").await.message.id;
    assert!(store.contacts_of(&clerk(BOB), 10, 0).await.unwrap().is_empty());
    assert!(store.conversations_of(&clerk(BOB), 10, 0).await.unwrap().is_empty());
    let requests = store.requests_to(&clerk(BOB), 10, 0).await.unwrap();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].person.clerk_id, ANN);
    assert_eq!((requests[0].conversation_id, requests[0].unread_count), (1, 2));
    // The stranger learns nothing.
    let seen = async || store.correspondent(&clerk(ANN), &clerk(BOB)).await.unwrap().unwrap();
    assert!(!seen().await.is_paralyzed);
    let read = store.mark_read(&clerk(BOB), &[id], NOON_MS).await.unwrap();
    assert!(!read.by_author[0].is_told);
    let page = PageOf::Newest { before: None, offset: 0 };
    let opened = async || store.open_conversation(&clerk(ANN), 1, page, 1).await.unwrap().unwrap();
    assert!(!opened().await.messages[0].is_read);

    let request = requests[0].id;
    assert_eq!(store.accept_request(&clerk(ANN), request).await.unwrap(), None);
    let contact = store.accept_request(&clerk(BOB), request).await.unwrap().unwrap();
    assert_eq!((contact.contact_clerk_id.as_str(), contact.unread_count), (ANN, 1));
    assert!(seen().await.is_paralyzed);
    assert!(opened().await.messages[0].is_read);
    assert!(store.requests_to(&clerk(BOB), 10, 0).await.unwrap().is_empty());
    assert_eq!(store.accept_request(&clerk(BOB), request).await.unwrap(), None);
}

pub async fn an_answer_accepts_a_request_and_so_does_adding(bed: &Bed) {
    let store = with_people(bed).await;
    ask_strangers(&store, BOB).await;
    send(&store, ANN, BOB, "hi").await;
    assert_eq!(send(&store, BOB, ANN, "hello").await.standing, Standing::Accepted);
    assert_eq!(send(&store, ANN, BOB, "fine").await.standing, Standing::Accepted);
    assert_eq!(unread(&store, BOB).await, 2);
    send(&store, "carla", BOB, "me too").await;
    let added = store.add_contact(&clerk(BOB), &clerk("carla"), Some("C"), NOON_MS).await.unwrap();
    let AddedContact::Added(contact) = added else { panic!("{added:?}") };
    assert_eq!((contact.nickname.as_deref(), contact.unread_count), (Some("C"), 1));
    assert_eq!(contact.last_message_preview.as_deref(), Some("me too"));
    assert_eq!(store.contacts_of(&clerk(BOB), 10, 0).await.unwrap().len(), 2);
}

pub async fn a_declined_stranger_writes_to_nobody_until_one_turns_to_them(bed: &Bed) {
    let store = with_people(bed).await;
    ask_strangers(&store, BOB).await;
    send(&store, ANN, BOB, "please").await;
    let request = store.requests_to(&clerk(BOB), 10, 0).await.unwrap()[0].id;
    assert!(!store.decline_request(&clerk(ANN), request).await.unwrap());
    assert!(store.decline_request(&clerk(BOB), request).await.unwrap());
    assert!(!store.decline_request(&clerk(BOB), request).await.unwrap());
    assert_eq!(send(&store, ANN, BOB, "still there?").await.standing, Standing::Declined);
    assert_eq!(unread(&store, BOB).await, 0);
    assert!(store.requests_to(&clerk(BOB), 10, 0).await.unwrap().is_empty());
    assert!(store.conversations_of(&clerk(BOB), 10, 0).await.unwrap().is_empty());
    assert_eq!(newest(&store, ANN, 1).await, ["still there?", "please"]);
    send(&store, BOB, ANN, "all right").await;
    assert_eq!(newest(&store, BOB, 1).await, ["all right", "still there?"]);
    assert_eq!(unread(&store, BOB).await, 1);
}

pub async fn contacts_are_added_named_listed_and_removed(bed: &Bed) {
    let store = with_people(bed).await;
    store.keep_guest(guest("gus")).await.unwrap();
    let add = async |person: &str| {
        store.add_contact(&clerk(ANN), &clerk(person), None, NOON_MS).await.unwrap()
    };
    let AddedContact::Added(carla) = add("carla").await else { panic!() };
    assert_eq!(carla.last_message_at, None);
    assert_eq!(add("carla").await, AddedContact::AlreadyThere);
    for nobody in ["nobody", "gus", ANN] {
        assert_eq!(add(nobody).await, AddedContact::NoSuchPerson);
    }
    send(&store, BOB, ANN, "hi").await;
    let listed = store.contacts_of(&clerk(ANN), 10, 0).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|it| it.contact_clerk_id.as_str()).collect();
    assert_eq!(listed, [BOB, "carla"], "those without a message last");
    assert_eq!(store.contacts_of(&clerk(ANN), 1, 1).await.unwrap(), [(*carla).clone()]);

    let others = store.contacts_of(&clerk(BOB), 10, 0).await.unwrap()[0].id;
    assert_eq!(store.name_contact(&clerk(ANN), others, Some("x")).await.unwrap(), None);
    assert_eq!(store.remove_contact(&clerk(ANN), others).await.unwrap(), None);
    let named = store.name_contact(&clerk(ANN), carla.id, Some("Sis")).await.unwrap().unwrap();
    assert_eq!(named.nickname.as_deref(), Some("Sis"));
    assert_eq!(store.remove_contact(&clerk(ANN), carla.id).await.unwrap(), Some(named));
    assert_eq!(store.contact(&clerk(ANN), carla.id).await.unwrap(), None);

    // Whoever comes back is counted as they stand.
    let bob = store.contacts_of(&clerk(ANN), 10, 0).await.unwrap()[0].id;
    store.remove_contact(&clerk(ANN), bob).await.unwrap().unwrap();
    send(&store, BOB, ANN, "me again").await;
    assert_eq!(unread(&store, ANN).await, 2);
}

pub async fn a_conversation_is_paged_from_the_newest_and_back(bed: &Bed) {
    let store = with_people(bed).await;
    let mut ids = Vec::new();
    for n in 0..7 {
        ids.push(send(&store, ANN, BOB, &n.to_string()).await.message.id);
    }
    let page = async |page, limit| {
        let open = store.open_conversation(&clerk(BOB), 1, page, limit).await.unwrap().unwrap();
        open.messages.into_iter().map(|message| message.id).collect::<Vec<_>>()
    };
    let newest = |before, offset| PageOf::Newest { before, offset };
    assert_eq!(page(newest(None, 0), 3).await, [ids[6], ids[5], ids[4]]);
    assert_eq!(page(newest(None, 3), 3).await, [ids[3], ids[2], ids[1]]);
    assert_eq!(page(newest(Some(ids[4]), 0), 3).await, [ids[3], ids[2], ids[1]]);
    assert_eq!(page(newest(None, u64::MAX), 3).await, [0_i64; 0]);
    assert_eq!(page(PageOf::After(ids[4]), 3).await, [ids[5], ids[6]]);
    let with = store.conversation_with(&clerk(BOB), &clerk(ANN)).await.unwrap();
    assert_eq!(with, Some(1));
    assert_eq!(store.conversation_with(&clerk(BOB), &clerk("carla")).await.unwrap(), None);
}

pub async fn what_one_deletes_the_other_keeps_until_both_did(bed: &Bed) {
    let store = with_people(bed).await;
    let id = send(&store, ANN, BOB, "one").await.message.id;
    send(&store, ANN, BOB, "two").await;
    assert!(!store.clear_conversation(&clerk("carla"), 1).await.unwrap());
    assert!(store.clear_conversation(&clerk(BOB), 1).await.unwrap());
    assert!(store.conversations_of(&clerk(BOB), 10, 0).await.unwrap().is_empty());
    assert_eq!(unread(&store, BOB).await, 0);
    let contact = &store.contacts_of(&clerk(BOB), 10, 0).await.unwrap()[0];
    assert_eq!((contact.last_message_preview.as_deref(), contact.last_message_at), (None, None));
    let read = store.mark_read(&clerk(BOB), &[id], NOON_MS).await.unwrap();
    assert!(read.ids.is_empty(), "it is not there to be read");
    assert_eq!(newest(&store, ANN, 1).await, ["two", "one"]);
    send(&store, ANN, BOB, "three").await;
    assert_eq!(newest(&store, BOB, 1).await, ["three"]);
    assert_eq!(unread(&store, BOB).await, 1);
    assert!(store.clear_conversation(&clerk(ANN), 1).await.unwrap());
    assert_eq!(newest(&store, BOB, 1).await, ["three"]);
    let database = bed.look().await;
    let count = async |table: &str| {
        let sql = format!("SELECT count(*) AS n FROM {table}");
        let statement = Statement::from_string(database.get_database_backend(), sql);
        let row = database.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get::<i64>("", "n").unwrap()
    };
    assert_eq!(count("messages").await, 1, "what both deleted is gone for good");
    assert!(store.clear_conversation(&clerk(BOB), 1).await.unwrap());
    assert_eq!((count("messages").await, count("conversations").await), (0, 0));
    assert_ne!(send(&store, ANN, BOB, "anew").await.message.conversation_id, 1);
}

pub async fn who_leaves_takes_contacts_along_and_leaves_messages_without_a_name(bed: &Bed) {
    let store = with_people(bed).await;
    send(&store, ANN, BOB, "to bob").await;
    send(&store, BOB, ANN, "to ann").await;
    send(&store, ANN, "carla", "to carla").await;
    store.block(&clerk("carla"), &clerk(ANN), NOON_MS).await.unwrap();
    let own = store.direct_messages_of(&clerk(ANN), None, 10).await.unwrap();
    let texts: Vec<_> = own.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(texts, ["to bob", "to ann", "to carla"]);
    let after = Some((own[0].conversation_id, own[0].id));
    assert_eq!(store.direct_messages_of(&clerk(ANN), after, 1).await.unwrap(), [own[1].clone()]);

    assert!(store.forget_user(&UserId::from(ANN), "Somebody").await.unwrap());
    assert!(store.contacts_of(&clerk(BOB), 10, 0).await.unwrap().is_empty());
    assert!(store.blocks_of(&clerk("carla"), 10, 0).await.unwrap().is_empty());
    let left = &store.conversations_of(&clerk(BOB), 10, 0).await.unwrap()[0];
    assert_eq!((left.id, left.other_clerk_id.as_str()), (1, "gone_1"));
    let page = PageOf::Newest { before: None, offset: 0 };
    let open = store.open_conversation(&clerk(BOB), 1, page, 10).await.unwrap().unwrap();
    assert_eq!(open.other.display_name, "Somebody who left");
    let rows: Vec<_> = open
        .messages
        .iter()
        .map(|row| (row.from_clerk_id.as_str(), row.content.as_str()))
        .collect();
    assert_eq!(rows, [(BOB, "to ann"), ("gone_1", "to bob")]);
    assert!(store.search_people(&clerk(BOB), "ann").await.unwrap().is_empty());
    // What the other deletes too is gone for good.
    assert!(store.clear_conversation(&clerk(BOB), 1).await.unwrap());
    assert!(store.direct_messages_of(&clerk(BOB), None, 10).await.unwrap().is_empty());
}

pub async fn texts_of_any_kind_come_back_as_they_went_in(bed: &Bed) {
    let store = with_people(bed).await;
    let texts = [
        "'; DROP TABLE messages; --",
        "<script>alert(1)</script>",
        "%_\\ \u{1F3AC} \u{202E}",
        "$1 ? :a",
    ];
    for text in texts {
        send(&store, ANN, BOB, text).await;
    }
    let mut kept = newest(&store, BOB, 1).await;
    kept.reverse();
    assert_eq!(kept, texts);
    let long = "x\u{0} ".repeat(2_000);
    assert_eq!(send(&store, ANN, BOB, &long).await.message.content, long.replace('\0', "\u{FFFD}"));
    let contact = &store.contacts_of(&clerk(BOB), 10, 0).await.unwrap()[0];
    assert!(contact.last_message_preview.as_ref().unwrap().chars().count() <= 100);
}
