//! Who may do what: one table of roles and commands.

use std::collections::BTreeSet;

use parlor_protocol::member::Role;
use parlor_protocol::room::Control;
use parlor_protocol::{Command, UserId};

/// Something that is done in a room: a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// To be there, see, and be seen.
    Watch,
    /// To write and react.
    Talk,
    /// To delete what others wrote.
    Tidy,
    /// To play, pause, seek, and change what plays.
    Play,
    /// To change what plays next.
    Queue,
    /// To let in who waits before the door, or turn them away.
    Admit,
    /// To send somebody out, ban them, and let them come back.
    Remove,
    /// To ask somebody in by name.
    Invite,
    /// To change the room: its name, its door, its password, who holds the remote.
    Arrange,
    /// To end the room.
    Close,
    /// To give roles.
    Appoint,
}

impl Act {
    /// Every row, in the order people would ask for them.
    pub const ALL: [Self; 11] = [
        Self::Watch,
        Self::Talk,
        Self::Tidy,
        Self::Play,
        Self::Queue,
        Self::Admit,
        Self::Remove,
        Self::Invite,
        Self::Arrange,
        Self::Close,
        Self::Appoint,
    ];

    /// Returns the word it is known by outside.
    pub fn word(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Talk => "talk",
            Self::Tidy => "tidy",
            Self::Play => "play",
            Self::Queue => "queue",
            Self::Admit => "admit",
            Self::Remove => "remove",
            Self::Invite => "invite",
            Self::Arrange => "arrange",
            Self::Close => "close",
            Self::Appoint => "appoint",
        }
    }

    /// Returns what a command does. To delete a message is to talk as long as it is one's own.
    pub fn of(command: &Command) -> Self {
        match command {
            Command::SyncRequest
            | Command::Heartbeat
            | Command::ClockPing(_)
            | Command::MemberState(_)
            | Command::Resume(_)
            | Command::Auth(_)
            | Command::Leave => Self::Watch,
            Command::ChatSend(_)
            | Command::ChatEdit(_)
            | Command::ChatDelete(_)
            | Command::React(_) => Self::Talk,
            Command::UpdatePlayback(_) | Command::GoOn => Self::Play,
            Command::QueueAdd(_)
            | Command::QueueRemove(_)
            | Command::QueueMove(_)
            | Command::QueueNext(_) => Self::Queue,
            Command::Admit(_) | Command::TurnAway(_) => Self::Admit,
            Command::Kick(_) | Command::Pardon(_) => Self::Remove,
            Command::RoomUpdate(_) => Self::Arrange,
            Command::RoleSet(_) => Self::Appoint,
        }
    }

    /// Returns the least role that may do it while the remote is in the hands of `control`. This is
    /// the table.
    pub fn least(self, control: Control) -> Role {
        match (self, control) {
            (Self::Watch | Self::Talk, _) => Role::Guest,
            (Self::Play | Self::Queue, Control::Everyone) => Role::Guest,
            (Self::Play | Self::Queue, Control::Moderators) => Role::Moderator,
            (Self::Play | Self::Queue, Control::HostOnly) => Role::Host,
            (
                Self::Tidy
                | Self::Admit
                | Self::Remove
                | Self::Invite
                | Self::Arrange
                | Self::Close,
                _,
            ) => Role::Moderator,
            (Self::Appoint, _) => Role::Host,
        }
    }

    /// Says whether a role may do it while the remote is in the hands of `control`.
    pub fn is_open_to(self, role: Role, control: Control) -> bool {
        role >= self.least(control)
    }
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
