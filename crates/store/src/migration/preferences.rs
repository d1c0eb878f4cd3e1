//! The language somebody reads, and how they like to see and hear.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text_null;

#[derive(DeriveMigrationName)]
pub struct Preferences;

#[async_trait::async_trait]
impl MigrationTrait for Preferences {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in ["language", "preferences"] {
            let table = Table::alter().table("users").add_column(text_null(column)).to_owned();
            manager.alter_table(table).await?;
        }
        Ok(())
    }
}
