//! The rows of runs, as schedulers read and write them: claiming, extending, releasing and ending a run.
//!
//! Does not own the decision (`decision`). Invariant: each of these is one transaction in the job's lane, and changes a
//! run only for the holder of its fencing token.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;

use base::clock::Clock;

use super::decision::{Decision, JobRows, OpenRun, decide};
use super::history::remove_old;
use super::job::{Job, Run};
use super::time::now;
use crate::{Db, Error, Lane, Sql as _, Tx, retirement};

/// Three heartbeats, and a minute more: a process of an earlier release, which goes by its own clock, may be a minute
/// ahead, and must not take a run from one that is alive.
pub const LEASE: TimeDelta = TimeDelta::seconds(60 + 60);
/// Open runs of a job that are read at once. The next claim reads more.
const MAX_OPEN: i64 = 200;
/// Why a run failed that its process has abandoned, if a later slot runs in its place.
const SUPERSEDED: &str = "its process fell silent, and a later slot runs in its place";

/// Returns the lane of a job's rows.
pub fn lane(job: &str) -> Lane {
    Lane::of(&format!("schedule {job}"))
}

/// What came of a claim.
pub(super) enum Claim {
    /// This process has a run.
    Begun(Run),
    /// There is nothing to do.
    Wait {
        /// The time by which that was decided.
        now: DateTime<Utc>,
        /// As in [`Decision::Wait`].
        until: Option<DateTime<Utc>>,
        /// As in [`Decision::Wait`].
        may_change: bool,
    },
}

/// Claims what is due of `job` for this process at `now`: a run that was asked for, a slot that has no run, or a run
/// whose owner's lease has ended.
pub async fn claim(db: &Db, job: &Job, process: &str, now: DateTime<Utc>) -> Result<Option<Run>, Error> {
    match attempt(db, job, process, &Clock::fixed(now)).await? {
        Claim::Begun(run) => Ok(Some(run)),
        Claim::Wait { .. } => Ok(None),
    }
}

/// As [`claim`], by the database's time.
pub(super) async fn attempt(db: &Db, job: &Job, process: &str, clock: &Clock) -> Result<Claim, Error> {
    let (job, process, clock) = (job.clone(), process.to_owned(), clock.clone());
    db.write(lane(job.name), async move |tx| {
        let at = now(tx, &clock).await?;
        if retirement::is_retired(tx).await? {
            return Ok(Claim::Wait { now: at, until: None, may_change: true });
        }
        let (slot, fence) = match decide(&job.rule, &read(tx, job.name, at).await?, at) {
            Decision::Wait { until, may_change } => return Ok(Claim::Wait { now: at, until, may_change }),
            Decision::Begin { slot, ends } => {
                end_each(tx, job.name, &ends, at).await?;
                (slot, begin(tx, job.name, slot, &process, at).await?)
            }
            Decision::Take { slot, fence, ends } => {
                end_each(tx, job.name, &ends, at).await?;
                (slot, take(tx, job.name, slot, fence, &process, at).await?)
            }
        };
        Ok(match fence {
            Some(FenceRow { fence }) => Claim::Begun(Run { job: job.name, slot, fence }),
            // The rows are not what was read: what wrote them did not take the lane.
            None => Claim::Wait { now: at, until: None, may_change: true },
        })
    })
    .await
}

#[derive(FromQueryResult)]
struct FenceRow {
    fence: i64,
}

#[derive(FromQueryResult)]
struct KnownRow {
    registered_at: DateTime<Utc>,
    paused_at: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct SlotRow {
    slot: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct OpenRow {
    slot: DateTime<Utc>,
    fence: i64,
    lease_until: DateTime<Utc>,
    requested_by: Option<String>,
}

const KNOWN: &str = "
    select registered_at, paused_at
      from schedule_job
     where job = $1";

const NEWEST: &str = "
    select slot
      from schedule_run
     where job = $1
       and requested_by is null
       and slot <= $2
     order by slot desc
     limit 1";

const OPEN: &str = "
    select slot, fence, lease_until, requested_by
      from schedule_run
     where job = $1
       and finished_at is null
     order by slot
     limit $2";

/// Reads what a decision is made from.
async fn read(tx: &Tx, job: &str, now: DateTime<Utc>) -> Result<JobRows, Error> {
    let known: Option<KnownRow> = tx.row(KNOWN, vec![job.into()]).await?;
    // A slot in the future was written when the time was wrong, and holds up nothing.
    let newest: Option<SlotRow> = tx.row(NEWEST, vec![job.into(), now.into()]).await?;
    let open: Vec<OpenRow> = tx.rows(OPEN, vec![job.into(), MAX_OPEN.into()]).await?;
    let open = open.into_iter().map(|run| OpenRun {
        slot: run.slot,
        fence: run.fence,
        lease_until: run.lease_until,
        is_requested: run.requested_by.is_some(),
    });
    Ok(JobRows {
        is_paused: known.as_ref().is_some_and(|known| known.paused_at.is_some()),
        known_since: known.map(|known| known.registered_at),
        newest: newest.map(|newest| newest.slot),
        open: open.collect(),
    })
}

const BEGIN: &str = "
    insert into schedule_run (job, slot, fence, lease_until, started_at, process)
    values ($1, $2, 1, $3, $4, $5)
        on conflict (job, slot) do nothing
 returning fence";

async fn begin(
    tx: &Tx,
    job: &str,
    slot: DateTime<Utc>,
    process: &str,
    now: DateTime<Utc>,
) -> Result<Option<FenceRow>, Error> {
    let values = vec![job.into(), slot.into(), (now + LEASE).into(), now.into(), process.into()];
    tx.row(BEGIN, values).await
}

const TAKE: &str = "
    update schedule_run
       set fence = fence + 1,
           lease_until = $4,
           started_at = $5,
           process = $6
     where job = $1
       and slot = $2
       and fence = $3
       and finished_at is null
 returning fence";

async fn take(
    tx: &Tx,
    job: &str,
    slot: DateTime<Utc>,
    fence: i64,
    process: &str,
    now: DateTime<Utc>,
) -> Result<Option<FenceRow>, Error> {
    let values = vec![job.into(), slot.into(), fence.into(), (now + LEASE).into(), now.into(), process.into()];
    tx.row(TAKE, values).await
}

const END: &str = "
    update schedule_run
       set finished_at = $3,
           failure = $4
     where job = $1
       and slot = $2
       and finished_at is null";

/// Ends abandoned runs that nothing makes up for.
async fn end_each(tx: &Tx, job: &str, slots: &[DateTime<Utc>], now: DateTime<Utc>) -> Result<(), Error> {
    for slot in slots {
        tx.execute(END, vec![job.into(), (*slot).into(), now.into(), SUPERSEDED.into()]).await?;
    }
    Ok(())
}

const FINISH: &str = "
    update schedule_run
       set finished_at = $4,
           failure = $5
     where job = $1
       and slot = $2
       and fence = $3
       and finished_at is null";

/// Records the end of a run, and removes some that are older than the history. The newest slot stays, however old it
/// is: by it, a job knows which of its slots have no run.
pub(super) async fn finish(db: &Db, job: &Job, run: &Run, failure: Option<String>, clock: &Clock) -> Result<(), Error> {
    let (rule, run, clock) = (job.rule.clone(), run.clone(), clock.clone());
    db.write(lane(run.job), async move |tx| {
        let at = now(tx, &clock).await?;
        let values = vec![run.job.into(), run.slot.into(), run.fence.into(), at.into(), failure.into()];
        tx.execute(FINISH, values).await?;
        let newest: Option<SlotRow> = tx.row(NEWEST, vec![run.job.into(), at.into()]).await?;
        let kept_since = newest.map_or(at, |newest| newest.slot).min(rule.kept_since(at));
        remove_old(tx, run.job, kept_since, at).await
    })
    .await
}

const EXTEND: &str = "
    update schedule_run
       set lease_until = $4
     where job = $1
       and slot = $2
       and fence = $3
       and finished_at is null";

/// Extends the lease of a run. Returns whether it still is this process's.
pub(super) async fn extend(db: &Db, run: &Run, clock: &Clock) -> Result<bool, Error> {
    set_lease(db, run, LEASE, clock).await
}

/// Ends the lease of a run whose process stops, so that the next one need not wait for that.
pub(super) async fn release(db: &Db, run: &Run, clock: &Clock) -> Result<(), Error> {
    set_lease(db, run, TimeDelta::seconds(-1), clock).await.map(drop)
}

async fn set_lease(db: &Db, run: &Run, length: TimeDelta, clock: &Clock) -> Result<bool, Error> {
    let (run, clock) = (run.clone(), clock.clone());
    let held: Result<u64, Error> = db
        .write(lane(run.job), async move |tx| {
            let until = now(tx, &clock).await? + length;
            let values = vec![run.job.into(), run.slot.into(), run.fence.into(), until.into()];
            tx.execute(EXTEND, values).await
        })
        .await;
    Ok(held? == 1)
}

const END_LEASES: &str = "
    update schedule_run
       set lease_until = $1
     where finished_at is null
       and lease_until > $1";

/// Ends the leases in a file of SQLite, for the one process that may open it, before it starts its jobs: their holders
/// are dead. Does nothing to PostgreSQL, which other processes share.
pub async fn end_leases(db: &Db, clock: &Clock) -> Result<(), Error> {
    if db.schema.is_some() {
        return Ok(());
    }
    let ended = clock.now() - TimeDelta::seconds(1);
    db.write(Lane::ALL, async move |tx| tx.execute(END_LEASES, vec![ended.into()]).await.map(drop)).await
}
