//! What was said: the latest page, the numbering, and the memory that makes saying it twice
//! harmless.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use parlor_protocol::chat::{ChatDelete, ChatEdit, ChatMessage, ChatSend};
use parlor_protocol::{Code, UserId, limits};

use crate::checks;
use crate::io::{Amendment, Change, NewChat, Now, Principal, Refusal};
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
        let ChatSend { text, client_id, reply_to, mentions } = send;
        let text = checks::block("text", text, 1..=limits::CHAT_CHARS)?;
        let client_id = client_id
            .map(|id| checks::line("clientId", id, 1..=limits::CLIENT_ID_CHARS))
            .transpose()?;
        if reply_to.as_ref().is_some_and(|id| self.number_of(id).is_none()) {
            return Err(checks::invalid("replyTo must be the id of a message in this room"));
        }
        let mentions = read_mentions(mentions)?;
        Ok(ChatSend { text, client_id, reply_to, mentions })
    }

    /// Reads `CHAT_EDIT`: only of what one said oneself.
    pub(crate) fn edit(&self, now: Now, by: &UserId, edit: ChatEdit) -> Result<Amendment, Refusal> {
        let number = self.number_of(&edit.id).ok_or(Code::MessageNotFound)?;
        let text = checks::block("text", edit.text, 1..=limits::CHAT_CHARS)?;
        let mentions = read_mentions(edit.mentions)?;
        let change = Change::Edit { text, mentions };
        Ok(Amendment { number, author: Some(by.clone()), change, at_ms: now.wall_ms })
    }

    /// Reads `CHAT_DELETE`, of a message by `author`, or by anybody.
    pub(crate) fn delete(
        &self,
        now: Now,
        author: Option<&UserId>,
        delete: &ChatDelete,
    ) -> Result<Amendment, Refusal> {
        let number = self.number_of(&delete.id).ok_or(Code::MessageNotFound)?;
        let (author, at_ms) = (author.cloned(), now.wall_ms);
        Ok(Amendment { number, author, change: Change::Delete, at_ms })
    }

    /// Returns the number a message has by its id, if there can be one of that id.
    fn number_of(&self, id: &str) -> Option<u64> {
        let number = id.parse().ok().filter(|number| (1..self.next_number).contains(number))?;
        // Other spellings of a number name nothing.
        (number.to_string() == id).then_some(number)
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
            mentions: send.mentions,
            edited_at: None,
            deleted_at: None,
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

    /// Has a message stand as it is stored now, wherever it is kept.
    pub(crate) fn amend(&mut self, message: &ChatMessage) {
        let kept = self.page.iter_mut().chain(self.unsure.values_mut());
        for one in kept.filter(|one| one.id == message.id) {
            *one = message.clone();
        }
    }

    /// Has one person's messages be another's, as they are in the store from then on.
    pub(crate) fn inherit(&mut self, from: &UserId, to: &UserId) {
        for message in self.page.iter_mut().filter(|message| message.user_id == *from) {
            message.user_id = to.clone();
            // An idempotency key is only good for the one who sent it.
            message.client_id = None;
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

/// Takes who is spoken to, each once. They are names on a text: nobody asks whether they are here.
fn read_mentions(mut mentions: Vec<UserId>) -> Result<Vec<UserId>, Refusal> {
    let mut seen = BTreeSet::new();
    mentions.retain(|user| seen.insert(user.clone()));
    if mentions.len() > limits::CHAT_MENTIONS {
        let most = limits::CHAT_MENTIONS;
        return Err(checks::invalid(format!("mentions must be at most {most} people")));
    }
    for user in &mentions {
        checks::line("mentions", user.to_string(), 1..=checks::USER_ID_CHARS)?;
    }
    Ok(mentions)
}
