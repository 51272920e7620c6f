//! Logs and metrics.
//!
//! Logs go to standard error, readable on a terminal, JSON elsewhere; the newest lines are kept in memory too
//! (`log_ring`). Metrics are Prometheus text. Invariant: ids never
//! become labels, so the number of series is bounded by the number of routes and roles.

use std::io::IsTerminal as _;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::clock::Clock;
use crate::log_ring::LogRing;

/// The format of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Readable,
    /// For machines.
    Json,
}

/// Starts logging; `filter` is, for example, `info` or `info,media=debug`. Returns the newest lines, which are kept in
/// memory too. Later calls change nothing, and return a ring that stays empty.
pub fn start_logs(format: LogFormat, filter: &str) -> LogRing {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let ring = LogRing::new(Clock::system());
    let subscriber = tracing_subscriber::registry().with(filter).with(ring.clone());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // A second start (tests) finds a subscriber in place, which is fine.
    let _ = match format {
        // Colours are for people; in a file they would be noise.
        LogFormat::Readable => {
            subscriber.with(lines.with_target(false).with_ansi(std::io::stderr().is_terminal())).try_init()
        }
        LogFormat::Json => {
            subscriber.with(lines.json().flatten_event(true).with_current_span(true).with_span_list(false)).try_init()
        }
    };
    ring
}

/// Labels of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The role that responded.
    pub role: &'static str,
    /// The route's pattern, such as `/v1/media/{id}`.
    pub route: String,
    /// The method.
    pub method: &'static str,
    /// The status.
    pub status: u16,
}

/// Labels of a role's route.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabels {
    /// The role that responded.
    pub role: &'static str,
    /// The route's pattern.
    pub route: String,
}

/// Labels of a consumer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ConsumerLabels {
    /// The durable consumer's name.
    pub consumer: String,
}

/// The registry of a process, and the metrics that every role has.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    /// `tutti_http_requests_total`.
    pub requests: Family<RequestLabels, Counter>,
    /// `tutti_http_seconds`: from the request's head to the response's head.
    pub seconds: Family<RouteLabels, Histogram>,
    /// `tutti_bus_backlog`: deliveries that are pending or in progress.
    pub backlog: Family<ConsumerLabels, Gauge>,
    /// `tutti_bus_dead_letters`: dead letters, of the oldest hundred.
    pub dead_letters: Family<ConsumerLabels, Gauge>,
    /// `tutti_http_connections`: open connections of the public listener.
    pub connections: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Arc::new(Mutex::new(Registry::with_prefix("tutti"))),
            requests: Family::default(),
            // 1 ms to 16 s, doubling.
            seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 15))),
            backlog: Family::default(),
            dead_letters: Family::default(),
            connections: Gauge::default(),
        };
        metrics.register(|registry| {
            registry.register("http_requests", "Responses sent", metrics.requests.clone());
            registry.register(
                "http_seconds",
                "Time from a request's head to its response's head",
                metrics.seconds.clone(),
            );
            registry.register("bus_backlog", "Deliveries that are pending or in progress", metrics.backlog.clone());
            registry.register(
                "bus_dead_letters",
                "Dead letters, of the oldest hundred (100 in all means 100 or more)",
                metrics.dead_letters.clone(),
            );
            registry.register(
                "http_connections",
                "Open connections of the public listener",
                metrics.connections.clone(),
            );
        });
        metrics
    }
}

impl Metrics {
    /// Registers a service's own metrics.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock());
    }

    /// Returns all metrics as OpenMetrics text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock();
        if let Err(error) = prometheus_client::encoding::text::encode(&mut text, &registry) {
            tracing::error!(%error, "the metrics could not be written");
        }
        text
    }
}
