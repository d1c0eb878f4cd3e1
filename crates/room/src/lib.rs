//! The room core: who is present, what plays, who may do what, what was said — as a state machine.
//!
//! A [`Room`] takes [`Input`]s with the moment they happened and gives [`Output`]s; nothing else
//! happens. It deliberately knows no socket, no store, no clock and no randomness: time, ids and
//! random bits are arguments, writing is an output whose outcome comes back as an input. So its
//! tests compare lists, and a seeded simulation runs it through years of bad luck.
//!
//! Start reading at [`io`] (the contract with the driver), then [`room`](Room) (where each input
//! goes) and `commands` (where each command goes). Then the part you came for:
//!
//! - values without knowledge of one another: `members` in their `row`, `timeline`, `hold` and `patience`, `roles`,
//!   `queue`, `chat`, `stream`, `crowd`, `timers`; `checks` is what a text from a client must be;
//! - what a room does with them: `arrivals` (seats and the host), `door` (who may come in), `playback` (the timeline, and
//!   waiting), `commit` with `draft` and `deeds` (what counts only once it is stored), `snapshot`,
//!   `life`, `state`.

mod arrivals;
mod chat;
mod checks;
mod commands;
mod commit;
mod crowd;
mod deeds;
mod door;
mod draft;
pub mod hold;
pub mod io;
mod life;
mod members;
mod patience;
mod playback;
mod queue;
mod roles;
mod room;
mod row;
mod snapshot;
mod state;
mod stream;
mod timeline;
mod timers;
mod wall;

pub use io::{
    Amended, Amendment, AskId, Change, ConnId, Departure, Founding, Input, Life, NewChat, Now,
    Output, Pace, PresenceChange, Principal, Proof, Refusal, Snapshot, SnapshotFault,
    SnapshotStamp, StoreBatch, StoreFault, StoredBatch, StoredChat, Told,
};
pub use life::UNLOAD_AFTER;
pub use roles::Act;
pub use room::Room;
pub use wall::iso_8601;
