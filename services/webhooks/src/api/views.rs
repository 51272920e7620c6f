//! The response bodies.
//!
//! Invariant: a secret is in the response that makes it only; no response may be stored.

use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, header};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model::{Attempt, DeliveryState, Secret, Webhook, WebhookState};
use crate::queries::DeliveryLog;

/// The response must not be stored.
pub(super) const NO_STORE: [(HeaderName, HeaderValue); 1] =
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook, example = json!({
    "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
    "url": "https://hooks.example.org/tutti",
    "events": ["media.ready", "media.failed"],
    "description": "Tells the shop when a film is ready.",
    "state": "active",
    "created_at": "2026-05-17T09:30:00Z",
    "disabled_at": null,
    "disabled_reason": null,
    "last_delivery": null,
}))]
pub(super) struct WebhookView {
    id: Uuid,
    /// Where its deliveries go.
    url: String,
    /// The types of its events.
    events: Vec<String>,
    /// What it is for.
    description: String,
    /// Whether it gets deliveries.
    state: WebhookState,
    /// The secret, in the response that makes the webhook only.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    created_at: DateTime<Utc>,
    /// When it was disabled, if it is.
    #[schema(required)]
    disabled_at: Option<DateTime<Utc>>,
    /// Why: `operator`; or its receiver answered 410 (`gone`), took nothing for about three days (`failing`), or has
    /// too much waiting for it (`backlog`).
    #[schema(required)]
    disabled_reason: Option<String>,
    /// Its newest delivery.
    #[schema(required)]
    last_delivery: Option<DeliveryView>,
}

impl WebhookView {
    /// Creates the view of a webhook with its newest delivery.
    pub(super) fn new((webhook, newest): (Webhook, Option<DeliveryLog>)) -> Self {
        Self {
            id: webhook.id,
            url: webhook.url,
            events: webhook.events.names(),
            description: webhook.description,
            state: webhook.state,
            secret: None,
            created_at: webhook.created_at,
            disabled_at: webhook.disabled_at,
            disabled_reason: webhook.disabled_reason,
            last_delivery: newest.map(DeliveryView::new),
        }
    }

    /// Adds the secret.
    pub(super) fn with_secret(self, secret: &Secret) -> Self {
        Self { secret: Some(secret.text()), ..self }
    }
}

/// A new secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookSecret, example = json!({
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "previous_valid_until": "2026-05-18T09:30:00Z",
}))]
pub(super) struct SecretView {
    /// The secret: `whsec_` and base64.
    pub secret: String,
    /// Until when the former secret signs too.
    pub previous_valid_until: DateTime<Utc>,
}

/// A delivery of an event to a webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookDelivery, example = json!({
    "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c12",
    "event_type": "media.ready",
    "event_id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11",
    "state": "delivered",
    "attempts": [
        {"at": "2026-05-17T09:30:00Z", "status": 204, "error": null, "response": null, "milliseconds": 87},
    ],
    "created_at": "2026-05-17T09:30:00Z",
    "next_attempt_at": null,
}))]
pub(super) struct DeliveryView {
    id: Uuid,
    /// The type of the event.
    event_type: String,
    /// The id of the event: `webhook-id`.
    event_id: String,
    /// Whether it has arrived.
    state: DeliveryState,
    /// The last attempts, at most 20, the oldest first.
    attempts: Vec<AttemptView>,
    created_at: DateTime<Utc>,
    /// When it is tried next, while it waits.
    #[schema(required)]
    next_attempt_at: Option<DateTime<Utc>>,
}

impl DeliveryView {
    /// Creates the view of a delivery with its attempts.
    pub(super) fn new((delivery, attempts): DeliveryLog) -> Self {
        Self {
            id: delivery.id,
            event_type: delivery.event_type,
            event_id: delivery.event_id,
            state: delivery.state,
            attempts: attempts.into_iter().map(AttemptView::from).collect(),
            created_at: delivery.created_at,
            next_attempt_at: delivery.due_at,
        }
    }
}

/// An attempt to deliver.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookAttempt, example = json!({
    "at": "2026-05-17T09:30:00Z",
    "status": 204,
    "error": null,
    "response": null,
    "milliseconds": 87,
}))]
pub(super) struct AttemptView {
    /// When it began.
    at: DateTime<Utc>,
    /// The status of the response, if there was one.
    #[schema(required)]
    status: Option<u16>,
    /// Why it failed, if it did.
    #[schema(required)]
    error: Option<String>,
    /// The first 1,024 bytes of the response's body, as text.
    #[schema(required)]
    response: Option<String>,
    /// How long it took.
    milliseconds: i64,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        let Attempt { at, status, error, response, milliseconds } = attempt;
        Self { at, status, error, response, milliseconds }
    }
}

/// A type of event that a webhook can subscribe to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEvent, example = json!({
    "type": "media.failed",
    "description": "An item can't be converted; its original is kept. `data`: `id`, `code`.",
}))]
pub(super) struct EventTypeView {
    /// Its name.
    #[serde(rename = "type")]
    pub event_type: &'static str,
    /// What has happened, and what `data` has.
    pub description: &'static str,
}
