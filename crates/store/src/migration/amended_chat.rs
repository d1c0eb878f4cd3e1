//! Who is spoken to in a message, and when it was edited or deleted.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{text_null, timestamp_with_time_zone_null as moment_null};

#[derive(DeriveMigrationName)]
pub struct AmendedChat;

#[async_trait::async_trait]
impl MigrationTrait for AmendedChat {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in [text_null("mentions"), moment_null("edited_at"), moment_null("deleted_at")] {
            let table = Table::alter().table("chat_message").add_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        Ok(())
    }
}
