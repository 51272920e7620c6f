//! How a process follows which tokens count no more: a task that asks the accounts role every few seconds.
//!
//! Owns the task and its metrics, not the lists. Invariant: a failed request changes nothing, is counted, and is sent
//! again after the next pause.

use std::sync::atomic::Ordering;
use std::time::Duration;

use base::tasks::Tasks;
use base::telemetry::Metrics;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::{KeySource, SourceError, Verifier};

/// How often a process asks. A suspension counts everywhere within this and the time of one request.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(5);

/// What a process knows about the lists.
#[derive(Debug, Clone, Default)]
struct FollowMetrics {
    failures: Counter,
    denied: Gauge,
}

impl FollowMetrics {
    fn register(registry: &Metrics) -> Self {
        let metrics = Self::default();
        registry.register(|registry| {
            registry.register(
                "auth_rule_read_failures",
                "Requests for the ended sessions and suspended accounts that failed; meanwhile the lists are old",
                metrics.failures.clone(),
            );
            registry.register(
                "auth_denied_accounts",
                "Suspended and banned accounts whose tokens this process refuses",
                metrics.denied.clone(),
            );
        });
        metrics
    }
}

impl Verifier {
    /// Asks again and again which sessions have ended and which accounts are suspended, until the process stops.
    pub fn follow_token_rules(&self, tasks: &Tasks, metrics: &Metrics) {
        let (verifier, own, metrics) = (self.clone(), tasks.clone(), FollowMetrics::register(metrics));
        tasks.spawn(async move {
            let mut failures = 0_u32;
            loop {
                // Each list is read even if the other can't be.
                let (sessions, accounts) = (verifier.read_ended_sessions().await, verifier.read_account_rules().await);
                match sessions.and(accounts) {
                    Ok(()) => failures = 0,
                    Err(error) => {
                        metrics.failures.inc();
                        failures = failures.saturating_add(1);
                        // The accounts role may be starting.
                        if failures > 2 {
                            tracing::warn!(%error, "the list of ended sessions or suspended accounts can't be read");
                        }
                    }
                }
                metrics.denied.set(i64::try_from(verifier.0.rules.denied_count()).unwrap_or(i64::MAX));
                if !own.sleep(FOLLOW_INTERVAL).await {
                    return;
                }
            }
        });
    }

    /// Asks once which sessions have ended.
    pub async fn read_ended_sessions(&self) -> Result<(), SourceError> {
        let Some(source) = self.source() else { return Ok(()) };
        let now = self.0.clock.now();
        let ended = source.ended_sessions(self.0.ended.query(now)).await?;
        self.0.ended.add(&ended, now);
        Ok(())
    }

    /// Asks once which accounts are suspended and which have lost a role.
    pub async fn read_account_rules(&self) -> Result<(), SourceError> {
        let Some(source) = self.source() else { return Ok(()) };
        let mut reading = self.0.rules.begin_read(self.0.clock.now());
        while let Some(query) = reading.query() {
            reading.add(&source.account_rules(query).await?);
        }
        Ok(())
    }

    /// Returns where the keys and lists come from; `None` if the keys are pinned.
    pub(super) fn source(&self) -> Option<&dyn KeySource> {
        self.0.source.as_deref().filter(|_| !self.0.is_pinned.load(Ordering::Acquire))
    }
}
