//! What plays in a room, and how a client asks to change it.

use serde::{Deserialize, Serialize};

use crate::{ItemId, UserId};

/// What plays: the room's timeline as clients see it.
///
/// While `isPlaying` and not `holding`, the position at server time `T` is
/// `currentTime + max(0, T − at) · playbackSpeed`. `at` may lie in the future: a coordinated start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlaybackState {
    /// Address of the medium; `null` before the first one is loaded.
    #[schema(required = true)]
    pub media_url: Option<String>,
    /// Kind of the medium, as whoever loaded it named it.
    #[schema(required = true)]
    pub media_type: Option<String>,
    /// Title, if the queue entry had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The queue entry that plays, if it came from the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_id: Option<ItemId>,
    /// Whether the room plays; while holding, what was asked for.
    pub is_playing: bool,
    /// Position in ms. In `SYNC_FULL_STATE` projected to the moment of sending, else at `at`.
    pub current_time: u64,
    /// Rate, 0.25 to 4.
    pub playback_speed: f64,
    /// Who changed it last; `null` when the room itself did.
    #[schema(required = true)]
    pub last_updated_by: Option<UserId>,
    /// When it was changed last, ISO-8601 UTC with ms.
    pub last_updated: String,
    /// Server clock, in ms since the clock's beginning, at which `currentTime` holds.
    pub at: f64,
    /// Identifies the server clock that `at` is counted in; new with each start of a server.
    pub clock_id: String,
    /// Counts the timeline's changes.
    pub rev: u64,
    /// Whom the room waits for, or `null`.
    #[schema(required = true)]
    pub holding: Option<Holding>,
    /// The client's own id of the command that led here, echoed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<String>,
}

/// The room waits for somebody before it plays on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Holding {
    /// Whom the room waits for.
    pub waiting_for: Vec<UserId>,
    /// Server clock, ms, at which it goes on without them.
    pub until: f64,
}

/// Payload of `UPDATE_PLAYBACK`: any of its fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdatePlayback {
    /// A new medium: http or https, up to 2 000 characters. A path on this server (`/…`) is
    /// accepted as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_url: Option<String>,
    /// Kind of the medium: any text up to 100 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Title shown to people, up to 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Play or pause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_playing: Option<bool>,
    /// Position, ms; absent while playing means the position projected to now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_time: Option<f64>,
    /// Rate, 0.25 to 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playback_speed: Option<f64>,
    /// The `rev` the client saw; when it lags, the current timeline is the answer. Clients of
    /// earlier systems send none and always win.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rev: Option<u64>,
    /// The client's own id of this command, echoed in the `PLAYBACK_UPDATED` that it causes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<String>,
}

/// Payload of `CLOCK_PING`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ClockPing {
    /// The client's clock, ms; echoed.
    pub c: f64,
}

/// Payload of `CLOCK_PONG`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ClockPong {
    /// The client's clock as it came in the ping.
    pub c: f64,
    /// Server clock, ms, when the ping was read from the socket.
    pub rx: f64,
    /// Server clock, ms, just before this pong was written.
    pub tx: f64,
}
