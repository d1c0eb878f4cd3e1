//! Years of bad luck in seconds: members with slow and breaking connections, a server that
//! crashes, a store that fails or lies about having failed — and a room that has to stay right.
//!
//! What must hold is checked after every input: seats, host, queue and what is loaded are those of
//! the [reference](parlor_testkit::reference), capacity is kept, `seq` grows by one, a hold has an
//! end. Every client checks what it hears; and when everything has calmed down, all of them see
//! the same room, and nothing that was acknowledged is missing.
//!
//! `PARLOR_SIM_SEEDS` (`40` or `from..to`) and `PARLOR_SIM_STEPS` widen it. A failure prints the
//! seed that shows it again.

mod client;
mod script;
mod world;

use std::ops::Range;

use world::World;

/// Runs in less than 20 s without optimisation.
const SEEDS: u64 = 60;
const STEPS: u64 = 3_000;

#[test]
fn a_room_stays_right_whatever_happens() {
    let steps = setting("PARLOR_SIM_STEPS").and_then(|it| it.parse().ok()).unwrap_or(STEPS);
    for seed in seeds() {
        let run = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            world.run(steps);
            world.calm_down();
        });
        if let Err(panic) = run {
            eprintln!("again with PARLOR_SIM_SEEDS={seed}..{} PARLOR_SIM_STEPS={steps}", seed + 1);
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn the_same_seed_is_the_same_story() {
    let story = |seed| {
        let mut world = World::new(seed);
        world.run(1_000);
        world.fingerprint()
    };
    assert_eq!(story(7), story(7));
    assert_ne!(story(7), story(8));
}

fn seeds() -> Range<u64> {
    let Some(text) = setting("PARLOR_SIM_SEEDS") else { return 0..SEEDS };
    match text.split_once("..") {
        Some((from, to)) => from.parse().unwrap_or(0)..to.parse().unwrap_or(SEEDS),
        None => 0..text.parse().unwrap_or(SEEDS),
    }
}

/// The one place where a room's tests read the environment: how long they run is for people.
#[allow(clippy::disallowed_methods)]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
