//! The API documents, made from the routes and the types themselves.

mod streams;

use std::sync::OnceLock;

use parlor_protocol::direct::socket::{
    Authenticate, Authenticated, MarkAsRead, MessageDelivered, MessageFailed, MessageSent,
    MessagesRead, NotCarriedOut, ReceiveMessage, RegisterUser, Registered, SendMessage, Typing,
    UserStatus, UserTyping,
};
use parlor_protocol::error::ErrorBody;
use parlor_protocol::frame::{ClientFrame, ServerFrame};
use parlor_protocol::member::MembersChanged;
use parlor_protocol::realtime::{
    Announcement, Destroyed, PresenceMoved, RealtimeMessage, StreamLine, TakenBack,
};
use parlor_protocol::room::Control;
use parlor_protocol::{Command, Event};
use parlor_room::Act;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};

use crate::http;
use crate::http::answer::is_route_of_earlier_systems;
use crate::http::limits::RATES;

/// What the routes do not say themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Parlor",
        description = "Rooms where people watch and listen together, to the same moment.\n\n\
            Dates are ISO-8601 UTC with milliseconds, positions are milliseconds. Every refusal \
            has a stable `code` and a `message` for people. `/rooms…` answers as \
            `/api/v1/rooms…` does. What the room WebSocket says is in `/api/asyncapi.json`.",
        license(name = "MIT", identifier = "MIT")
    ),
    tags(
        (name = "auth", description = "Accounts, logins, guests"),
        (name = "users", description = "People"),
        (name = "rooms", description = "Rooms, and the socket into one"),
        (name = "calls", description = "Rooms as call clients know them"),
        (name = "direct", description = "Direct messages"),
        (name = "admin", description = "Running the site: people and mail"),
        (name = "health", description = "For load balancers and monitoring"),
    ),
    components(schemas(
        Command, Event, ClientFrame, ServerFrame, ErrorBody, StreamLine, Announcement, Authenticate,
        Authenticated, RegisterUser, Registered, SendMessage, MessageSent, MessageDelivered,
        ReceiveMessage, MarkAsRead, MessagesRead, Typing, UserTyping, UserStatus, MessageFailed,
        NotCarriedOut, MembersChanged, RealtimeMessage, TakenBack, PresenceMoved, Destroyed,
    )),
    modifiers(&Security)
)]
struct Document;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let cookie = |name: &str, what: &str| {
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(name, what)))
        };
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("bearer", bearer);
        components.add_security_scheme(
            "login",
            cookie("authToken", "A login; `__Host-authToken` under https"),
        );
        components.add_security_scheme(
            "guest",
            cookie("x-auth-token", "A guest; `__Host-x-auth-token` under https"),
        );
    }
}

/// Makes the OpenAPI document of the routes.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    document.merge(http::documented().into_openapi());
    let rates = RATES.iter().map(|(what, per_minute)| format!("| {what} | {per_minute} |\n"));
    document.info.description.get_or_insert_default().push_str(&format!(
        "\n\nToo many requests are answered with 429 and `Retry-After`. An IPv6 address counts by \
         its /64.\n\n| what | a minute |\n|---|---|\n{}",
        rates.collect::<String>()
    ));
    document
}

/// Returns the OpenAPI document as text.
pub fn openapi_text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| written(&openapi_value()))
}

/// Returns the AsyncAPI document as text.
pub fn asyncapi_text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| written(&asyncapi()))
}

fn openapi_value() -> Value {
    let mut document = serde_json::to_value(openapi()).expect("a document is JSON");
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (_, operations) in paths.filter(|(path, _)| !is_route_of_earlier_systems(path)) {
        let operations = operations.as_object_mut().into_iter().flatten();
        for (_, operation) in operations.filter(|(name, _)| *name != "parameters") {
            for (_, response) in operation["responses"].as_object_mut().into_iter().flatten() {
                say_problem(response);
            }
        }
    }
    document
}

/// Says of a refusal in which form it is: the routes themselves only know what it says.
fn say_problem(response: &mut Value) {
    let Some(content) = response["content"].as_object_mut() else { return };
    let Some(json) = content.get("application/json") else { return };
    if json["schema"]["$ref"] != "#/components/schemas/ErrorBody" {
        return;
    }
    if let Some(body) = content.remove("application/json") {
        content.insert("application/problem+json".to_owned(), body);
    }
}

fn written(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("a document is JSON");
    text.push('\n');
    text
}

/// One kind of message, as the schema of [`Command`] or [`Event`] has it.
struct Kind {
    name: String,
    summary: Value,
    payload: Option<Value>,
}

/// Makes the AsyncAPI document: of the room WebSocket, of direct messages over Socket.IO, and of
/// server-sent events. The messages of the room are read off the schemas of
/// [`Command`] and [`Event`], so none can be missing, and refer to them in the OpenAPI document.
fn asyncapi() -> Value {
    let openapi = openapi_value();
    let schemas = &openapi["components"]["schemas"];
    let (commands, events) = (kinds(&schemas["Command"]), kinds(&schemas["Event"]));
    let mut messages = Map::new();
    for command in &commands {
        messages.insert(command.name.clone(), message(command, &["id"]));
    }
    for event in &events {
        messages.insert(event.name.clone(), message(event, envelope_of(&event.name)));
    }
    let listed: Map<String, Value> = messages
        .keys()
        .map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") })))
        .collect();
    let named = |kinds: &[Kind]| -> Vec<Value> {
        let address = |kind: &Kind| format!("#/channels/room/messages/{}", kind.name);
        kinds.iter().map(|kind| json!({ "$ref": address(kind) })).collect()
    };
    let mut document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Parlor's sockets and streams",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The room WebSocket: text frames of {type, payload?, id?, seq?, code?}. A command with an \
                id is answered by ACK or ERROR with the same id. Room events carry seq, which \
                grows by one within an epoch; after a gap send RESUME. Payloads of commands that \
                have none are ignored.",
            "license": { "name": "MIT" }
        },
        "defaultContentType": "application/json",
        "channels": {
            "room": {
                "address": "/api/v1/rooms/{roomId}/ws",
                "description": "Also answered at /rooms/{roomId}/ws. Missing or forged tokens \
                    and foreign origins are refused before the upgrade; an unknown, full or \
                    forbidden room is told by one ERROR after it, and a close code.",
                "parameters": { "roomId": { "description": "The room" } },
                "bindings": { "ws": { "query": { "type": "object", "properties": {
                    "authToken": { "type": "string", "description": "A ticket or a token" }
                } } } },
                "messages": listed,
                "x-close-codes": close_codes()
            }
        },
        "operations": {
            "command": {
                "action": "send",
                "channel": { "$ref": "#/channels/room" },
                "summary": "What a client may ask of a room",
                "messages": named(&commands)
            },
            "event": {
                "action": "receive",
                "channel": { "$ref": "#/channels/room" },
                "summary": "What a room tells",
                "messages": named(&events)
            }
        },
        "components": { "messages": messages }
    });
    for part in [streams::direct(), streams::realtime()] {
        let parts = [
            ("/channels", part.channels),
            ("/operations", part.operations),
            ("/components/messages", part.messages),
        ];
        for (pointer, entries) in parts {
            if let Some(all) = document.pointer_mut(pointer).and_then(Value::as_object_mut) {
                all.extend(entries);
            }
        }
    }
    document
}

fn close_codes() -> Value {
    use parlor_protocol::CloseCode;
    let code = |code: CloseCode, meaning: &str| json!({ "code": code.number(), "meaning": meaning, "reconnect": code.reconnect() });
    json!([
        code(CloseCode::Normal, "left"),
        code(CloseCode::Protocol, "the peer broke the WebSocket protocol"),
        code(CloseCode::Unsupported, "a binary message"),
        code(CloseCode::NotUtf8, "a text that is not UTF-8"),
        code(CloseCode::TooBig, "a frame over 64 KiB"),
        code(CloseCode::Restart, "restart or drain"),
        code(CloseCode::LoginEnded, "the login ended"),
        code(CloseCode::Removed, "removed or not admitted"),
        code(CloseCode::RoomGone, "no such room, or closed"),
        code(CloseCode::RoomFull, "full"),
        code(CloseCode::TooSlow, "the reader is too slow"),
        code(CloseCode::Flooding, "flooding")
    ])
}

/// Reads the kinds of messages off the schema of a tagged enum.
fn kinds(schema: &Value) -> Vec<Kind> {
    let variants = schema["oneOf"].as_array().expect("a tagged enum is written as oneOf");
    let read = |variant: &Value| {
        let tag = &variant["properties"]["type"];
        let name = tag["const"].as_str().or_else(|| tag["enum"][0].as_str());
        Kind {
            name: name.expect("every variant names its type").to_owned(),
            summary: variant["description"].clone(),
            payload: variant["properties"].get("payload").cloned(),
        }
    };
    variants.iter().map(read).collect()
}

fn envelope_of(event: &str) -> &'static [&'static str] {
    match event {
        "ACK" => &["id"],
        "ERROR" => &["id", "code"],
        "SYNC_FULL_STATE" | "RESUMED" | "CLOCK_PONG" | "REACTION" | "MEMBER_SYNC" => &[],
        _ => &["seq"],
    }
}

fn message(kind: &Kind, envelope: &[&str]) -> Value {
    let mut properties = Map::new();
    let mut required = vec!["type"];
    properties.insert("type".to_owned(), json!({ "const": kind.name }));
    if let Some(payload) = &kind.payload {
        properties.insert("payload".to_owned(), outward(payload));
        required.push("payload");
    }
    for name in envelope {
        let schema = match *name {
            "id" => {
                json!({ "type": ["string", "number"], "description": "The client's own name for a command" })
            }
            "seq" => json!({ "type": "integer", "description": "Position in the room's stream" }),
            _ => json!({ "$ref": "./openapi.json#/components/schemas/Code" }),
        };
        properties.insert((*name).to_owned(), schema);
    }
    json!({
        "name": kind.name,
        "summary": kind.summary,
        "payload": { "type": "object", "required": required, "properties": properties }
    })
}

/// Turns references within the OpenAPI document into references to it.
fn outward(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| match (name.as_str(), value) {
                    ("$ref", Value::String(address)) => {
                        (name.clone(), Value::String(format!("./openapi.json{address}")))
                    }
                    _ => (name.clone(), outward(value)),
                })
                .collect(),
        ),
        Value::Array(entries) => Value::Array(entries.iter().map(outward).collect()),
        other => other.clone(),
    }
}

/// Says who may do what in a room: of each act, the least role under each setting of the remote.
pub fn roles_text() -> String {
    let rows = Act::ALL.into_iter().map(|act| {
        let controls = [Control::Everyone, Control::Moderators, Control::HostOnly];
        let least = controls.map(|control| json!(act.least(control)));
        json!({ "act": act.word(), "least": least })
    });
    format!("{:#}\n", Value::Array(rows.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(schema: &str) -> Vec<String> {
        kinds(&openapi_value()["components"]["schemas"][schema])
            .into_iter()
            .map(|kind| kind.name)
            .collect()
    }

    #[test]
    fn every_reference_within_the_document_leads_somewhere() {
        let document = openapi_value();
        let text = document.to_string();
        let references = text.match_indices("\"$ref\":\"#").map(|(at, _)| {
            let rest = &text[at + "\"$ref\":\"#".len()..];
            &rest[..rest.find('"').unwrap()]
        });
        for reference in references {
            assert!(document.pointer(reference).is_some(), "{reference} leads nowhere");
        }
    }

    #[test]
    fn every_operation_has_its_own_name_and_documents_its_refusals() {
        let document = openapi_value();
        let mut seen = std::collections::HashSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let id = operation["operationId"].as_str().unwrap();
                assert!(seen.insert(id.to_owned()), "{method} {path}: {id} is used twice");
                assert!(operation["responses"].as_object().is_some_and(|r| !r.is_empty()));
            }
        }
        assert!(seen.len() > 20);
    }

    #[test]
    fn every_command_and_event_is_a_message_and_its_payload_is_documented() {
        let (asyncapi, openapi) = (asyncapi(), openapi_value());
        let messages = asyncapi["components"]["messages"].as_object().unwrap();
        let (commands, events) = (names("Command"), names("Event"));
        let of_room = messages.keys().filter(|name| !name.contains('.')).count();
        assert_eq!(of_room, commands.len() + events.len());
        for name in commands.iter().chain(&events) {
            let payload = &messages[name]["payload"]["properties"]["payload"];
            if let Some(address) = payload["$ref"].as_str() {
                let pointer = address.strip_prefix("./openapi.json#").unwrap();
                assert!(openapi.pointer(pointer).is_some(), "{name}: {address}");
            }
        }
        // What a message is called on the wire, by the types themselves.
        let on_wire = |value: Value| value["type"].as_str().unwrap().to_owned();
        let leave = on_wire(serde_json::to_value(Command::Leave).unwrap());
        let ack = on_wire(serde_json::to_value(Event::Ack).unwrap());
        assert!(commands.contains(&leave) && events.contains(&ack));
    }

    #[test]
    fn every_reference_of_the_sockets_document_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(address)) = fields.get("$ref") {
                        found.push(address.clone());
                    }
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(entries) => entries.iter().for_each(|entry| references(entry, found)),
                _ => {}
            }
        }
        let (asyncapi, openapi) = (asyncapi(), openapi_value());
        let mut found = Vec::new();
        references(&asyncapi, &mut found);
        assert!(found.len() > 100);
        for address in found {
            let target = match address.strip_prefix("./openapi.json#") {
                Some(pointer) => openapi.pointer(pointer),
                None => address.strip_prefix('#').and_then(|pointer| asyncapi.pointer(pointer)),
            };
            assert!(target.is_some(), "{address} leads nowhere");
        }
    }

    #[test]
    fn only_what_is_in_the_stream_is_documented_with_a_seq() {
        let asyncapi = asyncapi();
        let has_seq = |name: &str| {
            !asyncapi["components"]["messages"][name]["payload"]["properties"]["seq"].is_null()
        };
        assert!(has_seq("CHAT_MESSAGE") && has_seq("PLAYBACK_UPDATED") && has_seq("ROOM_CLOSED"));
        for name in ["ACK", "ERROR", "CLOCK_PONG", "SYNC_FULL_STATE", "RESUMED", "REACTION"] {
            assert!(!has_seq(name), "{name}");
        }
    }
}
