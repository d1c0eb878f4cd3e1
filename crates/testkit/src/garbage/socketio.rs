//! Garbage for what Socket.IO clients send.

use std::time::Duration;

use parlor_dialects::engineio::packet::Packet as Framed;
use parlor_dialects::engineio::{
    Data, Input, Outgoing, Output, Reason, Session, Settings, Transport, polling,
};
use parlor_dialects::socketio::packet::{ARGUMENTS, arguments};
use parlor_dialects::socketio::{Assembler, Kind, Packet, encode, packet};

const SETTINGS: Settings = Settings {
    ping_interval: Duration::from_millis(300),
    ping_timeout: Duration::from_millis(200),
    max_payload: 10_000,
};
/// What may wait for a poll, with the packet that is one too many.
const QUEUE_BYTES: usize = 5 * 1024 * 1024;

/// Reads a payload of Engine.IO.
///
/// # Panics
/// If what was read, written down again, reads otherwise.
pub fn polling_payload(data: &[u8]) {
    let read = |body: &[u8]| -> Option<Vec<Data>> {
        let records = polling::decode(body).ok()?;
        let kept = records.map(|record| {
            Some(match record.ok()? {
                polling::Record::Text(text) => {
                    let Outgoing::Text(bytes) = text.into() else { return None };
                    Data::Text(String::from_utf8(bytes.to_vec()).ok()?)
                }
                polling::Record::Binary(bytes) => Data::Binary(bytes),
            })
        });
        kept.collect()
    };
    let Some(records) = read(data) else { return };
    let mut written = Vec::new();
    for record in &records {
        let packet = match record {
            Data::Text(text) => Outgoing::Text(text.clone().into()),
            Data::Binary(bytes) => Outgoing::Binary(bytes.clone().into()),
        };
        polling::append(&mut written, &packet);
    }
    assert_eq!(read(&written), Some(records), "what is written must read the same");
}

/// Plays a script to a session: each line is a letter and a rest.
///
/// | line | what happens |
/// |---|---|
/// | `g`, `G` | a poll comes, or the one that waits is gone |
/// | `p…`, `P` | a POST with this body comes, or one begins that is gone again |
/// | `b` | a POST begins |
/// | `u`, `U` | a WebSocket is asked for, or is gone |
/// | `t…`, `x…` | a text or a binary frame comes |
/// | `s…`, `S` | something is sent; a megabyte is sent |
/// | `c` | the server ends it |
/// | `w` | it is woken when it wants to be |
///
/// # Panics
/// If it answers a request that is not there, says anything but refusals after its end, waits for
/// something then, or keeps more than it may.
pub fn engineio_session(script: &[u8]) {
    for transport in [Transport::Polling, Transport::Socket] {
        Conversation::open(transport).play(script);
    }
}

struct Conversation {
    session: Session,
    now: Duration,
    polls: usize,
    posts: usize,
    upgrades: usize,
    unfetched_bytes: usize,
    is_over: bool,
}

impl Conversation {
    fn open(transport: Transport) -> Self {
        let now = Duration::from_secs(1);
        let session = Session::open(SETTINGS, transport, "sid", now);
        let polls = usize::from(transport == Transport::Polling);
        let unfetched_bytes = 0;
        Self { session, now, polls, posts: 0, upgrades: 0, unfetched_bytes, is_over: false }
    }

    fn play(mut self, script: &[u8]) {
        self.settle();
        for line in script.split(|byte| *byte == b'\n') {
            let Some((letter, rest)) = line.split_first() else { continue };
            match letter {
                b'g' => {
                    self.polls += 1;
                    self.take(Input::Poll);
                }
                b'G' => {
                    self.polls = self.polls.saturating_sub(1);
                    self.take(Input::PollLost);
                }
                b'p' => {
                    self.begin_post();
                    self.posts += 1;
                    self.take(Input::Post(rest));
                }
                b'P' => {
                    self.begin_post();
                    self.take(Input::PostLost);
                }
                b'b' => self.begin_post(),
                b'u' => {
                    self.upgrades += 1;
                    self.take(Input::Upgrade);
                }
                b'U' => self.take(Input::SocketLost),
                b't' => {
                    if let Ok(text) = str::from_utf8(rest) {
                        self.take(Input::Text(text));
                    }
                }
                b'x' => self.take(Input::Binary(rest)),
                b's' => {
                    let text = String::from_utf8_lossy(rest);
                    self.send(Framed::Message(&text).into());
                }
                b'S' => self.send(Outgoing::Binary(vec![0; 1_000_000].into())),
                b'c' => self.take(Input::Close(Reason::Ended)),
                b'w' => {
                    if let Some(at) = self.session.poll_timeout() {
                        self.now = self.now.max(at);
                        self.take(Input::Timeout);
                    }
                }
                _ => {}
            }
        }
    }

    fn begin_post(&mut self) {
        self.posts += 1;
        self.take(Input::PostBegins);
    }

    fn send(&mut self, packet: Outgoing) {
        if self.session.is_open() {
            self.unfetched_bytes += polling::size_bytes(&packet);
        }
        self.take(Input::Send(&[packet]));
    }

    fn take(&mut self, input: Input<'_>) {
        self.session.handle_input(self.now, input);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(output) = self.session.poll_output() {
            let is_refusal = matches!(
                output,
                Output::PollRefused(_) | Output::PostRefused(_) | Output::UpgradeRefused(_)
            );
            assert!(!self.is_over || is_refusal, "{output:?} after its end");
            match output {
                Output::PollAnswered(body) => {
                    self.polls = self.polls.checked_sub(1).expect("a poll waited");
                    self.unfetched_bytes = self.unfetched_bytes.saturating_sub(body.len());
                }
                Output::PollRefused(_) => {
                    self.polls = self.polls.checked_sub(1).expect("a poll came");
                }
                Output::PostBegun | Output::PostDone | Output::PostRefused(_) => {
                    self.posts = self.posts.checked_sub(1).expect("a POST came");
                }
                Output::UpgradeGranted | Output::UpgradeRefused(_) => {
                    self.upgrades = self.upgrades.checked_sub(1).expect("an upgrade was asked for");
                }
                Output::Frame(packet) => {
                    let size = polling::size_bytes(&packet);
                    self.unfetched_bytes = self.unfetched_bytes.saturating_sub(size);
                }
                Output::CloseSocket | Output::Message(_) => {}
                Output::Closed(_) => {
                    self.is_over = true;
                    self.unfetched_bytes = 0;
                }
            }
        }
        assert!(self.polls <= 1, "{} polls wait", self.polls);
        assert!(self.unfetched_bytes <= QUEUE_BYTES, "{} bytes wait", self.unfetched_bytes);
        assert!(!self.is_over || self.session.poll_timeout().is_none(), "it waits after its end");
    }
}

/// Reads the text of a packet of Socket.IO, and has attachments come for it.
///
/// # Panics
/// If what was read, written down again, reads otherwise; or if the packet is whole before all it
/// announced is there.
pub fn socketio_packet(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(read) = packet::decode(text) else { return };
    if let (Kind::Event, Some(all)) = (read.kind, arguments(read.payload)) {
        written_reads_the_same(&read, &all);
    }
    let mut assembler = Assembler::default();
    for missing in (0..=read.attachments).rev() {
        let data = match missing == read.attachments {
            true => Data::Text(text.to_owned()),
            false => Data::Binary(vec![7; 100]),
        };
        let taken = assembler.take(data).expect("it was announced");
        assert_eq!(taken.is_some(), missing == 0, "it is whole with the last attachment");
        assert!(assembler.held_bytes() <= text.len() + 100 * read.attachments);
    }
    assert_eq!(assembler.held_bytes(), 0);
}

fn written_reads_the_same(read: &Packet<'_>, all: &[&serde_json::value::RawValue]) {
    assert!(all.len() <= ARGUMENTS + 1);
    let name: String = serde_json::from_str(all[0].get()).expect("an event has a name");
    let attachments = vec![Vec::new(); read.attachments];
    let packets = encode::raw_event(read.namespace, &name, &all[1..], &attachments);
    assert_eq!(packets.len(), 1 + read.attachments);
    let Outgoing::Text(bytes) = &packets[0] else { panic!("a packet begins with a text") };
    let text = std::str::from_utf8(&bytes[1..]).expect("is a text");
    let again = packet::decode(text).expect("what is written can be read");
    assert_eq!((again.kind, again.namespace), (read.kind, read.namespace));
    assert_eq!(again.attachments, read.attachments);
}
