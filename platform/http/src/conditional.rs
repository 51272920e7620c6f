//! Conditions on a representation (RFC 9110 §13), and the range that a request may have of it (§14).
//!
//! Does not own the syntax of ranges ([`crate::range`]). Invariant: a part is returned only of the very bytes that
//! `If-Range` names.

use http::{HeaderMap, HeaderName, Method, header};

use crate::range::{RangeRequest, parse_range};

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Returns whether a list of entity tags (or `*`) has `etag`. With `weak`, `W/` tags count too (RFC 9110 §8.8.3.2).
pub fn etag_matches(etags: &str, etag: &str, weak: bool) -> bool {
    etags.trim() == "*"
        || etags
            .split(',')
            .map(str::trim)
            .any(|tag| tag == etag || (weak && tag.strip_prefix("W/").is_some_and(|tag| tag == etag)))
}

/// Returns whether `If-Match` names other bytes than those of `etag`: then the response is 412.
pub fn if_match_fails(headers: &HeaderMap, etag: &str) -> bool {
    text(headers, &header::IF_MATCH).is_some_and(|etags| !etag_matches(etags, etag, false))
}

/// Returns whether `If-None-Match` names these bytes: then the response is 304.
pub fn is_unchanged(headers: &HeaderMap, etag: &str) -> bool {
    text(headers, &header::IF_NONE_MATCH).is_some_and(|etags| etag_matches(etags, etag, true))
}

/// Returns the range of `bytes` bytes that a request asks for. Ranges are defined for GET only (§14.2), and `If-Range`
/// requires the very same bytes (§13.1.5); the server sends no dates.
pub fn requested_range(method: &Method, headers: &HeaderMap, etag: &str, bytes: u64) -> RangeRequest {
    let if_range_matches = text(headers, &header::IF_RANGE).is_none_or(|wants| wants == etag);
    if *method != Method::GET || !if_range_matches {
        return RangeRequest::Whole;
    }
    parse_range(text(headers, &header::RANGE), bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_compare_as_the_standard_says() {
        assert!(etag_matches("\"a\"", "\"a\"", false));
        assert!(etag_matches("\"b\", \"a\"", "\"a\"", false));
        assert!(etag_matches("*", "\"a\"", false));
        assert!(etag_matches("W/\"a\"", "\"a\"", true));
        assert!(!etag_matches("W/\"a\"", "\"a\"", false));
        assert!(!etag_matches("a", "\"a\"", true));
    }
}
