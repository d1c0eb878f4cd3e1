//! Invitations into rooms, by mail.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    string, string_null, text, text_null, timestamp_with_time_zone as moment,
    timestamp_with_time_zone_null as moment_null,
};

#[derive(DeriveMigrationName)]
pub struct Invitations;

#[async_trait::async_trait]
impl MigrationTrait for Invitations {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(invitation()).await?;
        for (name, columns) in
            [("open", ["room_id", "expires_at"]), ("inviter", ["inviter_id", "created_at"])]
        {
            let mut index = Index::create();
            index.name(format!("room_invitation_{name}")).table("room_invitation");
            for column in columns {
                index.col(column);
            }
            manager.create_index(index.to_owned()).await?;
        }
        Ok(())
    }
}

fn invitation() -> TableCreateStatement {
    let key = |column: &'static str, table: &'static str, action| {
        ForeignKey::create()
            .from("room_invitation", column)
            .to(table, "id")
            .on_delete(action)
            .to_owned()
    };
    Table::create()
        .table("room_invitation")
        .col(string("id").primary_key())
        .col(ColumnDef::new("hash").blob().not_null().unique_key())
        .col(string("room_id"))
        .col(string("inviter_id"))
        .col(text("email"))
        .col(text("email_folded"))
        .col(text_null("message"))
        .col(string_null("mail_id"))
        .col(moment("created_at"))
        .col(moment("expires_at"))
        .col(moment_null("accepted_at"))
        .col(string_null("accepted_by"))
        .foreign_key(&mut key("room_id", "room", ForeignKeyAction::Cascade))
        .foreign_key(&mut key("inviter_id", "users", ForeignKeyAction::Cascade))
        .foreign_key(&mut key("mail_id", "outbox", ForeignKeyAction::SetNull))
        .to_owned()
}
