//! The state that all requests, subscriptions and jobs of the role share.
//!
//! Owns no rule. Invariant: everything in it comes from the context and the configuration.

use std::sync::Arc;

use service::{BootError, Context};
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::history::HistoryStore;
use crate::metrics::Metrics;
use crate::push::{Push, PushOptions};
use crate::stream_queue::StreamQueue;
use crate::streams::Streams;

/// Batches of all fan-outs of a process that run at once: other writes wait for at most so many.
const MAX_FAN_OUT_BATCHES: usize = 6;

/// The state of the role; cheap to clone.
#[derive(Clone)]
pub(crate) struct Notify(Arc<Inner>);

pub(crate) struct Inner {
    /// The context of the process: database, clock, events, randomness.
    pub context: Context,
    /// The configuration.
    pub config: Config,
    /// Counts what the role does.
    pub metrics: Metrics,
    /// The notices of members.
    pub history: Box<dyn HistoryStore>,
    /// The live streams of this process.
    pub streams: Streams,
    /// Where they wait to be read for.
    pub stream_queue: StreamQueue,
    /// Permits for the batches of fan-outs.
    pub fan_out_batches: Semaphore,
    /// The services that bring pushes to devices.
    pub push: Push,
}

impl std::ops::Deref for Notify {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Notify {
    /// Creates the state, with the history in the role's own database.
    #[cfg(test)]
    pub(crate) fn new(context: Context, config: Config) -> Result<Self, BootError> {
        let history = crate::store::history::SqlHistory::new(context.db.clone(), context.random.clone());
        Self::with_history(context, config, Box::new(history))
    }

    /// Creates the state. Fails if a key of pushes can't be used.
    pub(crate) fn with_history(
        context: Context,
        config: Config,
        history: Box<dyn HistoryStore>,
    ) -> Result<Self, BootError> {
        let metrics = Metrics::register(&context.metrics);
        let streams = Streams::start(context.bus.broadcast(), &context.tasks, &metrics.streams);
        let push = Push::new(&context, &PushOptions::of(&config)?)?;
        let (stream_queue, fan_out_batches) = (StreamQueue::default(), Semaphore::new(MAX_FAN_OUT_BATCHES));
        Ok(Self(Arc::new(Inner { context, config, metrics, history, streams, stream_queue, fan_out_batches, push })))
    }
}
