//! Runs tasks: from a ticket on the bus to rows, objects and events.
//!
//! Owns the worker, its scratch folders and the handling of a failed task. Invariant: however a task ends (success,
//! failure, cancellation, a lost lease), its child processes are dead and its scratch folder is gone afterwards, and
//! its objects are either referenced by rows or left to the sweep.

mod finish;
mod hls;
mod permits;
mod photo;
mod poster;
mod probe;
mod scratch;
mod segments;
mod staging;
mod task_context;
mod tickets;
mod waveform;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::MediaId;
use kit::Context;
use kit::bus::{HandlerError, Transient as _};
use kit::objects::{KeyLease, Orphans};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

pub(crate) use task_context::TaskContext;

use crate::config::Config;
use crate::error::Error;
use crate::fair_queue::{self, Claimed};
use crate::ffmpeg::{ToolOptions, Tools};
use crate::metrics::Metrics;
use crate::model::{Estimate, Queue, RejectReason, Task, Ticket};
use crate::store;
use crate::transitions::{self, Outputs};
use permits::Permits;
use scratch::Scratch;
use staging::Staging;

/// How often a worker checks whether its item is still open: another process may have received its deletion.
const CHECK_INTERVAL: Duration = Duration::from_secs(3);
/// The additional attempts of a task whose source ended in the middle: the network is the most frequent cause.
const EXTRA_ATTEMPTS: u32 = 20;

/// A worker; clones share their state.
#[derive(Clone)]
pub(crate) struct Worker(Arc<Inner>);

pub(crate) struct Inner {
    pub context: Context,
    pub config: Config,
    pub staging: Staging,
    pub orphans: Orphans,
    tools: OnceCell<Arc<Tools>>,
    pub metrics: Metrics,
    pub permits: Permits,
    running: Mutex<HashMap<MediaId, (CancellationToken, usize)>>,
}

impl std::ops::Deref for Worker {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Registers that a task of an item is running here.
struct Running {
    worker: Worker,
    media: MediaId,
    cancel: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.worker.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, tasks)) = running.get_mut(&self.media) {
            *tasks -= 1;
            if *tasks == 0 {
                running.remove(&self.media);
            }
        }
    }
}

impl Worker {
    pub fn new(context: Context, config: Config, orphans: Orphans) -> Self {
        let metrics = Metrics::new(&context.metrics);
        let staging = Staging::new(context.scratch(), config.max_staging_bytes);
        Self(Arc::new(Inner {
            context,
            config,
            staging,
            orphans,
            tools: OnceCell::new(),
            permits: Permits::new(metrics.clone()),
            metrics,
            running: Mutex::default(),
        }))
    }

    /// The programs, detected when they are first needed, so that the start does not wait for that.
    pub async fn tools(&self) -> Arc<Tools> {
        let find = || async {
            let config = &self.config;
            let options = ToolOptions {
                ffmpeg: &config.ffmpeg,
                ffprobe: &config.ffprobe,
                heif_convert: &config.heif_convert,
                launcher: config.launcher(),
                memory_bytes: config.total_memory_bytes,
                folder: &self.context.folder,
            };
            let tools = Tools::find(options).await;
            if let Some(launcher) = &tools.launcher {
                launcher.warn();
            }
            Arc::new(tools)
        };
        self.tools.get_or_init(find).await.clone()
    }

    fn register(&self, media: &MediaId) -> Running {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = running.entry(media.clone()).or_insert_with(|| (self.context.tasks.token().child_token(), 0));
        entry.1 += 1;
        Running { worker: self.clone(), media: media.clone(), cancel: entry.0.clone() }
    }

    /// Cancels all tasks of an item here.
    pub fn cancel(&self, media: &MediaId) {
        self.staging.remove(media);
        if let Some((cancel, _)) = self.running.lock().unwrap_or_else(PoisonError::into_inner).get(media) {
            cancel.cancel();
        }
    }

    /// Runs the task that a ticket is for; an `Err` means that the ticket should be delivered again.
    pub async fn handle(&self, queue: Queue, named: Ticket, id: &str, attempt: u32) -> Result<(), HandlerError> {
        let Some((claimed, permit)) = self.claim(queue, &named, id).await? else { return Ok(()) };
        let permit = Arc::new(permit);
        let Some(job) = store::find_job(self.context.db.read(), &claimed.media).await? else { return Ok(()) };
        if !job.state.is_open() {
            return Ok(());
        }
        let limit = Estimate::of(claimed.task, claimed.weight, &job.received, job.plan.as_ref()).limit;
        let running = self.register(&claimed.media);
        let started = tokio::time::Instant::now();
        let scratch = Scratch::create(&self.context.scratch()).await.map_err(Error::Scratch)?;
        let nice = self.permits.nice(claimed.member_queue, &claimed.media, claimed.more);
        let task = TaskContext::new(
            self.clone(),
            self.tools().await,
            job,
            (claimed.task, queue),
            (nice, permit.clone()),
            scratch,
            running.cancel.child_token(),
        );
        let result = tokio::select! {
            result = run_task(&task) => result,
            gone = self.wait_until_gone(&claimed.media) => Err(gone),
            () = tokio::time::sleep(limit) => Err(RejectReason::TimedOut.into()),
        };
        if matches!(result, Err(Error::Gone | Error::Rejected(_))) || claimed.task == Task::Finish {
            self.staging.remove(&claimed.media);
        }
        let leftover = task.close().await;
        let outcome = match &result {
            Ok(()) => "done",
            Err(Error::Gone) => "cancelled",
            Err(Error::Rejected(_)) => "rejected",
            Err(_) => "failed",
        };
        self.metrics.count(claimed.task, outcome, started.elapsed().as_secs_f64());
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.charge(&claimed, took_ms).await;
        let settled = match result {
            Ok(()) => {
                tracing::info!(media.id = %claimed.media, task = %claimed.task, attempt, took_ms, "a task is done");
                Ok(())
            }
            Err(error) => self.handle_failure(&claimed, error, leftover).await,
        };
        drop(permit);
        settled
    }

    /// Charges the task's owner for its actual cost. A failure of that does no harm.
    async fn charge(&self, claimed: &Claimed, took_ms: u64) {
        let (member_queue, Some(more)) = (claimed.member_queue, fair_queue::cost_difference(claimed, took_ms)) else {
            return;
        };
        let charged = self
            .context
            .db
            .write(move |tx| Box::pin(async move { store::add_cost(tx, member_queue, more).await }))
            .await;
        if let Err(error) = charged {
            tracing::debug!(%error, "the actual cost of a task could not be charged");
        }
    }

    /// Resolves when the item is no longer open.
    async fn wait_until_gone(&self, media: &MediaId) -> Error {
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            if let Ok(job) = store::find_job(self.context.db.read(), media).await
                && job.is_none_or(|job| !job.state.is_open())
            {
                return Error::Gone;
            }
        }
    }

    /// Decides the consequence of a failure. Only the task's own failures count, in its row: neither an unavailable
    /// database nor a killed worker may use up an item's attempts.
    async fn handle_failure(
        &self,
        claimed: &Claimed,
        error: Error,
        leftover: Vec<KeyLease>,
    ) -> Result<(), HandlerError> {
        // After a database error it is unknown whether the rows reference them: the sweep checks.
        if !matches!(error, Error::Db(_)) {
            self.discard(&leftover.iter().map(|lease| lease.key().clone()).collect::<Vec<_>>()).await;
        }
        drop(leftover);
        let reason = match error {
            Error::Gone if self.context.tasks.is_stopping() => {
                return Err(HandlerError::Unavailable("the process is ending".to_owned()));
            }
            Error::Gone => return Ok(()),
            error if error.is_transient() => return Err(error.into()),
            Error::Rejected(reason) if reason.is_timeout() && self.context.objects.ping().await.is_err() => {
                return Err(HandlerError::Unavailable(
                    "the converter made no progress, and the object store does not respond".to_owned(),
                ));
            }
            // Other work may have slowed the machine down; one more attempt.
            Error::Rejected(reason) if reason.is_timeout() && self.add_failure(claimed).await? < 2 => {
                return Err(HandlerError::Retry("the converter made no progress".to_owned()));
            }
            Error::Rejected(reason) => reason,
            error => {
                let max_attempts =
                    self.config.max_attempts.saturating_add(if error.is_input_lost() { EXTRA_ATTEMPTS } else { 0 });
                let failures = self.add_failure(claimed).await?;
                if failures < max_attempts {
                    return Err(error.into());
                }
                tracing::error!(media.id = %claimed.media, task = %claimed.task, failures, %error, cause = ?error, "a task failed for the last time");
                RejectReason::GaveUp
            }
        };
        if claimed.task.is_optional() {
            tracing::warn!(media.id = %claimed.media, task = %claimed.task, code = reason.code(), "an item continues without a task");
            return match self.advance(&claimed.media, Outputs::default(), Some(claimed.task)).await {
                Ok(()) | Err(Error::Gone) => Ok(()),
                Err(error) => Err(error.into()),
            };
        }
        tracing::info!(media.id = %claimed.media, task = %claimed.task, code = reason.code(), "an item cannot be converted");
        let (media, now) = (claimed.media.clone(), self.context.clock.now());
        let failed = self
            .context
            .db
            .write(move |tx| Box::pin(async move { transitions::fail(tx, &media, &reason, now).await }))
            .await;
        self.cancel(&claimed.media);
        match failed {
            Ok(()) | Err(Error::Gone) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Counts one more failure of a task; returns how many there are.
    async fn add_failure(&self, claimed: &Claimed) -> Result<u32, Error> {
        let (media, task, now) = (claimed.media.clone(), claimed.task, self.context.clock.now());
        Ok(self
            .context
            .db
            .write(move |tx| Box::pin(async move { store::add_failure(tx, &media, task, now).await }))
            .await?)
    }

    /// Records outputs, and removes redundant objects at once.
    pub async fn advance(&self, media: &MediaId, outputs: Outputs, done: Option<Task>) -> Result<(), Error> {
        let (media, now) = (media.clone(), self.context.clock.now());
        let unused = self
            .context
            .db
            .write(move |tx| Box::pin(async move { transitions::advance(tx, &media, &outputs, done, now).await }))
            .await?;
        self.permits.wake();
        self.discard(&unused).await;
        Ok(())
    }

    /// Removes unreferenced objects; the sweep removes those that cannot be removed now.
    pub async fn discard(&self, objects: &[contract::ObjectKey]) {
        if let Err(error) = self.orphans.remove(objects).await {
            tracing::warn!(%error, "unreferenced objects could not be removed; the sweep removes them later");
        }
    }
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
