//! Engine.IO 4: one conversation over requests, over a WebSocket, or over the first until the
//! second is there.
//!
//! Nothing here knows what the messages mean. Start reading at [`Session`], the state of one
//! connection; [`packet`] and [`polling`] say how its packets look in a frame and in a request.
//!
//! The protocol is <https://github.com/socketio/engine.io-protocol>. Where it says nothing, the
//! session does what the reference server does, because its clients were written against that.

pub mod packet;
pub mod polling;
mod refusal;
mod session;

pub use packet::{Data, Outgoing};
pub use refusal::Refusal;
pub use session::{Input, Output, Reason, Session, Settings, Transport};

/// Something that is not as the protocol has it. The sentence is for logs: the peer is only cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);
