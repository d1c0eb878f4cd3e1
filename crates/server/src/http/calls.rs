//! Rooms as call clients know them: `/api/rooms/…`.

use std::collections::HashMap;
use std::time::Instant;

use axum::Json;
use axum::extract::{Path, State};
use parlor_protocol::access::Entry;
use parlor_protocol::room::{
    CallRoom, CallRoomName, CallUser, CallUsers, CreateCallRoom, CreatedCallRoom, FoundCallRoom,
};
use parlor_protocol::{Code, RoomId, limits};
use parlor_room::iso_8601;
use parlor_store::RoomRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Refused;
use super::body::Body;
use super::peer::Client;
use super::rooms::{CODE_CHARS, Plan, Stay, make, room_name};
use super::who::{MaybeWho, Who};
use crate::app::App;
use crate::auth::Verified;

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(join))
        .routes(routes!(read))
        .routes(routes!(users))
}

/// Makes a permanent room that is not listed.
#[utoipa::path(
    post, path = "/api/rooms/create", tag = "calls",
    operation_id = "create_call_room",
    request_body = CreateCallRoom,
    responses(
        (status = 200, body = CreatedCallRoom, description = "Made, and on disk"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn create(
    State(app): State<App>,
    Client(address): Client,
    Who(verified): Who,
    Body(form): Body<CreateCallRoom>,
) -> Result<Json<CreatedCallRoom>, Refused> {
    let plan = Plan {
        name: room_name(&form.name, 1)?,
        is_public: false,
        max_participants: None,
        stays: Stay::ForGood,
    };
    app.limits.rooms_per_address.check(&address.into())?;
    let room = make(&app, &verified.who, plan).await?;
    Ok(Json(CreatedCallRoom {
        success: true,
        message: "Room created successfully".to_owned(),
        room: CallRoomName { id: room.id, name: room.name, join_code: room.join_code },
    }))
}

/// Finds a room by its join code, in capitals or not.
#[utoipa::path(
    get, path = "/api/rooms/join/{joinCode}", tag = "calls",
    operation_id = "find_call_room",
    params(("joinCode" = String, Path, description = "Six characters")),
    responses(
        (status = 200, body = FoundCallRoom, description = "The room"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`room_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    )
)]
async fn join(
    State(app): State<App>,
    Client(address): Client,
    MaybeWho(who): MaybeWho,
    Path(code): Path<String>,
) -> Result<Json<FoundCallRoom>, Refused> {
    let (now, guesser) = (Instant::now(), address.into());
    app.limits.wrong_codes.check(&guesser, now)?;
    app.limits.wrong_codes_in_all.check(&(), now)?;
    let code = code.trim();
    let found = match code.chars().count() == CODE_CHARS {
        true => app.store.room_by_code(code).await?,
        false => None,
    };
    let Some(row) = found else {
        app.limits.wrong_codes.strike(guesser, now);
        app.limits.wrong_codes_in_all.strike((), now);
        return Err(Code::RoomNotFound.into());
    };
    look(&app, &row.id, who).await?;
    Ok(Json(found_of(row)))
}

/// Finds a room by its id.
#[utoipa::path(
    get, path = "/api/rooms/{roomId}", tag = "calls",
    operation_id = "read_call_room",
    params(("roomId" = String, Path, description = "The room")),
    responses(
        (status = 200, body = FoundCallRoom, description = "The room"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`room_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    )
)]
async fn read(
    State(app): State<App>,
    MaybeWho(who): MaybeWho,
    Path(room): Path<RoomId>,
) -> Result<Json<FoundCallRoom>, Refused> {
    let row = app.store.room(&room).await?.ok_or(Code::RoomNotFound)?;
    look(&app, &row.id, who).await?;
    Ok(Json(found_of(row)))
}

/// Lists who is in a room.
#[utoipa::path(
    get, path = "/api/rooms/{roomId}/users", tag = "calls",
    operation_id = "call_users",
    params(("roomId" = String, Path, description = "The room")),
    responses(
        (status = 200, body = CallUsers, description = "Who is in, longest first; the first 200 of a large room"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    )
)]
async fn users(
    State(app): State<App>,
    MaybeWho(who): MaybeWho,
    Path(room): Path<RoomId>,
) -> Result<Json<CallUsers>, Refused> {
    match who {
        Some(verified) => app.rooms.may_look(&room, &verified.who).await?,
        None => {
            let row = app.store.room(&room).await?.ok_or(Code::RoomNotFound)?;
            if row.entry != Entry::Open || row.has_password {
                return Err(Code::MissingToken.into());
            }
        }
    }
    let page = app.rooms.member_page(&room, None, limits::MEMBER_PAGE).await?;
    let flags: HashMap<_, _> = app
        .store
        .presence_of(&room)
        .await?
        .into_iter()
        .map(|row| (row.user_id, (row.is_mic_active, row.is_cam_active, row.is_share_screen)))
        .collect();
    let users = page.members.into_iter().map(|member| {
        let (mic, cam, screen) = flags.get(&member.user_id).copied().unwrap_or_default();
        CallUser {
            user_id: member.user_id,
            display_name: member.display_name,
            is_mic_active: mic,
            is_cam_active: cam,
            is_share_screen: screen,
        }
    });
    Ok(Json(CallUsers { success: true, users: users.collect() }))
}

/// Knowing an id or a code is being invited to look, unless one was removed for good.
async fn look(app: &App, room: &RoomId, who: Option<Verified>) -> Result<(), Refused> {
    let Some(verified) = who else { return Ok(()) };
    match app.rooms.may_enter(room, &verified.who).await {
        Err(code @ (Code::Banned | Code::RoomNotFound)) => Err(code.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn found_of(row: RoomRow) -> FoundCallRoom {
    FoundCallRoom {
        success: true,
        room: CallRoom {
            id: row.id,
            name: row.name,
            created_at: iso_8601(row.created_at_ms),
            updated_at: iso_8601(row.updated_at_ms),
            join_code: row.join_code,
            require_access_before_joining: row.entry == Entry::Knock,
            users: Vec::new(),
        },
    }
}
