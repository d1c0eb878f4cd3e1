//! The binary as a person meets it: what it says when something is wrong, and how it stops.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::Read;
use std::time::Duration;

use support::program::{run, serve};

fn port_of(line: &str) -> u16 {
    let (_, port) =
        line.trim().rsplit_once("http://localhost:").unwrap_or_else(|| panic!("{line}"));
    port.parse().unwrap()
}

#[test]
fn it_says_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let (fine, text) = run(folder.path(), &["--version"]);
    assert!(fine);
    assert_eq!(text.trim(), concat!("parlor ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_bad_setting_is_a_clear_sentence_and_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "not a folder").unwrap();
    std::fs::write(folder.path().join("bad.toml"), "film = 1").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (arguments, sentence) in [
        (&["--data-dir", "a-file"][..], "The data folder a-file is a file."),
        (&["--listen", &taken], "is taken: another program listens there."),
        (&["--listen", "192.0.2.1:3000"], "is not an address of this machine."),
        (&["--listen", "localhost"], "which is not an address such as 127.0.0.1:3000"),
        (&["--config", "bad.toml"], "has the unknown key film"),
        (&["--config", "missing.toml"], "The configuration file missing.toml cannot be read"),
        (&["--database-url", "mysql://x"], "must begin with sqlite: or postgres://"),
        (&["--public-url", "example.org"], "must be http:// or https:// and a host"),
        (&["--role", "api"], "set PARLOR_SYNC_URL to where sockets are opened"),
        (&["--sync-url", "example.org"], "must be ws:// or wss:// and a host"),
        (&["--role", "web"], "must be api, sync or both"),
        (
            &["--listen", "127.0.0.1:0", "--database-url", "postgres://u@127.0.0.1:1/x"],
            "The database",
        ),
    ] {
        let (fine, text) = run(folder.path(), &[&["serve"], arguments].concat());
        assert!(!fine, "{arguments:?} was accepted");
        assert!(text.contains(sentence), "{arguments:?}: {text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}

#[test]
fn it_serves_says_where_and_stops_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = serve(folder.path(), &["--listen", "127.0.0.1:0"]);
    let line = serving.line();
    let listen = format!("127.0.0.1:{}", port_of(&line));
    assert!(folder.path().join("data").join("parlor.db").exists());
    let (ready, text) = run(folder.path(), &["healthcheck", "--listen", &listen]);
    assert!(ready, "{text}");
    let status = serving.stop();
    let mut log = String::new();
    serving.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(status.success(), "{status}: {log}");
    let (ready, _) = run(folder.path(), &["healthcheck", "--listen", &listen]);
    assert!(!ready);
}

#[test]
fn a_server_without_ipv6_addresses_of_its_own_still_starts() {
    let folder = tempfile::tempdir().unwrap();
    // 2001:db8::/32 is for documents; no machine has such an address.
    let mut serving =
        serve(folder.path(), &["--listen", "127.0.0.1:0", "--listen", "[2001:db8::1]:0"]);
    assert_ne!(port_of(&serving.line()), 0);
}

#[test]
fn tokens_and_passwords_never_reach_the_log() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let mut serving = serve(folder.path(), &["--listen", "127.0.0.1:0", "--log", "trace"]);
    let body = r#"{"username":"ada_l","email":"ada@example.org","password":"hunter2hunter2"}"#;
    let port = port_of(&serving.line());
    let mut errors = serving.child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut log = String::new();
        errors.read_to_string(&mut log).unwrap();
        log
    });
    for (path, body) in
        [("/api/v1/auth/register", body), ("/api/v1/rooms/x/ws?authToken=a-secret-ticket", "")]
    {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let method = if body.is_empty() { "GET" } else { "POST" };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 201") || answer.starts_with("HTTP/1.1 401"),
            "{answer}"
        );
    }
    serving.stop();
    let log = reader.join().unwrap();
    assert!(!log.is_empty());
    for secret in ["hunter2", "a-secret-ticket", "login_", "refresh_", "eyJ"] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

#[test]
fn two_servers_do_not_share_a_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = serve(folder.path(), &["--listen", "127.0.0.1:0"]);
    assert!(port_of(&first.line()) > 0);
    let (fine, text) = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(!fine);
    assert!(text.contains("Another Parlor uses the data folder"), "{text}");
    drop(first);
    let mut second = serve(folder.path(), &["--listen", "127.0.0.1:0"]);
    assert!(port_of(&second.line()) > 0);
}
