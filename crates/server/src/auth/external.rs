//! People another issuer vouches for.
//!
//! Such a person is kept when first seen, under an id made of the issuer's name and what it calls
//! them. Behind their tokens stands a login as behind ours, one for each session the issuer names, so
//! that it can be seen and ended here; a token that was made later opens it again, for the session
//! itself is the issuer's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlor_protocol::{ClerkId, Code, LoginId, UserId};
use parlor_store::{NewLogin, StoreError};
use sha2::{Digest as _, Sha256};

use super::issuers::{Issuer, Session};
use super::{Auth, Verified, names};
use crate::clock::wall_ms;
use crate::http::answer::store_code;

/// Begins the id of everybody another issuer vouches for, and of their logins.
const PREFIX: &str = "ext_";
/// Stands for the issuer of whom a header names.
const TRUSTED: &str = "x-clerk-id";
/// How long a login lives after its last token was seen.
const LIFE_MS: i64 = 12 * 3_600_000;
/// A login that ends this much earlier than it could is given its whole life again.
const STEP_MS: i64 = 3_600_000;

impl Auth {
    /// Finds out whose token of another issuer it is.
    pub(super) async fn external(
        &self,
        issuer: &Arc<Issuer>,
        token: &str,
    ) -> Result<Verified, Code> {
        let now_ms = wall_ms();
        let session = issuer.verify(token, now_ms).await?;
        let user = UserId::from(derived(&[issuer.name(), &session.subject]));
        let of_session = session.session.as_deref().unwrap_or_default();
        let login = LoginId::from(derived(&[issuer.name(), &session.subject, of_session]));
        self.stand_behind(issuer, &session, &user, &login, now_ms).await?;
        self.account(user, login).await
    }

    /// Makes sure that the person is kept, and that a good login stands behind the token.
    async fn stand_behind(
        &self,
        issuer: &Issuer,
        session: &Session,
        user: &UserId,
        login: &LoginId,
        now_ms: i64,
    ) -> Result<(), Code> {
        let (store, failed) = (&self.0.store, |error| store_code(&error));
        let is_good = |row: &parlor_store::LoginRow| {
            row.is_live(now_ms) && row.expires_at_ms > now_ms + LIFE_MS - STEP_MS
        };
        if self.0.logins.get(login, Instant::now()).is_some_and(|row| is_good(&row)) {
            return Ok(());
        }
        let kept = store.login(login).await.map_err(failed)?;
        let ended_at_ms = kept.as_ref().and_then(|row| row.revoked_at_ms);
        if ended_at_ms.is_some_and(|at_ms| session.issued_at_ms <= at_ms) {
            return Err(Code::InvalidToken);
        }
        if !kept.as_ref().is_some_and(is_good) {
            let name = session.name.as_deref().and_then(names::shown);
            let name = name.unwrap_or_else(names::made_up);
            store.keep_external(user, &session.subject, &name, now_ms).await.map_err(failed)?;
            self.forget_person(user);
            let new = NewLogin {
                id: login.clone(),
                user_id: user.clone(),
                // No key and no cookie: nothing of ours proves this login.
                key_id: PREFIX.to_owned(),
                cookie_hash: Sha256::digest(format!("{PREFIX}{login}")).to_vec(),
                user_agent: Some(issuer.name().to_owned()),
                created_at_ms: session.issued_at_ms,
                expires_at_ms: now_ms + LIFE_MS,
            };
            store.keep_login(new).await.map_err(failed)?;
            self.forget_login(login);
        }
        self.live_login(login).await.map(|_| ())
    }

    /// Keeps an external user whom a header names, where that is taken on trust. There is no login: the
    /// next request says again who it is.
    ///
    /// # Errors
    /// What the store says.
    pub async fn keep_trusted(&self, clerk_id: &ClerkId) -> Result<(), StoreError> {
        let user = UserId::from(derived(&[TRUSTED, clerk_id.as_str()]));
        let name = names::made_up();
        self.0.store.keep_external(&user, clerk_id.as_str(), &name, wall_ms()).await?;
        self.forget_person(&user);
        Ok(())
    }

    /// Returns how long a socket may live on a login without a newer token; `None` if as long as the
    /// login.
    pub fn socket_life(&self, login: Option<&LoginId>) -> Option<Duration> {
        login
            .filter(|login| login.as_str().starts_with(PREFIX))
            .map(|_| self.0.config.oidc.socket_life)
    }
}

/// Makes an id of texts: the same one of the same texts, and never that of others.
fn derived(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&hash.finalize()[..24]))
}
