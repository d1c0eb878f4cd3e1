//! Invitations by mail, through a real mail server: who may send them, what their links are good
//! for, and that a taken address stays nobody's business.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use parlor_protocol::RoomId;
use serde_json::{Value, json};
use support::smtp::{Smtp, token};
use support::{Account, Answer, TestServer, refused};

const INVITE: &str = "You are invited";
const VERIFY: &str = "Is this your address?";
const TAKEN: &str = "You have an account already";

async fn server_at(smtp: &Smtp) -> TestServer {
    let url = format!("smtp://127.0.0.1:{}", smtp.port);
    TestServer::with(&[
        ("smtp_url", url.as_str()),
        ("smtp_starttls", "off"),
        ("mail_from", "Parlor <parlor@example.org>"),
        ("public_url", "http://parlor.test"),
    ])
    .await
}

/// Registers somebody who follows the link in the mail they get.
async fn proved(server: &TestServer, smtp: &mut Smtp, name: &str) -> Account {
    let account = server.register(name).await;
    let form = json!({ "token": token(&smtp.mail(VERIFY).await, "verify") });
    let answer = server.post("/api/v1/auth/email/verify").json(&form).send().await;
    assert_eq!(answer.status, 200);
    account
}

/// A server with a room of `ada`'s that only those enter who are invited.
async fn behind_a_closed_door(smtp: &mut Smtp) -> (TestServer, Account, String) {
    let server = server_at(smtp).await;
    let ada = proved(&server, smtp, "ada_l").await;
    let room = server.room(&ada, json!({ "name": "Film night", "idleTtlSeconds": 600 })).await;
    let room = room["roomId"].as_str().unwrap().to_owned();
    let closed = json!({ "entry": "invited" });
    let path = format!("/api/v1/rooms/{room}");
    let answer = server.ask("PATCH", &path).bearer(&ada.access).json(&closed).send().await;
    assert_eq!(answer.status, 200);
    (server, ada, room)
}

async fn invite(server: &TestServer, who: &Account, room: &str, form: Value) -> Answer {
    let path = format!("/api/v1/rooms/{room}/invitations");
    server.post(&path).bearer(&who.access).json(&form).send().await
}

async fn pending(server: &TestServer, who: &Account, room: &str) -> Vec<Value> {
    let path = format!("/api/v1/rooms/{room}/invitations");
    let answer = server.get(&path).bearer(&who.access).send().await;
    assert_eq!(answer.status, 200);
    answer.json().as_array().unwrap().clone()
}

async fn accept(server: &TestServer, who: &Account, token: &str) -> Answer {
    let form = json!({ "token": token });
    server.post("/api/v1/invitations/accept").bearer(&who.access).json(&form).send().await
}

async fn look(server: &TestServer, token: &str) -> Answer {
    server.post("/api/v1/invitations/look").json(&json!({ "token": token })).send().await
}

async fn may_look(server: &TestServer, who: &Account, room: &str) -> u16 {
    server.get(&format!("/api/v1/rooms/{room}")).bearer(&who.access).send().await.status
}

#[tokio::test]
async fn whoever_has_the_link_comes_in_with_or_without_an_account() {
    let mut smtp = Smtp::start().await;
    let (server, ada, room) = behind_a_closed_door(&mut smtp).await;
    let form = json!({ "email": "Eve@Example.org", "message": "Bring\ncrisps <b>" });
    assert_eq!(invite(&server, &ada, &room, form).await.status, 202);
    let mail = smtp.mail(INVITE).await;
    assert_eq!(mail["to"], json!(["Eve@Example.org"]));
    let first = token(&mail, "invitation");
    let listed = &pending(&server, &ada, &room).await[0];
    assert_eq!(
        (&listed["email"], &listed["message"]),
        (&json!("Eve@Example.org"), &json!("Bring\ncrisps <b>"))
    );
    assert!(!listed.to_string().contains(&first), "nobody else reads the link");

    let shown = look(&server, &first).await;
    assert_eq!(shown.json()["roomName"], "Film night");
    assert_eq!(shown.json()["invitedBy"], "ada_l");
    let (guest, other) = (server.guest("Eve").await, server.guest("Mallory").await);
    assert_eq!(may_look(&server, &guest, &room).await, 403);
    assert_eq!(accept(&server, &guest, &first).await.json()["roomId"], json!(room));
    assert_eq!(may_look(&server, &guest, &room).await, 200);
    assert_eq!(accept(&server, &guest, &first).await.status, 200, "one's own link again");
    let stolen = accept(&server, &other, &first).await;
    assert_eq!(stolen.outcome(), refused(410, "link_expired"));
    assert_eq!(may_look(&server, &other, &room).await, 403);
    assert!(pending(&server, &ada, &room).await.is_empty());

    // With an account, whose address is proved by the way.
    let bob = server.register("bob_b").await;
    smtp.mail(VERIFY).await;
    let form = json!({ "email": "bob_b@example.org" });
    assert_eq!(invite(&server, &ada, &room, form).await.status, 202);
    let second = token(&smtp.mail(INVITE).await, "invitation");
    assert_eq!(accept(&server, &bob, &second).await.status, 200);
    assert_eq!(may_look(&server, &bob, &room).await, 200);
    let me = server.get("/api/v1/users/me").bearer(&bob.access).send().await;
    assert_eq!(me.json()["isEmailVerified"], true);
}

#[tokio::test]
async fn a_withdrawn_link_leads_nowhere() {
    let mut smtp = Smtp::start().await;
    let (server, ada, room) = behind_a_closed_door(&mut smtp).await;
    invite(&server, &ada, &room, json!({ "email": "eve@example.org" })).await;
    let link = token(&smtp.mail(INVITE).await, "invitation");
    let id = pending(&server, &ada, &room).await[0]["id"].as_str().unwrap().to_owned();
    let withdraw = async |who: &Account| {
        let path = format!("/api/v1/rooms/{room}/invitations/{id}");
        server.ask("DELETE", &path).bearer(&who.access).send().await
    };
    let eve = server.guest("Eve").await;
    assert_eq!(withdraw(&eve).await.outcome(), refused(403, "forbidden"));
    assert_eq!(withdraw(&ada).await.status, 200);
    assert_eq!(withdraw(&ada).await.outcome(), refused(404, "not_found"));
    assert_eq!(look(&server, &link).await.outcome(), refused(410, "link_expired"));
    assert_eq!(accept(&server, &eve, &link).await.outcome(), refused(410, "link_expired"));
    assert_eq!(look(&server, "nonsense").await.outcome(), refused(410, "link_expired"));
}

#[tokio::test]
async fn only_those_who_keep_order_invite_and_only_with_an_address_of_their_own() {
    let mut smtp = Smtp::start().await;
    let (server, ada, room) = behind_a_closed_door(&mut smtp).await;
    let (bob, eve) = (proved(&server, &mut smtp, "bob_b").await, server.guest("Eve").await);
    let form = json!({ "email": "carla@example.org" });
    for stranger in [&bob, &eve] {
        let answer = invite(&server, stranger, &room, form.clone()).await;
        assert_eq!(answer.outcome(), refused(403, "forbidden"));
        let path = format!("/api/v1/rooms/{room}/invitations");
        let listed = server.get(&path).bearer(&stranger.access).send().await;
        assert_eq!(listed.outcome(), refused(403, "forbidden"));
    }
    let carla = server.register("carla").await;
    let hers = server.room(&carla, json!({ "name": "Hers" })).await;
    let hers = hers["roomId"].as_str().unwrap();
    let unproved = invite(&server, &carla, hers, form.clone()).await;
    assert_eq!(unproved.outcome(), refused(403, "forbidden"));
    assert!(unproved.json()["message"].as_str().unwrap().contains("Confirm your own address"));
    let eves = server.room(&eve, json!({ "name": "Eve's" })).await;
    let guest = invite(&server, &eve, eves["roomId"].as_str().unwrap(), form).await;
    assert_eq!(guest.outcome(), refused(403, "account_required"));
    for bad in [
        json!({ "email": "nobody" }),
        json!({ "email": "eve@example.org", "message": "x".repeat(501) }),
        json!({ "email": "eve@example.org", "message": "a\u{7}b" }),
    ] {
        assert_eq!(invite(&server, &ada, &room, bad).await.outcome(), refused(422, "invalid"));
    }
}

#[tokio::test]
async fn who_was_sent_away_does_not_use_up_what_others_were_given() {
    let mut smtp = Smtp::start().await;
    let (server, ada, room) = behind_a_closed_door(&mut smtp).await;
    let eve = server.guest("Eve").await;
    let payload = json!({ "userId": eve.id, "ban": true });
    let kick = json!({ "type": "KICK", "id": 1, "payload": payload });
    let mut socket = support::socket::RoomSocket::open(
        tokio::net::TcpStream::connect(server.addresses()[0]).await.unwrap(),
        "localhost",
        &room,
        &ada.access,
    )
    .await;
    for email in ["eve@example.org", "carla@example.org"] {
        invite(&server, &ada, &room, json!({ "email": email })).await;
    }
    let mut links = [String::new(), String::new()];
    for link in &mut links {
        *link = token(&smtp.mail(INVITE).await, "invitation");
    }
    assert_eq!(accept(&server, &eve, &links[0]).await.status, 200);
    socket.send(&kick).await;
    socket.until("ACK").await;
    let banned = accept(&server, &eve, &links[1]).await;
    assert_eq!(banned.outcome(), refused(403, "banned"));
    let carla = server.guest("Carla").await;
    assert_eq!(accept(&server, &carla, &links[1]).await.status, 200);
}

#[tokio::test]
async fn a_room_that_lives_a_second_waits_for_whoever_is_invited() {
    let mut smtp = Smtp::start().await;
    let server = server_at(&smtp).await;
    let ada = proved(&server, &mut smtp, "ada_l").await;
    let made = async |name: &str| {
        let room = server.room(&ada, json!({ "name": name, "idleTtlSeconds": 1 })).await;
        room["roomId"].as_str().unwrap().to_owned()
    };
    let (awaited, forgotten) = (made("Awaited").await, made("Forgotten").await);
    invite(&server, &ada, &awaited, json!({ "email": "eve@example.org" })).await;
    // Both are looked at once, and then left alone.
    for room in [&awaited, &forgotten] {
        assert_eq!(may_look(&server, &ada, room).await, 200);
    }
    let store = &server.app().store;
    let forgotten = RoomId::from(forgotten);
    let gone = async {
        while store.room(&forgotten).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("it ends by itself");
    let link = token(&smtp.mail(INVITE).await, "invitation");
    let eve = server.guest("Eve").await;
    assert_eq!(accept(&server, &eve, &link).await.json()["roomId"], json!(awaited));
}

#[tokio::test]
async fn a_taken_address_is_told_to_nobody_but_its_owner() {
    let mut smtp = Smtp::start().await;
    let server = server_at(&smtp).await;
    server.register("ada_l").await;
    smtp.mail(VERIFY).await;
    let form =
        json!({ "username": "eve_e", "email": "ADA_L@example.org", "password": "a password" });
    let answer = server.post("/api/v1/auth/register").json(&form).send().await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["email"], "ADA_L@example.org");
    assert_eq!(answer.json()["isEmailVerified"], false);
    let mail = smtp.mail(TAKEN).await;
    assert_eq!(mail["to"], json!(["ada_l@example.org"]));
    let eve = Account::of(&answer);
    // The address leads to Ada alone: no link that proves it is sent for Eve.
    let count = server.app().store.mails(None, 10).await.unwrap().len();
    let again = server.post("/api/v1/auth/email/send-verification").bearer(&eve.access);
    assert_eq!(again.send().await.status, 202);
    assert_eq!(server.app().store.mails(None, 10).await.unwrap().len(), count);
    let login = json!({ "email": "ada_l@example.org", "password": "a password" });
    let login = server.post("/api/v1/auth/login").json(&login).send().await;
    assert_eq!(login.json()["username"], "ada_l");
}
