//! Which hosts the server answers for, and which sites' pages may use it.
//!
//! A page of another site can make a browser send requests here with the person's cookies, and a
//! name that somebody else controls can be pointed at this machine (DNS rebinding). The first is
//! stopped by looking at `Origin`, the second by looking at `Host`.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, Method, Uri, header, uri::Authority};
use parlor_protocol::Code;

use crate::config::{Config, Site};

/// What a request's `Origin` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// There is none.
    Absent,
    /// A page of this server or of a site on the list.
    Allowed,
    /// Anything else, `null` included.
    Foreign,
}

/// Refuses a request for a host that is not localhost, a loopback address, an address we listen
/// on (`local` is the one this connection reached), the public one or that of the sockets.
///
/// # Errors
/// [`Code::ForeignHost`].
pub fn host_allowed(
    config: &Config,
    headers: &HeaderMap,
    uri: &Uri,
    local: SocketAddr,
) -> Result<(), Code> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let named = hosts.next().and_then(|value| value.to_str().ok()?.parse::<Authority>().ok());
    // Two of them are an attack or a mistake (RFC 9112, section 3.2).
    if hosts.next().is_some() {
        return Err(Code::ForeignHost);
    }
    // A request in absolute form names its host in the address as well.
    let fine = |authority: &Authority| {
        // Neither a user nor a port beyond 65535 belongs here (RFC 9110, section 7.2).
        let is_plain = match authority.as_str().rsplit_once(':') {
            _ if authority.as_str().contains('@') => false,
            Some((_, port)) if !port.ends_with(']') => authority.port_u16().is_some(),
            Some(_) | None => true,
        };
        is_plain && is_own_host(config, authority.host(), local)
    };
    match named {
        Some(named) if fine(&named) && uri.authority().is_none_or(fine) => Ok(()),
        _ => Err(Code::ForeignHost),
    }
}

fn is_own_host(config: &Config, host: &str, local: SocketAddr) -> bool {
    let host = host.to_ascii_lowercase();
    if host == "localhost" || host == "localhost." {
        return true;
    }
    if [&config.public_url, &config.sync_url].into_iter().flatten().any(|site| site.host == host) {
        return true;
    }
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(&host);
    let Ok(address) = bare.parse::<IpAddr>() else { return false };
    let address = address.to_canonical();
    address.is_loopback()
        || address == local.ip().to_canonical()
        || config
            .listen
            .iter()
            .map(|on| on.address.ip())
            .any(|on| !on.is_unspecified() && on.to_canonical() == address)
}

/// Judges a request's `Origin`. Call it after [`host_allowed`]: the request's own host counts as
/// its own site.
pub fn judge_origin(config: &Config, headers: &HeaderMap) -> Origin {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return Origin::Absent };
    let site = origin.to_str().ok().and_then(Site::parse);
    let Some(site) = site.filter(|_| origins.next().is_none()) else { return Origin::Foreign };
    let is_public = config.public_url.as_ref().is_some_and(|own| own.origin == site.origin);
    if is_public || config.allowed_origins.contains(&site.origin) || is_own(config, &site, headers)
    {
        Origin::Allowed
    } else {
        Origin::Foreign
    }
}

fn is_own(config: &Config, site: &Site, headers: &HeaderMap) -> bool {
    // Where https is spoken, a page that came over plain HTTP came from somebody in between.
    if config.tls.is_on() && !site.is_https {
        return false;
    }
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let scheme = if site.is_https { "https" } else { "http" };
    host.and_then(|host| Site::parse(&format!("{scheme}://{host}")))
        .is_some_and(|own| own.origin == site.origin)
}

/// Refuses a request that comes from a page of another site.
///
/// # Errors
/// [`Code::ForeignOrigin`]. An absent `Origin` passes: it is cookies that need one.
pub fn origin_allowed(config: &Config, headers: &HeaderMap) -> Result<(), Code> {
    match judge_origin(config, headers) {
        Origin::Absent | Origin::Allowed => Ok(()),
        Origin::Foreign => Err(Code::ForeignOrigin),
    }
}

/// Says whether a request's cookies may speak for the person, given that the browser adds them
/// whoever wrote the page that asks.
///
/// # Errors
/// [`Code::ForeignOrigin`] for a write that needs an allowed `Origin` or `Sec-Fetch-Site:
/// same-origin` and has neither.
pub fn cookies_count(config: &Config, method: &Method, headers: &HeaderMap) -> Result<bool, Code> {
    let fetch_site = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    match judge_origin(config, headers) {
        Origin::Allowed => Ok(true),
        Origin::Foreign if is_read => Ok(false),
        Origin::Foreign => Err(Code::ForeignOrigin),
        Origin::Absent if is_read => {
            Ok(matches!(fetch_site, None | Some(b"none") | Some(b"same-origin")))
        }
        Origin::Absent if fetch_site == Some(b"same-origin") => Ok(true),
        Origin::Absent => Err(Code::ForeignOrigin),
    }
}

/// Says whether a request is for `localhost` by that name.
pub fn is_for_localhost(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let name = host.map(|host| host.split(':').next().unwrap_or_default());
    name.is_some_and(|name| name.trim_end_matches('.').eq_ignore_ascii_case("localhost"))
}

/// Says whether a browser asks for a page on its own account: somebody followed a link or typed.
pub fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let is = |name: &str, wanted: &[u8]| {
        headers.get(name).is_none_or(|value| value.as_bytes() == wanted)
    };
    *method == Method::GET && is("sec-fetch-mode", b"navigate") && !headers.contains_key("origin")
}
