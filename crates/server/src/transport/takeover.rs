//! How a connection leaves HTTP: its raw stream, and what was read of it already, go to whoever
//! asked for them.
//!
//! Every request carries a [`Takeover`]. A handler that wants the connection names what is to become
//! of it: after its response, as a WebSocket does, or at once and without one, as a stream of events
//! does, whose head the hub writes itself.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use socket2::Socket;
use tokio::sync::Notify;

/// What becomes of a connection: it gets the stream, and bytes that were read behind the request.
type Heir = Box<dyn FnOnce(Socket, Bytes) + Send>;

/// The way from a request's handler to its connection.
#[derive(Clone, Default)]
pub struct Takeover(Arc<Shared>);

#[derive(Default)]
struct Shared {
    heir: Mutex<Option<Heir>>,
    now: Notify,
}

impl Takeover {
    /// Has the connection handed over once the response, which must be 101, has left.
    pub fn after_response(&self, heir: impl FnOnce(Socket, Bytes) + Send + 'static) {
        self.name(Box::new(heir));
    }

    /// Has the connection handed over at once. There will be no response: this never returns, and
    /// the handler is dropped where it waits.
    pub async fn at_once<T>(&self, heir: impl FnOnce(Socket, Bytes) + Send + 'static) -> T {
        self.name(Box::new(heir));
        self.0.now.notify_one();
        std::future::pending().await
    }

    /// Waits until the connection is to be handed over without a response.
    pub async fn wanted_at_once(&self) {
        self.0.now.notified().await;
    }

    /// Takes out what is to become of the connection.
    pub fn take(&self) -> Option<impl FnOnce(Socket, Bytes) + Send + use<>> {
        self.0.heir.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn name(&self, heir: Heir) {
        *self.0.heir.lock().unwrap_or_else(PoisonError::into_inner) = Some(heir);
    }
}
