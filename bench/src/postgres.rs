//! A PostgreSQL of our own: the installed binaries, a temporary folder, a free port, the servers'
//! core, and its own defaults (so that a commit is on disk).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::process::{Folder, Process, free_address};

/// A running PostgreSQL; ended when dropped.
pub struct Postgres {
    process: Process,
    address: SocketAddr,
    _folder: Folder,
}

impl Postgres {
    /// Makes a new cluster and starts it.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start() -> anyhow::Result<Postgres> {
        let folder = Folder::new()?;
        let data = folder.path().join("data");
        let root = Command::new("id").arg("-u").output()?.stdout.trim_ascii() == b"0";
        if root {
            // PostgreSQL refuses to run as root.
            run(Command::new("chown").arg("postgres").arg(folder.path()))?;
        }
        let as_user = |program: PathBuf| {
            let mut words = Vec::new();
            if root {
                words.extend(
                    ["--reuid=postgres", "--regid=postgres", "--clear-groups"].map(String::from),
                );
                words.push(program.display().to_string());
                (PathBuf::from("setpriv"), words)
            } else {
                (program, words)
            }
        };
        let (program, words) = as_user(binary("initdb")?);
        run(Command::new(program)
            .args(words)
            .args(["--auth=trust", "--username=parlor", "--no-sync", "-D"])
            .arg(&data)
            .stdout(Stdio::null()))?;
        let address = free_address()?;
        let (program, mut words) = as_user(binary("postgres")?);
        words.extend(["-D".into(), data.display().to_string()]);
        words.extend(["-p".into(), address.port().to_string()]);
        words.extend(["-k".into(), folder.path().display().to_string()]);
        words.extend(["-h".into(), "127.0.0.1".into()]);
        let log = folder.path().join("log");
        let mut process = Process::start(&program, &words, &[], &log)?;
        process.await_listener(address)?;
        Ok(Postgres { process, address, _folder: folder })
    }

    /// Returns the address of its first database, which is empty.
    pub fn url(&self) -> String {
        format!("postgres://parlor@{}/postgres", self.address)
    }

    /// Ends it in order.
    pub fn stop(self) {
        self.process.stop();
    }
}

/// Finds a program of PostgreSQL on the path or where Debian puts it.
fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(name));
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin").join(name)));
    on_path
        .chain(debian)
        .find(|candidate| Path::is_file(candidate))
        .with_context(|| format!("{name} is not installed"))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    anyhow::ensure!(command.status()?.success(), "{command:?} failed");
    Ok(())
}
