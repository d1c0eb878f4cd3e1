//! Accounts, logins, refresh tokens, guests and tickets, as clients meet them.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Account, Answer, TestServer, refused};

async fn me(server: &TestServer, token: &str) -> Answer {
    server.get("/api/v1/users/me").bearer(token).send().await
}

async fn refresh(server: &TestServer, token: &str) -> Answer {
    let form = json!({ "refreshToken": token });
    server.post("/api/v1/auth/refresh").json(&form).send().await
}

#[tokio::test]
async fn registering_answers_with_the_user_and_tokens_and_sets_the_cookie() {
    let server = TestServer::start().await;
    let form = json!({ "username": "ada_l", "email": "ada@example.org", "password": "a password" });
    let answer = server.post("/api/v1/auth/register").json(&form).send().await;
    assert_eq!(answer.status, 201);
    let body = answer.json();
    assert_eq!(body["username"], "ada_l");
    assert_eq!(body["email"], "ada@example.org");
    assert_eq!(body["displayName"], "ada_l");
    assert_eq!(body["expiresIn"], 900);
    assert!(body["createdAt"].as_str().unwrap().ends_with('Z'));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("authToken="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000"), "{cookie}");
    let account = Account::of(&answer);
    assert_eq!(me(&server, &account.access).await.json()["id"], account.id.as_str());
    // The login's own token is as good wherever an access token is.
    let login_token = account.cookie.strip_prefix("authToken=").unwrap();
    assert_eq!(me(&server, login_token).await.json()["id"], account.id.as_str());
    let crossed = format!("authToken={}", account.access);
    assert_eq!(server.get("/api/v1/users/me").cookie(&crossed).send().await.status, 200);
}

#[tokio::test]
async fn a_name_or_address_that_is_taken_is_named_by_its_code() {
    let server = TestServer::start().await;
    server.register("ada_l").await;
    let again = |name: &str, email: &str| {
        let form = json!({ "username": name, "email": email, "password": "a password" });
        server.post("/api/v1/auth/register").json(&form).send()
    };
    let name = again("ADA_L", "other@example.org").await;
    assert_eq!(name.outcome(), refused(409, "username_taken"));
    let email = again("other", "ADA_L@example.org").await;
    assert_eq!(email.outcome(), refused(409, "email_taken"));
}

#[tokio::test]
async fn a_registration_that_is_not_valid_says_why() {
    let server = TestServer::start().await;
    let good = json!({ "username": "ada_l", "email": "ada@example.org", "password": "a password" });
    for (field, value) in [
        ("username", json!("ada")),
        ("username", json!("a b c d")),
        ("username", json!(5)),
        ("email", json!("nobody")),
        ("password", json!("short")),
        ("password", json!("x".repeat(513))),
        ("displayName", json!("x".repeat(61))),
        ("isAdmin", json!(true)),
    ] {
        let mut form = good.clone();
        form[field] = value;
        let answer = server.post("/api/v1/auth/register").json(&form).send().await;
        assert_eq!(answer.outcome(), refused(422, "invalid"), "{field}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert!(!answer.json()["message"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn one_logs_in_by_name_or_address_and_a_wrong_password_is_told_as_an_unknown_name() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    for form in [
        json!({ "username": "Ada_L", "password": "a password" }),
        json!({ "email": "ada_l@example.org", "password": "a password" }),
    ] {
        let answer = server.post("/api/v1/auth/login").json(&form).send().await;
        assert_eq!(answer.status, 200);
        assert_eq!(Account::of(&answer).id, ada.id);
    }
    let fail = |name: &str| {
        let form = json!({ "username": name, "password": "not a password" });
        server.post("/api/v1/auth/login").json(&form).send()
    };
    let (wrong, unknown) = (fail("ada_l").await, fail("nobody").await);
    assert_eq!(wrong.outcome(), refused(401, "invalid_credentials"));
    assert_eq!(wrong.body, unknown.body);
}

#[tokio::test]
async fn a_token_is_looked_for_in_the_documented_order() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada_l").await, server.register("bob_b").await);
    let guest = server.guest("Eve").await;
    let id = |answer: Answer| answer.json()["id"].as_str().unwrap_or_default().to_owned();
    let path = "/api/v1/users/me";
    let both = format!("{}; {}", guest.cookie, bob.cookie);
    assert_eq!(id(server.get(path).bearer(&ada.access).cookie(&both).send().await), ada.id);
    assert_eq!(id(server.get(path).cookie(&both).send().await), bob.id);
    assert_eq!(id(server.get(path).cookie(&guest.cookie).send().await), guest.id);
    let stale = format!("authToken=login_stale; {}", guest.cookie);
    assert_eq!(id(server.get(path).cookie(&stale).send().await), guest.id);
    // The query is for sockets alone.
    let query = server.get(&format!("{path}?authToken={}", ada.access)).send().await;
    assert_eq!(query.outcome(), refused(401, "missing_token"));
}

#[tokio::test]
async fn a_missing_token_and_a_bad_one_are_told_apart() {
    let server = TestServer::start().await;
    let missing = server.get("/api/v1/rooms").send().await;
    assert_eq!(missing.json()["message"], "Missing authentication token");
    assert_eq!(missing.status, 401);
    for token in ["x", "login_x", "a.b.c", "ticket_x"] {
        let bad = server.get("/api/v1/rooms").bearer(token).send().await;
        assert_eq!(bad.json()["message"], "Invalid or expired token", "{token}");
        assert_eq!(bad.status, 401);
    }
    let basic = server.get("/api/v1/rooms").header("authorization", "Basic eA==").send().await;
    assert_eq!(basic.outcome(), refused(401, "invalid_token"));
}

#[tokio::test]
async fn an_access_token_ends_when_it_says() {
    let server = TestServer::with(&[("access_token_seconds", "1")]).await;
    let ada = server.register("ada_l").await;
    assert_eq!(me(&server, &ada.access).await.status, 200);
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(me(&server, &ada.access).await.outcome(), refused(401, "invalid_token"));
    let fresh = refresh(&server, &ada.refresh).await.json();
    assert_eq!(me(&server, fresh["accessToken"].as_str().unwrap()).await.status, 200);
}

#[tokio::test]
async fn fifty_refreshes_at_once_get_one_successor() {
    let server = TestServer::with(&[("insecure_no_rate_limits", "true")]).await;
    let ada = server.register("ada_l").await;
    let mut asks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let form = json!({ "refreshToken": ada.refresh });
        asks.spawn(server.post("/api/v1/auth/refresh").json(&form).send());
    }
    let mut successors = HashSet::new();
    while let Some(answer) = asks.join_next().await {
        let answer = answer.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        successors.insert(answer.json()["refreshToken"].as_str().unwrap().to_owned());
    }
    assert_eq!(successors.len(), 1);
    assert!(!successors.contains(&ada.refresh));
    let successor = successors.into_iter().next().unwrap();
    assert_eq!(refresh(&server, &successor).await.status, 200);
}

#[tokio::test]
async fn an_old_refresh_token_ends_its_login_with_everything_behind_it() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let second = refresh(&server, &ada.refresh).await.json();
    let third = refresh(&server, second["refreshToken"].as_str().unwrap()).await.json();
    assert_eq!(refresh(&server, &ada.refresh).await.outcome(), refused(401, "invalid_token"));
    let newest = third["refreshToken"].as_str().unwrap();
    assert_eq!(refresh(&server, newest).await.outcome(), refused(401, "invalid_token"));
    let access = third["accessToken"].as_str().unwrap();
    assert_eq!(me(&server, access).await.outcome(), refused(401, "invalid_token"));
    let by_cookie = server.get("/api/v1/users/me").cookie(&ada.cookie).send().await;
    assert_eq!(by_cookie.outcome(), refused(401, "invalid_token"));
}

#[tokio::test]
async fn a_forged_refresh_token_changes_nothing() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    for forged in [ada.refresh.replace(".0.", ".7."), format!("{}A", ada.refresh), "x".into()] {
        assert_eq!(refresh(&server, &forged).await.outcome(), refused(401, "invalid_token"));
    }
    assert_eq!(refresh(&server, &ada.refresh).await.status, 200);
}

#[tokio::test]
async fn the_cookie_refreshes_too_but_only_from_an_own_page() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let ask = || server.post("/api/v1/auth/refresh").cookie(&ada.cookie);
    assert_eq!(ask().send().await.outcome(), refused(403, "foreign_origin"));
    let (first, second) = (
        ask().origin(&server.origin()).send().await.json(),
        ask().origin(&server.origin()).send().await.json(),
    );
    assert_eq!(me(&server, first["accessToken"].as_str().unwrap()).await.status, 200);
    // Two tabs do not outrun each other.
    assert_eq!(first["refreshToken"], second["refreshToken"]);
    let neither = server.post("/api/v1/auth/refresh").send().await;
    assert_eq!(neither.outcome(), refused(401, "missing_token"));
}

#[tokio::test]
async fn logging_out_ends_tokens_and_cookies_at_once() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    assert_eq!(me(&server, &ada.access).await.status, 200);
    let out = server.post("/api/v1/auth/logout").bearer(&ada.access).send().await;
    assert_eq!(out.status, 200);
    assert!(out.json()["message"].is_string());
    assert!(out.cookies().iter().all(|cookie| cookie.contains("Max-Age=0")));
    assert_eq!(out.cookies().len(), 2);
    assert_eq!(me(&server, &ada.access).await.outcome(), refused(401, "invalid_token"));
    assert_eq!(refresh(&server, &ada.refresh).await.outcome(), refused(401, "invalid_token"));
    let again = server.post("/api/v1/auth/logout").bearer(&ada.access).send().await;
    assert_eq!(again.status, 200);
}

#[tokio::test]
async fn logins_are_listed_and_ended_one_by_one() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let form = json!({ "username": "ada_l", "password": "a password" });
    let ask = server.post("/api/v1/auth/login").header("user-agent", "Phone").json(&form);
    let phone = Account::of(&ask.send().await);
    let list = server.get("/api/v1/auth/sessions").bearer(&ada.access).send().await.json();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 2);
    let other = list.iter().find(|login| login["isCurrent"] == Value::Bool(false)).unwrap();
    assert_eq!(other["userAgent"], "Phone");
    let path = format!("/api/v1/auth/sessions/{}", other["id"].as_str().unwrap());
    let bob = server.register("bob_b").await;
    let strange = server.ask("DELETE", &path).bearer(&bob.access).send().await;
    assert_eq!(strange.outcome(), refused(404, "not_found"));
    assert_eq!(me(&server, &phone.access).await.status, 200);
    assert_eq!(server.ask("DELETE", &path).bearer(&ada.access).send().await.status, 200);
    assert_eq!(me(&server, &phone.access).await.outcome(), refused(401, "invalid_token"));
    assert_eq!(me(&server, &ada.access).await.status, 200);
}

#[tokio::test]
async fn a_guest_is_written_down_only_once_it_writes() {
    let server = TestServer::start().await;
    let eve = server.guest("Eve").await;
    assert_eq!(me(&server, &eve.access).await.json()["displayName"], "Eve");
    let id = eve.id.as_str().into();
    assert!(server.app().store.user(&id).await.unwrap().is_none());
    server.room(&eve, json!({ "name": "Film night" })).await;
    assert!(server.app().store.user(&id).await.unwrap().is_some());
}

#[tokio::test]
async fn logging_in_takes_over_what_the_guest_made_and_clears_its_cookie() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let guest = server.guest("Eve").await;
    let room = server.room(&guest, json!({ "name": "Film night", "isPublic": false })).await;
    let path = format!("/api/v1/rooms/{}", room["roomId"].as_str().unwrap());
    // The room is loaded while it changes hands.
    assert_eq!(server.get(&path).bearer(&guest.access).send().await.status, 200);
    let form = json!({ "username": "ada_l", "password": "a password" });
    let ask = server.post("/api/v1/auth/login").cookie(&guest.cookie).origin(&server.origin());
    let answer = ask.json(&form).send().await;
    assert_eq!(answer.status, 200);
    let cleared = answer.cookies().into_iter().find(|cookie| cookie.starts_with("x-auth-token="));
    assert!(cleared.unwrap().contains("Max-Age=0"));
    let rooms = server.get("/api/v1/rooms").bearer(&ada.access).send().await.json();
    assert_eq!(rooms[0]["roomId"], room["roomId"]);
    let ask = server.ask("PATCH", &path).bearer(&ada.access);
    let renamed = ask.json(&json!({ "name": "Ada’s night" })).send().await;
    assert_eq!(renamed.json()["name"], "Ada’s night");
    assert_eq!(renamed.json()["ownerId"], ada.id);
    assert!(server.app().store.user(&guest.id.as_str().into()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_name_to_show_is_changed_for_accounts_and_guests() {
    let server = TestServer::start().await;
    for somebody in [server.register("ada_l").await, server.guest("Eve").await] {
        let ask = server.ask("PATCH", "/api/v1/users/me").bearer(&somebody.access);
        let answer = ask.json(&json!({ "displayName": "  Ada  Lovelace " })).send().await;
        assert_eq!(answer.json()["displayName"], "Ada Lovelace");
        let again = me(&server, &somebody.access).await;
        assert_eq!(again.json()["displayName"], "Ada Lovelace");
    }
}

#[tokio::test]
async fn nobody_sees_anothers_address() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("ada_l").await, server.register("bob_b").await);
    let one = server.get(&format!("/api/v1/users/{}", ada.id)).bearer(&bob.access).send().await;
    assert_eq!(one.json()["username"], "ada_l");
    let path = format!("/api/v1/users?ids={},nobody,{}", bob.id, ada.id);
    let several = server.get(&path).bearer(&bob.access).send().await;
    let names: Vec<_> =
        several.json().as_array().unwrap().iter().map(|one| one["username"].clone()).collect();
    assert_eq!(names, ["bob_b", "ada_l"]);
    for answer in [one, several] {
        assert!(!answer.text().contains("example.org"), "{}", answer.text());
    }
    let nobody = server.get("/api/v1/users/nobody").bearer(&bob.access).send().await;
    assert_eq!(nobody.outcome(), refused(404, "user_not_found"));
}

#[tokio::test]
async fn a_ticket_opens_one_socket_and_dies_with_its_login() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let room = server.room(&ada, json!({ "name": "Film night" })).await;
    let ticket = || async {
        let answer = server.post("/api/v1/auth/ticket").bearer(&ada.access).send().await;
        answer.json()["ticket"].as_str().unwrap().to_owned()
    };
    let open = |ticket: &str| {
        let room = room["roomId"].as_str().unwrap();
        server.get(&format!("/api/v1/rooms/{room}/ws?authToken={ticket}")).upgrade()
    };
    let first = ticket().await;
    assert_eq!(open(&first).await.status, 101);
    assert_eq!(open(&first).await.status, 401);
    let second = ticket().await;
    let elsewhere = server.get("/api/v1/users/me").bearer(&second).send().await;
    assert_eq!(elsewhere.outcome(), refused(401, "invalid_token"));
    server.post("/api/v1/auth/logout").bearer(&ada.access).send().await;
    assert_eq!(open(&second).await.status, 401);
}

#[tokio::test]
async fn tokens_survive_a_restart_only_with_the_same_secret() {
    use parlor_server::config::{Config, Flags, sources};
    use parlor_server::running::Running;
    let folder = tempfile::tempdir().unwrap();
    let config = |secret: &str| {
        let values = [
            ("listen", "127.0.0.1:0".to_owned()),
            ("data_dir", folder.path().display().to_string()),
            ("secret", secret.to_owned()),
        ];
        let flags = Flags { values: values.into_iter().collect(), file: None };
        let values = sources::gather(&flags, &|_| None, folder.path()).unwrap();
        Config::from_values(&values).unwrap()
    };
    let secret = "0123456789abcdef0123456789abcdef";
    let running = Running::start(config(secret)).await.unwrap();
    let (_, token) = running.app().auth.new_guest(None);
    running.stop().await;
    let running = Running::start(config(secret)).await.unwrap();
    assert!(running.app().auth.verify_token(&token).await.is_ok());
    running.stop().await;
    let other = Running::start(config("another secret of thirty-two chars")).await;
    let Err(error) = other else { panic!("started with the wrong secret") };
    assert!(error.to_string().contains("PARLOR_SECRET"), "{error}");
}
