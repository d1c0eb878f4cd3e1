//! Who may do what: every role, at every route of the interface and with every command of a room.
//!
//! The routes are those of the OpenAPI document, so that a new one fails here until somebody says who
//! may use it. Clients of other protocols join with a column of their own.

#![allow(clippy::unwrap_used)]

mod support;

use parlor_protocol::member::Role;
use parlor_protocol::room::Control;
use parlor_room::Act;
use serde_json::{Value, json};
use support::socket::RoomSocket;
use support::{Account, TestServer};
use tokio::net::TcpStream;

/// Who asks; one column each.
const COLUMNS: [&str; 8] =
    ["nobody", "banned", "guest", "member", "moderator", "host", "owner", "admin"];

/// A route, with a body that is good, and the status each column gets. `admin` runs the site and is a
/// member of the room like any other; `banned` was sent out of it and has an account.
type Policy = (&'static str, &'static str, Value, [u16; 8]);

/// What stands for an open route: the same for everybody.
const fn all(status: u16) -> [u16; 8] {
    [status; 8]
}

/// What is for whoever is somebody.
const fn known(status: u16) -> [u16; 8] {
    [401, status, status, status, status, status, status, status]
}

/// What is for accounts.
const fn accounts(status: u16) -> [u16; 8] {
    [401, status, 403, status, status, status, status, status]
}

/// What is for those who may be in the room.
const INSIDE: [u16; 8] = [401, 403, 200, 200, 200, 200, 200, 200];
/// What is for those who keep order in it.
const ORDER: [u16; 8] = [401, 403, 403, 403, 200, 200, 200, 403];
/// What is for those who run the site.
const SITE: [u16; 8] = [401, 403, 403, 403, 403, 403, 403, 200];

fn policies() -> Vec<Policy> {
    let none = Value::Null;
    let token = json!({ "token": "made up" });
    let wrong = json!({ "current": "not the password", "password": "another password" });
    vec![
        ("GET", "/api/messages", none.clone(), INSIDE),
        ("POST", "/api/messages", json!({ "text": "hello" }), INSIDE),
        // Without the name of a room; who may read its stream is tried in `realtime.rs`.
        ("GET", "/api/realtime", none.clone(), all(422)),
        ("DELETE", "/api/room", none.clone(), ORDER),
        ("POST", "/api/room/create", none.clone(), all(200)),
        ("GET", "/api/room/ttl", none.clone(), INSIDE),
        ("POST", "/api/rooms/create", json!({ "name": "Call" }), known(200)),
        (
            "GET",
            "/api/rooms/join/{joinCode}",
            none.clone(),
            [200, 403, 200, 200, 200, 200, 200, 200],
        ),
        ("GET", "/api/rooms/{roomId}", none.clone(), [200, 403, 200, 200, 200, 200, 200, 200]),
        (
            "GET",
            "/api/rooms/{roomId}/users",
            none.clone(),
            [200, 403, 200, 200, 200, 200, 200, 200],
        ),
        ("POST", "/api/v1/admin/first", token.clone(), accounts(410)),
        ("GET", "/api/v1/admin/mail", none.clone(), SITE),
        ("GET", "/api/v1/admin/users", none.clone(), SITE),
        ("PATCH", "/api/v1/admin/users/{id}", json!({}), SITE),
        ("POST", "/api/v1/admin/users/{id}/password-link", json!({}), SITE),
        ("POST", "/api/v1/auth/email/send-verification", none.clone(), accounts(202)),
        ("POST", "/api/v1/auth/email/verify", token.clone(), all(410)),
        ("POST", "/api/v1/auth/guest", json!({}), all(200)),
        ("POST", "/api/v1/auth/login", json!({ "username": "nobody", "password": "x" }), all(401)),
        ("POST", "/api/v1/auth/password", wrong, accounts(401)),
        ("POST", "/api/v1/auth/password/forgot", json!({ "email": "x@example.org" }), all(202)),
        (
            "POST",
            "/api/v1/auth/password/reset",
            json!({ "token": "made up", "password": "another password" }),
            all(410),
        ),
        ("POST", "/api/v1/auth/refresh", json!({ "refreshToken": "made up" }), all(401)),
        (
            "POST",
            "/api/v1/auth/register",
            json!({ "username": "max_m", "email": "x@example.org", "password": "a password" }),
            all(409),
        ),
        ("GET", "/api/v1/auth/sessions", none.clone(), known(200)),
        ("DELETE", "/api/v1/auth/sessions/{id}", none.clone(), known(404)),
        ("POST", "/api/v1/auth/ticket", json!({}), known(200)),
        ("POST", "/api/v1/invitations/accept", token.clone(), known(410)),
        ("POST", "/api/v1/invitations/look", token, all(410)),
        ("GET", "/api/v1/rooms", none.clone(), known(200)),
        ("POST", "/api/v1/rooms", json!({ "name": "Film night" }), known(200)),
        ("GET", "/api/v1/rooms/{roomId}", none.clone(), INSIDE),
        ("PATCH", "/api/v1/rooms/{roomId}", json!({ "name": "Another name" }), ORDER),
        ("GET", "/api/v1/rooms/{roomId}/bans", none.clone(), ORDER),
        ("DELETE", "/api/v1/rooms/{roomId}/bans/{userId}", none.clone(), ORDER),
        ("GET", "/api/v1/rooms/{roomId}/entry", none.clone(), INSIDE),
        ("POST", "/api/v1/rooms/{roomId}/entry", json!({}), INSIDE),
        ("GET", "/api/v1/rooms/{roomId}/invitations", none.clone(), ORDER),
        (
            "POST",
            "/api/v1/rooms/{roomId}/invitations",
            json!({ "email": "x@example.org" }),
            [401, 403, 403, 403, 202, 202, 202, 403],
        ),
        (
            "DELETE",
            "/api/v1/rooms/{roomId}/invitations/{id}",
            none.clone(),
            [401, 403, 403, 403, 404, 404, 404, 403],
        ),
        ("GET", "/api/v1/rooms/{roomId}/members", none.clone(), INSIDE),
        ("GET", "/api/v1/rooms/{roomId}/messages", none.clone(), INSIDE),
        ("PUT", "/api/v1/rooms/{roomId}/password", json!({ "password": null }), ORDER),
        ("GET", "/api/v1/rooms/{roomId}/presence", none.clone(), INSIDE),
        // Without the headers of an upgrade; who may open the socket is below.
        (
            "GET",
            "/api/v1/rooms/{roomId}/ws",
            none.clone(),
            [401, 426, 426, 426, 426, 426, 426, 426],
        ),
        ("GET", "/api/v1/users", none.clone(), known(200)),
        ("DELETE", "/api/v1/users/me", json!({ "password": "not the password" }), accounts(401)),
        ("GET", "/api/v1/users/me", none.clone(), known(200)),
        ("PATCH", "/api/v1/users/me", json!({}), known(200)),
        ("GET", "/api/v1/users/me/export", none.clone(), known(200)),
        ("GET", "/api/v1/users/{id}", none.clone(), known(200)),
        ("GET", "/api/v1/direct/blocks", none.clone(), accounts(200)),
        ("PUT", "/api/v1/direct/blocks/{clerkId}", none.clone(), accounts(404)),
        ("DELETE", "/api/v1/direct/blocks/{clerkId}", none.clone(), accounts(404)),
        ("DELETE", "/api/v1/direct/conversations/{id}", none.clone(), accounts(404)),
        ("GET", "/api/v1/direct/conversations/{id}/export", none.clone(), accounts(404)),
        (
            "POST",
            "/api/v1/direct/messages",
            json!({ "toClerkId": "nobody", "text": "hello" }),
            accounts(404),
        ),
        ("POST", "/api/v1/direct/read", json!({ "messageIds": [1] }), accounts(200)),
        ("GET", "/api/v1/direct/requests", none.clone(), accounts(200)),
        ("POST", "/api/v1/direct/requests/{id}/accept", json!({}), accounts(404)),
        ("POST", "/api/v1/direct/requests/{id}/decline", json!({}), accounts(404)),
        ("GET", "/api/v1/direct/settings", none.clone(), accounts(200)),
        ("PATCH", "/api/v1/direct/settings", json!({}), accounts(200)),
        ("GET", "/contacts", none.clone(), accounts(200)),
        ("POST", "/contacts", json!({ "contactClerkId": "nobody" }), accounts(400)),
        ("PATCH", "/contacts/{id}", json!({ "nickname": "Max" }), accounts(404)),
        ("DELETE", "/contacts/{id}", none.clone(), accounts(404)),
        ("GET", "/conversations", none.clone(), accounts(200)),
        ("GET", "/conversations/{id}/messages", none.clone(), accounts(404)),
        ("GET", "/conversations/with/{contactId}/messages", none.clone(), accounts(404)),
        ("POST", "/users", json!({ "isParalyzed": false }), accounts(200)),
        ("GET", "/users/me", none.clone(), accounts(200)),
        ("GET", "/users/search", none.clone(), accounts(200)),
        ("GET", "/health/live", none.clone(), all(200)),
        ("GET", "/health/ready", none.clone(), all(200)),
        ("GET", "/metrics", none.clone(), all(200)),
        ("DELETE", "/api/v1/rooms/{roomId}", none.clone(), ORDER),
        // At the end: it ends the login, or the guest's cookie.
        ("POST", "/api/v1/auth/logout", json!({}), all(200)),
    ]
}

/// A site with one account for each column that needs one.
struct Cast {
    server: TestServer,
    people: [Option<Account>; 8],
}

/// A room in which each of the cast has their role.
struct Stage {
    id: String,
    code: String,
    /// Guest, member, moderator, host and owner.
    sockets: Vec<RoomSocket<TcpStream>>,
}

impl Cast {
    async fn gather() -> Self {
        let server = TestServer::with(&[("insecure_no_rate_limits", "true")]).await;
        let mut people = [const { None }; 8];
        for (name, column) in
            [("bano", 1), ("max_m", 3), ("mona", 4), ("hans", 5), ("olga", 6), ("ruth", 7)]
        {
            people[column] = Some(server.register(name).await);
        }
        people[2] = Some(server.guest("Gina").await);
        let cast = Self { server, people };
        cast.server.have_run_by(cast.at(7)).await;
        cast
    }

    fn at(&self, column: usize) -> &Account {
        self.people[column].as_ref().unwrap()
    }

    async fn stage(&self) -> Stage {
        let form = json!({ "name": "Film night", "idleTtlSeconds": 600 });
        let room = self.server.room(self.at(6), form).await;
        let id = room["roomId"].as_str().unwrap().to_owned();
        let code = room["joinCode"].as_str().unwrap().to_owned();
        let mut sockets = Vec::new();
        for column in [2, 3, 4, 5, 6] {
            let stream = TcpStream::connect(self.server.addresses()[0]).await.unwrap();
            let token = &self.at(column).access;
            let mut socket = RoomSocket::open(stream, "localhost", &id, token).await;
            socket.until("USER_JOINED").await;
            sockets.push(socket);
        }
        let owner = sockets.last_mut().unwrap();
        for (kind, payload) in [
            ("ROLE_SET", json!({ "userId": self.at(4).id, "role": "moderator" })),
            ("ROLE_SET", json!({ "userId": self.at(5).id, "role": "host" })),
            ("KICK", json!({ "userId": self.at(1).id, "ban": true })),
        ] {
            owner.send(&json!({ "type": kind, "id": 1, "payload": payload })).await;
            owner.until("ACK").await;
        }
        Stage { id, code, sockets }
    }
}

#[tokio::test]
async fn every_role_gets_what_the_table_says_at_every_route() {
    let cast = Cast::gather().await;
    let policies = policies();
    let documented = cast.server.get("/api/openapi.json").send().await.json();
    let mut routes: Vec<String> = Vec::new();
    for (path, methods) in documented["paths"].as_object().unwrap() {
        routes.extend(
            methods
                .as_object()
                .unwrap()
                .keys()
                .map(|method| format!("{} {path}", method.to_uppercase())),
        );
    }
    let mut named: Vec<String> =
        policies.iter().map(|(method, path, ..)| format!("{method} {path}")).collect();
    routes.sort();
    named.sort();
    assert_eq!(named, routes, "each documented route has a row, and each row a route");

    let mut differences = Vec::new();
    for (method, path, body, expected) in policies {
        let mut stage = cast.stage().await;
        for column in 0..COLUMNS.len() {
            if method == "DELETE" && ["/api/v1/rooms/{roomId}", "/api/room"].contains(&path) {
                stage = cast.stage().await;
            }
            let id = if path.contains("users/{id}") { &cast.at(3).id } else { "made-up" };
            let place = path
                .replace("{roomId}", &stage.id)
                .replace("{joinCode}", &stage.code)
                .replace("{userId}", "nobody")
                .replace("{clerkId}", "nobody")
                .replace("{contactId}", "nobody")
                .replace("{id}", id);
            let query = match path {
                "/api/v1/users" => "?ids=a".to_owned(),
                "/users/search" => "?q=max".to_owned(),
                "/api/messages" | "/api/room" | "/api/room/ttl" => format!("?roomId={}", stage.id),
                _ => String::new(),
            };
            let mut ask = cast.server.ask(method, &format!("{place}{query}"));
            if !body.is_null() {
                ask = ask.json(&body);
            }
            if let Some(who) = &cast.people[column] {
                ask = ask.bearer(&who.access);
            }
            let answer = ask.send().await;
            if answer.status != expected[column] {
                differences.push(format!(
                    "{method} {path} by {}: {} {}, not {}",
                    COLUMNS[column],
                    answer.status,
                    answer.text(),
                    expected[column]
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// One of each command of a room, with what it does.
fn commands(item: &str, nobody: &str) -> Vec<(Act, Value)> {
    let command = |act, kind: &str, payload: Value| {
        (act, json!({ "type": kind, "id": 7, "payload": payload }))
    };
    let film = json!({ "url": "https://example.org/another.mp4" });
    vec![
        command(Act::Watch, "SYNC_REQUEST", json!({})),
        command(Act::Watch, "HEARTBEAT", json!({})),
        command(Act::Watch, "CLOCK_PING", json!({ "c": 1 })),
        command(Act::Watch, "MEMBER_STATE", json!({ "readiness": "ready" })),
        command(Act::Talk, "CHAT_SEND", json!({ "text": "hello" })),
        command(Act::Talk, "CHAT_EDIT", json!({ "id": "999", "text": "hello all" })),
        command(Act::Talk, "CHAT_DELETE", json!({ "id": "999" })),
        command(Act::Talk, "REACT", json!({ "emoji": "🎉" })),
        command(Act::Play, "UPDATE_PLAYBACK", json!({ "isPlaying": true })),
        command(Act::Play, "GO_ON", json!({})),
        command(Act::Queue, "QUEUE_ADD", film),
        command(Act::Queue, "QUEUE_MOVE", json!({ "itemId": item })),
        command(Act::Queue, "QUEUE_REMOVE", json!({ "itemId": item })),
        command(Act::Queue, "QUEUE_NEXT", json!({})),
        command(Act::Admit, "ADMIT", json!({ "userId": nobody })),
        command(Act::Admit, "TURN_AWAY", json!({ "userId": nobody })),
        command(Act::Remove, "KICK", json!({ "userId": nobody, "ban": true })),
        command(Act::Remove, "PARDON", json!({ "userId": nobody })),
        command(Act::Arrange, "ROOM_UPDATE", json!({ "name": "Another name" })),
        command(Act::Appoint, "ROLE_SET", json!({ "userId": nobody, "role": "moderator" })),
    ]
}

#[tokio::test]
async fn every_role_may_give_the_commands_of_the_table_over_its_socket() {
    let cast = Cast::gather().await;
    let roles = [Role::Guest, Role::Member, Role::Moderator, Role::Host, Role::Owner];
    let controls = [Control::Everyone, Control::Moderators, Control::HostOnly];
    let documented = cast.server.get("/api/asyncapi.json").send().await.text();
    for (_, command) in commands("", "") {
        let kind = command["type"].as_str().unwrap();
        assert!(documented.contains(&format!("\"{kind}\"")), "{kind} is no command");
    }
    let mut stage = cast.stage().await;
    let mut cells = 0;
    for control in controls {
        let owner = stage.sockets.last_mut().unwrap();
        let set = json!({ "type": "ROOM_UPDATE", "id": 1, "payload": { "control": control } });
        owner.send(&set).await;
        owner.until("ACK").await;
        let count = commands("", "").len();
        for index in 0..count {
            for (socket, role) in stage.sockets.iter_mut().zip(roles) {
                let (act, command) = commands("no-item", "nobody").swap_remove(index);
                socket.send(&command).await;
                let is_forbidden = socket.answer(7).await == Some("forbidden".to_owned());
                let may = act.is_open_to(role, control);
                assert_eq!(!is_forbidden, may, "{command} by {role:?} under {control:?}");
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 20 * 5 * 3);
}

#[tokio::test]
async fn the_banned_and_the_unknown_get_no_socket() {
    let cast = Cast::gather().await;
    let stage = cast.stage().await;
    let path = format!("/api/v1/rooms/{}/ws", stage.id);
    let nobody = cast.server.get(&path).upgrade().await;
    assert_eq!(nobody.status, 401);
    let stream = TcpStream::connect(cast.server.addresses()[0]).await.unwrap();
    let mut banned = RoomSocket::open(stream, "localhost", &stage.id, &cast.at(1).access).await;
    assert_eq!(banned.until_closed().await, 4003);
}
