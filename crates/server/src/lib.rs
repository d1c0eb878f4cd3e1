//! The server: the one crate, beside the store, that touches the world. It owns the sockets, the
//! clock, the accounts' tokens and the rooms' drivers, and joins the pure crates together.
//!
//! It deliberately does not know the rules of a room (crate `parlor-room`), the words of a
//! protocol (`parlor-protocol`, `parlor-dialects`) or any SQL (`parlor-store`).
//!
//! Start reading at [`cli`] (what the binary can do), then [`config`].

pub mod cli;
pub mod config;
