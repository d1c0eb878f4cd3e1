//! The door of a room: who may come in, who waits before it, and who is let in.

use serde::{Deserialize, Serialize};

use crate::{RoomId, UserId};

/// Who may come in, beside those who keep order and those who were let in before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// Whoever knows the address or the code.
    #[default]
    Open,
    /// Whoever has an account here; no guests.
    Accounts,
    /// Nobody but those who were invited or let in.
    Invited,
    /// Everybody waits in the waiting room until host or moderator lets them in.
    Knock,
}

/// Somebody in the waiting room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Caller {
    /// The person.
    pub user_id: UserId,
    /// The name to show.
    pub display_name: String,
    /// Whether the person has no account.
    pub is_guest: bool,
    /// What they said with their knock, up to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Since when they wait, ISO-8601 UTC with ms.
    pub since: String,
}

/// Payload of `WAITING_ROOM`: who waits, longest first. Told to owner, host and moderators alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingRoom {
    /// The people.
    pub callers: Vec<Caller>,
}

/// Payload of `ADMIT`: lets somebody in, for good, whether they wait at the moment or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Admit {
    /// The person; absent or `null` for everybody who waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
}

/// Payload of `TURN_AWAY`: lets somebody who waits go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TurnAway {
    /// The person.
    pub user_id: UserId,
    /// Whether they may not come back.
    #[serde(default)]
    pub ban: bool,
}

/// Payload of `PARDON`: lets somebody come back who was banned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pardon {
    /// The person.
    pub user_id: UserId,
}

/// Somebody who was banned from a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Banned {
    /// The person.
    pub user_id: UserId,
    /// The name to show; absent if the person is not kept here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// Body of `POST /api/v1/rooms/{roomId}/entry`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EnterRoom {
    /// The room's password, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// What host and moderators read beside the name of whoever waits, up to 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl std::fmt::Debug for EnterRoom {
    /// Leaves the password out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnterRoom").field("message", &self.message).finish_non_exhaustive()
    }
}

/// Answer of `POST /api/v1/rooms/{roomId}/entry`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entrance {
    /// What became of it.
    pub status: EntranceStatus,
}

/// How somebody stands at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntranceStatus {
    /// They may come in now.
    Admitted,
    /// They wait; ask again within [`crate::limits::CALLER_GRACE`], or somebody else is seen to.
    Waiting,
}

/// Body of `PUT /api/v1/rooms/{roomId}/password`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoomPassword {
    /// The new password, 4 to 256 bytes; `null` for none.
    #[schema(required = true)]
    pub password: Option<String>,
}

impl std::fmt::Debug for RoomPassword {
    /// Leaves the password out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RoomPassword { … }")
    }
}

/// Body of `POST /api/v1/rooms/{roomId}/invitations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invite {
    /// Whom: an e-mail address.
    pub email: String,
    /// What one says to them, up to [`crate::limits::INVITATION_CHARS`] characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// An invitation that nobody has taken up yet, as those see it who may invite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// Its id.
    pub id: String,
    /// Whom: an e-mail address.
    pub email: String,
    /// Who invites.
    pub invited_by: UserId,
    /// What the inviter says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was made, ISO-8601 UTC with ms.
    pub created_at: String,
    /// When it ends, ISO-8601 UTC with ms.
    pub expires_at: String,
    /// What became of its mail.
    pub delivery: Delivery,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// It is to be sent, now or later.
    Waiting,
    /// The mail server took it.
    Sent,
    /// It could not be delivered.
    Failed,
}

/// Body of `POST /api/v1/invitations/look` and `POST /api/v1/invitations/accept`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InvitationToken {
    /// What the link in the mail carries.
    pub token: String,
}

impl std::fmt::Debug for InvitationToken {
    /// Leaves the token out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InvitationToken { … }")
    }
}

/// Answer of `POST /api/v1/invitations/look`: what somebody is invited to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvitedTo {
    /// The room.
    pub room_id: RoomId,
    /// Its name.
    pub room_name: String,
    /// The name of who invites.
    pub invited_by: String,
    /// What they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the invitation ends, ISO-8601 UTC with ms.
    pub expires_at: String,
}

/// Answer of `POST /api/v1/invitations/accept`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvitationAccepted {
    /// The room one may enter now.
    pub room_id: RoomId,
}
