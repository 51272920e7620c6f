//! Byte ranges (RFC 9110 §14).
//!
//! A request for one range receives that part. A request for several receives the whole file, which §14.2 allows: no
//! player or download tool requests several, and a hundred overlapping ones are a known attack. Invariant: a part lies
//! inside its file and is never empty.

use std::ops::Range;

/// The part of a file that a Range header requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RangeRequest {
    /// The whole file: no range, several, or one that is not understood.
    Whole,
    /// These bytes.
    Partial(Range<u64>),
    /// Bytes that do not exist.
    Unsatisfiable,
}

/// Parses a Range header for a file of `bytes`.
pub fn parse_range(header: Option<&str>, bytes: u64) -> RangeRequest {
    let Some((unit, set)) = header.and_then(|header| header.split_once('=')) else { return RangeRequest::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return RangeRequest::Whole;
    }
    let mut specs = set.split(',').map(str::trim).filter(|spec| !spec.is_empty());
    let (Some(spec), None) = (specs.next(), specs.next()) else { return RangeRequest::Whole };
    let Some((first, last)) = spec.split_once('-') else { return RangeRequest::Whole };
    match (number(first), number(last)) {
        (Number::None, Number::Some(suffix)) => match suffix.min(bytes) {
            0 => RangeRequest::Unsatisfiable,
            suffix => RangeRequest::Partial(bytes - suffix..bytes),
        },
        (Number::Some(first), Number::None) => partial(first, u64::MAX, bytes),
        (Number::Some(first), Number::Some(last)) if first <= last => partial(first, last, bytes),
        _ => RangeRequest::Whole,
    }
}

fn partial(first: u64, last: u64, bytes: u64) -> RangeRequest {
    if first >= bytes {
        RangeRequest::Unsatisfiable
    } else {
        RangeRequest::Partial(first..last.saturating_add(1).min(bytes))
    }
}

enum Number {
    None,
    Some(u64),
    Bad,
}

/// Digits only: `u64::from_str` would also take a plus sign.
fn number(text: &str) -> Number {
    if text.is_empty() {
        return Number::None;
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Number::Bad;
    }
    // More digits than any file has: as far as the file goes.
    Number::Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::RangeRequest::{Partial, Unsatisfiable, Whole};
    use super::*;

    #[test]
    fn every_form_of_the_standard() {
        for (header, expected) in [
            ("bytes=0-0", Partial(0..1)),
            ("bytes=0-99", Partial(0..100)),
            ("bytes=0-100", Partial(0..100)),
            ("bytes=10-", Partial(10..100)),
            ("bytes=-1", Partial(99..100)),
            ("bytes=-100", Partial(0..100)),
            ("bytes=-1000", Partial(0..100)),
            ("BYTES= 5-6 ", Partial(5..7)),
            ("bytes=5-6,", Partial(5..7)),
            ("bytes=99-99999999999999999999999", Partial(99..100)),
            ("bytes=100-", Unsatisfiable),
            ("bytes=100-200", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=0-1,5-6", Whole),
            ("bytes=6-5", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=-", Whole),
            ("bytes=", Whole),
            ("bytes", Whole),
            ("items=0-1", Whole),
        ] {
            assert_eq!(parse_range(Some(header), 100), expected, "{header}");
        }
        assert_eq!(parse_range(None, 100), Whole);
        assert_eq!(parse_range(Some("bytes=0-"), 0), Unsatisfiable);
        assert_eq!(parse_range(Some("bytes=-5"), 0), Unsatisfiable);
    }
}
