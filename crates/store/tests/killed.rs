//! What was acknowledged is there after `kill -9`.
//!
//! The test starts itself again as a process that makes rooms and talks in them from many tasks,
//! and says on its standard output what was acknowledged. It is killed in the middle of that,
//! several times over the same file, and everything it said must be found.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use parlor_protocol::room::{Control, Wait};
use parlor_protocol::{ClerkId, RoomId, UserId};
use parlor_store::{
    AmendRow, ChatChange, ChatRow, LifeKind, NewAccount, NewDirect, NewRoom, RoomWrite,
    SendOutcome, Store, StoreConfig,
};

const NAME: &str = "acknowledged_writes_survive_kill_9";
const URL: &str = "PARLOR_KILLED_WRITER_URL";
const ROUND: &str = "PARLOR_KILLED_WRITER_ROUND";
const ROUNDS: u32 = 5;
const TASKS: u32 = 8;

#[tokio::test]
async fn acknowledged_writes_survive_kill_9() {
    if let (Ok(url), Ok(round)) = (std::env::var(URL), std::env::var(ROUND)) {
        return write_until_killed(&url, &round).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/parlor.db", folder.path().display());
    let mut acknowledged: BTreeMap<String, i64> = BTreeMap::new();
    for round in 0..ROUNDS {
        let said = run_and_kill(NAME, &url, round, 100 + 73 * round as usize);
        assert!(said.len() >= 100, "the writer got no further than {}", said.len());
        for (room, n) in said {
            let last = acknowledged.entry(room).or_default();
            *last = n.max(*last);
        }
        let store = open(&url).await;
        for (room, n) in &acknowledged {
            let loaded = store.load_room(&RoomId::from(room.as_str())).await.unwrap().unwrap();
            assert!(loaded.next_chat_n > *n, "{room} lost messages after {}", loaded.next_chat_n);
            let page = store.chat_page(&loaded.row.id, Some(*n + 1), 1_000).await.unwrap();
            assert_eq!(page.len() as i64, *n, "{room} has gaps");
            for row in &page {
                let is_deleted = row.text.is_empty() && row.deleted_at_ms.is_some();
                assert!(is_deleted || row.n == *n, "{room} still says what was deleted");
            }
            if *n > 0 {
                let snapshot: i64 = loaded.snapshot.unwrap().parse().unwrap();
                assert_eq!(snapshot + 1, loaded.next_chat_n, "{room} was written by halves");
            }
        }
    }
}

/// Runs the writer of a test, kills it after it acknowledged `enough`, and returns all it
/// acknowledged: rooms with the number of a message, 0 for the room itself; or texts with the number
/// of a direct message.
fn run_and_kill(name: &str, url: &str, round: u32, enough: usize) -> Vec<(String, i64)> {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(URL, url)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(writer.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // The test harness of the writer says things too.
        let Some(ack) = line.strip_prefix("ack ") else { continue };
        let Some((room, n)) = ack.split_once(' ') else { continue };
        let Ok(n) = n.parse() else { continue };
        said.push((room.to_owned(), n));
        if said.len() == enough {
            writer.kill().unwrap();
        }
    }
    let status = writer.wait().unwrap();
    assert!(!status.success(), "the writer was killed, not finished");
    said
}

const DIRECT_NAME: &str = "acknowledged_direct_messages_survive_kill_9";

#[tokio::test]
async fn acknowledged_direct_messages_survive_kill_9() {
    if let (Ok(url), Ok(round)) = (std::env::var(URL), std::env::var(ROUND)) {
        return send_until_killed(&url, &round).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/parlor.db", folder.path().display());
    let mut acknowledged: Vec<(String, i64)> = Vec::new();
    for round in 0..ROUNDS {
        let said = run_and_kill(DIRECT_NAME, &url, round, 100 + 73 * round as usize);
        assert!(said.len() >= 100, "the writer got no further than {}", said.len());
        acknowledged.extend(said);
        let store = open(&url).await;
        let reader = ClerkId::from("bob");
        let kept = store.direct_messages_of(&reader, None, 1_000_000).await.unwrap();
        let kept: BTreeMap<i64, &str> =
            kept.iter().map(|message| (message.id, message.content.as_str())).collect();
        for (text, id) in &acknowledged {
            assert_eq!(kept.get(id).copied(), Some(text.as_str()), "a message was lost");
        }
        // A message and the count of unread ones are written together or not at all.
        let unread = store.unread_count_of(&reader).await.unwrap();
        assert_eq!(usize::try_from(unread).unwrap(), kept.len());
    }
}

async fn send_until_killed(url: &str, round: &str) {
    let store = open(url).await;
    let people = (0..TASKS).map(|task| format!("ann{task}")).chain(["bob".to_owned()]);
    for id in people {
        let known = store.direct_person(&UserId::from(id.as_str())).await.unwrap().is_some();
        if !known {
            store.create_account(account(&id)).await.unwrap();
        }
    }
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (store, round) = (store.clone(), round.to_owned());
            tokio::spawn(async move {
                for number in 0.. {
                    let text = format!("{round}-{task}-{number}");
                    let new = NewDirect {
                        from: ClerkId::from(format!("ann{task}")),
                        to: ClerkId::from("bob"),
                        text: text.clone(),
                        client_message_id: Some(text.clone()),
                        at_ms: number,
                    };
                    let SendOutcome::Sent(sent) = store.send_direct(new).await.unwrap() else {
                        panic!("a message was refused");
                    };
                    acknowledge(&text, sent.message.id);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn account(id: &str) -> NewAccount {
    NewAccount {
        id: UserId::from(id),
        username: format!("{id}-name"),
        email: format!("{id}@example.org"),
        owns_email: true,
        password_hash: String::new(),
        display_name: id.to_owned(),
        created_at_ms: 0,
    }
}

async fn open(url: &str) -> Store {
    let config = StoreConfig { url: url.into(), max_connections: 4 };
    let store = Store::connect(&config).await.unwrap();
    store.migrate().await.unwrap();
    store
}

async fn write_until_killed(url: &str, round: &str) {
    let store = open(url).await;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (store, name) = (store.clone(), format!("{round}-{task}"));
            tokio::spawn(async move { make_rooms_and_talk(&store, &name).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn make_rooms_and_talk(store: &Store, name: &str) {
    for number in 0.. {
        let id = format!("{name}-{number}");
        store.create_room(room(&id)).await.unwrap();
        acknowledge(&id, 0);
        let fence = store.take_room(&RoomId::from(id.as_str())).await.unwrap().unwrap();
        for n in 1..=5 {
            store.commit_room(write(&id, fence, n)).await.unwrap();
            acknowledge(&id, n);
        }
    }
}

fn acknowledge(room: &str, n: i64) {
    let line = format!("ack {room} {n}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

fn room(id: &str) -> NewRoom {
    NewRoom {
        id: RoomId::from(id),
        name: "Room".into(),
        join_code: id.into(),
        owner_id: None,
        is_public: false,
        max_participants: None,
        control: Control::Everyone,
        wait: Wait::All,
        entry: parlor_protocol::access::Entry::Open,
        life: LifeKind::Permanent,
        idle_ttl_seconds: None,
        expires_at_ms: None,
        created_at_ms: 0,
        snapshot: None,
    }
}

fn write(room: &str, fence: i64, n: i64) -> RoomWrite {
    let message = ChatRow {
        n,
        user_id: UserId::from("ann"),
        display_name: "Ann".into(),
        text: "Hello".into(),
        sent_at_ms: n,
        client_id: Some(n.to_string()),
        reply_to: None,
        mentions: Vec::new(),
        edited_at_ms: None,
        deleted_at_ms: None,
    };
    RoomWrite {
        room_id: RoomId::from(room),
        fence,
        messages: vec![message],
        // Each message comes with the deletion of the one before.
        amendments: vec![AmendRow { n: n - 1, author: None, change: ChatChange::Delete, at_ms: n }],
        snapshot: Some(n.to_string()),
        settings: None,
        touched_at_ms: n,
        expires_at_ms: None,
    }
}
