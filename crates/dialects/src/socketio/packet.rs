//! The text of a packet: a digit, how many attachments follow, the namespace, an id and JSON.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::walk::{self, Placeholders};
use crate::engineio::Malformed;

/// Binary messages that belong to one packet at most.
pub const ATTACHMENTS: usize = 16;
/// Longest name of a namespace, in bytes.
pub const NAMESPACE_BYTES: usize = 100;
/// Arrays and objects within one another at most.
pub const JSON_DEPTH: usize = 32;
/// Digits of an id at most: clients count in numbers that are exact up to 2⁵³.
const ID_DIGITS: usize = 16;
/// The namespace that is not written down.
pub const MAIN: &str = "/";

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Wants into a namespace, or is let in.
    Connect,
    /// Leaves a namespace.
    Disconnect,
    /// An event with its arguments.
    Event,
    /// The answer to an event.
    Ack,
    /// Is not let into a namespace.
    ConnectError,
}

/// A packet as its text says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it is. Whether it has attachments makes no other kind of it.
    pub kind: Kind,
    /// The namespace it belongs to.
    pub namespace: &'a str,
    /// The sender's name for an event it wants answered, or that is answered.
    pub id: Option<u64>,
    /// Binary messages that follow and belong to it.
    pub attachments: usize,
    /// JSON of the form that its kind has: an object or nothing for `Connect`, nothing for
    /// `Disconnect`, an array with the name first for `Event`, an array for `Ack`, a text or an object
    /// for `ConnectError`.
    pub payload: &'a str,
}

/// Reads the text of a packet.
///
/// # Errors
/// For everything that the protocol does not have or that is over a limit: the sender is cut off.
pub fn decode(text: &str) -> Result<Packet<'_>, Malformed> {
    let (kind, is_binary, rest) = kind(text)?;
    let (attachments, rest) = if is_binary { attachments(rest)? } else { (0, rest) };
    let (namespace, rest) = namespace(rest)?;
    let (id, payload) = id(rest)?;
    if walk::is_deeper_than(payload, JSON_DEPTH) {
        return Err(Malformed("JSON that nests too deep"));
    }
    let has_id = id.is_some();
    let fits = match kind {
        Kind::Connect => !has_id && (payload.is_empty() || is_object(payload)),
        Kind::Disconnect => !has_id && payload.is_empty(),
        Kind::Event => is_event(payload),
        Kind::Ack => has_id && arguments(payload).is_some(),
        Kind::ConnectError => !has_id && (is_object(payload) || is_text(payload)),
    };
    if !fits {
        return Err(Malformed("a payload that does not fit its kind"));
    }
    if attachments > 0 {
        placeholders_fit(payload, attachments)?;
    }
    Ok(Packet { kind, namespace, id, attachments, payload })
}

fn kind(text: &str) -> Result<(Kind, bool, &str), Malformed> {
    let mut chars = text.chars();
    let (kind, is_binary) = match chars.next() {
        Some('0') => (Kind::Connect, false),
        Some('1') => (Kind::Disconnect, false),
        Some('2') => (Kind::Event, false),
        Some('3') => (Kind::Ack, false),
        Some('4') => (Kind::ConnectError, false),
        Some('5') => (Kind::Event, true),
        Some('6') => (Kind::Ack, true),
        Some(_) | None => return Err(Malformed("an unknown kind of packet")),
    };
    Ok((kind, is_binary, chars.as_str()))
}

fn attachments(text: &str) -> Result<(usize, &str), Malformed> {
    let (count, rest) = text.split_once('-').ok_or(Malformed("no number of attachments"))?;
    match count.parse() {
        Ok(count) if count <= ATTACHMENTS && count_is_plain(text) => Ok((count, rest)),
        Ok(_) | Err(_) => Err(Malformed("a bad number of attachments")),
    }
}

/// A sign before a number is nothing the protocol has.
fn count_is_plain(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

fn namespace(text: &str) -> Result<(&str, &str), Malformed> {
    if !text.starts_with('/') {
        return Ok((MAIN, text));
    }
    let (name, rest) = text.split_once(',').unwrap_or((text, ""));
    if name.len() > NAMESPACE_BYTES {
        return Err(Malformed("a long name of a namespace"));
    }
    Ok((name, rest))
}

fn id(text: &str) -> Result<(Option<u64>, &str), Malformed> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    match end {
        0 => Ok((None, text)),
        1..=ID_DIGITS => {
            let id = text[..end].parse().map_err(|_| Malformed("a bad id"))?;
            Ok((Some(id), &text[end..]))
        }
        _ => Err(Malformed("a long id")),
    }
}

fn is_object(json: &str) -> bool {
    json.starts_with('{') && walk::is_json(json)
}

fn is_text(json: &str) -> bool {
    json.starts_with('"') && walk::is_json(json)
}

fn is_event(payload: &str) -> bool {
    arguments(payload).is_some_and(|all| all.first().is_some_and(|name| is_text(name.get())))
}

/// Arguments of one event at most.
pub const ARGUMENTS: usize = 32;

/// Reads the elements of a payload that is an array, an event's name among them; `None` if it is
/// none, or of more than [`ARGUMENTS`].
pub fn arguments(payload: &str) -> Option<Vec<&RawValue>> {
    struct Bounded<'a>(Vec<&'a RawValue>);
    impl<'de: 'a, 'a> Deserialize<'de> for Bounded<'a> {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Elements;
            impl<'de> serde::de::Visitor<'de> for Elements {
                type Value = Vec<&'de RawValue>;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an array")
                }
                fn visit_seq<A: serde::de::SeqAccess<'de>>(
                    self,
                    mut seq: A,
                ) -> Result<Self::Value, A::Error> {
                    let mut all = Vec::new();
                    while let Some(element) = seq.next_element()? {
                        if all.len() > ARGUMENTS {
                            return Err(serde::de::Error::custom("too many arguments"));
                        }
                        all.push(element);
                    }
                    Ok(all)
                }
            }
            deserializer.deserialize_seq(Elements).map(Bounded)
        }
    }
    serde_json::from_str::<Bounded<'_>>(payload).ok().map(|it| it.0)
}

/// Every placeholder must stand for an attachment that comes.
fn placeholders_fit(payload: &str, attachments: usize) -> Result<(), Malformed> {
    let found: Placeholders =
        serde_json::from_str(payload).map_err(|_| Malformed("bad placeholders"))?;
    if found.0.iter().all(|number| *number < attachments as u64) {
        Ok(())
    } else {
        Err(Malformed("a placeholder for nothing"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(
        kind: Kind,
        namespace: &str,
        id: Option<u64>,
        payload: &'static str,
    ) -> Packet<'static> {
        let namespace = if namespace == "/a" { "/a" } else { MAIN };
        Packet { kind, namespace, id, attachments: 0, payload }
    }

    #[test]
    fn packets_are_read_as_the_protocol_shows_them() {
        for (text, read) in [
            ("0", packet(Kind::Connect, "/", None, "")),
            (r#"0{"token":"1"}"#, packet(Kind::Connect, "/", None, r#"{"token":"1"}"#)),
            ("0/a,", packet(Kind::Connect, "/a", None, "")),
            ("0/a", packet(Kind::Connect, "/a", None, "")),
            (r#"0/a,{"x":1}"#, packet(Kind::Connect, "/a", None, r#"{"x":1}"#)),
            ("1", packet(Kind::Disconnect, "/", None, "")),
            ("1/a,", packet(Kind::Disconnect, "/a", None, "")),
            (r#"2["e",1]"#, packet(Kind::Event, "/", None, r#"["e",1]"#)),
            (r#"212["e"]"#, packet(Kind::Event, "/", Some(12), r#"["e"]"#)),
            (r#"2/a,12["e"]"#, packet(Kind::Event, "/a", Some(12), r#"["e"]"#)),
            ("3/a,7[]", packet(Kind::Ack, "/a", Some(7), "[]")),
            (r#"4{"message":"no"}"#, packet(Kind::ConnectError, "/", None, r#"{"message":"no"}"#)),
        ] {
            assert_eq!(decode(text), Ok(read), "{text}");
        }
        let with_bytes = r#"51-/a,3["e",{"_placeholder":true,"num":0}]"#;
        let read = decode(with_bytes).unwrap();
        assert_eq!((read.kind, read.attachments, read.id), (Kind::Event, 1, Some(3)));
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        for text in [
            "",
            "7",
            "a",
            "x2",
            "0[]",
            "0\"a\"",
            "00",
            "1{}",
            "11",
            "2",
            "2{}",
            "2[]",
            "2[1]",
            "2[\"e\"",
            "2[\"e\"]x",
            "2abc[\"e\"]",
            "21",
            "3[]",
            "3",
            "31{}",
            "5[\"e\"]",
            "5-[\"e\"]",
            "5+1-[\"e\"]",
            "51[\"e\"]",
            "517-[\"e\"]",
            "599999999999999999999-[\"e\"]",
            "212345678901234567[\"e\"]",
            r#"51-["e",{"_placeholder":true,"num":1}]"#,
            r#"51-["e",{"_placeholder":true}]"#,
            r#"51-["e",{"_placeholder":true,"num":-1}]"#,
            "4",
            "41[]",
        ] {
            assert!(decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_over_a_limit_is_refused() {
        let nested = |depth: usize| format!("2[\"e\",{}{}]", "[".repeat(depth), "]".repeat(depth));
        assert!(decode(&nested(JSON_DEPTH - 1)).is_ok());
        assert!(decode(&nested(JSON_DEPTH)).is_err());
        let many = |count: usize| format!("2[\"e\"{}]", ",0".repeat(count));
        assert!(decode(&many(ARGUMENTS)).is_ok());
        assert!(decode(&many(ARGUMENTS + 1)).is_err());
        assert!(decode(&format!("0/{},", "a".repeat(NAMESPACE_BYTES))).is_err());
    }
}
