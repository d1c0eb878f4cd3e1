//! What was said in rooms.

use parlor_protocol::{RoomId, UserId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::entity::chat_message;
use crate::value::storable;
use crate::{Store, StoreError};

/// A chat message as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatRow {
    /// Its number in the room, growing by one or more.
    pub n: i64,
    /// The author.
    pub user_id: UserId,
    /// The author's name when it was said.
    pub display_name: String,
    /// The text; none once it was deleted.
    pub text: String,
    /// When the server took it.
    pub sent_at_ms: i64,
    /// The author's own id of it: stored once per room, author and id.
    pub client_id: Option<String>,
    /// The message it answers.
    pub reply_to: Option<String>,
    /// Who is spoken to.
    pub mentions: Vec<UserId>,
    /// When its text was last changed.
    pub edited_at_ms: Option<i64>,
    /// When it was deleted.
    pub deleted_at_ms: Option<i64>,
}

/// A chat message to be kept; its number is given by the room that writes it.
pub type NewChatRow = ChatRow;

/// What became of a chat message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatOutcome {
    /// It is on disk.
    Stored {
        /// Its number.
        n: i64,
    },
    /// Its author sent one with this `client_id` before.
    Duplicate {
        /// The number of that one.
        n: i64,
    },
}

impl From<chat_message::Model> for ChatRow {
    fn from(row: chat_message::Model) -> Self {
        Self {
            n: row.n,
            user_id: UserId::from(row.user_id),
            display_name: row.display_name,
            text: row.text,
            sent_at_ms: row.sent_at.timestamp_millis(),
            client_id: row.client_id,
            reply_to: row.reply_to,
            mentions: read_mentions(row.mentions.as_deref()),
            edited_at_ms: row.edited_at.map(|at| at.timestamp_millis()),
            deleted_at_ms: row.deleted_at.map(|at| at.timestamp_millis()),
        }
    }
}

/// Returns who is spoken to, as it is kept: nothing for nobody.
pub(crate) fn written_mentions(mentions: &[UserId]) -> Option<String> {
    let ids: Vec<String> = mentions.iter().map(|user| storable(user.as_str())).collect();
    (!ids.is_empty()).then(|| serde_json::Value::from(ids).to_string())
}

/// Reads who is spoken to. What is no list of ids speaks to nobody.
pub(crate) fn read_mentions(written: Option<&str>) -> Vec<UserId> {
    written.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

impl Store {
    /// Returns up to `limit` messages of a room, oldest first: the latest, or the latest before
    /// number `before`.
    pub async fn chat_page(
        &self,
        room: &RoomId,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<ChatRow>, StoreError> {
        let mut page = page(room, before, limit).all(self.read()).await?;
        page.reverse();
        Ok(page.into_iter().map(ChatRow::from).collect())
    }
}

impl Store {
    /// Returns the number of the message that an author gave this `client_id` in a room.
    pub async fn chat_number(
        &self,
        room: &RoomId,
        author: &UserId,
        client_id: &str,
    ) -> Result<Option<i64>, StoreError> {
        let found = chat_message::Entity::find()
            .filter(chat_message::Column::RoomId.eq(storable(room.as_str())))
            .filter(chat_message::Column::UserId.eq(storable(author.as_str())))
            .filter(chat_message::Column::ClientId.eq(storable(client_id)))
            .one(self.read())
            .await?;
        Ok(found.map(|message| message.n))
    }
}

/// The latest messages of a room, or the latest before a number, newest first.
pub(crate) fn page(room: &RoomId, before: Option<i64>, limit: u64) -> Select<chat_message::Entity> {
    let mut query = chat_message::Entity::find()
        .filter(chat_message::Column::RoomId.eq(storable(room.as_str())));
    if let Some(before) = before {
        query = query.filter(chat_message::Column::N.lt(before));
    }
    query.order_by_desc(chat_message::Column::N).limit(limit)
}
