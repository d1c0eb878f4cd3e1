//! What a server is for: requests and pages, the rooms' sockets, or both.

use std::net::SocketAddr;

use super::{Config, Reader, Site, entries};

/// What is answered on an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Pages and requests. Sockets are opened at the sync address.
    Api,
    /// Sockets alone.
    Sync,
    /// Everything.
    Both,
}

impl Role {
    /// Reads `api`, `sync` or `both`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "api" => Some(Self::Api),
            "sync" => Some(Self::Sync),
            "both" => Some(Self::Both),
            _ => None,
        }
    }

    /// Says whether pages and requests are answered.
    pub fn is_api(self) -> bool {
        match self {
            Self::Api | Self::Both => true,
            Self::Sync => false,
        }
    }

    /// Says whether sockets are opened.
    pub fn is_sync(self) -> bool {
        match self {
            Self::Sync | Self::Both => true,
            Self::Api => false,
        }
    }
}

/// An address to listen on, and what is answered there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address.
    pub address: SocketAddr,
    /// Its own role, or that of the server.
    pub role: Role,
}

impl Listen {
    /// Reads `127.0.0.1:3000`, or `127.0.0.1:3000=sync` for an address with a role of its own.
    fn parse(text: &str, role: Role) -> Option<Self> {
        let (address, role) = match text.split_once('=') {
            Some((address, own)) => (address, Role::parse(own)?),
            None => (text, role),
        };
        Some(Self { address: address.parse().ok()?, role })
    }
}

impl Config {
    /// Says whether pages and requests are answered on any address.
    pub fn is_api(&self) -> bool {
        self.listen.iter().any(|on| on.role.is_api())
    }

    /// Says whether sockets are opened on any address.
    pub fn is_sync(&self) -> bool {
        self.listen.iter().any(|on| on.role.is_sync())
    }
}

impl Reader<'_> {
    pub(super) fn listen(&mut self) -> Vec<Listen> {
        let role = Role::parse(self.text("role")).unwrap_or_else(|| {
            self.problem("role", "must be api, sync or both");
            Role::Both
        });
        let wanted = "an address such as 127.0.0.1:3000, or 127.0.0.1:3000=sync with a role";
        let listen = self.list("listen", wanted, |text| Listen::parse(text, role));
        if entries(self.text("listen")).next().is_none() {
            self.problem("listen", "names no address to listen on");
        }
        listen
    }

    /// Reads where sockets are opened, which who does not open them here has to know.
    pub(super) fn sync_url(&mut self, listen: &[Listen]) -> Option<Site> {
        let of_api = listen.iter().find(|on| on.role == Role::Api);
        match of_api.filter(|_| self.text("sync_url").is_empty()) {
            Some(on) => {
                let what = format!(
                    "is empty, but {} has the role api: set PARLOR_SYNC_URL to where sockets are \
                     opened, such as wss://sync.example.org",
                    on.address
                );
                self.problem("sync_url", &what);
                None
            }
            None => {
                let wanted = "ws:// or wss:// and a host, such as wss://sync.example.org";
                self.site("sync_url", wanted, Site::parse_socket)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, sources};

    fn load(values: &[(&'static str, &str)]) -> Result<Config, Vec<String>> {
        let values = values.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
        let flags = Flags { values, file: None };
        let folder = tempfile::tempdir().unwrap();
        Config::from_values(&sources::gather(&flags, &|_| None, folder.path()).unwrap())
    }

    fn roles(values: &[(&'static str, &str)]) -> Vec<Role> {
        load(values).unwrap_or_else(|e| panic!("{e:?}")).listen.iter().map(|on| on.role).collect()
    }

    #[test]
    fn an_address_has_its_own_role_or_the_servers() {
        let sync_url = ("sync_url", "wss://sync.example.org");
        assert_eq!(roles(&[]), [Role::Both, Role::Both]);
        assert_eq!(roles(&[("role", "sync")]), [Role::Sync, Role::Sync]);
        let listen = ("listen", "127.0.0.1:8080=api,[::1]:8081=sync,127.0.0.1:3000");
        assert_eq!(roles(&[listen, sync_url]), [Role::Api, Role::Sync, Role::Both]);
        assert_eq!(roles(&[listen, sync_url, ("role", "api")])[2], Role::Api);
    }

    #[test]
    fn the_role_api_needs_the_sync_address() {
        let Err(problems) = load(&[("role", "api")]) else { panic!("accepted") };
        assert!(problems[0].contains("PARLOR_SYNC_URL"), "{problems:?}");
        let both = [("listen", "127.0.0.1:8080=api,127.0.0.1:8081=sync")];
        assert!(load(&both).is_err());
    }

    #[test]
    fn the_sync_address_is_an_origin_in_either_spelling() {
        for (text, origin) in [
            ("wss://sync.example.org", "https://sync.example.org"),
            ("WS://sync.example.org:8081/", "http://sync.example.org:8081"),
            ("https://sync.example.org", "https://sync.example.org"),
        ] {
            let site = load(&[("role", "api"), ("sync_url", text)]).ok().unwrap().sync_url;
            assert_eq!(site.unwrap().origin, origin);
        }
        for text in ["sync.example.org", "wss://a/path", "ftp://a", "wss://"] {
            let Err(problems) = load(&[("sync_url", text)]) else { panic!("{text} is accepted") };
            assert!(problems[0].contains("such as wss://sync.example.org"), "{problems:?}");
        }
    }

    #[test]
    fn what_is_no_role_is_refused() {
        let Err(problems) = load(&[("role", "web")]) else { panic!("accepted") };
        assert_eq!(problems, ["role (set by --role) must be api, sync or both."]);
        let Err(problems) = load(&[("listen", "127.0.0.1:1=web")]) else { panic!("accepted") };
        assert!(problems[0].contains("127.0.0.1:1=web"), "{problems:?}");
    }
}
