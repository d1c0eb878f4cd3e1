//! A login's row of refresh tokens, used by many at once.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::json;
use support::{Account, Answer, TestServer};

/// Requests at once, at most: tabs of one browser that all wake up together, and more.
const AT_ONCE: usize = 50;

/// Has a token be used several times at once.
async fn refresh(server: &TestServer, token: &str, times: usize) -> Vec<Answer> {
    let mut asks = tokio::task::JoinSet::new();
    for _ in 0..times {
        let form = json!({ "refreshToken": token });
        asks.spawn(server.post("/api/v1/auth/refresh").json(&form).send());
    }
    asks.join_all().await
}

fn successors(answers: &[Answer]) -> HashSet<String> {
    let token = |answer: &Answer| answer.json()["refreshToken"].as_str().unwrap().to_owned();
    answers.iter().map(token).collect()
}

/// One use: how old the token is (0 is the newest), and how many use it at once.
fn uses() -> impl Strategy<Value = Vec<(usize, usize)>> {
    let age = prop_oneof![4 => Just(0_usize), 3 => Just(1), 1 => 2..5_usize];
    prop::collection::vec((age, 1..=AT_ONCE), 1..8)
}

/// Whoever uses the newest token gets the next one, all of them the same; whoever uses the one before
/// gets the newest again. Anything older ends the login for everybody, with all that stands behind it.
async fn holds(server: &TestServer, ada: Account, uses: Vec<(usize, usize)>) {
    let mut tokens = vec![ada.refresh];
    let mut access = ada.access;
    let mut is_over = false;
    for (age, times) in uses {
        let age = age.min(tokens.len() - 1);
        let used = tokens[tokens.len() - 1 - age].clone();
        let answers = refresh(server, &used, times).await;
        if is_over || age > 1 {
            assert!(answers.iter().all(|answer| answer.status == 401), "{age} {times}");
            is_over = true;
        } else {
            assert!(answers.iter().all(|answer| answer.status == 200), "{age} {times}");
            let successors = successors(&answers);
            assert_eq!(successors.len(), 1, "{age} {times}");
            answers[0].json()["accessToken"].as_str().unwrap().clone_into(&mut access);
            let next = successors.into_iter().next().unwrap();
            if age == 0 {
                assert!(!tokens.contains(&next), "a token came twice");
                tokens.push(next);
            } else {
                assert_eq!(tokens.last(), Some(&next));
            }
        }
        let me = server.get("/api/v1/users/me").bearer(&access).send().await;
        assert_eq!(me.status, if is_over { 401 } else { 200 }, "{age} {times}");
    }
}

#[test]
fn a_family_of_refresh_tokens_keeps_its_rules_whoever_uses_it_at_once() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(TestServer::with(&[("insecure_no_rate_limits", "true")]));
    let number = std::sync::atomic::AtomicUsize::new(0);
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() };
    proptest!(config, |(uses in uses())| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        runtime.block_on(async {
            let ada = server.register(&format!("ada_{number}")).await;
            holds(&server, ada, uses).await;
        });
    });
    runtime.block_on(server.stop());
}
