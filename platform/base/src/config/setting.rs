//! The effective configuration of a process, for the people who run it: each key with its value, and where that comes
//! from.
//!
//! Invariant: no value has a secret: one of the type [`super::Secret`] is left out, and URLs have no passwords.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::secret::{HIDDEN, redact_url};

/// Where the value of a key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SettingSource)]
pub enum Source {
    /// Nothing sets it.
    #[default]
    Default,
    /// The configuration file.
    File,
    /// The environment.
    Environment,
    /// The command line.
    #[serde(rename = "command line")]
    CommandLine,
}

/// A key with its effective value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The key with its section, such as `media.photo_max_bytes`.
    pub key: String,
    /// The value as `--set` takes it; `None` if the key has none, or if it is a secret.
    pub value: Option<String>,
    /// Whether the value is a secret, or a part of it is one that was left out.
    pub hidden: bool,
    /// Where the value comes from.
    pub source: Source,
    /// What the key means, in one line.
    pub description: String,
}

impl Setting {
    /// Returns the setting of a key whose value serializes as this JSON.
    pub fn new(key: String, value: &Value, source: Source, description: &str) -> Self {
        let (value, hidden) = shown(value);
        Self { key, value, hidden, source, description: description.to_owned() }
    }
}

/// Returns a value as text without its secrets, and whether it has any.
fn shown(value: &Value) -> (Option<String>, bool) {
    match value {
        Value::Null => (None, false),
        Value::String(text) if text == HIDDEN => (None, true),
        Value::String(text) => match redact_url(text) {
            Some(redacted) => (Some(redacted), true),
            None => (Some(text.clone()), false),
        },
        other => {
            let mut shown = other.clone();
            let hidden = redact_within(&mut shown);
            (Some(shown.to_string()), hidden)
        }
    }
}

/// Removes the passwords of URLs within a value. Returns whether there were any.
fn redact_within(value: &mut Value) -> bool {
    match value {
        Value::String(text) => match redact_url(text) {
            Some(redacted) => {
                *text = redacted;
                true
            }
            None => text == HIDDEN,
        },
        // All of them, not only up to the first.
        Value::Array(items) => items.iter_mut().map(redact_within).filter(|hidden| *hidden).count() > 0,
        Value::Object(fields) => fields.values_mut().map(redact_within).filter(|hidden| *hidden).count() > 0,
        _ => false,
    }
}
