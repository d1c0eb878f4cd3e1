//! Those who run the site: how the first comes to it, and what they see and do.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::socket::RoomSocket;
use support::{Account, Answer, TestServer, program, refused};
use tokio::net::TcpStream;

async fn claim(server: &TestServer, who: &Account, token: &str) -> Answer {
    let form = json!({ "token": token });
    server.post("/api/v1/admin/first").bearer(&who.access).json(&form).send().await
}

async fn first_token(server: &TestServer) -> String {
    let path = server.app().mail.first_link().await.unwrap().unwrap();
    path.strip_prefix("/first?token=").unwrap().to_owned()
}

/// A server whose admin is `root`, with `ada_l` beside.
async fn run_by_root() -> (TestServer, Account, Account) {
    let server = TestServer::start().await;
    let (root, ada) = (server.register("root").await, server.register("ada_l").await);
    server.have_run_by(&root).await;
    (server, root, ada)
}

async fn change(server: &TestServer, by: &Account, user: &str, update: Value) -> Answer {
    let path = format!("/api/v1/admin/users/{user}");
    server.ask("PATCH", &path).bearer(&by.access).json(&update).send().await
}

async fn users(server: &TestServer, by: &Account, query: &str) -> Vec<String> {
    let path = format!("/api/v1/admin/users{query}");
    let page = server.get(&path).bearer(&by.access).send().await.json();
    let users = page["users"].as_array().unwrap().iter();
    users.map(|user| user["username"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_first_comes_by_a_link_that_works_once() {
    let server = TestServer::start().await;
    let (root, ada) = (server.register("root").await, server.register("ada_l").await);
    let (token, spare) = (first_token(&server).await, first_token(&server).await);
    let gus = server.guest("Gus").await;
    assert_eq!(claim(&server, &gus, &token).await.outcome(), refused(403, "forbidden"));
    assert_eq!(claim(&server, &root, "guessed").await.outcome(), refused(410, "link_expired"));
    assert_eq!(claim(&server, &root, &token).await.status, 200);
    for token in [&token, &spare] {
        assert_eq!(claim(&server, &ada, token).await.outcome(), refused(410, "link_expired"));
    }
    assert_eq!(server.app().mail.first_link().await.unwrap(), None);
    let me = async |who: &Account| {
        server.get("/api/v1/users/me").bearer(&who.access).send().await.json()
    };
    assert_eq!(me(&root).await["isAdmin"], true);
    assert_eq!(me(&ada).await.get("isAdmin"), None);
}

#[tokio::test]
async fn the_server_prints_that_link_until_somebody_runs_the_site() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--listen", "127.0.0.1:0"];
    let mut first = program::serve(folder.path(), &arguments);
    let own = first.line().trim().rsplit_once(' ').unwrap().1.to_owned();
    assert!(first.line().starts_with("Nobody runs this site yet."));
    assert!(first.line().trim().starts_with(&format!("{own}/first?token=")));
    first.stop();
    let root = ["admin", "user", "create", "root", "root@example.org", "--admin"];
    assert!(program::run(folder.path(), &root).0);
    let mut second = program::serve(folder.path(), &arguments);
    second.line();
    assert!(second.stop().success());
    assert_eq!(second.line(), "", "nothing more is said");
    let (fine, said) = program::run(folder.path(), &["admin", "user", "disable", "root"]);
    assert!(!fine && said.contains("Nobody would be left who runs this site."), "{said}");
}

#[tokio::test]
async fn everything_here_is_for_those_who_run_the_site() {
    let (server, root, ada) = run_by_root().await;
    let gus = server.guest("Gus").await;
    let user = format!("/api/v1/admin/users/{}", ada.id);
    let asks = [
        ("GET", "/api/v1/admin/users".to_owned()),
        ("PATCH", user.clone()),
        ("POST", format!("{user}/password-link")),
        ("GET", "/api/v1/admin/mail".to_owned()),
    ];
    for (method, path) in &asks {
        let ask = || server.ask(method, path).json(&json!({}));
        for who in [&ada, &gus] {
            let answer = ask().bearer(&who.access).send().await;
            assert_eq!(answer.outcome(), refused(403, "forbidden"), "{method} {path}");
        }
        assert_eq!(ask().send().await.outcome(), refused(401, "missing_token"));
        assert_eq!(ask().bearer(&root.access).send().await.status, 200, "{method} {path}");
    }
}

#[tokio::test]
async fn people_are_listed_searched_and_paged() {
    let (server, root, _) = run_by_root().await;
    assert_eq!(users(&server, &root, "").await, ["ada_l", "root"]);
    assert_eq!(users(&server, &root, "?q=ADA_L%40").await, ["ada_l"]);
    assert_eq!(users(&server, &root, "?q=%25").await, [""; 0]);
    let all = server.get("/api/v1/admin/users").bearer(&root.access).send().await.json();
    assert_eq!(all["users"][0]["email"], "ada_l@example.org");
    assert!(!all.to_string().contains("argon2"), "{all}");
    assert_eq!(all.get("next"), None);
    let long = format!("/api/v1/admin/users?q={}", "x".repeat(255));
    let answer = server.get(&long).bearer(&root.access).send().await;
    assert_eq!(answer.outcome(), refused(422, "invalid"));
}

#[tokio::test]
async fn who_is_kept_out_loses_logins_and_sockets() {
    let (server, root, ada) = run_by_root().await;
    let room = server.room(&ada, json!({ "name": "Film night" })).await;
    let stream = TcpStream::connect(server.addresses()[0]).await.unwrap();
    let room = room["roomId"].as_str().unwrap();
    let mut socket = RoomSocket::open(stream, "localhost", room, &ada.access).await;
    socket.until("USER_JOINED").await;
    let answer = change(&server, &root, &ada.id, json!({ "isDisabled": true })).await;
    assert_eq!(answer.json()["isDisabled"], true);
    assert_eq!(socket.until_closed().await, 4001);
    let me = server.get("/api/v1/users/me").bearer(&ada.access).send().await;
    assert_eq!(me.outcome(), refused(401, "invalid_token"));
    let answer = change(&server, &root, &ada.id, json!({ "isDisabled": false })).await;
    assert_eq!(answer.json()["isDisabled"], false);
    let answer = change(&server, &root, "nobody", json!({ "isDisabled": true })).await;
    assert_eq!(answer.outcome(), refused(404, "user_not_found"));
}

#[tokio::test]
async fn somebody_is_always_left_who_runs_the_site() {
    let (server, root, ada) = run_by_root().await;
    for update in [json!({ "isAdmin": false }), json!({ "isDisabled": true })] {
        let answer = change(&server, &root, &root.id, update).await;
        assert_eq!(answer.outcome(), refused(409, "last_admin"));
    }
    assert_eq!(change(&server, &root, &ada.id, json!({ "isAdmin": true })).await.status, 200);
    assert_eq!(change(&server, &ada, &root.id, json!({ "isAdmin": false })).await.status, 200);
    let answer = server.get("/api/v1/admin/users").bearer(&root.access).send().await;
    assert_eq!(answer.outcome(), refused(403, "forbidden"));
}

#[tokio::test]
async fn a_link_for_another_password_is_handed_on() {
    let (server, root, ada) = run_by_root().await;
    let path = format!("/api/v1/admin/users/{}/password-link", ada.id);
    let link = server.post(&path).bearer(&root.access).json(&json!({})).send().await.json();
    let token = link["path"].as_str().unwrap().strip_prefix("/reset?token=").unwrap();
    let form = json!({ "token": token, "password": "another password" });
    let reset = || server.post("/api/v1/auth/password/reset").json(&form);
    assert_eq!(reset().send().await.status, 200);
    assert_eq!(reset().send().await.outcome(), refused(410, "link_expired"));
    let form = json!({ "username": "ada_l", "password": "another password" });
    assert_eq!(server.post("/api/v1/auth/login").json(&form).send().await.status, 200);
}

#[tokio::test]
async fn mail_is_listed_without_any_link() {
    let (server, root, _) = run_by_root().await;
    let form = json!({ "email": "ada_l@example.org" });
    assert_eq!(server.post("/api/v1/auth/password/forgot").json(&form).send().await.status, 202);
    let list = async |query: &str| {
        let path = format!("/api/v1/admin/mail{query}");
        server.get(&path).bearer(&root.access).send().await
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let all = loop {
        let all = list("").await.json();
        if all["mails"][0]["outcome"] == "sent" {
            break all;
        }
        assert!(std::time::Instant::now() < deadline, "{all}");
        tokio::task::yield_now().await;
    };
    assert_eq!(all["isConfigured"], false);
    assert_eq!(all["mails"].as_array().unwrap().len(), 1);
    assert_eq!(all["mails"][0]["kind"], "reset");
    assert_eq!(all["mails"][0]["recipient"], "ada_l@example.org");
    assert!(!all.to_string().contains("token"), "{all}");
    let id = all["mails"][0]["id"].as_str().unwrap();
    let after = format!("?after={}.{id}", 253_402_300_799_i64);
    assert_eq!(list(&after).await.json()["mails"], json!([]), "that is before it");
    for text in ["7", "x.y", "-5.a", "99999999999999999.a"] {
        let answer = list(&format!("?after={text}")).await;
        assert_eq!(answer.outcome(), refused(422, "invalid"), "{text}");
    }
}

#[tokio::test]
async fn language_and_preferences_are_kept_with_the_account() {
    let server = TestServer::start().await;
    let (ada, gus) = (server.register("ada_l").await, server.guest("Gus").await);
    for who in [&ada, &gus] {
        let update = async |form: Value| {
            let ask = server.ask("PATCH", "/api/v1/users/me").bearer(&who.access);
            ask.json(&form).send().await
        };
        let likes = json!({ "motion": "less", "contrast": "more", "textPercent": 150 });
        assert_eq!(update(json!({ "language": "pt-BR" })).await.json()["language"], "pt-BR");
        assert_eq!(update(json!({ "preferences": likes })).await.json()["preferences"], likes);
        let me = server.get("/api/v1/users/me").bearer(&who.access).send().await.json();
        assert_eq!((&me["language"], &me["preferences"]), (&json!("pt-BR"), &likes));
        assert_eq!(update(json!({ "language": "" })).await.json().get("language"), None);
        for wrong in [
            json!({ "language": "not a tag" }),
            json!({ "preferences": { "textPercent": 99 } }),
            json!({ "preferences": { "motion": "wild" } }),
        ] {
            assert_eq!(update(wrong.clone()).await.outcome(), refused(422, "invalid"), "{wrong}");
        }
        let half = json!({ "displayName": "Another name", "language": "not a tag" });
        assert_eq!(update(half).await.outcome(), refused(422, "invalid"));
        let me = server.get("/api/v1/users/me").bearer(&who.access).send().await.json();
        assert_ne!(me["displayName"], "Another name", "nothing of it is written");
    }
}
