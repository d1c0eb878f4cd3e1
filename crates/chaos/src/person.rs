//! A scripted person: writes to others, reads what comes, goes and comes back through whichever node,
//! and sends again what nobody answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use parlor_testkit::dice::Dice;
use serde_json::{Value, json};
use tokio::time::{Instant, interval, sleep};

use crate::board::Board;
use crate::letters::{Diary, Note};
use crate::line::{Heard, Line};

/// How often a person thinks of something to do.
const EVERY: Duration = Duration::from_millis(200);
/// A door that does not lead in within this leads nowhere: its node may be paused.
const DOOR_PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer may take before the person goes to another node: shorter than a pause at first,
/// longer each time, because a busy machine would be asked in vain for ever.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// Pause before the next door.
const AGAIN: Duration = Duration::from_millis(50);

/// Somebody with an account, as others know them.
#[derive(Clone, Debug)]
pub struct Account {
    /// What messages name them by.
    pub id: String,
    /// Proves who it is.
    pub token: String,
}

/// What a person is made from.
pub struct Person {
    /// Who it is.
    pub own: Account,
    /// The others' ids.
    pub others: Vec<String>,
    /// The ports of all doors.
    pub doors: Arc<[u16]>,
    /// Its luck.
    pub dice: Dice,
    /// Where it says whether it is in.
    pub board: Arc<Board>,
}

/// How a connection ended.
#[derive(PartialEq, Eq)]
enum End {
    Broken,
    Left,
    Done,
}

/// What was asked and is not answered yet.
enum Asked {
    /// A message, by its number among those that the person sent.
    Letter(u64),
    /// That messages were read.
    Read(Vec<i64>),
    /// Nothing that matters.
    Idle,
}

/// A person's life, over all connections.
struct Life {
    person: Person,
    notes: Vec<Note>,
    /// What was said and is not acknowledged, in its order: to whom, and what.
    unacknowledged: BTreeMap<u64, (String, String)>,
    said: u64,
    /// What came and is not read.
    unread: Vec<i64>,
    patience: Duration,
    /// When it was thrown out, and after what.
    lost: Option<(&'static str, Instant)>,
}

/// One connection.
struct Stay {
    line: Line,
    /// What waits for its acknowledgement, since when.
    waiting: BTreeMap<u64, (Asked, Instant)>,
}

impl Person {
    /// Lives until the board says that it is calm and everything that was said is acknowledged. Returns
    /// what the person did and was told.
    ///
    /// # Errors
    /// If it is told something that no client could understand.
    pub async fn live(self) -> anyhow::Result<Diary> {
        let mut life = Life {
            person: self,
            notes: Vec::new(),
            unacknowledged: BTreeMap::new(),
            said: 0,
            unread: Vec::new(),
            patience: ANSWER_PATIENCE,
            lost: None,
        };
        loop {
            let line = life.knock().await;
            life.notes.push(Note::Connected);
            life.person.board.enter(life.lost.take().map(|(why, since)| (why, since.elapsed())));
            let end = life.stay(line).await?;
            let after = life.person.board.leave();
            match end {
                End::Done => return Ok(Diary { who: life.person.own.id, notes: life.notes }),
                End::Left => sleep(life.person.dice.ms(50..1_500)).await,
                End::Broken => {
                    life.lost = Some((after, Instant::now()));
                    sleep(AGAIN).await;
                }
            }
        }
    }
}

impl Life {
    /// Tries doors until one opens.
    async fn knock(&mut self) -> Line {
        let Person { own, doors, dice, .. } = &mut self.person;
        loop {
            let door = doors[dice.within(0..doors.len() as u64) as usize];
            match Line::open(door, &own.token, DOOR_PATIENCE).await {
                Some(line) => return line,
                None => sleep(AGAIN).await,
            }
        }
    }

    async fn stay(&mut self, line: Line) -> anyhow::Result<End> {
        let mut stay = Stay { line, waiting: BTreeMap::new() };
        let mut is_fine = true;
        for number in self.unacknowledged.keys().copied().collect::<Vec<_>>() {
            is_fine = is_fine && self.send(&mut stay, number).await;
        }
        let mut ideas = interval(EVERY);
        while is_fine {
            tokio::select! {
                heard = stay.line.hear() => match heard {
                    Some(heard) => is_fine = self.hear(&mut stay, heard).await?,
                    None => is_fine = false,
                },
                _ = ideas.tick() => match self.act(&mut stay).await {
                    None => {}
                    Some(End::Broken) => is_fine = false,
                    Some(end) => {
                        stay.line.close().await;
                        return Ok(end);
                    }
                },
            }
        }
        // Whether they were read is not known; it may be said again.
        for (asked, _) in stay.waiting.into_values() {
            if let Asked::Read(ids) = asked {
                self.unread.extend(ids);
            }
        }
        Ok(End::Broken)
    }

    /// Does one thing or nothing.
    async fn act(&mut self, stay: &mut Stay) -> Option<End> {
        if stay.waiting.values().any(|(_, since)| since.elapsed() > self.patience) {
            self.patience *= 2;
            return Some(End::Broken);
        }
        let is_idle = stay.waiting.is_empty() && self.unacknowledged.is_empty();
        if self.person.board.is_calm() {
            return is_idle.then_some(End::Done);
        }
        let is_fine = match self.person.dice.within(0..100) {
            0..40 => {
                self.said += 1;
                let to = self.person.dice.pick(&self.person.others).cloned()?;
                let text = format!("{} of {}", self.said, self.person.own.id);
                self.notes.push(Note::Said { to: to.clone(), text: text.clone() });
                self.unacknowledged.insert(self.said, (to, text));
                self.send(stay, self.said).await
            }
            40..55 if !self.unread.is_empty() => {
                let from = self.person.dice.within(0..self.unread.len() as u64) as usize;
                let ids = self.unread.split_off(from);
                let form = json!({ "messageIds": ids });
                stay.ask("mark_as_read", &form, Asked::Read(ids)).await
            }
            55..60 => {
                let to = self.person.dice.pick(&self.person.others)?;
                let form = json!({ "fromClerkId": self.person.own.id, "toClerkId": to });
                stay.ask("typing_start", &form, Asked::Idle).await
            }
            60 if is_idle => return Some(End::Left),
            _ => true,
        };
        (!is_fine).then_some(End::Broken)
    }

    /// Sends a message, for the first time or again.
    async fn send(&self, stay: &mut Stay, number: u64) -> bool {
        let Some((to, text)) = self.unacknowledged.get(&number) else { return true };
        let form = json!({
            "fromClerkId": self.person.own.id, "toClerkId": to, "text": text,
            "clientMessageId": number.to_string(),
        });
        stay.ask("send_message", &form, Asked::Letter(number)).await
    }

    /// Takes what came; `false` if the connection is of no use any more.
    async fn hear(&mut self, stay: &mut Stay, heard: Heard) -> anyhow::Result<bool> {
        match heard {
            Heard::Answer(id, answer) => {
                let Some((asked, _)) = stay.waiting.remove(&id) else { return Ok(true) };
                return self.answered(stay, asked, &answer).await;
            }
            Heard::Event(name, told) => match name.as_str() {
                "receive_message" => {
                    let text = |field: &str| told[field].as_str().map(str::to_owned);
                    let id = told["messageId"].as_i64().context("a message without a number")?;
                    let from = text("fromClerkId").context("a message of nobody")?;
                    let text = text("text").context("a message without a text")?;
                    self.notes.push(Note::Received { from, text, id });
                    self.unread.push(id);
                }
                "messages_read" => self.notes.push(Note::Read { ids: ids(&told)? }),
                // What was acknowledged is told by the answers as well.
                _ => {}
            },
        }
        Ok(true)
    }

    async fn answered(
        &mut self,
        stay: &mut Stay,
        asked: Asked,
        answer: &Value,
    ) -> anyhow::Result<bool> {
        let is_done = answer["error"].is_null();
        if is_done {
            self.patience = ANSWER_PATIENCE;
        }
        match asked {
            Asked::Letter(number) if is_done => {
                let id = answer["messageId"].as_i64().context("a message without a number")?;
                if let Some((_, text)) = self.unacknowledged.remove(&number) {
                    self.notes.push(Note::Acknowledged { text, id });
                }
            }
            // Not carried out: it is said again.
            Asked::Letter(number) => {
                if let Some((_, text)) = self.unacknowledged.get(&number) {
                    self.notes.push(Note::Refused { text: text.clone() });
                }
                sleep(AGAIN).await;
                return Ok(self.send(stay, number).await);
            }
            Asked::Read(_) if is_done => self.notes.push(Note::Read { ids: ids(answer)? }),
            Asked::Read(ids) => self.unread.extend(ids),
            Asked::Idle => {}
        }
        Ok(true)
    }
}

impl Stay {
    async fn ask(&mut self, name: &str, form: &Value, asked: Asked) -> bool {
        let id = self.line.ask(name, form).await;
        // What could not be sent is as good as unanswered.
        self.waiting.insert(id.unwrap_or_default(), (asked, Instant::now()));
        id.is_some()
    }
}

fn ids(told: &Value) -> anyhow::Result<Vec<i64>> {
    let ids = told["messageIds"].as_array().context("receipts without numbers")?;
    ids.iter().map(|id| id.as_i64().context("a receipt without a number")).collect()
}
