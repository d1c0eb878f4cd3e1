//! What tests share. Modules about rooms are behind the feature `room`, which is on by default.

#[cfg(feature = "room")]
pub mod garbage;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "room")]
pub mod scene;
#[cfg(feature = "room")]
pub mod transcript;
#[cfg(feature = "room")]
pub mod wishes;
