//! What a connection costs while nothing happens: the server's private memory, less what it was
//! before, per connection. Memory of the kernel is everybody's the same and not counted.

use std::time::Duration;

use super::seat;
use crate::contestants::Contestant;
use crate::report::{Table, Verdict, plain};
use crate::{Bench, Chapter};
use parlor_bench::contestants::Running;
use parlor_bench::crowd::Crowd;

/// Connections that are there before it is measured, so that what is made once is made.
const WARM: usize = 200;
/// Connections that come at the same moment, where they do not all.
const TOGETHER: usize = 20;
/// Who is compared here.
const CONTESTANTS: [Contestant; 11] = [
    Contestant::Parlor,
    Contestant::Bun,
    Contestant::AxumQueue,
    Contestant::AxumBroadcast,
    Contestant::NodeWs,
    Contestant::ParlorEvents,
    Contestant::BunEvents,
    Contestant::NodeEvents,
    Contestant::ParlorClients,
    Contestant::BunSocketIo,
    Contestant::NodeSocketIo,
];

/// What a connection of Parlor's may cost, in bytes; `None` for others.
fn target(contestant: Contestant) -> Option<(&'static str, f64)> {
    match contestant {
        Contestant::Parlor => Some(("idle connection, user memory", 2_048.0)),
        Contestant::ParlorEvents => Some(("idle stream of events, user memory", 2_048.0)),
        Contestant::ParlorClients => Some(("idle Socket.IO client, user memory", 2_560.0)),
        _ => None,
    }
}

pub fn measure(bench: &Bench) -> anyhow::Result<Chapter> {
    let connections = if bench.quick { 1_000 } else { 4_000 };
    let mut chapter = Chapter::default();
    chapter.paragraph(&format!(
        "{connections} connections after {WARM} others, opened all at once and, where a target is, \
         {TOGETHER} at a time, read 12 s after the last word. Each of Parlor's is another guest's, \
         with a seat in the room unless it speaks Socket.IO. What coming all at once costs more is \
         room between what stays, which the allocator cannot give back."
    ));
    let columns = ["", "bytes per connection, all at once", "few at a time", "server before, MB"];
    let mut table = Table::new(&columns);
    for contestant in CONTESTANTS {
        let (bytes, before) = one_room(bench, contestant, connections, connections)?;
        let name = match contestant {
            Contestant::Parlor => "Parlor, one room",
            other => other.name(),
        };
        let mut few = None;
        if let Some((what, most)) = target(contestant) {
            let (bytes_of_few, _) = one_room(bench, contestant, connections, TOGETHER)?;
            let what_of_few = format!("{what}, few at a time");
            chapter.verdicts.push(Verdict::at_most(what, " bytes", most, bytes));
            chapter.verdicts.push(Verdict::at_most(&what_of_few, " bytes", most, bytes_of_few));
            few = Some(plain(bytes_of_few));
        }
        let few = few.unwrap_or_else(|| "–".into());
        table.row([name.to_owned(), plain(bytes), few, plain(before as f64 / 1e6)]);
    }
    let rooms = connections / 5;
    let bytes = many_rooms(bench, rooms)?;
    table.row([
        format!("Parlor, {rooms} rooms of 5, the rooms included"),
        plain(bytes),
        "–".into(),
        "–".into(),
    ]);
    chapter.table(&table);
    Ok(chapter)
}

fn one_room(
    bench: &Bench,
    contestant: Contestant,
    connections: usize,
    together: usize,
) -> anyhow::Result<(f64, u64)> {
    let running = Running::start(contestant, &bench.programs)?;
    let tickets = running.make_rooms(1, WARM + connections)?;
    let mut crowd = Crowd::enter(running.address, &tickets[..WARM])?;
    rest(&mut crowd)?;
    let before = running.process.memory()?.private;
    let others = &tickets[WARM..];
    for comers in others.chunks(together) {
        crowd.join(running.address, comers)?;
    }
    rest(&mut crowd)?;
    let after = running.process.memory()?.private;
    Ok((after.saturating_sub(before) as f64 / others.len() as f64, before))
}

fn many_rooms(bench: &Bench, rooms: usize) -> anyhow::Result<f64> {
    let seated = seat(bench, Contestant::Parlor, WARM)?;
    let running = &seated.running;
    let tickets = running.make_rooms(rooms, 5)?;
    let before = running.process.memory()?.private;
    let mut crowd = Crowd::enter(running.address, &tickets)?;
    rest(&mut crowd)?;
    let after = running.process.memory()?.private;
    Ok(after.saturating_sub(before) as f64 / tickets.len() as f64)
}

/// Reads what is told of those who came, and leaves a server the time to give back what it needed
/// for their coming.
fn rest(crowd: &mut Crowd) -> anyhow::Result<()> {
    crowd.settle(Duration::from_secs(12), Duration::from_secs(60))?;
    Ok(())
}
