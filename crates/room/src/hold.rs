//! Waiting for those whose player cannot go on — fairly, and never for ever.
//!
//! A room *holds* while members it waits for are late. Three bounds make sure that it goes on:
//! one hold has a deadline, a member has a budget of being waited for, and who was waited for in
//! vain is excused until it was ready once more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use parlor_protocol::UserId;
use parlor_protocol::playback::Holding;
use parlor_protocol::room::Wait;

use crate::io::clock_ms;
use crate::patience::Patience;
pub(crate) use crate::patience::Standing;
pub use crate::patience::{REARM_AFTER, WAIT_BUDGET, WAIT_WINDOW};
use crate::timers::{Timer, Timers};

/// A stall shorter than this does not stop a room that plays; the member catches up.
pub const STALL_IGNORED: Duration = Duration::from_millis(1_200);
/// How long a room waits before it starts.
pub const HOLD_AT_START: Duration = Duration::from_secs(8);
/// How long a room waits in the middle of playing.
pub const HOLD_MID_PLAY: Duration = Duration::from_secs(4);

/// For whom the room waits, and how much patience is left with each member.
#[derive(Debug)]
pub(crate) struct Hold {
    wait: Wait,
    host: Option<UserId>,
    patience: BTreeMap<UserId, Patience>,
    ready_count: usize,
    /// The members that are late, in a way that counts.
    blocking: BTreeSet<UserId>,
    /// Whether `blocking` changed since somebody asked.
    changed: bool,
    /// Whose `catching_up` changed since somebody asked.
    judged: Vec<UserId>,
    until: Option<Duration>,
}

impl Hold {
    /// Waits for nobody yet.
    pub(crate) fn new(wait: Wait, host: Option<UserId>) -> Self {
        Self {
            wait,
            host,
            patience: BTreeMap::new(),
            ready_count: 0,
            blocking: BTreeSet::new(),
            changed: false,
            judged: Vec::new(),
            until: None,
        }
    }

    /// Says whether the room holds.
    pub(crate) fn is_active(&self) -> bool {
        self.until.is_some()
    }

    /// Returns whom the room waits for, and until when.
    pub(crate) fn holding(&self) -> Option<Holding> {
        let until = clock_ms(self.until?);
        let waiting_for = self.blocking.iter().filter(|user| self.waits_for(user)).cloned();
        Some(Holding { waiting_for: waiting_for.collect(), until })
    }

    /// Says whether who is late changed since this was asked last.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Takes out the members who began or ceased to be catching up.
    pub(crate) fn take_judged(&mut self) -> Vec<UserId> {
        std::mem::take(&mut self.judged)
    }

    /// Says whether a member used up the room's patience.
    pub(crate) fn is_catching_up(&self, user: &UserId) -> bool {
        self.patience.get(user).is_some_and(Patience::is_catching_up)
    }

    /// Says whether those who are late are reason to hold.
    pub(crate) fn is_needed(&self) -> bool {
        match self.wait {
            Wait::All => !self.blocking.is_empty(),
            Wait::Quorum => !self.blocking.is_empty() && self.ready_count <= self.blocking.len(),
            Wait::HostOnly => self.host.as_ref().is_some_and(|host| self.blocking.contains(host)),
            Wait::None => false,
        }
    }

    fn waits_for(&self, user: &UserId) -> bool {
        match self.wait {
            Wait::All | Wait::Quorum => true,
            Wait::HostOnly => self.host.as_ref() == Some(user),
            Wait::None => false,
        }
    }

    /// Changes for whom the room waits.
    pub(crate) fn set_rule(
        &mut self,
        now: Duration,
        timers: &mut Timers,
        wait: Wait,
        host: Option<UserId>,
    ) {
        if self.wait == wait && self.host == host {
            return;
        }
        self.wait = wait;
        self.host = host;
        self.look_at_all_late(now, timers);
    }

    /// Takes note of what a member's player said, also when it says the same again.
    pub(crate) fn observe(
        &mut self,
        now: Duration,
        timers: &mut Timers,
        user: &UserId,
        standing: Standing,
    ) {
        if standing == Standing::Uncounted && !self.patience.contains_key(user) {
            return;
        }
        let patience = self.patience.entry(user.clone()).or_insert_with(|| Patience::new(now));
        let before = patience.standing();
        if before == standing {
            return;
        }
        patience.stand(now, standing);
        self.ready_count += usize::from(standing == Standing::Ready);
        self.ready_count -= usize::from(before == Standing::Ready);
        self.look_at(now, timers, user);
    }

    /// Another medium: every player that counts has to say anew that it is ready, and who is not
    /// holds the room at once.
    pub(crate) fn new_medium(&mut self, now: Duration, timers: &mut Timers) {
        self.end(now, timers);
        self.ready_count = 0;
        for user in self.patience.keys().cloned().collect::<Vec<_>>() {
            if let Some(patience) = self.patience.get_mut(&user) {
                patience.expect_anew(now);
            }
            self.look_at(now, timers, &user);
        }
    }

    /// Takes note of somebody with a new seat, who may have used up some patience before.
    pub(crate) fn welcome(&mut self, user: &UserId) {
        if let Some(patience) = self.patience.get_mut(user) {
            patience.set_here(true);
        }
    }

    /// Forgets a member whose seat is free, but for what it used up of the room's patience.
    pub(crate) fn forget(&mut self, now: Duration, timers: &mut Timers, user: &UserId) {
        self.observe(now, timers, user, Standing::Uncounted);
        if let Some(patience) = self.patience.get_mut(user) {
            patience.set_here(false);
        }
        self.look_at(now, timers, user);
    }

    /// Begins to hold, for at most `limit`.
    pub(crate) fn begin(&mut self, now: Duration, timers: &mut Timers, limit: Duration) {
        self.until = Some(now + limit);
        timers.set(Timer::Hold, now + limit);
        self.look_at_all_late(now, timers);
    }

    /// Holds no longer.
    pub(crate) fn end(&mut self, now: Duration, timers: &mut Timers) {
        timers.cancel(&Timer::Hold);
        self.until = None;
        self.look_at_all_late(now, timers);
    }

    /// Excuses all who are waited for, so that the room goes on without them.
    pub(crate) fn excuse_all(&mut self, now: Duration, timers: &mut Timers) {
        let late: Vec<_> =
            self.blocking.iter().filter(|user| self.waits_for(user)).cloned().collect();
        for user in late {
            if let Some(patience) = self.patience.get_mut(&user) {
                patience.excuse();
            }
            self.look_at(now, timers, &user);
        }
    }

    /// Looks at a member again, because time has passed or something changed.
    pub(crate) fn look_at(&mut self, now: Duration, timers: &mut Timers, user: &UserId) {
        let waits = self.is_active() && self.waits_for(user);
        let Some(patience) = self.patience.get_mut(user) else { return };
        if patience.judge(now) && patience.is_here() {
            self.judged.push(user.clone());
        }
        let blocks = patience.blocks(now);
        patience.set_waited_for(now, blocks && waits);
        self.changed |= match blocks {
            true => self.blocking.insert(user.clone()),
            false => self.blocking.remove(user),
        };
        let timer = Timer::Patience(user.clone());
        match patience.next_look(blocks) {
            Some(at) => {
                debug_assert!(at > now, "what is true by now was just judged");
                timers.set(timer, at);
            }
            None => timers.cancel(&timer),
        }
        if patience.is_forgotten() {
            self.patience.remove(user);
        }
    }

    fn look_at_all_late(&mut self, now: Duration, timers: &mut Timers) {
        for user in self.blocking.clone() {
            self.look_at(now, timers, &user);
        }
    }
}
