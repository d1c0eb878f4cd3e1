//! Bodies: JSON of a bounded size that arrives in a bounded time.

use std::time::Duration;

use axum::body::Body as RawBody;
use axum::extract::FromRequestParts;
use axum::extract::{FromRequest, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use parlor_protocol::{Code, limits};
use serde::de::DeserializeOwned;

use super::answer::Refused;

/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);
/// A body that is too large is read and thrown away up to this many bytes, so that the client,
/// which is still writing, gets to read the answer instead of a broken connection.
const DISCARDED_BYTES: usize = 16 * 1024 * 1024;

/// A JSON body.
pub struct Body<T>(pub T);

/// A JSON body that may be absent, which means all its defaults.
pub struct OptionalBody<T>(pub T);

/// The query of an address.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        let is_json = is_json(request.headers());
        let bytes = read(request).await?;
        if !is_json {
            return Err(Code::UnsupportedMedia.into());
        }
        parse(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        let is_json = is_json(request.headers());
        let bytes = read(request).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(T::default()));
        }
        if !is_json {
            return Err(Code::UnsupportedMedia.into());
        }
        parse(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(params)| Self(params))
            .map_err(|rejection| Refused::invalid(rejection.body_text()))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refused> {
    let form = serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            Refused::invalid(error.to_string())
        } else {
            Refused::because(Code::Malformed, format!("The body is not JSON: {error}"))
        }
    })?;
    // Derived decoders take an array of a struct's fields as well, which no client means.
    match bytes.trim_ascii_start().first() {
        Some(b'{') => Ok(form),
        _ => Err(Refused::invalid("The body must be an object")),
    }
}

async fn read(request: Request) -> Result<Bytes, Refused> {
    let waits_for_leave = request.headers().contains_key(header::EXPECT);
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if waits_for_leave && announced.is_some_and(|length| length > limits::BODY_BYTES) {
        return Err(Code::TooLarge.into());
    }
    match tokio::time::timeout(ARRIVAL, collect(request.into_body())).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Code::Timeout.into()),
    }
}

async fn collect(mut body: RawBody) -> Result<Bytes, Refused> {
    let mut bytes = BytesMut::new();
    let mut length: usize = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refused::from(Code::Malformed))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > DISCARDED_BYTES {
            break;
        }
        if length <= limits::BODY_BYTES {
            bytes.extend_from_slice(&data);
        }
    }
    if length > limits::BODY_BYTES {
        return Err(Code::TooLarge.into());
    }
    Ok(bytes.freeze())
}
