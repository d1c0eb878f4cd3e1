//! The cookies by which browsers stay logged in.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

use crate::config::Config;

/// Which cookie it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// Holds an account's login token.
    Login,
    /// Holds a guest's token.
    Guest,
}

impl Cookie {
    fn bare_name(self) -> &'static str {
        match self {
            Cookie::Login => "authToken",
            Cookie::Guest => "x-auth-token",
        }
    }

    /// Under https the name promises that the cookie was set by this host alone, over https (RFC
    /// 6265bis, section 4.1.3.2).
    fn name(self, config: &Config) -> String {
        let prefix = if config.is_https() { "__Host-" } else { "" };
        format!("{prefix}{}", self.bare_name())
    }

    /// Reads the cookie, under its prefixed name first.
    pub fn read(self, headers: &HeaderMap) -> Option<&str> {
        let bare = self.bare_name();
        let mut unprefixed = None;
        for pair in headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
        {
            let Some((name, value)) = pair.trim().split_once('=') else { continue };
            let value = value.trim_matches('"');
            if name.strip_prefix("__Host-") == Some(bare) {
                return Some(value);
            }
            if name == bare && unprefixed.is_none() {
                unprefixed = Some(value);
            }
        }
        unprefixed
    }

    /// Writes the `Set-Cookie` that keeps `token` for `life`.
    pub fn set(self, config: &Config, token: &str, life: Duration) -> HeaderValue {
        self.write(config, token, life.as_secs())
    }

    /// Writes the `Set-Cookie` that makes the browser forget it.
    pub fn clear(self, config: &Config) -> HeaderValue {
        self.write(config, "", 0)
    }

    fn write(self, config: &Config, token: &str, seconds: u64) -> HeaderValue {
        let secure = if config.is_https() { "; Secure" } else { "" };
        let name = self.name(config);
        let text =
            format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
        HeaderValue::from_str(&text).expect("names and tokens are of letters, digits, - _ and .")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(cookie))])
    }

    #[test]
    fn the_prefixed_name_goes_before_the_bare_one() {
        let both = headers("authToken=bare; __Host-authToken=prefixed; x-auth-token=guest");
        assert_eq!(Cookie::Login.read(&both), Some("prefixed"));
        assert_eq!(Cookie::Guest.read(&both), Some("guest"));
        assert_eq!(Cookie::Login.read(&headers("authToken=bare")), Some("bare"));
        assert_eq!(Cookie::Login.read(&headers("notauthToken=bare; authToken")), None);
    }
}
