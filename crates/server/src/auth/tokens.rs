//! The texts that prove who somebody is: access tokens and guests' tokens (signed), the cookie's
//! login token (random, kept as a hash) and refresh tokens (derived, not kept at all).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use parlor_protocol::{LoginId, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::keys::Secret;

/// Who issues our tokens and whom they are for: us. A token of another system that happens to be
/// signed with the same key is none of ours.
const ISSUER: &str = "parlor";
/// Another node's clock may be this far behind ours, in seconds.
const SKEW_SECONDS: i64 = 30;
/// Begins every login token, which tells it from the other kinds.
pub const LOGIN_PREFIX: &str = "login_";
/// Begins every refresh token.
const REFRESH_PREFIX: &str = "refresh_";

/// What a signed token says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    aud: String,
    /// The person.
    pub sub: UserId,
    /// When it ends, in s since 1970.
    pub exp: i64,
    nbf: i64,
    iat: i64,
    /// The login behind it; a guest has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginId>,
    /// A guest's name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Claims {
    /// Says that somebody is behind a login.
    pub fn of_login(user: UserId, login: LoginId, now_ms: i64, life_seconds: u64) -> Self {
        Self { login: Some(login), ..Self::new(user, now_ms, life_seconds) }
    }

    /// Says that somebody is a guest of this name.
    pub fn of_guest(user: UserId, name: String, now_ms: i64, life_seconds: u64) -> Self {
        Self { name: Some(name), ..Self::new(user, now_ms, life_seconds) }
    }

    fn new(sub: UserId, now_ms: i64, life_seconds: u64) -> Self {
        let now = now_ms / 1_000;
        Self {
            iss: ISSUER.to_owned(),
            aud: ISSUER.to_owned(),
            sub,
            exp: now + life_seconds as i64,
            nbf: now - SKEW_SECONDS,
            iat: now,
            login: None,
            name: None,
        }
    }
}

/// Signs claims with a key, named in the token's header.
pub fn sign(claims: &Claims, key_id: String, key: &Secret) -> String {
    let header = Header { kid: Some(key_id), ..Header::new(Algorithm::HS256) };
    encode(&header, claims, &EncodingKey::from_secret(key.bytes()))
        .expect("claims are texts and numbers, and any bytes are an HMAC key")
}

/// Returns which key a signed token names; `None` if it is no signed token.
pub fn key_of(token: &str) -> Option<String> {
    jsonwebtoken::decode_header(token).ok()?.kid
}

/// Reads a signed token: one algorithm, our issuer and audience, within its time.
pub fn verify(token: &str, key: &Secret) -> Option<Claims> {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[ISSUER]);
    rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    rules.validate_nbf = true;
    rules.leeway = 0;
    let data = decode(token, &DecodingKey::from_secret(key.bytes()), &rules).ok()?;
    Some(data.claims)
}

/// Makes a login token.
pub fn new_login_token() -> String {
    format!("{LOGIN_PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// Returns what is kept of a login token. It is random and long, so a plain hash will do.
pub fn login_token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// A refresh token, taken apart but not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The login it belongs to.
    pub login: LoginId,
    /// Its place in the login's row of tokens.
    pub generation: i64,
    proof: Vec<u8>,
}

impl RefreshToken {
    /// Takes a text apart; `None` if it is no refresh token.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(REFRESH_PREFIX)?.split('.');
        let (login, generation, proof) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        Some(Self {
            login: LoginId::from(login),
            generation: generation.parse().ok()?,
            proof: URL_SAFE_NO_PAD.decode(proof).ok()?,
        })
    }

    /// Says whether the token was derived with this key.
    pub fn is_genuine(&self, key: &Secret) -> bool {
        derivation(&self.login, self.generation, key).verify_slice(&self.proof).is_ok()
    }
}

/// Derives the refresh token of a generation: the same one whenever it is asked for, so that a
/// client that lost the answer gets the same again.
pub fn refresh_token(login: &LoginId, generation: i64, key: &Secret) -> String {
    let proof = derivation(login, generation, key).finalize().into_bytes();
    format!("{REFRESH_PREFIX}{login}.{generation}.{}", URL_SAFE_NO_PAD.encode(proof))
}

fn derivation(login: &LoginId, generation: i64, key: &Secret) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.bytes()).expect("any bytes are an HMAC key");
    mac.update(login.as_str().as_bytes());
    mac.update(b".");
    mac.update(generation.to_string().as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Secret {
        Secret::for_tests(vec![byte; 32])
    }

    fn now_ms() -> i64 {
        crate::clock::wall_ms()
    }

    fn guest(now_ms: i64, life_seconds: u64) -> Claims {
        Claims::of_guest(UserId::from("u"), "Ada".to_owned(), now_ms, life_seconds)
    }

    #[test]
    fn a_signed_token_is_read_with_its_own_key_alone() {
        let claims = guest(now_ms(), 60);
        let token = sign(&claims, "k1".to_owned(), &key(1));
        assert_eq!(key_of(&token).as_deref(), Some("k1"));
        assert_eq!(verify(&token, &key(1)), Some(claims));
        assert_eq!(verify(&token, &key(2)), None);
    }

    #[test]
    fn a_token_outside_its_time_is_refused() {
        let over = guest(now_ms() - 61_000, 60);
        assert_eq!(verify(&sign(&over, "k".to_owned(), &key(1)), &key(1)), None);
        let early = guest(now_ms() + 90_000, 60);
        assert_eq!(verify(&sign(&early, "k".to_owned(), &key(1)), &key(1)), None);
    }

    #[test]
    fn a_token_for_others_or_from_others_is_refused() {
        let strangers = [
            Claims { iss: "someone".to_owned(), ..guest(now_ms(), 60) },
            Claims { aud: "someone".to_owned(), ..guest(now_ms(), 60) },
        ];
        for claims in strangers {
            assert_eq!(verify(&sign(&claims, "k".to_owned(), &key(1)), &key(1)), None);
        }
    }

    #[test]
    fn a_token_without_a_signature_or_with_another_algorithm_is_refused() {
        let claims = guest(now_ms(), 60);
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap());
        assert_eq!(verify(&format!("{none}.{body}."), &key(1)), None);
        let other = encode(
            &Header::new(Algorithm::HS512),
            &claims,
            &EncodingKey::from_secret(key(1).bytes()),
        );
        assert_eq!(verify(&other.unwrap(), &key(1)), None);
    }

    #[test]
    fn a_refresh_token_is_derived_and_cannot_be_changed() {
        let login = LoginId::from("family");
        let text = refresh_token(&login, 3, &key(1));
        assert_eq!(text, refresh_token(&login, 3, &key(1)));
        let token = RefreshToken::parse(&text).unwrap();
        assert_eq!((&token.login, token.generation), (&login, 3));
        assert!(token.is_genuine(&key(1)));
        assert!(!token.is_genuine(&key(2)));
        let raised = RefreshToken::parse(&text.replace(".3.", ".4.")).unwrap();
        assert!(!raised.is_genuine(&key(1)));
        assert_eq!(RefreshToken::parse("refresh_a.1"), None);
        assert_eq!(RefreshToken::parse("login_a.1.AA"), None);
    }
}
