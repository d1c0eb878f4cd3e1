//! Whose session tokens are taken beside our own.

use std::time::Duration;

use super::Reader;
use super::network::is_this_machine;

/// Whose session tokens are taken beside our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcConfig {
    /// The issuers, as their tokens name them.
    pub issuers: Vec<String>,
    /// For whom tokens must be made: one of these stands in `aud` or `azp`.
    pub audiences: Vec<String>,
    /// How long a socket lives on a token.
    pub socket_life: Duration,
}

/// Says whether an address is one that keys may be fetched from: over https, or on this machine.
pub fn is_safe_origin(address: &http::Uri) -> bool {
    let host = address.host().unwrap_or_default();
    match address.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => is_this_machine(host),
        Some(_) | None => false,
    }
}

impl Reader<'_> {
    pub(super) fn oidc(&mut self) -> OidcConfig {
        let issuer = |text: &str| {
            let address: http::Uri = text.parse().ok()?;
            (is_safe_origin(&address) && address.query().is_none()).then(|| text.to_owned())
        };
        let form = "an address such as https://clerk.example.org; http:// only on this machine";
        let issuers = self.list("oidc_issuers", form, issuer);
        let audiences = self.list("oidc_audiences", "a text", |text| Some(text.trim().to_owned()));
        if !issuers.is_empty() && audiences.is_empty() {
            let what = "is empty: without it a token that an issuer made for anybody else would \
                        be taken too";
            self.problem("oidc_audiences", what);
        }
        let socket_life = Duration::from_secs(self.number("oidc_socket_seconds", 1..=43_200));
        OidcConfig { issuers, audiences, socket_life }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Flags, sources};

    fn load(values: &[(&'static str, &str)]) -> Result<OidcConfig, Vec<String>> {
        let values = values.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
        let flags = Flags { values, file: None };
        let folder = tempfile::tempdir().unwrap();
        let values = sources::gather(&flags, &|_| None, folder.path()).unwrap();
        Config::from_values(&values).map(|config| config.oidc)
    }

    #[test]
    fn issuers_speak_https_or_are_on_this_machine_and_name_for_whom() {
        for issuer in ["https://clerk.example.org", "http://127.0.0.1:4000", "http://[::1]:9/a"] {
            let read = load(&[("oidc_issuers", issuer), ("oidc_audiences", "us,them")]).unwrap();
            assert_eq!((read.issuers.len(), read.audiences.len()), (1, 2), "{issuer}");
        }
        for issuer in ["http://clerk.example.org", "ftp://localhost", "clerk", "https://a?b=c"] {
            let read = load(&[("oidc_issuers", issuer), ("oidc_audiences", "us")]);
            assert!(read.unwrap_err()[0].contains("oidc_issuers"), "{issuer}");
        }
        let read = load(&[("oidc_issuers", "https://clerk.example.org")]).unwrap_err();
        assert!(read[0].contains("oidc_audiences"), "{read:?}");
    }
}
