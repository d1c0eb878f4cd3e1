//! What somebody who carries out an event sees of the connection it came by.

use parlor_dialects::engineio::Outgoing;
use parlor_dialects::socketio::encode;
use parlor_protocol::Code;
use serde::Serialize;

use super::ClientKey;
use super::group::Whom;
use crate::app::App;
use crate::auth::Verified;
use crate::http::limits::AddressKey;
use crate::hub::HubRef;

/// A connection, in one of its namespaces. The connection may be gone by now: then nothing that is
/// sent to it arrives.
pub struct Desk {
    hub: HubRef,
    key: ClientKey,
    app: App,
    namespace: &'static str,
    socket_id: Box<str>,
}

impl Desk {
    /// Returns the desk of a connection in a namespace that it is in.
    pub(super) fn open(hub: &HubRef, key: ClientKey, namespace: &str) -> Option<Self> {
        let hub_now = hub.borrow();
        let client = hub_now.clients.all.get(key)?;
        let joined = client.speech.joined.iter().find(|joined| joined.namespace == namespace)?;
        Some(Self {
            hub: hub.clone(),
            key,
            app: hub_now.tools.app.clone(),
            namespace: joined.namespace,
            socket_id: joined.id.clone(),
        })
    }

    /// Returns everything there is to work with.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Returns the namespace.
    pub fn namespace(&self) -> &'static str {
        self.namespace
    }

    /// Returns what the client is called in this namespace.
    pub fn socket_id(&self) -> &str {
        &self.socket_id
    }

    /// Returns whose the connection is, once that is proved.
    pub fn who(&self) -> Option<Verified> {
        let hub = self.hub.borrow();
        hub.clients.all.get(self.key)?.speech.who.as_deref().cloned()
    }

    /// Returns from where the client may say without proof which external user it speaks for.
    pub fn claims_from(&self) -> Option<AddressKey> {
        let hub = self.hub.borrow();
        hub.clients.all.get(self.key)?.speech.claims_from
    }

    /// Puts a person behind the connection, or a newer login of the same one.
    ///
    /// # Errors
    /// [`Code::Forbidden`] for another person than before; [`Code::RateLimited`] if the person has too
    /// many connections; [`Code::Unavailable`] if the connection is gone.
    pub fn prove(&self, verified: Verified) -> Result<(), Code> {
        self.hub.borrow_mut().prove(self.key, verified)
    }

    /// Tells the connection an event.
    pub fn emit<T: Serialize + ?Sized>(&self, name: &str, argument: &T) {
        let event = encode::event(self.namespace, name, argument);
        self.hub.borrow_mut().tell_client(&self.hub, self.key, &event);
    }

    /// Sends the connection packets.
    pub fn send(&self, packets: &[Outgoing]) {
        self.hub.borrow_mut().send_client(&self.hub, self.key, packets);
    }

    /// Tells every connection in this namespace an event, attachments and all; this one as well.
    pub async fn broadcast(&self, packets: Vec<Outgoing>) {
        let sid = {
            let mut hub = self.hub.borrow_mut();
            hub.tell_group(&self.hub, &Whom::Namespace(self.namespace), &packets);
            hub.clients.all.get(self.key).map(|client| client.sid)
        };
        if let Some(sid) = sid {
            self.app.sockets.tell_namespace(sid, self.namespace, packets).await;
        }
    }
}
