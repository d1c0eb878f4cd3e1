//! What is measured, a chapter each.

pub mod big_room;
pub mod busy_room;
pub mod cluster;
pub mod command;
pub mod idle;
pub mod other_dialects;
pub mod presence;
pub mod requests;
pub mod side_by_side;
pub mod small_rooms;
pub mod start;
pub mod storms;

use std::time::Duration;

use crate::Bench;
use crate::contestants::{Contestant, Running};
use crate::crowd::Crowd;

/// Payload of a told frame, in bytes, wherever it can be chosen and holds what is told.
pub const MESSAGE_BYTES: usize = 200;

/// Nothing has come for so long: a room has calmed down. Longer than the 500 ms in which a large
/// room of Parlor gathers who came.
const QUIET: Duration = Duration::from_millis(1_200);

/// A contestant with a crowd in one room.
pub struct Seated {
    /// The contestant.
    pub running: Running,
    /// All sockets of the room.
    pub crowd: Crowd,
}

/// Starts a contestant and lets `members` enter one room of it.
pub fn seat(bench: &Bench, contestant: Contestant, members: usize) -> anyhow::Result<Seated> {
    let running = Running::start(contestant, &bench.programs)?;
    let tickets = running.make_rooms(1, members)?;
    let mut crowd = Crowd::enter(running.address, &tickets)?;
    let quiet = crowd.settle(QUIET, Duration::from_secs(30))?;
    anyhow::ensure!(quiet, "{} never becomes quiet", contestant.name());
    Ok(Seated { running, crowd })
}
