//! The operations on the timed jobs of all roles: their rules and last runs, the history of one, pausing, resuming, and
//! asking for a run.
//!
//! Does not own them: each role has its own, and does what is wanted of it itself. Invariant: the caller's token goes
//! along, so the role checks the caller again and records the act in the transaction that does it.

#![allow(unused_qualifications, reason = "the macro of an operation repeats the type of its parameters")]

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use chrono::{DateTime, SecondsFormat, Utc};
use http::{Uri, header};
use http_server::jobs::{
    ChangeJob, JobAct, JobHistoryEntry, JobRun, NO_SUCH_JOB, TimedJob, act_path, history_path, timed_path,
};
use http_server::operators::{Developer, Operator};
use http_server::{Json, List, Path, Problem, Query};
use serde::{Deserialize, Serialize};
use service::Context;
use utoipa::{IntoParams, OpenApi as _, ToSchema};

use super::gather::{Gathered, gather, roles};
use crate::forward::{ProxyState, call_role};

#[derive(utoipa::OpenApi)]
#[openapi(paths(list_jobs, list_runs, run_job, pause_job, resume_job))]
struct ApiDoc;

/// Returns the OpenAPI part of these operations.
pub(super) fn openapi() -> utoipa::openapi::OpenApi {
    ApiDoc::openapi()
}

/// What the handlers need.
#[derive(Clone)]
struct Jobs {
    context: Context,
    proxy: ProxyState,
}

/// Returns the routes of these operations.
pub(super) fn router(context: Context, proxy: ProxyState) -> Router {
    Router::new()
        .route("/v1/admin/jobs", get(list_jobs))
        .route("/v1/admin/jobs/{service}/{job}/runs", get(list_runs))
        .route("/v1/admin/jobs/{service}/{job}/run", post(run_job))
        .route("/v1/admin/jobs/{service}/{job}/pause", post(pause_job))
        .route("/v1/admin/jobs/{service}/{job}/resume", post(resume_job))
        .with_state(Jobs { context, proxy })
}

/// The timed jobs of every role.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "items": [
        {
            "role": "accounts",
            "jobs": [
                {
                    "job": "accounts.sessions",
                    "every_seconds": 3600,
                    "at": null,
                    "zone": null,
                    "catch_up": "once",
                    "made_up_max": 1,
                    "jitter_seconds": 0,
                    "max_running": 1,
                    "next_slot": "2026-05-17T10:00:00Z",
                    "paused_at": null,
                    "paused_by": null,
                    "paused_reason": null,
                    "last_run": {
                        "slot": "2026-05-17T09:00:00Z",
                        "state": "done",
                        "attempts": 1,
                        "started_at": "2026-05-17T09:00:00Z",
                        "finished_at": "2026-05-17T09:00:01Z",
                        "error": null,
                        "process": "server-1:4711",
                        "requested_by": null,
                    },
                },
            ],
            "runs": [
                {
                    "job": "accounts.sessions",
                    "slot": "2026-05-17T09:00:00Z",
                    "lease_until": "2026-05-17T09:02:00Z",
                    "finished_at": "2026-05-17T09:00:01Z",
                    "failure": null,
                    "started_at": "2026-05-17T09:00:00Z",
                    "process": "server-1:4711",
                    "requested_by": null,
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
    /// Its jobs, by name: those that a process has had in the last month, and paused ones.
    jobs: Vec<TimedJob>,
    /// The last ten runs of each of its jobs, by job, newest first.
    runs: Vec<JobRun>,
}

/// Lists the timed jobs of every role, with their rules, next slots and last runs.
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
            description = "The jobs and their last runs, by role",
            body = JobsView,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
        ("x-admin-role" = json!("developer")),
    ),
)]
async fn list_jobs(_: Operator<Developer>, State(jobs): State<Jobs>) -> Json<JobsView> {
    let (timed, runs) = tokio::join!(
        gather::<TimedJob>(&jobs.context, None, timed_path),
        gather::<JobRun>(&jobs.context, None, http_server::jobs::path),
    );
    let Gathered { found, mut degraded } = runs;
    // A role of an earlier release has no rules to show.
    degraded.extend(timed.degraded.into_iter().filter(|role| found.iter().any(|(with_runs, _)| with_runs == role)));
    let mut timed = timed.found;
    let mut jobs_of = |role: &str| {
        let at = timed.iter().position(|(with_jobs, _)| *with_jobs == role);
        at.map(|at| timed.swap_remove(at).1).unwrap_or_default()
    };
    let items = found.into_iter().map(|(role, runs)| RoleJobs { role, jobs: jobs_of(role), runs }).collect();
    Json(JobsView { items, degraded })
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
/// A slot that was missed and is not made up for has no run.
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
    State(Jobs { context, .. }): State<Jobs>,
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

/// Asks for a run of a timed job, also of a paused one.
///
/// A process that has the job begins it within seconds, unless as many run as may at once. If one waits already, no
/// other one is made: the response is that one. The act is recorded in the audit trail.
#[utoipa::path(
    post,
    path = "/v1/admin/jobs/{service}/{job}/run",
    operation_id = "run_job",
    tag = "operators",
    request_body = ChangeJob,
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
    ),
    security(("token" = [])),
    responses(
        (
            status = 202,
            description = "The run, which waits",
            body = JobHistoryEntry,
        ),
    ),
    extensions(
        ("x-codes" = json!(["admin.job_not_found"])),
        ("x-admin-role" = json!("developer")),
    ),
)]
async fn run_job(
    _: Operator<Developer>,
    State(jobs): State<Jobs>,
    Path((service, job)): Path<(String, String)>,
    request: Request,
) -> Response {
    forward(jobs, &service, &job, JobAct::Run, request).await
}

/// Pauses a timed job, in all processes.
///
/// A run that has begun goes on. Slots of the pause count as missed: when the job is resumed, its `catch_up` says what
/// becomes of them. The act is recorded in the audit trail; pausing a paused job changes nothing.
#[utoipa::path(
    post,
    path = "/v1/admin/jobs/{service}/{job}/pause",
    operation_id = "pause_job",
    tag = "operators",
    request_body = ChangeJob,
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
    ),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The job",
            body = TimedJob,
        ),
    ),
    extensions(
        ("x-codes" = json!(["admin.job_not_found"])),
        ("x-admin-role" = json!("developer")),
    ),
)]
async fn pause_job(
    _: Operator<Developer>,
    State(jobs): State<Jobs>,
    Path((service, job)): Path<(String, String)>,
    request: Request,
) -> Response {
    forward(jobs, &service, &job, JobAct::Pause, request).await
}

/// Resumes a timed job, in all processes.
///
/// The act is recorded in the audit trail; resuming a job that is not paused changes nothing.
#[utoipa::path(
    post,
    path = "/v1/admin/jobs/{service}/{job}/resume",
    operation_id = "resume_job",
    tag = "operators",
    request_body = ChangeJob,
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
    ),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The job",
            body = TimedJob,
        ),
    ),
    extensions(
        ("x-codes" = json!(["admin.job_not_found"])),
        ("x-admin-role" = json!("developer")),
    ),
)]
async fn resume_job(
    _: Operator<Developer>,
    State(jobs): State<Jobs>,
    Path((service, job)): Path<(String, String)>,
    request: Request,
) -> Response {
    forward(jobs, &service, &job, JobAct::Resume, request).await
}

/// Forwards a request about a job to its role, at the role's own path.
async fn forward(jobs: Jobs, service: &str, job: &str, act: JobAct, mut request: Request) -> Response {
    let located = roles(&jobs.context)
        .find(|role| *role == service)
        .and_then(|role| Some((role, act_path(role, job, act)?.parse::<Uri>().ok()?)));
    let Some((role, uri)) = located else {
        return Problem::of(NO_SUCH_JOB, "There is no such job.").into_response();
    };
    *request.uri_mut() = uri;
    request.headers_mut().remove(header::COOKIE);
    call_role(jobs.proxy, role, request).await
}
