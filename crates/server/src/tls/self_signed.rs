//! A certificate of the server's own making, for a home network: phones give their camera, and
//! browsers a fine clock, to https alone.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use rustls::RootCertStore;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;

use super::pair::{self, PairError};
use super::provider;
use crate::config::{Config, PairFiles, Site};

const DAY: Duration = Duration::from_secs(86_400);
/// How long a certificate is good for. Apple's systems trust none of more than 825 days
/// (support.apple.com/en-us/103769).
const LIFE_DAYS: u32 = 820;
/// A start with less than this left makes a new one.
const RENEWAL_DAYS: u32 = 30;

/// Finds the kept certificate, or makes one. It stays the same over restarts, so that a browser
/// that was told to trust it goes on doing so, until it is about to run out or the public address
/// is another.
///
/// # Errors
/// A sentence that says what to do.
pub fn prepare(config: &Config, now: SystemTime) -> Result<PairFiles, PairError> {
    let files = PairFiles {
        certificate: config.data_dir.join("tls-certificate.pem"),
        key: config.data_dir.join("tls-key.pem"),
    };
    if files.certificate.exists() && files.key.exists() {
        let pair = pair::read(&files).map_err(|error| {
            let folder = config.data_dir.display();
            PairError(format!(
                "{error} Or delete tls-certificate.pem and tls-key.pem in {folder} to have new \
                 ones made."
            ))
        })?;
        let host = config.public_url.as_ref().map(bare_host);
        if pair.cert.first().is_some_and(|kept| is_good(kept, host, now + DAY * RENEWAL_DAYS)) {
            return Ok(files);
        }
        tracing::info!("the self-signed certificate runs out or lacks the public address");
    }
    make(&files, names(config), now)?;
    Ok(files)
}

/// Returns the addresses of this machine that others may reach, those for a home network first.
pub fn machine_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the addresses of this machine cannot be known");
        Vec::new()
    });
    let mut addresses: Vec<IpAddr> = interfaces
        .iter()
        // Link-local addresses need the name of an interface beside them, which no browser takes.
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(if_addrs::Interface::ip)
        .collect();
    addresses.sort_by_key(|address| match address {
        IpAddr::V4(address) => !address.is_private(),
        IpAddr::V6(_) => true,
    });
    addresses
}

fn bare_host(site: &Site) -> &str {
    site.host.trim_start_matches('[').trim_end_matches(']')
}

fn names(config: &Config) -> Vec<String> {
    let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let machine = machine_addresses().into_iter().map(|address| address.to_string());
    let public = config.public_url.iter().map(|site| bare_host(site).to_owned());
    let mut names: Vec<String> = own.into_iter().chain(machine).chain(public).collect();
    names.sort();
    names.dedup();
    names
}

/// Says whether a certificate that vouches for itself is good at a time, and for a host.
fn is_good(kept: &CertificateDer<'_>, host: Option<&str>, at: SystemTime) -> bool {
    let mut roots = RootCertStore::empty();
    let Ok(parsed) = ParsedCertificate::try_from(kept) else { return false };
    let Ok(()) = roots.add(kept.clone().into_owned()) else { return false };
    let at = UnixTime::since_unix_epoch(at.duration_since(UNIX_EPOCH).unwrap_or_default());
    let algorithms = provider().signature_verification_algorithms.all;
    let holds = verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], at, algorithms);
    let is_named = |host: &str| {
        let name = ServerName::try_from(host.to_owned());
        name.is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
    };
    holds.is_ok() && host.is_none_or(is_named)
}

fn make(files: &PairFiles, names: Vec<String>, now: SystemTime) -> Result<(), PairError> {
    let failed = |error| PairError(format!("A certificate cannot be made: {error}."));
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name.push(DnType::CommonName, "Parlor, self-signed");
    // Clocks of other machines may be behind.
    params.not_before = (now - DAY).into();
    params.not_after = (now + DAY * LIFE_DAYS).into();
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    // Should the server be killed in between, one file is missing and both are made anew.
    let begin = std::fs::remove_file(&files.certificate);
    if let Err(error) = begin.or_else(absent_is_fine) {
        return Err(unwritten(&files.certificate, &error));
    }
    write(&files.key, &key.serialize_pem(), 0o600)?;
    write(&files.certificate, &certificate.pem(), 0o644)
}

fn absent_is_fine(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), PairError> {
    let written = std::fs::remove_file(path).or_else(absent_is_fine).and_then(|()| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| unwritten(path, &error))
}

fn unwritten(path: &Path, error: &std::io::Error) -> PairError {
    PairError(format!("{} cannot be written: {error}.", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(names: &[&str], now: SystemTime) -> (tempfile::TempDir, PairFiles) {
        let folder = tempfile::tempdir().unwrap();
        let files = PairFiles {
            certificate: folder.path().join("certificate.pem"),
            key: folder.path().join("key.pem"),
        };
        make(&files, names.iter().map(|name| (*name).to_owned()).collect(), now).unwrap();
        (folder, files)
    }

    #[test]
    fn a_certificate_is_good_for_its_names_until_it_runs_out() {
        let now = SystemTime::now();
        let (_folder, files) = made(&["localhost", "192.168.1.5", "parlor.example.org"], now);
        let pair = pair::read(&files).unwrap();
        let kept = &pair.cert[0];
        for host in ["localhost", "192.168.1.5", "parlor.example.org"] {
            assert!(is_good(kept, Some(host), now), "{host}");
        }
        assert!(!is_good(kept, Some("example.org"), now));
        assert!(is_good(kept, None, now + DAY * (LIFE_DAYS - 1)));
        assert!(!is_good(kept, None, now + DAY * (LIFE_DAYS + 1)));
        assert!(!is_good(kept, None, now - DAY * 2));
    }

    #[test]
    fn nobody_else_may_read_the_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, files) = made(&["localhost"], SystemTime::now());
        let mode = std::fs::metadata(&files.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
