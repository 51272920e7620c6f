//! The loops of a process that run its jobs.
//!
//! Does not own what is due (`decision`). Invariant: a run that has begun here ends here, or is left to another process
//! when this one stops or loses it.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use tokio::sync::Notify;
use tokio::time::Instant;

use base::clock::Clock;
use base::tasks::Tasks;

use super::control::{list_requested, register};
use super::job::{Job, Run};
use super::rows::{Claim, attempt, extend, finish, release};
use crate::Db;

/// How often a process that runs a job extends its lease.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(20);
/// The pauses between two claims of a job that has nothing due, where another process may change that.
const POLL_INTERVALS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(20)];
/// The longest sleep: a clock of the database that is set forward makes no job later than this.
const MAX_SLEEP: Duration = Duration::from_secs(300);
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
/// How often runs are searched for that operators have asked for.
const REQUEST_INTERVAL: Duration = Duration::from_secs(2);
/// How often a process names its jobs, so that they stay known.
const REGISTER_INTERVAL: Duration = Duration::from_secs(86_400);
/// How long a process that stops tries to leave a run to the next one.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// Starts the loops of `jobs`. `process` is the name of this process in their history.
pub fn start(db: &Db, jobs: Vec<Job>, process: &Arc<str>, clock: &Clock, tasks: &Tasks) {
    if jobs.is_empty() {
        return;
    }
    let mut requested = HashMap::new();
    for job in jobs {
        let request = Arc::new(Notify::new());
        requested.insert(job.name, request.clone());
        let (db, process, clock, tasks) = (db.clone(), process.clone(), clock.clone(), tasks.clone());
        let runner = Runner { db, job, process, clock, tasks: tasks.clone() };
        tasks.spawn(async move { runner.run(&request).await });
    }
    let (db, owner) = (db.clone(), tasks.clone());
    tasks.spawn(async move {
        while owner.sleep(REQUEST_INTERVAL).await {
            match list_requested(db.read()).await {
                Ok(names) => {
                    for request in names.iter().filter_map(|name| requested.get(name.as_str())) {
                        request.notify_one();
                    }
                }
                Err(error) => tracing::debug!(%error, "runs that were asked for could not be read"),
            }
        }
    });
}

/// The loop of a job.
struct Runner {
    db: Db,
    job: Job,
    process: Arc<str>,
    clock: Clock,
    tasks: Tasks,
}

/// Until when a loop sleeps, unless it is woken.
struct Sleep {
    length: Duration,
    /// In a test, whose clock jumps.
    until: Option<DateTime<Utc>>,
}

impl Runner {
    async fn run(&self, requested: &Notify) {
        let mut registered: Option<Instant> = None;
        while !self.tasks.is_stopping() {
            if registered.is_none_or(|at| at.elapsed() > REGISTER_INTERVAL) {
                match register(&self.db, &self.job, &self.clock).await {
                    Ok(()) => registered = Some(Instant::now()),
                    Err(error) => tracing::warn!(job = self.job.name, %error, "a job could not be made known yet"),
                }
            }
            let Some(Sleep { length, until }) = self.turn().await else { continue };
            let reached = async {
                match until {
                    Some(until) => self.clock.reached(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                goes_on = self.tasks.sleep(length) => if !goes_on { return },
                () = requested.notified() => {}
                () = reached => {}
            }
        }
    }

    /// Runs what is due; `None` if there was something. Otherwise returns how long there will be nothing.
    async fn turn(&self) -> Option<Sleep> {
        let [shortest, longest] = POLL_INTERVALS;
        match attempt(&self.db, &self.job, &self.process, &self.clock).await {
            Ok(Claim::Begun(run)) => {
                run_once(&self.db, &self.job, run, &self.clock, &self.tasks).await;
                None
            }
            Ok(Claim::Wait { now, until, may_change }) => {
                let left = until.and_then(|until| (until - now).to_std().ok()).unwrap_or(MAX_SLEEP);
                let length = left.clamp(shortest, if may_change { longest } else { MAX_SLEEP });
                Some(Sleep { length, until })
            }
            Err(error) => {
                tracing::warn!(job = self.job.name, %error, "the schedule could not be read");
                Some(Sleep { length: longest, until: None })
            }
        }
    }
}

/// Runs a claimed slot to its end, with a heartbeat. Work that panics has failed; later slots run all the same.
pub async fn run_once(db: &Db, job: &Job, run: Run, clock: &Clock, tasks: &Tasks) {
    let started = Instant::now();
    let ended = tokio::select! {
        result = AssertUnwindSafe((job.work)(run.clone())).catch_unwind() => Some(match result {
            Ok(result) => result.err().map(|error| error.to_string()),
            Err(_) => Some("its work panicked".to_owned()),
        }),
        () = heartbeat(db, &run, clock) => Some(Some("another process took the run over".to_owned())),
        () = tasks.stopping() => None,
    };
    let Some(failure) = ended else {
        // The slot stays open; the next process takes it over, if need be when the lease ends.
        match tokio::time::timeout(RELEASE_TIMEOUT, release(db, &run, clock)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(job = run.job, %error, "a run could not be left to the next process"),
            Err(_) => tracing::debug!(job = run.job, "a run could not be left to the next process in time"),
        }
        return;
    };
    match &failure {
        None => {
            tracing::debug!(job = run.job, slot = %run.slot, elapsed_ms = started.elapsed().as_millis(), "a scheduled \
                run is done");
        }
        Some(reason) => tracing::warn!(job = run.job, slot = %run.slot, reason, "a scheduled run failed"),
    }
    while let Err(error) = finish(db, job, &run, failure.clone(), clock).await {
        tracing::warn!(job = job.name, %error, "a finished run could not be recorded yet");
        // Otherwise the next process would run it again when the lease ends.
        if !error.is_unavailable() || !tasks.sleep(RETRY_INTERVAL).await {
            return;
        }
    }
}

/// Extends the lease while the run is ours; returns when it is not.
async fn heartbeat(db: &Db, run: &Run, clock: &Clock) {
    loop {
        tokio::time::sleep(HEARTBEAT_INTERVAL).await;
        match extend(db, run, clock).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(%error, "a heartbeat could not be written"),
        }
    }
}
