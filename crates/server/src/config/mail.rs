//! Where mail goes out, and in whose name.

use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;

use super::{Reader, Site};

/// Where mail goes out, and in whose name.
#[derive(Clone, PartialEq, Eq)]
pub struct MailConfig {
    /// The mail server.
    pub smtp: Smtp,
    /// Whom mail is from.
    pub from: Mailbox,
}

/// A mail server that takes mail for others.
#[derive(Clone, PartialEq, Eq)]
pub struct Smtp {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is encrypted.
    pub encryption: Encryption,
    /// User and password, if it wants any.
    pub login: Option<(String, String)>,
}

/// How the way to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// From the first byte on: `smtps://`.
    Implicit,
    /// By STARTTLS; without it nothing is sent.
    Required,
    /// By STARTTLS where the server offers it.
    Optional,
    /// Not at all.
    Off,
}

impl Smtp {
    /// Reads `smtp://user:password@host:587` or `smtps://…`; user and password may be
    /// percent-encoded.
    fn parse(text: &str, starttls: Encryption) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (encryption, own_port) = match scheme.to_ascii_lowercase().as_str() {
            "smtp" => (starttls, 587),
            "smtps" => (Encryption::Implicit, 465),
            _ => return None,
        };
        // A password may hold an @ that nobody encoded; a host never does.
        let (login, place) = match rest.trim_end_matches('/').rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest.trim_end_matches('/')),
        };
        let authority: http::uri::Authority = place.parse().ok()?;
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            // What is no port at all is none to it.
            None if authority.as_str() == authority.host() => own_port,
            None => return None,
        };
        let login = match login {
            Some(login) => {
                let (user, password) = login.split_once(':')?;
                Some((decoded(user)?, decoded(password)?))
            }
            None => None,
        };
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        (!host.is_empty()).then_some(Self { host, port, encryption, login })
    }
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned())
}

impl Reader<'_> {
    pub(super) fn mail(&mut self, public_url: Option<&Site>) -> Option<MailConfig> {
        let starttls = match self.text("smtp_starttls") {
            "required" => Encryption::Required,
            "optional" => Encryption::Optional,
            "off" => Encryption::Off,
            _ => {
                self.problem("smtp_starttls", "must be required, optional or off");
                Encryption::Required
            }
        };
        let (url, from) = (self.text("smtp_url"), self.text("mail_from"));
        let mailbox = from.parse::<Mailbox>().ok();
        if !from.is_empty() && mailbox.is_none() {
            let what =
                "must be an address such as parlor@example.org, or Parlor <parlor@example.org>";
            self.problem("mail_from", what);
        }
        if url.is_empty() {
            return None;
        }
        if from.is_empty() {
            self.problem("mail_from", "is empty, but PARLOR_SMTP_URL says where mail goes out");
        }
        if public_url.is_none() {
            let what = "is empty, but the links in mails need it: PARLOR_SMTP_URL says where mail \
                        goes out";
            self.problem("public_url", what);
        }
        let smtp = Smtp::parse(url, starttls);
        if smtp.is_none() {
            self.problem("smtp_url", "must be smtp://user:password@host:587 or smtps://…");
        }
        Some(MailConfig { smtp: smtp?, from: mailbox? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Flags, sources};

    fn load(values: &[(&'static str, &str)]) -> Result<Option<MailConfig>, Vec<String>> {
        let values = values.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
        let flags = Flags { values, file: None };
        let folder = tempfile::tempdir().unwrap();
        let values = sources::gather(&flags, &|_| None, folder.path()).unwrap();
        Config::from_values(&values).map(|config| config.mail)
    }

    const URL: (&str, &str) = ("public_url", "https://parlor.example.org");
    const FROM: (&str, &str) = ("mail_from", "Parlor <parlor@example.org>");

    #[test]
    fn a_mail_server_is_read_with_its_login() {
        let smtp = |text| load(&[URL, FROM, ("smtp_url", text)]).unwrap().unwrap().smtp;
        let read = smtp("smtp://me%40example.org:a%20b:c@mail.example.org");
        assert_eq!((read.host.as_str(), read.port), ("mail.example.org", 587));
        assert_eq!(read.login, Some(("me@example.org".to_owned(), "a b:c".to_owned())));
        assert_eq!(read.encryption, Encryption::Required);
        let read = smtp("smtps://u:p@x@mail.example.org:4650/");
        assert_eq!((read.port, read.encryption), (4650, Encryption::Implicit));
        assert_eq!(read.login, Some(("u".to_owned(), "p@x".to_owned())));
        assert_eq!(smtp("smtp://[::1]:25").host, "::1");
        assert!(load(&[]).unwrap().is_none());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (values, named) in [
            (&[URL, ("smtp_url", "smtp://mail")][..], "mail_from"),
            (&[FROM, ("smtp_url", "smtp://mail")], "public_url"),
            (&[URL, FROM, ("smtp_url", "mail.example.org")], "smtp_url"),
            (&[URL, FROM, ("smtp_url", "smtp://user@mail")], "smtp_url"),
            (&[URL, FROM, ("smtp_url", "smtp://mail:99999")], "smtp_url"),
            (&[("mail_from", "Parlor")], "mail_from"),
            (&[("smtp_starttls", "maybe")], "smtp_starttls"),
        ] {
            let Err(problems) = load(values) else { panic!("{values:?} is accepted") };
            assert!(problems[0].contains(named), "{problems:?}");
        }
    }
}
