//! A room as a stream of server-sent events (HTML Living Standard, section 9.2), in the words of
//! CuteRooms clients: one `data:` line of JSON for each event, and an `id:` to go on from.

use parlor_protocol::chat::ChatMessage;
use parlor_protocol::command::StreamPosition;
use parlor_protocol::realtime::{
    Announcement, AnnouncementData, Destroyed, PresenceMoved, RealtimeMessage, StreamLine,
    TakenBack,
};
use parlor_protocol::{Event, RoomId};

/// How soon a browser comes back after the stream broke, in ms. Browsers' own is 3 to 5 s; a seat is
/// kept for 8 s.
const RETRY_MS: u32 = 1_000;

/// Names a room's stream to its readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The room.
    pub room: RoomId,
    /// The epoch of its events.
    pub epoch: String,
}

/// Appends what a stream begins with.
pub fn append_connected(out: &mut Vec<u8>, room: &RoomId) {
    out.extend_from_slice(format!("retry: {RETRY_MS}\n").as_bytes());
    append_line(out, None, &StreamLine::Connected { channel: room.clone() });
}

/// Appends where the room's events stand: a reader that is cut off before it was told any goes on
/// from here. It is no event of its own.
pub fn append_position(out: &mut Vec<u8>, position: &StreamPosition) {
    let id = write_position(&position.epoch, position.seq);
    out.extend_from_slice(format!("id: {id}\n\n").as_bytes());
}

/// Appends what keeps a stream alive; `timestamp` is in ms since 1970 UTC.
pub fn append_ping(out: &mut Vec<u8>, timestamp: i64) {
    append_line(out, None, &StreamLine::Ping { timestamp });
}

/// Appends that events were missed which cannot be had any more: whoever reads this fetches anew
/// what it shows.
pub fn append_gap(out: &mut Vec<u8>, room: &RoomId) {
    append_line(out, None, &StreamLine::Gap { channel: room.clone() });
}

/// Appends an event, if it is one that such clients are told.
pub fn append_event(out: &mut Vec<u8>, channel: &Channel, event: &Event, seq: Option<u64>) {
    if let Event::SyncFullState(_) = event {
        return append_gap(out, &channel.room);
    }
    let Some(data) = told(&channel.room, event) else { return };
    let id = seq.map(|seq| write_position(&channel.epoch, seq));
    let announcement = Announcement {
        id: id.clone(),
        event: data.name().to_owned(),
        channel: channel.room.clone(),
        data,
    };
    append_line(out, id.as_deref(), &announcement);
}

/// Reads where a stream is to go on; `None` for what no stream of ours has said.
pub fn read_position(id: &str) -> Option<StreamPosition> {
    let (epoch, seq) = id.trim().rsplit_once('-')?;
    let is_epoch = !epoch.is_empty() && epoch.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let seq = seq.parse().ok()?;
    is_epoch.then(|| StreamPosition { epoch: epoch.to_owned(), seq })
}

fn write_position(epoch: &str, seq: u64) -> String {
    format!("{epoch}-{seq}")
}

/// Puts an event into the words of these clients.
fn told(room: &RoomId, event: &Event) -> Option<AnnouncementData> {
    Some(match event {
        // What was deleted since it was told, whoever comes back never hears of.
        Event::ChatMessage(message) | Event::ChatEdited(message)
            if message.deleted_at.is_some() =>
        {
            return None;
        }
        Event::ChatMessage(message) => AnnouncementData::Said(said(room, message)),
        Event::ChatEdited(message) => AnnouncementData::Changed(said(room, message)),
        Event::ChatDeleted(deleted) => {
            AnnouncementData::TakenBack(TakenBack { id: deleted.id.clone() })
        }
        Event::UserJoined(moved) => AnnouncementData::Joined(PresenceMoved {
            user_id: moved.user_id.clone(),
            member_count: moved.member_count,
        }),
        Event::UserLeft(moved) => AnnouncementData::Left(PresenceMoved {
            user_id: moved.user_id.clone(),
            member_count: moved.member_count,
        }),
        Event::MembersChanged(changed) => AnnouncementData::Moved(changed.clone()),
        Event::RoomClosed(_) => AnnouncementData::Destroyed(Destroyed { is_destroyed: true }),
        Event::SyncFullState(_)
        | Event::PlaybackUpdated(_)
        | Event::HostChanged(_)
        | Event::QueueUpdated(_)
        | Event::MemberUpdated(_)
        | Event::MemberSync(_)
        | Event::Reaction(_)
        | Event::WaitingRoom(_)
        | Event::RoomUpdated(_)
        | Event::ClockPong(_)
        | Event::Resumed(_)
        | Event::Ack
        | Event::Error(_) => return None,
    })
}

/// Puts a message into the words of these clients.
pub fn said(room: &RoomId, message: &ChatMessage) -> RealtimeMessage {
    RealtimeMessage {
        id: message.id.clone(),
        sender: message.display_name.clone(),
        text: message.text.clone(),
        timestamp: unix_ms(&message.sent_at),
        room_id: room.clone(),
        mine: None,
    }
}

/// Returns an instant in ms since 1970 UTC that is written as every date on our wire is,
/// `2026-11-20T07:39:06.120Z`; 0 for what is written otherwise.
///
/// The calendar is Howard Hinnant's `days_from_civil` (proleptic Gregorian).
fn unix_ms(iso_8601: &str) -> i64 {
    let part = |at: std::ops::Range<usize>| iso_8601.get(at)?.parse::<i64>().ok();
    let read = || {
        let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
        let shifted_year = year - i64::from(month <= 2);
        let era = shifted_year.div_euclid(400);
        let year_of_era = shifted_year.rem_euclid(400);
        let shifted_month = (month + 9) % 12;
        let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        let seconds = (part(11..13)? * 60 + part(14..16)?) * 60 + part(17..19)?;
        Some(days * 86_400_000 + seconds * 1_000 + part(20..23)?)
    };
    read().unwrap_or(0)
}

/// Appends one event of the stream. JSON has no line breaks of its own, so it is one line.
fn append_line(out: &mut Vec<u8>, id: Option<&str>, line: &impl serde::Serialize) {
    if let Some(id) = id {
        out.extend_from_slice(b"id: ");
        out.extend_from_slice(id.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    serde_json::to_writer(&mut *out, line).expect("plain values with text keys are JSON");
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_protocol::event::{ClosedReason, RoomClosed};
    use parlor_protocol::member::{HostChanged, MemberCount, MembersChanged};

    fn channel() -> Channel {
        Channel { room: "r".into(), epoch: "ab12".to_owned() }
    }

    fn text(event: &Event, seq: Option<u64>) -> String {
        let mut out = Vec::new();
        append_event(&mut out, &channel(), event, seq);
        String::from_utf8(out).expect("is UTF-8")
    }

    #[test]
    fn a_message_is_told_as_these_clients_know_it() {
        let message = ChatMessage {
            id: "7".into(),
            user_id: "u".into(),
            display_name: "Ada".into(),
            text: "a\n\"b\" </script>".into(),
            sent_at: "2026-11-20T07:39:06.120Z".into(),
            client_id: None,
            reply_to: None,
            mentions: Vec::new(),
            edited_at: None,
            deleted_at: None,
        };
        assert_eq!(
            text(&Event::ChatMessage(message), Some(3)),
            concat!(
                "id: ab12-3\n",
                r#"data: {"id":"ab12-3","event":"chat.message","channel":"r","data":"#,
                r#"{"id":"7","sender":"Ada","text":"a\n\"b\" </script>","#,
                r#""timestamp":1795160346120,"roomId":"r"}}"#,
                "\n\n"
            )
        );
    }

    #[test]
    fn coming_going_and_the_end_are_told() {
        let moved = MemberCount { user_id: "u".into(), member_count: 2, member: None };
        let data = |event, seq| {
            let text = text(&event, Some(seq));
            text.split_once("data: ").expect("has data").1.trim_end().to_owned()
        };
        assert_eq!(
            data(Event::UserJoined(moved.clone()), 1),
            r#"{"id":"ab12-1","event":"presence.join","channel":"r","data":{"userId":"u","memberCount":2}}"#
        );
        assert_eq!(
            data(Event::UserLeft(moved), 2),
            r#"{"id":"ab12-2","event":"presence.leave","channel":"r","data":{"userId":"u","memberCount":2}}"#
        );
        let crowd =
            MembersChanged { joined: vec!["a".into()], left: vec!["b".into()], member_count: 900 };
        assert_eq!(
            data(Event::MembersChanged(crowd), 3),
            r#"{"id":"ab12-3","event":"presence.changed","channel":"r","data":{"joined":["a"],"left":["b"],"memberCount":900}}"#
        );
        assert_eq!(
            data(Event::RoomClosed(RoomClosed { reason: ClosedReason::Deleted }), 4),
            r#"{"id":"ab12-4","event":"chat.destroy","channel":"r","data":{"isDestroyed":true}}"#
        );
    }

    #[test]
    fn a_date_of_the_wire_is_read() {
        assert_eq!(unix_ms("1970-01-01T00:00:00.000Z"), 0);
        assert_eq!(unix_ms("2000-02-29T12:34:56.007Z"), 951_827_696_007);
        assert_eq!(unix_ms("2026-11-20T07:39:06.120Z"), 1_795_160_346_120);
        assert_eq!(unix_ms("1969-12-31T23:59:59.999Z"), -1);
        assert_eq!(unix_ms("yesterday"), 0);
    }

    #[test]
    fn what_they_do_not_know_is_left_out() {
        let host = Event::HostChanged(HostChanged { new_host_id: "u".into() });
        assert_eq!(text(&host, Some(1)), "");
        assert_eq!(text(&Event::Ack, None), "");
    }

    #[test]
    fn a_position_survives_the_way_there_and_back() {
        let position = StreamPosition { epoch: "00ff".into(), seq: 12 };
        assert_eq!(read_position(&write_position("00ff", 12)), Some(position));
        for text in ["", "-", "12", "-12", "a b-1", "00ff-", "00ff--1", "00ff-x", "$", "0-0\n1"] {
            assert_eq!(read_position(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_stream_begins_with_its_channel_and_is_kept_alive() {
        let mut out = Vec::new();
        append_connected(&mut out, &"r".into());
        append_position(&mut out, &StreamPosition { epoch: "00ff".into(), seq: 12 });
        append_ping(&mut out, 17);
        append_gap(&mut out, &"r".into());
        assert_eq!(
            String::from_utf8(out).expect("is UTF-8"),
            concat!(
                "retry: 1000\n",
                "data: {\"type\":\"connected\",\"channel\":\"r\"}\n\n",
                "id: 00ff-12\n\n",
                "data: {\"type\":\"ping\",\"timestamp\":17}\n\n",
                "data: {\"type\":\"gap\",\"channel\":\"r\"}\n\n",
            )
        );
    }
}
