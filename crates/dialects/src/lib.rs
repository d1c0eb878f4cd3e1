//! Dialects: pure translators between bytes on a connection and Parlor's one vocabulary, and the
//! framings they travel in.
//!
//! Nothing here does IO, reads a clock or knows what a room is. A dialect may keep a table for its
//! own connection; never room state.
//!
//! Start reading at [`native`], the room protocol, then [`websocket`], the framing it travels in;
//! [`socketio`] and [`engineio`] are the same two for clients of Socket.IO, and [`sse`] is the room
//! for readers of server-sent events.

pub mod engineio;
pub mod native;
pub mod socketio;
pub mod sse;
pub mod websocket;
