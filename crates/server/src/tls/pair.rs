//! A certificate and its key, read from files.

use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use sha2::{Digest, Sha256};

use super::provider;
use crate::config::PairFiles;

/// Why a certificate or its key cannot be used: a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PairError(pub String);

/// Reads a certificate and its key, and finds out whether they belong together.
///
/// # Errors
/// A sentence that names the file and says what to do.
pub fn read(files: &PairFiles) -> Result<CertifiedKey, PairError> {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    CertifiedKey::from_der(chain(&files.certificate)?, secret(&files.key)?, &provider()).map_err(
        |error| {
            PairError(match error {
                Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => format!(
                    "The key {key} is not the one of the certificate {certificate}: name two files \
                     that were made together."
                ),
                Error::InvalidCertificate(_) => format!(
                    "The certificate {certificate} cannot be understood ({error}): name a file \
                     with an X.509 certificate."
                ),
                _ => format!(
                    "The key {key} cannot be used ({error}): name an RSA, ECDSA or Ed25519 key."
                ),
            })
        },
    )
}

/// Returns the SHA-256 fingerprint of a pair's certificate: bytes in hexadecimal with colons
/// between them, as browsers show it.
pub fn fingerprint(pair: &CertifiedKey) -> String {
    let certificate: &[u8] = pair.cert.first().map(AsRef::as_ref).unwrap_or_default();
    let bytes: Vec<String> =
        Sha256::digest(certificate).iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

/// Reads the certificates of a file, the server's own first.
pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, PairError> {
    let text = text(path, "certificate")?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let shown = path.display();
    match chain {
        Ok(chain) if chain.is_empty() => Err(PairError(format!(
            "The file {shown} holds no certificate: it must be PEM and contain BEGIN CERTIFICATE."
        ))),
        Ok(chain) => Ok(chain),
        Err(error) => Err(PairError(format!(
            "The certificate {shown} is damaged ({error}): put a whole PEM file in its place."
        ))),
    }
}

fn secret(path: &Path) -> Result<PrivateKeyDer<'static>, PairError> {
    /// What a key with a passphrase is headed with (RFC 7468, section 11).
    const SEALED: &[u8] = b"BEGIN ENCRYPTED PRIVATE KEY";
    let text = text(path, "key")?;
    let shown = path.display();
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        PairError(match error {
            _ if memchr::memmem::find(&text, SEALED).is_some() => format!(
                "The key {shown} has a passphrase: take it off with `openssl pkey -in {shown} \
                 -out new.pem` and name the new file."
            ),
            pem::Error::NoItemsFound => format!(
                "The file {shown} holds no key: it must be PEM and contain BEGIN PRIVATE KEY."
            ),
            _ => format!("The key {shown} is damaged: put a whole PEM file in its place."),
        })
    })
}

fn text(path: &Path, what: &str) -> Result<Vec<u8>, PairError> {
    std::fs::read(path).map_err(|error| {
        PairError(format!(
            "The {what} {} cannot be read ({error}): correct tls_{} or let this user read the file.",
            path.display(),
            if what == "key" { "key" } else { "cert" },
        ))
    })
}
