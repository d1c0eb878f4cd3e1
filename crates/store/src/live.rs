//! What a live room reads when it wakes and writes while it lives.

use std::collections::{HashMap, HashSet};

use parlor_protocol::access::Entry;
use parlor_protocol::room::RoomSettings;
use parlor_protocol::{RoomId, UserId};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, Iterable,
    QueryFilter, Select,
};

use crate::amend;
use crate::chat::{self, written_mentions};
use crate::entity::{chat_message, room, room_state};
use crate::group::Grouped;
use crate::presence::{self, PresenceRow};
use crate::rooms::{self, SnapshotRow, seats, write_snapshots};
use crate::value::{Word, code, storable, time};
use crate::{AmendOutcome, AmendRow, ChatOutcome, ChatRow, NewChatRow, RoomRow, Store, StoreError};
use chrono::{DateTime, Utc};

/// Messages given to a room that wakes.
const RECENT_CHAT: u64 = parlor_protocol::limits::CHAT_PAGE as u64;
/// Messages in one `INSERT`: 11 columns each, SQLite takes 32 766 values in a statement.
const MESSAGES_PER_STATEMENT: usize = 512;

/// Everything a room needs to wake.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadedRoom {
    /// Its settings and life.
    pub row: RoomRow,
    /// The latest snapshot, as it was written.
    pub snapshot: Option<String>,
    /// The last 50 messages, oldest first.
    pub recent_chat: Vec<ChatRow>,
    /// The number of the next message: one more than the highest.
    pub next_chat_n: i64,
    /// Who was present when that was last written, longest first.
    pub members_present: Vec<UserId>,
}

/// What a room writes at once: all of it or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomWrite {
    /// The room.
    pub room_id: RoomId,
    /// The fence that [`Store::take_room`] gave its owner.
    pub fence: i64,
    /// New messages.
    pub messages: Vec<NewChatRow>,
    /// Changes of messages, of new ones too, in the order in which they are made.
    pub amendments: Vec<AmendRow>,
    /// A new snapshot, opaque to the store.
    pub snapshot: Option<String>,
    /// New settings.
    pub settings: Option<RoomSettings>,
    /// When this happened; becomes the room's last activity.
    pub touched_at_ms: i64,
    /// When the room ends now unless something happens, if that changes with this.
    pub expires_at_ms: Option<i64>,
}

/// What became of a room's write, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Of each new message.
    pub messages: Vec<ChatOutcome>,
    /// Of each change.
    pub amendments: Vec<AmendOutcome>,
}

/// The two kinds of writes that live rooms share a transaction for.
pub(crate) enum LiveWrite {
    Room(Box<RoomWrite>),
    Presence(Vec<PresenceRow>),
}

impl Store {
    /// Reads everything a room needs to wake; `None` if there is no such room.
    pub async fn load_room(&self, id: &RoomId) -> Result<Option<LoadedRoom>, StoreError> {
        // All at once: a database may be far away, and people wait for the room.
        let state = async { Ok(state_of(id).one(self.read()).await?) };
        let chat = self.chat_page(id, None, RECENT_CHAT);
        let (row, state, recent_chat, present) =
            tokio::try_join!(self.room(id), state, chat, self.presence_of(id))?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(LoadedRoom {
            row,
            snapshot: state.map(|state| state.snapshot),
            next_chat_n: recent_chat.last().map_or(1, |message| message.n + 1),
            recent_chat,
            members_present: present.into_iter().map(|member| member.user_id).collect(),
        }))
    }

    /// Writes what a room wants kept; many rooms at once share a transaction. It is on disk when
    /// this returns, all of it, and each message and change has its outcome, in order.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if the room was taken over, [`StoreError::Gone`] if it was deleted,
    /// [`StoreError::Conflict`] if the new join code or the number of a message is taken. Nothing
    /// is written then. After [`StoreError::Unavailable`] it is not known what was: writing the
    /// same again is safe for messages with a `client_id`.
    pub async fn commit_room(&self, write: RoomWrite) -> Result<Committed, StoreError> {
        self.live().write(LiveWrite::Room(Box::new(write))).await
    }

    /// Writes who came and who left; see [`PresenceRow`]. Many at once share a transaction.
    ///
    /// Somebody coming into a room that is gone is passed over.
    pub async fn set_presence(&self, rows: Vec<PresenceRow>) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.live().write(LiveWrite::Presence(rows)).await.map(|_| ())
    }
}

fn state_of(room: &RoomId) -> Select<room_state::Entity> {
    room_state::Entity::find_by_id(storable(room.as_str()))
}

/// Runs what [`Store::load_room`] runs, for a room that is not there.
pub(crate) async fn read_nothing(
    room: &RoomId,
    connection: &impl ConnectionTrait,
) -> Result<(), StoreError> {
    rooms::by_id(room).one(connection).await?;
    state_of(room).one(connection).await?;
    chat::page(room, None, RECENT_CHAT).all(connection).await?;
    presence::members_of(room).all(connection).await?;
    Ok(())
}

impl Grouped for LiveWrite {
    type Answer = Committed;

    async fn write(
        operations: &[&Self],
        transaction: &DatabaseTransaction,
    ) -> Result<Vec<Result<Committed, StoreError>>, StoreError> {
        let rooms: Vec<&RoomWrite> = operations
            .iter()
            .filter_map(|operation| match operation {
                Self::Room(write) => Some(&**write),
                Self::Presence(_) => None,
            })
            .collect();
        let mut answers = write_rooms(&rooms, transaction).await?.into_iter();
        let presence: Vec<&PresenceRow> = operations
            .iter()
            .filter_map(|operation| match operation {
                Self::Room(_) => None,
                Self::Presence(rows) => Some(rows),
            })
            .flatten()
            .collect();
        presence::write(&presence, transaction).await?;
        Ok(operations
            .iter()
            .map(|operation| match operation {
                Self::Room(_) => answers.next().expect("every room write was answered"),
                Self::Presence(_) => Ok(Committed::default()),
            })
            .collect())
    }
}

async fn write_rooms(
    writes: &[&RoomWrite],
    transaction: &DatabaseTransaction,
) -> Result<Vec<Result<Committed, StoreError>>, StoreError> {
    if writes.is_empty() {
        return Ok(Vec::new());
    }
    let checked = check(writes, transaction).await?;
    let allowed: Vec<&RoomWrite> =
        checked.iter().filter_map(|check| check.as_ref().ok().copied()).collect();
    for write in &allowed {
        if let Some(settings) = &write.settings {
            write_settings(write, settings, transaction).await?;
        }
        if let Some(expires_at_ms) = write.expires_at_ms {
            room::Entity::update_many()
                .col_expr(room::Column::ExpiresAt, Expr::value(time(expires_at_ms)))
                .filter(room::Column::Id.eq(storable(write.room_id.as_str())))
                .exec(transaction)
                .await?;
        }
    }
    write_latest_snapshots(&allowed, transaction).await?;
    let messages = write_messages(&allowed, transaction).await?;
    let amendments = amend::write(&allowed, transaction).await?;
    let mut outcomes = messages
        .into_iter()
        .zip(amendments)
        .map(|(messages, amendments)| Committed { messages, amendments });
    Ok(checked
        .into_iter()
        .map(|check| check.map(|_| outcomes.next().expect("every allowed write has its outcomes")))
        .collect())
}

/// Finds out which of the writes come from the owners of their rooms, and notes the activity of the
/// rooms of those.
async fn check<'a>(
    writes: &[&'a RoomWrite],
    transaction: &DatabaseTransaction,
) -> Result<Vec<Result<&'a RoomWrite, StoreError>>, StoreError> {
    let is_sqlite = transaction.get_database_backend() == DbBackend::Sqlite;
    if is_sqlite && all_stand(writes, transaction).await? {
        return Ok(writes.iter().map(|write| Ok(*write)).collect());
    }
    let standing = lock_rooms(writes, transaction).await?;
    let mut stale = Vec::new();
    let checked = writes.iter().map(|write| {
        let id = storable(write.room_id.as_str());
        let room = standing.get(&id).ok_or(StoreError::Gone)?;
        if room.fence != write.fence {
            return Err(StoreError::Fenced);
        }
        if room.last_active_at <= time(write.touched_at_ms - ACTIVITY_MS) {
            stale.push((id, write.touched_at_ms));
        }
        Ok(*write)
    });
    let checked = checked.collect();
    touch(stale, transaction).await?;
    Ok(checked)
}

/// Says whether all the writes come from the owners of their rooms and none of the rooms was
/// inactive for long, by a single number: SQLite finds a row faster than it is handed over.
async fn all_stand(
    writes: &[&RoomWrite],
    transaction: &DatabaseTransaction,
) -> Result<bool, StoreError> {
    let fences: HashMap<&str, i64> =
        writes.iter().map(|write| (write.room_id.as_str(), write.fence)).collect();
    if writes.iter().any(|write| fences[write.room_id.as_str()] != write.fence) {
        return Ok(false);
    }
    let latest_ms = writes.iter().map(|write| write.touched_at_ms).max().unwrap_or_default();
    let mut select = Query::select();
    // Joined, because SQLite looks through the whole table for pairs that are IN a list.
    let expected = fences.iter().map(|(id, fence)| (storable(id), *fence));
    let [expected_id, expected_fence] =
        ["column1", "column2"].map(|column| Expr::col(("expected", column)));
    select
        .expr_as(Expr::col((room::Entity, room::Column::Id)).count(), "standing")
        .from_values(expected, "expected")
        .inner_join(
            room::Entity,
            Expr::col((room::Entity, room::Column::Id))
                .eq(expected_id)
                .and(Expr::col((room::Entity, room::Column::Fence)).eq(expected_fence)),
        )
        .and_where(Expr::col(room::Column::LastActiveAt).gt(time(latest_ms - ACTIVITY_MS)));
    let row = transaction.query_one(&select).await?;
    let standing: i64 = row.map_or(Ok(0), |row| row.try_get("", "standing"))?;
    Ok(standing == fences.len() as i64)
}

/// What a write needs to know of its room.
struct Standing {
    fence: i64,
    last_active_at: DateTime<Utc>,
}

/// Reads the fences of the rooms and keeps others from raising them until the commit. SQLite
/// needs no row locks: the transaction holds the only write lock.
async fn lock_rooms(
    writes: &[&RoomWrite],
    transaction: &DatabaseTransaction,
) -> Result<HashMap<String, Standing>, StoreError> {
    let mut ids: Vec<String> =
        writes.iter().map(|write| storable(write.room_id.as_str())).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut select = Query::select();
    select
        .columns([room::Column::Id, room::Column::Fence, room::Column::LastActiveAt])
        .from(room::Entity)
        .and_where(Expr::col(room::Column::Id).is_in(ids))
        // Always in the same order, so that two nodes cannot wait for each other.
        .order_by(room::Column::Id, sea_orm::sea_query::Order::Asc);
    if transaction.get_database_backend() == DbBackend::Postgres {
        // Weaker than FOR UPDATE: rows that refer to the room may be inserted meanwhile.
        select.lock(sea_orm::sea_query::LockType::NoKeyUpdate);
    }
    let rows = transaction.query_all(&select).await?;
    rows.into_iter()
        .map(|row| {
            let standing = Standing {
                fence: row.try_get("", "fence")?,
                last_active_at: row.try_get("", "last_active_at")?,
            };
            Ok((row.try_get("", "id")?, standing))
        })
        .collect()
}

/// The rooms' last activity is kept to this.
const ACTIVITY_MS: i64 = 10_000;

/// Moves the last activity of rooms in which it is no longer true enough: each move dirties
/// pages that a message does not. Rooms that write together get the latest time among them, a few
/// milliseconds late for some.
async fn touch(
    stale: Vec<(String, i64)>,
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    let Some(latest) = stale.iter().map(|(_, touched_at_ms)| *touched_at_ms).max() else {
        return Ok(());
    };
    room::Entity::update_many()
        .col_expr(room::Column::LastActiveAt, Expr::value(time(latest)))
        .filter(room::Column::Id.is_in(stale.into_iter().map(|(id, _)| id)))
        .exec(transaction)
        .await?;
    Ok(())
}

async fn write_settings(
    write: &RoomWrite,
    settings: &RoomSettings,
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    room::Entity::update_many()
        .col_expr(room::Column::Name, Expr::value(storable(&settings.name)))
        .col_expr(room::Column::IsPublic, Expr::value(settings.is_public))
        .col_expr(room::Column::MaxParticipants, Expr::value(settings.max_participants.map(seats)))
        .col_expr(room::Column::Control, Expr::value(settings.control.word()))
        .col_expr(room::Column::Wait, Expr::value(settings.wait.word()))
        .col_expr(room::Column::Entry, Expr::value(settings.entry.word()))
        .col_expr(room::Column::HasPassword, Expr::value(settings.has_password))
        .col_expr(
            room::Column::RequireAccessBeforeJoining,
            Expr::value(settings.entry == Entry::Knock),
        )
        .col_expr(room::Column::JoinCode, Expr::value(code(&settings.join_code)))
        .col_expr(room::Column::UpdatedAt, Expr::value(time(write.touched_at_ms)))
        .filter(room::Column::Id.eq(storable(write.room_id.as_str())))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Writes the last snapshot of each room; a statement cannot touch a row twice.
async fn write_latest_snapshots(
    writes: &[&RoomWrite],
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    let mut latest: HashMap<&RoomId, SnapshotRow<'_>> = HashMap::new();
    for write in writes {
        if let Some(snapshot) = &write.snapshot {
            latest.insert(&write.room_id, (&write.room_id, snapshot, write.touched_at_ms));
        }
    }
    write_snapshots(&latest.into_values().collect::<Vec<_>>(), transaction).await
}

/// Inserts the messages and finds out which of them were there already. The lock on the room's
/// row makes sure that nobody else writes to it meanwhile.
async fn write_messages(
    writes: &[&RoomWrite],
    transaction: &DatabaseTransaction,
) -> Result<Vec<Vec<ChatOutcome>>, StoreError> {
    let messages: Vec<chat_message::Model> = writes
        .iter()
        .flat_map(|write| write.messages.iter().map(|message| message_row(write, message)))
        .collect();
    let inserted = insert_messages(&messages, transaction).await?;
    let mut outcomes = Vec::with_capacity(messages.len());
    if inserted == messages.len() as u64 {
        outcomes.extend(messages.iter().map(|message| ChatOutcome::Stored { n: message.n }));
    } else {
        let inserted = find_inserted(&messages, transaction).await?;
        for message in &messages {
            let n = message.n;
            outcomes.push(if inserted.contains(&(message.room_id.clone(), n)) {
                ChatOutcome::Stored { n }
            } else {
                ChatOutcome::Duplicate { n: number_of_twin(message, transaction).await? }
            });
        }
    }
    let mut outcomes = outcomes.into_iter();
    Ok(writes.iter().map(|write| outcomes.by_ref().take(write.messages.len()).collect()).collect())
}

fn message_row(write: &RoomWrite, message: &NewChatRow) -> chat_message::Model {
    chat_message::Model {
        room_id: storable(write.room_id.as_str()),
        n: message.n,
        user_id: storable(message.user_id.as_str()),
        display_name: storable(&message.display_name),
        text: storable(&message.text),
        sent_at: time(message.sent_at_ms),
        client_id: message.client_id.as_deref().map(storable),
        reply_to: message.reply_to.as_deref().map(storable),
        mentions: written_mentions(&message.mentions),
        edited_at: message.edited_at_ms.map(time),
        deleted_at: message.deleted_at_ms.map(time),
    }
}

/// Inserts the messages whose author did not send one with the same client id before, and says how
/// many that were.
async fn insert_messages(
    messages: &[chat_message::Model],
    transaction: &DatabaseTransaction,
) -> Result<u64, StoreError> {
    use chat_message::Column;
    let mut inserted = 0;
    for chunk in messages.chunks(MESSAGES_PER_STATEMENT) {
        let mut insert = Query::insert();
        insert.into_table(chat_message::Entity).columns(Column::iter());
        for message in chunk.iter().cloned() {
            insert.values_panic([
                message.room_id.into(),
                message.n.into(),
                message.user_id.into(),
                message.display_name.into(),
                message.text.into(),
                message.sent_at.into(),
                message.client_id.into(),
                message.reply_to.into(),
                message.mentions.into(),
                message.edited_at.into(),
                message.deleted_at.into(),
            ]);
        }
        insert.on_conflict(
            OnConflict::columns([Column::RoomId, Column::UserId, Column::ClientId])
                .target_and_where(Expr::col(Column::ClientId).is_not_null())
                .do_nothing()
                .to_owned(),
        );
        inserted += transaction.execute(&insert).await?.rows_affected();
    }
    Ok(inserted)
}

/// Finds out which of some messages are in the table.
async fn find_inserted(
    messages: &[chat_message::Model],
    transaction: &DatabaseTransaction,
) -> Result<HashSet<(String, i64)>, StoreError> {
    use chat_message::Column;
    let mut found = HashSet::with_capacity(messages.len());
    for chunk in messages.chunks(MESSAGES_PER_STATEMENT) {
        let ids = chunk.iter().map(|it| (it.room_id.as_str(), it.n));
        let mut select = Query::select();
        select.columns([Column::RoomId, Column::N]).from(chat_message::Entity).and_where(
            Expr::tuple([Expr::col(Column::RoomId), Expr::col(Column::N)]).in_tuples(ids),
        );
        for row in transaction.query_all(&select).await? {
            found.insert((row.try_get("", "room_id")?, row.try_get("", "n")?));
        }
    }
    Ok(found)
}

/// Finds the number under which the same author's message with the same client id is kept.
async fn number_of_twin(
    message: &chat_message::Model,
    transaction: &DatabaseTransaction,
) -> Result<i64, StoreError> {
    let twin = chat_message::Entity::find()
        .filter(chat_message::Column::RoomId.eq(&message.room_id))
        .filter(chat_message::Column::UserId.eq(&message.user_id))
        .filter(chat_message::Column::ClientId.eq(message.client_id.as_deref()))
        .one(transaction)
        .await?;
    twin.map(|twin| twin.n).ok_or_else(|| {
        StoreError::Corrupt("a chat message was neither inserted nor there already".into())
    })
}
