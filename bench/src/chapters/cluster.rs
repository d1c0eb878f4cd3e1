//! What several nodes cost: a command on one node alone, on one node with Redis, on three; and a large
//! room on three nodes beside the same on one.
//!
//! PostgreSQL, Redis and all nodes share the servers' core. CPU time is that of the nodes together,
//! and of Redis beside it.

use std::time::Duration;

use anyhow::Context;

use super::{MESSAGE_BYTES, QUIET};
use crate::contestants::{Contestant, Running};
use crate::crowd::Crowd;
use crate::report::{Figures, Table, latency_ms, plain};
use crate::talk::{Speech, Talk};
use crate::{Bench, Chapter};
use parlor_bench::postgres::Postgres;
use parlor_bench::process::Folder;
use parlor_bench::redis::Redis;
use parlor_bench::window;

/// Members of the small room: as many on each of three nodes.
const FEW: usize = 12;
/// Members of the large one.
const MANY: usize = 999;
/// What is said.
const SPEECHES: [(&str, Speech); 2] =
    [("chat message", Speech::Chat), ("playback command", Speech::Playback)];

/// Nodes that are one Parlor.
struct Site {
    name: &'static str,
    nodes: Vec<Running>,
    redis: Option<Redis>,
    _postgres: Option<Postgres>,
}

/// A room of a site, with its members spread evenly over the nodes.
struct Hall {
    crowd: Crowd,
    members: usize,
}

/// What one kind of speech cost.
#[derive(Default)]
struct Cost {
    nodes_us: Figures,
    redis_us: Figures,
    per_cpu_second: Figures,
    latencies_us: Vec<u32>,
}

impl Site {
    fn start(
        bench: &Bench,
        name: &'static str,
        count: usize,
        postgres: bool,
        redis: bool,
    ) -> anyhow::Result<Site> {
        let postgres = postgres.then(Postgres::start).transpose()?;
        let redis = redis.then(Redis::start).transpose()?;
        let mut settings = Vec::new();
        settings.extend(postgres.iter().map(|it| ("PARLOR_DATABASE_URL", it.url())));
        settings.extend(redis.iter().map(|it| ("PARLOR_REDIS_URL", it.url())));
        let start =
            |_| Running::start_with(Contestant::Parlor, &bench.programs, Folder::new()?, &settings);
        let nodes = (0..count).map(start).collect::<anyhow::Result<_>>()?;
        Ok(Site { name, nodes, redis, _postgres: postgres })
    }

    fn open(&self, members: usize) -> anyhow::Result<Hall> {
        let tickets = self.nodes[0].make_rooms(1, members)?;
        let each = members.div_ceil(self.nodes.len());
        let mut shares = self.nodes.iter().zip(tickets.chunks(each));
        let (first, share) = shares.next().context("a site has a node")?;
        let mut crowd = Crowd::enter(first.address, share)?;
        for (node, share) in shares {
            crowd.join(node.address, share)?;
        }
        let quiet = crowd.settle(QUIET, Duration::from_secs(30))?;
        anyhow::ensure!(quiet, "{} never becomes quiet", self.name);
        Ok(Hall { crowd, members })
    }

    fn nodes_cpu(&self) -> anyhow::Result<Duration> {
        self.nodes.iter().map(|node| node.process.cpu_time()).sum()
    }

    fn redis_cpu(&self) -> anyhow::Result<Duration> {
        self.redis.as_ref().map_or(Ok(Duration::ZERO), |redis| redis.process().cpu_time())
    }

    fn measure(
        &self,
        bench: &Bench,
        hall: &mut Hall,
        speech: Speech,
        window: usize,
        cost: &mut Cost,
    ) -> anyhow::Result<()> {
        let mut talk = Talk::new(Contestant::Parlor, speech);
        talk.tune(&mut hall.crowd, hall.members, MESSAGE_BYTES)?;
        let redis_before = self.redis_cpu()?;
        let nodes = || self.nodes_cpu();
        let sample = window::drive(nodes, &mut hall.crowd, &talk, window, bench.duration)?;
        // The warming up is in it as well: a fifth more of the same.
        let redis = self.redis_cpu()?.saturating_sub(redis_before).mul_f64(5.0 / 6.0);
        let messages = sample.deliveries as f64 / hall.members as f64;
        cost.nodes_us.push(sample.cpu.as_secs_f64() * 1e6 / messages);
        cost.redis_us.push(redis.as_secs_f64() * 1e6 / messages);
        cost.per_cpu_second.push(sample.per_cpu_second() / 1_000.0);
        cost.latencies_us.extend(sample.latencies_us);
        Ok(())
    }
}

pub fn measure(bench: &Bench) -> anyhow::Result<Chapter> {
    let sites = [
        Site::start(bench, "one node, SQLite", 1, false, false)?,
        Site::start(bench, "one node, PostgreSQL", 1, true, false)?,
        Site::start(bench, "one node, PostgreSQL and Redis", 1, true, true)?,
        Site::start(bench, "three nodes, PostgreSQL and Redis", 3, true, true)?,
    ];
    let mut chapter = Chapter::default();
    chapter.paragraph(&format!(
        "A room of {FEW}, one message after the other: what each costs, its {FEW} deliveries \
         included, and how long it takes to the last member."
    ));
    chapter.table(&commands(bench, &sites)?);
    chapter.paragraph(&format!("A room of {MANY}, sixteen messages in flight."));
    chapter.table(&crowds(bench, &sites)?);
    Ok(chapter)
}

fn commands(bench: &Bench, sites: &[Site]) -> anyhow::Result<Table> {
    let mut table = Table::new(&["", "", "nodes, CPU µs", "Redis, CPU µs", "p50 ms", "p99 ms"]);
    let halls = sites.iter().map(|site| site.open(FEW)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut halls: Vec<(&Site, Hall)> = sites.iter().zip(halls).collect();
    for (what, speech) in SPEECHES {
        let mut costs: Vec<Cost> = sites.iter().map(|_| Cost::default()).collect();
        for _ in 0..bench.repeats {
            for ((site, hall), cost) in halls.iter_mut().zip(&mut costs) {
                site.measure(bench, hall, speech, 1, cost).context(site.name)?;
            }
        }
        for ((site, _), cost) in halls.iter().zip(&costs) {
            let (p50, p99) = latency_ms(&cost.latencies_us);
            table.row([
                what.to_owned(),
                site.name.to_owned(),
                cost.nodes_us.show(0),
                cost.redis_us.show(0),
                plain(p50),
                plain(p99),
            ]);
        }
    }
    Ok(table)
}

fn crowds(bench: &Bench, sites: &[Site]) -> anyhow::Result<Table> {
    let mut table = Table::new(&["", "", "k deliveries/CPU s of the nodes", "p50 ms", "p99 ms"]);
    let ends = [&sites[0], &sites[sites.len() - 1]];
    let halls = ends.iter().map(|site| site.open(MANY)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut halls: Vec<(&Site, Hall)> = ends.into_iter().zip(halls).collect();
    for (what, speech) in SPEECHES {
        let mut costs = [Cost::default(), Cost::default()];
        for _ in 0..bench.repeats {
            for ((site, hall), cost) in halls.iter_mut().zip(&mut costs) {
                site.measure(bench, hall, speech, 16, cost).context(site.name)?;
            }
        }
        for ((site, _), cost) in halls.iter().zip(&costs) {
            let (p50, p99) = latency_ms(&cost.latencies_us);
            let rate = cost.per_cpu_second.show(0);
            table.row([what.to_owned(), site.name.to_owned(), rate, plain(p50), plain(p99)]);
        }
    }
    Ok(table)
}
