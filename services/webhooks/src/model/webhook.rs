//! A webhook, its deliveries and their attempts, as they are stored.
//!
//! Invariant: a webhook subscribes to at least one type of event that there is.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use contract::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::public_event::is_event_type;

/// The longest description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 200;

/// A webhook without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Webhook {
    /// Its id.
    pub id: Uuid,
    /// Where its deliveries go.
    pub url: String,
    /// The types of its events.
    pub events: EventTypes,
    /// What it is for, in an operator's words; may be empty.
    pub description: String,
    /// Whether it gets deliveries.
    pub state: WebhookState,
    /// The operator who made it or enabled it last; `None` if that account is erased.
    pub made_by: Option<AccountId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was disabled, if it is.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Why: `operator`, or a [`contract::webhooks::DisabledReason`].
    pub disabled_reason: Option<String>,
}

/// Whether a webhook gets deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WebhookState {
    /// It does.
    Active,
    /// It does not; those that wait are kept.
    Disabled,
}

/// Whether a delivery has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryState {
    /// It is sent now or later.
    Waiting,
    /// The receiver has taken it.
    Delivered,
    /// It was given up.
    Failed,
}

/// Declares the words of a state.
macro_rules! words {
    ($type:ty: $($variant:ident => $word:literal),+) => {
        impl $type {
            /// Returns the state's name.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Returns the state with this name.
            pub(crate) fn from_name(name: &str) -> Option<Self> {
                match name { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words!(WebhookState: Active => "active", Disabled => "disabled");
words!(DeliveryState: Waiting => "waiting", Delivered => "delivered", Failed => "failed");

/// The types of events that a webhook subscribes to, each once, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventTypes(BTreeSet<String>);

/// A value that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidWebhook {
    /// No type of event.
    #[error("A webhook needs at least one type of event.")]
    NoEvents,
    /// There is no such type.
    #[error("There is no event {0:?}. `GET /v1/admin/webhook-events` lists them.")]
    UnknownEvent(String),
    /// The description is too long, or has control characters.
    #[error("The description has at most 200 characters, and no control characters.")]
    Description,
}

impl EventTypes {
    /// Checks a list of types.
    pub(crate) fn parse(names: &[String]) -> Result<Self, InvalidWebhook> {
        if names.is_empty() {
            return Err(InvalidWebhook::NoEvents);
        }
        if let Some(unknown) = names.iter().find(|name| !is_event_type(name)) {
            return Err(InvalidWebhook::UnknownEvent(unknown.chars().take(100).collect()));
        }
        Ok(Self(names.iter().cloned().collect()))
    }

    /// Reads what [`EventTypes::to_text`] wrote. A type that a later release added is kept.
    pub(crate) fn from_text(text: &str) -> Self {
        Self(text.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// Returns the types as one text.
    pub(crate) fn to_text(&self) -> String {
        self.names().join(" ")
    }

    /// Returns the types.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().cloned().collect()
    }

    /// Whether a type is among them.
    pub(crate) fn has(&self, event_type: &str) -> bool {
        self.0.contains(event_type)
    }
}

/// Checks a description.
pub(crate) fn parse_description(text: &str) -> Result<String, InvalidWebhook> {
    let text = text.trim();
    let fits = text.chars().count() <= MAX_DESCRIPTION_CHARS && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(InvalidWebhook::Description) }
}

/// A delivery of an event to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// Its id.
    pub id: Uuid,
    /// The id of the event, which is also `webhook-id`.
    pub event_id: String,
    /// The type of the event.
    pub event_type: String,
    /// Whether it has arrived.
    pub state: DeliveryState,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When it is tried next, while it waits.
    pub due_at: Option<DateTime<Utc>>,
    /// How often it was tried.
    pub attempts: i64,
}

/// An attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// When it began.
    pub at: DateTime<Utc>,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// The beginning of the response's body.
    pub response: Option<String>,
    /// How long it took.
    pub milliseconds: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_subscribes_to_events_that_there_are() {
        let parse = |names: &[&str]| EventTypes::parse(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        let types = parse(&["media.ready", "account.erased", "media.ready"]).unwrap();
        assert_eq!(types.to_text(), "account.erased media.ready");
        assert_eq!(EventTypes::from_text(&types.to_text()), types);
        assert!(types.has("media.ready") && !types.has("media.failed"));
        assert_eq!(parse(&[]), Err(InvalidWebhook::NoEvents));
        for unknown in ["", "media.read", "media ready", "webhook.test", "*"] {
            assert_eq!(parse(&["media.ready", unknown]), Err(InvalidWebhook::UnknownEvent(unknown.to_owned())));
        }
    }

    #[test]
    fn a_description_is_short_text() {
        assert_eq!(parse_description(" the CRM ").unwrap(), "the CRM");
        assert!(parse_description("a\nb").is_err() && parse_description(&"x".repeat(201)).is_err());
    }
}
