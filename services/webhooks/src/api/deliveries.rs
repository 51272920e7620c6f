//! `/v1/admin/webhooks/{id}/deliveries` and `…/test`: the log of a webhook, delivering again, and trying it.
//!
//! Invariant: a delivery of another webhook is a 404, like one that does not exist; no payload is returned.

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use http_server::operators::{Operator, Superuser};
use http_server::{Json, List, Path, Query};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::views::{DeliveryView, NO_STORE};
use crate::commands;
use crate::error::Error;
use crate::model::DeliveryState;
use crate::queries;
use crate::state::Webhooks;

/// The query of a page of deliveries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DeliveriesParams {
    /// Only deliveries in this state.
    #[param(example = "failed")]
    state: Option<DeliveryState>,
    /// How many items, 1–100; 50 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    after: Option<String>,
}

/// Sends a test event to a webhook.
///
/// It is a delivery like any other, of the type `webhook.test`. The act is recorded in the audit trail.
#[utoipa::path(
    post,
    path = "/v1/admin/webhooks/{id}/test",
    operation_id = "test_webhook",
    tag = "webhooks",
    params(
        ("id" = Uuid, Path, description = "The webhook's id", example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10"),
    ),
    security(("token" = [])),
    responses(
        (
            status = 202,
            description = "The delivery, which is sent at once",
            body = DeliveryView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["webhooks.disabled", "webhooks.not_found"])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn send_test(
    operator: Operator<Superuser>,
    State(webhooks): State<Webhooks>,
    Path(id): Path<Uuid>,
) -> Result<impl IntoResponse, Error> {
    let delivery = commands::send_test(&webhooks, operator.actor, id).await?;
    Ok((StatusCode::ACCEPTED, NO_STORE, Json(DeliveryView::new((delivery, Vec::new())))))
}

/// Lists the deliveries of a webhook, newest first.
///
/// With their last attempts. Deliveries are kept for 30 days.
#[utoipa::path(
    get,
    path = "/v1/admin/webhooks/{id}/deliveries",
    operation_id = "list_webhook_deliveries",
    tag = "webhooks",
    params(
        ("id" = Uuid, Path, description = "The webhook's id", example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10"),
        DeliveriesParams,
    ),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "A page of deliveries",
            body = List<DeliveryView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["webhooks.not_found"])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn list(
    _: Operator<Superuser>,
    State(webhooks): State<Webhooks>,
    Path(id): Path<Uuid>,
    Query(params): Query<DeliveriesParams>,
) -> Result<impl IntoResponse, Error> {
    let after = params.after.as_deref().map(str::parse::<Uuid>).transpose().map_err(|_| Error::BadCursor)?;
    let (before, limit) = (after.unwrap_or(Uuid::max()), usize::from(params.limit.unwrap_or(50).clamp(1, 100)));
    let (found, next) = queries::deliveries(&webhooks, id, params.state, before, limit).await?;
    let items = found.into_iter().map(DeliveryView::new).collect();
    Ok((NO_STORE, Json(List { items, next: next.map(|id| id.to_string()) })))
}

/// Sends a delivery again, with the same `webhook-id` and payload.
///
/// It may be in any state; its attempts begin anew. The act is recorded in the audit trail.
#[utoipa::path(
    post,
    path = "/v1/admin/webhooks/{id}/deliveries/{delivery}/redeliver",
    operation_id = "redeliver_webhook_delivery",
    tag = "webhooks",
    params(
        ("id" = Uuid, Path, description = "The webhook's id", example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10"),
        (
            "delivery" = Uuid,
            Path,
            description = "The delivery's id",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c12",
        ),
    ),
    security(("token" = [])),
    responses(
        (
            status = 202,
            description = "The delivery, which is sent at once",
            body = DeliveryView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["webhooks.delivery_not_found", "webhooks.disabled", "webhooks.not_found"])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn redeliver(
    operator: Operator<Superuser>,
    State(webhooks): State<Webhooks>,
    Path((id, delivery)): Path<(Uuid, Uuid)>,
) -> Result<impl IntoResponse, Error> {
    commands::redeliver(&webhooks, operator.actor, id, delivery).await?;
    let again = queries::delivery(&webhooks, id, delivery).await?;
    Ok((StatusCode::ACCEPTED, NO_STORE, Json(DeliveryView::new(again))))
}
