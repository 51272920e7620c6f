//! The frames of WebSockets as one AsyncAPI 3.0 document: a channel for each operation that opens a WebSocket.
//!
//! Such an operation names the schemas of what its two ends send ([`FRAMES`]); each is a choice of frames that `type`
//! tells apart. The document is made by a test, because the process serves the committed one. Invariant: it has every
//! frame, and every reference in it leads somewhere.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use service::RoleInterface;

use super::reachable::{SCHEMAS, collect_references};
use super::{FRAMES, LICENSE};

/// The ends of a WebSocket, with what the server does with the frames of each.
const ENDS: [(&str, &str, &str); 2] = [
    ("from_client", "receive", "What the server takes from a client"),
    ("from_server", "send", "What the server sends to a client"),
];

/// The parts of the document that grow with each channel.
#[derive(Default)]
struct Parts {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: Map<String, Value>,
}

/// Returns the document as JSON.
pub(super) fn json(interfaces: &[RoleInterface]) -> String {
    serde_json::to_string_pretty(&assemble(interfaces)).unwrap() + "\n"
}

fn assemble(interfaces: &[RoleInterface]) -> Value {
    let mut parts = Parts::default();
    for interface in interfaces {
        let part = serde_json::to_value(&*interface.openapi).unwrap();
        for (path, item) in part["paths"].as_object().into_iter().flatten() {
            let operation = &item["get"];
            if operation[FRAMES].is_object() {
                parts.add(path, operation, &part["components"]["schemas"]);
            }
        }
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tutti, live",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The frames of WebSockets. The operations that open them, and the codes of problems, are in \
                            the OpenAPI document.",
            "license": { "name": LICENSE },
        },
        "defaultContentType": "application/json",
        "channels": parts.channels,
        "operations": parts.operations,
        "components": {
            "messages": parts.messages,
            "schemas": parts.schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
        },
    })
}

impl Parts {
    /// Adds the channel of an operation.
    fn add(&mut self, path: &str, operation: &Value, schemas: &Value) {
        let id = operation["operationId"].as_str().expect("an operation has an id");
        let mut of_channel = Map::new();
        for (end, action, summary) in ENDS {
            let schema = &schemas[operation[FRAMES][end].as_str().expect("both ends have a schema")];
            let mut references = Vec::new();
            for frame in schema["oneOf"].as_array().expect("frames are a choice") {
                let kind = type_of(frame).expect("a frame has a type");
                let name = format!("{id}.{end}.{kind}");
                let payload = payload(frame, schemas);
                self.add_schemas(&payload, schemas);
                let message = json!({ "name": kind, "summary": description_of(frame, schemas), "payload": payload });
                self.messages.insert(name.clone(), message);
                of_channel.insert(name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }));
                references.push(json!({ "$ref": format!("#/channels/{id}/messages/{name}") }));
            }
            let operation = json!({
                "action": action,
                "summary": summary,
                "channel": { "$ref": format!("#/channels/{id}") },
                "security": [{ "$ref": "#/components/securitySchemes/token" }],
                "messages": references,
            });
            self.operations.insert(format!("{id}.{end}"), operation);
        }
        let channel = json!({
            "address": path,
            "summary": operation["summary"],
            "description": operation["description"],
            "messages": of_channel,
            "bindings": { "ws": { "method": "GET", "bindingVersion": "0.1.0" } },
        });
        self.channels.insert(id.to_owned(), channel);
    }

    /// Adds the schemas to which a frame refers, and those to which these refer.
    fn add_schemas(&mut self, frame: &Value, schemas: &Value) {
        let mut left = vec![frame];
        while let Some(next) = left.pop() {
            let mut names = Vec::new();
            collect_references(next, &mut names);
            for name in names {
                if !self.schemas.contains_key(name) {
                    self.schemas.insert(name.to_owned(), schemas[name].clone());
                    left.push(&schemas[name]);
                }
            }
        }
    }
}

/// Returns the type of a frame, which is one value of its field `type`.
fn type_of(frame: &Value) -> Option<&str> {
    let own = frame.pointer("/properties/type/enum/0").or_else(|| frame.pointer("/properties/type/const"));
    own.and_then(Value::as_str).or_else(|| frame["allOf"].as_array()?.iter().find_map(type_of))
}

/// Returns the schema of a frame as one object. A choice has its fields and its `type` as two; the first may allow no
/// other field.
fn payload(frame: &Value, schemas: &Value) -> Value {
    let Some(parts) = frame["allOf"].as_array() else { return frame.clone() };
    let (mut whole, mut properties, mut required) = (Map::new(), Map::new(), Vec::new());
    for part in parts {
        let name = part["$ref"].as_str().and_then(|name| name.strip_prefix(SCHEMAS));
        let part = name.map_or(part, |name| &schemas[name]);
        whole.extend(part.as_object().cloned().unwrap_or_default());
        properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
        required.extend(part["required"].as_array().cloned().unwrap_or_default());
    }
    whole.insert("properties".to_owned(), properties.into());
    whole.insert("required".to_owned(), required.into());
    // It has no `type`.
    whole.remove("example");
    whole.into()
}

/// Returns what a frame is, as its own comment says it, or that of the schema which it refers to.
fn description_of<'a>(frame: &'a Value, schemas: &'a Value) -> Option<&'a str> {
    let parts = || std::iter::once(frame).chain(frame["allOf"].as_array().into_iter().flatten());
    let referred = |part: &Value| {
        part["$ref"].as_str().and_then(|name| schemas[name.strip_prefix(SCHEMAS)?]["description"].as_str())
    };
    parts().find_map(|part| part["description"].as_str()).or_else(|| parts().find_map(referred))
}

#[test]
fn the_document_has_every_frame_and_every_reference_leads_somewhere() {
    let document = assemble(&super::interfaces());
    let messages = document["components"]["messages"].as_object().unwrap();
    let kinds: BTreeSet<&str> = messages.values().map(|message| message["name"].as_str().unwrap()).collect();
    for kind in ["hello", "send", "read", "typing", "ping", "places", "changes", "sent", "problem", "reset", "bye"] {
        assert!(kinds.contains(kind), "{kind} of {kinds:?}");
    }
    let undescribed = messages.iter().filter(|(_, message)| !message["summary"].is_string());
    assert_eq!(undescribed.map(|(name, _)| name).collect::<Vec<_>>(), Vec::<&String>::new());
    for message in messages.values() {
        let (payload, kind) = (&message["payload"], &message["name"]);
        assert_eq!(type_of(payload), kind.as_str(), "{payload}");
        assert!(payload["required"].as_array().unwrap().contains(&json!("type")), "{payload}");
    }
    let mut names = Vec::new();
    collect_references(&document, &mut names);
    let schemas = &document["components"]["schemas"];
    assert!(names.len() > 5 && names.iter().all(|name| schemas[*name].is_object()), "{names:?}");
}
