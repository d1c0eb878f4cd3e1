//! Invitations into rooms by mail: `/api/v1/rooms/{roomId}/invitations` for those who invite,
//! `/api/v1/invitations/…` for those who have a link.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use parlor_protocol::access::{
    Delivery, Invitation, InvitationAccepted, InvitationToken, Invite, InvitedTo,
};
use parlor_protocol::room::Message;
use parlor_protocol::{Code, RoomId, limits};
use parlor_room::{Proof, iso_8601};
use parlor_store::{InvitationRow, MailState};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Refused;
use super::body::Body;
use super::peer::Client;
use super::who::Who;
use crate::app::App;
use crate::auth::names;
use crate::clock::wall_ms;
use crate::mail::{Invited, token_hash};

/// Invitations of one person within [`COUNTED`].
const INVITATIONS_PER_PERSON: u64 = 200;
/// Within which time a person's invitations are counted.
const COUNTED: Duration = Duration::from_secs(86_400);
/// Pending invitations that are listed, the newest; more than anybody reads.
const LISTED: u64 = 500;
/// Who invites and is gone.
const SOMEBODY: &str = "Somebody";

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(invite, list))
        .routes(routes!(withdraw))
        .routes(routes!(look))
        .routes(routes!(accept))
}

/// Invites somebody by mail. The link is good for one person, within a week; another invitation to
/// the same address takes the place of the first.
#[utoipa::path(
    post, path = "/api/v1/rooms/{roomId}/invitations", tag = "rooms",
    operation_id = "invite",
    params(("roomId" = String, Path, description = "The room")),
    request_body = Invite,
    responses(
        (status = 202, body = Message, description = "The mail is on its way"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`forbidden`: only owner, host and moderators invite, and where mail is sent only with an address they proved; `account_required`"),
        (status = 503, body = parlor_protocol::error::ErrorBody, description = "`no_mail`: the server sends none"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn invite(
    State(app): State<App>,
    Who(verified): Who,
    Path(room): Path<RoomId>,
    Body(form): Body<Invite>,
) -> Result<(StatusCode, Json<Message>), Refused> {
    app.rooms.may_invite(&room, &verified.who).await?;
    if verified.who.is_guest {
        let why = "Only people with an account can invite by mail";
        return Err(Refused::because(Code::AccountRequired, why));
    }
    if !app.mail.has_way() {
        return Err(Code::NoMail.into());
    }
    let email = form.email.trim();
    if !names::is_email(email) {
        return Err(Refused::invalid("That is not an e-mail address"));
    }
    let message = form.message.as_deref().map(str::trim).filter(|message| !message.is_empty());
    if message.is_some_and(|message| !is_sayable(message)) {
        let most = limits::INVITATION_CHARS;
        return Err(Refused::invalid(format!("A message has at most {most} characters")));
    }
    let user = &verified.who.user_id;
    app.limits.invitations.check(user)?;
    app.limits.letters_per_name.check(&email.to_lowercase())?;
    let since_ms = wall_ms() - COUNTED.as_millis() as i64;
    if !app.config.insecure_no_rate_limits
        && app.store.invitations_made_since(user, since_ms).await? >= INVITATIONS_PER_PERSON
    {
        let why = format!("You invited {INVITATIONS_PER_PERSON} people today; go on tomorrow");
        return Err(Refused::because(Code::RateLimited, why));
    }
    let inviter = app.store.user(user).await?.ok_or(Code::UserNotFound)?;
    if app.mail.is_configured() && !inviter.is_email_verified {
        let why = "Confirm your own address first, by the link that was mailed to you";
        return Err(Refused::because(Code::Forbidden, why));
    }
    let row = app.store.room(&room).await?.ok_or(Code::RoomNotFound)?;
    let invited = Invited { room: &room, room_name: &row.name, inviter: &inviter, email, message };
    if !app.mail.invite(invited).await? {
        return Err(Refused::invalid("Mail to that address came back; nothing is sent there"));
    }
    let message = "The invitation is on its way".to_owned();
    Ok((StatusCode::ACCEPTED, Json(Message { message })))
}

fn is_sayable(message: &str) -> bool {
    message.chars().count() <= limits::INVITATION_CHARS
        && !message.chars().any(|c| c.is_control() && c != '\n')
}

/// Lists the invitations that nobody has taken up yet, the newest first.
#[utoipa::path(
    get, path = "/api/v1/rooms/{roomId}/invitations", tag = "rooms",
    operation_id = "list_invitations",
    params(("roomId" = String, Path, description = "The room")),
    responses(
        (status = 200, body = Vec<Invitation>, description = "Those that are pending"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`forbidden`: only owner, host and moderators see them"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn list(
    State(app): State<App>,
    Who(verified): Who,
    Path(room): Path<RoomId>,
) -> Result<Json<Vec<Invitation>>, Refused> {
    app.rooms.may_invite(&room, &verified.who).await?;
    let pending = app.store.pending_invitations(&room, wall_ms(), LISTED).await?;
    Ok(Json(pending.into_iter().map(shown).collect()))
}

fn shown(row: InvitationRow) -> Invitation {
    Invitation {
        id: row.id,
        email: row.email,
        invited_by: row.inviter_id,
        message: row.message,
        created_at: iso_8601(row.created_at_ms),
        expires_at: iso_8601(row.expires_at_ms),
        delivery: match row.mail {
            Some(MailState::Waiting) => Delivery::Waiting,
            // A mail that is forgotten was sent long ago.
            Some(MailState::Sent) | None => Delivery::Sent,
            Some(MailState::Failed | MailState::Suppressed) => Delivery::Failed,
        },
    }
}

/// Withdraws an invitation: its link leads nowhere.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{roomId}/invitations/{id}", tag = "rooms",
    operation_id = "withdraw_invitation",
    params(
        ("roomId" = String, Path, description = "The room"),
        ("id" = String, Path, description = "The invitation"),
    ),
    responses(
        (status = 200, body = Message, description = "Withdrawn"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`not_found`: there is none, or somebody took it up already"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn withdraw(
    State(app): State<App>,
    Who(verified): Who,
    Path((room, id)): Path<(RoomId, String)>,
) -> Result<Json<Message>, Refused> {
    app.rooms.may_invite(&room, &verified.who).await?;
    match app.store.withdraw_invitation(&room, &id).await? {
        true => Ok(Json(Message { message: "The invitation is withdrawn".to_owned() })),
        false => Err(Code::NotFound.into()),
    }
}

/// Says what the link of an invitation leads to, without using it.
#[utoipa::path(
    post, path = "/api/v1/invitations/look", tag = "rooms",
    operation_id = "look_at_invitation",
    request_body = InvitationToken,
    responses(
        (status = 200, body = InvitedTo, description = "The room, and who invites"),
        (status = 410, body = parlor_protocol::error::ErrorBody, description = "`link_expired`: withdrawn, or too old"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    )
)]
async fn look(
    State(app): State<App>,
    Client(address): Client,
    Body(form): Body<InvitationToken>,
) -> Result<Json<InvitedTo>, Refused> {
    app.limits.links.check(&address.into())?;
    let hash = token_hash(&form.token);
    let row = app.store.invitation(&hash, wall_ms()).await?.ok_or(Code::LinkExpired)?;
    let room = app.store.room(&row.room_id).await?.ok_or(Code::LinkExpired)?;
    let inviter = app.store.user(&row.inviter_id).await?;
    Ok(Json(InvitedTo {
        room_id: row.room_id,
        room_name: room.name,
        invited_by: inviter.map_or_else(|| SOMEBODY.to_owned(), |person| person.display_name),
        message: row.message,
        expires_at: iso_8601(row.expires_at_ms),
    }))
}

/// Takes an invitation up: whoever does, with an account or as a guest, may enter from now on. Once
/// it is used it is good for nobody else. Whose account has the address it went to, proved it.
#[utoipa::path(
    post, path = "/api/v1/invitations/accept", tag = "rooms",
    operation_id = "accept_invitation",
    request_body = InvitationToken,
    responses(
        (status = 200, body = InvitationAccepted, description = "May enter"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`banned`"),
        (status = 410, body = parlor_protocol::error::ErrorBody, description = "`link_expired`: somebody else used it, it was withdrawn, or it is too old"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn accept(
    State(app): State<App>,
    Client(address): Client,
    Who(verified): Who,
    Body(form): Body<InvitationToken>,
) -> Result<Json<InvitationAccepted>, Refused> {
    app.limits.links.check(&address.into())?;
    let (hash, now_ms) = (token_hash(&form.token), wall_ms());
    let row = app.store.invitation(&hash, now_ms).await?.ok_or(Code::LinkExpired)?;
    // Somebody who was sent away does not use up what others were given.
    if let Err(code @ (Code::Banned | Code::RoomNotFound)) =
        app.rooms.may_enter(&row.room_id, &verified.who).await
    {
        return Err(code.into());
    }
    let user = verified.who.user_id.clone();
    app.auth.keep(&verified.who).await?;
    let taken = app.store.accept_invitation(&hash, &user, now_ms).await?;
    let row = taken.ok_or(Code::LinkExpired)?;
    app.auth.forget_person(&user);
    // Whoever took it up may do so again, should the server die before the room knows.
    app.rooms.knock(&row.room_id, verified.who, Proof::Invitation, None).await?;
    Ok(Json(InvitationAccepted { room_id: row.room_id }))
}
