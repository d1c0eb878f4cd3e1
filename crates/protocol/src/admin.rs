//! What whoever runs the site sees and does: people and mail.

use serde::{Deserialize, Serialize};

use crate::UserId;

/// Body of `POST /api/v1/admin/first`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FirstAdmin {
    /// What the link carries that the server printed when it started.
    pub token: String,
}

/// An account, or somebody another issuer knows, as whoever runs the site sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminUser {
    /// The person.
    pub id: UserId,
    /// The user name; `null` for external users.
    #[schema(required = true)]
    pub username: Option<String>,
    /// The e-mail address, if the server knows one.
    #[schema(required = true)]
    pub email: Option<String>,
    /// The name to show.
    pub display_name: String,
    /// When the person was first known, ISO-8601 UTC with ms.
    pub created_at: String,
    /// Whether another issuer vouches for the person; such people have no password here.
    pub is_external: bool,
    /// Whether the person runs the site.
    pub is_admin: bool,
    /// Whether the person is kept out.
    pub is_disabled: bool,
    /// Whether the person proved to have the address.
    pub is_email_verified: bool,
}

/// Answer of `GET /api/v1/admin/users`: the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminUsers {
    /// One page of them.
    pub users: Vec<AdminUser>,
    /// Behind whom the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<UserId>,
}

/// Body of `PATCH /api/v1/admin/users/{id}`; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AdminUserUpdate {
    /// Whether the person runs the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_admin: Option<bool>,
    /// Whether the person is kept out: every login and socket of theirs ends within 5 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_disabled: Option<bool>,
}

/// Answer of `POST /api/v1/admin/users/{id}/password-link`: a link to hand on.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordLink {
    /// Path and query of the page on which another password is set, once.
    pub path: String,
    /// When the link ends, ISO-8601 UTC with ms.
    pub expires_at: String,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MailOutcome {
    /// It waits to be sent, for the first time.
    Waiting,
    /// It could not be sent yet, and is tried again.
    Deferred,
    /// The mail server took it.
    Sent,
    /// It was given up.
    Failed,
    /// It is not sent, for nobody has the address.
    Suppressed,
}

/// A mail as whoever runs the site sees it; never its link, nor its words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminMail {
    /// Its id.
    pub id: String,
    /// What kind of mail it is: `reset`, `verify`, `invite` or `taken`.
    pub kind: String,
    /// The address it goes to.
    pub recipient: String,
    /// What became of it.
    pub outcome: MailOutcome,
    /// How often it was tried.
    pub attempts: u32,
    /// What the mail server said against it, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it was written, ISO-8601 UTC with ms.
    pub created_at: String,
    /// When it is tried next; of those that wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<String>,
    /// When the mail server took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<String>,
}

/// Answer of `GET /api/v1/admin/mail`: the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminMails {
    /// Whether there is a mail server at all.
    pub is_configured: bool,
    /// One page of them.
    pub mails: Vec<AdminMail>,
    /// Behind what the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
