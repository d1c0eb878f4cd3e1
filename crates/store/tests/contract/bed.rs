//! An empty database for a test, and things to put into it.

use parlor_protocol::room::{Control, Wait};
use parlor_protocol::{RoomId, UserId};
use parlor_store::{ChatRow, Guest, LifeKind, NewAccount, NewRoom, RoomWrite, Store, StoreConfig};
use parlor_testkit::postgres::{Durability, Postgres};
use sea_orm::{Database, DatabaseConnection};
use tempfile::TempDir;

/// Noon of some day, in milliseconds since the Unix epoch.
pub const NOON_MS: i64 = 1_790_000_000_123;

/// An empty database that goes away with the test.
pub enum Bed {
    Sqlite(TempDir),
    Postgres(Postgres),
}

impl Bed {
    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub fn postgres() -> Self {
        Self::Postgres(
            Postgres::start(Durability::Process).unwrap_or_else(|error| panic!("{error}")),
        )
    }

    pub fn config(&self) -> StoreConfig {
        let url = match self {
            Self::Sqlite(folder) => format!("sqlite://{}/parlor.db", folder.path().display()),
            Self::Postgres(postgres) => postgres.url(),
        };
        StoreConfig { url, max_connections: 4 }
    }

    /// Opens the database as a server does.
    pub async fn open(&self) -> Store {
        let store = Store::connect(&self.config()).await.unwrap();
        store.migrate().await.unwrap();
        store
    }

    /// Opens the database as somebody who looks into it.
    pub async fn look(&self) -> DatabaseConnection {
        Database::connect(self.config().url).await.unwrap()
    }
}

pub fn account(id: &str) -> NewAccount {
    NewAccount {
        id: UserId::from(id),
        username: format!("{id}-name"),
        email: format!("{id}@example.org"),
        owns_email: true,
        password_hash: "$argon2id$x".into(),
        display_name: format!("The {id}"),
        created_at_ms: NOON_MS,
    }
}

pub fn guest(id: &str) -> Guest {
    Guest { id: UserId::from(id), display_name: format!("Guest {id}"), created_at_ms: NOON_MS }
}

pub fn room(id: &str) -> NewRoom {
    NewRoom {
        id: RoomId::from(id),
        name: format!("Room {id}"),
        join_code: format!("C{id}"),
        owner_id: Some(UserId::from("owner")),
        is_public: true,
        max_participants: Some(7),
        control: Control::Moderators,
        wait: Wait::Quorum,
        entry: parlor_protocol::access::Entry::Knock,
        life: LifeKind::Idle,
        idle_ttl_seconds: Some(60),
        expires_at_ms: Some(NOON_MS + 60_000),
        created_at_ms: NOON_MS,
        snapshot: None,
    }
}

pub fn message(n: i64, client_id: Option<&str>) -> ChatRow {
    ChatRow {
        n,
        user_id: UserId::from("ann"),
        display_name: "Ann".into(),
        text: format!("message {n}"),
        sent_at_ms: NOON_MS + n,
        client_id: client_id.map(str::to_owned),
        reply_to: None,
        mentions: Vec::new(),
        edited_at_ms: None,
        deleted_at_ms: None,
    }
}

pub fn write(room: &str, fence: i64, messages: Vec<ChatRow>) -> RoomWrite {
    RoomWrite {
        room_id: RoomId::from(room),
        fence,
        messages,
        amendments: Vec::new(),
        snapshot: None,
        settings: None,
        touched_at_ms: NOON_MS + 10_000,
        expires_at_ms: None,
    }
}
