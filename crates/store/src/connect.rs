//! Reaching the database.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous,
};
use sea_orm::sqlx::{self, Connection, PgPool};
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    DbBackend, DbErr, RuntimeErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::time::{Instant, MissedTickBehavior};

use crate::direct::DirectWrite;
use crate::group::Group;
use crate::live::LiveWrite;
use crate::{NewRoom, StoreError, migration};

/// How long a statement waits for another process's write on SQLite.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long until a file that was locked is tried again.
const BUSY_AGAIN: Duration = Duration::from_millis(10);
/// How long a caller waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may lie idle before it is asked whether it still works. Asking each time
/// costs a round trip; a busy connection that was cut shows itself by one refused operation.
const TRUSTED_IDLE: Duration = Duration::from_secs(5);
/// How often half of the idle connections to PostgreSQL are asked so while nobody waits for the answer:
/// those that were cut are replaced, and the others are trusted.
const ASKED_EVERY: Duration = Duration::from_secs(1);
/// How much of a SQLite file the writer keeps in memory, as SQLite counts it: 16 MiB, used as
/// needed. The default of 2 MiB halves the rate of new rooms in a file of a few ten thousand.
const WRITER_CACHE: &str = "-16384";
/// Pages of 4 KiB that are appended to SQLite's log before they go to their places in the file: a
/// page that is written again and again goes there once.
const CHECKPOINT_PAGES: &str = "4000";
/// Prepared statements that a connection to a SQLite file keeps. A statement for each number of
/// rows is another one, and one for some hundred rows takes some hundred KB.
const STATEMENTS: usize = 12;
/// How long a reader of a SQLite file is kept for the next one who wants to read.
const READER_IDLE: Duration = Duration::from_secs(3);
/// How much of a SQLite file a reader keeps in memory: what it does not find there the system's own cache has.
const READER_CACHE: &str = "-256";

/// Where the database is and how much of it may be used.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// `sqlite:///path/to/parlor.db` (the file is made, its folder must exist) or
    /// `postgres://user:password@host/name`.
    pub url: String,
    /// Connections to PostgreSQL; readers on SQLite, which has one writer besides. At least 2.
    pub max_connections: u32,
}

impl std::fmt::Debug for StoreConfig {
    /// Leaves the address out: it may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreConfig")
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

/// The database. Cheap to clone; all clones share its connections and its writers.
///
/// The writers' tasks live on the runtime that called [`Store::connect`] and end with the last
/// clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    read: DatabaseConnection,
    write: DatabaseConnection,
    creations: Group<NewRoom>,
    live: Group<LiveWrite>,
    directs: Group<DirectWrite>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("backend", &self.read().get_database_backend()).finish()
    }
}

impl Store {
    /// Opens the database; a SQLite file is made if it is not there. The tables are left to
    /// [`Store::migrate`].
    ///
    /// # Errors
    /// [`StoreError::Config`] for an address that is neither SQLite nor PostgreSQL or a folder that
    /// does not exist, [`StoreError::Unavailable`] if nobody answers there.
    pub async fn connect(config: &StoreConfig) -> Result<Self, StoreError> {
        let (read, write) = if config.url.starts_with("sqlite:") {
            connect_sqlite(config).await?
        } else if config.url.starts_with("postgres:") || config.url.starts_with("postgresql:") {
            let mut pool = options(config);
            // All connections are opened here, on the runtime that lives longest: one opened by a
            // caller on another runtime would break when that one ends.
            pool.min_connections(config.max_connections.max(2));
            let connection = Database::connect(pool).await.map_err(unreachable)?;
            tokio::spawn(ask_again_and_again(connection.get_postgres_connection_pool().clone()));
            (connection.clone(), connection)
        } else {
            let scheme = config.url.split(':').next().unwrap_or_default();
            return Err(StoreError::Config(format!(
                "it must begin with `sqlite:` or `postgres:`, not `{scheme}:`"
            )));
        };
        let (creations, live) = (Group::spawn(write.clone()), Group::spawn(write.clone()));
        let directs = Group::spawn(write.clone());
        Ok(Self(Arc::new(Inner { read, write, creations, live, directs })))
    }

    /// Brings the tables to this version; several nodes may do so at once.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] if a newer version of Parlor was here before.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migration::run(self.begin().await?).await
    }

    /// Asks the database whether it is there.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.read().ping().await?)
    }

    /// Frees what the writer of a SQLite file keeps in memory of it. It is read again as needed; on
    /// PostgreSQL there is nothing to free.
    pub async fn shrink_memory(&self) -> Result<(), StoreError> {
        if self.write().get_database_backend() == DbBackend::Sqlite {
            self.write().execute_unprepared("PRAGMA shrink_memory").await?;
        }
        Ok(())
    }

    /// Closes all connections once what is under way is done.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.0.write.close_by_ref().await?;
        Ok(self.0.read.close_by_ref().await?)
    }

    pub(crate) fn read(&self) -> &DatabaseConnection {
        &self.0.read
    }

    pub(crate) fn write(&self) -> &DatabaseConnection {
        &self.0.write
    }

    pub(crate) fn creations(&self) -> &Group<NewRoom> {
        &self.0.creations
    }

    pub(crate) fn live(&self) -> &Group<LiveWrite> {
        &self.0.live
    }

    pub(crate) fn directs(&self) -> &Group<DirectWrite> {
        &self.0.directs
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        Ok(begin(self.write()).await?)
    }
}

/// Begins a transaction that writes. On SQLite it takes the write lock at once (`BEGIN
/// IMMEDIATE`): one that began by reading could not get it later without starting over.
pub(crate) async fn begin(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    connection
        .begin_with_options(TransactionOptions {
            isolation_level: None,
            access_mode: None::<AccessMode>,
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        })
        .await
}

/// Asks connections that lie idle whether they still work, until they are closed: who needs one next
/// finds one that does, and need not ask.
async fn ask_again_and_again(pool: PgPool) {
    let mut every = tokio::time::interval(ASKED_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !pool.is_closed() {
        every.tick().await;
        // The pool hands out the one that lay idle longest, and asks it when it is given back.
        let half = pool.num_idle().div_ceil(2);
        let asked: Vec<_> = (0..half).map_while(|_| pool.try_acquire()).collect();
        drop(asked);
    }
}

fn options(config: &StoreConfig) -> ConnectOptions {
    let mut options = ConnectOptions::new(&config.url);
    options
        .max_connections(config.max_connections.max(2))
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire_if_idle_for(TRUSTED_IDLE)
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    options
}

fn unreachable(error: DbErr) -> StoreError {
    StoreError::Unavailable(error)
}

async fn connect_sqlite(
    config: &StoreConfig,
) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
    let parsed: SqliteConnectOptions = config
        .url
        .parse()
        .map_err(|error| StoreError::Config(format!("`{}`: {error}", config.url)))?;
    let file = parsed.get_filename();
    if config.url.contains(":memory:") || config.url.contains("mode=memory") {
        return Err(StoreError::Config("rooms must outlive the server: name a file".into()));
    }
    let folder = file.parent().filter(|path| !path.as_os_str().is_empty());
    if !folder.unwrap_or(Path::new(".")).is_dir() {
        return Err(StoreError::Config(format!("the folder of `{}` is not there", file.display())));
    }
    let tuned = |sqlite: SqliteConnectOptions| {
        sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .statement_cache_capacity(STATEMENTS)
    };
    let mut writer = options(config);
    // One connection, kept for ever: writers queue for it here instead of polling for the lock.
    writer.max_connections(1).idle_timeout(None).max_lifetime(None);
    writer.map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = tuned(sqlite).pragma("cache_size", WRITER_CACHE);
        // What a statement of many rows would need to be taken back is kept in memory: a file of
        // its own for each statement is a tenth of what a batch of snapshots costs.
        sqlite.pragma("temp_store", "MEMORY").pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
    });
    writer.map_sqlx_sqlite_pool_opts(|pool| {
        pool.after_release(|connection, _| Box::pin(has_no_transaction(connection)))
    });
    let write = open_file(writer).await?;
    let mut readers = options(config);
    // Each takes some 200 KB and is opened anew in a millisecond.
    readers.idle_timeout(READER_IDLE);
    readers.map_sqlx_sqlite_opts(move |sqlite| {
        tuned(sqlite).pragma("query_only", "ON").pragma("cache_size", READER_CACHE)
    });
    let read = open_file(readers).await?;
    Ok((read, write))
}

/// Opens a SQLite file. Two who open a new one at once both turn its log on, and SQLite tells one of
/// them that the file is locked without waiting for the other, whatever its patience.
async fn open_file(options: ConnectOptions) -> Result<DatabaseConnection, StoreError> {
    let begun = Instant::now();
    loop {
        match Database::connect(options.clone()).await {
            Err(error) if is_locked(&error) && begun.elapsed() < BUSY_TIMEOUT => {
                tokio::time::sleep(BUSY_AGAIN).await;
            }
            outcome => return outcome.map_err(unreachable),
        }
    }
}

fn is_locked(error: &DbErr) -> bool {
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else { return false };
    // SQLITE_BUSY, the primary code being in the lowest eight bits.
    let code = error.as_database_error().and_then(|it| it.code()?.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// Tells whether a connection that comes back to the pool may be used again.
///
/// After some errors (disk full, I/O) SQLite rolls back by itself. sqlx then asks for a rollback
/// in vain, and believes from there on that it is inside a transaction: what follows would be
/// savepoints that nothing commits, acknowledged and lost. Such a connection is closed.
async fn has_no_transaction(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    // A rollback may still be queued before the ping.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}
