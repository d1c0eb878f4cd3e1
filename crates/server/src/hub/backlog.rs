//! What a socket that would block has not taken yet.

use std::collections::VecDeque;
use std::io::{IoSlice, Write};

use bytes::{Buf, Bytes};
use parlor_protocol::limits::BACKLOG_BYTES;
use socket2::Socket;

/// Chunks handed to the system in one call.
const SLICES: usize = 32;

/// A bounded queue of bytes, shared with other connections where they wait for the same.
#[derive(Default)]
pub(super) struct Backlog {
    chunks: VecDeque<Bytes>,
    bytes: usize,
}

/// How far a backlog got.
#[derive(PartialEq, Eq)]
pub(super) enum Drained {
    /// Everything is with the system.
    All,
    /// The socket would block again.
    Some,
    /// The socket is gone.
    Broken,
}

/// How a write went.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// With the system, or in a backlog until the socket takes bytes again.
    Fine,
    /// More is owed than a connection may owe.
    TooSlow,
    /// The socket is gone.
    Broken,
}

/// Writes as much as the socket takes; `kept` gives the bytes to keep of it for later. Where there is
/// a backlog `kept` may be less than `bytes`.
pub(super) fn write(
    stream: &Socket,
    backlog: &mut Option<Box<Backlog>>,
    bytes: &[u8],
    kept: impl FnOnce() -> Bytes,
) -> Sent {
    if let Some(backlog) = backlog {
        return if backlog.push(kept()) { Sent::Fine } else { Sent::TooSlow };
    }
    let written = match stream.send(bytes) {
        Ok(written) if written == bytes.len() => return Sent::Fine,
        Ok(written) => written,
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => 0,
        Err(_) => return Sent::Broken,
    };
    let mut begun = Box::<Backlog>::default();
    let within = begun.push(kept().slice(written..));
    *backlog = Some(begun);
    if within { Sent::Fine } else { Sent::TooSlow }
}

impl Backlog {
    /// Adds bytes; `false` if that is more than a connection may owe.
    pub(super) fn push(&mut self, bytes: Bytes) -> bool {
        self.bytes += bytes.len();
        self.chunks.push_back(bytes);
        self.bytes <= BACKLOG_BYTES
    }

    /// Gives up all but the chunk that is half sent, and ends with `last`.
    pub(super) fn cut_short(&mut self, last: Bytes) {
        self.chunks.truncate(1);
        self.chunks.push_back(last);
        self.bytes = self.chunks.iter().map(Bytes::len).sum();
    }

    /// Writes until the socket would block.
    pub(super) fn drain(&mut self, mut stream: &Socket) -> Drained {
        while !self.chunks.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.chunks.len().min(SLICES);
            for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
                *slice = IoSlice::new(chunk);
            }
            match stream.write_vectored(&slices[..count]) {
                Ok(0) => return Drained::Broken,
                Ok(written) => self.advance(written),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    return Drained::Some;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return Drained::Broken,
            }
        }
        Drained::All
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes -= written;
        while written > 0 {
            let front = self.chunks.front_mut().expect("no more was written than there was");
            let part = written.min(front.len());
            front.advance(part);
            written -= part;
            if front.is_empty() {
                self.chunks.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_is_bounded() {
        let mut backlog = Backlog::default();
        assert!(backlog.push(Bytes::from(vec![0; BACKLOG_BYTES])));
        assert!(!backlog.push(Bytes::from_static(b"x")));
    }

    #[test]
    fn what_was_written_is_taken_off_across_chunks() {
        let mut backlog = Backlog::default();
        for chunk in [&b"abc"[..], b"defg", b"hi"] {
            backlog.push(Bytes::copy_from_slice(chunk));
        }
        backlog.advance(5);
        assert_eq!(backlog.chunks, [&b"fg"[..], b"hi"]);
        assert_eq!(backlog.bytes, 4);
        backlog.cut_short(Bytes::from_static(b"end"));
        assert_eq!(backlog.chunks, [&b"fg"[..], b"end"]);
        assert_eq!(backlog.bytes, 5);
    }
}
