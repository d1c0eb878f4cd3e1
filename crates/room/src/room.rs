//! The room itself: where each input goes, and how outputs leave.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::event::ClosedReason;
use parlor_protocol::frame::{CommandId, ServerFrame};
use parlor_protocol::member::HostChanged;
use parlor_protocol::{Code, Event, UserId};

use crate::chat::Chat;
use crate::checks;
use crate::commit::Commit;
use crate::crowd::Crowd;
use crate::door::Door;
use crate::hold::Hold;
use crate::io::{
    AskId, ConnId, Founding, Input, Life, Now, Output, Pace, Refusal, Snapshot, SnapshotFault,
};
use crate::members::Members;
use crate::roles::Offices;
use crate::snapshot::{self, Durable, Written};
use crate::stream::Stream;
use crate::timeline::Timeline;
use crate::timers::{Timer, Timers};

/// A room where people watch together.
#[derive(Debug)]
pub struct Room {
    /// What the room was made from; its settings and chat have moved to where they change.
    pub(crate) founding: Founding,
    /// What only changes by being committed.
    pub(crate) durable: Arc<Durable>,
    /// Who is host: until succeeded the creator, present or not; `None` when all have left.
    pub(crate) host: Option<UserId>,
    pub(crate) timeline: Timeline,
    pub(crate) hold: Hold,
    pub(crate) chat: Chat,
    pub(crate) members: Members,
    pub(crate) crowd: Crowd,
    pub(crate) door: Door,
    pub(crate) stream: Stream,
    pub(crate) commit: Commit,
    pub(crate) timers: Timers,
    pub(crate) ended: bool,
    outputs: VecDeque<Output>,
}

/// Who waits for the answer to a command.
#[derive(Clone, Debug)]
pub(crate) enum Asker {
    /// A connection; without an id only a refusal is answered.
    Conn(ConnId, Option<CommandId>),
    /// A request over HTTP.
    Http(AskId),
}

impl Asker {
    /// Returns the connection, where a command makes no sense without one.
    pub(crate) fn conn(&self) -> Result<ConnId, Refusal> {
        match self {
            Asker::Conn(conn, _) => Ok(*conn),
            Asker::Http(_) => Err(checks::invalid("That needs a connection to the room")),
        }
    }
}

impl Room {
    /// Makes a room nobody is in.
    pub fn new(now: Now, mut founding: Founding) -> Self {
        let durable = Durable {
            settings: founding.settings.clone(),
            moderators: BTreeSet::new(),
            bans: BTreeSet::new(),
            passes: BTreeMap::new(),
            queue: Vec::new(),
            added: VecDeque::new(),
        };
        let host = founding.creator.clone();
        let mut room = Self {
            hold: Hold::new(durable.settings.wait, host.clone()),
            durable: Arc::new(durable),
            host,
            timeline: Timeline::default(),
            chat: Chat::new(std::mem::take(&mut founding.chat), founding.next_chat),
            members: Members::default(),
            crowd: Crowd::default(),
            door: Door::default(),
            stream: Stream::new(founding.epoch.clone()),
            commit: Commit::default(),
            timers: Timers::default(),
            ended: false,
            outputs: VecDeque::new(),
            founding,
        };
        if let Life::Messages { left, .. } = room.founding.life {
            room.timers.set(Timer::Vanish, now.mono + left);
        }
        room.watch_for_idleness(now);
        room
    }

    /// Makes a room that goes on where a snapshot was taken, `elapsed` later: the film has run on,
    /// and the members' seats are kept for [`Founding::seats_kept`]. Outputs may be waiting at once:
    /// who is present. After [`Room::farewell`] the stream of events goes on as well.
    ///
    /// # Errors
    /// If the text is no snapshot of this room. Begin a [`Room::new`] then: nothing is lost but
    /// what the snapshot held.
    pub fn restore(
        now: Now,
        founding: Founding,
        snapshot: &Snapshot,
        elapsed: Duration,
    ) -> Result<Self, SnapshotFault> {
        let written = snapshot.read_for(&founding.room_id)?;
        let mut room = Self::new(now, founding);
        let stream =
            written.stream.and_then(|it| it.resume(now.mono, elapsed, room.founding.reign));
        let goes_on = stream.is_some();
        if let Some(stream) = stream {
            room.stream = stream;
        }
        let settings = room.durable.settings.clone();
        room.durable = Arc::new(Durable { settings, ..written.durable.into_owned() });
        room.timeline = written.playback.resume(now.mono, elapsed);
        for seat in written.seats {
            let (who, joined_ms) = seat.into_parts();
            room.keep_seat(now, who, joined_ms);
        }
        room.host = written.host.map(Cow::into_owned);
        let host_is_lost = room.host != room.founding.creator
            && room.host.as_ref().is_none_or(|host| room.members.seat(host).is_none());
        if host_is_lost {
            room.host = room.members.longest_present().cloned();
        }
        room.rule_changed(now);
        if goes_on {
            room.tell_what_changed_hands(now, host_is_lost);
        }
        Ok(room)
    }

    /// Tells those who will resume what is not as they heard it last: the clock, and who is there.
    fn tell_what_changed_hands(&mut self, now: Now, host_changed: bool) {
        let seats: Vec<UserId> =
            self.members.in_order(None).map(|seat| seat.user().clone()).collect();
        for user in seats {
            self.tell_member(now, &user);
        }
        if let Some(host) = self.host.clone().filter(|_| host_changed) {
            let changed = HostChanged { new_host_id: host };
            self.tell(now, Event::HostChanged(changed), Pace::Batched);
        }
        self.timeline.changed_by_room(now);
        self.tell_playback(now, None);
    }

    /// Writes the room's durable state down.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        self.write_snapshot(now, &self.durable, self.host.as_ref(), &self.timeline)
    }

    /// Writes the room down for the owner that follows, its stream of events too: who resumes there
    /// gets what it missed here. Nobody may be told anything of the room after that.
    ///
    /// In a crowd, whose seats are not kept, and after a fault of the store the stream ends.
    pub fn farewell(&self, now: Now) -> Snapshot {
        let mut written = self.write(now, &self.durable, self.host.as_ref(), &self.timeline);
        let goes_on = !self.is_crowd(self.members.count()) && self.knows_what_is_stored();
        written.stream = goes_on.then(|| self.stream.write(now.mono, self.founding.reign));
        written.into_snapshot()
    }

    pub(crate) fn write_snapshot(
        &self,
        now: Now,
        durable: &Durable,
        host: Option<&UserId>,
        timeline: &Timeline,
    ) -> Snapshot {
        self.write(now, durable, host, timeline).into_snapshot()
    }

    fn write<'a>(
        &'a self,
        now: Now,
        durable: &'a Durable,
        host: Option<&'a UserId>,
        timeline: &'a Timeline,
    ) -> Written<'a> {
        let Founding { room_id, boot, .. } = &self.founding;
        snapshot::write(now, room_id, boot, durable, host, timeline, &self.members)
    }

    /// Lets the room go through an input. Poll all outputs before the next one.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        while let Some((_, timer)) = self.timers.pop_due(now.mono) {
            self.expire(now, timer);
        }
        if self.ended {
            return self.refuse_after_end(input);
        }
        match input {
            Input::Join { conn, who } => self.join(now, conn, who),
            Input::Depart { conn, how } => self.depart(now, conn, how),
            Input::Command { conn, id, command, fresh } => {
                if let Some(seat) = self.members.seat_of(conn) {
                    let who = seat.who();
                    self.carry_out(now, Asker::Conn(conn, id), who, command, fresh);
                }
            }
            Input::Ask { ask, who, command, fresh } => {
                self.carry_out(now, Asker::Http(ask), who, command, fresh);
            }
            Input::Knock { ask, who, proof, message } => self.knock(now, ask, who, proof, message),
            Input::Enter { ask, who } => self.enter(now, ask, who),
            Input::Stored { batch, outcome } => self.stored(now, batch, outcome),
            Input::Inherit { from, to } => self.inherit(now, &from, &to),
            Input::Touch => self.keep_alive(now),
            Input::Close { reason } => self.end(now, reason),
            Input::Timeout => {}
        }
        self.store_what_waits(now);
    }

    /// Takes the next output, in the order in which they are to be carried out.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns the moment of the server's clock at which the room wants [`Input::Timeout`].
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.timers.next()
    }

    fn expire(&mut self, now: Now, timer: Timer) {
        match timer {
            Timer::Seat(user) => self.free_seat(now, &user),
            Timer::Patience(user) => {
                self.hold.look_at(now.mono, &mut self.timers, &user);
                self.settle(now);
            }
            Timer::Hold => self.go_on(now),
            Timer::Members => self.tell_crowd(now),
            Timer::Callers => self.look_for_callers(now),
            Timer::Snapshot => self.snapshot_is_due(),
            Timer::Idle => self.idle(now),
            Timer::Vanish => self.end(now, ClosedReason::Vanished),
        }
    }

    fn refuse_after_end(&mut self, input: Input) {
        match input {
            Input::Join { conn, .. } => self.turn_away(conn, Code::RoomNotFound.into()),
            Input::Ask { ask, .. } | Input::Knock { ask, .. } | Input::Enter { ask, .. } => {
                self.answer(Asker::Http(ask), Err(Code::RoomNotFound.into()));
            }
            Input::Depart { .. }
            | Input::Command { .. }
            | Input::Stored { .. }
            | Input::Inherit { .. }
            | Input::Touch
            | Input::Close { .. }
            | Input::Timeout => {}
        }
    }

    pub(crate) fn offices(&self) -> Offices<'_> {
        Offices {
            owner: self.founding.owner.as_ref(),
            host: self.host.as_ref(),
            moderators: &self.durable.moderators,
        }
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// Tells everybody; the event takes its place in the stream, unless it is volatile.
    pub(crate) fn tell(&mut self, now: Now, event: Event, pace: Pace) {
        let told = self.stream.tell(now.mono, event);
        self.output(Output::Broadcast { told, pace });
    }

    /// Tells one connection something outside the stream.
    pub(crate) fn send(&mut self, conn: ConnId, event: Event) {
        let frame = ServerFrame { event, seq: None, id: None, code: None };
        self.output(Output::Send { conn, frame });
    }

    /// Answers a command. Nobody is there to be told if its connection is gone.
    pub(crate) fn answer(&mut self, asker: Asker, outcome: Result<(), Refusal>) {
        match (asker, outcome) {
            (Asker::Http(ask), outcome) => {
                let outcome = outcome.map(|()| None);
                self.output(Output::Answer { ask, outcome });
            }
            (Asker::Conn(conn, _), _) if self.members.seat_of(conn).is_none() => {}
            (Asker::Conn(_, None), Ok(())) => {}
            (Asker::Conn(conn, id), Ok(())) => {
                let frame = ServerFrame { event: Event::Ack, seq: None, id, code: None };
                self.output(Output::Send { conn, frame });
            }
            (Asker::Conn(conn, id), Err(refusal)) => self.refuse(conn, id, refusal),
        }
    }

    /// Answers a command that said something: over HTTP the message's id is part of the answer.
    pub(crate) fn answer_said(&mut self, asker: Asker, message: Option<String>) {
        match asker {
            Asker::Http(ask) => self.output(Output::Answer { ask, outcome: Ok(message) }),
            Asker::Conn(..) => self.answer(asker, Ok(())),
        }
    }

    fn refuse(&mut self, conn: ConnId, id: Option<CommandId>, refusal: Refusal) {
        let Refusal { code, message } = refusal;
        let frame = ServerFrame { event: Event::Error(message), seq: None, id, code: Some(code) };
        self.output(Output::Send { conn, frame });
    }

    /// Tells a connection why it cannot come in, and closes it.
    pub(crate) fn turn_away(&mut self, conn: ConnId, refusal: Refusal) {
        let code = refusal.code.close();
        self.refuse(conn, None, refusal);
        self.output(Output::Close { conn, code });
    }
}
