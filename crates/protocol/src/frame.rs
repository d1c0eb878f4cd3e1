//! How commands and events look on the room WebSocket: text frames of
//! `{"type", "payload"?, "id"?, "seq"?, "code"?}`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Code, Command, Event};

/// A client's own name for a command: any JSON text or number, echoed as it came.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandId(Box<RawValue>);

impl CommandId {
    /// Takes the text of a JSON string or number; anything else is no id.
    pub fn from_raw(raw: &RawValue) -> Option<Self> {
        let first = raw.get().as_bytes().first()?;
        (*first == b'"' || *first == b'-' || first.is_ascii_digit()).then(|| Self(raw.to_owned()))
    }

    /// Returns the id as JSON text.
    pub fn get(&self) -> &str {
        self.0.get()
    }
}

impl From<u64> for CommandId {
    fn from(number: u64) -> Self {
        Self(RawValue::from_string(number.to_string()).expect("a number is JSON"))
    }
}

impl PartialEq for CommandId {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

/// A frame from a client, as far as it can be read without knowing its type.
#[derive(Debug, Deserialize)]
pub struct Envelope<'a> {
    /// What kind of command it is.
    #[serde(rename = "type", borrow)]
    pub kind: std::borrow::Cow<'a, str>,
    /// Its payload, unread.
    #[serde(borrow, default)]
    pub payload: Option<&'a RawValue>,
    /// The client's name for it.
    #[serde(borrow, default)]
    pub id: Option<&'a RawValue>,
}

/// A frame from a client, whole: what the schema shows.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ClientFrame {
    /// The command.
    #[serde(flatten)]
    pub command: Command,
    /// Any text or number; echoed by the `ACK` or `ERROR` that answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub id: Option<CommandId>,
}

/// A frame from the server.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ServerFrame {
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// Position in the room's stream; absent on what is outside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The command it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub id: Option<CommandId>,
    /// The stable reason, on `ERROR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
}
