//! The header of W3C Trace Context in requests.
//!
//! Owns reading and writing the headers; `base::trace` parses. Only private listeners trust what they read; the public
//! ones remove it before. Invariant: an invalid header is ignored, and `tracestate` is passed on only with the
//! `traceparent` it came with.

use base::{Trace, trace};
use http::{HeaderMap, HeaderName, HeaderValue};

const PARENT: HeaderName = HeaderName::from_static(trace::HEADER);
const STATE: HeaderName = HeaderName::from_static("tracestate");

/// Returns the trace that a request's headers name. If there is none, a `tracestate` without its trace is removed.
pub(crate) fn read_trace(headers: &mut HeaderMap) -> Option<Trace> {
    let mut lines = headers.get_all(PARENT).iter();
    let parent = lines.next().filter(|_| lines.next().is_none()).and_then(|value| Trace::parse(value.as_bytes()));
    if parent.is_none() {
        headers.remove(STATE);
    }
    parent
}

/// Writes the `traceparent` header for the next process: the trace, with a span of its own.
pub fn write_trace(trace: &Trace, headers: &mut HeaderMap) {
    if let Ok(value) = HeaderValue::try_from(trace.next_hop().header()) {
        headers.insert(PARENT, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_trace_is_passed_on_with_its_state() {
        let mut headers =
            HeaderMap::from_iter([(PARENT, HeaderValue::from_static(GOOD)), (STATE, HeaderValue::from_static("a=1"))]);
        let trace = read_trace(&mut headers).unwrap();
        write_trace(&trace, &mut headers);
        let written = headers[PARENT].to_str().unwrap();
        assert!(
            written.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-")
                && written.ends_with("-01")
                && written.len() == 55,
            "{written}"
        );
        assert!(!written.contains("00f067aa0ba902b7") && headers.contains_key(STATE));
    }

    #[test]
    fn an_invalid_or_repeated_trace_is_ignored_with_its_state() {
        let mut wrong = HeaderMap::from_iter([
            (PARENT, HeaderValue::from_static("00-4bf9")),
            (STATE, HeaderValue::from_static("a=1")),
        ]);
        assert_eq!(read_trace(&mut wrong), None);
        assert!(!wrong.contains_key(STATE));
        let mut twice = HeaderMap::new();
        twice.append(PARENT, HeaderValue::from_static(GOOD));
        twice.append(PARENT, HeaderValue::from_static(GOOD));
        assert_eq!(read_trace(&mut twice), None);
    }
}
