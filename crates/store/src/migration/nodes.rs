//! Several nodes on one database: who is alive, and who has which room.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{string, string_null, timestamp_with_time_zone as moment};

#[derive(DeriveMigrationName)]
pub struct Nodes;

#[async_trait::async_trait]
impl MigrationTrait for Nodes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let node = Table::create()
            .table("node")
            .col(string("id").primary_key())
            .col(moment("alive_until"))
            .to_owned();
        manager.create_table(node).await?;
        let held = Table::alter().table("room").add_column(string_null("owner_node")).to_owned();
        manager.alter_table(held).await
    }
}
