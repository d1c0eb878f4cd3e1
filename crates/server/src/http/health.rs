//! What load balancers and monitoring ask.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use parlor_protocol::Code;
use parlor_protocol::room::Message;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Refused;
use super::peer::Client;
use crate::app::App;
use crate::telemetry;

/// How long the store may take to answer before the server is not ready.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready)).routes(routes!(metrics))
}

/// Where it is asked whether the process answers.
pub(super) const LIVE: &str = "/health/live";

/// Says that the process answers.
#[utoipa::path(
    get, path = "/health/live", tag = "health",
    responses((status = 200, body = Message, description = "It does"))
)]
async fn live() -> Response {
    alive()
}

/// The answer to [`LIVE`].
pub(super) fn alive() -> Response {
    const BODY: &[u8] = br#"{"message":"alive"}"#;
    let mut response = Response::new(Body::from(BODY));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Says whether people may be sent here: the store answers and the server is not stopping. A node
/// that does not reach the others' message broker says `degraded`, and still takes people.
#[utoipa::path(
    get, path = "/health/ready", tag = "health",
    responses(
        (status = 200, body = Message, description = "They may"),
        (status = 503, body = parlor_protocol::error::ErrorBody, description = "They may not"),
    )
)]
async fn ready(State(app): State<App>) -> Result<Json<Message>, Refused> {
    if app.is_draining() {
        return Err(Refused::because(Code::Unavailable, "The server is stopping"));
    }
    match tokio::time::timeout(STORE_PATIENCE, app.store.ping()).await {
        // The rooms of this node go on without the others.
        Ok(Ok(())) => {
            let message = if app.rooms.reaches_all() { "ready" } else { "degraded" };
            Ok(Json(Message { message: message.to_owned() }))
        }
        Ok(Err(_)) | Err(_) => {
            Err(Refused::because(Code::Unavailable, "The database does not answer"))
        }
    }
}

/// Returns what was counted, for Prometheus; only to the networks of `metrics_from`.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses(
        (status = 200, body = String, content_type = "text/plain", description = "The metrics"),
        (status = 403, body = parlor_protocol::error::ErrorBody, description = "Not from there"),
    )
)]
async fn metrics(State(app): State<App>, Client(address): Client) -> Result<Response, Refused> {
    if !app.config.metrics_from.iter().any(|network| network.contains(address)) {
        return Err(Code::Forbidden.into());
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, telemetry::metrics_text()).into_response())
}
