//! Who may do what: one table of roles and commands.

use std::collections::BTreeSet;

use parlor_protocol::member::Role;
use parlor_protocol::room::Control;
use parlor_protocol::{Command, UserId};

/// What a command asks of whoever gives it, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// Being there.
    Presence,
    /// The remote: who holds it is a setting of the room.
    Remote,
    /// To keep order.
    Moderation,
    /// To hand the room and its offices to others.
    Lordship,
}

/// The table.
fn needs(command: &Command) -> Needs {
    match command {
        Command::SyncRequest
        | Command::Heartbeat
        | Command::ClockPing(_)
        | Command::MemberState(_)
        | Command::ChatSend(_)
        | Command::React(_)
        | Command::Resume(_)
        | Command::Auth(_)
        | Command::Leave => Needs::Presence,
        Command::UpdatePlayback(_)
        | Command::GoOn
        | Command::QueueAdd(_)
        | Command::QueueRemove(_)
        | Command::QueueMove(_)
        | Command::QueueNext(_) => Needs::Remote,
        Command::Kick(_) | Command::Admit(_) | Command::TurnAway(_) | Command::RoomUpdate(_) => {
            Needs::Moderation
        }
        Command::RoleSet(_) => Needs::Lordship,
    }
}

/// Says whether a role may give a command while the remote is in the hands of `control`.
pub(crate) fn may(role: Role, control: Control, command: &Command) -> bool {
    let least = match (needs(command), control) {
        (Needs::Presence, _) | (Needs::Remote, Control::Everyone) => Role::Guest,
        (Needs::Moderation, _) | (Needs::Remote, Control::Moderators) => Role::Moderator,
        (Needs::Lordship, _) | (Needs::Remote, Control::HostOnly) => Role::Host,
    };
    role >= least
}

/// Says whether a role may delete the room.
pub(crate) fn may_close(role: Role) -> bool {
    role >= Role::Moderator
}

/// Says whether a role may ask others in by name.
pub(crate) fn may_invite(role: Role) -> bool {
    role >= Role::Moderator
}

/// Says whether a role counts without being present, as over HTTP.
pub(crate) fn counts_from_afar(role: Role) -> bool {
    role >= Role::Moderator
}

/// Says whether one may remove the other: only those below oneself.
pub(crate) fn may_remove(role: Role, other: Role) -> bool {
    role > other
}

/// What roles follow from.
pub(crate) struct Offices<'a> {
    pub(crate) owner: Option<&'a UserId>,
    pub(crate) host: Option<&'a UserId>,
    pub(crate) moderators: &'a BTreeSet<UserId>,
}

impl Offices<'_> {
    /// Returns the highest role a person has.
    pub(crate) fn role(&self, user: &UserId, is_guest: bool) -> Role {
        if self.owner == Some(user) {
            Role::Owner
        } else if self.host == Some(user) {
            Role::Host
        } else if self.moderators.contains(user) {
            Role::Moderator
        } else if is_guest {
            Role::Guest
        } else {
            Role::Member
        }
    }
}
