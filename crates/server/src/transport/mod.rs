//! Transports: how bytes reach a room.

pub mod ws;
