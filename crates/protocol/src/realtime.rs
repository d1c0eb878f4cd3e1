//! Room pages as CuteRooms clients know them: rooms whose messages vanish, a stream of server-sent
//! events, and who is there.

use serde::{Deserialize, Serialize};

use crate::RoomId;
use crate::UserId;
use crate::member::MembersChanged;

/// Answer to `POST /api/room/create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedPageRoom {
    /// The new room.
    pub room_id: RoomId,
}

/// Body of `POST /api/room/create`; none is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatePageRoom {
    /// Name of the room; one is found if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How long after its last message the room destroys itself, in s: 60 to 604 800, 600 if
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
    /// Number of seats, at least 2; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_participants: Option<u32>,
}

/// Answer to `GET /api/room/ttl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TimeToLive {
    /// Seconds until the room destroys itself unless something is said; -1 if it does not.
    pub ttl: i64,
}

/// Body of `POST /api/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostMessage {
    /// The name shown as the author's, up to 100 characters; one's own if absent or empty. The
    /// author is whoever sends the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// The text, 1 to 1 000 characters. It is text: never markup.
    pub text: String,
    /// Idempotency key, up to 64 characters: a repeated one is stored once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// Answer to `POST /api/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostedMessage {
    /// Always true: it is stored.
    pub success: bool,
    /// The message.
    pub message_id: String,
}

/// A message as it is told over a stream and listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RealtimeMessage {
    /// Names the message within its room.
    pub id: String,
    /// The author's name when it was said.
    pub sender: String,
    /// The text.
    pub text: String,
    /// When the server took it, in ms since 1970 UTC.
    pub timestamp: i64,
    /// The room.
    pub room_id: RoomId,
    /// Whether the reader wrote it; only in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mine: Option<bool>,
}

/// Answer to `GET /api/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RealtimeMessages {
    /// The latest messages, oldest first.
    pub messages: Vec<RealtimeMessage>,
}

/// A line of the stream that is no event of the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum StreamLine {
    /// The stream begins.
    Connected {
        /// The room.
        channel: RoomId,
    },
    /// Events were missed that cannot be had any more: fetch the messages anew.
    Gap {
        /// The room.
        channel: RoomId,
    },
    /// Nothing happened for a while.
    Ping {
        /// The server's wall clock, in ms since 1970 UTC.
        timestamp: i64,
    },
}

/// An event of the room, as a line of the stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    /// Where in the stream it stands: what `last_ack_{roomId}` and `Last-Event-ID` take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `chat.message`, `chat.edited`, `chat.deleted`, `chat.destroy`, `presence.join`,
    /// `presence.leave` or `presence.changed`.
    pub event: String,
    /// The room.
    pub channel: RoomId,
    /// What happened.
    pub data: AnnouncementData,
}

/// What happened in a room; `event` of the line says which of these it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum AnnouncementData {
    /// `chat.message`: something was said, by the reader too.
    Said(RealtimeMessage),
    /// `chat.edited`: something was said differently.
    Changed(RealtimeMessage),
    /// `chat.deleted`: something was taken back.
    TakenBack(TakenBack),
    /// `presence.join`: somebody took a seat.
    Joined(PresenceMoved),
    /// `presence.leave`: somebody's seat is free again.
    Left(PresenceMoved),
    /// `presence.changed`: who came and went in a large room, every 500 ms.
    Moved(MembersChanged),
    /// `chat.destroy`: the room is gone.
    Destroyed(Destroyed),
}

impl AnnouncementData {
    /// Returns the name of the event.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Said(_) => "chat.message",
            Self::Changed(_) => "chat.edited",
            Self::TakenBack(_) => "chat.deleted",
            Self::Joined(_) => "presence.join",
            Self::Left(_) => "presence.leave",
            Self::Moved(_) => "presence.changed",
            Self::Destroyed(_) => "chat.destroy",
        }
    }
}

/// Data of `presence.join` and `presence.leave`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PresenceMoved {
    /// Who came or went.
    pub user_id: UserId,
    /// Members present now.
    pub member_count: u64,
}

/// Data of `chat.deleted`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TakenBack {
    /// The message.
    pub id: String,
}

/// Data of `chat.destroy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Destroyed {
    /// Always true.
    pub is_destroyed: bool,
}
