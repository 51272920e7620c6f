//! Requests that create something are done once, whatever fails behind their transaction.

use super::{assert_none, files, read, relative, services};

/// Files whose creating requests find what they would create: there is one report, appeal or repost of a member, one
/// message of a client id, and the keys of `accounts` and `webhooks` are in the rows that they make.
const FOUND_AGAIN: [&str; 6] = [
    "services/chat/src/api/messages.rs",
    "services/chat/src/api/reports.rs",
    "services/moderation/src/api/own.rs",
    "services/social/src/api/lists.rs",
    "services/social/src/api/reports.rs",
    "services/social/src/api/reposts.rs",
];

#[test]
fn what_creates_records_its_effect_in_its_transaction() {
    let mut violations = Vec::new();
    for (name, folder) in services() {
        if name == "accounts" || name == "webhooks" {
            continue;
        }
        for file in files(&folder.join("src/api"), "rs") {
            let (text, path) = (read(&file), relative(&file));
            let takes_key = text.contains("\"Idempotency-Key\" = Option<String>");
            let is_safe = text.contains("effect: Effect") || text.contains("Extension(Repeatable)");
            if takes_key && !is_safe && !FOUND_AGAIN.contains(&path.as_str()) {
                violations.push(format!("{path} takes an Idempotency-Key, and no `Effect`"));
            }
        }
    }
    assert_none(&violations, "A process may die behind the commit: decision 24.");
}
