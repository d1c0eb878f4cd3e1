//! Direct messages in the export of an account.

use parlor_protocol::UserId;
use parlor_protocol::direct::ExportedDirect;
use parlor_store::PersonKind;

use super::super::answer::Refused;
use super::super::leaving::{EXPORTED, PAGE};
use super::shapes;
use crate::app::App;

/// Returns everything the direct messages of somebody hold; nothing for guests.
///
/// # Errors
/// What the store says.
pub async fn exported(app: &App, user: &UserId) -> Result<ExportedDirect, Refused> {
    let own = app.store.direct_person(user).await?;
    let Some(own) = own.filter(|own| own.kind != PersonKind::Guest) else {
        return Ok(ExportedDirect::default());
    };
    let (store, id, all) = (&app.store, &own.clerk_id, EXPORTED as u64);
    let contacts = store.contacts_of(id, all, 0).await?;
    let blocked = store.blocks_of(id, all, 0).await?;
    let mut messages = Vec::new();
    let mut after = None;
    while messages.len() < EXPORTED {
        let page = store.direct_messages_of(id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.conversation_id, last.id));
        messages.extend(page.into_iter().map(|row| shapes::message(id, row)));
    }
    Ok(ExportedDirect {
        settings: Some(shapes::settings(&own)),
        contacts: contacts.into_iter().map(shapes::contact).collect(),
        blocked: blocked.into_iter().map(shapes::blocked).collect(),
        messages,
    })
}
