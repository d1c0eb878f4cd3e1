//! WebSocket framing (RFC 6455) for the server's side, without extensions.
//!
//! [`Decoder`] is fed whatever the socket gave and hands out whole messages; it keeps bytes only
//! of a frame that has not arrived completely, so an idle connection costs two empty vectors.

use parlor_protocol::CloseCode;
use parlor_protocol::limits::FRAME_BYTES;

/// A message or control frame from a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message; only from a decoder that takes them.
    Binary(&'a [u8]),
    /// To be answered with a pong of the same bytes.
    Ping(&'a [u8]),
    /// An answer to our ping.
    Pong,
    /// The client closes, with the code it gave.
    Close(Option<u16>),
}

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

/// Largest payload of a control frame (RFC 6455, section 5.5).
const CONTROL_BYTES: usize = 125;

/// Fragments of one message at most. Empty ones would otherwise cost a peer next to nothing and
/// never end.
const FRAGMENTS: u16 = 1_024;

/// Reads a client's frames.
pub struct Decoder {
    /// Bytes of a frame that is not yet complete.
    partial: Vec<u8>,
    /// A message whose last fragment has not come.
    fragments: Option<Vec<u8>>,
    /// How many fragments of it have come.
    fragment_count: u16,
    /// Whether that message is binary.
    is_binary: bool,
    takes_binary: bool,
    /// Largest message, in bytes.
    message_bytes: u32,
}

/// Reads the frames of a room's socket: texts, of up to 64 KiB.
impl Default for Decoder {
    fn default() -> Self {
        Self::new(FRAME_BYTES as u32, false)
    }
}

/// One frame, unmasked.
struct Frame {
    first: u8,
    payload: std::ops::Range<usize>,
    end: usize,
}

impl Decoder {
    /// Reads messages of up to `message_bytes`, among them binary ones if it takes them.
    pub fn new(message_bytes: u32, takes_binary: bool) -> Self {
        Self {
            partial: Vec::new(),
            fragments: None,
            fragment_count: 0,
            is_binary: false,
            takes_binary,
            message_bytes,
        }
    }

    /// Reads every whole message in what was kept and `bytes`, in order, and hands each to `take`,
    /// which says whether to go on. `bytes` is unmasked in place.
    ///
    /// # Errors
    /// The close code for a peer that breaks the protocol: 1002, 1003 for binary where it is not
    /// taken, 1007 for text that is not UTF-8, 1009 for a message over the limit. The decoder must not be used afterwards.
    pub fn feed(
        &mut self,
        bytes: &mut [u8],
        mut take: impl FnMut(Message<'_>) -> bool,
    ) -> Result<(), CloseCode> {
        if self.partial.is_empty() {
            let used = self.read(bytes, &mut take)?;
            self.partial.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        let mut partial = std::mem::take(&mut self.partial);
        partial.extend_from_slice(bytes);
        let used = self.read(&mut partial, &mut take)?;
        if used < partial.len() {
            partial.drain(..used);
            self.partial = partial;
        }
        Ok(())
    }

    /// Returns how many bytes wait for the rest of their frame or message.
    pub fn held_bytes(&self) -> usize {
        self.partial.len() + self.fragments.as_ref().map_or(0, Vec::len)
    }

    fn read(
        &mut self,
        bytes: &mut [u8],
        take: &mut impl FnMut(Message<'_>) -> bool,
    ) -> Result<usize, CloseCode> {
        let mut used = 0;
        while let Some(frame) = next_frame(&mut bytes[used..], self.message_bytes)? {
            let payload = &bytes[used + frame.payload.start..used + frame.payload.end];
            used += frame.end;
            if !self.frame(frame.first, payload, take)? {
                return Ok(bytes.len());
            }
        }
        Ok(used)
    }

    fn frame(
        &mut self,
        first: u8,
        payload: &[u8],
        take: &mut impl FnMut(Message<'_>) -> bool,
    ) -> Result<bool, CloseCode> {
        let is_final = first & FINAL != 0;
        match first & 0x0F {
            BINARY if !self.takes_binary => Err(CloseCode::Unsupported),
            TEXT | BINARY if self.fragments.is_some() => Err(CloseCode::Protocol),
            TEXT if is_final => Ok(take(Message::Text(text(payload)?))),
            BINARY if is_final => Ok(take(Message::Binary(payload))),
            opcode @ (TEXT | BINARY) => {
                self.fragments = Some(payload.to_vec());
                self.fragment_count = 1;
                self.is_binary = opcode == BINARY;
                Ok(true)
            }
            CONTINUATION => {
                let mut whole = self.fragments.take().ok_or(CloseCode::Protocol)?;
                self.fragment_count += 1;
                let is_too_big = whole.len() + payload.len() > self.message_bytes as usize;
                if is_too_big || self.fragment_count > FRAGMENTS {
                    return Err(CloseCode::TooBig);
                }
                whole.extend_from_slice(payload);
                match (is_final, self.is_binary) {
                    (true, false) => return Ok(take(Message::Text(text(&whole)?))),
                    (true, true) => return Ok(take(Message::Binary(&whole))),
                    (false, _) => {}
                }
                self.fragments = Some(whole);
                Ok(true)
            }
            CLOSE => Ok(take(Message::Close(close_code(payload)?))),
            PING => Ok(take(Message::Ping(payload))),
            PONG => Ok(take(Message::Pong)),
            _ => Err(CloseCode::Protocol),
        }
    }
}

/// Finds and unmasks the first frame of `bytes`; `None` if it has not arrived completely.
fn next_frame(bytes: &mut [u8], message_bytes: u32) -> Result<Option<Frame>, CloseCode> {
    let [first, second, ..] = *bytes else { return Ok(None) };
    let control = first & 0x08 != 0;
    if first & RESERVED != 0 || second & MASKED == 0 {
        return Err(CloseCode::Protocol);
    }
    let (length, header) = match second & !MASKED {
        126 => match bytes.get(2..4) {
            Some(field) => (u16::from_be_bytes([field[0], field[1]]) as u64, 4),
            None => return Ok(None),
        },
        127 => match bytes.get(2..10) {
            Some(field) => (u64::from_be_bytes(field.try_into().expect("eight bytes")), 10),
            None => return Ok(None),
        },
        short => (u64::from(short), 2),
    };
    if control && (length > CONTROL_BYTES as u64 || first & FINAL == 0) {
        return Err(CloseCode::Protocol);
    }
    if length > u64::from(message_bytes) {
        return Err(CloseCode::TooBig);
    }
    let payload = header + 4..header + 4 + length as usize;
    if bytes.len() < payload.end {
        return Ok(None);
    }
    let mask: [u8; 4] = bytes[header..header + 4].try_into().expect("four bytes");
    unmask(&mut bytes[payload.clone()], mask);
    Ok(Some(Frame { first, end: payload.end, payload }))
}

/// Undoes the mask eight bytes at a time.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from_ne_bytes([
        mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3],
    ]);
    let mut chunks = payload.chunks_exact_mut(8);
    for chunk in &mut chunks {
        let word = u64::from_ne_bytes((&*chunk).try_into().expect("eight bytes")) ^ wide;
        chunk.copy_from_slice(&word.to_ne_bytes());
    }
    for (byte, mask) in chunks.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

fn text(payload: &[u8]) -> Result<&str, CloseCode> {
    std::str::from_utf8(payload).map_err(|_| CloseCode::NotUtf8)
}

/// Reads a close frame's code; RFC 6455, section 7.4, says which ones a peer may send.
fn close_code(payload: &[u8]) -> Result<Option<u16>, CloseCode> {
    match payload {
        [] => Ok(None),
        [_] => Err(CloseCode::Protocol),
        [high, low, reason @ ..] => {
            text(reason)?;
            let code = u16::from_be_bytes([*high, *low]);
            match code {
                1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(Some(code)),
                _ => Err(CloseCode::Protocol),
            }
        }
    }
}

/// Appends one text frame whose payload `write` appends.
pub fn append_text(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    append_message(out, TEXT, write);
}

/// Appends one binary frame.
pub fn append_binary(out: &mut Vec<u8>, payload: &[u8]) {
    append_message(out, BINARY, |out| out.extend_from_slice(payload));
}

fn append_message(out: &mut Vec<u8>, opcode: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = out.len() - start - 4;
    match length {
        0..=125 => {
            out[start + 2] = FINAL | opcode;
            out[start + 3] = length as u8;
            out.drain(start..start + 2);
        }
        126..=0xFFFF => {
            out[start] = FINAL | opcode;
            out[start + 1] = 126;
            out[start + 2..start + 4].copy_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            let mut header = [0; 10];
            header[0] = FINAL | opcode;
            header[1] = 127;
            header[2..].copy_from_slice(&(length as u64).to_be_bytes());
            out.splice(start..start + 4, header);
        }
    }
}

/// Appends a pong that echoes a ping's payload.
pub fn append_pong(out: &mut Vec<u8>, payload: &[u8]) {
    append_control(out, PONG, payload);
}

/// Appends an empty ping.
pub fn append_ping(out: &mut Vec<u8>) {
    append_control(out, PING, &[]);
}

/// Appends a close frame; the reason is cut to what a control frame can hold.
pub fn append_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let mut payload = code.to_be_bytes().to_vec();
    let mut end = reason.len().min(CONTROL_BYTES - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    append_control(out, CLOSE, &payload);
}

fn append_control(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    let length = payload.len().min(CONTROL_BYTES);
    out.extend_from_slice(&[FINAL | opcode, length as u8]);
    out.extend_from_slice(&payload[..length]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![first];
        match payload.len() {
            length @ 0..=125 => out.push(MASKED | length as u8),
            length @ 126..=0xFFFF => {
                out.push(MASKED | 126);
                out.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                out.push(MASKED | 127);
                out.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        let mask = [7, 1, 200, 33];
        out.extend_from_slice(&mask);
        out.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]));
        out
    }

    fn read(decoder: &mut Decoder, bytes: &[u8]) -> Result<Vec<String>, CloseCode> {
        let mut seen = Vec::new();
        decoder.feed(&mut bytes.to_vec(), |message| {
            seen.push(format!("{message:?}"));
            true
        })?;
        Ok(seen)
    }

    #[test]
    fn messages_are_the_same_however_their_bytes_arrive() {
        let mut bytes = client_frame(FINAL | TEXT, "schön".as_bytes());
        bytes.extend(client_frame(TEXT, b"one "));
        bytes.extend(client_frame(FINAL | PING, b"p"));
        bytes.extend(client_frame(CONTINUATION, b"two "));
        bytes.extend(client_frame(FINAL | CONTINUATION, b"three"));
        bytes.extend(client_frame(FINAL | CLOSE, &1001_u16.to_be_bytes()));
        let whole = read(&mut Decoder::default(), &bytes).expect("is read");
        let expected =
            [r#"Text("schön")"#, "Ping([112])", r#"Text("one two three")"#, "Close(Some(1001))"];
        assert_eq!(whole, expected);
        for cut in 1..bytes.len() {
            let mut decoder = Decoder::default();
            let mut seen = read(&mut decoder, &bytes[..cut]).expect("is read");
            seen.extend(read(&mut decoder, &bytes[cut..]).expect("is read"));
            assert_eq!(seen, expected, "cut at {cut}");
            assert_eq!(decoder.held_bytes(), 0);
        }
    }

    #[test]
    fn long_messages_are_read_up_to_the_limit() {
        let longest = client_frame(FINAL | TEXT, &vec![b'a'; FRAME_BYTES]);
        assert_eq!(read(&mut Decoder::default(), &longest).expect("is read").len(), 1);
        let longer = client_frame(FINAL | TEXT, &vec![b'a'; FRAME_BYTES + 1]);
        assert_eq!(read(&mut Decoder::default(), &longer[..14]), Err(CloseCode::TooBig));
        let mut parts = client_frame(TEXT, &vec![b'a'; FRAME_BYTES]);
        parts.extend(client_frame(CONTINUATION, b"b"));
        assert_eq!(read(&mut Decoder::default(), &parts), Err(CloseCode::TooBig));
    }

    #[test]
    fn binary_messages_are_read_where_they_are_taken() {
        let mut bytes = client_frame(FINAL | BINARY, &[1, 2]);
        bytes.extend(client_frame(BINARY, &[3]));
        bytes.extend(client_frame(FINAL | CONTINUATION, &[0xFF]));
        let mut decoder = Decoder::new(2, true);
        assert_eq!(
            read(&mut decoder, &bytes),
            Ok(vec!["Binary([1, 2])".into(), "Binary([3, 255])".into()])
        );
        let longer = client_frame(FINAL | BINARY, &[0; 3]);
        assert_eq!(read(&mut decoder, &longer), Err(CloseCode::TooBig));
        let mut out = Vec::new();
        append_binary(&mut out, &[7, 8]);
        assert_eq!(out, [0x82, 2, 7, 8]);
    }

    #[test]
    fn a_message_of_endless_fragments_is_too_big() {
        let mut parts = client_frame(TEXT, b"");
        for _ in 1..FRAGMENTS {
            parts.extend(client_frame(CONTINUATION, b""));
        }
        assert_eq!(read(&mut Decoder::default(), &parts), Ok(Vec::new()));
        parts.extend(client_frame(CONTINUATION, b""));
        assert_eq!(read(&mut Decoder::default(), &parts), Err(CloseCode::TooBig));
    }

    #[test]
    fn a_peer_that_breaks_the_protocol_is_told_how() {
        let unmasked = [FINAL | TEXT, 1, b'a'];
        let cases: [(Vec<u8>, CloseCode); 9] = [
            (unmasked.to_vec(), CloseCode::Protocol),
            (client_frame(FINAL | TEXT | 0x40, b"a"), CloseCode::Protocol),
            (client_frame(FINAL | 0x3, b""), CloseCode::Protocol),
            (client_frame(PING, b""), CloseCode::Protocol),
            (client_frame(FINAL | PING, &[0; 126]), CloseCode::Protocol),
            (client_frame(FINAL | CONTINUATION, b""), CloseCode::Protocol),
            (client_frame(FINAL | CLOSE, &1005_u16.to_be_bytes()), CloseCode::Protocol),
            (client_frame(FINAL | BINARY, b""), CloseCode::Unsupported),
            (client_frame(FINAL | TEXT, &[0xFF]), CloseCode::NotUtf8),
        ];
        for (bytes, code) in cases {
            assert_eq!(read(&mut Decoder::default(), &bytes), Err(code), "{bytes:?}");
        }
    }

    #[test]
    fn what_follows_a_message_that_ends_the_connection_is_not_read() {
        let mut bytes = client_frame(FINAL | TEXT, b"last");
        bytes.extend(client_frame(FINAL | TEXT, b"never"));
        let mut seen = 0;
        Decoder::default()
            .feed(&mut bytes, |_| {
                seen += 1;
                false
            })
            .expect("is read");
        assert_eq!(seen, 1);
    }

    #[test]
    fn frames_of_every_length_carry_the_right_header() {
        for (length, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let mut out = b"before".to_vec();
            append_text(&mut out, |out| out.resize(out.len() + length, b'x'));
            assert_eq!(out.len(), 6 + header + length);
            assert_eq!(&out[..6], b"before");
            assert_eq!(out[6], 0x81);
            let told = match out[7] {
                126 => u64::from(u16::from_be_bytes([out[8], out[9]])),
                127 => u64::from_be_bytes(out[8..16].try_into().unwrap()),
                short => u64::from(short),
            };
            assert_eq!(told, length as u64);
            assert!(out[6 + header..].iter().all(|byte| *byte == b'x'));
        }
    }

    #[test]
    fn the_reason_of_a_close_is_cut_between_characters() {
        let mut out = Vec::new();
        append_close(&mut out, 4003, &"ü".repeat(100));
        assert_eq!(out[..4], [0x88, 124, 0x0F, 0xA3]);
        assert!(std::str::from_utf8(&out[4..]).is_ok());
    }
}
