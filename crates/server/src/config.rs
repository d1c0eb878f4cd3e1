//! The configuration: what can be set, where it is read from, and what it means.

pub mod example;
pub mod mail;
pub mod network;
pub mod oidc;
pub mod role;
pub mod settings;
pub mod sockets;
pub mod sources;
pub mod tls;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use mail::MailConfig;
pub use network::Network;
pub use oidc::OidcConfig;
pub use role::{Listen, Role};
pub use sockets::{House, SocketSettings};
pub use sources::{Flags, Found, Values};
pub use tls::{PairFiles, Tls};

/// The configuration in force. See [`settings`] for what each setting is for.
#[derive(Clone, PartialEq)]
pub struct Config {
    /// Addresses to listen on, at least one, and what is answered on each.
    pub listen: Vec<Listen>,
    /// Whether the addresses were chosen by a person; an address of the default set that this
    /// machine lacks is left out.
    pub listen_is_default: bool,
    /// The folder for everything that is kept.
    pub data_dir: PathBuf,
    /// `sqlite://…` or `postgres://…`.
    pub database_url: String,
    /// `redis://…` or `rediss://…`, if there are other nodes.
    pub redis_url: Option<String>,
    /// The origin people type, if it is not the server's own.
    pub public_url: Option<Site>,
    /// The origin where sockets are opened, if that is another one; `http…` also where it was
    /// written `ws…`.
    pub sync_url: Option<Site>,
    /// What is spoken on the addresses.
    pub tls: Tls,
    /// Sites whose pages may use the server.
    pub allowed_origins: Vec<String>,
    /// Proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<Network>,
    /// Where mail goes out; `None` if none does.
    pub mail: Option<MailConfig>,
    /// Wraps the keys in the database.
    pub secret: Option<String>,
    /// Who may read `/metrics`.
    pub metrics_from: Vec<Network>,
    /// Life of an access token.
    pub access_token_life: Duration,
    /// Life of an unused login.
    pub login_life: Duration,
    /// Cores that carry rooms and sockets; 0 for all.
    pub cores: usize,
    /// Connections held at once.
    pub max_connections: usize,
    /// Whose session tokens are taken beside our own.
    pub oidc: OidcConfig,
    /// The filter of the log.
    pub log: String,
    /// Whether rates and limits per person or address are lifted.
    pub insecure_no_rate_limits: bool,
    /// What Socket.IO clients and the server keep to. Nobody sets it.
    pub sockets: SocketSettings,
    /// Whether a header may name an external user without proof.
    pub insecure_trust_clerk_id: bool,
}

/// A scheme and a host, with the port where it is not the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// `https://parlor.example.org`, as browsers write it in `Origin`.
    pub origin: String,
    /// The host alone, in lower case, without a port.
    pub host: String,
    /// Whether the scheme is https.
    pub is_https: bool,
}

impl Site {
    /// Reads `http://host`, `https://host:port`, with or without a `/` at the end.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().trim_end_matches('/').to_ascii_lowercase();
        let uri: http::Uri = lower.parse().ok()?;
        let is_https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        if uri.path() != "/" || uri.query().is_some() || authority.as_str().contains('@') {
            return None;
        }
        let own_port = if is_https { 443 } else { 80 };
        let port = authority.port_u16().filter(|port| *port != own_port);
        let host = authority.host().to_owned();
        let scheme = if is_https { "https" } else { "http" };
        let origin = match port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Some(Self { origin, host, is_https })
    }

    /// Reads the same, and `ws://…` and `wss://…` as what they are beneath.
    pub fn parse_socket(text: &str) -> Option<Self> {
        match text.trim().split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ws") => {
                Self::parse(&format!("http://{rest}"))
            }
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("wss") => {
                Self::parse(&format!("https://{rest}"))
            }
            _ => Self::parse(text),
        }
    }

    /// Returns the origin as the addresses of WebSockets begin.
    pub fn socket_origin(&self) -> String {
        self.origin.replacen("http", "ws", 1)
    }
}

impl Config {
    /// Reads the configuration from flags, environment, `.env` and file.
    ///
    /// # Errors
    /// Every problem there is, each a whole sentence.
    pub fn load(flags: &Flags) -> Result<(Self, Values), Vec<String>> {
        let env = |name: &str| std::env::var(name).ok();
        let values = sources::gather(flags, &env, Path::new("."))?;
        let config = Self::from_values(&values)?;
        Ok((config, values))
    }

    /// Gives the values their meaning.
    ///
    /// # Errors
    /// Every problem there is, each a whole sentence that names who set the value.
    pub fn from_values(values: &Values) -> Result<Self, Vec<String>> {
        let mut read = Reader { values, problems: Vec::new() };
        let data_dir = PathBuf::from(read.text("data_dir"));
        let listen = read.listen();
        let database_url = read.database_url(&data_dir);
        let redis_url = read.redis_url(&database_url);
        let secret = Some(read.text("secret").to_owned()).filter(|secret| !secret.is_empty());
        if secret.as_ref().is_some_and(|secret| secret.chars().count() < 32) {
            read.problem("secret", "is shorter than 32 characters");
        }
        let tls = read.tls();
        let public_url = read.public_url();
        if tls.is_on() && public_url.as_ref().is_some_and(|site| !site.is_https) {
            read.problem("public_url", "begins with http://, but this server speaks https");
        }
        let sync_url = read.sync_url(&listen);
        let mail = read.mail(public_url.as_ref());
        let oidc = read.oidc();
        let origin = |text: &str| Site::parse(text).map(|site| site.origin);
        let network = |text: &str| text.parse().ok();
        let config = Self {
            listen_is_default: values["listen"].origin == "the default",
            listen,
            data_dir,
            database_url,
            redis_url,
            public_url,
            sync_url,
            tls,
            allowed_origins: read.list(
                "allowed_origins",
                "an origin such as https://app.example.org",
                origin,
            ),
            trusted_proxies: read.list("trusted_proxies", "a network such as 10.0.0.0/8", network),
            mail,
            oidc,
            secret,
            metrics_from: read.list("metrics_from", "a network such as 127.0.0.0/8", network),
            access_token_life: Duration::from_secs(read.number("access_token_seconds", 1..=86_400)),
            login_life: Duration::from_secs(86_400 * read.number("login_days", 1..=365)),
            cores: read.number("cores", 0..=1_024) as usize,
            max_connections: read.number("max_connections", 1..=10_000_000) as usize,
            log: read.text("log").to_owned(),
            insecure_no_rate_limits: read.switch("insecure_no_rate_limits"),
            sockets: SocketSettings::default(),
            insecure_trust_clerk_id: read.switch("insecure_trust_clerk_id"),
        };
        if read.problems.is_empty() { Ok(config) } else { Err(read.problems) }
    }

    /// Says whether an address is a proxy whose forwarding headers are believed.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }

    /// Returns the address to show to the person who started the server.
    pub fn address_to_open(&self) -> String {
        // Where there are sockets alone, nobody finds a page.
        let site = if self.is_api() { &self.public_url } else { &self.sync_url };
        if let Some(site) = site {
            return site.origin.clone();
        }
        let (scheme, first) = (self.scheme(), self.listen[0].address);
        let ip = first.ip();
        if ip.is_loopback() || ip.is_unspecified() {
            format!("{scheme}://localhost:{}", first.port())
        } else {
            format!("{scheme}://{first}")
        }
    }

    /// Returns what the server's own addresses begin with.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_on() { "https" } else { "http" }
    }

    /// Says whether cookies must only travel encrypted: the server speaks https itself, or a proxy
    /// does it for the public address.
    pub fn is_https(&self) -> bool {
        self.tls.is_on() || self.public_url.as_ref().is_some_and(|site| site.is_https)
    }
}

/// Splits a list at its commas; spaces around an entry and empty entries do not count.
pub(crate) fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

struct Reader<'a> {
    values: &'a Values,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    fn text(&self, key: &str) -> &'a str {
        self.values[key].text.trim()
    }

    fn problem(&mut self, key: &str, what: &str) {
        let found = &self.values[key];
        self.problems.push(format!("{key} (set by {}) {what}.", found.origin));
    }

    fn list<T>(&mut self, key: &str, wanted: &str, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let mut read = Vec::new();
        for entry in entries(self.text(key)) {
            match parse(entry) {
                Some(value) => read.push(value),
                None => self.problem(key, &format!("contains {entry:?}, which is not {wanted}")),
            }
        }
        read
    }

    fn number(&mut self, key: &str, range: std::ops::RangeInclusive<u64>) -> u64 {
        match self.text(key).parse::<u64>() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let (low, high) = (range.start(), range.end());
                self.problem(key, &format!("must be a whole number from {low} to {high}"));
                *low
            }
        }
    }

    fn switch(&mut self, key: &str) -> bool {
        match self.text(key).to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => true,
            "false" | "0" | "no" | "off" | "" => false,
            _ => {
                self.problem(key, "must be true or false");
                false
            }
        }
    }

    fn public_url(&mut self) -> Option<Site> {
        let wanted = "http:// or https:// and a host, such as https://parlor.example.org";
        self.site("public_url", wanted, Site::parse)
    }

    fn site(
        &mut self,
        key: &str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<Site>,
    ) -> Option<Site> {
        let text = self.text(key);
        if text.is_empty() {
            return None;
        }
        let site = parse(text);
        if site.is_none() {
            self.problem(key, &format!("must be {wanted}"));
        }
        site
    }

    fn database_url(&mut self, data_dir: &Path) -> String {
        let text = self.text("database_url");
        if text.is_empty() {
            return format!("sqlite://{}", data_dir.join("parlor.db").display());
        }
        let known = ["sqlite:", "postgres://", "postgresql://"];
        if !known.iter().any(|start| text.starts_with(start)) {
            let what = match text.split_once("://") {
                Some(("redis" | "rediss", _)) => {
                    "must begin with sqlite: or postgres://; Redis belongs into PARLOR_REDIS_URL"
                }
                _ => "must begin with sqlite: or postgres://",
            };
            self.problem("database_url", what);
        }
        text.to_owned()
    }

    fn redis_url(&mut self, database_url: &str) -> Option<String> {
        let text = self.text("redis_url");
        if text.is_empty() {
            return None;
        }
        if !text.starts_with("redis://") && !text.starts_with("rediss://") {
            let what = match text.split_once(':') {
                Some(("postgres" | "postgresql" | "sqlite", _)) => {
                    "must begin with redis:// or rediss://; a database belongs into \
                     PARLOR_DATABASE_URL"
                }
                _ => "must begin with redis:// or rediss://",
            };
            self.problem("redis_url", what);
        } else if !database_url.starts_with("postgres") {
            let what = "is for several nodes, which need PARLOR_DATABASE_URL to begin with \
                        postgres://";
            self.problem("redis_url", what);
        }
        Some(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn load(flags: &[(&'static str, &str)], env: &[(&str, &str)], folder: &Path) -> Loaded {
        let flags = Flags {
            values: flags.iter().map(|(key, text)| (*key, (*text).to_owned())).collect(),
            file: None,
        };
        let env: BTreeMap<_, _> = env.iter().copied().collect();
        let lookup = |name: &str| env.get(name).map(|text| (*text).to_owned());
        let values = sources::gather(&flags, &lookup, folder)?;
        Config::from_values(&values)
    }

    type Loaded = Result<Config, Vec<String>>;

    #[test]
    fn flag_wins_over_environment_over_dotenv_over_file_over_default() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let data_dir = |loaded: Loaded| loaded.unwrap().data_dir.display().to_string();
        assert_eq!(data_dir(load(&[], &[], path)), "./data");
        std::fs::write(path.join("parlor.toml"), "data_dir = 'file'").unwrap();
        assert_eq!(data_dir(load(&[], &[], path)), "file");
        std::fs::write(path.join(".env"), "# a comment\nexport PARLOR_DATA_DIR=\"dotenv\"\n")
            .unwrap();
        assert_eq!(data_dir(load(&[], &[], path)), "dotenv");
        let env = [("PARLOR_DATA_DIR", "env")];
        assert_eq!(data_dir(load(&[], &env, path)), "env");
        assert_eq!(data_dir(load(&[("data_dir", "flag")], &env, path)), "flag");
    }

    #[test]
    fn a_secret_may_be_in_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
        let name = file.display().to_string();
        let config = load(&[], &[("PARLOR_SECRET_FILE", &name)], folder.path()).unwrap();
        assert_eq!(config.secret.as_deref(), Some("0123456789abcdef0123456789abcdef"));
    }

    #[test]
    fn every_bad_value_is_named_with_who_set_it() {
        let folder = tempfile::tempdir().unwrap();
        let env = [
            ("PARLOR_LISTEN", "localhost"),
            ("PARLOR_PUBLIC_URL", "parlor.example.org"),
            ("PARLOR_DATABASE_URL", "mysql://x"),
            ("PARLOR_TRUSTED_PROXIES", "10.0.0.0/99"),
            ("PARLOR_LOGIN_DAYS", "0"),
            ("PARLOR_INSECURE_NO_RATE_LIMITS", "maybe"),
            ("PARLOR_SECRET", "short"),
        ];
        let Err(problems) = load(&[], &env, folder.path()) else { panic!("accepted") };
        for (name, _) in env {
            assert!(problems.iter().any(|problem| problem.contains(name)), "{name}: {problems:?}");
        }
    }

    #[test]
    fn an_address_in_the_wrong_variable_names_the_right_one() {
        let folder = tempfile::tempdir().unwrap();
        for (wrong, address, right) in [
            ("PARLOR_DATABASE_URL", "redis://cache", "PARLOR_REDIS_URL"),
            ("PARLOR_DATABASE_URL", "rediss://cache", "PARLOR_REDIS_URL"),
            ("PARLOR_REDIS_URL", "postgres://db/parlor", "PARLOR_DATABASE_URL"),
            ("PARLOR_REDIS_URL", "sqlite:data/parlor.db", "PARLOR_DATABASE_URL"),
        ] {
            let Err(problems) = load(&[], &[(wrong, address)], folder.path()) else {
                panic!("{address} is accepted")
            };
            let named = problems.iter().any(|it| it.contains(wrong) && it.contains(right));
            assert!(named, "{problems:?}");
        }
        for address in ["http://cache", "cache:6379"] {
            let Err(problems) = load(&[], &[("PARLOR_REDIS_URL", address)], folder.path()) else {
                panic!("{address} is accepted")
            };
            assert!(problems[0].contains("must begin with redis://"), "{problems:?}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("parlor.toml"), "data-dir = 'x'\nfilm = 1\n").unwrap();
        let Err(problems) = load(&[], &[], folder.path()) else { panic!("accepted") };
        assert!(problems.iter().any(|p| p.contains("did you mean data_dir?")), "{problems:?}");
        assert!(problems.iter().any(|p| p.contains("unknown key film")), "{problems:?}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("parlor.toml"), "login_days = 'many'").unwrap();
        let Err(problems) = load(&[], &[], folder.path()) else { panic!("accepted") };
        assert!(problems[0].ends_with("must be a whole number."), "{problems:?}");
    }

    #[test]
    fn a_redacted_configuration_shows_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let lookup = |name: &str| {
            (name == "PARLOR_DATABASE_URL").then(|| "postgres://me:hunter22@db/parlor".to_owned())
        };
        let values = sources::gather(&Flags::default(), &lookup, folder.path()).unwrap();
        assert!(!example::in_force(&values, true).contains("hunter22"));
        assert!(example::in_force(&values, false).contains("hunter22"));
        assert!(example::in_force(&values, true).parse::<toml::Table>().is_ok());
    }

    #[test]
    fn a_mistyped_name_in_the_environment_is_found() {
        let names = ["PARLOR_DATADIR", "PARLOR_SECRET_FILE", "PARLOR_LOG", "HOME"];
        let unknown = sources::unknown_names(names.iter().map(|name| (*name).to_owned()));
        assert_eq!(unknown, ["PARLOR_DATADIR"]);
    }

    #[test]
    fn the_example_toml_is_toml_and_every_line_of_it_may_be_uncommented() {
        let folder = tempfile::tempdir().unwrap();
        let live: String = example::toml()
            .lines()
            .filter_map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')))
            .map(|line| format!("{line}\n"))
            .collect();
        std::fs::write(folder.path().join("parlor.toml"), live).unwrap();
        let written = load(&[], &[], folder.path()).unwrap();
        let mut default = load(&[], &[], tempfile::tempdir().unwrap().path()).unwrap();
        default.listen_is_default = false;
        assert!(written == default);
    }

    #[test]
    fn a_site_is_written_as_browsers_write_an_origin() {
        let origin = |text| Site::parse(text).map(|site| site.origin);
        assert_eq!(origin("https://Parlor.Example.org/").unwrap(), "https://parlor.example.org");
        assert_eq!(origin("https://parlor.org:443").unwrap(), "https://parlor.org");
        assert_eq!(origin("http://parlor.org:8080").unwrap(), "http://parlor.org:8080");
        for bad in ["parlor.org", "ftp://x", "https://a/b", "https://u@h", "https://", "*"] {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }
}
