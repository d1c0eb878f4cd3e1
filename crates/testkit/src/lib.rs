//! What tests share. Modules about rooms are behind the feature `room`, which is on by default.
//!
//! For one rule at a time take a [`scene`]; for bad luck take [`dice`], [`link`]s, [`mirror`]s, a
//! [`shelf`] and the [`reference`](mod@reference).

#[cfg(feature = "room")]
pub mod dice;
#[cfg(feature = "room")]
pub mod garbage;
#[cfg(feature = "room")]
pub mod link;
#[cfg(feature = "room")]
pub mod mirror;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "room")]
pub mod reference;
#[cfg(feature = "room")]
pub mod scene;
#[cfg(feature = "room")]
pub mod shelf;
#[cfg(feature = "room")]
pub mod transcript;
#[cfg(feature = "room")]
pub mod wishes;
