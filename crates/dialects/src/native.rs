//! The room protocol: JSON text frames of `{"type", "payload"?, "id"?}`.
//!
//! An envelope is read first and the payload by its type, because earlier clients send payloads
//! where none is expected (`"payload": {}`), which a derived decoder would refuse.

use parlor_protocol::frame::{CommandId, Envelope, ServerFrame};
use parlor_protocol::room::RoomUpdate;
use parlor_protocol::{Code, Command, Event};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Longest `id` of a command, in bytes of JSON text.
pub const COMMAND_ID_BYTES: usize = 256;

/// A frame that could be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// What is asked for.
    pub command: Command,
    /// The client's name for it.
    pub id: Option<CommandId>,
}

/// A frame that could not be read: answered with an `ERROR`, the connection stays.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    /// `malformed`, `unknown_type` or `invalid`.
    pub code: Code,
    /// A sentence for people.
    pub message: String,
    /// The client's name for it, as far as it could be read.
    pub id: Option<CommandId>,
}

/// Reads one frame from a client.
///
/// # Errors
/// [`Rejected`] with `malformed` for what is not a JSON object with a `type`, `unknown_type`, or
/// `invalid` for a payload that does not fit its type. Ranges are checked by the room.
pub fn decode(text: &str) -> Result<Decoded, Rejected> {
    let malformed = || Rejected {
        code: Code::Malformed,
        message: "A message is a JSON object with a text `type`".into(),
        id: None,
    };
    if !is_object(text) {
        return Err(malformed());
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|_| malformed())?;
    let id = match envelope.id {
        Some(raw) if raw.get().len() > COMMAND_ID_BYTES => {
            return Err(invalid(None, "`id` is longer than 256 bytes"));
        }
        Some(raw) => CommandId::from_raw(raw),
        None => None,
    };
    match command(&envelope) {
        Ok(command) => Ok(Decoded { command, id }),
        Err(Unread::UnknownType) => Err(Rejected {
            code: Code::UnknownType,
            message: format!("There is no message type {:?}", shortened(&envelope.kind)),
            id,
        }),
        Err(Unread::BadPayload(problem)) => {
            Err(invalid(id, &format!("{}: {problem}", shortened(&envelope.kind))))
        }
    }
}

enum Unread {
    UnknownType,
    BadPayload(String),
}

fn command(envelope: &Envelope<'_>) -> Result<Command, Unread> {
    let raw = envelope.payload;
    Ok(match &*envelope.kind {
        "SYNC_REQUEST" => Command::SyncRequest,
        "UPDATE_PLAYBACK" => Command::UpdatePlayback(payload(raw)?),
        "HEARTBEAT" => Command::Heartbeat,
        "CLOCK_PING" => Command::ClockPing(payload(raw)?),
        "MEMBER_STATE" => Command::MemberState(payload(raw)?),
        "GO_ON" => Command::GoOn,
        "CHAT_SEND" => Command::ChatSend(payload(raw)?),
        "CHAT_EDIT" => Command::ChatEdit(payload(raw)?),
        "CHAT_DELETE" => Command::ChatDelete(payload(raw)?),
        "REACT" => Command::React(payload(raw)?),
        "QUEUE_ADD" => Command::QueueAdd(payload(raw)?),
        "QUEUE_REMOVE" => Command::QueueRemove(payload(raw)?),
        "QUEUE_MOVE" => Command::QueueMove(payload(raw)?),
        "QUEUE_NEXT" => Command::QueueNext(optional(raw)?),
        "ROLE_SET" => Command::RoleSet(payload(raw)?),
        "KICK" => Command::Kick(payload(raw)?),
        "ADMIT" => Command::Admit(optional(raw)?),
        "TURN_AWAY" => Command::TurnAway(payload(raw)?),
        "PARDON" => Command::Pardon(payload(raw)?),
        "ROOM_UPDATE" => Command::RoomUpdate(payload::<RoomUpdate>(raw)?),
        "RESUME" => Command::Resume(payload(raw)?),
        "AUTH" => Command::Auth(payload(raw)?),
        "LEAVE" => Command::Leave,
        _ => return Err(Unread::UnknownType),
    })
}

fn payload<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Result<T, Unread> {
    let raw = raw.ok_or_else(|| Unread::BadPayload("`payload` is missing".into()))?;
    if !is_object(raw.get()) {
        return Err(Unread::BadPayload("`payload` must be an object".into()));
    }
    serde_json::from_str(raw.get()).map_err(|error| Unread::BadPayload(described(&error)))
}

fn optional<'a, T: Deserialize<'a> + Default>(raw: Option<&'a RawValue>) -> Result<T, Unread> {
    match raw {
        None => Ok(T::default()),
        Some(raw) if raw.get() == "null" => Ok(T::default()),
        Some(raw) => payload(Some(raw)),
    }
}

/// Says whether a JSON text is an object. Derived decoders take an array of a struct's fields as
/// well, which no client means.
fn is_object(text: &str) -> bool {
    text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{')
}

/// Says what is wrong with a payload, without the line and column that mean nothing to a client.
fn described(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.find(" at line ").unwrap_or(text.len());
    shortened(&text[..end])
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

fn invalid(id: Option<CommandId>, message: &str) -> Rejected {
    Rejected { code: Code::Invalid, message: message.into(), id }
}

/// Appends a frame to the members of a room: `{"type", "payload"?, "seq"?}`.
pub fn encode_event(out: &mut Vec<u8>, event: &Event, seq: Option<u64>) {
    write_event(out, event);
    if let Some(seq) = seq {
        out.extend_from_slice(b",\"seq\":");
        write_json(out, &seq);
    }
    out.push(b'}');
}

/// Appends a frame to one connection: `{"type", "payload"?, "seq"?, "id"?, "code"?}`.
pub fn encode(out: &mut Vec<u8>, frame: &ServerFrame) {
    encode_event(out, &frame.event, frame.seq);
    out.pop();
    if let Some(id) = &frame.id {
        out.extend_from_slice(b",\"id\":");
        out.extend_from_slice(id.get().as_bytes());
    }
    if let Some(code) = frame.code {
        out.extend_from_slice(b",\"code\":");
        write_json(out, &code);
    }
    out.push(b'}');
}

/// Writes the event's own JSON object but for its last brace, so that more can follow.
fn write_event(out: &mut Vec<u8>, event: &Event) {
    write_json(out, event);
    let brace = out.pop();
    debug_assert_eq!(brace, Some(b'}'), "an event is a JSON object");
}

fn write_json<T: serde::Serialize>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("our own types serialise and a Vec takes every byte");
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_protocol::chat::ChatSend;
    use parlor_protocol::queue::QueueNext;

    fn rejected(text: &str) -> Code {
        decode(text).expect_err("is refused").code
    }

    #[test]
    fn a_command_is_read_with_its_id_as_it_was_written() {
        let decoded = decode(r#"{"type":"CHAT_SEND","payload":{"text":"hi"},"id":"a\u0041"}"#);
        let decoded = decoded.expect("is read");
        let send =
            ChatSend { text: "hi".into(), client_id: None, reply_to: None, mentions: vec![] };
        assert_eq!(decoded.command, Command::ChatSend(send));
        assert_eq!(decoded.id.expect("has an id").get(), r#""a\u0041""#);
    }

    #[test]
    fn payloads_where_none_is_expected_are_ignored() {
        for payload in ["", r#","payload":{}"#, r#","payload":[1]"#, r#","payload":null"#] {
            let text = format!(r#"{{"type":"SYNC_REQUEST"{payload}}}"#);
            assert_eq!(decode(&text).expect("is read").command, Command::SyncRequest);
        }
    }

    #[test]
    fn a_payload_may_be_left_out_where_all_of_it_is_optional() {
        let next = Command::QueueNext(QueueNext { from: None });
        for text in [r#"{"type":"QUEUE_NEXT"}"#, r#"{"type":"QUEUE_NEXT","payload":null}"#] {
            assert_eq!(decode(text).expect("is read").command, next);
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_apart() {
        for text in [
            "",
            "x",
            "[]",
            "1",
            "null",
            "{}",
            r#"{"type":1}"#,
            r#"{"type":"LEAVE"} x"#,
            r#"["LEAVE"]"#,
        ] {
            assert_eq!(rejected(text), Code::Malformed, "{text}");
        }
        assert_eq!(rejected(r#"{"type":"NOPE"}"#), Code::UnknownType);
        for payload in ["{}", "1", r#"{"text":7}"#, "null", r#"["hello"]"#] {
            let text = format!(r#"{{"type":"CHAT_SEND","payload":{payload}}}"#);
            assert_eq!(rejected(&text), Code::Invalid, "{text}");
        }
        assert_eq!(rejected(r#"{"type":"CHAT_SEND"}"#), Code::Invalid);
    }

    #[test]
    fn the_id_of_a_refused_command_is_kept() {
        let refused = decode(r#"{"type":"NOPE","id":7}"#).expect_err("is refused");
        assert_eq!(refused.id.expect("has an id").get(), "7");
    }

    #[test]
    fn a_frame_to_a_client_carries_what_belongs_to_it() {
        let mut out = Vec::new();
        encode(
            &mut out,
            &ServerFrame {
                event: Event::Error("No".into()),
                seq: None,
                id: Some(CommandId::from(4)),
                code: Some(Code::Busy),
            },
        );
        let text = String::from_utf8(out).expect("is UTF-8");
        assert_eq!(text, r#"{"type":"ERROR","payload":"No","id":4,"code":"busy"}"#);
        let mut out = Vec::new();
        encode_event(&mut out, &Event::Ack, Some(9));
        assert_eq!(out, br#"{"type":"ACK","seq":9}"#);
    }
}
