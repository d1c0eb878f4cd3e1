//! Packets, as they look in a WebSocket frame: a text frame begins with a digit that says what it
//! is, and a binary frame is a binary message as it stands.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Malformed;

/// The digit before a message, and with it the whole header.
pub const MESSAGE: u8 = b'4';

/// A packet that is a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The handshake, from the server alone: a JSON object.
    Open(&'a str),
    /// The sender goes.
    Close,
    /// Wants a pong with the same text; from the server, and with `probe` from a client.
    Ping(&'a str),
    /// Answers a ping.
    Pong(&'a str),
    /// A message.
    Message(&'a str),
    /// From now on the WebSocket is the transport.
    Upgrade,
    /// Nothing: it ends a poll.
    Noop,
}

/// A message from a client, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// A packet on its way to clients: written once, and shared by all who get it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outgoing {
    /// A packet that is a text, with its digit.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
}

impl Outgoing {
    /// Makes a message of what `write` appends, which must be UTF-8.
    pub fn message(write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut text = vec![MESSAGE];
        write(&mut text);
        Outgoing::Text(text.into())
    }

    /// Returns how many bytes it has.
    pub fn size_bytes(&self) -> usize {
        match self {
            Outgoing::Text(bytes) | Outgoing::Binary(bytes) => bytes.len(),
        }
    }
}

impl From<Packet<'_>> for Outgoing {
    fn from(packet: Packet<'_>) -> Self {
        let fixed = |text: &'static [u8]| Outgoing::Text(Bytes::from_static(text));
        let told = |digit: char, text: &str| Outgoing::Text(format!("{digit}{text}").into());
        match packet {
            Packet::Open(text) => told('0', text),
            Packet::Close => fixed(b"1"),
            Packet::Ping("") => fixed(b"2"),
            Packet::Ping(text) => told('2', text),
            Packet::Pong(text) => told('3', text),
            Packet::Message(text) => told('4', text),
            Packet::Upgrade => fixed(b"5"),
            Packet::Noop => fixed(b"6"),
        }
    }
}

/// Reads a packet that is a text.
///
/// # Errors
/// For an unknown digit, and for a text behind a packet that has none.
pub fn decode(text: &str) -> Result<Packet<'_>, Malformed> {
    let mut chars = text.chars();
    let kind = chars.next().ok_or(Malformed("an empty packet"))?;
    let rest = chars.as_str();
    let bare =
        |packet| if rest.is_empty() { Ok(packet) } else { Err(Malformed("a text too much")) };
    match kind {
        '0' => Ok(Packet::Open(rest)),
        '1' => bare(Packet::Close),
        '2' => Ok(Packet::Ping(rest)),
        '3' => Ok(Packet::Pong(rest)),
        '4' => Ok(Packet::Message(rest)),
        '5' => bare(Packet::Upgrade),
        '6' => bare(Packet::Noop),
        _ => Err(Malformed("an unknown kind of packet")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        for packet in [
            Packet::Open("{}"),
            Packet::Close,
            Packet::Ping(""),
            Packet::Ping("probe"),
            Packet::Pong("probe"),
            Packet::Message("ü\u{1e}"),
            Packet::Upgrade,
            Packet::Noop,
        ] {
            let Outgoing::Text(bytes) = Outgoing::from(packet) else { panic!("is a text") };
            assert_eq!(decode(std::str::from_utf8(&bytes).unwrap()), Ok(packet));
        }
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        for text in ["", "7", "a", "abc", "ü", "1x", "5x", "6x", "-1", "\u{1e}"] {
            assert!(decode(text).is_err(), "{text:?}");
        }
    }
}
