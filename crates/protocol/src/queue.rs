//! What plays next.

use serde::{Deserialize, Serialize};

use crate::{ItemId, UserId};

/// One entry of a room's queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueItem {
    /// Names the entry within the room.
    pub item_id: ItemId,
    /// Address of the medium.
    pub media_url: String,
    /// Kind of the medium, if whoever added it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Title shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Who added it.
    pub added_by: UserId,
    /// What whoever added it calls the addition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// Payload of `QUEUE_ADD`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueAdd {
    /// Address of the medium, as in `UPDATE_PLAYBACK`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_url: Option<String>,
    /// Kind of the medium.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Title shown to people, up to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the sender calls the addition, up to 64 characters: sent again, it adds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// Payload of `QUEUE_REMOVE`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueRemove {
    /// The entry to take out.
    pub item_id: ItemId,
}

/// Payload of `QUEUE_MOVE`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueMove {
    /// The entry to move.
    pub item_id: ItemId,
    /// The entry it comes before; absent means the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<ItemId>,
}

/// Payload of `QUEUE_NEXT`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct QueueNext {
    /// The entry that plays in the sender's eyes; the room advances only if it is still the
    /// current one, so that many members whose film ends at once advance it once. `null` or
    /// absent: the sender sees a medium that is not from the queue, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<ItemId>,
}

/// Payload of `QUEUE_UPDATED`: the whole queue, first to play first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueUpdated {
    /// The entries that are still to come.
    pub queue: Vec<QueueItem>,
    /// Who changed it; `null` when the room itself did.
    #[schema(required = true)]
    pub by: Option<UserId>,
}
