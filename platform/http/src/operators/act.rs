//! An operator's act, as it is recorded in the audit trail.
//!
//! A role records an act in the transaction that does it ([`Act::record`]); accounts appends it to the trail, once.
//! Invariant: what leaves this module has no value under a name that says it is a secret, and a bounded size.

use base::Event;
use chrono::{DateTime, Utc};
use db::Tx;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::actor::Actor;
use crate::problem::{Problem, every_role};

/// The most bytes of JSON that are kept of what was before, and of what is after.
const MAX_JSON_BYTES: usize = 8 * 1024;
/// The most characters of a reason.
const MAX_REASON_CHARS: usize = 500;
/// The most characters of a name: of an action, a kind of target, or a target's id.
const MAX_NAME_CHARS: usize = 200;
/// A value whose name has one of these words is not kept.
const SECRET_WORDS: [&str; 6] = ["password", "secret", "token", "cookie", "recovery", "private_key"];
const HIDDEN: &str = "(hidden)";

/// Returns the reason that a request gives for an act; a 422 for a request without one.
pub fn require_reason(reason: &str) -> Result<&str, Problem> {
    let reason = reason.trim();
    if (1..=MAX_REASON_CHARS).contains(&reason.chars().count()) {
        return Ok(reason);
    }
    let detail = "`reason` must say why, in 1 to 500 characters. It is kept in the audit trail.";
    Err(Problem::of(every_role::INVALID, detail))
}

/// An act of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Who did it.
    pub actor: Actor,
    /// What was done, as `role.past_tense`, such as `accounts.roles_changed`.
    pub action: String,
    /// On whom or what.
    #[serde(default)]
    pub target: Option<Target>,
    /// What was changed, before the act.
    #[serde(default)]
    pub before: Option<Value>,
    /// The same, after the act.
    #[serde(default)]
    pub after: Option<Value>,
    /// Why, in the operator's own words; empty if no reason was given.
    #[serde(default)]
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// On whom or what an operator acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The kind, such as `account`.
    pub kind: String,
    /// The id.
    pub id: String,
}

impl Event for Act {
    const SUBJECT: &'static str = "operators.acted";
}

impl Act {
    /// Returns an act on nothing in particular, which changed nothing that is shown.
    pub fn new(actor: Actor, action: &str, at: DateTime<Utc>) -> Self {
        let action = action.to_owned();
        Self { actor, action, target: None, before: None, after: None, reason: String::new(), at }
    }

    /// Sets on whom or what.
    #[must_use]
    pub fn on(mut self, kind: &str, id: impl std::fmt::Display) -> Self {
        self.target = Some(Target { kind: kind.to_owned(), id: id.to_string() });
        self
    }

    /// Sets what was changed.
    #[must_use]
    pub fn change(mut self, before: Value, after: Value) -> Self {
        (self.before, self.after) = (Some(before), Some(after));
        self
    }

    /// Sets the reason.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        reason.trim().clone_into(&mut self.reason);
        self
    }

    /// Records the act in the transaction that does it. It is in the audit trail if and only if that commits.
    pub fn record(self, tx: &Tx) -> Result<(), db::Error> {
        let at = self.at;
        tx.publish(&self.sanitized(), at)
    }

    /// Returns the act as it may be stored: without secrets and NULs, and with every text at most as long as its limit.
    #[must_use]
    pub fn sanitized(mut self) -> Self {
        shorten(&mut self.action, MAX_NAME_CHARS);
        shorten(&mut self.actor.name, MAX_NAME_CHARS);
        shorten(&mut self.reason, MAX_REASON_CHARS);
        if let Some(target) = &mut self.target {
            shorten(&mut target.kind, MAX_NAME_CHARS);
            shorten(&mut target.id, MAX_NAME_CHARS);
        }
        self.before = self.before.map(sanitized_value);
        self.after = self.after.map(sanitized_value);
        self
    }
}

fn shorten(text: &mut String, max_chars: usize) {
    // PostgreSQL stores none, and an act that can't be stored would be missing in the trail.
    text.retain(|char| char != '\0');
    if let Some((end, _)) = text.char_indices().nth(max_chars) {
        text.truncate(end);
    }
}

fn sanitized_value(mut value: Value) -> Value {
    hide_secrets(&mut value);
    let bytes = value.to_string().len();
    if bytes > MAX_JSON_BYTES { json!({ "left_out_bytes": bytes }) } else { value }
}

fn hide_secrets(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = name.to_ascii_lowercase();
                if SECRET_WORDS.iter().any(|word| name.contains(word)) {
                    *field = HIDDEN.into();
                } else {
                    hide_secrets(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_secrets),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(after: Value) -> Act {
        Act::new(Actor::machine("root"), "accounts.roles_changed", DateTime::UNIX_EPOCH).change(Value::Null, after)
    }

    #[test]
    fn secrets_are_not_kept() {
        let kept = act(json!({"name": "x", "inner": [{"refresh_token": "abc", "Password": {"a": 1}}]})).sanitized();
        let hidden = json!({"name": "x", "inner": [{"refresh_token": HIDDEN, "Password": HIDDEN}]});
        assert_eq!(kept.after, Some(hidden));
    }

    #[test]
    fn a_reason_has_something_to_say_and_an_end() {
        assert_eq!(require_reason(" The disk was full. ").ok(), Some("The disk was full."));
        for refused in ["", " \n", &"ä".repeat(501)] {
            assert_eq!(
                require_reason(refused).err().map(|problem| problem.status),
                Some(http::StatusCode::UNPROCESSABLE_ENTITY)
            );
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let long = act(json!({"text": "x".repeat(10_000)})).because(&"ä".repeat(600)).on("account", "y".repeat(300));
        let kept = long.sanitized();
        assert_eq!(kept.after, Some(json!({"left_out_bytes": 10_011})));
        assert_eq!(kept.reason.chars().count(), MAX_REASON_CHARS);
        assert_eq!(kept.target.as_ref().map(|target| target.id.len()), Some(MAX_NAME_CHARS));
        assert_eq!(kept.clone().sanitized(), kept);
    }

    #[test]
    fn no_text_has_a_nul_which_postgresql_would_refuse() {
        let kept = act(json!({"a": "b\0"})).because("\0because\0").on("event\0", "7\0").sanitized();
        assert_eq!(kept.reason, "because");
        assert_eq!(kept.target, Some(Target { kind: "event".into(), id: "7".into() }));
        assert!(!kept.after.unwrap().to_string().contains('\0'), "JSON escapes it");
    }
}
