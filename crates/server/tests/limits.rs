//! Sizes, rates and shapes: what is too much, and how it is told.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use support::{TestServer, refused};

#[tokio::test]
async fn a_body_of_any_wrong_kind_has_its_own_answer() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let send = |kind: &str, body: &[u8]| {
        server.post("/api/v1/rooms").bearer(&ada.access).body(kind, body).send()
    };
    let json_kind = "application/json";
    assert_eq!(send(json_kind, b"{").await.outcome(), refused(400, "malformed"));
    assert_eq!(send(json_kind, b"[]").await.outcome(), refused(422, "invalid"));
    assert_eq!(send(json_kind, b"\xff\xfe").await.outcome(), refused(400, "malformed"));
    assert_eq!(send("text/plain", b"{}").await.outcome(), refused(415, "unsupported_media"));
    let deep = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
    assert_eq!(send(json_kind, &deep).await.outcome().0 / 100, 4);
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(10_000_000));
    let answer = send(json_kind, large.as_bytes()).await;
    assert_eq!(answer.outcome(), refused(413, "too_large"));
    let fine = send("application/json; charset=utf-8", b"{\"name\":\"Film night\"}").await;
    assert_eq!(fine.status, 200);
}

#[tokio::test]
async fn unknown_routes_and_methods_are_answered_as_problems() {
    let server = TestServer::start().await;
    let unknown = server.get("/api/v1/nothing").send().await;
    assert_eq!(unknown.outcome(), refused(404, "not_found"));
    assert_eq!(unknown.header("content-type"), Some("application/problem+json"));
    assert_eq!(unknown.json()["status"], 404);
    let method = server.ask("PUT", "/api/v1/auth/login").send().await;
    assert_eq!(method.outcome(), refused(405, "method_not_allowed"));
    assert_eq!(method.header("allow"), Some("POST"));
    let old = server.ask("PUT", "/api/v1/rooms").send().await;
    assert_eq!(old.outcome(), refused(405, "method_not_allowed"));
    assert_eq!(old.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn at_least_twenty_registrations_a_minute_pass_and_not_endlessly_many() {
    let server = TestServer::start().await;
    let form = json!({ "username": "x", "email": "x@example.org", "password": "a password" });
    let mut statuses = Vec::new();
    for _ in 0..70 {
        let answer = server.post("/api/v1/auth/register").json(&form).send().await;
        statuses.push(answer.status);
        if answer.status == 429 {
            assert_eq!(answer.json()["code"], "rate_limited");
            assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
        }
    }
    assert!(statuses[..20].iter().all(|status| *status == 422), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn guessing_a_password_is_stopped_for_the_name_that_is_tried() {
    let server = TestServer::start().await;
    let form = |name: &str| json!({ "username": name, "password": "wrong password" });
    let mut last = 0;
    for _ in 0..21 {
        last = server.post("/api/v1/auth/login").json(&form("victim")).send().await.status;
    }
    assert_eq!(last, 429);
    let other = server.post("/api/v1/auth/login").json(&form("another")).send().await;
    assert_eq!(other.outcome(), refused(401, "invalid_credentials"));
}

#[tokio::test]
async fn lifted_limits_let_everything_pass_but_sizes() {
    let server = TestServer::with(&[("insecure_no_rate_limits", "true")]).await;
    for _ in 0..150 {
        assert_eq!(server.post("/api/v1/auth/guest").send().await.status, 200);
    }
    let large = json!({ "displayName": "x".repeat(100_000) });
    let answer = server.post("/api/v1/auth/guest").json(&large).send().await;
    assert_eq!(answer.outcome(), refused(413, "too_large"));
}

#[tokio::test]
async fn health_is_public_and_metrics_are_not() {
    let server = TestServer::with(&[("metrics_from", "10.0.0.0/8")]).await;
    assert_eq!(server.get("/health/live").send().await.status, 200);
    assert_eq!(server.get("/health/ready").send().await.status, 200);
    assert_eq!(server.get("/metrics").send().await.outcome(), refused(403, "forbidden"));
    server.app().begin_draining();
    assert_eq!(server.get("/health/ready").send().await.outcome(), refused(503, "unavailable"));
    assert_eq!(server.get("/health/live").send().await.status, 200);
    let open = TestServer::start().await;
    open.get("/api/v1/rooms/a-secret-room").send().await;
    let metrics = open.get("/metrics").send().await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.text().contains("parlor_http_requests_total"), "{}", metrics.text());
    assert!(metrics.text().contains("/api/v1/rooms/{roomId}"));
    assert!(!metrics.text().contains("a-secret-room"));
}
