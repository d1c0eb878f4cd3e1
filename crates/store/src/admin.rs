//! Accounts as whoever runs the site sees them.

use parlor_protocol::{LoginId, UserId};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::entity::{login, users};
use crate::people::{AccountRow, PersonKind};
use crate::value::{Word, folded, time};
use crate::{Person, Store, StoreError};

/// An account in the list of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAccount {
    /// Whose it is.
    pub person: Person,
    /// Whether its owner runs the site.
    pub is_admin: bool,
    /// Since when its owner is kept out.
    pub disabled_at_ms: Option<i64>,
}

impl Store {
    /// Returns up to `limit` accounts by user name, those behind `after`.
    pub async fn accounts(
        &self,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<ListedAccount>, StoreError> {
        let mut query = users::Entity::find()
            .filter(users::Column::Kind.eq(PersonKind::Account.word()))
            .order_by_asc(users::Column::UsernameFolded)
            .limit(limit);
        if let Some(after) = after {
            query = query.filter(users::Column::UsernameFolded.gt(folded(after)));
        }
        let rows = query.all(self.read()).await?;
        let listed = rows.into_iter().map(|row| {
            let is_admin = row.is_admin;
            let disabled_at_ms = row.disabled_at.map(|at| at.timestamp_millis());
            let person = AccountRow::try_from(row)?.person;
            Ok(ListedAccount { person, is_admin, disabled_at_ms })
        });
        listed.collect()
    }

    /// Keeps somebody out from a moment on, or lets them in again; `false` if there is no such
    /// person. Their logins are for the caller to revoke.
    pub async fn set_disabled(
        &self,
        id: &UserId,
        since_ms: Option<i64>,
    ) -> Result<bool, StoreError> {
        let since = since_ms.map(time);
        self.set_column(id, users::Column::DisabledAt, Expr::value(since)).await
    }

    /// Makes somebody run the site, or no longer; `false` if there is no such person.
    pub async fn set_admin(&self, id: &UserId, is_admin: bool) -> Result<bool, StoreError> {
        self.set_column(id, users::Column::IsAdmin, Expr::value(is_admin)).await
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
