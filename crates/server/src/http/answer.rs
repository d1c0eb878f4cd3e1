//! How a refusal looks: a stable code, a sentence for people, and nothing of the inside.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parlor_protocol::Code;
use parlor_protocol::error::ErrorBody;
use parlor_store::{Conflict, StoreError};

/// A request that is not carried out.
///
/// As a response it is only a status; [`shape`] writes the body, because the form of it depends
/// on the route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The stable reason.
    pub code: Code,
    /// A sentence for people.
    pub message: Cow<'static, str>,
    /// When to come back, for rates.
    pub retry_after: Option<Duration>,
}

impl Refused {
    /// Refuses with a sentence more precise than the code's own.
    pub fn because(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// Refuses something that is not valid.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::because(Code::Invalid, message)
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn into_shaped(self, path: &str) -> Response {
        let status = self.status();
        let problem = !is_route_of_earlier_systems(path);
        let body = ErrorBody {
            code: self.code,
            message: self.message.clone().into_owned(),
            error: self.message.into_owned(),
            title: problem.then(|| self.code.message().to_owned()),
            status: problem.then(|| status.as_u16()),
        };
        let kind = if problem { "application/problem+json" } else { "application/json" };
        let text = serde_json::to_vec(&body).expect("an error body has only texts and numbers");
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

impl From<Code> for Refused {
    fn from(code: Code) -> Self {
        Self { code, message: Cow::Borrowed(code.message()), retry_after: None }
    }
}

impl From<parlor_room::Refusal> for Refused {
    fn from(refusal: parlor_room::Refusal) -> Self {
        Self::because(refusal.code, refusal.message)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        store_code(&error).into()
    }
}

/// Says what a client is told when the store fails, and logs what it is not told.
pub fn store_code(error: &StoreError) -> Code {
    match error {
        StoreError::Conflict(Conflict::Username) => Code::UsernameTaken,
        StoreError::Conflict(Conflict::Email) => Code::EmailTaken,
        StoreError::Gone => Code::RoomNotFound,
        StoreError::Unavailable(_)
        | StoreError::Conflict(_)
        | StoreError::Dangling
        | StoreError::Fenced
        | StoreError::Corrupt(_)
        | StoreError::NewerSchema { .. }
        | StoreError::Config(_) => {
            tracing::error!(%error, "the store failed");
            Code::Unavailable
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of a refusal, also of one that the framework made; other answers stay as they are.
pub fn shape(path: &str, mut response: Response) -> Response {
    match response.extensions_mut().remove::<Refused>() {
        Some(refused) => {
            let mut shaped = refused.into_shaped(path);
            for (name, value) in response.headers() {
                if !shaped.headers().contains_key(name) && name != header::CONTENT_LENGTH {
                    shaped.headers_mut().append(name, value.clone());
                }
            }
            shaped
        }
        None => match framework_code(&response) {
            Some(code) => {
                let mut shaped = Refused::from(code).into_shaped(path);
                if let Some(allow) = response.headers().get(header::ALLOW) {
                    shaped.headers_mut().insert(header::ALLOW, allow.clone());
                }
                shaped
            }
            None => response,
        },
    }
}

/// The framework refuses in plain text, or with nothing; our own answers are JSON, pages or files.
fn framework_code(response: &Response) -> Option<Code> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if kind.is_some_and(|kind| !kind.starts_with(b"text/plain")) {
        return None;
    }
    match status {
        StatusCode::BAD_REQUEST => Some(Code::Malformed),
        StatusCode::NOT_FOUND => Some(Code::NotFound),
        StatusCode::METHOD_NOT_ALLOWED => Some(Code::MethodNotAllowed),
        StatusCode::REQUEST_TIMEOUT => Some(Code::Timeout),
        StatusCode::PAYLOAD_TOO_LARGE => Some(Code::TooLarge),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Some(Code::UnsupportedMedia),
        StatusCode::UNPROCESSABLE_ENTITY => Some(Code::Invalid),
        // A range that lies outside a file has a body of its own kind (RFC 9110, 15.5.17).
        StatusCode::RANGE_NOT_SATISFIABLE => None,
        _ if status.is_server_error() => Some(Code::Internal),
        _ => Some(Code::Malformed),
    }
}

/// Says whether clients of earlier systems know the route: there errors are `application/json`
/// and unknown fields are ignored.
pub fn is_route_of_earlier_systems(path: &str) -> bool {
    const ROOTS: [&str; 9] = [
        "/rooms",
        "/api/v1/rooms",
        "/api/rooms",
        "/api/room",
        "/api/messages",
        "/api/realtime",
        "/users",
        "/contacts",
        "/conversations",
    ];
    ROOTS.iter().any(|root| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routes_of_earlier_systems_are_told_from_ours() {
        for path in ["/rooms", "/rooms/x", "/api/v1/rooms/x/ws", "/api/room", "/users/me"] {
            assert!(is_route_of_earlier_systems(path), "{path}");
        }
        for path in ["/", "/room/x", "/api/v1/roomss", "/api/v1/users/me", "/api/v1/auth/login"] {
            assert!(!is_route_of_earlier_systems(path), "{path}");
        }
    }
}
