//! Keys that all nodes share.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::entity::server_key;
use crate::value::{storable, time};
use crate::{Store, StoreError};

/// A key to be kept.
#[derive(Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Its id, made by the caller; what tokens name it by.
    pub id: String,
    /// What it is for.
    pub purpose: String,
    /// Its bytes, wrapped or not: the store does not know.
    pub secret: Vec<u8>,
    /// When it was made.
    pub created_at_ms: i64,
}

/// A key as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub purpose: String,
    /// Its bytes as they were given.
    pub secret: Vec<u8>,
    /// When it was made.
    pub created_at_ms: i64,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

impl From<server_key::Model> for Key {
    fn from(row: server_key::Model) -> Self {
        Self {
            id: row.id,
            purpose: row.purpose,
            secret: row.secret,
            created_at_ms: row.created_at.timestamp_millis(),
        }
    }
}

impl Store {
    /// Returns the keys for a purpose that are not retired, the newest first: the first one signs,
    /// the others still verify.
    pub async fn keys(&self, purpose: &str) -> Result<Vec<Key>, StoreError> {
        let rows = server_key::Entity::find()
            .filter(server_key::Column::Purpose.eq(storable(purpose)))
            .filter(server_key::Column::RetiredAt.is_null())
            .order_by_desc(server_key::Column::Ordinal)
            .all(self.read())
            .await?;
        Ok(rows.into_iter().map(Key::from).collect())
    }

    /// Keeps this key if the purpose never had one, and returns the keys for the purpose as
    /// [`Store::keys`] does. Nodes that start at once all get the same; once all keys of a purpose
    /// are retired the answer is empty, and [`Store::add_key`] makes the next.
    pub async fn first_key(&self, new: NewKey) -> Result<Vec<Key>, StoreError> {
        let purpose = new.purpose.clone();
        server_key::Entity::insert(row_of(new, 1))
            .on_conflict(
                OnConflict::columns([server_key::Column::Purpose, server_key::Column::Ordinal])
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(self.write())
            .await?;
        self.keys(&purpose).await
    }

    /// Keeps a key that is newer than all others for its purpose.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another node added one at the same moment or the id is taken.
    pub async fn add_key(&self, new: NewKey) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let ordinal = highest_ordinal(&new.purpose, &transaction).await?.saturating_add(1);
        server_key::Entity::insert(row_of(new, ordinal))
            .exec_without_returning(&transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Retires a key: it is given out no more. `false` if it was before or does not exist.
    pub async fn retire_key(&self, id: &str, at_ms: i64) -> Result<bool, StoreError> {
        let done = server_key::Entity::update_many()
            .col_expr(server_key::Column::RetiredAt, Expr::value(time(at_ms)))
            .filter(server_key::Column::Id.eq(storable(id)))
            .filter(server_key::Column::RetiredAt.is_null())
            .exec(self.write())
            .await?;
        Ok(done.rows_affected > 0)
    }
}

async fn highest_ordinal(
    purpose: &str,
    transaction: &DatabaseTransaction,
) -> Result<i64, StoreError> {
    let highest: Option<Option<i64>> = server_key::Entity::find()
        .select_only()
        .column_as(server_key::Column::Ordinal.max(), "highest")
        .filter(server_key::Column::Purpose.eq(storable(purpose)))
        .into_tuple()
        .one(transaction)
        .await?;
    Ok(highest.flatten().unwrap_or(0))
}

fn row_of(new: NewKey, ordinal: i64) -> server_key::ActiveModel {
    server_key::ActiveModel {
        id: Set(storable(&new.id)),
        purpose: Set(storable(&new.purpose)),
        ordinal: Set(ordinal),
        secret: Set(new.secret),
        created_at: Set(time(new.created_at_ms)),
        retired_at: Set(None),
    }
}
