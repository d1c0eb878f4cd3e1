//! Every limit a client can meet. Lengths of text are in Unicode scalar values (`chars`) unless
//! the name says bytes.

use std::time::Duration;

/// Largest WebSocket message from a client, in bytes; a longer one closes with 1009.
pub const FRAME_BYTES: usize = 64 * 1024;
/// Largest JSON body of an HTTP request, in bytes.
pub const BODY_BYTES: usize = 64 * 1024;
/// Longest media address.
pub const MEDIA_URL_CHARS: usize = 2_000;
/// Longest media type; any text, echoed as it came.
pub const MEDIA_TYPE_CHARS: usize = 100;
/// Longest title of a queue entry.
pub const TITLE_CHARS: usize = 200;
/// Longest chat message.
pub const CHAT_CHARS: usize = 4_000;
/// People a chat message speaks to.
pub const CHAT_MENTIONS: usize = 20;
/// Longest `clientId`, the idempotency key of a chat message or of an addition to the queue.
pub const CLIENT_ID_CHARS: usize = 64;
/// Longest reaction; an emoji may be many scalar values joined.
pub const REACTION_CHARS: usize = 16;
/// Shortest and longest name of a room.
pub const ROOM_NAME_CHARS: std::ops::RangeInclusive<usize> = 1..=100;
/// Longest display name of a person.
pub const DISPLAY_NAME_CHARS: usize = 60;
/// Shortest and longest direct message.
pub const DIRECT_CHARS: std::ops::RangeInclusive<usize> = 1..=4_000;
/// How much of the last message stands beside a contact.
pub const PREVIEW_CHARS: usize = 100;
/// Longest `clientMessageId`, the idempotency key of a direct message.
pub const CLIENT_MESSAGE_ID_CHARS: usize = 128;
/// Messages of a conversation in one page: unless asked for fewer or more, and at most.
pub const DIRECT_PAGE: std::ops::RangeInclusive<u64> = 50..=200;
/// Contacts, conversations, requests or blocks in one answer; `offset` leads to more.
pub const CONTACT_PAGE: u64 = 1_000;
/// Messages in one page of an exported conversation.
pub const DIRECT_EXPORT_PAGE: u64 = 1_000;
/// Messages that are marked as read at once.
pub const READ_IDS: usize = 10_000;
/// Contacts that one person may add.
pub const CONTACTS: u64 = 10_000;
/// People whom one person may block.
pub const BLOCKS: u64 = 10_000;
/// Longest nickname of a contact.
pub const NICKNAME_CHARS: usize = 60;
/// Shortest and longest text that people are searched by.
pub const SEARCH_CHARS: std::ops::RangeInclusive<usize> = 3..=60;
/// People found by one search.
pub const SEARCH_PAGE: u64 = 10;
/// How long typing is shown that nobody says the end of.
pub const TYPING_LIFE: Duration = Duration::from_secs(5);
/// Shortest and longest user name.
pub const USERNAME_CHARS: std::ops::RangeInclusive<usize> = 4..=40;
/// Shortest and longest password, in bytes: Argon2 reads bytes, and hashing must stay bounded.
pub const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 8..=512;
/// Longest e-mail address (RFC 5321, section 4.5.3.1.3, less the angle brackets).
pub const EMAIL_BYTES: usize = 254;
/// Entries in a room's queue.
pub const QUEUE_ITEMS: usize = 500;
/// Slowest and fastest playback.
pub const PLAYBACK_SPEED: std::ops::RangeInclusive<f64> = 0.25..=4.0;
/// Latest position in a medium, in milliseconds: thirty days.
pub const POSITION_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// Chat messages in `SYNC_FULL_STATE` and in one page of history.
pub const CHAT_PAGE: usize = 50;
/// Members named in `SYNC_FULL_STATE` and in one page of members.
pub const MEMBER_PAGE: usize = 200;
/// Rooms of more members than this tell of coming and going in batches.
pub const MEMBERS_TOLD_SINGLY: usize = 200;
/// People who wait at the door of a room at once.
pub const CALLERS: usize = 200;
/// Longest message with a knock.
pub const KNOCK_CHARS: usize = 200;
/// Longest message with an invitation.
pub const INVITATION_CHARS: usize = 500;
/// Who waits is taken for gone when not heard for so long.
pub const CALLER_GRACE: Duration = Duration::from_secs(15);
/// People whom a room has let in by password, by hand or by invitation.
pub const PASSES: usize = 10_000;
/// How long after its last message a room destroys itself whose messages vanish, in s, unless its
/// maker says otherwise.
pub const VANISH_SECONDS: u64 = 600;
/// Shortest and longest such time, in s: a minute and a week.
pub const VANISH_SECONDS_RANGE: std::ops::RangeInclusive<u64> = 60..=604_800;
/// Longest name of an author that comes with a message to `/api/messages`.
pub const SENDER_CHARS: usize = 100;
/// Longest text of a message to `/api/messages`.
pub const PAGE_MESSAGE_CHARS: usize = 1_000;
/// How often a large room tells who came and went.
pub const MEMBERS_BATCH: Duration = Duration::from_millis(500);
/// How long a member's seat is kept after its last connection broke.
pub const RECONNECT_GRACE: Duration = Duration::from_secs(8);
/// How long a seat is kept that was taken without a connection, by reading or writing messages.
pub const VISIT_GRACE: Duration = Duration::from_secs(60);
/// How long a member's seat is kept whose node fell silent, from when that was noticed: 10 s after a
/// node's death nobody sees its members any more.
pub const LOST_NODE_GRACE: Duration = Duration::from_secs(6);
/// How long members' seats are kept after their server was started again.
pub const RESTART_GRACE: Duration = Duration::from_secs(10);
/// How long a stream of events can be resumed.
pub const RECOVERY_WINDOW: Duration = Duration::from_secs(300);
/// How many events can be resumed at most.
pub const RECOVERY_EVENTS: usize = 1_000;
/// Connections of one user in one room.
pub const CONNECTIONS_PER_MEMBER: usize = 16;
/// Commands a room keeps waiting while the store writes; more are answered with `busy`.
pub const COMMANDS_WAITING: usize = 1_024;
/// Bytes queued for one connection whose socket would block; more closes it with 4500.
pub const BACKLOG_BYTES: usize = 4 * 1024 * 1024;
/// Largest message or polling payload of a Socket.IO client, in bytes; a longer one ends the connection.
pub const EVENT_BYTES: usize = 1_000_000;
/// How long after a pong a Socket.IO client is pinged again.
pub const SOCKET_PING_INTERVAL: Duration = Duration::from_secs(25);
/// How long a Socket.IO client may take to answer a ping.
pub const SOCKET_PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a Socket.IO client may take to connect and to prove who somebody is.
pub const SOCKET_PROOF_WAIT: Duration = Duration::from_secs(10);
/// Socket.IO connections of one person, on one core of the server.
pub const SOCKETS_PER_PERSON: usize = 32;
/// Events of one Socket.IO connection that wait for those before them; more are answered with `busy`.
pub const EVENTS_WAITING: usize = 256;
/// How long the server takes to say goodbye to its sockets when it is told to stop.
pub const DRAIN: Duration = Duration::from_secs(10);
