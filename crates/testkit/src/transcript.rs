//! Frames as lines a person can read and a test can compare.

use std::fmt::Write;

use parlor_protocol::Event;
use parlor_protocol::chat::ChatMessage;
use parlor_protocol::frame::ServerFrame;
use parlor_protocol::member::Member;
use parlor_protocol::playback::PlaybackState;

/// Writes a frame as one line: `#seq TYPE what it says`, then the code and the id it answers.
pub fn line(frame: &ServerFrame) -> String {
    let mut line = String::new();
    if let Some(seq) = frame.seq {
        write!(line, "#{seq} ").expect("a String takes everything");
    }
    line += &event(&frame.event);
    if let Some(code) = frame.code {
        write!(line, " {}", code.as_str()).expect("a String takes everything");
    }
    if let Some(id) = &frame.id {
        write!(line, " → {}", id.get()).expect("a String takes everything");
    }
    line
}

fn event(event: &Event) -> String {
    match event {
        Event::SyncFullState(state) => format!("SYNC_FULL_STATE at {}", state.seq),
        Event::PlaybackUpdated(state) => format!("PLAYBACK_UPDATED {}", playback(state)),
        Event::UserJoined(who) => format!("USER_JOINED {}, {} here", who.user_id, who.member_count),
        Event::UserLeft(who) => format!("USER_LEFT {}, {} here", who.user_id, who.member_count),
        Event::MembersChanged(changed) => {
            let joined = changed.joined.iter().map(|user| format!("+{user} "));
            let left = changed.left.iter().map(|user| format!("-{user} "));
            let moved: String = joined.chain(left).collect();
            format!("MEMBERS_CHANGED {moved}{} here", changed.member_count)
        }
        Event::HostChanged(changed) => format!("HOST_CHANGED {}", changed.new_host_id),
        Event::ChatMessage(message) => format!("CHAT_MESSAGE {}", said(message)),
        Event::ChatEdited(message) => format!("CHAT_EDITED {}", said(message)),
        Event::ChatDeleted(gone) => format!("CHAT_DELETED {} by {}", gone.id, gone.user_id),
        Event::QueueUpdated(updated) => {
            let queue: Vec<_> = updated.queue.iter().map(|item| item.media_url.as_str()).collect();
            let by = updated.by.as_ref().map_or("the room", |by| by.as_str());
            format!("QUEUE_UPDATED [{}] by {by}", queue.join(", "))
        }
        Event::MemberUpdated(who) => format!("MEMBER_UPDATED {}", member(who)),
        Event::MemberSync(meter) => {
            format!("MEMBER_SYNC {} {} ms", meter.user_id, meter.telemetry.error_now_ms)
        }
        Event::Reaction(reaction) => {
            let at = reaction.current_time.map_or("nothing".to_owned(), |ms| ms.to_string());
            format!("REACTION {} {} at {at}", reaction.user_id, reaction.emoji)
        }
        Event::WaitingRoom(room) => {
            let callers: Vec<_> = room.callers.iter().map(|it| it.user_id.as_str()).collect();
            format!("WAITING_ROOM [{}]", callers.join(", "))
        }
        Event::RoomUpdated(settings) => format!("ROOM_UPDATED {}", settings.name),
        Event::RoomClosed(closed) => format!("ROOM_CLOSED {:?}", closed.reason),
        Event::ClockPong(pong) => format!("CLOCK_PONG {} {} {}", pong.c, pong.rx, pong.tx),
        Event::Resumed(position) => format!("RESUMED {} {}", position.epoch, position.seq),
        Event::Ack => "ACK".to_owned(),
        Event::Error(_) => "ERROR".to_owned(),
    }
}

/// Writes a message: `id author: text`.
fn said(message: &ChatMessage) -> String {
    let text = message.deleted_at.as_ref().map_or(message.text.as_str(), |_| "(deleted)");
    format!("{} {}: {text}", message.id, message.user_id)
}

/// Writes what plays: `medium state position @at ×rate rev by …`.
pub fn playback(state: &PlaybackState) -> String {
    let mut line = state.media_url.as_deref().unwrap_or("nothing").to_owned();
    let motion = match (state.is_playing, &state.holding) {
        (_, Some(_)) => "holding",
        (true, None) => "playing",
        (false, None) => "paused",
    };
    let by = state.last_updated_by.as_ref().map_or("the room", |by| by.as_str());
    let (position, at, rev) = (state.current_time, state.at, state.rev);
    write!(line, " {motion} {position} @{at} ×{} rev {rev} by {by}", state.playback_speed)
        .expect("a String takes everything");
    if let Some(holding) = &state.holding {
        let names: Vec<_> = holding.waiting_for.iter().map(|user| user.as_str()).collect();
        write!(line, " for {} until {}", names.join(", "), holding.until)
            .expect("a String takes everything");
    }
    if let Some(op) = &state.op {
        write!(line, " op {op}").expect("a String takes everything");
    }
    line
}

/// Writes what is known of a member: `name role status readiness`.
pub fn member(member: &Member) -> String {
    let (role, status) = (member.role, member.status);
    let readiness = member.readiness.map_or("silent".to_owned(), |it| format!("{it:?}"));
    let catching_up = if member.catching_up { ", catching up" } else { "" };
    format!("{} {role:?} {status:?} {readiness}{catching_up}", member.user_id)
}
