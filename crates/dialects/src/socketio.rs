//! Socket.IO 5: events with acknowledgements, in namespaces, over the messages of Engine.IO.
//!
//! A packet is one text, and after it as many binary messages as the text announces. Nothing here
//! knows what an event means. Start reading at [`packet`], then [`Assembler`].
//!
//! The protocol is <https://github.com/socketio/socket.io-protocol>.

mod assembler;
pub mod encode;
pub mod packet;
pub mod recovery;
mod walk;

pub use assembler::{ATTACHED_BYTES, Assembler, Whole};
pub use packet::{Kind, Packet};
