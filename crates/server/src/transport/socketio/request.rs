//! What a request of an Engine.IO client asks for, and by what it shows whose it is.

use axum::extract::Query;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use parlor_dialects::engineio::Refusal;
use parlor_protocol::Code;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::auth::Verified;
use crate::auth::cookies::Cookie;
use crate::http::who::identify;
use crate::sockets::{Claim, Declined, Name};

/// The query of every request.
#[derive(Deserialize)]
struct Parameters {
    #[serde(rename = "EIO")]
    version: Option<String>,
    transport: Option<String>,
    sid: Option<String>,
    recovery: Option<String>,
}

/// What a request asks for.
pub(super) enum Wanted {
    /// A connection by polling.
    Open {
        /// Whether what the client misses is kept for it.
        recovers: bool,
    },
    /// A connection by a WebSocket.
    OpenSocket {
        /// Whether what the client misses is kept for it.
        recovers: bool,
    },
    /// What is there for the client.
    Poll(Name),
    /// That something is taken.
    Post(Name),
    /// A WebSocket for a connection that polls.
    Upgrade(Name),
}

impl Wanted {
    /// Reads a request. What is looked at first is what the reference server looks at first.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(super) fn read(parts: &Parts) -> Result<Self, Refusal> {
        let query = Query::<Parameters>::try_from_uri(&parts.uri);
        let Query(parameters) = query.map_err(|_| Refusal::BadRequest)?;
        let is_socket = match parameters.transport.as_deref() {
            Some("polling") => false,
            Some("websocket") => true,
            Some(_) | None => return Err(Refusal::UnknownTransport),
        };
        let is_upgrade = parts.headers.contains_key(header::UPGRADE);
        if is_socket && !is_upgrade {
            return Err(Refusal::BadRequest);
        }
        let recovers = parameters.recovery.as_deref() == Some("1");
        let is_get = parts.method == Method::GET;
        match parameters.sid {
            Some(sid) => {
                let name = Name::parse(&sid).ok_or(Refusal::UnknownSession)?;
                match (is_socket, is_get) {
                    (true, true) => Ok(Wanted::Upgrade(name)),
                    (false, true) => Ok(Wanted::Poll(name)),
                    (false, false) if parts.method == Method::POST => Ok(Wanted::Post(name)),
                    (true, false) | (false, false) => Err(Refusal::BadRequest),
                }
            }
            None if !is_get => Err(Refusal::BadMethod),
            None if parameters.version.as_deref() != Some("4") => Err(Refusal::UnknownVersion),
            None if is_socket => Ok(Wanted::OpenSocket { recovers }),
            None => Ok(Wanted::Open { recovers }),
        }
    }
}

/// Finds out who sends a request; `None` if it has no token that is good here.
///
/// # Errors
/// [`Code::Unavailable`].
pub(super) async fn identity(app: &App, parts: &Parts) -> Result<Option<Verified>, Code> {
    match identify(app, &parts.method, &parts.headers, None).await {
        Ok(verified) => Ok(Some(verified)),
        Err(Code::Unavailable) => Err(Code::Unavailable),
        Err(_) => Ok(None),
    }
}

/// Hashes the token that comes with a request, good or not; `None` if there is none.
pub(super) fn token_hash(headers: &HeaderMap) -> Option<[u8; 16]> {
    let cookie = || [Cookie::Login, Cookie::Guest].iter().find_map(|cookie| cookie.read(headers));
    let token = match headers.get(header::AUTHORIZATION) {
        Some(value) => value.as_bytes(),
        None => cookie()?.as_bytes(),
    };
    let hash = Sha256::digest(token);
    Some(std::array::from_fn(|at| hash[at]))
}

/// Asks something of a request's connection. Where the token is not that of the connection's last
/// request, it is looked at whose it is.
///
/// # Errors
/// [`Declined`].
pub(super) async fn claiming<T, F: Future<Output = Result<T, Declined>>>(
    app: &App,
    parts: &Parts,
    ask: impl Fn(Claim) -> F,
) -> Result<T, Declined> {
    let claim = Claim { token_hash: token_hash(&parts.headers), user: None };
    let told = ask(claim.clone()).await;
    let Err(Declined::WhoIsIt) = told else { return told };
    let identity = identity(app, parts).await.map_err(|_| Declined::Unavailable)?;
    let user = Some(identity.ok_or(Declined::WhoIsIt)?.who.user_id);
    ask(Claim { user, ..claim }).await
}
