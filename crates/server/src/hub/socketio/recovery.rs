//! Who may come back, and what is kept for them until then.

use std::collections::BTreeSet;
use std::time::Duration;

use hashbrown::HashMap;
use parlor_dialects::engineio::{Input, Outgoing, Reason};
use parlor_protocol::{LoginId, UserId};

use super::ClientKey;
use crate::auth::Verified;
use crate::hub::{Hub, HubRef};
use crate::sockets::{Pid, Recovery};

/// How long a client may be away; as in the reference server.
const AWAY: Duration = Duration::from_secs(120);
/// Clients of one core that may be away at once: what is kept for them is bounded with it.
const AWAY_MOST: usize = 1_024;
/// Clients of one person that may be away at once.
const AWAY_PER_PERSON: usize = 4;

/// Clients that are gone and may come back.
#[derive(Default)]
pub(super) struct Away {
    of_user: HashMap<UserId, Vec<Gone>>,
    /// When each is forgotten.
    until: BTreeSet<(Duration, Pid, UserId)>,
}

/// A client that is gone.
struct Gone {
    recovery: Box<Recovery>,
    login: Option<LoginId>,
    until: Duration,
}

impl Away {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.until.first().map(|(until, ..)| *until)
    }

    /// Forgets those who were away too long.
    pub(super) fn forget_until(&mut self, now: Duration) {
        while self.next_deadline().is_some_and(|until| until <= now)
            && let Some((_, pid, user)) = self.until.pop_first()
        {
            self.take(&user, pid);
        }
    }

    /// Forgets those who came by a login that was revoked.
    pub(super) fn end_login(&mut self, login: &LoginId) {
        self.of_user.retain(|user, gone| {
            gone.retain(|it| {
                let stays = it.login.as_ref() != Some(login);
                if !stays {
                    self.until.remove(&(it.until, it.recovery.pid, user.clone()));
                }
                stays
            });
            !gone.is_empty()
        });
    }

    fn keep(&mut self, user: UserId, gone: Gone) {
        let of_user = self.of_user.entry(user.clone()).or_default();
        if self.until.len() >= AWAY_MOST || of_user.len() >= AWAY_PER_PERSON {
            return;
        }
        self.until.insert((gone.until, gone.recovery.pid, user));
        of_user.push(gone);
    }

    fn take(&mut self, user: &UserId, pid: Pid) -> Option<Box<Recovery>> {
        let of_user = self.of_user.get_mut(user)?;
        let at = of_user.iter().position(|gone| gone.recovery.pid == pid)?;
        let gone = of_user.swap_remove(at);
        if of_user.is_empty() {
            self.of_user.remove(user);
        }
        self.until.remove(&(gone.until, pid, user.clone()));
        Some(gone.recovery)
    }

    /// Keeps an event for the clients of somebody who are away.
    pub(super) fn tell(&mut self, user: &UserId, event: &Outgoing) {
        for gone in self.of_user.get_mut(user).into_iter().flatten() {
            gone.recovery.log.keep(event);
        }
    }
}

impl Hub {
    /// Keeps what a client was told, if it may come back.
    pub(super) fn keep_away(&mut self, of: Verified, recovery: Box<Recovery>, reason: Reason) {
        match reason {
            Reason::Left
            | Reason::TransportLost
            | Reason::PingTimeout
            | Reason::Overlap
            | Reason::TooSlow => {}
            Reason::Malformed | Reason::Ended => return,
        }
        let until = self.tools.clock.now().mono + AWAY;
        self.clients.away.keep(of.who.user_id, Gone { recovery, login: of.login, until });
        self.signals.timers_changed.notify_one();
    }

    /// Gives away what is kept for a client that comes back. It may come before its old connection is
    /// known to be gone; that one is over then.
    pub(super) fn recover_client(
        &mut self,
        me: &HubRef,
        user: &UserId,
        pid: Pid,
    ) -> Option<Box<Recovery>> {
        if let Some(recovery) = self.clients.away.take(user, pid) {
            return Some(recovery);
        }
        let is_it = |key: &&ClientKey| {
            let client = self.clients.all.get(**key);
            let kept = client.and_then(|client| client.speech.recovery.as_ref());
            kept.is_some_and(|recovery| recovery.pid == pid)
        };
        let key = *self.clients.by_user.get(user)?.iter().find(is_it)?;
        let recovery = self.clients.all.get_mut(key)?.speech.recovery.take();
        self.feed_client(me, key, Input::Close(Reason::Ended));
        recovery
    }
}
