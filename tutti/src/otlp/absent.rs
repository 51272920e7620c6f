//! The stand-in of a binary that was built without the feature `otlp`.
//!
//! Invariant: it records nothing. The keys of `[telemetry]` were refused before (`telemetry`).

use base::telemetry::Metrics;

use crate::CommandError;
use crate::telemetry::TelemetryOptions;

/// Nothing that would have to be stopped.
pub(crate) struct Exporter;

/// Starts nothing.
#[allow(clippy::unnecessary_wraps, reason = "a binary with the feature may fail to start")]
pub(crate) fn start(_: &TelemetryOptions, _: &[&str], _: &Metrics) -> Result<Exporter, CommandError> {
    Ok(Exporter)
}

impl Exporter {
    /// Does nothing.
    #[allow(clippy::unused_async, reason = "a binary with the feature waits for its last spans")]
    pub(crate) async fn stop(self) {}
}
