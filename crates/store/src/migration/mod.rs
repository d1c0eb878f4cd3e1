//! The tables, step by step. A step that was released is never changed again.

mod access;
mod admin;
mod amended_chat;
mod direct;
mod first;
mod invitations;
mod mail;
mod nodes;
mod preferences;

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend};
use sea_orm_migration::{MigrationTrait, MigratorTrait};

use crate::StoreError;

/// Names the lock under which one node at a time changes the tables: "parlor" in ASCII.
const MIGRATION_LOCK: i64 = 0x7061_726c_6f72;

struct Steps;

impl MigratorTrait for Steps {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(first::First),
            Box::new(nodes::Nodes),
            Box::new(access::Access),
            Box::new(admin::Admin),
            Box::new(mail::Mail),
            Box::new(invitations::Invitations),
            Box::new(preferences::Preferences),
            Box::new(amended_chat::AmendedChat),
            Box::new(direct::Direct),
        ]
    }
}

#[cfg(test)]
mod tests;

/// Applies the steps that are missing, all of them or none, and commits.
pub(crate) async fn run(transaction: DatabaseTransaction) -> Result<(), StoreError> {
    // On SQLite the transaction already holds the only write lock.
    if transaction.get_database_backend() == DbBackend::Postgres {
        transaction
            .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            .await?;
    }
    let known: HashSet<String> =
        Steps::migrations().iter().map(|step| step.name().to_owned()).collect();
    let applied = Steps::get_migration_models(&transaction).await?;
    if let Some(newer) = applied.into_iter().find(|step| !known.contains(&step.version)) {
        return Err(StoreError::NewerSchema { migration: newer.version });
    }
    Steps::up(&transaction, None).await?;
    Ok(transaction.commit().await?)
}
