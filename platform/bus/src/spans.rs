//! The spans of events: of publishing them, and of handling their deliveries.
//!
//! Owns how the bus describes its spans; which trace an event belongs to is in `base::event_traces`. Invariant: without
//! a recorder, and for events without a trace, nothing is done.

use base::event_traces;
use base::spans::{self, Attribute, Kind, Span};
use base::trace::Trace;

use super::HandlerError;
use super::engine::{Delivery, Envelope};

/// The spans of events on their way to the bus; they end when this is dropped.
pub(super) struct PublishingSpans(Vec<Span>);

impl PublishingSpans {
    /// Begins a span for each event that has a trace and was not tried before.
    pub(super) fn begin(events: &[Envelope]) -> Self {
        if !spans::is_recording() {
            return Self(Vec::new());
        }
        Self(events.iter().filter_map(|event| event_traces::begin_publishing(&event.id, &event.subject)).collect())
    }

    /// Ends the spans as failed: the bus was unavailable.
    pub(super) fn fail(mut self) {
        self.0.iter_mut().for_each(|span| span.fail("unavailable"));
    }
}

/// The spans of deliveries that are handled together; they end when this is dropped.
pub(super) struct HandlingSpans(Vec<Span>);

impl HandlingSpans {
    /// Begins a span for each delivery whose event has a trace, below that of publishing it.
    pub(super) fn begin(consumer: &str, batch: &[Delivery]) -> Self {
        if !spans::is_recording() {
            return Self(Vec::new());
        }
        let begin = |delivery: &Delivery| {
            let event = &delivery.event;
            let mut span = spans::begin(Kind::Consumer, Some(&event_traces::find(&event.id)?))?;
            let attributes = [
                Attribute::Subject(&event.subject),
                Attribute::EventId(&event.id),
                Attribute::Consumer(consumer),
                Attribute::Attempt(delivery.attempt),
                Attribute::BatchSize(batch.len()),
            ];
            span.describe(|| format!("process {}", event.subject), &attributes);
            Some(span)
        };
        Self(batch.iter().filter_map(begin).collect())
    }

    /// The trace in which the handler works. Deliveries that are handled together have none in common, so what a batch
    /// of several publishes begins no trace.
    pub(super) fn trace(&self, batch: &[Delivery]) -> Option<Trace> {
        match (self.0.as_slice(), batch) {
            ([span], [_]) => Some(span.trace()),
            _ => None,
        }
    }

    /// The span of the handler's lines in the log, with the id of its trace.
    pub(super) fn log_span(&self, consumer: &str, batch: &[Delivery]) -> tracing::Span {
        match (self.trace(batch), batch) {
            (Some(trace), [delivery]) => {
                tracing::info_span!("delivery", consumer, event.id = delivery.event.id, trace.id = trace.id())
            }
            _ => tracing::Span::none(),
        }
    }

    /// Ends the spans with the outcome; `None` if the lease was lost. What went wrong is in the log: a reason may quote
    /// what a member sent.
    pub(super) fn end(mut self, outcome: Option<&Result<(), HandlerError>>) {
        let failure = match outcome {
            // Nothing failed: the event comes again later.
            Some(Ok(()) | Err(HandlerError::Later(_))) => return,
            Some(Err(HandlerError::Unavailable(_))) => "unavailable",
            Some(Err(HandlerError::Retry(_))) => "retry",
            Some(Err(HandlerError::DeadLetter(_))) => "dead_letter",
            None => "lease_lost",
        };
        self.0.iter_mut().for_each(|span| span.fail(failure));
    }
}
