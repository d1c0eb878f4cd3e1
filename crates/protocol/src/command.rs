//! What a client may ask of a room.

use serde::{Deserialize, Serialize};

use crate::access::{Admit, Pardon, TurnAway};
use crate::chat::{ChatDelete, ChatEdit, ChatSend, React};
use crate::member::{Kick, MemberState, RoleSet};
use crate::playback::{ClockPing, UpdatePlayback};
use crate::queue::{QueueAdd, QueueMove, QueueNext, QueueRemove};
use crate::room::RoomUpdate;

/// A command of the room protocol: `type` and `payload` of a frame from a client.
///
/// Decoding is done in two steps by crate `dialects` (envelope first, payload by type); this
/// enum's own serde form is what the schema shows and what a Rust client sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "payload", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Command {
    /// Asks for `SYNC_FULL_STATE`.
    SyncRequest,
    /// Changes what plays; `PLAYBACK_UPDATED` to every member, also when nothing changed.
    UpdatePlayback(UpdatePlayback),
    /// Keeps the room alive; no reply.
    Heartbeat,
    /// Asks for the server's clock.
    ClockPing(ClockPing),
    /// Reports readiness and telemetry.
    MemberState(MemberState),
    /// Goes on without those the room waits for.
    GoOn,
    /// Says something.
    ChatSend(ChatSend),
    /// Says something differently than before.
    ChatEdit(ChatEdit),
    /// Takes back what was said.
    ChatDelete(ChatDelete),
    /// Reacts; volatile.
    React(React),
    /// Adds to the queue.
    QueueAdd(QueueAdd),
    /// Takes out of the queue.
    QueueRemove(QueueRemove),
    /// Moves within the queue.
    QueueMove(QueueMove),
    /// Plays the next entry, if the one named is still current.
    QueueNext(QueueNext),
    /// Changes a member's role.
    RoleSet(RoleSet),
    /// Removes a member.
    Kick(Kick),
    /// Lets somebody in who waits, or everybody.
    Admit(Admit),
    /// Lets somebody go who waits.
    TurnAway(TurnAway),
    /// Lets somebody come back who was banned.
    Pardon(Pardon),
    /// Changes the room's settings.
    RoomUpdate(RoomUpdate),
    /// Asks for the events after a point of the stream.
    Resume(StreamPosition),
    /// Renews the login behind the connection.
    Auth(Auth),
    /// Leaves at once.
    Leave,
}

/// A point in a room's stream of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamPosition {
    /// Names the stream; a new one begins when the server cannot be sure of the old.
    pub epoch: String,
    /// The last event of it that was seen.
    pub seq: u64,
}

/// Payload of `AUTH`.
#[derive(Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// A fresh token of the same person.
    pub token: String,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Auth { token: … }")
    }
}
