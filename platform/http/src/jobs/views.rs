//! What is shown of timed jobs and their runs.
//!
//! Invariant: what a role of an earlier release does not send has a default, so that both releases can run at once.

use base::Clock;
use chrono::{DateTime, Utc};
use db::Sql;
use db::schedule::{CatchUp, JobRow, RunRow, Timing, list_jobs, list_runs, now};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// A run of a timed job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "job": "accounts.sessions",
    "slot": "2026-05-17T09:00:00Z",
    "lease_until": "2026-05-17T09:02:00Z",
    "finished_at": "2026-05-17T09:00:01Z",
    "failure": null,
    "started_at": "2026-05-17T09:00:00Z",
    "process": "server-1:4711",
    "requested_by": null,
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
    /// When its process began it; `null` if none has.
    #[serde(default)]
    #[schema(required)]
    pub started_at: Option<DateTime<Utc>>,
    /// The process that began it last: the name of its host and its number there; `null` as `started_at`.
    #[serde(default)]
    #[schema(required)]
    pub process: Option<String>,
    /// Who asked for it; `null` for the run of a slot.
    #[serde(default)]
    #[schema(required)]
    pub requested_by: Option<String>,
}

impl From<RunRow> for JobRun {
    fn from(row: RunRow) -> Self {
        let RunRow { job, slot, lease_until, finished_at, failure, started_at, process, requested_by, .. } = row;
        Self { job, slot, lease_until, finished_at, failure, started_at, process, requested_by }
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
    /// It was asked for, and no process has begun it.
    Waiting,
}

/// Returns the run that the documentation shows.
fn example_run() -> Value {
    json!({
        "slot": "2026-05-17T09:00:00Z",
        "state": "done",
        "attempts": 1,
        "started_at": "2026-05-17T09:00:00Z",
        "finished_at": "2026-05-17T09:00:01Z",
        "error": null,
        "process": "server-1:4711",
        "requested_by": null,
    })
}

/// A run of a timed job in its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!(example_run()))]
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
    /// Who asked for it; `null` for the run of a slot.
    #[serde(default)]
    #[schema(required)]
    pub requested_by: Option<String>,
}

impl JobHistoryEntry {
    /// Returns a run as it is at this time.
    pub fn new(row: RunRow, now: DateTime<Utc>) -> Self {
        let state = match (row.finished_at, &row.failure) {
            (Some(_), None) => JobRunState::Done,
            (Some(_), Some(_)) => JobRunState::Failed,
            (None, _) if row.fence == 0 => JobRunState::Waiting,
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
            requested_by: row.requested_by,
        }
    }
}

/// A timed job: when it runs, and how its last run went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
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
    "last_run": example_run(),
}))]
pub struct TimedJob {
    /// Its name.
    pub job: String,
    /// The seconds from one slot to the next, in elapsed time; `null` for a job that runs at a time of day.
    #[schema(required)]
    pub every_seconds: Option<i64>,
    /// The time of day at which it runs, such as `03:30`; `null` for an interval. On the nights in which clocks are
    /// changed it is the first instant after the gap, or the first of two.
    #[schema(required)]
    pub at: Option<String>,
    /// The IANA name of the zone of `at`; `null` as `at`.
    #[schema(required)]
    pub zone: Option<String>,
    /// What becomes of slots that were missed: `skip` leaves them out, `once` makes up for the newest, `all` for all.
    pub catch_up: String,
    /// How many missed slots are made up for at most.
    pub made_up_max: u32,
    /// By how much a run is later than its slot at most.
    pub jitter_seconds: i64,
    /// Runs that there may be at once, in all processes together.
    pub max_running: i64,
    /// When its next slot begins; `null` while it is paused, or if only a newer release knows its rule.
    #[schema(required)]
    pub next_slot: Option<DateTime<Utc>>,
    /// Since when it is paused; `null` if it is not.
    #[schema(required)]
    pub paused_at: Option<DateTime<Utc>>,
    /// Who paused it.
    #[schema(required)]
    pub paused_by: Option<String>,
    /// Why.
    #[schema(required)]
    pub paused_reason: Option<String>,
    /// Its newest run; `null` if there is none.
    #[schema(required)]
    pub last_run: Option<JobHistoryEntry>,
}

impl TimedJob {
    /// Returns a job as it is at this time, with its newest run.
    fn new(row: JobRow, last_run: Option<RunRow>, now: DateTime<Utc>) -> Self {
        let rule = row.rule();
        let (every_seconds, at, zone) = match rule.as_ref().map(|rule| &rule.timing) {
            Some(Timing::Every(period)) => (Some(period.num_seconds().max(1)), None, None),
            Some(Timing::At(local)) => (None, Some(local.time()), Some(local.zone().to_owned())),
            None => (None, None, None),
        };
        let (catch_up, made_up_max) = match rule.as_ref().map(|rule| rule.catch_up) {
            Some(CatchUp::Skip) => ("skip".to_owned(), 0),
            Some(CatchUp::Once) => ("once".to_owned(), 1),
            Some(CatchUp::All(max)) => ("all".to_owned(), max),
            None => (row.catch_up, 0),
        };
        Self {
            every_seconds,
            at,
            zone,
            catch_up,
            made_up_max,
            jitter_seconds: row.jitter_seconds,
            max_running: row.max_running,
            next_slot: rule.filter(|_| row.paused_at.is_none()).and_then(|rule| rule.next_slot(now)),
            job: row.job,
            paused_at: row.paused_at,
            paused_by: row.paused_by,
            paused_reason: row.paused_reason,
            last_run: last_run.map(|run| JobHistoryEntry::new(run, now)),
        }
    }
}

/// Returns the jobs that are known in a database, by name.
pub async fn timed_jobs(sql: &impl Sql, clock: &Clock) -> Result<Vec<TimedJob>, db::Error> {
    let now = now(sql, clock).await?;
    let mut jobs = Vec::new();
    for row in list_jobs(sql).await? {
        let last = list_runs(sql, &row.job, None, 1).await?.pop();
        jobs.push(TimedJob::new(row, last, now));
    }
    Ok(jobs)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_run_waits_is_running_done_failed_or_abandoned() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let state_of = |fence, lease_until, finished_at, failure: Option<&str>| {
            let row = RunRow {
                job: "test.sweep".into(),
                slot: now,
                fence,
                lease_until,
                started_at: Some(now),
                finished_at,
                failure: failure.map(str::to_owned),
                process: None,
                requested_by: None,
            };
            JobHistoryEntry::new(row, now).state
        };
        let state = |lease_until, finished_at, failure| state_of(1, lease_until, finished_at, failure);
        let (before, after) = (now - TimeDelta::seconds(1), now + TimeDelta::seconds(1));
        assert_eq!(state(after, None, None), JobRunState::Running);
        assert_eq!(state(before, None, None), JobRunState::Abandoned);
        assert_eq!(state(before, Some(now), None), JobRunState::Done);
        assert_eq!(state(after, Some(now), Some("the disk is full")), JobRunState::Failed);
        assert_eq!(state_of(0, before, None, None), JobRunState::Waiting);
    }
}
