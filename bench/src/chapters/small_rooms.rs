//! 1 000 rooms of 5, everybody says something once a second: nothing to batch, real rooms.

use std::time::Duration;

use anyhow::Context;

use super::{MESSAGE_BYTES, QUIET};
use crate::contestants::{Contestant, Running};
use crate::crowd::{Crowd, Ticket};
use crate::report::{Figures, Table, Verdict, latency_ms, plain};
use crate::talk::{Speech, Talk};
use crate::{Bench, Chapter};
use parlor_bench::paced::{self, Pace};

/// Members of each room.
const MEMBERS: usize = 5;
/// Roomy's deliveries per CPU second as a share of Bun's under the same load (34 k of 116 k, as
/// published; it does not run here).
const ROOMY_TO_BUN: f64 = 34.0 / 116.0;
/// Who is compared here, saying what.
const CONTESTS: [(&str, Contestant, Speech); 7] = [
    ("floor", Contestant::Floor, Speech::Chat),
    ("Parlor, chat: on disk before it is told", Contestant::Parlor, Speech::Chat),
    ("Parlor, playback: on disk within 250 ms", Contestant::Parlor, Speech::Playback),
    ("Parlor, reaction: never on disk", Contestant::Parlor, Speech::Reaction),
    ("Bun native publish", Contestant::Bun, Speech::Chat),
    ("axum, a queue per socket, one flush", Contestant::AxumQueue, Speech::Chat),
    ("Node ws", Contestant::NodeWs, Speech::Chat),
];

/// One contest and what was seen of it.
struct Entry {
    name: &'static str,
    speech: Speech,
    running: Running,
    tickets: Vec<Ticket>,
    bytes: usize,
    rate: Figures,
    core: Figures,
    kept_up: Figures,
    latencies_us: Vec<u32>,
}

pub fn measure(bench: &Bench) -> anyhow::Result<Chapter> {
    let rooms = if bench.quick { 200 } else { 1_000 };
    let pace = Pace {
        per_second: (rooms * MEMBERS) as f64,
        // First the first member of each room, then the second.
        senders: (0..MEMBERS)
            .flat_map(|member| (0..rooms).map(move |room| room * MEMBERS + member))
            .collect(),
        listeners: MEMBERS,
        sample_every: 1,
    };
    let mut entries = Vec::new();
    for (name, contestant, speech) in CONTESTS {
        let running = Running::start(contestant, &bench.programs)?;
        let tickets = running.make_rooms(rooms, MEMBERS)?;
        let (rate, core, kept_up, latencies_us) = Default::default();
        entries.push(Entry {
            name,
            speech,
            running,
            tickets,
            bytes: 0,
            rate,
            core,
            kept_up,
            latencies_us,
        });
    }
    for _ in 0..bench.repeats.min(3) {
        for entry in &mut entries {
            measure_once(bench, entry, &pace).context(entry.name)?;
        }
    }
    let mut chapter = Chapter::default();
    chapter.paragraph(&format!("{rooms} rooms, {} messages a second.", rooms * MEMBERS));
    let mut table = Table::new(&[
        "",
        "bytes",
        "k deliveries/CPU s",
        "CPU, % of a core",
        "p50 ms",
        "p99 ms",
        "delivered in time, %",
    ]);
    let bun = entries.iter().find(|entry| entry.running.contestant == Contestant::Bun);
    let bun = bun.map_or(f64::NAN, |entry| entry.rate.median());
    for entry in &entries {
        let (p50, p99) = latency_ms(&entry.latencies_us);
        table.row([
            entry.name.to_owned(),
            entry.bytes.to_string(),
            entry.rate.show(0),
            entry.core.show(0),
            plain(p50),
            plain(p99),
            entry.kept_up.show(0),
        ]);
        if entry.running.contestant == Contestant::Parlor {
            let what = format!("1 000 rooms of 5, deliveries per CPU second: {}", entry.name);
            chapter.verdicts.push(Verdict::at_least(&what, " k", 110.0, entry.rate.median()));
            let what = format!("… ÷ Roomy (derived): {}", entry.name);
            let measured = entry.rate.median() / (bun * ROOMY_TO_BUN);
            chapter.verdicts.push(Verdict::at_least(&what, "", 3.0, measured));
        }
    }
    chapter.table(&table);
    Ok(chapter)
}

fn measure_once(bench: &Bench, entry: &mut Entry, pace: &Pace) -> anyhow::Result<()> {
    let running = &entry.running;
    let mut crowd = Crowd::enter(running.address, &entry.tickets)?;
    crowd.settle(QUIET, Duration::from_secs(30))?;
    let mut talk = Talk::new(running.contestant, entry.speech);
    entry.bytes = talk.tune(&mut crowd, MEMBERS, MESSAGE_BYTES)?;
    let sample = paced::drive(running, &mut crowd, &talk, pace, bench.duration * 2)?;
    entry.kept_up.push(sample.kept_up() * 100.0);
    entry.rate.push(sample.per_cpu_second() / 1_000.0);
    entry.core.push(sample.core() * 100.0);
    entry.latencies_us.extend(sample.latencies_us);
    Ok(())
}
