//! A running server: one thread per core, and how it stops.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;

use parlor_protocol::limits::DRAIN;
use tokio::sync::{mpsc, watch};

use crate::http::Site;
use crate::hub::Tools;
use crate::net::{self, Core, Listener, Phase};
use crate::rooms::{HubMessage, Rooms};
use crate::tls::Tls;

/// A server that takes connections. Dropping it cuts everything off; see [`Server::stop`].
pub struct Server {
    rooms: Rooms,
    phase: watch::Sender<Phase>,
    threads: Vec<JoinHandle<std::io::Result<()>>>,
}

/// What a server is started from.
pub struct Parts {
    /// Bound addresses; every core accepts on each.
    pub listeners: Vec<Listener>,
    /// What encrypts the connections; `None` for plain HTTP.
    pub tls: Option<Tls>,
    /// What answers requests.
    pub site: Site,
    /// What the hubs work with.
    pub tools: Tools,
    /// The handle the site speaks to rooms through.
    pub rooms: Rooms,
    /// One inbox per core, made with the handle.
    pub inboxes: Vec<mpsc::Receiver<HubMessage>>,
    /// Connections taken at most.
    pub open_most: usize,
}

impl Server {
    /// Starts a thread per inbox.
    ///
    /// # Errors
    /// If the system gives no threads or no copies of the listening sockets.
    pub fn start(parts: Parts) -> std::io::Result<Self> {
        let (phase, watching) = watch::channel(Phase::Serving);
        let open = Arc::new(AtomicUsize::new(0));
        let mut threads = Vec::new();
        for (number, inbox) in parts.inboxes.into_iter().enumerate() {
            let listeners = parts.listeners.iter().map(Listener::try_clone);
            let core = Core {
                listeners: listeners.collect::<Result<_, _>>()?,
                tls: parts.tls.clone(),
                site: parts.site.clone(),
                tools: parts.tools.clone(),
                inbox,
                phase: watching.clone(),
                open: open.clone(),
                open_most: parts.open_most,
            };
            let thread = std::thread::Builder::new().name(format!("core-{number}"));
            threads.push(thread.spawn(move || net::run(core))?);
        }
        Ok(Self { rooms: parts.rooms, phase, threads })
    }

    /// Stops taking connections, says goodbye to every socket, writes every room down, lets
    /// requests finish, and returns; after [`DRAIN`] at the latest it does not wait any more.
    pub async fn stop(self) {
        self.phase.send_replace(Phase::Stopping);
        if tokio::time::timeout(DRAIN, self.rooms.drain()).await.is_err() {
            tracing::warn!("some sockets or rooms did not finish in time");
        }
        self.phase.send_replace(Phase::Over);
        for thread in self.threads {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            match joined {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(error))) => tracing::error!(%error, "a core ended early"),
                Ok(Err(_)) | Err(_) => tracing::error!("a core failed"),
            }
        }
    }
}
