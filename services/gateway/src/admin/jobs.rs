//! The operations on the timed jobs of all roles: their last runs, and the history of one.
//!
//! Does not own them: each role returns its own. Invariant: they are only read.

#![allow(unused_qualifications, reason = "the macro of an operation repeats the type of its parameters")]

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use chrono::{DateTime, SecondsFormat, Utc};
use http_server::jobs::{JobHistoryEntry, JobRun, history_path};
use http_server::operators::{Developer, Operator};
use http_server::{Json, List, Path, Problem, Query};
use serde::{Deserialize, Serialize};
use service::Context;
use utoipa::{IntoParams, OpenApi as _, ToSchema};

use super::codes::NO_SUCH_JOB;
use super::gather::{Gathered, gather, roles};

#[derive(utoipa::OpenApi)]
#[openapi(paths(list_jobs, list_runs))]
struct ApiDoc;

/// Returns the OpenAPI part of these operations.
pub(super) fn openapi() -> utoipa::openapi::OpenApi {
    ApiDoc::openapi()
}

/// Returns the routes of these operations.
pub(super) fn router(context: Context) -> Router {
    Router::new()
        .route("/v1/admin/jobs", get(list_jobs))
        .route("/v1/admin/jobs/{service}/{job}/runs", get(list_runs))
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
    let Gathered { found, degraded } = gather(&context, None, http_server::jobs::path).await;
    Json(JobsView { items: found.into_iter().map(|(role, runs)| RoleJobs { role, runs }).collect(), degraded })
}

/// The query of a page of a job's history.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RunsParams {
    /// How many, 1–100; 50 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    #[param(value_type = Option<String>)]
    after: Option<DateTime<Utc>>,
}

/// Lists the runs of a timed job, newest first. They are kept for 30 days.
///
/// A slot that was missed while no process ran has no run.
#[utoipa::path(
    get,
    path = "/v1/admin/jobs/{service}/{job}/runs",
    operation_id = "list_job_runs",
    tag = "operators",
    params(
        (
            "service" = String,
            Path,
            description = "The role whose job it is",
            example = "accounts",
        ),
        (
            "job" = String,
            Path,
            description = "The job",
            example = "accounts.sessions",
        ),
        RunsParams,
    ),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "A page of the job's history",
            body = List<JobHistoryEntry>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["admin.job_not_found"])),
        ("x-admin-role" = json!("developer")),
    ),
)]
async fn list_runs(
    _: Operator<Developer>,
    State(context): State<Context>,
    Path((service, job)): Path<(String, String)>,
    Query(params): Query<RunsParams>,
) -> Result<Json<List<JobHistoryEntry>>, Problem> {
    let not_found = || Problem::of(NO_SUCH_JOB, "No such job has run in the last 30 days.");
    let role = roles(&context).find(|role| *role == service).ok_or_else(not_found)?;
    let limit = usize::from(params.limit.unwrap_or(50).clamp(1, 100));
    let path = history_path(role, &job, params.after, limit + 1).ok_or_else(not_found)?;
    let found: Option<Vec<JobHistoryEntry>> = context.peers.get_json(role, &path).await.map_err(|error| {
        tracing::warn!(%error, role, "the history of a job can't be read");
        Problem::unavailable("The role does not respond right now. Try again shortly.", Duration::from_secs(2))
    })?;
    let mut items = found.filter(|runs| !runs.is_empty() || params.after.is_some()).ok_or_else(not_found)?;
    let has_more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| has_more);
    let next = last.map(|run| run.slot.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    Ok(Json(List { items, next }))
}
