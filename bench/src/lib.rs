//! The load generator of `make bench`: crowds of sockets and HTTP connections that cost far
//! less than any server they are pointed at, and the clocks that say what the server paid.
//!
//! It deliberately knows nothing of how a server works: Parlor and what it is compared with are
//! programs that are started, spoken to over loopback and read from `/proc`.
//!
//! Start reading at [`window`] (what "one message in flight" means) and [`contestants`] (who is
//! compared and how a room of each is entered); `chapters/` of the binary says what is measured.

pub mod contestants;
pub mod crowd;
pub mod frame;
pub mod http;
pub mod machine;
pub mod paced;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod report;
pub mod talk;
pub mod window;
