//! 500 messages a second in a room of 1 000: who keeps up, and at what price.

use std::time::Duration;

use super::side_by_side::MEMBERS;
use super::{MESSAGE_BYTES, Seated, seat};
use crate::contestants::Contestant;
use crate::report::{Figures, Table, Verdict, latency_ms, plain};
use crate::talk::{Speech, Talk};
use crate::{Bench, Chapter};
use parlor_bench::paced::{self, Pace};

/// Messages per second.
const PER_SECOND: f64 = 500.0;
/// Those who speak.
const SPEAKERS: usize = 50;

pub fn measure(bench: &Bench) -> anyhow::Result<Chapter> {
    let mut chapter = Chapter::default();
    let mut table =
        Table::new(&["", "CPU, % of a core", "p50 ms", "p99 ms", "delivered in time, %"]);
    let pace = Pace {
        per_second: PER_SECOND,
        senders: (0..SPEAKERS).map(|speaker| speaker * MEMBERS / SPEAKERS).collect(),
        listeners: MEMBERS,
        sample_every: 16,
    };
    for contestant in Contestant::ROOMS {
        let Seated { running, mut crowd } = seat(bench, contestant, MEMBERS)?;
        let mut talk = Talk::new(contestant, Speech::Chat);
        talk.tune(&mut crowd, MEMBERS, MESSAGE_BYTES)?;
        let (mut core, mut kept_up) = (Figures::default(), Figures::default());
        let mut latencies_us = Vec::new();
        for _ in 0..bench.repeats.min(3) {
            let sample = paced::drive(&running, &mut crowd, &talk, &pace, bench.duration)?;
            core.push(sample.core() * 100.0);
            kept_up.push(sample.kept_up() * 100.0);
            latencies_us.extend(sample.latencies_us);
            crowd.settle(Duration::from_millis(300), Duration::from_secs(20))?;
        }
        let (p50, p99) = latency_ms(&latencies_us);
        table.row([
            contestant.name().to_owned(),
            core.show(0),
            plain(p50),
            plain(p99),
            kept_up.show(0),
        ]);
        if contestant == Contestant::Parlor {
            let what = "500 msg/s in a room of 1 000, CPU";
            chapter.verdicts.push(Verdict::at_most(what, " %", 40.0, core.median()));
            let what = "500 msg/s in a room of 1 000, p99";
            chapter.verdicts.push(Verdict::at_most(what, " ms", 12.0, p99));
        }
    }
    chapter.table(&table);
    Ok(chapter)
}
