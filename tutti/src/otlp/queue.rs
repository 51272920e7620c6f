//! The bounded queue between the spans that end and the collector.
//!
//! The SDK's batches do the work on a thread of their own; this bounds what waits for them and counts what becomes of
//! it, which the SDK does not tell. Invariant: a span that ends never waits, and is counted once: as exported, as
//! failed, or as dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base::telemetry::Metrics;
use opentelemetry::Context;
use opentelemetry_otlp::SpanExporter as OtlpExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// Spans that wait or are on their way: with some 1 KB each, 4 MB.
const MAX_WAITING: usize = 4096;
/// Spans of a request to the collector.
const BATCH_SIZE: usize = 512;
/// How long a span waits for others.
const INTERVAL: Duration = Duration::from_secs(2);

/// What became of a span.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// `tutti_trace_spans_total`.
#[derive(Debug, Clone, Default)]
pub(super) struct SpanMetrics(Family<Outcome, Counter>);

impl SpanMetrics {
    /// Returns the metric, registered and at zero.
    pub(super) fn register(metrics: &Metrics) -> Self {
        let this = Self::default();
        for outcome in ["exported", "failed", "dropped"] {
            this.count(outcome, 0);
        }
        let help = "Recorded spans, by what became of them: exported, failed (the collector did not take them) or \
            dropped (too many were waiting)";
        metrics.register(|registry| registry.register("trace_spans", help, this.0.clone()));
        this
    }

    fn count(&self, outcome: &'static str, spans: usize) {
        self.0.get_or_create(&Outcome { outcome }).inc_by(spans as u64);
    }
}

/// Takes spans that have ended.
#[derive(Debug)]
pub(super) struct SpanQueue {
    batches: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
    metrics: SpanMetrics,
}

impl SpanQueue {
    /// Returns an empty queue before an exporter.
    pub(super) fn new(exporter: OtlpExporter, metrics: SpanMetrics) -> Self {
        let waiting = Arc::new(AtomicUsize::new(0));
        let counting = CountingExporter {
            exporter,
            waiting: waiting.clone(),
            metrics: metrics.clone(),
            is_failing: AtomicBool::new(false),
        };
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(MAX_WAITING)
            .with_max_export_batch_size(BATCH_SIZE)
            .with_scheduled_delay(INTERVAL)
            .build();
        let batches = BatchSpanProcessor::builder(counting).with_batch_config(config).build();
        Self { batches, waiting, metrics }
    }
}

impl SpanProcessor for SpanQueue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.metrics.count("dropped", 1);
            return;
        }
        self.batches.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Counts what an exporter sends, and logs when it begins to fail and when it works again.
#[derive(Debug)]
struct CountingExporter {
    exporter: OtlpExporter,
    waiting: Arc<AtomicUsize>,
    metrics: SpanMetrics,
    is_failing: AtomicBool,
}

impl SpanExporter for CountingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        self.metrics.count(if result.is_ok() { "exported" } else { "failed" }, spans);
        let was_failing = self.is_failing.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Err(error) if !was_failing => {
                tracing::warn!(%error, "spans can't be sent to telemetry.otlp_endpoint; until they can, they are lost");
            }
            Ok(()) if was_failing => tracing::info!("spans are sent to the collector again"),
            _ => {}
        }
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use opentelemetry::trace::{Tracer as _, TracerProvider as _};
    use opentelemetry_otlp::{Protocol, WithExportConfig as _, WithHttpConfig as _};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;
    use crate::otlp::client::CollectorClient;

    const TIMEOUT: Duration = Duration::from_secs(5);
    const TOO_MANY: u64 = 1000;

    #[tokio::test(flavor = "multi_thread")]
    async fn spans_that_a_slow_collector_leaves_waiting_are_bounded_and_the_others_counted() {
        base::tls::install_provider();
        // It takes connections and never responds.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let exporter = OtlpExporter::builder()
            .with_http()
            .with_http_client(CollectorClient::new(TIMEOUT).unwrap())
            .with_endpoint(format!("http://{}/v1/traces", silent.local_addr().unwrap()))
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(TIMEOUT)
            .build()
            .unwrap();
        let metrics = SpanMetrics::default();
        let queue = SpanQueue::new(exporter, metrics.clone());
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        for _ in 0..MAX_WAITING as u64 + TOO_MANY {
            drop(tracer.start("test"));
        }
        assert_eq!(metrics.0.get_or_create(&Outcome { outcome: "dropped" }).get(), TOO_MANY);
        // What is left is given up in time.
        let _ = provider.shutdown_with_timeout(Duration::from_millis(1));
    }
}
