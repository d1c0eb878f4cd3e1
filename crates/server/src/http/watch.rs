//! What every request passes: it is counted, its host and its site are looked at, its rate is
//! limited, and its answer is given the headers that keep browsers careful.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{self, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics::{Counter, Histogram};
use parlor_protocol::Code;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::answer::{self, Refused};
use super::peer::Peer;
use super::{direct, duty, gate, health};
use crate::app::App;
use crate::config::Config;

/// How long a browser remembers the answer to a preflight; Chromium takes no more than 2 h.
const PREFLIGHT_LIFE: Duration = Duration::from_secs(7_200);

/// What one route's requests of one method and outcome are counted with.
#[derive(Clone)]
struct Meters {
    requests: Counter,
    seconds: Histogram,
}

/// Names [`Meters`]: where the route's text stands in memory, which is one place for each route
/// of a router; the method; the status.
type MetersKey = (usize, Method, u16);

thread_local! {
    /// Looking a metric up by its labels costs more than a small request does.
    static METERS: RefCell<HashMap<MetersKey, Meters>> = RefCell::new(HashMap::new());
}

/// What every request passes first, and its answer last.
pub async fn every(State(app): State<App>, request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    // A browser would refuse plain HTTP to everything else that runs on the person's machine.
    let is_strict = app.config.is_https() && !gate::is_for_localhost(request.headers());
    let response = match ours(&app.config, &request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    };
    let mut response = answer::shape(&path, response);
    secure(response.headers_mut(), is_strict);
    count(route.as_ref(), method, response.status(), begin.elapsed());
    response
}

/// Answers what load balancers ask all the time, as the routes would: most of what a request passes
/// has nothing to say about it, and among people's requests it is not counted. `None` for
/// everything else.
pub fn at_once<B>(config: &Config, peer: Peer, request: &http::Request<B>) -> Option<Response> {
    let is_asked = request.uri().path() == health::LIVE
        && request.method() == Method::GET
        // Pages of other sites are for the layers to judge.
        && !request.headers().contains_key(header::ORIGIN);
    if !is_asked {
        return None;
    }
    gate::host_allowed(config, request.headers(), request.uri(), peer.local).ok()?;
    let mut response = health::alive();
    let is_strict = config.is_https() && !gate::is_for_localhost(request.headers());
    secure(response.headers_mut(), is_strict);
    Some(response)
}

/// Refuses requests for hosts that are not ours, and those that are answered at another address.
fn ours(config: &Config, request: &Request) -> Result<(), Refused> {
    let peer = request.extensions().get::<Peer>().ok_or(Code::Internal)?;
    let headers = request.headers();
    gate::host_allowed(config, headers, request.uri(), peer.local)?;
    duty::in_charge(config, peer.role, request.uri().path(), headers)
}

/// Adds the headers that keep browsers careful; `is_strict` has them keep to https for a year.
fn secure(headers: &mut HeaderMap, is_strict: bool) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let referrer = HeaderValue::from_static("strict-origin-when-cross-origin");
    headers.insert(header::REFERRER_POLICY, referrer);
    if is_strict {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}

/// Counts a request and how long it took. Routes are named as they are written, never by what is
/// in them, and methods that no route takes share one name.
fn count(route: Option<&MatchedPath>, method: Method, status: StatusCode, took: Duration) {
    let method = match method {
        Method::GET | Method::POST | Method::PATCH | Method::DELETE => method,
        _ => Method::OPTIONS,
    };
    let route = route.map_or("other", MatchedPath::as_str);
    let key = (route.as_ptr() as usize, method, status.as_u16());
    METERS.with_borrow_mut(|known| {
        let meters = match known.get(&key) {
            Some(meters) => meters,
            None => {
                let meters = meters_of(route, &key.1, key.2);
                known.entry(key).or_insert(meters)
            }
        };
        meters.requests.increment(1);
        meters.seconds.record(took.as_secs_f64());
    });
}

fn meters_of(route: &str, method: &Method, status: u16) -> Meters {
    let (route, method) = (route.to_owned(), method.as_str().to_owned());
    let seconds = metrics::histogram!("parlor_http_seconds", "route" => route.clone());
    let requests = metrics::counter!(
        "parlor_http_requests_total",
        "method" => method, "route" => route, "status" => status.to_string()
    );
    Meters { requests, seconds }
}

/// Answers a request whose handler failed. The panic itself is in the log.
pub fn fault(_: Box<dyn Any + Send>) -> Response {
    Refused::from(Code::Internal).into_response()
}

/// What a request passes that is no preflight: writes, upgrades and streams are refused to the
/// pages of other sites, and nobody may ask too often.
pub async fn visitor(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    own_site(&app.config, &request)?;
    seldom_enough(&app, &request)?;
    Ok(next.run(request).await)
}

/// Refuses writes, upgrades and streams that pages of other sites ask for.
fn own_site(config: &Config, request: &Request) -> Result<(), Code> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let is_upgrade = request.headers().contains_key(header::UPGRADE);
    let path = request.uri().path();
    let is_stream = path.starts_with("/socket.io") || path.starts_with("/api/realtime");
    if !is_read || is_upgrade || is_stream {
        gate::origin_allowed(config, request.headers())?;
    }
    Ok(())
}

/// Limits how often one address may ask for anything but pages and files.
fn seldom_enough(app: &App, request: &Request) -> Result<(), Refused> {
    let path = request.uri().path();
    let is_interface = path.starts_with("/api/") || answer::is_route_of_earlier_systems(path);
    if !is_interface || app.config.insecure_no_rate_limits {
        return Ok(());
    }
    let peer = request.extensions().get::<Peer>().ok_or(Code::Internal)?;
    let address = peer.client(&app.config, request.headers()).into();
    if request.headers().contains_key(header::UPGRADE) {
        app.limits.upgrades.check(&address)
    } else {
        app.limits.requests.check(&address)
    }
}

/// Writes the head of a response that is a stream of server-sent events and has no end: what the
/// layers would have added is in it, and what keeps proxies from gathering it.
pub fn head_of_stream(config: &Config, request: &HeaderMap) -> Vec<u8> {
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    let fresh = HeaderValue::from_static("no-cache, no-transform");
    headers.insert(header::CACHE_CONTROL, fresh);
    // nginx gathers an answer unless it is told not to.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    // It ends with the connection: its length is not known, and nothing follows it.
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    secure(&mut headers, config.is_https() && !gate::is_for_localhost(request));
    if let Some(origin) = request.get(header::ORIGIN)
        && gate::judge_origin(config, request) == gate::Origin::Allowed
    {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }
    let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
    for (name, value) in &headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Lets pages of the sites on the list use the interface, with cookies. Never all sites; without
/// a list there is nothing to answer preflights with.
pub fn cors(config: &Config) -> Option<CorsLayer> {
    let listed = config.allowed_origins.iter().cloned();
    let own = config.public_url.iter().map(|site| site.origin.clone());
    let origins: Vec<HeaderValue> =
        listed.chain(own).filter_map(|origin| HeaderValue::from_str(&origin).ok()).collect();
    if origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::RANGE,
            HeaderName::from_static(direct::CLAIM),
        ])
        .expose_headers([header::LINK, header::RETRY_AFTER, header::ETAG, header::CONTENT_RANGE])
        .max_age(PREFLIGHT_LIFE);
    Some(layer)
}
