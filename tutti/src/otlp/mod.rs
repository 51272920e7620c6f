//! Sends spans to a collector by OTLP (<https://opentelemetry.io/docs/specs/otlp/>): protobuf over HTTP.
//!
//! The cargo feature `otlp` builds it; without the feature this is a stand-in that does nothing. What a span may say is
//! in `base::spans`. Invariant: a collector that is slow, full or gone costs spans, which are counted, and no more.

#[cfg(not(feature = "otlp"))]
mod absent;
#[cfg(feature = "otlp")]
mod client;
#[cfg(feature = "otlp")]
mod exporter;
#[cfg(feature = "otlp")]
mod queue;
#[cfg(feature = "otlp")]
mod recorder;

#[cfg(not(feature = "otlp"))]
pub(crate) use absent::start;
#[cfg(feature = "otlp")]
pub(crate) use exporter::start;
