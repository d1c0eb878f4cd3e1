//! Room pages as CuteRooms clients know them: `/api/room/…`, `/api/messages`, `/api/realtime`.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response};
use parlor_dialects::sse;
use parlor_protocol::chat::ChatSend;
use parlor_protocol::realtime::{
    CreatePageRoom, CreatedPageRoom, PostMessage, PostedMessage, RealtimeMessage, RealtimeMessages,
    TimeToLive,
};
use parlor_protocol::room::Message;
use parlor_protocol::{Code, RoomId, limits};
use parlor_room::Principal;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Refused;
use super::body::{Body, OptionalBody, Params};
use super::peer::Client;
use super::rooms::{Plan, SMALLEST_ROOM, Stay, chat_page, make, room_name};
use super::watch::head_of_stream;
use super::who::{MaybeWho, Who, identify};
use crate::app::App;
use crate::auth::GUEST_LIFE;
use crate::auth::cookies::Cookie;
use crate::auth::names;
use crate::hub::load::chat_message;
use crate::rooms::{Arrival, EventsOpening, Opening};
use crate::transport::takeover::Takeover;

/// Messages in an answer of `GET /api/messages`.
const MESSAGES: u64 = 1_000;

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(ttl))
        .routes(routes!(erase))
        .routes(routes!(list, post))
        .routes(routes!(stream))
}

/// Which room is meant.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WhichRoom {
    room_id: RoomId,
}

/// Makes a room whose messages vanish with it, some time after the last one. Whoever has no identity
/// is given a guest's, in the cookie of the answer.
#[utoipa::path(
    post, path = "/api/room/create", tag = "realtime",
    operation_id = "create_page_room",
    request_body = CreatePageRoom,
    responses(
        (status = 200, body = CreatedPageRoom, description = "Made, and on disk"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    )
)]
async fn create(
    State(app): State<App>,
    Client(address): Client,
    MaybeWho(who): MaybeWho,
    OptionalBody(form): OptionalBody<CreatePageRoom>,
) -> Result<Response, Refused> {
    let name = match &form.name {
        Some(name) => room_name(name, 1)?,
        None => names::made_up(),
    };
    let ttl_seconds = form.ttl_seconds.unwrap_or(limits::VANISH_SECONDS);
    let range = limits::VANISH_SECONDS_RANGE;
    if !range.contains(&ttl_seconds) {
        let (least, most) = (range.start(), range.end());
        return Err(Refused::invalid(format!("ttlSeconds is from {least} to {most}")));
    }
    if form.max_participants.is_some_and(|seats| seats < SMALLEST_ROOM) {
        return Err(Refused::invalid("A room has at least 2 seats"));
    }
    app.limits.rooms_per_address.check(&address.into())?;
    let (who, cookie) = match who {
        Some(verified) => (verified.who, None),
        None => {
            app.limits.guests.check(&address.into())?;
            let (guest, token) = app.auth.new_guest(None);
            (guest, Some(Cookie::Guest.set(&app.config, &token, GUEST_LIFE)))
        }
    };
    let plan = Plan {
        name,
        is_public: false,
        max_participants: form.max_participants,
        stays: Stay::Messages(ttl_seconds),
    };
    let room = make(&app, &who, plan).await?;
    let mut response = Json(CreatedPageRoom { room_id: room.id }).into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Says how long a room lives if nothing is said in it.
#[utoipa::path(
    get, path = "/api/room/ttl", tag = "realtime",
    operation_id = "page_room_ttl",
    params(("roomId" = String, Query, description = "The room")),
    responses(
        (status = 200, body = TimeToLive, description = "In seconds; -1 for a room that does not destroy itself"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`room_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn ttl(
    State(app): State<App>,
    Who(verified): Who,
    Params(which): Params<WhichRoom>,
) -> Result<Json<TimeToLive>, Refused> {
    app.rooms.may_look(&which.room_id, &verified.who).await?;
    let state = app.rooms.state(&which.room_id).await?;
    let left_s = |at_ms: f64| ((at_ms - state.server_time) / 1_000.0).ceil().max(0.0) as i64;
    Ok(Json(TimeToLive { ttl: state.self_destruct.map_or(-1, |it| left_s(it.at)) }))
}

/// Erases a room and everything said in it; for its creator and moderators.
#[utoipa::path(
    delete, path = "/api/room", tag = "realtime",
    operation_id = "erase_page_room",
    params(("roomId" = String, Query, description = "The room")),
    responses(
        (status = 200, body = Message, description = "Erased; its members were told `chat.destroy`"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`room_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn erase(
    State(app): State<App>,
    Who(verified): Who,
    Params(which): Params<WhichRoom>,
) -> Result<Json<Message>, Refused> {
    app.rooms.close(&which.room_id, verified.who).await?;
    // The room's core erases it too, when it gets to it; the answer must already be true.
    app.erase_room(&which.room_id).await?;
    Ok(Json(Message { message: "The room is erased".to_owned() }))
}

/// Lists what was said, oldest first: the latest 1 000 messages. Reading is joining: it takes a seat.
#[utoipa::path(
    get, path = "/api/messages", tag = "realtime",
    operation_id = "list_page_messages",
    params(("roomId" = String, Query, description = "The room")),
    responses(
        (status = 200, body = RealtimeMessages, description = "The messages"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`room_full`, or what else stands in the door"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`room_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn list(
    State(app): State<App>,
    Who(verified): Who,
    Params(which): Params<WhichRoom>,
) -> Result<Json<RealtimeMessages>, Refused> {
    let room = which.room_id;
    app.rooms.enter(&room, verified.who.clone()).await?;
    let rows = chat_page(&app, &room, None, MESSAGES).await?;
    let kept = rows.into_iter().filter(|row| row.deleted_at_ms.is_none());
    let messages = kept.map(|row| {
        let mine = row.user_id == verified.who.user_id;
        RealtimeMessage { mine: Some(mine), ..sse::said(&room, &chat_message(row)) }
    });
    Ok(Json(RealtimeMessages { messages: messages.collect() }))
}

/// Says something in a room. It is stored when the answer comes, and puts the room's self-destruction
/// off. Writing is joining: it takes a seat.
#[utoipa::path(
    post, path = "/api/messages", tag = "realtime",
    operation_id = "post_page_message",
    params(("roomId" = String, Query, description = "The room")),
    request_body = PostMessage,
    responses(
        (status = 200, body = PostedMessage, description = "Said, and stored"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`room_full`, or what else stands in the door"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`room_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn post(
    State(app): State<App>,
    Who(verified): Who,
    Params(which): Params<WhichRoom>,
    Body(form): Body<PostMessage>,
) -> Result<Json<PostedMessage>, Refused> {
    let room = which.room_id;
    let display_name = match sender(form.sender)? {
        Some(name) => name.into(),
        None => verified.who.display_name.clone(),
    };
    if form.text.chars().count() > limits::PAGE_MESSAGE_CHARS {
        let most = limits::PAGE_MESSAGE_CHARS;
        return Err(Refused::invalid(format!("text must have 1 to {most} characters")));
    }
    app.limits.messages.check(&verified.who.user_id)?;
    app.rooms.enter(&room, verified.who.clone()).await?;
    let author = Principal { display_name, ..verified.who };
    let user_id = author.user_id.clone();
    let client_id = form.client_id;
    let said = ChatSend {
        text: form.text,
        client_id: client_id.clone(),
        reply_to: None,
        mentions: Vec::new(),
    };
    let message_id = match (app.rooms.say(&room, author, said).await?, client_id) {
        (Some(id), _) => id,
        (None, Some(client_id)) => {
            let number = app.store.chat_number(&room, &user_id, &client_id).await?;
            number.ok_or(Code::Unavailable)?.to_string()
        }
        (None, None) => return Err(Code::Unavailable.into()),
    };
    Ok(Json(PostedMessage { success: true, message_id }))
}

/// Reads the name that comes with a message; `None` if one's own is to be shown.
fn sender(name: Option<String>) -> Result<Option<String>, Refused> {
    let name = name.unwrap_or_default();
    let name = name.trim();
    let most = limits::SENDER_CHARS;
    match name.chars().count() {
        0 => Ok(None),
        length if length <= most && !name.chars().any(char::is_control) => Ok(Some(name.into())),
        _ => Err(Refused::invalid(format!("sender is a line of at most {most} characters"))),
    }
}

/// Streams what happens in a room as server-sent events, from where `Last-Event-ID` or
/// `last_ack_{roomId}` says. Reading is joining: it takes a seat, for as long as the stream is open.
#[utoipa::path(
    get, path = "/api/realtime", tag = "realtime",
    operation_id = "page_room_stream",
    params(
        ("channel" = String, Query, description = "The room"),
        ("authToken" = Option<String>, Query, description = "A ticket, for those who cannot send a header"),
        ("last-event-id" = Option<String>, Header, description = "`id` of the last event that was seen; `last_ack_{roomId}` in the query says the same"),
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = String, description = "Each event is one `data:` line of JSON: a `StreamLine` or an `Announcement`"),
        (status = 401, body = parlor_protocol::error::ErrorBody, description = "No token, or none that is good"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`room_full`, or what else stands in the door; a page of another site"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`room_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn stream(
    State(app): State<App>,
    Extension(takeover): Extension<Takeover>,
    method: Method,
    headers: HeaderMap,
    Params(query): Params<Vec<(String, String)>>,
) -> Result<Response, Refused> {
    let of = |name: &str| query.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str());
    let room = of("channel").filter(|channel| !channel.is_empty());
    let room = RoomId::from(room.ok_or_else(|| Refused::invalid("`channel` names the room"))?);
    let verified = identify(&app, &method, &headers, of("authToken")).await?;
    app.rooms.enter(&room, verified.who.clone()).await?;
    if method == Method::HEAD {
        return Ok(([(header::CONTENT_TYPE, "text/event-stream")], "").into_response());
    }
    let seen = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let acknowledged = format!("last_ack_{room}");
    let opening = EventsOpening {
        head: head_of_stream(&app.config, &headers),
        since: seen.or_else(|| of(&acknowledged)).and_then(sse::read_position),
    };
    let rooms = app.rooms.clone();
    takeover
        .at_once(move |stream, glued| {
            let (who, login) = (verified.who, verified.login);
            let opening = Opening::Events(Box::new(opening));
            let arrival = Arrival { stream, glued, who, login, opening };
            if let Err(code) = rooms.attach(room, arrival) {
                tracing::warn!(code = code.as_str(), "a stream could not be handed to its room");
            }
        })
        .await
}
