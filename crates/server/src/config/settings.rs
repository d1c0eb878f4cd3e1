//! Every setting there is, once: from this table come the flags, the environment's names, the
//! keys of the file, both example files and the help.

/// One setting, as far as it can be described without a value.
#[derive(Debug)]
pub struct Setting {
    /// Its key in `parlor.toml`; the flag and the environment's name follow from it.
    pub key: &'static str,
    /// What it is for: the doc comment, a paragraph per line.
    pub doc: &'static [&'static str],
    /// The value when nobody sets it.
    pub default: &'static str,
    /// What form the value has.
    pub form: Form,
}

/// What form a value has in the file. (A flag and the environment always hold text.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A text.
    Text,
    /// A text nobody may read: `…_FILE` names a file that holds it, and it is never shown.
    Secret,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Switch,
    /// A list of texts; with commas between them outside the file.
    List,
}

impl Setting {
    /// Returns the name in the environment: `PARLOR_DATA_DIR` for `data_dir`.
    pub fn env(&self) -> String {
        format!("PARLOR_{}", self.key.to_ascii_uppercase())
    }

    /// Returns the name of the flag without its dashes: `data-dir` for `data_dir`.
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])* $name:ident: $form:ident = $default:literal;)*) => {
        /// Every setting, in the order of the example files.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            key: stringify!($name),
            doc: &[$($doc),*],
            default: $default,
            form: Form::$form,
        }),*];
    };
}

settings! {
    /// Addresses to listen on. An address may have a role of its own: `127.0.0.1:8081=sync`. An
    /// IPv6 address that this machine does not have is left out.
    listen: List = "127.0.0.1:3000,[::1]:3000";
    /// What is answered: `api` for pages and requests, `sync` for the rooms' sockets, or `both`.
    /// Servers of different roles are nodes of one site: see `redis_url`.
    role: Text = "both";
    /// The folder that holds the database and everything else the server keeps. It is made when
    /// missing.
    data_dir: Text = "./data";
    /// Where the data is: empty for a SQLite file in the data folder, or
    /// `postgres://user:password@host/database`.
    database_url: Secret = "";
    /// What several nodes on one database share beside it: `redis://user:password@host/0`, or
    /// `rediss://` for TLS. Empty for a server that is alone. It needs `database_url` to be
    /// PostgreSQL.
    redis_url: Secret = "";
    /// The address people type, such as `https://parlor.example.org`, if it is not one of this
    /// machine's own. With https the cookies become Secure.
    public_url: Text = "";
    /// Where sockets are opened, such as `wss://sync.example.org`, if not at the address people
    /// type. The same on every node; the role `api` needs it.
    sync_url: Text = "";
    /// Serves https with a certificate that the server makes and keeps in the data folder:
    /// `self-signed`. Browsers warn once. Empty for plain HTTP, or for the files named below.
    tls: Text = "";
    /// Serves https with the certificate in this PEM file, the intermediate ones behind it. A
    /// changed file is taken up within seconds.
    tls_cert: Text = "";
    /// The PEM file with the certificate's private key, without a passphrase.
    tls_key: Text = "";
    /// Sites whose pages may use this server from a browser, beside its own: exact origins, such
    /// as `https://app.example.org`.
    allowed_origins: List = "";
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: addresses or
    /// networks, such as `10.0.0.0/8`.
    trusted_proxies: List = "";
    /// The mail server by which links for new passwords go out, such as
    /// `smtp://user:password@smtp.example.org:587`, or `smtps://` for TLS from the first byte on. It
    /// needs `mail_from` and `public_url`. Empty: no mail is sent.
    smtp_url: Secret = "";
    /// STARTTLS to an `smtp://` server: `required`, `optional` where it is offered, or `off`.
    smtp_starttls: Text = "required";
    /// Whom mail is from, such as `Parlor <parlor@example.org>`.
    mail_from: Text = "";
    /// Issuers of other systems whose session tokens are taken, such as
    /// `https://clerk.example.org`: Clerk, or whatever speaks OpenID Connect. It needs
    /// `oidc_audiences`.
    oidc_issuers: List = "";
    /// For whom such a token must be made: one of these must stand in its `aud` or `azp`.
    oidc_audiences: List = "";
    /// How long a socket lives on such a token without a newer one, in seconds; 12 hours at most.
    oidc_socket_seconds: Number = "43200";
    /// Wraps the signing keys that are kept in the database: at least 32 characters, the same on
    /// every node. Without it the keys are stored as they are.
    secret: Secret = "";
    /// Networks from which `/metrics` may be read.
    metrics_from: List = "127.0.0.0/8,::1";
    /// How long an access token is good for, in seconds.
    access_token_seconds: Number = "900";
    /// How long a login lives without being used, in days.
    login_days: Number = "30";
    /// How many cores carry rooms and sockets; 0 for all there are.
    cores: Number = "0";
    /// How many connections are held at once; more are refused.
    max_connections: Number = "100000";
    /// How much is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as
    /// `info,parlor_server=debug`.
    log: Text = "info";
    /// Lifts every rate limit and every limit per person or address, for load tests. Sizes stay
    /// limited.
    insecure_no_rate_limits: Switch = "false";
    /// Lets the header `x-clerk-id` name an external user without a token, on the routes of direct
    /// messages of older clients, from this machine and from trusted proxies: whoever can connect from
    /// there can be anybody.
    insecure_trust_clerk_id: Switch = "false";
}
