//! Coming and going in a large room, gathered to be told at once.

use std::collections::BTreeMap;

use parlor_protocol::UserId;
use parlor_protocol::member::MembersChanged;

/// Who came and went since the last telling.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    /// Whether the person came (or went).
    moved: BTreeMap<UserId, bool>,
}

impl Crowd {
    /// Notes that somebody came, or went. Who does both between two tellings did nothing.
    pub(crate) fn note(&mut self, user: &UserId, came: bool) {
        if self.moved.get(user) == Some(&!came) {
            self.moved.remove(user);
        } else {
            self.moved.insert(user.clone(), came);
        }
    }

    /// Takes out what is to be told, if anything is.
    pub(crate) fn take(&mut self, member_count: u64) -> Option<MembersChanged> {
        if self.moved.is_empty() {
            return None;
        }
        let (joined, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.moved).into_iter().partition(|(_, came)| *came);
        Some(MembersChanged { joined: names(&joined), left: names(&left), member_count })
    }
}

/// Copies the names, because a list that is made in place keeps the memory of the larger one.
fn names(moved: &[(UserId, bool)]) -> Vec<UserId> {
    moved.iter().map(|(user, _)| user.clone()).collect()
}
