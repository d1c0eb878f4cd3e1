//! A room of 1 000 that is read as server-sent events, and an event of Socket.IO for 1 000 clients,
//! beside the floor.

use super::side_by_side::{SideBySide, WINDOWS};
use crate::contestants::Contestant;
use crate::report::Verdict;
use crate::{Bench, Chapter};

/// The least share of the floor under the larger window.
const SHARE_OF_FLOOR: f64 = 0.85;
/// So many times what socket.io on Node does under the larger window, at least.
const TIMES_SOCKET_IO: f64 = 15.0;

/// Measures server-sent events.
pub fn measure_events(bench: &Bench) -> anyhow::Result<Chapter> {
    let seen = SideBySide::measure(bench, &Contestant::EVENTS)?;
    let mut chapter = Chapter::default();
    chapter.paragraph(&format!(
        "An event of {} bytes, its `id:` line and its end included; the floor sends frames with as \
         many bytes of text. Who speaks does so by a WebSocket of the room. What is said to Parlor is \
         a chat message: on disk before it is told.",
        seen.told_bytes
    ));
    chapter.table(&seen.table());
    judge(&seen, &mut chapter, "server-sent events", Contestant::ParlorEvents);
    Ok(chapter)
}

/// Measures Socket.IO.
pub fn measure_socket_io(bench: &Bench) -> anyhow::Result<Chapter> {
    let seen = SideBySide::measure(bench, &Contestant::SOCKET_IO)?;
    let mut chapter = Chapter::default();
    chapter.paragraph(&format!(
        "An event of {} bytes that one client sends and all get (`io.emit`); the floor sends frames \
         with as many bytes of text.",
        seen.told_bytes
    ));
    chapter.table(&seen.table());
    judge(&seen, &mut chapter, "Socket.IO", Contestant::ParlorSocketIo);
    Ok(chapter)
}

/// Adds the verdicts on the larger window.
fn judge(seen: &SideBySide, chapter: &mut Chapter, what: &str, ours: Contestant) {
    let column = WINDOWS.len() - 1;
    let floor = (Contestant::Floor, SHARE_OF_FLOOR);
    for (other, target) in [floor, (Contestant::NodeSocketIo, TIMES_SOCKET_IO)] {
        let what = format!("{what}, 1 000 of them, w16 ÷ {}", other.name());
        let measured = seen.ratio(ours, other, column).median();
        chapter.verdicts.push(Verdict::at_least(&what, "", target, measured));
    }
}
