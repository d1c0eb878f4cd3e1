//! What goes into a room and what comes out of it: the whole contract with the driver.
//!
//! The driver calls [`Room::handle_input`](crate::Room::handle_input), then
//! [`Room::poll_output`](crate::Room::poll_output) until it returns `None` and carries each output
//! out in order, then sleeps until [`Room::poll_timeout`](crate::Room::poll_timeout) or the next
//! input.

use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::chat::ChatMessage;
use parlor_protocol::event::ClosedReason;
use parlor_protocol::frame::{CommandId, ServerFrame};
use parlor_protocol::room::RoomSettings;
use parlor_protocol::{CloseCode, Code, Command, Event, RoomId, UserId};
use serde::{Deserialize, Serialize};

/// The moment of an input, told by the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time since the origin of the server's clock. On the wire: float ms.
    pub mono: Duration,
    /// Wall clock, ms since 1970 UTC; only ever shown to people, never calculated with.
    pub wall_ms: i64,
}

impl Now {
    /// Returns the server clock as it is on the wire, in ms.
    pub fn clock_ms(self) -> f64 {
        clock_ms(self.mono)
    }
}

/// Returns a moment of the server clock as it is on the wire, in ms.
pub(crate) fn clock_ms(mono: Duration) -> f64 {
    mono.as_nanos() as f64 / 1e6
}

/// Names one live connection; the driver chooses it and never uses it twice in a room's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// Names one request over HTTP that waits for [`Output::Answer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u64);

/// A verified person. Whoever makes one vouches for the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The person.
    pub user_id: UserId,
    /// The name to show.
    pub display_name: Arc<str>,
    /// Whether the person came without an account.
    pub is_guest: bool,
}

/// How long a room lives without anybody in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It is never deleted; unused for [`crate::UNLOAD_AFTER`] it says [`Output::Idle`].
    Permanent,
    /// It ends after this long without connection, heartbeat or command.
    Idle {
        /// How long.
        ttl: Duration,
    },
    /// It ends this long after its last message, whoever is there, and everything with it.
    Messages {
        /// How long.
        ttl: Duration,
        /// How much of it is left as the room is taken up, unless something is said.
        left: Duration,
    },
}

/// What a room is made from: the facts that the store and the driver know.
#[derive(Clone, Debug)]
pub struct Founding {
    /// Names the room.
    pub room_id: RoomId,
    /// The settings; when a snapshot is restored, these win over the ones in it.
    pub settings: RoomSettings,
    /// Who made the room: its first host, present or not, until succeeded.
    pub creator: Option<UserId>,
    /// Whose room it is: the account that made it, if it was one.
    pub owner: Option<UserId>,
    /// When it was made, ISO-8601 UTC with ms.
    pub created_at: String,
    /// Names the stream of events that begins now; a new random one each time. A room whose last
    /// owner said [`Room::farewell`](crate::Room::farewell) goes on in the old stream instead.
    pub epoch: String,
    /// Counts the owners a room has had: one more with each.
    pub reign: u64,
    /// Identifies the server clock; new with each start of a server.
    pub clock_id: String,
    /// What the driver needs to relate this start's monotonic clock to a later one's (boot id and
    /// the clock's origin, say). Kept in snapshots and handed back by [`Snapshot::stamp`].
    pub boot: String,
    /// How long it lives without anybody.
    pub life: Life,
    /// How long the seats in a snapshot are kept: [`parlor_protocol::limits::RESTART_GRACE`],
    /// less the time the server has been up already.
    pub seats_kept: Duration,
    /// The latest page of chat, oldest first.
    pub chat: Vec<ChatMessage>,
    /// The number of the next chat message: larger than every stored one.
    pub next_chat: u64,
}

/// What speaks for somebody at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// Nothing.
    None,
    /// They knew the room's password.
    Password,
    /// They hold an invitation.
    Invitation,
}

/// Something that happened to a room.
#[derive(Clone, Debug)]
pub enum Input {
    /// A connection wants in. Answered by [`Output::Admit`], or by an `ERROR` and
    /// [`Output::Close`].
    Join {
        /// The connection.
        conn: ConnId,
        /// Whose it is.
        who: Principal,
    },
    /// A connection is gone. Unknown ones, those the room closed itself among them, are ignored.
    Depart {
        /// The connection.
        conn: ConnId,
        /// How it ended.
        how: Departure,
    },
    /// A frame from a joined connection. (`AUTH` reaches the room only after the driver has
    /// verified its token, `CLOCK_PING` only when the driver does not answer it itself.)
    Command {
        /// The connection.
        conn: ConnId,
        /// The client's name for it; with one, it is answered by `ACK` or `ERROR` exactly once.
        id: Option<CommandId>,
        /// What is asked for.
        command: Command,
        /// 128 random bits, different every time; ids are made from them.
        fresh: u128,
    },
    /// Somebody without a connection wants to be let in. Answered by exactly one
    /// [`Output::Answer`]: they may come in, or why not; [`Code::WaitingRoom`] if they wait, and ask
    /// again within [`parlor_protocol::limits::CALLER_GRACE`].
    Knock {
        /// The request.
        ask: AskId,
        /// Who it is.
        who: Principal,
        /// What the driver knows for them.
        proof: Proof,
        /// What those read who may let them in.
        message: Option<String>,
    },
    /// Somebody without a connection takes a seat, or goes on having one. It is kept for
    /// [`parlor_protocol::limits::VISIT_GRACE`] from now on, or as long as a connection is there.
    /// Answered by exactly one [`Output::Answer`].
    Enter {
        /// The request.
        ask: AskId,
        /// Who it is.
        who: Principal,
    },
    /// A command over HTTP, without a connection. Answered by exactly one [`Output::Answer`].
    Ask {
        /// The request.
        ask: AskId,
        /// Who asks.
        who: Principal,
        /// What is asked for.
        command: Command,
        /// 128 random bits.
        fresh: u128,
    },
    /// How the store fared with [`Output::Store`].
    Stored {
        /// The batch it was.
        batch: u64,
        /// What became of the batch's messages and amendments.
        outcome: Result<StoredBatch, StoreFault>,
    },
    /// A guest became an account: the offices of one are the other's. A seat is not: the
    /// account takes its own when it comes.
    Inherit {
        /// The guest that was.
        from: UserId,
        /// The account that is.
        to: UserId,
    },
    /// Something over HTTP that keeps the room alive.
    Touch,
    /// The room ends now. (Ask [`Room::may_close`](crate::Room::may_close) first.)
    Close {
        /// Why.
        reason: ClosedReason,
    },
    /// A timeout passed. Early, late and superfluous ones do no harm.
    Timeout,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// By its member's will (close 1000 or 1001): the seat ends at once if it was the last one.
    Left,
    /// By accident: the seat is kept for [`parlor_protocol::limits::RECONNECT_GRACE`].
    Broken,
    /// With the node it was on: the seat is kept for
    /// [`parlor_protocol::limits::LOST_NODE_GRACE`].
    Lost,
}

/// Something the driver is to do.
#[derive(Clone, Debug)]
pub enum Output {
    /// Sends to one connection, in order with the broadcasts. The connection need not be joined.
    Send {
        /// The connection.
        conn: ConnId,
        /// The frame.
        frame: ServerFrame,
    },
    /// From here on, broadcasts go to this connection too.
    Admit {
        /// The connection.
        conn: ConnId,
    },
    /// Sends to every admitted connection.
    Broadcast {
        /// What is told; shared with the room's own memory of the stream.
        told: Arc<Told>,
        /// How soon it must leave.
        pace: Pace,
    },
    /// Closes a connection, admitted or not. The room knows it no more.
    Close {
        /// The connection.
        conn: ConnId,
        /// With what.
        code: CloseCode,
    },
    /// Writes to the store in one transaction, then reports [`Input::Stored`].
    Store(StoreBatch),
    /// Keeps the table of who is present, best effort.
    Presence(Vec<PresenceChange>),
    /// Answers [`Input::Ask`], [`Input::Enter`] or [`Input::Knock`].
    Answer {
        /// The request.
        ask: AskId,
        /// Done, with the id of the message it said, if it said one; or why not.
        outcome: Result<Option<String>, Refusal>,
    },
    /// The room is over and to be deleted from the store. Nothing follows.
    Ended(ClosedReason),
    /// A permanent room nobody is in, with everything stored: it may be unloaded.
    Idle,
}

/// An event as it was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Position in the room's stream; `None` for volatile events.
    pub seq: Option<u64>,
    /// The event.
    pub event: Event,
}

/// How soon a broadcast must leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// At the end of this turn: playback waits for nothing.
    Now,
    /// With the room's next batch, when the room is busy.
    Batched,
}

/// What is written in one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreBatch {
    /// Names the batch; a room has at most one in flight.
    pub batch: u64,
    /// New chat messages, by growing number.
    pub messages: Vec<NewChat>,
    /// Changes of messages, those of this batch among them, in the order in which they are made.
    pub amendments: Vec<Amendment>,
    /// The room's state, if it changed.
    pub snapshot: Option<Snapshot>,
    /// The settings, if they changed.
    pub settings: Option<RoomSettings>,
    /// Whether somebody waits for the outcome, so that the store should hurry.
    pub acknowledged: bool,
}

/// A chat message to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewChat {
    /// Its number within the room; `message.id` is the same as text.
    pub number: u64,
    /// The message. (`user_id`, `client_id`) is to be unique within the room where `client_id` is
    /// given.
    pub message: ChatMessage,
    /// When it was taken: `message.sent_at` in ms since 1970 UTC.
    pub sent_at_ms: i64,
}

/// A change of a message. Whether its author is who it has to be is judged where the message is: in
/// the store, in the transaction that changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amendment {
    /// The message's number.
    pub number: u64,
    /// Whose message it must be; `None` for anybody's.
    pub author: Option<UserId>,
    /// What is made of it.
    pub change: Change,
    /// When, in ms since 1970 UTC.
    pub at_ms: i64,
}

/// What is made of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It says something else.
    Edit {
        /// What.
        text: String,
        /// Who is spoken to.
        mentions: Vec<UserId>,
    },
    /// It says nothing any more: of the row, only the text and the mentions go.
    Delete,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredBatch {
    /// One entry per message, in the batch's order.
    pub messages: Vec<StoredChat>,
    /// One entry per amendment, in the batch's order.
    pub amendments: Vec<Amended>,
}

/// What became of one amendment of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Amended {
    /// The message is stored like this now.
    Done(Box<ChatMessage>),
    /// The message was like this before: the same text, or deleted already.
    Before(Box<ChatMessage>),
    /// There is no such message, or it was deleted and cannot be edited.
    Missing,
    /// It is another's.
    Foreign,
}

/// What became of one message of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredChat {
    /// It is stored under its number.
    New,
    /// Its author's `client_id` was there already, under this number; nothing was written.
    Duplicate {
        /// Number of the message that was there.
        existing: u64,
    },
}

/// The store did not say that it committed. It may have, all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreFault;

/// A room's durable state as opaque JSON text; [`Room::restore`](crate::Room::restore) reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(pub String);

/// When a snapshot was taken, for the driver to find out how long ago that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotStamp {
    /// The monotonic clock then.
    pub mono: Duration,
    /// The wall clock then, ms since 1970 UTC.
    pub wall_ms: i64,
    /// [`Founding::boot`] then.
    pub boot: String,
}

/// Why a snapshot cannot be restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFault(pub String);

impl std::fmt::Display for SnapshotFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the snapshot cannot be read: {}", self.0)
    }
}

impl std::error::Error for SnapshotFault {}

/// Somebody took a seat or gave it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceChange {
    /// Who.
    pub user: Principal,
    /// Whether the person is in the room now.
    pub present: bool,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The stable reason.
    pub code: Code,
    /// A sentence for people.
    pub message: String,
}

impl Refusal {
    /// Refuses with a sentence that is more precise than the code's own.
    pub fn because(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self { code, message: code.message().to_owned() }
    }
}
