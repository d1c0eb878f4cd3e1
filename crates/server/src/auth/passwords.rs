//! Hashing and checking passwords, on one thread of its own.
//!
//! Argon2id wants 19 MiB per password. One thread that reuses one block keeps a burst of log-ins
//! from growing the process (hashing in parallel left 158 to 216 MB resident when it was
//! measured), and it keeps the cores that carry rooms free.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use argon2::password_hash::phc::{PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use parlor_protocol::Code;
use tokio::sync::oneshot;

/// Jobs that wait at most; at about 25 ms each, more would wait longer than a person does.
const WAITING_JOBS: usize = 256;
/// Memory in KiB, passes and lanes: the OWASP cheat sheet's second choice, with the least memory
/// of those recommended that is not slower.
const COST: (u32, u32, u32) = (19 * 1_024, 2, 1);
/// A stored hash that asks for more memory than this, in KiB, is not ours and is not checked.
const LARGEST_MEMORY_KIB: u32 = 64 * 1_024;
/// A hash of bcrypt's with a greater cost is not checked: 14 takes about a second.
const LARGEST_BCRYPT_COST: u32 = 14;
/// How long the memory for hashing is held after the last password.
const BLOCK_LIFE: Duration = Duration::from_secs(5);
/// Bytes of a hash.
const OUTPUT_BYTES: usize = 32;
/// Bytes of a salt (RFC 9106, section 3.1).
const SALT_BYTES: usize = 16;

/// The thread that hashes; it ends with the last clone.
#[derive(Clone)]
pub struct Passwords {
    jobs: SyncSender<Job>,
}

enum Job {
    Hash { password: String, reply: oneshot::Sender<String> },
    Check { password: String, stored: Option<String>, reply: oneshot::Sender<bool> },
}

impl Passwords {
    /// Starts the thread.
    ///
    /// # Panics
    /// If the system gives no thread, which at start means that nothing would work.
    pub fn start() -> Self {
        let (jobs, inbox) = sync_channel(WAITING_JOBS);
        std::thread::Builder::new()
            .name("passwords".to_owned())
            .spawn(move || work(&inbox))
            .expect("a system that cannot start one thread cannot run a server");
        Self { jobs }
    }

    /// Hashes a password with a fresh salt, in PHC form.
    ///
    /// # Errors
    /// [`Code::Busy`] if too many wait already.
    pub async fn hash(&self, password: String) -> Result<String, Code> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Hash { password, reply })?;
        answer.await.map_err(|_| Code::Internal)
    }

    /// Says whether a password is the one that was hashed. Without a hash, because there is no
    /// such account, it works just as long and says no.
    ///
    /// # Errors
    /// [`Code::Busy`] if too many wait already.
    pub async fn check(&self, password: String, stored: Option<String>) -> Result<bool, Code> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Check { password, stored, reply })?;
        answer.await.map_err(|_| Code::Internal)
    }

    fn send(&self, job: Job) -> Result<(), Code> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Code::Busy,
            TrySendError::Disconnected(_) => Code::Internal,
        })
    }
}

fn work(inbox: &Receiver<Job>) {
    let mut blocks = Vec::new();
    loop {
        let next = match inbox.recv_timeout(BLOCK_LIFE) {
            Err(RecvTimeoutError::Timeout) => {
                blocks = Vec::new();
                inbox.recv().ok()
            }
            job => job.ok(),
        };
        // A person who closed the page no longer waits for the answer.
        match next {
            Some(Job::Hash { password, reply }) => {
                let _ = reply.send(hashed(&password, &mut blocks));
            }
            Some(Job::Check { password, stored, reply }) => {
                let _ = reply.send(matches(&password, stored.as_deref(), &mut blocks));
            }
            None => return,
        }
    }
}

fn own_params() -> Params {
    Params::new(COST.0, COST.1, COST.2, Some(OUTPUT_BYTES)).expect("the cost is in Argon2's range")
}

fn derive(password: &str, salt: &[u8], params: Params, blocks: &mut Vec<Block>) -> Option<Vec<u8>> {
    blocks.resize(params.block_count().max(blocks.len()), Block::new());
    let mut output = vec![0; params.output_len().unwrap_or(OUTPUT_BYTES)];
    let count = params.block_count();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(
            password.as_bytes(),
            salt,
            &mut output,
            &mut blocks[..count],
        )
        .ok()?;
    Some(output)
}

fn hashed(password: &str, blocks: &mut Vec<Block>) -> String {
    let salt: [u8; SALT_BYTES] = rand::random();
    let output = derive(password, &salt, own_params(), blocks)
        .expect("the length of a password was checked, salt and cost are our own");
    let (memory, passes, lanes) = COST;
    let salt = Salt::new(&salt).expect("16 bytes are a salt").to_string();
    let output = base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, output);
    format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${output}")
}

/// Says whether a hash is of a form that passwords are checked against: Argon2id, or bcrypt from
/// somewhere else.
pub fn is_known(stored: &str) -> bool {
    parse(stored).is_some() || is_bcrypt(stored)
}

/// Says whether a hash is not what [`Passwords::hash`] makes today, so that it is better made anew once
/// its password is known.
pub fn is_outdated(stored: &str) -> bool {
    parse(stored).is_none_or(|parts| {
        let own = own_params();
        (parts.params.m_cost(), parts.params.t_cost()) != (own.m_cost(), own.t_cost())
    })
}

/// Says whether it is a hash of bcrypt's that does not take longer than a person waits.
fn is_bcrypt(stored: &str) -> bool {
    let parts = stored.parse::<bcrypt::HashParts>();
    parts.is_ok_and(|parts| parts.get_cost() <= LARGEST_BCRYPT_COST)
}

fn matches(password: &str, stored: Option<&str>, blocks: &mut Vec<Block>) -> bool {
    if let Some(stored) = stored.filter(|stored| is_bcrypt(stored)) {
        // Whatever made it looked at the first 72 bytes alone, and so does this.
        return bcrypt::verify(password, stored).unwrap_or(false);
    }
    let Some(parts) = stored.and_then(parse) else {
        // The time this takes is the point.
        let spent = derive(password, &[0; SALT_BYTES], own_params(), blocks);
        return std::hint::black_box(spent).is_none();
    };
    let output = derive(password, &parts.salt, parts.params, blocks);
    output.is_some_and(|output| same(&output, &parts.hash))
}

struct Parts {
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

fn parse(stored: &str) -> Option<Parts> {
    let phc = PasswordHash::new(stored).ok()?;
    if phc.algorithm.as_str() != "argon2id" {
        return None;
    }
    let hash = phc.hash.as_ref()?.as_bytes().to_vec();
    let params = Params::try_from(&phc).ok()?;
    if params.m_cost() > LARGEST_MEMORY_KIB {
        return None;
    }
    Some(Parts { params, salt: phc.salt.as_ref()?.to_vec(), hash })
}

/// Compares in a time that does not tell where the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b));
    a.len() == b.len() && std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_matches_its_own_hash_and_no_other() {
        let mut blocks = Vec::new();
        let stored = hashed("correct horse", &mut blocks);
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(matches("correct horse", Some(&stored), &mut blocks));
        assert!(!matches("correct hors", Some(&stored), &mut blocks));
        assert_ne!(stored, hashed("correct horse", &mut blocks));
    }

    #[test]
    fn no_account_a_foreign_hash_and_a_greedy_hash_match_nothing() {
        let mut blocks = Vec::new();
        for stored in [
            None,
            Some("plain"),
            Some("$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo"),
        ] {
            assert!(!matches("plain", stored, &mut blocks), "{stored:?}");
        }
    }

    #[test]
    fn a_hash_of_bcrypts_is_checked_and_outdated() {
        let mut blocks = Vec::new();
        // The first vector of the crypt_blowfish test suite.
        let stored = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        assert!(matches("U*U", Some(stored), &mut blocks));
        assert!(!matches("U*V", Some(stored), &mut blocks));
        assert!(is_known(stored) && is_outdated(stored));
        let own = hashed("a password", &mut blocks);
        assert!(is_known(&own) && !is_outdated(&own));
        assert!(is_outdated(&own.replace("t=2", "t=1")));
        let greedy = stored.replace("$05$", "$31$");
        assert!(!is_known(&greedy) && !matches("U*U", Some(&greedy), &mut blocks));
    }

    #[test]
    fn one_block_serves_every_hash() {
        let mut blocks = Vec::new();
        hashed("a password", &mut blocks);
        let capacity = blocks.capacity();
        hashed("another one", &mut blocks);
        assert_eq!(blocks.capacity(), capacity);
    }
}
