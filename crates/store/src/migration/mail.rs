//! Mail that waits to be sent, and the one-time tokens its links carry.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    integer, string, string_null, text, text_null, timestamp_with_time_zone as moment,
    timestamp_with_time_zone_null as moment_null,
};

#[derive(DeriveMigrationName)]
pub struct Mail;

#[async_trait::async_trait]
impl MigrationTrait for Mail {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [outbox(), one_time_token(), mail_suppression()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        let verified = moment_null("email_verified_at");
        let users = Table::alter().table("users").add_column(verified).to_owned();
        manager.alter_table(users).await
    }
}

/// The payload never holds a link; the token in it is sealed, and erased once it was sent.
fn outbox() -> TableCreateStatement {
    Table::create()
        .table("outbox")
        .col(string("id").primary_key())
        .col(string_null("user_id"))
        .col(text("template"))
        .col(text("recipient"))
        .col(text("payload"))
        .col(ColumnDef::new("sealed_token").blob().null())
        .col(moment("created_at"))
        .col(moment("next_attempt_at"))
        .col(integer("attempts").default(0))
        .col(moment_null("leased_until"))
        .col(string_null("lease_holder"))
        .col(string("state"))
        .col(text_null("last_error"))
        .col(moment_null("sent_at"))
        .foreign_key(&mut of_user("outbox"))
        .to_owned()
}

fn one_time_token() -> TableCreateStatement {
    Table::create()
        .table("one_time_token")
        .col(ColumnDef::new("hash").blob().not_null().primary_key())
        .col(string("purpose"))
        .col(string_null("user_id"))
        .col(text_null("subject"))
        .col(moment("created_at"))
        .col(moment("expires_at"))
        .col(moment_null("used_at"))
        .foreign_key(&mut of_user("one_time_token"))
        .to_owned()
}

fn mail_suppression() -> TableCreateStatement {
    Table::create()
        .table("mail_suppression")
        .col(string("email_folded").primary_key())
        .col(text("reason"))
        .col(moment("created_at"))
        .to_owned()
}

/// Somebody who leaves for good takes these along.
fn of_user(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, "user_id")
        .to("users", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let index = |table: &'static str, columns: &[&'static str]| {
        let mut index = Index::create();
        index.name(format!("{table}_{}", columns.join("_"))).table(table);
        for column in columns {
            index.col(*column);
        }
        index
    };
    vec![
        index("outbox", &["next_attempt_at"])
            .and_where(Expr::col("state").eq("waiting"))
            .to_owned(),
        index("outbox", &["created_at", "id"]),
        index("outbox", &["user_id"]),
        index("one_time_token", &["user_id", "purpose"]),
        index("one_time_token", &["expires_at"]),
    ]
}
