//! Spans: how long a request or the handling of an event took, and which span asked for it.
//!
//! Owns what a span may say ([`Attribute`]) and the port behind which spans are recorded; the binary installs a
//! recorder if it was built with the feature `otlp` and the configuration names a collector. Invariant: a span has no
//! path, text or value of a request: only templates, names from our own tables, numbers, and ids without a person.

use std::fmt;
use std::sync::OnceLock;

use crate::trace::Trace;

static RECORDER: OnceLock<Box<dyn Recorder>> = OnceLock::new();

/// What a span is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A request that came over a connection.
    Server,
    /// A request of another role in this process.
    Internal,
    /// An event on its way to the bus.
    Producer,
    /// An event that a consumer handles.
    Consumer,
}

/// What a span says. There is nothing else, so that nothing of a member gets out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute<'a> {
    /// The role that responded.
    Role(&'a str),
    /// The method of a request; one that is unknown is `other`.
    Method(&'a str),
    /// The template of a request's route, such as `/v1/media/{id}`.
    Route(&'a str),
    /// The id of a request, as in the log.
    RequestId(&'a str),
    /// The status of a response.
    Status(u16),
    /// The subject of an event.
    Subject(&'a str),
    /// The id of an event.
    EventId(&'a str),
    /// The durable name of a consumer.
    Consumer(&'a str),
    /// The number of an attempt to handle an event, from 1.
    Attempt(u32),
    /// How many deliveries were handled in one transaction.
    BatchSize(usize),
    /// Why it failed: a word from a table of ours, or a status.
    Failure(&'a str),
}

/// The value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeValue<'a> {
    /// A text.
    Text(&'a str),
    /// A number.
    Number(i64),
}

impl<'a> Attribute<'a> {
    /// The name and the value, by OpenTelemetry's conventions (HTTP 1.23, messaging 1.27); ours begin with `tutti.`.
    pub fn pair(self) -> (&'static str, AttributeValue<'a>) {
        use AttributeValue::{Number, Text};
        match self {
            Self::Role(text) => ("tutti.role", Text(text)),
            Self::Method(text) => ("http.request.method", Text(text)),
            Self::Route(text) => ("http.route", Text(text)),
            Self::RequestId(text) => ("tutti.request.id", Text(text)),
            Self::Status(status) => ("http.response.status_code", Number(status.into())),
            Self::Subject(text) => ("messaging.destination.name", Text(text)),
            Self::EventId(text) => ("messaging.message.id", Text(text)),
            Self::Consumer(text) => ("messaging.consumer.group.name", Text(text)),
            Self::Attempt(number) => ("tutti.attempt", Number(number.into())),
            Self::BatchSize(size) => ("messaging.batch.message_count", Number(i64::try_from(size).unwrap_or(i64::MAX))),
            Self::Failure(text) => ("error.type", Text(text)),
        }
    }
}

/// Records spans.
pub trait Recorder: Send + Sync {
    /// Begins a span below `parent`, or the first one of a trace, for which it decides whether the trace is sampled.
    /// `None` if it does not record any more.
    fn begin(&self, kind: Kind, parent: Option<&Trace>) -> Option<Begun>;
}

/// A span that a recorder has begun.
pub struct Begun {
    /// Its position, which has the trace's id even if the span is not recorded.
    pub trace: Trace,
    /// What is recorded of it; `None` if the trace is not sampled.
    pub record: Option<Box<dyn Record>>,
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun").field("trace", &self.trace).finish_non_exhaustive()
    }
}

/// What is recorded of a span, which ends when this is dropped.
pub trait Record: Send + Sync {
    /// Sets the name.
    fn name(&mut self, name: String);
    /// Adds an attribute.
    fn add(&mut self, attribute: Attribute<'_>);
    /// Marks the span as failed.
    fn fail(&mut self);
}

/// A span. It ends when it is dropped.
#[derive(Debug)]
pub struct Span(Begun);

impl Span {
    /// Its position in the trace.
    pub fn trace(&self) -> Trace {
        self.0.trace
    }

    /// Describes the span if it is recorded: its name, and attributes.
    pub fn describe(&mut self, name: impl FnOnce() -> String, attributes: &[Attribute<'_>]) {
        if let Some(record) = &mut self.0.record {
            record.name(name());
            attributes.iter().for_each(|attribute| record.add(*attribute));
        }
    }

    /// Adds an attribute.
    pub fn add(&mut self, attribute: Attribute<'_>) {
        if let Some(record) = &mut self.0.record {
            record.add(attribute);
        }
    }

    /// Marks the span as failed; `reason` is a word from a table of ours, or a status.
    pub fn fail(&mut self, reason: &str) {
        if let Some(record) = &mut self.0.record {
            record.add(Attribute::Failure(reason));
            record.fail();
        }
    }
}

/// Installs the recorder of this process. Returns `false` if there is one already, which stays.
pub fn install(recorder: Box<dyn Recorder>) -> bool {
    RECORDER.set(recorder).is_ok()
}

/// Whether this process records spans.
pub fn is_recording() -> bool {
    RECORDER.get().is_some()
}

/// Begins a span below `parent`, or the first one of a trace; `None` if this process records none.
pub fn begin(kind: Kind, parent: Option<&Trace>) -> Option<Span> {
    RECORDER.get()?.begin(kind, parent).map(Span)
}
