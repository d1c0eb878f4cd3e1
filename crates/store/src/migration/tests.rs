//! Steps that have to do with what is there already.

#![allow(clippy::unwrap_used)]

use parlor_protocol::ClerkId;
use parlor_testkit::postgres::{Durability, Postgres};
use sea_orm::{ConnectionTrait, Statement};
use sea_orm_migration::MigratorTrait;

use super::Steps;
use crate::value::time;
use crate::{Store, StoreConfig};

async fn who_was_there_before_is_found(url: String) {
    let store = Store::connect(&StoreConfig { url, max_connections: 2 }).await.unwrap();
    let transaction = store.begin().await.unwrap();
    let steps = Steps::migrations();
    let before = steps.iter().position(|step| step.name() == "direct").unwrap();
    Steps::up(&transaction, Some(u32::try_from(before).unwrap())).await.unwrap();
    let people = [
        ("u1", "account", Some("Ada_L"), "\u{C9}mile Ada"),
        ("u2", "external", None, "Zo\u{EB}"),
        ("u3", "guest", None, "Zo\u{EB}"),
        ("u4", "external", None, ""),
    ];
    for (id, kind, username, display_name) in people {
        let insert = Statement::from_sql_and_values(
            transaction.get_database_backend(),
            "INSERT INTO users (id, clerk_id, kind, username, display_name, created_at) \
             VALUES ($1, $1, $2, $3, $4, $5)",
            [id.into(), kind.into(), username.into(), display_name.into(), time(0).into()],
        );
        transaction.execute_raw(insert).await.unwrap();
    }
    transaction.commit().await.unwrap();
    store.migrate().await.unwrap();
    for (text, expected) in [("ada_l", "u1"), ("\u{E9}mile", "u1"), ("ZO\u{CB}", "u2")] {
        let found = store.search_people(&ClerkId::from("me"), text).await.unwrap();
        let found: Vec<&str> = found.iter().map(|it| it.clerk_id.as_str()).collect();
        assert_eq!(found, [expected], "{text}");
    }
}

#[tokio::test]
async fn who_was_there_before_is_found_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    who_was_there_before_is_found(format!("sqlite://{}/parlor.db", folder.path().display())).await;
}

#[tokio::test]
async fn who_was_there_before_is_found_on_postgresql() {
    let postgres = Postgres::start(Durability::Process).unwrap();
    who_was_there_before_is_found(postgres.url()).await;
}
