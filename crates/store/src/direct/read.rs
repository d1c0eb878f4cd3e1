//! Marking messages as read.

use std::collections::{BTreeMap, HashMap};

use parlor_protocol::{ClerkId, UserId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult};

use super::{Locked, Party, conversations, list_of_values, lock_conversations, statement};
use crate::value::{storable, time};
use crate::{Store, StoreError};

/// Messages in one statement.
const IDS_PER_STATEMENT: usize = 1_000;

/// What came of marking messages as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarkedRead {
    /// Which of those that were asked for are messages to the reader, ascending; also those that
    /// were read before.
    pub ids: Vec<i64>,
    /// Those that were not read before, by author.
    pub by_author: Vec<ReadOf>,
}

/// Messages of one author that were read now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOf {
    /// Who wrote them.
    pub author: Party,
    /// Which, ascending.
    pub ids: Vec<i64>,
    /// Whether the author may know.
    pub is_told: bool,
}

impl Store {
    /// Marks messages as read by the one they went to. What is not theirs, or was deleted for them,
    /// is passed over. All of it is written at once.
    ///
    /// The count of unread ones falls by exactly those that were not read before.
    pub async fn mark_read(
        &self,
        reader: &ClerkId,
        ids: &[i64],
        at_ms: i64,
    ) -> Result<MarkedRead, StoreError> {
        let reader = storable(reader.as_str());
        let mut asked = ids.to_vec();
        asked.sort_unstable();
        asked.dedup();
        let transaction = self.begin().await?;
        let own = own_messages(&reader, &asked, &transaction).await?;
        let mut marked =
            MarkedRead { ids: own.iter().map(|it| it.id).collect(), by_author: vec![] };
        let unread: Vec<&Own> = own.iter().filter(|own| !own.is_read).collect();
        if unread.is_empty() {
            return Ok(marked);
        }
        let authors = mark(&reader, &unread, at_ms, &transaction).await?;
        for (author, ids) in authors {
            count_down((&reader, &author), ids.len(), &transaction).await?;
            marked.by_author.push(ReadOf {
                is_told: !conversations::hides(&reader, &author, &transaction).await?,
                author: party(author, &transaction).await?,
                ids,
            });
        }
        transaction.commit().await?;
        Ok(marked)
    }

    /// Returns how many messages somebody has not read, among contacts and requests.
    pub async fn unread_count_of(&self, owner: &ClerkId) -> Result<i64, StoreError> {
        let sql = "SELECT CAST(coalesce(sum(unread_count), 0) AS BIGINT) AS unread FROM contacts \
                   WHERE user_clerk_id = $1 AND state <> 'declined'";
        let sql = statement(self.read(), sql, [storable(owner.as_str()).into()]);
        let row = self.read().query_one_raw(sql).await?;
        Ok(row.map_or(Ok(0), |row| row.try_get("", "unread"))?)
    }
}

/// A message to the reader.
#[derive(FromQueryResult)]
struct Own {
    id: i64,
    is_read: bool,
}

/// Finds which messages are the reader's, after taking the locks of their conversations.
async fn own_messages(
    reader: &str,
    asked: &[i64],
    transaction: &DatabaseTransaction,
) -> Result<Vec<Own>, StoreError> {
    let mut conversations: Vec<i64> = Vec::new();
    for chunk in asked.chunks(IDS_PER_STATEMENT) {
        let sql = format!(
            "SELECT DISTINCT conversation_id FROM messages WHERE to_clerk_id = $1 AND id IN ({})",
            list_of_values(chunk.len(), 1)
        );
        for row in transaction.query_all_raw(with_ids(transaction, sql, reader, chunk)).await? {
            conversations.push(row.try_get("", "conversation_id")?);
        }
    }
    conversations.sort_unstable();
    conversations.dedup();
    // All of them before any message: a lock that is taken later would stand out of its order.
    let mut cleared: HashMap<i64, i64> = HashMap::with_capacity(conversations.len());
    for locked in lock_all(&conversations, transaction).await? {
        cleared.insert(locked.id, locked.cleared_by(reader));
    }
    let mut own = Vec::new();
    for chunk in asked.chunks(IDS_PER_STATEMENT) {
        let sql = format!(
            "SELECT id, conversation_id, is_read FROM messages WHERE to_clerk_id = $1 \
             AND id IN ({}) ORDER BY id",
            list_of_values(chunk.len(), 1)
        );
        for row in transaction.query_all_raw(with_ids(transaction, sql, reader, chunk)).await? {
            let id: i64 = row.try_get("", "id")?;
            let mark = cleared.get(&row.try_get::<i64>("", "conversation_id")?);
            if mark.is_some_and(|mark| id > *mark) {
                own.push(Own { id, is_read: row.try_get("", "is_read")? });
            }
        }
    }
    Ok(own)
}

/// At most as many conversations as messages are asked for, which is bounded: one statement orders
/// the locks of all.
async fn lock_all(
    conversations: &[i64],
    transaction: &DatabaseTransaction,
) -> Result<Vec<Locked>, StoreError> {
    match conversations.is_empty() {
        true => Ok(Vec::new()),
        false => lock_conversations(conversations, transaction).await,
    }
}

fn with_ids(
    transaction: &DatabaseTransaction,
    sql: String,
    reader: &str,
    ids: &[i64],
) -> sea_orm::Statement {
    let values = std::iter::once(reader.into()).chain(ids.iter().map(|id| (*id).into()));
    statement(transaction, sql, values)
}

/// Marks messages, and returns them by author.
async fn mark(
    reader: &str,
    unread: &[&Own],
    at_ms: i64,
    transaction: &DatabaseTransaction,
) -> Result<BTreeMap<String, Vec<i64>>, StoreError> {
    let mut authors: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for chunk in unread.chunks(IDS_PER_STATEMENT) {
        let sql = format!(
            "UPDATE messages SET is_read = $1, read_at = $2 WHERE to_clerk_id = $3 \
             AND NOT is_read AND id IN ({}) RETURNING id, from_clerk_id",
            list_of_values(chunk.len(), 3)
        );
        let values = [true.into(), time(at_ms).into(), reader.into()]
            .into_iter()
            .chain(chunk.iter().map(|own| own.id.into()));
        for row in transaction.query_all_raw(statement(transaction, sql, values)).await? {
            let author: String = row.try_get("", "from_clerk_id")?;
            authors.entry(author).or_default().push(row.try_get("", "id")?);
        }
    }
    for ids in authors.values_mut() {
        ids.sort_unstable();
    }
    Ok(authors)
}

/// Takes messages from the count of those that the reader has not read of the author.
async fn count_down(
    (reader, author): (&str, &str),
    count: usize,
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    let sql = "UPDATE contacts SET unread_count = CASE WHEN unread_count > $1 \
               THEN unread_count - $1 ELSE 0 END \
               WHERE user_clerk_id = $2 AND contact_clerk_id = $3";
    let values = [(count as i64).into(), reader.into(), author.into()];
    transaction.execute_raw(statement(transaction, sql, values)).await?;
    Ok(())
}

async fn party(clerk_id: String, transaction: &DatabaseTransaction) -> Result<Party, StoreError> {
    let sql = "SELECT id FROM users WHERE clerk_id = $1";
    let sql = statement(transaction, sql, [clerk_id.as_str().into()]);
    let row = transaction.query_one_raw(sql).await?;
    let user_id = row.map(|row| row.try_get::<String>("", "id")).transpose()?;
    // Whoever left since is online nowhere.
    let user_id = user_id.unwrap_or_else(|| clerk_id.clone());
    Ok(Party { user_id: UserId::from(user_id), clerk_id: ClerkId::from(clerk_id) })
}
