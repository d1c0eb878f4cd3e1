//! The document entries of addresses that are upgraded to sockets.

use axum::extract::{Path, Query, Request, State};
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Refused;
use crate::app::App;
use crate::transport::ws::{self, UpgradeQuery};

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(room_socket))
}

/// Opens the room WebSocket; what it says is in `/api/asyncapi.json`.
#[utoipa::path(
    get, path = "/api/v1/rooms/{roomId}/ws", tag = "rooms",
    params(
        ("roomId" = String, Path, description = "The room"),
        ("authToken" = Option<String>, Query, description = "A ticket, for those who cannot send a header"),
    ),
    responses(
        (status = 101, description = "Switched to the WebSocket"),
        (status = 401, body = parlor_protocol::error::ErrorBody, description = "No token, or none that is good"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "A page of another site"),
        (status = 421, body = parlor_protocol::error::ErrorBody, description = "Sockets are opened at another address, which the message names"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
pub async fn room_socket(
    state: State<App>,
    room: Path<String>,
    query: Query<UpgradeQuery>,
    request: Request,
) -> Result<Response, Refused> {
    ws::upgrade(state, room, query, request).await
}
