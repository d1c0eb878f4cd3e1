//! The bus of a server that is alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hashbrown::HashMap;
use tokio::sync::watch;

use super::{BusError, Leased, Named, Outlet, Subscription};

/// Messages, leases and values within one process.
#[derive(Clone)]
pub struct LocalBus {
    shared: Arc<Mutex<Shared>>,
    reachable: watch::Sender<bool>,
}

#[derive(Default)]
struct Shared {
    outlets: HashMap<String, Vec<Outlet>>,
    leases: HashMap<String, (String, Instant)>,
    values: HashMap<String, (Bytes, Instant)>,
}

impl Default for LocalBus {
    fn default() -> Self {
        Self { shared: Arc::default(), reachable: watch::Sender::new(true) }
    }
}

impl LocalBus {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        // Nothing that is done under the lock can be left half done.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn publish(&self, subject: &str, message: Bytes) -> Result<(), BusError> {
        if let Some(outlets) = self.shared().outlets.get_mut(subject) {
            outlets.retain_mut(|outlet| outlet.deliver(message.clone()));
        }
        Ok(())
    }

    pub(super) fn subscribe(&self, subject: &str) -> Subscription {
        let (outlet, subscription) = Outlet::new();
        self.shared().outlets.entry(subject.to_owned()).or_default().push(outlet);
        subscription
    }

    pub(super) fn lease(&self, name: &str, holder: &str, life: Duration) -> Leased {
        let now = Instant::now();
        let mut shared = self.shared();
        match shared.leases.get(name) {
            Some((other, until)) if other != holder && *until > now => {
                Leased::Theirs { holder: other.clone() }
            }
            _ => {
                let until = now + life;
                shared.leases.insert(name.to_owned(), (holder.to_owned(), until));
                Leased::Ours { until }
            }
        }
    }

    pub(super) fn release(&self, name: &str, holder: &str) {
        let mut shared = self.shared();
        if shared.leases.get(name).is_some_and(|(other, _)| other == holder) {
            shared.leases.remove(name);
        }
    }

    pub(super) fn holder(&self, name: &str) -> Named {
        match self.shared().leases.get(name) {
            Some((holder, until)) if *until > Instant::now() => Named::Holder(holder.clone()),
            // What this process forgets, it forgets together with whoever counts on it.
            Some(_) | None => Named::Nobody,
        }
    }

    pub(super) fn keep(&self, key: &str, value: Bytes, life: Duration) {
        let now = Instant::now();
        let mut shared = self.shared();
        shared.values.retain(|_, (_, until)| *until > now);
        shared.values.insert(key.to_owned(), (value, now + life));
    }

    pub(super) fn take(&self, key: &str) -> Option<Bytes> {
        let (value, until) = self.shared().values.remove(key)?;
        (until > Instant::now()).then_some(value)
    }

    pub(super) fn look(&self, key: &str) -> Option<Bytes> {
        let shared = self.shared();
        let (value, until) = shared.values.get(key)?;
        (*until > Instant::now()).then(|| value.clone())
    }

    pub(super) fn reachable(&self) -> watch::Receiver<bool> {
        self.reachable.subscribe()
    }
}
