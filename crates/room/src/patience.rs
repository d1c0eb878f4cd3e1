//! The room's patience with one member: whether it is late in a way that counts, and how much of
//! its budget of being waited for is left.

use std::time::Duration;

use crate::hold::STALL_IGNORED;

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
pub(crate) struct Patience {
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

impl Patience {
    pub(crate) fn new(now: Duration) -> Self {
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

    pub(crate) fn standing(&self) -> Standing {
        self.standing
    }

    /// Says whether the budget is used up, so that the member has to catch up by itself.
    pub(crate) fn is_catching_up(&self) -> bool {
        self.catching_up
    }

    /// Says whether the member has a seat.
    pub(crate) fn is_here(&self) -> bool {
        !self.gone
    }

    /// Says whether there is nothing to remember of somebody without a seat.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.gone && !self.used_something()
    }

    /// Says whether the member holds the others up.
    pub(crate) fn blocks(&self, now: Duration) -> bool {
        self.may_block() && now >= self.since
    }

    fn may_block(&self) -> bool {
        self.standing == Standing::Late && !self.excused && !self.catching_up && !self.gone
    }

    fn used_something(&self) -> bool {
        self.catching_up || self.spent > Duration::ZERO
    }

    /// The member stands otherwise than before.
    pub(crate) fn stand(&mut self, now: Duration, standing: Standing) {
        self.standing = standing;
        self.since = match standing {
            Standing::Uncounted | Standing::Ready => now,
            Standing::Late => now + STALL_IGNORED,
        };
        self.excused &= standing != Standing::Ready;
    }

    /// The member has to say anew that it is ready, and is late until then.
    pub(crate) fn expect_anew(&mut self, now: Duration) {
        self.excused = false;
        if self.standing != Standing::Uncounted {
            self.standing = Standing::Late;
            self.since = now;
        }
    }

    /// The member was waited for long enough.
    pub(crate) fn excuse(&mut self) {
        self.excused = true;
    }

    /// The member has a seat, or no longer.
    pub(crate) fn set_here(&mut self, is_here: bool) {
        self.gone = !is_here;
    }

    /// The room waits for the member from now on, or no longer; the time until now is charged.
    pub(crate) fn set_waited_for(&mut self, now: Duration, waited_for: bool) {
        if let Some(since) = self.waited_since {
            if !self.used_something() {
                self.window_from = since;
            }
            self.spent += now.saturating_sub(since);
        }
        self.waited_since = waited_for.then_some(now);
    }

    /// Judges by the time that has passed. Returns whether the member began or ceased to be
    /// catching up.
    pub(crate) fn judge(&mut self, now: Duration) -> bool {
        let before = self.catching_up;
        self.set_waited_for(now, self.waited_since.is_some());
        if self.used_something() && now >= self.window_from + WAIT_WINDOW {
            // The budget is whole again, but who is late right now has been given up on.
            self.excused |= self.catching_up && self.standing == Standing::Late;
            self.rearm();
        }
        self.catching_up |= self.spent >= WAIT_BUDGET;
        if self.catching_up && self.standing == Standing::Ready && now >= self.since + REARM_AFTER {
            self.rearm();
        }
        self.catching_up != before
    }

    fn rearm(&mut self) {
        self.catching_up = false;
        self.spent = Duration::ZERO;
    }

    /// Returns the next moment at which time alone changes something.
    pub(crate) fn next_look(&self, is_blocking: bool) -> Option<Duration> {
        let begins_to_block = (self.may_block() && !is_blocking).then_some(self.since);
        let budget_ends =
            self.waited_since.map(|since| since + WAIT_BUDGET.saturating_sub(self.spent));
        let rearmed = (self.catching_up && self.standing == Standing::Ready)
            .then_some(self.since + REARM_AFTER);
        let window_ends = self.used_something().then_some(self.window_from + WAIT_WINDOW);
        [begins_to_block, budget_ends, rearmed, window_ends].into_iter().flatten().min()
    }
}
