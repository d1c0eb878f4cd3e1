//! Blocks: neither of the two writes to the other, nor sees how they are.

use chrono::{DateTime, Utc};
use parlor_protocol::{ClerkId, limits};
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::statement;
use crate::value::{storable, time};
use crate::{Store, StoreError};

/// Somebody who is blocked.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct BlockRow {
    /// What clients call the person.
    pub clerk_id: String,
    /// The name the person shows.
    pub display_name: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// What came of blocking somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocking {
    /// They are blocked now, or were before.
    Done,
    /// Nobody is called that.
    NoSuchPerson,
    /// [`limits::BLOCKS`] are blocked already.
    TooMany,
}

impl Store {
    /// Blocks somebody.
    pub async fn block(
        &self,
        owner: &ClerkId,
        person: &ClerkId,
        at_ms: i64,
    ) -> Result<Blocking, StoreError> {
        let (owner, person) = (storable(owner.as_str()), storable(person.as_str()));
        let transaction = self.begin().await?;
        let sql = "SELECT (SELECT count(*) FROM users WHERE clerk_id = $2 AND clerk_id <> $1) \
                   AS people, (SELECT count(*) FROM direct_block WHERE user_clerk_id = $1) \
                   AS blocks";
        let values = [owner.as_str().into(), person.as_str().into()];
        let row = transaction.query_one_raw(statement(&transaction, sql, values)).await?;
        let (people, blocks): (i64, i64) = match row {
            Some(row) => (row.try_get("", "people")?, row.try_get("", "blocks")?),
            None => (0, 0),
        };
        if people == 0 {
            return Ok(Blocking::NoSuchPerson);
        }
        if blocks >= limits::BLOCKS as i64 {
            return Ok(Blocking::TooMany);
        }
        let mut insert = Query::insert();
        insert
            .into_table("direct_block")
            .columns(["user_clerk_id", "blocked_clerk_id", "created_at"])
            .values_panic([owner.into(), person.into(), time(at_ms).into()])
            .on_conflict(OnConflict::new().do_nothing().to_owned());
        transaction.execute(&insert).await?;
        transaction.commit().await?;
        Ok(Blocking::Done)
    }

    /// Takes a block back; `false` if there was none.
    pub async fn unblock(&self, owner: &ClerkId, person: &ClerkId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM direct_block WHERE user_clerk_id = $1 AND blocked_clerk_id = $2";
        let values = [owner, person].map(|id| storable(id.as_str()).into());
        let sql = statement(self.write(), sql, values);
        Ok(self.write().execute_raw(sql).await?.rows_affected() > 0)
    }

    /// Returns a page of those whom somebody has blocked, the latest first.
    pub async fn blocks_of(
        &self,
        owner: &ClerkId,
        limit: u64,
        offset: u64,
    ) -> Result<Vec<BlockRow>, StoreError> {
        let sql = "SELECT u.clerk_id, u.display_name, b.created_at FROM direct_block b \
                   JOIN users u ON u.clerk_id = b.blocked_clerk_id WHERE b.user_clerk_id = $1 \
                   ORDER BY b.created_at DESC, u.clerk_id LIMIT $2 OFFSET $3";
        let values =
            [storable(owner.as_str()).into(), (limit as i64).into(), (offset as i64).into()];
        let sql = statement(self.read(), sql, values);
        Ok(BlockRow::find_by_statement(sql).all(self.read()).await?)
    }
}
