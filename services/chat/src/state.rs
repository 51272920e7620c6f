//! The state that all requests, subscriptions and jobs of the role share.
//!
//! Owns no rule. Invariant: everything in it comes from the context and the configuration.

use std::sync::Arc;

use screening::rules::RuleSet;
use service::Context;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::presence::table::PresenceTable;
use crate::streams::Streams;

/// The state of the role; cheap to clone.
#[derive(Clone)]
pub(crate) struct Chat(Arc<Inner>);

pub(crate) struct Inner {
    /// The context of the process: database, clock, events, randomness.
    pub context: Context,
    /// The configuration.
    pub config: Config,
    /// Counts what the role does.
    pub metrics: Metrics,
    /// The rules of verdicts.
    pub rules: Arc<RuleSet>,
    /// The live streams of this process.
    pub streams: Streams,
    /// Who is online.
    pub presence: PresenceTable,
}

impl std::ops::Deref for Chat {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Chat {
    /// Creates the state.
    pub(crate) fn new(context: Context, config: Config) -> Self {
        let metrics = Metrics::register(&context.metrics);
        let streams = Streams::start(context.bus.broadcast(), &context.tasks, &metrics.streams);
        let (rules, presence) = (Arc::new(RuleSet::standard()), PresenceTable::default());
        Self(Arc::new(Inner { context, config, metrics, rules, streams, presence }))
    }
}
