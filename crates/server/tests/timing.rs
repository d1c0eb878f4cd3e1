//! The time of an answer does not tell whether somebody has an account here.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom as _;
use serde_json::{Value, json};
use support::TestServer;
use support::smtp::Smtp;

/// Requests of each kind.
const TIMES: usize = 300;
/// How often one of two times that differ by chance alone is the longer one, give or take: five
/// standard errors of the Mann-Whitney statistic, which are 0.118 for twice 300.
const NOISE: f64 = 0.12;

/// Asks for known and unknown in a mixed order, and fails unless neither takes longer than the other.
async fn compare(server: &TestServer, path: &str, form: impl Fn(bool, usize) -> Value) {
    let mut order: Vec<(bool, usize)> =
        (0..TIMES).flat_map(|number| [(true, number), (false, number)]).collect();
    order.shuffle(&mut SmallRng::seed_from_u64(1));
    let mut times = [Vec::new(), Vec::new()];
    let mut statuses = [None, None];
    for (is_known, number) in order {
        let ask = server.post(path).json(&form(is_known, number));
        let begin = Instant::now();
        let answer = ask.send().await;
        times[usize::from(is_known)].push(begin.elapsed());
        let status = statuses[usize::from(is_known)].get_or_insert(answer.status);
        assert_eq!(*status, answer.status, "{}", answer.text());
    }
    assert_eq!(statuses[0], statuses[1]);
    let [unknown, known] = times;
    let longer = unknown.iter().flat_map(|one| known.iter().map(move |other| one.cmp(other)));
    let share = longer.map(|order| 0.5 + 0.5 * f64::from(order as i8)).sum::<f64>()
        / (TIMES * TIMES) as f64;
    let [unknown, known] = [unknown, known].map(median);
    println!("{path}: unknown {unknown:?}, known {known:?}, unknown takes longer in {share:.3}");
    assert!((share - 0.5).abs() < NOISE, "{path}: unknown {unknown:?}, known {known:?}, {share}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test]
async fn logging_in_takes_as_long_with_an_unknown_name() {
    let server = TestServer::with(&[("insecure_no_rate_limits", "true")]).await;
    server.register("ada_l").await;
    compare(&server, "/api/v1/auth/login", |is_known, _| {
        let name = if is_known { "ada_l" } else { "nobody" };
        json!({ "username": name, "password": "not the password" })
    })
    .await;
}

/// A server that sends mail.
async fn posting() -> (Smtp, TestServer) {
    let smtp = Smtp::start().await;
    let url = format!("smtp://127.0.0.1:{}", smtp.port);
    let server = TestServer::with(&[
        ("insecure_no_rate_limits", "true"),
        ("smtp_url", &url),
        ("smtp_starttls", "off"),
        ("mail_from", "parlor@example.org"),
        ("public_url", "http://parlor.test"),
    ])
    .await;
    (smtp, server)
}

#[tokio::test]
async fn asking_for_another_password_takes_as_long_with_an_unknown_address() {
    let (_smtp, server) = posting().await;
    server.register("ada_l").await;
    compare(&server, "/api/v1/auth/password/forgot", |is_known, _| {
        json!({ "email": if is_known { "ada_l@example.org" } else { "nobody@example.org" } })
    })
    .await;
}

#[tokio::test]
async fn registering_takes_as_long_with_an_address_that_is_taken() {
    let (_smtp, server) = posting().await;
    server.register("ada_l").await;
    compare(&server, "/api/v1/auth/register", |is_known, number| {
        let name = format!("{}_{number}", if is_known { "taken" } else { "fresh" });
        let own = format!("{name}@example.org");
        let email = if is_known { "ada_l@example.org" } else { &own };
        json!({ "username": name, "email": email, "password": "a long password" })
    })
    .await;
}
