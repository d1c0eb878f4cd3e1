//! Garbage for the room itself.

use std::time::Duration;

use parlor_dialects::native;
use parlor_protocol::chat::ChatMessage;
use parlor_protocol::room::{Control, RoomSettings, Wait};
use parlor_protocol::{RoomId, UserId, limits};
use parlor_room::{
    Amended, Amendment, Change, ConnId, Departure, Founding, Input, Life, Now, Output, Principal,
    Room, Snapshot, StoreFault, StoredBatch, StoredChat, iso_8601,
};

/// Outputs one input may cause. A batch that comes back can acknowledge every waiting command,
/// each with an event and an answer.
const OUTPUTS_PER_INPUT: usize = 10_000;
/// Timers that may be due one after another without time passing.
const TIMEOUTS_AT_ONCE: usize = 1_000;
/// People of the script.
const PEOPLE: u64 = 5;
/// Seats of the room, so that somebody finds it full.
const SEATS: u32 = 4;

/// Plays a script to a room: each line is a letter, a digit that says who, and a rest. Whatever
/// cannot be understood is skipped.
///
/// | line | what happens |
/// |---|---|
/// | `j2` | person 2 joins by a new connection |
/// | `l2`, `b2` | the latest connection of person 2 leaves, or breaks |
/// | `c2{…}` | a frame comes from it |
/// | `t…` | as many ms pass as the rest is long, squared |
/// | `s`, `f` | the store has written what was asked of it, or failed |
/// | `r` | the server is killed, and the room comes back from its last snapshot |
///
/// # Panics
/// If the room panics, never stops talking, wants to be woken for ever at the same moment, or
/// does not come back from its own snapshot.
pub fn room_inputs(script: &[u8]) {
    let play = Play::of(script);
    play.finish();
}

/// Plays a script and returns what the room writes down at its end.
pub fn snapshot_after(script: &[u8]) -> String {
    let play = Play::of(script);
    play.room.snapshot(play.now).0
}

/// Restores a room from a text that claims to be a snapshot, and lets it live.
///
/// # Panics
/// If the room panics, or cannot be restored from what it writes then.
pub fn snapshot(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let now = Now { mono: Duration::from_secs(1_000), wall_ms: 1_700_000_000_000 };
    let given = Snapshot(text.to_owned());
    let elapsed = Duration::from_secs(7);
    let Ok(room) = Room::restore(now, founding(), &given, elapsed) else { return };
    let mut play = Play { room, now, ..Play::new() };
    play.settle();
    for (what, who, rest) in [
        ('j', 0, ""),
        ('c', 0, r#"{"type":"SYNC_REQUEST"}"#),
        ('c', 0, r#"{"type":"UPDATE_PLAYBACK","payload":{"isPlaying":true}}"#),
        ('c', 0, r#"{"type":"QUEUE_NEXT","id":1}"#),
        ('s', 0, ""),
        ('r', 0, ""),
    ] {
        play.line(what, who, rest);
    }
    play.finish();
}

/// A room, its driver's clock, and what the driver owes it.
struct Play {
    room: Room,
    now: Now,
    /// Every connection ever made, with who made it.
    conns: Vec<(ConnId, u64)>,
    /// A batch handed out and not yet reported, with the number of its messages and its amendments.
    in_flight: Option<(u64, usize, Vec<Amendment>)>,
    /// The latest snapshot that reached the store.
    kept: Option<Snapshot>,
    /// The snapshot of the batch in flight.
    offered: Option<Snapshot>,
    /// Makes every random number different.
    fresh: u128,
}

impl Play {
    fn new() -> Self {
        let now = Now { mono: Duration::from_secs(10), wall_ms: 1_700_000_000_000 };
        Self {
            room: Room::new(now, founding()),
            now,
            conns: Vec::new(),
            in_flight: None,
            kept: None,
            offered: None,
            fresh: 1,
        }
    }

    fn of(script: &[u8]) -> Self {
        let mut play = Self::new();
        for line in String::from_utf8_lossy(script).lines() {
            let mut letters = line.chars();
            let (Some(what), who) = (letters.next(), letters.next()) else { continue };
            let who = who.and_then(|who| who.to_digit(10)).map_or(0, u64::from) % PEOPLE;
            play.line(what, who, letters.as_str());
        }
        play
    }

    fn line(&mut self, what: char, who: u64, rest: &str) {
        match what {
            'j' => {
                let conn = ConnId(self.conns.len() as u64);
                self.conns.push((conn, who));
                self.input(Input::Join { conn, who: person(who) });
            }
            'l' => self.depart(who, Departure::Left),
            'b' => self.depart(who, Departure::Broken),
            'c' => self.command(who, rest),
            't' => {
                let ms = (rest.len() as u64).pow(2);
                self.now.mono += Duration::from_millis(ms);
                self.now.wall_ms += ms as i64;
                self.input(Input::Timeout);
            }
            's' => self.stored(true),
            'f' => self.stored(false),
            'r' => self.crash(),
            _ => {}
        }
    }

    fn latest(&self, who: u64) -> Option<ConnId> {
        self.conns.iter().rev().find(|(_, whose)| *whose == who).map(|(conn, _)| *conn)
    }

    fn depart(&mut self, who: u64, how: Departure) {
        if let Some(conn) = self.latest(who) {
            self.input(Input::Depart { conn, how });
        }
    }

    fn command(&mut self, who: u64, text: &str) {
        let (Some(conn), Ok(decoded)) = (self.latest(who), native::decode(text)) else { return };
        self.fresh += 1;
        self.input(Input::Command {
            conn,
            id: decoded.id,
            command: decoded.command,
            fresh: self.fresh,
        });
    }

    fn stored(&mut self, well: bool) {
        let Some((batch, messages, amendments)) = self.in_flight.take() else { return };
        let offered = self.offered.take();
        let outcome = if well {
            self.kept = offered.or(self.kept.take());
            Ok(StoredBatch {
                messages: vec![StoredChat::New; messages],
                amendments: amendments.iter().map(amended).collect(),
            })
        } else {
            Err(StoreFault)
        };
        self.input(Input::Stored { batch, outcome });
    }

    fn crash(&mut self) {
        let Some(kept) = self.kept.clone() else { return };
        self.now.mono += Duration::from_secs(3);
        self.now.wall_ms += 3_000;
        self.room = Room::restore(self.now, founding(), &kept, Duration::from_secs(3))
            .expect("a room comes back from what it wrote");
        self.conns.clear();
        self.in_flight = None;
        self.offered = None;
        self.settle();
    }

    fn input(&mut self, input: Input) {
        self.room.handle_input(self.now, input);
        self.settle();
    }

    /// Takes the outputs, and sees that the room does not want to be woken without end.
    fn settle(&mut self) {
        for _ in 0..TIMEOUTS_AT_ONCE {
            self.outputs();
            if self.room.poll_timeout().is_none_or(|at| at > self.now.mono) {
                return;
            }
            self.room.handle_input(self.now, Input::Timeout);
        }
        panic!("the room wants to be woken at one moment for ever");
    }

    fn outputs(&mut self) {
        for _ in 0..OUTPUTS_PER_INPUT {
            match self.room.poll_output() {
                None => return,
                Some(Output::Store(batch)) => {
                    assert!(self.in_flight.is_none(), "a second batch while one is in flight");
                    self.in_flight = Some((batch.batch, batch.messages.len(), batch.amendments));
                    self.offered = batch.snapshot;
                }
                Some(_) => {}
            }
        }
        panic!("the room never stops talking");
    }

    fn finish(mut self) {
        self.stored(true);
        let written = self.room.snapshot(self.now);
        let back = Room::restore(self.now, founding(), &written, Duration::ZERO);
        assert!(back.is_ok(), "a room comes back from what it wrote: {written:?}");
    }
}

/// What a store says of an amendment that cannot look the message up: it is somebody's, or none.
fn amended(amendment: &Amendment) -> Amended {
    if amendment.number.is_multiple_of(3) {
        return Amended::Missing;
    }
    let mut message = ChatMessage {
        id: amendment.number.to_string(),
        user_id: person(0).user_id,
        display_name: "Person 0".to_owned(),
        text: String::new(),
        sent_at: iso_8601(amendment.at_ms),
        client_id: None,
        reply_to: None,
        mentions: Vec::new(),
        edited_at: None,
        deleted_at: None,
    };
    match &amendment.change {
        Change::Edit { text, mentions } => {
            (message.text, message.mentions) = (text.clone(), mentions.clone());
        }
        Change::Delete => message.redact(&iso_8601(amendment.at_ms)),
    }
    Amended::Done(Box::new(message))
}

fn person(number: u64) -> Principal {
    Principal {
        user_id: UserId::new(format!("user-{number}")),
        display_name: format!("Person {number}").into(),
        is_guest: number.is_multiple_of(2),
    }
}

fn founding() -> Founding {
    Founding {
        room_id: RoomId::from("room"),
        settings: RoomSettings {
            name: "Film night".to_owned(),
            is_public: true,
            max_participants: Some(SEATS),
            control: Control::Everyone,
            wait: Wait::All,
            entry: Default::default(),
            has_password: false,
            join_code: "ABC234".to_owned(),
        },
        creator: Some(person(0).user_id),
        owner: None,
        created_at: "2024-01-01T00:00:00.000Z".to_owned(),
        epoch: "epoch".to_owned(),
        reign: 1,
        clock_id: "clock".to_owned(),
        boot: "boot".to_owned(),
        life: Life::Idle { ttl: Duration::from_secs(60) },
        chat: Vec::new(),
        next_chat: 1,
        seats_kept: limits::RESTART_GRACE,
    }
}
