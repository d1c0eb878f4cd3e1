//! Carries out the packets of a connection one after the other: by one task, as long as there are
//! some.

use std::time::Duration;

use parlor_dialects::engineio::{Input, Outgoing, Reason};
use parlor_dialects::socketio::packet::arguments;
use parlor_dialects::socketio::{Kind, Whole, encode};
use parlor_protocol::{Code, UserId};
use serde_json::{Value, json};

use super::group::Whom;
use super::speech::Joined;
use super::{ClientKey, Desk};
use crate::auth::Verified;
use crate::config::House;
use crate::hub::{Hub, HubRef};
use crate::sockets::{Pid, Recovery, Sid};
use crate::transport::socketio::conformance;
use crate::transport::socketio::events::{self, Event, Failure};

/// How long the test suites' counterpart waits before it says `auth` behind its answer.
const AUTH_PAUSE: Duration = Duration::from_millis(5);

/// Carries out what waits.
pub(super) async fn serve(hub: HubRef, key: ClientKey) {
    let _fate = Fate { hub: &hub, key };
    loop {
        // The borrow must end before anything is waited for.
        let next = hub.borrow_mut().next_packet(key);
        let Some(whole) = next else { return };
        match whole.kind {
            Kind::Connect => connect(&hub, key, &whole).await,
            Kind::Disconnect => hub.borrow_mut().leave_namespace(key, &whole.namespace),
            Kind::Event => event(&hub, key, &whole).await,
            Kind::Ack | Kind::ConnectError => {}
        }
    }
}

/// Ends a connection one of whose packets made the server fail: nothing would be carried out any more.
struct Fate<'a> {
    hub: &'a HubRef,
    key: ClientKey,
}

impl Drop for Fate<'_> {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(mut hub) = self.hub.try_borrow_mut()
        {
            hub.feed_client(self.hub, self.key, Input::Close(Reason::Ended));
        }
    }
}

/// Lets a client into a namespace, or says why not.
async fn connect(hub: &HubRef, key: ClientKey, whole: &Whole) {
    let house = hub.borrow().tools.app.config.sockets.house;
    let known = house.namespaces().iter().find(|known| **known == &*whole.namespace);
    let Some(namespace) = known else {
        let why = encode::NotConnected::<Value> { message: "Invalid namespace", data: None };
        let packet = encode::connect_error(&whole.namespace, &why);
        hub.borrow_mut().send_client(hub, key, &[packet]);
        return;
    };
    let form: Value = serde_json::from_str(&whole.payload).unwrap_or_else(|_| json!({}));
    let admitted = match house {
        House::Parlor => identity(hub, key, &form).await,
        House::Conformance => Ok(None),
    };
    let proved = admitted.and_then(|verified| {
        let Some(verified) = verified else { return Ok(None) };
        let user = verified.who.user_id.clone();
        hub.borrow_mut().prove(key, verified)?;
        Ok(Some(user))
    });
    match proved {
        Ok(user) => {
            // What is told from here on is held until it is known what was told before.
            let returning = match &user {
                Some(user) => recovered(hub, user, &form).await,
                None => None,
            };
            let packets = {
                let mut hub_now = hub.borrow_mut();
                let packets = hub_now.join(key, namespace, returning);
                hub_now.send_client(hub, key, &packets);
                packets
            };
            if house == House::Conformance && !packets.is_empty() {
                // The suites read one message at a time and miss one that comes with another.
                tokio::time::sleep(AUTH_PAUSE).await;
                let auth = encode::event(namespace, "auth", &form);
                hub.borrow_mut().send_client(hub, key, &[auth]);
            }
        }
        Err(code) => {
            let data = Some(json!({ "code": code }));
            let why = encode::NotConnected { message: code.message(), data };
            hub.borrow_mut().send_client(hub, key, &[encode::connect_error(namespace, &why)]);
        }
    }
}

/// Finds out who connects: by the token of the packet, then by what came with the first request.
/// `None` if there is neither.
async fn identity(hub: &HubRef, key: ClientKey, form: &Value) -> Result<Option<Verified>, Code> {
    let auth = hub.borrow().tools.auth.clone();
    match form.get("token") {
        Some(Value::String(token)) if !token.is_empty() => auth.verify_token(token).await.map(Some),
        None | Some(Value::Null | Value::String(_)) => {
            let hub = hub.borrow();
            let client = hub.clients.all.get(key);
            Ok(client.and_then(|client| client.identity.as_deref().cloned()))
        }
        Some(_) => Err(Code::InvalidToken),
    }
}

/// Finds what a client had before, and what it missed; `None` if it cannot have all of that.
async fn recovered(
    hub: &HubRef,
    user: &UserId,
    form: &Value,
) -> Option<(Box<Recovery>, Vec<Outgoing>)> {
    let pid = Pid::parse(form.get("pid")?.as_str()?)?;
    let sockets = hub.borrow().tools.app.sockets.clone();
    let recovery = sockets.recover(user, pid).await?;
    let missed = recovery.log.since(form.get("offset").and_then(Value::as_str))?;
    Some((recovery, missed))
}

impl Hub {
    /// Puts a connection into a namespace; returns the answer and what its client missed, or nothing if
    /// it is there already.
    fn join(
        &mut self,
        key: ClientKey,
        namespace: &'static str,
        returning: Option<(Box<Recovery>, Vec<Outgoing>)>,
    ) -> Vec<Outgoing> {
        let house = self.tools.app.config.sockets.house;
        let Some(client) = self.clients.all.get_mut(key) else { return Vec::new() };
        let speech = &mut client.speech;
        if speech.joined.iter().any(|joined| joined.namespace == namespace) {
            return Vec::new();
        }
        let (recovery, missed) = match returning {
            Some((recovery, missed)) => (Some(recovery), missed),
            None => (speech.recovers.then(Recovery::begin), Vec::new()),
        };
        let id = match &recovery {
            Some(recovery) => recovery.socket_id.clone(),
            None => Sid::random().to_string().into(),
        };
        let pid = recovery.as_ref().map(|recovery| recovery.pid.to_string());
        let connected = encode::Connected { sid: &id, pid: pid.as_deref() };
        let mut packets = vec![encode::connect(namespace, &connected)];
        packets.extend(missed);
        let keeps = recovery.is_some();
        speech.recovery = recovery;
        packets.extend(speech.let_go());
        // Most are in one; room for four would cost more than all that is in it.
        speech.joined.reserve_exact(1);
        speech.joined.push(Joined { namespace, id });
        // Who has proved nothing still has the time it had from the beginning.
        if speech.who.is_some() || house == House::Conformance {
            speech.by = None;
        }
        self.join_group(key, &Whom::Namespace(namespace));
        if keeps {
            self.alight(key);
        }
        self.reschedule_client(key);
        packets
    }
}

/// Carries out an event and answers it.
async fn event(hub: &HubRef, key: ClientKey, whole: &Whole) {
    let desk = Desk::open(hub, key, &whole.namespace);
    let read = arguments(&whole.payload).and_then(|mut all| {
        let name = serde_json::from_str::<String>(all.first()?.get()).ok()?;
        all.remove(0);
        Some((name, all))
    });
    let (Some(desk), Some((name, arguments))) = (desk, read) else {
        // An event in a namespace that it is not in.
        return hub.borrow_mut().feed_client(hub, key, Input::Close(Reason::Malformed));
    };
    let event = Event { name: &name, arguments, attachments: &whole.attachments, id: whole.id };
    let outcome = match desk.app().config.sockets.house {
        House::Parlor => events::carry_out(&desk, &event).await,
        House::Conformance => return conformance::carry_out(&desk, &event).await,
    };
    match (outcome, whole.id) {
        (Ok(answer), Some(id)) => desk.send(&[encode::ack(&whole.namespace, id, &answer)]),
        (Ok(_), None) | (Err(Failure::Told(_)), None) => {}
        (Err(Failure::Refused(refused) | Failure::Told(refused)), _) => {
            desk.send(&[refusal(whole, &refused.message, refused.code)]);
        }
    }
}

/// Says why an event is not carried out: in its acknowledgement, or by the event `error`.
pub(super) fn refusal(whole: &Whole, message: &str, code: Code) -> Outgoing {
    match whole.id {
        Some(id) => {
            let why = json!({ "error": message, "code": code });
            encode::ack(&whole.namespace, id, &why)
        }
        None => {
            let all = arguments(&whole.payload).unwrap_or_default();
            // The name as it was written, which is JSON already.
            let why = json!({ "event": all.first(), "error": message, "code": code });
            encode::event(&whole.namespace, "error", &why)
        }
    }
}
