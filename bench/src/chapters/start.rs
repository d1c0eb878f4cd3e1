//! How long until it serves, and what it takes while nobody is there.

use std::time::{Duration, Instant};

use crate::contestants::{Contestant, Running};
use crate::report::{Figures, Table, Verdict, plain};
use crate::{Bench, Chapter};
use parlor_bench::http::Client;
use parlor_bench::process::Folder;

/// How long an idle server is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(2);

pub fn measure(bench: &Bench) -> anyhow::Result<Chapter> {
    let (mut fresh, mut again) = (Figures::default(), Figures::default());
    let (mut resident, mut private) = (Figures::default(), Figures::default());
    for _ in 0..bench.repeats {
        let (running, ready) = start(bench, Folder::new()?)?;
        fresh.push(ready);
        let (running, ready) = start(bench, running.stop())?;
        again.push(ready);
        std::thread::sleep(IDLE);
        let memory = running.process.memory()?;
        resident.push(memory.resident as f64 / 1e6);
        private.push(memory.private as f64 / 1e6);
    }
    let mut table = Table::new(&["Parlor, on one core", "median (least–most)"]);
    let rows = [
        ("from start to /health/ready, empty data folder, ms", &fresh),
        ("from start to /health/ready, data folder in use, ms", &again),
        ("idle server, resident, MB", &resident),
        ("idle server, private, MB", &private),
    ];
    for (name, figures) in rows {
        table.row([name.to_owned(), figures.show(0)]);
    }
    let mut chapter = Chapter::default();
    chapter.table(&table);
    let slowest = fresh.median().max(again.median());
    chapter.verdicts.push(Verdict::at_most("start until ready", " ms", 300.0, slowest));
    chapter.verdicts.push(Verdict::at_most("idle server", " MB", 40.0, resident.median()));
    chapter.paragraph(&format!("Slower of the two starts: {} ms.", plain(slowest)));
    Ok(chapter)
}

fn start(bench: &Bench, folder: Folder) -> anyhow::Result<(Running, f64)> {
    let begun = Instant::now();
    let running = Running::start_with(Contestant::Parlor, &bench.programs, folder, &[])?;
    let mut client = Client::connect(running.address)?;
    while client.ask("GET", "/health/ready", None, None)?.0 != 200 {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok((running, begun.elapsed().as_secs_f64() * 1e3))
}
