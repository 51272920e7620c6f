//! The operations that span all roles: timed jobs, and the dead letters of the bus.
//!
//! Does not own either: a role returns its own jobs, and the bus has the dead letters. Invariant: a redelivery is
//! recorded as an act before it happens, and no payload of an event is returned.

#![allow(unused_qualifications, reason = "the macro of an operation repeats the type of its parameters")]

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use futures::future::join_all;
use http::StatusCode;
use http_server::jobs::JobRun;
use http_server::operators::{Act, Developer, Operator};
use http_server::{Json, Path, Problem, Query};
use serde::{Deserialize, Serialize};
use service::Context;
use utoipa::{IntoParams, OpenApi as _, ToSchema};

http_server::codes! {
    /// The codes of the admin role's problems.
    NO_SUCH_DEAD_LETTER = 404 "admin.dead_letter_not_found",
        "List the dead letters again; this one may have been delivered meanwhile.";
}

/// Dead letters among which one is looked up by its id.
const MAX_DEAD_LETTERS: usize = 1_000;

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(list_jobs, list_dead_letters, redeliver),
    tags((name = "operators", description = "For operators: members, audit trail, timed jobs, dead letters."))
)]
struct ApiDoc;

/// Returns the OpenAPI part of this role.
pub(super) fn openapi() -> utoipa::openapi::OpenApi {
    ApiDoc::openapi()
}

/// Returns the routes of this role's own operations.
pub(super) fn router(context: Context) -> Router {
    Router::new()
        .route("/v1/admin/jobs", get(list_jobs))
        .route("/v1/admin/dead-letters", get(list_dead_letters))
        .route("/v1/admin/dead-letters/{id}/redeliver", post(redeliver))
        .with_state(context)
}

/// The timed jobs of every role.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "items": [
        {
            "role": "accounts",
            "runs": [
                {
                    "job": "accounts.sessions",
                    "slot": "2026-05-17T09:00:00Z",
                    "lease_until": "2026-05-17T09:03:00Z",
                    "finished_at": "2026-05-17T09:00:01Z",
                    "failure": null,
                },
            ],
        },
    ],
    "degraded": ["transcode"],
}))]
struct JobsView {
    /// The roles that have jobs.
    items: Vec<RoleJobs>,
    /// The roles that did not respond, whose jobs are missing.
    degraded: Vec<String>,
}

/// The timed jobs of a role.
#[derive(Debug, Serialize, ToSchema)]
struct RoleJobs {
    /// The role.
    role: &'static str,
    /// The last ten runs of each of its jobs, by job, newest first.
    runs: Vec<JobRun>,
}

/// Lists the timed jobs of every role, with their last runs.
///
/// A role that does not respond is in `degraded`, and its jobs are missing.
#[utoipa::path(
    get,
    path = "/v1/admin/jobs",
    operation_id = "list_jobs",
    tag = "operators",
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The last runs of each job, by role",
            body = JobsView,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
        ("x-admin-role" = json!("developer")),
    ),
)]
async fn list_jobs(_: Operator<Developer>, State(context): State<Context>) -> Json<JobsView> {
    let with_api = context.roles.iter().filter(|interface| !interface.openapi.paths.paths.is_empty());
    let roles: Vec<&'static str> =
        with_api.map(|interface| interface.role).filter(|role| *role != super::NAME).collect();
    let responses = join_all(roles.iter().map(|role| runs_of(&context, role))).await;
    let mut view = JobsView { items: Vec::new(), degraded: Vec::new() };
    for (role, runs) in roles.into_iter().zip(responses) {
        match runs {
            Ok(runs) => view.items.push(RoleJobs { role, runs: runs.unwrap_or_default() }),
            Err(error) => {
                tracing::warn!(%error, role, "the jobs of a role are missing from a list");
                view.degraded.push(role.to_owned());
            }
        }
    }
    Json(view)
}

async fn runs_of(context: &Context, role: &str) -> Result<Option<Vec<JobRun>>, peer::Error> {
    context.peers.get_json(role, &http_server::jobs::path(role)).await
}

/// The query of a list of dead letters.
#[derive(Debug, Deserialize, IntoParams)]
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
    let engine = context.bus.engine();
    let found = engine.dead_letters(MAX_DEAD_LETTERS).await.map_err(|error| failed(&error))?;
    if !found.iter().any(|letter| letter.event.id == id) {
        return Err(Problem::of(NO_SUCH_DEAD_LETTER, "There is no such dead letter. It may be delivered already."));
    }
    let now = context.clock.now();
    let act = Act::new(operator.actor, "bus.redelivered", now).on("event", &id).because(&body.reason).sanitized();
    let event = context.random.uuid_v7(now).to_string();
    context.bus.publish(&event, &act).await.map_err(|error| failed(&error))?;
    engine.redeliver(None, Some(&id)).await.map_err(|error| failed(&error))?;
    Ok(StatusCode::ACCEPTED)
}

fn bus_unavailable() -> Problem {
    Problem::unavailable("The event bus does not respond right now. Try again shortly.", Duration::from_secs(2))
}
