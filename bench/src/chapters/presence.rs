//! Presence in very large rooms: what joining, leaving and counting cost the room core, and what a
//! member weighs in it. No sockets: one machine has not a million of them.

use std::hint::black_box;
use std::time::Duration;

use parlor_bench::machine;
use parlor_protocol::UserId;
use parlor_protocol::room::{Control, RoomSettings, Wait};
use parlor_room::{
    ConnId, Departure, Founding, Input, Life, Now, Output, Principal, Room, StoredBatch,
};

use crate::report::{Table, Verdict, plain};
use crate::{Bench, Chapter};

/// Joins, and then as many partings, that are timed.
const TIMED: u64 = 10_000;
/// Time on the room's clock between two of them: 20 000 a second.
const STEP: Duration = Duration::from_micros(50);

pub fn measure(bench: &Bench) -> anyhow::Result<Chapter> {
    let largest = if bench.quick { 100_000 } else { 1_000_000 };
    let mut table =
        Table::new(&["members", "a join, ns", "a parting, ns", "a count, ns", "bytes per member"]);
    let (mut joins, mut bytes) = (Vec::new(), 0.0);
    for size in [1_000, 10_000, 100_000, 1_000_000].into_iter().filter(|&size| size <= largest) {
        let before = machine::memory(std::process::id())?.private;
        let mut hall = Hall::open();
        (0..size).for_each(|number| hall.join(number));
        let after = machine::memory(std::process::id())?.private;
        bytes = after.saturating_sub(before) as f64 / size as f64;

        let join = timed(|| (size..size + TIMED).for_each(|number| hall.join(number)))?;
        let part = timed(|| (size..size + TIMED).for_each(|number| hall.part(number)))?;
        let count = timed(|| {
            (0..TIMED).for_each(|_| {
                black_box(hall.room.member_count());
            });
        })?;
        joins.push(join);
        let weight = if size < 100_000 { "–".into() } else { plain(bytes) };
        table.row([plain(size as f64), plain(join), plain(part), plain(count), weight]);
    }
    let mut chapter = Chapter::default();
    chapter.table(&table);
    let growth = joins.last().unwrap_or(&f64::NAN) / joins.first().unwrap_or(&f64::NAN);
    let what = format!("a join among {} ÷ among 1 000", plain(largest as f64));
    chapter.verdicts.push(Verdict::at_most(&what, "", 2.0, growth));
    chapter.verdicts.push(Verdict::at_most("presence, memory per member", " bytes", 200.0, bytes));
    Ok(chapter)
}

/// Returns ns of this process's CPU time for each of the [`TIMED`] things done.
fn timed(mut work: impl FnMut()) -> anyhow::Result<f64> {
    let begun = machine::cpu_time(std::process::id())?;
    work();
    let spent = machine::cpu_time(std::process::id())?.saturating_sub(begun);
    Ok(spent.as_nanos() as f64 / TIMED as f64)
}

/// A room and its clock.
struct Hall {
    room: Room,
    now: Now,
}

impl Hall {
    fn open() -> Hall {
        let now = Now { mono: Duration::from_secs(1), wall_ms: 1_700_000_000_000 };
        let settings = RoomSettings {
            name: "hall".into(),
            is_public: true,
            max_participants: None,
            control: Control::default(),
            wait: Wait::default(),
            entry: Default::default(),
            has_password: false,
            join_code: "ABCDEF".into(),
        };
        let founding = Founding {
            room_id: "hall".into(),
            settings,
            creator: None,
            owner: None,
            created_at: "2023-11-14T22:13:20.000Z".into(),
            epoch: "1".into(),
            reign: 1,
            clock_id: "1".into(),
            boot: "1".into(),
            life: Life::Permanent,
            chat: Vec::new(),
            next_chat: 1,
            seats_kept: Duration::ZERO,
        };
        Hall { room: Room::new(now, founding), now }
    }

    fn join(&mut self, number: u64) {
        let who = Principal {
            user_id: UserId::new(format!("00000000-0000-7000-8000-{number:012}")),
            display_name: "a".into(),
            is_guest: true,
        };
        self.hear(Input::Join { conn: ConnId(number), who });
    }

    fn part(&mut self, number: u64) {
        self.hear(Input::Depart { conn: ConnId(number), how: Departure::Left });
    }

    /// Gives the room an input, and the timeouts that are due before it.
    fn hear(&mut self, input: Input) {
        self.now.mono += STEP;
        while self.room.poll_timeout().is_some_and(|at| at <= self.now.mono) {
            self.room.handle_input(self.now, Input::Timeout);
            self.carry_out();
        }
        self.room.handle_input(self.now, input);
        self.carry_out();
    }

    /// Takes the outputs; what is to be written counts as written.
    fn carry_out(&mut self) {
        loop {
            let mut batches = Vec::new();
            while let Some(output) = self.room.poll_output() {
                if let Output::Store(batch) = black_box(output) {
                    batches.push(batch.batch);
                }
            }
            if batches.is_empty() {
                return;
            }
            for batch in batches {
                let outcome = Ok(StoredBatch::default());
                self.room.handle_input(self.now, Input::Stored { batch, outcome });
            }
        }
    }
}
