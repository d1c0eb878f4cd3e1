//! Direct messages as Socket.IO clients write them. What is missing or wrong is told by the event
//! `message_failed`.

use parlor_protocol::direct::socket::{MarkAsRead, MessageFailed, SendMessage, Typing};
use parlor_protocol::{ClerkId, Code};
use parlor_store::{DirectPerson, Party};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::events::{Event, Failure};
use crate::http::answer::Refused;
use crate::hub::Desk;

/// Carries out an event of direct messages; `None` for all others.
pub async fn carry_out(desk: &Desk, event: &Event<'_>) -> Option<Result<Value, Failure>> {
    let outcome = match event.name {
        "send_message" => send_message(desk, event).await,
        "mark_as_read" => mark_as_read(desk, event).await,
        "typing_start" => typing(desk, event, true).await,
        "typing_stop" => typing(desk, event, false).await,
        _ => return None,
    };
    Some(outcome.map_err(|refused| fail(desk, refused)))
}

/// Tells a client in the way it knows that something was not carried out.
pub fn fail(desk: &Desk, refused: Refused) -> Failure {
    desk.emit("message_failed", &MessageFailed { error: refused.message.clone().into_owned() });
    Failure::Told(refused)
}

async fn send_message(desk: &Desk, event: &Event<'_>) -> Result<Value, Refused> {
    let form: SendMessage = read(event)?;
    let (from, to) = (present(form.from_clerk_id)?, present(form.to_clerk_id)?);
    let text = present(form.text)?;
    let (own, app) = (own(desk, &from).await?, desk.app());
    let to = ClerkId::from(to);
    let sent = app.direct.send(&own, to, text, form.client_message_id).await?;
    let answer = sent.to_sender();
    desk.emit("message_sent", &answer);
    let is_taken = app.courier.deliver(&sent).await;
    desk.emit("message_delivered", &sent.delivered(is_taken));
    Ok(json!(answer))
}

async fn mark_as_read(desk: &Desk, event: &Event<'_>) -> Result<Value, Refused> {
    let form: MarkAsRead = read(event)?;
    let ids = form.message_ids.ok_or_else(missing)?;
    let who = desk.who().ok_or(Code::MissingToken)?.who;
    let own = desk.app().direct.own(&who).await?;
    let read = desk.app().direct.mark_read(&own, &ids).await?;
    desk.app().courier.tell_read(&read).await;
    Ok(json!(read.to_reader()))
}

async fn typing(desk: &Desk, event: &Event<'_>, is_typing: bool) -> Result<Value, Refused> {
    let form: Typing = read(event)?;
    let (from, to) = (present(form.from_clerk_id)?, present(form.to_clerk_id)?);
    let own = own(desk, &from).await?;
    if let Some(told) = desk.app().direct.typing(&own, &ClerkId::from(to)).await? {
        let from = Party { user_id: own.user_id, clerk_id: own.clerk_id };
        desk.app().courier.tell_typing(&from, &told, is_typing).await;
    }
    Ok(json!({}))
}

/// Returns whose the connection is, who must be whom the client says.
async fn own(desk: &Desk, claim: &str) -> Result<DirectPerson, Refused> {
    let who = desk.who().ok_or(Code::MissingToken)?.who;
    let own = desk.app().direct.own(&who).await?;
    desk.app().direct.is_own(&own, claim)?;
    Ok(own)
}

fn read<T: DeserializeOwned + Default>(event: &Event<'_>) -> Result<T, Refused> {
    event.form().map_err(|_| missing())
}

fn present(field: Option<String>) -> Result<String, Refused> {
    field.filter(|text| !text.is_empty()).ok_or_else(missing)
}

fn missing() -> Refused {
    Refused::because(Code::Invalid, "Missing required fields")
}
