//! A Socket.IO connection with no cleverness: events go out, events and acknowledgements come in.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Something that came.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// An event and its first argument.
    Event(String, Value),
    /// The acknowledgement of what was asked under this number.
    Answer(u64, Value),
}

/// Somebody's connection.
pub struct Line {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_id: u64,
}

impl Line {
    /// Connects through a door of the loopback; `None` if that does not come about in time.
    pub async fn open(door: u16, token: &str, within: Duration) -> Option<Self> {
        timeout(within, Self::connect(door, token)).await.ok().flatten()
    }

    async fn connect(door: u16, token: &str) -> Option<Self> {
        let url = format!("ws://localhost:{door}/socket.io/?EIO=4&transport=websocket");
        let (socket, _) = connect_async(url).await.ok()?;
        let mut line = Self { socket, next_id: 1 };
        let is_open = line.read().await?.starts_with('0');
        let is_sent = line.write(format!("40{}", json!({ "token": token }))).await;
        // `44` is a refusal: a node that stops cannot ask who somebody is.
        (is_open && is_sent && line.read().await?.starts_with("40")).then_some(line)
    }

    /// Emits an event and wants an acknowledgement; returns its number, or `None` if the connection is
    /// of no use any more.
    pub async fn ask(&mut self, name: &str, argument: &Value) -> Option<u64> {
        let id = self.next_id;
        self.next_id += 1;
        self.write(format!("42{id}{}", json!([name, argument]))).await.then_some(id)
    }

    /// Waits for what comes next; `None` if the connection is of no use any more. Nothing is lost when
    /// the wait is given up.
    pub async fn hear(&mut self) -> Option<Heard> {
        loop {
            let text = self.read().await?;
            if let Some(heard) = heard(&text) {
                return Some(heard);
            }
            if text.starts_with("41") {
                return None;
            }
        }
    }

    /// Leaves as clients do that are closed.
    pub async fn close(mut self) {
        // A socket that breaks now has said everything all the same.
        let _ = self.write("41".to_owned()).await && self.socket.close(None).await.is_ok();
    }

    async fn write(&mut self, text: String) -> bool {
        self.socket.send(Message::text(text)).await.is_ok()
    }

    /// Reads the next message that is no ping, and answers those.
    async fn read(&mut self) -> Option<String> {
        loop {
            match self.socket.next().await? {
                Ok(Message::Text(text)) if text == "2" => {
                    if !self.write("3".to_owned()).await {
                        return None;
                    }
                }
                Ok(Message::Text(text)) => return Some(text.to_string()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }
}

/// Reads an event or an acknowledgement; `None` for everything else.
fn heard(text: &str) -> Option<Heard> {
    let kind = text.get(..2)?;
    let rest = &text[2..];
    let begin = rest.find('[')?;
    let arguments: Value = serde_json::from_str(&rest[begin..]).ok()?;
    match kind {
        "42" => Some(Heard::Event(arguments[0].as_str()?.to_owned(), arguments[1].clone())),
        "43" => Some(Heard::Answer(rest[..begin].parse().ok()?, arguments[0].clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_acknowledgements_are_read_and_nothing_else() {
        let event = heard(r#"42["news",{"a":[1]}]"#);
        assert_eq!(event, Some(Heard::Event("news".into(), json!({ "a": [1] }))));
        assert_eq!(heard(r#"4312[{"a":1}]"#), Some(Heard::Answer(12, json!({ "a": 1 }))));
        for other in ["", "2", "41", r#"40{"sid":"x"}"#, "42", "42[", "42[7]", "43x[1]", "é["] {
            assert_eq!(heard(other), None, "{other}");
        }
    }
}
