//! A Socket.IO client over a WebSocket, as plain as can be; real client libraries are in `e2e/`.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Nothing that is waited for takes longer, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody's connection.
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_id: u64,
    /// Events that came while an acknowledgement was waited for.
    early: std::collections::VecDeque<(String, Value)>,
}

impl Client {
    /// Connects to the main namespace with a token, or without one.
    pub async fn connect(to: SocketAddr, token: Option<&str>) -> Self {
        let url = format!("ws://{to}/socket.io/?EIO=4&transport=websocket");
        let (socket, _) = connect_async(url).await.unwrap();
        let mut client = Self { socket, next_id: 1, early: Default::default() };
        assert!(client.read().await.starts_with('0'), "the handshake comes first");
        let auth = token.map(|token| json!({ "token": token }).to_string()).unwrap_or_default();
        client.write(format!("40{auth}")).await;
        let answer = client.read().await;
        assert!(answer.starts_with("40"), "{answer}");
        client
    }

    async fn write(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Reads the next message; pings are answered.
    async fn read(&mut self) -> String {
        loop {
            let next = timeout(PATIENCE, self.socket.next()).await.expect("something comes");
            let text = match next.expect("the connection is open").unwrap() {
                Message::Text(text) => text.to_string(),
                other => panic!("{other:?}"),
            };
            if text != "2" {
                return text;
            }
            self.write("3".to_owned()).await;
        }
    }

    /// Emits an event and wants no answer.
    pub async fn emit(&mut self, name: &str, argument: Value) {
        self.write(format!("42{}", json!([name, argument]))).await;
    }

    /// Emits an event and returns its acknowledgement.
    pub async fn ask(&mut self, name: &str, argument: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        self.write(format!("42{id}{}", json!([name, argument]))).await;
        self.answer(id).await
    }

    /// Reads up to the acknowledgement of this number, and returns it.
    pub async fn answer(&mut self, id: u64) -> Value {
        let prefix = format!("43{id}[");
        loop {
            let text = self.read().await;
            if let Some(rest) = text.strip_prefix(&prefix) {
                let arguments: Value = serde_json::from_str(&format!("[{rest}")).unwrap();
                return arguments[0].clone();
            }
            if let Some(event) = event(&text) {
                self.early.push_back(event);
            }
        }
    }

    /// Sends a packet as it is written here.
    pub async fn say(&mut self, packet: &str) {
        self.write(packet.to_owned()).await;
    }

    /// Sends an attachment.
    pub async fn attach(&mut self, bytes: &[u8]) {
        self.socket.send(Message::binary(bytes.to_vec())).await.unwrap();
    }

    /// Lists the events that came before the last acknowledgement and were not looked at.
    pub fn heard(&self) -> Vec<(String, Value)> {
        self.early.iter().cloned().collect()
    }

    /// Reads the next event.
    pub async fn next(&mut self) -> (String, Value) {
        if let Some(event) = self.early.pop_front() {
            return event;
        }
        loop {
            let text = self.read().await;
            if let Some(event) = event(&text) {
                return event;
            }
        }
    }

    /// Reads on to the next event of this name, and returns its argument.
    pub async fn until(&mut self, name: &str) -> Value {
        loop {
            let (found, argument) = self.next().await;
            if found == name {
                return argument;
            }
        }
    }

    /// Closes the connection.
    pub async fn close(mut self) {
        self.write("41".to_owned()).await;
        let _ = self.socket.close(None).await;
    }
}

fn event(text: &str) -> Option<(String, Value)> {
    let arguments: Value = serde_json::from_str(text.strip_prefix("42")?).ok()?;
    Some((arguments[0].as_str()?.to_owned(), arguments[1].clone()))
}
