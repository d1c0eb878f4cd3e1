//! A scripted member: it chats, plays, goes and comes back, resumes as clients do, and keeps what it
//! was told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use parlor_testkit::dice::Dice;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::board::Board;
use crate::history::{Note, Session};

/// How often a member thinks of something to do.
const EVERY: Duration = Duration::from_millis(200);
/// A door that does not lead into the room within this leads nowhere: its node may be paused.
const DOOR_PATIENCE: Duration = Duration::from_secs(2);
/// Pause before the next door.
const AGAIN: Duration = Duration::from_millis(50);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What a member is made from.
pub struct Member {
    /// Its name, unique.
    pub name: String,
    /// Its room.
    pub room: String,
    /// Proves who it is.
    pub token: String,
    /// The ports of all doors.
    pub doors: Arc<[u16]>,
    /// Its luck.
    pub dice: Dice,
    /// Where it says whether it is in.
    pub board: Arc<Board>,
}

/// How a stay in the room ended.
#[derive(PartialEq, Eq)]
enum End {
    Broken,
    Left,
    Done,
}

/// A member's life, over all its connections.
struct Life {
    member: Member,
    sessions: Vec<Session>,
    /// Where it stands in the room's stream.
    position: Option<(String, u64)>,
    /// What it said and nobody acknowledged.
    unacknowledged: BTreeMap<String, String>,
    said: u64,
    /// When it was thrown out, and after what.
    lost: Option<(&'static str, Instant)>,
}

/// One connection.
struct Stay {
    socket: Socket,
    session: Session,
    is_in: bool,
    /// Events that came before it was known where the stream stands.
    early: BTreeMap<u64, Value>,
    /// Commands that wait for their acknowledgement.
    waiting: BTreeMap<u64, String>,
    next_id: u64,
}

impl Member {
    /// Lives until the board says that it is calm and everything it said is acknowledged. Returns what
    /// each of its connections saw.
    ///
    /// # Errors
    /// If it is told something that no client could understand.
    pub async fn live(self) -> anyhow::Result<Vec<Session>> {
        let mut life = Life {
            member: self,
            sessions: Vec::new(),
            position: None,
            unacknowledged: BTreeMap::new(),
            said: 0,
            lost: None,
        };
        loop {
            let mut stay = life.knock().await;
            let end = life.stay(&mut stay).await?;
            if stay.is_in {
                let after = life.member.board.leave();
                life.lost = (end == End::Broken).then(|| (after, Instant::now()));
            }
            life.sessions.push(stay.session);
            match end {
                End::Done => return Ok(life.sessions),
                End::Left => sleep(life.member.dice.ms(50..1_500)).await,
                End::Broken => sleep(AGAIN).await,
            }
        }
    }
}

impl Life {
    /// Tries doors until one opens.
    async fn knock(&mut self) -> Stay {
        let Member { name, room, token, doors, dice, .. } = &mut self.member;
        loop {
            let port = doors[dice.within(0..doors.len() as u64) as usize];
            let url = format!("ws://localhost:{port}/api/v1/rooms/{room}/ws?authToken={token}");
            if let Ok(Ok((socket, _))) = timeout(DOOR_PATIENCE, connect_async(&url)).await {
                let who = format!("{name}, connection {}", self.sessions.len());
                return Stay {
                    socket,
                    session: Session { room: room.clone(), who, notes: Vec::new() },
                    is_in: false,
                    early: BTreeMap::new(),
                    waiting: BTreeMap::new(),
                    next_id: 1,
                };
            }
            sleep(AGAIN).await;
        }
    }

    async fn stay(&mut self, stay: &mut Stay) -> anyhow::Result<End> {
        let greeting = match &self.position {
            Some((epoch, seq)) => {
                json!({ "type": "RESUME", "payload": { "epoch": epoch, "seq": seq } })
            }
            None => json!({ "type": "SYNC_REQUEST" }),
        };
        let came = Instant::now();
        let mut is_broken = !stay.send(&greeting).await;
        let mut ideas = interval(EVERY);
        while !is_broken {
            tokio::select! {
                message = stay.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        let frame = serde_json::from_str(&text).context("no JSON was told")?;
                        is_broken = !self.hear(stay, &frame).await?;
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => is_broken = true,
                    Some(Ok(_)) => {}
                },
                _ = ideas.tick() => match stay.is_in {
                    false => is_broken = came.elapsed() > DOOR_PATIENCE,
                    true => match self.act(stay).await {
                        None => {}
                        Some(end) => return Ok(end),
                    },
                },
            }
        }
        Ok(End::Broken)
    }

    /// Does one thing or nothing.
    async fn act(&mut self, stay: &mut Stay) -> Option<End> {
        if self.member.board.is_calm() {
            if self.unacknowledged.is_empty() {
                // A socket that breaks now has said everything all the same.
                let _ = stay.socket.close(None).await;
                return Some(End::Done);
            }
            return None;
        }
        let is_fine = match self.member.dice.within(0..100) {
            0..40 => {
                self.said += 1;
                let client_id = format!("{}-{}", self.member.name, self.said);
                let text = format!("{client_id} says so");
                self.unacknowledged.insert(client_id.clone(), text.clone());
                stay.say(client_id, &text).await
            }
            40..50 => {
                let at_ms = self.member.dice.within(0..3_600_000);
                let is_playing = self.member.dice.percent(70);
                let film = "https://example.org/film.mp4";
                let payload =
                    json!({ "mediaUrl": film, "currentTime": at_ms, "isPlaying": is_playing });
                stay.send(&json!({ "type": "UPDATE_PLAYBACK", "payload": payload })).await
            }
            50 if self.unacknowledged.is_empty() => {
                return stay.send(&json!({ "type": "LEAVE" })).await.then_some(End::Left);
            }
            _ => true,
        };
        (!is_fine).then_some(End::Broken)
    }

    /// Takes what was told; `false` if the connection is of no use any more.
    async fn hear(&mut self, stay: &mut Stay, frame: &Value) -> anyhow::Result<bool> {
        let payload = &frame["payload"];
        match frame["type"].as_str().context("a frame without a type")? {
            "ACK" => {
                let id = frame["id"].as_u64();
                if let Some(client_id) = id.and_then(|id| stay.waiting.remove(&id)) {
                    self.unacknowledged.remove(&client_id);
                    stay.session.notes.push(Note::Acknowledged { client_id });
                }
            }
            // Not carried out: it is said again.
            "ERROR" => {
                let id = frame["id"].as_u64();
                if let Some(client_id) = id.and_then(|id| stay.waiting.remove(&id)) {
                    let text = self.unacknowledged.get(&client_id).cloned().unwrap_or_default();
                    sleep(AGAIN).await;
                    return Ok(stay.say(client_id, &text).await);
                }
            }
            "SYNC_FULL_STATE" | "RESUMED" if !stay.is_in => {
                let epoch = payload["epoch"].as_str().context("a stream without a name")?;
                let seq = payload["seq"].as_u64().context("a stream without a number")?;
                let from = match (&self.position, frame["type"].as_str()) {
                    (Some((known, from)), Some("RESUMED")) if known == epoch => *from,
                    _ => seq,
                };
                return Ok(self.begin(stay, epoch, from).await);
            }
            _ => {
                if let Some(seq) = frame["seq"].as_u64() {
                    let event = json!({ "type": frame["type"], "payload": payload });
                    match stay.is_in {
                        true => self.note(stay, seq, event),
                        false => drop(stay.early.insert(seq, event)),
                    }
                }
            }
        }
        Ok(true)
    }

    /// Begins to count: `from` is the last event that is known of the stream.
    async fn begin(&mut self, stay: &mut Stay, epoch: &str, from: u64) -> bool {
        stay.is_in = true;
        let away = self.lost.take().map(|(after, since)| (after, since.elapsed()));
        self.member.board.enter(away);
        self.position = Some((epoch.to_owned(), from));
        stay.session.notes.push(Note::Begun { epoch: epoch.to_owned(), seq: from });
        let later = stay.early.split_off(&(from + 1));
        stay.early.clear();
        for (seq, event) in later {
            self.note(stay, seq, event);
        }
        for (client_id, text) in self.unacknowledged.clone() {
            if !stay.say(client_id, &text).await {
                return false;
            }
        }
        true
    }

    fn note(&mut self, stay: &mut Stay, seq: u64, event: Value) {
        if let Some((_, at)) = &mut self.position {
            *at = seq;
        }
        stay.session.notes.push(Note::Told { seq, event });
    }
}

impl Stay {
    async fn say(&mut self, client_id: String, text: &str) -> bool {
        let id = self.next_id;
        self.next_id += 1;
        let payload = json!({ "text": text, "clientId": client_id });
        self.waiting.insert(id, client_id);
        self.send(&json!({ "type": "CHAT_SEND", "id": id, "payload": payload })).await
    }

    async fn send(&mut self, frame: &Value) -> bool {
        self.socket.send(Message::text(frame.to_string())).await.is_ok()
    }
}
