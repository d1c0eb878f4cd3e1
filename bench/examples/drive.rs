//! Keeps one load on Parlor so that a profiler can look at it:
//! `cargo run --release --example drive -- big chat 16 20` (a room of 1 000, a window of 16, 20 s),
//! `… -- small chat 0 20` (1 000 rooms of 5, a message a second from everybody), or
//! `… -- idle none 4000 20` (4 000 sockets in one room, in silence). Prints the process to look at.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use parlor_bench::contestants::{Contestant, Programs, Running};
use parlor_bench::crowd::Crowd;
use parlor_bench::paced::{self, Pace};
use parlor_bench::talk::{Speech, Talk};
use parlor_bench::{machine, window};

/// Nothing has come for so long: a room has calmed down.
const QUIET: Duration = Duration::from_millis(1_200);

#[allow(clippy::print_stdout, reason = "that is what this program is for")]
fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [load, speech, number, seconds] = &arguments[..] else {
        anyhow::bail!("what load, what speech, what number, how many seconds?");
    };
    let number: usize = number.parse()?;
    let duration = Duration::from_secs(seconds.parse()?);
    let speech = match speech.as_str() {
        "playback" => Speech::Playback,
        "reaction" => Speech::Reaction,
        _ => Speech::Chat,
    };
    machine::pin_to_load_core()?;
    let programs = Programs::find(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let running = Running::start(Contestant::Parlor, &programs)?;
    let (rooms, members) = match load.as_str() {
        "big" => (1, 1_000),
        "small" => (1_000, 5),
        "idle" => (1, number),
        _ => anyhow::bail!("big, small or idle?"),
    };
    let tickets = running.make_rooms(rooms, members)?;
    let before = running.process.memory()?;
    let mut crowd = Crowd::enter(running.address, &tickets)?;
    crowd.settle(QUIET, Duration::from_secs(60))?;
    let after = running.process.memory()?;
    let each = after.private.saturating_sub(before.private) / tickets.len() as u64;
    println!("process {}, {each} bytes per connection", running.process.pid());
    let mut talk = Talk::new(running.contestant, speech);
    let (delivered, cpu) = match load.as_str() {
        "idle" => {
            crowd.settle(duration, duration * 2)?;
            return Ok(());
        }
        "big" => {
            talk.tune(&mut crowd, members, 200)?;
            let sample =
                window::drive(|| running.process.cpu_time(), &mut crowd, &talk, number, duration)?;
            (sample.deliveries, sample.cpu)
        }
        _ => {
            talk.tune(&mut crowd, members, 200)?;
            let pace = Pace {
                per_second: tickets.len() as f64,
                senders: (0..members)
                    .flat_map(|member| (0..rooms).map(move |room| room * members + member))
                    .collect(),
                listeners: members,
                sample_every: 1,
            };
            let sample = paced::drive(&running, &mut crowd, &talk, &pace, duration)?;
            (sample.deliveries, sample.cpu)
        }
    };
    let rate = delivered as f64 / cpu.as_secs_f64();
    let rate = rate.is_finite().then_some(rate).context("nothing was delivered")?;
    println!("{rate:.0} deliveries per CPU second");
    Ok(())
}
