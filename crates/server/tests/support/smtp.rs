//! A real mail server: aiosmtpd, in the script `mail/smtp.py`.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long something that must happen may take: a letter that was refused comes back after half a
/// minute, give or take a fifth.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mail server that is ended with the test.
pub struct Smtp {
    child: Child,
    events: UnboundedReceiver<Value>,
    pub port: u16,
}

impl Drop for Smtp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Smtp {
    /// Starts one, without encryption.
    pub async fn start() -> Self {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let python = here.join("../../target/py/bin/python");
        assert!(python.exists(), "`scripts/setup.sh test` installs {}", python.display());
        let mut child = Command::new(python)
            .arg(here.join("tests/mail/smtp.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, events) = unbounded_channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        let mut smtp = Self { child, events, port: 0 };
        smtp.port = smtp.next().await["port"].as_u64().unwrap() as u16;
        smtp
    }

    /// Has it behave in another way from now on.
    pub async fn behave(&mut self, words: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{words}").unwrap();
        self.event("behaves").await;
    }

    /// Waits for the next thing that happens there.
    pub async fn next(&mut self) -> Value {
        let next = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        next.expect("nothing happens at the mail server").expect("the mail server ended")
    }

    /// Waits for something of a kind, passing other things over.
    pub async fn event(&mut self, kind: &str) -> Value {
        loop {
            let next = self.next().await;
            if next["event"] == kind {
                return next;
            }
        }
    }

    /// Waits for a mail of this subject.
    pub async fn mail(&mut self, subject: &str) -> Value {
        loop {
            let mail = self.event("mail").await;
            if mail["headers"]["subject"] == subject {
                return mail;
            }
        }
    }

    /// Returns what happened that nobody waited for.
    pub fn rest(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

/// Finds the token in the link of a mail, which has the same one on its page.
pub fn token(mail: &Value, page: &str) -> String {
    let link = format!("http://parlor.test/{page}?token=");
    let (text, html) = (mail["text"].as_str().unwrap(), mail["html"].as_str().unwrap());
    let token = text.split_once(&link).expect(text).1.split_whitespace().next().unwrap();
    assert!(html.contains(&format!("href=\"{link}{token}\"")), "{html}");
    token.to_owned()
}
