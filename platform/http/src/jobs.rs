//! The timed jobs of a role, their last runs and their history, for the role that shows those of all.
//!
//! Does not own the schedule (`db::schedule`). Invariant: the paths are the role's own, so that the routers of several
//! roles can be one router.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use base::Clock;
use chrono::{DateTime, SecondsFormat, Utc};
use db::Db;
use db::schedule::{RunRow, list_runs, recent_runs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::{Path, Query};
use crate::json::Json;
use crate::problem::Problem;

/// Runs that are returned of each job.
const RUNS_PER_JOB: u32 = 10;
/// Runs of a job's history that are returned at once: a page of 100, and one that says whether there are more.
const MAX_RUNS: u32 = 101;
/// The longest name of a job, in bytes.
const MAX_JOB_NAME_BYTES: usize = 100;

/// A run of a timed job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "job": "accounts.sessions",
    "slot": "2026-05-17T09:00:00Z",
    "lease_until": "2026-05-17T09:03:00Z",
    "finished_at": "2026-05-17T09:00:01Z",
    "failure": null,
}))]
pub struct JobRun {
    /// The job.
    pub job: String,
    /// The start of the slot that it ran for.
    pub slot: DateTime<Utc>,
    /// Until when the process that runs it has it.
    pub lease_until: DateTime<Utc>,
    /// When it ended; `null` while it runs.
    #[schema(required)]
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed; `null` if it did not.
    #[schema(required)]
    pub failure: Option<String>,
}

impl From<RunRow> for JobRun {
    fn from(row: RunRow) -> Self {
        let RunRow { job, slot, lease_until, finished_at, failure, .. } = row;
        Self { job, slot, lease_until, finished_at, failure }
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobRunState {
    /// A process is at it.
    Running,
    /// It did its work.
    Done,
    /// It ended with an error.
    Failed,
    /// Its process fell silent; another one takes the run over, unless the next slot comes first.
    Abandoned,
}

/// A run of a timed job in its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "slot": "2026-05-17T09:00:00Z",
    "state": "done",
    "attempts": 1,
    "started_at": "2026-05-17T09:00:00Z",
    "finished_at": "2026-05-17T09:00:01Z",
    "error": null,
    "process": "server-1:4711",
}))]
pub struct JobHistoryEntry {
    /// The start of the slot that it ran for.
    pub slot: DateTime<Utc>,
    /// How far it is.
    pub state: JobRunState,
    /// How many processes have begun it: each but the first took it over from one that fell silent.
    pub attempts: u32,
    /// When the last of them began it; `null` if an earlier release did, which did not record it.
    #[schema(required)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended; `null` if it has not.
    #[schema(required)]
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed; `null` if it did not.
    #[schema(required)]
    pub error: Option<String>,
    /// The process that began it last: the name of its host and its number there; `null` as `started_at`.
    #[schema(required)]
    pub process: Option<String>,
}

impl JobHistoryEntry {
    /// Returns a run as it is at this time.
    pub fn new(row: RunRow, now: DateTime<Utc>) -> Self {
        let state = match (row.finished_at, &row.failure) {
            (Some(_), None) => JobRunState::Done,
            (Some(_), Some(_)) => JobRunState::Failed,
            (None, _) if row.lease_until < now => JobRunState::Abandoned,
            (None, _) => JobRunState::Running,
        };
        Self {
            slot: row.slot,
            state,
            attempts: u32::try_from(row.fence).unwrap_or(0),
            started_at: row.started_at,
            finished_at: row.finished_at,
            error: row.failure,
            process: row.process,
        }
    }
}

/// Returns the path at which a role returns the last runs of its jobs to other roles.
pub fn path(role: &str) -> String {
    format!("/internal/jobs/{role}")
}

/// Returns the path at which a role returns the history of a job to other roles, newest first: at most `limit` runs,
/// with `before` those of earlier slots. `None` for a text that is no name of a job.
pub fn history_path(role: &str, job: &str, before: Option<DateTime<Utc>>, limit: usize) -> Option<String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if job.is_empty() || job.len() > MAX_JOB_NAME_BYTES || !job.bytes().all(is_name) {
        return None;
    }
    let before = before.map(|before| format!("&before={}", before.to_rfc3339_opts(SecondsFormat::AutoSi, true)));
    Some(format!("{}/{job}/runs?limit={limit}{}", path(role), before.unwrap_or_default()))
}

/// Returns the routes of a role's jobs.
pub fn router(role: &str, db: Db, clock: Clock) -> Router {
    Router::new()
        .route(&path(role), get(list).with_state(db.clone()))
        .route(&format!("{}/{{job}}/runs", path(role)), get(history).with_state((db, clock)))
}

async fn list(State(db): State<Db>) -> Result<Json<Vec<JobRun>>, Problem> {
    Ok(Json(recent_runs(db.read(), RUNS_PER_JOB).await?.into_iter().map(JobRun::from).collect()))
}

/// The query of a job's history.
#[derive(Debug, Deserialize)]
struct HistoryParams {
    limit: u32,
    before: Option<DateTime<Utc>>,
}

async fn history(
    State((db, clock)): State<(Db, Clock)>,
    Path(job): Path<String>,
    Query(params): Query<HistoryParams>,
) -> Result<Json<Vec<JobHistoryEntry>>, Problem> {
    let runs = list_runs(db.read(), &job, params.before, params.limit.min(MAX_RUNS)).await?;
    let now = clock.now();
    Ok(Json(runs.into_iter().map(|run| JobHistoryEntry::new(run, now)).collect()))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_run_is_running_done_failed_or_abandoned() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let state = |lease_until, finished_at, failure: Option<&str>| {
            let row = RunRow {
                job: "test.sweep".into(),
                slot: now,
                fence: 1,
                lease_until,
                started_at: Some(now),
                finished_at,
                failure: failure.map(str::to_owned),
                process: None,
            };
            JobHistoryEntry::new(row, now).state
        };
        let (before, after) = (now - TimeDelta::seconds(1), now + TimeDelta::seconds(1));
        assert_eq!(state(after, None, None), JobRunState::Running);
        assert_eq!(state(before, None, None), JobRunState::Abandoned);
        assert_eq!(state(before, Some(now), None), JobRunState::Done);
        assert_eq!(state(after, Some(now), Some("the disk is full")), JobRunState::Failed);
    }

    #[test]
    fn only_a_name_becomes_a_part_of_a_path() {
        let path = |job: &str| history_path("media", job, Some(DateTime::UNIX_EPOCH), 51);
        assert_eq!(
            path("media.unclaimed").as_deref(),
            Some("/internal/jobs/media/media.unclaimed/runs?limit=51&before=1970-01-01T00:00:00Z")
        );
        for wrong in ["", "a/b", "a?limit=9", "a b", "a%2fb", "ä", &"x".repeat(101)] {
            assert_eq!(path(wrong), None, "{wrong:?}");
        }
    }
}
