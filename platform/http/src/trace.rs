//! W3C Trace Context: which trace a request belongs to, across processes.
//!
//! Parsed strictly (<https://www.w3.org/TR/trace-context/>, level 1): an invalid header is ignored, and a new trace
//! begins. Invariant: every hop has its own span id, and `tracestate` is passed on only with the `traceparent` it came
//! with.

use base::Random;
use http::{HeaderMap, HeaderName, HeaderValue};

const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");
const SAMPLED: u8 = 1;

/// A position in a trace, in a request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    id: [u8; 16],
    span: [u8; 8],
    flags: u8,
}

impl Trace {
    /// Returns a new trace. It is not sampled, because no spans are collected here.
    pub fn begin() -> Self {
        Self { id: Random::system().bytes(), span: Random::system().bytes(), flags: 0 }
    }

    /// Returns the trace of a request, or a new one; then a `tracestate` without its trace is removed.
    pub fn of(headers: &mut HeaderMap) -> Self {
        let mut lines = headers.get_all(PARENT).iter();
        let parent = lines.next().filter(|_| lines.next().is_none()).and_then(|value| Self::parse(value.as_bytes()));
        parent.unwrap_or_else(|| {
            headers.remove(STATE);
            Self::begin()
        })
    }

    /// `version-trace-span-flags` in lower-case hexadecimal. Later versions may go on after the flags.
    fn parse(text: &[u8]) -> Option<Self> {
        let (head, rest) = text.split_at_checked(55)?;
        let [v1, v2, b'-', tail @ ..] = head else { return None };
        let version: [u8; 1] = hex(&[*v1, *v2])?;
        let is_complete = rest.is_empty() || (version != [0] && rest.starts_with(b"-"));
        if version == [0xff] || !is_complete {
            return None;
        }
        let (trace, tail) = tail.split_at_checked(32)?;
        let (span, flags) = tail.strip_prefix(b"-")?.split_at_checked(16)?;
        let [flags]: [u8; 1] = hex(flags.strip_prefix(b"-")?)?;
        let (id, span): ([u8; 16], [u8; 8]) = (hex(trace)?, hex(span)?);
        (id != [0; 16] && span != [0; 8]).then_some(Self { id, span, flags: flags & SAMPLED })
    }

    /// The trace's id, in hexadecimal.
    pub fn id(&self) -> String {
        hex::encode(self.id)
    }

    /// Returns the same trace with a new span.
    #[must_use]
    pub fn next_hop(&self) -> Self {
        Self { span: Random::system().bytes(), ..*self }
    }

    /// Writes the `traceparent` header for the next process.
    pub fn write(&self, headers: &mut HeaderMap) {
        let mut text = [b'-'; 55];
        let parts: [(usize, &[u8]); 4] = [(0, &[0]), (3, &self.id), (36, &self.span), (53, &[self.flags])];
        for (at, bytes) in parts {
            // The offsets are those of the format, so the text has room.
            if let Some(target) = text.get_mut(at..at + bytes.len() * 2) {
                let _ = hex::encode_to_slice(bytes, target);
            }
        }
        if let Ok(value) = HeaderValue::from_bytes(&text) {
            headers.insert(PARENT, value);
        }
    }
}

/// Decodes lower-case hexadecimal, as the specification asks.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let lower = text.iter().all(|letter| matches!(letter, b'0'..=b'9' | b'a'..=b'f'));
    (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_trace_is_kept_and_gets_a_new_span() {
        let mut headers =
            HeaderMap::from_iter([(PARENT, HeaderValue::from_static(GOOD)), (STATE, HeaderValue::from_static("a=1"))]);
        let trace = Trace::of(&mut headers);
        trace.next_hop().write(&mut headers);
        let written = headers[PARENT].to_str().unwrap();
        assert!(
            written.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-")
                && written.ends_with("-01")
                && written.len() == 55,
            "{written}"
        );
        assert!(!written.contains("00f067aa0ba902b7") && headers.contains_key(STATE));
        assert!(Trace::parse(b"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes").is_some());
    }

    #[test]
    fn an_invalid_trace_is_ignored() {
        let wrong = [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        ];
        for text in wrong {
            let mut headers = HeaderMap::from_iter([
                (PARENT, HeaderValue::from_str(text).unwrap()),
                (STATE, HeaderValue::from_static("a=1")),
            ]);
            assert_ne!(Trace::of(&mut headers).id(), "4bf92f3577b34da6a3ce929d0e0e4736", "{text}");
            assert!(!headers.contains_key(STATE));
        }
        let mut twice = HeaderMap::new();
        twice.append(PARENT, HeaderValue::from_static(GOOD));
        twice.append(PARENT, HeaderValue::from_static(GOOD));
        assert_ne!(Trace::of(&mut twice).id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }
}
