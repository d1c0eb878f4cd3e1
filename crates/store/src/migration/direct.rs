//! What direct messages need beside their first tables: idempotency, requests, blocks, marks of
//! what one deleted for oneself, who is online, and the words people are found by.

use std::collections::BTreeSet;

use sea_orm::{DbBackend, FromQueryResult, Statement};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, boolean, string, string_null, timestamp_with_time_zone as moment,
};

use crate::value::search_words;

#[derive(DeriveMigrationName)]
pub struct Direct;

#[async_trait::async_trait]
impl MigrationTrait for Direct {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for (table, column) in columns() {
            let change = Table::alter().table(table).add_column(column).to_owned();
            manager.alter_table(change).await?;
        }
        for table in [blocks(), words(manager.get_database_backend()), online()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        // The two databases say differently where rows without a time stand.
        let latest_first = match manager.get_database_backend() {
            DbBackend::Postgres => "DESC NULLS LAST",
            _ => "DESC",
        };
        let contacts = format!(
            "CREATE INDEX contacts_latest ON contacts (user_clerk_id, last_message_at \
             {latest_first}, id DESC)"
        );
        let connection = manager.get_connection();
        connection.execute_unprepared(&contacts).await?;
        learn_words(connection).await
    }
}

fn columns() -> Vec<(&'static str, ColumnDef)> {
    vec![
        ("users", boolean("is_searchable").default(true).to_owned()),
        ("users", boolean("strangers_ask").default(false).to_owned()),
        ("users", boolean("is_introduced").default(false).to_owned()),
        ("contacts", string("state").default("accepted").to_owned()),
        ("conversations", big_integer("user1_cleared_id").default(0).to_owned()),
        ("conversations", big_integer("user2_cleared_id").default(0).to_owned()),
        ("messages", string_null("client_message_id")),
    ]
}

fn blocks() -> TableCreateStatement {
    Table::create()
        .table("direct_block")
        .col(string("user_clerk_id"))
        .col(string("blocked_clerk_id"))
        .col(moment("created_at"))
        .primary_key(Index::create().col("user_clerk_id").col("blocked_clerk_id"))
        .to_owned()
}

/// A row for each beginning somebody is found by; guests have none.
fn words(backend: DbBackend) -> TableCreateStatement {
    let mut word = string("word");
    if backend == DbBackend::Postgres {
        // Ordered by code points, as SQLite does, so that an index finds all with one beginning.
        word.extra("COLLATE \"C\"");
    }
    Table::create()
        .table("user_word")
        .col(word)
        .col(string("user_id"))
        .primary_key(Index::create().col("word").col("user_id"))
        .foreign_key(&mut of_user("user_word"))
        .to_owned()
}

/// A row for each node where somebody has a socket open.
fn online() -> TableCreateStatement {
    Table::create()
        .table("online")
        .col(string("user_id"))
        .col(string("node"))
        .primary_key(Index::create().col("user_id").col("node"))
        .foreign_key(&mut of_user("online"))
        .to_owned()
}

fn of_user(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, "user_id")
        .to("users", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let index = |name: &str, table: &'static str, columns: &[&'static str]| {
        let mut index = Index::create();
        index.name(name).table(table);
        for column in columns {
            index.col(*column);
        }
        index
    };
    vec![
        index("messages_client_message_id", "messages", &["from_clerk_id", "client_message_id"])
            .unique()
            .and_where(Expr::col("client_message_id").is_not_null())
            .to_owned(),
        index("messages_unread", "messages", &["to_clerk_id", "from_clerk_id", "id"])
            .and_where(Expr::col("is_read").not())
            .to_owned(),
        index("contacts_contact_clerk_id", "contacts", &["contact_clerk_id"]),
        index("conversations_latest1", "conversations", &["user1_clerk_id", "last_message_at"]),
        index("conversations_latest2", "conversations", &["user2_clerk_id", "last_message_at"]),
        index("direct_block_blocked", "direct_block", &["blocked_clerk_id"]),
        index("user_word_user_id", "user_word", &["user_id"]),
        index("online_node", "online", &["node"]),
    ]
}

#[derive(FromQueryResult)]
struct Named {
    id: String,
    username: Option<String>,
    display_name: String,
}

/// People whose words are written at once: up to 8 words of 2 columns each.
const PEOPLE_AT_ONCE: usize = 500;

/// Writes down the words of everybody who is there already.
async fn learn_words(connection: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
    let mut after = String::new();
    loop {
        let page = Statement::from_sql_and_values(
            connection.get_database_backend(),
            "SELECT id, username, display_name FROM users WHERE kind <> 'guest' AND id > $1 \
             ORDER BY id LIMIT $2",
            [after.as_str().into(), (PEOPLE_AT_ONCE as i64).into()],
        );
        let people = Named::find_by_statement(page).all(connection).await?;
        let Some(last) = people.last() else { return Ok(()) };
        after.clone_from(&last.id);
        let mut insert = Query::insert();
        insert.into_table("user_word").columns(["word", "user_id"]);
        for person in &people {
            let words: BTreeSet<String> =
                search_words(person.username.as_deref(), &person.display_name);
            for word in words {
                insert.values_panic([word.into(), person.id.as_str().into()]);
            }
        }
        // Somebody without any name has no words.
        if people
            .iter()
            .any(|it| !search_words(it.username.as_deref(), &it.display_name).is_empty())
        {
            connection.execute(&insert).await?;
        }
    }
}
