//! `/api/v1/direct/messages` and `/api/v1/direct/read`: for outboxes, and for whoever has no socket.

use axum::Json;
use axum::extract::State;
use parlor_protocol::direct::socket::MessagesRead;
use parlor_protocol::direct::{MarkRead, SendDirect, SentDirect};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::answer::Refused;
use super::super::body::Body;
use super::Own;
use crate::app::App;
use crate::direct::News;

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(send)).routes(routes!(read))
}

/// Sends a message. With a `clientMessageId` it may be sent again until it is answered: it is stored
/// once, and answered as at first.
#[utoipa::path(
    post, path = "/api/v1/direct/messages", tag = "direct",
    operation_id = "send_direct",
    request_body = SendDirect,
    responses(
        (status = 200, body = SentDirect, description = "On disk"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "`blocked`: by either of the two; `account_required`"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`user_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn send(
    State(app): State<App>,
    Own(own): Own,
    Body(form): Body<SendDirect>,
) -> Result<Json<SentDirect>, Refused> {
    let SendDirect { to_clerk_id, text, client_message_id } = form;
    let sent = app.direct.send(&own, to_clerk_id, text, client_message_id).await?;
    let answer = SentDirect {
        message_id: sent.message.id,
        conversation_id: sent.message.conversation_id,
        timestamp: sent.timestamp(),
        repeated: sent.repeated,
    };
    app.direct.announce(News::Sent(Box::new(sent)));
    Ok(Json(answer))
}

/// Marks messages to oneself as read; what is not one's own is passed over.
#[utoipa::path(
    post, path = "/api/v1/direct/read", tag = "direct",
    operation_id = "mark_direct_read",
    request_body = MarkRead,
    responses(
        (status = 200, body = MessagesRead, description = "Those of them that are messages to oneself"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn read(
    State(app): State<App>,
    Own(own): Own,
    Body(form): Body<MarkRead>,
) -> Result<Json<MessagesRead>, Refused> {
    let read = app.direct.mark_read(&own, &form.message_ids).await?;
    let answer = read.to_reader();
    app.direct.announce(News::Read(Box::new(read)));
    Ok(Json(answer))
}
