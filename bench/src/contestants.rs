//! Who is compared, how each is started, and how a room of each is entered and spoken in.
//!
//! All but Parlor are tiny programs of ours that tell whatever a member says to all members of its
//! room, the speaker too, as it was said. Parlor is spoken to as any client speaks to it: guests,
//! rooms made over HTTP, commands with JSON payloads.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::crowd::{Crowd, Ticket};
use crate::frame;
use crate::http::Client;
use crate::process::{Folder, Process, free_address};

/// How long the answer to a first message may take.
const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// Marks the sender's clock within a text.
const STAMP: u8 = b'@';

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
}

impl Contestant {
    /// All of them, the measure first.
    pub const ALL: [Contestant; 6] = [
        Contestant::Floor,
        Contestant::Parlor,
        Contestant::Bun,
        Contestant::AxumQueue,
        Contestant::AxumBroadcast,
        Contestant::NodeWs,
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
        let (program, arguments) = match contestant {
            Contestant::Floor => (programs.own.join("floor"), vec![port]),
            Contestant::Parlor => (programs.parlor.clone(), parlor_arguments(address, &folder)),
            Contestant::Bun => (programs.bun.clone(), vec![script("bun.ts"), port]),
            Contestant::AxumQueue => (programs.own.join("axum-room"), vec![port, "queue".into()]),
            Contestant::AxumBroadcast => {
                (programs.own.join("axum-room"), vec![port, "broadcast".into()])
            }
            Contestant::NodeWs => ("node".into(), vec![script("node.mjs"), port]),
        };
        let log = folder.path().join("log");
        let mut process = Process::start(&program, &arguments, environment, &log)?;
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
    /// Parlor every ticket is another guest's.
    ///
    /// # Errors
    /// When a guest or a room is refused.
    pub fn make_rooms(&self, rooms: usize, members: usize) -> anyhow::Result<Vec<Ticket>> {
        if self.contestant != Contestant::Parlor {
            let ticket = |room| Ticket { path: format!("/{room}"), token: None };
            let tickets = (0..rooms).flat_map(|room| std::iter::repeat_n(ticket(room), members));
            return Ok(tickets.collect());
        }
        let mut client = Client::connect(self.address)?;
        let mut tickets = Vec::with_capacity(rooms * members);
        for _ in 0..rooms {
            let guests = (0..members).map(|_| make_guest(&mut client));
            let guests = guests.collect::<anyhow::Result<Vec<_>>>()?;
            let host = guests.first().map(String::as_str);
            let path = format!("/api/v1/rooms/{}/ws", make_room(&mut client, host)?);
            let ticket = |guest| Ticket { path: path.clone(), token: Some(guest) };
            tickets.extend(guests.into_iter().map(ticket));
        }
        Ok(tickets)
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

/// How a contestant is spoken to, and how its answer is known.
#[derive(Clone, Debug)]
pub struct Talk {
    speech: Speech,
    parlor: bool,
    padding: usize,
    /// What the frames begin with that count.
    marker: &'static [u8],
}

impl Talk {
    /// Begins to speak to a contestant.
    pub fn new(contestant: Contestant, speech: Speech) -> Talk {
        let parlor = contestant == Contestant::Parlor;
        let marker: &[u8] = match (parlor, speech) {
            (false, _) => b"{\"type\":\"SAID\"",
            (true, Speech::Chat) => b"{\"type\":\"CHAT_MESSAGE\"",
            (true, Speech::Playback) => b"{\"type\":\"PLAYBACK_UPDATED\"",
            (true, Speech::Reaction) => b"{\"type\":\"REACTION\"",
        };
        Talk { speech, parlor, padding: 0, marker }
    }

    /// Says whether a text is one of those that count.
    #[inline]
    pub fn counts(&self, text: &[u8]) -> bool {
        text.starts_with(self.marker)
    }

    /// Speaks once from the first socket, reads how long the frame is that is told to the
    /// `listeners` of its room, and from then on speaks so that it has `bytes`. Returns the length
    /// it will have: not every kind of speech can be made longer.
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
        if !self.parlor || self.speech == Speech::Chat {
            self.padding = bytes.saturating_sub(bare);
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
        let text = match (self.parlor, self.speech) {
            (false, _) => format!(r#"{{"type":"SAID","payload":{{"text":"{stamp}{padding}"}}}}"#),
            (true, Speech::Chat) => {
                format!(r#"{{"type":"CHAT_SEND","payload":{{"text":"{stamp}{padding}"}}}}"#)
            }
            (true, Speech::Playback) => format!(
                r#"{{"type":"UPDATE_PLAYBACK","payload":{{"currentTime":{},"op":"{stamp}"}}}}"#,
                now_us / 1_000
            ),
            (true, Speech::Reaction) => {
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
        let talk = Talk::new(Contestant::Floor, Speech::Chat);
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
