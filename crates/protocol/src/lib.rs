//! The vocabulary of Parlor: every type that crosses a border — a socket, an HTTP route, a queue
//! between two crates — is defined here, once. From these types come the server, the API
//! documents and the TypeScript client.
//!
//! The crate deliberately contains no logic beyond what a value means (a code's HTTP status, a
//! text's limit), no IO, no clock and no randomness.
//!
//! Start reading at [`Command`] (what a client may ask of a room) and [`Event`] (what a room
//! tells), then [`frame`] for how both look on the wire.

pub mod access;
pub mod account;
pub mod admin;
pub mod chat;
pub mod command;
pub mod direct;
pub mod error;
pub mod event;
pub mod frame;
pub mod ids;
pub mod limits;
pub mod member;
pub mod playback;
pub mod queue;
pub mod realtime;
pub mod room;

pub use command::Command;
pub use error::{CloseCode, Code};
pub use event::Event;
pub use ids::{ClerkId, ItemId, LoginId, RoomId, UserId};
