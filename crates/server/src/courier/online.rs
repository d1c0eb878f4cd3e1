//! Who has a socket open, as their contacts see it: over all of a person's sockets on all nodes, and
//! without flapping when a page is loaded anew.

use std::collections::HashMap;
use std::time::Duration;

use parlor_protocol::UserId;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Courier;

/// Comings and goings of one node that may wait to be told.
pub(super) const COMINGS: usize = 65_536;
/// People told of in one transaction.
const AT_ONCE: usize = 500;
/// How long somebody may be without a socket before they count as gone: a page that is loaded anew, or
/// a break, is back by then.
const GRACE: Duration = Duration::from_secs(5);
/// How often it is looked whose grace is over.
const LOOKED_EVERY: Duration = Duration::from_secs(1);
/// How often other nodes' deaths are looked for.
const DEATHS_EVERY: Duration = Duration::from_secs(2);
/// What a server alone is called among the nodes where somebody may be.
const ALONE: &str = "alone";

/// Each first and last socket of somebody on a core, in the order in which they came and went.
pub(super) type Comings = mpsc::Receiver<(UserId, bool)>;

/// Somebody on this node.
#[derive(Default)]
struct Here {
    /// Cores on which they have sockets.
    cores: usize,
    /// Since when they have none.
    gone_since: Option<Instant>,
}

impl Courier {
    fn node(&self) -> &str {
        self.0.cluster.as_ref().map_or(ALONE, |cluster| cluster.node())
    }

    /// Keeps the table of who is online, and tells contacts, as long as the server runs.
    pub(super) async fn follow_comings(self, mut comings: Comings) {
        let mut here: HashMap<UserId, Here> = HashMap::new();
        let mut waiting = Vec::new();
        let mut looks = interval(LOOKED_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                count = comings.recv_many(&mut waiting, AT_ONCE) => {
                    if count == 0 {
                        return;
                    }
                    let came = note(&mut here, Instant::now(), waiting.drain(..));
                    self.come(came).await;
                }
                _ = looks.tick() => self.go(take_gone(&mut here, Instant::now())).await,
            }
        }
    }

    async fn come(&self, people: Vec<UserId>) {
        if people.is_empty() {
            return;
        }
        match self.0.store.set_online(&people, self.node()).await {
            Ok(changed) => self.tell_status(changed, true).await,
            Err(error) => tracing::warn!(%error, "who is online cannot be written"),
        }
    }

    async fn go(&self, people: Vec<UserId>) {
        if people.is_empty() {
            return;
        }
        match self.0.store.set_offline(&people, self.node()).await {
            Ok(changed) => self.tell_status(changed, false).await,
            Err(error) => tracing::warn!(%error, "who is online cannot be written"),
        }
    }

    /// Tells of those who were online at nodes that died.
    pub(super) async fn follow_deaths(self) {
        let mut every = interval(DEATHS_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            match self.0.store.forget_online_of_the_dead().await {
                Ok(changed) => self.tell_status(changed, false).await,
                Err(error) => tracing::debug!(%error, "who was online at dead nodes is unknown"),
            }
        }
    }

    /// Forgets that anybody is online at this node: it stops.
    pub async fn leave(&self) {
        let cleared = match &self.0.cluster {
            Some(cluster) => self.0.store.clear_online(cluster.node()).await,
            None => self.0.store.clear_all_online().await.map(|()| Vec::new()),
        };
        match cleared {
            Ok(changed) => self.tell_status(changed, false).await,
            Err(error) => tracing::warn!(%error, "who was online is still in the database"),
        }
    }
}

/// Counts who came and went; returns who was not here before.
fn note(
    here: &mut HashMap<UserId, Here>,
    now: Instant,
    comings: impl Iterator<Item = (UserId, bool)>,
) -> Vec<UserId> {
    let mut came = Vec::new();
    for (user, is_coming) in comings {
        let known = here.entry(user.clone()).or_default();
        if is_coming {
            let is_new = known.cores == 0 && known.gone_since.take().is_none();
            known.cores += 1;
            if is_new {
                came.push(user);
            }
        } else {
            known.cores = known.cores.saturating_sub(1);
            if known.cores == 0 {
                known.gone_since = Some(now);
            }
        }
    }
    came
}

/// Takes out those who have been without a socket for long enough.
fn take_gone(here: &mut HashMap<UserId, Here>, now: Instant) -> Vec<UserId> {
    let is_over = |it: &Here| it.gone_since.is_some_and(|since| now - since >= GRACE);
    here.extract_if(|_, it| is_over(it)).map(|(user, _)| user).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_gone_a_while_after_their_last_socket() {
        let mut here = HashMap::new();
        let mut now = Instant::now();
        let mut tell = |now, told: &[bool]| {
            let told = told.iter().map(|is_coming| (UserId::from("ada"), *is_coming));
            note(&mut here, now, told)
        };
        let ada = UserId::from("ada");
        // On two cores, of which one lets go.
        assert_eq!(tell(now, &[true, true, false]), std::slice::from_ref(&ada));
        now += 2 * GRACE;
        assert!(tell(now, &[false]).is_empty());
        // Back within the grace: nobody hears of it.
        now += GRACE / 2;
        assert!(tell(now, &[true, false]).is_empty());
        now += GRACE / 2;
        assert!(take_gone(&mut here, now).is_empty());
        now += GRACE / 2;
        assert_eq!(take_gone(&mut here, now), [ada]);
        assert!(here.is_empty());
    }
}
