//! What is told, and to whom: the outcomes of direct messages, with the events they become.

use parlor_protocol::ClerkId;
use parlor_protocol::direct::OnlineStatus;
use parlor_protocol::direct::socket::{
    DeliveryStatus, MessageDelivered, MessageSent, MessagesRead, ReceiveMessage, UserStatus,
};
use parlor_room::iso_8601;
use parlor_store::{DirectRow, Party};

/// Something that was done over REST.
#[derive(Clone, Debug)]
pub enum News {
    /// A message was sent.
    Sent(Box<Sent>),
    /// Messages were read.
    Read(Box<Read>),
}

/// Whether a message reaches its receiver at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every socket of the receiver is told, and the sender may know that one took it.
    Told,
    /// It is a request: it waits in the receiver's list, and the sender learns that it is saved.
    Asked,
    /// The receiver declined the sender, who learns that it is saved.
    Nobody,
}

/// A message that is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Who sent it.
    pub sender: Party,
    /// To whom.
    pub receiver: Party,
    /// The message.
    pub message: DirectRow,
    /// Whether it was there already: the receiver was told then.
    pub repeated: bool,
    /// Whether the receiver's sockets are told.
    pub reach: Reach,
}

impl Sent {
    /// Says whether the receiver's sockets are to be told now.
    pub fn is_to_be_told(&self) -> bool {
        match self.reach {
            Reach::Told => !self.repeated,
            Reach::Asked | Reach::Nobody => false,
        }
    }

    /// What the sender is told first.
    pub fn to_sender(&self) -> MessageSent {
        MessageSent {
            message_id: self.message.id,
            conversation_id: self.message.conversation_id,
            timestamp: self.timestamp(),
        }
    }

    /// What every socket of the receiver is told.
    pub fn to_receiver(&self) -> ReceiveMessage {
        let message = &self.message;
        let from = ClerkId::from(message.from_clerk_id.as_str());
        ReceiveMessage {
            message_id: message.id,
            from: from.clone(),
            from_clerk_id: from,
            to_clerk_id: ClerkId::from(message.to_clerk_id.as_str()),
            text: message.content.clone(),
            content: message.content.clone(),
            timestamp: self.timestamp(),
            conversation_id: message.conversation_id,
            message_type: message.message_type.clone(),
        }
    }

    /// What the sender is told last: `is_taken` if a socket of the receiver took it.
    pub fn delivered(&self, is_taken: bool) -> MessageDelivered {
        let is_known = is_taken && self.reach == Reach::Told;
        MessageDelivered {
            message_id: self.message.id,
            status: if is_known { DeliveryStatus::Delivered } else { DeliveryStatus::Saved },
            timestamp: self.timestamp(),
            note: (!is_known).then(|| "It is kept until they come".to_owned()),
        }
    }

    /// When the server took it.
    pub fn timestamp(&self) -> String {
        iso_8601(self.message.created_at.timestamp_millis())
    }
}

/// Messages that were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Who read them.
    pub reader: Party,
    /// When.
    pub read_at_ms: i64,
    /// Those that were asked for and are messages to the reader, whom they are told.
    pub ids: Vec<i64>,
    /// Those that were not read before, by author, of authors who may know.
    pub by_author: Vec<(Party, Vec<i64>)>,
}

impl Read {
    /// What the reader is told.
    pub fn to_reader(&self) -> MessagesRead {
        self.event(self.ids.clone())
    }

    /// What each author is told of their own.
    pub fn to_authors(&self) -> impl Iterator<Item = (&Party, MessagesRead)> {
        self.by_author.iter().map(|(author, ids)| (author, self.event(ids.clone())))
    }

    fn event(&self, message_ids: Vec<i64>) -> MessagesRead {
        MessagesRead { message_ids, read_at: iso_8601(self.read_at_ms) }
    }
}

/// Somebody came online or went offline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// Who.
    pub person: ClerkId,
    /// Whether they are online now.
    pub is_online: bool,
    /// Who is told.
    pub told: Vec<Party>,
}

impl StatusChange {
    /// What they are told.
    pub fn event(&self) -> UserStatus {
        let status = if self.is_online { OnlineStatus::Online } else { OnlineStatus::Offline };
        UserStatus { clerk_id: self.person.clone(), status }
    }
}
