//! Requests that create something are done once, whatever fails behind their transaction.
//!
//! Invariant: each operation is checked by its own handler, not by what else its file has.

use std::collections::BTreeSet;

use super::{assert_none, files, identifier_at, read, relative, services};

/// Operations that find what they would create or change: there is one report, appeal or repost of a member, one
/// message of a client id, and a request or a part is answered once.
const FOUND_AGAIN: [&str; 8] = [
    "accept_follow_request",
    "appeal_decision",
    "approve_thread_part",
    "create_report",
    "reject_follow_request",
    "report_message",
    "repost",
    "send_message",
];
/// Roles whose keys are in the rows that they make.
const KEYS_IN_ROWS: [&str; 2] = ["accounts", "webhooks"];

/// An operation that takes an `Idempotency-Key`.
#[derive(Debug, PartialEq, Eq)]
struct KeyedOperation {
    id: String,
    /// Whether its handler takes an `Effect`, or may run again.
    is_safe: bool,
}

/// Returns the operations of a file of routes that take a key.
fn keyed_operations(text: &str) -> Vec<KeyedOperation> {
    let operations = text.split("#[utoipa::path(").skip(1).filter_map(|operation| {
        let (description, rest) = operation.split_once("async fn ")?;
        let handler = rest.split_once("\n}").map_or(rest, |(handler, _)| handler);
        let (_, id) = description.split_once("operation_id = \"")?;
        let is_safe = handler.contains("effect: Effect") || handler.contains("Extension(Repeatable)");
        let takes_key = description.contains("\"Idempotency-Key\" = Option<String>");
        takes_key.then(|| KeyedOperation { id: identifier_at(id), is_safe })
    });
    operations.collect()
}

#[test]
fn what_creates_records_its_effect_in_its_transaction() {
    let (mut violations, mut needed) = (Vec::new(), BTreeSet::new());
    for (_, folder) in services().iter().filter(|(name, _)| !KEYS_IN_ROWS.contains(&name.as_str())) {
        for file in files(&folder.join("src/api"), "rs") {
            for operation in keyed_operations(&read(&file)).into_iter().filter(|operation| !operation.is_safe) {
                if !FOUND_AGAIN.contains(&operation.id.as_str()) {
                    violations.push(format!("{}: {} takes a key, and no `Effect`", relative(&file), operation.id));
                }
                needed.insert(operation.id);
            }
        }
    }
    let unneeded = FOUND_AGAIN.iter().filter(|id| !needed.contains(**id));
    violations.extend(unneeded.map(|id| format!("{id} is an exception that no operation needs")));
    assert_none(&violations, "A process may die behind the commit: decision 24.");
}

#[test]
fn an_operation_is_not_safe_because_another_one_of_its_file_is() {
    let operation = |id: &str, parameter: &str, handler: &str| {
        format!("#[utoipa::path(post, operation_id = \"{id}\", params({parameter}))]\nasync fn {handler}\n}}\n")
    };
    let key = "\"Idempotency-Key\" = Option<String>";
    let text = [
        operation("safe", key, "a(effect: Effect) {"),
        operation("rerun", key, "b() {\n    Ok((Extension(Repeatable), Json(done)))"),
        operation("unsafe", key, "c() {"),
        "async fn not_a_handler(effect: Effect) {\n}\n".to_owned(),
        operation("without_key", "", "d() {"),
    ];
    let found = |id: &str, is_safe| KeyedOperation { id: id.to_owned(), is_safe };
    assert_eq!(keyed_operations(&text.concat()), [found("safe", true), found("rerun", true), found("unsafe", false)]);
}
