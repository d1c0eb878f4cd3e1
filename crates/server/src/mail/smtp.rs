//! One letter's way to a mail server. The steps are taken one by one, for what a refusal means
//! depends on what was asked: only one of the recipient says anything about an address.

use std::time::Duration;

use lettre::Message;
use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;

use crate::config::mail::{Encryption, Smtp};

/// How long connecting may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// Why a letter was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// Later it may be.
    Later(String),
    /// It never will be.
    Never(String),
    /// Nothing will be, at that address.
    NoSuchAddress(String),
}

/// Sends a letter; `hello` is the host this server introduces itself by.
///
/// # Errors
/// [`Undelivered`].
pub async fn deliver(smtp: &Smtp, hello: &str, letter: &Message) -> Result<(), Undelivered> {
    let mut server = connect(smtp, hello).await.map_err(|error| later("connecting", &error))?;
    if let Some((user, password)) = &smtp.login {
        let login = Credentials::new(user.clone(), password.clone());
        let outcome = server.auth(DEFAULT_MECHANISMS, &login).await;
        outcome.map_err(|error| later("logging in", &error))?;
    }
    let outcome = hand_over(&mut server, letter.envelope(), &letter.formatted()).await;
    match &outcome {
        Ok(()) => drop(server.quit().await),
        Err(_) => server.abort().await,
    }
    outcome
}

async fn connect(smtp: &Smtp, hello: &str) -> Result<AsyncSmtpConnection, Error> {
    let tls = || TlsParameters::new_rustls(smtp.host.clone());
    let hello = ClientId::Domain(hello.to_owned());
    let implicit = match smtp.encryption {
        Encryption::Implicit => Some(tls()?),
        Encryption::Required | Encryption::Optional | Encryption::Off => None,
    };
    let place = (smtp.host.as_str(), smtp.port);
    let patience = Some(CONNECT_PATIENCE);
    let mut server =
        AsyncSmtpConnection::connect_tokio1(place, patience, &hello, implicit, None).await?;
    let upgrades = match smtp.encryption {
        Encryption::Required => true,
        Encryption::Optional => server.can_starttls(),
        Encryption::Implicit | Encryption::Off => false,
    };
    if upgrades {
        server.starttls(tls()?, &hello).await?;
    }
    Ok(server)
}

async fn hand_over(
    server: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    letter: &[u8],
) -> Result<(), Undelivered> {
    let from = Mail::new(envelope.from().cloned(), Vec::new());
    server.command(from).await.map_err(|error| later("the sender", &error))?;
    for to in envelope.to() {
        let outcome = server.command(Rcpt::new(to.clone(), Vec::new())).await;
        outcome.map_err(|error| match error.is_permanent() {
            true => Undelivered::NoSuchAddress(told("the recipient", &error)),
            false => later("the recipient", &error),
        })?;
    }
    server.command(Data).await.map_err(|error| later("the letter", &error))?;
    let outcome = server.message(letter).await;
    outcome.map_err(|error| match error.is_permanent() {
        true => Undelivered::Never(told("the letter", &error)),
        false => later("the letter", &error),
    })?;
    Ok(())
}

/// What may be the operator's mistake, or a server's bad day, is tried again.
fn later(step: &str, error: &Error) -> Undelivered {
    Undelivered::Later(told(step, error))
}

fn told(step: &str, error: &Error) -> String {
    let mut text = format!("{step}: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
