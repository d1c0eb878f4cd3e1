//! The world around one room: clients, the lines to them, a store, and a clock that jumps from one
//! event to the next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::frame::ServerFrame;
use parlor_protocol::room::RoomSettings;
use parlor_protocol::{CloseCode, Command, Event, UserId, limits};
use parlor_room::{
    ConnId, Departure, Founding, Input, Now, Output, Room, StoreBatch, StoreFault, Told,
};
use parlor_testkit::dice::Dice;
use parlor_testkit::link::{Link, Weather};
use parlor_testkit::mirror::{View, is_same};
use parlor_testkit::reference::{Kept, Reference};
use parlor_testkit::scene::{founding, guest, person};
use parlor_testkit::shelf::Shelf;

use crate::client::Client;
use crate::script::{self, Act};

/// Longest hold: nothing may be waited for longer.
const HOLD_MS: f64 = 8_000.0;

/// Something that will happen.
enum Doing {
    /// A client opens a connection.
    Connect(usize),
    /// A client does what its script says.
    Act(usize),
    /// Something reaches the server.
    Arrive(ConnId, Up),
    /// A frame reaches a client.
    Hear(ConnId, ServerFrame),
    /// A client learns that its connection is gone.
    HangUp(ConnId, Option<CloseCode>),
    /// The store is done with a batch.
    Stored(u64),
    /// The server dies, and is started again after a while.
    Crash,
}

/// What goes from a client to the server.
enum Up {
    Join,
    Command(u64, Command),
    Bye(Departure),
}

/// How the store will fare with a batch.
#[derive(Clone, Copy)]
enum Verdict {
    Kept,
    Lost,
    /// It commits, and says that it failed.
    KeptInSecret,
}

/// A batch that is on its way to the disk, and the room as it would be found there.
struct Flight {
    batch: StoreBatch,
    kept: Kept,
    verdict: Verdict,
}

pub struct World {
    dice: Dice,
    now: Duration,
    room: Room,
    reference: Reference,
    shelf: Shelf,
    /// The reference of the snapshot that is on the shelf.
    kept: Kept,
    flight: Option<Flight>,
    fault_percent: u64,
    boots: u64,
    clients: Vec<Client>,
    /// Whose connection it is, as long as the server has it, and the way down.
    lines: BTreeMap<ConnId, (usize, Link)>,
    admitted: BTreeSet<ConnId>,
    next_conn: u64,
    agenda: BTreeMap<(Duration, u64), Doing>,
    next_doing: u64,
    /// Everything that was ever told, by epoch and seq.
    told: BTreeMap<(String, u64), Arc<Told>>,
    said: u64,
    calm: bool,
    /// The latest inputs, for whoever has to find out what went wrong.
    recent: VecDeque<(Duration, Input)>,
}

/// Inputs that are shown when something went wrong.
const RECENT: usize = 25;

impl Drop for World {
    #[allow(clippy::print_stderr)]
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.recent.iter().for_each(|(at, input)| eprintln!("{at:?} {input:?}"));
        }
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let persons = dice.within(2..9);
        let seats = dice.within(2..persons + 2) as u32;
        let settings = RoomSettings {
            max_participants: dice.percent(50).then_some(seats),
            ..founding().settings
        };
        let seats_most = settings.max_participants.map_or(usize::MAX, |seats| seats as usize);
        let client_of = |number: u64| {
            let name = format!("p{}", number % persons);
            let who = if number % persons % 3 == 2 { guest(&name) } else { person(&name) };
            Client::new(who)
        };
        let clients: Vec<_> = (0..persons * 3 / 2).map(client_of).collect();
        let now = Duration::from_secs(1_000);
        let facts = facts(&settings, 0, &Shelf::new(settings.clone()));
        let mut world = Self {
            room: Room::new(wall(now), facts),
            reference: Reference::new("p0".into(), seats_most),
            shelf: Shelf::new(settings),
            kept: Kept::default(),
            flight: None,
            fault_percent: 0,
            boots: 0,
            lines: BTreeMap::new(),
            admitted: BTreeSet::new(),
            next_conn: 0,
            agenda: BTreeMap::new(),
            next_doing: 0,
            told: BTreeMap::new(),
            said: 0,
            calm: false,
            recent: VecDeque::new(),
            clients,
            now,
            dice,
        };
        for client in 0..world.clients.len() {
            let (connect, act) = (world.dice.ms(0..3_000), world.dice.ms(0..4_000));
            world.plan(connect, Doing::Connect(client));
            world.plan(act, Doing::Act(client));
        }
        let crash = world.dice.ms(5_000..60_000);
        world.plan(crash, Doing::Crash);
        world
    }

    /// Runs for so many events.
    pub fn run(&mut self, steps: u64) {
        for step in 0..steps {
            if step % 500 == 0 {
                self.fault_percent = if self.dice.percent(30) { 40 } else { 0 };
            }
            self.step();
        }
    }

    /// Nobody does anything more, everybody comes back, and then everybody sees the same.
    pub fn calm_down(&mut self) {
        self.calm = true;
        self.fault_percent = 0;
        let end = self.now + Duration::from_secs(120);
        while self.now < end {
            self.step();
        }
        // The last words are still on their way.
        while let Some(((at, _), doing)) = self.agenda.pop_first() {
            self.now = self.now.max(at);
            match doing {
                Doing::Hear(conn, frame) => self.hear(conn, &frame),
                Doing::Stored(batch) => self.stored(batch),
                Doing::Arrive(conn, up) => self.arrive(conn, up),
                Doing::Connect(_) | Doing::Act(_) | Doing::HangUp(..) | Doing::Crash => {}
            }
        }
        let state = self.room.state(wall(self.now));
        let playback = state.playback_state.clone();
        assert!(playback.is_none_or(|it| it.holding.is_none()), "it holds for ever");
        let truth = View::from(state);
        let mut watching = 0;
        for client in self.clients.iter().filter(|client| self.is_in(client)) {
            let view = client.mirror.view.as_ref().expect("it was told everything");
            assert!(client.mirror.is_live && client.asked.is_empty(), "{:?}", client.asked);
            see_the_same(comparable(view, &truth), comparable(&truth, &truth));
            watching += 1;
        }
        assert!(watching > 0, "nobody came back");
        let mut stored: Vec<_> =
            self.shelf.chat.values().filter_map(|it| it.client_id.clone()).collect();
        stored.sort();
        let count = stored.len();
        stored.dedup();
        assert_eq!(stored.len(), count, "something was stored twice");
        for acknowledged in self.clients.iter().flat_map(|client| &client.acknowledged) {
            assert!(stored.binary_search(acknowledged).is_ok(), "{acknowledged} is lost");
        }
        self.look_for_what_was_deleted();
    }

    /// What was acknowledged as deleted is nowhere: not in the store, not in the room, not in what it
    /// would leave to its next owner, and nobody sees it.
    fn look_for_what_was_deleted(&self) {
        let said: BTreeMap<String, BTreeSet<String>> = self.every_text_said();
        let views = self.clients.iter().filter(|client| self.is_in(client));
        let views = views.filter_map(|client| client.mirror.view.as_ref());
        let chats = views.flat_map(|view| &view.chat).chain(self.shelf.chat.values());
        let kept: BTreeSet<&str> = chats.map(|message| message.text.as_str()).collect();
        let last_words = self.room.farewell(wall(self.now)).0;
        for id in self.clients.iter().flat_map(|client| &client.deleted) {
            for text in said.get(id).into_iter().flatten() {
                assert!(!kept.contains(text.as_str()), "{id} is deleted, and kept as {text:?}");
                assert!(!last_words.contains(&format!("{text:?}")), "{text:?} is handed on");
            }
        }
    }

    /// Every text a message ever had when it was told, by the message's id.
    fn every_text_said(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for told in self.told.values() {
            if let Event::ChatMessage(it) | Event::ChatEdited(it) = &told.event
                && it.deleted_at.is_none()
            {
                said.entry(it.id.clone()).or_default().insert(it.text.clone());
            }
        }
        said
    }

    /// Says whether the server has let the client in (and did not turn it away: the room is full).
    fn is_in(&self, client: &Client) -> bool {
        client.line.is_some_and(|(conn, _)| self.admitted.contains(&conn))
    }

    /// Says in short what happened.
    pub fn fingerprint(&self) -> (Duration, usize, usize, u64) {
        (self.now, self.told.len(), self.shelf.chat.len(), self.next_conn)
    }

    fn plan(&mut self, after: Duration, doing: Doing) {
        self.plan_at(self.now + after, doing);
    }

    fn plan_at(&mut self, at: Duration, doing: Doing) {
        self.next_doing += 1;
        self.agenda.insert((at, self.next_doing), doing);
    }

    fn step(&mut self) {
        let planned = self.agenda.first_key_value().map(|((at, _), _)| *at);
        let wakes = self.room.poll_timeout();
        if wakes.is_some_and(|wakes| planned.is_none_or(|planned| wakes <= planned)) {
            self.now = self.now.max(wakes.unwrap_or_default());
            return self.input(Input::Timeout);
        }
        let Some(((at, _), doing)) = self.agenda.pop_first() else {
            self.now += Duration::from_secs(1);
            return;
        };
        self.now = at;
        match doing {
            Doing::Connect(client) => self.connect(client),
            Doing::Act(client) => self.act(client),
            Doing::Arrive(conn, up) => self.arrive(conn, up),
            Doing::Hear(conn, frame) => self.hear(conn, &frame),
            Doing::HangUp(conn, code) => self.hang_up(conn, code),
            Doing::Stored(batch) => self.stored(batch),
            Doing::Crash => self.crash(),
        }
    }

    // What clients do.

    fn connect(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if client.line.is_some() {
            return;
        }
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        let base_ms = self.dice.within(1..200);
        let weather = Weather { base_ms, jitter_ms: base_ms / 2 };
        client.line = Some((conn, Link::new(weather)));
        let greeting = client.mirror.greeting();
        let again: Vec<_> = client.unsure.values().cloned().collect();
        self.lines.insert(conn, (number, Link::new(weather)));
        self.send_up(number, Up::Join);
        self.give(number, greeting);
        for command in again {
            self.give(number, command);
        }
    }

    fn act(&mut self, number: usize) {
        if self.calm {
            return;
        }
        let again = self.dice.ms(20..2_500);
        self.plan(again, Doing::Act(number));
        let client = &self.clients[number];
        let Some((conn, _)) = client.line else { return };
        let view = client.mirror.view.as_ref();
        let name = client.who.user_id.clone();
        match script::decide(&mut self.dice, view, &mut self.said, name.as_str()) {
            Act::Give(command) => self.give(number, command),
            Act::Leave => self.part(number, conn, Departure::Left),
            Act::Break => self.part(number, conn, Departure::Broken),
            Act::Nothing => {}
        }
    }

    fn give(&mut self, number: usize, command: Command) {
        let id = self.clients[number].name(&command);
        self.send_up(number, Up::Command(id, command));
    }

    fn send_up(&mut self, number: usize, up: Up) {
        let Some((conn, link)) = &mut self.clients[number].line else { return };
        let (conn, at) = (*conn, link.arrival(self.now, &mut self.dice));
        self.plan_at(at, Doing::Arrive(conn, up));
    }

    /// A connection ends at the client's side; the server learns of a broken one later.
    fn part(&mut self, number: usize, conn: ConnId, how: Departure) {
        self.send_up(number, Up::Bye(how));
        self.hang_up(conn, None);
    }

    fn hang_up(&mut self, conn: ConnId, code: Option<CloseCode>) {
        let is_its = |client: &Client| client.line.is_some_and(|(its, _)| its == conn);
        let Some(number) = self.clients.iter().position(is_its) else { return };
        self.clients[number].hang_up();
        // Short enough to be within the grace at times, and long enough to be beyond it.
        let pause = match code {
            Some(CloseCode::RoomFull) => self.dice.ms(1_000..5_000),
            _ => self.dice.ms(50..12_000),
        };
        self.plan(pause, Doing::Connect(number));
    }

    fn hear(&mut self, conn: ConnId, frame: &ServerFrame) {
        let is_its = |client: &&mut Client| client.line.is_some_and(|(its, _)| its == conn);
        let Some(client) = self.clients.iter_mut().find(is_its) else { return };
        let heard = client.hear(frame).unwrap_or_else(|fault| panic!("{fault}: {frame:?}"));
        for (position, event) in heard {
            let told = &self.told[&(position.epoch, position.seq)];
            assert!(is_same(&told.event, &event), "two members were told different things");
        }
    }

    // What reaches the server.

    fn arrive(&mut self, conn: ConnId, up: Up) {
        let Some((number, _)) = self.lines.get(&conn) else { return };
        let who = self.clients[*number].who.clone();
        match up {
            Up::Join => {
                self.reference.advance(self.now);
                let may = self.reference.join(&who.user_id, conn);
                self.input(Input::Join { conn, who });
                assert_eq!(may.is_ok(), self.admitted.contains(&conn), "{may:?}");
            }
            Up::Command(id, command) if self.admitted.contains(&conn) => {
                self.reference.advance(self.now);
                let fresh = self.dice.fresh();
                if command == Command::Leave {
                    self.reference.depart(self.now, conn, Departure::Left);
                } else {
                    self.reference.command(&who.user_id, &command, fresh);
                }
                self.input(Input::Command { conn, id: Some(id.into()), command, fresh });
            }
            Up::Command(..) => {}
            Up::Bye(how) => {
                self.lines.remove(&conn);
                self.admitted.remove(&conn);
                self.reference.advance(self.now);
                self.reference.depart(self.now, conn, how);
                self.input(Input::Depart { conn, how });
            }
        }
    }

    fn stored(&mut self, batch: u64) {
        let Some(flight) = self.flight.take_if(|flight| flight.batch.batch == batch) else {
            return;
        };
        let outcome = match flight.verdict {
            Verdict::Kept => Ok(self.shelf.write(&flight.batch)),
            Verdict::Lost => Err(StoreFault),
            Verdict::KeptInSecret => {
                self.shelf.write(&flight.batch);
                Err(StoreFault)
            }
        };
        if flight.batch.snapshot.is_some() && !matches!(flight.verdict, Verdict::Lost) {
            self.kept = flight.kept;
        }
        self.reference.advance(self.now);
        self.reference.stored(outcome.is_ok());
        self.input(Input::Stored { batch, outcome });
    }

    fn crash(&mut self) {
        if self.calm {
            return;
        }
        let again = self.dice.ms(10_000..90_000);
        self.plan(again, Doing::Crash);
        match self.flight.take() {
            Some(flight) if self.dice.percent(50) => {
                self.shelf.write(&flight.batch);
                if flight.batch.snapshot.is_some() {
                    self.kept = flight.kept;
                }
            }
            // It was stopped in good order: who resumes will miss nothing.
            None if self.dice.percent(70) => {
                self.shelf.snapshot = Some(self.room.farewell(wall(self.now)));
                self.kept = self.reference.stage();
            }
            Some(_) | None => {}
        }
        for conn in std::mem::take(&mut self.lines).into_keys() {
            let notices = self.dice.ms(0..3_000);
            self.plan(notices, Doing::HangUp(conn, Some(CloseCode::Restart)));
        }
        self.admitted.clear();
        self.boots += 1;
        let down = self.dice.ms(50..5_000);
        let facts = facts(&self.shelf.settings, self.boots, &self.shelf);
        let Some(snapshot) = self.shelf.snapshot.clone() else {
            self.room = Room::new(wall(self.now), facts);
            let seats = self.shelf.settings.max_participants;
            let seats_most = seats.map_or(usize::MAX, |seats| seats as usize);
            self.reference = Reference::new("p0".into(), seats_most);
            return;
        };
        self.room = Room::restore(wall(self.now), facts, &snapshot, down)
            .expect("a room reads what it wrote");
        self.reference.restart(self.now, self.kept.clone());
        self.input(Input::Timeout);
    }

    fn input(&mut self, input: Input) {
        self.reference.advance(self.now);
        self.recent.push_back((self.now, input.clone()));
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        self.room.handle_input(wall(self.now), input);
        while let Some(output) = self.room.poll_output() {
            self.carry_out(output);
        }
        self.reference.nothing_staged();
        self.check();
    }

    // What the server does.

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Send { conn, frame } => self.send_down(conn, frame),
            Output::Admit { conn } => {
                assert!(self.admitted.insert(conn), "{conn:?} is admitted twice");
            }
            Output::Broadcast { told, .. } => self.broadcast(told),
            Output::Close { conn, code } => {
                self.admitted.remove(&conn);
                if let Some((_, mut link)) = self.lines.remove(&conn) {
                    let at = link.arrival(self.now, &mut self.dice);
                    self.plan_at(at, Doing::HangUp(conn, Some(code)));
                }
            }
            Output::Store(batch) => self.store(batch),
            Output::Presence(_) => {}
            Output::Answer { .. } | Output::Ended(_) => panic!("nobody asked for that"),
            Output::Idle => {}
        }
    }

    fn broadcast(&mut self, told: Arc<Told>) {
        if let Some(seq) = told.seq {
            let epoch = self.room.state(wall(self.now)).epoch;
            let follows = seq == 1 || self.told.contains_key(&(epoch.clone(), seq - 1));
            assert!(follows, "{seq} is told before what comes before it");
            let before = self.told.insert((epoch, seq), Arc::clone(&told));
            assert_eq!(before, None, "a seq is used twice");
        }
        for conn in self.admitted.clone() {
            let event: Event = told.event.clone();
            self.send_down(conn, ServerFrame { event, seq: told.seq, id: None, code: None });
        }
    }

    fn send_down(&mut self, conn: ConnId, frame: ServerFrame) {
        let Some((_, link)) = self.lines.get_mut(&conn) else { return };
        let at = link.arrival(self.now, &mut self.dice);
        self.plan_at(at, Doing::Hear(conn, frame));
    }

    fn store(&mut self, batch: StoreBatch) {
        assert!(self.flight.is_none(), "two batches are in flight");
        let verdict = match self.dice.percent(self.fault_percent) {
            false => Verdict::Kept,
            true if self.dice.percent(30) => Verdict::KeptInSecret,
            true => Verdict::Lost,
        };
        let takes = if self.dice.percent(5) { 300..900 } else { 1..30 };
        let takes = self.dice.ms(takes);
        self.plan(takes, Doing::Stored(batch.batch));
        let kept = self.reference.stage();
        self.flight = Some(Flight { batch, kept, verdict });
    }

    /// What must be true at any time.
    fn check(&self) {
        let state = self.room.state(wall(self.now));
        let seats = state.settings.max_participants.map_or(u64::MAX, u64::from);
        assert!(state.member_count <= seats, "more are in than there are seats");
        assert_eq!(state.members, self.reference.users());
        assert_eq!(state.host_id.as_ref(), self.reference.host());
        let queue: Vec<_> = state.queue.iter().map(|item| item.item_id.clone()).collect();
        assert_eq!(queue, self.reference.queue());
        let loaded = state.playback_state.as_ref();
        let loaded = loaded.map(|it| (it.item_id.as_ref(), it.media_url.as_deref()));
        assert_eq!(loaded.unwrap_or_default(), self.reference.loaded());
        if let Some(holding) = state.playback_state.and_then(|playback| playback.holding) {
            let left_ms = holding.until - state.server_time;
            assert!((0.0..=HOLD_MS).contains(&left_ms), "it holds for {left_ms} ms more");
            assert!(!holding.waiting_for.is_empty(), "it holds for nobody");
        }
    }
}

/// A view without what depends on the moment it was taken: positions are projected to the truth's
/// moment, and of the chat there is the latest page.
fn comparable(view: &View, truth: &View) -> View {
    let mut view = view.clone();
    let skip = view.chat.len().saturating_sub(limits::CHAT_PAGE);
    view.chat.drain(..skip);
    if let (Some(it), Some(truth)) = (&mut view.playback, &truth.playback) {
        if it.is_playing {
            let moved_ms = (truth.at - it.at).max(0.0) * it.playback_speed;
            it.current_time += moved_ms.round() as u64;
            // Rounded twice where the truth was rounded once.
            it.current_time += u64::from(it.current_time + 1 == truth.current_time);
            it.current_time -= u64::from(it.current_time == truth.current_time + 1);
        }
        (it.at, it.op) = (truth.at, None);
    }
    view
}

/// Compares part by part, so that a difference can be read.
fn see_the_same(view: View, truth: View) {
    assert_eq!(view.position, truth.position);
    assert_eq!((&view.host, &view.members), (&truth.host, &truth.members));
    assert_eq!(view.playback, truth.playback);
    assert_eq!(view.queue, truth.queue);
    let ids = |view: &View| view.chat.iter().map(|it| it.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&view), ids(&truth));
    assert_eq!(view, truth);
}

fn facts(settings: &RoomSettings, boots: u64, shelf: &Shelf) -> Founding {
    let creator: UserId = "p0".into();
    Founding {
        settings: settings.clone(),
        creator: Some(creator.clone()),
        owner: Some(creator),
        epoch: format!("e{boots}"),
        reign: boots,
        clock_id: format!("c{boots}"),
        chat: shelf.page(limits::CHAT_PAGE),
        next_chat: shelf.next_number(),
        seats_kept: limits::RESTART_GRACE,
        ..founding()
    }
}

fn wall(mono: Duration) -> Now {
    Now { mono, wall_ms: 1_795_161_600_000 + mono.as_millis() as i64 }
}
