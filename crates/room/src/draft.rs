//! What a batch of commands would make of the room: each is judged by what those before it left,
//! and nothing of it is true until the store has it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::access::{Admit, Pardon, TurnAway};
use parlor_protocol::chat::{ChatDelete, ChatSend};
use parlor_protocol::member::{Kick, Role, RoleSet};
use parlor_protocol::queue::{QueueAdd, QueueItem, QueueMove, QueueNext};
use parlor_protocol::room::{RoomSettings, RoomUpdate};
use parlor_protocol::{Code, Command, ItemId, UserId, limits};

use crate::chat::Chat;
use crate::checks;
use crate::door::{Door, Pass};
use crate::io::{Amendment, NewChat, Now, Principal, Refusal};
use crate::members::Members;
use crate::queue;
use crate::roles::{self, Act, Offices};
use crate::snapshot::Durable;
use crate::timeline::{Change, Medium, Timeline};

/// Additions to the queue that a room knows again when they are sent twice.
const ADDED: usize = 64;
/// People a room can have banned, and people it can have made moderators.
const OFFICES: usize = 10_000;

/// A command that was found good: what it does once it is stored.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// The next message of the batch is said.
    Say,
    /// The next amendment of the batch is made.
    Amend,
    /// An entry comes to the end of the queue.
    Enqueue(QueueItem),
    /// An entry leaves the queue.
    Dequeue(ItemId),
    /// An entry moves.
    Shift(QueueMove),
    /// An entry is loaded: the first medium of the room, as it is.
    Load(QueueItem),
    /// The first entry of the queue is loaded and plays.
    Next(QueueItem),
    /// The last medium of the queue is over.
    Stop(Option<ItemId>),
    /// Somebody else is host.
    Crown(UserId),
    /// Somebody is moderator, or no longer.
    Appoint(UserId, bool),
    /// Somebody is removed, and banned or not.
    Remove(UserId, bool),
    /// Somebody may pass the door.
    Admit(Vec<UserId>),
    /// Somebody who waits is let go, and banned or not.
    TurnAway(UserId, bool),
    /// Somebody who was banned may come back.
    Pardon(UserId),
    /// The settings are these; whether who came in by password has to prove it anew.
    Arrange(RoomSettings, bool),
}

/// What of the room a draft looks at but does not change.
pub(crate) struct Scene<'a> {
    pub(crate) now: Now,
    pub(crate) owner: Option<&'a UserId>,
    pub(crate) members: &'a Members,
    pub(crate) door: &'a Door,
    pub(crate) chat: &'a mut Chat,
}

/// A copy of the durable state to try commands on.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) durable: Arc<Durable>,
    pub(crate) host: Option<UserId>,
    pub(crate) timeline: Timeline,
    pub(crate) messages: Vec<NewChat>,
    pub(crate) amendments: Vec<Amendment>,
    /// What was said with a client id within this draft.
    claims: BTreeSet<(UserId, String)>,
    /// Whether the snapshot would be another one.
    pub(crate) changed: bool,
    /// Whether the settings would be others.
    pub(crate) rearranged: bool,
}

impl Draft {
    pub(crate) fn new(durable: Arc<Durable>, host: Option<UserId>, timeline: Timeline) -> Self {
        Self {
            durable,
            host,
            timeline,
            messages: Vec::new(),
            amendments: Vec::new(),
            claims: BTreeSet::new(),
            changed: false,
            rearranged: false,
        }
    }

    /// Judges a command and, if it is good, changes the draft. `None` is a good command that has
    /// nothing left to do.
    pub(crate) fn take(
        &mut self,
        scene: &mut Scene<'_>,
        who: &Principal,
        command: Command,
        fresh: u128,
    ) -> Result<Option<Deed>, Refusal> {
        let role = self.role(scene, &who.user_id, who.is_guest);
        if !Act::of(&command).is_open_to(role, self.durable.settings.control) {
            return Err(Code::Forbidden.into());
        }
        let deed = match command {
            Command::ChatSend(send) => return self.say(scene, who, send),
            Command::ChatEdit(edit) => {
                let amendment = scene.chat.edit(scene.now, &who.user_id, edit)?;
                return Ok(Some(self.amend(amendment)));
            }
            Command::ChatDelete(delete) => return self.delete(scene, who, role, &delete).map(Some),
            Command::QueueAdd(add) => self.queue_add(add, &who.user_id, fresh)?,
            Command::QueueRemove(remove) => Some(Deed::Dequeue(remove.item_id)),
            Command::QueueMove(to) => Some(Deed::Shift(to)),
            Command::QueueNext(next) => self.queue_next(next),
            Command::RoleSet(set) => self.role_set(scene, set)?,
            Command::Kick(kick) => Some(self.kick(scene, role, kick)?),
            Command::Admit(admit) => self.admit(scene, admit)?,
            Command::TurnAway(away) => self.turn_away(scene, role, away)?,
            Command::Pardon(Pardon { user_id }) => {
                self.durable.bans.contains(&user_id).then_some(Deed::Pardon(user_id))
            }
            Command::RoomUpdate(update) => {
                let asks_anew = update.has_password.is_some();
                Some(Deed::Arrange(self.arrange(update)?, asks_anew))
            }
            Command::SyncRequest
            | Command::UpdatePlayback(_)
            | Command::Heartbeat
            | Command::ClockPing(_)
            | Command::MemberState(_)
            | Command::GoOn
            | Command::React(_)
            | Command::Resume(_)
            | Command::Auth(_)
            | Command::Leave => None,
        };
        if let Some(deed) = &deed {
            Arc::make_mut(&mut self.durable).apply(deed)?;
            self.follow(scene.now, deed, who);
        }
        Ok(deed)
    }

    /// Says whether something was said, or said differently.
    pub(crate) fn has_chat(&self) -> bool {
        !self.messages.is_empty() || !self.amendments.is_empty()
    }

    /// Changes what is not in [`Durable`], as the room will when the deed is done.
    fn follow(&mut self, now: Now, deed: &Deed, who: &Principal) {
        self.changed = true;
        let change = match deed {
            Deed::Load(item) => load(item, None),
            Deed::Next(item) => load(item, Some(true)),
            Deed::Stop(_) => stop(),
            Deed::Crown(user) => return self.host = Some(user.clone()),
            Deed::Arrange(..) => return self.rearranged = true,
            Deed::Say
            | Deed::Amend
            | Deed::Enqueue(_)
            | Deed::Dequeue(_)
            | Deed::Shift(_)
            | Deed::Appoint(..)
            | Deed::Admit(_)
            | Deed::TurnAway(..)
            | Deed::Pardon(_)
            | Deed::Remove(..) => return,
        };
        self.timeline.command(now, change, &who.user_id, Duration::ZERO);
    }

    fn role(&self, scene: &Scene<'_>, user: &UserId, is_guest: bool) -> Role {
        let offices = Offices {
            owner: scene.owner,
            host: self.host.as_ref(),
            moderators: &self.durable.moderators,
        };
        offices.role(user, is_guest)
    }

    fn say(
        &mut self,
        scene: &mut Scene<'_>,
        who: &Principal,
        send: ChatSend,
    ) -> Result<Option<Deed>, Refusal> {
        let send = scene.chat.read(send)?;
        if scene.chat.is_repeated(&who.user_id, &send) {
            return Ok(None);
        }
        if let Some(id) = &send.client_id
            && !self.claims.insert((who.user_id.clone(), id.clone()))
        {
            return Ok(None);
        }
        self.messages.push(scene.chat.number(scene.now, who, send));
        Ok(Some(Deed::Say))
    }

    fn amend(&mut self, amendment: Amendment) -> Deed {
        self.amendments.push(amendment);
        Deed::Amend
    }

    /// One's own, or anybody's if one may tidy up.
    fn delete(
        &mut self,
        scene: &Scene<'_>,
        who: &Principal,
        role: Role,
        delete: &ChatDelete,
    ) -> Result<Deed, Refusal> {
        let tidies = Act::Tidy.is_open_to(role, self.durable.settings.control);
        let author = (!tidies).then_some(&who.user_id);
        let amendment = scene.chat.delete(scene.now, author, delete)?;
        // The last words of the owner before may have what is deleted, in the stream: they go when
        // another snapshot takes their place.
        self.changed = true;
        Ok(self.amend(amendment))
    }

    /// The first entry of a room without a medium is its medium.
    fn queue_add(&self, add: QueueAdd, by: &UserId, fresh: u128) -> Result<Option<Deed>, Refusal> {
        let item = queue::read(add, by, fresh)?;
        if name_of(&item).is_some_and(|name| self.durable.added.contains(&name)) {
            return Ok(None);
        }
        let is_first = self.timeline.medium.url.is_none();
        Ok(Some(if is_first { Deed::Load(item) } else { Deed::Enqueue(item) }))
    }

    /// Advances only if the entry the sender saw is still the current one.
    fn queue_next(&self, next: QueueNext) -> Option<Deed> {
        if next.from != self.timeline.medium.item {
            return None;
        }
        match self.durable.queue.first() {
            Some(item) => Some(Deed::Next(item.clone())),
            None => self.timeline.playing.then_some(Deed::Stop(next.from)),
        }
    }

    fn role_set(&self, scene: &Scene<'_>, set: RoleSet) -> Result<Option<Deed>, Refusal> {
        let RoleSet { user_id, role } = set;
        let is_present = scene.members.seat(&user_id).is_some();
        let is_host = self.host.as_ref() == Some(&user_id);
        let is_moderator = self.durable.moderators.contains(&user_id);
        match role {
            Role::Guest | Role::Owner => Err(checks::invalid("That role cannot be given")),
            Role::Host | Role::Moderator if !is_present => Err(Code::UserNotFound.into()),
            Role::Member if !is_present && !is_moderator => Err(Code::UserNotFound.into()),
            Role::Member if is_host => Err(checks::invalid("Make somebody else host instead")),
            Role::Host => Ok((!is_host).then_some(Deed::Crown(user_id))),
            Role::Moderator if self.durable.moderators.len() >= OFFICES => {
                Err(checks::invalid("The room has too many moderators"))
            }
            Role::Moderator => Ok(Some(Deed::Appoint(user_id, true))),
            Role::Member => Ok(Some(Deed::Appoint(user_id, false))),
        }
    }

    fn kick(&self, scene: &Scene<'_>, role: Role, kick: Kick) -> Result<Deed, Refusal> {
        let Kick { user_id, ban } = kick;
        let seat = scene.members.seat(&user_id);
        let is_guest = seat.is_some_and(|seat| seat.who().is_guest);
        if seat.is_none() && !ban {
            return Err(Code::UserNotFound.into());
        }
        self.check_removal(role, self.role(scene, &user_id, is_guest), &user_id, ban)?;
        Ok(Deed::Remove(user_id, ban))
    }

    /// Makes sure that somebody of a role may send this other away, for good or not.
    fn check_removal(
        &self,
        role: Role,
        other: Role,
        user: &UserId,
        ban: bool,
    ) -> Result<(), Refusal> {
        if !roles::may_remove(role, other) {
            return Err(Code::Forbidden.into());
        }
        if ban && self.durable.bans.len() >= OFFICES {
            return Err(checks::invalid("The room has banned too many people"));
        }
        checks::line("userId", user.to_string(), 1..=checks::USER_ID_CHARS)?;
        Ok(())
    }

    fn admit(&self, scene: &Scene<'_>, admit: Admit) -> Result<Option<Deed>, Refusal> {
        let users = match admit.user_id {
            Some(user) => {
                checks::line("userId", user.to_string(), 1..=checks::USER_ID_CHARS)?;
                vec![user]
            }
            None => scene.door.waiting().cloned().collect(),
        };
        self.durable.check_passes(users.len())?;
        Ok((!users.is_empty()).then_some(Deed::Admit(users)))
    }

    fn turn_away(
        &self,
        scene: &Scene<'_>,
        role: Role,
        away: TurnAway,
    ) -> Result<Option<Deed>, Refusal> {
        let TurnAway { user_id, ban } = away;
        if !ban && !scene.door.waiting().any(|user| *user == user_id) {
            return Ok(None);
        }
        self.check_removal(role, self.role(scene, &user_id, false), &user_id, ban)?;
        Ok(Some(Deed::TurnAway(user_id, ban)))
    }

    fn arrange(&self, update: RoomUpdate) -> Result<RoomSettings, Refusal> {
        let RoomUpdate { name, is_public, max_participants, control, wait, entry, has_password } =
            update;
        let now = &self.durable.settings;
        let name =
            name.map(|name| checks::line("name", name, limits::ROOM_NAME_CHARS)).transpose()?;
        if let Some(Some(seats)) = max_participants
            && seats < 2
        {
            return Err(checks::invalid("maxParticipants must be at least 2, or null"));
        }
        Ok(RoomSettings {
            name: name.unwrap_or_else(|| now.name.clone()),
            is_public: is_public.unwrap_or(now.is_public),
            max_participants: max_participants.unwrap_or(now.max_participants),
            control: control.unwrap_or(now.control),
            wait: wait.unwrap_or(now.wait),
            entry: entry.unwrap_or(now.entry),
            has_password: has_password.unwrap_or(now.has_password),
            join_code: now.join_code.clone(),
        })
    }
}

impl Durable {
    /// Does a deed, as far as it is in here.
    pub(crate) fn apply(&mut self, deed: &Deed) -> Result<(), Refusal> {
        match deed {
            Deed::Say | Deed::Amend | Deed::Stop(_) | Deed::Crown(_) => {}
            Deed::Load(item) => self.note_added(item),
            Deed::Enqueue(item) => {
                queue::add(&mut self.queue, item.clone())?;
                self.note_added(item);
            }
            Deed::Dequeue(item) => drop(queue::remove(&mut self.queue, item)?),
            Deed::Next(item) => drop(queue::remove(&mut self.queue, &item.item_id)?),
            Deed::Shift(to) => queue::shift(&mut self.queue, to)?,
            Deed::Appoint(user, true) => drop(self.moderators.insert(user.clone())),
            Deed::Appoint(user, false) => drop(self.moderators.remove(user)),
            Deed::Remove(user, bans) => {
                self.passes.remove(user);
                if *bans {
                    self.bans.insert(user.clone());
                    self.moderators.remove(user);
                }
            }
            Deed::Admit(users) => {
                self.passes.extend(users.iter().map(|user| (user.clone(), Pass::Person)));
            }
            Deed::Pardon(user) => drop(self.bans.remove(user)),
            Deed::TurnAway(_, false) => {}
            Deed::TurnAway(user, true) => drop(self.bans.insert(user.clone())),
            Deed::Arrange(settings, asks_anew) => {
                self.settings = settings.clone();
                if *asks_anew {
                    self.passes.retain(|_, pass| *pass != Pass::Password);
                }
            }
        }
        Ok(())
    }

    fn note_added(&mut self, item: &QueueItem) {
        if let Some(name) = name_of(item) {
            self.added.push_back(name);
            if self.added.len() > ADDED {
                self.added.pop_front();
            }
        }
    }
}

/// Returns what an addition is known by when it is sent again.
fn name_of(item: &QueueItem) -> Option<(UserId, String)> {
    Some((item.added_by.clone(), item.client_id.clone()?))
}

/// Returns the change that loads an entry of the queue.
pub(crate) fn load(item: &QueueItem, playing: Option<bool>) -> Change {
    let medium = Medium {
        url: Some(item.media_url.clone()),
        kind: item.media_type.clone(),
        title: item.title.clone(),
        item: Some(item.item_id.clone()),
    };
    Change { medium: Some(medium), playing, ..Change::default() }
}

/// Returns the change that ends a medium.
pub(crate) fn stop() -> Change {
    Change { playing: Some(false), ..Change::default() }
}
