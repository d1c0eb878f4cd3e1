//! What a connection says, packet by packet, and who says it.

use std::collections::VecDeque;
use std::time::Duration;

use parlor_dialects::engineio::packet::Packet;
use parlor_dialects::engineio::{Data, Input, Malformed, Outgoing, Reason};
use parlor_dialects::socketio::recovery::EVENTS;
use parlor_dialects::socketio::{Assembler, Kind, Whole, encode};
use parlor_protocol::limits::{EVENT_BYTES, EVENTS_WAITING, SOCKETS_PER_PERSON};
use parlor_protocol::{CloseCode, Code};
use serde_json::json;

use super::group::Whom;
use super::{ClientKey, service};
use crate::auth::Verified;
use crate::http::limits::AddressKey;
use crate::hub::flood::{Flood, Verdict};
use crate::hub::{Hub, HubRef};
use crate::sockets::{Layer, Recovery};

/// Bytes of the packets of one connection that wait for those before them.
const WAITING_BYTES: usize = 2 * EVENT_BYTES;

/// The Socket.IO side of a connection.
pub(super) struct Speech {
    assembler: Assembler,
    flood: Flood,
    /// The namespaces it is in.
    pub(super) joined: Vec<Joined>,
    /// Whose it is, once that is proved.
    pub(super) who: Option<Box<Verified>>,
    /// Whether its client wants to be told what it missed when it comes back.
    pub(super) recovers: bool,
    /// From where it may say without proof which external user it speaks for.
    pub(super) claims_from: Option<AddressKey>,
    /// What is kept for that.
    pub(super) recovery: Option<Box<Recovery>>,
    /// What it was told before it was in a namespace.
    held: Vec<Outgoing>,
    /// Packets that wait for those before them.
    waiting: VecDeque<Whole>,
    waiting_bytes: usize,
    /// Whether a task carries them out.
    is_served: bool,
    /// When it ends, if by then it is in no namespace or has not proved whose it is.
    pub(super) by: Option<Duration>,
    /// When it ends, if nothing newer proves its person by then.
    until: Option<Duration>,
}

/// A namespace that a connection is in.
pub(super) struct Joined {
    pub(super) namespace: &'static str,
    /// What the connection is called there.
    pub(super) id: Box<str>,
}

impl Speech {
    pub(super) fn begin(
        by: Option<Duration>,
        recovers: bool,
        claims_from: Option<AddressKey>,
    ) -> Self {
        Self {
            assembler: Assembler::default(),
            flood: Flood::default(),
            joined: Vec::new(),
            who: None,
            recovers,
            claims_from,
            recovery: None,
            held: Vec::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            is_served: false,
            by,
            until: None,
        }
    }

    /// Returns what is held, as it is to be told. What the client had elsewhere was told there.
    pub(super) fn let_go(&mut self) -> Vec<Outgoing> {
        let mut held = std::mem::take(&mut self.held);
        let Some(recovery) = &mut self.recovery else { return held };
        held.retain(|event| !recovery.log.holds(event));
        held.iter().map(|event| recovery.log.keep(event)).collect()
    }

    /// Returns when it may have to end.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.by.into_iter().chain(self.until).min()
    }
}

impl Hub {
    /// Takes one message.
    pub(super) fn client_said(&mut self, me: &HubRef, key: ClientKey, data: Data) {
        let now = self.tools.clock.now().mono;
        let Some(client) = self.clients.all.get_mut(key) else { return };
        if client.layer == Layer::Echo {
            let echo = match data {
                Data::Text(text) => Packet::Message(&text).into(),
                Data::Binary(bytes) => Outgoing::Binary(bytes.into()),
            };
            return client.session.handle_input(now, Input::Send(&[echo]));
        }
        let whole = match client.speech.assembler.take(data) {
            Ok(Some(whole)) => whole,
            Ok(None) => return,
            Err(Malformed(why)) => {
                tracing::debug!(why, "a Socket.IO client breaks the protocol");
                return client.session.handle_input(now, Input::Close(Reason::Malformed));
            }
        };
        let verdict = match self.tools.no_rate_limits {
            true => Verdict::Take,
            false => client.speech.flood.judge(now),
        };
        match verdict {
            Verdict::Take => self.packet(me, key, whole),
            Verdict::Drop => {}
            Verdict::Refuse => self.refuse(me, key, &whole, Code::RateLimited),
            Verdict::End => self.end_wire(me, key, CloseCode::Flooding),
        }
    }

    /// Counts what is no packet against the rate of a connection; `false` once it is a flood.
    pub(super) fn is_bearable(&mut self, key: ClientKey) -> bool {
        let now = self.tools.clock.now().mono;
        let Some(client) = self.clients.all.get_mut(key) else { return false };
        self.tools.no_rate_limits || client.speech.flood.judge(now) != Verdict::End
    }

    fn packet(&mut self, me: &HubRef, key: ClientKey, whole: Whole) {
        let now = self.tools.clock.now().mono;
        let Some(client) = self.clients.all.get_mut(key) else { return };
        match whole.kind {
            Kind::Connect | Kind::Disconnect | Kind::Event => {}
            // We ask for none.
            Kind::Ack => return,
            // Only servers refuse.
            Kind::ConnectError => {
                return client.session.handle_input(now, Input::Close(Reason::Malformed));
            }
        }
        let speech = &mut client.speech;
        let size = whole.size_bytes();
        let is_full = speech.waiting.len() >= EVENTS_WAITING
            || (speech.waiting_bytes + size > WAITING_BYTES && !speech.waiting.is_empty());
        if is_full {
            return self.refuse(me, key, &whole, Code::Busy);
        }
        speech.waiting_bytes += size;
        speech.waiting.push_back(whole);
        if !std::mem::replace(&mut speech.is_served, true) {
            tokio::task::spawn_local(service::serve(me.clone(), key));
        }
    }

    /// Takes the packet that waits longest; without one nobody serves the connection any more.
    pub(super) fn next_packet(&mut self, key: ClientKey) -> Option<Whole> {
        let speech = &mut self.clients.all.get_mut(key)?.speech;
        match speech.waiting.pop_front() {
            Some(whole) => {
                speech.waiting_bytes -= whole.size_bytes();
                Some(whole)
            }
            None => {
                speech.is_served = false;
                speech.waiting = VecDeque::new();
                None
            }
        }
    }

    /// Tells a client that an event is not looked at.
    fn refuse(&mut self, me: &HubRef, key: ClientKey, whole: &Whole, code: Code) {
        let packet = service::refusal(whole, code.message(), code);
        self.send_client(me, key, &[packet]);
    }

    /// Sends a connection packets; `false` if it takes none any more.
    pub(super) fn send_client(
        &mut self,
        me: &HubRef,
        key: ClientKey,
        packets: &[Outgoing],
    ) -> bool {
        let is_open = |client: &super::Client| client.session.is_open();
        if !self.clients.all.get(key).is_some_and(is_open) {
            return false;
        }
        self.feed_client(me, key, Input::Send(packets));
        self.clients.all.get(key).is_some_and(is_open)
    }

    /// Tells a connection an event, which is kept if its client may come back for it; `false` if it
    /// takes none any more.
    pub(super) fn tell_client(&mut self, me: &HubRef, key: ClientKey, event: &Outgoing) -> bool {
        let Some(client) = self.clients.all.get_mut(key) else { return false };
        if client.speech.joined.is_empty() {
            // Who comes back is told behind what was missed, and has not taken it yet.
            if client.speech.held.len() < EVENTS {
                client.speech.held.push(event.clone());
            }
            return false;
        }
        let event = match &mut client.speech.recovery {
            Some(recovery) => recovery.log.keep(event),
            None => event.clone(),
        };
        self.send_client(me, key, &[event])
    }

    /// Ends a connection for good: its client is told why, and does not come back by itself.
    pub(super) fn send_out(&mut self, me: &HubRef, key: ClientKey, code: Code) {
        let Some(client) = self.clients.all.get(key) else { return };
        let why = json!({ "event": null, "error": code.message(), "code": code });
        let mut packets = Vec::new();
        for joined in &client.speech.joined {
            packets.push(encode::event(joined.namespace, "error", &why));
            packets.push(encode::disconnect(joined.namespace));
        }
        self.send_client(me, key, &packets);
        self.feed_client(me, key, Input::Close(Reason::Ended));
    }

    /// Ends a connection that was given time and did not use it.
    pub(super) fn time_is_up(&mut self, me: &HubRef, key: ClientKey, now: Duration) {
        let Some(client) = self.clients.all.get_mut(key) else { return };
        let is_old = client.speech.until.is_some_and(|until| until <= now);
        // The session takes what time it needs to end; this is said once.
        client.speech.by = None;
        client.speech.until = None;
        self.send_out(me, key, if is_old { Code::InvalidToken } else { Code::MissingToken });
    }

    /// Puts a person behind a connection, or a newer login of the same one.
    ///
    /// # Errors
    /// [`Code::Forbidden`] for another person than before; [`Code::RateLimited`] if the person has too
    /// many connections.
    pub(super) fn prove(&mut self, key: ClientKey, verified: Verified) -> Result<(), Code> {
        let now = self.tools.clock.now().mono;
        let life = self.tools.auth.socket_life(verified.login.as_ref());
        let user = verified.who.user_id.clone();
        // It went away while its token was looked at.
        let client = self.clients.all.get_mut(key).ok_or(Code::Unavailable)?;
        let is_new = client.speech.who.is_none();
        match &client.speech.who {
            Some(before) if before.who.user_id != user => return Err(Code::Forbidden),
            Some(_) => {}
            None => {
                let of_user = self
                    .clients
                    .by_user
                    .entry(user.clone())
                    .or_insert_with(|| Vec::with_capacity(1));
                if of_user.len() >= SOCKETS_PER_PERSON && !self.tools.no_rate_limits {
                    return Err(Code::RateLimited);
                }
                of_user.push(key);
                // A guest has no contacts who could see it.
                if of_user.len() == 1 && !verified.who.is_guest {
                    self.tools.app.courier.note(&user, true);
                }
            }
        }
        client.speech.who = Some(Box::new(verified));
        client.speech.by = None;
        client.speech.until = life.map(|life| now + life);
        if is_new {
            self.join_group(key, &Whom::Person(user));
        }
        self.reschedule_client(key);
        Ok(())
    }

    /// Takes a connection out of a namespace it leaves.
    pub(super) fn leave_namespace(&mut self, key: ClientKey, namespace: &str) {
        let by = self.tools.clock.now().mono + self.tools.app.config.sockets.proof_wait;
        let Some(client) = self.clients.all.get_mut(key) else { return };
        let joined = &mut client.speech.joined;
        let Some(place) = joined.iter().position(|joined| joined.namespace == namespace) else {
            return;
        };
        let namespace = joined.remove(place).namespace;
        let is_last = joined.is_empty();
        self.leave_group(key, &Whom::Namespace(namespace));
        let Some(client) = self.clients.all.get_mut(key).filter(|_| is_last) else { return };
        // Whoever comes and goes without having proved anything gains no time by it.
        client.speech.by.get_or_insert(by);
        client.speech.until = None;
        client.speech.recovery = None;
        if let Some(verified) = client.speech.who.take() {
            self.forget_of_user(&verified.who, key);
        }
        self.reschedule_client(key);
    }
}
