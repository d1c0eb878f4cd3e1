//! Keys in files: one for each room, in a folder of their own that only their owner may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use parlor_protocol::RoomId;

use super::seal::KEY_BYTES;

/// The folder within the data folder.
const FOLDER: &str = "vanishing";
/// What names of key files end with.
const ENDING: &str = ".key";
/// Longest id of a room that gets a file: as its name, with the ending, within what file systems
/// take (255 bytes).
const ID_BYTES: usize = 200;

/// The keys of a server alone. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KeyFiles(PathBuf);

impl KeyFiles {
    /// Uses a data folder; nothing is made before the first key is.
    pub(super) fn in_folder(data: &Path) -> Self {
        Self(data.join(FOLDER))
    }

    /// Writes a key. It is on disk when this returns.
    pub(super) async fn create(&self, room: &RoomId, key: [u8; KEY_BYTES]) -> io::Result<()> {
        let Some(path) = self.path_of(room) else { return Err(ErrorKind::InvalidFilename.into()) };
        let folder = self.0.clone();
        blocking(move || {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(&key)?;
            file.sync_all()?;
            // The name as well as what is in it.
            File::open(&folder)?.sync_all()
        })
        .await
    }

    /// Reads a key; `None` if there is none.
    pub(super) async fn read(&self, room: &RoomId) -> io::Result<Option<Vec<u8>>> {
        let Some(path) = self.path_of(room) else { return Ok(None) };
        blocking(move || match fs::read(&path) {
            Ok(key) => Ok(Some(key)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Overwrites a key where it lies, and unlinks it. (A file system that writes elsewhere, and a
    /// disk that levels wear, keep the old bytes for a while: encrypt the disk against that.)
    pub(super) async fn destroy(&self, room: &RoomId) -> io::Result<()> {
        let Some(path) = self.path_of(room) else { return Ok(()) };
        let folder = self.0.clone();
        blocking(move || {
            let mut file = match OpenOptions::new().write(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
            file.write_all(&rand::random::<[u8; KEY_BYTES]>())?;
            file.sync_all()?;
            match fs::remove_file(&path) {
                // Somebody else destroyed it at the same moment.
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
            File::open(&folder)?.sync_all()
        })
        .await
    }

    /// Returns the rooms that have a key.
    pub(super) async fn rooms(&self) -> Vec<RoomId> {
        let folder = self.0.clone();
        let listed = blocking(move || match fs::read_dir(&folder) {
            Ok(entries) => entries.collect::<io::Result<Vec<_>>>(),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        });
        let entries = listed.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the keys of rooms cannot be listed");
            Vec::new()
        });
        let named = entries.into_iter().filter_map(|entry| {
            let name = entry.file_name();
            Some(RoomId::from(name.to_str()?.strip_suffix(ENDING)?))
        });
        named.collect()
    }

    /// Returns where a room's key is; `None` for an id that no room of ours has, and that might be a
    /// way to another file.
    fn path_of(&self, room: &RoomId) -> Option<PathBuf> {
        let id = room.as_str();
        let is_plain = !id.is_empty()
            && id.len() <= ID_BYTES
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        is_plain.then(|| self.0.join(format!("{id}{ENDING}")))
    }
}

/// Runs what waits for a disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    // It is cut off only with the whole server.
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_is_kept_until_it_is_destroyed() {
        let data = tempfile::tempdir().unwrap();
        let files = KeyFiles::in_folder(data.path());
        let room = RoomId::from("aZ-_09");
        assert_eq!(files.read(&room).await.unwrap(), None);
        files.destroy(&room).await.unwrap();
        files.create(&room, [7; KEY_BYTES]).await.unwrap();
        assert_eq!(files.read(&room).await.unwrap(), Some(vec![7; KEY_BYTES]));
        assert_eq!(files.rooms().await, std::slice::from_ref(&room));
        assert!(files.create(&room, [8; KEY_BYTES]).await.is_err());
        files.destroy(&room).await.unwrap();
        assert_eq!(files.read(&room).await.unwrap(), None);
        assert_eq!(files.rooms().await, []);
    }

    #[tokio::test]
    async fn an_id_is_no_way_to_another_file() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("x.key"), [1; KEY_BYTES]).unwrap();
        let files = KeyFiles::in_folder(data.path());
        for id in ["../x", "", ".", "a/b", "a\0b"] {
            assert_eq!(files.read(&id.into()).await.unwrap(), None, "{id:?}");
            assert!(files.create(&id.into(), [1; KEY_BYTES]).await.is_err(), "{id:?}");
        }
        assert!(data.path().join("x.key").exists());
    }
}
