//! The bus of several nodes: Redis.
//!
//! Three connections, each with a task or a lock of its own: one that publishes, one that
//! subscribes, one for leases and values. Each is opened anew when it breaks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::aio::{MultiplexedConnection, PubSubSink, PubSubStream};
use ::redis::{
    AsyncConnectionConfig, Client, FromRedisValue, RedisError, RedisResult, Script,
    ScriptInvocation,
};
use bytes::Bytes;
use futures_util::StreamExt;
use hashbrown::HashMap;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};

use super::{BusError, Leased, Named, Outlet, Subscription};

/// Begins every name in Redis, so that others may use the same server.
const PREFIX: &str = "parlor:";
/// Messages that may wait to be sent.
const OUTBOX: usize = 16_384;
/// Messages sent at once.
const PIPELINE: usize = 256;
/// An answer that takes longer is none: with [`PING_EVERY`], a lost broker is noticed within 2 s.
const PATIENCE: Duration = Duration::from_millis(900);
/// How often the subscribing connection is asked whether it is there.
const PING_EVERY: Duration = Duration::from_millis(900);
/// Pause before a broken connection is opened again.
const AGAIN: Duration = Duration::from_millis(200);

/// Notes when the broker began anew: it was emptied, started again, or another took its place. For
/// `ARGV[1]` ms from then on the key `young` says that leases granted before may be lost. Who may not
/// ask for the broker's run is told of an emptied one only.
const REMEMBER: &str = "
    local info = redis.pcall('INFO', 'server')
    local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or 'unnamed'
    if redis.call('GET', KEYS[2]) ~= run then
        redis.call('SET', KEYS[2], run)
        redis.call('SET', KEYS[3], run, 'PX', ARGV[1])
    end";
/// Takes or renews a lease: the holder's name is returned.
const LEASE: &str = "
    local holder = redis.call('GET', KEYS[1])
    if holder and holder ~= ARGV[2] then return holder end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
    return ARGV[2]";
/// Returns a lease's holder, if there is one, and whether one may be forgotten.
const HOLDER: &str = "
    return {redis.call('GET', KEYS[1]), redis.call('EXISTS', KEYS[3])}";
/// Gives a lease back, if it is the caller's.
const RELEASE: &str = "
    if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
    return 0";

/// Messages, leases and values in Redis.
#[derive(Clone)]
pub struct RedisBus(Arc<Inner>);

struct Inner {
    client: Client,
    outbox: mpsc::Sender<Letter>,
    subscribe: mpsc::Sender<Wish>,
    commands: Mutex<Option<MultiplexedConnection>>,
    reachable: watch::Receiver<bool>,
    lease: Script,
    holder: Script,
    release: Script,
}

/// Something that is sent without waiting for an answer.
enum Letter {
    /// A message for those who subscribed to a subject.
    Publish { subject: String, message: Bytes },
    /// A value to be kept.
    Keep { key: String, value: Bytes, life: Duration },
}

/// A subject to be delivered to an outlet.
struct Wish {
    subject: String,
    outlet: Outlet,
    done: oneshot::Sender<()>,
}

fn value_key(key: &str) -> String {
    format!("{PREFIX}value:{key}")
}

fn unreachable(error: RedisError) -> BusError {
    // The address may hold a password; the error's own text does not repeat it.
    BusError::Unreachable(error.to_string())
}

impl RedisBus {
    /// Makes the bus and starts its tasks on the present runtime; they end with its last clone.
    /// Redis need not be there yet.
    ///
    /// # Errors
    /// [`BusError::Config`] if the address is none of Redis's.
    pub fn open(url: &str) -> Result<Self, BusError> {
        let client = Client::open(url).map_err(|error| BusError::Config(error.to_string()))?;
        let (outbox, letters) = mpsc::channel(OUTBOX);
        let (subscribe, wishes) = mpsc::channel(16);
        let (says, reachable) = watch::channel(false);
        tokio::spawn(send(client.clone(), letters));
        tokio::spawn(hear(client.clone(), wishes, says));
        Ok(Self(Arc::new(Inner {
            client,
            outbox,
            subscribe,
            commands: Mutex::new(None),
            reachable,
            lease: Script::new(&format!("{REMEMBER}{LEASE}")),
            holder: Script::new(&format!("{REMEMBER}{HOLDER}")),
            release: Script::new(RELEASE),
        })))
    }

    pub(super) fn publish(&self, subject: &str, message: Bytes) -> Result<(), BusError> {
        self.post(Letter::Publish { subject: format!("{PREFIX}{subject}"), message })
    }

    pub(super) fn keep_soon(
        &self,
        key: &str,
        value: Bytes,
        life: Duration,
    ) -> Result<(), BusError> {
        self.post(Letter::Keep { key: value_key(key), value, life })
    }

    fn post(&self, letter: Letter) -> Result<(), BusError> {
        self.0.outbox.try_send(letter).map_err(|_| BusError::Busy)
    }

    pub(super) async fn subscribe(&self, subject: &str) -> Result<Subscription, BusError> {
        let (outlet, subscription) = Outlet::new();
        let (done, begun) = oneshot::channel();
        let wish = Wish { subject: format!("{PREFIX}{subject}"), outlet, done };
        let stopped = || BusError::Unreachable("the subscriber has stopped".into());
        self.0.subscribe.send(wish).await.map_err(|_| stopped())?;
        begun.await.map_err(|_| stopped())?;
        Ok(subscription)
    }

    pub(super) async fn lease(
        &self,
        name: &str,
        holder: &str,
        life: Duration,
    ) -> Result<Leased, BusError> {
        let asked = Instant::now();
        let mut script = self.0.lease.prepare_invoke();
        about(&mut script, name, life).arg(holder);
        let has: String =
            self.command(async |connection| script.invoke_async(connection).await).await?;
        Ok(match has {
            ours if ours == holder => Leased::Ours { until: asked + life },
            holder => Leased::Theirs { holder },
        })
    }

    pub(super) async fn release(&self, name: &str, holder: &str) -> Result<(), BusError> {
        let mut script = self.0.release.prepare_invoke();
        script.key(format!("{PREFIX}lease:{name}")).arg(holder);
        self.command(async |connection| script.invoke_async(connection).await).await
    }

    pub(super) async fn holder(&self, name: &str, life: Duration) -> Result<Named, BusError> {
        let mut script = self.0.holder.prepare_invoke();
        about(&mut script, name, life);
        let (holder, is_young): (Option<String>, bool) =
            self.command(async |connection| script.invoke_async(connection).await).await?;
        Ok(match (holder, is_young) {
            (Some(holder), _) => Named::Holder(holder),
            (None, true) => Named::Forgotten,
            (None, false) => Named::Nobody,
        })
    }

    pub(super) async fn keep(
        &self,
        key: &str,
        value: Bytes,
        life: Duration,
    ) -> Result<(), BusError> {
        let mut set = ::redis::cmd("SET");
        set.arg(value_key(key)).arg(&value[..]);
        set.arg("PX").arg(life.as_millis() as u64);
        self.command(async |connection| set.query_async(connection).await).await
    }

    pub(super) async fn take(&self, key: &str) -> Result<Option<Bytes>, BusError> {
        let mut take = ::redis::cmd("GETDEL");
        take.arg(value_key(key));
        self.value(take).await
    }

    pub(super) async fn look(&self, key: &str) -> Result<Option<Bytes>, BusError> {
        let mut get = ::redis::cmd("GET");
        get.arg(value_key(key));
        self.value(get).await
    }

    async fn value(&self, question: ::redis::Cmd) -> Result<Option<Bytes>, BusError> {
        let value: Option<Vec<u8>> =
            self.command(async |connection| question.query_async(connection).await).await?;
        Ok(value.map(Bytes::from))
    }

    pub(super) fn reachable(&self) -> watch::Receiver<bool> {
        self.0.reachable.clone()
    }

    /// Runs a command on the connection for commands, which is opened if need be. It is dropped
    /// when it fails: what it would answer later belongs to nobody.
    async fn command<T: FromRedisValue>(
        &self,
        run: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, BusError> {
        let mut connection = {
            let mut kept = self.0.commands.lock().await;
            match &*kept {
                Some(connection) => connection.clone(),
                None => kept.insert(connect(&self.0.client).await?).clone(),
            }
        };
        let answer = run(&mut connection).await;
        if answer.is_err() {
            *self.0.commands.lock().await = None;
        }
        answer.map_err(unreachable)
    }
}

/// Has a script speak of a lease that is granted for `life`.
fn about<'a, 'b>(
    script: &'a mut ScriptInvocation<'b>,
    name: &str,
    life: Duration,
) -> &'a mut ScriptInvocation<'b> {
    script
        .key(format!("{PREFIX}lease:{name}"))
        .key(format!("{PREFIX}run"))
        .key(format!("{PREFIX}young"))
        .arg(life.as_millis() as u64)
}

async fn connect(client: &Client) -> Result<MultiplexedConnection, BusError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    client.get_multiplexed_async_connection_with_config(&config).await.map_err(unreachable)
}

/// Sends what is published, in its order. What cannot be sent is lost: those who wait for it find
/// a gap.
async fn send(client: Client, mut letters: mpsc::Receiver<Letter>) {
    let mut connection = None;
    let mut waiting = Vec::with_capacity(PIPELINE);
    while letters.recv_many(&mut waiting, PIPELINE).await > 0 {
        let mut pipeline = ::redis::pipe();
        for letter in waiting.drain(..) {
            match letter {
                Letter::Publish { subject, message } => pipeline.publish(subject, &message[..]),
                Letter::Keep { key, value, life } => {
                    pipeline.pset_ex(key, &value[..], life.as_millis() as u64)
                }
            }
            .ignore();
        }
        if let Err(error) = send_once(&client, &mut connection, &pipeline).await {
            tracing::debug!(%error, "messages to other nodes are lost");
            connection = None;
            sleep(AGAIN).await;
        }
    }
}

async fn send_once(
    client: &Client,
    connection: &mut Option<MultiplexedConnection>,
    pipeline: &::redis::Pipeline,
) -> Result<(), BusError> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(connect(client).await?),
    };
    pipeline.query_async(connection).await.map_err(unreachable)
}

/// What is listened to, whatever becomes of the connection.
#[derive(Default)]
struct Listening {
    outlets: HashMap<String, Vec<Outlet>>,
    /// Who waits until a subject is subscribed to.
    expecting: Vec<(String, oneshot::Sender<()>)>,
}

/// Keeps the subscribing connection, as long as the bus lives.
async fn hear(client: Client, mut wishes: mpsc::Receiver<Wish>, says: watch::Sender<bool>) {
    let mut listening = Listening::default();
    loop {
        match open(&client, &mut listening).await {
            Ok((sink, stream)) => {
                says.send_replace(true);
                let over = listen(sink, stream, &mut wishes, &mut listening).await;
                says.send_replace(false);
                listening.outlets.values_mut().flatten().for_each(|outlet| {
                    outlet.gap();
                });
                if over {
                    return;
                }
            }
            Err(error) => tracing::debug!(%error, "the message broker is not there"),
        }
        tokio::select! {
            () = sleep(AGAIN) => {}
            wish = wishes.recv() => match wish {
                Some(wish) => listening.add(wish),
                None => return,
            },
        }
    }
}

impl Listening {
    fn add(&mut self, wish: Wish) {
        self.outlets.entry(wish.subject.clone()).or_default().push(wish.outlet);
        self.expecting.push((wish.subject, wish.done));
    }

    fn began(&mut self) {
        for (_, done) in self.expecting.drain(..) {
            // Whoever asked may be gone.
            let _ = done.send(());
        }
    }
}

async fn open(
    client: &Client,
    listening: &mut Listening,
) -> Result<(PubSubSink, PubSubStream), BusError> {
    let late = |_| BusError::Unreachable("it does not answer in time".into());
    let connection = timeout(PATIENCE, client.get_async_pubsub()).await.map_err(late)?;
    let (mut sink, stream) = connection.map_err(unreachable)?.split();
    for subject in listening.outlets.keys() {
        timeout(PATIENCE, sink.subscribe(subject)).await.map_err(late)?.map_err(unreachable)?;
    }
    listening.began();
    Ok((sink, stream))
}

/// Delivers messages until the connection breaks (`false`) or nobody wants them (`true`).
async fn listen(
    mut sink: PubSubSink,
    mut stream: PubSubStream,
    wishes: &mut mpsc::Receiver<Wish>,
    listening: &mut Listening,
) -> bool {
    let mut ping = tokio::time::interval(PING_EVERY);
    loop {
        tokio::select! {
            message = stream.next() => {
                let Some(message) = message else { return false };
                if let Some(outlets) = listening.outlets.get_mut(message.get_channel_name()) {
                    let bytes = Bytes::copy_from_slice(message.get_payload_bytes());
                    outlets.retain_mut(|outlet| outlet.deliver(bytes.clone()));
                }
            }
            wish = wishes.recv() => {
                let Some(wish) = wish else { return true };
                let subject = wish.subject.clone();
                listening.add(wish);
                match timeout(PATIENCE, sink.subscribe(subject)).await {
                    Ok(Ok(())) => listening.began(),
                    Ok(Err(_)) | Err(_) => return false,
                }
            }
            _ = ping.tick() => {
                match timeout(PATIENCE, sink.ping::<::redis::Value>()).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(_)) | Err(_) => return false,
                }
            }
        }
    }
}
