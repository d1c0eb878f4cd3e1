//! What was said: the latest page, the numbering, and the memory that makes saying it twice
//! harmless.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use parlor_protocol::chat::{ChatMessage, ChatSend};
use parlor_protocol::{UserId, limits};

use crate::checks;
use crate::io::{NewChat, Now, Principal, Refusal};
use crate::wall::iso_8601;

/// Client ids a room remembers; older ones are found by the store.
const CLIENT_IDS: usize = 256;
/// Messages a room remembers of which the store did not say whether it kept them.
const UNSURE: usize = 256;

/// A message by the name its author gave it.
type Claim = (UserId, String);

/// The chat of a room, as far as it is kept at hand.
#[derive(Debug)]
pub(crate) struct Chat {
    page: VecDeque<ChatMessage>,
    next_number: u64,
    claims: BTreeSet<Claim>,
    claims_by_age: VecDeque<Claim>,
    unsure: BTreeMap<u64, ChatMessage>,
}

impl Chat {
    /// Takes up a chat where the store has left it.
    pub(crate) fn new(page: Vec<ChatMessage>, next_number: u64) -> Self {
        let mut chat = Self {
            page: VecDeque::new(),
            next_number,
            claims: BTreeSet::new(),
            claims_by_age: VecDeque::new(),
            unsure: BTreeMap::new(),
        };
        for message in page {
            chat.keep(&message);
        }
        chat
    }

    /// Returns the latest page, oldest first.
    pub(crate) fn page(&self) -> impl Iterator<Item = &ChatMessage> {
        self.page.iter()
    }

    /// Reads `CHAT_SEND`.
    pub(crate) fn read(&self, send: ChatSend) -> Result<ChatSend, Refusal> {
        let ChatSend { text, client_id, reply_to } = send;
        let text = checks::block("text", text, 1..=limits::CHAT_CHARS)?;
        let client_id = client_id
            .map(|id| checks::line("clientId", id, 1..=limits::CLIENT_ID_CHARS))
            .transpose()?;
        let known = |id: &String| id.parse().is_ok_and(|number: u64| number < self.next_number);
        if reply_to.as_ref().is_some_and(|id| !known(id)) {
            return Err(checks::invalid("replyTo must be the id of a message in this room"));
        }
        Ok(ChatSend { text, client_id, reply_to })
    }

    /// Says whether the author has said this already.
    pub(crate) fn is_repeated(&self, author: &UserId, send: &ChatSend) -> bool {
        send.client_id.clone().is_some_and(|id| self.claims.contains(&(author.clone(), id)))
    }

    /// Gives a message its number. A number is never used again, whatever becomes of the message:
    /// a store that did not say that it committed may have.
    pub(crate) fn number(&mut self, now: Now, author: &Principal, send: ChatSend) -> NewChat {
        let number = self.next_number;
        self.next_number += 1;
        let message = ChatMessage {
            id: number.to_string(),
            user_id: author.user_id.clone(),
            display_name: author.display_name.to_string(),
            text: send.text,
            sent_at: iso_8601(now.wall_ms),
            client_id: send.client_id,
            reply_to: send.reply_to,
        };
        NewChat { number, message, sent_at_ms: now.wall_ms }
    }

    /// Adds a stored message to the page.
    pub(crate) fn keep(&mut self, message: &ChatMessage) {
        if let Some(id) = &message.client_id {
            let claim = (message.user_id.clone(), id.clone());
            if self.claims.insert(claim.clone()) {
                self.claims_by_age.push_back(claim);
            }
            if self.claims_by_age.len() > CLIENT_IDS
                && let Some(oldest) = self.claims_by_age.pop_front()
            {
                self.claims.remove(&oldest);
            }
        }
        self.page.push_back(message.clone());
        if self.page.len() > limits::CHAT_PAGE {
            self.page.pop_front();
        }
    }

    /// Remembers a message of which the store did not say whether it kept it.
    pub(crate) fn doubt(&mut self, new: NewChat) {
        self.unsure.insert(new.number, new.message);
        if self.unsure.len() > UNSURE {
            self.unsure.pop_first();
        }
    }

    /// Returns a doubted message that the store turns out to have kept: nobody was told yet.
    pub(crate) fn resolve(&mut self, number: u64) -> Option<ChatMessage> {
        self.unsure.remove(&number)
    }
}
