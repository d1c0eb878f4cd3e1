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
use crate::timers::{Timer, Timers};

/// A stall shorter than this does not stop a room that plays; the member catches up.
pub const STALL_IGNORED: Duration = Duration::from_millis(1_200);
/// How long a room waits before it starts.
pub const HOLD_AT_START: Duration = Duration::from_secs(8);
/// How long a room waits in the middle of playing.
pub const HOLD_MID_PLAY: Duration = Duration::from_secs(4);
/// How long a room waits for one member in [`WAIT_WINDOW`], all in all.
pub const WAIT_BUDGET: Duration = Duration::from_secs(20);
/// After this long a member's budget is whole again.
pub const WAIT_WINDOW: Duration = Duration::from_secs(600);
/// A member that is catching up is waited for again after being ready for this long.
pub const REARM_AFTER: Duration = Duration::from_secs(30);

/// What a member means for the question whether the room can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing: it never reported, is hidden, shows an advert, or is not connected.
    Uncounted,
    /// It can go on.
    Ready,
    /// It cannot.
    Late,
}

/// The room's patience with one member.
#[derive(Debug)]
struct Patience {
    standing: Standing,
    /// When the standing began; for a late member, when it begins to count.
    since: Duration,
    /// Not waited for until it was ready once more.
    excused: bool,
    /// Since when the room waits for it.
    waited_since: Option<Duration>,
    /// Time spent on waiting for it since `window_from`.
    spent: Duration,
    window_from: Duration,
    /// Whether the budget is used up.
    catching_up: bool,
    /// Whether its seat is free; what it used up is remembered until the window passes.
    gone: bool,
}

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
        self.patience.get(user).is_some_and(|patience| patience.catching_up)
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
        self.stop_charging(now, timers);
        self.wait = wait;
        self.host = host;
        self.charge_all(now, timers);
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
        if patience.standing == standing {
            return;
        }
        let before = std::mem::replace(&mut patience.standing, standing);
        patience.since = now;
        match standing {
            Standing::Uncounted => {}
            Standing::Ready => patience.excused = false,
            Standing::Late => patience.since = now + STALL_IGNORED,
        }
        self.ready_count += usize::from(standing == Standing::Ready);
        self.ready_count -= usize::from(before == Standing::Ready);
        self.unblock(now, user);
        self.wake(now, timers, user);
    }

    /// Another medium: every player that counts has to say anew that it is ready, and who is not
    /// holds the room at once.
    pub(crate) fn new_medium(&mut self, now: Duration, timers: &mut Timers) {
        self.end(now, timers);
        self.ready_count = 0;
        let users: Vec<_> = self.patience.keys().cloned().collect();
        for user in users {
            let Some(patience) = self.patience.get_mut(&user) else { continue };
            patience.excused = false;
            if patience.standing != Standing::Uncounted {
                patience.standing = Standing::Late;
                patience.since = now;
            }
            self.wake(now, timers, &user);
        }
    }

    /// Takes note of somebody with a new seat, who may have used up some patience before.
    pub(crate) fn welcome(&mut self, user: &UserId) {
        if let Some(patience) = self.patience.get_mut(user) {
            patience.gone = false;
        }
    }

    /// Forgets a member whose seat is free, but for what it used up of the room's patience.
    pub(crate) fn forget(&mut self, now: Duration, timers: &mut Timers, user: &UserId) {
        self.observe(now, timers, user, Standing::Uncounted);
        if let Some(patience) = self.patience.get_mut(user) {
            patience.gone = true;
            self.wake(now, timers, user);
        }
    }

    /// Begins to hold, for at most `limit`.
    pub(crate) fn begin(&mut self, now: Duration, timers: &mut Timers, limit: Duration) {
        self.until = Some(now + limit);
        timers.set(Timer::Hold, now + limit);
        self.charge_all(now, timers);
    }

    /// Holds no longer.
    pub(crate) fn end(&mut self, now: Duration, timers: &mut Timers) {
        timers.cancel(&Timer::Hold);
        self.stop_charging(now, timers);
        self.until = None;
    }

    /// Excuses all who are waited for, so that the room goes on without them.
    pub(crate) fn excuse_all(&mut self, now: Duration, timers: &mut Timers) {
        let late: Vec<_> =
            self.blocking.iter().filter(|user| self.waits_for(user)).cloned().collect();
        for user in late {
            self.unblock(now, &user);
            if let Some(patience) = self.patience.get_mut(&user) {
                patience.excused = true;
            }
            self.reschedule(timers, &user);
        }
    }

    /// Looks at a member again, because time has passed or something changed.
    pub(crate) fn wake(&mut self, now: Duration, timers: &mut Timers, user: &UserId) {
        let Some(patience) = self.patience.get_mut(user) else { return };
        let caught_up = !patience.catching_up;
        patience.charge(now);
        if patience.used_something() && now >= patience.window_from + WAIT_WINDOW {
            // Its budget is whole again, but who is late right now has been given up on.
            patience.excused |= patience.catching_up && patience.standing == Standing::Late;
            patience.rearm();
        }
        if patience.spent >= WAIT_BUDGET {
            patience.catching_up = true;
        }
        let is_ready = patience.standing == Standing::Ready;
        if patience.catching_up && is_ready && now >= patience.since + REARM_AFTER {
            patience.rearm();
        }
        if patience.catching_up == caught_up && !patience.gone {
            self.judged.push(user.clone());
        }
        if patience.gone && !patience.used_something() {
            self.patience.remove(user);
            timers.cancel(&Timer::Patience(user.clone()));
            return;
        }
        if patience.blocks(now) {
            self.changed |= self.blocking.insert(user.clone());
            let waited = self.is_active() && self.waits_for(user);
            if let Some(patience) = self.patience.get_mut(user) {
                patience.waited_since = waited.then_some(now);
            }
        } else {
            self.unblock(now, user);
        }
        self.reschedule(timers, user);
    }

    fn unblock(&mut self, now: Duration, user: &UserId) {
        if let Some(patience) = self.patience.get_mut(user) {
            patience.charge(now);
            patience.waited_since = None;
        }
        self.changed |= self.blocking.remove(user);
    }

    fn charge_all(&mut self, now: Duration, timers: &mut Timers) {
        for user in self.blocking.clone() {
            self.wake(now, timers, &user);
        }
    }

    fn stop_charging(&mut self, now: Duration, timers: &mut Timers) {
        for user in &self.blocking {
            if let Some(patience) = self.patience.get_mut(user) {
                patience.charge(now);
                patience.waited_since = None;
            }
        }
        for user in self.blocking.clone() {
            self.reschedule(timers, &user);
        }
    }

    fn reschedule(&self, timers: &mut Timers, user: &UserId) {
        let timer = Timer::Patience(user.clone());
        match self.patience.get(user).and_then(|patience| patience.next_look(&self.blocking, user))
        {
            Some(at) => timers.set(timer, at),
            None => timers.cancel(&timer),
        }
    }
}

impl Patience {
    fn new(now: Duration) -> Self {
        Self {
            standing: Standing::Uncounted,
            since: now,
            excused: false,
            waited_since: None,
            spent: Duration::ZERO,
            window_from: now,
            catching_up: false,
            gone: false,
        }
    }

    fn used_something(&self) -> bool {
        self.catching_up || self.spent > Duration::ZERO
    }

    /// Adds the time waited so far to what is spent.
    fn charge(&mut self, now: Duration) {
        let Some(since) = self.waited_since else { return };
        if !self.used_something() {
            self.window_from = since;
        }
        self.spent += now.saturating_sub(since);
        self.waited_since = Some(now);
    }

    fn rearm(&mut self) {
        self.catching_up = false;
        self.spent = Duration::ZERO;
    }

    fn may_block(&self) -> bool {
        self.standing == Standing::Late && !self.excused && !self.catching_up && !self.gone
    }

    fn blocks(&self, now: Duration) -> bool {
        self.may_block() && now >= self.since
    }

    /// Returns the next moment at which time alone changes something.
    fn next_look(&self, blocking: &BTreeSet<UserId>, user: &UserId) -> Option<Duration> {
        let begins_to_block = (self.may_block() && !blocking.contains(user)).then_some(self.since);
        let budget_ends =
            self.waited_since.map(|since| since + WAIT_BUDGET.saturating_sub(self.spent));
        let rearmed = (self.catching_up && self.standing == Standing::Ready)
            .then_some(self.since + REARM_AFTER);
        let window_ends = self.used_something().then_some(self.window_from + WAIT_WINDOW);
        [begins_to_block, budget_ends, rearmed, window_ends].into_iter().flatten().min()
    }
}
