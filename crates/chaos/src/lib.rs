//! Several nodes in a storm: real processes are killed, paused and restarted while scripted members
//! play, chat, come and go, and scripted people write to each other; and what everybody was told is
//! checked afterwards.
//!
//! It deliberately does not know how nodes agree. It sees what clients see, and what the database
//! keeps. Start reading at [`history`] and [`letters`] (what must hold), then [`storm`].

pub mod board;
pub mod door;
pub mod history;
pub mod letters;
pub mod line;
pub mod member;
pub mod person;
pub mod site;
pub mod storm;
