//! The metrics of this role.
//!
//! Invariant: the only label values are the kinds and outcomes listed here, never a login or an id.

use base::telemetry;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// The outcome of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    outcome: &'static str,
}

/// The outcome of a proof by a second factor.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct FactorOutcome {
    kind: &'static str,
    outcome: &'static str,
}

/// The counters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    sign_ins: Family<Outcome, Counter>,
    refreshes: Family<Outcome, Counter>,
    factors: Family<FactorOutcome, Counter>,
}

impl Metrics {
    /// Registers the counters and the hasher's counter `hashes`.
    pub(crate) fn register(registry: &telemetry::Metrics, hashes: &Counter) -> Self {
        let metrics = Self::default();
        registry.register(|registry| {
            registry.register(
                "accounts_sign_ins",
                "Sign-ins by outcome: ok, wrong, second_factor, limited, busy, suspended, error",
                metrics.sign_ins.clone(),
            );
            registry.register(
                "accounts_refreshes",
                "Refresh tokens presented, by outcome: rotated, repeated, reused, invalid, suspended, error",
                metrics.refreshes.clone(),
            );
            registry.register(
                "accounts_factors",
                "Second factors verified, by kind (totp, passkey, recovery) and outcome: ok, wrong, limited, error",
                metrics.factors.clone(),
            );
            registry.register("accounts_password_hashes", "Password hashes computed", hashes.clone());
        });
        metrics
    }

    /// Counts a sign-in.
    pub(crate) fn count_sign_in(&self, outcome: &'static str) {
        self.sign_ins.get_or_create(&Outcome { outcome }).inc();
    }

    /// Counts a proof by a second factor.
    pub(crate) fn count_factor(&self, kind: &'static str, outcome: &'static str) {
        self.factors.get_or_create(&FactorOutcome { kind, outcome }).inc();
    }

    /// Counts a refresh.
    pub(crate) fn count_refresh(&self, outcome: &'static str) {
        self.refreshes.get_or_create(&Outcome { outcome }).inc();
    }
}
