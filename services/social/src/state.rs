//! The state that all requests, subscriptions and jobs of the role share.
//!
//! Owns no rule. Invariant: everything in it comes from the context and the configuration.

use std::sync::Arc;

use screening::rules::RuleSet;
use service::Context;

use crate::config::Config;
use crate::metrics::Metrics;

/// The state of the role; cheap to clone.
#[derive(Clone)]
pub(crate) struct Social(Arc<Inner>);

pub(crate) struct Inner {
    /// The context of the process: database, clock, events, randomness.
    pub context: Context,
    /// The configuration.
    pub config: Config,
    /// Counts what the role does.
    pub metrics: Metrics,
    /// The rules of verdicts.
    pub rules: Arc<RuleSet>,
}

impl std::ops::Deref for Social {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Social {
    /// Creates the state.
    pub(crate) fn new(context: Context, config: Config) -> Self {
        let metrics = Metrics::register(&context.metrics);
        Self(Arc::new(Inner { context, config, metrics, rules: Arc::new(RuleSet::standard()) }))
    }
}
