//! What listeners with TLS count.
//!
//! Invariant: the labels are the names of listeners and of outcomes, so the number of series is fixed.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// A listener.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabels {
    listener: &'static str,
}

/// What became of what a listener tried.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    listener: &'static str,
    outcome: &'static str,
}

/// Why HTTP/2 was ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    listener: &'static str,
    reason: &'static str,
}

/// The metrics of all listeners with TLS of a process.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    expiry: Family<ListenerLabels, Gauge>,
    reloads: Family<OutcomeLabels, Counter>,
    handshakes: Family<OutcomeLabels, Counter>,
    floods: Family<ReasonLabels, Counter>,
}

impl Metrics {
    /// Registers the metrics.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "tls_certificate_expiry_seconds",
            "Time until a listener's certificate ends",
            self.expiry.clone(),
        );
        registry.register("tls_reloads", "Changes of a certificate's files, by outcome", self.reloads.clone());
        registry.register("tls_handshakes", "TLS handshakes, by outcome", self.handshakes.clone());
        registry.register(
            "http2_floods",
            "HTTP/2 connections and streams that were ended, by reason",
            self.floods.clone(),
        );
    }

    /// Returns the metrics of one listener.
    pub(super) fn of(&self, listener: &'static str) -> ListenerMetrics {
        let expiry = self.expiry.get_or_create_owned(&ListenerLabels { listener });
        ListenerMetrics { listener, expiry, all: self.clone() }
    }
}

/// The metrics of one listener.
#[derive(Debug, Clone)]
pub(crate) struct ListenerMetrics {
    listener: &'static str,
    all: Metrics,
    /// In seconds.
    pub(super) expiry: Gauge,
}

/// How a handshake ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandshakeOutcome {
    /// The connection can be used.
    Completed,
    /// The client did not speak TLS, or does not trust the certificate.
    Failed,
    /// The client did not go on.
    TimedOut,
    /// The client did not go on, and the connection had to make room for another.
    Evicted,
}

impl ListenerMetrics {
    pub(crate) fn count_handshake(&self, outcome: HandshakeOutcome) {
        let outcome = match outcome {
            HandshakeOutcome::Completed => "completed",
            HandshakeOutcome::Failed => "failed",
            HandshakeOutcome::TimedOut => "timed_out",
            HandshakeOutcome::Evicted => "evicted",
        };
        self.all.handshakes.get_or_create(&self.labels(outcome)).inc();
    }

    pub(super) fn count_reload(&self, is_used: bool) {
        let outcome = if is_used { "used" } else { "refused" };
        self.all.reloads.get_or_create(&self.labels(outcome)).inc();
    }

    /// Counts an HTTP/2 connection that was ended because of too many control frames.
    pub(crate) fn count_flood(&self) {
        self.count_end("frames");
    }

    /// Counts an HTTP/2 stream that was ended because its client took nothing more of a response.
    pub(crate) fn count_stall(&self) {
        self.count_end("stalled");
    }

    fn count_end(&self, reason: &'static str) {
        self.all.floods.get_or_create(&ReasonLabels { listener: self.listener, reason }).inc();
    }

    fn labels(&self, outcome: &'static str) -> OutcomeLabels {
        OutcomeLabels { listener: self.listener, outcome }
    }
}
