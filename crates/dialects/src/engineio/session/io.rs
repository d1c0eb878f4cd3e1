//! What goes into a session and what comes out of it.

use std::time::Duration;

use super::{Data, Outgoing, Refusal};

/// What both sides keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The server pings so long after the handshake, and after each pong.
    pub ping_interval: Duration,
    /// So long after a ping the pong must be there.
    pub ping_timeout: Duration,
    /// Largest frame and largest payload, in bytes, in both directions. A single packet that is
    /// larger still goes out, in an answer of its own.
    pub max_payload: usize,
}

impl Settings {
    /// Writes the handshake; `sid` must be of letters, digits, `-` and `_`.
    pub(super) fn handshake(&self, sid: &str, transport: Transport) -> String {
        let upgrades = match transport {
            Transport::Polling => r#"["websocket"]"#,
            Transport::Socket => "[]",
        };
        format!(
            r#"{{"sid":"{sid}","upgrades":{upgrades},"pingInterval":{},"pingTimeout":{},"maxPayload":{}}}"#,
            self.ping_interval.as_millis(),
            self.ping_timeout.as_millis(),
            self.max_payload,
        )
    }
}

/// How a session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// By requests: the first one is answered with the handshake.
    Polling,
    /// By a WebSocket.
    Socket,
}

/// What happened to a session.
#[derive(Debug)]
pub enum Input<'a> {
    /// A GET came and waits.
    Poll,
    /// The GET that waited is gone, unanswered.
    PollLost,
    /// A POST came, whose body is yet to be read.
    PostBegins,
    /// The body of the POST that began.
    Post(&'a [u8]),
    /// The POST that began will have no body.
    PostLost,
    /// Somebody wants to open a WebSocket for the session.
    Upgrade,
    /// A text frame of the WebSocket.
    Text(&'a str),
    /// A binary frame of the WebSocket.
    Binary(&'a [u8]),
    /// The WebSocket is gone.
    SocketLost,
    /// These are to go to the client.
    Send(&'a [Outgoing]),
    /// The server ends the session.
    Close(Reason),
    /// The time of [`super::Session::poll_timeout`] has come.
    Timeout,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// The poll that waits longest is answered with this payload.
    PollAnswered(Vec<u8>),
    /// The poll that came last is refused.
    PollRefused(Refusal),
    /// The body of the POST that came last is to be read.
    PostBegun,
    /// The POST is answered with `ok`.
    PostDone,
    /// The POST that came last is refused.
    PostRefused(Refusal),
    /// The WebSocket that was asked for may be opened.
    UpgradeGranted,
    /// It may not.
    UpgradeRefused(Refusal),
    /// A frame goes out by the WebSocket.
    Frame(Outgoing),
    /// The WebSocket is closed.
    CloseSocket,
    /// The client said something.
    Message(Data),
    /// It is over. Nothing follows but refusals.
    Closed(Reason),
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The client took leave.
    Left,
    /// A request or the WebSocket broke.
    TransportLost,
    /// No pong came in time.
    PingTimeout,
    /// The client broke the protocol.
    Malformed,
    /// Two polls or two POSTs at once: somebody else uses the session, or the client is confused.
    Overlap,
    /// More waits for the client than may wait.
    TooSlow,
    /// The server had no more use for it.
    Ended,
}
