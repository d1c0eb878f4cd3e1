//! Where each command goes.

use parlor_protocol::chat::{React, Reaction};
use parlor_protocol::command::StreamPosition;
use parlor_protocol::frame::ServerFrame;
use parlor_protocol::member::Role;
use parlor_protocol::playback::{ClockPing, ClockPong};
use parlor_protocol::{CloseCode, Code, Command, Event, UserId, limits};

use crate::checks;
use crate::io::{ConnId, Departure, Now, Output, Pace, Principal, Refusal};
use crate::roles::{self, Act};
use crate::room::{Asker, Room};

impl Room {
    /// Carries out a command and answers it, at once or when it is stored.
    pub(crate) fn carry_out(
        &mut self,
        now: Now,
        asker: Asker,
        who: Principal,
        command: Command,
        fresh: u128,
    ) {
        self.keep_alive(now);
        let role = self.role(&who);
        if !self.is_heard(&asker, &who, role) {
            return self.answer(asker, Err(Code::Forbidden.into()));
        }
        let allowed = Act::of(&command).is_open_to(role, self.durable.settings.control);
        let outcome = match command {
            // Whether these are allowed is judged in their turn: what comes before may decide it.
            Command::ChatSend(_)
            | Command::ChatEdit(_)
            | Command::ChatDelete(_)
            | Command::QueueAdd(_)
            | Command::QueueRemove(_)
            | Command::QueueMove(_)
            | Command::QueueNext(_)
            | Command::RoleSet(_)
            | Command::Kick(_)
            | Command::Admit(_)
            | Command::TurnAway(_)
            | Command::Pardon(_)
            | Command::RoomUpdate(_) => return self.stage(asker, who, command, fresh),
            _ if !allowed => Err(Code::Forbidden.into()),
            Command::UpdatePlayback(update) => {
                self.update_playback(now, &asker, &who.user_id, update)
            }
            Command::React(react) => self.react(now, &who.user_id, react),
            Command::GoOn => {
                self.go_on(now);
                Ok(())
            }
            Command::SyncRequest => asker.conn().map(|conn| self.send_state(now, conn)),
            Command::ClockPing(ping) => asker.conn().map(|conn| self.pong(now, conn, ping)),
            Command::Resume(from) => asker.conn().map(|conn| self.resume(now, conn, &from)),
            Command::MemberState(state) => {
                asker.conn().and_then(|conn| self.member_state(now, conn, &who.user_id, state))
            }
            Command::Leave => return self.leave(now, asker),
            // Keeping alive was done, and the token was the driver's affair.
            Command::Heartbeat | Command::Auth(_) => Ok(()),
        };
        self.answer(asker, outcome);
    }

    /// Members have a say; from afar, over HTTP, only those who keep order have.
    fn is_heard(&self, asker: &Asker, who: &Principal, role: Role) -> bool {
        match asker {
            Asker::Conn(..) => true,
            Asker::Http(_) => {
                self.members.seat(&who.user_id).is_some() || roles::counts_from_afar(role)
            }
        }
    }

    fn leave(&mut self, now: Now, asker: Asker) {
        let conn = match asker.conn() {
            Ok(conn) => conn,
            Err(refusal) => return self.answer(asker, Err(refusal)),
        };
        self.answer(asker, Ok(()));
        self.output(Output::Close { conn, code: CloseCode::Normal });
        self.depart(now, conn, Departure::Left);
    }

    fn pong(&mut self, now: Now, conn: ConnId, ping: ClockPing) {
        let (rx, tx) = (now.clock_ms(), now.clock_ms());
        self.send(conn, Event::ClockPong(ClockPong { c: ping.c, rx, tx }));
    }

    fn send_state(&mut self, now: Now, conn: ConnId) {
        let state = self.state(now);
        self.send(conn, Event::SyncFullState(Box::new(state)));
        self.show_who_waits(conn);
    }

    /// Sends all that was told after a point of the stream; if that cannot be had, everything.
    fn resume(&mut self, now: Now, conn: ConnId, from: &StreamPosition) {
        let missed = self.stream.after(now.mono, from).map(Iterator::collect::<Vec<_>>);
        let Some(missed) = missed else { return self.send_state(now, conn) };
        for told in missed {
            let frame =
                ServerFrame { event: told.event.clone(), seq: told.seq, id: None, code: None };
            self.output(Output::Send { conn, frame });
        }
        let position = self.stream.position();
        self.send(conn, Event::Resumed(position));
    }

    fn react(&mut self, now: Now, user: &UserId, react: React) -> Result<(), Refusal> {
        let emoji = checks::line("emoji", react.emoji, 1..=limits::REACTION_CHARS)?;
        let loaded = self.timeline.medium.url.is_some();
        let current_time = loaded.then(|| self.timeline.position_ms(now.mono).round() as u64);
        let reaction = Reaction { user_id: user.clone(), emoji, current_time };
        self.tell(now, Event::Reaction(reaction), Pace::Batched);
        Ok(())
    }
}
