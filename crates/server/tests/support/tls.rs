//! Certificates, and clients that look at them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parlor_server::tls::provider;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Answer;

/// A certificate for `localhost` and its key, in files.
pub struct Pair {
    folder: tempfile::TempDir,
    /// What clients have to trust.
    pub certificate: CertificateDer<'static>,
}

impl Pair {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificate = write_pair(folder.path());
        Self { folder, certificate }
    }

    pub fn certificate_file(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// Puts a new pair into the same files.
    pub fn renew(&mut self) {
        self.certificate = write_pair(self.folder.path());
    }
}

fn write_pair(folder: &Path) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let names = ["localhost", "parlor.example.org"].map(str::to_owned);
    let params = CertificateParams::new(names).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(folder.join("certificate.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    certificate.der().clone()
}

/// Reads the first certificate of a PEM file.
pub fn certificate_in(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).unwrap()
}

/// What a client trusts and speaks.
pub fn trusting(certificate: &CertificateDer<'static>, protocols: &[&str]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config).into()
}

/// Connects to `localhost` at this address, trusting this certificate alone.
pub async fn connect(
    address: SocketAddr,
    certificate: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    handshake(stream, certificate, &["h2", "http/1.1"]).await
}

/// Connects with a socket that takes few bytes before it is read.
pub async fn connect_narrow(
    address: SocketAddr,
    certificate: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(16 * 1024)?;
    handshake(socket.connect(address).await?, certificate, &["http/1.1"]).await
}

/// Does the handshake on a stream, with `localhost` as the server's name.
pub async fn handshake(
    stream: TcpStream,
    certificate: &CertificateDer<'static>,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    trusting(certificate, protocols).connect(name, stream).await
}

/// Sends a request and reads until the server ends the connection properly.
pub async fn exchange(stream: &mut TlsStream<TcpStream>, request: &str) -> Answer {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // An end without a goodbye is an error here: somebody in between might have cut it short.
    stream.read_to_end(&mut bytes).await.unwrap();
    Answer::read(&bytes)
}
