//! The keys that sign and derive tokens. They are kept in the database, so that all nodes have
//! the same, wrapped by `PARLOR_SECRET` when that is set.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlor_store::{Conflict, Key, NewKey, Store, StoreError};
use sha2::{Digest as _, Sha256};

/// A key this old gets a successor.
const SUCCEEDED_AFTER_MS: i64 = 30 * 86_400_000;
/// An old key may have another node believe in it no more often than this.
const RELOAD_PAUSE: Duration = Duration::from_secs(10);
/// Bytes of a key: as many as HMAC-SHA-256 has strength for.
const KEY_BYTES: usize = 32;

const PLAIN: u8 = 0;
const WRAPPED: u8 = 1;

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// They are wrapped by another secret, or by one and none is set.
    #[error(
        "PARLOR_SECRET is not the one this database's keys were wrapped with: set it to what it was"
    )]
    WrongSecret,
    /// Other issuers are named, and nothing here says whose certificates to believe.
    #[error("the keys of PARLOR_OIDC_ISSUERS cannot be fetched: {0}")]
    NoRoots(std::io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The keys of one purpose: the newest makes tokens, all of them check some.
pub struct KeyRing {
    purpose: &'static str,
    store: Store,
    wrapping: Option<[u8; 32]>,
    held: Mutex<Held>,
}

struct Held {
    newest: String,
    by_id: HashMap<String, Secret>,
    read_at: Instant,
}

/// The bytes of a key.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Returns the bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    #[cfg(test)]
    pub(super) fn for_tests(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl KeyRing {
    /// Reads the keys of a purpose, making the first or a newer one when it is time.
    ///
    /// # Errors
    /// [`KeyError::WrongSecret`], or what the store says.
    pub async fn open(
        store: &Store,
        purpose: &'static str,
        secret: Option<&str>,
        now_ms: i64,
    ) -> Result<Self, KeyError> {
        let wrapping = secret.map(|secret| {
            let salted = [b"parlor key wrapping 1:", secret.as_bytes()].concat();
            Sha256::digest(salted).into()
        });
        let fresh = || new_key(purpose, wrapping.as_ref(), now_ms);
        let mut keys = store.first_key(fresh()).await?;
        let newest = keys.iter().map(|key| key.created_at_ms).max().unwrap_or(i64::MIN);
        if newest.saturating_add(SUCCEEDED_AFTER_MS) < now_ms {
            match store.add_key(fresh()).await {
                // Another node was faster, which is as good.
                Ok(()) | Err(StoreError::Conflict(Conflict::Id)) => {}
                Err(error) => return Err(error.into()),
            }
            keys = store.keys(purpose).await?;
        }
        let held = Mutex::new(read(&keys, wrapping.as_ref())?);
        Ok(Self { purpose, store: store.clone(), wrapping, held })
    }

    /// Returns the id and the bytes of the key that makes tokens.
    pub fn newest(&self) -> (String, Secret) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let secret = held.by_id[&held.newest].clone();
        (held.newest.clone(), secret)
    }

    /// Finds a key by its id; one that another node made meanwhile is looked up in the database.
    pub async fn find(&self, id: &str) -> Option<Secret> {
        {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(secret) = held.by_id.get(id) {
                return Some(secret.clone());
            }
            if held.read_at.elapsed() < RELOAD_PAUSE {
                return None;
            }
            held.read_at = Instant::now();
        }
        let keys = self.store.keys(self.purpose).await.ok()?;
        let fresh = read(&keys, self.wrapping.as_ref()).ok()?;
        let found = fresh.by_id.get(id).cloned();
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        found
    }
}

fn new_key(purpose: &str, wrapping: Option<&[u8; 32]>, now_ms: i64) -> NewKey {
    let id = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 9]>());
    let key: [u8; KEY_BYTES] = rand::random();
    let secret = match wrapping {
        None => [&[PLAIN][..], &key].concat(),
        Some(wrapping) => {
            let nonce: [u8; NONCE_LEN] = rand::random();
            let mut sealed = key.to_vec();
            aead(wrapping)
                .seal_in_place_append_tag(
                    Nonce::assume_unique_for_key(nonce),
                    Aad::from(id.as_bytes()),
                    &mut sealed,
                )
                .expect("32 bytes are within what AES-GCM seals");
            [&[WRAPPED][..], &nonce, &sealed].concat()
        }
    };
    NewKey { id, purpose: purpose.to_owned(), secret, created_at_ms: now_ms }
}

fn aead(wrapping: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, wrapping).expect("32 bytes are a key"))
}

fn read(keys: &[Key], wrapping: Option<&[u8; 32]>) -> Result<Held, KeyError> {
    let newest = keys.first().ok_or(KeyError::WrongSecret)?.id.clone();
    let mut by_id = HashMap::new();
    for key in keys {
        by_id.insert(key.id.clone(), unwrap(key, wrapping).ok_or(KeyError::WrongSecret)?);
    }
    Ok(Held { newest, by_id, read_at: Instant::now() })
}

fn unwrap(key: &Key, wrapping: Option<&[u8; 32]>) -> Option<Secret> {
    let (&form, rest) = key.secret.split_first()?;
    if form == PLAIN {
        return Some(Secret(rest.to_vec()));
    }
    let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut sealed = sealed.to_vec();
    let opened =
        aead(wrapping?).open_in_place(nonce, Aad::from(key.id.as_bytes()), &mut sealed).ok()?;
    Some(Secret(opened.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(new: NewKey) -> Key {
        Key {
            id: new.id,
            purpose: new.purpose,
            secret: new.secret,
            created_at_ms: new.created_at_ms,
        }
    }

    #[test]
    fn a_wrapped_key_opens_only_with_its_secret_and_under_its_id() {
        let key = kept(new_key("test", Some(&[7; 32]), 0));
        assert_eq!(unwrap(&key, Some(&[7; 32])).unwrap().bytes().len(), KEY_BYTES);
        assert!(unwrap(&key, Some(&[8; 32])).is_none());
        assert!(unwrap(&key, None).is_none());
        let renamed = Key { id: "other".to_owned(), ..key };
        assert!(unwrap(&renamed, Some(&[7; 32])).is_none());
    }

    #[test]
    fn a_plain_key_opens_with_and_without_a_secret() {
        let key = kept(new_key("test", None, 0));
        assert!(unwrap(&key, None).is_some());
        assert!(unwrap(&key, Some(&[7; 32])).is_some());
    }
}
