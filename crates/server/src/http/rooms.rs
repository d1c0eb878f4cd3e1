//! Rooms over HTTP: `/api/v1/rooms/…`, and `/rooms/…` as an older README names them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlor_protocol::access::Entry;
use parlor_protocol::chat::ChatPage;
use parlor_protocol::event::ClosedReason;
use parlor_protocol::member::MemberPage;
use parlor_protocol::playback::UpdatePlayback;
use parlor_protocol::room::{
    Control, CreateRoom, CreatedRoom, Message, Presence, RoomState, RoomSummary, RoomUpdate, Wait,
};
use parlor_protocol::{Code, Command, RoomId, UserId, limits};
use parlor_room::{Principal, iso_8601};
use parlor_store::{ChatRow, Conflict, LifeKind, NewRoom, RoomCursor, RoomRow, StoreError};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Refused;
use super::body::{Body, Params};
use super::peer::Client;
use super::who::Who;
use crate::app::App;
use crate::clock::wall_ms;
use crate::hub::load::chat_message;

/// Shortest name of a room made here. (Call rooms may have shorter ones.)
const SHORTEST_NAME_CHARS: usize = 3;
/// Smallest number of seats.
pub const SMALLEST_ROOM: u32 = 2;
/// How long a room stays without anybody unless its maker says otherwise, in s.
const IDLE_TTL_SECONDS: u64 = 60;
/// How long it may stay at most, in s: a year.
const LONGEST_IDLE_TTL_SECONDS: u64 = 366 * 86_400;
/// How long a guest's room stays at most, in s.
const GUEST_ROOM_TTL_SECONDS: u64 = 86_400;
/// Rooms an account may have.
const ROOMS_OF_ACCOUNT: u64 = 1_000;
/// Rooms a guest may have.
const ROOMS_OF_GUEST: u64 = 100;
/// Rooms in one page of a list, unless asked otherwise, and at most.
const ROOM_PAGE: (u64, u64) = (50, 200);
/// What join codes are made of: nothing that is mistaken for something else when read aloud or
/// copied from a screen.
const CODE_ALPHABET: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
/// Letters of a join code: 31⁶ are 887 million.
pub const CODE_CHARS: usize = 6;
/// How often another code is tried when one is taken.
const CODE_TRIES: usize = 8;

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
        .routes(routes!(presence))
        .routes(routes!(members))
        .routes(routes!(messages))
}

/// The addresses under which an older README names the first of them.
pub fn aliases() -> [(&'static str, MethodRouter<App>); 2] {
    [
        ("/rooms", get(list).post(create)),
        ("/rooms/{roomId}", get(read).patch(update).delete(delete)),
    ]
}

/// Makes a room.
#[utoipa::path(
    post, path = "/api/v1/rooms", tag = "rooms",
    operation_id = "create_room",
    request_body = CreateRoom,
    responses(
        (status = 200, body = CreatedRoom, description = "Made, and on disk"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn create(
    State(app): State<App>,
    Client(address): Client,
    Who(verified): Who,
    Body(form): Body<CreateRoom>,
) -> Result<Json<CreatedRoom>, Refused> {
    let name = room_name(&form.name, SHORTEST_NAME_CHARS)?;
    if form.max_participants.is_some_and(|seats| seats < SMALLEST_ROOM) {
        return Err(Refused::invalid("A room has at least 2 seats"));
    }
    let idle_ttl_seconds = idle_ttl(form.idle_ttl_seconds, verified.who.is_guest)?;
    let plan = Plan {
        name,
        is_public: form.is_public.unwrap_or(true),
        max_participants: form.max_participants,
        stays: idle_ttl_seconds.map_or(Stay::ForGood, Stay::Idle),
    };
    app.limits.rooms_per_address.check(&address.into())?;
    let room = make(&app, &verified.who, plan).await?;
    if let Some(media_url) = form.media_url {
        let first = UpdatePlayback {
            media_url: Some(media_url),
            media_type: form.media_type,
            is_playing: form.is_playing,
            ..UpdatePlayback::default()
        };
        start(&app, &room.id, verified.who.clone(), first).await?;
    }
    Ok(Json(CreatedRoom {
        room_id: room.id,
        name: room.name,
        host_id: verified.who.user_id,
        is_public: room.is_public,
        max_participants: room.max_participants,
        created_at: iso_8601(room.created_at_ms),
        join_code: room.join_code,
        idle_ttl_seconds,
    }))
}

/// Puts the first medium on; a room whose maker named a bad one is not made.
async fn start(
    app: &App,
    room: &RoomId,
    who: Principal,
    first: UpdatePlayback,
) -> Result<(), Refused> {
    let outcome = app.rooms.command(room, who, Command::UpdatePlayback(first)).await;
    if let Err(refusal) = outcome {
        app.rooms.end(room, ClosedReason::Deleted).await?;
        app.store.delete_room(room).await?;
        return Err(refusal.into());
    }
    Ok(())
}

/// A room as its maker wants it.
pub struct Plan {
    /// Its name, checked.
    pub name: String,
    /// Whether it is listed.
    pub is_public: bool,
    /// Its seats.
    pub max_participants: Option<u32>,
    /// How long it stays.
    pub stays: Stay,
}

/// How long a room stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// Until somebody deletes it.
    ForGood,
    /// So many seconds without anybody.
    Idle(u64),
    /// So many seconds after its last message, which vanishes with it.
    Messages(u64),
}

impl Stay {
    fn seconds(self) -> Option<u64> {
        match self {
            Self::ForGood => None,
            Self::Idle(seconds) | Self::Messages(seconds) => Some(seconds),
        }
    }
}

/// Makes a room with an id and a join code of its own.
///
/// # Errors
/// [`Code::RateLimited`] if the person makes too many or has too many; what the store says.
pub async fn make(app: &App, who: &Principal, plan: Plan) -> Result<NewRoom, Refused> {
    app.limits.rooms.check(&who.user_id)?;
    if !app.config.insecure_no_rate_limits {
        let most = if who.is_guest { ROOMS_OF_GUEST } else { ROOMS_OF_ACCOUNT };
        if app.store.count_rooms_of(&who.user_id).await? >= most {
            let message = format!("You have {most} rooms; delete one first");
            return Err(Refused::because(Code::RateLimited, message));
        }
    }
    app.auth.keep(who).await?;
    let now_ms = wall_ms();
    let ttl_ms = plan.stays.seconds().map(|seconds| 1_000 * seconds as i64);
    let mut room = NewRoom {
        id: RoomId::from(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>())),
        name: plan.name,
        join_code: new_code(),
        owner_id: Some(who.user_id.clone()),
        is_public: plan.is_public,
        max_participants: plan.max_participants,
        control: Control::default(),
        wait: Wait::default(),
        entry: Entry::Open,
        life: match plan.stays {
            Stay::ForGood => LifeKind::Permanent,
            Stay::Idle(_) => LifeKind::Idle,
            Stay::Messages(_) => LifeKind::Messages,
        },
        idle_ttl_seconds: plan.stays.seconds().map(|seconds| seconds as i64),
        expires_at_ms: ttl_ms.map(|ttl| now_ms + ttl),
        created_at_ms: now_ms,
        snapshot: None,
    };
    if room.life == LifeKind::Messages {
        app.keys.create(&room.id).await.map_err(|error| {
            tracing::error!(%error, "a room cannot be given a key");
            Code::Unavailable
        })?;
    }
    for _ in 0..CODE_TRIES {
        match app.store.create_room(room.clone()).await {
            Err(StoreError::Conflict(Conflict::JoinCode)) => room.join_code = new_code(),
            outcome => return Ok(outcome.map(|()| room)?),
        }
    }
    Err(Code::Unavailable.into())
}

fn new_code() -> String {
    random_code(CODE_CHARS)
}

/// Returns random letters that are not mistaken for one another when read aloud or copied.
pub fn random_code(chars: usize) -> String {
    let letter = || char::from(CODE_ALPHABET[rand::random_range(0..CODE_ALPHABET.len())]);
    std::iter::repeat_with(letter).take(chars).collect()
}

/// Checks a room's name and takes the space around it off.
///
/// # Errors
/// [`Code::Invalid`].
pub fn room_name(name: &str, shortest: usize) -> Result<String, Refused> {
    let name = name.trim();
    let longest = *limits::ROOM_NAME_CHARS.end();
    if (shortest..=longest).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    Err(Refused::invalid(format!("A room's name has {shortest} to {longest} characters")))
}

fn idle_ttl(wanted: Option<u64>, is_guest: bool) -> Result<Option<u64>, Refused> {
    match wanted {
        Some(0) if is_guest => Ok(Some(GUEST_ROOM_TTL_SECONDS)),
        Some(0) => Ok(None),
        Some(seconds) if seconds > LONGEST_IDLE_TTL_SECONDS => {
            Err(Refused::invalid("idleTtlSeconds is at most a year; 0 makes the room permanent"))
        }
        Some(seconds) if is_guest => Ok(Some(seconds.min(GUEST_ROOM_TTL_SECONDS))),
        Some(seconds) => Ok(Some(seconds)),
        None => Ok(Some(IDLE_TTL_SECONDS)),
    }
}

#[derive(Deserialize)]
struct ListParams {
    limit: Option<u64>,
    after: Option<String>,
}

/// Lists the public rooms and one's own, newest first; `Link` names the next page.
#[utoipa::path(
    get, path = "/api/v1/rooms", tag = "rooms",
    operation_id = "list_rooms",
    params(
        ("limit" = Option<u64>, Query, description = "Rooms in the page, 1 to 200; 50 if absent"),
        ("after" = Option<String>, Query, description = "From the `Link` header of the page before"),
    ),
    responses(
        (status = 200, body = Vec<RoomSummary>, description = "A page of rooms",
         headers(("link" = Option<String>, description = "`rel=\"next\"` unless this is the last page"))),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn list(
    State(app): State<App>,
    Who(verified): Who,
    uri: Uri,
    Params(params): Params<ListParams>,
) -> Result<Response, Refused> {
    let limit = params.limit.unwrap_or(ROOM_PAGE.0).clamp(1, ROOM_PAGE.1);
    let after = params.after.as_deref().map(read_cursor).transpose()?;
    let viewer = &verified.who.user_id;
    let mut rows = app.store.visible_rooms(viewer, after.as_ref(), limit + 1).await?;
    let has_more = rows.len() as u64 > limit;
    rows.truncate(limit as usize);
    let ids: Vec<RoomId> = rows.iter().map(|row| row.id.clone()).collect();
    let counts = app.rooms.counts(&ids).await;
    let next = rows.last().filter(|_| has_more).map(|row| write_cursor(&RoomCursor::from(row)));
    let page: Vec<RoomSummary> = rows.into_iter().zip(counts).map(summary_of).collect();
    let mut response = Json(page).into_response();
    if let Some(next) = next {
        let link = format!("<{}?limit={limit}&after={next}>; rel=\"next\"", uri.path());
        let link = HeaderValue::from_str(&link).expect("a path and a cursor are ASCII");
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

fn summary_of((row, current_members): (RoomRow, u64)) -> RoomSummary {
    RoomSummary {
        room_id: row.id,
        name: row.name,
        host_id: row.owner_id,
        is_public: row.is_public,
        entry: row.entry,
        has_password: row.has_password,
        max_participants: row.max_participants,
        created_at: iso_8601(row.created_at_ms),
        current_members,
    }
}

fn write_cursor(cursor: &RoomCursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {}", cursor.created_at_ms, cursor.id))
}

fn read_cursor(text: &str) -> Result<RoomCursor, Refused> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (created_at_ms, id) = text.split_once(' ')?;
        Some(RoomCursor { created_at_ms: created_at_ms.parse().ok()?, id: RoomId::from(id) })
    };
    read().ok_or_else(|| Refused::invalid("`after` comes from the Link header of a page"))
}

/// Returns the whole room.
#[utoipa::path(
    get, path = "/api/v1/rooms/{roomId}", tag = "rooms",
    operation_id = "read_room",
    params(("roomId" = String, Path, description = "The room")),
    responses(
        (status = 200, body = RoomState, description = "The room"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`room_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn read(
    State(app): State<App>,
    Who(verified): Who,
    Path(room): Path<RoomId>,
) -> Result<Json<RoomState>, Refused> {
    app.rooms.may_look(&room, &verified.who).await?;
    Ok(Json(app.rooms.state(&room).await?))
}

/// Changes a room's settings; for its owner, host and moderators.
#[utoipa::path(
    patch, path = "/api/v1/rooms/{roomId}", tag = "rooms",
    operation_id = "update_room",
    params(("roomId" = String, Path, description = "The room")),
    request_body = RoomUpdate,
    responses(
        (status = 200, body = RoomState, description = "The room, changed"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn update(
    State(app): State<App>,
    Who(verified): Who,
    Path(room): Path<RoomId>,
    Body(update): Body<RoomUpdate>,
) -> Result<Json<RoomState>, Refused> {
    app.rooms.command(&room, verified.who, Command::RoomUpdate(update)).await?;
    Ok(Json(app.rooms.state(&room).await?))
}

/// Deletes a room for good; for its owner, host and moderators.
#[utoipa::path(
    delete, path = "/api/v1/rooms/{roomId}", tag = "rooms",
    operation_id = "delete_room",
    params(("roomId" = String, Path, description = "The room")),
    responses(
        (status = 200, body = Message, description = "Deleted; its members were told"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn delete(
    State(app): State<App>,
    Who(verified): Who,
    Path(room): Path<RoomId>,
) -> Result<Json<Message>, Refused> {
    app.rooms.close(&room, verified.who).await?;
    // The room's core deletes it too, when it gets to it; the answer must already be true.
    app.erase_room(&room).await?;
    Ok(Json(Message { message: "The room is deleted".to_owned() }))
}

/// Says how many are in the room, in the same time whatever its size.
#[utoipa::path(
    get, path = "/api/v1/rooms/{roomId}/presence", tag = "rooms",
    params(("roomId" = String, Path, description = "The room")),
    responses(
        (status = 200, body = Presence, description = "How many"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn presence(
    State(app): State<App>,
    Who(verified): Who,
    Path(room): Path<RoomId>,
) -> Result<Json<Presence>, Refused> {
    app.rooms.may_look(&room, &verified.who).await?;
    Ok(Json(Presence { member_count: app.rooms.member_count(&room).await? }))
}

#[derive(Deserialize)]
struct MemberParams {
    after: Option<UserId>,
    limit: Option<usize>,
}

/// Lists who is in the room, longest present first, by pages.
#[utoipa::path(
    get, path = "/api/v1/rooms/{roomId}/members", tag = "rooms",
    params(
        ("roomId" = String, Path, description = "The room"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<usize>, Query, description = "Members in the page, 1 to 200; 200 if absent"),
    ),
    responses(
        (status = 200, body = MemberPage, description = "A page of members"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn members(
    State(app): State<App>,
    Who(verified): Who,
    Path(room): Path<RoomId>,
    Params(params): Params<MemberParams>,
) -> Result<Json<MemberPage>, Refused> {
    app.rooms.may_look(&room, &verified.who).await?;
    let limit = params.limit.unwrap_or(limits::MEMBER_PAGE).clamp(1, limits::MEMBER_PAGE);
    Ok(Json(app.rooms.member_page(&room, params.after, limit).await?))
}

#[derive(Deserialize)]
struct ChatParams {
    before: Option<i64>,
    limit: Option<usize>,
}

/// Returns what was said in the room: the latest page, or the one before a message.
#[utoipa::path(
    get, path = "/api/v1/rooms/{roomId}/messages", tag = "rooms",
    params(
        ("roomId" = String, Path, description = "The room"),
        ("before" = Option<i64>, Query, description = "Id of the oldest message that is known"),
        ("limit" = Option<usize>, Query, description = "Messages in the page, 1 to 200; 50 if absent"),
    ),
    responses(
        (status = 200, body = ChatPage, description = "A page of messages, oldest first"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn messages(
    State(app): State<App>,
    Who(verified): Who,
    Path(room): Path<RoomId>,
    Params(params): Params<ChatParams>,
) -> Result<Json<ChatPage>, Refused> {
    // Who may look at a room may read it, a seat or not.
    app.rooms.may_look(&room, &verified.who).await?;
    let limit = params.limit.unwrap_or(limits::CHAT_PAGE).clamp(1, 200);
    let mut rows = chat_page(&app, &room, params.before, limit as u64 + 1).await?;
    let has_more = rows.len() > limit;
    if has_more {
        rows.remove(0);
    }
    Ok(Json(ChatPage { messages: rows.into_iter().map(chat_message).collect(), has_more }))
}

/// Returns a page of what was said, as it was said.
///
/// # Errors
/// What the store says; [`Code::Unavailable`] if the key of a room whose messages vanish cannot be
/// had now.
pub async fn chat_page(
    app: &App,
    room: &RoomId,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<ChatRow>, Refused> {
    let mut rows = app.store.chat_page(room, before, limit).await?;
    open_rows(app, room, &mut rows).await?;
    Ok(rows)
}

/// Opens messages as they were read from the store, if theirs is a room whose messages vanish.
///
/// # Errors
/// [`Code::Unavailable`] if its key cannot be had now.
pub async fn open_rows(app: &App, room: &RoomId, rows: &mut [ChatRow]) -> Result<(), Code> {
    app.keys.open(room, rows).await.map_err(|error| {
        tracing::error!(%room, %error, "what was said cannot be read");
        Code::Unavailable
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_code_is_of_letters_that_cannot_be_mistaken() {
        let code = new_code();
        assert_eq!(code.len(), CODE_CHARS);
        assert!(code.bytes().all(|letter| CODE_ALPHABET.contains(&letter)));
        assert!(!CODE_ALPHABET.iter().any(|letter| b"IL1O0".contains(letter)));
    }

    #[test]
    fn a_cursor_survives_the_way_through_an_address() {
        let cursor = RoomCursor { created_at_ms: 17, id: RoomId::from("a b-c_") };
        let read = read_cursor(&write_cursor(&cursor)).unwrap();
        assert_eq!((read.created_at_ms, read.id), (17, cursor.id));
        assert!(read_cursor("forged").is_err());
    }

    #[test]
    fn a_guests_room_lives_a_day_at_most() {
        assert_eq!(idle_ttl(None, true), Ok(Some(60)));
        assert_eq!(idle_ttl(Some(0), false), Ok(None));
        assert_eq!(idle_ttl(Some(0), true), Ok(Some(86_400)));
        assert_eq!(idle_ttl(Some(604_800), true), Ok(Some(86_400)));
        assert_eq!(idle_ttl(Some(604_800), false), Ok(Some(604_800)));
        assert!(idle_ttl(Some(u64::MAX), false).is_err());
    }
}
