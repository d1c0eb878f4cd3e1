//! The hidden command `parlor conformance`: a counterpart for the test suites of Engine.IO and
//! Socket.IO. It is the server itself with other times, on a loopback address, with data of its own
//! that it removes at the end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::{Config, Flags, House, SocketSettings, sources};

/// Where the suites look for their counterpart.
pub const PORT: &str = "3000";

/// Data of one run.
pub struct Folder(PathBuf);

impl Folder {
    /// Names a folder that no other run has. The server makes it.
    pub fn of_this_process() -> Self {
        Self(std::env::temp_dir().join(format!("parlor-conformance-{}", std::process::id())))
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of it lies where the system tidies up.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Makes the configuration of a run that keeps to these times; nothing of the environment counts.
///
/// # Errors
/// Every problem there is, each a whole sentence.
pub fn config(port: u16, data: &Path, times: SocketSettings) -> Result<Config, Vec<String>> {
    let values: BTreeMap<&'static str, String> = [
        ("listen", format!("127.0.0.1:{port},[::1]:{port}")),
        ("data_dir", data.display().to_string()),
        ("insecure_no_rate_limits", "true".to_owned()),
        ("log", "warn".to_owned()),
    ]
    .into();
    let values = sources::gather(&Flags { values, file: None }, &|_| None, data)?;
    let sockets = SocketSettings { house: House::Conformance, ..times };
    Ok(Config { sockets, ..Config::from_values(&values)? })
}
