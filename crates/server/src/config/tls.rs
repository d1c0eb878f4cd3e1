//! How the server encrypts: not at all, with files somebody gave it, or with a certificate of its
//! own making.

use std::path::PathBuf;

use super::Reader;

/// What the server speaks on its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Plain HTTP; a proxy may bring https.
    Off,
    /// https, with a certificate that the server makes once and keeps in the data folder.
    SelfSigned,
    /// https, with a certificate from files.
    Files(PairFiles),
}

/// Where a certificate and its key are, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairFiles {
    /// The certificate, followed by those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key, without a passphrase.
    pub key: PathBuf,
}

impl Tls {
    /// Says whether the server's own addresses are https.
    pub fn is_on(&self) -> bool {
        match self {
            Tls::Off => false,
            Tls::SelfSigned | Tls::Files(_) => true,
        }
    }
}

impl Reader<'_> {
    pub(super) fn tls(&mut self) -> Tls {
        let (mode, certificate, key) =
            (self.text("tls"), self.text("tls_cert"), self.text("tls_key"));
        match (mode, certificate, key) {
            ("", "", "") => Tls::Off,
            ("", _, "") => {
                self.problem("tls_cert", "needs tls_key, the file with the key, beside it");
                Tls::Off
            }
            ("", "", _) => {
                self.problem("tls_key", "needs tls_cert, the file with the certificate, beside it");
                Tls::Off
            }
            ("", certificate, key) => {
                Tls::Files(PairFiles { certificate: certificate.into(), key: key.into() })
            }
            ("self-signed", "", "") => Tls::SelfSigned,
            ("self-signed", _, _) => {
                self.problem(
                    "tls",
                    "is self-signed, but tls_cert or tls_key names a file as well: keep one of both",
                );
                Tls::Off
            }
            _ => {
                self.problem(
                    "tls",
                    "must be self-signed or empty; files of your own are named by tls_cert and \
                     tls_key",
                );
                Tls::Off
            }
        }
    }
}
