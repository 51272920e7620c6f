//! The timed jobs of a role and their last runs, for the role that shows those of all.
//!
//! Does not own the schedule (`db::schedule`). Invariant: the path is the role's own, so that the routers of several
//! roles can be one router.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use chrono::{DateTime, Utc};
use db::Db;
use db::schedule::{RunRow, recent_runs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::Json;
use crate::problem::Problem;

/// Runs that are returned of each job.
const RUNS_PER_JOB: u32 = 10;

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
        let RunRow { job, slot, lease_until, finished_at, failure } = row;
        Self { job, slot, lease_until, finished_at, failure }
    }
}

/// Returns the path at which a role returns the runs of its jobs to other roles.
pub fn path(role: &str) -> String {
    format!("/internal/jobs/{role}")
}

/// Returns the route of a role's jobs.
pub fn router(role: &str, db: Db) -> Router {
    Router::new().route(&path(role), get(list).with_state(db))
}

async fn list(State(db): State<Db>) -> Result<Json<Vec<JobRun>>, Problem> {
    Ok(Json(recent_runs(db.read(), RUNS_PER_JOB).await?.into_iter().map(JobRun::from).collect()))
}
