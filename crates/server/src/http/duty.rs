//! Which requests an address answers: where a server has one role, those of the other are answered
//! elsewhere, and whoever asks is told where.

use axum::http::{HeaderMap, header};
use parlor_protocol::Code;

use super::answer::Refused;
use crate::config::{Config, Role};

/// Refuses what is not answered on an address of this role. Everybody may ask about its health.
///
/// # Errors
/// [`Code::Misdirected`], with the other address in the sentence where it is known.
pub fn in_charge(
    config: &Config,
    role: Role,
    path: &str,
    headers: &HeaderMap,
) -> Result<(), Refused> {
    let is_socket = asks_for_socket(headers) || is_for_sockets(path);
    match role {
        Role::Both => Ok(()),
        Role::Api if is_socket => {
            let elsewhere = config.sync_url.as_ref().map(|site| site.socket_origin());
            Err(misdirected("Sockets are opened at", elsewhere))
        }
        Role::Sync if !is_socket && !is_about_health(path) => {
            let elsewhere = config.public_url.as_ref().map(|site| site.origin.clone());
            Err(misdirected("Pages and requests are answered at", elsewhere))
        }
        Role::Api | Role::Sync => Ok(()),
    }
}

fn misdirected(what: &str, elsewhere: Option<String>) -> Refused {
    let elsewhere = elsewhere.unwrap_or_else(|| "another address".to_owned());
    Refused::because(Code::Misdirected, format!("{what} {elsewhere}"))
}

/// Says whether a request wants a WebSocket. Some clients ask every server for HTTP/2 that way.
fn asks_for_socket(headers: &HeaderMap) -> bool {
    let wanted = headers.get_all(header::UPGRADE).iter().filter_map(|value| value.to_str().ok());
    let mut wanted = wanted.flat_map(|value| value.split(',')).map(str::trim);
    wanted.any(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}

/// Says whether an address of the interface belongs to sockets, also before they are upgraded.
fn is_for_sockets(path: &str) -> bool {
    let of_room = ["/api/v1/rooms/", "/rooms/"].iter().find_map(|root| path.strip_prefix(root));
    let is_room_socket =
        of_room.and_then(|rest| rest.split_once('/')).is_some_and(|it| it.1 == "ws");
    is_room_socket || path == "/socket.io" || path.starts_with("/socket.io/")
}

fn is_about_health(path: &str) -> bool {
    path == "/metrics" || path.starts_with("/health/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_sockets_are_told_from_others() {
        for path in ["/api/v1/rooms/x/ws", "/rooms/x/ws", "/socket.io/", "/socket.io"] {
            assert!(is_for_sockets(path), "{path}");
        }
        for path in ["/", "/rooms", "/rooms/ws", "/api/v1/rooms/x", "/api/v1/rooms/x/y/ws", "/ws"] {
            assert!(!is_for_sockets(path), "{path}");
        }
    }
}
