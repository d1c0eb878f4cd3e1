//! Direct messages that are broken, too large, or about what is somebody else's: answered as is
//! documented, nobody else hears of it, and nothing is lost. On SQLite, and on two nodes over
//! PostgreSQL.

#![allow(clippy::unwrap_used)]

mod nodes;
mod support;

use std::net::SocketAddr;

use nodes::Site;
use parlor_protocol::UserId;
use parlor_protocol::limits::{BACKLOG_BYTES, DIRECT_CHARS, READ_IDS};
use serde_json::{Value, json};
use support::client::Client;
use support::engineio::{Engine, Wire};
use support::{Account, Answer, Ask, TestServer};

const MISSING: &str = "Missing required fields";

/// Texts that mean something to somebody who takes them for more than a text.
const TEXTS: &[&str] = &[
    "'); DROP TABLE messages; --",
    "' OR '1'='1",
    "\" OR 1=1 --",
    "$1 :name ? %s {0} ${7*7} {{7*7}}",
    "%25' LIKE '_",
    "\\'; \\x00 \\u0000 \\",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "&lt;b&gt; &amp;",
    "\"],\"x\":[\"",
    "../../etc/passwd",
    "\u{202e}gnirts a\u{feff}",
    "👩‍👩‍👧‍👦 e\u{301}",
    "NULL",
    "undefined",
];

/// Somebody with an account, who comes to one server.
struct Person {
    at: SocketAddr,
    account: Account,
}

impl Person {
    async fn register(at: SocketAddr, name: &str) -> Self {
        let email = format!("{name}@example.org");
        let form = json!({ "username": name, "email": email, "password": "a password" });
        let answer = Ask::to(at, "POST", "/api/v1/auth/register").json(&form).send().await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        Self { at, account: Account::of(&answer) }
    }

    fn id(&self) -> &str {
        &self.account.id
    }

    async fn connect(&self) -> Client {
        Client::connect(self.at, Some(&self.account.access)).await
    }

    async fn get(&self, path: &str) -> Answer {
        Ask::to(self.at, "GET", path).bearer(&self.account.access).send().await
    }

    async fn send(&self, method: &str, path: &str, form: &Value) -> Answer {
        let ask = Ask::to(self.at, method, path).bearer(&self.account.access);
        ask.json(form).send().await
    }

    fn message(&self, to: &Person, text: &str) -> Value {
        json!({ "fromClerkId": self.id(), "toClerkId": to.id(), "text": text })
    }

    /// Everything that is kept of a conversation, oldest first.
    async fn said(&self, with: &Person) -> Vec<String> {
        let (mut all, mut before) = (Vec::new(), String::new());
        loop {
            let path = format!("/conversations/with/{}/messages?limit=200{before}", with.id());
            let page = self.get(&path).await.json();
            let messages = page["messages"].as_array().cloned().unwrap_or_default();
            let Some(last) = messages.last() else { break };
            before = format!("&before={}", last["id"]);
            all.extend(messages.iter().map(|it| it["content"].as_str().unwrap().to_owned()));
        }
        all.reverse();
        all
    }

    async fn unread(&self) -> Vec<u64> {
        let contacts = self.get("/contacts").await.json()["contacts"].clone();
        contacts.as_array().unwrap().iter().map(|it| it["unreadCount"].as_u64().unwrap()).collect()
    }
}

/// What people come to.
enum House {
    Alone(TestServer),
    Nodes(Site),
}

/// Three people, of whom Bob is at another node if there is one.
struct Cast {
    ada: Person,
    bob: Person,
    eve: Person,
    _house: House,
}

impl Cast {
    async fn of(house: House) -> Self {
        let at = match &house {
            House::Alone(server) => [server.address; 2],
            House::Nodes(site) => [site.nodes[0].address(), site.nodes[1].address()],
        };
        Self {
            ada: Person::register(at[0], "ada_l").await,
            bob: Person::register(at[1], "bob_b").await,
            eve: Person::register(at[0], "eve_e").await,
            _house: house,
        }
    }

    /// One server alone and one of several.
    async fn everywhere() -> [Self; 2] {
        let alone = House::Alone(TestServer::start().await);
        [Self::of(alone).await, Self::of(House::Nodes(Site::start(2).await)).await]
    }
}

/// Has somebody ask what is answered as ever, and looks whether they heard anything.
async fn heard_nothing(witness: &mut Client) {
    assert_eq!(witness.ask("fly", json!({})).await["code"], "unknown_event");
    assert_eq!(witness.heard(), []);
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn events_of_any_shape_are_answered_and_nobody_else_hears_of_them() {
    for cast in Cast::everywhere().await {
        let (mut rude, mut witness) = (cast.ada.connect().await, cast.bob.connect().await);
        let deep = format!(",{}{}", "[".repeat(30), "]".repeat(30));
        let twice = r#",{"fromClerkId":"a","fromClerkId":"a","toClerkId":"b","text":"x"}"#;
        for event in
            ["send_message", "mark_as_read", "typing_start", "typing_stop", "register_user"]
        {
            for arguments in [
                "",
                ",null",
                ",true",
                ",-1.5e300",
                r#","text""#,
                ",[]",
                ",[[1]]",
                r#",["a","b","text","name"]"#,
                ",{}",
                ",{},{}",
                r#",{"fromClerkId":{},"toClerkId":[],"text":1,"messageIds":{},"clerkId":[]}"#,
                r#",{"fromClerkId":"\ud800","clerkId":"\ud800"}"#,
                twice,
                &deep,
            ] {
                let emit = format!(r#"["{event}"{arguments}]"#);
                rude.say(&format!("42{emit}")).await;
                let failed = rude.until("message_failed").await;
                assert_eq!(failed, json!({ "error": MISSING }), "{emit}");
                rude.say(&format!("420{emit}")).await;
                let answer = json!({ "error": MISSING, "code": "invalid" });
                assert_eq!(rude.answer(0).await, answer, "{emit}");
                rude.until("message_failed").await;
            }
        }
        // An attachment is no text either.
        let text = json!({ "_placeholder": true, "num": 0 });
        let mut form = cast.ada.message(&cast.bob, "");
        form["text"] = text;
        rude.say(&format!("451-{}", json!(["send_message", form]))).await;
        rude.attach(b"text").await;
        assert_eq!(rude.until("message_failed").await["error"], MISSING);
        // What is no text names no message.
        for name in [json!(7), json!({}), json!("")] {
            let mut form = cast.ada.message(&cast.bob, "x");
            form["clientMessageId"] = name;
            assert_eq!(rude.ask("send_message", form).await["code"], "invalid");
        }
        heard_nothing(&mut witness).await;
        assert_eq!(cast.bob.said(&cast.ada).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_looks_like_sql_or_html_is_a_text_wherever_it_stands() {
    for cast in Cast::everywhere().await {
        let Cast { ada, bob, .. } = &cast;
        let (mut from, mut to) = (ada.connect().await, bob.connect().await);
        let form = json!({ "contactClerkId": bob.id() });
        let contact = ada.send("POST", "/contacts", &form).await.json()["contact"]["id"].clone();
        for text in TEXTS {
            let mut form = ada.message(bob, text);
            form["clientMessageId"] = json!(text);
            let sent = from.ask("send_message", form.clone()).await;
            assert!(sent["messageId"].is_i64(), "{text}: {sent}");
            assert_eq!(from.ask("send_message", form).await, sent, "{text}");
            assert_eq!(to.until("receive_message").await["content"], *text);

            let strange = json!({ "fromClerkId": ada.id(), "toClerkId": text, "text": "x" });
            assert_eq!(from.ask("typing_start", strange.clone()).await["code"], "user_not_found");
            assert_eq!(from.ask("send_message", strange).await["code"], "user_not_found");
            let claims = json!({ "fromClerkId": text, "toClerkId": bob.id(), "text": "x" });
            assert_eq!(from.ask("send_message", claims).await["code"], "forbidden");
            let claims = json!({ "clerkId": text });
            assert_eq!(from.ask("register_user", claims).await["code"], "forbidden");
            let proof = json!({ "token": text });
            assert_eq!(from.ask("authenticate", proof).await["code"], "invalid_token");

            let path = format!("/contacts/{contact}");
            let named = ada.send("PATCH", &path, &json!({ "nickname": text })).await;
            assert_eq!(named.json()["contact"]["nickname"], *text);
            let nobody = json!({ "contactClerkId": text });
            let nobody = ada.send("POST", "/contacts", &nobody).await.outcome();
            assert_eq!(nobody, (400, "no_such_person".to_owned()), "{text}");
            let found = ada.get(&format!("/users/search?q={}", encoded(text))).await;
            assert_eq!(found.json(), json!({ "users": [] }), "{text}");
            for path in ["/conversations/", "/conversations/with/"] {
                let answer = ada.get(&format!("{path}{}/messages", encoded(text))).await;
                assert_eq!(answer.status, 404, "{path}{text}");
            }
            let query = format!("limit={0}&offset={0}&before={0}", encoded(text));
            let path = format!("/conversations/with/{}/messages?{query}", bob.id());
            assert_eq!(ada.get(&path).await.status, 200, "{text}");
        }
        assert_eq!(bob.said(ada).await, TEXTS);
        assert_eq!(bob.unread().await, [TEXTS.len() as u64]);
    }
}

#[tokio::test]
async fn ids_that_are_nobodys_or_somebody_elses_are_passed_over() {
    for cast in Cast::everywhere().await {
        let Cast { ada, bob, eve, .. } = &cast;
        let (mut as_ada, mut as_bob) = (ada.connect().await, bob.connect().await);
        let mut as_eve = eve.connect().await;
        let mut ids = Vec::new();
        for (client, from, to) in
            [(&mut as_ada, ada, bob), (&mut as_bob, bob, ada), (&mut as_eve, eve, bob)]
        {
            let sent = client.ask("send_message", from.message(to, "hello")).await;
            ids.push(sent["messageId"].as_i64().unwrap());
        }
        let to_eve =
            as_ada.ask("send_message", ada.message(eve, "hello")).await["messageId"].clone();
        let asked = json!([ids[0], to_eve, ids[1], ids[2], -1, 0, i64::MIN, i64::MAX, to_eve]);
        let read = as_eve.ask("mark_as_read", json!({ "messageIds": asked })).await;
        assert_eq!(read["messageIds"], json!([to_eve]));
        assert_eq!(as_ada.until("messages_read").await["messageIds"], json!([to_eve]));
        assert_eq!(bob.unread().await.iter().sum::<u64>(), 2);

        let one = ids[0];
        let too_many = |count: usize| json!(vec![one; count]);
        for wrong in [
            json!([one, 9_223_372_036_854_775_808_u64]),
            json!([one, 1.5]),
            json!([one, null]),
            json!([[one]]),
            too_many(READ_IDS + 1),
            too_many(100_000),
        ] {
            let answer = as_bob.ask("mark_as_read", json!({ "messageIds": wrong })).await;
            assert_eq!(answer["code"], "invalid", "{answer}");
        }
        assert_eq!(bob.unread().await.iter().sum::<u64>(), 2);
        // As many as there may be, those that are his among them.
        let mut many: Vec<i64> = (1_000_000..).take(READ_IDS - 2).collect();
        many.extend([ids[2], one]);
        let read = as_bob.ask("mark_as_read", json!({ "messageIds": many })).await;
        let mut marked: Vec<i64> = serde_json::from_value(read["messageIds"].clone()).unwrap();
        marked.sort_unstable();
        assert_eq!(marked, [one, ids[2]]);
        assert_eq!(bob.unread().await.iter().sum::<u64>(), 0);

        // A conversation of others is as good as none, whatever it is called.
        let conversation = ada.get("/conversations").await.json()["conversations"].clone();
        for conversation in conversation.as_array().unwrap() {
            let path = format!("/conversations/{}/messages", conversation["id"]);
            let is_hers = conversation["otherUserClerkId"] == eve.id();
            assert_eq!(eve.get(&path).await.status, if is_hers { 200 } else { 404 });
        }
    }
}

#[tokio::test]
async fn a_text_of_a_megabyte_is_refused_wherever_it_stands() {
    for cast in Cast::everywhere().await {
        let Cast { ada, bob, .. } = &cast;
        let (mut rude, mut witness) = (ada.connect().await, bob.connect().await);
        let long = "x".repeat(990_000);
        for (event, field, code) in [
            ("send_message", "text", "invalid"),
            ("send_message", "clientMessageId", "invalid"),
            ("send_message", "toClerkId", "user_not_found"),
            ("send_message", "fromClerkId", "forbidden"),
            ("typing_start", "toClerkId", "user_not_found"),
            ("typing_stop", "fromClerkId", "forbidden"),
            ("register_user", "clerkId", "forbidden"),
            ("register_user", "token", "invalid_token"),
            ("authenticate", "token", "invalid_token"),
        ] {
            let mut form = ada.message(bob, "x");
            form["clerkId"] = json!(ada.id());
            form[field] = json!(long);
            let answer = rude.ask(event, form).await;
            assert_eq!(answer["code"], code, "{event} {field}");
        }
        heard_nothing(&mut witness).await;
        let most = "\u{1F3AC}".repeat(*DIRECT_CHARS.end());
        let sent = rude.ask("send_message", ada.message(bob, &most)).await;
        assert!(sent["messageId"].is_i64(), "{sent}");
        assert_eq!(bob.said(ada).await, [most]);
    }
}

#[tokio::test]
async fn a_receiver_who_never_reads_loses_nothing_and_holds_nobody_up() {
    let server = TestServer::with(&[("insecure_no_rate_limits", "true")]).await;
    let ada = Person::register(server.address, "ada_l").await;
    let bob = Person::register(server.address, "bob_b").await;
    let mut deaf: Wire = Engine { address: server.address, root: "/socket.io/" }.socket().await;
    deaf.send(&format!("40{}", json!({ "token": bob.account.access }))).await;
    deaf.text().await;
    let (mut from, mut to) = (ada.connect().await, bob.connect().await);
    let id = UserId::from(bob.id());
    let mut count = 0;
    while server.app().sockets.count(&id).await > 1 {
        let text = format!("{count:04}{}", "\u{1F3AC}".repeat(DIRECT_CHARS.end() - 4));
        from.emit("send_message", ada.message(&bob, &text)).await;
        let sent = from.until("message_sent").await;
        assert_eq!(from.until("message_delivered").await["status"], "delivered");
        let received = to.until("receive_message").await;
        assert_eq!((&received["messageId"], &received["text"]), (&sent["messageId"], &json!(text)));
        count += 1;
        // The system keeps some for it as well, some megabytes at most.
        assert!(count * text.len() < 16 * BACKLOG_BYTES, "{count} messages, and it is still there");
    }
    let kept = bob.said(&ada).await;
    assert_eq!(kept.len(), count);
    assert!(kept.iter().enumerate().all(|(n, text)| text.starts_with(&format!("{n:04}"))));
}
