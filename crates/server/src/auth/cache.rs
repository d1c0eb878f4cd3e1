//! What was read from the store a moment ago, so that not every request asks it again.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long something that was read is believed. A login that another node revoked is found out
/// after this, and 5 s is what is promised.
const FRESH: Duration = Duration::from_secs(4);
/// Entries held at most; then those that are no longer fresh are forgotten, or all.
const ENTRIES: usize = 65_536;

/// A small memory of values that were read from the store.
pub struct Cache<K, V> {
    entries: Mutex<HashMap<K, (V, Instant)>>,
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self { entries: Mutex::new(HashMap::new()) }
    }
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// Returns a value that is fresh.
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q, now: Instant) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (value, read_at) = entries.get(key)?;
        (now - *read_at < FRESH).then(|| value.clone())
    }

    /// Remembers a value that was asked for at `read_at`.
    pub fn put(&self, key: K, value: V, read_at: Instant) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= ENTRIES {
            entries.retain(|_, (_, at)| read_at - *at < FRESH);
            if entries.len() >= ENTRIES {
                entries.clear();
            }
        }
        entries.insert(key, (value, read_at));
    }

    /// Forgets what is no longer fresh, and gives its room back: of many who came at once, most ask for
    /// nothing more.
    pub fn sweep(&self, now: Instant) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, (_, at)| now - *at < FRESH);
        entries.shrink_to_fit();
    }

    /// Forgets what is no longer true.
    pub fn forget(&self, mut is_stale: impl FnMut(&K, &V) -> bool) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|key, (value, _)| !is_stale(key, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_believed_for_four_seconds() {
        let (cache, now) = (Cache::default(), Instant::now());
        cache.put("a".to_owned(), 1, now);
        assert_eq!(cache.get("a", now + Duration::from_secs(3)), Some(1));
        assert_eq!(cache.get("a", now + FRESH), None);
        cache.sweep(now + Duration::from_secs(3));
        assert_eq!(cache.get("a", now), Some(1));
        cache.sweep(now + FRESH);
        assert_eq!(cache.get("a", now), None);
        cache.put("a".to_owned(), 1, now);
        cache.forget(|key, _| key == "a");
        assert_eq!(cache.get("a", now), None);
    }
}
