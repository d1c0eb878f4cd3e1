//! Thousands come at once and leave at once: what the others notice.

use std::time::{Duration, Instant};

use crate::contestants::{Contestant, Running};
use crate::crowd::Crowd;
use crate::report::{Table, latency_ms, plain};
use crate::{Bench, Chapter};
use parlor_bench::http::Client;

/// Sockets closed between two requests that are timed.
const CLOSED_AT_ONCE: usize = 50;
/// How long requests are timed after everybody left: longer than the 8 s for which Parlor keeps
/// the seat of one who may come back.
const AFTERMATH: Duration = Duration::from_secs(10);
/// Pause between two requests.
const PAUSE: Duration = Duration::from_millis(2);
/// What is asked.
const PATH: &str = "/health/live";

pub fn measure(bench: &Bench) -> anyhow::Result<Chapter> {
    let sockets = if bench.quick { 1_000 } else { 5_000 };
    let running = Running::start(Contestant::Parlor, &bench.programs)?;
    let tickets = running.make_rooms(1, sockets)?;
    let mut client = Client::connect(running.address)?;
    let calm = ask_for(&mut client, Duration::from_secs(2))?;

    let (begun, cpu) = (Instant::now(), running.process.cpu_time()?);
    let mut crowd = Crowd::enter(running.address, &tickets)?;
    let joined = begun.elapsed();
    crowd.settle(Duration::from_millis(1_200), Duration::from_secs(60))?;
    let cpu = running.process.cpu_time()?.saturating_sub(cpu);

    let (begun, leaving_cpu) = (Instant::now(), running.process.cpu_time()?);
    let mut leaving = Vec::new();
    while !crowd.is_empty() {
        crowd.drop_last(CLOSED_AT_ONCE);
        leaving.push(ask_once(&mut client)?);
    }
    let left = begun.elapsed();
    let after = ask_for(&mut client, AFTERMATH)?;
    let leaving_cpu = running.process.cpu_time()?.saturating_sub(leaving_cpu);

    let mut chapter = Chapter::default();
    chapter.paragraph(&format!(
        "{sockets} sockets of as many guests entered one room in {} ms ({} joins/s of wall time \
         with the generator's own part; {} µs of the server's CPU time each, all they were told \
         of one another included). They left without a word within {} ms; leaving cost {} µs of \
         CPU time each, the requests below included.",
        plain(joined.as_secs_f64() * 1e3),
        plain(sockets as f64 / joined.as_secs_f64()),
        plain(cpu.as_secs_f64() * 1e6 / sockets as f64),
        plain(left.as_secs_f64() * 1e3),
        plain(leaving_cpu.as_secs_f64() * 1e6 / sockets as f64),
    ));
    let mut table = Table::new(&["GET /health/live", "requests", "p50 ms", "p99 ms", "max ms"]);
    let times =
        [("before", &calm), ("while they leave", &leaving), ("the 10 s after that", &after)];
    for (name, latencies_us) in times {
        let (p50, p99) = latency_ms(latencies_us);
        let max = latencies_us.iter().max().copied().unwrap_or_default();
        table.row([
            name.to_owned(),
            latencies_us.len().to_string(),
            plain(p50),
            plain(p99),
            plain(f64::from(max) / 1_000.0),
        ]);
    }
    chapter.table(&table);
    Ok(chapter)
}

fn ask_for(client: &mut Client, duration: Duration) -> anyhow::Result<Vec<u32>> {
    let begun = Instant::now();
    let mut latencies_us = Vec::new();
    while begun.elapsed() < duration {
        latencies_us.push(ask_once(client)?);
        std::thread::sleep(PAUSE);
    }
    Ok(latencies_us)
}

fn ask_once(client: &mut Client) -> anyhow::Result<u32> {
    let asked = Instant::now();
    let (status, _) = client.ask("GET", PATH, None, None)?;
    anyhow::ensure!(status == 200, "{PATH}: {status}");
    Ok(asked.elapsed().as_micros() as u32)
}
