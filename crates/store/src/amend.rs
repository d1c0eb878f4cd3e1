//! Changes of messages that are kept already.

use std::collections::{BTreeSet, HashMap};

use parlor_protocol::UserId;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use crate::chat::{read_mentions, written_mentions};
use crate::entity::chat_message::{Column, Entity, Model};
use crate::value::{storable, time};
use crate::{ChatRow, RoomWrite, StoreError};

/// Messages looked up in one `SELECT`, two values each.
const MESSAGES_PER_STATEMENT: usize = 512;

/// A message by its room and number.
type Key = (String, i64);

/// A change of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmendRow {
    /// The message's number.
    pub n: i64,
    /// Whose message it must be; `None` for anybody's.
    pub author: Option<UserId>,
    /// What is made of it.
    pub change: ChatChange,
    /// When.
    pub at_ms: i64,
}

/// What is made of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatChange {
    /// Another text, and whom it speaks to.
    Edit {
        /// The text.
        text: String,
        /// Who is spoken to.
        mentions: Vec<UserId>,
    },
    /// No text any more. The row stays.
    Delete,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AmendOutcome {
    /// The message is like this now.
    Done(ChatRow),
    /// The message was like this before.
    Before(ChatRow),
    /// There is no such message, or it was deleted and cannot be edited.
    Missing,
    /// It is another's.
    Foreign,
}

/// Changes messages, in the order of the writes, and says what became of each change. The lock on
/// the room's row makes sure that nobody else writes to it meanwhile.
pub(crate) async fn write(
    writes: &[&RoomWrite],
    transaction: &DatabaseTransaction,
) -> Result<Vec<Vec<AmendOutcome>>, StoreError> {
    let mut rows = find(writes, transaction).await?;
    let mut changed = BTreeSet::new();
    let mut outcomes = Vec::with_capacity(writes.len());
    for write in writes {
        let room = storable(write.room_id.as_str());
        let amended = write.amendments.iter().map(|amendment| {
            let key = (room.clone(), amendment.n);
            let Some(row) = rows.get_mut(&key) else { return AmendOutcome::Missing };
            let outcome = judge(row, amendment);
            if matches!(outcome, AmendOutcome::Done(_)) {
                changed.insert(key);
            }
            outcome
        });
        outcomes.push(amended.collect());
    }
    for key in changed {
        if let Some(row) = rows.remove(&key) {
            update(row, transaction).await?;
        }
    }
    Ok(outcomes)
}

async fn find(
    writes: &[&RoomWrite],
    transaction: &DatabaseTransaction,
) -> Result<HashMap<Key, Model>, StoreError> {
    let keys = writes.iter().flat_map(|write| {
        let room = storable(write.room_id.as_str());
        write.amendments.iter().map(move |amendment| (room.clone(), amendment.n))
    });
    let keys: Vec<Key> = keys.collect::<BTreeSet<_>>().into_iter().collect();
    let mut rows = HashMap::with_capacity(keys.len());
    for chunk in keys.chunks(MESSAGES_PER_STATEMENT) {
        let named = Expr::tuple([Expr::col(Column::RoomId), Expr::col(Column::N)])
            .in_tuples(chunk.iter().cloned());
        let found = Entity::find().filter(named).all(transaction).await?;
        rows.extend(found.into_iter().map(|row| ((row.room_id.clone(), row.n), row)));
    }
    Ok(rows)
}

/// Makes of a row what is wanted, if it may be.
fn judge(row: &mut Model, amendment: &AmendRow) -> AmendOutcome {
    if amendment.author.as_ref().is_some_and(|author| storable(author.as_str()) != row.user_id) {
        return AmendOutcome::Foreign;
    }
    let at = Some(time(amendment.at_ms));
    match &amendment.change {
        ChatChange::Delete if row.deleted_at.is_some() => {
            return AmendOutcome::Before(row.clone().into());
        }
        ChatChange::Delete => {
            row.text = String::new();
            (row.mentions, row.edited_at, row.deleted_at) = (None, None, at);
        }
        ChatChange::Edit { .. } if row.deleted_at.is_some() => return AmendOutcome::Missing,
        ChatChange::Edit { text, mentions } => {
            let text = storable(text);
            if text == row.text && *mentions == read_mentions(row.mentions.as_deref()) {
                return AmendOutcome::Before(row.clone().into());
            }
            (row.text, row.mentions, row.edited_at) = (text, written_mentions(mentions), at);
        }
    }
    AmendOutcome::Done(row.clone().into())
}

async fn update(row: Model, transaction: &DatabaseTransaction) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::Text, Expr::value(row.text))
        .col_expr(Column::Mentions, Expr::value(row.mentions))
        .col_expr(Column::EditedAt, Expr::value(row.edited_at))
        .col_expr(Column::DeletedAt, Expr::value(row.deleted_at))
        .filter(Column::RoomId.eq(row.room_id))
        .filter(Column::N.eq(row.n))
        .exec(transaction)
        .await?;
    Ok(())
}
