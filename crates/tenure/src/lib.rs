//! Whose a room is among several nodes: when a node may take its rooms for its own, and when it may
//! take those of another.
//!
//! A node is alive by two *witnesses*: its row in the database, which says until when by the
//! database's clock, and its lease on the bus. It asks both again and again to go on, and its rooms
//! are its own while either granted it, less a [`MARGIN`]. Another takes a room over when both are
//! sure that the node is dead, in this order: the row is *buried*, then the lease is looked for once
//! more, then the room is taken if nobody has claimed it since. Whoever was buried hears so from the
//! database before it counts there as alive again, and has lost its rooms. So nothing a paused or
//! late node does later makes them its own.
//!
//! The crate decides and does nothing else: it knows no database, no broker, no clock and no room's
//! content. Start with [`Tenure`], what a node knows of itself, then [`Claiming`], how it comes to a
//! room. `tests/simulation` says under which faults two nodes never tell in one room, and under
//! which they may.

mod claiming;
mod tenure;

pub use claiming::{CLAIM_AGAIN, CLAIM_PATIENCE, Claiming, Holder, Lease, Step};
pub use tenure::{LIFE, MARGIN, RENEWAL_PATIENCE, RENEWED_EVERY, Tenure, Witness};
