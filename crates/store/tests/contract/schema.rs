use parlor_protocol::{RoomId, UserId};
use parlor_store::{PresenceRow, StoreError};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};

use crate::bed::{Bed, NOON_MS, room};

async fn query(database: &DatabaseConnection, sql: &str) -> Vec<QueryResult> {
    let backend = database.get_database_backend();
    database.query_all_raw(Statement::from_string(backend, sql)).await.unwrap()
}

pub async fn the_verbatim_queries_run(bed: &Bed) {
    let store = bed.open().await;
    store.create_room(room("r1")).await.unwrap();
    let came = PresenceRow {
        room_id: RoomId::from("r1"),
        user_id: UserId::from("ann"),
        display_name: "Ann".into(),
        is_guest: true,
        present: true,
        at_ms: NOON_MS,
    };
    store.set_presence(vec![came]).await.unwrap();
    let database = bed.look().await;

    let rooms = query(&database, "SELECT * FROM room WHERE id = 'r1'").await;
    assert_eq!(rooms.len(), 1);
    assert_eq!(rooms[0].try_get::<String>("", "join_code").unwrap(), "CR1");
    assert_eq!(
        rooms[0].try_get::<serde_json::Value>("", "users").unwrap(),
        serde_json::json!([]),
        "the default of an older design's column"
    );
    let users = query(&database, "SELECT * FROM room_user WHERE room_id = 'r1'").await;
    assert_eq!(users[0].try_get::<String>("", "user_id").unwrap(), "ann");
    let flags = query(
        &database,
        "SELECT user_id, is_mic_active, is_cam_active, is_share_screen FROM room_user \
         WHERE room_id = 'r1'",
    )
    .await;
    assert_eq!(flags.len(), 1);
    for flag in ["is_mic_active", "is_cam_active", "is_share_screen"] {
        assert!(!flags[0].try_get::<bool>("", flag).unwrap());
    }
}

pub async fn migrating_twice_changes_nothing(bed: &Bed) {
    let store = bed.open().await;
    store.create_room(room("r1")).await.unwrap();
    store.migrate().await.unwrap();
    store.ping().await.unwrap();
    assert!(store.room(&RoomId::from("r1")).await.unwrap().is_some());
}

pub async fn nodes_may_migrate_at_once(bed: &Bed) {
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let config = bed.config();
            tokio::spawn(async move {
                let store = parlor_store::Store::connect(&config).await.unwrap();
                store.migrate().await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

pub async fn a_newer_schema_is_refused(bed: &Bed) {
    let store = bed.open().await;
    let database = bed.look().await;
    query(
        &database,
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9_from_the_future', 0)",
    )
    .await;
    let refused = store.migrate().await.unwrap_err();
    let StoreError::NewerSchema { migration } = &refused else { panic!("{refused:?}") };
    assert_eq!(migration, "m9_from_the_future");
    assert!(refused.to_string().contains("newer version of Parlor"), "{refused}");
}

pub async fn all_named_tables_have_their_columns(bed: &Bed) {
    bed.open().await;
    let database = bed.look().await;
    for (table, columns) in [
        (
            "room",
            "id, name, created_at, updated_at, join_code, require_access_before_joining, users",
        ),
        (
            "room_user",
            "id, room_id, user_id, is_mic_active, is_cam_active, is_share_screen, created_at, \
             updated_at",
        ),
        ("users", "id, clerk_id, is_paralyzed, status, created_at"),
        (
            "contacts",
            "id, user_clerk_id, contact_clerk_id, nickname, last_message_preview, \
             last_message_at, unread_count, created_at",
        ),
        ("conversations", "id, user1_clerk_id, user2_clerk_id, created_at, last_message_at"),
        (
            "messages",
            "id, conversation_id, from_clerk_id, to_clerk_id, content, message_type, is_read, \
             read_at, created_at",
        ),
    ] {
        assert_eq!(query(&database, &format!("SELECT {columns} FROM {table}")).await.len(), 0);
    }
    let ids = "INSERT INTO conversations (user1_clerk_id, user2_clerk_id, created_at) \
               VALUES ('a', 'b', '2026-01-01T00:00:00Z') RETURNING id";
    assert_eq!(query(&database, ids).await[0].try_get::<i64>("", "id").unwrap(), 1);
    if database.get_database_backend() == DbBackend::Postgres {
        let kind = "SELECT data_type FROM information_schema.columns \
                    WHERE table_name = 'room' AND column_name = 'users'";
        let kind = query(&database, kind).await[0].try_get::<String>("", "data_type").unwrap();
        assert_eq!(kind, "jsonb");
    }
}
