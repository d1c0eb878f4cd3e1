//! Waiting for those whose player cannot go on, with bounds.

use parlor_protocol::UserId;
use parlor_protocol::playback::Holding;

/// For whom the room waits, and how much patience is left with each member.
#[derive(Debug, Default)]
pub(crate) struct Hold {}

impl Hold {
    /// Returns whom the room waits for.
    pub(crate) fn holding(&self) -> Option<Holding> {
        None
    }

    /// Says whether a member used up the room's patience.
    pub(crate) fn is_catching_up(&self, _user: &UserId) -> bool {
        false
    }
}
