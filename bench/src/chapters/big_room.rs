//! One room of 1 000: deliveries per second of CPU time, beside the floor.

use std::time::Duration;

use anyhow::Context;

use super::{MESSAGE_BYTES, Seated, seat};
use crate::contestants::{Contestant, Speech, Talk};
use crate::report::{Figures, Table, Verdict, latency_ms, plain};
use crate::{Bench, Chapter};
use parlor_bench::window;

/// Members of the room.
pub const MEMBERS: usize = 1_000;
/// The windows: nothing to batch, and plenty.
const WINDOWS: [usize; 2] = [1, 16];

/// Roomy's w16 as a share of the floor, as published; it does not run here.
const ROOMY_W16: f64 = 0.25;

/// What was seen of one contestant under one window.
#[derive(Default)]
struct Row {
    per_cpu_second: Figures,
    to_floor: Figures,
    to_bun: Figures,
    latencies_us: Vec<u32>,
    stopped: Option<String>,
}

pub fn measure(bench: &Bench) -> anyhow::Result<Chapter> {
    let mut all = Vec::new();
    for contestant in Contestant::ALL {
        all.push(seat(bench, contestant, MEMBERS).context(contestant.name())?);
    }
    let mut rows: Vec<[Row; 2]> = all.iter().map(|_| Default::default()).collect();
    for _ in 0..bench.repeats {
        for (column, window) in WINDOWS.into_iter().enumerate() {
            let (mut floor, mut bun) = (f64::NAN, f64::NAN);
            let mut rates = vec![f64::NAN; all.len()];
            for index in 0..all.len() {
                let seated = &mut all[index];
                let row = &mut rows[index][column];
                if row.stopped.is_some() {
                    continue;
                }
                let contestant = seated.running.contestant;
                match one(bench, seated, Speech::Chat, MESSAGE_BYTES, window) {
                    Ok((sample, _)) => {
                        rates[index] = sample.per_cpu_second();
                        row.latencies_us.extend(sample.latencies_us);
                    }
                    Err(error) => row.stopped = Some(format!("{error:#}")),
                }
                match contestant {
                    Contestant::Floor => floor = rates[index],
                    Contestant::Bun => bun = rates[index],
                    _ => {}
                }
                listen(&mut all)?;
            }
            for (row, rate) in rows.iter_mut().zip(rates) {
                if rate.is_finite() {
                    row[column].per_cpu_second.push(rate);
                    row[column].to_floor.push(rate / floor);
                    row[column].to_bun.push(rate / bun);
                }
            }
        }
    }

    let mut chapter = Chapter::default();
    let mut table = Table::new(&[
        "",
        "w1 k/CPU s",
        "w1 ÷ floor",
        "w1 p50 / p99 ms",
        "w16 k/CPU s",
        "w16 ÷ floor",
        "w16 p50 / p99 ms",
    ]);
    for (seated, row) in all.iter().zip(&rows) {
        let mut cells = vec![seated.running.contestant.name().to_owned()];
        for column in row {
            if let Some(why) = &column.stopped {
                cells.extend([format!("stopped: {why}"), "–".into(), "–".into()]);
                continue;
            }
            let (p50, p99) = latency_ms(&column.latencies_us);
            cells.push(plain(column.per_cpu_second.median() / 1_000.0));
            cells.push(column.to_floor.show(2));
            cells.push(format!("{} / {}", plain(p50), plain(p99)));
        }
        table.row(cells);
    }
    chapter.table(&table);
    for (seated, row) in all.iter().zip(&rows) {
        if seated.running.contestant != Contestant::Parlor {
            continue;
        }
        for (column, (window, floor)) in [("w1", 0.95), ("w16", 0.85)].into_iter().enumerate() {
            let what = format!("room of 1 000, {window} ÷ floor");
            let measured = row[column].to_floor.median();
            chapter.verdicts.push(Verdict::at_least(&what, "", floor, measured));
            let what = format!("room of 1 000, {window} ÷ Bun");
            let measured = row[column].to_bun.median();
            chapter.verdicts.push(Verdict::at_least(&what, "", 1.0, measured));
        }
        let measured = row[1].to_floor.median() / ROOMY_W16;
        let what = "room of 1 000, w16 ÷ Roomy (derived)";
        chapter.verdicts.push(Verdict::at_least(what, "", 3.5, measured));
    }
    if let Err(error) = other_speech(bench, &mut all, &mut chapter) {
        chapter.paragraph(&format!("Other commands could not be measured: {error:#}"));
    }
    Ok(chapter)
}

/// Playback commands and reactions have lengths of their own: the floor sends the same.
fn other_speech(bench: &Bench, all: &mut [Seated], chapter: &mut Chapter) -> anyhow::Result<()> {
    let place = |contestant| all.iter().position(|one| one.running.contestant == contestant);
    let (Some(floor), Some(parlor)) = (place(Contestant::Floor), place(Contestant::Parlor)) else {
        return Ok(());
    };
    let mut table = Table::new(&["Parlor, other commands", "bytes", "w1 ÷ floor", "w16 ÷ floor"]);
    let kinds = [
        ("playback: told at once, stored within 250 ms", Speech::Playback),
        ("reaction: never stored", Speech::Reaction),
    ];
    for (name, speech) in kinds {
        let mut ratios = [Figures::default(), Figures::default()];
        let mut bytes = 0;
        for _ in 0..bench.repeats {
            for (ratio, window) in ratios.iter_mut().zip(WINDOWS) {
                let ours = one(bench, &mut all[parlor], speech, MESSAGE_BYTES, window)?;
                bytes = ours.1;
                listen(all)?;
                let least = one(bench, &mut all[floor], Speech::Chat, bytes, window)?;
                listen(all)?;
                ratio.push(ours.0.per_cpu_second() / least.0.per_cpu_second());
            }
        }
        let [w1, w16] = ratios;
        table.row([name.to_owned(), bytes.to_string(), w1.show(2), w16.show(2)]);
    }
    chapter.table(&table);
    Ok(())
}

/// Lets everybody answer the pings that came while others were measured: a member that is silent
/// for 20 s is gone.
fn listen(all: &mut [Seated]) -> anyhow::Result<()> {
    let quiet = Duration::from_millis(10);
    all.iter_mut().try_for_each(|seated| seated.crowd.settle(quiet, quiet * 20).map(|_| ()))
}

/// One measurement, and how long the told frames were.
fn one(
    bench: &Bench,
    seated: &mut Seated,
    speech: Speech,
    bytes: usize,
    window: usize,
) -> anyhow::Result<(window::Sample, usize)> {
    let Seated { running, crowd } = seated;
    let mut talk = Talk::new(running.contestant, speech);
    let told = talk.tune(crowd, MEMBERS, bytes)?;
    let cpu_time = || running.process.cpu_time();
    Ok((window::drive(cpu_time, crowd, &talk, window, bench.duration)?, told))
}
