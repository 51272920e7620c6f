//! The jobs that are known in a database, and what operators do with them: pausing, resuming, asking for a run.
//!
//! Does not own the record of such an act, which its caller writes in the same transaction. Invariant: what operators
//! decide is in the database, so all processes go by it; a job waits for one run at most that was asked for.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;

use base::clock::Clock;

use super::history::{RunRow, list_runs};
use super::job::Job;
use super::rows::lane;
use super::rule::Rule;
use super::time::now;
use crate::{Db, Error, Sql, Tx};

/// A job that no process has named for as long is forgotten, unless it is paused.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::days(30);

/// A job as it is known in a database.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct JobRow {
    /// Its name.
    pub job: String,
    /// When it runs, as [`super::Timing`] is written.
    pub timing: String,
    /// What becomes of missed slots, as [`super::CatchUp`] is written.
    pub catch_up: String,
    /// The longest time by which a run is later than its slot.
    pub jitter_seconds: i64,
    /// Runs that there may be at once.
    pub max_running: i64,
    /// When it was first known.
    pub registered_at: DateTime<Utc>,
    /// When a process named it last: at its start, and once a day.
    pub seen_at: DateTime<Utc>,
    /// Since when it is paused.
    pub paused_at: Option<DateTime<Utc>>,
    /// Who paused it.
    pub paused_by: Option<String>,
    /// Why.
    pub paused_reason: Option<String>,
}

impl JobRow {
    /// Returns its rule; `None` for one that only a newer release has.
    pub fn rule(&self) -> Option<Rule> {
        let jitter = TimeDelta::try_seconds(self.jitter_seconds)?;
        Rule::read(&self.job, &self.timing, &self.catch_up, jitter, u32::try_from(self.max_running).ok()?)
    }
}

const REGISTER: &str = "
    insert into schedule_job (job, timing, catch_up, jitter_seconds, max_running, registered_at, seen_at)
    values ($1, $2, $3, $4, $5, $6, $6)
        on conflict (job) do update
       set timing = excluded.timing,
           catch_up = excluded.catch_up,
           jitter_seconds = excluded.jitter_seconds,
           max_running = excluded.max_running,
           seen_at = excluded.seen_at";

const FORGET: &str = "
    delete from schedule_job
     where seen_at < $1
       and paused_at is null";

/// Makes a job known in its database. What operators have decided about it stays.
pub async fn register(db: &Db, job: &Job, clock: &Clock) -> Result<(), Error> {
    let (name, rule, clock) = (job.name, job.rule.clone(), clock.clone());
    db.write(lane(name), async move |tx| {
        let at = now(tx, &clock).await?;
        let (timing, catch_up) = (rule.timing.to_string(), rule.catch_up.to_string());
        let numbers = (rule.jitter.num_seconds(), i64::from(rule.max_running));
        let values = vec![name.into(), timing.into(), catch_up.into(), numbers.0.into(), numbers.1.into(), at.into()];
        tx.execute(REGISTER, values).await?;
        tx.execute(FORGET, vec![(at - FORGOTTEN_AFTER).into()]).await.map(drop)
    })
    .await
}

const LIST: &str = "
    select job, timing, catch_up, jitter_seconds, max_running, registered_at, seen_at, paused_at, paused_by,
           paused_reason
      from schedule_job
     order by job";

const FIND: &str = "
    select job, timing, catch_up, jitter_seconds, max_running, registered_at, seen_at, paused_at, paused_by,
           paused_reason
      from schedule_job
     where job = $1";

/// Returns the jobs, by name: those that a process has named in the last month, and paused ones.
pub async fn list_jobs(sql: &impl Sql) -> Result<Vec<JobRow>, Error> {
    sql.rows(LIST, vec![]).await
}

/// Returns a job.
pub async fn find_job(sql: &impl Sql, job: &str) -> Result<Option<JobRow>, Error> {
    sql.row(FIND, vec![job.into()]).await
}

const PAUSE: &str = "
    update schedule_job
       set paused_at = $2,
           paused_by = $3,
           paused_reason = $4
     where job = $1
       and paused_at is null";

/// Pauses a job, in its lane: no slot of it is begun any more. A run that has begun goes on. Returns `false` if it was
/// paused already.
pub async fn pause(tx: &Tx, job: &str, by: &str, reason: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let changed = tx.execute(PAUSE, vec![job.into(), now.into(), by.into(), reason.into()]).await?;
    Ok(changed == 1)
}

const RESUME: &str = "
    update schedule_job
       set paused_at = null,
           paused_by = null,
           paused_reason = null
     where job = $1
       and paused_at is not null";

/// Resumes a job, in its lane. Slots of the pause count as missed. Returns `false` if it was not paused.
pub async fn resume(tx: &Tx, job: &str) -> Result<bool, Error> {
    Ok(tx.execute(RESUME, vec![job.into()]).await? == 1)
}

const WAITING: &str = "
    select slot
      from schedule_run
     where job = $1
       and finished_at is null
       and fence = 0
     order by slot
     limit 1";

const REQUEST: &str = "
    insert into schedule_run (job, slot, fence, lease_until, requested_by)
    values ($1, $2, 0, $2, $3)
        on conflict (job, slot) do nothing";

/// Slots that are tried for a run that is asked for.
const MAX_TRIED_SLOTS: i64 = 10;

#[derive(FromQueryResult)]
struct SlotRow {
    slot: DateTime<Utc>,
}

/// Asks for a run of a job, in its lane. Returns the run, and whether it is new: if one waits already, it is that.
pub async fn request(tx: &Tx, job: &str, by: &str, now: DateTime<Utc>) -> Result<(RunRow, bool), Error> {
    let waiting: Option<SlotRow> = tx.row(WAITING, vec![job.into()]).await?;
    let (slot, is_new) = match waiting {
        Some(SlotRow { slot }) => (slot, false),
        None => (insert_request(tx, job, by, now).await?, true),
    };
    let newest = list_runs(tx, job, Some(slot + TimeDelta::microseconds(1)), 1).await?;
    let run = newest.into_iter().next().filter(|run| run.slot == slot);
    Ok((run.ok_or(Error::Corrupt("a run that was asked for"))?, is_new))
}

async fn insert_request(tx: &Tx, job: &str, by: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
    for number in 0..MAX_TRIED_SLOTS {
        let slot = now + TimeDelta::microseconds(number);
        // Those of a rule are whole milliseconds, and no run that is asked for takes the place of one.
        if slot.timestamp_subsec_micros().is_multiple_of(1_000) {
            continue;
        }
        if tx.execute(REQUEST, vec![job.into(), slot.into(), by.into()]).await? == 1 {
            return Ok(slot);
        }
    }
    Err(Error::Conflict)
}

#[derive(FromQueryResult)]
struct JobName {
    job: String,
}

/// Returns the jobs for which a run was asked that no process has begun.
pub(super) async fn list_requested(sql: &impl Sql) -> Result<Vec<String>, Error> {
    let text = "select distinct job from schedule_run where finished_at is null and fence = 0";
    let found: Vec<JobName> = sql.rows(text, vec![]).await?;
    Ok(found.into_iter().map(|found| found.job).collect())
}
