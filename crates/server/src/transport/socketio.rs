//! Socket.IO over HTTP: the requests by which a connection begins, polls and posts, and the upgrade to
//! a WebSocket. All of them end at the core where the connection lives.

pub mod conformance;
mod direct;
pub mod events;
mod request;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parlor_dialects::engineio::Refusal;
use parlor_protocol::Code;

use super::takeover::Takeover;
use super::ws;
use crate::app::App;
use crate::auth::Verified;
use crate::http::answer::Refused;
use crate::http::direct::is_trusted_to_claim;
use crate::http::limits::AddressKey;
use crate::http::peer::Peer;
use crate::sockets::{
    Ask, Claim, Declined, Entry, Layer, Lost, Name, Opening, RawStream, Sid, SocketErrand,
};
use request::Wanted;

/// Answers a request of a Socket.IO client.
pub async fn socket_io(State(app): State<App>, request: Request) -> Response {
    answer(app, request, Layer::SocketIo).await
}

/// Answers a request of a client of Engine.IO alone.
pub async fn engine_io(State(app): State<App>, request: Request) -> Response {
    answer(app, request, Layer::Echo).await
}

/// Why a request is not carried out.
enum No {
    /// As Engine.IO clients know it.
    Declined(Declined),
    /// As everybody knows it.
    Refused(Refused),
}

impl From<Declined> for No {
    fn from(declined: Declined) -> Self {
        No::Declined(declined)
    }
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        No::Declined(Declined::Refused(refusal))
    }
}

impl<R: Into<Refused>> From<R> for No {
    fn from(why: R) -> Self {
        No::Refused(why.into())
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        match self {
            No::Declined(Declined::Refused(refusal)) => {
                let status = StatusCode::from_u16(refusal.status()).unwrap_or_default();
                (status, plain("application/json"), refusal.body()).into_response()
            }
            // A token that is nobody's is not that of the person behind the connection.
            No::Declined(Declined::WhoIsIt) => No::from(Refusal::UnknownSession).into_response(),
            No::Declined(Declined::Unavailable) => Refused::from(Code::Unavailable).into_response(),
            No::Refused(refused) => refused.into_response(),
        }
    }
}

fn plain(kind: &'static str) -> [(header::HeaderName, HeaderValue); 2] {
    [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]
}

fn payload(body: Vec<u8>) -> Response {
    (plain("text/plain; charset=UTF-8"), body).into_response()
}

async fn answer(app: App, request: Request, layer: Layer) -> Response {
    let (mut parts, body) = request.into_parts();
    let answered = match Wanted::read(&parts) {
        Ok(Wanted::Poll(name)) => poll(&app, &name, &parts).await,
        Ok(Wanted::Post(name)) => post(&app, &name, &parts, body).await,
        Ok(Wanted::Upgrade(name)) => upgrade(&app, &name, &mut parts).await,
        Ok(Wanted::Open { recovers }) => open(&app, layer, recovers, &parts).await,
        Ok(Wanted::OpenSocket { recovers }) => open_socket(&app, layer, recovers, &mut parts).await,
        Err(refusal) => Err(refusal.into()),
    };
    answered.unwrap_or_else(IntoResponse::into_response)
}

/// Begins a connection by polling.
async fn open(app: &App, layer: Layer, recovers: bool, parts: &Parts) -> Result<Response, No> {
    let (sid, claim, identity) = begin(app, parts).await?;
    let claims_from = claims_from(app, parts);
    let body = app.sockets.run(sid, |reply| {
        let entry = Entry::Poll(reply);
        let opening = Opening { sid, claim, identity, layer, recovers, claims_from, entry };
        SocketErrand::Open(Box::new(opening))
    });
    Ok(payload(body.await?))
}

/// Begins a connection by a WebSocket.
async fn open_socket(
    app: &App,
    layer: Layer,
    recovers: bool,
    parts: &mut Parts,
) -> Result<Response, No> {
    let (accept, takeover) = handshake(parts)?;
    let (sid, claim, identity) = begin(app, parts).await?;
    let claims_from = claims_from(app, parts);
    let sockets = app.sockets.clone();
    takeover.after_response(move |stream, glued| {
        let entry = Entry::Socket(RawStream { stream, glued });
        let opening = Opening { sid, claim, identity, layer, recovers, claims_from, entry };
        if !sockets.hand(sid, SocketErrand::Open(Box::new(opening))) {
            tracing::warn!("a socket could not be handed to its core");
        }
    });
    Ok(ws::switching(accept))
}

/// Says from where a client may name an external user without proof, if the operator lets it.
fn claims_from(app: &App, parts: &Parts) -> Option<AddressKey> {
    let peer = *parts.extensions.get::<Peer>()?;
    let may = is_trusted_to_claim(&app.config, peer, &parts.headers);
    may.then(|| peer.client(&app.config, &parts.headers).into())
}

/// Looks at a first request: who sends it, and whether others came from there too often.
async fn begin(app: &App, parts: &Parts) -> Result<(Sid, Claim, Option<Verified>), No> {
    let peer = parts.extensions.get::<Peer>().ok_or(Code::Internal)?;
    app.limits.sockets.check(&peer.client(&app.config, &parts.headers).into())?;
    if app.is_draining() {
        return Err(Declined::Unavailable.into());
    }
    let identity = request::identity(app, parts).await?;
    let user = identity.as_ref().map(|verified| verified.who.user_id.clone());
    let claim = Claim { token_hash: request::token_hash(&parts.headers), user };
    Ok((Sid::random(), claim, identity))
}

/// Waits for something to answer a poll with.
async fn poll(app: &App, name: &Name, parts: &Parts) -> Result<Response, No> {
    let waiting = Waiting { app, name, lost: Some(Lost::Poll) };
    let asked = request::claiming(app, parts, |claim| app.sockets.ask(name, Ask::Poll(claim)));
    let body = asked.await;
    waiting.answered();
    Ok(payload(body?))
}

/// Takes what a client says by a POST.
async fn post(app: &App, name: &Name, parts: &Parts, body: Body) -> Result<Response, No> {
    let begun =
        request::claiming(app, parts, |claim| app.sockets.ask(name, Ask::PostBegins(claim)));
    begun.await?;
    // From here on the connection waits for the body, and ends without it.
    let waiting = Waiting { app, name, lost: Some(Lost::Post) };
    let most = app.config.sockets.engine.max_payload;
    let body = axum::body::to_bytes(body, most).await.map_err(|_| Code::TooLarge)?;
    let taken = app.sockets.ask(name, Ask::Post(body)).await;
    waiting.answered();
    taken?;
    Ok((plain("text/html"), "ok").into_response())
}

/// Opens a WebSocket for a connection that polls. One that lives at another node goes on polling. A
/// second WebSocket is opened and closed, as by the reference server.
async fn upgrade(app: &App, name: &Name, parts: &mut Parts) -> Result<Response, No> {
    let (accept, takeover) = handshake(parts)?;
    if app.sockets.is_elsewhere(name)? {
        return Err(Refusal::BadRequest.into());
    }
    let sid = name.sid;
    let granted = request::claiming(app, parts, |claim| {
        app.sockets.run(sid, |reply| SocketErrand::Upgrade(sid, claim, reply))
    });
    let is_wanted = match granted.await {
        Ok(()) => true,
        Err(Declined::Refused(Refusal::BadRequest)) => false,
        Err(declined) => return Err(declined.into()),
    };
    let sockets = app.sockets.clone();
    takeover.after_response(move |stream, glued| {
        let raw = RawStream { stream, glued };
        let errand = match is_wanted {
            true => SocketErrand::Upgraded(sid, raw),
            false => SocketErrand::TurnAway(raw),
        };
        if !sockets.hand(sid, errand) {
            tracing::warn!("a socket could not be handed to its core");
        }
    });
    Ok(ws::switching(accept))
}

fn handshake(parts: &mut Parts) -> Result<(HeaderValue, Takeover), Refusal> {
    let accept = ws::handshake(&parts.headers).map_err(|_| Refusal::BadRequest)?;
    let takeover = parts.extensions.remove::<Takeover>().ok_or(Refusal::BadRequest)?;
    Ok((accept, takeover))
}

/// Tells a connection that a request is gone, if its client does not wait for the answer.
struct Waiting<'a> {
    app: &'a App,
    name: &'a Name,
    lost: Option<Lost>,
}

impl Waiting<'_> {
    fn answered(mut self) {
        self.lost = None;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(lost) = self.lost.take() {
            self.app.sockets.lose(self.name, lost);
        }
    }
}
