//! The server: the one crate, beside the store, that touches the world. It owns the sockets, the
//! clock, the accounts' tokens and the rooms' drivers, and joins the pure crates together.
//!
//! It deliberately does not know the rules of a room (crate `parlor-room`), the words of a
//! protocol (`parlor-protocol`, `parlor-dialects`) or any SQL (`parlor-store`).
//!
//! Start reading at [`cli`] (what the binary can do), then [`config`].

pub mod admin;
pub mod app;
pub mod auth;
pub mod bus;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod conformance;
pub mod courier;
pub mod direct;
pub mod documents;
pub mod healthcheck;
pub mod http;
pub mod hub;
pub mod janitor;
pub mod mail;
pub mod net;
pub mod process;
pub mod rooms;
pub mod running;
pub mod serve;
pub mod sockets;
pub mod telemetry;
pub mod tls;
pub mod transport;
pub mod ui;
pub mod vanishing;
