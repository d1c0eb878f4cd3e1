//! Transports: how bytes reach a room, or somebody.

pub mod socketio;
pub mod takeover;
pub mod ws;
