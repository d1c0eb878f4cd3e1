//! One room of 1 000: deliveries per second of CPU time, beside the floor.

use super::side_by_side::{SideBySide, WINDOWS, listen, one};
use super::{MESSAGE_BYTES, Seated};
use crate::contestants::Contestant;
use crate::report::{Figures, Table, Verdict};
use crate::talk::Speech;
use crate::{Bench, Chapter};

/// Roomy's w16 as a share of the floor, as published; it does not run here.
const ROOMY_W16: f64 = 0.25;

/// The least share of the floor for each window.
const TARGETS: [f64; WINDOWS.len()] = [0.95, 0.85];

pub fn measure(bench: &Bench) -> anyhow::Result<Chapter> {
    let mut rooms = SideBySide::measure(bench, &Contestant::ROOMS)?;
    let mut chapter = Chapter::default();
    chapter.table(&rooms.table());
    let beside = |other, column| rooms.ratio(Contestant::Parlor, other, column).median();
    for (column, (window, target)) in WINDOWS.into_iter().zip(TARGETS).enumerate() {
        let what = format!("room of 1 000, {} ÷ floor", window.name);
        let measured = beside(Contestant::Floor, column);
        chapter.verdicts.push(Verdict::at_least(&what, "", target, measured));
        let what = format!("room of 1 000, {} ÷ Bun", window.name);
        let measured = beside(Contestant::Bun, column);
        chapter.verdicts.push(Verdict::at_least(&what, "", 1.0, measured));
    }
    let measured = beside(Contestant::Floor, 1) / ROOMY_W16;
    let what = "room of 1 000, w16 ÷ Roomy (derived)";
    chapter.verdicts.push(Verdict::at_least(what, "", 3.5, measured));
    if let Err(error) = other_speech(bench, &mut rooms.all, &mut chapter) {
        chapter.paragraph(&format!("Other commands could not be measured: {error:#}"));
    }
    Ok(chapter)
}

/// Playback commands and reactions have lengths of their own: the floor sends the same.
fn other_speech(bench: &Bench, all: &mut [Seated], chapter: &mut Chapter) -> anyhow::Result<()> {
    let place = |contestant| all.iter().position(|one| one.running.contestant == contestant);
    let (Some(floor), Some(parlor)) = (place(Contestant::Floor), place(Contestant::Parlor)) else {
        return Ok(());
    };
    let mut table = Table::new(&["Parlor, other commands", "bytes", "w1 ÷ floor", "w16 ÷ floor"]);
    let kinds = [
        ("playback: told at once, stored within 250 ms", Speech::Playback),
        ("reaction: never stored", Speech::Reaction),
    ];
    for (name, speech) in kinds {
        let mut ratios = [Figures::default(), Figures::default()];
        let mut bytes = 0;
        for _ in 0..bench.repeats {
            for (ratio, window) in ratios.iter_mut().zip(WINDOWS) {
                let messages = window.messages;
                let ours = one(bench, &mut all[parlor], speech, MESSAGE_BYTES, messages)?;
                bytes = ours.1;
                listen(all)?;
                let least = one(bench, &mut all[floor], Speech::Chat, bytes, messages)?;
                listen(all)?;
                ratio.push(ours.0.per_cpu_second() / least.0.per_cpu_second());
            }
        }
        let [w1, w16] = ratios;
        table.row([name.to_owned(), bytes.to_string(), w1.show(2), w16.show(2)]);
    }
    chapter.table(&table);
    Ok(())
}
