//! What is done to the nodes while members are in their rooms and people write to each other, and what
//! came of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use parlor_testkit::dice::Dice;
use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::board::Board;
use crate::history::{Findings, History, Session, Violation};
use crate::letters::{Diary, Letters};
use crate::member::Member;
use crate::person::{Account, Person};
use crate::site::Site;

/// Nodes of the site.
const NODES: usize = 3;
/// A pause that outlasts a node's lease of 3 s.
const PAUSE: Duration = Duration::from_millis(4_500);
/// How long everybody may take to be in again before the storm is called off.
const BACK: Duration = Duration::from_secs(60);
/// How long the broker is away.
const BROKER_AWAY: Duration = Duration::from_secs(1);

/// Something that is done to a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A node is killed without a word and started again.
    Kill,
    /// A node stands still until its lease is over, and goes on.
    Pause,
    /// Every node is stopped in good order and started again, one after the other.
    RollingRestart,
    /// The broker is emptied.
    Flush,
    /// The broker is stopped for a second.
    BrokerRestart,
    /// Every line to a node is cut.
    Cut,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 6] = [
        Fault::Kill,
        Fault::Pause,
        Fault::RollingRestart,
        Fault::Flush,
        Fault::BrokerRestart,
        Fault::Cut,
    ];

    /// Returns the name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Kill => "a node killed",
            Fault::Pause => "a node paused for 4.5 s",
            Fault::RollingRestart => "all nodes restarted, one after the other",
            Fault::Flush => "Redis emptied",
            Fault::BrokerRestart => "Redis away for a second",
            Fault::Cut => "all lines to a node cut",
        }
    }
}

/// How much of a storm is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Forecast {
    /// Decides what happens when and to whom, as far as machines allow.
    pub seed: u64,
    /// Kills; the other faults come in between.
    pub kills: usize,
    /// After so many kills one of the other faults follows, in turns.
    pub kills_between: usize,
    /// Rooms.
    pub rooms: usize,
    /// Members of each room.
    pub members: usize,
    /// People who write to each other.
    pub people: usize,
}

impl Forecast {
    fn faults(&self) -> Vec<Fault> {
        let mut others = Fault::ALL.into_iter().filter(|fault| *fault != Fault::Kill).cycle();
        let mut faults = Vec::new();
        for kill in 1..=self.kills {
            faults.push(Fault::Kill);
            if kill % self.kills_between == 0 {
                faults.extend(others.next());
            }
        }
        // Each of them once at least.
        let missing = Fault::ALL.into_iter().filter(|fault| !faults.contains(fault));
        let missing: Vec<Fault> = missing.collect();
        faults.extend(missing);
        faults
    }
}

/// What came of a storm.
#[derive(Debug)]
pub struct Damage {
    /// How often each fault came.
    pub faults: BTreeMap<Fault, usize>,
    /// Connections that got in.
    pub connections: usize,
    /// After what, and how long, somebody was away against their will.
    pub absences: BTreeMap<&'static str, Vec<Duration>>,
    /// How long it lasted.
    pub lasted: Duration,
    /// What the history says.
    pub findings: Findings,
}

/// Lets a storm pass over a site with the server at `program`, and looks at the damage.
///
/// # Errors
/// If something cannot be started, or somebody cannot come back.
pub async fn pass(program: &Path, forecast: Forecast) -> anyhow::Result<Damage> {
    let mut dice = Dice::new(forecast.seed);
    let mut site = Site::start(program, NODES).await?;
    let board = Arc::new(Board::default());
    let mut lives = Lives::new();
    let rooms = populate(&site, &board, forecast, &mut dice, &mut lives).await?;
    let people = summon(&site, &board, forecast, &mut dice, &mut lives).await?;
    let everybody = forecast.rooms * forecast.members + forecast.people;
    let begun = Instant::now();
    let mut faults: BTreeMap<Fault, usize> = BTreeMap::new();
    gather(&board, everybody, &mut lives).await?;
    for fault in forecast.faults() {
        board.announce(fault.name());
        strike(&mut site, fault, &mut dice).await.with_context(|| fault.name())?;
        gather(&board, everybody, &mut lives).await.with_context(|| fault.name())?;
        *faults.entry(fault).or_default() += 1;
        // Something is to be said between two faults, by different nodes each time.
        sleep(dice.ms(300..1_500)).await;
    }
    board.calm_down();
    let (mut history, mut letters) = (History::default(), Letters::default());
    while let Some(lived) = lives.join_next().await {
        match lived?? {
            Lived::Member(sessions) => history.sessions.extend(sessions),
            Lived::Person(diary) => letters.diaries.push(diary),
        }
    }
    let lasted = begun.elapsed();
    for room in rooms {
        let kept = site.kept(&room).await?;
        history.kept.insert(room, kept);
    }
    // The two of a conversation ask different nodes.
    for (at, owner) in people.iter().enumerate() {
        let node = &site.nodes[at % site.nodes.len()];
        for other in people.iter().filter(|other| other.id != owner.id) {
            letters.threads.push(node.thread(owner, &other.id).await?);
        }
    }
    let mut findings = history.check();
    letters.check(&mut findings);
    let mut absences: BTreeMap<&'static str, Vec<Duration>> = BTreeMap::new();
    for (after, away) in board.take_absences() {
        absences.entry(after).or_default().push(away);
    }
    absences.values_mut().for_each(|all| all.sort_unstable());
    let connections = board.connections();
    Ok(Damage { faults, connections, absences, lasted, findings })
}

/// What somebody saw.
enum Lived {
    Member(Vec<Session>),
    Person(Diary),
}

type Lives = JoinSet<anyhow::Result<Lived>>;

async fn populate(
    site: &Site,
    board: &Arc<Board>,
    forecast: Forecast,
    dice: &mut Dice,
    lives: &mut Lives,
) -> anyhow::Result<Vec<String>> {
    let doors: Arc<[u16]> = site.nodes.iter().map(|node| node.door.port).collect();
    let mut rooms = Vec::new();
    for room_number in 0..forecast.rooms {
        let host = site.guest(&format!("Host {room_number}")).await?;
        let room = site.room(&host).await?;
        for number in 0..forecast.members {
            let name = format!("r{room_number}m{number}");
            let token = site.guest(&name).await?;
            let (doors, board, dice) = (doors.clone(), board.clone(), Dice::new(dice.bits()));
            let member = Member { name, room: room.clone(), token, doors, dice, board };
            lives.spawn(async move { Ok(Lived::Member(member.live().await?)) });
        }
        rooms.push(room);
    }
    Ok(rooms)
}

async fn summon(
    site: &Site,
    board: &Arc<Board>,
    forecast: Forecast,
    dice: &mut Dice,
    lives: &mut Lives,
) -> anyhow::Result<Vec<Account>> {
    let doors: Arc<[u16]> = site.nodes.iter().map(|node| node.door.port).collect();
    let mut people = Vec::new();
    for number in 0..forecast.people {
        people.push(site.account(&format!("person_{number}")).await?);
    }
    for own in people.iter().cloned() {
        let ids = people.iter().map(|other| other.id.clone());
        let others = ids.filter(|id| *id != own.id).collect();
        let (doors, board, dice) = (doors.clone(), board.clone(), Dice::new(dice.bits()));
        let person = Person { own, others, doors, dice, board };
        lives.spawn(async move { Ok(Lived::Person(person.live().await?)) });
    }
    Ok(people)
}

/// Waits until everybody is in. Who has just left by its own will is on its way back.
async fn gather(board: &Board, everybody: usize, lives: &mut Lives) -> anyhow::Result<()> {
    let begun = Instant::now();
    while board.inside() < everybody {
        if let Some(ended) = lives.try_join_next() {
            ended??;
            anyhow::bail!("somebody ended before the storm did");
        }
        let inside = board.inside();
        anyhow::ensure!(begun.elapsed() < BACK, "{inside} of {everybody} are back after {BACK:?}");
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

async fn strike(site: &mut Site, fault: Fault, dice: &mut Dice) -> anyhow::Result<()> {
    let victim = dice.within(0..site.nodes.len() as u64) as usize;
    match fault {
        Fault::Kill => {
            let node = &mut site.nodes[victim];
            node.signal(Signal::KILL)?;
            node.ended().await?;
            node.start()?;
            node.ready().await
        }
        Fault::Pause => {
            site.nodes[victim].signal(Signal::STOP)?;
            sleep(PAUSE).await;
            site.nodes[victim].signal(Signal::CONT)
        }
        Fault::RollingRestart => {
            for node in &mut site.nodes {
                node.signal(Signal::TERM)?;
                node.ended().await?;
                node.start()?;
                node.ready().await?;
            }
            Ok(())
        }
        Fault::Flush => {
            site.redis.flush();
            Ok(())
        }
        Fault::BrokerRestart => {
            site.redis.stop();
            sleep(BROKER_AWAY).await;
            site.redis.start_again();
            Ok(())
        }
        Fault::Cut => {
            site.nodes[victim].door.cut();
            Ok(())
        }
    }
}

impl Damage {
    /// Counts the violations of a kind.
    fn count(&self, is_it: impl Fn(&Violation) -> bool) -> usize {
        self.findings.violations.iter().filter(|violation| is_it(violation)).count()
    }

    /// Shows it as Markdown.
    pub fn show(&self) -> String {
        let mut out = String::new();
        let mut row = |name: &str, value: String| {
            // Writing into a text cannot fail.
            let _ = writeln!(out, "| {name} | {value} |");
        };
        row("what", "how many".to_owned());
        row("---", "--:".to_owned());
        for (fault, count) in &self.faults {
            row(fault.name(), count.to_string());
        }
        row("minutes", format!("{:.1}", self.lasted.as_secs_f64() / 60.0));
        row("connections that got in", self.connections.to_string());
        row("events told", self.findings.events.to_string());
        row("chat messages acknowledged", self.findings.acknowledged.to_string());
        row("direct messages acknowledged", self.findings.letters.to_string());
        row("receipts told", self.findings.receipts.to_string());
        row("lost", self.count(|it| matches!(it, Violation::Lost(_))).to_string());
        row("doubled", self.count(|it| matches!(it, Violation::Doubled(_))).to_string());
        row("forks of the order", self.count(|it| matches!(it, Violation::Fork(_))).to_string());
        row("gaps in the order", self.count(|it| matches!(it, Violation::Gap(_))).to_string());
        let mixed = self.count(|it| matches!(it, Violation::TwoOwners(_)));
        row("two owners at once", mixed.to_string());
        let turned = self.count(|it| matches!(it, Violation::OutOfOrder(_)));
        row("direct messages out of order", turned.to_string());
        let miscounted = self.count(|it| matches!(it, Violation::Miscounted(_)));
        row("wrong counts of unread messages", miscounted.to_string());
        let unread = self.count(|it| matches!(it, Violation::Unread(_)));
        row("receipts that do not hold", unread.to_string());
        let _ = writeln!(out, "\n| away after | times | p50 s | p95 s | longest s |");
        let _ = writeln!(out, "| --- | --: | --: | --: | --: |");
        for (after, all) in &self.absences {
            let at = |part: f64| all[((all.len() - 1) as f64 * part) as usize].as_secs_f64();
            let (median, high, longest) = (at(0.5), at(0.95), at(1.0));
            let count = all.len();
            let _ = writeln!(out, "| {after} | {count} | {median:.2} | {high:.2} | {longest:.2} |");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_comes_and_kills_as_often_as_wanted() {
        for (kills, kills_between) in [(0, 5), (1, 5), (30, 5)] {
            let forecast =
                Forecast { seed: 1, kills, kills_between, rooms: 1, members: 1, people: 2 };
            let faults = forecast.faults();
            assert!(Fault::ALL.iter().all(|fault| faults.contains(fault)), "{faults:?}");
            let killed = faults.iter().filter(|fault| **fault == Fault::Kill).count();
            assert_eq!(killed, kills.max(1));
        }
    }
}
