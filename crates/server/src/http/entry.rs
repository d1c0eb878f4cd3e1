//! The door of a room over HTTP: proving its password, waiting before it, setting the password.

use std::time::Instant;

use axum::Json;
use axum::extract::{Path, State};
use parlor_protocol::access::{Banned, EnterRoom, Entrance, EntranceStatus, Pardon, RoomPassword};
use parlor_protocol::room::{Message, RoomUpdate};
use parlor_protocol::{Code, Command, RoomId, UserId};
use parlor_room::Proof;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Refused;
use super::body::Body;
use super::peer::Client;
use super::who::Who;
use crate::app::App;

/// Shortest and longest password of a room, in bytes.
const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 4..=256;

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(look, enter))
        .routes(routes!(set_password))
        .routes(routes!(banned))
        .routes(routes!(pardon))
}

/// Looks at the door without coming to it: nobody in the room hears of it, and it takes no seat.
#[utoipa::path(
    get, path = "/api/v1/rooms/{roomId}/entry", tag = "rooms",
    operation_id = "look_at_door",
    params(("roomId" = String, Path, description = "The room")),
    responses(
        (status = 200, body = Entrance, description = "May come in"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`password_required`, `account_required`, `not_invited`, `waiting_room`, `banned`, `room_full`"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`room_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn look(
    State(app): State<App>,
    Who(verified): Who,
    Path(room): Path<RoomId>,
) -> Result<Json<Entrance>, Refused> {
    app.rooms.may_enter(&room, &verified.who).await?;
    Ok(Json(Entrance { status: EntranceStatus::Admitted }))
}

/// Comes to the door: proves the password, or waits to be let in. Who waits asks again every few
/// seconds, and is taken for gone otherwise. It takes no seat.
#[utoipa::path(
    post, path = "/api/v1/rooms/{roomId}/entry", tag = "rooms",
    operation_id = "enter_room",
    params(("roomId" = String, Path, description = "The room")),
    request_body = EnterRoom,
    responses(
        (status = 200, body = Entrance, description = "May come in, or waits"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`password_required`, `wrong_password`, `account_required`, `not_invited`, `turned_away` (once), `banned`"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`room_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn enter(
    State(app): State<App>,
    Client(address): Client,
    Who(verified): Who,
    Path(room): Path<RoomId>,
    Body(form): Body<EnterRoom>,
) -> Result<Json<Entrance>, Refused> {
    app.limits.knocks.check(&verified.who.user_id)?;
    let proof = match form.password {
        Some(password) if app.rooms.may_look(&room, &verified.who).await == NEEDS_PASSWORD => {
            prove(&app, &room, address.into(), password).await?
        }
        Some(_) | None => Proof::None,
    };
    let outcome = app.rooms.knock(&room, verified.who, proof, form.message).await;
    let status = match outcome {
        Ok(()) => EntranceStatus::Admitted,
        Err(refusal) if refusal.code == Code::WaitingRoom => EntranceStatus::Waiting,
        Err(refusal) => return Err(refusal.into()),
    };
    Ok(Json(Entrance { status }))
}

const NEEDS_PASSWORD: Result<(), Code> = Err(Code::PasswordRequired);

async fn prove(
    app: &App,
    room: &RoomId,
    guesser: super::limits::AddressKey,
    password: String,
) -> Result<Proof, Refused> {
    let now = Instant::now();
    app.limits.wrong_passwords.check(&guesser, now)?;
    app.limits.wrong_passwords_of_room.check(room, now)?;
    if password.len() > *PASSWORD_BYTES.end() {
        return Err(Code::WrongPassword.into());
    }
    let hash = app.store.room_password(room).await?;
    if app.auth.is_password(password, hash).await? {
        return Ok(Proof::Password);
    }
    app.limits.wrong_passwords.strike(guesser, now);
    app.limits.wrong_passwords_of_room.strike(room.clone(), now);
    Err(Code::WrongPassword.into())
}

/// Sets the password that newcomers need, or takes it away; for owner, host and moderators. Who is
/// in stays; who came in by the old one needs the new one next time.
#[utoipa::path(
    put, path = "/api/v1/rooms/{roomId}/password", tag = "rooms",
    operation_id = "set_room_password",
    params(("roomId" = String, Path, description = "The room")),
    request_body = RoomPassword,
    responses(
        (status = 200, body = Message, description = "Set"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn set_password(
    State(app): State<App>,
    Who(verified): Who,
    Path(room): Path<RoomId>,
    Body(form): Body<RoomPassword>,
) -> Result<Json<Message>, Refused> {
    app.limits.rooms.check(&verified.who.user_id)?;
    let hash = match form.password {
        Some(password) if !PASSWORD_BYTES.contains(&password.len()) => {
            let (least, most) = (PASSWORD_BYTES.start(), PASSWORD_BYTES.end());
            let what = format!("A room's password has {least} to {most} bytes");
            return Err(Refused::invalid(what));
        }
        Some(password) => Some(app.auth.hash_password(password).await?),
        None => None,
    };
    // The room first: it knows who may. Should the server die in between, nobody comes in by a
    // password until another one is set.
    let has_password = Some(hash.is_some());
    let update = RoomUpdate { has_password, ..RoomUpdate::default() };
    let message = if hash.is_some() { "The password is set" } else { "The password is gone" };
    app.rooms.command(&room, verified.who, Command::RoomUpdate(update)).await?;
    app.store.set_room_password(&room, hash).await?;
    Ok(Json(Message { message: message.to_owned() }))
}

/// Lists who was banned from a room, for owner, host and moderators.
#[utoipa::path(
    get, path = "/api/v1/rooms/{roomId}/bans", tag = "rooms",
    operation_id = "banned",
    params(("roomId" = String, Path, description = "The room")),
    responses(
        (status = 200, body = Vec<Banned>, description = "All of them"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`forbidden`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn banned(
    State(app): State<App>,
    Who(verified): Who,
    Path(room): Path<RoomId>,
) -> Result<Json<Vec<Banned>>, Refused> {
    let banned = app.rooms.banned(&room, &verified.who).await?;
    let mut people = app.store.users(&banned).await?;
    let banned = banned.into_iter().map(|user_id| {
        let known = people.iter().position(|person| person.id == user_id);
        Banned { user_id, display_name: known.map(|at| people.swap_remove(at).display_name) }
    });
    Ok(Json(banned.collect()))
}

/// Lets somebody come back who was banned, as `PARDON` does; for owner, host and moderators.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{roomId}/bans/{userId}", tag = "rooms",
    operation_id = "pardon",
    params(
        ("roomId" = String, Path, description = "The room"),
        ("userId" = String, Path, description = "The person"),
    ),
    responses(
        (status = 200, body = Message, description = "They may come back, whether they were banned or not"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`forbidden`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn pardon(
    State(app): State<App>,
    Who(verified): Who,
    Path((room, user_id)): Path<(RoomId, UserId)>,
) -> Result<Json<Message>, Refused> {
    app.rooms.command(&room, verified.who, Command::Pardon(Pardon { user_id })).await?;
    Ok(Json(Message { message: "They may come back".to_owned() }))
}
