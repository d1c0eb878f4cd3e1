//! Rooms: their settings, their whole state, and the bodies of the routes that make and list them.

use serde::{Deserialize, Serialize};

use crate::access::Entry;
use crate::chat::ChatMessage;
use crate::member::Member;
use crate::playback::PlaybackState;
use crate::queue::QueueItem;
use crate::{RoomId, UserId};

/// Who may control playback and the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// Everyone in the room.
    #[default]
    Everyone,
    /// Owner, host and moderators.
    Moderators,
    /// Owner and host.
    HostOnly,
}

/// For whom a room waits when somebody's player cannot go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// For everyone who counts.
    #[default]
    All,
    /// Until more than half can go on.
    Quorum,
    /// For the host alone.
    HostOnly,
    /// For nobody.
    None,
}

/// The settings of a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomSettings {
    /// Name, 1 to 100 characters.
    pub name: String,
    /// Whether the room is listed for everybody.
    pub is_public: bool,
    /// Seats; `null` for no limit.
    #[schema(required = true)]
    pub max_participants: Option<u32>,
    /// Who may control playback.
    pub control: Control,
    /// For whom the room waits.
    pub wait: Wait,
    /// Who may come in.
    #[serde(default)]
    #[schema(required = true)]
    pub entry: Entry,
    /// Whether newcomers need a password.
    #[serde(default)]
    #[schema(required = true)]
    pub has_password: bool,
    /// Six characters that let one look and knock.
    pub join_code: String,
}

/// Payload of `ROOM_UPDATE` and body of `PATCH /api/v1/rooms/{roomId}`: any of its fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RoomUpdate {
    /// A new name, 1 to 100 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Listed or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_public: Option<bool>,
    /// Seats, at least 2; `null` for no limit. Nobody is removed when it shrinks.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(value_type = Option<u32>)]
    pub max_participants: Option<Option<u32>>,
    /// Who may control playback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    /// For whom the room waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// Who may come in. Nobody is removed when it gets narrower.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
    /// Whether newcomers need a password. `PUT /api/v1/rooms/{roomId}/password` sets which, and this
    /// with it; `true` has everybody prove it anew who came in by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_password: Option<bool>,
}

/// Tells `null` (no limit) from absent (no change).
fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<u32>>, D::Error> {
    rounded(deserializer).map(Some)
}

/// Takes a whole number written with or without a fraction, rounded.
fn rounded<'de, D, N>(deserializer: D) -> Result<Option<N>, D::Error>
where
    D: serde::Deserializer<'de>,
    N: TryFrom<u64>,
{
    let Some(number) = Option::<f64>::deserialize(deserializer)? else { return Ok(None) };
    let whole = number.round();
    // Up to here every whole number has an exact `f64`.
    let exact = (0.0..=9_007_199_254_740_992.0).contains(&whole);
    let fitting = exact.then_some(whole as u64).and_then(|whole| N::try_from(whole).ok());
    fitting.map(Some).ok_or_else(|| serde::de::Error::custom("the number is out of range"))
}

/// A whole room: payload of `SYNC_FULL_STATE` and answer of `GET /api/v1/rooms/{roomId}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomState {
    /// Names the room.
    pub room_id: RoomId,
    /// The settings.
    #[serde(flatten)]
    pub settings: RoomSettings,
    /// Who is host; `null` while nobody is there.
    #[schema(required = true)]
    pub host_id: Option<UserId>,
    /// Whose room it is.
    #[schema(required = true)]
    pub owner_id: Option<UserId>,
    /// When the room was made, ISO-8601 UTC with ms.
    pub created_at: String,
    /// Who is present, longest first; the first page of them in a large room.
    pub members: Vec<UserId>,
    /// The same members with what is known of them.
    pub member_details: Vec<Member>,
    /// Members present.
    pub member_count: u64,
    /// What plays; `null` before the first medium.
    #[schema(required = true)]
    pub playback_state: Option<PlaybackState>,
    /// The stream of events this state belongs to.
    pub epoch: String,
    /// The state is true at this point of the stream.
    pub seq: u64,
    /// What plays next.
    pub queue: Vec<QueueItem>,
    /// The latest page of chat, oldest first.
    pub chat: Vec<ChatMessage>,
    /// Server clock, ms, when this was sent.
    pub server_time: f64,
    /// When the room destroys itself, of a room whose messages vanish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_destruct: Option<SelfDestruct>,
}

/// When a room destroys itself with everything said in it, unless something is said before. Each
/// message gives it `ttlSeconds` anew.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelfDestruct {
    /// How long the room lives after its last message, in s.
    pub ttl_seconds: u64,
    /// The moment, on the server clock, ms.
    pub at: f64,
}

/// Body of `POST /api/v1/rooms`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateRoom {
    /// Name, 3 to 100 characters.
    pub name: String,
    /// A first medium.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_url: Option<String>,
    /// Its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Whether it plays from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_playing: Option<bool>,
    /// Whether the room is listed for everybody; yes if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_public: Option<bool>,
    /// Seats, at least 2; absent or `null` for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "rounded")]
    pub max_participants: Option<u32>,
    /// How long the room stays without anybody, in s; 60 if absent, 0 for permanent (a guest's
    /// permanent room lives 24 h).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "rounded")]
    pub idle_ttl_seconds: Option<u64>,
}

/// Answer of `POST /api/v1/rooms`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedRoom {
    /// Names the room.
    pub room_id: RoomId,
    /// Its name.
    pub name: String,
    /// Who made it and is host.
    pub host_id: UserId,
    /// Whether it is listed for everybody.
    pub is_public: bool,
    /// Seats; `null` for no limit.
    #[schema(required = true)]
    pub max_participants: Option<u32>,
    /// When it was made, ISO-8601 UTC with ms.
    pub created_at: String,
    /// Six characters that let one look and knock.
    pub join_code: String,
    /// How long it stays without anybody, in s; `null` for ever.
    #[schema(required = true)]
    pub idle_ttl_seconds: Option<u64>,
}

/// One entry of `GET /api/v1/rooms`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomSummary {
    /// Names the room.
    pub room_id: RoomId,
    /// Its name.
    pub name: String,
    /// Who is host.
    #[schema(required = true)]
    pub host_id: Option<UserId>,
    /// Whether it is listed for everybody.
    pub is_public: bool,
    /// Who may come in.
    #[serde(default)]
    #[schema(required = true)]
    pub entry: Entry,
    /// Whether newcomers need a password.
    #[serde(default)]
    #[schema(required = true)]
    pub has_password: bool,
    /// Seats; `null` for no limit.
    #[schema(required = true)]
    pub max_participants: Option<u32>,
    /// When it was made, ISO-8601 UTC with ms.
    pub created_at: String,
    /// Members present.
    pub current_members: u64,
}

/// Body of `POST /api/rooms/create`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CreateCallRoom {
    /// Name, 1 to 100 characters.
    pub name: String,
}

/// Answer of `POST /api/rooms/create`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CreatedCallRoom {
    /// Always true.
    pub success: bool,
    /// A sentence for people.
    pub message: String,
    /// The room.
    pub room: CallRoomName,
}

/// How a new call room is called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallRoomName {
    /// Names the room.
    pub id: RoomId,
    /// Its name.
    pub name: String,
    /// Six characters that let one look and knock.
    pub join_code: String,
}

/// Answer of `GET /api/rooms/join/{joinCode}` and `GET /api/rooms/{roomId}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FoundCallRoom {
    /// Always true.
    pub success: bool,
    /// The room.
    pub room: CallRoom,
}

/// A room as call clients know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallRoom {
    /// Names the room.
    pub id: RoomId,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: String,
    /// When it was changed last.
    pub updated_at: String,
    /// Six characters that let one look and knock.
    pub join_code: String,
    /// Whether newcomers wait to be admitted.
    pub require_access_before_joining: bool,
    /// Always empty here; `…/users` lists who is in.
    pub users: Vec<String>,
}

/// Answer of `GET /api/rooms/{roomId}/users`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CallUsers {
    /// Always true.
    pub success: bool,
    /// Who is in, longest first.
    pub users: Vec<CallUser>,
}

/// A member of a room as call clients know one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallUser {
    /// The person.
    pub user_id: UserId,
    /// The name to show.
    pub display_name: String,
    /// Whether the microphone is on.
    pub is_mic_active: bool,
    /// Whether the camera is on.
    pub is_cam_active: bool,
    /// Whether the screen is shared.
    pub is_share_screen: bool,
}

/// Answer of `GET /api/v1/rooms/{id}/presence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    /// Members present.
    pub member_count: u64,
}

/// An answer that only says that it was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Message {
    /// A sentence for people.
    pub message: String,
}
