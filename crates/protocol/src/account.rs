//! People: accounts, guests, logins.

use serde::{Deserialize, Serialize};

use crate::{LoginId, RoomId, UserId};

macro_rules! secret_debug {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), " { … }"))
            }
        }
    )*};
}

/// Body of `POST /api/v1/auth/register`.
#[derive(Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Register {
    /// 4 to 40 characters: letters, digits, `_ . -`.
    pub username: String,
    /// An e-mail address.
    pub email: String,
    /// 8 to 512 bytes.
    pub password: String,
    /// The name to show; the user name if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// Body of `POST /api/v1/auth/login`: one of the names, and the password.
#[derive(Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    /// The user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The password.
    pub password: String,
}

/// Body of `POST /api/v1/auth/refresh` and `…/logout`; the cookie serves as well.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Refresh {
    /// The refresh token, single use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

/// Body of `POST /api/v1/auth/guest`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct NewGuest {
    /// The name to show, up to 60 characters; one is made up if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// Answer of `POST /api/v1/auth/guest`.
#[derive(Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Guest {
    /// The guest.
    pub id: UserId,
    /// The name to show.
    pub display_name: String,
    /// Proves who the guest is.
    pub access_token: String,
}

/// A person as the person sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The person.
    pub id: UserId,
    /// The user name; `null` for guests and external users.
    #[schema(required = true)]
    pub username: Option<String>,
    /// The e-mail address, shown to nobody else.
    #[schema(required = true)]
    pub email: Option<String>,
    /// The name to show.
    pub display_name: String,
    /// When the account was made, ISO-8601 UTC with ms.
    pub created_at: String,
    /// Whether the person is a guest.
    pub is_guest: bool,
    /// Whether the person proved to have the address; absent where no mail is sent, and without an
    /// address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_email_verified: Option<bool>,
    /// Whether the person runs the site; absent if not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_admin: bool,
    /// The language the person reads, as a BCP 47 tag; absent if they left it to their device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// How the person likes to see and hear.
    #[serde(default)]
    pub preferences: Preferences,
}

/// What of a person's device is overruled on every device of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Preferences {
    /// How much moves.
    pub motion: Motion,
    /// How far text stands out from its ground.
    pub contrast: Contrast,
    /// How large text is, in percent of the usual: 100 to 200.
    pub text_percent: u16,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { motion: Motion::default(), contrast: Contrast::default(), text_percent: 100 }
    }
}

/// How much moves on a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Motion {
    /// As the device says.
    #[default]
    Device,
    /// As little as possible.
    Less,
}

/// How far text stands out from its ground.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Contrast {
    /// As the device says.
    #[default]
    Device,
    /// More than usual.
    More,
}

/// A person as others see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The person.
    pub id: UserId,
    /// The user name; `null` for guests and external users.
    #[schema(required = true)]
    pub username: Option<String>,
    /// The name to show.
    pub display_name: String,
    /// Whether the person is a guest.
    pub is_guest: bool,
}

/// Body of `PATCH /api/v1/users/me`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AccountUpdate {
    /// A new name to show, 1 to 60 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The language to read, as a BCP 47 tag of up to 35 characters; empty for that of the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// How one likes to see and hear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferences: Option<Preferences>,
}

/// Answer of register, login and refresh: the account's fields flat, and the tokens.
#[derive(Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedIn {
    /// The account.
    #[serde(flatten)]
    pub account: Account,
    /// JWT, good for `expiresIn` seconds.
    pub access_token: String,
    /// Opaque, 30 days, single use.
    pub refresh_token: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
}

/// Answer of `POST /api/v1/auth/ticket`: opens one socket, once, within 30 s.
#[derive(Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// Goes into `?authToken=` of a WebSocket address.
    pub ticket: String,
    /// Where sockets are opened, such as `wss://sync.example.org`; absent if at the address that
    /// the ticket came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_url: Option<String>,
}

/// One entry of `GET /api/v1/auth/sessions`: a place where one is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// The login.
    pub id: LoginId,
    /// Whether it is the one this request was made with.
    pub is_current: bool,
    /// What the client called itself when it logged in.
    pub user_agent: Option<String>,
    /// When it began, ISO-8601 UTC with ms.
    pub created_at: String,
    /// When it ends unless it is used, ISO-8601 UTC with ms.
    pub expires_at: String,
}

/// Body of `POST /api/v1/auth/password`.
#[derive(Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePassword {
    /// The password until now.
    pub current: String,
    /// The new one, at least 8 bytes.
    pub password: String,
}

/// Body of `DELETE /api/v1/users/me`.
#[derive(Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeaveForGood {
    /// The account's password.
    pub password: String,
}

/// Answer of `GET /api/v1/users/me/export`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// The account.
    pub account: Account,
    /// Where one is logged in.
    pub logins: Vec<SessionInfo>,
    /// One's rooms.
    pub rooms: Vec<ExportedRoom>,
    /// What one said, by room.
    pub messages: Vec<ExportedMessage>,
    /// Whom one invited by mail within the last weeks.
    pub invitations: Vec<ExportedInvitation>,
    /// One's direct messages.
    #[serde(default)]
    pub direct: crate::direct::ExportedDirect,
}

/// An invitation by mail in an export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportedInvitation {
    /// Into which room.
    pub room_id: RoomId,
    /// The address it was sent to.
    pub email: String,
    /// What one said with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When, ISO-8601 UTC with ms.
    pub sent_at: String,
}

/// A room in an export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportedRoom {
    /// Names the room.
    pub room_id: RoomId,
    /// Its name.
    pub name: String,
    /// When it was made, ISO-8601 UTC with ms.
    pub created_at: String,
}

/// A message in an export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportedMessage {
    /// Where it was said.
    pub room_id: RoomId,
    /// What was said.
    pub text: String,
    /// When, ISO-8601 UTC with ms.
    pub sent_at: String,
}

/// Body of `POST /api/v1/auth/password/forgot`.
#[derive(Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForgotPassword {
    /// The account's e-mail address.
    pub email: String,
}

/// Body of `POST /api/v1/auth/password/reset`.
#[derive(Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetPassword {
    /// What the link in the mail carries.
    pub token: String,
    /// The new password, at least 8 bytes.
    pub password: String,
}

/// Body of `POST /api/v1/auth/email/verify`.
#[derive(Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyEmail {
    /// What the link in the mail carries.
    pub token: String,
}

secret_debug!(ForgotPassword, ResetPassword, VerifyEmail);
secret_debug!(ChangePassword, LeaveForGood, Register, Login, Refresh, Guest, LoggedIn, Ticket);
