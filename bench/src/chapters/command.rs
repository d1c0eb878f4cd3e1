//! A command in a room of 10: from its sending to its arrival at the last member. The targets'
//! figure is the server's own part of this, from its read to its last write; what is measured
//! here contains the kernel's way there and back as well.

use std::time::{Duration, Instant};

use super::{MESSAGE_BYTES, Seated, seat};
use crate::contestants::Contestant;
use crate::report::{Table, Verdict, latency_ms, plain};
use crate::talk::{Speech, Talk};
use crate::{Bench, Chapter};

/// Members of the room.
const MEMBERS: usize = 10;
/// Time between two commands.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a command may take to reach everybody.
const LOST: Duration = Duration::from_secs(5);

pub fn measure(bench: &Bench) -> anyhow::Result<Chapter> {
    let commands = if bench.quick { 100 } else { 600 };
    let mut chapter = Chapter::default();
    let mut table = Table::new(&["send to last receive, room of 10", "p50 ms", "p99 ms", "max ms"]);
    let contests = [
        ("floor", Contestant::Floor, Speech::Chat),
        ("Parlor, playback command", Contestant::Parlor, Speech::Playback),
        ("Parlor, chat message (on disk before it is told)", Contestant::Parlor, Speech::Chat),
        ("Bun native publish", Contestant::Bun, Speech::Chat),
    ];
    for (name, contestant, speech) in contests {
        let mut seated = seat(bench, contestant, MEMBERS)?;
        let latencies_us = send_and_wait(&mut seated, speech, commands)?;
        let (p50, p99) = latency_ms(&latencies_us);
        let max = latencies_us.iter().max().copied().unwrap_or_default();
        table.row([name.to_owned(), plain(p50), plain(p99), plain(f64::from(max) / 1_000.0)]);
        if speech == Speech::Playback {
            let what = "command in a room of 10, p99, seen from outside";
            chapter.verdicts.push(Verdict::at_most(what, " ms", 1.0, p99));
        }
    }
    chapter.table(&table);
    Ok(chapter)
}

fn send_and_wait(seated: &mut Seated, speech: Speech, commands: usize) -> anyhow::Result<Vec<u32>> {
    let Seated { running, crowd } = seated;
    let mut talk = Talk::new(running.contestant, speech);
    talk.tune(crowd, MEMBERS, MESSAGE_BYTES)?;
    let mut latencies_us = Vec::with_capacity(commands);
    for number in 0..commands {
        let frame = talk.frame(number as u32 * 1_000);
        let sent = Instant::now();
        anyhow::ensure!(crowd.send(number % MEMBERS, &frame), "a command was not taken");
        let mut missing = MEMBERS;
        while missing > 0 {
            crowd.turn(PAUSE, |_, text| {
                if talk.counts(text) {
                    missing = missing.saturating_sub(1);
                }
            })?;
            anyhow::ensure!(sent.elapsed() < LOST, "command {number} did not reach everybody");
        }
        latencies_us.push(sent.elapsed().as_micros() as u32);
        while sent.elapsed() < PAUSE {
            crowd.turn(PAUSE.saturating_sub(sent.elapsed()), |_, _| {})?;
        }
    }
    Ok(latencies_us)
}
