//! Which hosts the server answers for, which sites' pages may use it, and when cookies count.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use support::{TestServer, refused};

#[tokio::test]
async fn a_foreign_host_is_misdirected() {
    let server = TestServer::start().await;
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.9.8.7"] {
        let answer = server.get("/health/live").host(host).send().await;
        assert_eq!(answer.outcome(), refused(421, "foreign_host"), "{host}");
    }
    let answer = server.get("/").without_host().send().await;
    assert_eq!(answer.outcome(), refused(421, "foreign_host"));
    let twice = server.get("/health/live").header("host", "localhost").send().await;
    assert_eq!(twice.outcome(), refused(421, "foreign_host"));
    let absolute = server.get("http://evil.example/health/live").send().await;
    assert_eq!(absolute.outcome(), refused(421, "foreign_host"));
}

#[tokio::test]
async fn localhost_loopback_and_the_public_host_are_answered() {
    let server = TestServer::with(&[("public_url", "https://parlor.example.org")]).await;
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "127.1.2.3:80", "[::1]:3000"] {
        assert_eq!(server.get("/health/live").host(host).send().await.status, 200, "{host}");
    }
    for host in ["parlor.example.org", "Parlor.Example.org:443"] {
        assert_eq!(server.get("/health/live").host(host).send().await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn a_write_from_a_page_of_another_site_is_refused() {
    let server = TestServer::with(&[("allowed_origins", "https://app.example.org")]).await;
    let ada = server.register("ada_l").await;
    let form = json!({ "name": "Film night" });
    let same_name_other_port = "http://127.0.0.1:1";
    let own = server.origin();
    for (origin, status) in [
        (own.as_str(), 200),
        ("https://app.example.org", 200),
        ("https://evil.example", 403),
        ("https://app.example.org.evil.example", 403),
        ("http://app.example.org", 403),
        (same_name_other_port, 403),
        ("null", 403),
        ("", 403),
    ] {
        let ask = server.post("/api/v1/rooms").bearer(&ada.access).origin(origin).json(&form);
        assert_eq!(ask.send().await.status, status, "{origin}");
    }
}

#[tokio::test]
async fn logging_in_and_making_guests_need_no_foreign_page() {
    let server = TestServer::start().await;
    server.register("ada_l").await;
    for path in ["/api/v1/auth/guest", "/api/v1/auth/login", "/api/v1/auth/register"] {
        let ask = server.post(path).origin("https://evil.example").json(&json!({}));
        assert_eq!(ask.send().await.outcome(), refused(403, "foreign_origin"), "{path}");
    }
}

#[tokio::test]
async fn a_write_by_cookie_needs_an_own_page() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let form = json!({ "name": "Film night" });
    let ask = || server.post("/api/v1/rooms").cookie(&ada.cookie).json(&form);
    assert_eq!(ask().send().await.outcome(), refused(403, "foreign_origin"));
    assert_eq!(ask().origin(&server.origin()).send().await.status, 200);
    assert_eq!(ask().header("sec-fetch-site", "same-origin").send().await.status, 200);
    for site in ["same-site", "cross-site", "none"] {
        let answer = ask().header("sec-fetch-site", site).send().await;
        assert_eq!(answer.outcome(), refused(403, "foreign_origin"), "{site}");
    }
    let foreign = ask().origin("https://evil.example").header("sec-fetch-site", "same-origin");
    assert_eq!(foreign.send().await.outcome(), refused(403, "foreign_origin"));
}

#[tokio::test]
async fn a_read_by_cookie_counts_unless_another_site_asked_for_it() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let ask = || server.get("/api/v1/users/me").cookie(&ada.cookie);
    assert_eq!(ask().send().await.status, 200);
    for site in ["none", "same-origin"] {
        assert_eq!(ask().header("sec-fetch-site", site).send().await.status, 200, "{site}");
    }
    for site in ["same-site", "cross-site"] {
        let answer = ask().header("sec-fetch-site", site).send().await;
        assert_eq!(answer.outcome(), refused(401, "missing_token"), "{site}");
    }
    let foreign = ask().origin("https://evil.example").send().await;
    assert_eq!(foreign.outcome(), refused(401, "missing_token"));
}

#[tokio::test]
async fn an_upgrade_looks_at_host_origin_and_token_first() {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let room = server.room(&ada, json!({ "name": "Film night" })).await;
    let path = format!("/api/v1/rooms/{}/ws", room["roomId"].as_str().unwrap());
    let ask = || server.get(&path);
    assert_eq!(ask().upgrade().await.outcome().0, 401);
    assert_eq!(ask().bearer("forged").upgrade().await.outcome().0, 401);
    let foreign = ask().bearer(&ada.access).origin("https://evil.example").upgrade().await;
    assert_eq!(foreign.outcome().0, 403);
    let null = ask().cookie(&ada.cookie).origin("null").upgrade().await;
    assert_eq!(null.outcome().0, 403);
    let misdirected = ask().bearer(&ada.access).host("evil.example").upgrade().await;
    assert_eq!(misdirected.outcome().0, 421);
    let cross = ask().cookie(&ada.cookie).header("sec-fetch-site", "cross-site").upgrade().await;
    assert_eq!(cross.outcome().0, 401);
    assert_eq!(ask().cookie(&ada.cookie).origin(&server.origin()).upgrade().await.status, 101);
    assert_eq!(ask().bearer(&ada.access).upgrade().await.status, 101);
    let alias = server.get(&path.replace("/api/v1", "")).bearer(&ada.access).upgrade().await;
    assert_eq!(alias.status, 101);
}

#[tokio::test]
async fn listed_sites_get_cors_with_credentials_and_others_nothing() {
    let server = TestServer::with(&[("allowed_origins", "https://app.example.org")]).await;
    let preflight = |origin: &'static str| {
        server
            .ask("OPTIONS", "/api/v1/rooms")
            .origin(origin)
            .header("access-control-request-method", "POST")
    };
    let listed = preflight("https://app.example.org").send().await;
    assert_eq!(listed.header("access-control-allow-origin"), Some("https://app.example.org"));
    assert_eq!(listed.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(listed.header("access-control-max-age"), Some("7200"));
    let foreign = preflight("https://evil.example").send().await;
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    let read = server.get("/health/live").origin("https://app.example.org").send().await;
    assert_eq!(read.header("access-control-allow-origin"), Some("https://app.example.org"));
}

#[tokio::test]
async fn forwarded_addresses_count_only_from_trusted_proxies() {
    let rate = |server: &TestServer, address: &str| {
        server.post("/api/v1/auth/guest").header("x-forwarded-for", address)
    };
    // The bucket of guests holds 120; an untrusted header must not give a new one.
    let server = TestServer::start().await;
    let mut statuses = Vec::new();
    for number in 0..125 {
        statuses.push(rate(&server, &format!("10.0.0.{number}")).send().await.status);
    }
    assert!(statuses.contains(&429), "an untrusted header was believed");
    let server = TestServer::with(&[("trusted_proxies", "127.0.0.0/8")]).await;
    for number in 0..125 {
        let answer = rate(&server, &format!("10.0.0.{number}")).send().await;
        assert_eq!(answer.status, 200);
    }
    // What a client writes before the proxy's own entry is its own claim.
    let mut statuses = Vec::new();
    for number in 0..125 {
        statuses.push(rate(&server, &format!("10.1.0.{number}, 10.2.0.1")).send().await.status);
    }
    assert!(statuses.contains(&429), "a client named its own address");
}

#[tokio::test]
async fn under_https_cookies_are_secure_and_bound_to_the_host() {
    let server = TestServer::with(&[("public_url", "https://parlor.example.org")]).await;
    let answer = server.post("/api/v1/auth/guest").send().await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-x-auth-token="), "{cookie}");
    for attribute in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let pair = cookie.split(';').next().unwrap();
    for name in [pair.to_owned(), pair.replace("__Host-", "")] {
        assert_eq!(server.get("/api/v1/users/me").cookie(&name).send().await.status, 200);
    }
}
