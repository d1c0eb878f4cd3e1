//! What members do, at random.

use parlor_protocol::member::{Readiness, Role};
use parlor_protocol::{Command, ItemId, UserId};
use parlor_testkit::dice::Dice;
use parlor_testkit::mirror::View;
use parlor_testkit::wishes;

/// What a client does next.
pub enum Act {
    Give(Command),
    /// Closes the connection.
    Leave,
    /// Loses the connection.
    Break,
    Nothing,
}

const FILMS: [&str; 4] = ["/a.mp4", "/b.mp4", "https://films.example/c.mp4", "/d.mp4"];

/// Decides what a client does, from what it sees.
pub fn decide(dice: &mut Dice, view: Option<&View>, said: &mut u64, name: &str) -> Act {
    let film = *dice.pick(&FILMS).expect("there are films");
    let command = match dice.within(0..100) {
        0..18 => {
            *said += 1;
            wishes::chat_once(&format!("{name} says {said}"), &format!("{name}-{said}"))
        }
        18..20 => {
            *said += 1;
            wishes::chat_edit(&message(dice, view), &format!("{name} says {said}"))
        }
        20..22 => wishes::chat_delete(&message(dice, view)),
        22..25 => wishes::react("🎉"),
        25..32 => wishes::play(),
        32..37 => wishes::pause(),
        37..42 => wishes::seek(dice.within(0..7_200_000)),
        42..44 => wishes::rate(if dice.percent(50) { 1.0 } else { 1.5 }),
        44..46 => wishes::watch(film),
        46..48 => wishes::load(film),
        48..66 => wishes::report(readiness(dice)),
        66..68 => wishes::round_trip(dice.within(1..900) as f64),
        68..76 => wishes::queue_add(film),
        76..82 => wishes::queue_next(current(view).as_ref()),
        82..85 => wishes::queue_remove(&upcoming(dice, view)),
        85..86 => wishes::role_set(member(dice, view).as_str(), Role::Host),
        86..87 => wishes::kick(member(dice, view).as_str()),
        87..88 => Command::GoOn,
        88..89 => Command::SyncRequest,
        89..90 => Command::Heartbeat,
        90..93 => return Act::Break,
        93..95 => return Act::Leave,
        95..96 => Command::Leave,
        _ => return Act::Nothing,
    };
    Act::Give(command)
}

fn readiness(dice: &mut Dice) -> Readiness {
    match dice.within(0..10) {
        0..5 => Readiness::Ready,
        5..7 => Readiness::Stalled,
        7..9 => Readiness::Loading,
        _ => Readiness::Away,
    }
}

fn current(view: Option<&View>) -> Option<ItemId> {
    view.and_then(|view| view.playback.as_ref()).and_then(|playback| playback.item_id.clone())
}

fn upcoming(dice: &mut Dice, view: Option<&View>) -> ItemId {
    let item = view.and_then(|view| dice.pick(&view.queue));
    item.map_or_else(|| "nothing".into(), |item| item.item_id.clone())
}

fn message(dice: &mut Dice, view: Option<&View>) -> String {
    let message = view.and_then(|view| dice.pick(&view.chat));
    message.map_or_else(|| "1".to_owned(), |message| message.id.clone())
}

fn member(dice: &mut Dice, view: Option<&View>) -> UserId {
    let member = view.and_then(|view| dice.pick(&view.members));
    member.map_or_else(|| "nobody".into(), |member| member.user_id.clone())
}
