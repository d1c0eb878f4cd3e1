//! Tokens that are good once, kept as hashes: for another password, for an address that proves to
//! be one's own, for running the site.

use parlor_protocol::UserId;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, PaginatorTrait,
    QueryFilter,
};

use crate::entity::{login, one_time_token, users};
use crate::value::{Word, folded, storable, time, words};
use crate::{Store, StoreError};

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To set another password.
    Reset,
    /// To prove that an address is one's own.
    Verify,
    /// To be the first who runs the site.
    Admin,
}

words!(Purpose { Reset = "reset", Verify = "verify", Admin = "admin" });

/// A token to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// The token's hash.
    pub hash: Vec<u8>,
    /// What it is good for.
    pub purpose: Purpose,
    /// Whose it is.
    pub user_id: Option<UserId>,
    /// What it is about: of [`Purpose::Reset`] and [`Purpose::Verify`] the address it is sent to.
    pub subject: Option<String>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends.
    pub expires_at_ms: i64,
}

/// A token that was, or could be, used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeemed {
    /// Whose it is.
    pub user_id: Option<UserId>,
    /// What it is about.
    pub subject: Option<String>,
}

impl From<one_time_token::Model> for Redeemed {
    fn from(row: one_time_token::Model) -> Self {
        Self { user_id: row.user_id.map(UserId::from), subject: row.subject }
    }
}

impl Store {
    /// Looks at a token that is good at `now_ms` without using it.
    pub async fn good_token(
        &self,
        hash: &[u8],
        purpose: Purpose,
        now_ms: i64,
    ) -> Result<Option<Redeemed>, StoreError> {
        let found = one_time_token::Entity::find()
            .filter(good(hash, purpose, now_ms))
            .one(self.read())
            .await?;
        Ok(found.map(Redeemed::from))
    }

    /// Counts the tokens that were made for somebody since `since_ms`, used or not.
    pub async fn tokens_made_since(
        &self,
        user: &UserId,
        purpose: Purpose,
        since_ms: i64,
    ) -> Result<u64, StoreError> {
        Ok(one_time_token::Entity::find()
            .filter(one_time_token::Column::UserId.eq(storable(user.as_str())))
            .filter(one_time_token::Column::Purpose.eq(purpose.word()))
            .filter(one_time_token::Column::CreatedAt.gte(time(since_ms)))
            .count(self.read())
            .await?)
    }

    /// Uses a token for another password: sets it, ends all logins and every other such token of the
    /// account, in one transaction. Who could read the mail has the address, so it counts as
    /// verified. `None`, and nothing is changed, if the token is not good at `now_ms`.
    pub async fn reset_password(
        &self,
        hash: &[u8],
        password_hash: &str,
        now_ms: i64,
    ) -> Result<Option<UserId>, StoreError> {
        let transaction = self.begin().await?;
        let Some(token) = redeem(hash, Purpose::Reset, now_ms, &transaction).await? else {
            return Ok(None);
        };
        let Some(user) = token.user_id.clone() else { return Ok(None) };
        let id = storable(user.as_str());
        users::Entity::update_many()
            .col_expr(users::Column::PasswordHash, Expr::value(storable(password_hash)))
            .filter(users::Column::Id.eq(&id))
            .exec(&transaction)
            .await?;
        one_time_token::Entity::update_many()
            .col_expr(one_time_token::Column::UsedAt, Expr::value(time(now_ms)))
            .filter(one_time_token::Column::UserId.eq(&id))
            .filter(one_time_token::Column::Purpose.eq(Purpose::Reset.word()))
            .filter(one_time_token::Column::UsedAt.is_null())
            .exec(&transaction)
            .await?;
        login::Entity::update_many()
            .col_expr(login::Column::RevokedAt, Expr::value(time(now_ms)))
            .filter(login::Column::UserId.eq(&id))
            .filter(login::Column::RevokedAt.is_null())
            .exec(&transaction)
            .await?;
        set_verified(&token, now_ms, &transaction).await?;
        transaction.commit().await?;
        Ok(Some(user))
    }

    /// Uses a token that proves an address. `None` if it is not good at `now_ms`, or the account has
    /// another address by now.
    pub async fn verify_email(
        &self,
        hash: &[u8],
        now_ms: i64,
    ) -> Result<Option<UserId>, StoreError> {
        let transaction = self.begin().await?;
        let Some(token) = redeem(hash, Purpose::Verify, now_ms, &transaction).await? else {
            return Ok(None);
        };
        let is_theirs = set_verified(&token, now_ms, &transaction).await?;
        transaction.commit().await?;
        Ok(token.user_id.filter(|_| is_theirs))
    }

    /// Says when somebody proved to have the address of their account; `None` if they did not.
    pub async fn email_verified_at(&self, user: &UserId) -> Result<Option<i64>, StoreError> {
        let row = users::Entity::find_by_id(storable(user.as_str())).one(self.read()).await?;
        Ok(row.and_then(|row| row.email_verified_at).map(|at| at.timestamp_millis()))
    }

    /// Deletes tokens that were over before `before_ms`; returns how many that were.
    pub(crate) async fn forget_tokens(&self, before_ms: i64) -> Result<u64, StoreError> {
        let over = one_time_token::Column::ExpiresAt.lt(time(before_ms));
        let gone = one_time_token::Entity::delete_many().filter(over).exec(self.write()).await?;
        Ok(gone.rows_affected)
    }
}

/// Keeps a token.
pub(crate) async fn insert(
    token: NewToken,
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    let row = one_time_token::ActiveModel {
        hash: Set(token.hash),
        purpose: Set(token.purpose.word().into()),
        user_id: Set(token.user_id.as_ref().map(|id| storable(id.as_str()))),
        subject: Set(token.subject.as_deref().map(folded)),
        created_at: Set(time(token.created_at_ms)),
        expires_at: Set(time(token.expires_at_ms)),
        used_at: Set(None),
    };
    one_time_token::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Uses a token; of many at once one succeeds.
async fn redeem(
    hash: &[u8],
    purpose: Purpose,
    now_ms: i64,
    transaction: &DatabaseTransaction,
) -> Result<Option<Redeemed>, StoreError> {
    let used = one_time_token::Entity::update_many()
        .col_expr(one_time_token::Column::UsedAt, Expr::value(time(now_ms)))
        .filter(good(hash, purpose, now_ms))
        .exec_with_returning(transaction)
        .await?;
    Ok(used.into_iter().next().map(Redeemed::from))
}

fn good(hash: &[u8], purpose: Purpose, now_ms: i64) -> Condition {
    Condition::all()
        .add(one_time_token::Column::Hash.eq(hash))
        .add(one_time_token::Column::Purpose.eq(purpose.word()))
        .add(one_time_token::Column::UsedAt.is_null())
        .add(one_time_token::Column::ExpiresAt.gt(time(now_ms)))
}

/// Notes that the address a token was sent to is its owner's; says whether it still is the
/// account's.
async fn set_verified(
    token: &Redeemed,
    now_ms: i64,
    transaction: &DatabaseTransaction,
) -> Result<bool, StoreError> {
    let (Some(user), Some(address)) = (&token.user_id, &token.subject) else { return Ok(false) };
    let done = users::Entity::update_many()
        .col_expr(users::Column::EmailVerifiedAt, Expr::value(time(now_ms)))
        .filter(users::Column::Id.eq(storable(user.as_str())))
        .filter(users::Column::EmailFolded.eq(address))
        .exec(transaction)
        .await?;
    Ok(done.rows_affected > 0)
}
