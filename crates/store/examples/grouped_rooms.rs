//! Measures how many rooms a second are made durably, and what each costs in CPU time.
//!
//! `cargo run --release -p parlor-store --example grouped_rooms -- [sqlite|postgres] [ROOMS] [CALLERS]`
//!
//! PostgreSQL is a private one that waits for the disk. CPU time counts this process and the
//! database's, so that rooms per CPU second is what one core shared by both would do.

#![allow(clippy::print_stdout)]

use std::collections::HashMap;
use std::fs;
use std::time::Instant;

use parlor_protocol::room::{Control, Wait};
use parlor_protocol::{RoomId, UserId};
use parlor_store::{LifeKind, NewRoom, Store, StoreConfig};
use parlor_testkit::postgres::{Durability, Postgres};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let database = arguments.next().unwrap_or_else(|| "postgres".into());
    let rooms: usize = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let callers: usize = arguments.next().map_or(Ok(256), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let postgres = match database.as_str() {
        "postgres" => Some(Postgres::start(Durability::Disk)?),
        "sqlite" => None,
        other => return Err(format!("`{other}` is neither `sqlite` nor `postgres`").into()),
    };
    let url = postgres
        .as_ref()
        .map_or_else(|| format!("sqlite://{}/parlor.db", folder.path().display()), Postgres::url);
    let store = Store::connect(&StoreConfig { url, max_connections: 4 }).await?;
    store.migrate().await?;

    let cpu_before = cpu_seconds(postgres.as_ref());
    let started = Instant::now();
    let mut waits_us = make_rooms(&store, rooms, callers).await?;
    let wall = started.elapsed().as_secs_f64();
    let cpu =
        std::iter::zip(cpu_seconds(postgres.as_ref()), cpu_before).map(|(now, then)| now - then);
    let cpu: Vec<f64> = cpu.collect();
    waits_us.sort_unstable();

    let made = waits_us.len() as f64;
    let per_room = |seconds: f64| seconds * 1e6 / made;
    println!(
        "{database}: {made} rooms by {callers} callers: {:.0} rooms/s, {:.0} rooms per CPU second \
         ({:.1} µs here, {:.1} µs in the database), wait p50 {} µs, p99 {} µs",
        made / wall,
        made / cpu.iter().sum::<f64>(),
        per_room(cpu[0]),
        per_room(cpu[1]),
        waits_us[waits_us.len() / 2],
        waits_us[waits_us.len() * 99 / 100],
    );
    Ok(())
}

/// Makes the rooms from several callers at once; returns how long each waited, in µs.
async fn make_rooms(store: &Store, rooms: usize, callers: usize) -> Result<Vec<u128>, Failure> {
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut waits_us = Vec::with_capacity(rooms / callers);
                for number in 0..rooms / callers {
                    let room = room(caller * rooms + number);
                    let asked = Instant::now();
                    store.create_room(room).await?;
                    waits_us.push(asked.elapsed().as_micros());
                }
                Ok::<_, Failure>(waits_us)
            })
        })
        .collect();
    let mut all = Vec::with_capacity(rooms);
    for task in tasks {
        all.extend(task.await??);
    }
    Ok(all)
}

fn room(number: usize) -> NewRoom {
    // Spread over the indexes like random ids.
    let mixed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    NewRoom {
        id: RoomId::from(format!("{mixed:016x}{number:06x}")),
        name: "Friday night".into(),
        join_code: format!("{mixed:X}"),
        owner_id: Some(UserId::from(format!("{:026x}", mixed >> 50))),
        is_public: true,
        max_participants: None,
        control: Control::Everyone,
        wait: Wait::All,
        entry: parlor_protocol::access::Entry::Open,
        life: LifeKind::Idle,
        idle_ttl_seconds: Some(60),
        expires_at_ms: Some(1_790_000_060_000 + number as i64),
        created_at_ms: 1_790_000_000_000 + number as i64,
        snapshot: None,
    }
}

/// Returns the CPU time spent so far: by this process, and by the database's processes.
fn cpu_seconds(postgres: Option<&Postgres>) -> [f64; 2] {
    let processes: HashMap<u32, (u32, f64)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?)))
        .collect();
    let own = processes.get(&std::process::id()).map_or(0.0, |(_, seconds)| *seconds);
    let Some(root) = postgres.map(Postgres::pid) else { return [own, 0.0] };
    let descends = |mut pid: u32| loop {
        match processes.get(&pid) {
            _ if pid == root => return true,
            Some((parent, _)) => pid = *parent,
            None => return false,
        }
    };
    let database = processes.iter().filter(|(pid, _)| descends(**pid));
    [own, database.map(|(_, (_, seconds))| seconds).sum()]
}

/// Reads a process's parent and the CPU seconds it spent (proc_pid_stat(5), fields 4, 14 and 15).
fn stat(pid: u32) -> Option<(u32, f64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    // Linux counts in hundredths of a second on every architecture it tells programs about.
    Some((fields.get(1)?.parse().ok()?, ticks / 100.0))
}
