//! Rooms whose messages vanish. What is said in them is sealed under a key of the room's own before
//! it gets to the database, whose logs and backups would keep it otherwise. Whoever destroys the key
//! has destroyed the texts, wherever copies of the rows may be.
//!
//! A server alone keeps each key in a file of its own; several nodes keep them in Redis, and only
//! there: losing Redis loses these rooms.

mod files;
mod seal;

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use parlor_protocol::RoomId;
use parlor_store::{ChatRow, LifeKind, RoomRow, Store, StoreError};

pub use seal::Seal;

use crate::bus::{Bus, BusError};
use files::KeyFiles;

/// How long Redis keeps a key that nobody uses: longer than any room lives in silence.
const KEY_LIFE: Duration = Duration::from_secs(366 * 86_400);
/// How long to wait before a key that could not be destroyed is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The keys of all rooms whose messages vanish. Cheap to clone.
#[derive(Clone)]
pub enum RoomKeys {
    /// Of a server alone.
    Files(KeyFiles),
    /// Of several nodes.
    Shared(Bus),
}

/// Why a key cannot be had or destroyed.
#[derive(Debug, thiserror::Error)]
pub enum RoomKeyError {
    /// The folder cannot be used.
    #[error("the key of a room cannot be used: {0}")]
    Files(#[from] std::io::Error),
    /// The broker cannot be reached.
    #[error("the key of a room cannot be used: {0}")]
    Shared(#[from] BusError),
}

impl RoomKeys {
    /// Uses the data folder of a server alone.
    pub fn in_folder(data: &Path) -> Self {
        Self::Files(KeyFiles::in_folder(data))
    }

    /// Makes the key of a new room. It is on disk, or with the broker, when this returns.
    ///
    /// # Errors
    /// [`RoomKeyError`]; the room must not be made then.
    pub async fn create(&self, room: &RoomId) -> Result<(), RoomKeyError> {
        let key: [u8; seal::KEY_BYTES] = rand::random();
        match self {
            Self::Files(files) => Ok(files.create(room, key).await?),
            Self::Shared(bus) => {
                Ok(bus.keep(&name_of(room), Bytes::copy_from_slice(&key), KEY_LIFE).await?)
            }
        }
    }

    /// Returns what seals and opens a room's texts; `None` if its key is gone, and they with it.
    ///
    /// # Errors
    /// [`RoomKeyError`] if it is not known.
    pub async fn seal_of(&self, room: &RoomId) -> Result<Option<Seal>, RoomKeyError> {
        let key = match self {
            Self::Files(files) => files.read(room).await?,
            Self::Shared(bus) => {
                let key = bus.look(&name_of(room)).await?;
                if let Some(key) = &key {
                    bus.keep(&name_of(room), key.clone(), KEY_LIFE).await?;
                }
                key.map(|key| key.to_vec())
            }
        };
        Ok(key.and_then(|key| Seal::new(room, &key)))
    }

    /// Destroys a room's key for good. One that is gone already is no error.
    ///
    /// # Errors
    /// [`RoomKeyError`]; it may still be there.
    pub async fn destroy(&self, room: &RoomId) -> Result<(), RoomKeyError> {
        match self {
            Self::Files(files) => Ok(files.destroy(room).await?),
            Self::Shared(bus) => Ok(bus.take(&name_of(room)).await.map(drop)?),
        }
    }

    /// Destroys a room's key, however long the folder or the broker cannot be reached.
    pub async fn destroy_at_last(&self, room: &RoomId) {
        while let Err(error) = self.destroy(room).await {
            tracing::warn!(%room, %error, "the key of a room that is over is tried again");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// Opens messages of a room as they were read from the store. Those of other rooms stay as they
    /// are, and so does what no key opens any more, which nobody can read.
    ///
    /// # Errors
    /// [`RoomKeyError`] if the key cannot be had now.
    pub async fn open(&self, room: &RoomId, rows: &mut [ChatRow]) -> Result<(), RoomKeyError> {
        if rows.iter().any(|row| seal::is_sealed(&row.text))
            && let Some(seal) = self.seal_of(room).await?
        {
            rows.iter_mut().for_each(|row| seal.open_row(row));
        }
        Ok(())
    }

    /// Destroys keys of which the room is gone: it was deleted while nobody could destroy them.
    ///
    /// # Errors
    /// What the store says; the keys are looked at again with the next start.
    pub async fn forget_orphans(&self, store: &Store) -> Result<(), StoreError> {
        let Self::Files(files) = self else { return Ok(()) };
        for room in files.rooms().await {
            if store.room(&room).await?.is_none() {
                self.destroy_at_last(&room).await;
            }
        }
        Ok(())
    }
}

/// Says whether what is said in a room vanishes.
pub fn vanishes(room: &RoomRow) -> bool {
    room.life == LifeKind::Messages
}

fn name_of(room: &RoomId) -> String {
    format!("parlor:room-key:{room}")
}
