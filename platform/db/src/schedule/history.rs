//! The runs of jobs as they are recorded, and the removal of old ones.
//!
//! Invariant: the history of a job has an end, also that of one that no release has any more.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;

use crate::{Error, Sql, Tx};

/// After this time without a run, a job counts as one that no release has any more.
const ENDED_AFTER: TimeDelta = TimeDelta::days(30);
/// Runs that are removed when one ends, so that no transaction is long.
const MAX_REMOVED_RUNS: i64 = 100;

/// The job after another one in the order of names, or the first one.
const NEXT_JOB: &str = "
    select coalesce(
               (select min(job) from schedule_run where job > $1),
               (select min(job) from schedule_run)
           ) as job";

/// Whether a process has named a job lately, or a job has run since a time.
const IS_ALIVE: &str = "
    select job
      from schedule_job
     where job = $1
     union all
    select job
      from schedule_run
     where job = $1
       and slot >= $2
     limit 1";

const REMOVE_OLD: &str = "
    delete from schedule_run
     where job = $1
       and slot in (
           select slot
             from schedule_run
            where job = $1
              and slot < $2
            order by slot
            limit $3)";

#[derive(FromQueryResult)]
struct JobName {
    job: String,
}

/// Removes some runs of a job that are older than its history, and some of a job that has ended.
pub(super) async fn remove_old(tx: &Tx, job: &str, kept_since: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Error> {
    remove_before(tx, job, kept_since).await?;
    remove_of_ended_job(tx, job, now - ENDED_AFTER).await
}

async fn remove_before(tx: &Tx, job: &str, before: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(REMOVE_OLD, vec![job.into(), before.into(), MAX_REMOVED_RUNS.into()]).await.map(drop)
}

/// Removes some runs of the next job by name, if no process has named it and it has not run for as long as the history
/// goes back: no release has it any more, so it removes none itself. Jobs that still run are its neighbours sooner or
/// later, as others are removed.
async fn remove_of_ended_job(tx: &Tx, job: &str, since: DateTime<Utc>) -> Result<(), Error> {
    let next: Option<JobName> = tx.row(NEXT_JOB, vec![job.into()]).await?;
    let Some(JobName { job: next }) = next.filter(|next| next.job != job) else { return Ok(()) };
    let alive: Option<JobName> = tx.row(IS_ALIVE, vec![next.as_str().into(), since.into()]).await?;
    if alive.is_some() { Ok(()) } else { remove_before(tx, &next, since).await }
}

/// A run of a job, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct RunRow {
    /// The job's name.
    pub job: String,
    /// The start of its slot; of a run that was asked for, when that was.
    pub slot: DateTime<Utc>,
    /// How many processes have begun it: each but the first took it over from one that fell silent. 0 for a run that
    /// was asked for and waits.
    pub fence: i64,
    /// Until when its process has it, unless that extends the lease.
    pub lease_until: DateTime<Utc>,
    /// When its process began it; `None` if none has, or for a run of a release that did not record it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed, if it did.
    pub failure: Option<String>,
    /// The process that began it last; `None` as `started_at`.
    pub process: Option<String>,
    /// Who asked for it; `None` for the run of a slot.
    pub requested_by: Option<String>,
}

const RECENT_RUNS: &str = "
    select job, slot, fence, lease_until, started_at, finished_at, failure, process, requested_by
      from schedule_run
     where job = $1
     order by slot desc
     limit $2";

/// Returns the newest runs of each job that ran in the last month, at most `per_job` of each, by job, newest first.
/// Those of a job that no release has any more are removed while others run.
pub async fn recent_runs(sql: &impl Sql, per_job: u32) -> Result<Vec<RunRow>, Error> {
    let jobs: Vec<JobName> = sql.rows("select distinct job from schedule_run order by job", vec![]).await?;
    let mut runs = Vec::new();
    for JobName { job } in jobs {
        runs.extend(list_runs(sql, &job, None, per_job).await?);
    }
    Ok(runs)
}

const RUNS_BEFORE: &str = "
    select job, slot, fence, lease_until, started_at, finished_at, failure, process, requested_by
      from schedule_run
     where job = $1
       and slot < $3
     order by slot desc
     limit $2";

/// Returns the runs of a job, newest first, at most `limit`; with `before`, those of earlier slots.
pub async fn list_runs(
    sql: &impl Sql,
    job: &str,
    before: Option<DateTime<Utc>>,
    limit: u32,
) -> Result<Vec<RunRow>, Error> {
    let mut values = vec![job.into(), i64::from(limit).into()];
    let Some(before) = before else { return sql.rows(RECENT_RUNS, values).await };
    values.push(before.into());
    sql.rows(RUNS_BEFORE, values).await
}
