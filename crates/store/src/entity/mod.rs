//! The tables as SeaORM sees them, column by column; private to this crate.

pub mod chat_message;
pub mod login;
pub mod mail_suppression;
pub mod node;
pub mod one_time_token;
pub mod outbox;
pub mod room;
pub mod room_invitation;
pub mod room_state;
pub mod room_user;
pub mod server_key;
pub mod users;
