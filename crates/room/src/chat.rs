//! What was said: the latest page, the numbering, and the memory that makes saying it twice
//! harmless.

use std::collections::VecDeque;

use parlor_protocol::chat::ChatMessage;
use parlor_protocol::limits;

/// The chat of a room, as far as it is kept at hand.
#[derive(Debug)]
pub(crate) struct Chat {
    page: VecDeque<ChatMessage>,
    next_number: u64,
}

impl Chat {
    /// Takes up a chat where the store has left it.
    pub(crate) fn new(page: Vec<ChatMessage>, next_number: u64) -> Self {
        let skip = page.len().saturating_sub(limits::CHAT_PAGE);
        Self { page: page.into_iter().skip(skip).collect(), next_number }
    }

    /// Returns the latest page, oldest first.
    pub(crate) fn recent(&self) -> impl Iterator<Item = &ChatMessage> {
        self.page.iter()
    }
}
