//! Metrics of the limits of roles.
//!
//! Invariant: the label values are the names of roles and of the four worths.

use base::telemetry::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::waiting::Worth;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RoleLabels {
    role: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedLabels {
    role: &'static str,
    worth: &'static str,
}

/// The metrics of all roles.
#[derive(Debug, Clone, Default)]
pub(super) struct LimitMetrics {
    limits: Family<RoleLabels, Gauge>,
    refused: Family<RefusedLabels, Counter>,
}

/// The metrics of one role.
#[derive(Debug)]
pub(super) struct RoleMetrics {
    role: &'static str,
    limit: Gauge,
    refused: Family<RefusedLabels, Counter>,
}

impl LimitMetrics {
    pub(super) fn register(registry: &Metrics) -> Self {
        let metrics = Self::default();
        registry.register(|registry| {
            registry.register(
                "gateway_role_limit",
                "How many requests of clients a role works on at once, at most",
                metrics.limits.clone(),
            );
            registry.register(
                "gateway_refused_overload",
                "Requests refused because a role was too slow, by what they are worth: member, member_expensive, \
                 anonymous, anonymous_expensive",
                metrics.refused.clone(),
            );
        });
        metrics
    }

    pub(super) fn of(&self, role: &'static str) -> RoleMetrics {
        let limit = self.limits.get_or_create_owned(&RoleLabels { role });
        RoleMetrics { role, limit, refused: self.refused.clone() }
    }
}

impl RoleMetrics {
    pub(super) fn set_limit(&self, limit: usize) {
        self.limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
    }

    pub(super) fn count_refused(&self, worth: Worth) {
        self.refused.get_or_create(&RefusedLabels { role: self.role, worth: worth.name() }).inc();
    }
}
