//! What plays next: the operations on the list.

use parlor_protocol::queue::{QueueAdd, QueueItem, QueueMove};
use parlor_protocol::{Code, ItemId, UserId, limits};

use crate::checks;
use crate::io::Refusal;

/// Reads `QUEUE_ADD` as an entry named by random bits.
pub(crate) fn read(add: QueueAdd, added_by: &UserId, fresh: u128) -> Result<QueueItem, Refusal> {
    let url = add.media_url.ok_or_else(|| checks::invalid("mediaUrl is missing"))?;
    let media_type = add
        .media_type
        .map(|kind| checks::block("mediaType", kind, 0..=limits::MEDIA_TYPE_CHARS))
        .transpose()?;
    let title =
        add.title.map(|title| checks::line("title", title, 0..=limits::TITLE_CHARS)).transpose()?;
    let client_id = add
        .client_id
        .map(|id| checks::line("clientId", id, 1..=limits::CLIENT_ID_CHARS))
        .transpose()?;
    Ok(QueueItem {
        item_id: ItemId::new(format!("{fresh:032x}")),
        media_url: checks::media_url(url)?,
        media_type,
        title,
        added_by: added_by.clone(),
        client_id,
    })
}

/// Adds an entry at the end.
pub(crate) fn add(queue: &mut Vec<QueueItem>, item: QueueItem) -> Result<(), Refusal> {
    if queue.len() >= limits::QUEUE_ITEMS {
        return Err(Code::QueueFull.into());
    }
    queue.push(item);
    Ok(())
}

/// Takes an entry out.
pub(crate) fn remove(queue: &mut Vec<QueueItem>, item: &ItemId) -> Result<QueueItem, Refusal> {
    let index = find(queue, item)?;
    Ok(queue.remove(index))
}

/// Moves an entry before another one, or to the end.
pub(crate) fn shift(queue: &mut Vec<QueueItem>, to: &QueueMove) -> Result<(), Refusal> {
    let from = find(queue, &to.item_id)?;
    let gap = to.before.as_ref().map_or(Ok(queue.len()), |before| find(queue, before))?;
    let item = queue.remove(from);
    queue.insert(if gap > from { gap - 1 } else { gap }, item);
    Ok(())
}

fn find(queue: &[QueueItem], item: &ItemId) -> Result<usize, Refusal> {
    queue
        .iter()
        .position(|entry| entry.item_id == *item)
        .ok_or_else(|| Refusal::because(Code::NotFound, "That is no longer in the queue"))
}
