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
    /// The text, 1 to 4 000 characters. It is text: never markup.
    pub text: String,
    /// When the server took it, ISO-8601 UTC with ms.
    pub sent_at: String,
    /// The author's own id of it, echoed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
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
