//! What every request can reach.

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parlor_protocol::{Code, LoginId, RoomId};
use parlor_store::Store;

use crate::auth::{Auth, KeyError};
use crate::clock::{Clock, wall_ms};
use crate::config::Config;
use crate::courier::Courier;
use crate::direct::Direct;
use crate::http::answer::store_code;
use crate::http::limits::RateLimits;
use crate::mail::Mail;
use crate::rooms::Rooms;
use crate::sockets::Sockets;
use crate::telemetry;
use crate::vanishing::RoomKeys;

/// How often the server tidies up after itself.
const TIDY_PAUSE: Duration = Duration::from_secs(5);
/// Every so many of these it also forgets logins that ended long ago.
const TIDIES_PER_SWEEP: u32 = 720;
/// What became of a mail is kept for so long, and so is a token's hash after its end.
const MAIL_LIFE_MS: i64 = 30 * 86_400_000;
/// How often logins are looked for that somebody else revoked: their sockets are closed within 5 s.
const REVOCATIONS_READ_EVERY: Duration = Duration::from_secs(2);
/// How far back: the clocks of those who revoke may differ by as much.
const REVOCATIONS_READ_BACK_MS: i64 = 60_000;
/// A login that ended is remembered this long, so that its tokens are known to be old.
const ENDED_LOGIN_LIFE_MS: i64 = 7 * 86_400_000;

/// The application. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of the application.
pub struct Parts {
    /// The configuration in force.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// Who somebody is.
    pub auth: Auth,
    /// The mail.
    pub mail: Mail,
    /// The rooms.
    pub rooms: Rooms,
    /// The Socket.IO connections.
    pub sockets: Sockets,
    /// The server's clock.
    pub clock: Clock,
    /// How often a client may ask for what.
    pub limits: Arc<RateLimits>,
    /// The keys of rooms whose messages vanish.
    pub keys: RoomKeys,
    /// What tells people things, wherever their sockets are.
    pub courier: Courier,
    /// Direct messages.
    pub direct: Direct,
    is_draining: AtomicBool,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Puts the application together. The tables must be there already.
    ///
    /// # Errors
    /// [`KeyError`] if the keys cannot be read.
    pub async fn open(
        config: Arc<Config>,
        store: Store,
        rooms: Rooms,
        clock: Clock,
        keys: RoomKeys,
    ) -> Result<Self, KeyError> {
        telemetry::install_metrics();
        let auth = Auth::open(config.clone(), store.clone(), rooms.clone()).await?;
        let mail = Mail::open(config.clone(), store.clone()).await?;
        let limits = Arc::new(RateLimits::new(config.insecure_no_rate_limits));
        let sockets = Sockets::of(&rooms);
        let direct = Direct::new(store.clone(), auth.clone(), limits.clone());
        let cluster = rooms.cluster().cloned();
        let courier = Courier::new(sockets.clone(), cluster, store.clone(), direct.clone());
        let is_draining = AtomicBool::new(false);
        let parts = Parts {
            config,
            store,
            auth,
            mail,
            rooms,
            sockets,
            clock,
            limits,
            keys,
            direct,
            courier,
            is_draining,
        };
        Ok(Self(Arc::new(parts)))
    }

    /// Tidies up until the future is dropped: metrics are folded together, what was read from the store
    /// a while ago and logins that ended long ago are forgotten.
    pub async fn tidy(&self) {
        let mut pause = tokio::time::interval(TIDY_PAUSE);
        for round in 0_u32.. {
            pause.tick().await;
            telemetry::fold_metrics();
            self.auth.sweep();
            if round % TIDIES_PER_SWEEP == 0 {
                let before = wall_ms() - ENDED_LOGIN_LIFE_MS;
                if let Err(error) = self.store.forget_logins(before).await {
                    tracing::warn!(%error, "logins that ended could not be forgotten");
                }
                if let Err(error) = self.store.forget_mail(wall_ms() - MAIL_LIFE_MS).await {
                    tracing::warn!(%error, "old mail could not be forgotten");
                }
            }
        }
    }

    /// Closes the sockets of logins that somebody else revoked: at the command line, or on a node that
    /// could not say so. Runs for ever; spawn it.
    pub async fn follow_revocations(&self) {
        let mut pause = tokio::time::interval(REVOCATIONS_READ_EVERY);
        let mut known = HashSet::new();
        loop {
            pause.tick().await;
            let since_ms = wall_ms() - REVOCATIONS_READ_BACK_MS;
            match self.store.logins_revoked_since(since_ms).await {
                Ok(revoked) => {
                    let revoked: HashSet<LoginId> = revoked.into_iter().collect();
                    for login in revoked.difference(&known) {
                        self.auth.forget_login(login);
                        self.rooms.end_login_here(login).await;
                    }
                    known = revoked;
                }
                Err(error) => tracing::debug!(%error, "revoked logins cannot be read"),
            }
        }
    }

    /// Deletes a room for good, with its key first where its messages vanish: then nothing that was
    /// said in it can be read any more, wherever copies of its rows are.
    ///
    /// # Errors
    /// [`Code::Unavailable`]; then it may still be there.
    pub async fn erase_room(&self, room: &RoomId) -> Result<(), Code> {
        self.keys.destroy(room).await.map_err(|error| {
            tracing::error!(%room, %error, "the key of a room cannot be destroyed");
            Code::Unavailable
        })?;
        self.store.delete_room(room).await.map_err(|error| store_code(&error))?;
        Ok(())
    }

    /// Tells load balancers to send nobody here any more.
    pub fn begin_draining(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Says whether the server is about to stop.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }
}
