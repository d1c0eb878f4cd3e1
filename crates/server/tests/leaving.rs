//! One's own account: another password, an export, and the end of it.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use support::{Account, TestServer, refused};

const PASSWORD: &str = "a long password";

async fn log_in(server: &TestServer, name: &str, password: &str) -> support::Answer {
    let form = json!({ "username": name, "password": password });
    server.post("/api/v1/auth/login").json(&form).send().await
}

async fn registered(server: &TestServer, name: &str) -> Account {
    let email = format!("{name}@example.org");
    let form = json!({ "username": name, "email": email, "password": PASSWORD });
    Account::of(&server.post("/api/v1/auth/register").json(&form).send().await)
}

#[tokio::test]
async fn another_password_ends_every_other_login() {
    let server = TestServer::start().await;
    let here = registered(&server, "ada_l").await;
    let there = Account::of(&log_in(&server, "ada_l", PASSWORD).await);
    let change = |current: &str, password: &str| {
        let form = json!({ "current": current, "password": password });
        server.post("/api/v1/auth/password").bearer(&here.access).json(&form).send()
    };
    let wrong = change("not the password", "another password").await;
    assert_eq!(wrong.outcome(), refused(401, "invalid_credentials"));
    assert_eq!(change(PASSWORD, "short").await.outcome(), refused(422, "invalid"));
    assert_eq!(change(PASSWORD, "another password").await.status, 200);
    let me = |who: &Account| server.get("/api/v1/users/me").bearer(&who.access).send();
    assert_eq!(me(&here).await.status, 200);
    assert_eq!(me(&there).await.outcome(), refused(401, "invalid_token"));
    assert_eq!(log_in(&server, "ada_l", PASSWORD).await.status, 401);
    assert_eq!(log_in(&server, "ada_l", "another password").await.status, 200);
}

#[tokio::test]
async fn passwords_are_not_guessed_with_a_browser_left_open() {
    let server = TestServer::start().await;
    let ada = registered(&server, "ada_l").await;
    let mut statuses = Vec::new();
    for number in 0..12 {
        let form = json!({ "current": format!("guess {number}"), "password": "another password" });
        let answer = server.post("/api/v1/auth/password").bearer(&ada.access).json(&form);
        statuses.push(answer.send().await.status);
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[10..], [429; 2]);
}

#[tokio::test]
async fn an_export_holds_ones_own_and_nothing_of_others() {
    let server = TestServer::start().await;
    let (ada, bob) = (registered(&server, "ada_l").await, registered(&server, "bob_b").await);
    let room = server.room(&ada, json!({ "name": "Film night" })).await;
    server.room(&bob, json!({ "name": "Bob's own" })).await;
    let invite = format!("/api/v1/rooms/{}/invitations", room["roomId"].as_str().unwrap());
    let form = json!({ "email": "eve@example.org", "message": "Bring crisps" });
    let invite = server.post(&invite).bearer(&ada.access).json(&form);
    assert_eq!(invite.send().await.status, 202);
    let path = "/api/v1/users/me/export";
    let answer = server.get(path).bearer(&ada.access).send().await;
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"parlor.json\""));
    let export = answer.json();
    assert_eq!(export["account"]["email"], "ada_l@example.org");
    assert_eq!(export["logins"].as_array().unwrap().len(), 1);
    assert_eq!(export["rooms"].as_array().unwrap().len(), 1);
    assert_eq!(export["rooms"][0]["roomId"], room["roomId"]);
    assert_eq!(export["messages"], json!([]));
    assert_eq!(export["invitations"][0]["email"], "eve@example.org");
    assert_eq!(export["invitations"][0]["message"], "Bring crisps");
    assert!(!answer.text().contains("argon2"));
    assert!(!answer.text().contains("bob"));
    assert_eq!(server.get(path).send().await.status, 401);
}

#[tokio::test]
async fn who_leaves_for_good_is_gone_with_rooms_and_logins() {
    let server = TestServer::start().await;
    let (ada, bob) = (registered(&server, "ada_l").await, registered(&server, "bob_b").await);
    let room = server.room(&ada, json!({ "name": "Film night", "idleTtlSeconds": 600 })).await;
    let path = format!("/api/v1/rooms/{}", room["roomId"].as_str().unwrap());
    let leave = |who: &Account, password: &str| {
        let form = json!({ "password": password });
        server.ask("DELETE", "/api/v1/users/me").bearer(&who.access).json(&form).send()
    };
    let wrong = leave(&ada, "not the password").await;
    assert_eq!(wrong.outcome(), refused(401, "invalid_credentials"));
    let guest = server.guest("Gus").await;
    assert_eq!(leave(&guest, PASSWORD).await.outcome(), refused(403, "forbidden"));
    assert_eq!(leave(&ada, PASSWORD).await.status, 200);
    let me = server.get("/api/v1/users/me").bearer(&ada.access).send().await;
    assert_eq!(me.outcome(), refused(401, "invalid_token"));
    assert_eq!(log_in(&server, "ada_l", PASSWORD).await.status, 401);
    let gone = server.get(&path).bearer(&bob.access).send().await;
    assert_eq!(gone.outcome(), refused(404, "room_not_found"));
    let profile = format!("/api/v1/users/{}", ada.id);
    let profile = server.get(&profile).bearer(&bob.access).send().await;
    assert_eq!(profile.outcome(), refused(404, "user_not_found"));
    // The name is free again.
    registered(&server, "ada_l").await;
}
