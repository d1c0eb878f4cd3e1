//! Several nodes, two witnesses and an adversary: at no moment do two nodes tell in one room.
//!
//! The rules are the real ones; database, bus, clocks and lines are models of a virtual time. The
//! adversary kills nodes, has them leave, has them stand still at any await and for any time, loses
//! and delays answers, has statements carried out that nobody waits for any more, takes a witness
//! from one node or from all, and empties the bus. Clocks begin anywhere and run 1 % apart.
//!
//! **What holds**: whoever tells has the room's fence in the database at that very moment. It holds
//! under all of that as long as single nodes are cut off from one of the witnesses only, and
//! cannot hold beyond; each of these has a test that shows it:
//!
//! * one node alone is cut off from the database while another alone is cut off from the bus, for
//!   more than 6 s. They have no witness in common. Then only the fence protects: what the old owner
//!   says is not written down, and it drops the room when it reaches the database again.
//! * a node stands still for more than [`parlor_tenure::MARGIN`] between its last look at the clock
//!   and the call that sends.
//! * the bus loses a single lease and does not know it (an eviction), of a node that is cut off
//!   from the database.
//!
//! Taken for granted, and not shown: clocks are not set forward while nodes count on them, what the
//! database committed stays, it carries out a statement within 4 s or never, and the bus, when it is
//! out for all, comes back for 3.5 s at least.
//!
//! `PARLOR_SIM_SEEDS` (`40` or `from..to`) widens it. A failure prints the seed that shows it again.

mod clock;
mod node;
mod rules;
mod witness;
mod world;

use std::ops::Range;
use std::time::Duration;

use parlor_tenure::{RENEWAL_PATIENCE, Witness};
use rules::{Broken, Cuts, Luck};
use world::{SECOND_US, Shown, World, within};

/// Of each kind of luck. Together they take some 10 s on one core.
const SEEDS: u64 = 2_000;
/// A broken rule, or a fault beyond what can be borne, shows itself within so many.
const SEEDS_TO_SHOW: u64 = 3_000;
/// Of stories that are much the same.
const SEEDS_OF_ONE_KIND: u64 = 100;
/// How long a story is.
const STORY_US: u64 = 20 * SECOND_US;

#[test]
fn nobody_tells_in_anothers_room_though_nodes_are_cut_off_from_the_database() {
    all_is_well_under(Luck::bearable(Witness::Store));
}

#[test]
fn nobody_tells_in_anothers_room_though_nodes_are_cut_off_from_the_bus() {
    all_is_well_under(Luck::bearable(Witness::Bus));
}

#[test]
fn a_dead_nodes_rooms_are_told_again_within_5_s() {
    for seed in seeds(SEEDS / 4) {
        let mut world = World::new(seed, Luck::bearable(Witness::Store));
        world.calm_down();
        let run = |world: &mut World, for_us| world.run(for_us).unwrap();
        let until_dead_us = 5 * SECOND_US + world.dice.within(0..SECOND_US);
        run(&mut world, until_dead_us);
        let Some(room) = world.kill_an_owner() else { panic!("{} nobody has it", again(seed)) };
        let died_us = world.now_us;
        run(&mut world, 5 * SECOND_US);
        assert!(world.told_us[room] > died_us, "{} nobody takes over", again(seed));
    }
}

#[test]
fn a_broken_rule_is_noticed() {
    let rules = [
        Broken::OwnerIgnoresExpiry,
        Broken::OwnerLooksOnce,
        Broken::LateGrantIsNoLoss,
        Broken::ClaimantIgnoresBus,
        Broken::ClaimantIgnoresStore,
        Broken::ClaimantTrustsAYoungBus,
        Broken::ClaimantTakesNoAnswerForNo,
    ];
    for broken in rules {
        let quiet_percent = if broken == Broken::LateGrantIsNoLoss { 70 } else { 5 };
        let luck = Luck { quiet_percent, ..Luck::bearable(Witness::Store) };
        let shown = shows_two_tellers(Luck { broken: Some(broken), ..luck });
        assert!(shown.is_some(), "{broken:?} is not noticed");
    }
}

/// Cuts nodes with a room off from the database and the others from the bus, for 20 s, and then runs
/// on for as long; says whether two told in one room while it was so, and some time after.
fn parted(seed: u64, broken: Option<Broken>) -> [bool; 2] {
    let luck = Luck { cuts: Cuts::None, broken, ..Luck::bearable(Witness::Store) };
    let mut world = World::new(seed, luck);
    world.calm_down();
    world.run(5 * SECOND_US).expect("nothing has happened yet");
    world.part(20 * SECOND_US);
    let mut two_tell = |for_us| {
        let end_us = world.now_us + for_us;
        let mut two_tell = false;
        while world.now_us < end_us {
            two_tell |= world.run(end_us - world.now_us).is_err();
        }
        two_tell
    };
    let meanwhile = two_tell(20 * SECOND_US);
    two_tell(RENEWAL_PATIENCE.as_micros() as u64 + SECOND_US);
    [meanwhile, two_tell(20 * SECOND_US)]
}

#[test]
fn nodes_without_a_common_witness_may_both_tell_until_they_have_one() {
    let parted: Vec<_> = (0..SEEDS_OF_ONE_KIND).map(|seed| parted(seed, None)).collect();
    assert!(parted.iter().any(|[meanwhile, _]| *meanwhile));
    assert!(parted.iter().all(|[_, after]| !after));
}

#[test]
fn an_owner_that_does_not_hear_of_its_burial_is_noticed() {
    let broken = Some(Broken::OwnerIgnoresBurial);
    assert!((0..SEEDS_OF_ONE_KIND).any(|seed| parted(seed, broken)[1]));
}

#[test]
fn a_node_that_stands_still_between_its_last_look_and_its_bytes_may_tell_too_late() {
    let luck = Luck { last_pause_ms: 4_000, ..Luck::bearable(Witness::Store) };
    assert!(shows_two_tellers(luck).is_some());
}

#[test]
fn a_lease_lost_without_a_trace_does_not_protect() {
    let luck = Luck { loses_leases: true, ..Luck::bearable(Witness::Store) };
    assert!(shows_two_tellers(luck).is_some());
}

#[test]
fn the_same_seed_is_the_same_story() {
    let story = |seed| {
        let mut world = World::new(seed, Luck::bearable(Witness::Bus));
        world.run(STORY_US).unwrap();
        world.shown
    };
    assert_eq!(story(7), story(7));
    assert_ne!(story(7), story(8));
}

/// Runs a story to its end, when each room must be told in again.
fn story(seed: u64, luck: Luck) -> Result<Shown, String> {
    let mut world = World::new(seed, luck);
    world.run(STORY_US)?;
    world.calm_down();
    world.run(6 * SECOND_US)?;
    for (room, told_us) in world.told_us.iter().enumerate() {
        if !within(*told_us, world.now_us, Duration::from_secs(1)) {
            return Err(format!("6 s after the last fault nobody tells in room {room}"));
        }
    }
    Ok(world.shown)
}

fn all_is_well_under(luck: Luck) {
    let mut all = Shown::default();
    let seeds = seeds(SEEDS);
    let is_long = seeds.end - seeds.start >= SEEDS;
    for seed in seeds {
        let shown = story(seed, luck).unwrap_or_else(|fault| panic!("{} {fault}", again(seed)));
        all.told += shown.told;
        all.taken_over += shown.taken_over;
        all.taken_over_without_bus += shown.taken_over_without_bus;
        all.given_up += shown.given_up;
        all.burials_heard += shown.burials_heard;
    }
    let parts = [all.told, all.taken_over, all.taken_over_without_bus, all.given_up];
    let happened = parts.iter().all(|count| *count > 0) && all.burials_heard > 0;
    assert!(happened || !is_long, "a story without events shows nothing: {all:?}");
}

fn shows_two_tellers(luck: Luck) -> Option<u64> {
    (0..SEEDS_TO_SHOW).find(|seed| World::new(*seed, luck).run(STORY_US).is_err())
}

fn again(seed: u64) -> String {
    format!("again with PARLOR_SIM_SEEDS={seed}..{}:", seed + 1)
}

fn seeds(most: u64) -> Range<u64> {
    let Some(text) = setting("PARLOR_SIM_SEEDS") else { return 0..most };
    match text.split_once("..") {
        Some((from, to)) => from.parse().unwrap_or(0)..to.parse().unwrap_or(most),
        None => 0..text.parse().unwrap_or(most),
    }
}

/// The one place where these tests read the environment: how long they run is for people.
#[allow(clippy::disallowed_methods)]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
