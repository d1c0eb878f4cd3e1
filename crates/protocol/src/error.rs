//! What can go wrong for a client, as stable codes, with the two tables that say how each code
//! looks over HTTP and when a socket is closed.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $message:literal;)*) => {
        /// A stable reason why a request was not carried out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// Returns the code as clients see it.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text),* }
            }

            /// Returns the HTTP status that goes with the code.
            pub fn http_status(self) -> u16 {
                match self { $(Code::$name => $status),* }
            }

            /// Returns the sentence a person reads when nothing more precise is known.
            pub fn message(self) -> &'static str {
                match self { $(Code::$name => $message),* }
            }
        }
    };
}

codes! {
    /// The text is not JSON, or not an object with a `type`.
    Malformed = "malformed", 400, "That is not a message this server can read";
    /// The `type` of a socket message is not known.
    UnknownType = "unknown_type", 400, "This server does not know that kind of message";
    /// The name of a Socket.IO event is not known.
    UnknownEvent = "unknown_event", 400, "This server does not know that event";
    /// A field is missing, of the wrong kind or outside its range.
    Invalid = "invalid", 422, "Something in that request is not valid";
    /// No token where one is needed.
    MissingToken = "missing_token", 401, "Missing authentication token";
    /// A token that is forged, expired or revoked.
    InvalidToken = "invalid_token", 401, "Invalid or expired token";
    /// User name or password is wrong; never said which.
    InvalidCredentials = "invalid_credentials", 401, "The name or the password is wrong";
    /// The account is kept out by whoever runs the site; told only to who knows its password.
    AccountDisabled = "account_disabled", 403, "This account is switched off";
    /// The principal may not do this.
    Forbidden = "forbidden", 403, "You are not allowed to do that";
    /// The request comes from a page of another site.
    ForeignOrigin = "foreign_origin", 403, "Requests from that site are not accepted";
    /// The request names a host this server does not answer for.
    ForeignHost = "foreign_host", 421, "This server does not answer for that host name";
    /// Another address of this site answers that: sockets and pages may have one each.
    Misdirected = "misdirected", 421, "Another address answers that";
    /// No such route, or nothing of that name.
    NotFound = "not_found", 404, "There is nothing at that address";
    /// No such room, or one that is closed.
    RoomNotFound = "room_not_found", 404, "Room not found";
    /// No such user.
    UserNotFound = "user_not_found", 404, "User not found";
    /// No such message in this room, or one that was deleted.
    MessageNotFound = "message_not_found", 404, "That message is not there any more";
    /// The person has said once already what direct messages ask of a newcomer.
    UserExists = "user_exists", 400, "User already exists";
    /// Nobody is called that, or nobody who has direct messages.
    NoSuchPerson = "no_such_person", 400, "User not found";
    /// The person is among one's contacts.
    ContactExists = "contact_exists", 400, "User is already a contact";
    /// No such contact of one's own.
    ContactNotFound = "contact_not_found", 404, "Contact not found";
    /// No such conversation of one's own.
    ConversationNotFound = "conversation_not_found", 404, "Conversation not found or access denied";
    /// One of the two has blocked the other.
    Blocked = "blocked", 403, "You cannot write to this person";
    /// The route exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405, "That address does not take this method";
    /// Every seat of the room is taken.
    RoomFull = "room_full", 403, "This room is full";
    /// The person was banned from the room.
    Banned = "banned", 403, "You were removed from this room";
    /// The room has a password, and this person has not given it.
    PasswordRequired = "password_required", 403, "This room has a password";
    /// That is not the room's password.
    WrongPassword = "wrong_password", 403, "That is not the password of this room";
    /// The room lets nobody in without an account.
    AccountRequired = "account_required", 403, "Only people with an account may enter this room";
    /// The room lets nobody in who was not invited.
    NotInvited = "not_invited", 403, "Only people who were invited may enter this room";
    /// The person waits to be let in.
    WaitingRoom = "waiting_room", 403, "You wait until somebody lets you in";
    /// The person waited, and was not let in.
    TurnedAway = "turned_away", 403, "You were not let in";
    /// A link from a mail that was used before, or is too old.
    LinkExpired = "link_expired", 410, "This link was used already, or is too old";
    /// Something is to be mailed, and the server has no mail server.
    NoMail = "no_mail", 503, "This server cannot send mail";
    /// Nobody would be left who runs the site.
    LastAdmin = "last_admin", 409, "Somebody has to run this site; make somebody else do it first";
    /// The user name is taken.
    UsernameTaken = "username_taken", 409, "That user name is taken";
    /// The e-mail address is taken.
    EmailTaken = "email_taken", 409, "That e-mail address is already in use";
    /// A queue of the room is full.
    QueueFull = "queue_full", 422, "The queue is full";
    /// The state changed since the client saw it.
    Stale = "stale", 409, "The room has moved on since";
    /// The body or a frame is too large.
    TooLarge = "too_large", 413, "That is too large";
    /// The body is not of a kind the route takes.
    UnsupportedMedia = "unsupported_media", 415, "Send this as application/json";
    /// The route speaks another protocol.
    UpgradeRequired = "upgrade_required", 426, "That address is for WebSockets, version 13";
    /// The client asks too often.
    RateLimited = "rate_limited", 429, "Too many requests; wait a moment";
    /// The room has too much waiting; the same request may go through in a moment.
    Busy = "busy", 503, "The room is busy; try again";
    /// The store or another part of the server is out of order; nothing was changed.
    Unavailable = "unavailable", 503, "The server cannot do that right now";
    /// The request took too long to arrive.
    Timeout = "timeout", 408, "The request took too long";
    /// A fault of the server's own.
    Internal = "internal", 500, "The server made a mistake";
}

impl Code {
    /// Returns with what a socket is closed when entering a room fails for this reason.
    pub fn close(self) -> CloseCode {
        match self {
            Code::RoomNotFound => CloseCode::RoomGone,
            Code::RoomFull => CloseCode::RoomFull,
            Code::Busy | Code::Unavailable | Code::Internal => CloseCode::Restart,
            Code::RateLimited => CloseCode::Flooding,
            Code::InvalidToken | Code::MissingToken => CloseCode::LoginEnded,
            _ => CloseCode::Removed,
        }
    }
}

/// Why the server closes a socket. The number says whether coming back by itself makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// 1000: the member left.
    Normal,
    /// 1002: the peer broke the WebSocket protocol (RFC 6455, section 7.4.1).
    Protocol,
    /// 1003: a binary message, which this protocol does not have.
    Unsupported,
    /// 1007: a text that is not UTF-8 (RFC 6455, section 8.1).
    NotUtf8,
    /// 1009: a message larger than [`crate::limits::FRAME_BYTES`].
    TooBig,
    /// 1012: the server restarts or drains; come back after a random pause.
    Restart,
    /// 4001: the login behind the socket ended.
    LoginEnded,
    /// 4003: removed from the room, or not admitted to it.
    Removed,
    /// 4004: there is no such room, or it was closed.
    RoomGone,
    /// 4005: every seat is taken.
    RoomFull,
    /// 4500: the reader is too slow; come back later and `RESUME`.
    TooSlow,
    /// 4501: the client floods; come back later.
    Flooding,
}

impl CloseCode {
    /// Returns the number on the wire.
    pub fn number(self) -> u16 {
        match self {
            CloseCode::Normal => 1000,
            CloseCode::Protocol => 1002,
            CloseCode::Unsupported => 1003,
            CloseCode::NotUtf8 => 1007,
            CloseCode::TooBig => 1009,
            CloseCode::Restart => 1012,
            CloseCode::LoginEnded => 4001,
            CloseCode::Removed => 4003,
            CloseCode::RoomGone => 4004,
            CloseCode::RoomFull => 4005,
            CloseCode::TooSlow => 4500,
            CloseCode::Flooding => 4501,
        }
    }

    /// Says whether a client should come back by itself.
    pub fn reconnect(self) -> bool {
        matches!(self, CloseCode::Restart | CloseCode::TooSlow | CloseCode::Flooding)
    }
}

/// The body of every refused HTTP request, beside RFC 9457's own members where those apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// The stable reason.
    pub code: Code,
    /// A sentence for people.
    pub message: String,
    /// The same sentence, where older clients look for it.
    pub error: String,
    /// RFC 9457: a short title; absent on the routes of earlier systems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// RFC 9457: the HTTP status again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_spelling() {
        for code in Code::ALL {
            let written = serde_json::to_string(code).unwrap();
            assert_eq!(written, format!("\"{}\"", code.as_str()));
        }
    }
}
