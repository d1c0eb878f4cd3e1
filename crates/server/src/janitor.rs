//! Deletes rooms whose time is over while nobody has them open. A loaded room counts for itself.

use std::time::Duration;

use parlor_protocol::RoomId;
use parlor_store::{Store, StoreError};

use crate::clock::wall_ms;
use crate::rooms::Rooms;
use crate::vanishing::{RoomKeys, vanishes};

/// How often expired rooms are looked for.
const EVERY: Duration = Duration::from_secs(5);
/// Rooms looked at in one round.
const ROUND: u64 = 500;
/// What every room is given after a start: the time the server was down does not count.
const AFTER_START_MS: i64 = 60_000;

/// Runs for ever; spawn it.
pub async fn sweep_rooms(store: Store, rooms: Rooms, keys: RoomKeys) {
    if let Err(error) = keys.forget_orphans(&store).await {
        tracing::warn!(%error, "keys of rooms that are gone cannot be looked for");
    }
    if let Err(error) = store.postpone_expiries(wall_ms() + AFTER_START_MS).await {
        tracing::warn!(%error, "expiring rooms cannot be given more time");
    }
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        if let Err(error) = sweep_once(&store, &rooms).await {
            tracing::warn!(%error, "expired rooms cannot be deleted");
        }
    }
}

async fn sweep_once(store: &Store, rooms: &Rooms) -> Result<(), StoreError> {
    let now_ms = wall_ms();
    let expired = store.expired_rooms(now_ms, ROUND).await?;
    let ids: Vec<RoomId> = expired.iter().map(|row| row.id.clone()).collect();
    let loaded = rooms.loaded(&ids).await;
    for row in expired {
        if vanishes(&row) {
            // Whoever has it, or loads it for this, finds its time over, and erases it with its key.
            let _ = rooms.member_count(&row.id).await;
        } else if loaded.contains(&row.id) {
            let more_ms = 1_000 * row.idle_ttl_seconds.unwrap_or_default().max(1);
            store.set_room_expiry(&row.id, Some(now_ms + more_ms)).await?;
        } else if store.delete_room_if_expired(&row.id, now_ms).await? {
            tracing::info!(room = %row.id, "deleted a room whose time was over");
        }
    }
    Ok(())
}
