//! Who is at the other end of the connection.

use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use parlor_protocol::Code;

use super::answer::Refused;
use crate::app::App;
use crate::config::{Config, Role};

/// The two ends of the connection a request came by. The accept loop puts one into every
/// request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other end: a client or a proxy.
    pub remote: SocketAddr,
    /// Our end: the address the client reached.
    pub local: SocketAddr,
    /// What is answered there.
    pub role: Role,
}

impl Peer {
    /// Returns the client's address. `X-Forwarded-For` counts only if it was written by a trusted
    /// proxy, and only up to the first address that no trusted proxy vouches for.
    pub fn client(&self, config: &Config, headers: &HeaderMap) -> IpAddr {
        let mut client = self.remote.ip().to_canonical();
        let named: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .collect();
        for name in named.into_iter().rev() {
            if !config.trusts(client) {
                break;
            }
            match name.parse::<IpAddr>() {
                Ok(address) => client = address.to_canonical(),
                Err(_) => break,
            }
        }
        client
    }
}

/// The client's address, as handlers ask for it.
pub struct Client(pub IpAddr);

impl FromRequestParts<App> for Client {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let peer = parts.extensions.get::<Peer>().ok_or(Code::Internal)?;
        Ok(Self(peer.client(&app.config, &parts.headers)))
    }
}
