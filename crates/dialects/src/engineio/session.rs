//! One connection: what may come next, what waits to be fetched, and when it is over.
//!
//! As with every state machine here, inputs with a time go in and outputs come out. Whoever drives
//! it keeps the requests and the WebSocket themselves, at most one poll, one POST and one WebSocket
//! at a time, and carries the outputs out in order.

mod io;
mod outbox;

use std::collections::VecDeque;
use std::time::Duration;

pub use io::{Input, Output, Reason, Settings, Transport};

use outbox::Outbox;

use super::packet::{self, Packet};
use super::polling::{self, Record};
use super::{Data, Malformed, Outgoing, Refusal};

/// How long a client may take from opening its WebSocket to saying that it is the transport now; as
/// in the reference server.
pub const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a session that the server ends waits for a poll by which the client learns of it.
pub const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// How late a ping may be so that its answer is due as if it had been on time.
pub const PING_LATENESS: Duration = Duration::from_millis(100);
/// How long a session whose client has left waits for the poll that the client sent before.
pub const LEAVE_WAIT: Duration = Duration::from_millis(100);
/// Bytes that wait to be fetched by polls at most; a client that owes more is too slow.
pub const QUEUE_BYTES: usize = 4 * 1024 * 1024;

/// The text of the ping and the pong that try a WebSocket out.
const PROBE: &str = "probe";

/// The state of one connection.
pub struct Session {
    settings: Settings,
    link: Link,
    outbox: Outbox,
    /// Whether a poll waits for something to answer it with.
    polling: bool,
    /// Whether the body of a POST is under way.
    posting: bool,
    heartbeat: Heartbeat,
    /// When it ends, once the server has decided so and the client is yet to learn of it.
    closing: Option<(Duration, Reason)>,
    is_over: bool,
    outputs: VecDeque<Output>,
}

/// What carries the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Polling,
    /// Requests, and a WebSocket is there that is to be tried out until then.
    Opened(Duration),
    /// Requests, and the WebSocket was tried out; polls are answered at once, so that the client can
    /// stop polling.
    Probed(Duration),
    Socket,
}

/// The next thing to happen between pings and pongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heartbeat {
    PingAt(Duration),
    PongBy(Duration),
}

impl Session {
    /// Opens a session and says what it is called: the handshake is its first output, as the answer to
    /// a poll or as a frame.
    pub fn open(settings: Settings, transport: Transport, sid: &str, now: Duration) -> Self {
        let link = match transport {
            Transport::Polling => Link::Polling,
            Transport::Socket => Link::Socket,
        };
        let mut session = Self {
            settings,
            link,
            outbox: Outbox::default(),
            polling: transport == Transport::Polling,
            posting: false,
            heartbeat: Heartbeat::PingAt(now + settings.ping_interval),
            closing: None,
            is_over: false,
            outputs: VecDeque::new(),
        };
        let handshake = settings.handshake(sid, transport);
        session.send(&[Packet::Open(&handshake).into()]);
        session
    }

    /// Says whether it still takes messages to its client.
    pub fn is_open(&self) -> bool {
        !self.is_over && self.closing.is_none()
    }

    /// Says whether its client has asked for a WebSocket and not moved to it.
    pub fn is_on_trial(&self) -> bool {
        matches!(self.link, Link::Opened(_) | Link::Probed(_))
    }

    /// Says whether a packet for its client becomes a frame at once, and nothing else.
    pub fn is_on_socket(&self) -> bool {
        self.is_open() && self.link == Link::Socket
    }

    /// Takes what happened.
    pub fn handle_input(&mut self, now: Duration, input: Input<'_>) {
        if self.is_over {
            return self.refuse(&input);
        }
        match input {
            Input::Poll => self.poll(now),
            Input::PostBegins => self.post_begins(),
            Input::Post(body) => self.post(now, body),
            Input::PollLost if self.polling => {
                self.polling = false;
                self.end(Reason::TransportLost);
            }
            Input::PostLost if self.posting => self.end(Reason::TransportLost),
            // It was answered, and the client finds out by itself that the answer did not come.
            Input::PollLost | Input::PostLost => {}
            Input::Upgrade => self.upgrade(now),
            Input::Text(text) => self.text(now, text),
            Input::Binary(bytes) => self.binary(bytes),
            Input::SocketLost => match self.link {
                Link::Opened(_) | Link::Probed(_) => self.link = Link::Polling,
                Link::Polling | Link::Socket => self.end(Reason::TransportLost),
            },
            Input::Send(packets) if self.closing.is_none() => self.send(packets),
            Input::Send(_) => {}
            Input::Close(reason) => self.close(now, reason),
            Input::Timeout => self.timeout(now),
        }
    }

    /// Returns what is to be done next; ask until there is nothing more.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if self.outputs.is_empty() {
            // Thousands of idle sessions keep no room for what they once had to say.
            self.outputs = VecDeque::new();
        }
        output
    }

    /// Returns when to come back with [`Input::Timeout`]; `None` once it is over.
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.is_over {
            return None;
        }
        if let Some((at, _)) = self.closing {
            return Some(at);
        }
        let (Heartbeat::PingAt(beat) | Heartbeat::PongBy(beat)) = self.heartbeat;
        match self.link {
            Link::Opened(by) | Link::Probed(by) => Some(beat.min(by)),
            Link::Polling | Link::Socket => Some(beat),
        }
    }

    /// Answers a request to a session that is over.
    fn refuse(&mut self, input: &Input<'_>) {
        let refused = match input {
            Input::Poll => Output::PollRefused(Refusal::UnknownSession),
            Input::PostBegins | Input::Post(_) => Output::PostRefused(Refusal::UnknownSession),
            Input::Upgrade => Output::UpgradeRefused(Refusal::UnknownSession),
            Input::PollLost
            | Input::PostLost
            | Input::Text(_)
            | Input::Binary(_)
            | Input::SocketLost
            | Input::Send(_)
            | Input::Close(_)
            | Input::Timeout => return,
        };
        self.outputs.push_back(refused);
    }

    fn poll(&mut self, now: Duration) {
        // It may come before the session is woken, and does not show that its client is there.
        if let Heartbeat::PongBy(by) = self.heartbeat
            && now >= by
        {
            self.end(Reason::PingTimeout);
            return self.outputs.push_back(Output::PollRefused(Refusal::UnknownSession));
        }
        if self.link == Link::Socket {
            self.outputs.push_back(Output::PollRefused(Refusal::BadRequest));
        } else if self.polling {
            self.outputs.push_back(Output::PollRefused(Refusal::BadRequest));
            self.end(Reason::Overlap);
        } else {
            self.polling = true;
            match (self.closing, self.link) {
                (Some((_, Reason::Left)), _) => self.leave(),
                (Some((_, reason)), _) => self.end(reason),
                (None, Link::Probed(_)) => self.answer_poll(&Packet::Noop.into()),
                (None, Link::Polling | Link::Opened(_) | Link::Socket) => self.flush(),
            }
        }
    }

    fn post_begins(&mut self) {
        if self.link == Link::Socket {
            self.outputs.push_back(Output::PostRefused(Refusal::BadRequest));
        } else if self.posting {
            self.outputs.push_back(Output::PostRefused(Refusal::BadRequest));
            self.end(Reason::Overlap);
        } else {
            self.posting = true;
            self.outputs.push_back(Output::PostBegun);
        }
    }

    fn post(&mut self, now: Duration, body: &[u8]) {
        self.posting = false;
        // Behind the upgrade a POST that was under way is still the client's.
        let taken = match body.len() > self.settings.max_payload {
            true => Err(Malformed("a payload over the limit")),
            false => polling::decode(body).and_then(|mut records| {
                records.try_for_each(|record| {
                    match record? {
                        Record::Text(packet) => self.packet(now, packet)?,
                        Record::Binary(bytes) => self.heard(Data::Binary(bytes)),
                    }
                    Ok(())
                })
            }),
        };
        match taken {
            Ok(()) => self.outputs.push_back(Output::PostDone),
            Err(Malformed(_)) => {
                self.outputs.push_back(Output::PostRefused(Refusal::BadRequest));
                self.end(Reason::Malformed);
            }
        }
        if self.is_over {
            // What follows the end of a session is nobody's.
            return;
        }
        if let Some((_, Reason::Left)) = self.closing {
            self.leave();
        }
    }

    /// Ends with a POST that took leave: the client knows, and its poll ends with nothing. That poll may
    /// still be on its way, by a connection of its own.
    fn leave(&mut self) {
        if self.polling {
            self.answer_poll(&Packet::Noop.into());
            self.end(Reason::Left);
        }
    }

    fn upgrade(&mut self, now: Duration) {
        let granted = match (self.link, self.closing) {
            (Link::Polling, None) => {
                self.link = Link::Opened(now + UPGRADE_TIMEOUT);
                Output::UpgradeGranted
            }
            (Link::Polling | Link::Opened(_) | Link::Probed(_) | Link::Socket, _) => {
                Output::UpgradeRefused(Refusal::BadRequest)
            }
        };
        self.outputs.push_back(granted);
    }

    /// Takes a text frame.
    fn text(&mut self, now: Duration, text: &str) {
        let packet = match packet::decode(text) {
            Ok(packet) if text.len() <= self.settings.max_payload => packet,
            Ok(_) | Err(_) => return self.bad_frame(),
        };
        match (self.link, packet) {
            (Link::Opened(by), Packet::Ping(PROBE)) => {
                self.link = Link::Probed(by);
                self.outputs.push_back(Output::Frame(Packet::Pong(PROBE).into()));
                if self.polling {
                    self.answer_poll(&Packet::Noop.into());
                }
            }
            (Link::Probed(_), Packet::Upgrade) => {
                self.link = Link::Socket;
                if self.polling {
                    self.answer_poll(&Packet::Noop.into());
                }
                let waiting = self.outbox.take_all();
                self.outputs.extend(waiting.into_iter().map(Output::Frame));
            }
            (Link::Socket, packet) => match self.packet(now, packet) {
                Ok(()) if matches!(self.closing, Some((_, Reason::Left))) => self.end(Reason::Left),
                Ok(()) => {}
                Err(Malformed(_)) => self.end(Reason::Malformed),
            },
            (Link::Opened(_) | Link::Probed(_) | Link::Polling, _) => self.bad_frame(),
        }
    }

    fn binary(&mut self, bytes: &[u8]) {
        if self.link == Link::Socket && bytes.len() <= self.settings.max_payload {
            self.heard(Data::Binary(bytes.to_vec()));
        } else {
            self.bad_frame();
        }
    }

    /// Ends whatever the WebSocket carries: the session, or the trial.
    fn bad_frame(&mut self) {
        match self.link {
            Link::Socket => self.end(Reason::Malformed),
            Link::Opened(_) | Link::Probed(_) => self.give_trial_up(),
            // It came when its trial was over.
            Link::Polling => self.outputs.push_back(Output::CloseSocket),
        }
    }

    fn give_trial_up(&mut self) {
        self.link = Link::Polling;
        self.outputs.push_back(Output::CloseSocket);
    }

    /// Takes a packet by the transport that is in force.
    fn packet(&mut self, now: Duration, packet: Packet<'_>) -> Result<(), Malformed> {
        match packet {
            Packet::Message(text) => self.heard(Data::Text(text.to_owned())),
            Packet::Pong(_) => {
                if let Heartbeat::PongBy(_) = self.heartbeat {
                    self.heartbeat = Heartbeat::PingAt(now + self.settings.ping_interval);
                }
            }
            // Carried out when the whole payload is read.
            Packet::Close if !matches!(self.closing, Some((_, Reason::Left))) => {
                self.closing = Some((now + LEAVE_WAIT, Reason::Left));
            }
            Packet::Close => {}
            Packet::Noop => {}
            // In this version the server pings.
            Packet::Ping(_) => return Err(Malformed("a ping from a client")),
            Packet::Open(_) | Packet::Upgrade => {
                return Err(Malformed("a packet out of its place"));
            }
        }
        Ok(())
    }

    fn heard(&mut self, data: Data) {
        // Who is being sent away, or has gone, is not heard any more.
        if self.closing.is_none() {
            self.outputs.push_back(Output::Message(data));
        }
    }

    fn send(&mut self, packets: &[Outgoing]) {
        if self.link == Link::Socket {
            self.outputs.extend(packets.iter().cloned().map(Output::Frame));
            return;
        }
        if !self.outbox.push(packets) {
            self.end(Reason::TooSlow);
        } else if self.polling {
            self.flush();
        }
    }

    /// Answers the poll that waits, if there is something to answer it with.
    fn flush(&mut self) {
        if self.outbox.is_empty() {
            return;
        }
        let body = self.outbox.take_payload(self.settings.max_payload);
        self.polling = false;
        self.outputs.push_back(Output::PollAnswered(body));
    }

    /// Answers the poll that waits, with this packet behind what waits with it.
    fn answer_poll(&mut self, last: &Outgoing) {
        let mut body = self.outbox.take_payload(self.settings.max_payload);
        polling::append(&mut body, last);
        self.polling = false;
        self.outputs.push_back(Output::PollAnswered(body));
    }

    fn close(&mut self, now: Duration, reason: Reason) {
        let must_wait = match self.link {
            Link::Socket => false,
            Link::Opened(_) | Link::Probed(_) => {
                self.give_trial_up();
                !self.polling
            }
            Link::Polling => !self.polling,
        };
        if must_wait {
            self.closing.get_or_insert((now + CLOSE_WAIT, reason));
        } else {
            self.end(reason);
        }
    }

    fn timeout(&mut self, now: Duration) {
        if let Some((at, reason)) = self.closing {
            if now >= at {
                self.end(reason);
            }
            return;
        }
        if let Link::Opened(by) | Link::Probed(by) = self.link
            && now >= by
        {
            self.give_trial_up();
        }
        match self.heartbeat {
            Heartbeat::PingAt(at) if now >= at => {
                // A moment's lateness is the server's; after a standstill the client has its time.
                let late = now - at;
                let since = if late < PING_LATENESS { at } else { now };
                self.heartbeat = Heartbeat::PongBy(since + self.settings.ping_timeout);
                self.send(&[Packet::Ping("").into()]);
            }
            Heartbeat::PongBy(by) if now >= by => self.end(Reason::PingTimeout),
            Heartbeat::PingAt(_) | Heartbeat::PongBy(_) => {}
        }
    }

    /// Ends it now: a poll that waits learns of it, a WebSocket is closed.
    fn end(&mut self, reason: Reason) {
        if self.is_over {
            return;
        }
        self.is_over = true;
        if self.polling && self.link != Link::Socket {
            self.answer_poll(&Packet::Close.into());
        }
        self.outbox.take_all();
        if self.link != Link::Polling {
            self.outputs.push_back(Output::CloseSocket);
        }
        self.outputs.push_back(Output::Closed(reason));
    }
}
