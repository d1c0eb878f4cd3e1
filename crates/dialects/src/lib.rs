//! Dialects: pure translators between bytes on a connection and Parlor's one vocabulary, and the
//! framings they travel in.
//!
//! Nothing here does IO, reads a clock or knows what a room is. A dialect may keep a table for its
//! own connection; never room state.
//!
//! Start reading at [`native`], the room protocol, then [`websocket`], the framing it travels in;
//! [`sse`] is the same room for readers of server-sent events.

pub mod native;
pub mod sse;
pub mod websocket;
