//! Making, finding and deleting rooms.

use std::collections::HashMap;

use parlor_protocol::access::Entry;
use parlor_protocol::{RoomId, UserId};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::entity::{room, room_state};
use crate::group::Grouped;
use crate::invitations::is_awaited;
use crate::nodes::is_free;
use crate::room_row::{LifeKind, NewRoom, RoomCursor, RoomRow};
use crate::value::{Word, code, storable, time};
use crate::{Store, StoreError};

/// Rooms in one `INSERT`: 20 columns each, SQLite takes 32 766 values in a statement.
const ROOMS_PER_STATEMENT: usize = 128;
/// Snapshots in one `INSERT`: 3 columns each.
const SNAPSHOTS_PER_STATEMENT: usize = 512;

impl Store {
    /// Makes a room; many at once share a transaction. It is on disk when this returns.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] with `JoinCode` or `Id` if one of them is taken.
    pub async fn create_room(&self, room: NewRoom) -> Result<(), StoreError> {
        self.creations().write(room).await
    }

    /// Finds a room by its id.
    pub async fn room(&self, id: &RoomId) -> Result<Option<RoomRow>, StoreError> {
        by_id(id).one(self.read()).await?.map(RoomRow::try_from).transpose()
    }

    /// Finds a room by its join code, whatever its case.
    pub async fn room_by_code(&self, join_code: &str) -> Result<Option<RoomRow>, StoreError> {
        let found = room::Entity::find()
            .filter(room::Column::JoinCode.eq(code(join_code)))
            .one(self.read())
            .await?;
        found.map(RoomRow::try_from).transpose()
    }

    /// Returns a page of the rooms listed for everybody, newest first.
    pub async fn public_rooms(
        &self,
        after: Option<&RoomCursor>,
        limit: u64,
    ) -> Result<Vec<RoomRow>, StoreError> {
        // The bare column, as in the condition of the index.
        self.page_of_rooms(Expr::col(room::Column::IsPublic), after, limit).await
    }

    /// Returns a page of a person's own rooms, newest first.
    pub async fn rooms_of(
        &self,
        owner: &UserId,
        after: Option<&RoomCursor>,
        limit: u64,
    ) -> Result<Vec<RoomRow>, StoreError> {
        let own = room::Column::OwnerId.eq(storable(owner.as_str()));
        self.page_of_rooms(own, after, limit).await
    }

    /// Returns a page of the rooms a person may see listed, newest first: the public ones and the
    /// person's own.
    pub async fn visible_rooms(
        &self,
        viewer: &UserId,
        after: Option<&RoomCursor>,
        limit: u64,
    ) -> Result<Vec<RoomRow>, StoreError> {
        // Two walks along an index each; one condition for both would read every public room.
        let mut rooms = self.public_rooms(after, limit).await?;
        let own = self.rooms_of(viewer, after, limit).await?;
        rooms.extend(own.into_iter().filter(|room| !room.is_public));
        rooms.sort_unstable_by(|a, b| {
            b.created_at_ms.cmp(&a.created_at_ms).then_with(|| b.id.cmp(&a.id))
        });
        rooms.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(rooms)
    }

    async fn page_of_rooms(
        &self,
        which: Expr,
        after: Option<&RoomCursor>,
        limit: u64,
    ) -> Result<Vec<RoomRow>, StoreError> {
        let mut query = room::Entity::find().filter(which);
        if let Some(after) = after {
            let made = time(after.created_at_ms);
            query = query.filter(
                Condition::any().add(room::Column::CreatedAt.lt(made)).add(
                    room::Column::CreatedAt
                        .eq(made)
                        .and(room::Column::Id.lt(storable(after.id.as_str()))),
                ),
            );
        }
        let rows = query
            .order_by_desc(room::Column::CreatedAt)
            .order_by_desc(room::Column::Id)
            .limit(limit)
            .all(self.read())
            .await?;
        rows.into_iter().map(RoomRow::try_from).collect()
    }

    /// Counts a person's own rooms.
    pub async fn count_rooms_of(&self, owner: &UserId) -> Result<u64, StoreError> {
        Ok(room::Entity::find()
            .filter(room::Column::OwnerId.eq(storable(owner.as_str())))
            .count(self.read())
            .await?)
    }

    /// Deletes a room with everything that was kept for it; `false` if there was none.
    pub async fn delete_room(&self, id: &RoomId) -> Result<bool, StoreError> {
        let done = room::Entity::delete_by_id(storable(id.as_str())).exec(self.write()).await?;
        Ok(done.rows_affected > 0)
    }

    /// Deletes a room unless somebody is invited into it at `now_ms`; `false` if somebody is, or
    /// there was no room.
    pub async fn delete_room_unless_awaited(
        &self,
        id: &RoomId,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let done = room::Entity::delete_by_id(storable(id.as_str()))
            .filter(is_awaited(now_ms).not())
            .exec(self.write())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Returns up to `limit` rooms whose time was over at `now_ms` and into which nobody is invited,
    /// the longest overdue first. An invitation does not keep a room whose messages vanish.
    pub async fn expired_rooms(&self, now_ms: i64, limit: u64) -> Result<Vec<RoomRow>, StoreError> {
        let vanishes = room::Column::LifeKind.eq(LifeKind::Messages.word());
        let rows = room::Entity::find()
            .filter(room::Column::ExpiresAt.lte(time(now_ms)))
            .filter(is_awaited(now_ms).not().or(vanishes))
            .order_by_asc(room::Column::ExpiresAt)
            .limit(limit)
            .all(self.read())
            .await?;
        rows.into_iter().map(RoomRow::try_from).collect()
    }

    /// Deletes a room if its time was over at `now_ms`; `false` if it is gone, was given more time
    /// meanwhile, somebody was invited or a node that is alive has it.
    pub async fn delete_room_if_expired(
        &self,
        id: &RoomId,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let done = room::Entity::delete_by_id(storable(id.as_str()))
            .filter(room::Column::ExpiresAt.lte(time(now_ms)))
            .filter(is_awaited(now_ms).not())
            .filter(is_free(self.write().get_database_backend()))
            .exec(self.write())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Sets when a room ends unless something happens; `None` for while somebody is there, or a
    /// permanent room. `false` if there is no such room.
    pub async fn set_room_expiry(
        &self,
        id: &RoomId,
        expires_at_ms: Option<i64>,
    ) -> Result<bool, StoreError> {
        let done = room::Entity::update_many()
            .col_expr(room::Column::ExpiresAt, Expr::value(expires_at_ms.map(time)))
            .filter(room::Column::Id.eq(storable(id.as_str())))
            .exec(self.write())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Lets no room end before `until_ms`: the time the server was down does not count. Returns
    /// how many rooms were given more time.
    pub async fn postpone_expiries(&self, until_ms: i64) -> Result<u64, StoreError> {
        let done = room::Entity::update_many()
            .col_expr(room::Column::ExpiresAt, Expr::value(time(until_ms)))
            .filter(room::Column::ExpiresAt.lt(time(until_ms)))
            .exec(self.write())
            .await?;
        Ok(done.rows_affected)
    }

    /// Gives a room another join code; `false` if there is no such room.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] with `JoinCode` if another room has it.
    pub async fn rename_code(
        &self,
        id: &RoomId,
        join_code: &str,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let done = room::Entity::update_many()
            .col_expr(room::Column::JoinCode, Expr::value(code(join_code)))
            .col_expr(room::Column::UpdatedAt, Expr::value(time(now_ms)))
            .filter(room::Column::Id.eq(storable(id.as_str())))
            .exec(self.write())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Takes a room over: raises its fence, so that writes of earlier owners are refused, and
    /// returns it. `None` if there is no such room.
    pub async fn take_room(&self, id: &RoomId) -> Result<Option<i64>, StoreError> {
        let mut take = Query::update();
        take.table(room::Entity)
            .value(room::Column::Fence, Expr::col(room::Column::Fence).add(1))
            .and_where(Expr::col(room::Column::Id).eq(storable(id.as_str())))
            .returning_col(room::Column::Fence);
        let row = self.write().query_one(&take).await?;
        Ok(row.map(|row| row.try_get("", "fence")).transpose()?)
    }

    /// Keeps the hash of a room's password; `None` for a room without one. Says whether there is such
    /// a room. Whether a password is asked for is a setting of the room.
    pub async fn set_room_password(
        &self,
        id: &RoomId,
        hash: Option<String>,
    ) -> Result<bool, StoreError> {
        let done = room::Entity::update_many()
            .col_expr(room::Column::PasswordHash, Expr::value(hash))
            .filter(room::Column::Id.eq(storable(id.as_str())))
            .exec(self.write())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Returns the hash of a room's password; `None` without one, or without such a room.
    pub async fn room_password(&self, id: &RoomId) -> Result<Option<String>, StoreError> {
        let found: Option<Option<String>> = by_id(id)
            .select_only()
            .column(room::Column::PasswordHash)
            .into_tuple()
            .one(self.read())
            .await?;
        Ok(found.flatten())
    }

    /// Counts who is present, for each of these rooms that has anybody.
    pub async fn member_counts(
        &self,
        rooms: &[RoomId],
    ) -> Result<HashMap<RoomId, u64>, StoreError> {
        use crate::entity::room_user;
        if rooms.is_empty() {
            return Ok(HashMap::new());
        }
        let rows: Vec<(String, i64)> = room_user::Entity::find()
            .select_only()
            .column(room_user::Column::RoomId)
            .column_as(room_user::Column::Id.count(), "present")
            .filter(room_user::Column::RoomId.is_in(rooms.iter().map(|id| storable(id.as_str()))))
            .group_by(room_user::Column::RoomId)
            .into_tuple()
            .all(self.read())
            .await?;
        Ok(rows.into_iter().map(|(id, count)| (RoomId::from(id), count.unsigned_abs())).collect())
    }
}

pub(crate) fn by_id(id: &RoomId) -> Select<room::Entity> {
    room::Entity::find_by_id(storable(id.as_str()))
}

impl Grouped for NewRoom {
    type Answer = ();

    async fn write(
        rooms: &[&Self],
        transaction: &DatabaseTransaction,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        for rooms in rooms.chunks(ROOMS_PER_STATEMENT) {
            let rows = rooms.iter().map(|room| row_of(room));
            room::Entity::insert_many(rows).exec_without_returning(transaction).await?;
        }
        let snapshots: Vec<_> = rooms
            .iter()
            .filter_map(|room| Some((&room.id, room.snapshot.as_deref()?, room.created_at_ms)))
            .collect();
        write_snapshots(&snapshots, transaction).await?;
        Ok(rooms.iter().map(|_| Ok(())).collect())
    }
}

/// A room's snapshot as it goes into its table: room, text, when (ms since the epoch).
pub(crate) type SnapshotRow<'a> = (&'a RoomId, &'a str, i64);

/// Writes the snapshots, one per room at most, over what was there.
pub(crate) async fn write_snapshots(
    snapshots: &[SnapshotRow<'_>],
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    use room_state::Column;
    for chunk in snapshots.chunks(SNAPSHOTS_PER_STATEMENT) {
        let mut insert = Query::insert();
        insert.into_table(room_state::Entity).columns([
            Column::RoomId,
            Column::Snapshot,
            Column::UpdatedAt,
        ]);
        for (room_id, snapshot, at_ms) in chunk {
            let room_id = storable(room_id.as_str());
            insert.values_panic([room_id.into(), storable(snapshot).into(), time(*at_ms).into()]);
        }
        insert.on_conflict(
            OnConflict::column(Column::RoomId)
                .update_columns([Column::Snapshot, Column::UpdatedAt])
                .to_owned(),
        );
        transaction.execute(&insert).await?;
    }
    Ok(())
}

fn row_of(new: &NewRoom) -> room::ActiveModel {
    let created_at = time(new.created_at_ms);
    room::ActiveModel {
        id: Set(storable(new.id.as_str())),
        name: Set(storable(&new.name)),
        created_at: Set(created_at),
        updated_at: Set(created_at),
        join_code: Set(code(&new.join_code)),
        require_access_before_joining: Set(new.entry == Entry::Knock),
        entry: Set(new.entry.word().into()),
        has_password: Set(false),
        password_hash: Set(None),
        owner_id: Set(new.owner_id.as_ref().map(|id| storable(id.as_str()))),
        is_public: Set(new.is_public),
        max_participants: Set(new.max_participants.map(seats)),
        control: Set(new.control.word().into()),
        wait: Set(new.wait.word().into()),
        life_kind: Set(new.life.word().into()),
        idle_ttl_seconds: Set(new.idle_ttl_seconds),
        expires_at: Set(new.expires_at_ms.map(time)),
        last_active_at: Set(created_at),
        fence: Set(0),
        owner_node: Set(None),
    }
}

/// Converts a number of seats to the column's type; more than 2 147 483 647 are as many.
pub(crate) fn seats(max_participants: u32) -> i32 {
    i32::try_from(max_participants).unwrap_or(i32::MAX)
}
