//! How requests come in: each core accepts on every address and serves what it accepted.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::Socket;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::LocalSet;
use tokio::time::timeout;

use crate::config::Role;
use crate::http::Site;
use crate::http::peer::Peer;
use crate::hub::{Hub, Tools};
use crate::rooms::HubMessage;
use crate::tls::{Tls, joint};
use crate::transport::takeover::Takeover;

/// Connections that wait to be accepted, per address.
pub const BACKLOG: i32 = 4_096;
/// How long a client may take to send the head of a request, or leave a connection idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest head of a request, in bytes.
const HEAD_BYTES: usize = 32 * 1024;
/// Connections of one core whose first request is not answered yet; others wait for a place. What
/// a thousand that come at once take while they are upgraded would be spread over all memory, with
/// the blocks that stay between: 6 KB for each connection, long after.
const BEGINNERS: usize = 16;
/// A connection whose first request takes longer than this gives its place away.
const BEGIN: Duration = Duration::from_millis(20);
/// How long requests that are under way may take once the server stops.
const LAST_REQUESTS: Duration = Duration::from_secs(3);

/// What one core serves.
pub struct Core {
    /// The addresses to accept on.
    pub listeners: Vec<Listener>,
    /// What encrypts the connections; `None` for plain HTTP.
    pub tls: Option<Tls>,
    /// What answers requests.
    pub site: Site,
    /// What its hub works with.
    pub tools: Tools,
    /// Messages for its hub.
    pub inbox: mpsc::Receiver<HubMessage>,
    /// How far the server has come.
    pub phase: watch::Receiver<Phase>,
    /// Connections of the whole server.
    pub open: Arc<AtomicUsize>,
    /// Connections the whole server takes at most.
    pub open_most: usize,
}

/// A bound address.
pub struct Listener {
    /// Its socket.
    pub socket: std::net::TcpListener,
    /// What is answered there.
    pub role: Role,
}

impl Listener {
    /// Makes a copy that accepts from the same queue.
    ///
    /// # Errors
    /// If the system gives no more descriptors.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()?, role: self.role })
    }
}

/// How far a server has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It takes connections.
    Serving,
    /// It takes no more connections and lets requests finish.
    Stopping,
    /// Its rooms are written down; nothing more is to be done.
    Over,
}

/// Opens a listening socket.
///
/// # Errors
/// What the system says: the address is in use, or not one of this machine.
pub fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // The same port is bound for IPv4 on its own.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Runs one core on the present thread until the server stops and its last requests are done.
///
/// # Errors
/// If the system gives the thread no runtime or no socket.
pub fn run(core: Core) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Tasks that are cut off in the end give their database connections back, which takes a runtime.
    let _entered = runtime.enter();
    let tasks = LocalSet::new();
    tasks.block_on(&runtime, serve(core))
}

async fn serve(core: Core) -> io::Result<()> {
    Hub::start(core.tools, core.inbox)?;
    let beginners = Arc::new(Semaphore::new(BEGINNERS));
    for listener in core.listeners {
        let role = listener.role;
        let listener = TcpListener::from_std(listener.socket)?;
        let service = Service {
            role,
            tls: core.tls.clone(),
            site: core.site.clone(),
            phase: core.phase.clone(),
            beginners: beginners.clone(),
        };
        let gate = Gate { open: core.open.clone(), open_most: core.open_most };
        tokio::task::spawn_local(accept(listener, service, gate));
    }
    let mut phase = core.phase;
    // A server that was dropped without being stopped is over as well.
    let _ = phase.wait_for(|phase| *phase == Phase::Over).await;
    let last_requests = async {
        while core.open.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // Requests that are still under way then are cut off with the runtime.
    let _ = timeout(LAST_REQUESTS, last_requests).await;
    Ok(())
}

/// What serves a connection.
#[derive(Clone)]
struct Service {
    role: Role,
    tls: Option<Tls>,
    site: Site,
    phase: watch::Receiver<Phase>,
    beginners: Arc<Semaphore>,
}

/// Counts connections.
struct Gate {
    open: Arc<AtomicUsize>,
    open_most: usize,
}

/// One counted connection.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    fn enter(&self) -> Option<Counted> {
        let counted = Counted(self.open.clone());
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        (before < self.open_most).then_some(counted)
    }
}

async fn accept(listener: TcpListener, service: Service, gate: Gate) {
    let mut phase = service.phase.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = phase.wait_for(|phase| *phase > Phase::Serving) => return,
        };
        match accepted {
            Ok((stream, remote)) => {
                // Without a place the connection is closed: the system's queue must not fill up.
                let Some(counted) = gate.enter() else { continue };
                let Ok(local) = stream.local_addr() else { continue };
                let peer = Peer { remote, local, role: service.role };
                tokio::task::spawn_local(connection(stream, peer, service.clone(), counted));
            }
            Err(error) => {
                // Out of files, most often: others must close before this can go on.
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Takes a connection as soon as it says something. Until then nothing is kept for it but its
/// socket.
async fn connection(stream: TcpStream, peer: Peer, service: Service, counted: Counted) {
    let mut stopping = service.phase.clone();
    let spoke = tokio::select! {
        spoke = timeout(HEAD_TIMEOUT, stream.readable()) => matches!(spoke, Ok(Ok(()))),
        _ = stopping.wait_for(|phase| *phase > Phase::Serving) => false,
    };
    if spoke {
        // Small answers must not wait for the peer's acknowledgements (Nagle): 40 ms each.
        let _ = stream.set_nodelay(true);
        // In boxes of their own: what they take is given back when the socket moves to its room.
        match &service.tls {
            None => Box::pin(serve_requests(stream, peer, &service, raw)).await,
            Some(tls) => {
                if let Some(stream) = Box::pin(tls.greet(stream, peer.local)).await {
                    Box::pin(serve_requests(stream, peer, &service, joint::join)).await;
                }
            }
        }
    }
    drop(counted);
}

/// Takes a stream out of the runtime it was accepted in.
fn raw(stream: TcpStream) -> io::Result<Socket> {
    Ok(stream.into_std()?.into())
}

/// Serves the requests of one connection, until it is over or somebody takes it over as a socket.
/// It keeps a place among the beginners until its first answer is there.
async fn serve_requests<S>(
    stream: S,
    peer: Peer,
    service: &Service,
    into_socket: impl FnOnce(S) -> io::Result<Socket>,
) where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let Ok(place) = service.beginners.clone().acquire_owned().await else { return };
    let place: Rc<Cell<Option<OwnedSemaphorePermit>>> = Rc::new(Cell::new(Some(place)));
    let (site, mut phase) = (service.site.clone(), service.phase.clone());
    let takeover = Takeover::default();
    let (begun, taken) = (place.clone(), takeover.clone());
    let answering = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(taken.clone());
        let answer = site.answer(peer, request);
        let begun = begun.clone();
        async move {
            let answer = answer.await;
            drop(begun.take());
            Ok::<_, Infallible>(answer)
        }
    });
    let mut serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answering);
    let over = match timeout(BEGIN, over(&mut serving, &takeover)).await {
        Ok(over) => over,
        Err(_) => {
            drop(place.take());
            tokio::select! {
                over = over(&mut serving, &takeover) => over,
                _ = phase.wait_for(|phase| *phase > Phase::Serving) => {
                    std::pin::Pin::new(&mut serving).graceful_shutdown();
                    over(&mut serving, &takeover).await
                }
            }
        }
    };
    // How a connection ends is the peer's affair, unless it goes on as a socket.
    if let (Over::InOrder, Some(heir)) = (over, takeover.take()) {
        let parts = serving.into_parts();
        match into_socket(parts.io.into_inner()) {
            Ok(socket) => heir(socket, parts.read_buf),
            Err(error) => tracing::error!(%error, "a connection cannot leave its runtime"),
        }
    }
}

/// How far the requests of a connection have come.
enum Over {
    /// The last one was answered, or somebody wants the connection without answering.
    InOrder,
    /// The peer is gone.
    Broken,
}

/// Serves requests until there are no more, or the connection is wanted at once.
async fn over<E>(
    serving: &mut (impl Future<Output = Result<(), E>> + Unpin),
    takeover: &Takeover,
) -> Over {
    tokio::select! {
        served = serving => if served.is_ok() { Over::InOrder } else { Over::Broken },
        () = takeover.wanted_at_once() => Over::InOrder,
    }
}
