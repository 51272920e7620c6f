//! The document is complete: every operation says what it needs and how it fails, and every code is explained.
//!
//! Invariant: a broken rule is reported with every place, so that one run is enough to mend all of them.

use std::collections::{BTreeMap, BTreeSet};

use gateway::{ADMIN_PREFIX, ListenerKind, RouteTable};
use http::Method;
use http_server::problem::every_role;
use serde_json::Value;

use super::{HELPER_EXTENSIONS, assemble_all, interfaces};

/// Codes of a role that no public operation returns: they reach our own processes, or readers of the page's URLs.
const INTERNAL_CODES: [(&str, &str); 3] = [
    // The internal query for a playback.
    ("transcode", "media.not_found"),
    // `/oembed`, which is no part of the API.
    ("gateway", "oembed.not_found"),
    ("gateway", "oembed.no_such_format"),
];
/// Bodies of other types are bytes or streams, of which an example says nothing.
const TYPES_WITH_EXAMPLES: [&str; 3] = ["application/json", "multipart/form-data", "application/x-www-form-urlencoded"];

/// Operations that create something and take no `Idempotency-Key`, with why a repeated request does no harm.
const REPEATABLE: [(&str, &str); 3] = [
    ("begin_factor", "it replaces what was begun before"),
    ("begin_passkey_sign_in", "a challenge without a response ends by itself, and their number is bounded"),
    ("replace_recovery_codes", "it replaces the codes from before"),
];

/// Returns the documents of both listeners.
fn documents() -> [Value; 2] {
    assemble_all(&interfaces()).0.map(|document| serde_json::to_value(document).unwrap())
}

/// Returns the operations with a name for messages.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter().filter(|(_, operation)| operation.is_object());
        operations.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    });
    operations.collect()
}

/// Follows a reference.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            document.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference} leads nowhere"))
        }
        None => value,
    }
}

/// Whether a media type, or the schema that it has, has an example.
fn has_example(document: &Value, content: &Value) -> bool {
    let has = |value: &Value| {
        value.get("example").is_some() || value.get("examples").is_some_and(|examples| *examples != Value::Null)
    };
    let schema = resolve(document, &content["schema"]);
    let alternatives = ["oneOf", "anyOf", "allOf"].iter().filter_map(|kind| schema.get(kind)?.as_array()).flatten();
    has(content)
        || has(schema)
        || has(resolve(document, &schema["items"]))
        || alternatives.into_iter().any(|alternative| has(resolve(document, alternative)))
}

/// Returns the bodies that should have an example and have none.
fn without_example<'a>(document: &Value, body: &'a Value) -> Vec<&'a str> {
    let contents = body["content"].as_object().into_iter().flatten();
    contents
        .filter(|(kind, content)| TYPES_WITH_EXAMPLES.contains(&kind.as_str()) && !has_example(document, content))
        .map(|(kind, _)| kind.as_str())
        .collect()
}

#[test]
fn every_operation_is_documented_completely() {
    let (mut wrong, mut ids) = (Vec::new(), BTreeMap::new());
    documents().iter().for_each(|document| check_operations(document, &mut wrong, &mut ids));
    assert!(ids.len() > 30, "{ids:?}");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Checks the operations of a document. `ids` has the operation of each id; one of a sign-in is in both documents.
fn check_operations(document: &Value, wrong: &mut Vec<String>, ids: &mut BTreeMap<String, String>) {
    let tags = document["tags"].as_array().unwrap().iter().filter(|tag| tag["description"].is_string());
    let described: Vec<&Value> = tags.map(|tag| &tag["name"]).collect();
    for (name, operation) in operations(document) {
        let id = operation["operationId"].as_str().unwrap_or_default();
        if let Some(other) = ids.insert(id.to_owned(), name.clone()).filter(|other| *other != name) {
            wrong.push(format!("{name}: its id {id:?} is that of {other}"));
        }
        let words = id.split('_').all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()));
        if !words {
            wrong.push(format!("{name}: its id {id:?} is not in snake_case"));
        }
        if operation["tags"].as_array().is_none_or(Vec::is_empty) {
            wrong.push(format!("{name}: no tag"));
        }
        if operation["summary"].as_str().is_none_or(str::is_empty) {
            wrong.push(format!("{name}: no summary"));
        }
        if operation["description"].as_str().is_none_or(str::is_empty) {
            wrong.push(format!("{name}: no description, which is the second paragraph of its comment"));
        }
        let undescribed = operation["tags"].as_array().into_iter().flatten().filter(|tag| !described.contains(tag));
        wrong.extend(undescribed.map(|tag| format!("{name}: its tag {tag} has no description")));
        let request = resolve(document, &operation["requestBody"]);
        wrong.extend(without_example(document, request).iter().map(|kind| format!("{name}: no example of its {kind}")));
        let responses = operation["responses"].as_object().unwrap();
        let mut problems = 0;
        for (status, response) in responses {
            let response = resolve(document, response);
            wrong.extend(
                without_example(document, response)
                    .iter()
                    .map(|kind| format!("{name}: no example of its {kind} with {status}")),
            );
            if let Some(problem) = response["content"].get("application/problem+json") {
                problems += 1;
                assert!(has_example(document, problem), "{name}: no example of its problem with {status}");
                assert_eq!(problem["schema"]["$ref"], "#/components/schemas/Problem", "{name}: {status}");
            }
        }
        if problems == 0 {
            wrong.push(format!("{name}: no problem"));
        }
        let published = HELPER_EXTENSIONS.iter().filter(|extension| operation.get(extension).is_some());
        wrong.extend(published.map(|extension| format!("{name}: {extension} is published")));
    }
}

#[test]
fn every_post_that_creates_takes_an_idempotency_key() {
    let (mut wrong, mut creating) = (BTreeSet::new(), BTreeSet::new());
    for document in documents() {
        for (name, operation) in operations(&document) {
            if !name.starts_with("POST ") || operation["responses"]["201"].is_null() {
                continue;
            }
            let id = operation["operationId"].as_str().unwrap().to_owned();
            let mut parameters = operation["parameters"].as_array().into_iter().flatten();
            let takes_one = parameters.any(|parameter| parameter["name"] == "Idempotency-Key");
            if takes_one == REPEATABLE.iter().any(|(repeatable, _)| *repeatable == id) {
                wrong.insert(name);
            }
            creating.insert(id);
        }
    }
    assert!(creating.len() > 10, "{creating:?}");
    assert!(REPEATABLE.iter().all(|(id, _)| creating.contains(*id)), "{creating:?}");
    assert!(wrong.is_empty(), "these create something: document an Idempotency-Key, or say why not: {wrong:?}");
}

/// A repeated request reads its result again at the `Location` of its first response; one without is stored itself.
#[test]
fn what_a_post_says_it_has_created_can_be_read() {
    let mut unreadable = BTreeSet::new();
    for document in documents() {
        let paths = document["paths"].as_object().unwrap();
        for (path, item) in paths {
            let created = &item["post"]["responses"]["201"];
            if created["headers"]["Location"].is_null() || created["content"].is_null() {
                continue;
            }
            let is_result = |other: &str| other.rsplit_once("/{").is_some_and(|(parent, _)| parent == path);
            let result = paths.iter().find(|(other, _)| is_result(other));
            if result.is_some_and(|(_, operations)| operations["get"].is_null()) {
                unreadable.insert(path.clone());
            }
        }
    }
    assert!(
        unreadable.is_empty(),
        "these send a `Location` without a GET, so a repetition has no body: {unreadable:?}"
    );
}

#[test]
fn every_code_is_returned_by_an_operation() {
    let interfaces = interfaces();
    let uses = assemble_all(&interfaces).1;
    let used: BTreeSet<(&str, &str)> = uses.iter().filter_map(|used| Some((used.role?, used.code.code))).collect();
    let rows = || interfaces.iter().flat_map(|role| role.codes.iter().map(|code| (role.role, code.code)));
    let unused: Vec<_> = rows().filter(|row| !used.contains(row)).collect();
    assert_eq!(unused, INTERNAL_CODES, "these codes are in a table, but no operation's `x-codes` has them");
}

#[test]
fn every_code_is_in_the_tables_once_and_says_what_to_do() {
    let interfaces = interfaces();
    let tables = interfaces.iter().map(|role| (role.role, role.codes)).chain([("every role", every_role::CODES)]);
    let mut wrong = Vec::new();
    for (role, codes) in tables {
        for (at, code) in codes.iter().enumerate() {
            let earlier = &codes[..at];
            if earlier.iter().any(|other| (other.code, other.status) == (code.code, code.status)) {
                wrong.push(format!("{role}: {} is there twice", code.code));
            }
            if role != "every role" && every_role::CODES.iter().any(|common| common.code == code.code) {
                wrong.push(format!("{role}: {} is a common code", code.code));
            }
            if !(400..600).contains(&code.status) || !code.code.contains('.') || !code.help.ends_with('.') {
                wrong.push(format!("{role}: {code:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_operation_is_routed_to_the_role_that_describes_it() {
    let interfaces = interfaces();
    let derive = |listener| RouteTable::derive_for(listener, &interfaces).unwrap();
    let (public, operators) = (derive(ListenerKind::Public), derive(ListenerKind::Operators));
    let mut routed = 0;
    for interface in &interfaces {
        let part = serde_json::to_value(&*interface.openapi).unwrap();
        for (path, item) in part["paths"].as_object().unwrap() {
            let table = if path.starts_with(ADMIN_PREFIX) { &operators } else { &public };
            let route = table.routes().find(|route| route.path == *path).unwrap_or_else(|| panic!("{path} is lost"));
            for method in item.as_object().unwrap().keys() {
                let method: Method = method.to_uppercase().parse().unwrap();
                assert_eq!(route.role(&method), interface.role, "{method} {path}");
                routed += 1;
            }
        }
    }
    assert!(routed > 30, "{routed}");
}

#[test]
fn generators_of_clients_understand_the_document() {
    documents().iter().for_each(check_generated_types);
    let [document, _] = documents();
    assert_eq!(document["info"]["license"]["identifier"], "MIT OR Apache-2.0");
    let schemas = &document["components"]["schemas"];
    for (list, item) in [("List_Media", "Media"), ("List_Session", "Session")] {
        let named = &schemas[list]["properties"]["items"]["items"]["$ref"];
        assert_eq!(*named, format!("#/components/schemas/{item}"), "{list}");
    }
    let raw_bodies = |(_, operation): &(String, &Value)| {
        let contents = operation["requestBody"]["content"].as_object();
        contents.map_or(0, |contents| contents.keys().filter(|kind| kind.ends_with("octet-stream")).count())
    };
    let raw_bodies: usize = operations(&document).iter().map(raw_bodies).sum();
    assert!(raw_bodies >= 5, "{raw_bodies}");
}

/// Checks that a document has no types from which generators make something else.
fn check_generated_types(document: &Value) {
    let nullable = |schema: &Value| schema["type"].is_array() || schema.get("oneOf").is_some();
    let mut wrong = Vec::new();
    for (name, operation) in operations(document) {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let nullable_ones = parameters.filter(|parameter| nullable(&parameter["schema"]));
        wrong.extend(nullable_ones.map(|parameter| format!("{name}: {} may be null", parameter["name"])));
        // Generators make one kind of body: the first type, or one that takes what it is given.
        let contents = || operation["requestBody"]["content"].as_object().into_iter().flatten();
        let kinds: BTreeSet<String> = contents().map(|(_, content)| content["schema"].to_string()).collect();
        if kinds.len() > 1 {
            wrong.push(format!("{name}: its body has several schemas: {kinds:?}"));
        }
        for (kind, content) in contents().filter(|(kind, _)| kind.ends_with("octet-stream")) {
            let expected = serde_json::json!({ "type": "string", "format": "binary" });
            if content["schema"] != expected {
                wrong.push(format!("{name}: its {kind} is {}", content["schema"]));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
