//! Who is in a room.

use serde::{Deserialize, Serialize};

use crate::UserId;

/// What a member may do, least last. (One table in crate `room` says which role may what.)
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Came without an account.
    Guest,
    /// Has an account.
    Member,
    /// Was made moderator.
    Moderator,
    /// Holds the remote: at first who made the room, then the longest-present member.
    Host,
    /// Made the room with an account. Stays owner, present or not.
    Owner,
}

/// Whether a member's player can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Readiness {
    /// Loading the medium.
    Loading,
    /// Has enough to play.
    Ready,
    /// Ran out of data while playing.
    Stalled,
    /// Not watching just now: hidden, or gone for a moment.
    Away,
}

/// How a member is connected, in words a person can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Here.
    Online,
    /// Here, and its player is loading or stalled.
    Buffering,
    /// Here, but not watching.
    Away,
    /// Its connection broke less than a grace ago; the seat is kept.
    Reconnecting,
}

/// A member of a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The person.
    pub user_id: UserId,
    /// The name to show.
    pub display_name: String,
    /// What the member may do.
    pub role: Role,
    /// How the member is connected.
    pub status: Status,
    /// What its player last said; `null` if it never reported.
    #[schema(required = true)]
    pub readiness: Option<Readiness>,
    /// Whether the member used up its wait budget and is no longer waited for.
    pub catching_up: bool,
    /// When the member took its seat, ISO-8601 UTC with ms.
    pub joined_at: String,
}

/// Payload of `MEMBER_STATE`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberState {
    /// Whether the player can go on; absent in a report of telemetry alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Readiness>,
    /// Best round trip the client measured, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<f64>,
    /// How well the player follows; every 5 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<Telemetry>,
}

/// How well a member's player follows the timeline, over the last 5 s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Telemetry {
    /// Median of the error's size, ms.
    pub error_p50_ms: f64,
    /// 95th percentile of the error's size, ms.
    pub error_p95_ms: f64,
    /// Largest error, ms.
    pub error_max_ms: f64,
    /// Signed error just now, ms: positive is behind the room.
    #[serde(default)]
    pub error_now_ms: f64,
    /// Seeks the controller made.
    #[serde(default)]
    pub seeks: u32,
    /// Changes of rate the controller made.
    #[serde(default)]
    pub rate_changes: u32,
    /// Stalls the player had.
    #[serde(default)]
    pub stalls: u32,
    /// Half the best round trip: how wrong the clock may be, ms.
    #[serde(default)]
    pub clock_bound_ms: f64,
    /// What kind of source plays.
    pub class: SourceClass,
}

/// How exactly a kind of source can be steered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceClass {
    /// A media element of the browser: to the millisecond.
    Exact,
    /// A player behind somebody else's interface (YouTube): coarse clock, adverts.
    Coarse,
    /// Another program (mpv, VLC).
    External,
    /// Shows something else just now, an advert for one; never waited for.
    Detached,
}

/// Payload of `MEMBER_SYNC`, volatile: one member's sync meter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberSync {
    /// Whose meter it is.
    pub user_id: UserId,
    /// What it shows.
    pub telemetry: Telemetry,
}

/// Payload of `USER_JOINED` and `USER_LEFT`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberCount {
    /// Who came or went.
    pub user_id: UserId,
    /// Members present now.
    pub member_count: u64,
    /// The member who came, whole; absent in `USER_LEFT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
}

/// Payload of `MEMBERS_CHANGED`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MembersChanged {
    /// Who came.
    pub joined: Vec<UserId>,
    /// Who went.
    pub left: Vec<UserId>,
    /// Members present now.
    pub member_count: u64,
}

/// Payload of `HOST_CHANGED`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostChanged {
    /// The new host.
    pub new_host_id: UserId,
}

/// Payload of `ROLE_SET`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleSet {
    /// Whose role changes.
    pub user_id: UserId,
    /// The new role: `host` hands the room over, `moderator` promotes, `member` takes it back.
    pub role: Role,
}

/// Payload of `KICK`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kick {
    /// Who is removed.
    pub user_id: UserId,
    /// Whether the person may not come back.
    #[serde(default)]
    pub ban: bool,
}

/// A page of a room's members, longest present first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberPage {
    /// The members of this page.
    pub members: Vec<Member>,
    /// Members present.
    pub member_count: u64,
    /// Ask with this `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<UserId>,
}
