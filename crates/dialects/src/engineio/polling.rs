//! Payloads: several packets in the body of one request or answer, parted by the record separator
//! of ASCII. A binary message is written as `b` and base64, so that the whole is a text.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::packet::{self, Packet};
use super::{Malformed, Outgoing};

/// Parts two packets. JSON cannot contain it (RFC 8259, section 7).
const SEPARATOR: u8 = 0x1e;
/// Packets of one payload at most. A packet is two bytes, and would cost the server far more.
pub const PACKETS: usize = 1_024;
/// Standard base64; some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A packet of a payload.
#[derive(Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A packet that is a text.
    Text(Packet<'a>),
    /// A binary message.
    Binary(Vec<u8>),
}

/// Reads the packets of a payload one by one.
///
/// # Errors
/// If it is no text, or of more than [`PACKETS`] packets. Each packet has its own.
pub fn decode(
    body: &[u8],
) -> Result<impl Iterator<Item = Result<Record<'_>, Malformed>>, Malformed> {
    let text = std::str::from_utf8(body).map_err(|_| Malformed("a payload that is no text"))?;
    if body.iter().filter(|byte| **byte == SEPARATOR).count() >= PACKETS {
        return Err(Malformed("too many packets in one payload"));
    }
    Ok(text.split(SEPARATOR as char).map(record))
}

fn record(text: &str) -> Result<Record<'_>, Malformed> {
    match text.strip_prefix('b') {
        Some(base64) => match BASE64.decode(base64) {
            Ok(bytes) => Ok(Record::Binary(bytes)),
            Err(_) => Err(Malformed("a binary message that is not base64")),
        },
        None => packet::decode(text).map(Record::Text),
    }
}

/// Returns how many bytes a packet takes in a payload, with what parts it from the next.
pub fn size_bytes(packet: &Outgoing) -> usize {
    match packet {
        Outgoing::Text(text) => text.len() + 1,
        Outgoing::Binary(bytes) => bytes.len().div_ceil(3) * 4 + 2,
    }
}

/// Appends a packet to a payload.
pub fn append(payload: &mut Vec<u8>, packet: &Outgoing) {
    if !payload.is_empty() {
        payload.push(SEPARATOR);
    }
    match packet {
        Outgoing::Text(text) => payload.extend_from_slice(text),
        Outgoing::Binary(bytes) => {
            payload.push(b'b');
            payload.extend_from_slice(BASE64.encode(bytes).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> Result<Vec<Record<'_>>, Malformed> {
        decode(body)?.collect()
    }

    #[test]
    fn a_payload_is_written_as_the_protocol_shows_it() {
        let mut payload = Vec::new();
        append(&mut payload, &Outgoing::message(|out| out.extend_from_slice(b"hello")));
        append(&mut payload, &Packet::Ping("").into());
        append(&mut payload, &Outgoing::Binary(vec![1, 2, 3, 4].into()));
        assert_eq!(payload, b"4hello\x1e2\x1ebAQIDBA==");
        let packets = [
            Record::Text(Packet::Message("hello")),
            Record::Text(Packet::Ping("")),
            Record::Binary(vec![1, 2, 3, 4]),
        ];
        assert_eq!(read(&payload).unwrap(), packets);
    }

    #[test]
    fn a_packet_takes_as_much_place_as_is_said() {
        for length in 0..9 {
            for packet in [
                Outgoing::Binary(vec![7; length].into()),
                Outgoing::Text(vec![b'4'; length + 1].into()),
            ] {
                let mut payload = vec![b'6'];
                append(&mut payload, &packet);
                assert_eq!(payload.len() - 1, size_bytes(&packet));
            }
        }
    }

    #[test]
    fn padding_may_be_left_out() {
        assert_eq!(read(b"bAQIDBA").unwrap(), [Record::Binary(vec![1, 2, 3, 4])]);
    }

    #[test]
    fn what_is_no_payload_is_refused() {
        for body in [&b""[..], b"abc", b"4a\x1e", b"\x1e4a", b"b*", b"bA", b"\xff", b"4\x1e\x1e4"] {
            assert!(read(body).is_err(), "{body:?}");
        }
        assert!(decode("4\x1e".repeat(PACKETS).as_bytes()).is_err());
    }
}
