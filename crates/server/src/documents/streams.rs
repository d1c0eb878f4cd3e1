//! The channels of the AsyncAPI document beside the room WebSocket: direct messages over Socket.IO, and
//! server-sent events. Their payloads are the types that are written and read.

use parlor_protocol::direct::socket::{
    Authenticate, Authenticated, MarkAsRead, MessageDelivered, MessageFailed, MessageSent,
    MessagesRead, NotCarriedOut, ReceiveMessage, RegisterUser, Registered, SendMessage, Typing,
    UserStatus, UserTyping,
};
use parlor_protocol::member::MembersChanged;
use parlor_protocol::realtime::{
    Announcement, Destroyed, PresenceMoved, RealtimeMessage, StreamLine, TakenBack,
};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// A part of the document.
#[derive(Default)]
pub struct Part {
    /// By name.
    pub channels: Map<String, Value>,
    /// By name.
    pub operations: Map<String, Value>,
    /// By channel and name, with a point between.
    pub messages: Map<String, Value>,
}

/// Describes direct messages over Socket.IO.
pub fn direct() -> Part {
    let mut channel = Channel::new("direct");
    channel.asked::<Authenticate>("authenticate", "Proves whose the connection is, or renews it");
    channel.asked::<RegisterUser>("register_user", "Says whose messages the client wants");
    channel.asked::<SendMessage>("send_message", "Writes to somebody");
    channel.asked::<MarkAsRead>("mark_as_read", "Says which messages one has read");
    channel.asked::<Typing>("typing_start", "Says that one types; it ends by itself after 5 s");
    channel.asked::<Typing>("typing_stop", "Says that one types no more");
    channel.told::<Authenticated>("authenticated", "The acknowledgement of `authenticate` alone");
    channel.told::<Registered>("registered", "The answer to `register_user`");
    channel.told::<MessageSent>("message_sent", "To the sender: the message is on disk");
    channel.told::<MessageDelivered>("message_delivered", "To the sender: what became of it");
    channel.told::<ReceiveMessage>("receive_message", "To every socket of the receiver");
    channel.told::<ReceiveMessage>("message_mirrored", "To every socket of the sender");
    channel.told::<MessagesRead>("messages_read", "To the reader and to each author");
    channel.told::<UserTyping>("user_typing", "To the receiver of what is typed");
    channel.told::<UserStatus>("user_status", "To a person's contacts");
    channel.told::<MessageFailed>("message_failed", "To whoever asked for what was not done");
    channel.told::<NotCarriedOut>("error", "An event without acknowledgement was not carried out");
    channel.answers("authenticate", "authenticated");
    channel.answers("register_user", "registered");
    channel.answers("send_message", "message_sent");
    channel.answers("mark_as_read", "messages_read");
    channel.finish(&json!({
        "address": "/socket.io/",
        "title": "Direct messages",
        "description": "Socket.IO 4 (Engine.IO 4), namespace `/`. A message is an event: its name, and \
            its payload as the only argument. An event of a client that wants an acknowledgement gets \
            the reply, or `{error, code}`. Who somebody is, is told by `auth: {token}`, by cookies, or by \
            one of the first two events."
    }))
}

/// Describes server-sent events.
pub fn realtime() -> Part {
    let mut channel = Channel::new("realtime");
    for (name, summary) in [
        ("connected", "The stream begins"),
        ("gap", "Events were missed that cannot be had any more"),
        ("ping", "Nothing happened for a while"),
    ] {
        let kind = json!({ "properties": { "type": { "const": name } } });
        channel.add(name, summary, &json!({ "allOf": [reference::<StreamLine>(), kind] }));
    }
    channel.line::<RealtimeMessage>("chat.message", "Something was said, by the reader too");
    channel.line::<RealtimeMessage>("chat.edited", "Something was said differently");
    channel.line::<TakenBack>("chat.deleted", "Something was taken back");
    channel.line::<Destroyed>("chat.destroy", "The room is gone");
    channel.line::<PresenceMoved>("presence.join", "Somebody took a seat");
    channel.line::<PresenceMoved>("presence.leave", "Somebody's seat is free again");
    channel.line::<MembersChanged>("presence.changed", "Who came and went in a large room");
    channel.finish(&json!({
        "address": "/api/realtime",
        "title": "Server-sent events of a room",
        "description": "Each message is one `data:` line. Its `id:` field is what `Last-Event-ID` and \
            `last_ack_{roomId}` take; with it a stream goes on where another broke off.",
        "bindings": { "http": { "query": { "type": "object", "required": ["channel"], "properties": {
            "channel": { "type": "string", "description": "The room" }
        } } } }
    }))
}

fn reference<T: ToSchema>() -> Value {
    json!({ "$ref": format!("./openapi.json#/components/schemas/{}", T::name()) })
}

/// A channel that is being described.
struct Channel {
    name: &'static str,
    messages: Map<String, Value>,
    /// What clients send.
    asked: Vec<String>,
    /// What they are told.
    told: Vec<Value>,
    /// By what an event is answered.
    replies: Map<String, Value>,
}

impl Channel {
    fn new(name: &'static str) -> Self {
        let (messages, replies) = (Map::new(), Map::new());
        Self { name, messages, asked: Vec::new(), told: Vec::new(), replies }
    }

    fn message(&self, name: &str) -> Value {
        json!({ "$ref": format!("#/channels/{}/messages/{name}", self.name) })
    }

    fn put(&mut self, name: &str, summary: &str, payload: &Value) {
        let message = json!({ "name": name, "summary": summary, "payload": payload });
        self.messages.insert(name.to_owned(), message);
    }

    /// Adds a message that clients are told.
    fn add(&mut self, name: &str, summary: &str, payload: &Value) {
        self.put(name, summary, payload);
        self.told.push(self.message(name));
    }

    fn told<T: ToSchema>(&mut self, name: &str, summary: &str) {
        self.add(name, summary, &reference::<T>());
    }

    fn asked<T: ToSchema>(&mut self, name: &str, summary: &str) {
        self.put(name, summary, &reference::<T>());
        self.asked.push(name.to_owned());
    }

    /// Adds an event of a room, as a line.
    fn line<T: ToSchema>(&mut self, name: &str, summary: &str) {
        let data = reference::<T>();
        let kind = json!({ "properties": { "event": { "const": name }, "data": data } });
        self.add(name, summary, &json!({ "allOf": [reference::<Announcement>(), kind] }));
    }

    /// Says by which message an event is acknowledged.
    fn answers(&mut self, event: &str, reply: &str) {
        let message = self.message(reply);
        let channel = json!({ "$ref": format!("#/channels/{}", self.name) });
        let reply = json!({ "channel": channel, "messages": [message] });
        self.replies.insert(event.to_owned(), reply);
    }

    fn finish(mut self, about: &Value) -> Part {
        let mut part = Part::default();
        let channel = json!({ "$ref": format!("#/channels/{}", self.name) });
        for event in &self.asked {
            let mut operation = json!({
                "action": "send", "channel": channel, "messages": [self.message(event)],
                "summary": self.messages[event]["summary"]
            });
            if let Some(reply) = self.replies.remove(event) {
                operation["reply"] = reply;
            }
            part.operations.insert(format!("{}.{event}", self.name), operation);
        }
        let told = json!({
            "action": "receive", "channel": channel, "messages": self.told,
            "summary": "What clients are told"
        });
        part.operations.insert(format!("{}.told", self.name), told);
        let mut channel = about.clone();
        let known = self.messages.keys().map(|name| {
            let address = format!("#/components/messages/{}.{name}", self.name);
            (name.clone(), json!({ "$ref": address }))
        });
        channel["messages"] = Value::Object(known.collect());
        part.channels.insert(self.name.to_owned(), channel);
        let named = |(name, message)| (format!("{}.{name}", self.name), message);
        part.messages = self.messages.into_iter().map(named).collect();
        part
    }
}
