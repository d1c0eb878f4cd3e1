//! Accounts at the command line of whoever runs the site, beside a server that runs.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use parlor_store::{Store, StoreConfig};
use serde_json::json;
use support::program::{run, run_with_input, serve};
use support::socket::RoomSocket;
use support::{Account, Ask, refused};
use tokio::net::TcpStream;

/// What crypt(3) makes of "correct horse".
const BCRYPT: &str = "$2b$05$lWYMBOtt2yuyS.juufANOekypgxhD9sYfZ6XZRo3wMXMV1nEbefw6";

/// Runs `parlor admin user …` on the data of a folder.
fn user(folder: &Path, arguments: &[&str]) -> (bool, String) {
    run(folder, &[&["admin", "user"], arguments].concat())
}

fn password_in(text: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix("Password: "));
    line.unwrap_or_else(|| panic!("no password in {text}")).to_owned()
}

#[test]
fn accounts_are_made_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let (fine, said) = user(folder.path(), &["list"]);
    assert!(fine && said.contains("There are no accounts."), "{said}");
    let (fine, said) = user(folder.path(), &["create", "grace", "grace@example.org", "--admin"]);
    assert!(fine && said.contains("Made the account grace, who runs the site."), "{said}");
    assert_eq!(password_in(&said).len(), 19);
    let (fine, said) = run_with_input(
        folder.path(),
        &["admin", "user", "create", "ada_l", "ada@example.org", "--password-stdin"],
        "analytical engine\n",
    );
    assert!(fine && !said.contains("Password:"), "{said}");
    let (_, said) = user(folder.path(), &["list"]);
    let names: Vec<&str> = said.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(names, ["ada_l", "grace"]);
    assert!(said.lines().last().unwrap().ends_with("runs the site"));
}

#[tokio::test]
async fn a_password_from_somewhere_else_is_taken_over_by_its_hash() {
    let folder = tempfile::tempdir().unwrap();
    let create = |name: &str, hash: &str| {
        let email = format!("{name}@example.org");
        let order = ["admin", "user", "create", name, &email, "--hash-stdin"];
        run_with_input(folder.path(), &order, hash)
    };
    let (fine, said) = create("grace", &format!("{BCRYPT}\n"));
    assert!(fine && !said.contains("Password:"), "{said}");
    let (fine, said) = create("other", "correct horse\n");
    assert!(!fine && said.contains("That is no hash"), "{said}");

    let mut server = serve(folder.path(), &["--listen", "127.0.0.1:0"]);
    let port: u16 = server.line().trim().rsplit_once(':').unwrap().1.parse().unwrap();
    assert_eq!(log_in(port, "grace", "correct hors").await.status, 401);
    let url = format!("sqlite://{}", folder.path().join("data/parlor.db").display());
    let config = StoreConfig { url, max_connections: 1 };
    let store = Store::connect(&config).await.unwrap();
    let hash = async || store.account_named("grace").await.unwrap().unwrap().password_hash.unwrap();
    assert_eq!(hash().await, BCRYPT);
    assert_eq!(log_in(port, "grace", "correct horse").await.status, 200);
    assert!(hash().await.starts_with("$argon2id$"), "it is made anew");
    assert_eq!(log_in(port, "grace", "correct horse").await.status, 200);
}

#[test]
fn what_cannot_be_done_is_a_sentence_and_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    assert!(user(folder.path(), &["create", "grace", "grace@example.org"]).0);
    for (arguments, sentence) in [
        (&["create", "GRACE", "other@example.org"][..], "That user name is taken"),
        (&["create", "other", "grace@example.org"], "That e-mail address is already in use"),
        (&["create", "x", "x@example.org"], "A user name has 4 to 40"),
        (&["create", "other", "nowhere"], "That is not an e-mail address"),
        (&["disable", "nobody"], "There is no account nobody."),
        (&["reset-password", "nobody@example.org"], "There is no account nobody@example.org."),
    ] {
        let (fine, said) = user(folder.path(), arguments);
        assert!(!fine && said.contains(sentence), "{arguments:?}: {said}");
    }
    let short = ["admin", "user", "reset-password", "grace", "--password-stdin"];
    let (fine, said) = run_with_input(folder.path(), &short, "short\n");
    assert!(!fine && said.contains("at least 8"), "{said}");
}

/// Asks the server at a port.
fn at(port: u16, method: &str, path: &str) -> Ask {
    Ask::to(([127, 0, 0, 1], port).into(), method, path)
}

async fn log_in(port: u16, name: &str, password: &str) -> support::Answer {
    let form = json!({ "username": name, "password": password });
    at(port, "POST", "/api/v1/auth/login").json(&form).send().await
}

#[tokio::test]
async fn who_is_kept_out_is_out_within_seconds_and_may_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = serve(folder.path(), &["--listen", "127.0.0.1:0"]);
    let line = server.line();
    let port: u16 = line.trim().rsplit_once(':').unwrap().1.parse().unwrap();
    let (_, said) = user(folder.path(), &["create", "grace", "grace@example.org"]);
    let password = password_in(&said);
    let grace = Account::of(&log_in(port, "grace", &password).await);
    let room = at(port, "POST", "/api/v1/rooms").bearer(&grace.access);
    let room = room.json(&json!({ "name": "Film night" })).send().await.json();
    let room = room["roomId"].as_str().unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut socket = RoomSocket::open(stream, "localhost", room, &grace.access).await;
    socket.until("USER_JOINED").await;

    let (fine, said) = user(folder.path(), &["disable", "grace"]);
    assert!(fine && said.contains("grace is kept out; 1 logins ended."), "{said}");
    let ended = Instant::now();
    assert_eq!(socket.until_closed().await, 4001);
    assert!(ended.elapsed() < Duration::from_secs(5), "{:?}", ended.elapsed());
    let me = at(port, "GET", "/api/v1/users/me").bearer(&grace.access).send().await;
    assert_eq!(me.outcome(), refused(401, "invalid_token"));
    let refusal = log_in(port, "grace", &password).await;
    assert_eq!(refusal.outcome(), refused(403, "account_disabled"));
    // Whoever does not know the password is not told.
    let refusal = log_in(port, "grace", "not the password").await;
    assert_eq!(refusal.outcome(), refused(401, "invalid_credentials"));

    assert!(user(folder.path(), &["enable", "grace@example.org"]).0);
    assert_eq!(log_in(port, "grace", &password).await.status, 200);
    let (_, said) = user(folder.path(), &["reset-password", "grace"]);
    assert_eq!(log_in(port, "grace", &password).await.status, 401);
    assert_eq!(log_in(port, "grace", &password_in(&said)).await.status, 200);
    assert!(server.stop().success());
}
