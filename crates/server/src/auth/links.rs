//! What the links in mails are good for.

use parlor_protocol::Code;
use parlor_store::Purpose;

use super::{Auth, accounts};
use crate::clock::wall_ms;
use crate::http::answer::Refused;
use crate::mail::token_hash;

impl Auth {
    /// Sets another password for whoever has the link, and ends all their logins, with tokens and
    /// sockets.
    ///
    /// # Errors
    /// [`Code::LinkExpired`]; [`Code::Invalid`] if the password is too short or too long.
    pub async fn reset_password(&self, token: &str, password: String) -> Result<(), Refused> {
        accounts::check_password(&password)?;
        let (store, hash) = (&self.0.store, token_hash(token));
        // Looked at before the work of hashing; using it has the last word.
        let good = store.good_token(&hash, Purpose::Reset, wall_ms()).await?;
        let user = good.and_then(|token| token.user_id).ok_or(Code::LinkExpired)?;
        let password_hash = self.0.passwords.hash(password).await?;
        let logins = store.logins_of(&user, wall_ms()).await?;
        let used = store.reset_password(&hash, &password_hash, wall_ms()).await?;
        used.ok_or(Code::LinkExpired)?;
        for login in logins {
            self.end_login(&login.id).await?;
        }
        self.forget_person(&user);
        tracing::info!(%user, "set another password by a link");
        Ok(())
    }

    /// Notes that whoever has the link has the address.
    ///
    /// # Errors
    /// [`Code::LinkExpired`].
    pub async fn verify_email(&self, token: &str) -> Result<(), Refused> {
        let user = self.0.store.verify_email(&token_hash(token), wall_ms()).await?;
        let user = user.ok_or(Code::LinkExpired)?;
        self.forget_person(&user);
        Ok(())
    }
}
