//! Many who log in at once neither grow the server nor hold up a room.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::program::serve;
use support::socket::RoomSocket;
use support::{Account, Ask};
use tokio::net::TcpStream;

/// How many log in at once.
const LOGINS: usize = 100;
/// How much the server may grow by it, in bytes.
const GROWTH: u64 = 30 << 20;
/// How much later the answer to a command of playback may come, of 95 in 100.
const DELAY: Duration = Duration::from_millis(20);
/// Commands by which the usual time is measured.
const USUAL: usize = 100;

/// Memory of a process that is not on disk, in bytes.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// Seeks, and returns how long the answer took.
async fn seek(socket: &mut RoomSocket<TcpStream>, number: u64) -> Duration {
    let payload = json!({ "currentTime": 1_000 * (number % 60) });
    let begin = Instant::now();
    socket.send(&json!({ "type": "UPDATE_PLAYBACK", "id": number, "payload": payload })).await;
    assert_eq!(socket.answer(number).await, None);
    begin.elapsed()
}

fn p95(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 95 / 100]
}

#[tokio::test]
async fn a_hundred_logins_at_once_neither_grow_the_server_nor_hold_up_a_room() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--insecure-no-rate-limits"];
    let mut server = serve(folder.path(), &arguments);
    let port: u16 = server.line().trim().rsplit_once(':').unwrap().1.parse().unwrap();
    let at = |method: &str, path: &str| Ask::to(([127, 0, 0, 1], port).into(), method, path);
    let form = json!({ "username": "ada_l", "email": "a@b.c", "password": "a password" });
    let ada = at("POST", "/api/v1/auth/register").json(&form).send().await;
    let ada = Account::of(&ada);
    let room = json!({ "name": "Film night", "mediaUrl": "https://example.org/film.mp4" });
    let room = at("POST", "/api/v1/rooms").bearer(&ada.access).json(&room).send().await.json();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let room = room["roomId"].as_str().unwrap();
    let mut socket = RoomSocket::open(stream, "localhost", room, &ada.access).await;
    socket.until("USER_JOINED").await;
    let mut number = 0;
    let mut usual = Vec::new();
    while usual.len() < USUAL {
        number += 1;
        usual.push(seek(&mut socket, number).await);
    }
    let before = resident(server.child.id());

    let form = json!({ "username": "ada_l", "password": "a password" });
    let mut logins = tokio::task::JoinSet::new();
    for _ in 0..LOGINS {
        logins.spawn(at("POST", "/api/v1/auth/login").json(&form).send());
    }
    let (mut busy, mut largest) = (Vec::new(), before);
    while !logins.is_empty() {
        number += 1;
        busy.push(seek(&mut socket, number).await);
        largest = largest.max(resident(server.child.id()));
        while let Some(login) = logins.try_join_next() {
            assert_eq!(login.unwrap().status, 200);
        }
    }
    let growth = largest - before;
    let commands = busy.len();
    let (usual, busy) = (p95(usual), p95(busy));
    println!(
        "{LOGINS} logins: {} MiB more at most; p95 of a command {usual:?} before and {busy:?} \
         meanwhile, of {commands}",
        growth >> 20
    );
    assert!(growth <= GROWTH, "{growth} bytes more");
    assert!(busy.saturating_sub(usual) <= DELAY, "{usual:?} before, {busy:?} meanwhile");
    drop(socket);
    assert!(server.stop().success());
}
