//! A room as a client sees it: it applies what it hears, as the SDK does, and notices when what it
//! hears cannot be right.
//!
//! Events carry no epoch. So what a new connection hears is set aside until `RESUMED` or
//! `SYNC_FULL_STATE` says which stream it belongs to: after a restart of the server an event of the
//! new stream can have just the number that would have come next in the old one.

use std::collections::BTreeMap;

use parlor_protocol::chat::ChatMessage;
use parlor_protocol::command::StreamPosition;
use parlor_protocol::frame::ServerFrame;
use parlor_protocol::member::Member;
use parlor_protocol::playback::PlaybackState;
use parlor_protocol::queue::QueueItem;
use parlor_protocol::room::{RoomSettings, RoomState};
use parlor_protocol::{Command, Event, UserId};

/// What a client believes about the room.
#[derive(Clone, Debug, Default)]
pub struct Mirror {
    /// What it knows; `None` before the first full state.
    pub view: Option<View>,
    /// Whether it knows that nothing is missing.
    pub is_live: bool,
    /// What was heard since the greeting, until it is known what it belongs to.
    set_aside: BTreeMap<u64, Event>,
}

/// An event that was new to a client, with its place in the stream.
pub type Heard = (StreamPosition, Event);

/// A room's state, as far as events keep it up to date.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The stream the view belongs to, and the last event in it.
    pub position: StreamPosition,
    /// The settings.
    pub settings: RoomSettings,
    /// Who is host.
    pub host: Option<UserId>,
    /// Who is present, longest first.
    pub members: Vec<Member>,
    /// What plays.
    pub playback: Option<PlaybackState>,
    /// What plays next.
    pub queue: Vec<QueueItem>,
    /// What was said since the view began, and the page before it.
    pub chat: Vec<ChatMessage>,
}

impl From<RoomState> for View {
    fn from(state: RoomState) -> Self {
        Self {
            position: StreamPosition { epoch: state.epoch, seq: state.seq },
            settings: state.settings,
            host: state.host_id,
            members: state.member_details,
            playback: state.playback_state,
            queue: state.queue,
            chat: state.chat,
        }
    }
}

impl Mirror {
    /// Returns what a client asks for when it has just opened a connection.
    pub fn greeting(&mut self) -> Command {
        self.is_live = false;
        self.set_aside.clear();
        match &self.view {
            Some(view) => Command::Resume(view.position.clone()),
            None => Command::SyncRequest,
        }
    }

    /// Applies a frame. Returns the events that were new.
    ///
    /// # Errors
    /// If the frame cannot follow what was heard before.
    pub fn hear(&mut self, frame: &ServerFrame) -> Result<Vec<Heard>, String> {
        match (&frame.event, frame.seq) {
            (Event::SyncFullState(state), _) => {
                self.view = Some(View::from((**state).clone()));
                self.is_live = true;
                self.set_aside.clear();
                Ok(Vec::new())
            }
            (Event::Resumed(position), _) => self.resumed(position),
            (event, Some(seq)) if self.is_live => self.next(event, seq).map(|it| vec![it]),
            (event, Some(seq)) => {
                let again = self.set_aside.insert(seq, event.clone());
                match again.is_none_or(|before| is_same(&before, event)) {
                    true => Ok(Vec::new()),
                    false => Err(format!("event {seq} is told again, and differs")),
                }
            }
            (_, None) => Ok(Vec::new()),
        }
    }

    fn resumed(&mut self, position: &StreamPosition) -> Result<Vec<Heard>, String> {
        let here = self.view.as_ref().map_or(0, |view| view.position.seq);
        let missed = std::mem::take(&mut self.set_aside).split_off(&(here + 1));
        let heard: Result<Vec<_>, _> =
            missed.iter().map(|(seq, event)| self.next(event, *seq)).collect();
        let here = self.view.as_ref().map(|view| &view.position);
        if here != Some(position) {
            return Err(format!("resumed at {position:?}, but heard up to {here:?}"));
        }
        self.is_live = true;
        heard
    }

    fn next(&mut self, event: &Event, seq: u64) -> Result<Heard, String> {
        let view = self.view.as_mut().ok_or("an event, and nothing to apply it to")?;
        if seq != view.position.seq + 1 {
            return Err(format!("event {seq} after {}", view.position.seq));
        }
        view.position.seq = seq;
        view.apply(event)?;
        Ok((view.position.clone(), event.clone()))
    }
}

/// Says whether an event is the same as when it was told first, or without the text of a message
/// that was deleted since.
pub fn is_same(first: &Event, again: &Event) -> bool {
    let mut first = first.clone();
    if let (
        Event::ChatMessage(first) | Event::ChatEdited(first),
        Event::ChatMessage(again) | Event::ChatEdited(again),
    ) = (&mut first, again)
        && let Some(deleted_at) = &again.deleted_at
    {
        first.redact(deleted_at);
    }
    first == *again
}

impl View {
    fn apply(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::PlaybackUpdated(state) => self.playback = Some(state.clone()),
            Event::UserJoined(joined) => {
                let member = joined.member.clone().ok_or("nobody joined")?;
                if self.find(&joined.user_id).is_some() {
                    return Err(format!("{} joined twice", joined.user_id));
                }
                self.members.push(member);
                self.count(joined.member_count)?;
            }
            Event::UserLeft(left) => {
                let index = self.find(&left.user_id).ok_or("somebody left who was not here")?;
                self.members.remove(index);
                self.count(left.member_count)?;
            }
            Event::MembersChanged(changed) => {
                self.members.retain(|member| !changed.left.contains(&member.user_id));
            }
            Event::HostChanged(changed) => self.host = Some(changed.new_host_id.clone()),
            Event::ChatMessage(message) => {
                if self.chat.iter().any(|said| said.id == message.id) {
                    return Err(format!("message {} was said twice", message.id));
                }
                self.chat.push(message.clone());
            }
            Event::ChatEdited(message) => {
                // What is older than the view was never told to it.
                if let Some(said) = self.said(&message.id) {
                    *said = message.clone();
                }
            }
            Event::ChatDeleted(gone) => {
                if let Some(said) = self.said(&gone.id) {
                    said.redact(&gone.deleted_at);
                }
            }
            Event::QueueUpdated(updated) => self.queue = updated.queue.clone(),
            Event::MemberUpdated(member) => {
                let index = self.find(&member.user_id).ok_or("somebody changed who is not here")?;
                self.members[index] = member.clone();
            }
            Event::RoomUpdated(settings) => self.settings = settings.clone(),
            Event::RoomClosed(_)
            | Event::SyncFullState(_)
            | Event::MemberSync(_)
            | Event::Reaction(_)
            | Event::WaitingRoom(_)
            | Event::ClockPong(_)
            | Event::Resumed(_)
            | Event::Ack
            | Event::Error(_) => {}
        }
        Ok(())
    }

    fn said(&mut self, id: &str) -> Option<&mut ChatMessage> {
        self.chat.iter_mut().find(|message| message.id == id)
    }

    fn find(&self, user: &UserId) -> Option<usize> {
        self.members.iter().position(|member| member.user_id == *user)
    }

    fn count(&self, told: u64) -> Result<(), String> {
        if told == self.members.len() as u64 {
            return Ok(());
        }
        Err(format!("{told} members are told, {} are known", self.members.len()))
    }
}
