//! The metrics of mails.
//!
//! Invariant: the labels are the four outcomes in this file.

use base::telemetry::Metrics as Registry;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    outcome: &'static str,
}

/// Counts attempts to send a mail.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    attempts: Family<AttemptLabels, Counter>,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        let metrics = Self::default();
        registry.register(|registry| {
            registry.register(
                "mail_attempts",
                "Attempts to send a mail: it was sent, is tried again later (deferred), is a dead letter (dead), or \
                 may not go to its recipient outside production (withheld)",
                metrics.attempts.clone(),
            );
        });
        metrics
    }

    /// Counts an attempt whose outcome is `sent`, `deferred`, `dead` or `withheld`.
    pub(crate) fn attempted(&self, outcome: &'static str) {
        self.attempts.get_or_create(&AttemptLabels { outcome }).inc();
    }
}
