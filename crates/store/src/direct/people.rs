//! Who can be written to, how they are found, and how they want to be reached.

use chrono::{DateTime, Utc};
use parlor_protocol::{ClerkId, UserId, limits};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, Statement};

use super::statement;
use crate::entity::users;
use crate::people::PersonKind;
use crate::value::{Word, searched, storable};
use crate::{Store, StoreError};

/// People of whom it is looked whether they may be shown, for one search.
const CANDIDATES: i64 = 200;

/// Oneself, as direct messages know one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectPerson {
    /// The person.
    pub user_id: UserId,
    /// What clients call the person.
    pub clerk_id: ClerkId,
    /// How the person came to be known; guests have no direct messages.
    pub kind: PersonKind,
    /// Whether the person writes without hands.
    pub is_paralyzed: bool,
    /// Whether the person has a socket open.
    pub is_online: bool,
    /// Whether the person has said so once: see [`Store::introduce`].
    pub is_introduced: bool,
    /// Whether others find the person by name.
    pub is_searchable: bool,
    /// Whether strangers' first messages are requests.
    pub strangers_ask: bool,
    /// Whether whoever runs the site keeps the person out.
    pub is_disabled: bool,
    /// When the person was first kept.
    pub created_at_ms: i64,
}

/// Somebody as another sees them.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct CorrespondentRow {
    /// What clients call the person.
    pub clerk_id: String,
    /// The user name.
    pub username: Option<String>,
    /// The name to show.
    pub display_name: String,
    /// Whether the person writes without hands; `false` unless they accepted who looks.
    pub is_paralyzed: bool,
    /// Whether the person has a socket open; `false` unless they accepted who looks.
    pub is_online: bool,
    /// When the person was first kept.
    pub created_at: DateTime<Utc>,
}

/// What of a person's settings changes; `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectSettingsChange {
    /// Whether strangers' first messages are requests.
    pub strangers_ask: Option<bool>,
    /// Whether others find the person by name.
    pub is_searchable: Option<bool>,
}

/// What is selected of somebody, `u`, for who looks, `$1`. How they are is for those alone whom
/// they accepted, and for nobody across a block.
pub(super) fn seen() -> String {
    format!(
        "u.clerk_id, u.username, u.display_name, u.created_at, \
         (u.is_paralyzed AND {KNOWS}) AS is_paralyzed, \
         (u.status = 'online' AND {KNOWS}) AS is_online"
    )
}

/// Whether somebody, `u`, accepted who looks, `$1`.
const KNOWS: &str = "(EXISTS (SELECT 1 FROM contacts k WHERE k.user_clerk_id = u.clerk_id \
     AND k.contact_clerk_id = $1 AND k.state = 'accepted') \
     AND NOT EXISTS (SELECT 1 FROM direct_block b WHERE \
     (b.user_clerk_id = u.clerk_id AND b.blocked_clerk_id = $1) \
     OR (b.user_clerk_id = $1 AND b.blocked_clerk_id = u.clerk_id)))";

impl TryFrom<users::Model> for DirectPerson {
    type Error = StoreError;

    fn try_from(row: users::Model) -> Result<Self, StoreError> {
        Ok(Self {
            user_id: UserId::from(row.id),
            clerk_id: ClerkId::from(row.clerk_id),
            kind: PersonKind::from_word(&row.kind)?,
            is_paralyzed: row.is_paralyzed,
            is_online: row.status == super::online::ONLINE,
            is_introduced: row.is_introduced,
            is_searchable: row.is_searchable,
            strangers_ask: row.strangers_ask,
            is_disabled: row.disabled_at.is_some(),
            created_at_ms: row.created_at.timestamp_millis(),
        })
    }
}

impl Store {
    /// Finds somebody by id.
    pub async fn direct_person(&self, id: &UserId) -> Result<Option<DirectPerson>, StoreError> {
        let row = users::Entity::find_by_id(storable(id.as_str())).one(self.read()).await?;
        row.map(DirectPerson::try_from).transpose()
    }

    /// Finds somebody by what clients call them.
    pub async fn direct_person_called(
        &self,
        clerk_id: &ClerkId,
    ) -> Result<Option<DirectPerson>, StoreError> {
        let called = users::Column::ClerkId.eq(storable(clerk_id.as_str()));
        let row = users::Entity::find().filter(called).one(self.read()).await?;
        row.map(DirectPerson::try_from).transpose()
    }

    /// Keeps whether somebody writes without hands, the first time it is said; `false` if it was
    /// said before.
    pub async fn introduce(&self, id: &UserId, is_paralyzed: bool) -> Result<bool, StoreError> {
        let done = users::Entity::update_many()
            .col_expr(users::Column::IsParalyzed, Expr::value(is_paralyzed))
            .col_expr(users::Column::IsIntroduced, Expr::value(true))
            .filter(users::Column::Id.eq(storable(id.as_str())))
            .filter(users::Column::IsIntroduced.eq(false))
            .exec(self.write())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Changes how somebody wants to be reached.
    pub async fn set_direct_settings(
        &self,
        id: &UserId,
        change: DirectSettingsChange,
    ) -> Result<(), StoreError> {
        let mut update =
            users::Entity::update_many().filter(users::Column::Id.eq(storable(id.as_str())));
        if let Some(strangers_ask) = change.strangers_ask {
            update = update.col_expr(users::Column::StrangersAsk, Expr::value(strangers_ask));
        }
        if let Some(is_searchable) = change.is_searchable {
            update = update.col_expr(users::Column::IsSearchable, Expr::value(is_searchable));
        }
        if change != DirectSettingsChange::default() {
            update.exec(self.write()).await?;
        }
        Ok(())
    }

    /// Returns somebody as another sees them; `None` if nobody is called that.
    pub async fn correspondent(
        &self,
        viewer: &ClerkId,
        clerk_id: &ClerkId,
    ) -> Result<Option<CorrespondentRow>, StoreError> {
        let sql = format!("SELECT {} FROM users u WHERE u.clerk_id = $2", seen());
        let values = [viewer, clerk_id].map(|id| storable(id.as_str()).into());
        let sql = statement(self.read(), sql, values);
        Ok(CorrespondentRow::find_by_statement(sql).one(self.read()).await?)
    }

    /// Finds people one of whose words begins like the text, in the order of their names: neither
    /// the searcher nor guests nor those who do not want to be found or have blocked the searcher.
    pub async fn search_people(
        &self,
        searcher: &ClerkId,
        text: &str,
    ) -> Result<Vec<CorrespondentRow>, StoreError> {
        let sql = search(self.read(), searcher, text);
        Ok(CorrespondentRow::find_by_statement(sql).all(self.read()).await?)
    }
}

/// The words with one beginning lie beside each other in the table's key.
pub(super) fn search(
    connection: &impl ConnectionTrait,
    searcher: &ClerkId,
    text: &str,
) -> Statement {
    let sql = format!(
        "SELECT {} FROM users u WHERE u.id IN \
         (SELECT w.user_id FROM user_word w WHERE w.word >= $2 AND w.word < $3 \
         ORDER BY w.word LIMIT $4) \
         AND u.clerk_id <> $1 AND u.is_searchable AND u.kind <> 'guest' AND u.disabled_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM direct_block x WHERE x.user_clerk_id = u.clerk_id \
         AND x.blocked_clerk_id = $1) \
         ORDER BY u.display_name, u.clerk_id LIMIT $5",
        seen()
    );
    let first = searched(text);
    let last = format!("{first}{}", char::MAX);
    let values = [
        storable(searcher.as_str()).into(),
        first.into(),
        last.into(),
        CANDIDATES.into(),
        (limits::SEARCH_PAGE as i64).into(),
    ];
    statement(connection, sql, values)
}
