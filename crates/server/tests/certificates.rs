//! Certificates as the person meets them who starts the server: made by it, named wrongly, looked
//! at by other programs.

#![allow(clippy::unwrap_used)]

mod support;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use sha2::{Digest as _, Sha256};
use support::program::{Serving, run, serve};
use support::tls::{Pair, certificate_in, connect, exchange};

const SELF_SIGNED: [&str; 4] = ["--tls", "self-signed", "--listen", "127.0.0.1:0"];

/// Reads what a server with a certificate of its own says at its start: its address, the
/// fingerprint, and the picture behind it.
fn greeting(serving: &mut Serving) -> (SocketAddr, String, Vec<String>) {
    let ready = serving.line();
    let (_, port) = ready.trim().rsplit_once("is ready: https://localhost:").unwrap();
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    let fingerprint = loop {
        let line = serving.line();
        if line.matches(':').count() == 31 {
            break line.trim().to_owned();
        }
        assert_ne!(line, "", "there is no fingerprint");
    };
    assert_eq!(serving.line(), "\n");
    // 25 modules and a margin of 4, two rows in a line.
    let picture = (0..17).map(|_| serving.line()).collect();
    (address, fingerprint, picture)
}

#[tokio::test]
async fn a_certificate_of_its_own_is_made_once_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = serve(folder.path(), &SELF_SIGNED);
    let (address, fingerprint, picture) = greeting(&mut serving);
    assert!(picture.iter().all(|line| line.trim_end_matches('\n').chars().count() == 33));
    assert!(picture.concat().contains('█'), "{picture:?}");

    let data = folder.path().join("data");
    let mode = std::fs::metadata(data.join("tls-key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let certificate = certificate_in(&data.join("tls-certificate.pem"));
    let digest: Vec<_> = Sha256::digest(&certificate).iter().map(|b| format!("{b:02X}")).collect();
    assert_eq!(fingerprint, digest.join(":"));

    let mut stream = connect(address, &certificate).await.unwrap();
    let request = "GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert_eq!(exchange(&mut stream, request).await.status, 200);
    assert!(serving.stop().success());

    let mut serving = serve(folder.path(), &SELF_SIGNED);
    assert_eq!(greeting(&mut serving).1, fingerprint);
    assert!(serving.stop().success());

    // Another public address is another name, which the kept certificate lacks.
    let public = [&SELF_SIGNED[..], &["--public-url", "https://parlor.lan"]].concat();
    let mut serving = serve(folder.path(), &public);
    assert_ne!(greeting(&mut serving).1, fingerprint);
    assert!(serving.stop().success());
    assert_ne!(certificate_in(&data.join("tls-certificate.pem")), certificate);
}

#[test]
fn the_health_of_a_server_is_asked_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = serve(folder.path(), &SELF_SIGNED);
    let (address, ..) = greeting(&mut serving);
    let listen = address.to_string();
    let ask = ["healthcheck", "--tls", "self-signed", "--listen", &listen];
    let (ready, text) = run(folder.path(), &ask);
    assert!(ready, "{text}");
    let (ready, text) = run(folder.path(), &["healthcheck", "--listen", &listen]);
    assert!(!ready);
    assert!(text.contains("is not ready: it says 400."), "{text}");
    assert!(serving.stop().success());
    let (ready, _) = run(folder.path(), &ask);
    assert!(!ready);
}

#[test]
fn another_program_trusts_the_kept_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = serve(folder.path(), &SELF_SIGNED);
    let (address, ..) = greeting(&mut serving);
    for host in ["localhost", "127.0.0.1"] {
        let answer = curl(folder.path(), &format!("https://{host}:{}/", address.port()));
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
    assert!(serving.stop().success());
}

fn curl(folder: &Path, address: &str) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--include", "--max-time", "20", "--noproxy", "*"])
        .args(["--cacert", "data/tls-certificate.pem", address])
        .current_dir(folder)
        .output()
        .expect("curl is installed: scripts/setup.sh sees to it");
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn files_that_cannot_be_used_are_a_clear_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let (pair, other) = (Pair::new(), Pair::new());
    let text = |path: std::path::PathBuf| path.display().to_string();
    let (certificate, key) = (text(pair.certificate_file()), text(pair.key_file()));
    let (certificate, key, foreign) = (&*certificate, &*key, &*text(other.key_file()));
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("cut.pem", "-----BEGIN CERTIFICATE-----\nMIIB");
    write(
        "sealed.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    write("odd.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    for (arguments, sentence) in [
        (&["--tls-cert", certificate][..], "tls_cert (set by --tls-cert) needs tls_key"),
        (&["--tls-key", key], "tls_key (set by --tls-key) needs tls_cert"),
        (&["--tls", "on"], "tls (set by --tls) must be self-signed or empty"),
        (
            &["--tls", "self-signed", "--tls-key", key],
            "tls (set by --tls) is self-signed, but tls_cert or tls_key names a file as well",
        ),
        (
            &["--tls", "self-signed", "--public-url", "http://parlor.lan"],
            "public_url (set by --public-url) begins with http://, but this server speaks https",
        ),
        (
            &["--tls-cert", "none.pem", "--tls-key", key],
            "The certificate none.pem cannot be read (No such file or directory",
        ),
        (&["--tls-cert", certificate, "--tls-key", "."], "The key . cannot be read"),
        (&["--tls-cert", key, "--tls-key", key], "holds no certificate"),
        (&["--tls-cert", "cut.pem", "--tls-key", key], "The certificate cut.pem is damaged"),
        (&["--tls-cert", "odd.pem", "--tls-key", key], "The certificate odd.pem cannot be"),
        (&["--tls-cert", certificate, "--tls-key", certificate], "holds no key"),
        (&["--tls-cert", certificate, "--tls-key", "sealed.pem"], "sealed.pem has a passphrase"),
        (&["--tls-cert", certificate, "--tls-key", foreign], "is not the one of the certificate"),
    ] {
        let listen = ["--listen", "127.0.0.1:0"];
        let (fine, text) = run(folder.path(), &[&["serve"], &listen[..], arguments].concat());
        assert!(!fine, "{arguments:?} was accepted");
        assert!(text.contains(sentence), "{arguments:?}: {text}");
        assert_eq!(text.trim().lines().count(), 1, "{arguments:?}: {text}");
        let (fine, checked) =
            run(folder.path(), &[&["config", "check"], &listen[..], arguments].concat());
        assert!(!fine, "{arguments:?} was found fine");
        assert_eq!(checked, text);
    }
}

#[test]
fn a_kept_certificate_that_was_damaged_says_how_to_get_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for name in ["tls-certificate.pem", "tls-key.pem"] {
        std::fs::write(data.join(name), "").unwrap();
    }
    let (fine, text) = run(folder.path(), &[&["serve"], &SELF_SIGNED[..]].concat());
    assert!(!fine);
    assert!(text.contains("Or delete tls-certificate.pem and tls-key.pem in"), "{text}");
    std::fs::remove_file(data.join("tls-key.pem")).unwrap();
    let mut serving = serve(folder.path(), &SELF_SIGNED);
    greeting(&mut serving);
    assert!(serving.stop().success());
}
