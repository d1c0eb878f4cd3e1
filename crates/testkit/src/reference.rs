//! The room again, written to be obviously right instead of fast: it keeps lists, looks at all of
//! them every time, and knows only what the simulation checks — who is seated, who is host, what
//! is loaded and what comes next.

use std::time::Duration;

use parlor_protocol::member::Role;
use parlor_protocol::{Code, Command, ItemId, UserId, limits};
use parlor_room::{ConnId, Departure};

/// A seat.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seat {
    user: UserId,
    connections: Vec<ConnId>,
    /// When the seat is free, if nobody comes back to it.
    ends: Option<Duration>,
}

/// What a room would have after a restart.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    queue: Vec<ItemId>,
    loaded: Option<ItemId>,
    medium: Option<String>,
    host: Option<UserId>,
    users: Vec<UserId>,
}

/// A durable command that was found good.
#[derive(Clone, Debug)]
enum Deed {
    Load(ItemId, String),
    Next(ItemId, String),
    Enqueue(ItemId),
    Dequeue(ItemId),
    Crown(UserId),
    Remove(UserId),
}

/// The reference.
#[derive(Clone, Debug)]
pub struct Reference {
    creator: UserId,
    seats_most: usize,
    seats: Vec<Seat>,
    host: Option<UserId>,
    queue: Vec<ItemId>,
    loaded: Option<ItemId>,
    medium: Option<String>,
    waiting: Vec<(UserId, Command, u128)>,
    flight: Option<Vec<Deed>>,
    /// The address of each entry there ever was.
    urls: Vec<(ItemId, String)>,
}

impl Reference {
    /// Begins with an empty room that `creator` owns.
    pub fn new(creator: UserId, seats_most: usize) -> Self {
        Self {
            host: Some(creator.clone()),
            creator,
            seats_most,
            seats: Vec::new(),
            queue: Vec::new(),
            loaded: None,
            medium: None,
            waiting: Vec::new(),
            flight: None,
            urls: Vec::new(),
        }
    }

    /// Who is seated, longest first.
    pub fn users(&self) -> Vec<UserId> {
        self.seats.iter().map(|seat| seat.user.clone()).collect()
    }

    /// Who is host.
    pub fn host(&self) -> Option<&UserId> {
        self.host.as_ref()
    }

    /// What comes next.
    pub fn queue(&self) -> &[ItemId] {
        &self.queue
    }

    /// The entry of the queue and the address that are loaded.
    pub fn loaded(&self) -> (Option<&ItemId>, Option<&str>) {
        (self.loaded.as_ref(), self.medium.as_deref())
    }

    /// Ends the seats whose grace is over.
    pub fn advance(&mut self, now: Duration) {
        let mut over: Vec<_> = self
            .seats
            .iter()
            .filter_map(|seat| seat.ends.filter(|ends| *ends <= now).map(|it| (it, &seat.user)))
            .map(|(ends, user)| (ends, user.clone()))
            .collect();
        over.sort();
        over.into_iter().for_each(|(_, user)| self.free(&user));
    }

    /// Somebody wants in.
    ///
    /// # Errors
    /// If there is no room for this connection.
    pub fn join(&mut self, user: &UserId, conn: ConnId) -> Result<(), Code> {
        if let Some(seat) = self.seats.iter_mut().find(|seat| seat.user == *user) {
            if seat.connections.len() >= limits::CONNECTIONS_PER_MEMBER {
                return Err(Code::RateLimited);
            }
            seat.connections.push(conn);
            seat.ends = None;
            return Ok(());
        }
        if self.seats.len() >= self.seats_most {
            return Err(Code::RoomFull);
        }
        self.seats.push(Seat { user: user.clone(), connections: vec![conn], ends: None });
        self.host.get_or_insert_with(|| user.clone());
        Ok(())
    }

    /// A connection ended.
    pub fn depart(&mut self, now: Duration, conn: ConnId, how: Departure) {
        let Some(seat) = self.seats.iter_mut().find(|seat| seat.connections.contains(&conn)) else {
            return;
        };
        seat.connections.retain(|it| *it != conn);
        if seat.connections.is_empty() {
            seat.ends = Some(now + limits::RECONNECT_GRACE);
            let user = seat.user.clone();
            if how == Departure::Left {
                self.free(&user);
            }
        }
    }

    fn free(&mut self, user: &UserId) {
        self.seats.retain(|seat| seat.user != *user);
        if self.host.as_ref() == Some(user) {
            self.host = self.seats.first().map(|seat| seat.user.clone());
        }
    }

    fn is_seated(&self, user: &UserId) -> bool {
        self.seats.iter().any(|seat| seat.user == *user)
    }

    /// A member gave a command.
    pub fn command(&mut self, user: &UserId, command: &Command, fresh: u128) {
        match command {
            Command::UpdatePlayback(update) => {
                let other = update.media_url.as_ref().filter(|it| self.medium.as_ref() != Some(it));
                if let Some(url) = other {
                    self.medium = Some(url.clone());
                    self.loaded = None;
                }
            }
            Command::QueueAdd(_)
            | Command::QueueRemove(_)
            | Command::QueueNext(_)
            | Command::RoleSet(_)
            | Command::Kick(_) => self.waiting.push((user.clone(), command.clone(), fresh)),
            _ => {}
        }
    }

    /// The store was given what waits. Returns what a restart would find once it is written.
    pub fn stage(&mut self) -> Kept {
        let mut draft = self.clone();
        let mut deeds = Vec::new();
        for (user, command, fresh) in std::mem::take(&mut self.waiting) {
            if let Some(deed) = draft.judge(&user, command, fresh) {
                draft.perform(&deed, false);
                deeds.push(deed);
            }
        }
        self.urls = draft.urls.clone();
        self.flight = Some(deeds);
        Kept {
            queue: draft.queue,
            loaded: draft.loaded,
            medium: draft.medium,
            host: draft.host,
            users: self.users(),
        }
    }

    /// Nothing was given to the store, so that all that waits must have come to nothing.
    ///
    /// # Panics
    /// If something should have been stored.
    pub fn nothing_staged(&mut self) {
        if self.flight.is_none() {
            self.stage();
            let deeds = self.flight.take();
            assert!(deeds.as_ref().is_some_and(Vec::is_empty), "not stored: {deeds:?}");
        }
    }

    /// The store is done with it.
    pub fn stored(&mut self, well: bool) {
        let deeds = self.flight.take().unwrap_or_default();
        if well {
            deeds.iter().for_each(|deed| self.perform(deed, true));
        }
    }

    /// Everything is lost but what was kept.
    pub fn restart(&mut self, now: Duration, kept: Kept) {
        let Kept { queue, loaded, medium, host, users } = kept;
        let ends = Some(now + limits::RESTART_GRACE);
        let seat = |user| Seat { user, connections: Vec::new(), ends };
        self.seats = users.into_iter().map(seat).collect();
        let lost = host.as_ref().is_none_or(|host| !self.is_seated(host));
        self.host = if lost && host.as_ref() != Some(&self.creator) {
            self.seats.first().map(|seat| seat.user.clone())
        } else {
            host
        };
        (self.queue, self.loaded, self.medium) = (queue, loaded, medium);
        self.waiting.clear();
        self.flight = None;
    }

    fn judge(&mut self, user: &UserId, command: Command, fresh: u128) -> Option<Deed> {
        let owns = *user == self.creator;
        let is_host = self.host.as_ref() == Some(user);
        match command {
            Command::QueueAdd(add) => {
                let (item, url) = (ItemId::new(format!("{fresh:032x}")), add.media_url?);
                self.urls.push((item.clone(), url.clone()));
                let is_first = self.medium.is_none();
                let has_space = self.queue.len() < limits::QUEUE_ITEMS;
                if is_first {
                    Some(Deed::Load(item, url))
                } else {
                    has_space.then_some(Deed::Enqueue(item))
                }
            }
            Command::QueueRemove(remove) => {
                self.queue.contains(&remove.item_id).then_some(Deed::Dequeue(remove.item_id))
            }
            Command::QueueNext(next) => {
                let item = self.queue.first().filter(|_| next.from == self.loaded)?;
                let (_, url) = self.urls.iter().find(|(known, _)| known == item)?;
                Some(Deed::Next(item.clone(), url.clone()))
            }
            Command::RoleSet(set) => {
                let is_it = self.host.as_ref() == Some(&set.user_id);
                let can = set.role == Role::Host && self.is_seated(&set.user_id) && !is_it;
                (can && (owns || is_host)).then_some(Deed::Crown(set.user_id))
            }
            Command::Kick(kick) => {
                let above = self.creator == kick.user_id
                    || (!owns && self.host.as_ref() == Some(&kick.user_id));
                let may = (owns || is_host) && !above && *user != kick.user_id;
                (may && self.is_seated(&kick.user_id)).then_some(Deed::Remove(kick.user_id))
            }
            _ => None,
        }
    }

    /// Does a deed; on a draft (not `for_real`) nobody is sent away yet.
    fn perform(&mut self, deed: &Deed, for_real: bool) {
        match deed {
            Deed::Load(item, url) => self.load(item, url),
            Deed::Next(item, url) => {
                self.queue.retain(|it| it != item);
                self.load(item, url);
            }
            Deed::Enqueue(item) => self.queue.push(item.clone()),
            Deed::Dequeue(item) => self.queue.retain(|it| it != item),
            Deed::Crown(user) if !for_real || self.is_seated(user) => {
                self.host = Some(user.clone());
            }
            Deed::Remove(user) if for_real => {
                self.waiting.retain(|(by, _, _)| by != user);
                self.free(user);
            }
            Deed::Crown(_) | Deed::Remove(_) => {}
        }
    }

    fn load(&mut self, item: &ItemId, url: &str) {
        self.loaded = Some(item.clone());
        self.medium = Some(url.to_owned());
    }
}
