use parlor_protocol::{LoginId, RoomId, UserId};
use parlor_store::{
    Conflict, NewLogin, NewRoom, NewToken, Office, OfficeChange, Person, PersonKind, Purpose,
    StoreError,
};

use crate::bed::{Bed, NOON_MS, account, guest, message, room, write};

pub async fn an_account_is_found_by_id_name_and_address(bed: &Bed) {
    let store = bed.open().await;
    store.create_account(account("ann")).await.unwrap();
    store.create_account(account("bob")).await.unwrap();
    let ann = UserId::from("ann");
    let found = store.account(&ann).await.unwrap().unwrap();
    assert_eq!(found.password_hash.as_deref(), Some("$argon2id$x"));
    assert_eq!(found.person.kind, PersonKind::Account);
    assert_eq!(found.person.username.as_deref(), Some("ann-name"));
    assert_eq!(found.person.email.as_deref(), Some("ann@example.org"));
    assert_eq!(found.person.display_name, "The ann");
    assert_eq!(found.person.created_at_ms, NOON_MS);
    assert_eq!(store.account_by_username("ANN-Name").await.unwrap(), Some(found.clone()));
    assert_eq!(store.account_by_email("Ann@Example.ORG").await.unwrap(), Some(found.clone()));
    assert_eq!(store.user(&ann).await.unwrap(), Some(found.person));
    assert_eq!(store.user(&UserId::from("nobody")).await.unwrap(), None);
    let ids = ["bob", "nobody", "ann"].map(UserId::from);
    let mut names: Vec<String> =
        store.users(&ids).await.unwrap().into_iter().map(|person| person.display_name).collect();
    names.sort();
    assert_eq!(names, ["The ann", "The bob"]);
}

pub async fn names_and_addresses_are_taken_whatever_their_case(bed: &Bed) {
    let store = bed.open().await;
    store.create_account(account("ann")).await.unwrap();
    let mut same_name = account("bob");
    same_name.username = "ANN-NAME".into();
    let refused = store.create_account(same_name).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(Conflict::Username)), "{refused:?}");
    let mut same_address = account("bob");
    same_address.email = "ANN@EXAMPLE.org".into();
    let refused = store.create_account(same_address).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(Conflict::Email)), "{refused:?}");
    let mut same_id = account("bob");
    same_id.id = UserId::from("ann");
    let refused = store.create_account(same_id).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(Conflict::Id)), "{refused:?}");
    store.create_account(account("bob")).await.unwrap();
}

pub async fn a_display_name_and_a_password_can_be_changed(bed: &Bed) {
    let store = bed.open().await;
    store.create_account(account("ann")).await.unwrap();
    let ann = UserId::from("ann");
    assert!(store.set_display_name(&ann, "Annie").await.unwrap());
    assert!(store.set_password_hash(&ann, "$argon2id$y").await.unwrap());
    let found = store.account(&ann).await.unwrap().unwrap();
    assert_eq!(found.person.display_name, "Annie");
    assert_eq!(found.password_hash.as_deref(), Some("$argon2id$y"));
    assert!(!store.set_display_name(&UserId::from("nobody"), "X").await.unwrap());
}

pub async fn a_guest_is_kept_once_and_stays_as_he_was(bed: &Bed) {
    let store = bed.open().await;
    store.keep_guest(guest("g1")).await.unwrap();
    let mut renamed = guest("g1");
    renamed.display_name = "Other".into();
    store.keep_guest(renamed).await.unwrap();
    let kept = store.user(&UserId::from("g1")).await.unwrap().unwrap();
    assert_eq!(kept.display_name, "Guest g1");
    assert_eq!(kept.kind, PersonKind::Guest);
    assert_eq!(kept.username, None);
}

pub async fn merging_a_guest_moves_what_he_did_and_forgets_him(bed: &Bed) {
    let store = bed.open().await;
    let (g1, ann) = (UserId::from("g1"), UserId::from("ann"));
    store.create_account(account("ann")).await.unwrap();
    store.keep_guest(guest("g1")).await.unwrap();
    store.create_room(NewRoom { owner_id: Some(g1.clone()), ..room("r") }).await.unwrap();
    let fence = store.take_room(&RoomId::from("r")).await.unwrap().unwrap();
    let mut said = message(1, Some("same"));
    said.user_id = g1.clone();
    store.commit_room(write("r", fence, vec![said, message(2, Some("same"))])).await.unwrap();

    store.merge_guest(&g1, &ann).await.unwrap();

    assert_eq!(store.user(&g1).await.unwrap(), None);
    assert_eq!(store.rooms_of(&ann, None, 10).await.unwrap().len(), 1);
    let authors: Vec<UserId> = store
        .chat_page(&RoomId::from("r"), None, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|message| message.user_id)
        .collect();
    assert_eq!(authors, [ann.clone(), ann.clone()]);
    store.merge_guest(&UserId::from("never kept"), &ann).await.unwrap();
}

pub async fn nobody_but_a_guest_is_merged(bed: &Bed) {
    let store = bed.open().await;
    let (ann, bob) = (UserId::from("ann"), UserId::from("bob"));
    store.create_account(account("ann")).await.unwrap();
    store.create_account(account("bob")).await.unwrap();
    let login = NewLogin {
        id: LoginId::from("l"),
        user_id: ann.clone(),
        key_id: "k".into(),
        cookie_hash: vec![1],
        user_agent: None,
        created_at_ms: NOON_MS,
        expires_at_ms: NOON_MS + 1,
    };
    store.create_login(login).await.unwrap();
    let refused = store.merge_guest(&ann, &bob).await.unwrap_err();
    assert!(matches!(refused, StoreError::Dangling), "{refused:?}");
    assert_eq!(store.login(&LoginId::from("l")).await.unwrap().unwrap().user_id, ann);
    store.keep_guest(guest("g1")).await.unwrap();
    let refused = store.merge_guest(&UserId::from("g1"), &UserId::from("x")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Dangling), "{refused:?}");
    assert!(store.user(&UserId::from("g1")).await.unwrap().is_some());
}

pub async fn what_somebody_said_is_read_in_pages_and_stays_without_a_name(bed: &Bed) {
    let store = bed.open().await;
    store.create_account(account("ann")).await.unwrap();
    store.create_room(room("r")).await.unwrap();
    store.create_room(room("s")).await.unwrap();
    let ann = UserId::from("ann");
    for id in ["r", "s"] {
        let fence = store.take_room(&RoomId::from(id)).await.unwrap().unwrap();
        let said: Vec<_> = (1..=3)
            .map(|n| parlor_store::NewChatRow { user_id: ann.clone(), ..message(n, None) })
            .collect();
        store.commit_room(write(id, fence, said)).await.unwrap();
    }
    let mut read = Vec::new();
    let mut after = None;
    loop {
        let page = store.messages_of(&ann, after.as_ref(), 2).await.unwrap();
        let Some((room, last)) = page.last() else { break };
        after = Some((room.clone(), last.n));
        read.extend(page.into_iter().map(|(room, row)| (room.to_string(), row.n)));
    }
    let all = ["r", "s"].map(|room| (1..=3).map(move |n| (room.to_owned(), n)));
    assert_eq!(read, all.into_iter().flatten().collect::<Vec<_>>());

    assert!(store.forget_user(&ann, "Somebody").await.unwrap());
    assert!(!store.forget_user(&ann, "Somebody").await.unwrap());
    assert_eq!(store.user(&ann).await.unwrap(), None);
    let page = store.chat_page(&RoomId::from("r"), None, 10).await.unwrap();
    assert_eq!(page.len(), 3);
    let who = |row: &parlor_store::ChatRow| (row.user_id.to_string(), row.display_name.clone());
    assert!(page.iter().all(|row| who(row) == ("nobody".to_owned(), "Somebody".to_owned())));
}

pub async fn accounts_are_listed_and_kept_out(bed: &Bed) {
    let store = bed.open().await;
    for name in ["cid", "ann", "bob"] {
        store.create_account(account(name)).await.unwrap();
    }
    store.keep_guest(guest("gus")).await.unwrap();
    let names =
        |page: Vec<Person>| page.into_iter().map(|it| it.username.unwrap()).collect::<Vec<_>>();
    assert_eq!(names(store.accounts(None, 2).await.unwrap()), ["ann-name", "bob-name"]);
    assert_eq!(names(store.accounts(Some("BOB-name"), 2).await.unwrap()), ["cid-name"]);
    let bob = UserId::from("bob");
    let both = Office { is_admin: Some(true), disabled_since_ms: Some(Some(NOON_MS)) };
    assert_eq!(store.change_office(&bob, both).await.unwrap(), OfficeChange::Made);
    let listed = store.accounts(Some("ann-name"), 1).await.unwrap().remove(0);
    assert!(listed.is_admin && listed.is_disabled);
    let names = async |search: Option<&str>, after: Option<&str>, limit| {
        let after = after.map(UserId::from);
        let page = store.people(search, after.as_ref(), limit).await.unwrap();
        page.iter().map(|person| person.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(None, None, 9).await, ["cid", "bob", "ann"]);
    assert_eq!(names(None, Some("cid"), 1).await, ["bob"]);
    assert_eq!(names(None, Some("nobody"), 1).await, [""; 0]);
    assert_eq!(names(Some("BOB@"), None, 9).await, ["bob"]);
    assert_eq!(names(Some("the C"), None, 9).await, ["cid"]);
    assert_eq!(names(Some("_"), None, 9).await, [""; 0], "a wildcard is a letter");
    assert_eq!(names(Some("%"), None, 9).await, [""; 0]);
}

pub async fn whom_others_vouch_for_is_kept_once_with_a_login_that_lives_on(bed: &Bed) {
    let store = bed.open().await;
    store.create_account(account("ann")).await.unwrap();
    let (one, two) = (UserId::from("ext_1"), UserId::from("ext_2"));
    store.keep_external(&one, "user_a", "Grace", NOON_MS).await.unwrap();
    store.keep_external(&one, "user_a", "Another name", NOON_MS + 1).await.unwrap();
    // What an issuer calls somebody may be what another calls somebody else, or an id of ours.
    store.keep_external(&two, "user_a", "Heidi", NOON_MS).await.unwrap();
    store.keep_external(&UserId::from("ext_3"), "ann", "Mallory", NOON_MS).await.unwrap();
    let name = async |id: &UserId| store.user(id).await.unwrap().unwrap().display_name;
    assert_eq!((name(&one).await.as_str(), name(&two).await.as_str()), ("Grace", "Heidi"));
    assert_eq!(name(&UserId::from("ann")).await, "The ann");
    assert_eq!(store.user(&one).await.unwrap().unwrap().kind, PersonKind::External);

    let id = LoginId::from("ext_login");
    let login = |made_ms: i64, expires_at_ms: i64| NewLogin {
        id: id.clone(),
        user_id: one.clone(),
        key_id: "none".into(),
        cookie_hash: b"none".to_vec(),
        user_agent: None,
        created_at_ms: NOON_MS + made_ms,
        expires_at_ms: NOON_MS + expires_at_ms,
    };
    let is_live =
        async |at_ms: i64| store.login(&id).await.unwrap().unwrap().is_live(NOON_MS + at_ms);
    let both = [login(0, 100), login(0, 100)].map(|login| store.keep_login(login));
    let [first, second] = both;
    let (first, second) = tokio::join!(first, second);
    first.and(second).unwrap();
    assert!(is_live(99).await && !is_live(100).await);
    store.keep_login(login(150, 300)).await.unwrap();
    assert!(is_live(299).await);
    assert!(store.revoke_login(&id, NOON_MS + 200).await.unwrap());
    store.keep_login(login(150, 400)).await.unwrap();
    assert!(!is_live(250).await, "that token was made before");
    store.keep_login(login(210, 400)).await.unwrap();
    assert!(is_live(250).await);
    let nobodys = NewLogin {
        id: LoginId::from("x"),
        cookie_hash: b"x".to_vec(),
        user_id: UserId::from("nobody"),
        ..login(0, 1)
    };
    assert!(matches!(store.keep_login(nobodys).await, Err(StoreError::Dangling)));
}

pub async fn somebody_always_runs_the_site(bed: &Bed) {
    let store = bed.open().await;
    for name in ["ann", "bob"] {
        store.create_account(account(name)).await.unwrap();
    }
    store.keep_guest(guest("gus")).await.unwrap();
    let (ann, bob, gus) = (UserId::from("ann"), UserId::from("bob"), UserId::from("gus"));
    let token = |name: &str, life_ms| NewToken {
        hash: name.into(),
        purpose: Purpose::Admin,
        user_id: None,
        subject: None,
        created_at_ms: NOON_MS,
        expires_at_ms: NOON_MS + life_ms,
    };
    for (name, life_ms) in [("old", 10), ("one", 100), ("two", 100)] {
        store.keep_token(token(name, life_ms)).await.unwrap();
    }
    assert!(!store.has_admin().await.unwrap());
    assert!(!store.claim_site(b"old", &ann, NOON_MS + 20).await.unwrap());
    assert!(!store.claim_site(b"one", &gus, NOON_MS + 20).await.unwrap(), "a guest goes");
    let claims = ["one", "two"].map(|name| store.claim_site(name.as_bytes(), &ann, NOON_MS + 20));
    let [one, two] = claims;
    let (one, two) = tokio::join!(one, two);
    assert_eq!([one.unwrap(), two.unwrap()].iter().filter(|is_ok| **is_ok).count(), 1);
    store.keep_token(token("late", 100)).await.unwrap();
    assert!(!store.claim_site(b"late", &bob, NOON_MS + 20).await.unwrap(), "it is Ann's");
    assert!(store.user(&ann).await.unwrap().unwrap().is_admin);

    let no_more = Office { is_admin: Some(false), ..Office::default() };
    let kept_out = Office { disabled_since_ms: Some(Some(NOON_MS)), ..Office::default() };
    let too = Office { is_admin: Some(true), disabled_since_ms: Some(None) };
    let change = async |id: &UserId, office| store.change_office(id, office).await.unwrap();
    assert_eq!(change(&ann, no_more).await, OfficeChange::LastAdmin);
    assert_eq!(change(&ann, kept_out).await, OfficeChange::LastAdmin);
    assert_eq!(change(&gus, too).await, OfficeChange::Unknown);
    assert_eq!(change(&bob, kept_out).await, OfficeChange::Made);
    assert_eq!(
        change(&bob, Office { is_admin: Some(true), ..Office::default() }).await,
        OfficeChange::Made
    );
    assert_eq!(change(&ann, no_more).await, OfficeChange::LastAdmin, "Bob cannot log in");
    assert_eq!(change(&bob, too).await, OfficeChange::Made);
    let both = [&ann, &bob].map(|id| store.change_office(id, no_more));
    let [first, second] = both;
    let (first, second) = tokio::join!(first, second);
    let mut both = [first.unwrap(), second.unwrap()];
    both.sort_by_key(|change| *change == OfficeChange::LastAdmin);
    assert_eq!(both, [OfficeChange::Made, OfficeChange::LastAdmin]);
    assert!(store.has_admin().await.unwrap());
}
