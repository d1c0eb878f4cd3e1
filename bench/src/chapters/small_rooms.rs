//! 1 000 rooms of 5, everybody says something once a second: nothing to batch, real rooms.

use std::time::Duration;

use super::{MESSAGE_BYTES, QUIET};
use crate::contestants::{Contestant, Running, Speech, Talk};
use crate::crowd::Crowd;
use crate::report::{Figures, Table, Verdict, latency_ms, plain};
use crate::{Bench, Chapter};
use parlor_bench::paced::{self, Pace};

/// Members of each room.
const MEMBERS: usize = 5;
/// Who is compared here.
const CONTESTANTS: [Contestant; 5] = [
    Contestant::Floor,
    Contestant::Parlor,
    Contestant::Bun,
    Contestant::AxumQueue,
    Contestant::NodeWs,
];

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
    let mut started = Vec::new();
    for contestant in CONTESTANTS {
        let running = Running::start(contestant, &bench.programs)?;
        let tickets = running.make_rooms(rooms, MEMBERS)?;
        started.push((running, tickets, Figures::default(), Figures::default(), Vec::new()));
    }
    for _ in 0..bench.repeats.min(3) {
        for (running, tickets, rate, core, latencies_us) in &mut started {
            let mut crowd = Crowd::enter(running.address, tickets)?;
            crowd.settle(QUIET, Duration::from_secs(30))?;
            let mut talk = Talk::new(running.contestant, Speech::Chat);
            talk.tune(&mut crowd, MEMBERS, MESSAGE_BYTES)?;
            let sample =
                paced::drive(running, &mut crowd, &talk, &pace, bench.duration.mul_f64(2.0))?;
            let kept_up = sample.kept_up();
            anyhow::ensure!(
                kept_up > 0.98,
                "{} delivered {kept_up:.2} of all in time",
                running.contestant.name()
            );
            rate.push(sample.per_cpu_second() / 1_000.0);
            core.push(sample.core() * 100.0);
            latencies_us.extend(sample.latencies_us);
        }
    }
    let mut chapter = Chapter::default();
    chapter.paragraph(&format!("{rooms} rooms, {} messages a second.", rooms * MEMBERS));
    let mut table = Table::new(&["", "k deliveries/CPU s", "CPU, % of a core", "p50 ms", "p99 ms"]);
    for (running, _, rate, core, latencies_us) in &started {
        let (p50, p99) = latency_ms(latencies_us);
        let name = running.contestant.name().to_owned();
        table.row([name, rate.show(0), core.show(0), plain(p50), plain(p99)]);
        if running.contestant == Contestant::Parlor {
            let what = "1 000 rooms of 5, deliveries per CPU second";
            chapter.verdicts.push(Verdict::at_least(what, " k", 110.0, rate.median()));
        }
    }
    chapter.table(&table);
    Ok(chapter)
}
