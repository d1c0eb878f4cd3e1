//! How the databases find direct messages: by indexes, however many there are.

#![allow(clippy::unwrap_used)]

use parlor_protocol::ClerkId;
use parlor_testkit::postgres::{Durability, Postgres};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use super::conversations::PageOf;
use super::{UNREAD, contacts, conversations, judge, ledger, people, statement};
use crate::value::time;
use crate::{Store, StoreConfig};

/// People who write, each with those who have the next hundred numbers; there are others beside them.
const PEOPLE: i64 = 1_000;
const USERS: i64 = 100_000;
const CONVERSATIONS: i64 = 100 * PEOPLE;
const MESSAGES: i64 = 200_000;
const BLOCKS: i64 = 50_000;

/// Fills the tables without going through the store, which would take minutes.
async fn fill(store: &Store) {
    let numbers = |most: i64| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {}) ",
            most - 1
        )
    };
    // Numbers of one length, so that they are ordered as texts are.
    let one = "('u' || (1000 + i % 1000))";
    let other = "('u' || (1000 + (i % 1000 + 1 + i / 1000) % 1000))";
    let fills = [
        format!(
            "{} INSERT INTO users (id, clerk_id, kind, display_name, created_at) \
             SELECT 'u' || (1000 + i), 'u' || (1000 + i), 'account', 'Name ' || i, $1 FROM n",
            numbers(USERS)
        ),
        format!(
            "{} INSERT INTO user_word (word, user_id) \
             SELECT 'name ' || i, 'u' || (1000 + i) FROM n",
            numbers(USERS)
        ),
        format!(
            "{} INSERT INTO conversations (user1_clerk_id, user2_clerk_id, created_at, \
             last_message_at) SELECT CASE WHEN {one} < {other} THEN {one} ELSE {other} END, \
             CASE WHEN {one} < {other} THEN {other} ELSE {one} END, $1, $1 FROM n",
            numbers(CONVERSATIONS)
        ),
        "INSERT INTO contacts (user_clerk_id, contact_clerk_id, last_message_at, created_at) \
         SELECT user1_clerk_id, user2_clerk_id, $1, $1 FROM conversations UNION ALL \
         SELECT user2_clerk_id, user1_clerk_id, $1, $1 FROM conversations"
            .to_owned(),
        format!(
            "{} INSERT INTO messages (conversation_id, from_clerk_id, to_clerk_id, content, \
             is_read, created_at) SELECT v.id, v.user1_clerk_id, v.user2_clerk_id, 'hello', \
             n.i % 50 <> 0, $1 FROM n JOIN conversations v ON v.id = 1 + (n.i * 7) % {CONVERSATIONS}",
            numbers(MESSAGES)
        ),
        format!(
            "{} INSERT INTO direct_block (user_clerk_id, blocked_clerk_id, created_at) \
             SELECT 'u' || (1000 + i % 1000), 'x' || i, $1 FROM n",
            numbers(BLOCKS)
        ),
    ];
    let at = time(1_790_000_000_000);
    for fill in fills {
        let needs_time = fill.contains("$1");
        let values = needs_time.then(|| at.into());
        store.write().execute_raw(statement(store.write(), fill, values)).await.unwrap();
    }
    store.write().execute_unprepared("ANALYZE").await.unwrap();
}

/// Returns how a statement is carried out, a step on each line.
async fn plan(connection: &DatabaseConnection, asked: Statement) -> String {
    let how = match connection.get_database_backend() {
        DbBackend::Postgres => "EXPLAIN",
        _ => "EXPLAIN QUERY PLAN",
    };
    let explain = Statement { sql: format!("{how} {}", asked.sql), ..asked };
    let rows = connection.query_all_raw(explain).await.unwrap();
    let column = match connection.get_database_backend() {
        DbBackend::Postgres => "QUERY PLAN",
        _ => "detail",
    };
    let lines: Vec<String> = rows.iter().map(|row| row.try_get("", column).unwrap()).collect();
    lines.join("\n")
}

/// Says whether a plan looks at all rows of a table.
fn looks_through(plan: &str) -> bool {
    plan.lines().any(|line| {
        let line = line.trim();
        // What SQLite calls a scan of something in brackets, or of a constant, is a handful of rows.
        let sqlite = line.strip_prefix("SCAN ").is_some_and(|of| {
            let table = of.split(' ').next().unwrap_or_default();
            !of.contains("USING") && ["m", "c", "u", "v", "w", "k", "b", "x"].contains(&table)
        });
        sqlite || line.contains("Seq Scan")
    })
}

async fn everything_is_found_by_an_index(store: Store) {
    store.migrate().await.unwrap();
    fill(&store).await;
    let (read, ann) = (store.read(), ClerkId::from("u1500"));
    let newest = PageOf::Newest { before: None, offset: 100 };
    let older = PageOf::Newest { before: Some(MESSAGES / 2), offset: 0 };
    let unread = "SELECT count(*) FROM messages m WHERE m.to_clerk_id = $1 \
                  AND m.from_clerk_id = $2 AND NOT m.is_read AND m.id > 0";
    let pair = || ["u1500".into(), "u1400".into()];
    let recount = format!(
        "UPDATE contacts SET unread_count = {UNREAD} \
         WHERE user_clerk_id = $1 AND contact_clerk_id = $2"
    );
    let others: Vec<String> = (0..64).map(|other| format!("u{}", 1_300 + other)).collect();
    let names: Vec<(&str, &str)> = others.iter().map(|other| ("u1500", other.as_str())).collect();
    let pairs: Vec<[&str; 2]> = names.iter().map(|(one, other)| [*one, *other]).collect();
    let owners: Vec<(String, String)> =
        others.iter().map(|other| ("u1500".to_owned(), other.clone())).collect();
    let asked = [
        ("a page", conversations::messages(read, 77, 0, newest, 50), "messages_conversation_id_id"),
        (
            "an older page",
            conversations::messages(read, 77, 5, older, 50),
            "messages_conversation_id_id",
        ),
        (
            "an export",
            conversations::messages(read, 77, 0, PageOf::After(9), 50),
            "messages_conversation_id_id",
        ),
        ("unread ones", statement(read, unread, pair()), "messages_unread"),
        ("a recount", statement(read, recount, pair()), "messages_unread"),
        ("contacts", contacts::page(read, &ann, 50, 0), "contacts_"),
        ("conversations", conversations::list(read, &ann, 50, 0), "conversations_latest"),
        ("names", judge::named(read, &names), "messages_client_message_id"),
        ("blocks", judge::blocked(read, &pairs), "direct_block"),
        ("standings", ledger::standings(read, &owners), "contacts_user_clerk_id_contact_clerk_id"),
        ("people", people::search(read, &ann, "name 12"), "user_word"),
    ];
    for (what, asked, index) in asked {
        let plan = plan(read, asked).await;
        assert!(!looks_through(&plan), "{what}:\n{plan}");
        assert!(plan.contains(index), "{what}:\n{plan}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_found_by_an_index_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/parlor.db", folder.path().display());
    let store = Store::connect(&StoreConfig { url, max_connections: 2 }).await.unwrap();
    everything_is_found_by_an_index(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_found_by_an_index_on_postgresql() {
    let postgres = Postgres::start(Durability::Process).unwrap();
    let config = StoreConfig { url: postgres.url(), max_connections: 2 };
    everything_is_found_by_an_index(Store::connect(&config).await.unwrap()).await;
}
