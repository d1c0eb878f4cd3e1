//! Contacts: a row for each person somebody wrote to, was written to by, or added.

use chrono::{DateTime, Utc};
use parlor_protocol::{ClerkId, limits};
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult, Statement};

use super::{Pair, Standing, UNREAD, lock_pair, people, statement};
use crate::people::PersonKind;
use crate::value::{Word, storable, time};
use crate::{Store, StoreError};

/// One of somebody's contacts.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct ContactRow {
    /// Its number.
    pub id: i64,
    /// What clients call the person.
    pub contact_clerk_id: String,
    /// The name the person shows.
    pub display_name: String,
    /// What the owner calls them.
    pub nickname: Option<String>,
    /// How the last message of either begins.
    pub last_message_preview: Option<String>,
    /// When that was.
    pub last_message_at: Option<DateTime<Utc>>,
    /// Messages of theirs that the owner has not read.
    pub unread_count: i64,
    /// Whether the person has a socket open; `false` unless they accepted the owner.
    pub is_online: bool,
    /// Whether the person writes without hands; `false` unless they accepted the owner.
    pub is_paralyzed: bool,
}

/// What came of adding a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddedContact {
    /// It is there now.
    Added(Box<ContactRow>),
    /// It was there before.
    AlreadyThere,
    /// Nobody is called that who has direct messages and takes those of the owner.
    NoSuchPerson,
    /// The owner has [`limits::CONTACTS`] already.
    TooMany,
}

impl Store {
    /// Returns a page of somebody's contacts: the one with the latest message first, those without
    /// one last.
    pub async fn contacts_of(
        &self,
        owner: &ClerkId,
        limit: u64,
        offset: u64,
    ) -> Result<Vec<ContactRow>, StoreError> {
        let sql = page(self.read(), owner, limit, offset);
        Ok(ContactRow::find_by_statement(sql).all(self.read()).await?)
    }

    /// Finds one of somebody's contacts.
    pub async fn contact(
        &self,
        owner: &ClerkId,
        id: i64,
    ) -> Result<Option<ContactRow>, StoreError> {
        let sql = one(self.read(), owner.as_str(), "c.id = $2", id.into());
        Ok(ContactRow::find_by_statement(sql).one(self.read()).await?)
    }

    /// Says whether somebody is among a person's contacts, accepted or not.
    pub async fn is_contact(&self, owner: &ClerkId, person: &ClerkId) -> Result<bool, StoreError> {
        let (owner, person) = (storable(owner.as_str()), storable(person.as_str()));
        Ok(standing_of(&owner, &person, self.read()).await?.is_some())
    }

    /// Adds a contact; a request of that person is accepted by it.
    pub async fn add_contact(
        &self,
        owner: &ClerkId,
        person: &ClerkId,
        nickname: Option<&str>,
        at_ms: i64,
    ) -> Result<AddedContact, StoreError> {
        let (owner, person) = (storable(owner.as_str()), storable(person.as_str()));
        let transaction = self.begin().await?;
        lock_pair(&Pair::of(&owner, &person), &transaction).await?;
        if owner == person || !takes(&person, &owner, &transaction).await? {
            return Ok(AddedContact::NoSuchPerson);
        }
        let standing = standing_of(&owner, &person, &transaction).await?;
        if standing == Some(Standing::Accepted) {
            return Ok(AddedContact::AlreadyThere);
        }
        if count(&owner, &transaction).await? >= limits::CONTACTS as i64 {
            return Ok(AddedContact::TooMany);
        }
        accept((&owner, &person), nickname.map(storable), at_ms, &transaction).await?;
        let sql = one(&transaction, &owner, "c.contact_clerk_id = $2", person.into());
        let row = ContactRow::find_by_statement(sql).one(&transaction).await?;
        let row = row.ok_or(StoreError::Dangling)?;
        transaction.commit().await?;
        Ok(AddedContact::Added(Box::new(row)))
    }

    /// Changes what somebody calls a contact; `None` if there is no such contact.
    pub async fn name_contact(
        &self,
        owner: &ClerkId,
        id: i64,
        nickname: Option<&str>,
    ) -> Result<Option<ContactRow>, StoreError> {
        let sql = "UPDATE contacts SET nickname = $1 \
                   WHERE id = $2 AND user_clerk_id = $3 AND state = 'accepted'";
        let values = [nickname.map(storable).into(), id.into(), storable(owner.as_str()).into()];
        self.write().execute_raw(statement(self.write(), sql, values)).await?;
        let sql = one(self.write(), owner.as_str(), "c.id = $2", id.into());
        Ok(ContactRow::find_by_statement(sql).one(self.write()).await?)
    }

    /// Removes a contact and returns it as it was; the messages stay. That person is a stranger
    /// again. `None` if there is no such contact.
    pub async fn remove_contact(
        &self,
        owner: &ClerkId,
        id: i64,
    ) -> Result<Option<ContactRow>, StoreError> {
        let transaction = self.begin().await?;
        let sql = one(&transaction, owner.as_str(), "c.id = $2", id.into());
        let Some(row) = ContactRow::find_by_statement(sql).one(&transaction).await? else {
            return Ok(None);
        };
        let owner = storable(owner.as_str());
        lock_pair(&Pair::of(&owner, &row.contact_clerk_id), &transaction).await?;
        let sql = "DELETE FROM contacts WHERE id = $1 AND user_clerk_id = $2 \
                   AND state = 'accepted'";
        let sql = statement(&transaction, sql, [id.into(), owner.into()]);
        let gone = transaction.execute_raw(sql).await?.rows_affected();
        transaction.commit().await?;
        Ok((gone > 0).then_some(row))
    }
}

/// A page of contacts, with the people in them.
pub(super) fn page(
    connection: &impl ConnectionTrait,
    owner: &ClerkId,
    limit: u64,
    offset: u64,
) -> Statement {
    let sql = format!(
        "SELECT {} FROM contacts c JOIN users u ON u.clerk_id = c.contact_clerk_id \
         WHERE c.user_clerk_id = $1 AND c.state = 'accepted' \
         ORDER BY c.last_message_at DESC NULLS LAST, c.id DESC LIMIT $2 OFFSET $3",
        columns()
    );
    let values = [storable(owner.as_str()).into(), (limit as i64).into(), (offset as i64).into()];
    statement(connection, sql, values)
}

/// One contact of `owner`, by a condition with `$2` in it.
fn one(
    connection: &impl ConnectionTrait,
    owner: &str,
    which: &str,
    value: sea_orm::Value,
) -> Statement {
    let sql = format!(
        "SELECT {} FROM contacts c JOIN users u ON u.clerk_id = c.contact_clerk_id \
         WHERE c.user_clerk_id = $1 AND c.state = 'accepted' AND {which}",
        columns()
    );
    statement(connection, sql, [storable(owner).into(), value])
}

fn columns() -> String {
    format!(
        "c.id, c.contact_clerk_id, c.nickname, c.last_message_preview, c.last_message_at, \
         c.unread_count, {}",
        people::seen()
    )
}

/// Says whether somebody has direct messages and neither of the two has blocked the other.
async fn takes(
    person: &str,
    owner: &str,
    transaction: &DatabaseTransaction,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 AS one FROM users u WHERE u.clerk_id = $1 AND u.kind <> $3 \
               AND u.disabled_at IS NULL AND NOT EXISTS (SELECT 1 FROM direct_block b \
               WHERE b.user_clerk_id = u.clerk_id AND b.blocked_clerk_id = $2)";
    let values = [person.into(), owner.into(), PersonKind::Guest.word().into()];
    Ok(transaction.query_one_raw(statement(transaction, sql, values)).await?.is_some())
}

async fn count(owner: &str, transaction: &DatabaseTransaction) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) AS contacts FROM contacts WHERE user_clerk_id = $1";
    let row = transaction.query_one_raw(statement(transaction, sql, [owner.into()])).await?;
    Ok(row.map_or(Ok(0), |row| row.try_get("", "contacts"))?)
}

/// Says how somebody stands to a person; `None` if they are strangers.
pub(super) async fn standing_of(
    owner: &str,
    person: &str,
    connection: &impl ConnectionTrait,
) -> Result<Option<Standing>, StoreError> {
    let sql = "SELECT state FROM contacts WHERE user_clerk_id = $1 AND contact_clerk_id = $2";
    let sql = statement(connection, sql, [owner.into(), person.into()]);
    let row = connection.query_one_raw(sql).await?;
    row.map(|row| Standing::from_word(&row.try_get::<String>("", "state")?)).transpose()
}

/// Makes a person one of the owner's accepted contacts, with what was said between them until now.
/// The pair's lock must be held.
pub(super) async fn accept(
    (owner, person): (&str, &str),
    nickname: Option<String>,
    at_ms: i64,
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    let mut insert = Query::insert();
    insert.into_table("contacts").columns([
        "user_clerk_id",
        "contact_clerk_id",
        "nickname",
        "unread_count",
        "created_at",
        "state",
    ]);
    insert.values_panic([
        owner.into(),
        person.into(),
        nickname.into(),
        0_i64.into(),
        time(at_ms).into(),
        Standing::Accepted.word().into(),
    ]);
    insert.on_conflict(
        OnConflict::columns(["user_clerk_id", "contact_clerk_id"])
            .update_columns(["nickname", "state"])
            .to_owned(),
    );
    transaction.execute(&insert).await?;
    recall((owner, person), transaction).await
}

/// Brings a contact's last message and count of unread ones in line with the messages that its owner
/// sees.
pub(super) async fn recall(
    (owner, person): (&str, &str),
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    #[derive(FromQueryResult)]
    struct Last {
        content: String,
        created_at: DateTime<Utc>,
    }
    let pair = Pair::of(owner, person);
    let last = match lock_pair(&pair, transaction).await? {
        Some(conversation) => {
            let sql = "SELECT content, created_at FROM messages WHERE conversation_id = $1 \
                       AND id > $2 ORDER BY id DESC LIMIT 1";
            let values = [conversation.id.into(), conversation.cleared_by(owner).into()];
            let sql = statement(transaction, sql, values);
            Last::find_by_statement(sql).one(transaction).await?
        }
        None => None,
    };
    let (content, at) = last.map(|last| (last.content, last.created_at)).unzip();
    let preview = content.as_deref().map(preview);
    let sql = format!(
        "UPDATE contacts SET last_message_preview = $1, last_message_at = $2, \
         unread_count = {UNREAD} WHERE user_clerk_id = $3 AND contact_clerk_id = $4"
    );
    let values = [preview.into(), at.into(), owner.into(), person.into()];
    transaction.execute_raw(statement(transaction, sql, values)).await?;
    Ok(())
}

/// Returns how a message begins, in one line.
pub(super) fn preview(text: &str) -> String {
    let mut line: String = text.chars().take(limits::PREVIEW_CHARS).collect();
    if line.contains(char::is_whitespace) {
        line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    line
}
