//! A room's row: its settings, whose it is and how long it lives.

use parlor_protocol::access::Entry;
use parlor_protocol::room::{Control, Wait};
use parlor_protocol::{RoomId, UserId};

use crate::StoreError;
use crate::entity::room;
use crate::value::{Word, words};

/// What ends a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifeKind {
    /// Nothing but its deletion.
    Permanent,
    /// `idle_ttl_seconds` without anybody.
    Idle,
    /// `idle_ttl_seconds` without a message.
    Messages,
}

words!(LifeKind { Permanent = "permanent", Idle = "idle", Messages = "messages" });

/// A room to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRoom {
    /// Its id, made by the caller.
    pub id: RoomId,
    /// Its name.
    pub name: String,
    /// Its join code; kept in capitals, unique whatever the case.
    pub join_code: String,
    /// Whose room it is. The person need not be kept yet.
    pub owner_id: Option<UserId>,
    /// Whether it is listed for everybody.
    pub is_public: bool,
    /// Seats; `None` for no limit.
    pub max_participants: Option<u32>,
    /// Who may control playback.
    pub control: Control,
    /// For whom the room waits.
    pub wait: Wait,
    /// Who may come in.
    pub entry: Entry,
    /// What ends it.
    pub life: LifeKind,
    /// For how long it stays idle, in seconds; `None` if that does not end it.
    pub idle_ttl_seconds: Option<i64>,
    /// When it ends unless something happens; `None` while nothing is due.
    pub expires_at_ms: Option<i64>,
    /// When it is made.
    pub created_at_ms: i64,
    /// A first snapshot, written with the room.
    pub snapshot: Option<String>,
}

/// A room as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomRow {
    /// Its id.
    pub id: RoomId,
    /// Its name.
    pub name: String,
    /// Its join code, in capitals.
    pub join_code: String,
    /// Whose room it is.
    pub owner_id: Option<UserId>,
    /// Whether it is listed for everybody.
    pub is_public: bool,
    /// Seats; `None` for no limit.
    pub max_participants: Option<u32>,
    /// Who may control playback.
    pub control: Control,
    /// For whom the room waits.
    pub wait: Wait,
    /// Who may come in.
    pub entry: Entry,
    /// Whether newcomers need a password.
    pub has_password: bool,
    /// What ends it.
    pub life: LifeKind,
    /// For how long it stays idle, in seconds.
    pub idle_ttl_seconds: Option<i64>,
    /// When it ends unless something happens.
    pub expires_at_ms: Option<i64>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When its settings were changed last.
    pub updated_at_ms: i64,
    /// When something happened in it last, as far as that was written.
    pub last_active_at_ms: i64,
    /// How often the room was taken over; a write with a lower number is refused.
    pub fence: i64,
}

impl TryFrom<room::Model> for RoomRow {
    type Error = StoreError;

    fn try_from(row: room::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: RoomId::from(row.id),
            name: row.name,
            join_code: row.join_code,
            owner_id: row.owner_id.map(UserId::from),
            is_public: row.is_public,
            max_participants: row.max_participants.map(|seats| seats.max(0).unsigned_abs()),
            control: Control::from_word(&row.control)?,
            wait: Wait::from_word(&row.wait)?,
            entry: Entry::from_word(&row.entry)?,
            has_password: row.has_password,
            life: LifeKind::from_word(&row.life_kind)?,
            idle_ttl_seconds: row.idle_ttl_seconds,
            expires_at_ms: row.expires_at.map(|at| at.timestamp_millis()),
            created_at_ms: row.created_at.timestamp_millis(),
            updated_at_ms: row.updated_at.timestamp_millis(),
            last_active_at_ms: row.last_active_at.timestamp_millis(),
            fence: row.fence,
        })
    }
}

/// Where a page of rooms, newest first, goes on: after this room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomCursor {
    /// When the last room of the page before was made.
    pub created_at_ms: i64,
    /// Its id.
    pub id: RoomId,
}

impl From<&RoomRow> for RoomCursor {
    fn from(row: &RoomRow) -> Self {
        Self { created_at_ms: row.created_at_ms, id: row.id.clone() }
    }
}
