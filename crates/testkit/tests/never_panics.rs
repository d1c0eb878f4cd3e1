//! A moment of garbage for every decoder in each test run. `make fuzz` feeds the same functions
//! for longer and finds its way deeper.

use parlor_testkit::garbage;
use proptest::prelude::*;

/// Types the protocol has, and some it does not.
const TYPES: &[&str] = &[
    "SYNC_REQUEST",
    "UPDATE_PLAYBACK",
    "HEARTBEAT",
    "CLOCK_PING",
    "MEMBER_STATE",
    "GO_ON",
    "CHAT_SEND",
    "CHAT_EDIT",
    "CHAT_DELETE",
    "REACT",
    "QUEUE_ADD",
    "QUEUE_REMOVE",
    "QUEUE_MOVE",
    "QUEUE_NEXT",
    "ROLE_SET",
    "KICK",
    "ROOM_UPDATE",
    "RESUME",
    "AUTH",
    "LEAVE",
    "sync_request",
    "",
    "ACK",
];
/// Fields of every payload.
const FIELDS: &[&str] = &[
    "mediaUrl",
    "mediaType",
    "isPlaying",
    "currentTime",
    "playbackSpeed",
    "c",
    "readiness",
    "text",
    "clientId",
    "replyTo",
    "emoji",
    "movieId",
    "title",
    "itemId",
    "before",
    "from",
    "userId",
    "role",
    "ban",
    "name",
    "isPublic",
    "maxParticipants",
    "control",
    "wait",
    "epoch",
    "seq",
    "token",
    "rev",
    "rttMs",
    "errorMs",
    "positionMs",
];
/// Values that are at an edge of something.
const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1",
    "2.5",
    "1e308",
    "-1e308",
    "5e-324",
    "1e999",
    "4294967296",
    "18446744073709551616",
    "-0.0",
    "\"\"",
    "\"a\"",
    "\"user-0\"",
    "\"user-1\"",
    "\"host\"",
    "\"moderator\"",
    "\"ready\"",
    "\"stalled\"",
    "\"loading\"",
    "\"away\"",
    "\"epoch\"",
    "\"https://example.org/a.mp4\"",
    "\"javascript:alert(1)\"",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "\"everyone\"",
    "\"host-only\"",
    "[]",
    "{}",
    "[[[[]]]]",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => proptest::sample::select(VALUES).prop_map(str::to_owned),
        1 => (1_usize..100_000).prop_map(|length| format!("\"{}\"", "x".repeat(length))),
    ]
}

fn frame() -> impl Strategy<Value = String> {
    let fields = proptest::collection::vec((proptest::sample::select(FIELDS), value()), 0..5);
    (proptest::sample::select(TYPES), fields, proptest::option::of(value())).prop_map(
        |(kind, fields, id)| {
            let fields: Vec<String> =
                fields.into_iter().map(|(field, value)| format!("\"{field}\":{value}")).collect();
            let id = id.map_or(String::new(), |id| format!(",\"id\":{id}"));
            format!("{{\"type\":\"{kind}\",\"payload\":{{{}}}{id}}}", fields.join(","))
        },
    )
}

fn script() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        4 => (0..5_u8).prop_map(|who| format!("j{who}")),
        2 => (0..5_u8).prop_map(|who| format!("l{who}")),
        2 => (0..5_u8).prop_map(|who| format!("b{who}")),
        16 => (0..5_u8, frame()).prop_map(|(who, frame)| format!("c{who}{frame}")),
        4 => (0..400_usize).prop_map(|length| format!("t0{}", "x".repeat(length))),
        6 => Just("s".to_owned()),
        1 => Just("f".to_owned()),
        1 => Just("r".to_owned()),
    ];
    proptest::collection::vec(line, 1..60).prop_map(|lines| lines.join("\n"))
}

/// A snapshot a room wrote, with some of its values exchanged for odd ones.
fn damaged_snapshot() -> impl Strategy<Value = String> {
    let damage = proptest::collection::vec((any::<proptest::sample::Index>(), value()), 0..6);
    (script(), damage).prop_map(|(script, damage)| {
        let mut text = garbage::snapshot_after(script.as_bytes());
        for (which, value) in damage {
            let colons: Vec<usize> = text.match_indices(':').map(|(at, _)| at + 1).collect();
            let from = colons[which.index(colons.len())];
            let to = text[from..].find([',', '}', ']']).map_or(text.len(), |at| from + at);
            text.replace_range(from..to, &value);
        }
        text
    })
}

/// A frame with a header as a client would write it, or nearly so, and a payload to match.
fn websocket_frame() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        8 => proptest::collection::vec(any::<u8>(), 0..200),
        4 => frame().prop_map(String::into_bytes),
        1 => (60_000_usize..70_000).prop_map(|length| vec![b'a'; length]),
    ];
    let first = prop_oneof![8 => proptest::sample::select(vec![0x81_u8, 0x01, 0x80, 0x00, 0x88, 0x89, 0x8A, 0x82, 0x02]), 1 => any::<u8>()];
    (first, payload, any::<[u8; 4]>(), 0..20_u8).prop_map(|(first, payload, mask, odd)| {
        let masked = if odd == 0 { 0 } else { 0x80 };
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..126 => bytes.push(masked | length as u8),
            length @ 126..65_536 => {
                bytes.push(masked | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            length => {
                bytes.push(masked | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(mask);
        bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
        bytes
    })
}

/// Packets of Engine.IO and Socket.IO, and what is nearly one.
const PACKETS: &[&str] = &[
    "2",
    "3",
    "2probe",
    "3probe",
    "5",
    "6",
    "1",
    "0{}",
    "40",
    "41",
    "40{\"token\":\"x\"}",
    "42[\"e\",1]",
    "4212[\"e\",{\"a\":[[]]}]",
    "42/a,7[\"e\"]",
    "437[1]",
    "451-[\"e\",{\"_placeholder\":true,\"num\":0}]",
    "462-1[{\"_placeholder\":true,\"num\":1}]",
    "bAQID",
    "b",
    "abc",
    "",
];

/// A packet, cut somewhere.
fn cut_packet() -> impl Strategy<Value = String> {
    let cut = prop_oneof![6 => Just(usize::MAX), 1 => 0..20_usize];
    (proptest::sample::select(PACKETS), cut)
        .prop_map(|(packet, cut)| packet[..cut.min(packet.len())].to_owned())
}

/// What happens to a session of Engine.IO.
fn session_script() -> impl Strategy<Value = String> {
    let payload = proptest::collection::vec(cut_packet(), 1..4);
    let line = prop_oneof![
        6 => proptest::sample::select(vec!["g", "w", "b", "u", "G", "P", "U", "c", "S", "p3", "t3"])
            .prop_map(str::to_owned),
        4 => payload.prop_map(|packets| format!("p{}", packets.join("\u{1e}"))),
        4 => cut_packet().prop_map(|packet| format!("t{packet}")),
        1 => Just("u\nt2probe\nt5".to_owned()),
        2 => cut_packet().prop_map(|packet| format!("s{packet}")),
        1 => cut_packet().prop_map(|packet| format!("x{packet}")),
    ];
    proptest::collection::vec(line, 1..60).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_websocket_decoder_takes_any_bytes(data in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        garbage::websocket(&data);
    }

    #[test]
    fn the_websocket_decoder_takes_frames_of_every_kind(
        cut in any::<u8>(),
        frames in proptest::collection::vec(websocket_frame(), 0..6),
    ) {
        garbage::websocket(&[vec![cut], frames.concat()].concat());
    }

    #[test]
    fn the_room_protocol_takes_any_text(text in ".{0,400}") {
        garbage::native_frame(text.as_bytes());
    }

    #[test]
    fn the_room_protocol_takes_frames_of_every_kind(frame in frame()) {
        garbage::native_frame(frame.as_bytes());
    }

    #[test]
    fn a_polling_payload_takes_any_bytes(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        garbage::polling_payload(&data);
    }

    #[test]
    fn a_polling_payload_takes_packets_of_every_kind(
        packets in proptest::collection::vec(cut_packet(), 0..8),
    ) {
        garbage::polling_payload(packets.join("\u{1e}").as_bytes());
    }

    #[test]
    fn a_session_of_engine_io_takes_whatever_happens(script in session_script()) {
        garbage::engineio_session(script.as_bytes());
    }

    #[test]
    fn socket_io_takes_any_text(text in ".{0,400}") {
        garbage::socketio_packet(text.as_bytes());
    }

    #[test]
    fn socket_io_takes_packets_of_every_kind(
        head in "[0-6]([0-9]{1,2}-)?(/a,)?[0-9]{0,3}",
        values in proptest::collection::vec(value(), 0..4),
        text in cut_packet(),
    ) {
        garbage::socketio_packet(format!("{head}[\"e\",{}]", values.join(",")).as_bytes());
        garbage::socketio_packet(format!("{head}[{}]", values.join(",")).as_bytes());
        garbage::socketio_packet(text.strip_prefix('4').unwrap_or(&text).as_bytes());
    }

    #[test]
    fn a_room_takes_commands_of_every_kind(script in script()) {
        garbage::room_inputs(script.as_bytes());
    }

    #[test]
    fn a_room_takes_a_snapshot_that_was_damaged(text in damaged_snapshot()) {
        garbage::snapshot(text.as_bytes());
    }

    #[test]
    fn a_room_takes_any_snapshot(text in ".{0,400}") {
        garbage::snapshot(text.as_bytes());
    }
}
