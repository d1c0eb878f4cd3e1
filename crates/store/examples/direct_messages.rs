//! Measures direct messages in a database that holds a million of them: how long a page, the
//! contacts, the conversations, the unread ones and a search take, and how many are sent a second.
//!
//! `cargo run --release -p parlor-store --example direct_messages -- [sqlite|postgres] [MESSAGES] [SENT] [CALLERS]`
//!
//! PostgreSQL is a private one that waits for the disk.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use parlor_protocol::{ClerkId, UserId};
use parlor_store::{NewAccount, NewDirect, PageOf, SendOutcome, Store, StoreConfig};
use parlor_testkit::postgres::{Durability, Postgres};
use sea_orm::{ConnectionTrait, Database, DbBackend};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// People; each wrote with the hundred who come next.
const PEOPLE: usize = 1_000;
/// How often each question is asked.
const ASKED: usize = 500;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let database = arguments.next().unwrap_or_else(|| "postgres".into());
    let mut number = |usual: usize| arguments.next().map_or(Ok(usual), |text| text.parse());
    let (messages, sent, callers) = (number(1_000_000)?, number(20_000)?, number(256)?);
    let folder = tempfile::tempdir()?;
    let postgres = match database.as_str() {
        "postgres" => Some(Postgres::start(Durability::Disk)?),
        "sqlite" => None,
        other => return Err(format!("`{other}` is neither `sqlite` nor `postgres`").into()),
    };
    let url = postgres
        .as_ref()
        .map_or_else(|| format!("sqlite://{}/parlor.db", folder.path().display()), Postgres::url);
    let store = Store::connect(&StoreConfig { url: url.clone(), max_connections: 8 }).await?;
    store.migrate().await?;
    for person in 0..PEOPLE {
        store.create_account(account(person)).await?;
    }
    let began = Instant::now();
    fill(&url, messages).await?;
    println!("{database}: {messages} messages made in {:.1} s", began.elapsed().as_secs_f64());
    ask(&store, messages).await?;
    send(&store, sent, callers).await
}

fn clerk(person: usize) -> ClerkId {
    ClerkId::from(format!("u{}", 1_000 + person % PEOPLE))
}

fn account(person: usize) -> NewAccount {
    let id = clerk(person).to_string();
    NewAccount {
        username: format!("name_{id}"),
        email: format!("{id}@example.org"),
        owns_email: true,
        password_hash: String::new(),
        display_name: format!("Name {person}"),
        created_at_ms: 1_790_000_000_000,
        id: UserId::from(id),
    }
}

/// Makes conversations, contacts and messages by one statement each.
async fn fill(url: &str, messages: usize) -> Result<(), Failure> {
    let database = Database::connect(url).await?;
    let conversations = 100 * PEOPLE;
    let numbers = |most: usize| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {}) ",
            most - 1
        )
    };
    let (one, other) =
        ("('u' || (1000 + i % 1000))", "('u' || (1000 + (i % 1000 + 1 + i / 1000) % 1000))");
    let at = match database.get_database_backend() {
        DbBackend::Postgres => "CAST('2026-09-21 12:00:00Z' AS timestamptz)",
        _ => "'2026-09-21T12:00:00+00:00'",
    };
    for sql in [
        format!(
            "{} INSERT INTO conversations (user1_clerk_id, user2_clerk_id, created_at, \
             last_message_at) SELECT CASE WHEN {one} < {other} THEN {one} ELSE {other} END, \
             CASE WHEN {one} < {other} THEN {other} ELSE {one} END, {at}, {at} FROM n",
            numbers(conversations)
        ),
        format!(
            "INSERT INTO contacts (user_clerk_id, contact_clerk_id, last_message_preview, \
             last_message_at, created_at) \
             SELECT user1_clerk_id, user2_clerk_id, 'hello', last_message_at, {at} \
             FROM conversations UNION ALL \
             SELECT user2_clerk_id, user1_clerk_id, 'hello', last_message_at, {at} \
             FROM conversations"
        ),
        // One conversation in ten has half of all messages.
        format!(
            "{} INSERT INTO messages (conversation_id, from_clerk_id, to_clerk_id, content, \
             is_read, created_at) SELECT v.id, v.user1_clerk_id, v.user2_clerk_id, \
             'hello, this is message number ' || n.i, n.i % 20 <> 0, {at} FROM n \
             JOIN conversations v ON v.id = 1 + CASE WHEN n.i % 2 = 0 THEN (n.i / 2 * 7) % {conversations} \
             ELSE (n.i / 2 % {tenth}) * 10 END",
            numbers(messages),
            tenth = conversations / 10
        ),
        "ANALYZE".to_owned(),
    ] {
        database.execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// Asks each question again and again, of different people.
async fn ask(store: &Store, messages: usize) -> Result<(), Failure> {
    let newest = PageOf::Newest { before: None, offset: 0 };
    let older = PageOf::Newest { before: Some(messages as i64 / 2), offset: 0 };
    let mut waits: [Vec<Duration>; 6] = Default::default();
    for person in 0..ASKED {
        let (own, other) = (clerk(person), clerk(person + 1));
        let id = store.conversation_with(&own, &other).await?.ok_or("no such conversation")?;
        let began = Instant::now();
        let page = store.open_conversation(&own, id, newest, 50).await?;
        waits[0].push(began.elapsed());
        if page.is_none_or(|page| page.messages.is_empty()) {
            return Err("a page is empty".into());
        }
        let began = Instant::now();
        store.open_conversation(&own, id, older, 50).await?;
        waits[1].push(began.elapsed());
        let began = Instant::now();
        let contacts = store.contacts_of(&own, 1_000, 0).await?;
        waits[2].push(began.elapsed());
        let began = Instant::now();
        let conversations = store.conversations_of(&own, 1_000, 0).await?;
        waits[3].push(began.elapsed());
        if contacts.len() != 200 || conversations.len() < 100 {
            return Err(format!("{} contacts, {}", contacts.len(), conversations.len()).into());
        }
        let began = Instant::now();
        store.unread_count_of(&own).await?;
        waits[4].push(began.elapsed());
        let began = Instant::now();
        store.search_people(&own, &format!("name {}", person % 10)).await?;
        waits[5].push(began.elapsed());
    }
    let names = ["page", "older page", "200 contacts", "conversations", "unread count", "search"];
    for (name, waits) in names.iter().zip(&mut waits) {
        waits.sort_unstable();
        let at = |part: usize| waits[waits.len() * part / 100].as_secs_f64() * 1e3;
        println!("{name}: p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
    }
    Ok(())
}

/// Sends from several callers at once, then reads what one of them was sent.
async fn send(store: &Store, sent: usize, callers: usize) -> Result<(), Failure> {
    let began = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut waits = Vec::with_capacity(sent / callers);
                for number in 0..sent / callers {
                    let new = NewDirect {
                        from: clerk(caller * 3),
                        to: clerk(caller * 3 + 1 + number % 100),
                        text: format!("hello, this is message number {number}"),
                        client_message_id: Some(format!("{caller}-{number}")),
                        at_ms: 1_795_000_000_000,
                    };
                    let asked = Instant::now();
                    let SendOutcome::Sent(_) = store.send_direct(new).await? else {
                        return Err::<_, Failure>("a message was refused".into());
                    };
                    waits.push(asked.elapsed());
                }
                Ok(waits)
            })
        })
        .collect();
    let mut waits = Vec::with_capacity(sent);
    for task in tasks {
        waits.extend(task.await??);
    }
    let wall = began.elapsed().as_secs_f64();
    waits.sort_unstable();
    let at = |part: usize| waits[waits.len() * part / 100].as_secs_f64() * 1e3;
    println!(
        "{} sent by {callers} callers: {:.0} a second, wait p50 {:.1} ms, p99 {:.1} ms",
        waits.len(),
        waits.len() as f64 / wall,
        at(50),
        at(99)
    );
    Ok(())
}
