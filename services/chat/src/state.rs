//! The state that all requests, subscriptions and jobs of the role share.
//!
//! Owns no rule. Invariant: everything in it comes from the context and the configuration.

use std::sync::Arc;
use std::time::Duration;

use base::Environment;
use classify::{ScreeningOptions, WebhookContext};
use screening::classifier::Classifier;
use screening::rules::RuleSet;
use service::{BootError, Context};

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
    /// The classifier of texts, if there is one.
    pub texts: Option<Arc<dyn Classifier<str>>>,
    /// How long it may take.
    pub text_deadline: Duration,
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
    /// Creates the state. Fails if a classifier of texts is named and can't be asked as configured.
    pub(crate) fn new(context: Context, config: Config) -> Result<Self, BootError> {
        let options = ScreeningOptions::of(&context.config)?;
        let outside = WebhookContext {
            clock: context.clock.clone(),
            random: context.random.clone(),
            environment: Environment::of(&context.config)?,
        };
        let (texts, text_deadline) = (options.texts(&outside)?, options.text_deadline());
        if let Some(texts) = &texts {
            tracing::info!(model = texts.model(), "first messages to strangers are scored");
        }
        let metrics = Metrics::register(&context.metrics);
        let streams = Streams::start(context.bus.broadcast(), &context.tasks, &metrics.streams);
        let (rules, presence) = (Arc::new(RuleSet::standard()), PresenceTable::default());
        Ok(Self(Arc::new(Inner { context, config, metrics, rules, texts, text_deadline, streams, presence })))
    }
}
