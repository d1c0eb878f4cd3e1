//! Transports: how bytes reach a room.

pub mod takeover;
pub mod ws;
