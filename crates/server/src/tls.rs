//! https in the server itself: the certificate in force, and what happens to a connection before
//! its first request.
//!
//! Start reading at [`Tls::open`], then [`Tls::greet`]. A connection that is upgraded to a room's
//! socket goes through [`joint`].

pub mod announcement;
pub mod joint;
mod pair;
mod plain;
mod reload;
pub mod self_signed;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::config::{Config, PairFiles};

pub use pair::{PairError, fingerprint};

/// A connection whose bytes are encrypted.
pub type TlsStream = tokio_rustls::server::TlsStream<TcpStream>;

/// How long a client may take for its part of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Returns where all cryptography of TLS comes from. Named in each place that needs one, so that
/// it does not matter what else is linked into the program.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Takes connections over https. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
    files: PairFiles,
    /// What is told to clients that speak plain HTTP; empty for the address they reached.
    public: Option<Arc<str>>,
}

impl Tls {
    /// Reads the certificate that the configuration names, or makes one if it is to be
    /// self-signed and there is none; `None` if the server speaks plain HTTP. The data folder must
    /// be there.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub fn open(config: &Config) -> Result<Option<Self>, PairError> {
        use crate::config::Tls as Mode;
        let files = match &config.tls {
            Mode::Off => return Ok(None),
            Mode::Files(files) => files.clone(),
            Mode::SelfSigned => self_signed::prepare(config, SystemTime::now())?,
        };
        let current = Arc::new(Current(RwLock::new(Arc::new(pair::read(&files)?))));
        let public = config.public_url.as_ref().map(|site| site.origin.as_str().into());
        let acceptor = acceptor(current.clone())?;
        Ok(Some(Self { acceptor, current, files, public }))
    }

    /// Does the handshake with a client that has begun to speak. A client that speaks plain HTTP is
    /// told where to go instead.
    pub async fn greet(&self, stream: TcpStream, local: SocketAddr) -> Option<TlsStream> {
        let mut first = [0];
        // The byte is there; a client that went away needs no answer.
        stream.peek(&mut first).await.ok().filter(|count| *count > 0)?;
        // A method begins with a letter, the first record of a handshake with 22 (RFC 8446, section
        // 5.1).
        if first[0].is_ascii_alphabetic() {
            plain::answer(stream, &self.address(local)).await;
            return None;
        }
        // How a handshake fails is the client's affair: it gets an alert that says why.
        timeout(HANDSHAKE, self.acceptor.accept(stream)).await.ok()?.ok()
    }

    /// Returns the SHA-256 fingerprint of the certificate in force, as browsers write it.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.current.get())
    }

    /// Looks for changed files and puts what they hold in force; runs for ever.
    pub async fn keep_current(self) {
        reload::follow(&self.files, &self.current).await;
    }

    fn address(&self, local: SocketAddr) -> String {
        match &self.public {
            Some(origin) => origin.to_string(),
            None if local.ip().is_loopback() => format!("https://localhost:{}", local.port()),
            None => format!("https://{}", SocketAddr::new(local.ip().to_canonical(), local.port())),
        }
    }
}

fn acceptor(current: Arc<Current>) -> Result<TlsAcceptor, PairError> {
    let broken = |error: rustls::Error| PairError(format!("TLS cannot be set up: {error}."));
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(broken)?
        .with_no_client_auth()
        .with_cert_resolver(current);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Thousands that come back after a restart of the network need no whole handshake.
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(broken)?;
    Ok(Arc::new(config).into())
}

/// The certificate in force, with its key.
struct Current(RwLock<Arc<CertifiedKey>>);

impl Current {
    fn get(&self) -> Arc<CertifiedKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, pair: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Current").field(&fingerprint(&self.get())).finish()
    }
}
