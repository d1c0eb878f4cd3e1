//! `PARLOR_INSECURE_TRUST_CLERK_ID`: external users by a header, where the operator wants that.

#![allow(clippy::unwrap_used)]

mod support;

use parlor_protocol::UserId;
use serde_json::json;
use support::{TestServer, refused};

const TRUSTING: (&str, &str) = ("insecure_trust_clerk_id", "true");

#[tokio::test]
async fn a_header_names_an_external_user_where_that_is_taken_on_trust() {
    let server = TestServer::with(&[TRUSTING]).await;
    let ask = |method, path| server.ask(method, path).header("x-clerk-id", "user_2ada");
    let me = ask("GET", "/users/me").send().await;
    assert_eq!(me.json()["clerkId"], "user_2ada");
    let made = ask("POST", "/users").json(&json!({ "isParalyzed": true })).send().await;
    assert_eq!(made.json()["isParalyzed"], true);
    let bob = server.register("bob_b").await;
    let add = ask("POST", "/contacts").json(&json!({ "contactClerkId": bob.id })).send().await;
    assert_eq!(add.status, 200);
    let other = server.get("/contacts").header("x-clerk-id", "user_2eve").send().await;
    assert_eq!(other.json(), json!({ "contacts": [] }));
    // A token goes before it, and is not contradicted.
    let both = ask("GET", "/users/me").bearer(&bob.access).send().await;
    assert_eq!(both.outcome(), refused(403, "forbidden"));
}

#[tokio::test]
async fn it_names_no_account_no_guest_and_nothing_odd() {
    let server = TestServer::with(&[TRUSTING]).await;
    let bob = server.register("bob_b").await;
    let guest = server.guest("Gus").await;
    server
        .ask("PATCH", "/api/v1/users/me")
        .bearer(&guest.access)
        .json(&json!({ "displayName": "G" }))
        .send()
        .await;
    assert!(server.app().store.user(&UserId::from(guest.id.as_str())).await.unwrap().is_some());
    let long = "x".repeat(201);
    for claim in [bob.id.as_str(), guest.id.as_str(), "", "a b", long.as_str()] {
        let answer = server.get("/users/me").header("x-clerk-id", claim).send().await;
        assert_eq!(answer.outcome(), refused(401, "missing_token"), "{claim}");
    }
    let two = server.get("/users/me").header("x-clerk-id", "a").header("x-clerk-id", "b");
    assert_eq!(two.send().await.outcome(), refused(401, "missing_token"));
}

#[tokio::test]
async fn it_counts_on_the_routes_of_older_clients_alone() {
    let server = TestServer::with(&[TRUSTING]).await;
    for path in ["/api/v1/direct/settings", "/api/v1/users/me", "/api/v1/rooms", "/rooms"] {
        let answer = server.get(path).header("x-clerk-id", "user_2ada").send().await;
        assert_eq!(answer.outcome(), refused(401, "missing_token"), "{path}");
    }
}

#[tokio::test]
async fn what_a_proxy_nobody_declared_passes_on_is_not_trusted() {
    let passed_on = async |server: &TestServer| {
        let ask = server.get("/users/me").header("x-clerk-id", "user_2ada");
        ask.header("x-forwarded-for", "203.0.113.9").send().await
    };
    let plain = TestServer::with(&[TRUSTING]).await;
    assert_eq!(passed_on(&plain).await.outcome(), refused(401, "missing_token"));
    let declared = TestServer::with(&[TRUSTING, ("trusted_proxies", "127.0.0.0/8")]).await;
    assert_eq!(passed_on(&declared).await.json()["clerkId"], "user_2ada");
    let untrusting = TestServer::with(&[("trusted_proxies", "127.0.0.0/8")]).await;
    assert_eq!(passed_on(&untrusting).await.outcome(), refused(401, "missing_token"));
}
