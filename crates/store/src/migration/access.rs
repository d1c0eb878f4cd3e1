//! Who may come into a room.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{boolean, string, text_null};

#[derive(DeriveMigrationName)]
pub struct Access;

#[async_trait::async_trait]
impl MigrationTrait for Access {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in [
            string("entry").default("open").to_owned(),
            boolean("has_password").default(false).to_owned(),
            text_null("password_hash"),
        ] {
            let table = Table::alter().table("room").add_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        Ok(())
    }
}
