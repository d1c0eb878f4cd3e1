//! Direct messages: conversations of two, contacts, requests, blocks, and who is online.
//!
//! People are named by their `clerk_id` in these tables, as clients name them. The two of a
//! conversation are ordered, so that a pair has one row; that row is the lock under which
//! everything about the pair changes. On PostgreSQL it is taken first, several in the order of
//! their pairs or ids; on SQLite a transaction that writes holds the only write lock anyway.
//!
//! A message is seen by whoever has not *cleared* the conversation up to it. What is read here is
//! written as SQL for both databases; `$1`, `$2` … stand for values on either.
//!
//! Start reading at `send.rs`.

mod blocks;
mod contacts;
mod conversations;
mod judge;
mod leaving;
mod ledger;
mod online;
mod people;
#[cfg(test)]
mod plans;
mod read;
mod requests;
mod send;
pub(crate) mod words;

use parlor_protocol::{ClerkId, UserId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, FromQueryResult, Statement, Value};

use crate::StoreError;
use crate::value::{storable, words as words_of};

pub use blocks::{BlockRow, Blocking};
pub use contacts::{AddedContact, ContactRow};
pub use conversations::{ConversationRow, DirectRow, OpenConversation, PageOf};
pub(crate) use leaving::forget;
pub use people::{CorrespondentRow, DirectPerson, DirectSettingsChange};
pub use read::{MarkedRead, ReadOf};
pub use requests::RequestRow;
pub(crate) use send::DirectWrite;
pub use send::{NewDirect, SendOutcome, SentRow};

/// How the owner of a contact stands to the person in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The owner added them, answered, or takes everybody.
    Accepted,
    /// They wrote first, and the owner wants to be asked.
    Request,
    /// The owner does not want to hear of them.
    Declined,
}

words_of!(Standing { Accepted = "accepted", Request = "request", Declined = "declined" });

/// Somebody of a conversation, by both names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Party {
    /// The person.
    pub user_id: UserId,
    /// What clients call the person.
    pub clerk_id: ClerkId,
}

/// Two people, ordered as the tables have them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Pair {
    first: String,
    second: String,
}

impl Pair {
    pub(crate) fn of(one: &str, other: &str) -> Self {
        let (first, second) = if one <= other { (one, other) } else { (other, one) };
        Self { first: storable(first), second: storable(second) }
    }
}

/// Returns a statement with its values.
fn statement(
    connection: &impl ConnectionTrait,
    sql: impl Into<String>,
    values: impl IntoIterator<Item = Value>,
) -> Statement {
    Statement::from_sql_and_values(connection.get_database_backend(), sql, values)
}

/// Writes `($1, $2), ($3, $4)`: so many rows of so many values, behind those there are already.
fn rows_of_values(rows: usize, width: usize, before: usize) -> String {
    let row = |row: usize| {
        let values = (1..=width).map(|place| format!("${}", before + row * width + place));
        format!("({})", values.collect::<Vec<_>>().join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// Writes `$1, $2`: so many values, behind those there are already.
fn list_of_values(count: usize, before: usize) -> String {
    (1..=count).map(|place| format!("${}", before + place)).collect::<Vec<_>>().join(", ")
}

/// Returns what a `SELECT` ends with that keeps others from changing its rows until the commit.
fn lock(connection: &impl ConnectionTrait) -> &'static str {
    match connection.get_database_backend() {
        DbBackend::Postgres => " FOR NO KEY UPDATE",
        _ => "",
    }
}

/// A conversation as those who change something in it see it.
#[derive(FromQueryResult)]
struct Locked {
    id: i64,
    user1_clerk_id: String,
    user2_clerk_id: String,
    user1_cleared_id: i64,
    user2_cleared_id: i64,
}

impl Locked {
    /// Returns up to which message somebody deleted the conversation for themselves.
    fn cleared_by(&self, clerk_id: &str) -> i64 {
        if self.user1_clerk_id == clerk_id { self.user1_cleared_id } else { self.user2_cleared_id }
    }

    fn other_than(&self, clerk_id: &str) -> &str {
        if self.user1_clerk_id == clerk_id { &self.user2_clerk_id } else { &self.user1_clerk_id }
    }
}

const LOCKED: &str = "SELECT id, user1_clerk_id, user2_clerk_id, user1_cleared_id, \
                      user2_cleared_id FROM conversations";

/// Takes the lock of a pair, if they have a conversation.
async fn lock_pair(
    pair: &Pair,
    transaction: &DatabaseTransaction,
) -> Result<Option<Locked>, StoreError> {
    let sql =
        format!("{LOCKED} WHERE user1_clerk_id = $1 AND user2_clerk_id = $2{}", lock(transaction));
    let values = [pair.first.as_str().into(), pair.second.as_str().into()];
    let sql = statement(transaction, sql, values);
    Ok(Locked::find_by_statement(sql).one(transaction).await?)
}

/// Takes the locks of conversations, in the order of their pairs: so does who sends.
async fn lock_conversations(
    ids: &[i64],
    transaction: &DatabaseTransaction,
) -> Result<Vec<Locked>, StoreError> {
    let order = match transaction.get_database_backend() {
        // By code points, as pairs are ordered here.
        DbBackend::Postgres => "user1_clerk_id COLLATE \"C\", user2_clerk_id COLLATE \"C\"",
        _ => "user1_clerk_id, user2_clerk_id",
    };
    let sql = format!(
        "{LOCKED} WHERE id IN ({}) ORDER BY {order}{}",
        list_of_values(ids.len(), 0),
        lock(transaction)
    );
    let sql = statement(transaction, sql, ids.iter().map(|id| (*id).into()));
    Ok(Locked::find_by_statement(sql).all(transaction).await?)
}

/// What says how many messages an owner has not read of the person in a contact: those that were
/// not deleted for the owner. It stands where rows of `contacts` are changed.
const UNREAD: &str = "(SELECT count(*) FROM messages m \
     JOIN conversations c ON c.id = m.conversation_id \
     WHERE m.to_clerk_id = contacts.user_clerk_id AND m.from_clerk_id = contacts.contact_clerk_id \
     AND NOT m.is_read AND m.id > CASE WHEN c.user1_clerk_id = contacts.user_clerk_id \
     THEN c.user1_cleared_id ELSE c.user2_cleared_id END)";
