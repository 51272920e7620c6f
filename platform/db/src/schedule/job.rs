//! A job, and one run of it.
//!
//! Invariant: a write under [`Run::fence`] commits only while the run still has its owner.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;

use super::local_time::LocalTime;
use super::rule::{CatchUp, Rule, Timing};
use crate::{Error, Sql as _, Tx};

/// The error of a run.
pub type JobError = Box<dyn std::error::Error + Send + Sync>;
type Work = Arc<dyn Fn(Run) -> BoxFuture<'static, Result<(), JobError>> + Send + Sync>;

/// A job: its name, when it runs, what it does. By default the newest of the slots that were missed is made up for, and
/// one run at a time.
#[derive(Clone)]
pub struct Job {
    pub(super) name: &'static str,
    pub(super) rule: Rule,
    pub(super) work: Work,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("name", &self.name).field("rule", &self.rule).finish_non_exhaustive()
    }
}

impl Job {
    /// Returns a job that runs once in every period.
    pub fn every<F, Fut>(name: &'static str, period: TimeDelta, work: F) -> Self
    where
        F: Fn(Run) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        Self::new(name, Timing::Every(period), work)
    }

    /// Returns a job that runs once a day, at a time of the wall clock.
    pub fn daily<F, Fut>(name: &'static str, at: LocalTime, work: F) -> Self
    where
        F: Fn(Run) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        Self::new(name, Timing::At(at), work)
    }

    fn new<F, Fut>(name: &'static str, timing: Timing, work: F) -> Self
    where
        F: Fn(Run) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        Self { name, rule: Rule::new(name, timing), work: Arc::new(move |run| Box::pin(work(run))) }
    }

    /// Sets what becomes of slots that were missed.
    #[must_use]
    pub fn catching_up(mut self, catch_up: CatchUp) -> Self {
        self.rule.catch_up = catch_up;
        self
    }

    /// Sets the longest time by which a run is later than its slot, less than what is between two slots: so that jobs
    /// with the same slots don't begin at the same moment.
    #[must_use]
    pub fn with_jitter(mut self, jitter: TimeDelta) -> Self {
        self.rule.jitter = jitter;
        self
    }

    /// Sets how many runs there may be at once, in all processes together.
    #[must_use]
    pub fn at_once(mut self, max_running: u32) -> Self {
        self.rule.max_running = max_running;
        self
    }
}

/// One run of a job.
#[derive(Debug, Clone)]
pub struct Run {
    pub(super) job: &'static str,
    /// The start of its slot; of a run that was asked for, when that was.
    pub slot: DateTime<Utc>,
    pub(super) fence: i64,
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
