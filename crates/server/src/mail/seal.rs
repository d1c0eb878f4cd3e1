//! Seals tokens while they wait in the database: who reads it alone, from a backup say, cannot
//! follow a link that is still to be sent.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::auth::keys::{KeyRing, Secret};

/// Seals the token of a mail: the key's id and its length before it, the nonce, the sealed text.
pub fn seal(keys: &KeyRing, mail_id: &str, token: &str) -> Vec<u8> {
    let (key_id, key) = keys.newest();
    let nonce: [u8; NONCE_LEN] = rand::random();
    let mut sealed = token.as_bytes().to_vec();
    aead(&key)
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(mail_id.as_bytes()),
            &mut sealed,
        )
        .expect("a token is within what AES-GCM seals");
    let length = u8::try_from(key_id.len()).expect("the id of a key is short");
    [&[length][..], key_id.as_bytes(), &nonce, &sealed].concat()
}

/// Opens what was sealed for the same mail; `None` if it was not, or its key is gone.
pub async fn open(keys: &KeyRing, mail_id: &str, sealed: &[u8]) -> Option<String> {
    let (&length, rest) = sealed.split_first()?;
    let (key_id, rest) = rest.split_at_checked(usize::from(length))?;
    let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
    let key = keys.find(std::str::from_utf8(key_id).ok()?).await?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut sealed = sealed.to_vec();
    let opened =
        aead(&key).open_in_place(nonce, Aad::from(mail_id.as_bytes()), &mut sealed).ok()?;
    String::from_utf8(opened.to_vec()).ok()
}

fn aead(key: &Secret) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.bytes()).expect("a key has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use parlor_store::{Store, StoreConfig};

    use super::*;

    #[tokio::test]
    async fn a_sealed_token_opens_for_its_own_mail_alone() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/parlor.db", folder.path().display());
        let store = Store::connect(&StoreConfig { url, max_connections: 2 }).await.unwrap();
        store.migrate().await.unwrap();
        let keys = KeyRing::open(&store, "mail", None, 0).await.unwrap();
        let sealed = seal(&keys, "m1", "a token");
        assert!(!sealed.windows(7).any(|some| some == b"a token"));
        assert_eq!(open(&keys, "m1", &sealed).await.as_deref(), Some("a token"));
        assert_eq!(open(&keys, "m2", &sealed).await, None);
        for end in 0..sealed.len() {
            assert_eq!(open(&keys, "m1", &sealed[..end]).await, None);
        }
    }
}
