//! Logins: each is a family of refresh tokens that began with one password entry.
//!
//! The tokens themselves are derived from a server key, the login's id and its generation, so
//! none is kept; neither is the cookie's token, only its hash.

use parlor_protocol::{LoginId, UserId};
use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder};

use crate::entity::login;
use crate::value::{storable, time};
use crate::{Store, StoreError};

/// A login to be kept; it begins at generation 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLogin {
    /// Its id, made by the caller.
    pub id: LoginId,
    /// Who logged in.
    pub user_id: UserId,
    /// The key its refresh tokens are derived with.
    pub key_id: String,
    /// The hash of its cookie's token; unique.
    pub cookie_hash: Vec<u8>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends unless it is used.
    pub expires_at_ms: i64,
}

/// A login as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRow {
    /// Its id.
    pub id: LoginId,
    /// Who logged in.
    pub user_id: UserId,
    /// The key its refresh tokens are derived with.
    pub key_id: String,
    /// The hash of its cookie's token.
    pub cookie_hash: Vec<u8>,
    /// The generation of the refresh token that is good now.
    pub generation: i64,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends unless it is used.
    pub expires_at_ms: i64,
    /// When its generation was raised last.
    pub rotated_at_ms: Option<i64>,
    /// When it was ended.
    pub revoked_at_ms: Option<i64>,
}

impl LoginRow {
    /// Tells whether the login is good at `now_ms`.
    pub fn is_live(&self, now_ms: i64) -> bool {
        self.revoked_at_ms.is_none() && self.expires_at_ms > now_ms
    }
}

/// What became of the wish to raise a login's generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It was raised by one.
    Rotated {
        /// The generation that is good now.
        generation: i64,
    },
    /// It was not at the generation given: somebody was faster, or an old token came back.
    Already {
        /// The generation that is good.
        current_generation: i64,
        /// When it became so; `None` if the login was never rotated.
        rotated_at_ms: Option<i64>,
    },
    /// The login does not exist, is revoked or over.
    Gone,
}

impl From<login::Model> for LoginRow {
    fn from(row: login::Model) -> Self {
        Self {
            id: LoginId::from(row.id),
            user_id: UserId::from(row.user_id),
            key_id: row.key_id,
            cookie_hash: row.cookie_hash,
            generation: row.generation,
            user_agent: row.user_agent,
            created_at_ms: row.created_at.timestamp_millis(),
            expires_at_ms: row.expires_at.timestamp_millis(),
            rotated_at_ms: row.rotated_at.map(|at| at.timestamp_millis()),
            revoked_at_ms: row.revoked_at.map(|at| at.timestamp_millis()),
        }
    }
}

impl Store {
    /// Keeps a login.
    ///
    /// # Errors
    /// [`StoreError::Dangling`] if the person is not kept, [`StoreError::Conflict`] if the id or
    /// the hash is taken.
    pub async fn create_login(&self, new: NewLogin) -> Result<(), StoreError> {
        login::Entity::insert(row_of(&new)).exec_without_returning(self.write()).await?;
        Ok(())
    }

    /// Keeps a login that somebody else's token stands for, or lets it live on: until
    /// `new.expires_at_ms`, even if it had ended or was revoked before `new.created_at_ms`, which is
    /// when the token was made.
    ///
    /// # Errors
    /// [`StoreError::Dangling`] if the person is not kept.
    pub async fn keep_login(&self, new: NewLogin) -> Result<(), StoreError> {
        let id = storable(new.id.as_str());
        let transaction = self.begin().await?;
        let insert = login::Entity::insert(row_of(&new))
            .on_conflict(OnConflict::column(login::Column::Id).do_nothing().to_owned())
            .exec_without_returning(&transaction)
            .await;
        match insert {
            Ok(_) | Err(sea_orm::DbErr::RecordNotInserted) => {}
            Err(error) => return Err(error.into()),
        }
        let made_since = Condition::any()
            .add(login::Column::RevokedAt.is_null())
            .add(login::Column::RevokedAt.lt(time(new.created_at_ms)));
        login::Entity::update_many()
            .col_expr(login::Column::RevokedAt, Expr::value(None::<DateTimeUtc>))
            .col_expr(login::Column::ExpiresAt, Expr::value(time(new.expires_at_ms)))
            .filter(login::Column::Id.eq(id))
            .filter(made_since)
            .exec(&transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Finds a login, whether it is still good or not.
    pub async fn login(&self, id: &LoginId) -> Result<Option<LoginRow>, StoreError> {
        let found = login::Entity::find_by_id(storable(id.as_str())).one(self.read()).await?;
        Ok(found.map(LoginRow::from))
    }

    /// Finds a login by the hash of its cookie's token, whether it is still good or not.
    pub async fn login_by_cookie_hash(
        &self,
        cookie_hash: &[u8],
    ) -> Result<Option<LoginRow>, StoreError> {
        let found = login::Entity::find()
            .filter(login::Column::CookieHash.eq(cookie_hash))
            .one(self.read())
            .await?;
        Ok(found.map(LoginRow::from))
    }

    /// Raises a login's generation by one if it is `from_generation` and the login good at
    /// `now_ms`; of several callers at once exactly one succeeds.
    pub async fn rotate(
        &self,
        id: &LoginId,
        from_generation: i64,
        now_ms: i64,
    ) -> Result<Rotation, StoreError> {
        let generation = from_generation.saturating_add(1);
        let done = login::Entity::update_many()
            .col_expr(login::Column::Generation, Expr::value(generation))
            .col_expr(login::Column::RotatedAt, Expr::value(time(now_ms)))
            .filter(login::Column::Id.eq(storable(id.as_str())))
            .filter(login::Column::Generation.eq(from_generation))
            .filter(live_at(now_ms))
            .exec(self.write())
            .await?;
        if done.rows_affected > 0 {
            return Ok(Rotation::Rotated { generation });
        }
        Ok(match self.login(id).await? {
            Some(login) if login.is_live(now_ms) => Rotation::Already {
                current_generation: login.generation,
                rotated_at_ms: login.rotated_at_ms,
            },
            Some(_) | None => Rotation::Gone,
        })
    }

    /// Lets a good login end later; `false` if it is revoked or does not exist.
    pub async fn slide(&self, id: &LoginId, expires_at_ms: i64) -> Result<bool, StoreError> {
        let done = login::Entity::update_many()
            .col_expr(login::Column::ExpiresAt, Expr::value(time(expires_at_ms)))
            .filter(login::Column::Id.eq(storable(id.as_str())))
            .filter(login::Column::RevokedAt.is_null())
            .exec(self.write())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Ends a login with all its tokens; `false` if it was ended before or does not exist.
    pub async fn revoke_login(&self, id: &LoginId, at_ms: i64) -> Result<bool, StoreError> {
        Ok(self.revoke(login::Column::Id.eq(storable(id.as_str())), at_ms).await? > 0)
    }

    /// Ends all logins of a person; returns how many.
    pub async fn revoke_logins_of(&self, user: &UserId, at_ms: i64) -> Result<u64, StoreError> {
        self.revoke(login::Column::UserId.eq(storable(user.as_str())), at_ms).await
    }

    async fn revoke(&self, which: Expr, at_ms: i64) -> Result<u64, StoreError> {
        let done = login::Entity::update_many()
            .col_expr(login::Column::RevokedAt, Expr::value(time(at_ms)))
            .filter(which)
            .filter(login::Column::RevokedAt.is_null())
            .exec(self.write())
            .await?;
        Ok(done.rows_affected)
    }

    /// Returns a person's logins that are good at `now_ms`, the newest first.
    pub async fn logins_of(&self, user: &UserId, now_ms: i64) -> Result<Vec<LoginRow>, StoreError> {
        let rows = login::Entity::find()
            .filter(login::Column::UserId.eq(storable(user.as_str())))
            .filter(live_at(now_ms))
            .order_by_desc(login::Column::CreatedAt)
            .all(self.read())
            .await?;
        Ok(rows.into_iter().map(LoginRow::from).collect())
    }

    /// Deletes logins that were over or revoked before `before_ms`; returns how many.
    pub async fn forget_logins(&self, before_ms: i64) -> Result<u64, StoreError> {
        let over = Condition::any()
            .add(login::Column::ExpiresAt.lt(time(before_ms)))
            .add(login::Column::RevokedAt.lt(time(before_ms)));
        Ok(login::Entity::delete_many().filter(over).exec(self.write()).await?.rows_affected)
    }
}

fn row_of(new: &NewLogin) -> login::ActiveModel {
    login::ActiveModel {
        id: Set(storable(new.id.as_str())),
        user_id: Set(storable(new.user_id.as_str())),
        key_id: Set(storable(&new.key_id)),
        cookie_hash: Set(new.cookie_hash.clone()),
        generation: Set(0),
        user_agent: Set(new.user_agent.as_deref().map(storable)),
        created_at: Set(time(new.created_at_ms)),
        expires_at: Set(time(new.expires_at_ms)),
        rotated_at: Set(None),
        revoked_at: Set(None),
    }
}

fn live_at(now_ms: i64) -> Condition {
    Condition::all()
        .add(login::Column::RevokedAt.is_null())
        .add(login::Column::ExpiresAt.gt(time(now_ms)))
}
