//! Starts the export of spans and ends it.
//!
//! Owns the limits of the export. Invariant: a process waits for its last spans no longer than [`FLUSH_TIMEOUT`], and
//! only after its work has drained.

use std::time::Duration;

use base::tasks::on_own_thread;
use base::telemetry::Metrics;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

use super::client::CollectorClient;
use super::queue::{SpanMetrics, SpanQueue};
use super::recorder::OtlpRecorder;
use crate::CommandError;
use crate::telemetry::TelemetryOptions;

/// The share of traces that are recorded unless the configuration says another.
const DEFAULT_SAMPLE_RATIO: f64 = 0.01;
/// How long the collector may take for a batch, with all tries.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an ending process waits for its last spans.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// The running export; `None` if no collector is configured.
pub(crate) struct Exporter(Option<SdkTracerProvider>);

/// Starts to record the spans of a process that runs these roles, and to export them.
pub(crate) fn start(options: &TelemetryOptions, roles: &[&str], metrics: &Metrics) -> Result<Exporter, CommandError> {
    let Some(url) = options.traces_url()? else { return Ok(Exporter(None)) };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(CollectorClient::new(EXPORT_TIMEOUT)?)
        .with_endpoint(url)
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(EXPORT_TIMEOUT)
        .build()?;
    // Collectors and their pages group by this name.
    let name = match roles {
        [role] => format!("tutti-{role}"),
        _ => "tutti".to_owned(),
    };
    // Nothing from the environment: it could name what operators did not mean to send.
    let resource = Resource::builder_empty()
        .with_attribute(KeyValue::new("service.name", name))
        .with_attribute(KeyValue::new("service.namespace", "tutti"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let ratio = options.otlp_sample_ratio.unwrap_or(DEFAULT_SAMPLE_RATIO);
    let provider = SdkTracerProvider::builder()
        .with_span_processor(SpanQueue::new(exporter, SpanMetrics::register(metrics)))
        // A trace that began elsewhere is recorded if it is there. Only traces of our own processes get here.
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
        .with_resource(resource)
        .build();
    base::spans::install(Box::new(OtlpRecorder::new(provider.tracer("tutti"))));
    tracing::info!(ratio, "spans are sent to a collector");
    Ok(Exporter(Some(provider)))
}

impl Exporter {
    /// Sends what is left, and records nothing from now on.
    pub(crate) async fn stop(self) {
        let Some(provider) = self.0 else { return };
        // It blocks its thread; the requests run on this runtime.
        let flush = on_own_thread(move || provider.shutdown_with_timeout(FLUSH_TIMEOUT));
        match tokio::time::timeout(FLUSH_TIMEOUT + Duration::from_secs(1), flush).await {
            Ok(Some(Ok(()))) => {}
            Ok(Some(Err(error))) => tracing::warn!(%error, "the last spans could not be sent"),
            Ok(None) | Err(_) => tracing::warn!("the last spans could not be sent in time"),
        }
    }
}
