//! Writes packets. Each is written once, as Engine.IO messages that any number of connections share.

use serde::Serialize;
use serde_json::value::RawValue;

use super::packet::MAIN;
use crate::engineio::Outgoing;

/// The answer to who was let into a namespace.
#[derive(Serialize)]
pub struct Connected<'a> {
    /// The name of the client in this namespace.
    pub sid: &'a str,
    /// By this the client asks for what it missed, when it comes back; `None` where nothing is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<&'a str>,
}

/// Why a client was not let into a namespace.
#[derive(Serialize)]
pub struct NotConnected<'a, D: Serialize> {
    /// A sentence for people.
    pub message: &'a str,
    /// What a program can go by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<D>,
}

/// Lets a client into a namespace.
pub fn connect(namespace: &str, connected: &Connected<'_>) -> Outgoing {
    packet(b"0", namespace, None, |out| json(out, connected))
}

/// Does not let a client into a namespace.
pub fn connect_error<D: Serialize>(namespace: &str, why: &NotConnected<'_, D>) -> Outgoing {
    packet(b"4", namespace, None, |out| json(out, why))
}

/// Sends a client out of a namespace.
pub fn disconnect(namespace: &str) -> Outgoing {
    packet(b"1", namespace, None, |_| {})
}

/// An event with one argument, which is written as JSON.
pub fn event<T: Serialize + ?Sized>(namespace: &str, name: &str, argument: &T) -> Outgoing {
    packet(b"2", namespace, None, |out| {
        json(out, &(name, argument));
    })
}

/// Returns an event with an offset as its last argument; `None` if it is no event without attachments.
pub(super) fn with_offset(event: &Outgoing, offset: u64) -> Option<Outgoing> {
    let Outgoing::Text(text) = event else { return None };
    // An event of ours has its name at least, so that a comma is due.
    let open = text.strip_suffix(b"]").filter(|open| open.starts_with(b"42"))?;
    Some(Outgoing::Text([open, format!(",\"{offset}\"]").as_bytes()].concat().into()))
}

/// Says whether a packet is this event with an offset as its last argument.
pub(super) fn is_with_offset(packet: &Outgoing, event: &Outgoing) -> bool {
    let (Outgoing::Text(packet), Outgoing::Text(event)) = (packet, event) else { return false };
    let Some(open) = event.strip_suffix(b"]") else { return false };
    let offset = packet.strip_prefix(open).and_then(|rest| rest.strip_prefix(b",\""));
    let digits = offset.and_then(|rest| rest.strip_suffix(b"\"]"));
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
}

/// The answer to an event, with one argument.
pub fn ack<T: Serialize + ?Sized>(namespace: &str, id: u64, argument: &T) -> Outgoing {
    packet(b"3", namespace, Some(id), |out| json(out, &[argument]))
}

/// An event with arguments as they stand, and attachments for the placeholders among them.
pub fn raw_event(
    namespace: &str,
    name: &str,
    arguments: &[&RawValue],
    attachments: &[Vec<u8>],
) -> Vec<Outgoing> {
    raw(2, namespace, None, Some(name), arguments, attachments)
}

/// An answer with arguments as they stand, and attachments for the placeholders among them.
pub fn raw_ack(
    namespace: &str,
    id: u64,
    arguments: &[&RawValue],
    attachments: &[Vec<u8>],
) -> Vec<Outgoing> {
    raw(3, namespace, Some(id), None, arguments, attachments)
}

fn raw(
    kind: u8,
    namespace: &str,
    id: Option<u64>,
    name: Option<&str>,
    arguments: &[&RawValue],
    attachments: &[Vec<u8>],
) -> Vec<Outgoing> {
    // The kinds with attachments stand three behind those without.
    let head = match attachments.len() {
        0 => kind.to_string(),
        count => format!("{}{count}-", kind + 3),
    };
    let text = packet(head.as_bytes(), namespace, id, |out| {
        out.push(b'[');
        if let Some(name) = name {
            json(out, name);
        }
        for (at, argument) in arguments.iter().enumerate() {
            if at > 0 || name.is_some() {
                out.push(b',');
            }
            out.extend_from_slice(argument.get().as_bytes());
        }
        out.push(b']');
    });
    let attached = attachments.iter().map(|bytes| Outgoing::Binary(bytes.clone().into()));
    std::iter::once(text).chain(attached).collect()
}

fn packet(
    head: &[u8],
    namespace: &str,
    id: Option<u64>,
    write: impl FnOnce(&mut Vec<u8>),
) -> Outgoing {
    Outgoing::message(|out| {
        out.extend_from_slice(head);
        if namespace != MAIN {
            out.extend_from_slice(namespace.as_bytes());
            out.push(b',');
        }
        if let Some(id) = id {
            out.extend_from_slice(id.to_string().as_bytes());
        }
        write(out);
    })
}

fn json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("our own types serialise and a Vec takes every byte");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(packet: &Outgoing) -> &str {
        match packet {
            Outgoing::Text(bytes) => std::str::from_utf8(bytes).unwrap(),
            Outgoing::Binary(_) => panic!("is bytes"),
        }
    }

    #[test]
    fn packets_are_written_as_the_protocol_shows_them() {
        assert_eq!(text(&connect("/", &Connected { sid: "x", pid: None })), r#"40{"sid":"x"}"#);
        let recoverable = Connected { sid: "x", pid: Some("y") };
        assert_eq!(text(&connect("/a", &recoverable)), r#"40/a,{"sid":"x","pid":"y"}"#);
        let why = NotConnected { message: "no", data: Some(json!({ "code": "invalid_token" })) };
        let refused = r#"44{"message":"no","data":{"code":"invalid_token"}}"#;
        assert_eq!(text(&connect_error("/", &why)), refused);
        assert_eq!(text(&disconnect("/")), "41");
        assert_eq!(text(&disconnect("/a")), "41/a,");
        assert_eq!(text(&event("/", "e", &json!({ "x": 1 }))), r#"42["e",{"x":1}]"#);
        assert_eq!(text(&ack("/a", 7, &json!({}))), "43/a,7[{}]");
    }

    #[test]
    fn attachments_follow_their_packet() {
        let argument = RawValue::from_string(r#"{"_placeholder":true,"num":0}"#.into()).unwrap();
        let packets = raw_event("/", "e", &[&argument], &[vec![1, 2]]);
        assert_eq!(text(&packets[0]), r#"451-["e",{"_placeholder":true,"num":0}]"#);
        assert_eq!(packets[1], Outgoing::Binary(vec![1, 2].into()));
        let packets = raw_ack("/a", 9, &[&argument], &[vec![1, 2]]);
        assert_eq!(text(&packets[0]), r#"461-/a,9[{"_placeholder":true,"num":0}]"#);
        assert_eq!(text(&raw_ack("/", 9, &[], &[])[0]), "439[]");
    }
}
