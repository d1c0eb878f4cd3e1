//! Conversations: lists of them, pages of their messages, and deleting one for oneself.

use chrono::{DateTime, Utc};
use parlor_protocol::ClerkId;
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult, Statement};

use super::people::CorrespondentRow;
use super::{LOCKED, Locked, contacts, lock_conversations, statement};
use crate::value::storable;
use crate::{Store, StoreError};

/// What somebody is called of whom nothing is left but what they wrote.
const GONE_NAME: &str = "Somebody who left";

/// One of somebody's conversations.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct ConversationRow {
    /// Its number.
    pub id: i64,
    /// What clients call the other.
    pub other_clerk_id: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When something was last said.
    pub last_message_at: Option<DateTime<Utc>>,
}

/// A message as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct DirectRow {
    /// Its number; those of a conversation grow.
    pub id: i64,
    /// Its conversation.
    pub conversation_id: i64,
    /// Who wrote it.
    pub from_clerk_id: String,
    /// To whom.
    pub to_clerk_id: String,
    /// The text.
    pub content: String,
    /// `text`.
    pub message_type: String,
    /// Whether it was read.
    pub is_read: bool,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
    /// When the server took it.
    pub created_at: DateTime<Utc>,
}

impl DirectRow {
    /// The columns of a row, of a table of that name.
    pub(super) fn columns(table: &str) -> String {
        let columns = [
            "id",
            "conversation_id",
            "from_clerk_id",
            "to_clerk_id",
            "content",
            "message_type",
            "is_read",
            "read_at",
            "created_at",
        ];
        columns.map(|column| format!("{table}.{column}")).join(", ")
    }
}

/// Which messages of a conversation are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageOf {
    /// The newest, newest first.
    Newest {
        /// Only those before this one.
        before: Option<i64>,
        /// So many are passed over.
        offset: u64,
    },
    /// Those behind this one, oldest first.
    After(i64),
}

/// A conversation as one of the two sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenConversation {
    /// Its number.
    pub id: i64,
    /// The other.
    pub other: CorrespondentRow,
    /// Some of its messages.
    pub messages: Vec<DirectRow>,
}

impl Store {
    /// Returns a page of somebody's conversations, the one with the latest message first: not those
    /// that they deleted or that wait for an answer of theirs.
    pub async fn conversations_of(
        &self,
        owner: &ClerkId,
        limit: u64,
        offset: u64,
    ) -> Result<Vec<ConversationRow>, StoreError> {
        let sql = list(self.read(), owner, limit, offset);
        Ok(ConversationRow::find_by_statement(sql).all(self.read()).await?)
    }

    /// Finds the conversation of two people.
    pub async fn conversation_with(
        &self,
        owner: &ClerkId,
        person: &ClerkId,
    ) -> Result<Option<i64>, StoreError> {
        let pair = super::Pair::of(owner.as_str(), person.as_str());
        let sql = format!("{LOCKED} WHERE user1_clerk_id = $1 AND user2_clerk_id = $2");
        let values = [pair.first.into(), pair.second.into()];
        let sql = statement(self.read(), sql, values);
        let found = Locked::find_by_statement(sql).one(self.read()).await?;
        Ok(found.map(|found| found.id))
    }

    /// Opens a conversation of somebody's at some of its messages, `limit` of them at most. `None`
    /// if there is none of that number that is theirs.
    ///
    /// Whether one's own were read is shown as far as the other lets one know.
    pub async fn open_conversation(
        &self,
        owner: &ClerkId,
        id: i64,
        page: PageOf,
        limit: u64,
    ) -> Result<Option<OpenConversation>, StoreError> {
        let own = storable(owner.as_str());
        let sql =
            format!("{LOCKED} WHERE id = $1 AND (user1_clerk_id = $2 OR user2_clerk_id = $2)");
        let sql = statement(self.read(), sql, [id.into(), own.as_str().into()]);
        let Some(found) = Locked::find_by_statement(sql).one(self.read()).await? else {
            return Ok(None);
        };
        let other = found.other_than(&own).to_owned();
        let messages = messages(self.read(), id, found.cleared_by(&own), page, limit);
        let messages = async { Ok(DirectRow::find_by_statement(messages).all(self.read()).await?) };
        let other_id = ClerkId::from(other.as_str());
        let (mut messages, hides, person) = tokio::try_join!(
            messages,
            hides(&other, &own, self.read()),
            self.correspondent(owner, &other_id)
        )?;
        if hides {
            for message in messages.iter_mut().filter(|message| message.from_clerk_id == own) {
                (message.is_read, message.read_at) = (false, None);
            }
        }
        let other = person.unwrap_or_else(|| CorrespondentRow {
            clerk_id: other,
            username: None,
            display_name: GONE_NAME.to_owned(),
            is_paralyzed: false,
            is_online: false,
            created_at: DateTime::<Utc>::UNIX_EPOCH,
        });
        Ok(Some(OpenConversation { id, other, messages }))
    }

    /// Deletes a conversation for one of the two: they see nothing of what was said until now. When
    /// both did, it is deleted for good. `false` if there is none of that number that is theirs.
    pub async fn clear_conversation(&self, owner: &ClerkId, id: i64) -> Result<bool, StoreError> {
        let own = storable(owner.as_str());
        let transaction = self.begin().await?;
        let locked = lock_conversations(&[id], &transaction).await?.pop();
        let Some(locked) = locked.filter(|it| it.user1_clerk_id == own || it.user2_clerk_id == own)
        else {
            return Ok(false);
        };
        clear(&locked, &own, &transaction).await?;
        contacts::recall((&own, locked.other_than(&own)), &transaction).await?;
        delete_for_good(id, &transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Says whether somebody keeps from another whether they read and type: because the other is
    /// only asking yet, or was declined, or one of them has blocked the other.
    pub async fn hides_from(&self, person: &ClerkId, other: &ClerkId) -> Result<bool, StoreError> {
        let (person, other) = (storable(person.as_str()), storable(other.as_str()));
        hides(&person, &other, self.read()).await
    }
}

/// See [`Store::hides_from`].
pub(super) async fn hides(
    person: &str,
    other: &str,
    connection: &impl ConnectionTrait,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 AS hides WHERE EXISTS (SELECT 1 FROM contacts WHERE user_clerk_id = $1 \
               AND contact_clerk_id = $2 AND state <> 'accepted') \
               OR EXISTS (SELECT 1 FROM direct_block WHERE user_clerk_id = $1 \
               AND blocked_clerk_id = $2) \
               OR EXISTS (SELECT 1 FROM direct_block WHERE user_clerk_id = $2 \
               AND blocked_clerk_id = $1)";
    let sql = statement(connection, sql, [person.into(), other.into()]);
    Ok(connection.query_one_raw(sql).await?.is_some())
}

/// Each half is read off an index in its order, and no more of it than the page needs.
pub(super) fn list(
    connection: &impl ConnectionTrait,
    owner: &ClerkId,
    limit: u64,
    offset: u64,
) -> Statement {
    let half = |own: &str, other: &str, cleared: &str| {
        format!(
            "SELECT * FROM (SELECT v.id, v.{other} AS other_clerk_id, v.created_at, \
             v.last_message_at FROM conversations v WHERE v.{own} = $1 \
             AND EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = v.id \
             AND m.id > v.{cleared}) \
             AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.user_clerk_id = $1 \
             AND c.contact_clerk_id = v.{other} AND c.state <> 'accepted') \
             ORDER BY v.last_message_at DESC, v.id DESC LIMIT $2) AS {own}"
        )
    };
    let sql = format!(
        "{} UNION ALL {} ORDER BY last_message_at DESC, id DESC LIMIT $3 OFFSET $4",
        half("user1_clerk_id", "user2_clerk_id", "user1_cleared_id"),
        half("user2_clerk_id", "user1_clerk_id", "user2_cleared_id")
    );
    let most = limit.saturating_add(offset);
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX).into();
    let values = [storable(owner.as_str()).into(), number(most), number(limit), number(offset)];
    statement(connection, sql, values)
}

/// Messages of a conversation that are not deleted for who reads.
pub(super) fn messages(
    connection: &impl ConnectionTrait,
    conversation: i64,
    cleared: i64,
    page: PageOf,
    limit: u64,
) -> Statement {
    let columns = DirectRow::columns("m");
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX).into();
    let (order, first, before, offset) = match page {
        PageOf::Newest { before, offset } => ("DESC", cleared, before, offset),
        PageOf::After(id) => ("ASC", id.max(cleared), None, 0),
    };
    let sql = format!(
        "SELECT {columns} FROM messages m WHERE m.conversation_id = $1 AND m.id > $2 \
         AND m.id < $3 ORDER BY m.id {order} LIMIT $4 OFFSET $5"
    );
    let before = before.unwrap_or(i64::MAX);
    let values = [conversation.into(), first.into(), before.into(), number(limit), number(offset)];
    statement(connection, sql, values)
}

/// Hides from somebody what was said in a conversation until now. Its lock must be held.
pub(super) async fn clear(
    locked: &Locked,
    owner: &str,
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    let mark = if locked.user1_clerk_id == owner { "user1_cleared_id" } else { "user2_cleared_id" };
    let sql = format!(
        "UPDATE conversations SET {mark} = (SELECT coalesce(max(m.id), {mark}) FROM messages m \
         WHERE m.conversation_id = conversations.id) WHERE id = $1"
    );
    transaction.execute_raw(statement(transaction, sql, [locked.id.into()])).await?;
    Ok(())
}

/// Deletes what is hidden from both, and the conversation if nothing is left of it.
pub(super) async fn delete_for_good(
    id: i64,
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM messages WHERE conversation_id = $1 \
         AND id <= (SELECT user1_cleared_id FROM conversations WHERE id = $1) \
         AND id <= (SELECT user2_cleared_id FROM conversations WHERE id = $1)",
        "DELETE FROM conversations WHERE id = $1 \
         AND NOT EXISTS (SELECT 1 FROM messages WHERE conversation_id = $1)",
    ] {
        transaction.execute_raw(statement(transaction, sql, [id.into()])).await?;
    }
    Ok(())
}
