//! What the protocols ask of a server, checked on the counterpart for their own test suites. The
//! protocols are those of <https://github.com/socketio/engine.io-protocol> and
//! <https://github.com/socketio/socket.io-protocol>.

#![allow(clippy::unwrap_used)]

#[path = "conformance/broadcast.rs"]
mod broadcast;
#[path = "conformance/engine.rs"]
mod engine;
#[path = "conformance/socket.rs"]
mod socket;
mod support;

use std::time::Duration;

use parlor_server::config::SocketSettings;
use support::TestServer;
use support::engineio::Engine;

/// A server as `parlor conformance` starts it, and one of its addresses.
async fn counterpart(root: &'static str) -> (TestServer, Engine) {
    start(root, SocketSettings::conformance(), "2").await
}

/// The same without a ping in the next minute, and with one core, which takes what comes in its order.
async fn calm_counterpart(root: &'static str) -> (TestServer, Engine) {
    let mut sockets = SocketSettings::conformance();
    sockets.engine.ping_interval = Duration::from_secs(60);
    start(root, sockets, "1").await
}

async fn start(root: &'static str, sockets: SocketSettings, cores: &str) -> (TestServer, Engine) {
    let settings = [("insecure_no_rate_limits", "true"), ("cores", cores)];
    let server = TestServer::with_sockets(&settings, sockets).await;
    let engine = Engine { address: server.address, root };
    (server, engine)
}
