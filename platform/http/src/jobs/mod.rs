//! The timed jobs of a role, their last runs and their history, and what operators do with them, for the role that
//! shows those of all.
//!
//! Does not own the schedule (`db::schedule`). Invariant: the paths are the role's own, so that the routers of several
//! roles can be one router; each route that changes something checks its caller itself.

mod acts;
mod views;

pub use acts::{request_run, set_paused};
pub use views::{JobHistoryEntry, JobRun, JobRunState, TimedJob, timed_jobs};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base::Clock;
use chrono::{DateTime, SecondsFormat, Utc};
use db::Db;
use db::schedule::{find_job, list_runs, now, recent_runs};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::extract::{Path, Query};
use crate::json::Json;
use crate::operators::{Developer, Operator, require_reason};
use crate::problem::Problem;

crate::codes! {
    /// The codes of operators' operations on jobs.
    NO_SUCH_JOB = 404 "admin.job_not_found", "List the jobs; the role and the job must be as they are there.";
}

/// Runs that are returned of each job.
const RUNS_PER_JOB: u32 = 10;
/// Runs of a job's history that are returned at once: a page of 100, and one that says whether there are more.
const MAX_RUNS: u32 = 101;
/// The longest name of a job, in bytes.
const MAX_JOB_NAME_BYTES: usize = 100;

/// What an operator does with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobAct {
    /// Asks for a run.
    Run,
    /// Pauses it.
    Pause,
    /// Resumes it.
    Resume,
}

impl JobAct {
    /// Returns the last part of its path.
    fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }
}

/// Why an operator acts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The disk is full until tomorrow." }))]
pub struct ChangeJob {
    /// The reason, for the audit trail.
    #[schema(max_length = 500)]
    reason: String,
}

/// Returns the path at which a role returns the last runs of its jobs to other roles.
pub fn path(role: &str) -> String {
    format!("/internal/jobs/{role}")
}

/// Returns the path at which a role returns the history of a job to other roles, newest first: at most `limit` runs,
/// with `before` those of earlier slots. `None` for a text that is no name of a job.
pub fn history_path(role: &str, job: &str, before: Option<DateTime<Utc>>, limit: usize) -> Option<String> {
    let job = path_of(role, job)?;
    let before = before.map(|before| format!("&before={}", before.to_rfc3339_opts(SecondsFormat::AutoSi, true)));
    Some(format!("{job}/runs?limit={limit}{}", before.unwrap_or_default()))
}

/// Returns the path at which a role returns its jobs to other roles, with their rules.
pub fn timed_path(role: &str) -> String {
    format!("{}/timed", path(role))
}

/// Returns the path at which a role does what an operator wants of a job. `None` for a text that is no name of a job.
pub fn act_path(role: &str, job: &str, act: JobAct) -> Option<String> {
    Some(format!("{}/{}", path_of(role, job)?, act.name()))
}

/// Returns the path of a job; `None` for a text that is no name of one.
fn path_of(role: &str, job: &str) -> Option<String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_name = (1..=MAX_JOB_NAME_BYTES).contains(&job.len()) && job.bytes().all(is_part);
    is_name.then(|| format!("{}/{job}", path(role)))
}

/// Returns the routes of a role's jobs.
pub fn router(role: &str, db: Db, clock: Clock) -> Router {
    let of_job = |last: &str| format!("{}/{{job}}/{last}", path(role));
    Router::new()
        .route(&path(role), get(list))
        .route(&timed_path(role), get(timed))
        .route(&of_job("runs"), get(history))
        .route(&of_job(JobAct::Run.name()), post(run))
        .route(&of_job(JobAct::Pause.name()), post(pause))
        .route(&of_job(JobAct::Resume.name()), post(resume))
        .with_state(Jobs { db, clock })
}

/// What the handlers need.
#[derive(Clone)]
struct Jobs {
    db: Db,
    clock: Clock,
}

impl Jobs {
    /// Returns the 404 of a job that is not known.
    async fn require(&self, job: &str) -> Result<(), Problem> {
        find_job(self.db.read(), job).await?.map(drop).ok_or_else(not_found)
    }

    /// Pauses or resumes a job. Returns it as it is then.
    async fn set_paused(
        &self,
        is_paused: bool,
        operator: Operator<Developer>,
        job: &str,
        body: &ChangeJob,
    ) -> Result<Json<TimedJob>, Problem> {
        let reason = require_reason(&body.reason)?;
        self.require(job).await?;
        set_paused(&self.db, &self.clock, job, is_paused, operator.actor, reason).await?;
        let jobs = timed_jobs(self.db.read(), &self.clock).await?;
        jobs.into_iter().find(|timed| timed.job == job).map(Json).ok_or_else(not_found)
    }
}

fn not_found() -> Problem {
    Problem::of(NO_SUCH_JOB, "There is no such job.")
}

async fn run(
    operator: Operator<Developer>,
    State(jobs): State<Jobs>,
    Path(job): Path<String>,
    Json(body): Json<ChangeJob>,
) -> Result<Response, Problem> {
    let reason = require_reason(&body.reason)?;
    jobs.require(&job).await?;
    let run = request_run(&jobs.db, &jobs.clock, &job, operator.actor, reason).await?;
    let entry = JobHistoryEntry::new(run, now(jobs.db.read(), &jobs.clock).await?);
    Ok((StatusCode::ACCEPTED, Json(entry)).into_response())
}

async fn pause(
    operator: Operator<Developer>,
    State(jobs): State<Jobs>,
    Path(job): Path<String>,
    Json(body): Json<ChangeJob>,
) -> Result<Json<TimedJob>, Problem> {
    jobs.set_paused(true, operator, &job, &body).await
}

async fn resume(
    operator: Operator<Developer>,
    State(jobs): State<Jobs>,
    Path(job): Path<String>,
    Json(body): Json<ChangeJob>,
) -> Result<Json<TimedJob>, Problem> {
    jobs.set_paused(false, operator, &job, &body).await
}

async fn list(State(jobs): State<Jobs>) -> Result<Json<Vec<JobRun>>, Problem> {
    Ok(Json(recent_runs(jobs.db.read(), RUNS_PER_JOB).await?.into_iter().map(JobRun::from).collect()))
}

async fn timed(State(jobs): State<Jobs>) -> Result<Json<Vec<TimedJob>>, Problem> {
    Ok(Json(timed_jobs(jobs.db.read(), &jobs.clock).await?))
}

/// The query of a job's history.
#[derive(Debug, Deserialize)]
struct HistoryParams {
    limit: u32,
    before: Option<DateTime<Utc>>,
}

async fn history(
    State(jobs): State<Jobs>,
    Path(job): Path<String>,
    Query(params): Query<HistoryParams>,
) -> Result<Json<Vec<JobHistoryEntry>>, Problem> {
    let runs = list_runs(jobs.db.read(), &job, params.before, params.limit.min(MAX_RUNS)).await?;
    let now = now(jobs.db.read(), &jobs.clock).await?;
    Ok(Json(runs.into_iter().map(|run| JobHistoryEntry::new(run, now)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_becomes_a_part_of_a_path() {
        let path = |job: &str| history_path("media", job, Some(DateTime::UNIX_EPOCH), 51);
        assert_eq!(
            path("media.unclaimed").as_deref(),
            Some("/internal/jobs/media/media.unclaimed/runs?limit=51&before=1970-01-01T00:00:00Z")
        );
        for wrong in ["", "a/b", "a?limit=9", "a b", "a%2fb", "ä", &"x".repeat(101)] {
            assert_eq!(path(wrong), None, "{wrong:?}");
            assert_eq!(act_path("media", wrong, JobAct::Run), None, "{wrong:?}");
        }
    }
}
