//! The counterpart that the test suites of the protocol expect: it says back what it is told. One
//! event more says it to everybody in the namespace, as the smallest program with socket.io would:
//! measurements compare the two.

use parlor_dialects::socketio::encode;

use super::events::Event;
use crate::hub::Desk;

/// Answers an event of a test suite; others it does not know.
pub async fn carry_out(desk: &Desk, event: &Event<'_>) {
    let (namespace, arguments) = (desk.namespace(), event.arguments.as_slice());
    match (event.name, event.id) {
        ("message", _) => {
            let back = encode::raw_event(namespace, "message-back", arguments, event.attachments);
            desk.send(&back);
        }
        ("message-with-ack", Some(id)) => {
            desk.send(&encode::raw_ack(namespace, id, arguments, event.attachments));
        }
        ("broadcast", _) => {
            let said = encode::raw_event(namespace, "broadcast", arguments, event.attachments);
            desk.broadcast(said).await;
        }
        _ => {}
    }
}
