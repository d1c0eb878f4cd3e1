//! Where clients come in: an address that stays while the node behind it is killed and started
//! again, and where every line can be cut.

use std::net::Ipv4Addr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// A forwarder before one node; closed when dropped.
#[derive(Debug)]
pub struct Door {
    /// Where clients connect, on the loopback.
    pub port: u16,
    cut: broadcast::Sender<()>,
    task: JoinHandle<()>,
}

impl Door {
    /// Opens a door to a port of the loopback, whether somebody is behind it or not.
    ///
    /// # Errors
    /// If the system gives no port.
    pub async fn open(to: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (cut, _) = broadcast::channel(1);
        let cuts = cut.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, to, cuts.subscribe()));
            }
        });
        Ok(Self { port, cut, task })
    }

    /// Cuts every line through the door.
    pub fn cut(&self) {
        // Nobody is there to be cut off, sometimes.
        let _ = self.cut.send(());
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(mut client: TcpStream, to: u16, mut cut: broadcast::Receiver<()>) {
    let Ok(mut node) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await else { return };
    // A message must not wait for the one before it to be acknowledged.
    if client.set_nodelay(true).and_then(|()| node.set_nodelay(true)).is_err() {
        return;
    }
    tokio::select! {
        // How a line ends is seen by both ends of it.
        _ = copy_bidirectional(&mut client, &mut node) => {}
        _ = cut.recv() => {}
    }
}
