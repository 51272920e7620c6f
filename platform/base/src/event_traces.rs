//! Which trace an event belongs to, on its way through this process.
//!
//! An event's row and payload know nothing of traces. What publishes it remembers its trace here, the relay and the
//! consumers find it, and an engine that leaves the process takes it along in a header. So a trace costs no row, and a
//! process that dies between a commit and the relay loses it: a trace is a hint, the event is the truth. Invariant:
//! only sampled traces are remembered, of the newest [`MAX_EVENTS`] events.

use std::collections::{HashMap, VecDeque};
use std::sync::LazyLock;

use parking_lot::Mutex;

use crate::spans::{self, Attribute, Kind, Span};
use crate::trace::Trace;

/// The events that are remembered: with ids of 36 characters, some 3 MB.
const MAX_EVENTS: usize = 10_000;

static EVENTS: LazyLock<Mutex<Events>> = LazyLock::new(Mutex::default);

#[derive(Debug, Clone, Copy)]
struct EventTrace {
    trace: Trace,
    /// Whether the trace is that of the span of publishing, of which there is one, however often it is tried.
    is_published: bool,
}

#[derive(Default)]
struct Events {
    traces: HashMap<String, EventTrace>,
    /// The ids, the oldest first.
    order: VecDeque<String>,
}

impl Events {
    fn insert(&mut self, id: &str, trace: EventTrace) {
        if self.traces.insert(id.to_owned(), trace).is_some() {
            return;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > MAX_EVENTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.traces.remove(&oldest);
        }
    }
}

/// Remembers that the event `id` is published within `trace`.
pub fn remember(id: &str, trace: Trace) {
    if spans::is_recording() && trace.is_sampled() {
        EVENTS.lock().insert(id, EventTrace { trace, is_published: false });
    }
}

/// Remembers the trace of an event that came from the bus; `header` is that of its span of publishing.
pub fn remember_header(id: &str, header: &str) {
    if spans::is_recording()
        && let Some(trace) = Trace::parse(header.as_bytes()).filter(Trace::is_sampled)
    {
        EVENTS.lock().insert(id, EventTrace { trace, is_published: true });
    }
}

/// Returns the trace of the event `id`.
pub fn find(id: &str) -> Option<Trace> {
    if !spans::is_recording() {
        return None;
    }
    EVENTS.lock().traces.get(id).map(|known| known.trace)
}

/// Begins the span of publishing the event `id`, below which its consumers' spans will be; `None` if it has no trace,
/// or was tried before.
pub fn begin_publishing(id: &str, subject: &str) -> Option<Span> {
    if !spans::is_recording() {
        return None;
    }
    let known = EVENTS.lock().traces.get(id).copied().filter(|known| !known.is_published)?;
    let mut span = spans::begin(Kind::Producer, Some(&known.trace))?;
    span.describe(|| format!("publish {subject}"), &[Attribute::Subject(subject), Attribute::EventId(id)]);
    EVENTS.lock().insert(id, EventTrace { trace: span.trace(), is_published: true });
    Some(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_event_is_forgotten_for_a_new_one() {
        let mut events = Events::default();
        let trace = EventTrace { trace: Trace::of_span([1; 16], [2; 8], true), is_published: false };
        for number in 0..=MAX_EVENTS {
            events.insert(&number.to_string(), trace);
            events.insert(&number.to_string(), EventTrace { is_published: true, ..trace });
        }
        assert_eq!((events.traces.len(), events.order.len()), (MAX_EVENTS, MAX_EVENTS));
        assert!(!events.traces.contains_key("0") && events.traces["1"].is_published);
    }

    #[test]
    fn without_a_recorder_nothing_is_remembered() {
        remember("e1", Trace::of_span([1; 16], [2; 8], true));
        remember_header("e2", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert!(find("e1").is_none() && find("e2").is_none() && begin_publishing("e1", "test.sung").is_none());
    }
}
