//! The queue of a database's writes.
//!
//! Owns the places in the queue, and SQLite's one writer. Does not own the timeouts (`write_queue`), how a group runs
//! (`group_commit`), nor which groups run at once on PostgreSQL (`scheduler`). Invariant: a write that timed out in the
//! queue never runs.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;

use sea_orm::DatabaseConnection;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout};

use super::group_commit::{OpenGroup, run_group};
use super::lane::Lane;
use super::write_job::{Work, WriteJob};
use super::write_queue::{GROUP_TIMEOUT, GroupClock, begin, refuse_all};
use super::{Error, scheduler};

/// Writes that may be queued; further callers wait until one is taken.
const MAX_QUEUED: usize = 1024;
#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<WriteJob>,
    clock: GroupClock,
}

impl Writer {
    // Both tasks end when the last `Db` is dropped, not when the process begins to stop: work that drains still writes.

    /// Starts the task that owns SQLite's writing connection. Its lanes share one writer.
    pub(super) fn sqlite(connection: DatabaseConnection, outbox: Arc<Notify>) -> Self {
        let ((jobs, queue), clock) = (mpsc::channel(MAX_QUEUED), GroupClock::default());
        tokio::spawn(run(connection, queue, outbox, clock.clone()));
        Self { jobs, clock }
    }

    /// Starts the task that spreads the lanes over PostgreSQL's writing connections.
    pub(super) fn postgres(connections: scheduler::Connections, outbox: Arc<Notify>) -> Self {
        let ((jobs, queue), clock) = (mpsc::channel(MAX_QUEUED), GroupClock::default());
        tokio::spawn(scheduler::run(connections, queue, outbox, clock.clone()));
        Self { jobs, clock }
    }

    pub(super) async fn write<T, E, F>(&self, lane: Lane, work: F) -> Result<T, E>
    where
        F: for<'t> Work<'t, T, E> + Clone + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answered) = WriteJob::new(lane, work);
        let ticket = job.ticket.clone();
        let mut request = pin!(async {
            self.jobs.send(job).await.map_err(|_| Error::Closed)?;
            answered.await.map_err(|_| E::from(Error::OutcomeUnknown))?
        });
        match timeout(self.clock.wait_limit(), request.as_mut()).await {
            Ok(answer) => answer,
            Err(elapsed) if ticket.take() => Err(Error::from(elapsed).into()),
            // Its group runs, and has its own timeout.
            Err(_) => request.await,
        }
    }
}

/// Runs SQLite's writes, one group after the other.
async fn run(
    connection: DatabaseConnection,
    mut queue: mpsc::Receiver<WriteJob>,
    outbox: Arc<Notify>,
    clock: GroupClock,
) {
    while let Some(first) = queue.recv().await {
        if first.ticket.is_taken() {
            continue;
        }
        clock.set(Some(Instant::now()));
        // Aborting the group drops its transaction, which rolls it back, and the senders of its callers, which tells
        // them.
        if timeout(GROUP_TIMEOUT, run_next(&connection, first, &mut queue, &outbox)).await.is_err() {
            tracing::error!("a group of writes was aborted; the database is unresponsive");
        }
        clock.set(None);
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "the writing connection did not close cleanly");
    }
}

async fn run_next(
    connection: &DatabaseConnection,
    first: WriteJob,
    queue: &mut mpsc::Receiver<WriteJob>,
    outbox: &Notify,
) {
    let transaction = match begin(connection).await {
        Ok(transaction) => transaction,
        Err(error) => {
            let queued = std::iter::from_fn(|| queue.try_recv().ok());
            return refuse_all(std::iter::once(first).chain(queued), &error);
        }
    };
    let mut first = VecDeque::from([first]);
    let mut next = || first.pop_front().or_else(|| queue.try_recv().ok());
    // SQLite aborts no transaction for another's sake, so no write runs again.
    run_group(OpenGroup { transaction, lock: None }, &mut next, outbox).await;
}
