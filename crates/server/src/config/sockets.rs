//! What Socket.IO clients and the server keep to.

use std::time::Duration;

use parlor_dialects::engineio;
use parlor_protocol::limits::{
    EVENT_BYTES, SOCKET_PING_INTERVAL, SOCKET_PING_TIMEOUT, SOCKET_PROOF_WAIT,
};

/// Times and sizes, and who answers events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SocketSettings {
    /// What both sides keep to below the events.
    pub engine: engineio::Settings,
    /// How long a client may take, from its beginning, to connect and to prove who somebody is.
    pub proof_wait: Duration,
    /// Who answers events.
    pub house: House,
}

/// Who answers events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum House {
    /// Parlor.
    Parlor,
    /// The counterpart that the test suites of the protocols expect: it echoes, knows nobody, and has
    /// a second namespace, and Engine.IO alone at an address of its own.
    Conformance,
}

impl House {
    /// The namespaces there are.
    pub fn namespaces(self) -> &'static [&'static str] {
        match self {
            House::Parlor => &["/"],
            House::Conformance => &["/", "/custom"],
        }
    }
}

impl Default for SocketSettings {
    fn default() -> Self {
        let engine = engineio::Settings {
            ping_interval: SOCKET_PING_INTERVAL,
            ping_timeout: SOCKET_PING_TIMEOUT,
            max_payload: EVENT_BYTES,
        };
        Self { engine, proof_wait: SOCKET_PROOF_WAIT, house: House::Parlor }
    }
}

impl SocketSettings {
    /// What the test suites of the protocols expect.
    pub fn conformance() -> Self {
        let engine = engineio::Settings {
            ping_interval: Duration::from_millis(300),
            ping_timeout: Duration::from_millis(200),
            max_payload: EVENT_BYTES,
        };
        Self { engine, proof_wait: Duration::from_secs(1), house: House::Conformance }
    }
}
