//! Who types to whom. Nobody types for ever: it ends by itself when its client does not say so again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use parlor_protocol::ClerkId;
use parlor_protocol::direct::socket::UserTyping;
use parlor_store::Party;

use super::Courier;

/// How long typing lasts after it was said.
const ENDS_AFTER: Duration = Duration::from_secs(5);
/// People who type at once on a node; what more say is told to nobody.
const MOST: usize = 65_536;

/// From whom to whom.
type Pair = (ClerkId, ClerkId);

/// Who types to whom, and how often that was said.
#[derive(Default)]
pub(super) struct Typing(Mutex<HashMap<Pair, u64>>);

impl Typing {
    fn known(&self) -> MutexGuard<'_, HashMap<Pair, u64>> {
        // No entry is left half changed under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that it ended, without telling: a message says it as well.
    pub(super) fn end(&self, from: &ClerkId, to: &ClerkId) {
        self.known().remove(&(from.clone(), to.clone()));
    }

    /// Counts that somebody types once more; `None` if too many do.
    fn count(&self, pair: &Pair) -> Option<u64> {
        let mut known = self.known();
        if known.len() >= MOST && !known.contains_key(pair) {
            return None;
        }
        let count = known.entry(pair.clone()).or_insert(0);
        *count += 1;
        Some(*count)
    }

    /// Ends what was not said again since; `false` if it was, or is over.
    fn expire(&self, pair: &Pair, count: u64) -> bool {
        let mut known = self.known();
        let is_last = known.get(pair) == Some(&count);
        if is_last {
            known.remove(pair);
        }
        is_last
    }
}

impl Courier {
    /// Tells somebody that another types, or stopped. It ends by itself.
    pub async fn tell_typing(&self, from: &Party, to: &Party, is_typing: bool) {
        let pair = (from.clerk_id.clone(), to.clerk_id.clone());
        if !is_typing {
            let was_typing = self.0.typing.known().remove(&pair).is_some();
            if was_typing {
                self.say_typing(&pair.0, to, false).await;
            }
            return;
        }
        let Some(count) = self.0.typing.count(&pair) else { return };
        if count == 1 {
            self.say_typing(&pair.0, to, true).await;
        }
        let (courier, to) = (self.clone(), to.clone());
        tokio::spawn(async move {
            tokio::time::sleep(ENDS_AFTER).await;
            if courier.0.typing.expire(&pair, count) {
                courier.say_typing(&pair.0, &to, false).await;
            }
        });
    }

    async fn say_typing(&self, from: &ClerkId, to: &Party, is_typing: bool) {
        let event = UserTyping { user_id: from.clone(), from_clerk_id: from.clone(), is_typing };
        self.tell(&to.user_id, "user_typing", &event).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_that_was_said_again_does_not_end_with_the_first_word() {
        let typing = Typing::default();
        let pair = (ClerkId::from("a"), ClerkId::from("b"));
        assert_eq!(typing.count(&pair), Some(1));
        assert_eq!(typing.count(&pair), Some(2));
        assert!(!typing.expire(&pair, 1));
        assert!(typing.expire(&pair, 2));
        assert!(!typing.expire(&pair, 2));
        assert_eq!(typing.count(&pair), Some(1));
        typing.end(&pair.0, &pair.1);
        assert!(!typing.expire(&pair, 1));
    }
}
