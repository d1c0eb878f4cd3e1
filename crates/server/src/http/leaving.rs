//! One's own account: another password, everything the server knows of one, and the end of it.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use parlor_protocol::account::{
    ChangePassword, Export, ExportedInvitation, ExportedMessage, ExportedRoom, LeaveForGood,
};
use parlor_protocol::event::ClosedReason;
use parlor_protocol::room::Message;
use parlor_protocol::{Code, UserId};
use parlor_room::iso_8601;
use parlor_store::{PersonKind, RoomRow};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::session_info;
use super::answer::Refused;
use super::body::Body;
use super::rooms::open_rows;
use super::who::Who;
use crate::app::App;
use crate::auth::Verified;

/// Rows read at once.
pub const PAGE: u64 = 500;
/// Messages, or invitations, in one export, the oldest rooms first; nobody has said more.
pub const EXPORTED: usize = 200_000;
/// Under which name that stays which somebody said who left for good.
const SOMEBODY: &str = "Somebody who left";

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(change_password))
        .routes(routes!(export))
        .routes(routes!(leave_for_good))
}

/// Sets another password; every other login of the account ends.
#[utoipa::path(
    post, path = "/api/v1/auth/password", tag = "auth",
    request_body = ChangePassword,
    responses(
        (status = 200, body = Message, description = "Changed; one is logged in here alone"),
        (status = 401, body = parlor_protocol::error::ErrorBody, description = "`invalid_credentials`: that is not the password until now"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn change_password(
    State(app): State<App>,
    Who(verified): Who,
    Body(form): Body<ChangePassword>,
) -> Result<Json<Message>, Refused> {
    let user = prove(&app, &verified, form.current).await?;
    app.auth.set_password(&user, form.password).await?;
    app.auth.end_logins_of(&user, verified.login.as_ref()).await?;
    Ok(Json(Message { message: "The password is changed".to_owned() }))
}

/// Returns everything the server keeps of one: the account, its logins, its rooms and what one said.
#[utoipa::path(
    get, path = "/api/v1/users/me/export", tag = "users",
    responses(
        (status = 200, body = Export, description = "All of it, as a file"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn export(State(app): State<App>, Who(verified): Who) -> Result<Response, Refused> {
    let user = &verified.who.user_id;
    app.limits.exports.check(user)?;
    let account = app.auth.account_of(user).await?.ok_or(Code::UserNotFound)?;
    let logins = app.auth.logins_of(user).await?;
    let logins = logins.into_iter().map(|login| session_info(login, &verified)).collect();
    let rooms = rooms_of(&app, user).await?.into_iter().map(|row| ExportedRoom {
        room_id: row.id,
        name: row.name,
        created_at: iso_8601(row.created_at_ms),
    });
    let rooms = rooms.collect();
    let messages = messages_of(&app, user).await?;
    let invited = app.store.invitations_of(user, EXPORTED as u64).await?;
    let invitations = invited.into_iter().map(|row| ExportedInvitation {
        room_id: row.room_id,
        email: row.email,
        message: row.message,
        sent_at: iso_8601(row.created_at_ms),
    });
    let invitations = invitations.collect();
    let direct = super::direct::exported(&app, user).await?;
    let export = Export { account, logins, rooms, messages, invitations, direct };
    let mut response = Json(export).into_response();
    let headers = response.headers_mut();
    let file = HeaderValue::from_static("attachment; filename=\"parlor.json\"");
    headers.insert(header::CONTENT_DISPOSITION, file);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn rooms_of(app: &App, user: &UserId) -> Result<Vec<RoomRow>, Refused> {
    let mut rooms = Vec::new();
    let mut after = None;
    loop {
        let page = app.store.rooms_of(user, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(rooms) };
        after = Some(last.into());
        rooms.extend(page);
    }
}

async fn messages_of(app: &App, user: &UserId) -> Result<Vec<ExportedMessage>, Refused> {
    let mut messages = Vec::new();
    let mut after = None;
    while messages.len() < EXPORTED {
        let page = app.store.messages_of(user, after.as_ref(), PAGE).await?;
        let Some((room, last)) = page.last() else { break };
        after = Some((room.clone(), last.n));
        for (room_id, mut row) in page {
            open_rows(app, &room_id, std::slice::from_mut(&mut row)).await?;
            let (text, sent_at) = (row.text, iso_8601(row.sent_at_ms));
            messages.push(ExportedMessage { room_id, text, sent_at });
        }
    }
    Ok(messages)
}

/// Deletes one's account: its rooms end, its logins end, and what one said in the rooms of others
/// stays without one's name. A room that is open shows the name until it was left by all.
#[utoipa::path(
    delete, path = "/api/v1/users/me", tag = "users",
    request_body = LeaveForGood,
    responses(
        (status = 200, body = Message, description = "Deleted"),
        (status = 401, body = parlor_protocol::error::ErrorBody, description = "`invalid_credentials`: that is not the password"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn leave_for_good(
    State(app): State<App>,
    Who(verified): Who,
    Body(form): Body<LeaveForGood>,
) -> Result<Json<Message>, Refused> {
    // Whom another issuer vouches for has no password here; their token is as good as it gets.
    let user = match is_external(&app, &verified).await? {
        true => verified.who.user_id,
        false => prove(&app, &verified, form.password).await?,
    };
    for room in rooms_of(&app, &user).await? {
        match app.rooms.end(&room.id, ClosedReason::Deleted).await {
            Ok(()) | Err(Code::RoomNotFound) => {}
            Err(code) => return Err(code.into()),
        }
        app.erase_room(&room.id).await?;
    }
    app.auth.end_logins_of(&user, None).await?;
    app.store.forget_user(&user, SOMEBODY).await?;
    app.auth.forget_person(&user);
    Ok(Json(Message { message: "The account is deleted".to_owned() }))
}

async fn is_external(app: &App, verified: &Verified) -> Result<bool, Refused> {
    let person = app.store.user(&verified.who.user_id).await?;
    Ok(person.is_some_and(|person| person.kind == PersonKind::External))
}

/// Makes sure that an account's owner is there and not only a browser left open.
async fn prove(app: &App, verified: &Verified, password: String) -> Result<UserId, Refused> {
    if verified.login.is_none() || is_external(app, verified).await? {
        return Err(Code::Forbidden.into());
    }
    let user = &verified.who.user_id;
    app.limits.proofs.check(user)?;
    match app.auth.is_password_of(user, password).await? {
        true => Ok(user.clone()),
        false => Err(Code::InvalidCredentials.into()),
    }
}
