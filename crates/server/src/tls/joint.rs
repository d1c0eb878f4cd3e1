//! Joins an encrypted connection to one end of a pair of sockets. The hub gets the other end and
//! knows nothing of encryption.
//!
//! Nothing is kept here beyond what is on its way: a client that reads slowly fills the pair, and
//! then the hub's own backlog, which is bounded. Each direction ends by itself, so what was said
//! before an end always arrives.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::Socket;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::TlsStream;

/// Bytes taken from the hub at once: as much as one record holds (RFC 8446, section 5.1).
const CHUNK_BYTES: usize = 16 * 1024;
/// How long a client that the hub has given up, and that takes none of what waits for it, is
/// waited for; at most twice as long, for it is looked at as often.
const PATIENCE: Duration = Duration::from_secs(30);

/// Joins a connection to a new pair and returns the hub's end.
///
/// # Errors
/// If the system gives no more sockets.
pub fn join(tls: TlsStream) -> io::Result<Socket> {
    let (ours, hubs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    hubs.set_nonblocking(true)?;
    let pair = UnixStream::from_std(ours)?;
    tokio::task::spawn_local(async move {
        let mut joint = Joint {
            tls,
            pair,
            inward: Flow::Open,
            outward: Flow::Open,
            rest: Vec::new(),
            owes: false,
            progress: 0,
        };
        let mut before = 0;
        while timeout(PATIENCE, poll_fn(|cx| joint.poll(cx))).await.is_err() {
            if joint.is_given_up() && joint.progress == before {
                return;
            }
            before = joint.progress;
        }
    });
    Ok(hubs.into())
}

/// How far one direction is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// Bytes pass.
    Open,
    /// Its source has ended.
    Ending,
    /// The hub is gone: what the client still says is thrown away, for unread bytes would have the
    /// system reset the connection under our last words.
    Discarding,
    /// Its end was passed on.
    Over,
}

struct Joint {
    tls: TlsStream,
    pair: UnixStream,
    /// From the client to the hub.
    inward: Flow,
    /// From the hub to the client.
    outward: Flow,
    /// What the encryption had no room for.
    rest: Vec<u8>,
    /// Whether the client has not taken everything yet.
    owes: bool,
    /// Counts what was passed on; what is thrown away does not count.
    progress: u64,
}

impl Joint {
    /// Passes on what there is; ready when both directions are over, or the connection is broken.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let inward = self.poll_inward(cx);
        match self.poll_outward(cx) {
            // Nothing gets to the client any more.
            Poll::Ready(Err(_)) => Poll::Ready(()),
            Poll::Ready(Ok(())) => inward,
            Poll::Pending => Poll::Pending,
        }
    }

    /// Says whether the hub has closed its end. While the client is owed something, nothing else
    /// would tell.
    fn is_given_up(&self) -> bool {
        let mut ends = [PollFd::new(&self.pair, PollFlags::empty())];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        match poll(&mut ends, Some(&at_once)) {
            Ok(_) => ends[0].revents().contains(PollFlags::HUP),
            // It is looked at again.
            Err(_) => false,
        }
    }

    fn poll_inward(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.inward {
                Flow::Open => ready!(self.poll_pass(cx)),
                Flow::Discarding => {
                    let said = ready!(Pin::new(&mut self.tls).poll_fill_buf(cx));
                    let length = said.unwrap_or_default().len();
                    if length == 0 {
                        self.inward = Flow::Over;
                    }
                    Pin::new(&mut self.tls).consume(length);
                }
                Flow::Ending => {
                    // A hub that is gone needs no end.
                    let _ = ready!(Pin::new(&mut self.pair).poll_shutdown(cx));
                    self.inward = Flow::Over;
                }
                Flow::Over => return Poll::Ready(()),
            }
        }
    }

    /// Passes on what the client says.
    fn poll_pass(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A connection that breaks has ended as well: the hub learns it by the end.
        let said = ready!(Pin::new(&mut self.tls).poll_fill_buf(cx)).unwrap_or_default();
        if said.is_empty() {
            self.inward = Flow::Ending;
            return Poll::Ready(());
        }
        match ready!(Pin::new(&mut self.pair).poll_write(cx, said)) {
            Ok(taken) => {
                self.progress += 1;
                Pin::new(&mut self.tls).consume(taken);
            }
            Err(_) => self.inward = Flow::Discarding,
        }
        Poll::Ready(())
    }

    fn poll_outward(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.owes {
                ready!(self.poll_pay(cx))?;
            }
            match self.outward {
                Flow::Open => ready!(self.poll_take(cx)),
                Flow::Ending => {
                    ready!(Pin::new(&mut self.tls).poll_shutdown(cx))?;
                    self.outward = Flow::Over;
                }
                Flow::Discarding | Flow::Over => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Takes what the hub says.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [MaybeUninit::uninit(); CHUNK_BYTES];
        let mut chunk = ReadBuf::uninit(&mut bytes);
        let taken = ready!(Pin::new(&mut self.pair).poll_read(cx, &mut chunk));
        if taken.is_err() || chunk.filled().is_empty() {
            self.outward = Flow::Ending;
        } else {
            self.rest = chunk.filled().to_vec();
            self.owes = true;
        }
        Poll::Ready(())
    }

    /// Gives the client what it is owed, to the last byte.
    fn poll_pay(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            let taken = ready!(Pin::new(&mut self.tls).poll_write(cx, &self.rest))?;
            self.progress += 1;
            self.rest.drain(..taken);
        }
        // What an idle connection does not need it does not keep.
        self.rest = Vec::new();
        ready!(Pin::new(&mut self.tls).poll_flush(cx))?;
        self.progress += 1;
        self.owes = false;
        Poll::Ready(Ok(()))
    }
}
