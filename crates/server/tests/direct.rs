//! Direct messages over HTTP: what each route answers, and to whom.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{Account, Answer, TestServer, refused};

async fn get(server: &TestServer, who: &Account, path: &str) -> Answer {
    server.get(path).bearer(&who.access).send().await
}

async fn ask(server: &TestServer, who: &Account, method: &str, path: &str, form: Value) -> Answer {
    let ask = server.ask(method, path).bearer(&who.access);
    if form.is_null() { ask.send().await } else { ask.json(&form).send().await }
}

async fn send(server: &TestServer, who: &Account, to: &Account, text: &str) -> Value {
    let form = json!({ "toClerkId": to.id, "text": text });
    let answer = ask(server, who, "POST", "/api/v1/direct/messages", form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn settle(server: &TestServer, who: &Account, form: Value) {
    let answer = ask(server, who, "PATCH", "/api/v1/direct/settings", form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn cast() -> (TestServer, Account, Account, Account) {
    let server = TestServer::start().await;
    let ada = server.register("ada_l").await;
    let bob = server.register("bob_b").await;
    let eve = server.register("eve_e").await;
    (server, ada, bob, eve)
}

/// Every route of direct messages, with a body that is good.
fn routes() -> Vec<(&'static str, &'static str, Value)> {
    let none = Value::Null;
    vec![
        ("GET", "/users/me", none.clone()),
        ("POST", "/users", json!({ "isParalyzed": true })),
        ("GET", "/users/search?q=ada", none.clone()),
        ("GET", "/contacts", none.clone()),
        ("POST", "/contacts", json!({ "contactClerkId": "x" })),
        ("PATCH", "/contacts/1", json!({ "nickname": "x" })),
        ("DELETE", "/contacts/1", none.clone()),
        ("GET", "/conversations", none.clone()),
        ("GET", "/conversations/1/messages", none.clone()),
        ("GET", "/conversations/with/1/messages", none.clone()),
        ("POST", "/api/v1/direct/messages", json!({ "toClerkId": "x", "text": "hi" })),
        ("POST", "/api/v1/direct/read", json!({ "messageIds": [1] })),
        ("GET", "/api/v1/direct/settings", none.clone()),
        ("PATCH", "/api/v1/direct/settings", json!({})),
        ("GET", "/api/v1/direct/requests", none.clone()),
        ("POST", "/api/v1/direct/requests/1/accept", none.clone()),
        ("POST", "/api/v1/direct/requests/1/decline", none.clone()),
        ("GET", "/api/v1/direct/blocks", none.clone()),
        ("PUT", "/api/v1/direct/blocks/x", none.clone()),
        ("DELETE", "/api/v1/direct/blocks/x", none.clone()),
        ("DELETE", "/api/v1/direct/conversations/1", none.clone()),
        ("GET", "/api/v1/direct/conversations/1/export", none),
    ]
}

#[tokio::test]
async fn nobody_and_guests_get_nothing_and_are_told_so() {
    let server = TestServer::start().await;
    let guest = server.guest("Gus").await;
    for (method, path, form) in routes() {
        let asked = async |who: Option<&Account>| {
            let mut ask = server.ask(method, path);
            if !form.is_null() {
                ask = ask.json(&form);
            }
            if let Some(who) = who {
                ask = ask.bearer(&who.access);
            }
            ask.send().await
        };
        let nobody = asked(None).await;
        assert_eq!(nobody.outcome(), refused(401, "missing_token"), "{method} {path}");
        let told = nobody.json();
        if path.starts_with("/api/v1/") {
            assert_eq!(told["message"], "Missing authentication token", "{path}");
        } else {
            assert_eq!(told["error"], "Missing Clerk ID", "{path}");
            assert_eq!(nobody.header("content-type"), Some("application/json"));
        }
        let guest = asked(Some(&guest)).await;
        assert_eq!(guest.outcome(), refused(403, "account_required"), "{method} {path}");
        assert!(guest.json()["error"].as_str().unwrap().contains("Guests have no"));
    }
}

#[tokio::test]
async fn a_header_that_claims_another_is_refused_and_alone_it_says_nothing() {
    let (server, ada, bob, _) = cast().await;
    for (method, path, form) in routes() {
        let mut ask = server.ask(method, path).header("x-clerk-id", &bob.id);
        if !form.is_null() {
            ask = ask.json(&form);
        }
        let answer = ask.bearer(&ada.access).send().await;
        assert_eq!(answer.outcome(), refused(403, "forbidden"), "{method} {path}");
    }
    let alone = server.get("/users/me").header("x-clerk-id", &ada.id).send().await;
    assert_eq!(alone.outcome(), refused(401, "missing_token"));
    assert_eq!(alone.json()["error"], "Missing Clerk ID");
    let both = server.get("/users/me").header("x-clerk-id", &ada.id).bearer(&ada.access);
    assert_eq!(both.send().await.json()["clerkId"], json!(ada.id));
    let forged = server.get("/users/me").header("x-clerk-id", &ada.id).bearer("forged");
    assert_eq!(forged.send().await.outcome(), refused(401, "invalid_token"));
}

#[tokio::test]
async fn one_says_of_oneself_what_is_asked_once() {
    let (server, ada, ..) = cast().await;
    let me = get(&server, &ada, "/users/me").await.json();
    assert_eq!(me["clerkId"], json!(ada.id));
    assert_eq!((&me["isParalyzed"], &me["status"]), (&json!(false), &json!("offline")));
    assert!(me["createdAt"].as_str().unwrap().ends_with('Z'));
    for wrong in [json!({}), json!({ "isParalyzed": "yes" }), json!([]), json!([true])] {
        let answer = ask(&server, &ada, "POST", "/users", wrong).await;
        assert_eq!(answer.outcome(), refused(422, "invalid"));
    }
    let form = json!({ "isParalyzed": true, "somethingElse": 1 });
    let first = ask(&server, &ada, "POST", "/users", form.clone()).await;
    assert_eq!(first.status, 200);
    assert_eq!(first.json()["isParalyzed"], true);
    let again = ask(&server, &ada, "POST", "/users", form).await;
    assert_eq!(again.outcome(), refused(400, "user_exists"));
    assert_eq!(again.json()["error"], "User already exists");
}

#[tokio::test]
async fn people_are_found_and_show_how_they_are_to_accepted_contacts_alone() {
    let (server, ada, bob, _) = cast().await;
    ask(&server, &bob, "POST", "/users", json!({ "isParalyzed": true })).await;
    let found = async |who: &Account, q: &str| {
        get(&server, who, &format!("/users/search?q={q}")).await.json()["users"].clone()
    };
    let stranger = found(&ada, "bob").await[0].clone();
    let expected = json!({
        "clerkId": bob.id, "username": "bob_b", "fullName": "bob_b", "profileImage": null,
        "isParalyzed": false, "status": "offline", "createdAt": stranger["createdAt"],
    });
    assert_eq!(stranger, expected);
    // To add somebody is not to be accepted by them.
    let add = ask(&server, &ada, "POST", "/contacts", json!({ "contactClerkId": bob.id })).await;
    assert_eq!(add.json()["contact"]["isParalyzed"], false);
    assert_eq!(found(&ada, "bob").await[0]["isParalyzed"], false);
    send(&server, &bob, &ada, "hello").await;
    assert_eq!(found(&ada, "bob").await[0]["isParalyzed"], true);

    assert_eq!(found(&ada, "ada").await, json!([]), "not oneself");
    for q in ["%25%25%25", "___", "'%20OR%201=1%20--", "%3Cb%3E", "a%00b"] {
        assert_eq!(found(&ada, q).await, json!([]), "{q}");
    }
    for q in ["", "bo", "%20%20b%20", &"x".repeat(61)] {
        let answer = get(&server, &ada, &format!("/users/search?q={q}")).await;
        assert_eq!(answer.outcome(), refused(422, "invalid"), "{q}");
    }
    settle(&server, &bob, json!({ "isSearchable": false })).await;
    assert_eq!(found(&ada, "bob").await, json!([]));
}

#[tokio::test]
async fn contacts_are_ones_own() {
    let (server, ada, bob, eve) = cast().await;
    let guest = server.guest("Gus").await;
    let form = json!({ "contactClerkId": bob.id, "nickname": " <b>Bobby</b> ", "more": 1 });
    let added = ask(&server, &ada, "POST", "/contacts", form.clone()).await.json();
    assert_eq!(added["success"], true);
    let contact = json!({
        "id": added["contact"]["id"], "contactClerkId": bob.id, "contactName": "bob_b",
        "nickname": "<b>Bobby</b>", "profileImage": null, "lastMessagePreview": null,
        "lastMessageAt": null, "unreadCount": 0, "status": "offline", "isParalyzed": false,
    });
    assert_eq!(added["contact"], contact);
    assert!(contact["id"].is_i64());
    let again = ask(&server, &ada, "POST", "/contacts", form).await;
    assert_eq!(again.outcome(), refused(400, "contact_exists"));
    assert_eq!(again.json()["error"], "User is already a contact");
    for nobody in ["nobody", "", guest.id.as_str(), ada.id.as_str(), "' OR 1=1 --"] {
        let form = json!({ "contactClerkId": nobody });
        let answer = ask(&server, &ada, "POST", "/contacts", form).await;
        assert_eq!(answer.outcome(), refused(400, "no_such_person"), "{nobody}");
        assert_eq!(answer.json()["error"], "User not found");
    }
    let long = json!({ "contactClerkId": eve.id, "nickname": "x".repeat(61) });
    assert_eq!(
        ask(&server, &ada, "POST", "/contacts", long).await.outcome(),
        refused(422, "invalid")
    );
    let wrong = json!({ "contactClerkId": 5 });
    assert_eq!(
        ask(&server, &ada, "POST", "/contacts", wrong).await.outcome(),
        refused(422, "invalid")
    );

    assert_eq!(get(&server, &ada, "/contacts").await.json(), json!({ "contacts": [contact] }));
    assert_eq!(get(&server, &bob, "/contacts").await.json(), json!({ "contacts": [] }));
    let path = format!("/contacts/{}", contact["id"]);
    for path in [path.as_str(), "/contacts/x", "/contacts/99999999999999999999"] {
        for method in ["PATCH", "DELETE"] {
            let answer = ask(&server, &eve, method, path, json!({ "nickname": "x" })).await;
            assert_eq!(answer.outcome(), refused(404, "contact_not_found"), "{method} {path}");
        }
    }
    let named =
        async |form| ask(&server, &ada, "PATCH", &path, form).await.json()["contact"].clone();
    assert_eq!(named(json!({ "nickname": "B" })).await["nickname"], "B");
    assert_eq!(named(json!({})).await["nickname"], "B");
    assert_eq!(named(json!({ "nickname": null })).await["nickname"], Value::Null);
    let gone = ask(&server, &ada, "DELETE", &path, Value::Null).await;
    assert_eq!(gone.json()["success"], true);
    assert_eq!(get(&server, &ada, "/contacts").await.json(), json!({ "contacts": [] }));
}

#[tokio::test]
async fn a_conversation_is_read_by_the_two_alone() {
    let (server, ada, bob, eve) = cast().await;
    let first = send(&server, &ada, &bob, "one").await;
    let second = send(&server, &bob, &ada, "two <script>").await;
    assert_eq!(first["conversationId"], second["conversationId"]);
    let id = &first["conversationId"];
    let listed = get(&server, &ada, "/conversations").await.json();
    let listed = &listed["conversations"][0];
    assert_eq!((&listed["id"], &listed["otherUserClerkId"]), (id, &json!(bob.id)));
    assert_eq!(listed["lastMessageAt"], second["timestamp"]);
    assert_eq!(listed["createdAt"], first["timestamp"]);

    let page = get(&server, &ada, &format!("/conversations/{id}/messages")).await.json();
    assert_eq!(page["conversationId"], *id);
    assert_eq!(page["otherUser"]["clerkId"], json!(bob.id));
    let message = |sent: &Value, from: &Account, to: &Account, text: &str, is_mine: bool| {
        json!({
            "id": sent["messageId"], "fromClerkId": from.id, "toClerkId": to.id, "content": text,
            "messageType": "text", "isRead": false, "readAt": null,
            "createdAt": sent["timestamp"], "isMine": is_mine,
        })
    };
    let one = message(&first, &ada, &bob, "one", true);
    let two = message(&second, &bob, &ada, "two <script>", false);
    assert_eq!(page["messages"], json!([two, one]));
    let contact = get(&server, &ada, "/contacts").await.json()["contacts"][0].clone();
    assert_eq!(contact["lastMessagePreview"], "two <script>");
    for with in [contact["id"].to_string(), bob.id.clone()] {
        let path = format!("/conversations/with/{with}/messages");
        assert_eq!(get(&server, &ada, &path).await.json(), page);
    }
    for (query, expected) in [
        ("limit=1", json!([two])),
        ("limit=1&offset=1", json!([one])),
        ("offset=2", json!([])),
        (&*format!("before={}", second["messageId"]), json!([one])),
        ("limit=0", json!([two])),
        ("limit=-5&offset=-1", json!([two])),
        ("limit=many&offset=x&before=y", json!([two, one])),
        ("limit=99999999999999999999999999", json!([two, one])),
    ] {
        let path = format!("/conversations/{id}/messages?{query}");
        assert_eq!(get(&server, &ada, &path).await.json()["messages"], expected, "{query}");
    }
    let own = format!("/conversations/{id}/messages");
    let export = format!("/api/v1/direct/conversations/{id}/export");
    let with = format!("/conversations/with/{}/messages", contact["id"]);
    let unknown = ["/conversations/999/messages", "/conversations/x/messages"];
    for path in unknown.into_iter().chain([own.as_str(), export.as_str(), with.as_str()]) {
        let answer = get(&server, &eve, path).await;
        assert_eq!(answer.outcome(), refused(404, "conversation_not_found"), "{path}");
        assert_eq!(answer.json()["error"], "Conversation not found or access denied");
    }
    let delete = format!("/api/v1/direct/conversations/{id}");
    let answer = ask(&server, &eve, "DELETE", &delete, Value::Null).await;
    assert_eq!(answer.outcome(), refused(404, "conversation_not_found"));
}

#[tokio::test]
async fn a_message_is_stored_once_whoever_sends_it_again() {
    let (server, ada, bob, _) = cast().await;
    let form = json!({ "toClerkId": bob.id, "text": "once", "clientMessageId": "m1" });
    let path = "/api/v1/direct/messages";
    let first = ask(&server, &ada, "POST", path, form.clone()).await.json();
    assert_eq!(first["repeated"], false);
    let again = ask(&server, &ada, "POST", path, form).await.json();
    assert_eq!(again["repeated"], true);
    for field in ["messageId", "conversationId", "timestamp"] {
        assert_eq!(again[field], first[field], "{field}");
    }
    let contacts = get(&server, &bob, "/contacts").await.json();
    assert_eq!(contacts["contacts"][0]["unreadCount"], 1);
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let (server, ada, bob, _) = cast().await;
    let guest = server.guest("Gus").await;
    let path = "/api/v1/direct/messages";
    let to = |text: &str| json!({ "toClerkId": bob.id, "text": text });
    for (form, outcome) in [
        (json!({}), refused(422, "invalid")),
        (json!({ "toClerkId": bob.id }), refused(422, "invalid")),
        (json!({ "toClerkId": bob.id, "text": 5 }), refused(422, "invalid")),
        (
            json!({ "toClerkId": bob.id, "text": "x", "fromClerkId": bob.id }),
            refused(422, "invalid"),
        ),
        (
            json!({ "toClerkId": bob.id, "text": "x", "clientMessageId": "" }),
            refused(422, "invalid"),
        ),
        (
            json!({ "toClerkId": bob.id, "text": "x", "clientMessageId": "x".repeat(129) }),
            refused(422, "invalid"),
        ),
        (to(""), refused(422, "invalid")),
        (to(" \n "), refused(422, "invalid")),
        (to(&"x".repeat(4_001)), refused(422, "invalid")),
        (to(&"x".repeat(1_000_000)), refused(413, "too_large")),
        (json!({ "toClerkId": "nobody", "text": "x" }), refused(404, "user_not_found")),
        (json!({ "toClerkId": guest.id, "text": "x" }), refused(404, "user_not_found")),
        (json!({ "toClerkId": ada.id, "text": "x" }), refused(404, "user_not_found")),
    ] {
        let answer = ask(&server, &ada, "POST", path, form.clone()).await;
        let shown: String = form.to_string().chars().take(100).collect();
        assert_eq!(answer.outcome(), outcome, "{shown}");
    }
    assert_eq!(get(&server, &bob, "/conversations").await.json(), json!({ "conversations": [] }));
    let long = "\u{1F3AC}".repeat(4_000);
    send(&server, &ada, &bob, &long).await;
    send(&server, &ada, &bob, "'); DROP TABLE messages; --").await;
    let page = format!("/conversations/with/{}/messages", ada.id);
    let messages = get(&server, &bob, &page).await.json()["messages"].clone();
    assert_eq!(messages[0]["content"], "'); DROP TABLE messages; --");
    assert_eq!(messages[1]["content"], json!(long));
}

#[tokio::test]
async fn messages_are_read_by_whom_they_went_to() {
    let (server, ada, bob, eve) = cast().await;
    let mut ids = Vec::new();
    for (from, to) in [(&ada, &bob), (&ada, &bob), (&bob, &ada), (&ada, &eve)] {
        ids.push(send(&server, from, to, "hi").await["messageId"].clone());
    }
    let read = async |who: &Account, ids: Value| {
        ask(&server, who, "POST", "/api/v1/direct/read", json!({ "messageIds": ids })).await
    };
    let answer = read(&bob, json!(ids)).await.json();
    assert_eq!(answer["messageIds"], json!(ids[..2]));
    let unread = async |who: &Account| {
        get(&server, who, "/contacts").await.json()["contacts"][0]["unreadCount"].clone()
    };
    assert_eq!((unread(&bob).await, unread(&eve).await), (json!(0), json!(1)));
    let page = format!("/conversations/with/{}/messages", bob.id);
    let seen = get(&server, &ada, &page).await.json()["messages"].clone();
    assert_eq!((&seen[1]["isRead"], &seen[1]["readAt"]), (&json!(true), &answer["readAt"]));
    assert_eq!(seen[0]["isRead"], false);
    for wrong in [json!("1"), json!(["1"]), json!([1.5]), json!((0..10_001).collect::<Vec<_>>())] {
        assert_eq!(read(&bob, wrong).await.outcome(), refused(422, "invalid"));
    }
    assert_eq!(read(&bob, json!([])).await.json()["messageIds"], json!([]));
}

#[tokio::test]
async fn strangers_are_asked_to_wait_where_one_wants_that() {
    let (server, ada, bob, eve) = cast().await;
    let settings = get(&server, &bob, "/api/v1/direct/settings").await.json();
    assert_eq!(settings, json!({ "strangersAsk": false, "isSearchable": true }));
    settle(&server, &bob, json!({ "strangersAsk": true })).await;
    ask(&server, &bob, "POST", "/users", json!({ "isParalyzed": true })).await;
    let sent = send(&server, &ada, &bob, "may I?").await;
    assert_eq!(get(&server, &bob, "/contacts").await.json(), json!({ "contacts": [] }));
    let requests = get(&server, &bob, "/api/v1/direct/requests").await.json()["requests"].clone();
    assert_eq!(requests[0]["fromUser"]["clerkId"], json!(ada.id));
    assert_eq!(requests[0]["conversationId"], sent["conversationId"]);
    assert_eq!(
        (&requests[0]["unreadCount"], &requests[0]["lastMessagePreview"]),
        (&json!(1), &json!("may I?"))
    );
    let of_bob = async || get(&server, &ada, "/contacts").await.json()["contacts"][0].clone();
    assert_eq!(of_bob().await["isParalyzed"], false);

    let accept = format!("/api/v1/direct/requests/{}/accept", requests[0]["id"]);
    for (who, path) in
        [(&eve, accept.as_str()), (&ada, &accept), (&bob, "/api/v1/direct/requests/x/accept")]
    {
        let answer = ask(&server, who, "POST", path, Value::Null).await;
        assert_eq!(answer.outcome(), refused(404, "not_found"));
    }
    let accepted = ask(&server, &bob, "POST", &accept, Value::Null).await.json();
    assert_eq!(accepted["contact"]["contactClerkId"], json!(ada.id));
    assert_eq!(of_bob().await["isParalyzed"], true);

    send(&server, &eve, &bob, "and I?").await;
    let requests = get(&server, &bob, "/api/v1/direct/requests").await.json()["requests"].clone();
    let decline = format!("/api/v1/direct/requests/{}/decline", requests[0]["id"]);
    assert_eq!(
        ask(&server, &ada, "POST", &decline, Value::Null).await.outcome(),
        refused(404, "not_found")
    );
    assert_eq!(ask(&server, &bob, "POST", &decline, Value::Null).await.status, 200);
    send(&server, &eve, &bob, "hello?").await;
    let left = get(&server, &bob, "/api/v1/direct/requests").await.json();
    assert_eq!(left, json!({ "requests": [] }));
}

#[tokio::test]
async fn across_a_block_nobody_writes() {
    let (server, ada, bob, _) = cast().await;
    send(&server, &ada, &bob, "before").await;
    let block = format!("/api/v1/direct/blocks/{}", ada.id);
    assert_eq!(ask(&server, &bob, "PUT", &block, Value::Null).await.status, 200);
    let listed = get(&server, &bob, "/api/v1/direct/blocks").await.json();
    assert_eq!(listed["blocked"][0]["clerkId"], json!(ada.id));
    for (from, to) in [(&ada, &bob), (&bob, &ada)] {
        let form = json!({ "toClerkId": to.id, "text": "hi" });
        let answer = ask(&server, from, "POST", "/api/v1/direct/messages", form).await;
        assert_eq!(answer.outcome(), refused(403, "blocked"));
    }
    let found = get(&server, &ada, "/users/search?q=bob").await.json();
    assert_eq!(found, json!({ "users": [] }));
    assert_eq!(ask(&server, &bob, "DELETE", &block, Value::Null).await.status, 200);
    let twice = ask(&server, &bob, "DELETE", &block, Value::Null).await;
    assert_eq!(twice.outcome(), refused(404, "not_found"));
    send(&server, &ada, &bob, "after").await;
    let nobody = ask(&server, &bob, "PUT", "/api/v1/direct/blocks/nobody", Value::Null).await;
    assert_eq!(nobody.outcome(), refused(404, "user_not_found"));
}

#[tokio::test]
async fn a_conversation_is_taken_along_and_deleted() {
    let (server, ada, bob, _) = cast().await;
    let id = send(&server, &ada, &bob, "one").await["conversationId"].clone();
    send(&server, &bob, &ada, "two").await;
    let path = format!("/api/v1/direct/conversations/{id}");
    let export = get(&server, &ada, &format!("{path}/export")).await;
    let file = "attachment; filename=\"conversation.json\"";
    assert_eq!(export.header("content-disposition"), Some(file));
    let texts = |page: &Value| {
        let messages = page["messages"].as_array().unwrap().iter();
        messages.map(|it| it["content"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let page = export.json();
    assert_eq!((texts(&page), &page["next"]), (vec!["one".into(), "two".into()], &Value::Null));
    let after = format!("{path}/export?after={}", page["messages"][0]["id"]);
    assert_eq!(texts(&get(&server, &ada, &after).await.json()), ["two"]);

    assert_eq!(ask(&server, &ada, "DELETE", &path, Value::Null).await.status, 200);
    assert_eq!(get(&server, &ada, "/conversations").await.json(), json!({ "conversations": [] }));
    let kept = get(&server, &bob, &format!("/conversations/{id}/messages")).await.json();
    assert_eq!(texts(&kept), ["two", "one"]);
    assert_eq!(ask(&server, &bob, "DELETE", &path, Value::Null).await.status, 200);
    let gone = ask(&server, &bob, "DELETE", &path, Value::Null).await;
    assert_eq!(gone.outcome(), refused(404, "conversation_not_found"));
}

#[tokio::test]
async fn an_account_takes_its_direct_messages_along_and_leaves_without_a_name() {
    let (server, ada, bob, eve) = cast().await;
    let id = send(&server, &ada, &bob, "from ada").await["conversationId"].clone();
    send(&server, &bob, &ada, "from bob").await;
    ask(&server, &ada, "PUT", &format!("/api/v1/direct/blocks/{}", eve.id), Value::Null).await;
    let export = get(&server, &ada, "/api/v1/users/me/export").await.json()["direct"].clone();
    assert_eq!(export["messages"][0]["content"], "from ada");
    assert_eq!(export["messages"][1]["content"], "from bob");
    assert_eq!(export["contacts"][0]["contactClerkId"], json!(bob.id));
    assert_eq!(export["blocked"][0]["clerkId"], json!(eve.id));
    assert_eq!(export["settings"]["strangersAsk"], false);

    let form = json!({ "password": "a password" });
    assert_eq!(ask(&server, &ada, "DELETE", "/api/v1/users/me", form).await.status, 200);
    assert_eq!(get(&server, &bob, "/contacts").await.json(), json!({ "contacts": [] }));
    let page = get(&server, &bob, &format!("/conversations/{id}/messages")).await;
    assert_eq!(page.json()["otherUser"]["fullName"], "Somebody who left");
    assert!(!page.text().contains(&ada.id));
}
