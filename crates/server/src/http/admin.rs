//! Running the site: `/api/v1/admin/…`. All of it is for those who do, and each change is logged
//! with who made it.

use axum::Json;
use axum::extract::{Path, State};
use parlor_protocol::admin::{
    AdminMail, AdminMails, AdminUser, AdminUserUpdate, AdminUsers, FirstAdmin, MailOutcome,
    PasswordLink,
};
use parlor_protocol::room::Message;
use parlor_protocol::{Code, UserId};
use parlor_room::iso_8601;
use parlor_store::{MailRow, MailState, Office, OfficeChange, Person, PersonKind};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Refused;
use super::body::{Body, Params};
use super::peer::Client;
use super::who::{Admin, Who};
use crate::app::App;
use crate::clock::wall_ms;
use crate::mail::token_hash;

/// People or mails in one answer.
const PAGE: u64 = 50;
/// Longest search, in characters: as long as the longest address.
const SEARCH_CHARS: usize = 254;

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(claim))
        .routes(routes!(users))
        .routes(routes!(update_user))
        .routes(routes!(password_link))
        .routes(routes!(mail))
}

/// Makes one's account the first that runs the site, by the link the server printed when it started.
#[utoipa::path(
    post, path = "/api/v1/admin/first", tag = "admin",
    operation_id = "claim_site",
    request_body = FirstAdmin,
    responses(
        (status = 200, body = Message, description = "One runs the site"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`forbidden`: a guest needs an account first"),
        (status = 410, body = parlor_protocol::error::ErrorBody, description = "`link_expired`: somebody runs the site already, or the link is too old"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn claim(
    State(app): State<App>,
    Client(address): Client,
    Who(verified): Who,
    Body(form): Body<FirstAdmin>,
) -> Result<Json<Message>, Refused> {
    app.limits.links.check(&address.into())?;
    if verified.who.is_guest {
        return Err(Code::Forbidden.into());
    }
    let user = &verified.who.user_id;
    if !app.store.claim_site(&token_hash(&form.token), user, wall_ms()).await? {
        return Err(Code::LinkExpired.into());
    }
    app.auth.forget_person(user);
    tracing::info!(%user, "is the first who runs the site");
    Ok(Json(Message { message: "You run this site".to_owned() }))
}

#[derive(Deserialize)]
struct Which {
    q: Option<String>,
    after: Option<UserId>,
}

/// Lists accounts and external users.
#[utoipa::path(
    get, path = "/api/v1/admin/users", tag = "admin",
    operation_id = "admin_users",
    params(
        ("q" = Option<String>, Query, description = "Only those whose user name, address or name to show has it"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses(
        (status = 200, body = AdminUsers, description = "The newest first, 50 at once"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`forbidden`: one does not run the site"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn users(
    State(app): State<App>,
    _admin: Admin,
    Params(Which { q, after }): Params<Which>,
) -> Result<Json<AdminUsers>, Refused> {
    let search = q.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if search.is_some_and(|text| text.chars().count() > SEARCH_CHARS) {
        return Err(Refused::invalid("Search for at most 254 characters"));
    }
    let mut people = app.store.people(search, after.as_ref(), PAGE + 1).await?;
    let has_more = people.len() as u64 > PAGE;
    people.truncate(PAGE as usize);
    let next = people.last().filter(|_| has_more).map(|last| last.id.clone());
    Ok(Json(AdminUsers { users: people.into_iter().map(shown).collect(), next }))
}

/// Keeps somebody out or lets them in again; has somebody run the site, or no longer.
#[utoipa::path(
    patch, path = "/api/v1/admin/users/{id}", tag = "admin",
    operation_id = "admin_update_user",
    params(("id" = String, Path, description = "The person")),
    request_body = AdminUserUpdate,
    responses(
        (status = 200, body = AdminUser, description = "The person, changed"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`forbidden`: one does not run the site"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`user_not_found`"),
        (status = 409, body = parlor_protocol::error::ErrorBody, description = "`last_admin`: nobody would be left who runs the site"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn update_user(
    State(app): State<App>,
    Admin(admin): Admin,
    Path(user): Path<UserId>,
    Body(update): Body<AdminUserUpdate>,
) -> Result<Json<AdminUser>, Refused> {
    let AdminUserUpdate { is_admin, is_disabled } = update;
    let disabled_since_ms = is_disabled.map(|is_disabled| is_disabled.then(wall_ms));
    let office = Office { is_admin, disabled_since_ms };
    match app.store.change_office(&user, office).await? {
        OfficeChange::Made => {}
        OfficeChange::LastAdmin => return Err(Code::LastAdmin.into()),
        OfficeChange::Unknown => return Err(Code::UserNotFound.into()),
    }
    app.auth.forget_person(&user);
    if is_disabled == Some(true) {
        app.auth.end_logins_of(&user, None).await?;
    }
    tracing::info!(by = %admin.who.user_id, %user, ?is_admin, ?is_disabled, "changed an account");
    let person = app.store.user(&user).await?.ok_or(Code::UserNotFound)?;
    Ok(Json(shown(person)))
}

/// Makes a link by which somebody sets another password, to hand on to them.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{id}/password-link", tag = "admin",
    operation_id = "admin_password_link",
    params(("id" = String, Path, description = "The person")),
    responses(
        (status = 200, body = PasswordLink, description = "It works once, within an hour"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`forbidden`: one does not run the site"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`user_not_found`: no such account, or one without a password here"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn password_link(
    State(app): State<App>,
    Admin(admin): Admin,
    Path(user): Path<UserId>,
) -> Result<Json<PasswordLink>, Refused> {
    let person = app.store.user(&user).await?;
    let person = person.filter(|it| it.kind == PersonKind::Account).ok_or(Code::UserNotFound)?;
    let (path, expires_at_ms) = app.mail.password_link(&person).await?;
    tracing::info!(by = %admin.who.user_id, %user, "made a link for another password");
    Ok(Json(PasswordLink { path, expires_at: iso_8601(expires_at_ms) }))
}

#[derive(Deserialize)]
struct Behind {
    after: Option<String>,
}

/// Lists mail of the last 30 days, with what became of it.
#[utoipa::path(
    get, path = "/api/v1/admin/mail", tag = "admin",
    operation_id = "admin_mail",
    params(("after" = Option<String>, Query, description = "The `next` of the page before")),
    responses(
        (status = 200, body = AdminMails, description = "The newest first, 50 at once"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`forbidden`: one does not run the site"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn mail(
    State(app): State<App>,
    _admin: Admin,
    Params(Behind { after }): Params<Behind>,
) -> Result<Json<AdminMails>, Refused> {
    let after = after.as_deref().map(|text| place(text).ok_or_else(not_a_page)).transpose()?;
    let mut mails = app.store.mails(after, PAGE + 1).await?;
    let has_more = mails.len() as u64 > PAGE;
    mails.truncate(PAGE as usize);
    let next = mails.last().filter(|_| has_more);
    let next = next.map(|last| format!("{}.{}", last.created_at_ms, last.id));
    let mails = mails.into_iter().map(shown_mail).collect();
    Ok(Json(AdminMails { is_configured: app.mail.is_configured(), mails, next }))
}

/// Reads where a page begins: when the last mail of the one before was written, and its id.
fn place(text: &str) -> Option<(i64, &str)> {
    let (at_ms, id) = text.split_once('.')?;
    // Later than any moment a calendar has is no moment.
    at_ms
        .parse()
        .ok()
        .filter(|at_ms| (0..=i64::from(u32::MAX) * 1_000).contains(at_ms))
        .map(|at_ms| (at_ms, id))
}

fn not_a_page() -> Refused {
    Refused::invalid("`after` is the `next` of the page before")
}

fn shown(person: Person) -> AdminUser {
    AdminUser {
        id: person.id,
        username: person.username,
        email: person.email,
        display_name: person.display_name,
        created_at: iso_8601(person.created_at_ms),
        is_external: person.kind == PersonKind::External,
        is_admin: person.is_admin,
        is_disabled: person.is_disabled,
        is_email_verified: person.is_email_verified,
    }
}

fn shown_mail(row: MailRow) -> AdminMail {
    let outcome = match row.state {
        MailState::Waiting if row.last_error.is_none() => MailOutcome::Waiting,
        MailState::Waiting => MailOutcome::Deferred,
        MailState::Sent => MailOutcome::Sent,
        MailState::Failed => MailOutcome::Failed,
        MailState::Suppressed => MailOutcome::Suppressed,
    };
    let waits = row.state == MailState::Waiting;
    AdminMail {
        id: row.id,
        kind: row.template,
        recipient: row.recipient,
        outcome,
        attempts: row.attempts,
        last_error: row.last_error,
        created_at: iso_8601(row.created_at_ms),
        next_attempt_at: waits.then(|| iso_8601(row.next_attempt_at_ms)),
        sent_at: row.sent_at_ms.map(iso_8601),
    }
}
