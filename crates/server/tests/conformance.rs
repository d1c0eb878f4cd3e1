//! What the protocols ask of a server, checked on the counterpart for their own test suites. The
//! protocols are those of <https://github.com/socketio/engine.io-protocol> and
//! <https://github.com/socketio/socket.io-protocol>.

#![allow(clippy::unwrap_used)]

#[path = "conformance/engine.rs"]
mod engine;
#[path = "conformance/socket.rs"]
mod socket;
mod support;

use parlor_server::config::SocketSettings;
use support::TestServer;
use support::engineio::Engine;

/// A server as `parlor conformance` starts it, and one of its addresses.
async fn counterpart(root: &'static str) -> (TestServer, Engine) {
    counterpart_with(root, SocketSettings::conformance()).await
}

async fn counterpart_with(root: &'static str, sockets: SocketSettings) -> (TestServer, Engine) {
    let settings = [("insecure_no_rate_limits", "true"), ("cores", "2")];
    let server = TestServer::with_sockets(&settings, sockets).await;
    let engine = Engine { address: server.address, root };
    (server, engine)
}
