//! Who is compared, how each is started, and how a room of each is entered.
//!
//! All but Parlor are tiny programs of ours that tell whatever a member says to all members of its
//! room, the speaker too, as it was said. Parlor is entered as any client enters it: guests, rooms
//! made over HTTP.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::crowd::{Dialect, Ticket};
use crate::http::Client;
use crate::process::{Folder, Process, free_address};

/// Where Socket.IO clients begin with a WebSocket.
const SOCKET_IO: &str = "/socket.io/?EIO=4&transport=websocket";

/// One who is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contestant {
    /// A bare loop of `send(2)`.
    Floor,
    /// Parlor.
    Parlor,
    /// Bun with its native publish.
    Bun,
    /// axum with a queue per socket, all fed and flushed once.
    AxumQueue,
    /// axum with a broadcast channel and all defaults.
    AxumBroadcast,
    /// Node with `ws`.
    NodeWs,
    /// Parlor, a room of which is read as server-sent events.
    ParlorEvents,
    /// Server-sent events from Bun.
    BunEvents,
    /// Server-sent events from Node.
    NodeEvents,
    /// Parlor's counterpart for test suites of Socket.IO, which says what it is told to everybody.
    ParlorSocketIo,
    /// Parlor with Socket.IO clients that have proved who they are; they are not spoken to.
    ParlorClients,
    /// socket.io on Bun.
    BunSocketIo,
    /// socket.io on Node.
    NodeSocketIo,
}

impl Contestant {
    /// Those with a room of WebSockets, the measure first.
    pub const ROOMS: [Contestant; 6] = [
        Contestant::Floor,
        Contestant::Parlor,
        Contestant::Bun,
        Contestant::AxumQueue,
        Contestant::AxumBroadcast,
        Contestant::NodeWs,
    ];
    /// Those with a room that is read as server-sent events, the measure first, and what is used in
    /// their place.
    pub const EVENTS: [Contestant; 5] = [
        Contestant::Floor,
        Contestant::ParlorEvents,
        Contestant::BunEvents,
        Contestant::NodeEvents,
        Contestant::NodeSocketIo,
    ];
    /// Those with Socket.IO, the measure first.
    pub const SOCKET_IO: [Contestant; 4] = [
        Contestant::Floor,
        Contestant::ParlorSocketIo,
        Contestant::BunSocketIo,
        Contestant::NodeSocketIo,
    ];

    /// Returns the name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Contestant::Floor => "floor",
            Contestant::Parlor => "Parlor",
            Contestant::Bun => "Bun native publish",
            Contestant::AxumQueue => "axum, a queue per socket, one flush",
            Contestant::AxumBroadcast => "axum, broadcast channel, defaults",
            Contestant::NodeWs => "Node ws",
            Contestant::ParlorEvents => "Parlor, server-sent events",
            Contestant::BunEvents => "Bun, server-sent events",
            Contestant::NodeEvents => "Node, server-sent events",
            Contestant::ParlorSocketIo | Contestant::ParlorClients => "Parlor, Socket.IO",
            Contestant::BunSocketIo => "socket.io on Bun",
            Contestant::NodeSocketIo => "socket.io on Node",
        }
    }

    /// Returns what is spoken to those who are told.
    pub fn dialect(self) -> Dialect {
        match self {
            Contestant::Floor
            | Contestant::Parlor
            | Contestant::Bun
            | Contestant::AxumQueue
            | Contestant::AxumBroadcast
            | Contestant::NodeWs => Dialect::WebSocket,
            Contestant::ParlorEvents | Contestant::BunEvents | Contestant::NodeEvents => {
                Dialect::Events
            }
            Contestant::ParlorSocketIo
            | Contestant::ParlorClients
            | Contestant::BunSocketIo
            | Contestant::NodeSocketIo => Dialect::SocketIo,
        }
    }
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The release binary of Parlor.
    pub parlor: PathBuf,
    /// Bun's binary.
    pub bun: PathBuf,
    /// The folder of our own comparators.
    pub own: PathBuf,
    /// The folder of the scripts.
    pub scripts: PathBuf,
}

impl Programs {
    /// Finds the programs from the folder of this crate. `PARLOR_BENCH_BINARY` names another
    /// Parlor than the one that was built last.
    ///
    /// # Errors
    /// When one of them is missing: it says which, and how to get it.
    pub fn find(bench: &Path) -> anyhow::Result<Programs> {
        let own = std::env::current_exe()?.parent().context("no folder")?.to_owned();
        let root = bench.parent().context("no folder above this one")?;
        let programs = Programs {
            parlor: std::env::var_os("PARLOR_BENCH_BINARY")
                .map_or_else(|| root.join("target/release/parlor"), PathBuf::from),
            bun: root.join("node_modules/.bin/bun"),
            own,
            scripts: bench.join("servers"),
        };
        anyhow::ensure!(programs.parlor.exists(), "no release binary: `make build` makes it");
        anyhow::ensure!(programs.bun.exists(), "no Bun: `npm ci` brings it");
        Ok(programs)
    }
}

/// A contestant that runs.
pub struct Running {
    /// Who it is.
    pub contestant: Contestant,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process.
    pub process: Process,
    folder: Folder,
}

impl Running {
    /// Starts a contestant on the servers' core; Parlor with an empty data folder.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(contestant: Contestant, programs: &Programs) -> anyhow::Result<Running> {
        Running::start_with(contestant, programs, Folder::new()?, &[])
    }

    /// Starts a contestant with a data folder there is, and settings in its environment.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_with(
        contestant: Contestant,
        programs: &Programs,
        folder: Folder,
        environment: &[(&str, String)],
    ) -> anyhow::Result<Running> {
        let address = free_address()?;
        let port = address.port().to_string();
        let script = |name: &str| programs.scripts.join(name).display().to_string();
        let node = |name| ("node".into(), vec![script(name), port.clone()]);
        let bun = |name| (programs.bun.clone(), vec![script(name), port.clone()]);
        let (program, arguments) = match contestant {
            Contestant::Floor => (programs.own.join("floor"), vec![port]),
            Contestant::Parlor | Contestant::ParlorEvents | Contestant::ParlorClients => {
                (programs.parlor.clone(), parlor_arguments(address, &folder))
            }
            Contestant::ParlorSocketIo => {
                let arguments = ["conformance", "--usual-times", "--port", &port];
                (programs.parlor.clone(), arguments.map(String::from).to_vec())
            }
            Contestant::Bun => bun("bun.ts"),
            Contestant::BunEvents => bun("events.ts"),
            Contestant::BunSocketIo => bun("socketio.mjs"),
            Contestant::NodeWs => node("node.mjs"),
            Contestant::NodeEvents => node("events.mjs"),
            Contestant::NodeSocketIo => node("socketio.mjs"),
            Contestant::AxumQueue => (programs.own.join("axum-room"), vec![port, "queue".into()]),
            Contestant::AxumBroadcast => {
                (programs.own.join("axum-room"), vec![port, "broadcast".into()])
            }
        };
        let log = folder.path().join("log");
        // Where a server makes a folder of its own, that goes with this one.
        let temporary = ("TMPDIR", folder.path().display().to_string());
        let environment = [environment, &[temporary]].concat();
        let mut process = Process::start(&program, &arguments, &environment, &log)?;
        process
            .await_listener(address)
            .with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
        Ok(Running { contestant, address, process, folder })
    }

    /// Ends it in order and returns its data folder.
    pub fn stop(self) -> Folder {
        self.process.stop();
        self.folder
    }

    /// Makes rooms of `members` and returns the tickets of all their sockets, room by room. In
    /// Parlor every ticket is another guest's. The first socket of a room is the one that speaks;
    /// where a room is read as server-sent events, it is there beside the members.
    ///
    /// # Errors
    /// When a guest or a room is refused.
    pub fn make_rooms(&self, rooms: usize, members: usize) -> anyhow::Result<Vec<Ticket>> {
        let mut client = Client::connect(self.address)?;
        let mut tickets = Vec::with_capacity(rooms * members);
        for room in 0..rooms {
            self.make_room(&mut client, room, members, &mut tickets)?;
        }
        Ok(tickets)
    }

    fn make_room(
        &self,
        client: &mut Client,
        number: usize,
        members: usize,
        tickets: &mut Vec<Ticket>,
    ) -> anyhow::Result<()> {
        let dialect = self.contestant.dialect();
        let mut guests = vec![None; members + usize::from(dialect == Dialect::Events)];
        let is_parlor = matches!(
            self.contestant,
            Contestant::Parlor | Contestant::ParlorEvents | Contestant::ParlorClients
        );
        if is_parlor {
            for guest in &mut guests {
                *guest = Some(make_guest(client)?);
            }
        }
        let (mut speaks_at, mut listens_at) = (format!("/{number}"), format!("/{number}"));
        match (self.contestant, dialect) {
            (_, Dialect::SocketIo) => listens_at = SOCKET_IO.to_owned(),
            (Contestant::Parlor | Contestant::ParlorEvents, _) => {
                let host = guests.first().and_then(Option::as_deref);
                let room = make_room(client, host)?;
                speaks_at = format!("/api/v1/rooms/{room}/ws");
                listens_at = match dialect {
                    Dialect::Events => format!("/api/realtime?channel={room}"),
                    Dialect::WebSocket | Dialect::SocketIo => speaks_at.clone(),
                };
            }
            (_, Dialect::WebSocket | Dialect::Events) => {}
        }
        let mut guests = guests.into_iter();
        if dialect == Dialect::Events {
            let token = guests.next().flatten();
            tickets.push(Ticket { listens: false, ..Ticket::to(&speaks_at, token) });
        }
        tickets.extend(guests.map(|token| Ticket { dialect, ..Ticket::to(&listens_at, token) }));
        Ok(())
    }
}

fn parlor_arguments(address: SocketAddr, folder: &Folder) -> Vec<String> {
    let data = folder.path().join("data").display().to_string();
    ["serve", "--listen", &address.to_string(), "--data-dir", &data, "--insecure-no-rate-limits"]
        .map(String::from)
        .to_vec()
}

/// Makes a guest of Parlor and returns its token. All are called the same, so that frames have
/// one size.
///
/// # Errors
/// When the server refuses.
pub fn make_guest(client: &mut Client) -> anyhow::Result<String> {
    let guest =
        client.ask_json("POST", "/api/v1/auth/guest", None, Some(r#"{"displayName":"a"}"#))?;
    Ok(guest["accessToken"].as_str().context("a guest without token")?.to_owned())
}

/// Makes a room of Parlor that waits for nobody and returns its id.
///
/// # Errors
/// When the server refuses.
pub fn make_room(client: &mut Client, token: Option<&str>) -> anyhow::Result<String> {
    let body = r#"{"name":"bench","idleTtlSeconds":600}"#;
    let room = client.ask_json("POST", "/api/v1/rooms", token, Some(body))?;
    Ok(room["roomId"].as_str().context("a room without id")?.to_owned())
}
