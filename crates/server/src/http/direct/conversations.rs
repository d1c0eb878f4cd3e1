//! `/conversations`: what was said. `/api/v1/direct/conversations`: taking it along, and deleting it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use parlor_protocol::direct::{ConversationExport, ConversationPage, Conversations};
use parlor_protocol::room::Message;
use parlor_protocol::{ClerkId, Code, limits};
use parlor_store::{DirectPerson, OpenConversation, PageOf};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::answer::Refused;
use super::super::body::Params;
use super::{Own, Place, number, shapes};
use crate::app::App;

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(messages))
        .routes(routes!(messages_with))
        .routes(routes!(clear))
        .routes(routes!(export))
}

/// Lists one's conversations.
#[utoipa::path(
    get, path = "/conversations", tag = "direct",
    operation_id = "conversations",
    params(
        ("limit" = Option<i64>, Query, description = "1 to 1 000, which is the usual"),
        ("offset" = Option<i64>, Query, description = "So many are passed over"),
    ),
    responses(
        (status = 200, body = Conversations, description = "The one with the latest message first"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn list(
    State(app): State<App>,
    Own(own): Own,
    Params(place): Params<Place>,
) -> Result<Json<Conversations>, Refused> {
    let limit = place.limit(limits::CONTACT_PAGE, limits::CONTACT_PAGE);
    let rows = app.store.conversations_of(&own.clerk_id, limit, place.offset()).await?;
    let conversations = rows.into_iter().map(shapes::conversation).collect();
    Ok(Json(Conversations { conversations }))
}

/// Reads a page of a conversation, newest first.
#[utoipa::path(
    get, path = "/conversations/{id}/messages", tag = "direct",
    operation_id = "conversation_messages",
    params(
        ("id" = i64, Path, description = "The conversation"),
        ("limit" = Option<i64>, Query, description = "1 to 200; 50 is the usual"),
        ("offset" = Option<i64>, Query, description = "So many of the newest are passed over"),
        ("before" = Option<i64>, Query, description = "Only messages before this one: a page that stays where it is while others come"),
    ),
    responses(
        (status = 200, body = ConversationPage, description = "The newest, newest first"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`conversation_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn messages(
    State(app): State<App>,
    Own(own): Own,
    Path(id): Path<String>,
    Params(place): Params<Place>,
) -> Result<Json<ConversationPage>, Refused> {
    page(&app, &own, number(Some(&id)), &place).await
}

/// Reads the same of the conversation with a contact, by its number or by what clients call the
/// person.
#[utoipa::path(
    get, path = "/conversations/with/{contactId}/messages", tag = "direct",
    operation_id = "conversation_messages_with",
    params(
        ("contactId" = String, Path, description = "The contact's `id`, or the person's `clerkId`"),
        ("limit" = Option<i64>, Query, description = "1 to 200; 50 is the usual"),
        ("offset" = Option<i64>, Query, description = "So many of the newest are passed over"),
        ("before" = Option<i64>, Query, description = "Only messages before this one"),
    ),
    responses(
        (status = 200, body = ConversationPage, description = "The newest, newest first"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`conversation_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn messages_with(
    State(app): State<App>,
    Own(own): Own,
    Path(contact): Path<String>,
    Params(place): Params<Place>,
) -> Result<Json<ConversationPage>, Refused> {
    let by_number = match number(Some(&contact)) {
        Some(id) => app.store.contact(&own.clerk_id, id).await?,
        None => None,
    };
    let person = ClerkId::from(by_number.map_or(contact, |row| row.contact_clerk_id));
    let id = app.store.conversation_with(&own.clerk_id, &person).await?;
    page(&app, &own, id, &place).await
}

async fn page(
    app: &App,
    own: &DirectPerson,
    id: Option<i64>,
    place: &Place,
) -> Result<Json<ConversationPage>, Refused> {
    let (usual, most) = (*limits::DIRECT_PAGE.start(), *limits::DIRECT_PAGE.end());
    let wanted = PageOf::Newest { before: place.before(), offset: place.offset() };
    let open = open(app, own, id, wanted, place.limit(usual, most)).await?;
    let messages = open.messages.into_iter().map(|row| shapes::message(&own.clerk_id, row));
    Ok(Json(ConversationPage {
        conversation_id: open.id,
        messages: messages.collect(),
        other_user: shapes::correspondent(open.other),
    }))
}

async fn open(
    app: &App,
    own: &DirectPerson,
    id: Option<i64>,
    page: PageOf,
    limit: u64,
) -> Result<OpenConversation, Refused> {
    let id = id.ok_or(Code::ConversationNotFound)?;
    let open = app.store.open_conversation(&own.clerk_id, id, page, limit).await?;
    open.ok_or_else(|| Code::ConversationNotFound.into())
}

/// Deletes a conversation for oneself; the other keeps it. When both did, it is deleted for good.
#[utoipa::path(
    delete, path = "/api/v1/direct/conversations/{id}", tag = "direct",
    operation_id = "delete_conversation",
    params(("id" = i64, Path, description = "The conversation")),
    responses(
        (status = 200, body = Message, description = "Deleted"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`conversation_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn clear(
    State(app): State<App>,
    Own(own): Own,
    Path(id): Path<String>,
) -> Result<Json<Message>, Refused> {
    app.limits.direct_changes.check(&own.user_id)?;
    let id = number(Some(&id)).ok_or(Code::ConversationNotFound)?;
    if !app.store.clear_conversation(&own.clerk_id, id).await? {
        return Err(Code::ConversationNotFound.into());
    }
    Ok(Json(Message { message: "The conversation is deleted".to_owned() }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct After {
    after: Option<String>,
}

/// Returns a conversation as a file, 1 000 messages at a time, oldest first.
#[utoipa::path(
    get, path = "/api/v1/direct/conversations/{id}/export", tag = "direct",
    operation_id = "export_conversation",
    params(
        ("id" = i64, Path, description = "The conversation"),
        ("after" = Option<i64>, Query, description = "What the page before said is `next`"),
    ),
    responses(
        (status = 200, body = ConversationExport, description = "A page of it, oldest first"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`conversation_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn export(
    State(app): State<App>,
    Own(own): Own,
    Path(id): Path<String>,
    Params(After { after }): Params<After>,
) -> Result<Response, Refused> {
    app.limits.direct_exports.check(&own.user_id)?;
    let wanted = PageOf::After(number(after.as_deref()).unwrap_or_default());
    let limit = limits::DIRECT_EXPORT_PAGE;
    let open = open(&app, &own, number(Some(&id)), wanted, limit).await?;
    let is_full = open.messages.len() as u64 == limit;
    let next = open.messages.last().map(|row| row.id).filter(|_| is_full);
    let messages = open.messages.into_iter().map(|row| shapes::message(&own.clerk_id, row));
    let page = ConversationExport {
        conversation_id: open.id,
        messages: messages.collect(),
        other_user: shapes::correspondent(open.other),
        next,
    };
    let mut response = Json(page).into_response();
    let headers = response.headers_mut();
    let file = HeaderValue::from_static("attachment; filename=\"conversation.json\"");
    headers.insert(header::CONTENT_DISPOSITION, file);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
