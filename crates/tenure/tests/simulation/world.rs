//! The world around the nodes: the lines to their witnesses, an adversary with a seed, and a true
//! time that jumps from one event to the next.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parlor_tenure::{CLAIM_AGAIN, RENEWAL_PATIENCE, RENEWED_EVERY, Witness};
use parlor_testkit::dice::Dice;

use crate::clock::Clock;
use crate::node::{Deed, Node, Topic};
use crate::rules::{Broken, Cuts, Luck};
use crate::witness::{Bus, Command, Reply, Statement, Store};

pub const SECOND_US: u64 = 1_000_000;
/// After an outage for all a witness is there for at least this long.
const BETWEEN_OUTAGES_US: u64 = 3_500_000;
/// The bus's own patience, as in the server; a statement is waited for longer.
const BUS_PATIENCE_US: u64 = 900_000;
const STORE_PATIENCE_US: u64 = 2_500_000;

/// Something that will happen.
enum Doing {
    /// To a node, when it does not stand still. The number tells its lives apart.
    At(usize, u64, Wake),
    /// A node may go on with what came while it stood still.
    Awake(usize, u64),
    /// A question reaches its witness.
    Reach(usize, u64, Question),
    /// Bytes leave a node.
    Bytes(usize, u64, usize, i64),
    Start(usize),
    BadLuck,
}

/// What a node wakes for.
enum Wake {
    Renew,
    Answer(u64, Option<Reply>),
    Waited(usize),
    Loaded(usize, i64, u64),
    Want(usize),
    Turn(usize),
    Flush(usize, i64),
    Leave,
}

struct Question {
    number: u64,
    asker: Arc<str>,
    asked: Asked,
}

#[derive(Clone)]
enum Asked {
    Store(Statement),
    Bus(Command),
}

impl Asked {
    fn witness(&self) -> Witness {
        match self {
            Self::Store(_) => Witness::Store,
            Self::Bus(_) => Witness::Bus,
        }
    }
}

/// How a witness fares: for all, and for each node.
#[derive(Default)]
struct Line {
    out_until_us: u64,
    cut_until_us: Vec<u64>,
    slow_until_us: Vec<u64>,
}

/// What a story has shown, so that one can see that it is none without events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    pub told: u64,
    pub taken_over: u64,
    pub taken_over_without_bus: u64,
    pub given_up: u64,
    pub refused: u64,
    pub burials_heard: u64,
}

pub struct World {
    pub dice: Dice,
    luck: Luck,
    pub now_us: u64,
    store: Store,
    bus: Bus,
    lines: [Line; 2],
    /// By place; the number of lives it has had is in its name.
    pub nodes: Vec<Option<Node>>,
    lives: u64,
    /// What waits for each node, which stands still, and for which of its lives.
    waiting: Vec<VecDeque<(u64, Wake)>>,
    open: BTreeMap<u64, (u64, Topic)>,
    agenda: BTreeMap<(u64, u64), Doing>,
    next: u64,
    pub is_calm: bool,
    /// When something was last told in each room.
    pub told_us: Vec<u64>,
    violation: Option<String>,
    pub shown: Shown,
}

impl World {
    pub fn new(seed: u64, luck: Luck) -> Self {
        let mut dice = Dice::new(seed);
        let (places, rooms) = (dice.within(2..6) as usize, dice.within(1..3) as usize);
        let line = || Line {
            out_until_us: 0,
            cut_until_us: vec![0; places],
            slow_until_us: vec![0; places],
        };
        let mut world = Self {
            luck,
            now_us: 10 * SECOND_US,
            store: Store::new(Clock::any(&mut dice), rooms),
            bus: Bus::new(Clock::any(&mut dice)),
            lines: [line(), line()],
            nodes: (0..places).map(|_| None).collect(),
            lives: 0,
            waiting: (0..places).map(|_| VecDeque::new()).collect(),
            open: BTreeMap::new(),
            agenda: BTreeMap::new(),
            next: 0,
            is_calm: false,
            told_us: vec![0; rooms],
            violation: None,
            shown: Shown::default(),
            dice,
        };
        (0..places).for_each(|place| world.plan(0, Doing::Start(place)));
        world.plan(3 * SECOND_US, Doing::BadLuck);
        world
    }

    /// Runs for a while.
    ///
    /// # Errors
    /// If two nodes told in one room.
    pub fn run(&mut self, for_us: u64) -> Result<(), String> {
        let end_us = self.now_us + for_us;
        while let Some(((at_us, _), doing)) = self.agenda.pop_first() {
            if at_us > end_us {
                self.plan_at(at_us, doing);
                break;
            }
            self.now_us = at_us;
            self.step(doing);
            if let Some(violation) = self.violation.take() {
                return Err(violation);
            }
        }
        self.now_us = end_us;
        Ok(())
    }

    /// Every fault ends now.
    pub fn calm_down(&mut self) {
        self.is_calm = true;
        for line in &mut self.lines {
            line.out_until_us = self.now_us;
            line.cut_until_us.fill(0);
            line.slow_until_us.fill(0);
        }
        for place in 0..self.nodes.len() {
            let Some(node) = &mut self.nodes[place] else {
                self.start(place);
                continue;
            };
            node.paused_until_us = 0;
            if let Some(life) = life(&node.name) {
                self.plan(0, Doing::Awake(place, life));
                // Nobody is quiet any more.
                for room in 0..self.told_us.len() {
                    self.plan(0, Doing::At(place, life, Wake::Turn(room)));
                }
            }
        }
    }

    fn plan(&mut self, after_us: u64, doing: Doing) {
        self.plan_at(self.now_us + after_us, doing);
    }

    fn plan_at(&mut self, at_us: u64, doing: Doing) {
        self.next += 1;
        self.agenda.insert((at_us, self.next), doing);
    }

    fn us(&mut self, from_ms: u64, to_ms: u64) -> u64 {
        self.dice.within(1_000 * from_ms..1_000 * to_ms)
    }

    fn step(&mut self, doing: Doing) {
        match doing {
            Doing::At(place, life, wake) => {
                self.waiting[place].push_back((life, wake));
                self.awake(place, life);
            }
            Doing::Awake(place, life) => self.awake(place, life),
            Doing::Reach(place, life, question) => self.reach(place, life, question),
            Doing::Bytes(place, life, room, fence) => self.bytes(place, life, room, fence),
            Doing::Start(place) if self.nodes[place].is_none() => self.start(place),
            Doing::Start(_) => {}
            Doing::BadLuck => self.bad_luck(),
        }
    }

    fn alive(&mut self, place: usize, life: u64) -> Option<&mut Node> {
        let node = self.nodes[place].as_mut()?;
        (*node.name == *name(place, life)).then_some(node)
    }

    /// Has a node do what there is to do, unless it stands still: then later, in the same order.
    fn awake(&mut self, place: usize, life: u64) {
        while let Some(paused_until_us) = self.alive(place, life).map(|node| node.paused_until_us)
            && !self.waiting[place].is_empty()
        {
            if paused_until_us > self.now_us {
                return self.plan_at(paused_until_us, Doing::Awake(place, life));
            }
            if let Some((of, wake)) = self.waiting[place].pop_front()
                && of == life
            {
                self.wake(place, life, wake);
            }
        }
    }

    fn start(&mut self, place: usize) {
        self.lives += 1;
        let life = self.lives;
        let clock = Clock::any(&mut self.dice);
        let node = Node::new(name(place, life).into(), clock, self.luck.broken);
        self.nodes[place] = Some(node);
        // It joins by entering, and renews at once.
        self.store.run(self.now_us, &name(place, life).into(), &Statement::Enter);
        self.plan(0, Doing::At(place, life, Wake::Renew));
        for room in 0..self.told_us.len() {
            let (want, turn) = (self.us(0, 400), self.us(0, 100));
            self.plan(want, Doing::At(place, life, Wake::Want(room)));
            self.plan(turn, Doing::At(place, life, Wake::Turn(room)));
        }
    }

    fn wake(&mut self, place: usize, life: u64, wake: Wake) {
        let now_us = self.now_us;
        let Some(node) = self.alive(place, life) else { return };
        let now = node.clock.shows(now_us);
        let deeds = match wake {
            Wake::Renew => node.renew(),
            Wake::Answer(number, reply) => {
                let Some((asked_us, topic)) = self.open.remove(&number) else { return };
                let is_silent = self.owner_is_silent(&topic);
                let Some(node) = self.alive(place, life) else { return };
                let asked = node.clock.shows(asked_us);
                node.take(topic, asked, now, reply, is_silent)
            }
            Wake::Waited(room) => node.waited(room, now),
            Wake::Loaded(room, fence, losses) => {
                node.open(room, fence, losses);
                return self.begin_turn(place, life, room);
            }
            Wake::Want(room) => {
                let deeds = node.want(room, now);
                let again = self.us(150, 400);
                self.plan(again, Doing::At(place, life, Wake::Want(room)));
                deeds
            }
            Wake::Turn(room) => {
                // At times there is nothing to say for longer than a node lives unheard.
                let is_quiet = !self.is_calm && self.dice.percent(self.luck.quiet_percent);
                let again = if is_quiet { self.us(500, 6_000) } else { self.us(10, 160) };
                self.plan(again, Doing::At(place, life, Wake::Turn(room)));
                return self.begin_turn(place, life, room);
            }
            Wake::Flush(room, fence) => return self.flush(place, life, room, fence),
            Wake::Leave => {
                node.tenure.leave();
                self.ask(place, life, Topic::Nothing, Asked::Store(Statement::Retire));
                self.ask(place, life, Topic::Nothing, Asked::Bus(Command::Release));
                return self.end(place);
            }
        };
        deeds.into_iter().for_each(|deed| self.carry_out(place, life, deed));
    }

    /// A node that has a room and is dead, or stands still, is noticed by the others; at times also
    /// one that is well.
    fn owner_is_silent(&mut self, topic: &Topic) -> bool {
        let Topic::Look(room) = topic else { return false };
        let owner = self.store.rooms[*room].owner.clone();
        let mut nodes = self.nodes.iter().flatten();
        let node = nodes.find(|node| Some(&node.name) == owner.as_ref());
        let is_well = node.is_some_and(|node| node.paused_until_us <= self.now_us);
        !is_well || (!self.is_calm && self.dice.percent(10))
    }

    fn carry_out(&mut self, place: usize, life: u64, deed: Deed) {
        match deed {
            Deed::Ask(topic, statement) => self.ask(place, life, topic, Asked::Store(statement)),
            Deed::AskBus(topic, command) => self.ask(place, life, topic, Asked::Bus(command)),
            Deed::Wait(room) => {
                let after_us = CLAIM_AGAIN.as_micros() as u64;
                self.plan(after_us, Doing::At(place, life, Wake::Waited(room)));
            }
            Deed::RenewAgain => {
                let after_us = RENEWED_EVERY.as_micros() as u64;
                self.plan(after_us, Doing::At(place, life, Wake::Renew));
            }
            Deed::Load(room, fence, losses) => {
                let after_us = self.us(1, 10);
                self.plan(after_us, Doing::At(place, life, Wake::Loaded(room, fence, losses)));
            }
        }
    }

    // What is told.

    fn begin_turn(&mut self, place: usize, life: u64, room: usize) {
        let now_us = self.now_us;
        let Some(node) = self.alive(place, life) else { return };
        let now = node.clock.shows(now_us);
        let Some(fence) = node.slots.get(&room).map(|slot| slot.fence) else { return };
        if node.is_leaving {
            return;
        }
        if !node.is_ours(room, now) {
            return self.give_up(place, life, room);
        }
        // A batch leaves at the end of the turn or waits up to 20 ms for company.
        let after_us = if self.dice.percent(50) { 0 } else { self.us(0, 20) };
        self.plan(after_us, Doing::At(place, life, Wake::Flush(room, fence)));
    }

    fn flush(&mut self, place: usize, life: u64, room: usize, fence: i64) {
        let (now_us, looks_once) = (self.now_us, self.luck.broken == Some(Broken::OwnerLooksOnce));
        let Some(node) = self.alive(place, life) else { return };
        let now = node.clock.shows(now_us);
        if node.slots.get(&room).is_none_or(|slot| slot.fence != fence) {
            return;
        }
        if !looks_once && !node.is_ours(room, now) {
            return self.give_up(place, life, room);
        }
        let stands_still = self.dice.percent(20);
        let after_us = if stands_still { self.us(0, self.luck.last_pause_ms) } else { 50 };
        let leaves_us = self.now_us + after_us;
        if let Some(node) = self.alive(place, life) {
            // It does nothing else in between.
            node.paused_until_us = node.paused_until_us.max(leaves_us);
        }
        self.plan_at(leaves_us, Doing::Bytes(place, life, room, fence));
    }

    fn give_up(&mut self, place: usize, life: u64, room: usize) {
        self.shown.given_up += 1;
        let Some(node) = self.alive(place, life) else { return };
        if let Some(deed) = node.give_up(room) {
            self.carry_out(place, life, deed);
        }
    }

    /// Who tells must be the one who has the room by the database, at that very moment: so nobody
    /// tells after another has claimed the room, and whatever is told could be written down.
    fn bytes(&mut self, place: usize, life: u64, room: usize, fence: i64) {
        let Some(node) = self.alive(place, life) else { return };
        let name = node.name.clone();
        let row = &self.store.rooms[room];
        if row.fence != fence {
            let (owner, now_us) = (row.owner.clone(), self.now_us);
            self.violation = Some(format!(
                "at {now_us} µs {name} tells in room {room} by fence {fence}, while {owner:?} has \
                 claimed it by {}",
                row.fence
            ));
            return;
        }
        self.told_us[room] = self.now_us;
        self.shown.told += 1;
        // A refused write would hide that the burial was not heard.
        if self.luck.broken != Some(Broken::OwnerIgnoresBurial) && self.dice.percent(10) {
            let commit = Statement::Commit(room, fence);
            self.ask(place, life, Topic::Commit(room, fence), Asked::Store(commit));
        }
    }

    // The lines.

    fn line(&mut self, of: Witness) -> &mut Line {
        &mut self.lines[of as usize]
    }

    fn is_reachable(&self, place: usize, witness: Witness) -> bool {
        let line = &self.lines[witness as usize];
        line.out_until_us <= self.now_us && line.cut_until_us[place] <= self.now_us
    }

    /// How long something is on its way, µs.
    fn way_us(&mut self, place: usize, witness: Witness) -> u64 {
        let is_slow = self.lines[witness as usize].slow_until_us[place] > self.now_us;
        match self.dice.within(0..100) {
            _ if is_slow => self.us(0, 1_200),
            0..3 if !self.is_calm => self.us(5, 150),
            _ => self.dice.within(100..2_000),
        }
    }

    fn ask(&mut self, place: usize, life: u64, topic: Topic, asked: Asked) {
        self.next += 1;
        let number = self.next;
        let patience_us = match (&topic, asked.witness()) {
            (_, Witness::Bus) => BUS_PATIENCE_US,
            (Topic::Renewal(_) | Topic::Entering, _) => RENEWAL_PATIENCE.as_micros() as u64,
            (_, Witness::Store) => STORE_PATIENCE_US,
        };
        self.open.insert(number, (self.now_us, topic));
        let after_us = self.way_us(place, asked.witness());
        let asker = name(place, life).into();
        self.plan(after_us, Doing::Reach(place, life, Question { number, asker, asked }));
        self.plan(patience_us, Doing::At(place, life, Wake::Answer(number, None)));
    }

    fn reach(&mut self, place: usize, life: u64, question: Question) {
        let Question { number, asker, asked } = question;
        let witness = asked.witness();
        if !self.is_reachable(place, witness) {
            // Refused at once, or never heard of again.
            if self.dice.percent(50) {
                self.plan(100, Doing::At(place, life, Wake::Answer(number, None)));
            }
            return;
        }
        let reply = match &asked {
            Asked::Store(statement) => self.store.run(self.now_us, &asker, statement),
            Asked::Bus(command) => self.bus.run(self.now_us, &asker, command),
        };
        match (&asked, &reply) {
            (Asked::Store(Statement::TakeOver { room, .. }), Reply::Fence(Ok(_))) => {
                self.taken_over(*room);
            }
            (Asked::Store(Statement::Commit(..)), Reply::Done(false)) => self.shown.refused += 1,
            (Asked::Store(Statement::Prolong), Reply::Done(false)) => {
                self.shown.burials_heard += 1;
            }
            _ => {}
        }
        let back_us = self.way_us(place, witness);
        // An outage that begins meanwhile takes the answer with it.
        if self.is_reachable(place, witness) && (self.is_calm || !self.dice.percent(1)) {
            self.plan(back_us, Doing::At(place, life, Wake::Answer(number, Some(reply))));
        }
    }

    /// Whoever still takes the room for its own says something at once, at the worst moment; or it
    /// says nothing and does not look, which may be worse.
    fn taken_over(&mut self, room: usize) {
        self.shown.taken_over += 1;
        let bus_is_out = self.lines[Witness::Bus as usize].out_until_us > self.now_us;
        self.shown.taken_over_without_bus += u64::from(bus_is_out);
        if self.dice.percent(self.luck.quiet_percent) {
            return;
        }
        for place in 0..self.nodes.len() {
            let Some(node) = &self.nodes[place] else { continue };
            if let (true, Some(life)) = (node.slots.contains_key(&room), life(&node.name)) {
                for after_us in [1, 2_000, 30_000, 300_000] {
                    self.plan(after_us, Doing::At(place, life, Wake::Turn(room)));
                }
            }
        }
    }

    // The adversary.

    fn end(&mut self, place: usize) {
        self.nodes[place] = None;
        let down_us = self.us(50, 6_000);
        self.plan(down_us, Doing::Start(place));
    }

    /// Ends a node that has a room, without a word; says which room.
    pub fn kill_an_owner(&mut self) -> Option<usize> {
        let has_one = |node: &Option<Node>| node.as_ref().is_some_and(|it| !it.slots.is_empty());
        let place = self.nodes.iter().position(has_one)?;
        let node = self.nodes[place].take()?;
        node.slots.into_keys().next()
    }

    /// Cuts the nodes that have a room off from the database, and all others from the bus.
    pub fn part(&mut self, for_us: u64) {
        let until_us = self.now_us + for_us;
        for (place, node) in self.nodes.iter().enumerate() {
            let has_a_room = node.as_ref().is_some_and(|node| !node.slots.is_empty());
            let from = if has_a_room { Witness::Store } else { Witness::Bus };
            self.lines[from as usize].cut_until_us[place] = until_us;
        }
    }

    fn bad_luck(&mut self) {
        if self.is_calm {
            return;
        }
        let again_us = self.us(50, 1_500);
        self.plan(again_us, Doing::BadLuck);
        let place = self.dice.within(0..self.nodes.len() as u64) as usize;
        let long_us = if self.dice.percent(50) { self.us(1, 800) } else { self.us(800, 9_000) };
        let until_us = self.now_us + long_us;
        match self.dice.within(0..100) {
            0..30 => {
                if let Some(node) = &mut self.nodes[place] {
                    node.paused_until_us = node.paused_until_us.max(until_us);
                }
            }
            30..35 if self.nodes[place].is_some() => self.end(place),
            35..38 => self.begin_to_leave(place),
            38..50 => self.bus.flush(),
            50..58 => self.outage(Witness::Bus, until_us),
            58..66 => self.outage(Witness::Store, until_us),
            66..92 => self.cut(place, until_us),
            92..100 if self.luck.loses_leases => {
                if let Some(node) = &self.nodes[place] {
                    self.bus.lose(&node.name.clone());
                }
            }
            _ => {}
        }
    }

    fn begin_to_leave(&mut self, place: usize) {
        let Some(node) = &mut self.nodes[place] else { return };
        if std::mem::replace(&mut node.is_leaving, true) {
            return;
        }
        // What it told before has left by then.
        if let Some(life) = life(&node.name) {
            self.plan(SECOND_US / 5, Doing::At(place, life, Wake::Leave));
        }
    }

    fn outage(&mut self, of: Witness, until_us: u64) {
        let now_us = self.now_us;
        let line = self.line(of);
        if line.out_until_us == 0 || now_us >= line.out_until_us + BETWEEN_OUTAGES_US {
            line.out_until_us = until_us;
        }
    }

    fn cut(&mut self, place: usize, until_us: u64) {
        let from = match self.luck.cuts {
            Cuts::One(from) => from,
            Cuts::None => return,
        };
        let is_cut = self.dice.percent(60);
        let line = self.line(from);
        match is_cut {
            true => line.cut_until_us[place] = until_us,
            false => line.slow_until_us[place] = until_us,
        }
    }
}

fn name(place: usize, life: u64) -> String {
    format!("{place}-{life}")
}

fn life(name: &str) -> Option<u64> {
    name.split_once('-')?.1.parse().ok()
}

/// Returns how long ago something was, at most.
pub fn within(earlier_us: u64, now_us: u64, most: Duration) -> bool {
    now_us.saturating_sub(earlier_us) <= most.as_micros() as u64
}
