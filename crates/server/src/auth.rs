//! Who somebody is: accounts, guests, and the tokens that prove it.
//!
//! Nothing a client says about itself counts; only a token does. Start reading at
//! [`Auth::verify_headers`], then `logins` for how tokens come to be.

pub mod accounts;
mod cache;
pub mod cookies;
mod external;
mod issuers;
pub mod keys;
mod links;
mod logins;
pub mod names;
mod passwords;
mod tickets;
mod tokens;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use parlor_protocol::{Code, LoginId, UserId};
use parlor_room::Principal;
use parlor_store::{Guest, LoginRow, Person, PersonKind, Store, StoreError};

use crate::clock::wall_ms;
use crate::cluster::wire;
use crate::config::Config;
use crate::http::answer::store_code;
use crate::rooms::Rooms;
use cache::Cache;
use cookies::Cookie;
use issuers::Issuers;
pub use keys::KeyError;
use keys::KeyRing;
pub use logins::Session;
use passwords::Passwords;
use tickets::Tickets;

/// How long a guest's token is good.
pub const GUEST_LIFE: Duration = Duration::from_secs(30 * 86_400);

/// Somebody whose token was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The person.
    pub who: Principal,
    /// The login behind the token; a guest has none.
    pub login: Option<LoginId>,
    /// Whether the token came in a cookie, which a browser adds whoever wrote the page.
    pub by_cookie: bool,
}

impl Verified {
    /// Puts it into a form for other nodes.
    fn to_lend(&self) -> Bytes {
        let person = wire::Person::from(&self.who);
        let login = self.login.as_ref().map(LoginId::as_str);
        serde_json::to_vec(&(person, login)).expect("plain values are JSON").into()
    }

    /// Reads what another node lent; `None` if it is of another version.
    fn from_lent(lent: &[u8]) -> Option<Self> {
        let (person, login): (wire::Person, Option<String>) = serde_json::from_slice(lent).ok()?;
        Some(Self { who: person.into(), login: login.map(LoginId::from), by_cookie: false })
    }
}

/// Checks tokens and makes them. Cheap to clone.
#[derive(Clone)]
pub struct Auth(Arc<Inner>);

struct Inner {
    config: Arc<Config>,
    store: Store,
    rooms: Rooms,
    signing: KeyRing,
    families: KeyRing,
    passwords: Passwords,
    tickets: Tickets,
    issuers: Issuers,
    logins: Cache<LoginId, LoginRow>,
    logins_by_hash: Cache<Vec<u8>, LoginRow>,
    people: Cache<UserId, Option<Person>>,
}

impl Auth {
    /// Reads the keys and starts the thread that hashes passwords.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn open(config: Arc<Config>, store: Store, rooms: Rooms) -> Result<Self, KeyError> {
        let secret = config.secret.as_deref();
        let signing = KeyRing::open(&store, "sign", secret, wall_ms()).await?;
        let families = KeyRing::open(&store, "refresh", secret, wall_ms()).await?;
        let issuers = Issuers::open(&config.oidc).map_err(KeyError::NoRoots)?;
        Ok(Self(Arc::new(Inner {
            config,
            store,
            rooms,
            signing,
            families,
            passwords: Passwords::start(),
            tickets: Tickets::default(),
            issuers,
            logins: Cache::default(),
            logins_by_hash: Cache::default(),
            people: Cache::default(),
        })))
    }

    /// Finds out who sends a request: by `Authorization: Bearer`, the cookie `authToken`, the
    /// cookie `x-auth-token`, then `query_token`, which only sockets have. A cookie that is no
    /// longer good gives way to the next, for a browser cannot drop it by itself.
    ///
    /// Whether cookies may speak for the person at all is for the caller to know; see
    /// [`crate::http::gate::cookies_count`].
    ///
    /// # Errors
    /// [`Code::MissingToken`], [`Code::InvalidToken`], or [`Code::Unavailable`].
    pub async fn verify_headers(
        &self,
        headers: &HeaderMap,
        query_token: Option<&str>,
    ) -> Result<Verified, Code> {
        if let Some(token) = bearer(headers) {
            return self.verify_token(token?).await;
        }
        match self.verify_cookies(headers).await {
            Err(Code::MissingToken | Code::InvalidToken) if query_token.is_some() => {
                self.verify_query(query_token.unwrap_or_default()).await
            }
            outcome => outcome,
        }
    }

    /// Does the same without looking at the cookies.
    ///
    /// # Errors
    /// As [`Auth::verify_headers`].
    pub async fn verify_without_cookies(
        &self,
        headers: &HeaderMap,
        query_token: Option<&str>,
    ) -> Result<Verified, Code> {
        match (bearer(headers), query_token) {
            (Some(token), _) => self.verify_token(token?).await,
            (None, Some(token)) => self.verify_query(token).await,
            (None, None) => Err(Code::MissingToken),
        }
    }

    async fn verify_cookies(&self, headers: &HeaderMap) -> Result<Verified, Code> {
        let mut outcome = Err(Code::MissingToken);
        for cookie in [Cookie::Login, Cookie::Guest] {
            let Some(token) = cookie.read(headers).filter(|token| !token.is_empty()) else {
                continue;
            };
            outcome = self.verify_token(token).await;
            match &mut outcome {
                Ok(verified) => verified.by_cookie = true,
                Err(Code::InvalidToken) => continue,
                Err(_) => {}
            }
            break;
        }
        outcome
    }

    async fn verify_query(&self, token: &str) -> Result<Verified, Code> {
        match self.redeem(token).await? {
            Some(verified) => {
                if let Some(login) = &verified.login {
                    self.live_login(login).await?;
                }
                Ok(verified)
            }
            None => self.verify_token(token).await,
        }
    }

    /// Finds out whose token it is: an access token, a guest's, a login's own, or another issuer's.
    ///
    /// # Errors
    /// [`Code::InvalidToken`], or [`Code::Unavailable`].
    pub async fn verify_token(&self, token: &str) -> Result<Verified, Code> {
        if token.starts_with(tokens::LOGIN_PREFIX) {
            let login = self.login_of_token(token).await?;
            return self.account(login.user_id, login.id).await;
        }
        // Before our own keys: whose token it is decides which keys may prove it.
        if let Some(issuer) = self.0.issuers.of(token) {
            return self.external(issuer, token).await;
        }
        let key_id = tokens::key_of(token).ok_or(Code::InvalidToken)?;
        let key = self.0.signing.find(&key_id).await.ok_or(Code::InvalidToken)?;
        let claims = tokens::verify(token, &key).ok_or(Code::InvalidToken)?;
        match (claims.login, claims.name) {
            (Some(login), _) => {
                let login = self.live_login(&login).await?;
                if login.user_id != claims.sub {
                    return Err(Code::InvalidToken);
                }
                self.account(claims.sub, login.id).await
            }
            (None, Some(name)) => self.guest(claims.sub, name).await,
            (None, None) => Err(Code::InvalidToken),
        }
    }

    async fn account(&self, user: UserId, login: LoginId) -> Result<Verified, Code> {
        let person = self.person(&user).await?.ok_or(Code::InvalidToken)?;
        if person.is_disabled {
            return Err(Code::InvalidToken);
        }
        let display_name = person.display_name.into();
        let is_guest = person.kind == PersonKind::Guest;
        let who = Principal { user_id: user, display_name, is_guest };
        Ok(Verified { who, login: Some(login), by_cookie: false })
    }

    async fn guest(&self, user: UserId, name: String) -> Result<Verified, Code> {
        let kept = self.person(&user).await?;
        let display_name = kept.map_or(name, |person| person.display_name).into();
        let who = Principal { user_id: user, display_name, is_guest: true };
        Ok(Verified { who, login: None, by_cookie: false })
    }

    /// Forgets what was read from the store longer ago than it is believed.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.0.logins.sweep(now);
        self.0.logins_by_hash.sweep(now);
        self.0.people.sweep(now);
    }

    /// Finds somebody, believing what was read a moment ago.
    async fn person(&self, id: &UserId) -> Result<Option<Person>, Code> {
        let now = Instant::now();
        if let Some(person) = self.0.people.get(id, now) {
            return Ok(person);
        }
        let person = self.0.store.user(id).await.map_err(|error| store_code(&error))?;
        self.0.people.put(id.clone(), person.clone(), now);
        Ok(person)
    }

    /// Says whether somebody runs the site, or did 5 s ago.
    ///
    /// # Errors
    /// [`Code::Unavailable`].
    pub async fn runs_the_site(&self, id: &UserId) -> Result<bool, Code> {
        let person = self.person(id).await?;
        Ok(person.is_some_and(|person| person.is_admin && !person.is_disabled))
    }

    async fn live_login(&self, id: &LoginId) -> Result<LoginRow, Code> {
        let now = Instant::now();
        let login = match self.0.logins.get(id, now) {
            Some(login) => Some(login),
            None => {
                let read = self.0.store.login(id).await.map_err(|error| store_code(&error))?;
                if let Some(login) = &read {
                    self.0.logins.put(id.clone(), login.clone(), now);
                }
                read
            }
        };
        login.filter(|login| login.is_live(wall_ms())).ok_or(Code::InvalidToken)
    }

    async fn login_of_token(&self, token: &str) -> Result<LoginRow, Code> {
        let (now, hash) = (Instant::now(), tokens::login_token_hash(token));
        let login = match self.0.logins_by_hash.get(&hash, now) {
            Some(login) => Some(login),
            None => {
                let read = self.0.store.login_by_cookie_hash(&hash).await;
                let read = read.map_err(|error| store_code(&error))?;
                if let Some(login) = &read {
                    self.0.logins_by_hash.put(hash, login.clone(), now);
                }
                read
            }
        };
        login.filter(|login| login.is_live(wall_ms())).ok_or(Code::InvalidToken)
    }

    /// Makes a ticket that opens one socket within 30 s, on whichever node.
    ///
    /// # Errors
    /// [`Code::Busy`].
    pub async fn ticket(&self, verified: Verified) -> Result<String, Code> {
        let verified = Verified { by_cookie: false, ..verified };
        let ticket = self.0.tickets.issue(verified.clone(), Instant::now())?;
        if let Some(cluster) = self.0.rooms.cluster()
            && cluster.lend(&ticket, verified.to_lend(), tickets::LIFE).await
        {
            // It is good once: there, and not here as well.
            self.0.tickets.redeem(&ticket, Instant::now());
        }
        Ok(ticket)
    }

    async fn redeem(&self, token: &str) -> Result<Option<Verified>, Code> {
        let own = self.0.tickets.redeem(token, Instant::now());
        match self.0.rooms.cluster() {
            Some(cluster) if own.is_none() && tickets::is_ticket(token) => {
                let lent = cluster.borrow(token).await.map_err(|_| Code::Unavailable)?;
                Ok(lent.and_then(|lent| Verified::from_lent(&lent)))
            }
            _ => Ok(own),
        }
    }

    /// Makes a guest and the token that proves it. Nothing is written: most guests look and go.
    pub fn new_guest(&self, name: Option<String>) -> (Principal, String) {
        let user_id = UserId::from(format!("guest_{}", uuid::Uuid::new_v4().simple()));
        let name = name.unwrap_or_else(names::made_up);
        let claims = tokens::Claims::of_guest(
            user_id.clone(),
            name.clone(),
            wall_ms(),
            GUEST_LIFE.as_secs(),
        );
        let (key_id, key) = self.0.signing.newest();
        let token = tokens::sign(&claims, key_id, &key);
        (Principal { user_id, display_name: name.into(), is_guest: true }, token)
    }

    /// Keeps a guest who writes something; an account is kept already.
    ///
    /// # Errors
    /// What the store says.
    pub async fn keep(&self, who: &Principal) -> Result<(), StoreError> {
        if !who.is_guest {
            return Ok(());
        }
        let is_kept = self.0.people.get(&who.user_id, Instant::now()).flatten().is_some();
        if is_kept {
            return Ok(());
        }
        let guest = Guest {
            id: who.user_id.clone(),
            display_name: who.display_name.to_string(),
            created_at_ms: wall_ms(),
        };
        self.0.store.keep_guest(guest).await?;
        self.forget_person(&who.user_id);
        Ok(())
    }

    /// Forgets what is remembered of a person, after a change.
    pub fn forget_person(&self, id: &UserId) {
        self.0.people.forget(|key, _| key == id);
    }
}

/// Returns the bearer token, or why there is none although the header is there.
fn bearer(headers: &HeaderMap) -> Option<Result<&str, Code>> {
    let value = headers.get(header::AUTHORIZATION)?;
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    Some(token.filter(|token| !token.is_empty()).ok_or(Code::InvalidToken))
}
