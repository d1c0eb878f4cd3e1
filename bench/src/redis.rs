//! A Redis of our own: the installed binary on a free port and the servers' core, without a disk.

use std::net::SocketAddr;
use std::path::Path;

use crate::process::{Folder, Process, free_address};

/// A running Redis; ended when dropped.
pub struct Redis {
    process: Process,
    address: SocketAddr,
    _folder: Folder,
}

impl Redis {
    /// Starts an empty one.
    ///
    /// # Errors
    /// When Redis is not installed or does not start.
    pub fn start() -> anyhow::Result<Redis> {
        let folder = Folder::new()?;
        let address = free_address()?;
        let port = address.port().to_string();
        let words = ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        let words = words.map(String::from);
        let log = folder.path().join("log");
        let mut process = Process::start(Path::new("redis-server"), &words, &[], &log)?;
        process.await_listener(address)?;
        Ok(Redis { process, address, _folder: folder })
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        format!("redis://{}/", self.address)
    }

    /// Returns its process.
    pub fn process(&self) -> &Process {
        &self.process
    }
}
