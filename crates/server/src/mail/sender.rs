//! What becomes of a letter: it is leased, sent, and noted as sent; or it waits and is tried again,
//! or given up. Of several nodes one has a letter at a time. A node that dies leaves its letters to
//! whoever looks when their leases are over; only one that dies between the mail server's last word
//! and its own note sends a letter twice, both times under one Message-ID.

use std::io::Write as _;
use std::time::Duration;

use parlor_store::{LeasedMail, StoreError};
use serde::Deserialize;
use tokio::task::JoinSet;

use super::letters::{Filling, Letter};
use super::smtp::{self, Undelivered};
use super::{Mail, Way, seal};
use crate::clock::wall_ms;

/// Letters on their way at once: one that hangs holds no other up.
pub const AT_ONCE: usize = 16;
/// How long sending one may take; a letter's lease is longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a letter is a node's alone.
const LEASE_MS: i64 = 30_000;
/// How often it is looked whether something is due.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long letters that are on their way have when the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// After which pauses a letter is tried again; then it is given up.
const PAUSES_MS: [i64; 5] = [30_000, 120_000, 600_000, 3_600_000, 21_600_000];
/// Longest reason that is kept.
const REASON_CHARS: usize = 300;

#[derive(Deserialize)]
struct Payload {
    name: String,
    #[serde(default)]
    room: String,
    #[serde(default)]
    message: Option<String>,
}

impl Mail {
    /// Sends what waits, for ever; spawn it. Without a way for mail it does nothing.
    pub async fn run(self) {
        if self.0.way.is_none() {
            return;
        }
        let mut on_their_way = JoinSet::new();
        loop {
            while on_their_way.try_join_next().is_some() {}
            if let Err(error) = self.send_due(&mut on_their_way).await {
                tracing::warn!(%error, "mail that waits cannot be read");
            }
            tokio::select! {
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Waits a moment for letters that are on their way, and begins no other.
    pub async fn stop(&self) {
        let all = self.0.deliveries.acquire_many(AT_ONCE as u32);
        match tokio::time::timeout(STOP_PATIENCE, all).await {
            Ok(Ok(permits)) => permits.forget(),
            Ok(Err(_)) | Err(_) => tracing::info!("letters on their way are left to be sent again"),
        }
    }

    async fn send_due(&self, on_their_way: &mut JoinSet<()>) -> Result<(), StoreError> {
        let mut permits = Vec::new();
        while let Ok(permit) = self.0.deliveries.clone().try_acquire_owned() {
            permits.push(permit);
        }
        let now_ms = wall_ms();
        if permits.is_empty() || !self.0.store.is_mail_due(now_ms).await? {
            return Ok(());
        }
        let (limit, until_ms) = (permits.len() as u64, now_ms + LEASE_MS);
        let mails = self.0.store.lease_mails(&self.0.holder, limit, now_ms, until_ms).await?;
        for (mail, permit) in mails.into_iter().zip(permits) {
            let sender = self.clone();
            on_their_way.spawn(async move {
                let _permit = permit;
                let outcome = match tokio::time::timeout(PATIENCE, sender.send(&mail)).await {
                    Ok(outcome) => outcome,
                    Err(_) => Err(Undelivered::Later("the mail server takes too long".to_owned())),
                };
                if let Err(error) = sender.note(&mail, outcome).await {
                    tracing::warn!(%error, mail = mail.id, "what became of a mail is not noted");
                }
                // There is room for another.
                sender.0.wake.notify_one();
            });
        }
        Ok(())
    }

    async fn send(&self, mail: &LeasedMail) -> Result<(), Undelivered> {
        let never = |what: &str| Undelivered::Never(what.to_owned());
        let letter = Letter::of_word(&mail.template).ok_or_else(|| never("no such template"))?;
        if mail.created_at_ms + (letter.life().as_millis() as i64) < wall_ms() {
            return Err(never("its link does not work any more"));
        }
        let payload: Payload =
            serde_json::from_str(&mail.payload).map_err(|_| never("its payload is unreadable"))?;
        let token = match mail.sealed_token.as_deref() {
            Some(sealed) => seal::open(&self.0.keys, &mail.id, sealed).await,
            None if letter.has_token() => return Err(never("it has no token")),
            None => Some(String::new()),
        };
        let token = token.ok_or_else(|| never("its token cannot be opened"))?;
        // Never from a request: who sends one could have the link lead anywhere.
        let config = &self.0.config;
        let public = config.public_url.as_ref().map(|site| site.origin.clone());
        let link = letter.link(&public.unwrap_or_else(|| config.address_to_open()), &token);
        match &self.0.way {
            Some(Way::Smtp(mail_config)) => {
                let host = config.public_url.as_ref().map_or("localhost", |it| &it.host);
                let Payload { name, room, message } = &payload;
                let message = message.as_deref();
                let filling = Filling { name, link: &link, host, room, message };
                let written = letter.write(&mail_config.from, &mail.recipient, &mail.id, filling);
                let written = written.map_err(|error| never(&error))?;
                smtp::deliver(&mail_config.smtp, host, &written).await
            }
            Some(Way::Console) => {
                let (to, about) = (&mail.recipient, letter.subject());
                writeln!(std::io::stdout().lock(), "Mail to {to}: {about}: {link}")
                    .map_err(|error| Undelivered::Later(error.to_string()))
            }
            None => Err(Undelivered::Later("there is no way for mail".to_owned())),
        }
    }

    async fn note(
        &self,
        mail: &LeasedMail,
        outcome: Result<(), Undelivered>,
    ) -> Result<(), StoreError> {
        let (store, holder, id) = (&self.0.store, &self.0.holder, &mail.id);
        let now_ms = wall_ms();
        let is_ours = match outcome {
            Ok(()) => {
                tracing::info!(mail = id, letter = mail.template, "a mail is sent");
                store.mail_sent(id, holder, now_ms).await?
            }
            Err(Undelivered::Later(why)) => {
                let why = shortened(&why);
                match pause_ms(mail.attempts, rand::random()) {
                    Some(pause_ms) => {
                        tracing::warn!(mail = id, why, pause_ms, "a mail is tried again later");
                        store.mail_deferred(id, holder, &why, now_ms + pause_ms).await?
                    }
                    None => {
                        tracing::warn!(mail = id, why, "a mail is given up");
                        store.mail_failed(id, holder, &why).await?
                    }
                }
            }
            Err(Undelivered::Never(why)) => {
                let why = shortened(&why);
                tracing::warn!(mail = id, why, "a mail is given up");
                store.mail_failed(id, holder, &why).await?
            }
            Err(Undelivered::NoSuchAddress(why)) => {
                let why = shortened(&why);
                tracing::warn!(mail = id, why, "nothing is sent to that address any more");
                let is_ours = store.mail_failed(id, holder, &why).await?;
                store.suppress_mail_to(&mail.recipient, &why, now_ms).await?;
                is_ours
            }
        };
        if !is_ours {
            tracing::warn!(mail = id, "a mail was another node's by the time it was noted");
        }
        Ok(())
    }
}

fn shortened(why: &str) -> String {
    why.chars().take(REASON_CHARS).collect()
}

/// Returns how long to wait after so many attempts, give or take a fifth as `dice` from 0 to 1 says,
/// so that letters that failed together do not come back together; `None` after the last.
fn pause_ms(attempts: u32, dice: f64) -> Option<i64> {
    let index = usize::try_from(attempts.saturating_sub(1)).ok()?;
    let pause_ms = *PAUSES_MS.get(index)?;
    Some((pause_ms as f64 * (0.8 + 0.4 * dice)) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!(pause_ms(1, 0.5), Some(30_000));
        assert_eq!(pause_ms(1, 0.0), Some(24_000));
        assert_eq!(pause_ms(5, 1.0), Some(25_920_000));
        assert_eq!(pause_ms(6, 0.5), None);
    }
}
