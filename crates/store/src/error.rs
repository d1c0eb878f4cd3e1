//! What can go wrong between Parlor and its database.

use sea_orm::{DbErr, SqlErr};

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is full, read-only or too slow. Whether a write that was
    /// under way took effect is not known.
    #[error("the database is unavailable: {0}")]
    Unavailable(DbErr),
    /// Something else already has that name.
    #[error("{0} is taken")]
    Conflict(Conflict),
    /// The row refers to something that is not there (any more).
    #[error("the write refers to something that does not exist")]
    Dangling,
    /// The room has been taken over: another owner holds a higher fence.
    #[error("the room has another owner now")]
    Fenced,
    /// The room has been deleted.
    #[error("the room does not exist any more")]
    Gone,
    /// The database holds something this version cannot read.
    #[error("the database holds something unreadable: {0}")]
    Corrupt(String),
    /// The database was written by a newer Parlor; this one leaves it alone.
    #[error(
        "the database was made by a newer version of Parlor (it has the migration `{migration}`): \
         start that version, or restore the backup made before the upgrade"
    )]
    NewerSchema {
        /// The first migration this version does not know.
        migration: String,
    },
    /// The database's address cannot be used.
    #[error("the database address cannot be used: {0}")]
    Config(String),
}

/// What is taken already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The user name, whatever its case.
    Username,
    /// The e-mail address, whatever its case.
    Email,
    /// The join code of a room.
    JoinCode,
    /// The number of a chat message in its room.
    ChatNumber,
    /// The id.
    Id,
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Username => "the user name",
            Self::Email => "the e-mail address",
            Self::JoinCode => "the join code",
            Self::ChatNumber => "the number of the chat message",
            Self::Id => "the id",
        })
    }
}

impl Conflict {
    /// Reads what is taken from the database's message: SQLite names table and column, PostgreSQL
    /// the index, and the indexes of the first migration are named after their columns.
    fn from_message(message: &str) -> Self {
        if message.contains("username") {
            Self::Username
        } else if message.contains("email") {
            Self::Email
        } else if message.contains("join_code") {
            Self::JoinCode
        } else if message.contains("chat_message") {
            Self::ChatNumber
        } else {
            Self::Id
        }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(message)) => {
                Self::Conflict(Conflict::from_message(&message))
            }
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => Self::Dangling,
            _ => match error {
                DbErr::Type(what) | DbErr::Json(what) => Self::Corrupt(what),
                error @ DbErr::TryIntoErr { .. } => Self::Corrupt(error.to_string()),
                error => Self::Unavailable(error),
            },
        }
    }
}
