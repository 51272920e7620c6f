//! Scheduled jobs: each slot of a job runs once, however many processes try.
//!
//! A run is a row `(job, slot)` with a unique key, a lease that a heartbeat extends, and a fencing token that grows
//! when another process takes over. Slots are multiples of the job's period since 1970 in UTC, which has no
//! daylight-saving time. Invariant: a write under [`Run::fence`] commits only while the run still has its owner.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use sea_orm::FromQueryResult;

use crate::{Db, Error, Lane, Sql, Tx, retirement};
use base::clock::Clock;
use base::tasks::Tasks;

/// Three heartbeats, and two minutes more: a process whose clock is ahead must not take a run from one that is alive.
const LEASE: TimeDelta = TimeDelta::seconds(60 + 120);
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_secs(1);
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
/// How long runs are kept: a month of history is enough to answer "did it run?".
const HISTORY: TimeDelta = TimeDelta::days(30);
/// Runs that are removed when one ends, so that no transaction is long.
const MAX_REMOVED_RUNS: i64 = 100;

/// The error of a run.
pub type JobError = Box<dyn std::error::Error + Send + Sync>;
type Work = Arc<dyn Fn(Run) -> BoxFuture<'static, Result<(), JobError>> + Send + Sync>;

/// A job: its name, how often it runs, what it does. Slots that were missed while no process ran are skipped; only the
/// newest runs.
#[derive(Clone)]
pub struct Job {
    name: &'static str,
    period: TimeDelta,
    work: Work,
}

impl Job {
    /// Returns a job that runs once in every period.
    pub fn every<F, Fut>(name: &'static str, period: TimeDelta, work: F) -> Self
    where
        F: Fn(Run) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        Self { name, period, work: Arc::new(move |run| Box::pin(work(run))) }
    }

    /// Returns the slot that `now` is in.
    fn slot(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let period = self.period.num_milliseconds().max(1);
        let start = now.timestamp_millis().div_euclid(period) * period;
        DateTime::from_timestamp_millis(start).unwrap_or(now)
    }
}

/// One run of a job.
#[derive(Debug, Clone)]
pub struct Run {
    job: &'static str,
    /// The start of its slot.
    pub slot: DateTime<Utc>,
    fence: i64,
}

#[derive(FromQueryResult)]
struct FenceRow {
    fence: i64,
}

impl Run {
    /// Checks the fencing token in a write transaction: [`Error::Conflict`] if another process has taken the run over.
    pub async fn fence(&self, tx: &Tx) -> Result<(), Error> {
        let held = tx
            .execute(
                "update schedule_run set fence = fence where job = $1 and slot = $2 and fence = $3 and finished_at is \
                 null",
                vec![self.job.into(), self.slot.into(), self.fence.into()],
            )
            .await?;
        if held == 1 { Ok(()) } else { Err(Error::Conflict) }
    }
}

const CLAIM: &str = "
    insert into schedule_run (job, slot, fence, lease_until, started_at, process)
    values ($1, $2, 1, $3, $4, $5)
        on conflict (job, slot) do update
       set fence = schedule_run.fence + 1,
           lease_until = excluded.lease_until,
           started_at = excluded.started_at,
           process = excluded.process
     where schedule_run.finished_at is null
       and schedule_run.lease_until < $4
 returning fence";

/// Returns the lane of a job's runs.
fn lane(job: &str) -> Lane {
    Lane::of(&format!("schedule {job}"))
}

/// Claims the slot of `job` that `now` is in for this process, if it is free or its owner's lease has ended, and the
/// site is not retired.
pub async fn claim(db: &Db, job: &Job, process: &str, now: DateTime<Utc>) -> Result<Option<Run>, Error> {
    let (name, slot, process) = (job.name, job.slot(now), process.to_owned());
    let claimed: Option<FenceRow> = db
        .write(lane(name), async move |tx| {
            if retirement::is_retired(tx).await? {
                return Ok(None);
            }
            let values = vec![name.into(), slot.into(), (now + LEASE).into(), now.into(), process.into()];
            tx.row(CLAIM, values).await
        })
        .await?;
    Ok(claimed.map(|FenceRow { fence }| Run { job: name, slot, fence }))
}

/// Starts the loops of `jobs`. `process` is the name of this process in their history.
pub fn start(db: &Db, jobs: Vec<Job>, process: &Arc<str>, clock: &Clock, tasks: &Tasks) {
    for job in jobs {
        let (db, process, clock, owner) = (db.clone(), process.clone(), clock.clone(), tasks.clone());
        tasks.spawn(async move {
            let mut last = None;
            loop {
                let slot = job.slot(clock.now());
                if last != Some(slot) {
                    match claim(&db, &job, &process, clock.now()).await {
                        Ok(Some(run)) => {
                            run_once(&db, &job, run, &clock, &owner).await;
                            last = Some(slot);
                        }
                        // Another process has it; check again, in case its lease ends before the slot does.
                        Ok(None) => {}
                        Err(error) => tracing::warn!(job = job.name, %error, "the schedule could not be read"),
                    }
                }
                let next = slot + job.period;
                let left = (next - clock.now()).to_std().unwrap_or(POLL_INTERVAL);
                let pause = left.clamp(POLL_INTERVAL, HEARTBEAT_INTERVAL);
                let goes_on = tokio::select! {
                    goes_on = owner.sleep(pause) => goes_on,
                    // In a test, whose clock jumps.
                    () = clock.reached(next) => true,
                };
                if !goes_on {
                    return;
                }
            }
        });
    }
}

/// Runs a claimed slot to its end, with a heartbeat.
pub async fn run_once(db: &Db, job: &Job, run: Run, clock: &Clock, tasks: &Tasks) {
    let started = tokio::time::Instant::now();
    let failure = tokio::select! {
        result = (job.work)(run.clone()) => result.err().map(|error| error.to_string()),
        () = heartbeat(db, &run, clock) => Some("another process took the run over".to_owned()),
        // The slot stays open; the next process takes it over when the lease ends.
        () = tasks.stopping() => return,
    };
    match &failure {
        None => {
            tracing::debug!(job = run.job, slot = %run.slot, elapsed_ms = started.elapsed().as_millis(), "a scheduled \
                run is done");
        }
        Some(reason) => tracing::warn!(job = run.job, slot = %run.slot, reason, "a scheduled run failed"),
    }
    while let Err(error) = finish(db, &run, failure.clone(), clock.now()).await {
        tracing::warn!(job = job.name, %error, "a finished run could not be recorded yet");
        // Otherwise the next process would run it again when the lease ends.
        if !error.is_unavailable() || !tasks.sleep(RETRY_INTERVAL).await {
            return;
        }
    }
}

/// The job after another one in the order of names, or the first one.
const NEXT_JOB: &str = "
    select coalesce(
               (select min(job) from schedule_run where job > $1),
               (select min(job) from schedule_run)
           ) as job";

/// Whether a job has run since a time.
const RAN_SINCE: &str = "
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

async fn finish(db: &Db, run: &Run, failure: Option<String>, now: DateTime<Utc>) -> Result<(), Error> {
    let run = run.clone();
    db.write(lane(run.job), async move |tx| {
        tx.execute(
            "update schedule_run set finished_at = $1, failure = $2 where job = $3 and slot = $4 and fence = $5",
            vec![now.into(), failure.into(), run.job.into(), run.slot.into(), run.fence.into()],
        )
        .await?;
        remove_old(tx, run.job, now).await?;
        remove_of_ended_job(tx, run.job, now).await
    })
    .await
}

/// Removes some runs of a job that are older than the history.
async fn remove_old(tx: &Tx, job: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let values = vec![job.into(), (now - HISTORY).into(), MAX_REMOVED_RUNS.into()];
    tx.execute(REMOVE_OLD, values).await.map(drop)
}

/// Removes some runs of the next job by name, if it has not run for as long as the history goes back: no release has it
/// any more, so it removes none itself. Jobs that still run are its neighbours sooner or later, as others are removed.
async fn remove_of_ended_job(tx: &Tx, job: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let next: Option<JobRow> = tx.row(NEXT_JOB, vec![job.into()]).await?;
    let Some(JobRow { job: next }) = next.filter(|next| next.job != job) else { return Ok(()) };
    let values = vec![next.as_str().into(), (now - HISTORY).into()];
    let ran: Option<JobRow> = tx.row(RAN_SINCE, values).await?;
    if ran.is_some() { Ok(()) } else { remove_old(tx, &next, now).await }
}

#[derive(FromQueryResult)]
struct JobRow {
    job: String,
}

/// Extends the lease while the run is ours; returns when it is not.
async fn heartbeat(db: &Db, run: &Run, clock: &Clock) {
    loop {
        tokio::time::sleep(HEARTBEAT_INTERVAL).await;
        let (run, until) = (run.clone(), clock.now() + LEASE);
        let held = db
            .write(lane(run.job), async move |tx| {
                tx.execute(
                    "update schedule_run set lease_until = $1 where job = $2 and slot = $3 and fence = $4",
                    vec![until.into(), run.job.into(), run.slot.into(), run.fence.into()],
                )
                .await
            })
            .await;
        match held {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a heartbeat could not be written"),
        }
    }
}

/// A run of a job, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct RunRow {
    /// The job's name.
    pub job: String,
    /// The start of its slot.
    pub slot: DateTime<Utc>,
    /// How many processes have begun it: each but the first took it over from one that fell silent.
    pub fence: i64,
    /// Until when its process has it, unless that extends the lease.
    pub lease_until: DateTime<Utc>,
    /// When its process began it; `None` for a run of a release that did not record it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed, if it did.
    pub failure: Option<String>,
    /// The process that began it last; `None` for a run of a release that did not record it.
    pub process: Option<String>,
}

const RECENT_RUNS: &str = "
    select job, slot, fence, lease_until, started_at, finished_at, failure, process
      from schedule_run
     where job = $1
     order by slot desc
     limit $2";

/// Returns the newest runs of each job that ran in the last month, at most `per_job` of each, by job, newest first.
/// Those of a job that no release has any more are removed while others run.
pub async fn recent_runs(sql: &impl Sql, per_job: u32) -> Result<Vec<RunRow>, Error> {
    let jobs: Vec<JobRow> = sql.rows("select distinct job from schedule_run order by job", vec![]).await?;
    let mut runs = Vec::new();
    for JobRow { job } in jobs {
        runs.extend(list_runs(sql, &job, None, per_job).await?);
    }
    Ok(runs)
}

const RUNS_BEFORE: &str = "
    select job, slot, fence, lease_until, started_at, finished_at, failure, process
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
