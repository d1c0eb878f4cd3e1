//! What a connection says, before the room hears it: framing, rate limits, the clock, renewal.

use parlor_dialects::native;
use parlor_dialects::websocket::{self, Message};
use parlor_protocol::command::Auth as Renewal;
use parlor_protocol::frame::{CommandId, ServerFrame};
use parlor_protocol::playback::{ClockPing, ClockPong};
use parlor_protocol::{CloseCode, Code, Command, Event, LoginId};
use parlor_room::{Departure, Input};

use super::connection::{Conn, conn_id};
use super::flood::Verdict;
use super::{ConnKey, Hub, HubRef};

/// Appends an `ERROR` frame.
pub(super) fn append_error(out: &mut Vec<u8>, code: Code) {
    let frame = error(code, code.message().into(), None);
    websocket::append_text(out, |out| native::encode(out, &frame));
}

/// Appends an `ACK` frame.
pub(super) fn append_ack(out: &mut Vec<u8>, id: Option<CommandId>) {
    let frame = ServerFrame { event: Event::Ack, seq: None, id, code: None };
    websocket::append_text(out, |out| native::encode(out, &frame));
}

/// Appends an event without a number.
pub(super) fn append_event(out: &mut Vec<u8>, event: &Event) {
    websocket::append_text(out, |out| native::encode_event(out, event, None));
}

fn error(code: Code, message: String, id: Option<CommandId>) -> ServerFrame {
    ServerFrame { event: Event::Error(message), seq: None, id, code: Some(code) }
}

impl Hub {
    /// Takes one message; says whether more are wanted.
    pub(super) fn message(&mut self, me: &HubRef, key: ConnKey, message: Message<'_>) -> bool {
        let is_heard = |conn: &Conn| conn.closing.is_none() && conn.attached && !self.draining;
        if !self.conns.get(key).is_some_and(is_heard) {
            return false;
        }
        if !self.tools.no_rate_limits && !self.not_flooding(me, key) {
            return self.conns.get(key).is_some_and(|conn| conn.attached);
        }
        match message {
            Message::Text(text) => self.text(me, key, text),
            Message::Ping(payload) => {
                let mut pong = Vec::new();
                websocket::append_pong(&mut pong, payload);
                self.write_now(me, key, &pong);
                true
            }
            // The decoder of a room's socket takes none.
            Message::Binary(_) => false,
            Message::Pong => true,
            Message::Close(code) => {
                let left = code == Some(CloseCode::Normal.number());
                let how = if left { Departure::Left } else { Departure::Broken };
                // The peer's own code is its answer (RFC 6455, section 5.5.1).
                self.hang_up(me, key, code.unwrap_or(CloseCode::Normal.number()), "", how);
                false
            }
        }
    }

    /// Judges one message of a connection by its rate; `false` if it is not to be looked at.
    fn not_flooding(&mut self, me: &HubRef, key: ConnKey) -> bool {
        let now = self.tools.clock.now().mono;
        let Some(conn) = self.conns.get_mut(key) else { return false };
        match conn.flood.judge(now) {
            Verdict::Take => true,
            Verdict::Drop => false,
            Verdict::Refuse => {
                let code = Code::RateLimited;
                self.send(key, &error(code, code.message().into(), None));
                false
            }
            Verdict::End => {
                let code = CloseCode::Flooding.number();
                self.hang_up(me, key, code, "too many messages", Departure::Broken);
                false
            }
        }
    }

    fn text(&mut self, me: &HubRef, key: ConnKey, text: &str) -> bool {
        let decoded = match native::decode(text) {
            Ok(decoded) => decoded,
            Err(rejected) => {
                self.send(key, &error(rejected.code, rejected.message, rejected.id));
                return true;
            }
        };
        let Some(room) = self.conns.get(key).map(|conn| conn.room) else { return false };
        match decoded.command {
            Command::Auth(renewal) => self.renew(me, key, decoded.id, renewal),
            // The clock of a room is that of its node.
            command if self.forward_text(room, conn_id(key), text) => {
                return command != Command::Leave;
            }
            Command::ClockPing(ping) => self.pong(me, key, ping, decoded.id),
            command => {
                let fresh = rand::random();
                let leaves = command == Command::Leave;
                let input = Input::Command { conn: conn_id(key), id: decoded.id, command, fresh };
                self.turn(me, room, input);
                return !leaves;
            }
        }
        true
    }

    /// Answers a clock ping outside the room, so that nothing but the wire adds to it.
    fn pong(&mut self, me: &HubRef, key: ConnKey, ping: ClockPing, id: Option<CommandId>) {
        let Some(conn) = self.conns.get(key) else { return };
        let rx = conn.heard.as_secs_f64() * 1e3;
        let tx = self.tools.clock.now_ms();
        let pong = Event::ClockPong(ClockPong { c: ping.c, rx, tx });
        let mut bytes = Vec::with_capacity(128);
        append_event(&mut bytes, &pong);
        self.write_now(me, key, &bytes);
        if id.is_some() {
            self.send(key, &ServerFrame { event: Event::Ack, seq: None, id, code: None });
        }
    }

    /// Puts another login of the same person behind a connection.
    fn renew(&mut self, me: &HubRef, key: ConnKey, id: Option<CommandId>, renewal: Renewal) {
        let me = me.clone();
        let auth = self.tools.auth.clone();
        tokio::task::spawn_local(async move {
            let verified = auth.verify_token(&renewal.token).await;
            let mut hub = me.borrow_mut();
            let now = hub.tools.clock.now().mono;
            let Some(conn) = hub.conns.get_mut(key) else { return };
            let outcome = match verified {
                Ok(verified) if verified.who.user_id == conn.who.user_id => {
                    let life = auth.socket_life(verified.login.as_ref());
                    conn.until = life.map(|life| now + life);
                    conn.login = verified.login;
                    Ok(())
                }
                Ok(_) => Err(Code::Forbidden),
                Err(code) => Err(code),
            };
            match (outcome, id) {
                (Ok(()), None) => {}
                (Ok(()), id) => {
                    hub.send(key, &ServerFrame { event: Event::Ack, seq: None, id, code: None });
                }
                (Err(code), id) => hub.send(key, &error(code, code.message().into(), id)),
            }
        });
    }

    /// Sends one connection a frame of its own, behind what its room has said so far.
    pub(super) fn send(&mut self, key: ConnKey, frame: &ServerFrame) {
        let Some(conn) = self.conns.get(key) else { return };
        let (room, framing) = (conn.room, conn.framing);
        if let Some(slot) = self.rooms.get_mut(room) {
            slot.batch(framing).send(conn_id(key), frame);
            self.touch(room);
        }
    }

    /// Closes every connection behind a login that was revoked.
    pub(super) fn end_login(&mut self, me: &HubRef, login: &LoginId) {
        let ended: Vec<ConnKey> = self
            .conns
            .iter()
            .filter(|(_, conn)| conn.login.as_ref() == Some(login))
            .map(|(key, _)| key)
            .collect();
        for key in ended {
            let code = CloseCode::LoginEnded.number();
            self.hang_up(me, key, code, "this login has ended", Departure::Broken);
        }
    }
}
