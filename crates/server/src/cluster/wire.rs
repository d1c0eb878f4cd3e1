//! What nodes tell one another, and how it looks on the bus.

use bytes::Bytes;
use parlor_protocol::command::StreamPosition;
use parlor_protocol::event::ClosedReason;
use parlor_protocol::{Code, RoomId, UserId};
use parlor_room::{Principal, Proof, Refusal};
use serde::{Deserialize, Serialize};

use crate::hub::batch::Framing;
use crate::sockets::{Ask, Declined, Lost, Pid, Recovery, Sid};

/// A message from one node to another.
#[derive(Debug, Serialize, Deserialize)]
pub struct Letter {
    /// The sender: a name that is new with each start.
    pub from: String,
    /// Names the row of letters from this sender to this receiver; a new row begins at 0.
    pub row: u64,
    /// The letter's place in its row. A heartbeat has the number of the letter that comes next.
    pub number: u64,
    /// What is said.
    pub content: Content,
}

/// What a letter says.
#[derive(Debug, Serialize, Deserialize)]
pub enum Content {
    /// The sender is there.
    Heartbeat,
    /// Something from the receiver was lost: both forget what they had in common, and the
    /// receiver begins a new row, unless it did since this one.
    Reset(u64),
    /// Something about one room.
    Room(RoomId, Matter),
    /// A login was revoked.
    EndLogin(String),
    /// A guest became an account.
    Inherit(UserId, UserId),
    /// Somebody is told an event: who, its name, its argument in JSON, and by what name the sender
    /// wants to know that a socket took it.
    Tell(UserId, String, String, Option<u64>),
    /// A socket took what the sender of this name was asked about.
    Took(u64),
    /// The sender, which opens no sockets, is asked for a room that no node has.
    Offer(RoomId),
    /// Something about a Socket.IO connection, and by what name the asker knows the answer.
    Socket(u64, SocketMatter),
}

/// What is said about a Socket.IO connection.
#[derive(Debug, Serialize, Deserialize)]
pub enum SocketMatter {
    /// To the connection's node: a request that came to the sender.
    Ask(Sid, Ask),
    /// To the connection's node: the client of a request does not wait any more.
    Lost(Sid, Lost),
    /// To all: somebody comes back to the sender and names what they had.
    Recover(UserId, Pid),
    /// From the connection's node: the answer to a request.
    Answer(Result<Vec<u8>, Declined>),
    /// From the node where they had it: what was kept.
    Recovered(Box<Recovery>),
}

/// What is said about one room.
#[derive(Debug, Serialize, Deserialize)]
pub enum Matter {
    /// To the room's owner: a connection wants in.
    Attach {
        /// The connection, as its node calls it.
        conn: u64,
        /// How what it gets is framed.
        framing: Framing,
        /// The last event that the reader of a stream has seen, if that is known.
        since: Option<StreamPosition>,
        /// Whose it is.
        who: Person,
    },
    /// To the owner: what a connection said, as it was said.
    Said {
        /// The connection.
        conn: u64,
        /// A whole text message.
        text: String,
    },
    /// To the owner: a connection is gone.
    Gone {
        /// The connection.
        conn: u64,
        /// Whether its member left; otherwise it broke.
        left: bool,
    },
    /// To the owner: a question, answered by [`Matter::Answer`].
    Ask {
        /// Names the question.
        ask: u64,
        /// The question.
        question: Question,
    },
    /// From the owner: what a batch holds.
    Told {
        /// How it is framed.
        framing: Framing,
        /// For every connection that is admitted.
        shared: Bytes,
        /// Parts of `shared` that may be left out for slow readers.
        volatile: Vec<(u32, u32)>,
        /// For single connections, in order.
        asides: Vec<FarAside>,
    },
    /// From the owner: the answer to a question, in JSON.
    Answer {
        /// The question's name.
        ask: u64,
        /// The answer, or the stable code and the sentence of a refusal.
        answer: Result<String, (String, String)>,
    },
    /// From the owner: the room is not here any more.
    Dropped,
    /// From the owner: the room is the receiver's from now on.
    Yours {
        /// How often it has moved since it was loaded from rest, this time included.
        moves: u32,
    },
}

/// A room's state as its owner caches it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Cached {
    /// The owner's fence.
    pub fence: i64,
    /// The text of its snapshot.
    pub snapshot: String,
}

/// Something for one connection of another node.
#[derive(Debug, Serialize, Deserialize)]
pub struct FarAside {
    /// The connection, as its node calls it.
    pub conn: u64,
    /// Behind how many of the shared bytes it stands.
    pub at: u32,
    /// Whole frames.
    pub bytes: Bytes,
    /// Whether the connection ends after them.
    pub closes: bool,
    /// Whether the connection gets what is shared from here on.
    pub admits: bool,
}

/// A verified person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Person {
    user_id: UserId,
    display_name: String,
    is_guest: bool,
}

impl From<&Principal> for Person {
    fn from(who: &Principal) -> Self {
        Self {
            user_id: who.user_id.clone(),
            display_name: who.display_name.to_string(),
            is_guest: who.is_guest,
        }
    }
}

impl From<Person> for Principal {
    fn from(person: Person) -> Self {
        Self {
            user_id: person.user_id,
            display_name: person.display_name.into(),
            is_guest: person.is_guest,
        }
    }
}

/// A question about a room.
#[derive(Debug, Serialize, Deserialize)]
pub enum Question {
    /// The whole state.
    State,
    /// How many members are present.
    Count,
    /// A page of members: after whom, and how many.
    Members(Option<UserId>, u32),
    /// Whether somebody would be let in.
    MayEnter(Person),
    /// Somebody at the door, with this proof and these words.
    Knock(Person, Proof, Option<String>),
    /// A command, in JSON, without a connection.
    Command(Person, String),
    /// The end of the room, asked for by somebody.
    Close(Person),
    /// The end of the room, without asking: the reason in JSON.
    End(String),
    /// Whether somebody may ask others in.
    MayInvite(Person),
    /// Who was banned.
    Banned(Person),
    /// A seat without a connection.
    Enter(Person),
}

impl Question {
    /// Asks for the end of a room.
    pub fn end(reason: &ClosedReason) -> Self {
        Self::End(serde_json::to_string(reason).expect("a plain word is JSON"))
    }
}

/// Returns the code that other nodes call so; one they do not share is `internal`.
pub fn code(text: &str) -> Code {
    Code::ALL.iter().copied().find(|code| code.as_str() == text).unwrap_or(Code::Internal)
}

/// Puts a refusal into words for another node.
pub fn refusal(refusal: impl Into<Refusal>) -> (String, String) {
    let Refusal { code, message } = refusal.into();
    (code.as_str().to_owned(), message)
}

/// Writes a letter.
pub fn encode(letter: &Letter) -> Bytes {
    // Nothing in a letter has a form of its own that could fail to be written.
    postcard::to_allocvec(letter).expect("plain values can be written").into()
}

/// Reads a letter; `None` if another version of Parlor wrote it.
pub fn decode(bytes: &[u8]) -> Option<Letter> {
    postcard::from_bytes(bytes).ok()
}

/// Writes what is cached of a room.
pub fn encode_cached(cached: &Cached) -> Bytes {
    // A number and a text have no form that could fail to be written.
    postcard::to_allocvec(cached).expect("plain values can be written").into()
}

/// Reads what is cached of a room; `None` if another version of Parlor wrote it.
pub fn decode_cached(bytes: &[u8]) -> Option<Cached> {
    postcard::from_bytes(bytes).ok()
}
