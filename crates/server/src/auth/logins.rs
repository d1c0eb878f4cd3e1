//! How a login begins, goes on and ends.

use std::time::{Duration, Instant};

use parlor_protocol::account::{Account, LoggedIn, Login, Register};
use parlor_protocol::{Code, LoginId, UserId, limits};
use parlor_store::{AccountRow, LoginRow, NewLogin, Person, PersonKind, Rotation};

use super::accounts::TakenEmail;
use super::tokens::{self, Claims, RefreshToken};
use super::{Auth, accounts, passwords};
use crate::clock::wall_ms;
use crate::http::answer::{Refused, store_code};

/// How long the refresh token before the current one still gets the same successor: a client
/// whose answer was lost, or whose tabs refresh at once, is no thief.
const OVERLAP_MS: i64 = 10_000;
/// A login that ends this much earlier than it could is given its whole life again.
const SLIDE_STEP_MS: i64 = 86_400_000;
/// Longest description of a client that is kept.
const USER_AGENT_CHARS: usize = 200;

/// What a client gets when it logs in.
pub struct Session {
    /// The account and the tokens, for the body.
    pub body: LoggedIn,
    /// The login's own token, for the cookie; `None` if the browser has it already.
    pub login_token: Option<String>,
}

impl Auth {
    /// Makes an account and logs it in.
    ///
    /// # Errors
    /// [`Code::Invalid`] with what is wrong, [`Code::UsernameTaken`]; [`Code::EmailTaken`] if that
    /// is to be told.
    pub async fn register(
        &self,
        form: Register,
        taken: TakenEmail,
        user_agent: Option<&str>,
    ) -> Result<Session, Refused> {
        let person = accounts::make(&self.0.store, &self.0.passwords, form, taken).await?;
        self.forget_person(&person.id);
        self.begin(person, user_agent).await
    }

    /// Logs an account in. An unknown name gets the same answer after the same time as a wrong
    /// password.
    ///
    /// # Errors
    /// [`Code::InvalidCredentials`]; [`Code::Invalid`] without any name.
    pub async fn log_in(&self, form: Login, user_agent: Option<&str>) -> Result<Session, Refused> {
        let found = match (&form.username, &form.email) {
            (Some(name), _) => self.0.store.account_named(name).await?,
            (None, Some(email)) => self.0.store.account_by_email(email.trim()).await?,
            (None, None) => return Err(Refused::invalid("Give a user name or an e-mail address")),
        };
        let (person, stored) = match found {
            Some(AccountRow { person, password_hash }) => (Some(person), password_hash),
            None => (None, None),
        };
        let is_right = self.is_password(form.password.clone(), stored.clone()).await?;
        match person {
            Some(person) if is_right && person.is_disabled => Err(Code::AccountDisabled.into()),
            Some(person) if is_right => {
                if stored.is_some_and(|stored| passwords::is_outdated(&stored)) {
                    let hash = self.0.passwords.hash(form.password).await?;
                    self.0.store.set_password_hash(&person.id, &hash).await?;
                }
                self.begin(person, user_agent).await
            }
            _ => Err(Code::InvalidCredentials.into()),
        }
    }

    /// Says whether a password is that of an account.
    ///
    /// # Errors
    /// [`Code::Busy`] if too many wait already; what the store says.
    pub async fn is_password_of(&self, user: &UserId, password: String) -> Result<bool, Refused> {
        let stored = self.0.store.account(user).await?.and_then(|account| account.password_hash);
        Ok(self.is_password(password, stored).await?)
    }

    /// Sets the password of an account. Its logins are for the caller to end.
    ///
    /// # Errors
    /// [`Code::Invalid`] if it is too short or too long; what the store says.
    pub async fn set_password(&self, user: &UserId, password: String) -> Result<(), Refused> {
        accounts::set(&self.0.store, &self.0.passwords, user, password).await
    }

    /// Hashes the password of a room.
    ///
    /// # Errors
    /// [`Code::Busy`] if too many wait already.
    pub async fn hash_password(&self, password: String) -> Result<String, Code> {
        self.0.passwords.hash(password).await
    }

    /// Says whether a password is the one that was hashed, in the same time without a hash.
    ///
    /// # Errors
    /// [`Code::Busy`] if too many wait already.
    pub async fn is_password(&self, password: String, hash: Option<String>) -> Result<bool, Code> {
        let fits = password.len() <= *limits::PASSWORD_BYTES.end();
        let password = if fits { password } else { String::new() };
        Ok(self.0.passwords.check(password, hash).await? && fits)
    }

    async fn begin(&self, person: Person, user_agent: Option<&str>) -> Result<Session, Refused> {
        let id = LoginId::from(uuid::Uuid::new_v4().simple().to_string());
        let login_token = tokens::new_login_token();
        let (key_id, key) = self.0.families.newest();
        let now_ms = wall_ms();
        let login = NewLogin {
            id: id.clone(),
            user_id: person.id.clone(),
            key_id,
            cookie_hash: tokens::login_token_hash(&login_token),
            user_agent: user_agent.map(|text| text.chars().take(USER_AGENT_CHARS).collect()),
            created_at_ms: now_ms,
            expires_at_ms: now_ms + self.login_life_ms(),
        };
        self.0.store.create_login(login).await?;
        let refresh_token = tokens::refresh_token(&id, 0, &key);
        let body = self.logged_in(person, id, refresh_token);
        Ok(Session { body, login_token: Some(login_token) })
    }

    fn logged_in(&self, person: Person, login: LoginId, refresh_token: String) -> LoggedIn {
        let life = self.0.config.access_token_life.as_secs();
        let (key_id, key) = self.0.signing.newest();
        let claims = Claims::of_login(person.id.clone(), login, wall_ms(), life);
        let access_token = tokens::sign(&claims, key_id, &key);
        LoggedIn { account: self.shown(person), access_token, refresh_token, expires_in: life }
    }

    fn login_life_ms(&self) -> i64 {
        self.0.config.login_life.as_millis() as i64
    }

    /// Returns how long the cookie of a login is kept.
    pub fn login_life(&self) -> Duration {
        self.0.config.login_life
    }

    /// Exchanges a refresh token for its successor and a new access token. The token before the
    /// current one gets the same successor for 10 s; anything older was stolen or leaked, and
    /// ends the login.
    ///
    /// # Errors
    /// [`Code::InvalidToken`].
    pub async fn refresh(&self, text: &str) -> Result<Session, Refused> {
        let token = RefreshToken::parse(text).ok_or(Code::InvalidToken)?;
        let login = self.0.store.login(&token.login).await?.ok_or(Code::InvalidToken)?;
        let key = self.0.families.find(&login.key_id).await.ok_or(Code::InvalidToken)?;
        let now_ms = wall_ms();
        if !token.is_genuine(&key) || !login.is_live(now_ms) {
            return Err(Code::InvalidToken.into());
        }
        let is_recent = |rotated_at_ms: Option<i64>| {
            rotated_at_ms.is_some_and(|at| now_ms.saturating_sub(at) < OVERLAP_MS)
        };
        let is_next = |current: i64| token.generation.checked_add(1) == Some(current);
        let generation = if token.generation == login.generation {
            match self.0.store.rotate(&login.id, token.generation, now_ms).await? {
                Rotation::Rotated { generation } => Some(generation),
                Rotation::Already { current_generation, rotated_at_ms } => {
                    (is_next(current_generation) && is_recent(rotated_at_ms))
                        .then_some(current_generation)
                }
                Rotation::Gone => return Err(Code::InvalidToken.into()),
            }
        } else {
            (is_next(login.generation) && is_recent(login.rotated_at_ms))
                .then_some(login.generation)
        };
        let Some(generation) = generation else {
            tracing::warn!(login = %login.id, "a refresh token came back; its login is ended");
            self.end_login(&login.id).await?;
            return Err(Code::InvalidToken.into());
        };
        self.slide(&login).await?;
        let person = self.person(&login.user_id).await?.ok_or(Code::InvalidToken)?;
        let refresh_token = tokens::refresh_token(&login.id, generation, &key);
        Ok(Session { body: self.logged_in(person, login.id, refresh_token), login_token: None })
    }

    /// Does the same for a browser that has the login's cookie. The refresh token stays the one
    /// it is: the cookie is as good as it, and tabs that refresh at once must not outrun one
    /// another.
    ///
    /// # Errors
    /// [`Code::InvalidToken`].
    pub async fn refresh_by_cookie(&self, login_token: &str) -> Result<Session, Refused> {
        let seen = self.login_of_token(login_token).await?;
        let login = self.0.store.login(&seen.id).await?.ok_or(Code::InvalidToken)?;
        if !login.is_live(wall_ms()) {
            return Err(Code::InvalidToken.into());
        }
        let key = self.0.families.find(&login.key_id).await.ok_or(Code::InvalidToken)?;
        self.slide(&login).await?;
        let person = self.person(&login.user_id).await?.ok_or(Code::InvalidToken)?;
        let refresh_token = tokens::refresh_token(&login.id, login.generation, &key);
        let body = self.logged_in(person, login.id, refresh_token);
        Ok(Session { body, login_token: Some(login_token.to_owned()) })
    }

    /// Gives a login that is being used its whole life again, at most once a day.
    async fn slide(&self, login: &LoginRow) -> Result<(), Refused> {
        let full = wall_ms() + self.login_life_ms();
        let step = SLIDE_STEP_MS.min(self.login_life_ms() / 2);
        if login.expires_at_ms + step < full {
            self.0.store.slide(&login.id, full).await?;
        }
        Ok(())
    }

    /// Gives the login behind a cookie its whole life again.
    ///
    /// # Errors
    /// [`Code::InvalidToken`], or what the store says.
    pub async fn slide_cookie(&self, login_token: &str) -> Result<(), Refused> {
        if !login_token.starts_with(tokens::LOGIN_PREFIX) {
            // An access token does as well in this cookie; its life is fixed.
            return Ok(());
        }
        let login = self.login_of_token(login_token).await?;
        self.slide(&login).await
    }

    /// Says to which login a refresh token belongs, if it is genuine.
    pub async fn login_of_refresh_token(&self, text: &str) -> Option<LoginId> {
        let token = RefreshToken::parse(text)?;
        let login = self.0.store.login(&token.login).await.ok()??;
        let key = self.0.families.find(&login.key_id).await?;
        token.is_genuine(&key).then_some(login.id)
    }

    /// Ends a login: its tokens, its tickets and its sockets.
    ///
    /// # Errors
    /// What the store says.
    pub async fn end_login(&self, id: &LoginId) -> Result<(), Refused> {
        self.0.store.revoke_login(id, wall_ms()).await?;
        self.forget_login(id);
        self.0.rooms.end_login(id).await;
        Ok(())
    }

    /// Forgets what was read of a login and its person: somebody else has changed them.
    pub fn forget_login(&self, id: &LoginId) {
        if let Some(login) = self.0.logins.get(id, Instant::now()) {
            self.forget_person(&login.user_id);
        }
        self.0.logins.forget(|key, _| key == id);
        self.0.logins_by_hash.forget(|_, login| login.id == *id);
    }

    /// Ends the logins of a person, all but the one to be spared.
    ///
    /// # Errors
    /// What the store says.
    pub async fn end_logins_of(
        &self,
        user: &UserId,
        spared: Option<&LoginId>,
    ) -> Result<(), Refused> {
        for login in self.logins_of(user).await? {
            if spared != Some(&login.id) {
                self.end_login(&login.id).await?;
            }
        }
        Ok(())
    }

    /// Returns a person's logins that are good now, the newest first.
    ///
    /// # Errors
    /// What the store says.
    pub async fn logins_of(&self, user: &UserId) -> Result<Vec<LoginRow>, Refused> {
        Ok(self.0.store.logins_of(user, wall_ms()).await?)
    }

    /// Makes what a guest did an account's own.
    ///
    /// # Errors
    /// What the store says.
    pub async fn merge_guest(&self, guest: &UserId, account: &UserId) -> Result<(), Refused> {
        self.0.store.merge_guest(guest, account).await?;
        self.forget_person(guest);
        self.0.rooms.inherit(guest, account).await;
        Ok(())
    }

    /// Returns the account behind somebody verified.
    ///
    /// # Errors
    /// [`Code::Unavailable`].
    pub async fn account_of(&self, user: &UserId) -> Result<Option<Account>, Code> {
        let person = self.0.store.user(user).await.map_err(|error| store_code(&error))?;
        Ok(person.map(|person| self.shown(person)))
    }

    fn shown(&self, person: Person) -> Account {
        let sends_mail = self.0.config.mail.is_some() && person.email.is_some();
        Account {
            is_email_verified: sends_mail.then_some(person.is_email_verified),
            id: person.id,
            username: person.username,
            email: person.email,
            display_name: person.display_name,
            created_at: parlor_room::iso_8601(person.created_at_ms),
            is_guest: person.kind == PersonKind::Guest,
            is_admin: person.is_admin,
            language: person.language,
            preferences: person
                .preferences
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default(),
        }
    }
}
