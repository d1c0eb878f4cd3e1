//! What nodes share beside the database: messages by subject, leases, and values that may be lost.
//!
//! A server alone has it within its own process, several nodes have it in Redis. Nothing durable
//! depends on it: what must not be wrong is fenced by a number from the database.

mod local;
mod redis;

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

pub use local::LocalBus;
pub use redis::RedisBus;

/// Messages of one subscription that may wait to be taken; beyond that some are missed.
const WAITING: usize = 8_192;

/// What nodes share. Cheap to clone.
#[derive(Clone)]
pub enum Bus {
    /// Within one process.
    Local(LocalBus),
    /// Through Redis.
    Redis(RedisBus),
}

/// Why something could not be done over the bus.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BusError {
    /// The broker does not answer, or answered with a fault.
    #[error("the message broker cannot be reached: {0}")]
    Unreachable(String),
    /// Too many messages wait to be sent.
    #[error("too many messages wait to be sent")]
    Busy,
    /// The address is no address of a broker.
    #[error("{0}")]
    Config(String),
}

/// What a subscriber is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A message, in the order in which one publisher sent them.
    Message(Bytes),
    /// Messages may have been missed here.
    Gap,
}

/// The messages of a subject from now on.
pub struct Subscription(mpsc::Receiver<Delivery>);

impl Subscription {
    /// Waits for the next; `None` if the bus is gone.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.0.recv().await
    }
}

/// Who has a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leased {
    /// The one who asked, at least until then.
    Ours {
        /// By the clock of this process, counted from before the question was sent.
        until: Instant,
    },
    /// Somebody else.
    Theirs {
        /// Who.
        holder: String,
    },
}

/// What is known of a lease's holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// It has this one.
    Holder(String),
    /// It has none.
    Nobody,
    /// It is not known to have one, but the bus began anew not long ago: a lease granted before may
    /// be lost though its holder still counts on it.
    Forgotten,
}

impl Bus {
    /// Sends a message to all who subscribed to its subject, at most once. It returns when the
    /// message is on its way: in order with the others of this process, without waiting.
    ///
    /// # Errors
    /// [`BusError::Busy`] if too many wait already.
    pub fn publish(&self, subject: &str, message: Bytes) -> Result<(), BusError> {
        match self {
            Self::Local(bus) => bus.publish(subject, message),
            Self::Redis(bus) => bus.publish(subject, message),
        }
    }

    /// Has the messages of a subject delivered from when this returns.
    ///
    /// # Errors
    /// [`BusError::Unreachable`].
    pub async fn subscribe(&self, subject: &str) -> Result<Subscription, BusError> {
        match self {
            Self::Local(bus) => Ok(bus.subscribe(subject)),
            Self::Redis(bus) => bus.subscribe(subject).await,
        }
    }

    /// Takes a lease for `life` from now, or renews it, unless somebody else has it.
    ///
    /// # Errors
    /// [`BusError::Unreachable`]; then it is not known who has it.
    pub async fn lease(
        &self,
        name: &str,
        holder: &str,
        life: Duration,
    ) -> Result<Leased, BusError> {
        match self {
            Self::Local(bus) => Ok(bus.lease(name, holder, life)),
            Self::Redis(bus) => bus.lease(name, holder, life).await,
        }
    }

    /// Gives a lease back; that of somebody else stays.
    ///
    /// # Errors
    /// [`BusError::Unreachable`]; it then ends by itself.
    pub async fn release(&self, name: &str, holder: &str) -> Result<(), BusError> {
        match self {
            Self::Local(bus) => {
                bus.release(name, holder);
                Ok(())
            }
            Self::Redis(bus) => bus.release(name, holder).await,
        }
    }

    /// Says who has a lease now. `life` is how long leases are granted for at most.
    ///
    /// # Errors
    /// [`BusError::Unreachable`].
    pub async fn holder(&self, name: &str, life: Duration) -> Result<Named, BusError> {
        match self {
            Self::Local(bus) => Ok(bus.holder(name)),
            Self::Redis(bus) => bus.holder(name, life).await,
        }
    }

    /// Keeps a value for `life`, or until it is lost.
    ///
    /// # Errors
    /// [`BusError::Unreachable`].
    pub async fn keep(&self, key: &str, value: Bytes, life: Duration) -> Result<(), BusError> {
        match self {
            Self::Local(bus) => {
                bus.keep(key, value, life);
                Ok(())
            }
            Self::Redis(bus) => bus.keep(key, value, life).await,
        }
    }

    /// Takes a value out that was kept: one of several who ask gets it.
    ///
    /// # Errors
    /// [`BusError::Unreachable`].
    pub async fn take(&self, key: &str) -> Result<Option<Bytes>, BusError> {
        match self {
            Self::Local(bus) => Ok(bus.take(key)),
            Self::Redis(bus) => bus.take(key).await,
        }
    }

    /// Keeps a value for `life`, or until it is lost. It returns when the value is on its way, in
    /// order with what this process publishes, without waiting.
    ///
    /// # Errors
    /// [`BusError::Busy`] if too much waits already.
    pub fn keep_soon(&self, key: &str, value: Bytes, life: Duration) -> Result<(), BusError> {
        match self {
            Self::Local(bus) => {
                bus.keep(key, value, life);
                Ok(())
            }
            Self::Redis(bus) => bus.keep_soon(key, value, life),
        }
    }

    /// Returns a value that was kept, and leaves it there.
    ///
    /// # Errors
    /// [`BusError::Unreachable`].
    pub async fn look(&self, key: &str) -> Result<Option<Bytes>, BusError> {
        match self {
            Self::Local(bus) => Ok(bus.look(key)),
            Self::Redis(bus) => bus.look(key).await,
        }
    }

    /// Tells whether the broker can be reached, now and whenever that changes.
    pub fn reachable(&self) -> watch::Receiver<bool> {
        match self {
            Self::Local(bus) => bus.reachable(),
            Self::Redis(bus) => bus.reachable(),
        }
    }
}

/// Hands messages to one subscriber, and says where some were missed.
struct Outlet {
    sender: mpsc::Sender<Delivery>,
    has_missed: bool,
}

impl Outlet {
    fn new() -> (Self, Subscription) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { sender, has_missed: false }, Subscription(receiver))
    }

    /// Delivers a message, or remembers that there was no room for it; `false` if nobody
    /// subscribes any more.
    fn deliver(&mut self, message: Bytes) -> bool {
        if self.has_missed && !self.gap() {
            return !self.sender.is_closed();
        }
        match self.sender.try_send(Delivery::Message(message)) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.has_missed = true;
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }

    /// Says that something was missed; `false` if there is no room to say so yet.
    fn gap(&mut self) -> bool {
        self.has_missed = self.sender.try_send(Delivery::Gap).is_err();
        !self.has_missed
    }
}
