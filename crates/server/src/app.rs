//! What every request can reach.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parlor_store::Store;

use crate::auth::{Auth, KeyError};
use crate::clock::{Clock, wall_ms};
use crate::config::Config;
use crate::http::limits::RateLimits;
use crate::rooms::Rooms;
use crate::telemetry;

/// How often the server tidies up after itself.
const TIDY_PAUSE: Duration = Duration::from_secs(5);
/// Every so many of these it also forgets logins that ended long ago.
const TIDIES_PER_SWEEP: u32 = 720;
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
    /// The rooms.
    pub rooms: Rooms,
    /// The server's clock.
    pub clock: Clock,
    /// How often a client may ask for what.
    pub limits: RateLimits,
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
    ) -> Result<Self, KeyError> {
        telemetry::install_metrics();
        let auth = Auth::open(config.clone(), store.clone(), rooms.clone()).await?;
        let limits = RateLimits::new(config.insecure_no_rate_limits);
        let is_draining = AtomicBool::new(false);
        Ok(Self(Arc::new(Parts { config, store, auth, rooms, clock, limits, is_draining })))
    }

    /// Tidies up until the future is dropped: metrics are folded together, logins that ended long
    /// ago are forgotten.
    pub async fn tidy(&self) {
        let mut pause = tokio::time::interval(TIDY_PAUSE);
        for round in 0_u32.. {
            pause.tick().await;
            telemetry::fold_metrics();
            if round % TIDIES_PER_SWEEP == 0 {
                let before = wall_ms() - ENDED_LOGIN_LIFE_MS;
                if let Err(error) = self.store.forget_logins(before).await {
                    tracing::warn!(%error, "logins that ended could not be forgotten");
                }
            }
        }
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
