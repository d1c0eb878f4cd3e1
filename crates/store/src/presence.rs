//! Who is in which room, as the table `room_user` tells those who look into the database.

use std::collections::HashMap;

use parlor_protocol::{RoomId, UserId};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, Select,
};

use crate::entity::{room, room_user};
use crate::people::{self, Guest, PersonKind};
use crate::value::{storable, time};
use crate::{Store, StoreError};

/// Rows in one statement: 8 columns each, SQLite takes 32 766 values in a statement.
const ROWS_PER_STATEMENT: usize = 512;

/// Somebody came into a room or left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceRow {
    /// The room.
    pub room_id: RoomId,
    /// The person.
    pub user_id: UserId,
    /// The person's name, for a row in `users` if there is none yet.
    pub display_name: String,
    /// Whether the person is a guest, for the same purpose.
    pub is_guest: bool,
    /// Whether the person is there now.
    pub present: bool,
    /// When the person came or left.
    pub at_ms: i64,
}

/// Somebody who is in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentMember {
    /// The person.
    pub user_id: UserId,
    /// Whether the microphone is on.
    pub is_mic_active: bool,
    /// Whether the camera is on.
    pub is_cam_active: bool,
    /// Whether the screen is shared.
    pub is_share_screen: bool,
    /// Since when.
    pub since_ms: i64,
}

impl Store {
    /// Returns who is in a room, longest first.
    pub async fn presence_of(&self, room: &RoomId) -> Result<Vec<PresentMember>, StoreError> {
        let rows = members_of(room).all(self.read()).await?;
        Ok(rows
            .into_iter()
            .map(|row| PresentMember {
                user_id: UserId::from(row.user_id),
                is_mic_active: row.is_mic_active,
                is_cam_active: row.is_cam_active,
                is_share_screen: row.is_share_screen,
                since_ms: row.created_at.timestamp_millis(),
            })
            .collect())
    }

    /// Forgets who was present anywhere: what a single node does at its start. Returns how many
    /// there were.
    pub async fn clear_presence(&self) -> Result<u64, StoreError> {
        Ok(room_user::Entity::delete_many().exec(self.write()).await?.rows_affected)
    }
}

/// Who is in a room, longest first.
pub(crate) fn members_of(room: &RoomId) -> Select<room_user::Entity> {
    room_user::Entity::find()
        .filter(room_user::Column::RoomId.eq(storable(room.as_str())))
        .order_by_asc(room_user::Column::CreatedAt)
        .order_by_asc(room_user::Column::Id)
}

/// Writes what became of each pair of room and person in the end.
pub(crate) async fn write(
    rows: &[&PresenceRow],
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    let mut last: HashMap<(&RoomId, &UserId), &PresenceRow> = HashMap::new();
    for row in rows {
        last.insert((&row.room_id, &row.user_id), row);
    }
    let (mut came, mut left): (Vec<&PresenceRow>, Vec<&PresenceRow>) =
        last.into_values().partition(|row| row.present);
    // Always in the same order, so that two nodes cannot wait for each other.
    let key = |row: &&PresenceRow| (row.room_id.clone(), row.user_id.clone());
    came.sort_unstable_by_key(key);
    left.sort_unstable_by_key(key);
    insert_present(&came, transaction).await?;
    delete_absent(&left, transaction).await
}

async fn insert_present(
    came: &[&PresenceRow],
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    if came.is_empty() {
        return Ok(());
    }
    let existing = existing_rooms(came, transaction).await?;
    let came: Vec<&&PresenceRow> =
        came.iter().filter(|row| existing.contains(&storable(row.room_id.as_str()))).collect();
    let people = came.iter().map(|row| {
        let kind = if row.is_guest { PersonKind::Guest } else { PersonKind::External };
        let guest = Guest {
            id: row.user_id.clone(),
            display_name: row.display_name.clone(),
            created_at_ms: row.at_ms,
        };
        (guest, kind)
    });
    people::keep(people.collect(), transaction).await?;
    for chunk in came.chunks(ROWS_PER_STATEMENT) {
        let rows = chunk.iter().map(|row| room_user::ActiveModel {
            id: Set(uuid::Uuid::now_v7().to_string()),
            room_id: Set(storable(row.room_id.as_str())),
            user_id: Set(storable(row.user_id.as_str())),
            is_mic_active: Set(false),
            is_cam_active: Set(false),
            is_share_screen: Set(false),
            created_at: Set(time(row.at_ms)),
            updated_at: Set(time(row.at_ms)),
        });
        room_user::Entity::insert_many(rows)
            .on_conflict(
                OnConflict::columns([room_user::Column::RoomId, room_user::Column::UserId])
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

/// Finds which of the rooms are there, and keeps PostgreSQL from deleting them until the commit.
async fn existing_rooms(
    rows: &[&PresenceRow],
    transaction: &DatabaseTransaction,
) -> Result<std::collections::HashSet<String>, StoreError> {
    let mut ids: Vec<String> = rows.iter().map(|row| storable(row.room_id.as_str())).collect();
    ids.dedup();
    let mut select = Query::select();
    select
        .column(room::Column::Id)
        .from(room::Entity)
        .and_where(Expr::col(room::Column::Id).is_in(ids))
        .order_by(room::Column::Id, sea_orm::sea_query::Order::Asc);
    if transaction.get_database_backend() == sea_orm::DbBackend::Postgres {
        select.lock(sea_orm::sea_query::LockType::KeyShare);
    }
    let rows = transaction.query_all(&select).await?;
    rows.into_iter().map(|row| Ok(row.try_get("", "id")?)).collect()
}

async fn delete_absent(
    left: &[&PresenceRow],
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    for chunk in left.chunk_by(|a, b| a.room_id == b.room_id) {
        for people in chunk.chunks(ROWS_PER_STATEMENT) {
            room_user::Entity::delete_many()
                .filter(room_user::Column::RoomId.eq(storable(people[0].room_id.as_str())))
                .filter(
                    room_user::Column::UserId
                        .is_in(people.iter().map(|row| storable(row.user_id.as_str()))),
                )
                .exec(transaction)
                .await?;
        }
    }
    Ok(())
}
