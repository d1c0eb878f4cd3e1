//! A room on a stage: a clock moved by hand, connections that write down what they hear, and a
//! store that does what the test says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use parlor_protocol::chat::ChatMessage;
use parlor_protocol::event::ClosedReason;
use parlor_protocol::frame::{CommandId, ServerFrame};
use parlor_protocol::room::{Control, RoomSettings, Wait};
use parlor_protocol::{CloseCode, Code, Command, Event, limits};
use parlor_room::{
    AskId, ConnId, Departure, Founding, Input, Life, Now, Output, PresenceChange, Principal, Proof,
    Refusal, Room, StoreBatch, StoreFault, StoredBatch, StoredChat,
};

use crate::shelf::Shelf;
use crate::transcript;

/// Where the clock stands when a scene opens: nothing in a room may depend on it.
pub const OPENING: Duration = Duration::from_secs(1_000);
/// The wall clock then, 2026-11-20T08:00:00.000Z.
pub const OPENING_WALL_MS: i64 = 1_795_161_600_000;

/// How the store fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// It writes at once.
    Prompt,
    /// It takes batches and says nothing until [`Scene::release`].
    Slow,
    /// It fails every batch.
    Broken,
}

/// A room, and everything around it.
#[derive(Debug)]
pub struct Scene {
    /// The room.
    pub room: Room,
    /// How the store fares from now on.
    pub store: Store,
    /// Every batch the store was given.
    pub batches: Vec<StoreBatch>,
    /// What the store says of messages whose author's client id it knows already.
    pub duplicates: BTreeMap<String, u64>,
    /// What the store keeps of what was said; the room knows the latest page of it.
    pub shelf: Shelf,
    /// Every change of presence, as `+name` and `-name`.
    pub presence: Vec<String>,
    /// Every answer over HTTP.
    pub answers: Vec<(AskId, Result<(), Refusal>)>,
    /// Why the room ended, if it did.
    pub ended: Option<ClosedReason>,
    /// How often the room said that it may be unloaded.
    pub idle: usize,
    now: Duration,
    waiting: VecDeque<StoreBatch>,
    heard: BTreeMap<ConnId, Vec<ServerFrame>>,
    admitted: BTreeSet<ConnId>,
    closed: BTreeMap<ConnId, CloseCode>,
    next_conn: u64,
    next_fresh: u128,
}

/// Returns what a scene's room is made from: `anna` made it and owns it, and it is permanent.
pub fn founding() -> Founding {
    Founding {
        room_id: "the-room".into(),
        settings: RoomSettings {
            name: "Film night".to_owned(),
            is_public: true,
            max_participants: None,
            control: Control::Everyone,
            wait: Wait::All,
            entry: Default::default(),
            has_password: false,
            join_code: "ABC234".to_owned(),
        },
        creator: Some("anna".into()),
        owner: Some("anna".into()),
        created_at: "2026-11-20T07:00:00.000Z".to_owned(),
        epoch: "e1".to_owned(),
        reign: 1,
        clock_id: "c1".to_owned(),
        boot: "boot-1".to_owned(),
        life: Life::Permanent,
        chat: Vec::new(),
        next_chat: 1,
        seats_kept: limits::RESTART_GRACE,
    }
}

/// Returns something that was said when the scene opened.
pub fn message(number: u64, author: &str, text: &str) -> ChatMessage {
    ChatMessage {
        id: number.to_string(),
        user_id: author.into(),
        display_name: author.to_owned(),
        text: text.to_owned(),
        sent_at: "2026-11-20T08:00:00.000Z".to_owned(),
        client_id: None,
        reply_to: None,
        mentions: Vec::new(),
        edited_at: None,
        deleted_at: None,
    }
}

/// Returns somebody with an account.
pub fn person(name: &str) -> Principal {
    Principal { user_id: name.into(), display_name: name.into(), is_guest: false }
}

/// Returns somebody without an account.
pub fn guest(name: &str) -> Principal {
    Principal { is_guest: true, ..person(name) }
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

impl Scene {
    /// Opens with the room of [`founding`], empty.
    pub fn new() -> Self {
        Self::of(founding())
    }

    /// Opens with a room made from other facts.
    pub fn of(founding: Founding) -> Self {
        Self::with(|now| Room::new(now, founding))
    }

    /// Opens with any room.
    pub fn with(make: impl FnOnce(Now) -> Room) -> Self {
        let room = make(Now { mono: OPENING, wall_ms: OPENING_WALL_MS });
        let mut scene = Self {
            shelf: Shelf::new(room.settings().clone()),
            room,
            store: Store::Prompt,
            batches: Vec::new(),
            duplicates: BTreeMap::new(),
            presence: Vec::new(),
            answers: Vec::new(),
            ended: None,
            idle: 0,
            now: OPENING,
            waiting: VecDeque::new(),
            heard: BTreeMap::new(),
            admitted: BTreeSet::new(),
            closed: BTreeMap::new(),
            next_conn: 0,
            next_fresh: 0,
        };
        scene.drain();
        scene
    }

    /// Returns the moment the scene is at.
    pub fn now(&self) -> Now {
        let passed = self.now - OPENING;
        Now { mono: self.now, wall_ms: OPENING_WALL_MS + passed.as_millis() as i64 }
    }

    /// Gives the room an input, and carries out everything that follows.
    pub fn input(&mut self, input: Input) {
        self.room.handle_input(self.now(), input);
        self.drain();
        match self.store {
            Store::Prompt => self.release(),
            Store::Slow => {}
            Store::Broken => self.fail(),
        }
    }

    /// Lets time pass, and wakes the room whenever it asked for that.
    ///
    /// # Panics
    /// If the room asks for the same moment again and again.
    pub fn wait(&mut self, how_long: Duration) {
        let end = self.now + how_long;
        let mut turns = 0;
        while let Some(at) = self.room.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.input(Input::Timeout);
            turns += 1;
            assert!(turns < 100_000, "the room does not come to rest");
        }
        self.now = end;
    }

    /// Lets ms pass.
    pub fn wait_ms(&mut self, ms: u64) {
        self.wait(Duration::from_millis(ms));
    }

    /// Somebody with an account comes in by a new connection.
    pub fn join(&mut self, name: &str) -> ConnId {
        self.join_as(person(name))
    }

    /// Somebody comes in by a new connection.
    pub fn join_as(&mut self, who: Principal) -> ConnId {
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        self.heard.insert(conn, Vec::new());
        self.input(Input::Join { conn, who });
        conn
    }

    /// A connection closes as its member wanted.
    pub fn leave(&mut self, conn: ConnId) {
        self.depart(conn, Departure::Left);
    }

    /// A connection breaks.
    pub fn lose(&mut self, conn: ConnId) {
        self.depart(conn, Departure::Broken);
    }

    fn depart(&mut self, conn: ConnId, how: Departure) {
        self.admitted.remove(&conn);
        self.input(Input::Depart { conn, how });
    }

    /// A connection gives a command without id.
    pub fn tell(&mut self, conn: ConnId, command: Command) {
        self.command(conn, None, command);
    }

    /// A connection gives a command with an id.
    pub fn ask(&mut self, conn: ConnId, id: u64, command: Command) {
        self.command(conn, Some(id.into()), command);
    }

    fn command(&mut self, conn: ConnId, id: Option<CommandId>, command: Command) {
        let fresh = self.fresh();
        self.input(Input::Command { conn, id, command, fresh });
    }

    /// Somebody gives a command over HTTP. Returns the answer, if it is there at once.
    pub fn ask_over_http(
        &mut self,
        who: Principal,
        command: Command,
    ) -> Option<Result<(), Refusal>> {
        let fresh = self.fresh();
        let ask = AskId(fresh as u64);
        self.input(Input::Ask { ask, who, command, fresh });
        self.answers.iter().find(|(answered, _)| *answered == ask).map(|(_, it)| it.clone())
    }

    /// Somebody comes to the door. Returns the code of the refusal.
    ///
    /// # Panics
    /// If the room does not answer at once.
    pub fn knock(&mut self, who: Principal, proof: Proof, message: &str) -> Result<(), Code> {
        let ask = AskId(self.fresh() as u64);
        let message = (!message.is_empty()).then(|| message.to_owned());
        self.input(Input::Knock { ask, who, proof, message });
        let answer = self.answers.iter().find(|(answered, _)| *answered == ask);
        let answer =
            answer.map(|(_, outcome)| outcome.clone()).expect("a knock is answered at once");
        answer.map_err(|refusal| refusal.code)
    }

    /// Somebody takes a seat without a connection. Returns the code of the refusal.
    ///
    /// # Panics
    /// If the room does not answer at once.
    pub fn enter(&mut self, who: Principal) -> Result<(), Code> {
        let ask = AskId(self.fresh() as u64);
        self.input(Input::Enter { ask, who });
        let answer = self.answers.iter().find(|(answered, _)| *answered == ask);
        let answer = answer.map(|(_, outcome)| outcome.clone());
        answer.expect("who enters is answered at once").map_err(|refusal| refusal.code)
    }

    /// Random bits that are the same each time a test runs.
    fn fresh(&mut self) -> u128 {
        self.next_fresh += 1;
        self.next_fresh
    }

    /// Takes what a connection heard since this was asked last.
    pub fn frames(&mut self, conn: ConnId) -> Vec<ServerFrame> {
        self.heard.get_mut(&conn).map(std::mem::take).unwrap_or_default()
    }

    /// Takes what a connection heard, as lines.
    pub fn heard(&mut self, conn: ConnId) -> Vec<String> {
        self.frames(conn).iter().map(transcript::line).collect()
    }

    /// Takes what a connection heard, but only the lines that contain a word.
    pub fn heard_of(&mut self, conn: ConnId, word: &str) -> Vec<String> {
        let mut lines = self.heard(conn);
        lines.retain(|line| line.contains(word));
        lines
    }

    /// Has everybody forget what they heard.
    pub fn hush(&mut self) {
        self.heard.values_mut().for_each(Vec::clear);
    }

    /// Returns with what the room closed a connection, if it did.
    pub fn closed(&self, conn: ConnId) -> Option<CloseCode> {
        self.closed.get(&conn).copied()
    }

    /// The slow store finishes everything it was given.
    pub fn release(&mut self) {
        while let Some(batch) = self.waiting.pop_front() {
            self.finish(batch, true);
        }
    }

    /// The slow store fails at everything it was given.
    pub fn fail(&mut self) {
        while let Some(batch) = self.waiting.pop_front() {
            self.finish(batch, false);
        }
    }

    /// Returns how many batches the slow store has not finished.
    pub fn in_flight(&self) -> usize {
        self.waiting.len()
    }

    fn finish(&mut self, batch: StoreBatch, well: bool) {
        let kept = |client_id: &Option<String>| {
            let existing = client_id.as_ref().and_then(|id| self.duplicates.get(id));
            existing
                .map_or(StoredChat::New, |existing| StoredChat::Duplicate { existing: *existing })
        };
        let messages: Vec<_> =
            batch.messages.iter().map(|new| kept(&new.message.client_id)).collect();
        let outcome = if well {
            let new = batch.messages.iter().zip(&messages);
            let new = new.filter(|(_, outcome)| **outcome == StoredChat::New);
            self.shelf.chat.extend(new.map(|(new, _)| (new.number, new.message.clone())));
            let amendments = batch.amendments.iter().map(|it| self.shelf.amend(it)).collect();
            Ok(StoredBatch { messages, amendments })
        } else {
            Err(StoreFault)
        };
        self.input(Input::Stored { batch: batch.batch, outcome });
    }

    fn drain(&mut self) {
        while let Some(output) = self.room.poll_output() {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        assert_eq!(self.ended, None, "nothing follows the end of a room: {output:?}");
        match output {
            Output::Send { conn, frame } => self.hear(conn, frame),
            Output::Admit { conn } => {
                self.admitted.insert(conn);
            }
            Output::Broadcast { told, .. } => {
                for conn in self.admitted.clone() {
                    let event: Event = told.event.clone();
                    self.hear(conn, ServerFrame { event, seq: told.seq, id: None, code: None });
                }
            }
            Output::Close { conn, code } => {
                self.admitted.remove(&conn);
                self.closed.insert(conn, code);
            }
            Output::Store(batch) => {
                self.batches.push(batch.clone());
                self.waiting.push_back(batch);
            }
            Output::Presence(changes) => self.presence.extend(changes.iter().map(presence)),
            Output::Answer { ask, outcome } => self.answers.push((ask, outcome.map(drop))),
            Output::Ended(reason) => self.ended = Some(reason),
            Output::Idle => self.idle += 1,
        }
    }

    fn hear(&mut self, conn: ConnId, frame: ServerFrame) {
        assert!(!self.closed.contains_key(&conn), "a closed connection is told {frame:?}");
        self.heard.entry(conn).or_default().push(frame);
    }
}

fn presence(change: &PresenceChange) -> String {
    let sign = if change.present { '+' } else { '-' };
    format!("{sign}{}", change.user.user_id)
}
