//! The room WebSocket: the upgrade. Afterwards the raw stream belongs to the core of its room.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use parlor_protocol::{Code, RoomId};
use serde::Deserialize;

use super::takeover::Takeover;
use crate::app::App;
use crate::http::answer::Refused;
use crate::http::gate;
use crate::http::who::identify;
use crate::rooms::{Arrival, Opening};

/// What every accept key is hashed with (RFC 6455, section 1.3).
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The query of an upgrade.
#[derive(Deserialize)]
pub struct UpgradeQuery {
    /// A ticket or a token, for clients that cannot send headers.
    #[serde(rename = "authToken")]
    auth_token: Option<String>,
}

/// Upgrades a request to a room's WebSocket.
///
/// # Errors
/// Before the upgrade: a missing or forged token (401), a foreign Origin (403), a request that is
/// no WebSocket upgrade (400, 426). Everything about the room is told after it: one `ERROR`, then
/// a close code.
pub async fn upgrade(
    State(app): State<App>,
    Path(room): Path<String>,
    Query(query): Query<UpgradeQuery>,
    mut request: Request<axum::body::Body>,
) -> Result<Response, Refused> {
    let headers = request.headers();
    gate::origin_allowed(&app.config, headers)?;
    let token = query.auth_token.as_deref();
    let verified = identify(&app, request.method(), headers, token).await?;
    let accept = match handshake(headers) {
        Ok(accept) => accept,
        Err(NoHandshake::OtherProtocol) => return Ok(upgrade_required()),
        Err(NoHandshake::BadKey) => return Err(Code::Malformed.into()),
    };
    let takeover = request.extensions_mut().remove::<Takeover>().ok_or(Code::Internal)?;
    let (rooms, room) = (app.rooms.clone(), RoomId::from(room));
    takeover.after_response(move |stream, glued| {
        let (who, login) = (verified.who, verified.login);
        let arrival = Arrival { stream, glued, who, login, opening: Opening::WebSocket };
        if let Err(code) = rooms.attach(room, arrival) {
            tracing::warn!(code = code.as_str(), "a socket could not be handed to its room");
        }
    });
    Ok(switching(accept))
}

/// Answers an opening handshake.
pub(super) fn switching(accept: HeaderValue) -> Response {
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// Why a request is no opening handshake.
pub(super) enum NoHandshake {
    /// It asks for no WebSocket of version 13.
    OtherProtocol,
    /// Its key is not 16 bytes in base64.
    BadKey,
}

/// Checks the opening handshake (RFC 6455, section 4.2.1) and computes the accept key.
pub(super) fn handshake(headers: &HeaderMap) -> Result<HeaderValue, NoHandshake> {
    let has = |name: header::HeaderName, token: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let mut tokens = values.flat_map(|value| value.split(',')).map(str::trim);
        tokens.any(|part| part.eq_ignore_ascii_case(token))
    };
    let is_version = headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|v| v == "13");
    if !has(header::CONNECTION, "upgrade") || !has(header::UPGRADE, "websocket") || !is_version {
        return Err(NoHandshake::OtherProtocol);
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or(NoHandshake::BadKey)?;
    accept_key(key.as_bytes()).ok_or(NoHandshake::BadKey)
}

fn upgrade_required() -> Response {
    let mut answer = Refused::from(Code::UpgradeRequired).into_response();
    answer.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    answer.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    answer
}

/// Hashes a client's key; `None` if it is not 16 bytes in base64.
fn accept_key(key: &[u8]) -> Option<HeaderValue> {
    use aws_lc_rs::digest;
    let base64 = base64::engine::general_purpose::STANDARD;
    if base64.decode(key).ok()?.len() != 16 {
        return None;
    }
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key);
    hash.update(KEY_SUFFIX);
    HeaderValue::from_str(&base64.encode(hash.finish())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_key_is_that_of_the_standard() {
        let key = accept_key(b"dGhlIHNhbXBsZSBub25jZQ==").expect("is a key");
        assert_eq!(key, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZQ=="), None);
        assert_eq!(accept_key(b"***"), None);
    }
}
