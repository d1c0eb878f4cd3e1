//! What is said in a room.

use serde::{Deserialize, Serialize};

use crate::UserId;

/// A chat message as it is stored and told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessage {
    /// Names the message within its room: a number that grows by one or more, as text.
    pub id: String,
    /// The author.
    pub user_id: UserId,
    /// The author's name when it was said.
    pub display_name: String,
    /// The text, 1 to 4 000 characters; none once it was deleted. It is text: never markup.
    pub text: String,
    /// When the server took it, ISO-8601 UTC with ms.
    pub sent_at: String,
    /// The author's own id of it, echoed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Who is spoken to, up to 20 people; the text has their names behind an `@`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// When its author last changed the text, ISO-8601 UTC with ms; absent if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<String>,
    /// When it was deleted, ISO-8601 UTC with ms. Its place stays, so that answers have something
    /// to answer; its text is nowhere any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<String>,
}

impl ChatMessage {
    /// Takes away what was said, and leaves that something was.
    pub fn redact(&mut self, deleted_at: &str) {
        self.text = String::new();
        self.mentions = Vec::new();
        self.edited_at = None;
        self.deleted_at = Some(deleted_at.to_owned());
    }
}

/// Payload of `CHAT_SEND`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatSend {
    /// The text, 1 to 4 000 characters.
    pub text: String,
    /// Idempotency key, up to 64 characters: a repeated one is stored once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Who is spoken to, up to 20 people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
}

/// Payload of `CHAT_EDIT`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatEdit {
    /// The message; it must be the sender's own.
    pub id: String,
    /// The new text, 1 to 4 000 characters.
    pub text: String,
    /// Who is spoken to now, up to 20 people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
}

/// Payload of `CHAT_DELETE`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatDelete {
    /// The message: the sender's own, or anybody's if the sender keeps order in the room.
    pub id: String,
}

/// Payload of `CHAT_DELETED`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatDeleted {
    /// The message.
    pub id: String,
    /// Who deleted it.
    pub user_id: UserId,
    /// When, ISO-8601 UTC with ms.
    pub deleted_at: String,
}

/// Payload of `REACT`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct React {
    /// The emoji, up to 16 characters.
    pub emoji: String,
}

/// Payload of `REACTION`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reaction {
    /// Who reacted.
    pub user_id: UserId,
    /// With what.
    pub emoji: String,
    /// Position of the timeline at that moment, ms; `null` without a medium.
    #[schema(required = true)]
    pub current_time: Option<u64>,
}

/// A page of a room's chat, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatPage {
    /// The messages, oldest first.
    pub messages: Vec<ChatMessage>,
    /// Whether there are older ones: ask with `before` = the first id.
    pub has_more: bool,
}
