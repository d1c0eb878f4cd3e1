//! The room itself: where each input goes, and how outputs leave.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::event::{ClosedReason, RoomClosed};
use parlor_protocol::frame::{CommandId, ServerFrame};
use parlor_protocol::{CloseCode, Code, Command, Event, UserId, limits};

use crate::chat::Chat;
use crate::hold::Hold;
use crate::io::{
    AskId, ConnId, Founding, Input, Now, Output, Pace, Principal, Refusal, Snapshot, SnapshotFault,
    Told,
};
use crate::members::Members;
use crate::roles::Offices;
use crate::snapshot::{self, Durable};
use crate::stream::Stream;
use crate::timeline::Timeline;
use crate::timers::{Timer, Timers};

/// How long a permanent room stays loaded without anybody.
pub const UNLOAD_AFTER: Duration = Duration::from_secs(60);

/// A room where people watch together.
#[derive(Debug)]
pub struct Room {
    pub(crate) founding: Founding,
    pub(crate) durable: Durable,
    pub(crate) host: Option<UserId>,
    pub(crate) timeline: Timeline,
    pub(crate) hold: Hold,
    pub(crate) chat: Chat,
    pub(crate) members: Members,
    pub(crate) stream: Stream,
    pub(crate) timers: Timers,
    outputs: VecDeque<Output>,
    ended: bool,
}

/// Who waits for the answer to a command.
#[derive(Clone, Debug)]
pub(crate) enum Asker {
    /// A connection; without an id only a refusal is answered.
    Conn(ConnId, Option<CommandId>),
    /// A request over HTTP.
    Http(AskId),
}

impl Room {
    /// Makes a room nobody is in.
    pub fn new(_now: Now, mut founding: Founding) -> Self {
        let chat = Chat::new(std::mem::take(&mut founding.chat), founding.next_chat);
        Self {
            durable: Durable {
                settings: founding.settings.clone(),
                moderators: BTreeSet::new(),
                bans: BTreeSet::new(),
                queue: Vec::new(),
            },
            host: founding.creator.clone(),
            timeline: Timeline::default(),
            hold: Hold::default(),
            chat,
            members: Members::default(),
            stream: Stream::new(founding.epoch.clone()),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            ended: false,
            founding,
        }
    }

    /// Makes a room that goes on where a snapshot was taken, `elapsed` later: the film has run on,
    /// and the members' seats are kept for [`limits::RESTART_GRACE`].
    ///
    /// # Errors
    /// If the text is no snapshot of this room. Nothing is lost by beginning a [`Room::new`] then
    /// but what the snapshot held.
    pub fn restore(
        now: Now,
        founding: Founding,
        snapshot: &Snapshot,
        elapsed: Duration,
    ) -> Result<Self, SnapshotFault> {
        let written = snapshot.read_for(&founding.room_id)?;
        let mut room = Self::new(now, founding);
        room.durable = Durable { settings: room.durable.settings, ..written.durable };
        room.host = written.host;
        room.timeline = written.playback.resume(now.mono, elapsed);
        for seat in written.seats {
            let (who, joined_ms) = seat.into_parts();
            let timer = Timer::Seat(who.user_id.clone());
            room.timers.set(timer, now.mono + limits::RESTART_GRACE);
            room.members.take(who, joined_ms);
        }
        Ok(room)
    }

    /// Writes the room's durable state down.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        snapshot::write(
            now,
            &self.founding.room_id,
            &self.founding.boot,
            &self.durable,
            self.host.as_ref(),
            &self.timeline,
            &self.members,
        )
    }

    pub(crate) fn offices(&self) -> Offices<'_> {
        Offices {
            owner: self.founding.owner.as_ref(),
            host: self.host.as_ref(),
            moderators: &self.durable.moderators,
        }
    }

    /// Lets the room go through an input. Poll all outputs before the next one.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        if self.ended {
            return self.refuse_after_end(input);
        }
        match input {
            Input::Join { conn, who } => self.join(now, conn, who),
            Input::Depart { conn, how } => self.depart(now, conn, how),
            Input::Command { conn, id, command, fresh } => {
                if let Some(seat) = self.members.seat_of(conn) {
                    let who = seat.who.clone();
                    self.carry_out(now, Asker::Conn(conn, id), who, command, fresh);
                }
            }
            Input::Ask { ask, who, command, fresh } => {
                self.carry_out(now, Asker::Http(ask), who, command, fresh);
            }
            Input::Stored { .. } | Input::Touch | Input::Timeout => {}
            Input::Close { reason } => self.end(now, reason),
        }
        while let Some((at, timer)) = self.timers.pop_due(now.mono) {
            self.expire(now, at, timer);
        }
    }

    /// Takes the next output, in the order in which they are to be carried out.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns the moment of the server's clock at which the room wants [`Input::Timeout`].
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.timers.next()
    }

    fn carry_out(&mut self, now: Now, asker: Asker, _who: Principal, command: Command, _: u128) {
        let _ = (now, command);
        self.answer(asker, Err(Code::Unavailable.into()));
    }

    fn expire(&mut self, now: Now, at: Duration, timer: Timer) {
        let _ = at;
        match timer {
            Timer::Seat(user) => self.free_seat(now, &user),
            _ => {}
        }
    }

    /// Ends the room: everybody is told and sent away.
    fn end(&mut self, now: Now, reason: ClosedReason) {
        self.ended = true;
        self.timers.clear();
        self.tell(now, Event::RoomClosed(RoomClosed { reason }), Pace::Now);
        for conn in self.members.connections().collect::<Vec<_>>() {
            self.output(Output::Close { conn, code: CloseCode::RoomGone });
        }
        self.members = Members::default();
        self.output(Output::Ended(reason));
    }

    fn refuse_after_end(&mut self, input: Input) {
        match input {
            Input::Join { conn, .. } => self.turn_away(conn, Code::RoomNotFound.into()),
            Input::Ask { ask, .. } => {
                self.answer(Asker::Http(ask), Err(Code::RoomNotFound.into()));
            }
            Input::Depart { .. }
            | Input::Command { .. }
            | Input::Stored { .. }
            | Input::Touch
            | Input::Close { .. }
            | Input::Timeout => {}
        }
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// Tells everybody; the event takes its place in the stream, unless it is volatile.
    pub(crate) fn tell(&mut self, now: Now, event: Event, pace: Pace) -> Arc<Told> {
        let told = self.stream.tell(now.mono, event);
        self.output(Output::Broadcast { told: Arc::clone(&told), pace });
        told
    }

    /// Tells one connection something outside the stream.
    pub(crate) fn send(&mut self, conn: ConnId, event: Event) {
        let frame = ServerFrame { event, seq: None, id: None, code: None };
        self.output(Output::Send { conn, frame });
    }

    /// Answers a command.
    pub(crate) fn answer(&mut self, asker: Asker, outcome: Result<(), Refusal>) {
        match (asker, outcome) {
            (Asker::Http(ask), outcome) => self.output(Output::Answer { ask, outcome }),
            (Asker::Conn(_, None), Ok(())) => {}
            (Asker::Conn(conn, Some(id)), Ok(())) => {
                let frame = ServerFrame { event: Event::Ack, seq: None, id: Some(id), code: None };
                self.output(Output::Send { conn, frame });
            }
            (Asker::Conn(conn, id), Err(refusal)) => {
                let frame = ServerFrame {
                    event: Event::Error(refusal.message),
                    seq: None,
                    id,
                    code: Some(refusal.code),
                };
                self.output(Output::Send { conn, frame });
            }
        }
    }

    /// Tells a connection why it cannot come in, and closes it.
    pub(crate) fn turn_away(&mut self, conn: ConnId, refusal: Refusal) {
        let code = refusal.code.close();
        self.answer(Asker::Conn(conn, None), Err(refusal));
        self.output(Output::Close { conn, code });
    }
}
