//! A distance: what goes through arrives later, in both directions, in order.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// Pieces under way in one direction of a connection; beyond that the sender waits.
const UNDER_WAY: usize = 4_096;

/// What lies behind a distance.
#[derive(Clone)]
pub enum Far {
    /// A port of this machine.
    Tcp(u16),
    /// A unix socket.
    Unix(PathBuf),
}

/// A port behind which something is far away, as long as this lives.
pub struct Distance {
    pub port: u16,
    accepting: JoinHandle<()>,
}

impl Distance {
    /// Puts something `one_way` away.
    pub async fn put(far: Far, one_way: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(connect(near, far.clone(), one_way));
            }
        });
        Self { port, accepting }
    }
}

impl Drop for Distance {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connect(near: TcpStream, far: Far, one_way: Duration) {
    near.set_nodelay(true).unwrap();
    let (from_near, to_near) = near.into_split();
    // What is gone at the far end is gone here too: both directions end.
    match far {
        Far::Tcp(port) => {
            let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            far.set_nodelay(true).unwrap();
            let (from_far, to_far) = far.into_split();
            tokio::join!(carry(from_near, to_far, one_way), carry(from_far, to_near, one_way));
        }
        Far::Unix(path) => {
            let Ok(far) = UnixStream::connect(path).await else { return };
            let (from_far, to_far) = far.into_split();
            tokio::join!(carry(from_near, to_far, one_way), carry(from_far, to_near, one_way));
        }
    }
}

/// Carries everything from one end to the other, each piece `one_way` after it was sent.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    one_way: Duration,
) {
    let (under_way, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(UNDER_WAY);
    let sending = async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let piece = (Instant::now() + one_way, buffer[..length].to_vec());
            if under_way.send(piece).await.is_err() {
                return;
            }
        }
    };
    let receiving = async move {
        while let Some((at, piece)) = arriving.recv().await {
            sleep_until(at).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
        // An end that is gone already needs no goodbye.
        let _ = to.shutdown().await;
    };
    tokio::join!(sending, receiving);
}
