//! `/v1/admin/webhooks` and `/v1/admin/webhook-events`: webhooks, their secrets, and what they can subscribe to.
//!
//! Invariant: every handler takes an [`Operator`] with the role `operator`, because a webhook sends data outside.

use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use http_server::operators::{Operator, Superuser};
use http_server::{Json, List, Page, Path, Query};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::request_key::RequestKey;
use super::views::{EventTypeView, NO_STORE, SecretView, WebhookView};
use crate::commands::{self, NewWebhook, WebhookChanges};
use crate::error::Error;
use crate::model::{EVENT_TYPES, Endpoint, EventType, EventTypes, WebhookState, parse_description};
use crate::queries;
use crate::state::Webhooks;

/// A new webhook.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWebhook, example = json!({
    "url": "https://hooks.example.org/tutti",
    "events": ["media.ready", "media.failed"],
    "description": "Tells the shop when a film is ready.",
}))]
pub(super) struct CreateWebhook {
    /// Where the deliveries go: an `https` URL on the public internet, without a user name.
    #[schema(max_length = 2000)]
    url: String,
    /// The types of its events; `/v1/admin/webhook-events` lists them.
    #[schema(min_items = 1)]
    events: Vec<String>,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 200)]
    description: String,
}

/// What is changed of a webhook. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "state": "active" }))]
pub(super) struct EditWebhook {
    /// Where the deliveries go.
    #[schema(max_length = 2000)]
    url: Option<String>,
    /// The types of its events.
    #[schema(min_items = 1)]
    events: Option<Vec<String>>,
    /// What it is for.
    #[schema(max_length = 200)]
    description: Option<String>,
    /// Whether it gets deliveries. What waits for a disabled webhook is sent once it is active again.
    state: Option<WebhookState>,
}

fn endpoint(webhooks: &Webhooks, url: &str) -> Result<Endpoint, Error> {
    Ok(Endpoint::parse(url, &webhooks.rules, &webhooks.context.mail.site_url(""))?)
}

/// Lists webhooks, newest first.
///
/// Each with its newest delivery, and without its secret.
#[utoipa::path(
    get,
    path = "/v1/admin/webhooks",
    operation_id = "list_webhooks",
    tag = "webhooks",
    params(Page),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "A page of webhooks",
            body = List<WebhookView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn list(
    _: Operator<Superuser>,
    State(webhooks): State<Webhooks>,
    Query(page): Query<Page>,
) -> Result<impl IntoResponse, Error> {
    let after = page.after.as_deref().map(str::parse::<Uuid>).transpose().map_err(|_| Error::BadCursor)?;
    let (found, next) = queries::webhooks(&webhooks, after.unwrap_or(Uuid::max()), page.size()).await?;
    let items = found.into_iter().map(WebhookView::new).collect();
    Ok((NO_STORE, Json(List { items, next: next.map(|id| id.to_string()) })))
}

/// Makes a webhook.
///
/// The response has its secret, which is shown once. Deliveries are signed as Standard Webhooks define it. The act is
/// recorded in the audit trail.
#[utoipa::path(
    post,
    path = "/v1/admin/webhooks",
    operation_id = "create_webhook",
    tag = "webhooks",
    security(("token" = [])),
    request_body = CreateWebhook,
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day returns the webhook that the first made, with its secret",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    responses(
        (
            status = 201,
            description = "The webhook with its secret",
            body = WebhookView,
            headers(
                ("Location" = String, description = "The URL of the webhook"),
            ),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "request.bad_idempotency_key",
            "request.idempotency_key_reused",
            "webhooks.invalid",
            "webhooks.invalid_url",
            "webhooks.too_many",
        ])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn create(
    operator: Operator<Superuser>,
    State(webhooks): State<Webhooks>,
    key: RequestKey,
    Json(body): Json<CreateWebhook>,
) -> Result<impl IntoResponse, Error> {
    let new = NewWebhook {
        url: endpoint(&webhooks, &body.url)?,
        events: EventTypes::parse(&body.events)?,
        description: parse_description(&body.description)?,
    };
    let key = key.of(operator.actor.account);
    let (webhook, secret) = commands::create_webhook(&webhooks, operator.actor, new, key).await?;
    let location = [(header::LOCATION, format!("/v1/admin/webhooks/{}", webhook.id))];
    let view = WebhookView::new((webhook, None)).with_secret(&secret);
    Ok((StatusCode::CREATED, location, NO_STORE, Json(view)))
}

/// Returns a webhook.
///
/// With its newest delivery, and without its secret.
#[utoipa::path(
    get,
    path = "/v1/admin/webhooks/{id}",
    operation_id = "show_webhook",
    tag = "webhooks",
    params(
        ("id" = Uuid, Path, description = "The webhook's id", example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10"),
    ),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The webhook",
            body = WebhookView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["webhooks.not_found"])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn show(
    _: Operator<Superuser>,
    State(webhooks): State<Webhooks>,
    Path(id): Path<Uuid>,
) -> Result<impl IntoResponse, Error> {
    Ok((NO_STORE, Json(WebhookView::new(queries::webhook(&webhooks, id).await?))))
}

/// Changes a webhook, disables it, or enables it again.
///
/// The act is recorded in the audit trail. The operator who enables a webhook is told by mail if it is disabled because
/// of its receiver.
#[utoipa::path(
    patch,
    path = "/v1/admin/webhooks/{id}",
    operation_id = "edit_webhook",
    tag = "webhooks",
    request_body = EditWebhook,
    params(
        ("id" = Uuid, Path, description = "The webhook's id", example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10"),
    ),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The webhook as it is now",
            body = WebhookView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["webhooks.invalid", "webhooks.invalid_url", "webhooks.not_found"])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn edit(
    operator: Operator<Superuser>,
    State(webhooks): State<Webhooks>,
    Path(id): Path<Uuid>,
    Json(body): Json<EditWebhook>,
) -> Result<impl IntoResponse, Error> {
    let changes = WebhookChanges {
        url: body.url.map(|url| endpoint(&webhooks, &url)).transpose()?,
        events: body.events.map(|events| EventTypes::parse(&events)).transpose()?,
        description: body.description.map(|text| parse_description(&text)).transpose()?,
        state: body.state,
    };
    commands::update_webhook(&webhooks, operator.actor, id, changes).await?;
    Ok((NO_STORE, Json(WebhookView::new(queries::webhook(&webhooks, id).await?))))
}

/// Removes a webhook with its log.
///
/// What waits for it is not sent any more. The act is recorded in the audit trail.
#[utoipa::path(
    delete,
    path = "/v1/admin/webhooks/{id}",
    operation_id = "remove_webhook",
    tag = "webhooks",
    params(
        ("id" = Uuid, Path, description = "The webhook's id", example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10"),
    ),
    security(("token" = [])),
    responses(
        (
            status = 204,
            description = "Removed",
        ),
    ),
    extensions(
        ("x-codes" = json!(["webhooks.not_found"])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn remove(
    operator: Operator<Superuser>,
    State(webhooks): State<Webhooks>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    commands::remove_webhook(&webhooks, operator.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replaces the secret of a webhook.
///
/// The response has the new secret, which is shown once. For 24 hours deliveries are signed with both secrets. The act
/// is recorded in the audit trail.
#[utoipa::path(
    post,
    path = "/v1/admin/webhooks/{id}/secret",
    operation_id = "rotate_webhook_secret",
    tag = "webhooks",
    params(
        ("id" = Uuid, Path, description = "The webhook's id", example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10"),
    ),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The new secret",
            body = SecretView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["webhooks.not_found"])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn rotate_secret(
    operator: Operator<Superuser>,
    State(webhooks): State<Webhooks>,
    Path(id): Path<Uuid>,
) -> Result<impl IntoResponse, Error> {
    let (secret, previous_valid_until) = commands::rotate_secret(&webhooks, operator.actor, id).await?;
    Ok((NO_STORE, Json(SecretView { secret: secret.text(), previous_valid_until })))
}

/// Lists the events that webhooks can subscribe to.
///
/// All on one page. A delivery is `{"type", "timestamp", "data"}`; the descriptions say what `data` has.
#[utoipa::path(
    get,
    path = "/v1/admin/webhook-events",
    operation_id = "list_webhook_events",
    tag = "webhooks",
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The types of events",
            body = List<EventTypeView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn list_events(_: Operator<Superuser>) -> Json<List<EventTypeView>> {
    let view = |known: &EventType| EventTypeView { event_type: known.name, description: known.description };
    Json(List { items: EVENT_TYPES.iter().map(view).collect(), next: None })
}
