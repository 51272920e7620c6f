//! Types and rules, without I/O.
//!
//! Invariant: a value of these types has passed its rules.

mod endpoint;
mod public_event;
mod schedule;
mod webhook;

pub(crate) use endpoint::{Endpoint, InvalidUrl, host};
pub(crate) use outgoing::signature::{SECRET_BYTES, Secret, signatures};
pub(crate) use public_event::{EVENT_TYPES, EventType, PublicEvent, SUBJECTS};
pub(crate) use schedule::{AttemptResult, Verdict};
pub(crate) use webhook::{
    Attempt, Delivery, DeliveryState, EventTypes, InvalidWebhook, Webhook, WebhookState, parse_description,
};
