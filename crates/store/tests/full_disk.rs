//! A full disk refuses writes, loses nothing that was acknowledged, and is forgotten once there is
//! room again.
//!
//! The disk is filled by forbidding the process to let files grow (`RLIMIT_FSIZE`). The kernel
//! would kill a process that tries, so the test starts itself again with that signal ignored.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use parlor_protocol::room::{Control, Wait};
use parlor_protocol::{RoomId, UserId};
use parlor_store::{
    ChatOutcome, ChatRow, LifeKind, NewRoom, RoomWrite, Store, StoreConfig, StoreError,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const NAME: &str = "a_full_disk_refuses_writes_and_loses_nothing";
const INSIDE: &str = "PARLOR_FULL_DISK";

#[tokio::test]
async fn a_full_disk_refuses_writes_and_loses_nothing() {
    if std::env::var_os(INSIDE).is_some() {
        return fill_and_empty().await;
    }
    let status = Command::new("sh")
        .args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success());
}

async fn fill_and_empty() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/parlor.db", folder.path().display());
    let store = Store::connect(&StoreConfig { url, max_connections: 2 }).await.unwrap();
    store.migrate().await.unwrap();
    let id = RoomId::from("r");
    store.create_room(room("r")).await.unwrap();
    let fence = store.take_room(&id).await.unwrap().unwrap();

    limit_files(Some(largest_file_bytes(folder.path()) + 300_000));
    let mut written = 0;
    let refused = loop {
        match store.commit_room(write(fence, written + 1)).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 1_000, "files grow although they may not");
    };
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    assert!(written > 0, "some writes fitted");
    let again = store.commit_room(write(fence, written + 1)).await.unwrap_err();
    assert!(matches!(again, StoreError::Unavailable(_)), "{again:?}");
    assert_eq!(store.load_room(&id).await.unwrap().unwrap().next_chat_n, written + 1);

    limit_files(None);
    let stored = store.commit_room(write(fence, written + 1)).await.unwrap();
    assert_eq!(stored.messages, [ChatOutcome::Stored { n: written + 1 }]);
    store.create_room(room("s")).await.unwrap();
    let loaded = store.load_room(&id).await.unwrap().unwrap();
    assert_eq!(loaded.next_chat_n, written + 2);
    assert_eq!(loaded.snapshot.unwrap().len(), 20_000);
    assert_eq!(store.chat_page(&id, None, 2_000).await.unwrap().len() as i64, written + 1);
}

fn largest_file_bytes(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).max().unwrap()
}

/// Forbids this process to let any file grow beyond so many bytes.
fn limit_files(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
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

fn write(fence: i64, n: i64) -> RoomWrite {
    let message = ChatRow {
        n,
        user_id: UserId::from("ann"),
        display_name: "Ann".into(),
        text: "Hello ".repeat(600),
        sent_at_ms: n,
        client_id: Some(n.to_string()),
        reply_to: None,
        mentions: Vec::new(),
        edited_at_ms: None,
        deleted_at_ms: None,
    };
    RoomWrite {
        room_id: RoomId::from("r"),
        fence,
        messages: vec![message],
        amendments: Vec::new(),
        snapshot: Some("s".repeat(20_000)),
        settings: None,
        touched_at_ms: n,
        expires_at_ms: None,
    }
}
