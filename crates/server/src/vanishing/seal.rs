//! Seals what is said in a room (AES-256-GCM, RFC 5116) before it gets to the database.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use parlor_protocol::RoomId;
use parlor_room::Snapshot;
use parlor_store::{AmendOutcome, ChatChange, ChatRow, Committed, RoomWrite};

/// Length of a room's key, in bytes.
pub const KEY_BYTES: usize = 32;

/// What sealed texts begin with. Somebody may say this in a room whose messages stay; without a key
/// it is a text like any other.
const MARK: &str = "sealed:1:";

/// The key of one room. It is in memory as long as somebody has this.
#[derive(Clone)]
pub struct Seal {
    room: RoomId,
    key: Arc<LessSafeKey>,
}

/// Says whether a text looks sealed.
pub fn is_sealed(text: &str) -> bool {
    text.starts_with(MARK)
}

impl Seal {
    /// Takes up a key; `None` if it has another length.
    pub fn new(room: &RoomId, key: &[u8]) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key).ok()?;
        Some(Self { room: room.clone(), key: Arc::new(LessSafeKey::new(key)) })
    }

    /// Seals a text; it opens for this room alone.
    pub fn seal(&self, text: &str) -> String {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut sealed = text.as_bytes().to_vec();
        let assumed = Nonce::assume_unique_for_key(nonce);
        self.key
            .seal_in_place_append_tag(assumed, self.bound(), &mut sealed)
            .expect("texts are far shorter than what AES-GCM seals");
        format!("{MARK}{}", STANDARD_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens a text; `None` if it was not sealed for this room.
    pub fn open(&self, text: &str) -> Option<String> {
        let bytes = STANDARD_NO_PAD.decode(text.strip_prefix(MARK)?).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let opened = self.key.open_in_place(nonce, self.bound(), &mut sealed).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }

    /// Opens a message as it was read from the store.
    pub fn open_row(&self, row: &mut ChatRow) {
        for text in [&mut row.text, &mut row.display_name] {
            if let Some(opened) = self.open(text) {
                *text = opened;
            }
        }
    }

    /// Seals what is written of the room: what is said, by whom, and its state, which names people.
    pub fn seal_write(&self, mut write: RoomWrite) -> RoomWrite {
        for message in &mut write.messages {
            message.text = self.seal(&message.text);
            message.display_name = self.seal(&message.display_name);
        }
        for amendment in &mut write.amendments {
            if let ChatChange::Edit { text, .. } = &mut amendment.change {
                *text = self.seal(text);
            }
        }
        write.snapshot = write.snapshot.map(|snapshot| self.seal(&snapshot));
        write
    }

    /// Opens what the store says has become of a write.
    pub fn open_committed(&self, committed: &mut Committed) {
        for outcome in &mut committed.amendments {
            match outcome {
                AmendOutcome::Done(row) | AmendOutcome::Before(row) => self.open_row(row),
                AmendOutcome::Missing | AmendOutcome::Foreign => {}
            }
        }
    }

    /// Seals the room's state.
    pub fn seal_snapshot(&self, snapshot: &Snapshot) -> Snapshot {
        Snapshot(self.seal(&snapshot.0))
    }

    fn bound(&self) -> Aad<&[u8]> {
        Aad::from(self.room.as_str().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_opens_with_its_rooms_key_for_its_room_alone() {
        let seal = |room: &str, key: u8| Seal::new(&room.into(), &[key; KEY_BYTES]).unwrap();
        let sealed = seal("r", 1).seal("a secret");
        assert!(is_sealed(&sealed) && !sealed.contains("secret"));
        assert_ne!(seal("r", 1).seal("a secret"), sealed);
        assert_eq!(seal("r", 1).open(&sealed).as_deref(), Some("a secret"));
        assert_eq!(seal("r", 2).open(&sealed), None);
        assert_eq!(seal("s", 1).open(&sealed), None);
        for end in 0..sealed.len() {
            assert_eq!(seal("r", 1).open(&sealed[..end]), None);
        }
        assert!(Seal::new(&"r".into(), &[1; 31]).is_none());
    }
}
