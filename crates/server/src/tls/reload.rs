//! Certificates that are renewed while the server runs.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use super::{Current, fingerprint, pair};
use crate::config::PairFiles;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// What tells a file from what it was before: its number, its size and when it was changed.
type Stamp = Option<(u64, u64, i64, i64)>;

/// Puts changed files in force; runs for ever.
pub(super) async fn follow(files: &PairFiles, current: &Current) {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut watch = Watch::begin(files);
    loop {
        look.tick().await;
        watch.look(files, current);
    }
}

/// What is known of the files.
struct Watch {
    /// What they were when they were read last.
    read: (Stamp, Stamp),
    /// What they were at the last look.
    seen: (Stamp, Stamp),
}

impl Watch {
    fn begin(files: &PairFiles) -> Self {
        let now = stamps(files);
        Self { read: now, seen: now }
    }

    /// Reads files that have changed, once they are the same for two looks: a certificate must not
    /// be read before the key that belongs to it is there. What cannot be used is told once, and
    /// the old pair stays.
    fn look(&mut self, files: &PairFiles, current: &Current) {
        let now = stamps(files);
        let is_calm = now == std::mem::replace(&mut self.seen, now);
        if now == self.read || !is_calm {
            return;
        }
        self.read = now;
        match pair::read(files) {
            Ok(pair) => {
                let fingerprint = fingerprint(&pair);
                current.set(pair);
                tracing::info!(fingerprint, "the certificate was renewed");
            }
            Err(error) => tracing::error!(%error, "the old certificate stays in force"),
        }
    }
}

fn stamps(files: &PairFiles) -> (Stamp, Stamp) {
    (stamp(&files.certificate), stamp(&files.key))
}

fn stamp(path: &Path) -> Stamp {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, RwLock};

    /// Writes one file of a pair as tools for renewal do: beside it, then over it.
    fn put(path: &Path, text: &str) {
        let beside = path.with_extension("new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, path).unwrap();
    }

    fn new_pair() -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn a_changed_pair_is_taken_when_it_is_whole_and_calm_and_a_bad_one_never() {
        let folder = tempfile::tempdir().unwrap();
        let files = PairFiles {
            certificate: folder.path().join("certificate.pem"),
            key: folder.path().join("key.pem"),
        };
        let (certificate, key) = new_pair();
        put(&files.certificate, &certificate);
        put(&files.key, &key);
        let current = Current(RwLock::new(Arc::new(pair::read(&files).unwrap())));
        let mut watch = Watch::begin(&files);
        let mut look = || {
            watch.look(&files, &current);
            fingerprint(&current.get())
        };
        let first = look();

        let (certificate, key) = new_pair();
        put(&files.certificate, &certificate);
        assert_eq!(look(), first, "half of it is there");
        put(&files.key, &key);
        assert_eq!(look(), first, "it may not be whole");
        let second = look();
        assert_ne!(second, first);

        put(&files.key, "no key");
        assert_eq!([look(), look(), look()], [second.clone(), second.clone(), second.clone()]);
        std::fs::remove_file(&files.key).unwrap();
        assert_eq!([look(), look()], [second.clone(), second.clone()]);
        put(&files.key, &key);
        assert_eq!([look(), look()], [second.clone(), second]);

        let (certificate, key) = new_pair();
        put(&files.certificate, &certificate);
        put(&files.key, &key);
        look();
        assert_eq!(look(), fingerprint(&pair::read(&files).unwrap()));
    }
}
