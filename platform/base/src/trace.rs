//! W3C Trace Context: which trace a request or an event belongs to, across processes.
//!
//! Owns the position in a trace and its text; `spans` records spans, `http_server` reads and writes the header. Parsed
//! strictly (<https://www.w3.org/TR/trace-context/>, level 1). Invariant: every hop has its own span id: that of its
//! recorded span, or else a random one.

use tokio::task::futures::TaskLocalFuture;

use crate::random::Random;

/// The name of the header, in HTTP and on the bus.
pub const HEADER: &str = "traceparent";
const SAMPLED: u8 = 1;

tokio::task_local! {
    /// The recorded span in which the current task works.
    static CURRENT: Option<Trace>;
}

/// A position in a trace, in a request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    id: [u8; 16],
    span: [u8; 8],
    flags: u8,
    /// Whether this process records the span.
    is_recorded: bool,
}

impl Trace {
    /// Returns a new trace. It is not sampled, because no span of it is recorded.
    pub fn begin() -> Self {
        Self { id: Random::system().bytes(), span: Random::system().bytes(), flags: 0, is_recorded: false }
    }

    /// Returns the position of a span that a recorder began here; it is recorded if it is sampled.
    pub fn of_span(id: [u8; 16], span: [u8; 8], is_sampled: bool) -> Self {
        Self { id, span, flags: u8::from(is_sampled), is_recorded: is_sampled }
    }

    /// Returns the recorded span in which the current task works. Without a recorder there is none.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|trace| *trace).ok().flatten()
    }

    /// Runs a future within this trace, which is [`Trace::current`] in it. A task that it spawns begins outside.
    pub fn within<F: Future>(trace: Option<Self>, future: F) -> TaskLocalFuture<Option<Self>, F> {
        CURRENT.scope(trace.filter(Self::is_recorded), future)
    }

    /// Parses `version-trace-span-flags` in lower-case hexadecimal. Later versions may go on after the flags.
    pub fn parse(text: &[u8]) -> Option<Self> {
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
        (id != [0; 16] && span != [0; 8]).then_some(Self { id, span, flags: flags & SAMPLED, is_recorded: false })
    }

    /// The trace's id, in hexadecimal.
    pub fn id(&self) -> String {
        hex::encode(self.id)
    }

    /// The bytes of the trace's id.
    pub fn id_bytes(&self) -> [u8; 16] {
        self.id
    }

    /// The bytes of the span's id.
    pub fn span_bytes(&self) -> [u8; 8] {
        self.span
    }

    /// Whether the spans of this trace are collected, as the process in which it began decided.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Whether this process records the span.
    pub fn is_recorded(&self) -> bool {
        self.is_recorded
    }

    /// Returns the position that the next process is told: the span that is recorded here, or a new one.
    #[must_use]
    pub fn next_hop(&self) -> Self {
        if self.is_recorded { *self } else { Self { span: Random::system().bytes(), ..*self } }
    }

    /// Returns the value of the header.
    pub fn header(&self) -> String {
        format!("00-{}-{}-{:02x}", hex::encode(self.id), hex::encode(self.span), self.flags)
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
        let trace = Trace::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(trace.header(), GOOD);
        let next = trace.next_hop().header();
        assert!(next.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && next.ends_with("-01"), "{next}");
        assert!(!next.contains("00f067aa0ba902b7"), "{next}");
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
            assert_eq!(Trace::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_recorded_span_is_the_parent_of_the_next_process_and_the_current_one() {
        let recorded = Trace::of_span([1; 16], [2; 8], true);
        assert_eq!(recorded.next_hop(), recorded);
        let unsampled = Trace::of_span([1; 16], [2; 8], false);
        assert_ne!(unsampled.next_hop(), unsampled);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            assert_eq!(Trace::current(), None);
            assert_eq!(Trace::within(Some(recorded), async { Trace::current() }).await, Some(recorded));
            assert_eq!(Trace::within(Some(unsampled), async { Trace::current() }).await, None);
        });
    }
}
