//! How often a client may ask for what. Rates are per address (IPv6 by its /64, which is what one
//! subscriber gets) or per person; each is a bucket that refills evenly.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use parlor_protocol::{Code, RoomId, UserId};

use super::answer::Refused;

const MINUTE: Duration = Duration::from_secs(60);

/// After so many checks of one rate, keys whose bucket is full again are forgotten.
const CHECKS_BETWEEN_SWEEPS: u32 = 4_096;

/// An address as far as it tells one client from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressKey {
    /// An IPv4 address.
    V4(u32),
    /// The first 64 bits of an IPv6 address.
    V6(u64),
}

impl From<IpAddr> for AddressKey {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.to_bits()),
            IpAddr::V6(v6) => Self::V6((v6.to_bits() >> 64) as u64),
        }
    }
}

/// One rate for many keys.
pub struct Rate<K: Hash + Eq + Clone> {
    limiter: Option<DefaultKeyedRateLimiter<K>>,
    checks: AtomicU32,
}

impl<K: Hash + Eq + Clone> Rate<K> {
    fn new(per_minute: u32, is_lifted: bool) -> Self {
        let burst = NonZeroU32::new(per_minute).expect("every rate in the table is above zero");
        let quota = Quota::per_minute(burst);
        let limiter = (!is_lifted).then(|| RateLimiter::keyed(quota));
        Self { limiter, checks: AtomicU32::new(0) }
    }

    /// Takes one from the key's bucket.
    ///
    /// # Errors
    /// [`Code::RateLimited`] with the time to wait when it is empty.
    pub fn check(&self, key: &K) -> Result<(), Refused> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.checks.fetch_add(1, Ordering::Relaxed).is_multiple_of(CHECKS_BETWEEN_SWEEPS) {
            limiter.retain_recent();
        }
        limiter.check_key(key).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            Refused { retry_after: Some(wait), ..Code::RateLimited.into() }
        })
    }
}

/// Failures that are counted while successes are free.
pub struct Strikes<K> {
    limit: f64,
    counts: Option<Mutex<HashMap<K, (f64, Instant)>>>,
}

/// Keys remembered at most; beyond that those that have been quiet for a minute are forgotten.
const STRIKE_KEYS: usize = 65_536;

impl<K: Hash + Eq + Clone> Strikes<K> {
    fn new(per_minute: u32, is_lifted: bool) -> Self {
        let counts = (!is_lifted).then(|| Mutex::new(HashMap::new()));
        Self { limit: f64::from(per_minute), counts }
    }

    /// Refuses while the key has used up its failures.
    ///
    /// # Errors
    /// [`Code::RateLimited`] with the time to wait.
    pub fn check(&self, key: &K, now: Instant) -> Result<(), Refused> {
        let Some(counts) = &self.counts else { return Ok(()) };
        let counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((count, at)) = counts.get(key) else { return Ok(()) };
        let left = self.decayed(*count, now - *at);
        // Room for one more; the millionth is for what subtracting times rounds.
        if left <= self.limit - 1.0 + 1e-6 {
            return Ok(());
        }
        let wait = (left - self.limit + 1.0) / self.limit * MINUTE.as_secs_f64();
        let retry_after = Some(Duration::from_secs_f64(wait.max(0.001)));
        Err(Refused { retry_after, ..Code::RateLimited.into() })
    }

    /// Counts a failure.
    pub fn strike(&self, key: K, now: Instant) {
        let Some(counts) = &self.counts else { return };
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= STRIKE_KEYS {
            counts.retain(|_, (_, at)| now - *at < MINUTE);
        }
        let entry = counts.entry(key).or_insert((0.0, now));
        *entry = (self.decayed(entry.0, now - entry.1) + 1.0, now);
    }

    fn decayed(&self, count: f64, passed: Duration) -> f64 {
        (count - self.limit * passed.as_secs_f64() / MINUTE.as_secs_f64()).max(0.0)
    }
}

macro_rules! rates {
    ($($name:ident: $kind:ident<$key:ty> = $per_minute:literal, $what:literal;)*) => {
        /// Every rate of the HTTP interface, per minute, which is also how much may come at once.
        pub struct RateLimits {
            $(#[doc = $what] pub $name: $kind<$key>,)*
        }

        impl RateLimits {
            /// Makes full buckets; `is_lifted` is `--insecure-no-rate-limits`.
            pub fn new(is_lifted: bool) -> Self {
                Self { $($name: $kind::new($per_minute, is_lifted),)* }
            }
        }

        /// Describes each rate: what is counted, and how many a minute.
        pub const RATES: &[(&str, u32)] = &[$(($what, $per_minute)),*];
    };
}

rates! {
    requests: Rate<AddressKey> = 3_000, "Requests of any kind, per address";
    upgrades: Rate<AddressKey> = 1_200, "Upgrades to a WebSocket, per address";
    sockets: Rate<AddressKey> = 1_200, "New Socket.IO connections, per address";
    registrations: Rate<AddressKey> = 60, "Registrations, per address";
    logins: Rate<AddressKey> = 60, "Attempts to log in, per address";
    logins_per_name: Rate<String> = 20, "Attempts to log in, per name that is tried";
    letters: Rate<AddressKey> = 20, "Requests for a link by mail, per address";
    letters_per_name: Rate<String> = 3, "Requests for a link by mail, per e-mail address or person";
    invitations: Rate<UserId> = 20, "Invitations by mail, per person";
    links: Rate<AddressKey> = 60, "Links from mails that are tried, per address";
    guests: Rate<AddressKey> = 120, "New guests, per address";
    refreshes: Rate<AddressKey> = 300, "Refreshes, per address";
    proofs: Rate<UserId> = 10, "Passwords given to change or delete an account, per person";
    exports: Rate<UserId> = 5, "Exports, per person";
    directs: Rate<UserId> = 600, "Direct messages, per person";
    direct_notes: Rate<UserId> = 600, "Direct messages marked as read, and typing, per person";
    direct_changes: Rate<UserId> = 300, "Changes to contacts, requests and blocks, per person";
    direct_exports: Rate<UserId> = 60, "Pages of exported conversations, per person";
    searches: Rate<UserId> = 120, "Searches for people, per person";
    tickets: Rate<UserId> = 120, "Tickets, per person";
    rooms: Rate<UserId> = 60, "New rooms, per person";
    rooms_per_address: Rate<AddressKey> = 120, "New rooms, per address";
    messages: Rate<UserId> = 300, "Messages over HTTP, per person";
    knocks: Rate<UserId> = 120, "Knocks at rooms, per person";
    wrong_passwords: Strikes<AddressKey> = 20, "Wrong passwords of rooms, per address";
    wrong_passwords_of_room: Strikes<RoomId> = 200, "Wrong passwords, per room";
    wrong_codes: Strikes<AddressKey> = 20, "Join codes that name nothing, per address";
    wrong_codes_in_all: Strikes<()> = 600, "Join codes that name nothing, from everywhere";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_bucket_says_when_to_come_back() {
        let rate = Rate::new(3, false);
        for _ in 0..3 {
            assert_eq!(rate.check(&1), Ok(()));
        }
        let refused = rate.check(&1).unwrap_err();
        assert_eq!(refused.code, Code::RateLimited);
        assert!(refused.retry_after.unwrap() <= Duration::from_secs(20));
        assert_eq!(rate.check(&2), Ok(()));
    }

    #[test]
    fn a_lifted_rate_lets_everything_pass() {
        let rate = Rate::new(1, true);
        assert!((0..100).all(|_| rate.check(&1).is_ok()));
    }

    #[test]
    fn failures_fill_up_and_drain_with_time() {
        let start = Instant::now();
        let strikes = Strikes::new(4, false);
        for _ in 0..4 {
            assert_eq!(strikes.check(&1, start), Ok(()));
            strikes.strike(1, start);
        }
        let refused = strikes.check(&1, start).unwrap_err();
        assert_eq!(refused.retry_after, Some(Duration::from_secs(15)));
        assert_eq!(strikes.check(&2, start), Ok(()));
        assert_eq!(strikes.check(&1, start + Duration::from_millis(15_001)), Ok(()));
    }

    #[test]
    fn the_addresses_of_one_ipv6_subscriber_share_a_bucket() {
        let key = |text: &str| AddressKey::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
    }
}
