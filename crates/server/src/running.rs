//! A whole server from its configuration: the order in which the parts come up and go down.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use parlor_store::{Store, StoreConfig};

use crate::app::App;
use crate::bus::{Bus, RedisBus};
use crate::clock::Clock;
use crate::cluster::{Cluster, Listener};
use crate::config::{Config, Listen};
use crate::hub::Tools;
use crate::rooms::Rooms;
use crate::serve::{Parts, Server};
use crate::tls::Tls;
use crate::vanishing::RoomKeys;
use crate::{http, janitor, net, process};

/// Connections to the database at most.
const STORE_CONNECTIONS: u32 = 16;

/// How long a node waits for the others' message broker at its start.
const JOIN_PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// A server that takes connections.
pub struct Running {
    app: App,
    server: Server,
    addresses: Vec<SocketAddr>,
    tls: Option<Tls>,
    chores: tokio::task::JoinSet<()>,
    cluster: Option<Cluster>,
    _lock: Option<FolderLock>,
}

/// Why a server does not start: a sentence for whoever tried.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

impl Running {
    /// Starts a server: sockets first, because that is what fails most often and does no harm.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let config = Arc::new(config);
        warn_of_gaps(&config);
        let listeners = bind(&config)?;
        let addresses: Vec<SocketAddr> =
            listeners.iter().filter_map(|listener| listener.socket.local_addr().ok()).collect();
        prepare_folder(&config.data_dir)?;
        // Files serve one server alone; a database server takes care of itself.
        let is_embedded = config.database_url.starts_with("sqlite:");
        let lock = is_embedded.then(|| FolderLock::take(&config.data_dir)).transpose()?;
        let tls = Tls::open(&config).map_err(|error| StartError(error.to_string()))?;
        let store = open_store(&config).await?;
        let clock = Clock::start();
        let joined = match &config.redis_url {
            Some(url) => Some(join_cluster(url, &store, &clock).await?),
            None => {
                // One node alone knows that nobody is in any room before it takes connections.
                let cleared = store.clear_presence().await;
                cleared.map_err(|error| StartError(store_sentence(&error)))?;
                let cleared = store.clear_all_online().await;
                cleared.map_err(|error| StartError(store_sentence(&error)))?;
                None
            }
        };
        let cluster = joined.as_ref().map(|(cluster, _)| cluster.clone());
        let shared = cluster.clone().map(|cluster| (cluster, store.clone()));
        let (rooms, inboxes) = Rooms::new(cores(&config), shared);
        let keys = match &cluster {
            Some(cluster) => RoomKeys::Shared(cluster.bus().clone()),
            None => RoomKeys::in_folder(&config.data_dir),
        };
        let app = App::open(config.clone(), store.clone(), rooms.clone(), clock.clone(), keys)
            .await
            .map_err(|error| StartError(format!("The keys cannot be read: {error}.")))?;
        let tools = Tools {
            app: app.clone(),
            clock,
            store: store.clone(),
            auth: app.auth.clone(),
            no_rate_limits: config.insecure_no_rate_limits,
            cluster: cluster.clone(),
            opens_sockets: config.is_sync(),
        };
        let mut chores = tokio::task::JoinSet::new();
        if let Some((cluster, listener)) = joined {
            cluster.run(listener, rooms.clone(), &mut chores);
        }
        let tidying = app.clone();
        let following = app.clone();
        chores.spawn(async move { following.follow_revocations().await });
        chores.spawn(async move { tidying.tidy().await });
        chores.spawn(app.mail.clone().run());
        app.courier.run(&mut chores);
        chores.spawn(janitor::sweep_rooms(store.clone(), rooms.clone(), app.keys.clone()));
        chores.spawn(process::give_back_memory(store));
        if let Some(tls) = tls.clone() {
            chores.spawn(tls.keep_current());
        }
        let site = http::Site::new(app.clone());
        let open_most = config.max_connections;
        let parts = Parts { listeners, tls: tls.clone(), site, tools, rooms, inboxes, open_most };
        let server = Server::start(parts)
            .map_err(|error| StartError(format!("The system gives no threads: {error}.")))?;
        Ok(Self { app, server, addresses, tls, chores, cluster, _lock: lock })
    }

    /// Returns the addresses it listens on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns what encrypts its connections, if it speaks https.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Returns what its requests reach.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Drains it: no new connections, goodbye to every socket, every room written down.
    pub async fn stop(mut self) {
        self.app.begin_draining();
        self.server.stop().await;
        self.app.mail.stop().await;
        self.chores.shutdown().await;
        self.app.courier.leave().await;
        match &self.cluster {
            Some(cluster) => cluster.leave().await,
            None => {
                if let Err(error) = self.app.store.clear_presence().await {
                    tracing::warn!(%error, "who was present is still in the database");
                }
            }
        }
        if let Err(error) = self.app.store.close().await {
            tracing::warn!(%error, "the database was not closed properly");
        }
    }
}

/// Says what is missing for a role that may be missing on purpose.
fn warn_of_gaps(config: &Config) {
    if config.redis_url.is_none() && !(config.is_api() && config.is_sync()) {
        tracing::warn!("one role needs the other beside it, but PARLOR_REDIS_URL names no broker");
    }
    if config.insecure_trust_clerk_id {
        tracing::warn!(
            "PARLOR_INSECURE_TRUST_CLERK_ID: x-clerk-id names external users without proof, from this \
             machine and from trusted proxies"
        );
    }
    let has_pages = config.public_url.is_some() || !config.allowed_origins.is_empty();
    if !config.is_api() && !has_pages {
        tracing::warn!("no page may open a socket here: PARLOR_PUBLIC_URL does not say where from");
    }
}

/// Takes this node's place among the others.
async fn join_cluster(
    url: &str,
    store: &Store,
    clock: &Clock,
) -> Result<(Cluster, Listener), StartError> {
    let sentence = |error: &dyn std::fmt::Display| {
        StartError(format!("The other nodes cannot be joined (PARLOR_REDIS_URL): {error}."))
    };
    let bus = RedisBus::open(url).map_err(|error| sentence(&error))?;
    let joining = Cluster::join(Bus::Redis(bus), store.clone(), clock.clone());
    match tokio::time::timeout(JOIN_PATIENCE, joining).await {
        Ok(joined) => joined.map_err(|error| sentence(&error)),
        Err(_) => Err(sentence(&"the message broker does not answer")),
    }
}

fn cores(config: &Config) -> usize {
    match config.cores {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        cores => cores,
    }
}

/// Opens the database and brings its tables to this version.
///
/// # Errors
/// A sentence that says what to do.
pub async fn open_store(config: &Config) -> Result<Store, StartError> {
    prepare_folder(&config.data_dir)?;
    let store_config =
        StoreConfig { url: config.database_url.clone(), max_connections: STORE_CONNECTIONS };
    let sentence = |error| StartError(store_sentence(&error));
    let store = Store::connect(&store_config).await.map_err(sentence)?;
    store.migrate().await.map_err(sentence)?;
    Ok(store)
}

fn store_sentence(error: &parlor_store::StoreError) -> String {
    format!("The database cannot be used: {error}.")
}

/// Proves that no other server uses the data folder, as long as it lives. The system lets go of
/// it however the process ends.
struct FolderLock {
    _file: std::fs::File,
}

impl FolderLock {
    fn take(folder: &Path) -> Result<Self, StartError> {
        use rustix::fs::{FlockOperation, flock};
        let path = folder.join("parlor.lock");
        let file = std::fs::File::create(&path)
            .map_err(|error| StartError(format!("{} cannot be made: {error}.", path.display())))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            StartError(format!(
                "Another Parlor uses the data folder {}. Stop it, or name another folder with \
                 --data-dir.",
                folder.display()
            ))
        })?;
        Ok(Self { _file: file })
    }
}

/// Makes the data folder if need be, and finds out whether something can be kept in it.
///
/// # Errors
/// A sentence that says what to do.
pub fn prepare_folder(folder: &Path) -> Result<(), StartError> {
    let shown = folder.display();
    if folder.exists() && !folder.is_dir() {
        return Err(StartError(format!(
            "The data folder {shown} is a file. Move it away, or name another with --data-dir."
        )));
    }
    std::fs::create_dir_all(folder)
        .map_err(|error| StartError(format!("The data folder {shown} cannot be made: {error}.")))?;
    let probe = folder.join(".parlor-write-probe");
    std::fs::write(&probe, b"parlor").and_then(|()| std::fs::remove_file(&probe)).map_err(|error| {
        StartError(format!("Nothing can be written into the data folder {shown}: {error}."))
    })
}

fn bind(config: &Config) -> Result<Vec<net::Listener>, StartError> {
    let mut listeners: Vec<net::Listener> = Vec::new();
    for &Listen { address: wanted, role } in &config.listen {
        // Port 0 means any; the addresses of one role still share the one that is given first.
        let mut address = wanted;
        let first = listeners.iter().find(|listener| listener.role == role);
        if let (0, Some(first)) = (wanted.port(), first)
            && let Ok(first) = first.socket.local_addr()
        {
            address.set_port(first.port());
        }
        match net::listen(address) {
            Ok(socket) => listeners.push(net::Listener { socket, role }),
            Err(error) if is_missing_ipv6(address, &error) && config.listen.len() > 1 => {
                tracing::info!(%address, "this machine has no IPv6; going on without");
            }
            Err(error) => return Err(StartError(bind_sentence(address, &error))),
        }
    }
    if listeners.is_empty() {
        return Err(StartError("None of the addresses to listen on is on this machine.".into()));
    }
    Ok(listeners)
}

fn is_missing_ipv6(address: SocketAddr, error: &std::io::Error) -> bool {
    // EAFNOSUPPORT has no kind of its own.
    let is_unsupported =
        error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    address.is_ipv6() && (error.kind() == ErrorKind::AddrNotAvailable || is_unsupported)
}

fn bind_sentence(address: SocketAddr, error: &std::io::Error) -> String {
    let (ip, port) = (address.ip(), address.port());
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "Port {port} on {ip} is taken: another program listens there. Stop it, or choose \
             another port with --listen {}.",
            SocketAddr::new(ip, port.wrapping_add(1).max(1_024))
        ),
        ErrorKind::PermissionDenied => format!(
            "Port {port} on {ip} may not be used by this user. Choose one above 1023 with --listen."
        ),
        ErrorKind::AddrNotAvailable => {
            format!("{ip} is not an address of this machine. Choose another with --listen.")
        }
        _ => format!("{address} cannot be listened on: {error}."),
    }
}
