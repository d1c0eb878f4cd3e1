//! Connections that PostgreSQL cuts are replaced, and nothing acknowledged is lost with them.

#![allow(clippy::unwrap_used)]

use parlor_protocol::RoomId;
use parlor_protocol::room::{Control, Wait};
use parlor_store::{LifeKind, NewRoom, Store, StoreConfig, StoreError};
use parlor_testkit::postgres::{Durability, Postgres};
use sea_orm::{ConnectionTrait, Database};

const CONNECTIONS: u32 = 4;

#[tokio::test]
async fn cut_connections_are_replaced() {
    let postgres = Postgres::start(Durability::Process).unwrap_or_else(|error| panic!("{error}"));
    let config = StoreConfig { url: postgres.url(), max_connections: CONNECTIONS };
    let store = Store::connect(&config).await.unwrap();
    store.migrate().await.unwrap();
    let operator = Database::connect(postgres.url()).await.unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        operator
            .execute_unprepared(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
            )
            .await
            .unwrap();
        // Each refusal uses up one of the connections that were cut.
        for attempt in 0..=CONNECTIONS {
            let id = format!("{round}-{attempt}");
            match store.create_room(room(&id)).await {
                Ok(()) => {
                    acknowledged.push(RoomId::from(id));
                    break;
                }
                Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}"),
            }
        }
        assert_eq!(acknowledged.len(), round + 1, "the store did not come back");
        for id in &acknowledged {
            assert!(found(&store, id).await, "{id} was acknowledged");
        }
    }
}

async fn found(store: &Store, id: &RoomId) -> bool {
    for _ in 0..CONNECTIONS {
        match store.room(id).await {
            Ok(found) => return found.is_some(),
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}"),
        }
    }
    store.room(id).await.unwrap().is_some()
}

fn room(id: &str) -> NewRoom {
    NewRoom {
        id: RoomId::from(id),
        name: "Room".into(),
        join_code: id.into(),
        owner_id: None,
        is_public: false,
        max_participants: None,
        control: Control::Everyone,
        wait: Wait::All,
        entry: parlor_protocol::access::Entry::Open,
        life: LifeKind::Permanent,
        idle_ttl_seconds: None,
        expires_at_ms: None,
        created_at_ms: 0,
        snapshot: None,
    }
}
