//! A write on its way through the queue: its lanes, its work, and the answer to its caller.
//!
//! Invariant: a job is taken by its group or given up by its caller, never both; its caller gets one answer, however
//! often the work ran.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::lane::Lane;
use super::{Error, Tx};
use base::Trace;

/// The work of a write: a closure from its transaction to a future that may cross threads. Every `async` closure whose
/// future is [`Send`] is one.
pub trait Work<'t, T, E>: FnOnce(&'t Tx) -> Self::Future + Send {
    /// What the closure returns.
    type Future: Future<Output = Result<T, E>> + Send + 't;
}

impl<'t, T, E, F, Fut> Work<'t, T, E> for F
where
    F: FnOnce(&'t Tx) -> Fut + Send,
    Fut: Future<Output = Result<T, E>> + Send + 't,
{
    type Future = Fut;
}

/// Whether a write was taken by its group, or given up by its caller, whichever came first.
#[derive(Clone, Default)]
pub(super) struct Ticket(Arc<AtomicBool>);

impl Ticket {
    pub(super) fn is_taken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Returns `false` if the other side was faster.
    pub(super) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// The result of a write whose statements have run: its transaction, and how to respond to the caller.
pub(super) struct FinishedWork {
    pub(super) tx: Tx,
    pub(super) wrote: bool,
    pub(super) respond: Respond,
}

/// Tells the caller how the commit ended. Dropped unused, it tells nothing, and the work can run again.
pub(super) type Respond = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// A write in the queue.
pub(super) struct WriteJob {
    pub(super) lane: Lane,
    pub(super) ticket: Ticket,
    /// How often the work may still run after the engine chose it as the victim of a deadlock.
    pub(super) reruns_left: u32,
    /// Set when a lane was held by another process: from then on the write waits for its lanes, or asks again then.
    pub(super) contended_until: Option<Instant>,
    run: Box<dyn Fn(Tx) -> BoxFuture<'static, FinishedWork> + Send>,
    refuse: Box<dyn Fn(Error) + Send>,
}

/// How often a write runs again after a deadlock or a serialization failure, before its caller learns of it.
const MAX_RERUNS: u32 = 5;

impl WriteJob {
    /// Returns a job, and where its answer will arrive.
    pub(super) fn new<T, E, F>(lane: Lane, work: F) -> (Self, oneshot::Receiver<Result<T, E>>)
    where
        F: for<'t> Work<'t, T, E> + Clone + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel::<Result<T, E>>();
        let answer = Arc::new(Mutex::new(Some(answer)));
        // The caller may be gone; the write is made all the same.
        let send = move |answer: &Mutex<Option<oneshot::Sender<_>>>, result| {
            answer.lock().take().map(|answer| answer.send(result).is_ok());
        };
        let refused = answer.clone();
        // The work runs in another task than its caller.
        let trace = Trace::current();
        let run = move |tx: Tx| -> BoxFuture<'static, FinishedWork> {
            let (work, answer, tx) = (work.clone(), answer.clone(), tx.within(trace));
            Box::pin(async move {
                let result = work(&tx).await;
                let wrote = result.is_ok();
                let respond: Respond = Box::new(move |committed| {
                    let result = match committed {
                        Ok(()) => result,
                        Err(error) => Err(result.err().unwrap_or_else(|| error.into())),
                    };
                    send(&answer, result);
                });
                FinishedWork { tx, wrote, respond }
            })
        };
        let refuse = Box::new(move |error: Error| send(&refused, Err(error.into())));
        let job = Self {
            lane,
            ticket: Ticket::default(),
            reruns_left: MAX_RERUNS,
            contended_until: None,
            run: Box::new(run),
            refuse,
        };
        (job, answered)
    }

    /// Whether the caller has stopped waiting before a group took the write.
    pub(super) fn is_given_up(&self) -> bool {
        self.reruns_left == MAX_RERUNS && self.ticket.is_taken()
    }

    /// Takes the write for a group. Returns `false` if its caller has given it up.
    pub(super) fn take(&self) -> bool {
        self.reruns_left < MAX_RERUNS || self.ticket.take()
    }

    /// Runs the work in a transaction. Its effects last if the transaction commits.
    pub(super) fn run(&self, tx: Tx) -> BoxFuture<'static, FinishedWork> {
        (self.run)(tx)
    }

    /// Answers the caller that the write was not made.
    pub(super) fn refuse(self, error: Error) {
        (self.refuse)(error);
    }
}
