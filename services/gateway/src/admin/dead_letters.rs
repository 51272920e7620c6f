//! The operations on the dead letters of the bus.
//!
//! Does not own them: the bus does. Invariant: a redelivery is recorded as an act before it happens, and no payload of
//! an event is returned.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use http::StatusCode;
use http_server::operators::{Act, Developer, Operator, require_reason};
use http_server::{Json, Path, Problem, Query};
use serde::{Deserialize, Serialize};
use service::Context;
use utoipa::{OpenApi as _, ToSchema};

use super::codes::NO_SUCH_DEAD_LETTER;

/// Dead letters among which one is looked up by its id.
const MAX_DEAD_LETTERS: usize = 1_000;

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(list_dead_letters, redeliver),
    tags((name = "operators", description = "For operators: members, audit trail, timed jobs, dead letters."))
)]
struct ApiDoc;

/// Returns the OpenAPI part of these operations.
pub(super) fn openapi() -> utoipa::openapi::OpenApi {
    ApiDoc::openapi()
}

/// Returns the routes of these operations.
pub(super) fn router(context: Context) -> Router {
    Router::new()
        .route("/v1/admin/dead-letters", get(list_dead_letters))
        .route("/v1/admin/dead-letters/{id}/redeliver", post(redeliver))
        .with_state(context)
}

/// The query of a list of dead letters.
// Not imported: the macro of the operation writes the whole path, which would be needless beside an import.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct DeadLettersParams {
    /// How many, 1–100; 50 by default.
    limit: Option<u16>,
}

/// An event that a consumer could not handle.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
    "consumer": "delivery.published",
    "subject": "transcode.published",
    "attempts": 8,
    "reason": "the item has no renditions",
    "died_at": "2026-05-17T09:30:00Z",
}))]
struct DeadLetterView {
    /// The event.
    id: String,
    /// The consumer that could not handle it.
    consumer: String,
    /// The event's subject.
    subject: String,
    /// How many attempts were made.
    attempts: u32,
    /// Why the last one failed.
    reason: String,
    /// When it was given up.
    #[schema(format = DateTime)]
    died_at: String,
}

/// The dead letters.
#[derive(Debug, Serialize, ToSchema)]
struct DeadLettersView {
    /// Oldest first.
    items: Vec<DeadLetterView>,
}

/// Lists the dead letters of the bus, oldest first.
///
/// An event without a payload: what it is about is private to its consumer.
#[utoipa::path(
    get,
    path = "/v1/admin/dead-letters",
    operation_id = "list_dead_letters",
    tag = "operators",
    params(DeadLettersParams),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The oldest dead letters",
            body = DeadLettersView,
            example = json!({
                "items": [
                    {
                        "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
                        "consumer": "delivery.published",
                        "subject": "transcode.published",
                        "attempts": 8,
                        "reason": "the item has no renditions",
                        "died_at": "2026-05-17T09:30:00Z",
                    },
                ],
            }),
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
        ("x-admin-role" = json!("developer")),
    ),
)]
async fn list_dead_letters(
    _: Operator<Developer>,
    State(context): State<Context>,
    Query(params): Query<DeadLettersParams>,
) -> Result<Json<DeadLettersView>, Problem> {
    let limit = usize::from(params.limit.unwrap_or(50).clamp(1, 100));
    let found = context.bus.engine().dead_letters(limit).await.map_err(|error| {
        tracing::warn!(%error, "the dead letters can't be read");
        bus_unavailable()
    })?;
    let items = found.into_iter().map(|letter| DeadLetterView {
        id: letter.event.id,
        consumer: letter.consumer,
        subject: letter.event.subject,
        attempts: letter.attempts,
        reason: letter.reason,
        died_at: letter.died_at.to_rfc3339(),
    });
    Ok(Json(DeadLettersView { items: items.collect() }))
}

/// Why an operator acts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The disk was full; it is not any more." }))]
struct RedeliverDeadLetter {
    /// The reason, for the audit trail.
    #[schema(max_length = 500)]
    reason: String,
}

/// Delivers a dead letter again, to the consumer that could not handle it.
///
/// The act is recorded in the audit trail. The consumer handles an event once, however often it is delivered.
#[utoipa::path(
    post,
    path = "/v1/admin/dead-letters/{id}/redeliver",
    operation_id = "redeliver_dead_letter",
    tag = "operators",
    request_body = RedeliverDeadLetter,
    params(
        (
            "id" = String,
            Path,
            description = "The id of the event",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    security(("token" = [])),
    responses(
        (
            status = 202,
            description = "It will be delivered again",
        ),
    ),
    extensions(
        ("x-codes" = json!(["admin.dead_letter_not_found"])),
        ("x-admin-role" = json!("developer")),
    ),
)]
async fn redeliver(
    operator: Operator<Developer>,
    State(context): State<Context>,
    Path(id): Path<String>,
    Json(body): Json<RedeliverDeadLetter>,
) -> Result<StatusCode, Problem> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::warn!(%error, "a dead letter can't be delivered again");
        bus_unavailable()
    };
    let (reason, engine) = (require_reason(&body.reason)?, context.bus.engine());
    let found = engine.dead_letters(MAX_DEAD_LETTERS).await.map_err(|error| failed(&error))?;
    if !found.iter().any(|letter| letter.event.id == id) {
        return Err(Problem::of(NO_SUCH_DEAD_LETTER, "There is no such dead letter. It may be delivered already."));
    }
    let now = context.clock.now();
    let act = Act::new(operator.actor, "bus.redelivered", now).on("event", &id).because(reason).sanitized();
    let event = context.random.uuid_v7(now).to_string();
    context.bus.publish(&event, &act).await.map_err(|error| failed(&error))?;
    engine.redeliver(None, Some(&id)).await.map_err(|error| failed(&error))?;
    Ok(StatusCode::ACCEPTED)
}

fn bus_unavailable() -> Problem {
    Problem::unavailable("The event bus does not respond right now. Try again shortly.", Duration::from_secs(2))
}
