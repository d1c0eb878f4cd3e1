//! How each who is compared is spoken to, and how what it tells is known.

use std::time::{Duration, Instant};

use crate::contestants::Contestant;
use crate::crowd::{Crowd, Dialect};
use crate::frame;

/// How long the answer to a first message may take.
const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// Marks the sender's clock within a text.
const STAMP: u8 = b'@';

/// What is said in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// A chat message: stored before it is told.
    Chat,
    /// A playback command: told at once, stored soon after.
    Playback,
    /// A reaction: never stored.
    Reaction,
}

/// The words in which something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    /// Anything: it is told as it was said.
    Plain,
    /// A command of Parlor's rooms.
    Parlor(Speech),
    /// An event of Socket.IO that goes to everybody.
    SocketIo,
}

/// How a contestant is spoken to, and how its answer is known.
#[derive(Clone, Debug)]
pub struct Talk {
    words: Words,
    /// What those who are told read.
    dialect: Dialect,
    padding: usize,
    /// What is in the frames that count: at their beginning, or anywhere in an event of a stream.
    marker: &'static [u8],
}

impl Talk {
    /// Begins to speak to a contestant.
    pub fn new(contestant: Contestant, speech: Speech) -> Talk {
        let dialect = contestant.dialect();
        let words = match (contestant, dialect) {
            (Contestant::Parlor | Contestant::ParlorEvents, _) => Words::Parlor(speech),
            (_, Dialect::SocketIo) => Words::SocketIo,
            (_, Dialect::WebSocket | Dialect::Events) => Words::Plain,
        };
        let marker: &[u8] = match (words, dialect) {
            (Words::SocketIo, _) => b"42[\"broadcast\"",
            (Words::Plain, Dialect::Events) => b"data: {\"type\":\"SAID\"",
            (Words::Plain, _) => b"{\"type\":\"SAID\"",
            // All that is told on a stream of what is said in these ways.
            (Words::Parlor(_), Dialect::Events) => b"\"event\":\"chat.message\"",
            (Words::Parlor(Speech::Chat), _) => b"{\"type\":\"CHAT_MESSAGE\"",
            (Words::Parlor(Speech::Playback), _) => b"{\"type\":\"PLAYBACK_UPDATED\"",
            (Words::Parlor(Speech::Reaction), _) => b"{\"type\":\"REACTION\"",
        };
        Talk { words, dialect, padding: 0, marker }
    }

    /// Says whether a text is one of those that count.
    #[inline]
    pub fn counts(&self, text: &[u8]) -> bool {
        match self.dialect {
            Dialect::WebSocket | Dialect::SocketIo => text.starts_with(self.marker),
            Dialect::Events => memchr::memmem::find(text, self.marker).is_some(),
        }
    }

    /// Speaks once from the first socket, reads how long the frame is that is told to the
    /// `listeners` of its room, and from then on speaks so that it has `bytes`. Returns the length
    /// it will have: not every kind of speech can be made longer. Of a stream's event every byte is
    /// counted, of a frame those of its text.
    ///
    /// # Errors
    /// When a listener is not told.
    pub fn tune(
        &mut self,
        crowd: &mut Crowd,
        listeners: usize,
        bytes: usize,
    ) -> anyhow::Result<usize> {
        self.padding = 0;
        let bare = self.speak_once(crowd, listeners)?;
        match self.words {
            Words::Plain | Words::SocketIo | Words::Parlor(Speech::Chat) => {
                self.padding = bytes.saturating_sub(bare);
            }
            Words::Parlor(Speech::Playback | Speech::Reaction) => {}
        }
        Ok(bare + self.padding)
    }

    fn speak_once(&self, crowd: &mut Crowd, listeners: usize) -> anyhow::Result<usize> {
        let closed = crowd.closed();
        let taken = crowd.send(0, &self.frame(0));
        anyhow::ensure!(taken, "the first message was not taken; {closed} sockets are closed");
        let begun = Instant::now();
        let mut missing = listeners;
        let mut length = 0;
        while missing > 0 {
            crowd.turn(Duration::from_millis(20), |_, text| {
                if self.counts(text) {
                    length = text.len();
                    missing = missing.saturating_sub(1);
                }
            })?;
            let late = begun.elapsed() > FIRST_ANSWER;
            anyhow::ensure!(!late, "{missing} of {listeners} were not told");
        }
        Ok(length)
    }

    /// Returns the frame that says it, with the sender's clock in µs within.
    pub fn frame(&self, now_us: u32) -> Vec<u8> {
        let stamp = format!("{}{now_us:08x}", char::from(STAMP));
        let padding = "x".repeat(self.padding);
        let text = match self.words {
            Words::Plain => format!(r#"{{"type":"SAID","payload":{{"text":"{stamp}{padding}"}}}}"#),
            Words::SocketIo => format!(r#"42["broadcast","{stamp}{padding}"]"#),
            Words::Parlor(Speech::Chat) => {
                format!(r#"{{"type":"CHAT_SEND","payload":{{"text":"{stamp}{padding}"}}}}"#)
            }
            Words::Parlor(Speech::Playback) => format!(
                r#"{{"type":"UPDATE_PLAYBACK","payload":{{"currentTime":{},"op":"{stamp}"}}}}"#,
                now_us / 1_000
            ),
            Words::Parlor(Speech::Reaction) => {
                format!(r#"{{"type":"REACT","payload":{{"emoji":"{stamp}"}}}}"#)
            }
        };
        let mut out = Vec::new();
        frame::push_masked(&mut out, frame::TEXT, text.as_bytes());
        out
    }
}

/// Reads the sender's clock out of a told frame.
pub fn stamp_us(text: &[u8]) -> Option<u32> {
    let at = memchr::memchr(STAMP, text)? + 1;
    u32::from_str_radix(std::str::from_utf8(text.get(at..at + 8)?).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_in_a_frame_is_read_back() {
        for contestant in [Contestant::Floor, Contestant::NodeSocketIo] {
            let talk = Talk::new(contestant, Speech::Chat);
            let sent = talk.frame(0x00C0_FFEE);
            let head = frame::Head::read(&sent, 0).expect("whole");
            let mut told = Vec::new();
            let payload = &sent[head.payload..head.end];
            frame::push_unmasked(&mut told, frame::TEXT, payload, head.mask.expect("masked"));
            let text = &told[frame::Head::read(&told, 0).expect("whole").payload..];
            assert!(talk.counts(text));
            assert_eq!(stamp_us(text), Some(0x00C0_FFEE));
        }
    }
}
