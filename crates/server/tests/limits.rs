//! Sizes, rates and shapes: what is too much, and how it is told.

#![allow(clippy::unwrap_used)]

mod support;

use parlor_server::http::limits::RATES;
use serde_json::{Value, json};
use support::{Account, TestServer, refused};

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

/// What is asked again and again until it is refused.
struct Asked<'a> {
    method: &'a str,
    path: String,
    body: Value,
    who: Sender<'a>,
    /// Whether every request comes from another address.
    wanders: bool,
}

/// Who asks.
enum Sender<'a> {
    Nobody,
    One(&'a Account),
    /// Another guest each time.
    Another,
}

/// Asks until it is refused for its rate, and returns how many requests passed.
async fn passed(server: &TestServer, asked: Asked<'_>, most: u32) -> u32 {
    for number in 0..most {
        let text = asked.body.to_string().replace("{n}", &number.to_string());
        let path = asked.path.replace("{n}", &number.to_string());
        let mut ask = server.ask(asked.method, &path);
        if !asked.body.is_null() {
            ask = ask.json(&serde_json::from_str(&text).unwrap());
        }
        ask = match asked.who {
            Sender::Nobody => ask,
            Sender::One(account) => ask.bearer(&account.access),
            Sender::Another => ask.bearer(&server.app().auth.new_guest(None).1),
        };
        if asked.wanders {
            let address = format!("203.0.{}.{}", number / 250, 1 + number % 250);
            ask = ask.header("x-forwarded-for", &address);
        }
        let answer = match path.ends_with("/ws") {
            true => ask.upgrade().await,
            false => ask.send().await,
        };
        if answer.status == 429 {
            assert_eq!(answer.json()["code"], "rate_limited", "{path}");
            assert!(answer.header("retry-after").is_some(), "{path}");
            return number;
        }
    }
    most
}

#[tokio::test]
async fn every_documented_rate_stops_whoever_goes_on() {
    for (what, per_minute) in RATES {
        // What wanders says so through a proxy that is trusted; all else comes from one address.
        let server = TestServer::with(&[("trusted_proxies", "127.0.0.0/8")]).await;
        let (ada, bob) = (server.register("ada_l").await, server.register("bob_b").await);
        let room = server.room(&ada, json!({ "name": "Film", "idleTtlSeconds": 600 })).await;
        let room = format!("/api/v1/rooms/{}", room["roomId"].as_str().unwrap());
        if what.starts_with("Wrong passwords") {
            let form = json!({ "password": "open sesame" });
            let set = server.ask("PUT", &format!("{room}/password")).bearer(&ada.access);
            assert_eq!(set.json(&form).send().await.status, 200);
        }
        let ask = |method, path: &str, body| Asked {
            method,
            path: path.to_owned(),
            body,
            who: Sender::Nobody,
            wanders: false,
        };
        let by = |who, method, path: &str, body| Asked {
            who: Sender::One(who),
            ..ask(method, path, body)
        };
        let login = |name| json!({ "username": name, "password": "wrong password" });
        let proof = json!({ "current": "wrong", "password": "another password" });
        let guess = json!({ "password": "let me in" });
        let asked = match *what {
            "Requests of any kind, per address" => ask("GET", "/api/v1/users/me", Value::Null),
            "Upgrades to a WebSocket, per address" => ask("GET", "/rooms/x/ws", Value::Null),
            "New Socket.IO connections, per address" => {
                ask("GET", "/socket.io/?EIO=4&transport=polling", Value::Null)
            }
            "Registrations, per address" => ask(
                "POST",
                "/api/v1/auth/register",
                json!({
                    "username": "x", "email": "x@example.org", "password": "a password"
                }),
            ),
            "Attempts to log in, per address" => {
                ask("POST", "/api/v1/auth/login", login("name_{n}"))
            }
            "Attempts to log in, per name that is tried" => {
                Asked { wanders: true, ..ask("POST", "/api/v1/auth/login", login("ada_l")) }
            }
            "Requests for a link by mail, per address" => {
                ask("POST", "/api/v1/auth/password/forgot", json!({ "email": "{n}@example.org" }))
            }
            "Requests for a link by mail, per e-mail address or person" => Asked {
                wanders: true,
                ..ask("POST", "/api/v1/auth/password/forgot", json!({ "email": "x@example.org" }))
            },
            "Invitations by mail, per person" => by(
                &ada,
                "POST",
                &format!("{room}/invitations"),
                json!({ "email": "{n}@example.org" }),
            ),
            "Links from mails that are tried, per address" => {
                ask("POST", "/api/v1/auth/email/verify", json!({ "token": "{n}" }))
            }
            "New guests, per address" => ask("POST", "/api/v1/auth/guest", Value::Null),
            "Refreshes, per address" => {
                ask("POST", "/api/v1/auth/refresh", json!({ "refreshToken": "x" }))
            }
            "Passwords given to change or delete an account, per person" => {
                by(&ada, "POST", "/api/v1/auth/password", proof)
            }
            "Exports, per person" => by(&ada, "GET", "/api/v1/users/me/export", Value::Null),
            "Direct messages, per person" => by(
                &ada,
                "POST",
                "/api/v1/direct/messages",
                json!({ "toClerkId": bob.id, "text": "{n}" }),
            ),
            "Direct messages marked as read, and typing, per person" => {
                by(&ada, "POST", "/api/v1/direct/read", json!({ "messageIds": [1] }))
            }
            "Changes to contacts, requests and blocks, per person" => {
                by(&ada, "PATCH", "/api/v1/direct/settings", json!({}))
            }
            "Pages of exported conversations, per person" => {
                by(&ada, "GET", "/api/v1/direct/conversations/1/export", Value::Null)
            }
            "Searches for people, per person" => {
                by(&ada, "GET", "/users/search?q=bob{n}", Value::Null)
            }
            "Tickets, per person" => by(&ada, "POST", "/api/v1/auth/ticket", json!({})),
            "New rooms, per person" => {
                by(&ada, "PUT", &format!("{room}/password"), json!({ "password": null }))
            }
            "New rooms, per address" => Asked {
                who: Sender::Another,
                ..ask("POST", "/api/rooms/create", json!({ "name": "Film" }))
            },
            "Messages over HTTP, per person" => {
                let id = room.rsplit('/').next().unwrap();
                by(&bob, "POST", &format!("/api/messages?roomId={id}"), json!({ "text": "hello" }))
            }
            "Knocks at rooms, per person" => by(&bob, "POST", &format!("{room}/entry"), json!({})),
            "Wrong passwords of rooms, per address" => {
                by(&bob, "POST", &format!("{room}/entry"), guess)
            }
            "Wrong passwords, per room" => Asked {
                who: Sender::Another,
                wanders: true,
                ..ask("POST", &format!("{room}/entry"), guess)
            },
            "Join codes that name nothing, per address" => {
                ask("GET", "/api/rooms/join/ZZZZZZ", Value::Null)
            }
            "Join codes that name nothing, from everywhere" => {
                Asked { wanders: true, ..ask("GET", "/api/rooms/join/ZZZZZZ", Value::Null) }
            }
            other => panic!("nobody tries what happens beyond the rate of {other}"),
        };
        let most = 2 * per_minute + 20;
        let passed = passed(&server, asked, most).await;
        assert!(passed < most, "{what}: nobody was stopped");
        assert!(passed >= *per_minute - 3, "{what}: stopped after {passed}");
    }
}
