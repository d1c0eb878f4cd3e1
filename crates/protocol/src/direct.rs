//! Direct messages: what REST carries, and beneath [`socket`] what a socket does.
//!
//! Field names are those of the clients there were before; fields that nobody knows are ignored.
//! Everything under `/api/v1/direct` is ours and refuses them.

pub mod socket;

use serde::{Deserialize, Serialize};

use crate::ClerkId;

/// Whether somebody has a socket open. Everybody but an accepted contact is told `offline`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnlineStatus {
    /// On some device.
    Online,
    /// On none, or nobody's business.
    #[default]
    Offline,
}

/// Answer of `GET /users/me` and `POST /users`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Oneself {
    /// Oneself.
    pub clerk_id: ClerkId,
    /// Whether one writes without hands.
    pub is_paralyzed: bool,
    /// Whether one has a socket open.
    pub status: OnlineStatus,
    /// When one was first seen, ISO-8601 UTC with ms.
    pub created_at: String,
}

/// Body of `POST /users`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Introduction {
    /// Whether one writes without hands.
    pub is_paralyzed: bool,
}

/// Somebody one can write to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Correspondent {
    /// The person.
    pub clerk_id: ClerkId,
    /// The user name; `null` for external users.
    #[schema(required = true)]
    pub username: Option<String>,
    /// The name to show.
    pub full_name: String,
    /// A picture's address; nobody has one yet.
    #[schema(required = true)]
    pub profile_image: Option<String>,
    /// Whether the person writes without hands; `false` to all but accepted contacts.
    pub is_paralyzed: bool,
    /// Whether the person has a socket open; `offline` to all but accepted contacts.
    pub status: OnlineStatus,
    /// When the person was first seen, ISO-8601 UTC with ms.
    pub created_at: String,
}

/// Answer of `GET /users/search`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundPeople {
    /// Ten at most.
    pub users: Vec<Correspondent>,
}

/// One of one's contacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// Names the contact among one's own.
    pub id: i64,
    /// The person.
    pub contact_clerk_id: ClerkId,
    /// The name the person shows.
    pub contact_name: String,
    /// What one calls them.
    #[schema(required = true)]
    pub nickname: Option<String>,
    /// A picture's address; nobody has one yet.
    #[schema(required = true)]
    pub profile_image: Option<String>,
    /// How the last message of either begins.
    #[schema(required = true)]
    pub last_message_preview: Option<String>,
    /// When that was, ISO-8601 UTC with ms.
    #[schema(required = true)]
    pub last_message_at: Option<String>,
    /// How many of their messages one has not read.
    pub unread_count: i64,
    /// Whether the person has a socket open; `offline` unless they accepted one.
    pub status: OnlineStatus,
    /// Whether the person writes without hands; `false` unless they accepted one.
    pub is_paralyzed: bool,
}

/// Answer of `GET /contacts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contacts {
    /// Those with the latest message first, those without one last.
    pub contacts: Vec<Contact>,
}

/// Body of `POST /contacts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewContact {
    /// Whom to add.
    pub contact_clerk_id: ClerkId,
    /// What to call them, up to 60 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
}

/// Body of `PATCH /contacts/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ContactUpdate {
    /// What to call them from now on, up to 60 characters; `null` or empty for nothing.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub nickname: Option<Option<String>>,
}

/// Tells a field that is `null` from one that is absent.
fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Answer of what changes one contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedContact {
    /// Always `true`; a refusal has another status.
    pub success: bool,
    /// The contact, as it is now or was.
    pub contact: Contact,
}

/// One of one's conversations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// Names the conversation.
    pub id: i64,
    /// With whom.
    pub other_user_clerk_id: ClerkId,
    /// When it began, ISO-8601 UTC with ms.
    pub created_at: String,
    /// When something was last said, ISO-8601 UTC with ms.
    #[schema(required = true)]
    pub last_message_at: Option<String>,
}

/// Answer of `GET /conversations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conversations {
    /// The one with the latest message first.
    pub conversations: Vec<Conversation>,
}

/// One direct message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectMessage {
    /// Names the message; later ones have larger numbers.
    pub id: i64,
    /// Who wrote it.
    pub from_clerk_id: ClerkId,
    /// To whom.
    pub to_clerk_id: ClerkId,
    /// The text.
    pub content: String,
    /// `text`.
    pub message_type: String,
    /// Whether it was read, as far as that may be known.
    pub is_read: bool,
    /// When it was read, ISO-8601 UTC with ms.
    #[schema(required = true)]
    pub read_at: Option<String>,
    /// When it was written, ISO-8601 UTC with ms.
    pub created_at: String,
    /// Whether one wrote it oneself.
    pub is_mine: bool,
}

/// Answer of `GET /conversations/{id}/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationPage {
    /// The conversation.
    pub conversation_id: i64,
    /// With whom.
    pub other_user: Correspondent,
    /// Newest first.
    pub messages: Vec<DirectMessage>,
}

/// Body of `POST /api/v1/direct/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendDirect {
    /// To whom.
    pub to_clerk_id: ClerkId,
    /// The text, 1 to 4 000 characters.
    pub text: String,
    /// One's own name for the message, up to 128 characters: sent again, it is stored once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
}

/// Answer of `POST /api/v1/direct/messages`: it is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentDirect {
    /// The message.
    pub message_id: i64,
    /// Its conversation.
    pub conversation_id: i64,
    /// When the server took it, ISO-8601 UTC with ms.
    pub timestamp: String,
    /// Whether it was there already, by its `clientMessageId`.
    pub repeated: bool,
}

/// Body of `POST /api/v1/direct/read`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MarkRead {
    /// Messages to oneself; up to 10 000, and what is not one's own is passed over.
    pub message_ids: Vec<i64>,
}

/// A stranger's messages that wait for an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectRequest {
    /// Names the request; the contact has this id once it is accepted.
    pub id: i64,
    /// Who wrote.
    pub from_user: Correspondent,
    /// The conversation.
    pub conversation_id: i64,
    /// How the last message begins.
    #[schema(required = true)]
    pub last_message_preview: Option<String>,
    /// When that was, ISO-8601 UTC with ms.
    #[schema(required = true)]
    pub last_message_at: Option<String>,
    /// How many messages wait.
    pub unread_count: i64,
}

/// Answer of `GET /api/v1/direct/requests`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectRequests {
    /// The latest first.
    pub requests: Vec<DirectRequest>,
}

/// Somebody one has blocked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockedPerson {
    /// The person.
    pub clerk_id: ClerkId,
    /// The name the person shows.
    pub full_name: String,
    /// Since when, ISO-8601 UTC with ms.
    pub blocked_at: String,
}

/// Answer of `GET /api/v1/direct/blocks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockedPeople {
    /// The latest first.
    pub blocked: Vec<BlockedPerson>,
}

/// How one wants to be reached, as `GET /api/v1/direct/settings` answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectSettings {
    /// Whether strangers' first messages are requests, which show nothing of one until answered.
    pub strangers_ask: bool,
    /// Whether others find one by name.
    pub is_searchable: bool,
}

/// Body of `PATCH /api/v1/direct/settings`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct DirectSettingsUpdate {
    /// See [`DirectSettings`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strangers_ask: Option<bool>,
    /// See [`DirectSettings`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_searchable: Option<bool>,
}

/// Answer of `GET /api/v1/direct/conversations/{id}/export`: a page, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationExport {
    /// The conversation.
    pub conversation_id: i64,
    /// With whom.
    pub other_user: Correspondent,
    /// Oldest first.
    pub messages: Vec<DirectMessage>,
    /// What `after` is for the next page; `null` on the last.
    #[schema(required = true)]
    pub next: Option<i64>,
}

/// Direct messages in `GET /api/v1/users/me/export`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportedDirect {
    /// How one wants to be reached; absent for guests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<DirectSettings>,
    /// One's contacts.
    pub contacts: Vec<Contact>,
    /// Whom one has blocked.
    pub blocked: Vec<BlockedPerson>,
    /// What one wrote and was written, by conversation.
    pub messages: Vec<DirectMessage>,
}
