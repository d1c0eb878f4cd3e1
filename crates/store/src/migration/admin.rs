//! Who runs the site, and who is kept out of it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{boolean, timestamp_with_time_zone_null as moment_null};

#[derive(DeriveMigrationName)]
pub struct Admin;

#[async_trait::async_trait]
impl MigrationTrait for Admin {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in
            [boolean("is_admin").default(false).to_owned(), moment_null("disabled_at").to_owned()]
        {
            let table = Table::alter().table("users").add_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        let revoked = Index::create()
            .name("login_revoked_at")
            .table("login")
            .col("revoked_at")
            .and_where(Expr::col("revoked_at").is_not_null())
            .to_owned();
        manager.create_index(revoked).await
    }
}
