//! What must hold whatever a decoder or a room is fed. The fuzz targets and the quick property
//! tests of every test run call the same functions; each panics when its promise is broken.

mod room;
mod socketio;

pub use room::{room_inputs, snapshot, snapshot_after};
pub use socketio::{engineio_session, polling_payload, socketio_packet};

use parlor_dialects::native::{self, COMMAND_ID_BYTES};
use parlor_dialects::websocket::{Decoder, Message};
use parlor_protocol::limits::FRAME_BYTES;
use parlor_protocol::{CloseCode, Code};

/// Longest header of a WebSocket frame from a client (RFC 6455, section 5.2): two bytes, a length
/// of eight, a mask of four.
const FRAME_HEADER_BYTES: usize = 14;
/// Longest sentence that answers a frame: at most 80 characters of the client's are in it, and a
/// character that cannot be shown takes up to ten.
const SENTENCE_CHARS: usize = 1_000;

/// Feeds bytes to the WebSocket decoder as a socket might: the first byte says in pieces of what
/// size, the rest is what comes.
///
/// # Panics
/// If the messages depend on how the bytes were cut, or the decoder keeps more than one message.
pub fn websocket(data: &[u8]) {
    let Some((&cut, bytes)) = data.split_first() else { return };
    for takes_binary in [false, true] {
        let decoder = || Decoder::new(FRAME_BYTES as u32, takes_binary);
        let whole = messages(decoder(), &mut [bytes.to_vec()]);
        let piece = usize::from(cut).max(1);
        let mut pieces: Vec<Vec<u8>> = bytes.chunks(piece).map(<[u8]>::to_vec).collect();
        assert_eq!(
            messages(decoder(), &mut pieces),
            whole,
            "how the bytes are cut must not matter"
        );
    }
}

/// A message, kept.
#[derive(Debug, PartialEq)]
enum Kept {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
}

fn messages(mut decoder: Decoder, pieces: &mut [Vec<u8>]) -> (Vec<Kept>, Option<CloseCode>) {
    let mut kept = Vec::new();
    for piece in pieces {
        let arrived = piece.len();
        let fed = decoder.feed(piece, |message| {
            kept.push(match message {
                Message::Text(text) => Kept::Text(text.to_owned()),
                Message::Binary(bytes) => Kept::Binary(bytes.to_vec()),
                Message::Ping(payload) => Kept::Ping(payload.to_vec()),
                Message::Pong => Kept::Pong,
                Message::Close(code) => Kept::Close(code),
            });
            !matches!(kept.last(), Some(Kept::Close(_)))
        });
        if let Err(code) = fed {
            return (kept, Some(code));
        }
        if matches!(kept.last(), Some(Kept::Close(_))) {
            break;
        }
        // What is kept is a message begun and a frame begun, whatever arrived with them.
        let most = 2 * (FRAME_BYTES + FRAME_HEADER_BYTES) + arrived;
        assert!(decoder.held_bytes() <= most, "{} bytes are held", decoder.held_bytes());
    }
    (kept, None)
}

/// Feeds a text to the room protocol's decoder.
///
/// # Panics
/// If a refusal has a code of another kind, a long sentence or a long id; or if what was read,
/// written down again, cannot be read.
pub fn native_frame(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let id = match native::decode(text) {
        Ok(decoded) => {
            let again = serde_json::to_string(&decoded.command).expect("a command is JSON");
            if let Err(refused) = native::decode(&again) {
                panic!("{again} was read from {text} and is refused: {refused:?}");
            }
            decoded.id
        }
        Err(refused) => {
            assert!(matches!(refused.code, Code::Malformed | Code::UnknownType | Code::Invalid));
            assert!(refused.message.chars().count() <= SENTENCE_CHARS, "{}", refused.message);
            refused.id
        }
    };
    assert!(id.is_none_or(|id| id.get().len() <= COMMAND_ID_BYTES), "a long id is not echoed");
}
