//! A member's client: what it believes, what it waits for, and what it must not lose.

use std::collections::{BTreeMap, BTreeSet};

use parlor_protocol::frame::ServerFrame;
use parlor_protocol::{Code, Command, Event};
use parlor_room::{ConnId, Principal};
use parlor_testkit::link::Link;
use parlor_testkit::mirror::{Heard, Mirror};

/// A client.
pub struct Client {
    pub who: Principal,
    pub mirror: Mirror,
    /// The connection it believes to have, and the way up.
    pub line: Option<(ConnId, Link)>,
    /// The commands of this connection that were not answered.
    pub asked: BTreeMap<u64, Command>,
    /// What was said and is not known to be stored; it is said again after reconnecting.
    pub unsure: BTreeMap<String, Command>,
    /// What is known to be stored.
    pub acknowledged: BTreeSet<String>,
    /// What is known to be deleted, by its id.
    pub deleted: BTreeSet<String>,
    next_id: u64,
}

impl Client {
    pub fn new(who: Principal) -> Self {
        Self {
            who,
            mirror: Mirror::default(),
            line: None,
            asked: BTreeMap::new(),
            unsure: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            deleted: BTreeSet::new(),
            next_id: 0,
        }
    }

    /// Names a command, and remembers that it waits for its answer.
    pub fn name(&mut self, command: &Command) -> u64 {
        self.next_id += 1;
        if let Command::ChatSend(send) = command
            && let Some(client_id) = &send.client_id
        {
            self.unsure.insert(client_id.clone(), command.clone());
        }
        self.asked.insert(self.next_id, command.clone());
        self.next_id
    }

    /// Loses its connection, and with it the answers that were to come.
    pub fn hang_up(&mut self) {
        self.line = None;
        self.asked.clear();
    }

    /// Hears a frame; returns the events that were new.
    pub fn hear(&mut self, frame: &ServerFrame) -> Result<Vec<Heard>, String> {
        if let Some(id) = &frame.id {
            let id: u64 = id.get().parse().map_err(|_| "an answer to something else")?;
            let command = self.asked.remove(&id).ok_or(format!("{id} is answered twice"))?;
            self.answered(command, frame)?;
        }
        self.mirror.hear(frame)
    }

    fn answered(&mut self, command: Command, frame: &ServerFrame) -> Result<(), String> {
        let said = match command {
            Command::ChatSend(send) => send.client_id,
            Command::ChatDelete(delete) if frame.event == Event::Ack => {
                self.deleted.insert(delete.id);
                None
            }
            _ => None,
        };
        let Some(said) = said else { return Ok(()) };
        match (&frame.event, frame.code) {
            (Event::Ack, None) => {
                self.unsure.remove(&said);
                self.acknowledged.insert(said);
            }
            (Event::Error(_), Some(Code::Unavailable | Code::Busy)) => {}
            (Event::Error(_), Some(Code::Forbidden)) => drop(self.unsure.remove(&said)),
            answer => return Err(format!("{said} is answered by {answer:?}")),
        }
        Ok(())
    }
}
