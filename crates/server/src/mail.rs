//! Mail: letters with a link that works once. They are written down together with the link's token
//! and sent from there, so that no request waits for a mail server and no mail is lost.
//!
//! Without a mail server the links are shown at the console, but only while nobody else can be
//! meant by them: where the site has no public address, or a loopback one. Start reading at
//! [`Mail::forgot`], then `sender` for what becomes of a letter.

mod letters;
mod seal;
mod sender;
mod smtp;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlor_protocol::{Code, UserId};
use parlor_store::{NewMail, NewToken, Person, Store, StoreError};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, Semaphore};

use crate::auth::keys::{KeyError, KeyRing};
use crate::clock::wall_ms;
use crate::config::{Config, MailConfig, Site};
use letters::Letter;

/// Letters of one kind to one person within [`COUNTED`] at most: whoever asks more often, however
/// slowly, floods somebody's box.
const LETTERS_PER_PERSON: u64 = 6;
/// Within which time letters are counted.
const COUNTED: Duration = Duration::from_secs(3_600);
/// Requests for letters that are looked into at once.
const REQUESTS_AT_ONCE: usize = 64;
/// Bytes of a token: as many as SHA-256 has strength for.
const TOKEN_BYTES: usize = 32;

/// Where letters go.
enum Way {
    /// To a mail server.
    Smtp(MailConfig),
    /// Onto this machine's own screen.
    Console,
}

/// Writes letters and sends them. Cheap to clone.
#[derive(Clone)]
pub struct Mail(Arc<Inner>);

struct Inner {
    config: Arc<Config>,
    store: Store,
    keys: KeyRing,
    way: Option<Way>,
    /// Names this process in leases.
    holder: String,
    /// Says that there is something to send.
    wake: Notify,
    requests: Arc<Semaphore>,
    /// One for each letter that may be on its way.
    deliveries: Arc<Semaphore>,
}

impl Mail {
    /// Reads the keys that seal tokens. Nothing is sent before [`Mail::run`].
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn open(config: Arc<Config>, store: Store) -> Result<Self, KeyError> {
        let keys = KeyRing::open(&store, "mail", config.secret.as_deref(), wall_ms()).await?;
        let way = match &config.mail {
            Some(mail) => Some(Way::Smtp(mail.clone())),
            None if is_nobody_elses(config.public_url.as_ref()) => Some(Way::Console),
            None => None,
        };
        Ok(Self(Arc::new(Inner {
            config,
            store,
            keys,
            way,
            holder: uuid::Uuid::new_v4().simple().to_string(),
            wake: Notify::new(),
            requests: Arc::new(Semaphore::new(REQUESTS_AT_ONCE)),
            deliveries: Arc::new(Semaphore::new(sender::AT_ONCE)),
        })))
    }

    /// Says whether there is a mail server.
    pub fn is_configured(&self) -> bool {
        matches!(self.0.way, Some(Way::Smtp(_)))
    }

    /// Sends a link for another password to an address, if somebody here has it. It answers before
    /// it looks: neither the answer nor its time tells whether anybody has.
    ///
    /// # Errors
    /// [`Code::Busy`] if too many are looked into already.
    pub fn forgot(&self, email: String) -> Result<(), Code> {
        let permit = self.0.requests.clone().try_acquire_owned().map_err(|_| Code::Busy)?;
        let mail = self.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let outcome = match mail.0.store.account_by_email(&email).await {
                Ok(Some(found)) if found.person.is_disabled => Ok(()),
                Ok(Some(found)) => mail.write(Letter::Reset, &found.person).await,
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                tracing::warn!(%error, "a link for another password is not sent");
            }
        });
        Ok(())
    }

    /// Sends somebody a link that proves their address, unless they proved it already.
    ///
    /// # Errors
    /// What the store says.
    pub async fn verify(&self, user: &UserId) -> Result<(), StoreError> {
        match self.0.store.user(user).await? {
            Some(person) if !person.is_email_verified => self.write(Letter::Verify, &person).await,
            Some(_) | None => Ok(()),
        }
    }

    async fn write(&self, letter: Letter, person: &Person) -> Result<(), StoreError> {
        let (Some(_), Some(email)) = (&self.0.way, &person.email) else { return Ok(()) };
        let (store, now_ms) = (&self.0.store, wall_ms());
        let since_ms = now_ms - COUNTED.as_millis() as i64;
        let made = store.tokens_made_since(&person.id, letter.purpose(), since_ms).await?;
        if made >= LETTERS_PER_PERSON {
            tracing::info!(user = %person.id, "no more letters of one kind to somebody for now");
            return Ok(());
        }
        let id = uuid::Uuid::now_v7().to_string();
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; TOKEN_BYTES]>());
        let kept = NewToken {
            hash: token_hash(&token),
            purpose: letter.purpose(),
            user_id: Some(person.id.clone()),
            subject: Some(email.clone()),
            created_at_ms: now_ms,
            expires_at_ms: now_ms + letter.life().as_millis() as i64,
        };
        let mail = NewMail {
            sealed_token: Some(seal::seal(&self.0.keys, &id, &token)),
            id,
            user_id: Some(person.id.clone()),
            template: letter.word().to_owned(),
            recipient: email.clone(),
            payload: json!({ "name": person.display_name }).to_string(),
            created_at_ms: now_ms,
        };
        if store.enqueue_mail(mail, Some(kept)).await? {
            self.0.wake.notify_one();
        }
        Ok(())
    }
}

/// Returns what is kept of a token. It is random and long, so a plain hash will do.
pub fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// Says whether whoever asks for a letter can only be at this machine, or on a network at home
/// whose server was never given an address.
fn is_nobody_elses(public_url: Option<&Site>) -> bool {
    public_url.is_none_or(|site| {
        let bare = site.host.trim_matches(['[', ']']);
        bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_shown_only_where_no_public_address_is_set() {
        let site = |text| Site::parse(text);
        assert!(is_nobody_elses(None));
        for text in ["http://localhost:3000", "http://127.0.0.1", "https://[::1]:8443"] {
            assert!(is_nobody_elses(site(text).as_ref()), "{text}");
        }
        for text in ["https://parlor.example.org", "http://10.0.0.1", "http://localhost.example"] {
            assert!(!is_nobody_elses(site(text).as_ref()), "{text}");
        }
    }
}
