//! Runs tasks: from a ticket on the bus to rows, objects and events.
//!
//! Owns the running of a task and the handling of its failure; what it writes are `commands`. Invariant: however a task
//! ends (success, failure, cancellation, a lost lease), its child processes are dead and its scratch folder is gone
//! afterwards, and its objects are either referenced by rows or left to the sweep.

pub(crate) mod classify;
mod finish;
mod hls;
mod motion;
pub(crate) mod permits;
mod photo;
mod pictures;
mod poster;
mod probe;
mod scratch;
mod segments;
pub(crate) mod staging;
mod task_context;
mod tickets;
mod waveform;

use std::sync::Arc;
use std::time::Duration;

use base::Transient as _;
use bus::HandlerError;
use contract::MediaId;
use objects::KeyLease;

use crate::commands::{self, Outputs};
use crate::error::Error;
use crate::fair_queue::Claimed;
use crate::model::{Estimate, Queue, RejectReason, Task, Ticket};
use crate::state::Worker;
use crate::store;
use scratch::Scratch;
use task_context::TaskContext;

/// How often a worker checks whether its item is still open: another process may have received its deletion.
const CHECK_INTERVAL: Duration = Duration::from_secs(3);
/// The additional attempts of a task whose source ended in the middle: the network is the most frequent cause.
const EXTRA_ATTEMPTS: u32 = 20;

/// Runs the task that a ticket is for; an `Err` means that the ticket should be delivered again.
pub(crate) async fn handle(
    worker: &Worker,
    queue: Queue,
    named: Ticket,
    id: &str,
    attempt: u32,
) -> Result<(), HandlerError> {
    tickets::wait_until_turned_on(worker).await?;
    let Some((claimed, permit)) = tickets::claim(worker, queue, &named, id).await? else { return Ok(()) };
    let permit = Arc::new(permit);
    let Some(job) = store::find_job(worker.context.db.read(), &claimed.media).await? else { return Ok(()) };
    if !job.state.is_open() {
        return Ok(());
    }
    let limit = Estimate::of(claimed.task, claimed.weight, &job.received, job.plan.as_ref()).limit;
    let running = worker.register(&claimed.media);
    let started = tokio::time::Instant::now();
    let name = worker.context.random.id();
    let scratch = Scratch::create(&worker.context.scratch(), &name).await.map_err(Error::Scratch)?;
    let nice = worker.permits.nice(claimed.member_queue, &claimed.media, claimed.more);
    let task = TaskContext::new(
        worker.clone(),
        worker.tools().await,
        job,
        (claimed.task, queue),
        (nice, permit.clone()),
        scratch,
        running.cancel.child_token(),
    );
    let result = tokio::select! {
        result = run_task(&task) => result,
        gone = wait_until_gone(worker, &claimed.media) => Err(gone),
        () = tokio::time::sleep(limit) => Err(RejectReason::TimedOut.into()),
    };
    if matches!(result, Err(Error::Gone | Error::Rejected(_))) || claimed.task == Task::Finish {
        worker.staging.remove(&claimed.media);
    }
    let leftover = task.close().await;
    worker.metrics.count(claimed.task, outcome(&result), started.elapsed().as_secs_f64());
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Err(error) = commands::charge(worker, &claimed, took_ms).await {
        // It does no harm.
        tracing::debug!(%error, "the actual cost of a task could not be charged");
    }
    let settled = match result {
        Ok(()) => {
            tracing::info!(media.id = %claimed.media, task = %claimed.task, attempt, took_ms, "a task is done");
            Ok(())
        }
        Err(error) => handle_failure(worker, &claimed, error, leftover).await,
    };
    drop(permit);
    settled
}

async fn run_task(task: &TaskContext) -> Result<(), Error> {
    match task.name {
        Task::Probe => probe::probe(task).await,
        Task::Copy => segments::copy(task).await,
        Task::First => segments::chunk(task, 0, true).await,
        Task::Chunk(number) => segments::chunk(task, number, false).await,
        Task::Audio => segments::audio(task).await,
        Task::Poster => poster::poster(task).await,
        Task::Waveform => waveform::waveform(task).await,
        Task::Photo => photo::photo(task).await,
        Task::Finish => finish::finish(task).await,
    }
}

/// Returns the label of a result for the metrics.
fn outcome(result: &Result<(), Error>) -> &'static str {
    match result {
        Ok(()) => "done",
        Err(Error::Gone) => "cancelled",
        Err(Error::Rejected(_)) => "rejected",
        Err(_) => "failed",
    }
}

/// Resolves when the item is no longer open.
async fn wait_until_gone(worker: &Worker, media: &MediaId) -> Error {
    loop {
        tokio::time::sleep(CHECK_INTERVAL).await;
        if let Ok(job) = store::find_job(worker.context.db.read(), media).await
            && job.is_none_or(|job| !job.state.is_open())
        {
            return Error::Gone;
        }
    }
}

/// Decides the consequence of a failure. Only the task's own failures count, in its row: neither an unavailable
/// database nor a killed worker may use up an item's attempts.
async fn handle_failure(
    worker: &Worker,
    claimed: &Claimed,
    error: Error,
    leftover: Vec<KeyLease>,
) -> Result<(), HandlerError> {
    // After a database error it is unknown whether the rows reference them: the sweep checks.
    if !matches!(error, Error::Db(_)) {
        let keys: Vec<_> = leftover.iter().map(|lease| lease.key().clone()).collect();
        commands::discard(worker, &keys).await;
    }
    drop(leftover);
    let reason = match error {
        Error::Gone if worker.context.tasks.is_stopping() => {
            return Err(HandlerError::Unavailable("the process is ending".to_owned()));
        }
        Error::Gone => return Ok(()),
        error if error.is_transient() => return Err(error.into()),
        Error::Rejected(reason) if reason.is_timeout() && worker.context.objects.ping().await.is_err() => {
            return Err(HandlerError::Unavailable(
                "the converter made no progress, and the object store does not respond".to_owned(),
            ));
        }
        // Other work may have slowed the machine down; one more attempt.
        Error::Rejected(reason)
            if reason.is_timeout() && commands::add_failure(worker, &claimed.media, claimed.task).await? < 2 =>
        {
            return Err(HandlerError::Retry("the converter made no progress".to_owned()));
        }
        Error::Rejected(reason) => reason,
        error => {
            let extra = if error.is_input_lost() { EXTRA_ATTEMPTS } else { 0 };
            let max_attempts = worker.config.max_attempts.saturating_add(extra);
            let failures = commands::add_failure(worker, &claimed.media, claimed.task).await?;
            if failures < max_attempts {
                return Err(error.into());
            }
            tracing::error!(
                media.id = %claimed.media,
                task = %claimed.task,
                failures,
                %error,
                cause = ?error,
                "a task failed for the last time"
            );
            RejectReason::GaveUp
        }
    };
    reject(worker, claimed, reason).await
}

/// Continues without an optional task; otherwise fails the item and cancels its other tasks.
async fn reject(worker: &Worker, claimed: &Claimed, reason: RejectReason) -> Result<(), HandlerError> {
    let (media, task, code) = (&claimed.media, claimed.task, reason.code());
    let settled = if task.is_optional() {
        tracing::warn!(media.id = %media, %task, code, "an item continues without a task");
        commands::complete(worker, media, task, Outputs::default()).await
    } else {
        tracing::info!(media.id = %media, %task, code, "an item cannot be converted");
        let failed = commands::fail(worker, media, reason).await;
        worker.cancel(media);
        failed
    };
    match settled {
        Ok(()) | Err(Error::Gone) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
