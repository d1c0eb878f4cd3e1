//! What a room tells its members.

use serde::{Deserialize, Serialize};

use crate::access::WaitingRoom;
use crate::chat::{ChatDeleted, ChatMessage, Reaction};
use crate::command::StreamPosition;
use crate::member::{HostChanged, Member, MemberCount, MemberSync, MembersChanged};
use crate::playback::{ClockPong, PlaybackState};
use crate::queue::QueueUpdated;
use crate::room::{RoomSettings, RoomState};

/// `type` and `payload` of a frame to a client. See [`Event::is_volatile`] for which of them
/// carry a sequence number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "payload", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Event {
    /// The whole room; sent when asked for, never unasked.
    SyncFullState(Box<RoomState>),
    /// What plays, after a change or a command that changed nothing.
    PlaybackUpdated(PlaybackState),
    /// Somebody took a seat.
    UserJoined(MemberCount),
    /// Somebody's seat is free again.
    UserLeft(MemberCount),
    /// Who came and went in a large room, every 500 ms.
    MembersChanged(MembersChanged),
    /// Somebody else is host now.
    HostChanged(HostChanged),
    /// Something was said.
    ChatMessage(ChatMessage),
    /// Something was said differently; the whole message as it is now.
    ChatEdited(ChatMessage),
    /// Something was taken back.
    ChatDeleted(ChatDeleted),
    /// The queue changed.
    QueueUpdated(QueueUpdated),
    /// A member's role, status or readiness changed.
    MemberUpdated(Member),
    /// A member's sync meter; volatile.
    MemberSync(MemberSync),
    /// Somebody reacted; volatile.
    Reaction(Reaction),
    /// Who waits to be let in, told to those who may let them in; volatile.
    WaitingRoom(WaitingRoom),
    /// The settings changed.
    RoomUpdated(RoomSettings),
    /// The room is gone.
    RoomClosed(RoomClosed),
    /// The server's clock.
    ClockPong(ClockPong),
    /// All events that were asked for have been sent.
    Resumed(StreamPosition),
    /// The command with this `id` was carried out.
    Ack,
    /// A sentence for people; `code` and the command's `id` are on the envelope.
    Error(String),
}

impl Event {
    /// Says whether the event is outside the room's stream: it has no `seq` and is not resumed.
    pub fn is_volatile(&self) -> bool {
        match self {
            Event::PlaybackUpdated(_)
            | Event::UserJoined(_)
            | Event::UserLeft(_)
            | Event::MembersChanged(_)
            | Event::HostChanged(_)
            | Event::ChatMessage(_)
            | Event::ChatEdited(_)
            | Event::ChatDeleted(_)
            | Event::QueueUpdated(_)
            | Event::MemberUpdated(_)
            | Event::RoomUpdated(_)
            | Event::RoomClosed(_) => false,
            Event::SyncFullState(_)
            | Event::MemberSync(_)
            | Event::Reaction(_)
            | Event::WaitingRoom(_)
            | Event::ClockPong(_)
            | Event::Resumed(_)
            | Event::Ack
            | Event::Error(_) => true,
        }
    }
}

/// Payload of `ROOM_CLOSED`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomClosed {
    /// Why.
    pub reason: ClosedReason,
}

/// Why a room ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClosedReason {
    /// Somebody who may do so deleted it.
    Deleted,
    /// Nobody was there for as long as its kind of room lives.
    Idle,
    /// Nothing was said for as long as its messages live: they and the room are erased.
    Vanished,
}
