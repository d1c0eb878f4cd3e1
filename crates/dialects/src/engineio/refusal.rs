//! Why a request is not carried out, as Engine.IO clients know it.

use serde::{Deserialize, Serialize};

/// A reason with the number, sentence and status of the reference server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// There is no such transport.
    UnknownTransport,
    /// There is no such session, or it is somebody else's.
    UnknownSession,
    /// A session is opened with GET.
    BadMethod,
    /// The session cannot take that request now.
    BadRequest,
    /// The request may not be made from there, or not so often.
    Forbidden,
    /// Another version of the protocol.
    UnknownVersion,
}

impl Refusal {
    /// Returns the status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Refusal::Forbidden => 403,
            Refusal::UnknownTransport
            | Refusal::UnknownSession
            | Refusal::BadMethod
            | Refusal::BadRequest
            | Refusal::UnknownVersion => 400,
        }
    }

    /// Returns the body of the answer, a JSON object.
    pub fn body(self) -> &'static str {
        match self {
            Refusal::UnknownTransport => r#"{"code":0,"message":"Transport unknown"}"#,
            Refusal::UnknownSession => r#"{"code":1,"message":"Session ID unknown"}"#,
            Refusal::BadMethod => r#"{"code":2,"message":"Bad handshake method"}"#,
            Refusal::BadRequest => r#"{"code":3,"message":"Bad request"}"#,
            Refusal::Forbidden => r#"{"code":4,"message":"Forbidden"}"#,
            Refusal::UnknownVersion => r#"{"code":5,"message":"Unsupported protocol version"}"#,
        }
    }
}
