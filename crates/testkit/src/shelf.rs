//! A store as simple as a store can be: what of a room survives when everything else is lost.

use std::collections::BTreeMap;

use parlor_protocol::UserId;
use parlor_protocol::chat::ChatMessage;
use parlor_protocol::room::RoomSettings;
use parlor_room::{
    Amended, Amendment, Change, Snapshot, StoreBatch, StoredBatch, StoredChat, iso_8601,
};

/// What is stored of one room.
#[derive(Clone, Debug)]
pub struct Shelf {
    /// Every message by its number.
    pub chat: BTreeMap<u64, ChatMessage>,
    /// The latest snapshot.
    pub snapshot: Option<Snapshot>,
    /// The settings.
    pub settings: RoomSettings,
    by_client_id: BTreeMap<(UserId, String), u64>,
}

impl Shelf {
    /// Begins with a room's settings and nothing else.
    pub fn new(settings: RoomSettings) -> Self {
        Self { chat: BTreeMap::new(), snapshot: None, settings, by_client_id: BTreeMap::new() }
    }

    /// Writes a batch, all of it.
    ///
    /// # Panics
    /// If a number is used twice.
    pub fn write(&mut self, batch: &StoreBatch) -> StoredBatch {
        if let Some(snapshot) = &batch.snapshot {
            self.snapshot = Some(snapshot.clone());
        }
        if let Some(settings) = &batch.settings {
            self.settings = settings.clone();
        }
        StoredBatch {
            messages: batch.messages.iter().map(|it| self.say(it.number, &it.message)).collect(),
            amendments: batch.amendments.iter().map(|it| self.amend(it)).collect(),
        }
    }

    /// Changes a message, if it is whose it has to be.
    pub fn amend(&mut self, amendment: &Amendment) -> Amended {
        let Some(message) = self.chat.get_mut(&amendment.number) else { return Amended::Missing };
        if amendment.author.as_ref().is_some_and(|author| *author != message.user_id) {
            return Amended::Foreign;
        }
        let (before, at) = (message.clone(), iso_8601(amendment.at_ms));
        match &amendment.change {
            Change::Edit { .. } if message.deleted_at.is_some() => return Amended::Missing,
            Change::Delete if message.deleted_at.is_some() => {}
            Change::Delete => message.redact(&at),
            Change::Edit { text, mentions } => {
                if *text != message.text || *mentions != message.mentions {
                    (message.text, message.mentions) = (text.clone(), mentions.clone());
                    message.edited_at = Some(at);
                }
            }
        }
        let after = Box::new(message.clone());
        if *after == before { Amended::Before(after) } else { Amended::Done(after) }
    }

    fn say(&mut self, number: u64, message: &ChatMessage) -> StoredChat {
        if let Some(id) = &message.client_id {
            let key = (message.user_id.clone(), id.clone());
            if let Some(existing) = self.by_client_id.get(&key) {
                return StoredChat::Duplicate { existing: *existing };
            }
            self.by_client_id.insert(key, number);
        }
        let before = self.chat.insert(number, message.clone());
        assert_eq!(before, None, "message number {number} is used twice");
        StoredChat::New
    }

    /// Returns the latest page, oldest first.
    pub fn page(&self, messages: usize) -> Vec<ChatMessage> {
        let skip = self.chat.len().saturating_sub(messages);
        self.chat.values().skip(skip).cloned().collect()
    }

    /// Returns a number larger than every stored one.
    pub fn next_number(&self) -> u64 {
        self.chat.last_key_value().map_or(1, |(number, _)| number + 1)
    }
}
