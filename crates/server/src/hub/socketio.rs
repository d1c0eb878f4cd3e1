//! Connections by Socket.IO: what each is, and the turns of its session.
//!
//! Such a connection belongs to somebody, not to a room. Its session (`parlor-dialects`) says what is
//! done with its requests and its WebSocket; `wire.rs` is the WebSocket, `speech.rs` what the messages
//! say, `service.rs` answers them one after the other, `group.rs` tells many the same at once.

mod claim;
mod desk;
mod group;
mod recovery;
mod service;
mod speech;
mod wire;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use hashbrown::HashMap;
use parlor_dialects::engineio::{Input, Output, Reason, Session, Transport};
use parlor_protocol::{LoginId, UserId};
use parlor_room::Principal;
use slotmap::SlotMap;

pub use desk::Desk;
use group::{Group, Whom};
use recovery::Away;
use speech::Speech;
use wire::Wire;

use super::{Hub, HubRef};
use crate::auth::Verified;
use crate::sockets::{Ask, Claim, Declined, Entry, Layer, Lost, Opening, Reply, Sid, SocketErrand};

slotmap::new_key_type! {
    /// Names a Socket.IO connection of this hub; never used twice.
    pub struct ClientKey;
}

/// The Socket.IO connections of one core.
#[derive(Default)]
pub(super) struct Clients {
    all: SlotMap<ClientKey, Client>,
    by_sid: HashMap<Sid, ClientKey>,
    /// Connections that have proved whose they are.
    by_user: HashMap<UserId, Vec<ClientKey>>,
    /// When each wants to be woken.
    deadlines: BTreeSet<(Duration, ClientKey)>,
    /// What is kept for those who may come back.
    away: Away,
    /// Connections whose frames leave when the present turn ends.
    touched: Vec<ClientKey>,
    /// What is told to many in the present turn.
    groups: Vec<Group>,
    /// The place of each among them.
    group_of: HashMap<Whom, u32>,
}

/// A connection.
struct Client {
    sid: Sid,
    layer: Layer,
    session: Session,
    /// By what its last request showed that it belongs here.
    claim: Claim,
    /// Whose its first request was, if it had a good token.
    identity: Option<Box<Verified>>,
    /// GETs that are not answered: the one that waits, and for a moment one too many.
    polls: VecDeque<Reply<Vec<u8>>>,
    /// POSTs that are not answered.
    posts: VecDeque<Reply<Vec<u8>>>,
    /// Who wants to open a WebSocket.
    upgrade: Option<Reply<()>>,
    wire: Option<Box<Wire>>,
    speech: Speech,
    /// What `deadlines` holds for it.
    deadline: Option<Duration>,
}

impl Clients {
    /// Returns when somebody wants to be woken.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let client = self.deadlines.first().map(|(at, _)| *at);
        client.into_iter().chain(self.away.next_deadline()).min()
    }
}

impl Hub {
    /// Runs an errand of Socket.IO.
    pub(super) fn socket_errand(&mut self, me: &HubRef, errand: SocketErrand) {
        // In all replies: whoever asked may be gone; then nobody needs the answer.
        match errand {
            SocketErrand::Open(opening) => self.open_client(me, *opening),
            SocketErrand::Ask(sid, Ask::Poll(claim), reply) => {
                // What its client has said over a WebSocket before it polls comes first.
                if let Some(key) = self.clients.by_sid.get(&sid).copied()
                    && self.clients.all.get(key).is_some_and(|it| it.session.is_on_trial())
                {
                    self.read_client(me, key);
                }
                self.begin_request(me, sid, claim, reply, Input::Poll);
            }
            SocketErrand::Ask(sid, Ask::PostBegins(claim), reply) => {
                self.begin_request(me, sid, claim, reply, Input::PostBegins);
            }
            SocketErrand::Ask(sid, Ask::Post(body), reply) => {
                let Some(key) = self.clients.by_sid.get(&sid).copied() else { return };
                if !self.is_bearable(key) {
                    return self.feed_client(me, key, Input::PostLost);
                }
                if let Some(client) = self.clients.all.get_mut(key) {
                    client.posts.push_back(reply);
                }
                self.feed_client(me, key, Input::Post(&body));
            }
            SocketErrand::Lost(sid, Lost::Poll) => self.feed_named(me, sid, Input::PollLost),
            SocketErrand::Lost(sid, Lost::Post) => self.feed_named(me, sid, Input::PostLost),
            SocketErrand::Upgrade(sid, claim, reply) => match self.claimed(sid, claim) {
                Ok((key, client)) => {
                    client.upgrade = Some(reply);
                    self.feed_client(me, key, Input::Upgrade);
                }
                Err(declined) => drop(reply.send(Err(declined))),
            },
            SocketErrand::Upgraded(sid, raw) => {
                if let Some(key) = self.clients.by_sid.get(&sid).copied() {
                    self.take_wire(me, key, raw);
                }
            }
            SocketErrand::TurnAway(raw) => wire::turn_away(raw.stream),
            SocketErrand::Recover(user, pid, reply) => {
                let _ = reply.send(self.recover_client(me, &user, pid));
            }
            SocketErrand::Tell(user, event, reply) => {
                let took = self.tell_user(me, &user, &event);
                let _ = reply.send(took);
            }
            SocketErrand::TellNamespace(namespace, packets) => {
                self.tell_group(me, &Whom::Namespace(namespace), &packets);
            }
            SocketErrand::Count(user, reply) => {
                let _ = reply.send(self.clients.by_user.get(&user).map_or(0, Vec::len));
            }
        }
    }

    /// Hands a request to its session, which answers it sooner or later.
    fn begin_request(
        &mut self,
        me: &HubRef,
        sid: Sid,
        claim: Claim,
        reply: Reply<Vec<u8>>,
        input: Input<'_>,
    ) {
        match self.claimed(sid, claim) {
            Ok((key, client)) => {
                let waiting = match input {
                    Input::Poll => &mut client.polls,
                    _ => &mut client.posts,
                };
                waiting.push_back(reply);
                self.feed_client(me, key, input);
            }
            Err(declined) => drop(reply.send(Err(declined))),
        }
    }

    fn open_client(&mut self, me: &HubRef, opening: Opening) {
        if self.draining {
            if let Entry::Poll(reply) = opening.entry {
                let _ = reply.send(Err(Declined::Unavailable));
            }
            return;
        }
        let now = self.tools.clock.now().mono;
        let settings = self.tools.app.config.sockets;
        let (transport, reply, raw) = match opening.entry {
            Entry::Poll(reply) => (Transport::Polling, Some(reply), None),
            Entry::Socket(raw) => (Transport::Socket, None, Some(raw)),
        };
        let name = self.tools.app.sockets.name_of(opening.sid).to_string();
        let connects_by = (opening.layer == Layer::SocketIo).then(|| now + settings.proof_wait);
        let key = self.clients.all.insert(Client {
            sid: opening.sid,
            layer: opening.layer,
            session: Session::open(settings.engine, transport, &name, now),
            claim: opening.claim,
            identity: opening.identity.map(Box::new),
            polls: reply.into_iter().collect(),
            posts: VecDeque::new(),
            upgrade: None,
            wire: None,
            speech: Speech::begin(connects_by, opening.recovers, opening.claims_from),
            deadline: None,
        });
        self.clients.by_sid.insert(opening.sid, key);
        match raw {
            Some(raw) => self.take_wire(me, key, raw),
            None => self.settle_client(me, key),
        }
    }

    /// Hands something to the session of that name, if there is one.
    fn feed_named(&mut self, me: &HubRef, sid: Sid, input: Input<'_>) {
        if let Some(key) = self.clients.by_sid.get(&sid).copied() {
            self.feed_client(me, key, input);
        }
    }

    /// Hands something to a session and does what it says.
    fn feed_client(&mut self, me: &HubRef, key: ClientKey, input: Input<'_>) {
        let now = self.tools.clock.now().mono;
        let Some(client) = self.clients.all.get_mut(key) else { return };
        client.session.handle_input(now, input);
        self.settle_client(me, key);
    }

    /// Does what a session says, until it says nothing more.
    fn settle_client(&mut self, me: &HubRef, key: ClientKey) {
        while let Some(client) = self.clients.all.get_mut(key)
            && let Some(output) = client.session.poll_output()
        {
            // In all replies: whoever asked may be gone; then nobody needs the answer.
            match output {
                Output::PollAnswered(body) => {
                    if let Some(reply) = client.polls.pop_front() {
                        let _ = reply.send(Ok(body));
                    }
                }
                Output::PollRefused(why) => {
                    if let Some(reply) = client.polls.pop_back() {
                        let _ = reply.send(Err(Declined::Refused(why)));
                    }
                }
                Output::PostBegun | Output::PostDone => {
                    if let Some(reply) = client.posts.pop_back() {
                        let _ = reply.send(Ok(Vec::new()));
                    }
                }
                Output::PostRefused(why) => {
                    if let Some(reply) = client.posts.pop_back() {
                        let _ = reply.send(Err(Declined::Refused(why)));
                    }
                }
                Output::UpgradeGranted => {
                    if let Some(reply) = client.upgrade.take() {
                        let _ = reply.send(Ok(()));
                    }
                }
                Output::UpgradeRefused(why) => {
                    if let Some(reply) = client.upgrade.take() {
                        let _ = reply.send(Err(Declined::Refused(why)));
                    }
                }
                Output::Frame(packet) => self.frame(key, &packet),
                Output::CloseSocket => self.close_wire(key),
                Output::Message(data) => self.client_said(me, key, data),
                Output::Closed(reason) => return self.forget_client(key, reason),
            }
        }
        self.reschedule_client(key);
    }

    /// Keeps `deadlines` true to what a connection waits for.
    fn reschedule_client(&mut self, key: ClientKey) {
        let Some(client) = self.clients.all.get_mut(key) else { return };
        let wanted =
            client.session.poll_timeout().into_iter().chain(client.speech.deadline()).min();
        if wanted == client.deadline {
            return;
        }
        if let Some(before) = std::mem::replace(&mut client.deadline, wanted) {
            self.clients.deadlines.remove(&(before, key));
        }
        if let Some(at) = wanted {
            self.clients.deadlines.insert((at, key));
            if self.clients.deadlines.first() == Some(&(at, key)) {
                self.signals.timers_changed.notify_one();
            }
        }
    }

    /// Wakes the connections whose time has come.
    pub(super) fn clients_due(&mut self, me: &HubRef) {
        let now = self.tools.clock.now().mono;
        self.clients.away.forget_until(now);
        while let Some(&(at, key)) = self.clients.deadlines.first() {
            if at > now {
                return;
            }
            self.clients.deadlines.remove(&(at, key));
            let Some(client) = self.clients.all.get_mut(key) else { continue };
            client.deadline = None;
            if client.speech.deadline().is_some_and(|by| by <= now) {
                self.time_is_up(me, key, now);
            }
            self.feed_client(me, key, Input::Timeout);
        }
    }

    fn forget_client(&mut self, key: ClientKey, reason: Reason) {
        let Some(mut client) = self.clients.all.remove(key) else { return };
        tracing::debug!(?reason, "a Socket.IO connection is over");
        self.clients.by_sid.remove(&client.sid);
        for joined in &client.speech.joined {
            self.leave_group(key, &Whom::Namespace(joined.namespace));
        }
        if let Some(at) = client.deadline {
            self.clients.deadlines.remove(&(at, key));
        }
        if let Some(verified) = client.speech.who.take() {
            self.forget_of_user(&verified.who, key);
            if let Some(recovery) = client.speech.recovery.take() {
                self.keep_away(*verified, recovery, reason);
            }
        }
    }

    /// Takes a connection out of those of somebody.
    fn forget_of_user(&mut self, who: &Principal, key: ClientKey) {
        let user = &who.user_id;
        self.leave_group(key, &Whom::Person(user.clone()));
        if let Some(keys) = self.clients.by_user.get_mut(user) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.clients.by_user.remove(user);
                if !who.is_guest {
                    self.tools.app.courier.note(user, false);
                }
            }
        }
    }

    /// Ends every connection behind a login that was revoked.
    pub(super) fn end_login_of_clients(&mut self, me: &HubRef, login: &LoginId) {
        self.clients.away.end_login(login);
        let is_behind = |client: &Client| {
            let proved = client.speech.who.as_ref().and_then(|verified| verified.login.as_ref());
            let named = client.identity.as_ref().and_then(|verified| verified.login.as_ref());
            proved == Some(login) || (proved.is_none() && named == Some(login))
        };
        let ended = self.clients.all.iter().filter(|(_, client)| is_behind(client));
        for key in ended.map(|(key, _)| key).collect::<Vec<_>>() {
            self.send_out(me, key, parlor_protocol::Code::InvalidToken);
        }
    }

    /// Ends every connection so that its client comes back: the server stops.
    pub(super) fn send_clients_away(&mut self, me: &HubRef) {
        for key in self.clients.all.keys().collect::<Vec<_>>() {
            self.feed_client(me, key, Input::Close(Reason::Ended));
        }
    }
}
