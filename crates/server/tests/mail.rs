//! Letters with links: what they are good for, and what becomes of them when the mail server is in
//! a bad mood. The mail server is a real one.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use parlor_store::{MailRow, MailState, Store, StoreConfig};
use serde_json::{Value, json};
use support::smtp::{Smtp, token};
use support::{Account, Answer, Ask, TestServer, program, refused};
use tokio::io::AsyncReadExt;

const RESET: &str = "Set another password";
const VERIFY: &str = "Is this your address?";

async fn server_at(smtp: &Smtp, more: &[(&'static str, &str)]) -> TestServer {
    let url = format!("smtp://127.0.0.1:{}", smtp.port);
    let mut settings = vec![
        ("smtp_url", url.as_str()),
        ("smtp_starttls", "off"),
        ("mail_from", "Parlor <parlor@example.org>"),
        ("public_url", "http://parlor.test"),
    ];
    settings.extend_from_slice(more);
    TestServer::with(&settings).await
}

/// Registers somebody, and waits for the letter that asks whether the address is theirs.
async fn registered(server: &TestServer, smtp: &mut Smtp, name: &str) -> (Account, Value) {
    let account = server.register(name).await;
    (account, smtp.mail(VERIFY).await)
}

async fn forgot(server: &TestServer, email: &str) -> Answer {
    let form = json!({ "email": email });
    server.post("/api/v1/auth/password/forgot").json(&form).send().await
}

async fn reset(server: &TestServer, token: &str, password: &str) -> Answer {
    let form = json!({ "token": token, "password": password });
    server.post("/api/v1/auth/password/reset").json(&form).send().await
}

async fn log_in(server: &TestServer, name: &str, password: &str) -> Answer {
    let form = json!({ "username": name, "password": password });
    server.post("/api/v1/auth/login").json(&form).send().await
}

async fn me(server: &TestServer, token: &str) -> Answer {
    server.get("/api/v1/users/me").bearer(token).send().await
}

/// Waits until the newest letter is as it should be.
async fn newest(store: &Store, is_so: impl Fn(&MailRow) -> bool) -> MailRow {
    let begun = Instant::now();
    loop {
        let newest = store.mails(None, 1).await.unwrap().into_iter().next();
        match newest {
            Some(mail) if is_so(&mail) => return mail,
            other => assert!(begun.elapsed() < Duration::from_secs(60), "{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_link_sets_another_password_once_and_ends_every_login() {
    let mut smtp = Smtp::start().await;
    let server = server_at(&smtp, &[]).await;
    let (ada, _) = registered(&server, &mut smtp, "ada_l").await;
    let room = server.room(&ada, json!({ "name": "Film night" })).await;
    let path = format!("/api/v1/rooms/{}/ws", room["roomId"].as_str().unwrap());
    let mut socket = server.get(&path).bearer(&ada.access).connect().await;

    assert_eq!(forgot(&server, " ADA_L@example.org ").await.status, 202);
    let mail = smtp.mail(RESET).await;
    assert_eq!(mail["to"], json!(["ada_l@example.org"]));
    assert_eq!(mail["from"], "parlor@example.org");
    assert_eq!(mail["headers"]["from"], "Parlor <parlor@example.org>");
    assert!(mail["headers"]["message-id"].as_str().unwrap().ends_with("@parlor.test>"));
    let token = token(&mail, "reset");

    assert_eq!(reset(&server, &token, "short").await.outcome(), refused(422, "invalid"));
    assert_eq!(reset(&server, "x", "another one").await.outcome(), refused(410, "link_expired"));
    assert_eq!(reset(&server, &token, "another one").await.status, 200);
    let again = reset(&server, &token, "a third one").await;
    assert_eq!(again.outcome(), refused(410, "link_expired"));

    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(5), socket.read_to_end(&mut rest));
    closed.await.expect("the socket is closed within 5 s").unwrap();
    assert_eq!(me(&server, &ada.access).await.outcome(), refused(401, "invalid_token"));
    let old = log_in(&server, "ada_l", "a password").await;
    assert_eq!(old.outcome(), refused(401, "invalid_credentials"));
    let new = log_in(&server, "ada_l", "another one").await;
    assert_eq!(new.status, 200);
    assert_eq!(new.json()["isEmailVerified"], true, "who reads the mail has the address");
    let sent = newest(&server.app().store, |mail| mail.state == MailState::Sent).await;
    assert_eq!((sent.template.as_str(), sent.attempts), ("reset", 1));
}

#[tokio::test]
async fn a_new_account_is_asked_whether_the_address_is_its_own() {
    let mut smtp = Smtp::start().await;
    let server = server_at(&smtp, &[]).await;
    let (ada, mail) = registered(&server, &mut smtp, "ada_l").await;
    assert_eq!(me(&server, &ada.access).await.json()["isEmailVerified"], false);
    let once_more =
        || server.post("/api/v1/auth/email/send-verification").bearer(&ada.access).send();
    assert_eq!(once_more().await.status, 202);
    let second = token(&smtp.mail(VERIFY).await, "verify");
    let verify = |token: &str| {
        let form = json!({ "token": token });
        server.post("/api/v1/auth/email/verify").json(&form).send()
    };
    let first = token(&mail, "verify");
    assert_ne!(first, second);
    assert_eq!(verify(&first).await.status, 200);
    assert_eq!(verify(&first).await.outcome(), refused(410, "link_expired"));
    assert_eq!(me(&server, &ada.access).await.json()["isEmailVerified"], true);
    // A link for one thing is good for no other.
    let crossed = reset(&server, &second, "another one").await;
    assert_eq!(crossed.outcome(), refused(410, "link_expired"));
    let count = server.app().store.mails(None, 10).await.unwrap().len();
    assert_eq!(once_more().await.status, 202);
    assert_eq!(server.app().store.mails(None, 10).await.unwrap().len(), count);
    let guest = server.guest("Eve").await;
    let ask = server.post("/api/v1/auth/email/send-verification").bearer(&guest.access);
    assert_eq!(ask.send().await.outcome(), refused(403, "forbidden"));
}

#[tokio::test]
async fn an_unknown_address_is_answered_like_a_known_one_and_gets_nothing() {
    let mut smtp = Smtp::start().await;
    let server = server_at(&smtp, &[]).await;
    registered(&server, &mut smtp, "ada_l").await;
    smtp.rest();
    let unknown = forgot(&server, "nobody@example.org").await;
    let known = forgot(&server, "ada_l@example.org").await;
    assert_eq!((unknown.status, &unknown.body), (202, &known.body));
    let names = |answer: &Answer| -> Vec<String> {
        answer.headers.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&unknown), names(&known));
    assert_eq!(smtp.event("recipient").await["to"], "ada_l@example.org");
    assert_eq!(server.app().store.mails(None, 10).await.unwrap().len(), 2);
    let typo = forgot(&server, "nobody").await;
    assert_eq!(typo.outcome(), refused(422, "invalid"));
    for _ in 0..2 {
        forgot(&server, "nobody@example.org").await;
    }
    let often = forgot(&server, "Nobody@example.org").await;
    assert_eq!(often.outcome(), refused(429, "rate_limited"), "known or not");
}

#[tokio::test]
async fn a_mail_that_may_come_later_comes_later_and_once() {
    let mut smtp = Smtp::start().await;
    let server = server_at(&smtp, &[]).await;
    registered(&server, &mut smtp, "ada_l").await;
    smtp.behave("later").await;
    forgot(&server, "ada_l@example.org").await;
    smtp.event("recipient").await;
    let store = &server.app().store;
    let deferred = newest(store, |mail| mail.last_error.is_some()).await;
    assert_eq!((deferred.state, deferred.attempts), (MailState::Waiting, 1));
    assert!(deferred.last_error.unwrap().contains("come back later"));
    smtp.behave("accept").await;
    let token = token(&smtp.mail(RESET).await, "reset");
    let sent = newest(store, |mail| mail.state == MailState::Sent).await;
    assert_eq!((sent.attempts, sent.last_error), (2, None));
    assert_eq!(smtp.rest(), [] as [Value; 0]);
    assert_eq!(reset(&server, &token, "another one").await.status, 200);
}

#[tokio::test]
async fn an_address_that_nobody_has_gets_no_more_mail() {
    let mut smtp = Smtp::start().await;
    let server = server_at(&smtp, &[]).await;
    registered(&server, &mut smtp, "ada_l").await;
    smtp.behave("never").await;
    forgot(&server, "ada_l@example.org").await;
    let store = &server.app().store;
    let failed = newest(store, |mail| mail.state == MailState::Failed).await;
    assert!(failed.last_error.unwrap().contains("nobody here has that name"));
    // The note of the address follows that of the mail.
    let begun = Instant::now();
    while store.mail_suppression("ada_l@example.org").await.unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    smtp.behave("accept").await;
    forgot(&server, "ada_l@example.org").await;
    newest(store, |mail| mail.state == MailState::Suppressed).await;
    registered(&server, &mut smtp, "bob_b").await;
    assert!(smtp.rest().iter().all(|event| event["to"] != "ada_l@example.org"));
}

#[tokio::test]
async fn a_letter_that_is_refused_says_nothing_about_its_address() {
    let mut smtp = Smtp::start().await;
    let server = server_at(&smtp, &[]).await;
    registered(&server, &mut smtp, "ada_l").await;
    smtp.behave("refuse").await;
    forgot(&server, "ada_l@example.org").await;
    let store = &server.app().store;
    let failed = newest(store, |mail| mail.state == MailState::Failed).await;
    assert!(failed.last_error.unwrap().contains("not with these words"));
    smtp.behave("accept").await;
    forgot(&server, "ada_l@example.org").await;
    smtp.mail(RESET).await;
    assert_eq!(store.mail_suppression("ada_l@example.org").await.unwrap(), None);
}

#[tokio::test]
async fn a_mail_server_that_hangs_holds_up_nobody_else() {
    let mut smtp = Smtp::start().await;
    let server = server_at(&smtp, &[]).await;
    registered(&server, &mut smtp, "ada_l").await;
    registered(&server, &mut smtp, "bob_b").await;
    smtp.behave("hang ada_l@example.org").await;
    forgot(&server, "ada_l@example.org").await;
    assert_eq!(smtp.event("recipient").await["to"], "ada_l@example.org");
    forgot(&server, "bob_b@example.org").await;
    assert_eq!(smtp.mail(RESET).await["to"], json!(["bob_b@example.org"]));
    let store = &server.app().store;
    let begun = Instant::now();
    loop {
        let mails = store.mails(None, 10).await.unwrap();
        let is_hers = |it: &&MailRow| it.template == "reset" && it.recipient.starts_with("ada");
        if let Some(why) = mails.iter().find(is_hers).unwrap().last_error.as_deref() {
            assert_eq!(why, "the mail server takes too long");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn nothing_is_sent_in_the_clear_unless_that_is_allowed() {
    let mut smtp = Smtp::start().await;
    let server = server_at(&smtp, &[("smtp_starttls", "required")]).await;
    server.register("ada_l").await;
    let deferred = newest(&server.app().store, |mail| mail.last_error.is_some()).await;
    assert_eq!(deferred.state, MailState::Waiting);
    assert!(deferred.last_error.unwrap().contains("STARTTLS"));
    assert_eq!(smtp.rest(), [] as [Value; 0]);
    let server = server_at(&smtp, &[("smtp_starttls", "optional")]).await;
    server.register("ada_l").await;
    assert_eq!(smtp.mail(VERIFY).await["encrypted"], false);
}

async fn ask(address: &str, path: &str, form: &Value) -> Answer {
    Ask::to(address.parse().unwrap(), "POST", path).json(form).send().await
}

/// Reads where a server listens off the line by which it says so.
fn address(serving: &mut program::Serving) -> String {
    let line = serving.line();
    let port = line.trim().rsplit(':').next().unwrap();
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    format!("127.0.0.1:{port}")
}

fn ada() -> Value {
    json!({ "username": "ada_l", "email": "ada_l@example.org", "password": "a password" })
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_sends_sends_once_after_its_lease() {
    let mut smtp = Smtp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("smtp://127.0.0.1:{}", smtp.port);
    let place = ["--listen", "127.0.0.1:0", "--data-dir", "data"];
    let site = ["--public-url", "http://parlor.test", "--mail-from", "parlor@example.org"];
    let way = ["--smtp-url", &url, "--smtp-starttls", "off"];
    let arguments = [place, site, way].concat();
    smtp.behave("hang ada_l@example.org").await;
    let mut first = program::serve(folder.path(), &arguments);
    let at = address(&mut first);
    assert_eq!(ask(&at, "/api/v1/auth/register", &ada()).await.status, 201);
    smtp.event("recipient").await;
    first.child.kill().unwrap();
    first.child.wait().unwrap();

    smtp.behave("accept").await;
    let mut second = program::serve(folder.path(), &arguments);
    let at = address(&mut second);
    let token = token(&smtp.mail(VERIFY).await, "verify");
    let form = json!({ "token": token });
    assert_eq!(ask(&at, "/api/v1/auth/email/verify", &form).await.status, 200);
    second.stop();
    let url = format!("sqlite://{}", folder.path().join("data/parlor.db").display());
    let store = Store::connect(&StoreConfig { url, max_connections: 2 }).await.unwrap();
    let mails = store.mails(None, 10).await.unwrap();
    assert_eq!((mails.len(), mails[0].state, mails[0].attempts), (1, MailState::Sent, 2));
    assert_eq!(smtp.rest(), [] as [Value; 0]);
}

#[tokio::test]
async fn without_a_mail_server_links_are_shown_at_home_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--data-dir", "data"];
    let mut serving = program::serve(folder.path(), &arguments);
    let at = address(&mut serving);
    let registered = ask(&at, "/api/v1/auth/register", &ada()).await.json();
    assert_eq!(registered["isEmailVerified"], Value::Null);
    let form = json!({ "email": "ada_l@example.org" });
    assert_eq!(ask(&at, "/api/v1/auth/password/forgot", &form).await.status, 202);
    let line = loop {
        let line = serving.line();
        if line.contains("/reset?token=") {
            break line;
        }
    };
    assert!(line.starts_with("Mail to ada_l@example.org: Set another password: http"), "{line}");
    let token = line.trim().split_once("token=").unwrap().1;
    let form = json!({ "token": token, "password": "another one" });
    assert_eq!(ask(&at, "/api/v1/auth/password/reset", &form).await.status, 200);

    let server = TestServer::with(&[("public_url", "https://parlor.example.org")]).await;
    let ada = server.register("ada_l").await;
    server.app().mail.verify(&ada.id.as_str().into()).await.unwrap();
    assert_eq!(server.app().store.mails(None, 10).await.unwrap(), []);
}
