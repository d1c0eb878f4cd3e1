//! All SQL of Parlor: people, logins, keys, rooms with their live state, chat and presence, on
//! SQLite or PostgreSQL, chosen by the URL given to [`Store::connect`].
//!
//! Nothing outside this crate knows a table or writes a query. The crate deliberately knows no
//! rule of a room, no token format and no HTTP: it keeps what it is given and finds it again.
//! Times are `i64` milliseconds since the Unix epoch everywhere in the interface; ids are the
//! texts of [`parlor_protocol`]. What cannot be found is `None`, not an error.
//!
//! Three kinds of writes are *grouped*: new rooms, everything a live room writes, and direct
//! messages. Those of a kind queue for one task which writes all that waited during the last commit in one transaction and
//! answers after it, so a write that returned is on disk and a busy server commits seldom.
//!
//! U+0000 cannot be stored in a PostgreSQL text; every text is bound with U+FFFD in its place,
//! on both databases alike.
//!
//! Start reading at [`Store`], then `migration/first.rs` for the tables, then `live.rs`.

mod admin;
mod amend;
mod chat;
mod connect;
mod direct;
mod entity;
mod error;
mod group;
mod invitations;
mod keys;
mod leaving;
mod live;
mod logins;
mod mail;
mod migration;
mod nodes;
mod once;
mod people;
mod presence;
mod room_row;
mod rooms;
mod value;

pub use admin::{Office, OfficeChange};
pub use amend::{AmendOutcome, AmendRow, ChatChange};
pub use chat::{ChatOutcome, ChatRow, NewChatRow};
pub use connect::{Store, StoreConfig};
pub use direct::{
    AddedContact, BlockRow, Blocking, ContactRow, ConversationRow, CorrespondentRow, DirectPerson,
    DirectRow, DirectSettingsChange, MarkedRead, NewDirect, OpenConversation, PageOf, Party,
    ReadOf, RequestRow, SendOutcome, SentRow, Standing,
};
pub use error::{Conflict, StoreError};
pub use invitations::{InvitationRow, NewInvitation};
pub use keys::{Key, NewKey};
pub use leaving::NOBODY;
pub use live::{Committed, LoadedRoom, RoomWrite};
pub use logins::{LoginRow, NewLogin, Rotation};
pub use mail::{LeasedMail, MailRow, MailState, NewMail};
pub use nodes::{Claim, Holder};
pub use once::{NewToken, Purpose, Redeemed};
pub use people::{AccountRow, Guest, NewAccount, Person, PersonKind};
pub use presence::{PresenceRow, PresentMember};
pub use room_row::{LifeKind, NewRoom, RoomCursor, RoomRow};
