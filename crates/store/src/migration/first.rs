//! The first tables: those that people will look into, under the names and columns they expect,
//! and those of our own beside them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, boolean, integer_null, json_binary, string,
    string_null, text, text_null, timestamp_with_time_zone as moment,
    timestamp_with_time_zone_null as moment_null,
};

#[derive(DeriveMigrationName)]
pub struct First;

#[async_trait::async_trait]
impl MigrationTrait for First {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn tables() -> Vec<TableCreateStatement> {
    vec![
        users(),
        login(),
        server_key(),
        room(),
        room_state(),
        chat_message(),
        room_user(),
        contacts(),
        conversations(),
        messages(),
    ]
}

fn users() -> TableCreateStatement {
    Table::create()
        .table("users")
        .col(string("id").primary_key())
        .col(string("clerk_id"))
        .col(boolean("is_paralyzed").default(false))
        .col(string("status").default("offline"))
        .col(moment("created_at"))
        .col(string("kind"))
        .col(string_null("username"))
        .col(string_null("username_folded"))
        .col(string_null("email"))
        .col(string_null("email_folded"))
        .col(string_null("password_hash"))
        .col(string("display_name"))
        .to_owned()
}

fn login() -> TableCreateStatement {
    Table::create()
        .table("login")
        .col(string("id").primary_key())
        .col(string("user_id"))
        .col(string("key_id"))
        .col(ColumnDef::new("cookie_hash").blob().not_null())
        .col(big_integer("generation"))
        .col(text_null("user_agent"))
        .col(moment("created_at"))
        .col(moment("expires_at"))
        .col(moment_null("rotated_at"))
        .col(moment_null("revoked_at"))
        .foreign_key(&mut cascade("login", "user_id", "users"))
        .to_owned()
}

fn server_key() -> TableCreateStatement {
    Table::create()
        .table("server_key")
        .col(string("id").primary_key())
        .col(string("purpose"))
        .col(big_integer("ordinal"))
        .col(ColumnDef::new("secret").blob().not_null())
        .col(moment("created_at"))
        .col(moment_null("retired_at"))
        .to_owned()
}

/// The owner is no foreign key: a guest who only made a room is not kept.
fn room() -> TableCreateStatement {
    Table::create()
        .table("room")
        .col(string("id").primary_key())
        .col(string("name"))
        .col(moment("created_at"))
        .col(moment("updated_at"))
        .col(string("join_code"))
        .col(boolean("require_access_before_joining").default(false))
        .col(json_binary("users").default("[]"))
        .col(string_null("owner_id"))
        .col(boolean("is_public").default(false))
        .col(integer_null("max_participants"))
        .col(string("control").default("everyone"))
        .col(string("wait").default("all"))
        .col(string("life_kind").default("permanent"))
        .col(big_integer_null("idle_ttl_seconds"))
        .col(moment_null("expires_at"))
        .col(moment("last_active_at"))
        .col(big_integer("fence").default(0))
        .to_owned()
}

fn room_state() -> TableCreateStatement {
    Table::create()
        .table("room_state")
        .col(string("room_id").primary_key())
        .col(text("snapshot"))
        .col(moment("updated_at"))
        .foreign_key(&mut cascade("room_state", "room_id", "room"))
        .to_owned()
}

fn chat_message() -> TableCreateStatement {
    Table::create()
        .table("chat_message")
        .col(string("room_id"))
        .col(big_integer("n"))
        .col(string("user_id"))
        .col(string("display_name"))
        .col(text("text"))
        .col(moment("sent_at"))
        .col(string_null("client_id"))
        .col(string_null("reply_to"))
        .primary_key(Index::create().col("room_id").col("n"))
        .foreign_key(&mut cascade("chat_message", "room_id", "room"))
        .to_owned()
}

fn room_user() -> TableCreateStatement {
    Table::create()
        .table("room_user")
        .col(string("id").primary_key())
        .col(string("room_id"))
        .col(string("user_id"))
        .col(boolean("is_mic_active").default(false))
        .col(boolean("is_cam_active").default(false))
        .col(boolean("is_share_screen").default(false))
        .col(moment("created_at"))
        .col(moment("updated_at"))
        .foreign_key(&mut cascade("room_user", "room_id", "room"))
        .foreign_key(&mut cascade("room_user", "user_id", "users"))
        .to_owned()
}

fn contacts() -> TableCreateStatement {
    Table::create()
        .table("contacts")
        .col(big_pk_auto("id"))
        .col(string("user_clerk_id"))
        .col(string("contact_clerk_id"))
        .col(string_null("nickname"))
        .col(text_null("last_message_preview"))
        .col(moment_null("last_message_at"))
        .col(big_integer("unread_count").default(0))
        .col(moment("created_at"))
        .to_owned()
}

fn conversations() -> TableCreateStatement {
    Table::create()
        .table("conversations")
        .col(big_pk_auto("id"))
        .col(string("user1_clerk_id"))
        .col(string("user2_clerk_id"))
        .col(moment("created_at"))
        .col(moment_null("last_message_at"))
        .to_owned()
}

fn messages() -> TableCreateStatement {
    Table::create()
        .table("messages")
        .col(big_pk_auto("id"))
        .col(big_integer("conversation_id"))
        .col(string("from_clerk_id"))
        .col(string("to_clerk_id"))
        .col(text("content"))
        .col(string("message_type").default("text"))
        .col(boolean("is_read").default(false))
        .col(moment_null("read_at"))
        .col(moment("created_at"))
        .foreign_key(&mut cascade("messages", "conversation_id", "conversations"))
        .to_owned()
}

/// A reference to another table's id; the row goes when that one does.
fn cascade(
    from: &'static str,
    column: &'static str,
    to: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(from, column)
        .to(to, "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        unique("users", &["clerk_id"]),
        unique("users", &["username_folded"]),
        unique("users", &["email_folded"]),
        index("login", &["user_id"]),
        unique("login", &["cookie_hash"]),
        unique("server_key", &["purpose", "ordinal"]),
        unique("room", &["join_code"]),
        index("room", &["owner_id", "created_at", "id"]),
        index("room", &["created_at", "id"]).and_where(Expr::col("is_public")).to_owned(),
        index("room", &["expires_at"]).and_where(Expr::col("expires_at").is_not_null()).to_owned(),
        unique("chat_message", &["room_id", "user_id", "client_id"])
            .and_where(Expr::col("client_id").is_not_null())
            .to_owned(),
        index("chat_message", &["user_id"]),
        unique("room_user", &["room_id", "user_id"]),
        index("room_user", &["user_id"]),
        unique("contacts", &["user_clerk_id", "contact_clerk_id"]),
        unique("conversations", &["user1_clerk_id", "user2_clerk_id"]),
        index("conversations", &["user2_clerk_id"]),
        index("messages", &["conversation_id", "id"]),
    ]
}

fn unique(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    index(table, columns).unique().to_owned()
}

fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}
