//! Conversations with one Engine.IO session, by a clock that stands where it is put.

use std::time::Duration;

use parlor_dialects::engineio::packet::Packet;
use parlor_dialects::engineio::{
    Data, Input, Outgoing, Output, Reason, Refusal, Session, Settings, Transport,
};

const SETTINGS: Settings = Settings {
    ping_interval: Duration::from_millis(300),
    ping_timeout: Duration::from_millis(200),
    max_payload: 100,
};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A session, and the time it is there.
struct Bed {
    session: Session,
    now: Duration,
}

impl Bed {
    /// Opens a session and takes its handshake off.
    fn open(transport: Transport) -> Self {
        let session = Session::open(SETTINGS, transport, "abc", ms(0));
        let mut bed = Self { session, now: ms(0) };
        assert_eq!(bed.drain().len(), 1);
        bed
    }

    /// Opens a session by polling and moves it to a WebSocket.
    fn upgraded() -> Self {
        let mut bed = Self::open(Transport::Polling);
        bed.take(Input::Upgrade);
        bed.take(Input::Text("2probe"));
        assert_eq!(bed.take(Input::Text("5")), []);
        bed
    }

    fn take(&mut self, input: Input<'_>) -> Vec<Output> {
        self.session.handle_input(self.now, input);
        self.drain()
    }

    fn send(&mut self, text: &str) -> Vec<Output> {
        self.take(Input::Send(&[Packet::Message(text).into()]))
    }

    fn post(&mut self, body: &[u8]) -> Vec<Output> {
        assert_eq!(self.take(Input::PostBegins), [Output::PostBegun]);
        self.take(Input::Post(body))
    }

    /// Goes on to when the session wants to be woken, and wakes it.
    fn wake(&mut self) -> Vec<Output> {
        self.now = self.session.poll_timeout().expect("it waits for something");
        self.take(Input::Timeout)
    }

    fn drain(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.session.poll_output()).collect()
    }
}

fn answered(body: &str) -> Output {
    Output::PollAnswered(body.as_bytes().to_vec())
}

fn frame(packet: Packet<'_>) -> Output {
    Output::Frame(packet.into())
}

fn heard(text: &str) -> Output {
    Output::Message(Data::Text(text.to_owned()))
}

#[test]
fn the_handshake_says_what_both_keep_to() {
    let handshake = |transport| {
        let mut session = Session::open(SETTINGS, transport, "abc", ms(0));
        session.poll_output()
    };
    let rest = r#""pingInterval":300,"pingTimeout":200,"maxPayload":100}"#;
    let polling = format!(r#"0{{"sid":"abc","upgrades":["websocket"],{rest}"#);
    assert_eq!(handshake(Transport::Polling), Some(answered(&polling)));
    let socket = format!(r#"0{{"sid":"abc","upgrades":[],{rest}"#);
    assert_eq!(handshake(Transport::Socket), Some(Output::Frame(Outgoing::Text(socket.into()))));
}

#[test]
fn messages_travel_by_requests() {
    let mut bed = Bed::open(Transport::Polling);
    assert_eq!(
        bed.post(b"4a\x1e4b\x1ebAQI="),
        [heard("a"), heard("b"), Output::Message(Data::Binary(vec![1, 2])), Output::PostDone,]
    );
    assert_eq!(bed.take(Input::Poll), []);
    assert_eq!(bed.send("c"), [answered("4c")]);
    assert_eq!(bed.send("d"), []);
    assert_eq!(bed.take(Input::Send(&[Outgoing::Binary(vec![3].into())])), []);
    assert_eq!(bed.take(Input::Poll), [answered("4d\x1ebAw==")]);
}

#[test]
fn messages_travel_by_frames() {
    let mut bed = Bed::open(Transport::Socket);
    assert_eq!(bed.take(Input::Text("4a")), [heard("a")]);
    assert_eq!(bed.take(Input::Binary(&[1])), [Output::Message(Data::Binary(vec![1]))]);
    assert_eq!(bed.send("b"), [frame(Packet::Message("b"))]);
}

#[test]
fn an_answer_keeps_to_the_limit_but_for_a_single_packet() {
    let mut bed = Bed::open(Transport::Polling);
    for text in ["a".repeat(60), "b".repeat(60), "c".repeat(200), "d".to_owned()] {
        bed.send(&text);
    }
    let lengths: Vec<usize> = (0..4)
        .map(|_| match bed.take(Input::Poll).as_slice() {
            [Output::PollAnswered(body)] => body.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lengths, [61, 61, 201, 2]);
}

#[test]
fn a_client_that_fetches_nothing_is_let_go() {
    let mut bed = Bed::open(Transport::Polling);
    let big = "x".repeat(1024 * 1024);
    for _ in 0..3 {
        assert_eq!(bed.send(&big), []);
    }
    assert_eq!(bed.send(&big), [Output::Closed(Reason::TooSlow)]);
    assert!(!bed.session.is_open());
}

#[test]
fn the_server_pings_and_counts_from_the_ping() {
    let mut bed = Bed::open(Transport::Socket);
    assert_eq!(bed.session.poll_timeout(), Some(ms(300)));
    assert_eq!(bed.wake(), [frame(Packet::Ping(""))]);
    assert_eq!(bed.session.poll_timeout(), Some(ms(500)));
    bed.now = ms(400);
    assert_eq!(bed.take(Input::Text("3")), []);
    assert_eq!(bed.session.poll_timeout(), Some(ms(700)));
    bed.wake();
    assert_eq!(bed.wake(), [Output::CloseSocket, Output::Closed(Reason::PingTimeout)]);
    assert_eq!(bed.session.poll_timeout(), None);
}

#[test]
fn a_client_has_its_time_from_when_the_ping_was_due_but_for_a_standstill() {
    for (late, by) in [(20, 500), (2_000, 2_500)] {
        let mut bed = Bed::open(Transport::Socket);
        bed.now = ms(300 + late);
        assert_eq!(bed.take(Input::Timeout), [frame(Packet::Ping(""))]);
        assert_eq!(bed.session.poll_timeout(), Some(ms(by)), "{late}");
    }
}

#[test]
fn a_poll_that_comes_when_the_time_is_over_finds_nothing() {
    let mut bed = Bed::open(Transport::Polling);
    bed.wake();
    bed.now = ms(500);
    assert_eq!(
        bed.take(Input::Poll),
        [Output::Closed(Reason::PingTimeout), Output::PollRefused(Refusal::UnknownSession)]
    );
}

#[test]
fn a_ping_waits_for_its_poll_and_the_poll_for_its_ping() {
    let mut bed = Bed::open(Transport::Polling);
    bed.take(Input::Poll);
    assert_eq!(bed.wake(), [answered("2")]);
    assert_eq!(bed.post(b"3"), [Output::PostDone]);
    assert_eq!(bed.wake(), []);
    assert_eq!(bed.take(Input::Poll), [answered("2")]);
    assert_eq!(bed.take(Input::Poll), []);
    assert_eq!(bed.wake(), [answered("1"), Output::Closed(Reason::PingTimeout)]);
    assert_eq!(bed.take(Input::Poll), [Output::PollRefused(Refusal::UnknownSession)]);
}

#[test]
fn a_second_poll_at_once_ends_the_session() {
    let mut bed = Bed::open(Transport::Polling);
    bed.take(Input::Poll);
    assert_eq!(
        bed.take(Input::Poll),
        [Output::PollRefused(Refusal::BadRequest), answered("1"), Output::Closed(Reason::Overlap),]
    );
}

#[test]
fn a_second_post_at_once_ends_the_session() {
    let mut bed = Bed::open(Transport::Polling);
    bed.take(Input::PostBegins);
    assert_eq!(
        bed.take(Input::PostBegins),
        [Output::PostRefused(Refusal::BadRequest), Output::Closed(Reason::Overlap),]
    );
}

#[test]
fn a_request_that_breaks_ends_the_session() {
    for (begin, lost) in [(Input::Poll, Input::PollLost), (Input::PostBegins, Input::PostLost)] {
        let mut bed = Bed::open(Transport::Polling);
        bed.take(begin);
        assert_eq!(bed.take(lost), [Output::Closed(Reason::TransportLost)]);
    }
    let mut bed = Bed::upgraded();
    assert_eq!(bed.take(Input::PollLost), []);
    assert_eq!(bed.take(Input::PostLost), []);
    assert!(bed.session.is_open());
}

#[test]
fn who_breaks_the_protocol_is_cut_off() {
    for body in [&b"abc"[..], b"", b"4a\x1e", b"2", b"5", b"0{}", b"\xff", &[b'4'; 101]] {
        let mut bed = Bed::open(Transport::Polling);
        let ended = bed.post(body);
        let last = [Output::PostRefused(Refusal::BadRequest), Output::Closed(Reason::Malformed)];
        assert!(ended.ends_with(&last), "{body:?} {ended:?}");
    }
    for text in ["abc", "", "2", "2probe", "5", "0{}", &"4".repeat(101)] {
        let mut bed = Bed::open(Transport::Socket);
        let ended = [Output::CloseSocket, Output::Closed(Reason::Malformed)];
        assert_eq!(bed.take(Input::Text(text)), ended, "{text}");
    }
}

#[test]
fn a_client_takes_leave_by_either_transport() {
    let mut bed = Bed::open(Transport::Polling);
    bed.take(Input::Poll);
    let left = [Output::PostDone, answered("6"), Output::Closed(Reason::Left)];
    assert_eq!(bed.post(b"1"), left);
    let mut bed = Bed::open(Transport::Socket);
    assert_eq!(bed.take(Input::Text("1")), [Output::CloseSocket, Output::Closed(Reason::Left)]);
}

#[test]
fn nothing_is_heard_behind_a_leave() {
    let mut bed = Bed::open(Transport::Polling);
    assert_eq!(bed.post(b"4a\x1e1\x1e4b"), [heard("a"), Output::PostDone]);
    assert_eq!(bed.post(b"4c"), [Output::PostDone]);
    assert_eq!(bed.wake(), [Output::Closed(Reason::Left)]);
}

#[test]
fn a_poll_that_comes_behind_the_leave_it_was_sent_before_ends_with_nothing() {
    let mut bed = Bed::open(Transport::Polling);
    bed.take(Input::Poll);
    bed.send("a");
    bed.post(b"1");
    assert!(!bed.session.is_open());
    assert_eq!(bed.take(Input::Poll), [answered("6"), Output::Closed(Reason::Left)]);
    assert_eq!(bed.take(Input::Poll), [Output::PollRefused(Refusal::UnknownSession)]);
}

#[test]
fn a_session_moves_to_a_websocket_with_everything_that_waits() {
    let mut bed = Bed::open(Transport::Polling);
    bed.take(Input::Poll);
    assert_eq!(bed.take(Input::Upgrade), [Output::UpgradeGranted]);
    assert_eq!(bed.take(Input::Text("2probe")), [frame(Packet::Pong("probe")), answered("6")]);
    // The client may poll once more before it stops.
    assert_eq!(bed.take(Input::Poll), [answered("6")]);
    assert_eq!(bed.send("a"), []);
    assert_eq!(bed.take(Input::Text("5")), [frame(Packet::Message("a"))]);
    assert_eq!(bed.send("b"), [frame(Packet::Message("b"))]);
    assert_eq!(bed.take(Input::Text("4c")), [heard("c")]);
}

#[test]
fn what_is_not_for_the_transport_in_force_is_refused_and_harms_nothing() {
    let mut bed = Bed::upgraded();
    assert_eq!(bed.take(Input::Poll), [Output::PollRefused(Refusal::BadRequest)]);
    assert_eq!(bed.take(Input::PostBegins), [Output::PostRefused(Refusal::BadRequest)]);
    assert_eq!(bed.take(Input::Upgrade), [Output::UpgradeRefused(Refusal::BadRequest)]);
    assert_eq!(bed.send("a"), [frame(Packet::Message("a"))]);
}

#[test]
fn a_websocket_that_does_not_prove_itself_is_given_up_and_the_session_goes_on() {
    for text in ["5", "4a", "2", "abc"] {
        let mut bed = Bed::open(Transport::Polling);
        bed.take(Input::Upgrade);
        assert_eq!(bed.take(Input::Text(text)), [Output::CloseSocket], "{text}");
        bed.take(Input::Poll);
        assert_eq!(bed.send("a"), [answered("4a")]);
        assert_eq!(bed.take(Input::Upgrade), [Output::UpgradeGranted]);
    }
    let mut bed = Bed::open(Transport::Polling);
    bed.take(Input::Upgrade);
    bed.take(Input::SocketLost);
    assert_eq!(bed.take(Input::Upgrade), [Output::UpgradeGranted]);
}

#[test]
fn a_websocket_that_is_tried_out_too_long_is_given_up() {
    let settings = Settings { ping_interval: ms(60_000), ..SETTINGS };
    let session = Session::open(settings, Transport::Polling, "abc", ms(0));
    let mut bed = Bed { session, now: ms(0) };
    bed.drain();
    bed.take(Input::Upgrade);
    bed.take(Input::Text("2probe"));
    assert_eq!(bed.wake(), [Output::CloseSocket]);
    assert_eq!(bed.now, ms(10_000));
    assert_eq!(bed.take(Input::Text("5")), [Output::CloseSocket]);
    assert_eq!(bed.session.poll_timeout(), Some(ms(60_000)));
}

#[test]
fn a_websocket_that_breaks_ends_a_session_that_moved_there() {
    let mut bed = Bed::upgraded();
    let ended = [Output::CloseSocket, Output::Closed(Reason::TransportLost)];
    assert_eq!(bed.take(Input::SocketLost), ended);
}

#[test]
fn the_server_ends_a_session_and_the_client_learns_of_it() {
    let mut bed = Bed::open(Transport::Socket);
    let ended = [Output::CloseSocket, Output::Closed(Reason::Ended)];
    assert_eq!(bed.take(Input::Close(Reason::Ended)), ended);

    let mut bed = Bed::open(Transport::Polling);
    bed.take(Input::Poll);
    let ended = [answered("1"), Output::Closed(Reason::Ended)];
    assert_eq!(bed.take(Input::Close(Reason::Ended)), ended);

    let mut bed = Bed::open(Transport::Polling);
    bed.send("a");
    assert_eq!(bed.take(Input::Close(Reason::Ended)), []);
    assert_eq!(bed.send("b"), []);
    assert_eq!(bed.post(b"4c"), [Output::PostDone]);
    assert_eq!(bed.take(Input::Poll), [answered("4a\x1e1"), Output::Closed(Reason::Ended)]);

    let mut bed = Bed::open(Transport::Polling);
    bed.take(Input::Close(Reason::Ended));
    assert_eq!(bed.wake(), [Output::Closed(Reason::Ended)]);
}
