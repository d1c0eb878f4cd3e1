//! Commands, in the words of those who give them.

use parlor_protocol::access::{Admit, Pardon, TurnAway};
use parlor_protocol::chat::{ChatDelete, ChatEdit, ChatSend, React};
use parlor_protocol::command::StreamPosition;
use parlor_protocol::member::{
    Kick, MemberState, Readiness, Role, RoleSet, SourceClass, Telemetry,
};
use parlor_protocol::playback::UpdatePlayback;
use parlor_protocol::queue::{QueueAdd, QueueMove, QueueNext, QueueRemove};
use parlor_protocol::room::RoomUpdate;
use parlor_protocol::{Command, ItemId};

/// Changes playback.
pub fn playback(update: UpdatePlayback) -> Command {
    Command::UpdatePlayback(update)
}

/// Plays on from here.
pub fn play() -> Command {
    playback(UpdatePlayback { is_playing: Some(true), ..UpdatePlayback::default() })
}

/// Pauses.
pub fn pause() -> Command {
    playback(UpdatePlayback { is_playing: Some(false), ..UpdatePlayback::default() })
}

/// Goes to a position, in ms.
pub fn seek(position_ms: u64) -> Command {
    let current_time = Some(position_ms as f64);
    playback(UpdatePlayback { current_time, ..UpdatePlayback::default() })
}

/// Changes the rate.
pub fn rate(rate: f64) -> Command {
    playback(UpdatePlayback { playback_speed: Some(rate), ..UpdatePlayback::default() })
}

/// Loads a medium without saying whether it plays.
pub fn load(url: &str) -> Command {
    playback(UpdatePlayback { media_url: Some(url.to_owned()), ..UpdatePlayback::default() })
}

/// Loads a medium and plays it.
pub fn watch(url: &str) -> Command {
    let media_url = Some(url.to_owned());
    playback(UpdatePlayback { media_url, is_playing: Some(true), ..UpdatePlayback::default() })
}

/// Reports a player's readiness.
pub fn report(readiness: Readiness) -> Command {
    let readiness = Some(readiness);
    Command::MemberState(MemberState { readiness, rtt_ms: None, telemetry: None })
}

/// Reports a round trip, in ms.
pub fn round_trip(rtt_ms: f64) -> Command {
    let rtt_ms = Some(rtt_ms);
    Command::MemberState(MemberState { readiness: None, rtt_ms, telemetry: None })
}

/// Reports a sync meter that stands at an error, in ms.
pub fn meter(error_now_ms: f64, class: SourceClass) -> Command {
    let telemetry = Some(Telemetry {
        error_p50_ms: 1.0,
        error_p95_ms: 2.0,
        error_max_ms: 3.0,
        error_now_ms,
        seeks: 0,
        rate_changes: 0,
        stalls: 0,
        clock_bound_ms: 0.5,
        class,
    });
    Command::MemberState(MemberState { readiness: None, rtt_ms: None, telemetry })
}

/// Says something.
pub fn chat(text: &str) -> Command {
    Command::ChatSend(ChatSend { text: text.to_owned(), ..unsaid() })
}

/// Says something under a name of one's own, so that it can be said again without harm.
pub fn chat_once(text: &str, client_id: &str) -> Command {
    let client_id = Some(client_id.to_owned());
    Command::ChatSend(ChatSend { text: text.to_owned(), client_id, ..unsaid() })
}

/// Says something to some people.
pub fn chat_to(text: &str, mentions: &[&str]) -> Command {
    let mentions = mentions.iter().map(|user| (*user).into()).collect();
    Command::ChatSend(ChatSend { text: text.to_owned(), mentions, ..unsaid() })
}

fn unsaid() -> ChatSend {
    ChatSend { text: String::new(), client_id: None, reply_to: None, mentions: Vec::new() }
}

/// Says something differently.
pub fn chat_edit(id: &str, text: &str) -> Command {
    Command::ChatEdit(ChatEdit { id: id.to_owned(), text: text.to_owned(), mentions: Vec::new() })
}

/// Takes something back.
pub fn chat_delete(id: &str) -> Command {
    Command::ChatDelete(ChatDelete { id: id.to_owned() })
}

/// Reacts.
pub fn react(emoji: &str) -> Command {
    Command::React(React { emoji: emoji.to_owned() })
}

/// Adds to the queue.
pub fn queue_add(url: &str) -> Command {
    let media_url = Some(url.to_owned());
    Command::QueueAdd(QueueAdd { media_url, media_type: None, title: None, client_id: None })
}

/// Adds to the queue under a name of the sender's.
pub fn queue_add_once(url: &str, client_id: &str) -> Command {
    let (media_url, client_id) = (Some(url.to_owned()), Some(client_id.to_owned()));
    Command::QueueAdd(QueueAdd { media_url, media_type: None, title: None, client_id })
}

/// Takes out of the queue.
pub fn queue_remove(item_id: &ItemId) -> Command {
    Command::QueueRemove(QueueRemove { item_id: item_id.clone() })
}

/// Moves within the queue.
pub fn queue_move(item_id: &ItemId, before: Option<&ItemId>) -> Command {
    Command::QueueMove(QueueMove { item_id: item_id.clone(), before: before.cloned() })
}

/// Plays the next entry if `from` is still the current one.
pub fn queue_next(from: Option<&ItemId>) -> Command {
    Command::QueueNext(QueueNext { from: from.cloned() })
}

/// Gives somebody a role.
pub fn role_set(user: &str, role: Role) -> Command {
    Command::RoleSet(RoleSet { user_id: user.into(), role })
}

/// Removes somebody.
pub fn kick(user: &str) -> Command {
    Command::Kick(Kick { user_id: user.into(), ban: false })
}

/// Removes somebody for good.
pub fn ban(user: &str) -> Command {
    Command::Kick(Kick { user_id: user.into(), ban: true })
}

/// Lets somebody in; everybody who waits without a name.
pub fn admit(user: Option<&str>) -> Command {
    Command::Admit(Admit { user_id: user.map(Into::into) })
}

/// Lets somebody go who waits.
pub fn turn_away(user: &str, ban: bool) -> Command {
    Command::TurnAway(TurnAway { user_id: user.into(), ban })
}

/// Lets somebody come back who was banned.
pub fn pardon(user: &str) -> Command {
    Command::Pardon(Pardon { user_id: user.into() })
}

/// Changes the settings.
pub fn arrange(update: RoomUpdate) -> Command {
    Command::RoomUpdate(update)
}

/// Asks for what was told after a point of the stream.
pub fn resume(epoch: &str, seq: u64) -> Command {
    Command::Resume(StreamPosition { epoch: epoch.to_owned(), seq })
}
