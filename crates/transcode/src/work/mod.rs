//! Doing a piece of work: from a task on the bus to rows, objects and events.
//!
//! Owns the worker, its scratch folders and what happens when a piece fails. Invariant: whatever ends a piece (success, failure, cancellation, a lost
//! lease), its children are dead and its scratch folder is gone afterwards, and its objects are either named by rows or to be swept.

mod desk;
mod finish;
mod first;
mod hls;
mod permits;
mod photo;
mod poster;
mod scratch;
mod segments;
mod staging;
mod tickets;
mod waveform;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::MediaId;
use kit::Context;
use kit::bus::{Failure, MayBeAway as _};
use kit::objects::{KeyLease, Orphans};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

pub(crate) use desk::Desk;

use crate::config::Config;
use crate::error::Error;
use crate::ffmpeg::{ToolOptions, Tools};
use crate::figures::Figures;
use crate::flow::{self, Made};
use crate::model::{Estimate, Piece, Queue, Refusal, Ticket};
use crate::store;
use crate::turns::{self, Claimed};
use permits::Permits;
use scratch::Scratch;
use staging::Staging;

/// How often a worker looks whether its item is still wanted: another process may have heard that it was erased.
const LOOK: Duration = Duration::from_secs(3);
/// How often more a piece is tried whose source broke off in the middle: that is mostly the network's doing.
const BROKEN_OFF: u32 = 20;

/// A worker; clones are the same one.
#[derive(Clone)]
pub(crate) struct Worker(Arc<Inner>);

pub(crate) struct Inner {
    pub context: Context,
    pub config: Config,
    pub staging: Staging,
    pub orphans: Orphans,
    tools: OnceCell<Arc<Tools>>,
    pub figures: Figures,
    pub permits: Permits,
    running: Mutex<HashMap<MediaId, (CancellationToken, usize)>>,
}

impl std::ops::Deref for Worker {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Notes that a piece of an item is being worked on here.
struct Running {
    worker: Worker,
    media: MediaId,
    cancel: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.worker.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, pieces)) = running.get_mut(&self.media) {
            *pieces -= 1;
            if *pieces == 0 {
                running.remove(&self.media);
            }
        }
    }
}

impl Worker {
    pub fn new(context: Context, config: Config, orphans: Orphans) -> Self {
        let figures = Figures::new(&context.metrics);
        let staging = Staging::new(context.scratch(), config.staging_bytes);
        Self(Arc::new(Inner { context, config, staging, orphans, tools: OnceCell::new(), permits: Permits::new(figures.clone()), figures, running: Mutex::default() }))
    }

    /// The programs, looked for once, when they are first needed: a start must not wait for that.
    pub async fn tools(&self) -> Arc<Tools> {
        let find = || async {
            let config = &self.config;
            let options = ToolOptions {
                ffmpeg: &config.ffmpeg,
                ffprobe: &config.ffprobe,
                heif_convert: &config.heif_convert,
                launcher: config.launcher(),
                memory_bytes: config.children_memory_bytes,
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

    fn enter(&self, media: &MediaId) -> Running {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = running.entry(media.clone()).or_insert_with(|| (self.context.tasks.token().child_token(), 0));
        entry.1 += 1;
        Running { worker: self.clone(), media: media.clone(), cancel: entry.0.clone() }
    }

    /// Stops whatever is done here for an item.
    pub fn cancel(&self, media: &MediaId) {
        self.staging.forget(media);
        if let Some((cancel, _)) = self.running.lock().unwrap_or_else(PoisonError::into_inner).get(media) {
            cancel.cancel();
        }
    }

    /// Does the task that a ticket is for; an `Err` means that the ticket should be delivered again.
    pub async fn take(&self, queue: Queue, named: Ticket, id: &str, attempt: u32) -> Result<(), Failure> {
        let Some((claimed, permit)) = self.claim(queue, &named, id).await? else { return Ok(()) };
        let permit = Arc::new(permit);
        let Some(job) = store::find_job(self.context.db.read(), &claimed.media).await? else { return Ok(()) };
        if !job.state.is_open() {
            return Ok(());
        }
        let limit = Estimate::of(claimed.piece, claimed.weight, &job.received, job.plan.as_ref()).limit;
        let running = self.enter(&claimed.media);
        let started = tokio::time::Instant::now();
        let scratch = Scratch::make(&self.context.scratch()).await.map_err(Error::Scratch)?;
        let nice = self.permits.nice(claimed.line, &claimed.media, claimed.more);
        let desk = Desk::new(self.clone(), self.tools().await, job, (claimed.piece, queue), (nice, permit.clone()), scratch, running.cancel.child_token());
        let result = tokio::select! {
            result = perform(&desk) => result,
            gone = self.gone(&claimed.media) => Err(gone),
            () = tokio::time::sleep(limit) => Err(Refusal::TimedOut.into()),
        };
        if matches!(result, Err(Error::Gone | Error::Refused(_))) || claimed.piece == Piece::Finish {
            self.staging.forget(&claimed.media);
        }
        let leftover = desk.leave().await;
        let outcome = match &result {
            Ok(()) => "done",
            Err(Error::Gone) => "cancelled",
            Err(Error::Refused(_)) => "refused",
            Err(_) => "failed",
        };
        self.figures.count(claimed.piece, outcome, started.elapsed().as_secs_f64());
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.charge(&claimed, took_ms).await;
        let settled = match result {
            Ok(()) => {
                tracing::info!(media.id = %claimed.media, piece = %claimed.piece, attempt, took_ms, "a piece of work is done");
                Ok(())
            }
            Err(error) => self.settle(&claimed, error, leftover).await,
        };
        drop(permit);
        settled
    }

    /// Charges the task's owner for what it really took. That may fail without harm.
    async fn charge(&self, claimed: &Claimed, took_ms: u64) {
        let (line, Some(more)) = (claimed.line, turns::difference(claimed, took_ms)) else { return };
        let charged = self.context.db.write(move |tx| Box::pin(async move { store::add_cost(tx, line, more).await })).await;
        if let Err(error) = charged {
            tracing::debug!(%error, "what a task took could not be charged");
        }
    }

    /// Resolves when the item isn't wanted any more.
    async fn gone(&self, media: &MediaId) -> Error {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Ok(job) = store::find_job(self.context.db.read(), media).await
                && job.is_none_or(|job| !job.state.is_open())
            {
                return Error::Gone;
            }
        }
    }

    /// Decides what a failure means. Only what the piece itself did wrong counts, in its row: neither an engine that was away nor a worker that
    /// was killed may use up an item's attempts.
    async fn settle(&self, task: &Claimed, error: Error, leftover: Vec<KeyLease>) -> Result<(), Failure> {
        // Whether the rows name them, nobody may know after an error of the database: the sweep looks.
        if !matches!(error, Error::Db(_)) {
            self.discard(&leftover.iter().map(|lease| lease.key().clone()).collect::<Vec<_>>()).await;
        }
        drop(leftover);
        let refusal = match error {
            Error::Gone if self.context.tasks.is_stopping() => return Err(Failure::Away("the process is ending".to_owned())),
            Error::Gone => return Ok(()),
            error if error.is_away() => return Err(error.into()),
            Error::Refused(refusal) if refusal.is_late() && self.context.objects.ping().await.is_err() => {
                return Err(Failure::Away("the converter stood still, and the store does not answer".to_owned()));
            }
            // Somebody else may have had the machine's attention; once more.
            Error::Refused(refusal) if refusal.is_late() && self.failures(task).await? < 2 => return Err(Failure::Retry("the converter stood still".to_owned())),
            Error::Refused(refusal) => refusal,
            error => {
                let most = self.config.attempts.saturating_add(if error.is_broken_off() { BROKEN_OFF } else { 0 });
                let failures = self.failures(task).await?;
                if failures < most {
                    return Err(error.into());
                }
                tracing::error!(media.id = %task.media, piece = %task.piece, failures, %error, cause = ?error, "a piece of work was given up");
                Refusal::GaveUp
            }
        };
        if task.piece.can_be_spared() {
            tracing::warn!(media.id = %task.media, piece = %task.piece, code = refusal.code(), "an item goes on without a piece");
            return match self.advance(&task.media, Made::default(), Some(task.piece)).await {
                Ok(()) | Err(Error::Gone) => Ok(()),
                Err(error) => Err(error.into()),
            };
        }
        tracing::info!(media.id = %task.media, piece = %task.piece, code = refusal.code(), "an item can't be converted");
        let (media, now) = (task.media.clone(), self.context.clock.now());
        let failed = self.context.db.write(move |tx| Box::pin(async move { flow::fail(tx, &media, &refusal, now).await })).await;
        self.cancel(&task.media);
        match failed {
            Ok(()) | Err(Error::Gone) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Counts one more failure of a piece; answers how many there are.
    async fn failures(&self, task: &Claimed) -> Result<u32, Error> {
        let (media, piece, now) = (task.media.clone(), task.piece, self.context.clock.now());
        Ok(self.context.db.write(move |tx| Box::pin(async move { store::add_failure(tx, &media, piece, now).await })).await?)
    }

    /// Records what was made, and removes at once what turned out not to be needed.
    pub async fn advance(&self, media: &MediaId, made: Made, done: Option<Piece>) -> Result<(), Error> {
        let (media, now) = (media.clone(), self.context.clock.now());
        let unused = self.context.db.write(move |tx| Box::pin(async move { flow::advance(tx, &media, &made, done, now).await })).await?;
        self.permits.wake();
        self.discard(&unused).await;
        Ok(())
    }

    /// Removes objects that nothing names; what can't be removed now, the sweep removes.
    pub async fn discard(&self, objects: &[contract::ObjectKey]) {
        if let Err(error) = self.orphans.remove(objects).await {
            tracing::warn!(%error, "objects that nothing names could not be removed; the sweep will");
        }
    }
}

async fn perform(desk: &Desk) -> Result<(), Error> {
    match desk.piece {
        Piece::Start => first::start(desk).await,
        Piece::Copy => segments::copy(desk).await,
        Piece::First => segments::part(desk, 0, true).await,
        Piece::Part(number) => segments::part(desk, number, false).await,
        Piece::Sound => segments::sound(desk).await,
        Piece::Poster => poster::poster(desk).await,
        Piece::Waveform => waveform::waveform(desk).await,
        Piece::Photo => photo::photo(desk).await,
        Piece::Finish => finish::finish(desk).await,
    }
}
