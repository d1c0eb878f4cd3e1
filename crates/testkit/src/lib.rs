//! What tests share. Modules about rooms are behind the feature `room`, which is on by default.

#[cfg(feature = "postgres")]
pub mod postgres;
