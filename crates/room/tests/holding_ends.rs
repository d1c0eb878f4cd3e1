//! No sequence of stalls, departures and crashes leaves a room holding for ever.

use std::collections::BTreeMap;
use std::time::Duration;

use parlor_protocol::Command;
use parlor_protocol::member::{Readiness, SourceClass};
use parlor_protocol::room::{RoomUpdate, Wait};
use parlor_room::hold::{HOLD_AT_START, HOLD_MID_PLAY, STALL_IGNORED, WAIT_BUDGET};
use parlor_room::{ConnId, Room};
use parlor_testkit::scene::{Scene, founding};
use parlor_testkit::wishes;
use proptest::prelude::*;

const NAMES: [&str; 4] = ["anna", "ben", "cleo", "dora"];

/// Something that happens to a room.
#[derive(Clone, Debug)]
enum Step {
    Join(usize),
    Leave(usize),
    Lose(usize),
    Report(usize, Readiness),
    Meter(usize, SourceClass),
    Give(usize, Command),
    Crash(u64),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..NAMES.len();
    let readiness = prop::sample::select(vec![
        Readiness::Loading,
        Readiness::Ready,
        Readiness::Stalled,
        Readiness::Stalled,
        Readiness::Away,
    ]);
    let class = prop::sample::select(vec![SourceClass::Exact, SourceClass::Detached]);
    let wait = prop::sample::select(vec![Wait::All, Wait::Quorum, Wait::HostOnly, Wait::None]);
    let rule = wait.prop_map(|it| RoomUpdate { wait: Some(it), ..RoomUpdate::default() });
    let command = prop_oneof![
        4 => Just(wishes::play()),
        1 => Just(wishes::pause()),
        1 => Just(wishes::seek(5_000)),
        1 => Just(wishes::watch("/a.mp4")),
        1 => Just(wishes::watch("/b.mp4")),
        1 => Just(wishes::queue_add("/c.mp4")),
        1 => Just(wishes::queue_next(None)),
        1 => Just(Command::GoOn),
        1 => rule.prop_map(wishes::arrange),
    ];
    prop_oneof![
        3 => who.clone().prop_map(Step::Join),
        1 => who.clone().prop_map(Step::Leave),
        1 => who.clone().prop_map(Step::Lose),
        8 => (who.clone(), readiness).prop_map(|(who, it)| Step::Report(who, it)),
        1 => (who.clone(), class).prop_map(|(who, it)| Step::Meter(who, it)),
        4 => (who, command).prop_map(|(who, it)| Step::Give(who, it)),
        1 => (0u64..60_000).prop_map(Step::Crash),
        6 => (0u64..3_000).prop_map(Step::Wait),
        1 => (0u64..120_000).prop_map(Step::Wait),
    ]
}

/// A scene, and which connection of it belongs to whom.
struct Play {
    scene: Scene,
    conns: BTreeMap<usize, ConnId>,
}

impl Play {
    fn take(&mut self, step: Step) {
        match step {
            Step::Join(who) => {
                let conn = self.scene.join(NAMES[who]);
                if let Some(before) = self.conns.insert(who, conn) {
                    self.scene.lose(before);
                }
            }
            Step::Leave(who) => self.conns.remove(&who).into_iter().for_each(|conn| {
                self.scene.leave(conn);
            }),
            Step::Lose(who) => self.conns.remove(&who).into_iter().for_each(|conn| {
                self.scene.lose(conn);
            }),
            Step::Report(who, readiness) => self.give(who, wishes::report(readiness)),
            Step::Meter(who, class) => self.give(who, wishes::meter(0.0, class)),
            Step::Give(who, command) => self.give(who, command),
            Step::Crash(down_ms) => self.crash(Duration::from_millis(down_ms)),
            Step::Wait(ms) => self.watch_for(Duration::from_millis(ms)),
        }
        self.check();
    }

    fn give(&mut self, who: usize, command: Command) {
        if let Some(conn) = self.conns.get(&who) {
            self.scene.tell(*conn, command);
        }
    }

    fn crash(&mut self, down: Duration) {
        let snapshot = self.scene.room.snapshot(self.scene.now());
        self.scene = Scene::with(|now| {
            Room::restore(now, founding(), &snapshot, down).expect("a room reads what it wrote")
        });
        self.conns.clear();
    }

    /// Lets time pass and looks at every moment at which the room does something.
    fn watch_for(&mut self, how_long: Duration) {
        let end = self.scene.now().mono + how_long;
        while let Some(at) = self.scene.room.poll_timeout().filter(|at| *at <= end) {
            self.scene.wait(at.saturating_sub(self.scene.now().mono));
            self.check();
        }
        self.scene.wait(end - self.scene.now().mono);
    }

    fn is_holding(&self) -> bool {
        let state = self.scene.room.playback_state(self.scene.now());
        state.is_some_and(|state| state.holding.is_some())
    }

    /// A hold has an end that is not further away than the longest one, and somebody to wait for.
    fn check(&self) {
        let now = self.scene.now();
        let Some(state) = self.scene.room.playback_state(now) else { return };
        if let Some(holding) = state.holding {
            let left_ms = holding.until - now.clock_ms();
            assert!(left_ms > 0.0 && left_ms <= HOLD_AT_START.as_millis() as f64, "{left_ms}");
            assert!(!holding.waiting_for.is_empty() && state.is_playing);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_room_never_holds_for_ever(steps in prop::collection::vec(step(), 1..60)) {
        let mut play = Play { scene: Scene::new(), conns: BTreeMap::new() };
        for step in steps {
            play.take(step);
        }
        // Nobody says anything more. What holds now ends; what stalled just now may hold once.
        play.watch_for(HOLD_AT_START + STALL_IGNORED + HOLD_MID_PLAY);
        prop_assert!(!play.is_holding());
        let rev = |play: &Play| play.scene.room.playback_state(play.scene.now()).map(|it| it.rev);
        let rested = rev(&play);
        play.watch_for(Duration::from_secs(3_600));
        prop_assert_eq!(rev(&play), rested, "it held again, though nobody said anything");
    }

    #[test]
    fn nobody_is_waited_for_longer_than_the_budget(
        stalls in prop::collection::vec((0u64..6_000, 0u64..20_000), 1..40),
    ) {
        let mut play = Play { scene: Scene::new(), conns: BTreeMap::new() };
        for who in [0, 1] {
            play.take(Step::Join(who));
            play.take(Step::Report(who, Readiness::Ready));
        }
        play.give(0, wishes::watch("/a.mp4"));
        (0..2).for_each(|who| play.give(who, wishes::report(Readiness::Ready)));
        let mut waited = Duration::ZERO;
        let mut passed = Duration::ZERO;
        for (stalled_ms, ready_ms) in stalls {
            // Shorter than what re-arms, and all of it within one window.
            if passed > Duration::from_secs(500) {
                break;
            }
            for (readiness, ms) in [(Readiness::Stalled, stalled_ms), (Readiness::Ready, ready_ms)] {
                play.give(1, wishes::report(readiness));
                let end = play.scene.now().mono + Duration::from_millis(ms);
                while play.scene.now().mono < end {
                    let next = play.scene.room.poll_timeout().unwrap_or(end).min(end);
                    let turn = next.saturating_sub(play.scene.now().mono);
                    waited += if play.is_holding() { turn } else { Duration::ZERO };
                    play.scene.wait(turn);
                    passed += turn;
                }
            }
        }
        prop_assert!(waited <= WAIT_BUDGET, "{waited:?}");
    }
}
