//! HTTP: a trivial request beside plain axum, and rooms made durably.

use std::time::Duration;

use crate::contestants::{Contestant, Running, make_guest};
use crate::report::{Figures, Table, Verdict, latency_ms, plain};
use crate::{Bench, Chapter};
use parlor_bench::http::{Client, Hammered, hammer, request};
use parlor_bench::postgres::Postgres;
use parlor_bench::process::Folder;

/// Connections that ask for the trivial thing.
const READERS: usize = 64;
/// Connections that make rooms.
const MAKERS: usize = 256;
/// What is asked of both servers.
const PATH: &str = "/health/live";

pub fn measure(bench: &Bench) -> anyhow::Result<Chapter> {
    let mut chapter = Chapter::default();
    trivial(bench, &mut chapter)?;
    rooms(bench, &mut chapter)?;
    Ok(chapter)
}

fn trivial(bench: &Bench, chapter: &mut Chapter) -> anyhow::Result<()> {
    let contestants = [Contestant::Parlor, Contestant::AxumQueue, Contestant::Bun];
    let mut started = Vec::new();
    for contestant in contestants {
        let running = Running::start(contestant, &bench.programs)?;
        started.push((running, Figures::default(), Figures::default(), Vec::new()));
    }
    let mut ratio = Figures::default();
    for _ in 0..bench.repeats {
        let mut rates = Vec::new();
        for (running, rate, per_cpu, latencies_us) in &mut started {
            let asked = request(running.address, "GET", PATH, None, None);
            let cpu = running.process.cpu_time()?;
            let got = hammer(running.address, &asked, READERS, bench.duration)?;
            let cpu = running.process.cpu_time()?.saturating_sub(cpu);
            anyhow::ensure!(got.refusals == 0, "{} requests were refused", got.refusals);
            rate.push(got.answers as f64 / got.wall.as_secs_f64() / 1_000.0);
            per_cpu.push(got.answers as f64 / cpu.as_secs_f64() / 1_000.0);
            rates.push(got.answers as f64 / cpu.as_secs_f64());
            latencies_us.extend(got.latencies_us);
        }
        ratio.push(rates[0] / rates[1]);
    }
    let mut table = Table::new(&["GET /health/live", "k/s", "k/CPU s", "p50 ms", "p99 ms"]);
    for (running, rate, per_cpu, latencies_us) in &started {
        let (p50, p99) = latency_ms(latencies_us);
        let name = match running.contestant {
            Contestant::AxumQueue => "plain axum",
            Contestant::Bun => "Bun.serve",
            other => other.name(),
        };
        table.row([name.to_owned(), rate.show(0), per_cpu.show(0), plain(p50), plain(p99)]);
    }
    chapter.table(&table);
    let what = "trivial GET ÷ plain axum, per CPU second";
    chapter.verdicts.push(Verdict::at_least(what, "", 1.0, ratio.median()));
    Ok(())
}

fn rooms(bench: &Bench, chapter: &mut Chapter) -> anyhow::Result<()> {
    let mut table =
        Table::new(&["POST /api/v1/rooms, durable", "rooms/s", "p50 ms", "p99 ms", "refused"]);
    let running = Running::start(Contestant::Parlor, &bench.programs)?;
    let got = make_rooms(&running, bench.duration * 2)?;
    table.row(row("SQLite", &got));
    drop(running);

    let postgres = Postgres::start()?;
    let database = [("PARLOR_DATABASE_URL", postgres.url())];
    let folder = Folder::new()?;
    let running = Running::start_with(Contestant::Parlor, &bench.programs, folder, &database)?;
    let got = make_rooms(&running, bench.duration * 2)?;
    table.row(row("PostgreSQL on the same core", &got));
    running.stop();
    postgres.stop();
    chapter.table(&table);
    let what = "rooms made, PostgreSQL on the same core";
    let rate = got.answers as f64 / got.wall.as_secs_f64() / 1_000.0;
    chapter.verdicts.push(Verdict::at_least(what, " k/s", 27.0, rate));
    Ok(())
}

fn make_rooms(running: &Running, duration: Duration) -> anyhow::Result<Hammered> {
    let token = make_guest(&mut Client::connect(running.address)?)?;
    let body = r#"{"name":"bench"}"#;
    let asked = request(running.address, "POST", "/api/v1/rooms", Some(&token), Some(body));
    hammer(running.address, &asked, MAKERS, duration / 5)?;
    hammer(running.address, &asked, MAKERS, duration)
}

fn row(name: &str, got: &Hammered) -> [String; 5] {
    let (p50, p99) = latency_ms(&got.latencies_us);
    let rate = got.answers as f64 / got.wall.as_secs_f64();
    [name.to_owned(), plain(rate), plain(p50), plain(p99), got.refusals.to_string()]
}
