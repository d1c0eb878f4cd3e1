//! Which node has which room. A node is alive until a moment of the *database's* clock, which it
//! moves on again and again. Before a dead node's room is taken over, its row is removed: if it comes
//! back, it learns from that that others took it for dead.

use std::time::Duration;

use chrono::Utc;
use parlor_protocol::RoomId;
use sea_orm::sea_query::{
    Condition, Expr, ExprTrait, OnConflict, Query, SelectStatement, SimpleExpr, UpdateStatement,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DeleteMany, EntityTrait,
    QueryFilter, QuerySelect, Select,
};

use crate::entity::{node, room, room_user};
use crate::value::storable;
use crate::{Store, StoreError, live};

/// What came of a claim to a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The room is the claimant's: writes with a lower fence are refused from now on.
    Taken {
        /// Proves it to [`Store::commit_room`].
        fence: i64,
    },
    /// Another node has it.
    Held(
        /// Which; `None` if whoever had it has just let it go.
        Option<Holder>,
    ),
    /// There is no such room.
    Gone,
}

/// Who has a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The node, alive or not.
    pub node: String,
    /// The room's fence.
    pub fence: i64,
}

impl Store {
    /// Moves the end of a node's life to `life` from now, by the database's clock; `false` if it has
    /// no row any more: others took it for dead. Then it must not [`renew_node`](Self::renew_node)
    /// before it has given its rooms up.
    pub async fn prolong_node(&self, id: &str, life: Duration) -> Result<bool, StoreError> {
        let until = from_now(self.write().get_database_backend(), life);
        let done = node::Entity::update_many()
            .col_expr(node::Column::AliveUntil, until)
            .filter(node::Column::Id.eq(storable(id)))
            .exec(self.write())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Lets a node be alive for `life` from now, by the database's clock. Call
    /// [`prolong_node`](Self::prolong_node) before that is over.
    pub async fn renew_node(&self, id: &str, life: Duration) -> Result<(), StoreError> {
        let until = from_now(self.write().get_database_backend(), life);
        let mut insert = Query::insert();
        insert
            .into_table(node::Entity)
            .columns([node::Column::Id, node::Column::AliveUntil])
            .values_panic([storable(id).into(), until.clone()])
            .on_conflict(
                OnConflict::column(node::Column::Id)
                    .value(node::Column::AliveUntil, until)
                    .to_owned(),
            );
        self.write().execute(&insert).await?;
        Ok(())
    }

    /// Reads the database's clock, µs since the Unix epoch. On SQLite it is this machine's.
    pub async fn clock_us(&self) -> Result<i64, StoreError> {
        if self.read().get_database_backend() != DbBackend::Postgres {
            return Ok(Utc::now().timestamp_micros());
        }
        // Not now(): that is when the transaction began.
        let us = Expr::cust("(extract(epoch from clock_timestamp()) * 1000000)::bigint");
        let select = Query::select().expr_as(us, "us").to_owned();
        let row = self.read().query_one(&select).await?;
        let row = row.ok_or_else(|| StoreError::Corrupt("a clock has no time".into()))?;
        Ok(row.try_get("", "us")?)
    }

    /// Takes a node out, so that others may claim its rooms at once. Nodes that are long dead go
    /// with it.
    pub async fn retire_node(&self, id: &str) -> Result<(), StoreError> {
        /// Rows of nodes that died are kept this long, for those who look into the database.
        const KEPT: Duration = Duration::from_secs(3_600);
        let backend = self.write().get_database_backend();
        let long_ago = before_now(backend, KEPT);
        node::Entity::delete_many()
            .filter(
                Condition::any()
                    .add(node::Column::Id.eq(storable(id)))
                    .add(Expr::col(node::Column::AliveUntil).lt(long_ago)),
            )
            .exec(self.write())
            .await?;
        Ok(())
    }

    /// Removes the row of a node that is dead for at least `dead_for`, by the database's clock; says
    /// whether there is none now.
    pub async fn bury_node(&self, id: &str, dead_for: Duration) -> Result<bool, StoreError> {
        let removed = burial(id, dead_for, self.write().get_database_backend());
        let row = node::Entity::find_by_id(storable(id));
        // Asked at once, because the database may be far away: a row that was not removed was no more
        // to be removed a moment before.
        let (removed, row) = tokio::try_join!(removed.exec(self.write()), row.one(self.read()))?;
        Ok(removed.rows_affected > 0 || row.is_none())
    }

    /// Returns who has a room; `None` if nobody has it or there is no such room.
    pub async fn holder_of_room(&self, id: &RoomId) -> Result<Option<Holder>, StoreError> {
        let held: Option<HeldBy> = holder(id).into_tuple().one(self.write()).await?;
        Ok(held.and_then(|(node, fence)| Some(Holder { node: node?, fence })))
    }

    /// Claims a room for a node: raises its fence, unless another node has it. Of a room that changes
    /// hands at this moment [`Claim::Held`] may name who had it before.
    pub async fn claim_room(&self, id: &RoomId, claimant: &str) -> Result<Claim, StoreError> {
        let owner = || Expr::col(room::Column::OwnerNode);
        let own_or_free =
            Condition::any().add(owner().is_null()).add(owner().eq(storable(claimant)));
        self.take(id, claimant, own_or_free).await
    }

    /// Claims the room of another node that has no row, see [`bury_node`](Self::bury_node), unless
    /// somebody has claimed the room since `from` was read.
    pub async fn take_over_room(
        &self,
        id: &RoomId,
        claimant: &str,
        from: &Holder,
    ) -> Result<Claim, StoreError> {
        self.take(id, claimant, is_still(from)).await
    }

    /// Has every connection prepare what a room is taken over with, while nobody waits: otherwise each
    /// of these statements would go to the database twice the first time, and it may be far away.
    pub async fn rehearse_taking_over(&self) -> Result<(), StoreError> {
        if self.write().get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        // Half of them at a time, so that others find a free one: the pool hands out those next that
        // lay idle longest.
        let pool = self.write().get_postgres_connection_pool();
        let half = pool.options().get_max_connections().div_ceil(2);
        for _ in 0..2 {
            let some = (0..half).map(|_| self.begin());
            let opened = futures_util::future::try_join_all(some).await?;
            let rehearsals = opened.iter().map(rehearse);
            futures_util::future::try_join_all(rehearsals).await?;
        }
        Ok(())
    }

    async fn take(
        &self,
        id: &RoomId,
        claimant: &str,
        is_free: Condition,
    ) -> Result<Claim, StoreError> {
        let take = taking(id, claimant, is_free);
        let held = holder(id).into_tuple::<HeldBy>();
        // Asked at once: who loses wants to know to whom, and the database may be far away.
        let (taken, held) = tokio::try_join!(self.write().query_one(&take), held.one(self.read()))?;
        if let Some(row) = taken {
            return Ok(Claim::Taken { fence: row.try_get("", "fence")? });
        }
        Ok(match held {
            None => Claim::Gone,
            Some((node, fence)) => Claim::Held(node.map(|node| Holder { node, fence })),
        })
    }

    /// Forgets who was present in rooms that no living node has. Returns how many that were.
    pub async fn forget_presence_of_the_dead(&self) -> Result<u64, StoreError> {
        let backend = self.write().get_database_backend();
        let lost = Query::select()
            .column(room::Column::Id)
            .from(room::Entity)
            .and_where(
                Expr::col((room::Entity, room::Column::Id))
                    .equals((room_user::Entity, room_user::Column::RoomId)),
            )
            .cond_where(is_free(backend))
            .to_owned();
        let gone = room_user::Entity::delete_many().filter(Expr::exists(lost));
        Ok(gone.exec(self.write()).await?.rows_affected)
    }

    /// Gives a room to another node, alive or not; nothing happens if another has it already. The
    /// heir claims it like any room of its own.
    pub async fn hand_room(&self, id: &RoomId, fence: i64, heir: &str) -> Result<(), StoreError> {
        self.change_owner(id, fence, Some(storable(heir))).await
    }

    /// Lets a room go that its owner has no use for; nothing happens if another has it already.
    pub async fn release_room(&self, id: &RoomId, fence: i64) -> Result<(), StoreError> {
        self.change_owner(id, fence, None).await
    }

    async fn change_owner(
        &self,
        id: &RoomId,
        fence: i64,
        owner: Option<String>,
    ) -> Result<(), StoreError> {
        room::Entity::update_many()
            .col_expr(room::Column::OwnerNode, Expr::value(owner))
            .filter(room::Column::Id.eq(storable(id.as_str())))
            .filter(room::Column::Fence.eq(fence))
            .exec(self.write())
            .await?;
        Ok(())
    }
}

/// A room's node and fence.
type HeldBy = (Option<String>, i64);

fn holder(room: &RoomId) -> Select<room::Entity> {
    room::Entity::find_by_id(storable(room.as_str()))
        .select_only()
        .columns([room::Column::OwnerNode, room::Column::Fence])
}

fn burial(node: &str, dead_for: Duration, backend: DbBackend) -> DeleteMany<node::Entity> {
    node::Entity::delete_many()
        .filter(node::Column::Id.eq(storable(node)))
        .filter(Expr::col(node::Column::AliveUntil).lte(before_now(backend, dead_for)))
}

/// The room is with this node, which has no row, and nobody has claimed it since.
fn is_still(from: &Holder) -> Condition {
    let nodes = Query::select().column(node::Column::Id).from(node::Entity).to_owned();
    Condition::all()
        .add(Expr::col(room::Column::OwnerNode).eq(storable(&from.node)))
        .add(Expr::col(room::Column::Fence).eq(from.fence))
        .add(Expr::col(room::Column::OwnerNode).not_in_subquery(nodes))
}

fn taking(room: &RoomId, claimant: &str, is_free: Condition) -> UpdateStatement {
    Query::update()
        .table(room::Entity)
        .value(room::Column::Fence, Expr::col(room::Column::Fence).add(1))
        .value(room::Column::OwnerNode, storable(claimant))
        .and_where(Expr::col(room::Column::Id).eq(storable(room.as_str())))
        .cond_where(is_free)
        .returning_col(room::Column::Fence)
        .to_owned()
}

/// Runs every statement of a takeover for a room and a node that are not there.
async fn rehearse(connection: &DatabaseTransaction) -> Result<(), StoreError> {
    let (room, node) = (RoomId::from(""), "");
    let backend = connection.get_database_backend();
    holder(&room).into_tuple::<HeldBy>().one(connection).await?;
    burial(node, Duration::ZERO, backend).exec(connection).await?;
    node::Entity::find_by_id(node).one(connection).await?;
    let from = Holder { node: node.to_owned(), fence: 0 };
    connection.query_one(&taking(&room, node, is_still(&from))).await?;
    live::read_nothing(&room, connection).await
}

/// No node has the room, or none that is alive.
pub(crate) fn is_free(backend: DbBackend) -> Condition {
    Condition::any()
        .add(Expr::col(room::Column::OwnerNode).is_null())
        .add(Expr::col(room::Column::OwnerNode).not_in_subquery(living(backend)))
}

/// The ids of the nodes that are alive.
pub(crate) fn living(backend: DbBackend) -> SelectStatement {
    Query::select()
        .column(node::Column::Id)
        .from(node::Entity)
        .and_where(Expr::col(node::Column::AliveUntil).gt(from_now(backend, Duration::ZERO)))
        .to_owned()
}

fn from_now(backend: DbBackend, later: Duration) -> SimpleExpr {
    moment(backend, later.as_millis() as i64)
}

fn before_now(backend: DbBackend, earlier: Duration) -> SimpleExpr {
    moment(backend, -(earlier.as_millis() as i64))
}

/// A moment by the database's clock. A SQLite file is used on one machine: its clock is ours.
fn moment(backend: DbBackend, later_ms: i64) -> SimpleExpr {
    match backend {
        DbBackend::Postgres => {
            Expr::cust_with_values("now() + $1 * interval '1 millisecond'", [later_ms])
        }
        _ => Expr::value(Utc::now() + chrono::TimeDelta::milliseconds(later_ms)),
    }
}
