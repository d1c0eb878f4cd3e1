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
use parlor_protocol::{Code, RoomId, UserId};
use parlor_store::{NewInvitation, NewMail, NewToken, Person, Purpose, Store, StoreError};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, Semaphore};

use crate::auth::keys::{KeyError, KeyRing};
use crate::clock::wall_ms;
use crate::config::network::is_this_machine;
use crate::config::{Config, MailConfig, Site};
use letters::Letter;

/// Letters of one kind to one person within [`COUNTED`] at most: whoever asks more often, however
/// slowly, floods somebody's box.
const LETTERS_PER_PERSON: u64 = 6;
/// Within which time letters are counted.
const COUNTED: Duration = Duration::from_secs(3_600);
/// Requests for letters that are looked into at once.
const REQUESTS_AT_ONCE: usize = 64;
/// How long the link for the first who runs the site works.
const FIRST_LINK_LIFE: Duration = Duration::from_secs(86_400);
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

    /// Says whether letters go anywhere: to a mail server, or onto this machine's screen.
    pub fn has_way(&self) -> bool {
        self.0.way.is_some()
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
            Some(person) if self.is_unproven(&person).await? => {
                self.write(Letter::Verify, &person).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Says whether an address leads to its account and was not proved yet.
    async fn is_unproven(&self, person: &Person) -> Result<bool, StoreError> {
        let Some(email) = person.email.as_deref().filter(|_| !person.is_email_verified) else {
            return Ok(false);
        };
        let owner = self.0.store.account_by_email(email).await?;
        Ok(owner.is_some_and(|owner| owner.person.id == person.id))
    }

    /// Writes to the address of a new account: a link that proves it or, if the address is another
    /// account's, to its owner that somebody tried. Whoever registers does not wait for it, so that
    /// the time of the answer tells nothing either; who gets no letter can ask for one.
    pub fn greet(&self, user: UserId) {
        let mail = self.clone();
        tokio::spawn(async move {
            if let Err(error) = mail.write_greeting(&user).await {
                tracing::warn!(%error, %user, "a new account gets no link that proves its address");
            }
        });
    }

    async fn write_greeting(&self, user: &UserId) -> Result<(), StoreError> {
        let store = &self.0.store;
        let Some(person) = store.user(user).await? else { return Ok(()) };
        let Some(email) = &person.email else { return Ok(()) };
        let owner = store.account_by_email(email).await?.map(|owner| owner.person);
        match owner {
            Some(owner) if owner.id != person.id => {
                let since_ms = wall_ms() - COUNTED.as_millis() as i64;
                let word = Letter::Taken.word();
                if store.mails_since(&owner.id, word, since_ms).await? >= LETTERS_PER_PERSON {
                    return Ok(());
                }
                let payload = json!({ "name": owner.display_name });
                let to = owner.email.as_deref().unwrap_or(email);
                let letter = self.letter(Letter::Taken, Some(&owner.id), to, &payload, None);
                if store.enqueue_mail(letter, None).await? {
                    self.0.wake.notify_one();
                }
                Ok(())
            }
            Some(_) | None => self.write(Letter::Verify, &person).await,
        }
    }

    /// Keeps an invitation and sends it. Says whether it will be sent.
    ///
    /// # Errors
    /// What the store says.
    pub async fn invite(&self, invited: Invited<'_>) -> Result<bool, StoreError> {
        if self.0.way.is_none() {
            return Ok(false);
        }
        let Invited { room, room_name, inviter, email, message } = invited;
        let token = new_token();
        let payload = json!({
            "name": inviter.display_name, "room": room_name, "message": message,
        });
        let mail = self.letter(Letter::Invite, Some(&inviter.id), email, &payload, Some(&token));
        let now_ms = mail.created_at_ms;
        let invitation = NewInvitation {
            id: uuid::Uuid::now_v7().to_string(),
            hash: token_hash(&token),
            room_id: room.clone(),
            inviter_id: inviter.id.clone(),
            email: email.to_owned(),
            message: message.map(str::to_owned),
            created_at_ms: now_ms,
            expires_at_ms: now_ms + Letter::Invite.life().as_millis() as i64,
        };
        let is_sent = self.0.store.invite(invitation, mail).await?;
        if is_sent {
            self.0.wake.notify_one();
        }
        Ok(is_sent)
    }

    /// Makes a link by which somebody sets another password, to be handed on by whoever runs the site.
    /// Returns its path with the token, and when it ends. It proves no address.
    ///
    /// # Errors
    /// What the store says.
    pub async fn password_link(&self, person: &Person) -> Result<(String, i64), StoreError> {
        let life = Letter::Reset.life();
        let (token, expires_at_ms) =
            self.told(Purpose::Reset, Some(person.id.clone()), life).await?;
        Ok((format!("/reset?token={token}"), expires_at_ms))
    }

    /// Makes the link by which an account becomes the first that runs the site; `None` if somebody
    /// does already.
    ///
    /// # Errors
    /// What the store says.
    pub async fn first_link(&self) -> Result<Option<String>, StoreError> {
        if self.0.store.has_admin().await? {
            return Ok(None);
        }
        let (token, _) = self.told(Purpose::Admin, None, FIRST_LINK_LIFE).await?;
        Ok(Some(format!("/first?token={token}")))
    }

    /// Keeps a token that is told, not mailed. Returns it, and when it ends.
    async fn told(
        &self,
        purpose: Purpose,
        user_id: Option<UserId>,
        life: Duration,
    ) -> Result<(String, i64), StoreError> {
        let token = new_token();
        let kept = kept(&token, purpose, user_id, None, life);
        let expires_at_ms = kept.expires_at_ms;
        self.0.store.keep_token(kept).await?;
        Ok((token, expires_at_ms))
    }

    async fn write(&self, letter: Letter, person: &Person) -> Result<(), StoreError> {
        let (Some(_), Some(email)) = (&self.0.way, &person.email) else { return Ok(()) };
        let Some(purpose) = letter.purpose() else { return Ok(()) };
        let store = &self.0.store;
        let since_ms = wall_ms() - COUNTED.as_millis() as i64;
        let made = store.tokens_made_since(&person.id, purpose, since_ms).await?;
        if made >= LETTERS_PER_PERSON {
            tracing::info!(user = %person.id, "no more letters of one kind to somebody for now");
            return Ok(());
        }
        let token = new_token();
        let (user, subject) = (Some(person.id.clone()), Some(email.clone()));
        let kept = kept(&token, purpose, user, subject, letter.life());
        let payload = json!({ "name": person.display_name });
        let mail = self.letter(letter, Some(&person.id), email, &payload, Some(&token));
        if store.enqueue_mail(mail, Some(kept)).await? {
            self.0.wake.notify_one();
        }
        Ok(())
    }

    /// Makes a letter ready to be written down, its token sealed.
    fn letter(
        &self,
        letter: Letter,
        user: Option<&UserId>,
        recipient: &str,
        payload: &Value,
        token: Option<&str>,
    ) -> NewMail {
        let id = uuid::Uuid::now_v7().to_string();
        NewMail {
            sealed_token: token.map(|token| seal::seal(&self.0.keys, &id, token)),
            id,
            user_id: user.cloned(),
            template: letter.word().to_owned(),
            recipient: recipient.to_owned(),
            payload: payload.to_string(),
            created_at_ms: wall_ms(),
        }
    }
}

/// Who is invited where, by whom.
#[derive(Clone, Copy)]
pub struct Invited<'a> {
    /// The room.
    pub room: &'a RoomId,
    /// Its name.
    pub room_name: &'a str,
    /// Who invites; an account.
    pub inviter: &'a Person,
    /// Whom, as an address.
    pub email: &'a str,
    /// What the inviter says.
    pub message: Option<&'a str>,
}

fn new_token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; TOKEN_BYTES]>())
}

/// Returns what is kept of a token that is made now.
fn kept(
    token: &str,
    purpose: Purpose,
    user_id: Option<UserId>,
    subject: Option<String>,
    life: Duration,
) -> NewToken {
    let created_at_ms = wall_ms();
    let expires_at_ms = created_at_ms + life.as_millis() as i64;
    NewToken { hash: token_hash(token), purpose, user_id, subject, created_at_ms, expires_at_ms }
}

/// Returns what is kept of a token. It is random and long, so a plain hash will do.
pub fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// Says whether whoever asks for a letter can only be at this machine, or on a network at home
/// whose server was never given an address.
fn is_nobody_elses(public_url: Option<&Site>) -> bool {
    public_url.is_none_or(|site| is_this_machine(&site.host))
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
