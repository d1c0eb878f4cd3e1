//! Tokens of other issuers: Clerk, or whatever speaks OpenID Connect.
//!
//! An issuer's keys are fetched from where its discovery document says, kept, and fetched again when a
//! token names a key that is not among them. A fetch holds up nobody but those who wait for that very
//! key, and those not for long.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Uri;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use parlor_protocol::Code;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, Semaphore};

use crate::config::OidcConfig;
use crate::config::oidc::is_safe_origin;
use crate::tls;

/// How long two fetches are apart at least: whoever makes up names of keys makes us ask no oftener.
const PAUSE: Duration = Duration::from_secs(5);
/// Keys older than this are fetched anew behind the back of whoever asks; so long may a key work on
/// that its issuer withdrew.
const FRESH: Duration = Duration::from_secs(600);
/// Keys older than this are not believed, however long the issuer is away.
const BELIEVED: Duration = Duration::from_secs(86_400);
/// How long somebody waits for a key.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many wait for keys of one issuer at once.
const WAITING: usize = 64;
/// Largest document of an issuer, in bytes.
const LARGEST: usize = 256 * 1_024;
/// Most keys an issuer has.
const MOST_KEYS: usize = 64;
/// How far an issuer's clock may be off, in seconds.
const LEEWAY_SECONDS: u64 = 5;
/// Longest `sub`, in bytes (OpenID Connect Core 1.0, section 2).
const SUBJECT_BYTES: usize = 255;

type Http = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// Every issuer whose tokens are taken.
pub struct Issuers(Vec<Arc<Issuer>>);

/// What a good token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What the issuer calls the person.
    pub subject: String,
    /// The issuer's session, if it names it.
    pub session: Option<String>,
    /// The name to show, if it tells one.
    pub name: Option<String>,
    /// When the token was made.
    pub issued_at_ms: i64,
}

impl Issuers {
    /// Gets ready; nothing is fetched before the first token comes.
    ///
    /// # Errors
    /// Says why no connection could be made to any issuer: this system trusts no certificate.
    pub fn open(config: &OidcConfig) -> std::io::Result<Self> {
        if config.issuers.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(tls::provider())?
            .https_or_http()
            .enable_http1()
            .build();
        let http: Http = Client::builder(TokioExecutor::new()).build(connector);
        let issuer = |name: &String| {
            Arc::new(Issuer {
                name: name.clone(),
                audiences: config.audiences.clone(),
                http: http.clone(),
                keys: RwLock::default(),
                fetching: Mutex::default(),
                waiting: Semaphore::new(WAITING),
            })
        };
        Ok(Self(config.issuers.iter().map(issuer).collect()))
    }

    /// Finds whose token it says it is; nothing of it is believed yet.
    pub fn of(&self, token: &str) -> Option<&Arc<Issuer>> {
        #[derive(Deserialize)]
        struct Named {
            iss: String,
        }
        if self.0.is_empty() {
            return None;
        }
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        let Named { iss } = serde_json::from_slice(&payload).ok()?;
        self.0.iter().find(|issuer| issuer.name == iss)
    }
}

/// An issuer and its keys.
pub struct Issuer {
    name: String,
    audiences: Vec<String>,
    http: Http,
    keys: RwLock<Keys>,
    fetching: Mutex<()>,
    waiting: Semaphore,
}

#[derive(Default)]
struct Keys {
    by_id: HashMap<String, Arc<Key>>,
    /// When they were fetched.
    read_at: Option<Instant>,
    /// When it was tried last.
    tried_at: Option<Instant>,
}

struct Key {
    /// The one algorithm it is for: what a token says of it does not count.
    algorithm: Algorithm,
    decoding: DecodingKey,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    aud: Audience,
    azp: Option<String>,
    iat: i64,
    sid: Option<String>,
    name: Option<String>,
    preferred_username: Option<String>,
    /// Stands in logout tokens (OpenID Connect Back-Channel Logout 1.0), which are no sessions.
    events: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Audience {
    fn texts(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

impl Issuer {
    /// Returns its name, which is its address.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads a token: signed with a key of this issuer's, by that key's own algorithm, for one of our
    /// audiences, within its time.
    ///
    /// # Errors
    /// [`Code::InvalidToken`]; [`Code::Unavailable`] if the issuer does not tell its keys.
    pub async fn verify(self: &Arc<Self>, token: &str, now_ms: i64) -> Result<Session, Code> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Code::InvalidToken)?;
        let key = self.key(&header.kid.ok_or(Code::InvalidToken)?).await?;
        if header.alg != key.algorithm {
            return Err(Code::InvalidToken);
        }
        let mut rules = Validation::new(key.algorithm);
        rules.set_issuer(&[&self.name]);
        rules.set_required_spec_claims(&["exp", "iss", "sub"]);
        rules.validate_nbf = true;
        // Clerk names whom it is for in `azp` alone; both are looked at below.
        rules.validate_aud = false;
        rules.leeway = LEEWAY_SECONDS;
        let read = jsonwebtoken::decode::<Claims>(token, &key.decoding, &rules);
        let claims = read.map_err(|_| Code::InvalidToken)?.claims;
        let named = claims.aud.texts().iter().chain(&claims.azp);
        let is_ours = named.into_iter().any(|name| self.audiences.contains(name));
        let is_made = claims.iat <= now_ms / 1_000 + LEEWAY_SECONDS as i64;
        let has_subject = (1..=SUBJECT_BYTES).contains(&claims.sub.len());
        if !is_ours || !is_made || !has_subject || claims.events.is_some() {
            return Err(Code::InvalidToken);
        }
        Ok(Session {
            subject: claims.sub,
            session: claims.sid,
            name: claims.name.or(claims.preferred_username),
            issued_at_ms: claims.iat.saturating_mul(1_000),
        })
    }

    /// Finds a key, fetching the issuer's keys if it is not among those that are known.
    async fn key(self: &Arc<Self>, id: &str) -> Result<Arc<Key>, Code> {
        if let Some((key, age)) = self.known(id) {
            if age > FRESH && self.is_rested() {
                // Whoever asks has what they need; a task of its own is not cut short with them.
                let issuer = Arc::clone(self);
                tokio::spawn(async move { issuer.fetch().await });
            }
            return Ok(key);
        }
        let _waiting = self.waiting.try_acquire().map_err(|_| Code::Unavailable)?;
        let patient = tokio::time::timeout(PATIENCE, async {
            let _fetching = self.fetching.lock().await;
            // Whoever waited before may have fetched it, or found that there is nothing to fetch.
            if self.known(id).is_none() && self.is_rested() {
                self.fetch().await;
            }
        });
        let was_patient = patient.await.is_ok();
        match self.known(id) {
            Some((key, _)) => Ok(key),
            None if was_patient && self.are_known() => Err(Code::InvalidToken),
            None => Err(Code::Unavailable),
        }
    }

    fn known(&self, id: &str) -> Option<(Arc<Key>, Duration)> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let age = keys.read_at?.elapsed();
        let key = keys.by_id.get(id).filter(|_| age < BELIEVED)?;
        Some((Arc::clone(key), age))
    }

    /// Says whether any keys are known.
    fn are_known(&self) -> bool {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.read_at.is_some_and(|at| at.elapsed() < BELIEVED)
    }

    /// Says whether it is long enough ago that the issuer was asked.
    fn is_rested(&self) -> bool {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.tried_at.is_none_or(|at| at.elapsed() >= PAUSE)
    }

    async fn fetch(&self) {
        let now = Instant::now();
        self.keys.write().unwrap_or_else(PoisonError::into_inner).tried_at = Some(now);
        match tokio::time::timeout(PATIENCE, self.read_keys()).await {
            Ok(Ok(by_id)) => {
                tracing::debug!(issuer = self.name, keys = by_id.len(), "read an issuer's keys");
                let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
                *keys = Keys { by_id, read_at: Some(now), tried_at: Some(now) };
            }
            Ok(Err(reason)) => {
                tracing::warn!(issuer = self.name, reason, "an issuer does not tell its keys");
            }
            Err(_) => tracing::warn!(issuer = self.name, "an issuer takes too long to answer"),
        }
    }

    async fn read_keys(&self) -> Result<HashMap<String, Arc<Key>>, String> {
        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
            jwks_uri: String,
        }
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let base = self.name.trim_end_matches('/');
        let found = self.get(&format!("{base}/.well-known/openid-configuration")).await?;
        let set: Set = match found {
            Some(Discovery { issuer, .. }) if issuer != self.name => {
                return Err(format!("it calls itself {issuer}"));
            }
            Some(Discovery { jwks_uri, .. }) => self.get(&jwks_uri).await?,
            // Issuers of session tokens alone have no such document; Clerk puts its keys there.
            None => self.get(&format!("{base}/.well-known/jwks.json")).await?,
        }
        .ok_or("it has no keys where they should be")?;
        // Keys of kinds that are not known here are none of ours, and spoil no others.
        let keys = set.keys.into_iter().take(MOST_KEYS).filter_map(|key| {
            let jwk: Jwk = serde_json::from_value(key).ok()?;
            let key =
                Key { algorithm: algorithm(&jwk)?, decoding: DecodingKey::from_jwk(&jwk).ok()? };
            Some((jwk.common.key_id?, Arc::new(key)))
        });
        Ok(keys.collect())
    }

    /// Gets a JSON document; `None` if there is none at that address. It follows no redirection.
    async fn get<T: DeserializeOwned>(&self, address: &str) -> Result<Option<T>, String> {
        let uri: Uri = address.parse().map_err(|_| format!("{address} is no address"))?;
        if !is_safe_origin(&uri) {
            return Err(format!("{address} is not https"));
        }
        let answer = self.http.get(uri).await.map_err(|error| format!("{address}: {error}"))?;
        if answer.status() == http::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if answer.status() != http::StatusCode::OK {
            return Err(format!("{address} answers {}", answer.status()));
        }
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| format!("{address}: {error}"))?.to_bytes();
        serde_json::from_slice(&body).map(Some).map_err(|error| format!("{address}: {error}"))
    }
}

/// Says for which one algorithm a key is: the one it names, or the usual one of its kind. Keys that
/// are not for signatures, and keys that both sides share, are for none.
fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    let signs = jwk.common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature);
    let named = match jwk.common.key_algorithm {
        Some(named) => Some(Algorithm::try_from(named).ok()?),
        None => None,
    };
    let (usual, others): (_, &[Algorithm]) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (
            Algorithm::RS256,
            &[
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::PS384,
                Algorithm::PS512,
            ],
        ),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => (Algorithm::ES256, &[]),
            EllipticCurve::P384 => (Algorithm::ES384, &[]),
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(_) => (Algorithm::EdDSA, &[]),
        _ => return None,
    };
    let algorithm = named.unwrap_or(usual);
    (signs && (algorithm == usual || others.contains(&algorithm))).then_some(algorithm)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn algorithm_of(text: &str) -> Option<Algorithm> {
        algorithm(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a_key_is_for_one_algorithm_of_its_kind() {
        let rsa = |more: &str| format!(r#"{{"kty":"RSA","n":"AQAB","e":"AQAB"{more}}}"#);
        assert_eq!(algorithm_of(&rsa("")), Some(Algorithm::RS256));
        assert_eq!(algorithm_of(&rsa(r#","alg":"PS512","use":"sig""#)), Some(Algorithm::PS512));
        for more in [r#","alg":"HS256""#, r#","alg":"ES256""#, r#","alg":"RSA-OAEP""#] {
            assert_eq!(algorithm_of(&rsa(more)), None, "{more}");
        }
        assert_eq!(algorithm_of(&rsa(r#","use":"enc""#)), None);
        assert_eq!(algorithm_of(r#"{"kty":"oct","k":"AQAB","alg":"HS256"}"#), None);
        let curve = r#"{"kty":"EC","crv":"P-256","x":"AQAB","y":"AQAB"}"#;
        assert_eq!(algorithm_of(curve), Some(Algorithm::ES256));
    }
}
