//! Records spans with OpenTelemetry's SDK.
//!
//! It stands behind `base::spans` in place of a layer of `tracing`: such a layer exports every field of every span and
//! every line of the log in it, and what the log's filter hides is missing. Invariant: the ids of a span are those in
//! the log.

use base::spans::{Attribute, AttributeValue, Begun, Kind, Record, Recorder};
use base::trace::Trace;
use opentelemetry::trace::{
    Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry::{Context, KeyValue};

/// Begins spans with a tracer of the SDK.
pub(super) struct OtlpRecorder<T>(T);

impl<T> OtlpRecorder<T> {
    /// Returns a recorder that begins spans with this tracer.
    pub(super) fn new(tracer: T) -> Self {
        Self(tracer)
    }
}

impl<T> Recorder for OtlpRecorder<T>
where
    T: Tracer + Send + Sync,
    T::Span: Send + Sync + 'static,
{
    fn begin(&self, kind: Kind, parent: Option<&Trace>) -> Option<Begun> {
        // Not the SDK's current context: a task's trace is `Trace::current`.
        let context = match parent {
            Some(parent) => Context::new().with_remote_span_context(span_context(parent)),
            None => Context::new(),
        };
        // It is named when it is described, which one that is not sampled never is.
        let builder = self.0.span_builder("unnamed").with_kind(span_kind(kind));
        let span = self.0.build_with_context(builder, &context);
        let own = span.span_context();
        if !own.is_valid() {
            return None; // The export has ended.
        }
        let trace = Trace::of_span(own.trace_id().to_bytes(), own.span_id().to_bytes(), own.is_sampled());
        let record = trace.is_recorded().then(|| Box::new(OtlpRecord(span)) as Box<dyn Record>);
        Some(Begun { trace, record })
    }
}

/// A span of the SDK, which ends when it is dropped.
struct OtlpRecord<S>(S);

impl<S: Span + Send + Sync> Record for OtlpRecord<S> {
    fn name(&mut self, name: String) {
        self.0.update_name(name);
    }

    fn add(&mut self, attribute: Attribute<'_>) {
        let (name, value) = attribute.pair();
        self.0.set_attribute(match value {
            AttributeValue::Text(text) => KeyValue::new(name, text.to_owned()),
            AttributeValue::Number(number) => KeyValue::new(name, number),
        });
    }

    fn fail(&mut self) {
        self.0.set_status(Status::error(""));
    }
}

fn span_context(trace: &Trace) -> SpanContext {
    let flags = if trace.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let (id, span) = (TraceId::from_bytes(trace.id_bytes()), SpanId::from_bytes(trace.span_bytes()));
    SpanContext::new(id, span, flags, true, TraceState::default())
}

fn span_kind(kind: Kind) -> SpanKind {
    match kind {
        Kind::Server => SpanKind::Server,
        Kind::Internal => SpanKind::Internal,
        Kind::Producer => SpanKind::Producer,
        Kind::Consumer => SpanKind::Consumer,
    }
}
