//! Programs that are measured: started on their core, ended when dropped.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::machine::{self, Memory};

/// How long a program may take until it listens.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a program may take to end after it was asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// A running program.
pub struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts `program` on the servers' core; what it prints goes to `log`.
    ///
    /// # Errors
    /// When there is no such program or no `taskset`.
    pub fn start(
        program: &Path,
        arguments: &[String],
        environment: &[(&str, String)],
        log: &Path,
    ) -> anyhow::Result<Process> {
        let log = std::fs::File::create(log)?;
        let child = Command::new("taskset")
            .args(["-c", &machine::SERVER_CORE.to_string()])
            .arg(program)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        Ok(Process { child, name: program.display().to_string() })
    }

    /// Returns the id of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the CPU time of the process, user and kernel.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu_time(&self) -> anyhow::Result<Duration> {
        machine::cpu_time(self.pid()).context(self.name.clone())
    }

    /// Returns the memory of the process.
    ///
    /// # Errors
    /// When it has ended.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        machine::memory(self.pid()).context(self.name.clone())
    }

    /// Waits until something listens at the address.
    ///
    /// # Errors
    /// When the program ends before it does, or takes too long.
    pub fn await_listener(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            match TcpStream::connect(address) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("{} ended at its start: {status}", self.name);
            }
            anyhow::ensure!(begun.elapsed() < START_TIMEOUT, "{} does not listen", self.name);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Asks the program to end, as an operator would, and waits; ends it the hard way if it does
    /// not.
    pub fn stop(mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        let asked = Instant::now();
        while asked.elapsed() < STOP_TIMEOUT && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns an address on loopback that nothing listens at.
///
/// # Errors
/// When there is none.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// A folder that is removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes an empty folder, on the disk that temporary files are on.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn new() -> anyhow::Result<Folder> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("parlor-bench-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Folder(path))
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed from a temporary folder is the system's to remove.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
