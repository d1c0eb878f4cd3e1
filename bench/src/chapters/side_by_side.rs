//! One room of 1 000 of each who is compared, under a window of one and of sixteen, in turns.

use std::time::Duration;

use anyhow::Context;

use super::{MESSAGE_BYTES, Seated, seat};
use crate::Bench;
use crate::contestants::Contestant;
use crate::report::{Figures, Table, latency_ms, plain};
use crate::talk::{Speech, Talk};
use parlor_bench::window::{self, Sample};

/// Those who are told.
pub const MEMBERS: usize = 1_000;
/// The windows: nothing to batch, and plenty.
pub const WINDOWS: [Window; 2] =
    [Window { name: "w1", messages: 1 }, Window { name: "w16", messages: 16 }];

/// How many messages are in flight.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// What it is called in tables.
    pub name: &'static str,
    /// How many.
    pub messages: usize,
}

/// What was seen of one contestant under one window.
#[derive(Default)]
struct Row {
    /// Deliveries per second of CPU time, of each repeat; not-a-number where it had stopped.
    rates: Vec<f64>,
    latencies_us: Vec<u32>,
    stopped: Option<String>,
}

/// Contestants that were measured in turns, and their rooms.
pub struct SideBySide {
    /// The contestants.
    pub all: Vec<Seated>,
    /// How long what was told was, in bytes: the same for all.
    pub told_bytes: usize,
    rows: Vec<[Row; WINDOWS.len()]>,
}

impl SideBySide {
    /// Seats and measures them. What is told has the length of an ordinary message, or of the longest
    /// that one of them cannot tell in less.
    ///
    /// # Errors
    /// When one of them cannot be started or entered.
    pub fn measure(bench: &Bench, contestants: &[Contestant]) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        let mut told_bytes = MESSAGE_BYTES;
        for &contestant in contestants {
            let mut seated = seat(bench, contestant, MEMBERS).context(contestant.name())?;
            let mut talk = Talk::new(contestant, Speech::Chat);
            let told = talk.tune(&mut seated.crowd, MEMBERS, MESSAGE_BYTES);
            told_bytes = told_bytes.max(told.context(contestant.name())?);
            all.push(seated);
            listen(&mut all)?;
        }
        let rows = all.iter().map(|_| Default::default()).collect();
        let mut this = SideBySide { all, told_bytes, rows };
        for _ in 0..bench.repeats {
            for (column, window) in WINDOWS.into_iter().enumerate() {
                for index in 0..this.all.len() {
                    this.measure_one(bench, index, column, window)?;
                }
            }
        }
        Ok(this)
    }

    fn measure_one(
        &mut self,
        bench: &Bench,
        index: usize,
        column: usize,
        window: Window,
    ) -> anyhow::Result<()> {
        let row = &mut self.rows[index][column];
        let mut rate = f64::NAN;
        if row.stopped.is_none() {
            let seated = &mut self.all[index];
            match one(bench, seated, Speech::Chat, self.told_bytes, window.messages) {
                Ok((sample, _)) => {
                    rate = sample.per_cpu_second();
                    row.latencies_us.extend(sample.latencies_us);
                }
                Err(error) => row.stopped = Some(format!("{error:#}")),
            }
        }
        row.rates.push(rate);
        listen(&mut self.all)
    }

    /// Returns the deliveries per CPU second of one as a share of another's, repeat by repeat.
    pub fn ratio(&self, of: Contestant, to: Contestant, column: usize) -> Figures {
        let rates = |contestant| {
            let place = self.all.iter().position(|it| it.running.contestant == contestant);
            place.map_or(&[][..], |index| &self.rows[index][column].rates)
        };
        let mut figures = Figures::default();
        for (of, to) in rates(of).iter().zip(rates(to)) {
            if (of / to).is_finite() {
                figures.push(of / to);
            }
        }
        figures
    }

    /// Writes what was seen, beside the first of them.
    pub fn table(&self) -> Table {
        let mut table = Table::new(&[
            "",
            "w1 k/CPU s",
            "w1 ÷ floor",
            "w1 p50 / p99 ms",
            "w16 k/CPU s",
            "w16 ÷ floor",
            "w16 p50 / p99 ms",
        ]);
        for (seated, row) in self.all.iter().zip(&self.rows) {
            let contestant = seated.running.contestant;
            let mut cells = vec![contestant.name().to_owned()];
            for (column, cell) in row.iter().enumerate() {
                if let Some(why) = &cell.stopped {
                    cells.extend([format!("stopped: {why}"), "–".into(), "–".into()]);
                    continue;
                }
                let mut rates = Figures::default();
                cell.rates.iter().for_each(|&rate| rates.push(rate));
                let (p50, p99) = latency_ms(&cell.latencies_us);
                cells.push(plain(rates.median() / 1_000.0));
                cells.push(self.ratio(contestant, Contestant::Floor, column).show(2));
                cells.push(format!("{} / {}", plain(p50), plain(p99)));
            }
            table.row(cells);
        }
        table
    }
}

/// Lets everybody answer the pings that came while others were measured: a member that is silent
/// for 20 s is gone.
pub fn listen(all: &mut [Seated]) -> anyhow::Result<()> {
    let quiet = Duration::from_millis(10);
    all.iter_mut().try_for_each(|seated| seated.crowd.settle(quiet, quiet * 20).map(|_| ()))
}

/// One measurement, and how long the told frames were.
pub fn one(
    bench: &Bench,
    seated: &mut Seated,
    speech: Speech,
    bytes: usize,
    window: usize,
) -> anyhow::Result<(Sample, usize)> {
    let Seated { running, crowd } = seated;
    let mut talk = Talk::new(running.contestant, speech);
    let told = talk.tune(crowd, MEMBERS, bytes)?;
    let cpu_time = || running.process.cpu_time();
    Ok((window::drive(cpu_time, crowd, &talk, window, bench.duration)?, told))
}
