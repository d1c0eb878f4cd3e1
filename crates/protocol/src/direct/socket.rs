//! Direct messages over a socket: payloads of the events, named after them.

use serde::{Deserialize, Serialize};

use super::OnlineStatus;
use crate::ClerkId;

/// `send_message` from a client. A field that is missing or of another kind is `None` here, so that
/// it can be answered with `message_failed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SendMessage {
    /// Oneself; it must be who the socket belongs to.
    #[serde(deserialize_with = "lenient::text")]
    pub from_clerk_id: Option<String>,
    /// To whom.
    #[serde(deserialize_with = "lenient::text")]
    pub to_clerk_id: Option<String>,
    /// The text, 1 to 4 000 characters.
    #[serde(deserialize_with = "lenient::text")]
    pub text: Option<String>,
    /// One's own name for the message, up to 128 characters: sent again, it is stored once. What is no
    /// text is refused.
    #[serde(deserialize_with = "lenient::name")]
    pub client_message_id: Option<String>,
}

/// `mark_as_read` from a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MarkAsRead {
    /// Messages to oneself, up to 10 000; `None` if the field is missing or no list of numbers.
    #[serde(deserialize_with = "lenient::numbers")]
    pub message_ids: Option<Vec<i64>>,
}

/// `typing_start` and `typing_stop` from a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Typing {
    /// Oneself.
    #[serde(deserialize_with = "lenient::text")]
    pub from_clerk_id: Option<String>,
    /// To whom one types.
    #[serde(deserialize_with = "lenient::text")]
    pub to_clerk_id: Option<String>,
}

/// `authenticate` from a client: proves whose the connection is, or puts a newer login of the same
/// person behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub struct Authenticate {
    /// A token of either kind.
    pub token: Option<String>,
}

/// The answer to `authenticate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Authenticated {
    /// Always `true`.
    pub authenticated: bool,
}

/// `register_user` from a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisterUser {
    /// Who one is; it must be who the connection belongs to.
    pub clerk_id: Option<String>,
    /// A token, if nothing has proved yet whose the connection is.
    pub token: Option<String>,
}

/// `registered`: the answer to `register_user`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Registered {
    /// Always `true`.
    pub success: bool,
    /// Who one is.
    pub clerk_id: ClerkId,
    /// The socket.
    pub socket_id: String,
}

/// `message_sent`, to the sender: it is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageSent {
    /// The message.
    pub message_id: i64,
    /// Its conversation.
    pub conversation_id: i64,
    /// When the server took it, ISO-8601 UTC with ms.
    pub timestamp: String,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// A socket of the receiver took it.
    Delivered,
    /// It waits for the receiver, or that is nobody's business.
    Saved,
}

/// `message_delivered`, to the sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageDelivered {
    /// The message.
    pub message_id: i64,
    /// What became of it.
    pub status: DeliveryStatus,
    /// When, ISO-8601 UTC with ms.
    pub timestamp: String,
    /// A sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// `receive_message`, to every socket of the receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiveMessage {
    /// The message.
    pub message_id: i64,
    /// Who wrote it.
    pub from: ClerkId,
    /// The same.
    pub from_clerk_id: ClerkId,
    /// To whom.
    pub to_clerk_id: ClerkId,
    /// What it says.
    pub text: String,
    /// The same.
    pub content: String,
    /// When the server took it, ISO-8601 UTC with ms.
    pub timestamp: String,
    /// Its conversation.
    pub conversation_id: i64,
    /// `text`.
    pub message_type: String,
}

/// `messages_read`, to the reader and to each author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessagesRead {
    /// Which; an author is told of their own.
    pub message_ids: Vec<i64>,
    /// When, ISO-8601 UTC with ms.
    pub read_at: String,
}

/// `user_typing`, to the receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserTyping {
    /// Who types.
    pub user_id: ClerkId,
    /// The same.
    pub from_clerk_id: ClerkId,
    /// Whether they still do.
    pub is_typing: bool,
}

/// `user_status`, to a person's contacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserStatus {
    /// The person.
    pub clerk_id: ClerkId,
    /// Whether they have a socket open.
    pub status: OnlineStatus,
}

/// `message_failed`, to whoever sent something that was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageFailed {
    /// A sentence for people.
    pub error: String,
}

/// `error`, to whoever sent an event without acknowledgement that was not carried out, or whose
/// connection ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct NotCarriedOut {
    /// The event's name; `null` when the connection ends.
    pub event: Option<String>,
    /// A sentence for people.
    pub error: String,
    /// Why.
    pub code: crate::Code,
}

/// Reads fields that may be anything.
mod lenient {
    use serde::{Deserialize, Deserializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Field<T> {
        Wanted(T),
        Anything(serde::de::IgnoredAny),
    }

    fn field<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        Ok(match Field::deserialize(deserializer)? {
            Field::Wanted(value) => Some(value),
            Field::Anything(_) => None,
        })
    }

    pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
        field(deserializer)
    }

    /// What is no text becomes the empty one, which names nothing and is refused for it: without a
    /// name the message would be stored as often as it is sent.
    pub fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
        let given = Option::<Field<String>>::deserialize(deserializer)?;
        Ok(given.map(|field| match field {
            Field::Wanted(name) => name,
            Field::Anything(_) => String::new(),
        }))
    }

    pub fn numbers<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<i64>>, D::Error> {
        field(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_another_kind_are_as_good_as_missing() {
        let read = |value| serde_json::from_value::<SendMessage>(value).unwrap();
        let odd = json!({ "fromClerkId": 1, "toClerkId": ["b"], "text": null, "more": {} });
        assert_eq!(read(odd), SendMessage::default());
        let fine = json!({ "fromClerkId": "a", "toClerkId": "b", "text": "hi" });
        assert_eq!(read(fine).text.as_deref(), Some("hi"));
        let name = |name| read(json!({ "clientMessageId": name })).client_message_id;
        assert_eq!(name(json!("m1")).as_deref(), Some("m1"));
        assert_eq!(name(json!(null)), None);
        for odd in [json!(7), json!(["m1"]), json!({})] {
            assert_eq!(name(odd).as_deref(), Some(""));
        }
        for odd in [json!({}), json!({ "messageIds": ["1"] }), json!({ "messageIds": 1 })] {
            assert_eq!(serde_json::from_value::<MarkAsRead>(odd).unwrap().message_ids, None);
        }
    }

    #[test]
    fn events_have_the_names_that_clients_read() {
        let told = ReceiveMessage {
            message_id: 7,
            from: ClerkId::from("a"),
            from_clerk_id: ClerkId::from("a"),
            to_clerk_id: ClerkId::from("b"),
            text: "hi".into(),
            content: "hi".into(),
            timestamp: "2026-01-01T00:00:00.000Z".into(),
            conversation_id: 3,
            message_type: "text".into(),
        };
        assert_eq!(
            serde_json::to_value(told).unwrap(),
            json!({
                "messageId": 7, "from": "a", "fromClerkId": "a", "toClerkId": "b", "text": "hi",
                "content": "hi", "timestamp": "2026-01-01T00:00:00.000Z", "conversationId": 3,
                "messageType": "text"
            })
        );
        let delivered = MessageDelivered {
            message_id: 7,
            status: DeliveryStatus::Saved,
            timestamp: "t".into(),
            note: None,
        };
        assert_eq!(
            serde_json::to_value(delivered).unwrap(),
            json!({ "messageId": 7, "status": "saved", "timestamp": "t" })
        );
    }
}
