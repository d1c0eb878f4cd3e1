//! The private PostgreSQL goes away with whoever started it, however that ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use parlor_testkit::postgres::{Durability, Postgres};

const NAME: &str = "a_killed_test_leaves_no_server_behind";
const INSIDE: &str = "PARLOR_POSTGRES_STARTER";
const PATIENCE: Duration = Duration::from_secs(30);

fn start() -> Postgres {
    Postgres::start(Durability::Process).unwrap_or_else(|error| panic!("{error}"))
}

/// The folder's path as it stands in the address.
fn folder(postgres: &Postgres) -> String {
    let url = postgres.url();
    let (_, folder) = url.split_once("?host=").expect("the address names the folder");
    folder.replace("%2F", "/")
}

#[test]
fn a_dropped_server_leaves_no_folder_behind() {
    let postgres = start();
    let folder = folder(&postgres);
    assert!(Path::new(&folder).join("data").is_dir());
    drop(postgres);
    assert!(!Path::new(&folder).exists());
}

#[test]
fn a_killed_test_leaves_no_server_behind() {
    if std::env::var_os(INSIDE).is_some() {
        let postgres = start();
        writeln!(std::io::stdout(), "folder {}", folder(&postgres)).expect("somebody reads");
        // Until it is killed.
        let _ = std::io::stdin().read(&mut [0]);
        return;
    }
    let mut starter = Command::new(std::env::current_exe().expect("a test is a program"))
        .args(["--exact", NAME, "--nocapture"])
        .env(INSIDE, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a test can be started again");
    let said = BufReader::new(starter.stdout.take().expect("it is piped"));
    let folder = said
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.split_once("folder ").map(|(_, folder)| folder.to_owned()))
        .expect("the server started");
    assert!(Path::new(&folder).is_dir());
    starter.kill().expect("it is there");
    starter.wait().expect("it ends");
    let since = Instant::now();
    while Path::new(&folder).exists() {
        assert!(since.elapsed() < PATIENCE, "{folder} is still there");
        std::thread::yield_now();
    }
}
