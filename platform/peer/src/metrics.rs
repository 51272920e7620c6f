//! Metrics about the roles of other processes.
//!
//! Invariant: the only label is the role's name, so there are as many series as roles in the configuration.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use base::telemetry::Metrics;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    role: String,
}

/// The metrics of all roles.
#[derive(Debug, Clone, Default)]
pub(super) struct PeerMetrics {
    in_flight: Family<Labels, Gauge>,
    retries: Family<Labels, Counter>,
    connects: Family<Labels, Counter>,
    healthy: Family<Labels, Gauge>,
    broken: Family<Labels, Gauge>,
}

/// The metrics of one role, without a lookup.
#[derive(Debug, Clone)]
pub(super) struct RoleMetrics {
    pub(super) in_flight: Gauge,
    pub(super) retries: Counter,
    pub(super) connects: Counter,
    pub(super) healthy: Gauge,
    pub(super) broken: Gauge,
}

impl PeerMetrics {
    pub(super) fn of(&self, role: &str) -> RoleMetrics {
        let labels = Labels { role: role.to_owned() };
        RoleMetrics {
            in_flight: self.in_flight.get_or_create_owned(&labels),
            retries: self.retries.get_or_create_owned(&labels),
            connects: self.connects.get_or_create_owned(&labels),
            healthy: self.healthy.get_or_create_owned(&labels),
            broken: self.broken.get_or_create_owned(&labels),
        }
    }

    pub(super) fn register(&self, metrics: &Metrics) {
        metrics.register(|registry| {
            registry.register(
                "peer_in_flight",
                "Requests in flight to a role in another process",
                self.in_flight.clone(),
            );
            registry.register(
                "peer_retries",
                "Requests that were sent again, to another instance",
                self.retries.clone(),
            );
            registry.register("peer_connects", "Connections made to a role in another process", self.connects.clone());
            registry.register("peer_instances_healthy", "Instances that say they are ready", self.healthy.clone());
            registry.register(
                "peer_breakers_open",
                "Instances whose circuit breaker is not closed",
                self.broken.clone(),
            );
        });
    }
}
