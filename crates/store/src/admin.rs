//! Accounts as whoever runs the site sees them, and who that is.

use parlor_protocol::{LoginId, UserId};
use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::entity::{login, one_time_token, users};
use crate::once::{self, NewToken, Purpose};
use crate::people::{AccountRow, PersonKind};
use crate::value::{Word, folded, storable, time};
use crate::{Person, Store, StoreError};

/// What is to be changed of an account; what is absent stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Office {
    /// Whether its owner runs the site.
    pub is_admin: Option<bool>,
    /// Since when its owner is kept out; `Some(None)` lets them in again.
    pub disabled_since_ms: Option<Option<i64>>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfficeChange {
    /// It is made.
    Made,
    /// Nobody would be left who runs the site and may log in, so it is not made.
    LastAdmin,
    /// There is no such account.
    Unknown,
}

impl Store {
    /// Returns up to `limit` accounts by user name, those behind `after`.
    pub async fn accounts(
        &self,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<Person>, StoreError> {
        let mut query = users::Entity::find()
            .filter(users::Column::Kind.eq(PersonKind::Account.word()))
            .order_by_asc(users::Column::UsernameFolded)
            .limit(limit);
        if let Some(after) = after {
            query = query.filter(users::Column::UsernameFolded.gt(folded(after)));
        }
        people(query.all(self.read()).await?)
    }

    /// Returns up to `limit` people who are no guests, the newest first, those behind `after`. With
    /// `search` only those whose user name, address or name to show has it, whatever its case.
    pub async fn people(
        &self,
        search: Option<&str>,
        after: Option<&UserId>,
        limit: u64,
    ) -> Result<Vec<Person>, StoreError> {
        use users::Column as C;
        let mut query = users::Entity::find()
            .filter(C::Kind.ne(PersonKind::Guest.word()))
            .order_by_desc(C::CreatedAt)
            .order_by_desc(C::Id)
            .limit(limit);
        if let Some(search) = search {
            let pattern =
                folded(search).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            let like = || LikeExpr::new(format!("%{pattern}%")).escape('\\');
            let shown = Expr::expr(Func::lower(Expr::col(C::DisplayName))).like(like());
            let found = Condition::any()
                .add(C::UsernameFolded.like(like()))
                .add(C::EmailFolded.like(like()))
                .add(shown);
            query = query.filter(found);
        }
        if let Some(after) = after {
            let after = storable(after.as_str());
            let Some(last) = users::Entity::find_by_id(&after).one(self.read()).await? else {
                return Ok(Vec::new());
            };
            let same = Condition::all().add(C::CreatedAt.eq(last.created_at)).add(C::Id.lt(after));
            query = query.filter(Condition::any().add(C::CreatedAt.lt(last.created_at)).add(same));
        }
        people(query.all(self.read()).await?)
    }

    /// Changes who runs the site and who is kept out of it. The logins of somebody who is kept out
    /// are for the caller to revoke.
    pub async fn change_office(
        &self,
        id: &UserId,
        office: Office,
    ) -> Result<OfficeChange, StoreError> {
        use users::Column as C;
        let id = storable(id.as_str());
        let transaction = self.begin().await?;
        // Of two who put each other out at once, one comes first.
        let admins = users::Entity::find()
            .filter(C::IsAdmin.eq(true))
            .order_by_asc(C::Id)
            .lock_exclusive()
            .all(&transaction)
            .await?;
        let kinds = [PersonKind::Account, PersonKind::External].map(|kind| kind.word());
        let found =
            users::Entity::find_by_id(&id).filter(C::Kind.is_in(kinds)).one(&transaction).await?;
        let Some(row) = found else { return Ok(OfficeChange::Unknown) };
        let runs = |row: &users::Model| row.is_admin && row.disabled_at.is_none();
        let stays = office.is_admin.unwrap_or(row.is_admin)
            && office.disabled_since_ms.map_or(row.disabled_at.is_none(), |since| since.is_none());
        if runs(&row) && !stays && !admins.iter().any(|other| other.id != id && runs(other)) {
            return Ok(OfficeChange::LastAdmin);
        }
        let mut update = users::Entity::update_many().filter(C::Id.eq(&id));
        if let Some(is_admin) = office.is_admin {
            update = update.col_expr(C::IsAdmin, Expr::value(is_admin));
        }
        if let Some(since_ms) = office.disabled_since_ms {
            update = update.col_expr(C::DisabledAt, Expr::value(since_ms.map(time)));
        }
        if office != Office::default() {
            update.exec(&transaction).await?;
        }
        transaction.commit().await?;
        Ok(OfficeChange::Made)
    }

    /// Says whether anybody runs the site.
    pub async fn has_admin(&self) -> Result<bool, StoreError> {
        let admins = users::Entity::find().filter(users::Column::IsAdmin.eq(true));
        Ok(admins.count(self.read()).await? > 0)
    }

    /// Keeps a token on its own: one whose link is told, not mailed.
    pub async fn keep_token(&self, token: NewToken) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        once::insert(token, &transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Makes somebody the first who runs the site, by a token of [`Purpose::Admin`]; all such tokens
    /// are used then. `false` if the token is not good at `now_ms`, or somebody runs it already.
    pub async fn claim_site(
        &self,
        hash: &[u8],
        id: &UserId,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        use one_time_token::Column as T;
        let transaction = self.begin().await?;
        // Of two who have a link each, one comes first: both want every such token's row.
        let used = one_time_token::Entity::update_many()
            .col_expr(T::UsedAt, Expr::value(time(now_ms)))
            .filter(T::Purpose.eq(Purpose::Admin.word()))
            .filter(T::UsedAt.is_null())
            .filter(T::ExpiresAt.gt(time(now_ms)))
            .exec_with_returning(&transaction)
            .await?;
        let is_taken = users::Entity::find()
            .filter(users::Column::IsAdmin.eq(true))
            .count(&transaction)
            .await?;
        if is_taken > 0 || !used.iter().any(|token| token.hash == hash) {
            return Ok(false);
        }
        let done = users::Entity::update_many()
            .col_expr(users::Column::IsAdmin, Expr::value(true))
            .filter(users::Column::Id.eq(storable(id.as_str())))
            .filter(users::Column::Kind.ne(PersonKind::Guest.word()))
            .exec(&transaction)
            .await?;
        if done.rows_affected == 0 {
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Returns the logins that were revoked at `since_ms` or later, by the clocks of those who did.
    pub async fn logins_revoked_since(&self, since_ms: i64) -> Result<Vec<LoginId>, StoreError> {
        let ids: Vec<String> = login::Entity::find()
            .select_only()
            .column(login::Column::Id)
            .filter(login::Column::RevokedAt.gte(time(since_ms)))
            .into_tuple()
            .all(self.read())
            .await?;
        Ok(ids.into_iter().map(LoginId::from).collect())
    }
}

fn people(rows: Vec<users::Model>) -> Result<Vec<Person>, StoreError> {
    rows.into_iter().map(|row| Ok(AccountRow::try_from(row)?.person)).collect()
}
