//! Requests: what strangers wrote to whoever wants to be asked.

use chrono::{DateTime, Utc};
use parlor_protocol::ClerkId;
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult};

use super::people::{self, CorrespondentRow};
use super::{ContactRow, Pair, contacts, conversations, lock_pair, statement};
use crate::value::storable;
use crate::{Store, StoreError};

/// A stranger's messages that wait for an answer.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct RequestRow {
    /// The number of the contact it becomes.
    pub id: i64,
    /// Who wrote.
    #[sea_orm(nested)]
    pub person: CorrespondentRow,
    /// The conversation.
    pub conversation_id: i64,
    /// How the last message begins.
    pub last_message_preview: Option<String>,
    /// When that was.
    pub last_message_at: Option<DateTime<Utc>>,
    /// How many messages were not read.
    pub unread_count: i64,
}

impl Store {
    /// Returns a page of the requests to somebody, the latest first; not of those they blocked.
    pub async fn requests_to(
        &self,
        owner: &ClerkId,
        limit: u64,
        offset: u64,
    ) -> Result<Vec<RequestRow>, StoreError> {
        let sql = format!(
            "SELECT c.id, v.id AS conversation_id, c.last_message_preview, c.last_message_at, \
             c.unread_count, {} FROM contacts c JOIN users u ON u.clerk_id = c.contact_clerk_id \
             JOIN conversations v ON (v.user1_clerk_id = c.user_clerk_id \
             AND v.user2_clerk_id = c.contact_clerk_id) OR (v.user1_clerk_id = c.contact_clerk_id \
             AND v.user2_clerk_id = c.user_clerk_id) \
             WHERE c.user_clerk_id = $1 AND c.state = 'request' \
             AND NOT EXISTS (SELECT 1 FROM direct_block x WHERE x.user_clerk_id = $1 \
             AND x.blocked_clerk_id = c.contact_clerk_id) \
             ORDER BY c.last_message_at DESC NULLS LAST, c.id DESC LIMIT $2 OFFSET $3",
            people::seen()
        );
        let values =
            [storable(owner.as_str()).into(), (limit as i64).into(), (offset as i64).into()];
        let sql = statement(self.read(), sql, values);
        Ok(RequestRow::find_by_statement(sql).all(self.read()).await?)
    }

    /// Takes a stranger among the contacts. `None` if there is no such request.
    pub async fn accept_request(
        &self,
        owner: &ClerkId,
        id: i64,
    ) -> Result<Option<ContactRow>, StoreError> {
        let own = storable(owner.as_str());
        let transaction = self.begin().await?;
        let Some(person) = asking(&own, id, &transaction).await? else { return Ok(None) };
        lock_pair(&Pair::of(&own, &person), &transaction).await?;
        answer(id, "accepted", &transaction).await?;
        transaction.commit().await?;
        self.contact(owner, id).await
    }

    /// Wants to hear no more of a stranger: what they wrote and what they write is not shown, unless
    /// one writes to them or adds them. They do not learn it. `false` if there is no such request.
    pub async fn decline_request(&self, owner: &ClerkId, id: i64) -> Result<bool, StoreError> {
        let own = storable(owner.as_str());
        let transaction = self.begin().await?;
        let Some(person) = asking(&own, id, &transaction).await? else { return Ok(false) };
        if let Some(locked) = lock_pair(&Pair::of(&own, &person), &transaction).await? {
            conversations::clear(&locked, &own, &transaction).await?;
        }
        answer(id, "declined", &transaction).await?;
        contacts::recall((&own, &person), &transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Finds who waits for an answer.
async fn asking(
    owner: &str,
    id: i64,
    transaction: &DatabaseTransaction,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT contact_clerk_id FROM contacts WHERE id = $1 AND user_clerk_id = $2 \
               AND state = 'request'";
    let sql = statement(transaction, sql, [id.into(), owner.into()]);
    let row = transaction.query_one_raw(sql).await?;
    Ok(row.map(|row| row.try_get("", "contact_clerk_id")).transpose()?)
}

async fn answer(id: i64, state: &str, transaction: &DatabaseTransaction) -> Result<(), StoreError> {
    let sql = "UPDATE contacts SET state = $1 WHERE id = $2 AND state = 'request'";
    let sql = statement(transaction, sql, [state.into(), id.into()]);
    transaction.execute_raw(sql).await?;
    Ok(())
}
