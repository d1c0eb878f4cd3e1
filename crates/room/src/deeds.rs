//! What a command does once it is stored.

use std::sync::Arc;

use parlor_protocol::chat::{ChatDeleted, ChatMessage};
use parlor_protocol::queue::QueueUpdated;
use parlor_protocol::{CloseCode, Code, Event, UserId};

use crate::draft::{self, Deed};
use crate::io::{Amended, NewChat, Now, Output, Pace, Refusal, StoredChat};
use crate::room::Room;

impl Room {
    /// A message is stored.
    pub(crate) fn said(&mut self, now: Now, new: NewChat, stored: StoredChat) -> String {
        let number = match stored {
            StoredChat::New => new.number,
            StoredChat::Duplicate { existing } => existing,
        };
        let message = match stored {
            StoredChat::New => Some(new.message),
            // Told already, unless the store kept it without saying so.
            StoredChat::Duplicate { existing } => self.chat.resolve(existing),
        };
        if let Some(message) = message {
            self.put_off_vanishing(now);
            self.chat.keep(&message);
            self.tell(now, Event::ChatMessage(message), Pace::Batched);
        }
        number.to_string()
    }

    /// A message is stored as somebody would have it now, or not.
    pub(crate) fn amended(
        &mut self,
        now: Now,
        by: &UserId,
        outcome: Amended,
    ) -> Result<(), Refusal> {
        match outcome {
            Amended::Done(message) => self.tell_amended(now, by, *message),
            // Told already, unless the store kept it without saying so.
            Amended::Before(message) => {
                if self.may_have_stored_in_secret() {
                    self.tell_amended(now, by, *message);
                }
            }
            Amended::Missing => return Err(Code::MessageNotFound.into()),
            Amended::Foreign => return Err(Code::Forbidden.into()),
        }
        Ok(())
    }

    fn tell_amended(&mut self, now: Now, by: &UserId, message: ChatMessage) {
        self.chat.amend(&message);
        let event = match &message.deleted_at {
            None => Event::ChatEdited(message),
            Some(deleted_at) => {
                self.stream.redact(&message.id, deleted_at);
                let (id, deleted_at) = (message.id.clone(), deleted_at.clone());
                Event::ChatDeleted(ChatDeleted { id, user_id: by.clone(), deleted_at })
            }
        };
        self.tell(now, event, Pace::Batched);
    }

    /// Does what is stored, and tells.
    pub(crate) fn perform(&mut self, now: Now, by: &UserId, deed: Deed) {
        let applied = Arc::make_mut(&mut self.durable).apply(&deed);
        debug_assert!(applied.is_ok(), "only batches change this, and one is in flight at a time");
        match deed {
            Deed::Say | Deed::Amend | Deed::Pardon(_) => {}
            Deed::Enqueue(_) | Deed::Dequeue(_) | Deed::Shift(_) => self.tell_queue(now, by),
            Deed::Load(item) => {
                self.tell_queue(now, by);
                self.command_timeline(now, draft::load(&item, None), by, None);
            }
            Deed::Next(item) => {
                self.tell_queue(now, by);
                self.command_timeline(now, draft::load(&item, Some(true)), by, None);
            }
            Deed::Stop(item) => {
                if self.timeline.medium.item == item && self.timeline.playing {
                    self.command_timeline(now, draft::stop(), by, None);
                }
            }
            Deed::Crown(user) => self.crown(now, user),
            Deed::Appoint(user, is_moderator) => {
                self.tell_member(now, &user);
                if is_moderator {
                    self.tell_who_waits();
                }
            }
            Deed::Admit(users) => self.let_in(&users),
            Deed::TurnAway(user, _) => self.send_off(&user),
            Deed::Remove(user, _) => self.remove(now, &user),
            Deed::Arrange(settings, _) => {
                self.tell(now, Event::RoomUpdated(settings), Pace::Batched);
                self.rule_changed(now);
            }
        }
    }

    fn tell_queue(&mut self, now: Now, by: &UserId) {
        let queue = self.durable.queue.clone();
        let updated = QueueUpdated { queue, by: Some(by.clone()) };
        self.tell(now, Event::QueueUpdated(updated), Pace::Batched);
    }

    /// Sends somebody away; what they still wanted is not done.
    fn remove(&mut self, now: Now, user: &UserId) {
        self.refuse_what_waits_of(user);
        let seat = self.members.seat(user);
        let connections = seat.map(|seat| seat.connections().collect::<Vec<_>>());
        for conn in connections.unwrap_or_default() {
            self.output(Output::Close { conn, code: CloseCode::Removed });
        }
        self.free_seat(now, user);
    }
}
