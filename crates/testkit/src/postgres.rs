//! A private PostgreSQL for one test: real binaries, a folder of its own, gone at the end.
//!
//! The first start of a version makes a template cluster beside the temporary folders; every
//! server is a copy of it, which takes a tenth of the time `initdb` does. The server is reached
//! through a unix socket in its folder, so there is no port to collide on.
//!
//! A small shell stands between the test and the server. It reads a pipe that only the test
//! process holds open: whatever ends the process, `kill -9` included, closes the pipe, and the
//! shell stops the server and removes the folder. The shell has a process group of its own, so
//! that a runner that kills the test's group does not take the cleaner away too.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::geteuid;

/// What the server prints when clients may come.
const READY: &str = "database system is ready to accept connections";
/// Stops the server at once (its files are thrown away) when the pipe on standard input closes.
const WATCHDOG: &str = r#"dir=$1; shift; "$@" & server=$!; read -r _; kill -QUIT $server; wait $server; rm -rf "$dir""#;

/// Why no PostgreSQL could be started.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The binaries are not installed.
    #[error(
        "these tests need PostgreSQL: neither PATH nor /usr/lib/postgresql/*/bin has `{0}` \
         (on Debian: apt install postgresql)"
    )]
    NotInstalled(&'static str),
    /// PostgreSQL refuses to run as root and there is nobody else to run it as.
    #[error("PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`")]
    NoUser,
    /// A program failed.
    #[error("`{program}` failed: {message}")]
    Failed {
        /// Which one.
        program: String,
        /// What it said.
        message: String,
    },
    /// A file or process could not be had.
    #[error("starting PostgreSQL failed: {0}")]
    Io(#[from] io::Error),
}

/// How much the server does to survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It survives its own death but not the machine's: what tests need.
    Process,
    /// It waits for the disk as in production: what measurements need.
    Disk,
}

/// A running server with an empty database; stopped and erased when dropped.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    watchdog: Child,
}

/// The user PostgreSQL runs as when the tests run as root.
#[derive(Clone, Copy, Debug)]
struct Owner {
    uid: u32,
    gid: u32,
}

impl Postgres {
    /// Starts a server; it answers when this returns.
    ///
    /// # Errors
    /// If PostgreSQL is not installed or does not start, with what it said.
    pub fn start(durability: Durability) -> Result<Self, PostgresError> {
        let bin = find_binaries()?;
        let owner = owner()?;
        let template = template(&bin, owner)?;
        let folder = server_folder(owner)?;
        run(Command::new("cp").arg("-R").arg(&template).arg(folder.join("data")), owner)?;
        let watchdog = spawn(&bin, &folder, owner, durability)?;
        Ok(Self { folder, watchdog })
    }

    /// Returns the address of the server's only database.
    pub fn url(&self) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://parlor@localhost:5432/postgres?host={folder}")
    }

    /// Returns the unix socket the server listens on.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// Returns the folder in which everything is that the server keeps.
    pub fn folder(&self) -> PathBuf {
        self.folder.clone()
    }

    /// Returns the process all of the server's processes descend from.
    pub fn pid(&self) -> u32 {
        self.watchdog.id()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Closes the pipe the watchdog reads.
        drop(self.watchdog.stdin.take());
        let ended = self.watchdog.wait();
        assert!(ended.is_ok() || std::thread::panicking(), "PostgreSQL was not stopped: {ended:?}");
    }
}

/// Starts the watchdog with the server behind it and waits until clients may come.
fn spawn(
    bin: &Path,
    folder: &Path,
    owner: Option<Owner>,
    durability: Durability,
) -> Result<Child, PostgresError> {
    let fsync = match durability {
        Durability::Process => "off",
        Durability::Disk => "on",
    };
    let mut command = Command::new("sh");
    command.args(["-c", WATCHDOG, "watchdog"]).arg(folder);
    command.arg(bin.join("postgres")).arg("-D").arg(folder.join("data"));
    for setting in [
        "listen_addresses=".to_owned(),
        format!("unix_socket_directories={}", folder.display()),
        "port=5432".to_owned(),
        format!("fsync={fsync}"),
        format!("full_page_writes={fsync}"),
        "max_connections=100".to_owned(),
        "shared_buffers=32MB".to_owned(),
        "max_wal_size=1GB".to_owned(),
        "log_destination=stderr".to_owned(),
        "logging_collector=off".to_owned(),
        "lc_messages=C".to_owned(),
    ] {
        command.arg("-c").arg(setting);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    run_as(&mut command, owner);
    let mut watchdog = command.spawn()?;
    let stderr = watchdog.stderr.take().ok_or_else(|| io::Error::other("no standard error"))?;
    match wait_until_ready(BufReader::new(stderr)) {
        Ok(()) => Ok(watchdog),
        Err(said) => {
            drop(watchdog.stdin.take());
            watchdog.wait()?;
            Err(PostgresError::Failed { program: "postgres".into(), message: said })
        }
    }
}

/// Reads the server's log until it is ready, then on in the background, so that the server is
/// never held up by a full pipe. `Err` is all it said before it ended.
fn wait_until_ready(mut log: BufReader<impl io::Read + Send + 'static>) -> Result<(), String> {
    let mut said = String::new();
    loop {
        let before = said.len();
        match log.read_line(&mut said) {
            Ok(0) | Err(_) => return Err(said),
            Ok(_) if said[before..].contains(READY) => break,
            Ok(_) => {}
        }
    }
    std::thread::spawn(move || io::copy(&mut log, &mut io::sink()));
    Ok(())
}

/// Finds the folder with `postgres` and `initdb`, the newest version first.
fn find_binaries() -> Result<PathBuf, PostgresError> {
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    folders.sort();
    folders.reverse();
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    for program in ["postgres", "initdb"] {
        folders.retain(|folder| folder.join(program).exists());
        if folders.is_empty() {
            return Err(PostgresError::NotInstalled(program));
        }
    }
    Ok(folders.swap_remove(0))
}

/// Finds whom to run PostgreSQL as: nobody else, unless the tests run as root.
fn owner() -> Result<Option<Owner>, PostgresError> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        passwd.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [user, _, uid, gid, ..] = fields[..] else { return None };
            (user == name).then_some(Owner { uid: uid.parse().ok()?, gid: gid.parse().ok()? })
        })
    };
    find("postgres").or_else(|| find("nobody")).map(Some).ok_or(PostgresError::NoUser)
}

/// Returns the cluster that servers are copied from; makes it if it is not there.
fn template(bin: &Path, owner: Option<Owner>) -> Result<PathBuf, PostgresError> {
    let version = run(Command::new(bin.join("postgres")).arg("--version"), owner)?;
    let version: String = version.chars().filter(char::is_ascii_digit).collect();
    let uid = owner.map_or_else(|| geteuid().as_raw(), |owner| owner.uid);
    let folder = std::env::temp_dir().join(format!("parlor-postgres-template-{uid}-{version}"));
    let lock = File::options()
        .create(true)
        .append(true)
        .open(folder.with_extension(format!("{}.lock", geteuid().as_raw())))?;
    // Of several tests that start at once one makes the template; unlocked when closed.
    lock.lock()?;
    if folder.join("finished").exists() && fs::metadata(&folder)?.uid() == uid {
        return Ok(folder.join("data"));
    }
    fs::remove_dir_all(&folder).or_else(ignore_missing)?;
    make_folder(&folder, owner)?;
    let mut initdb = Command::new(bin.join("initdb"));
    initdb.arg("-D").arg(folder.join("data")).args([
        "--username=parlor",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
        "--wal-segsize=1",
    ]);
    run(&mut initdb, owner)?;
    drop_spare_databases(bin, &folder.join("data"), owner)?;
    File::create(folder.join("finished"))?;
    Ok(folder.join("data"))
}

/// Drops the databases that others are made from: two thirds of what each server copies.
fn drop_spare_databases(
    bin: &Path,
    data: &Path,
    owner: Option<Owner>,
) -> Result<(), PostgresError> {
    for sql in [
        "UPDATE pg_database SET datistemplate = false",
        "DROP DATABASE template0",
        "DROP DATABASE template1",
    ] {
        let mut single = Command::new("sh");
        single.args(["-c", r#"printf '%s\n' "$3" | "$1" --single -D "$2" postgres"#, "single"]);
        run(single.arg(bin.join("postgres")).arg(data).arg(sql), owner)?;
    }
    Ok(())
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Makes a new folder for one server.
fn server_folder(owner: Option<Owner>) -> Result<PathBuf, PostgresError> {
    let folder = tempfile::Builder::new().prefix("parlor-postgres-").tempdir()?.keep();
    give(&folder, owner)?;
    Ok(folder)
}

fn make_folder(folder: &Path, owner: Option<Owner>) -> Result<(), PostgresError> {
    fs::create_dir(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    give(folder, owner)
}

fn give(folder: &Path, owner: Option<Owner>) -> Result<(), PostgresError> {
    if let Some(Owner { uid, gid }) = owner {
        std::os::unix::fs::chown(folder, Some(uid), Some(gid))?;
    }
    Ok(())
}

fn run_as(command: &mut Command, owner: Option<Owner>) {
    // A folder every user may enter: the test's own may be closed to the server's user.
    command.current_dir("/");
    if let Some(Owner { uid, gid }) = owner {
        command.uid(uid).gid(gid);
    }
}

/// Runs a program to its end and returns what it printed.
fn run(command: &mut Command, owner: Option<Owner>) -> Result<String, PostgresError> {
    run_as(command, owner);
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(PostgresError::Failed {
        program: command.get_program().to_string_lossy().into_owned(),
        message: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
