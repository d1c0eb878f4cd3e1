//! Finding people to write to, and who of them is online.

use std::time::Duration;

use parlor_protocol::{ClerkId, UserId};
use parlor_store::{DirectSettingsChange, PersonKind, Store};

use crate::bed::{Bed, NOON_MS, account, guest};
use crate::direct::{ANN, BOB, clerk, send, with_people};

async fn found(store: &Store, text: &str) -> Vec<String> {
    let people = store.search_people(&clerk(ANN), text).await.unwrap();
    people.into_iter().map(|person| person.clerk_id).collect()
}

pub async fn people_are_found_by_how_their_names_begin(bed: &Bed) {
    let store = with_people(bed).await;
    store.keep_guest(guest("bobby")).await.unwrap();
    store.keep_external(&UserId::from("ext_1"), "user_2x", "Zoë Bobs\u{0}", NOON_MS).await.unwrap();
    assert_eq!(found(&store, "bob").await, [BOB, "user_2x"], "by user name, by any word");
    assert_eq!(found(&store, "THE  BOB").await, [BOB], "by name to show, whatever its case");
    assert_eq!(found(&store, "ZOË").await, ["user_2x"]);
    assert_eq!(found(&store, "bob-na").await, [BOB]);
    assert_eq!(found(&store, "ann").await, [""; 0], "not oneself");
    assert_eq!(found(&store, "obs").await, [""; 0], "not by the middle of a word");
    for text in ["%", "b%b", "___", "' OR 1=1 --", "<b>", "bob\u{0}", "\\"] {
        assert_eq!(found(&store, text).await, [""; 0], "{text}");
    }
    store.set_display_name(&UserId::from(BOB), "Robert").await.unwrap();
    assert_eq!(found(&store, "robert").await, [BOB]);
    assert_eq!(found(&store, "the bob").await, [""; 0]);
    let hide = DirectSettingsChange { is_searchable: Some(false), strangers_ask: None };
    store.set_direct_settings(&UserId::from(BOB), hide).await.unwrap();
    assert_eq!(found(&store, "robert").await, [""; 0]);
    let me = store.direct_person(&UserId::from(BOB)).await.unwrap().unwrap();
    assert!(!me.is_searchable && !me.strangers_ask);
    let external = store.direct_person_called(&ClerkId::from("user_2x")).await.unwrap().unwrap();
    assert_eq!((external.user_id.as_str(), external.kind), ("ext_1", PersonKind::External));
}

pub async fn ten_are_found_at_most(bed: &Bed) {
    let store = with_people(bed).await;
    for n in 0..15 {
        store.create_account(account(&format!("many{n}"))).await.unwrap();
    }
    assert_eq!(found(&store, "many").await.len(), 10);
}

pub async fn somebody_introduces_themselves_once(bed: &Bed) {
    let store = with_people(bed).await;
    let ann = UserId::from(ANN);
    assert!(store.introduce(&ann, true).await.unwrap());
    assert!(!store.introduce(&ann, false).await.unwrap());
    assert!(store.direct_person(&ann).await.unwrap().unwrap().is_paralyzed);
    assert!(!store.introduce(&UserId::from("nobody"), true).await.unwrap());
}

pub async fn who_has_a_socket_on_any_node_is_online(bed: &Bed) {
    let store = with_people(bed).await;
    send(&store, ANN, BOB, "hi").await;
    let (ann, bob) = ([UserId::from(ANN)], [UserId::from(BOB)]);
    let all = [ANN, BOB, "nobody"].map(UserId::from);
    assert_eq!(store.set_online(&all, "n1").await.unwrap(), all[..2]);
    assert!(store.set_online(&ann, "n1").await.unwrap().is_empty());
    assert!(store.set_online(&ann, "n2").await.unwrap().is_empty());
    assert!(store.contacts_of(&clerk(BOB), 1, 0).await.unwrap()[0].is_online);
    let stranger = store.correspondent(&clerk("carla"), &clerk(ANN)).await.unwrap().unwrap();
    assert!(!stranger.is_online, "that is not a stranger's business");
    assert!(store.set_offline(&ann, "n1").await.unwrap().is_empty());
    assert_eq!(store.set_offline(&ann, "n2").await.unwrap(), ann);
    assert!(store.set_offline(&ann, "n2").await.unwrap().is_empty());
    assert!(!store.contacts_of(&clerk(BOB), 1, 0).await.unwrap()[0].is_online);
    let told = store.told_of_status(&clerk(ANN)).await.unwrap();
    assert_eq!(told.iter().map(|it| it.clerk_id.as_str()).collect::<Vec<_>>(), [BOB]);
    assert_eq!(store.clear_online("n1").await.unwrap(), bob);
    store.set_online(&ann, "n3").await.unwrap();
    store.clear_all_online().await.unwrap();
    assert!(!store.direct_person(&ann[0]).await.unwrap().unwrap().is_online);
}

pub async fn who_was_online_at_a_dead_node_is_offline(bed: &Bed) {
    let store = with_people(bed).await;
    let both = [ANN, BOB].map(UserId::from);
    store.renew_node("alive", Duration::from_secs(60)).await.unwrap();
    store.set_online(&both, "dead").await.unwrap();
    store.set_online(&both[..1], "alive").await.unwrap();
    assert_eq!(store.forget_online_of_the_dead().await.unwrap(), both[1..]);
    assert!(store.forget_online_of_the_dead().await.unwrap().is_empty());
    assert!(store.direct_person(&both[0]).await.unwrap().unwrap().is_online);
}

pub async fn coming_and_going_at_once_ends_as_the_rows_say(bed: &Bed) {
    let stores = [with_people(bed).await, Store::connect(&bed.config()).await.unwrap()];
    let ann = [UserId::from(ANN)];
    let tasks = stores.iter().cloned().enumerate().map(|(n, store)| {
        let (ann, node) = (ann.clone(), format!("n{n}"));
        tokio::spawn(async move {
            for _ in 0..30 {
                store.set_online(&ann, &node).await.unwrap();
                store.set_offline(&ann, &node).await.unwrap();
            }
            if n == 0 {
                store.set_online(&ann, &node).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert!(stores[0].direct_person(&ann[0]).await.unwrap().unwrap().is_online);
    assert_eq!(stores[1].set_offline(&ann, "n0").await.unwrap(), ann);
}
