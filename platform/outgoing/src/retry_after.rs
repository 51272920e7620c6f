//! How long a server asks to wait.
//!
//! Invariant: a pause is never negative.

use chrono::{DateTime, TimeDelta, Utc};

/// Returns the pause that a `Retry-After` asks for: seconds, or a date (RFC 9110 §10.2.3).
pub fn parse_retry_after(text: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(TimeDelta::seconds(seconds.into()));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some((date.to_utc() - now).max(TimeDelta::zero()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_seconds_or_a_date() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(parse_retry_after(" 120 ", now), Some(TimeDelta::seconds(120)));
        assert_eq!(parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", now), Some(TimeDelta::seconds(60)));
        assert_eq!(parse_retry_after("Wed, 31 Dec 1969 23:59:00 GMT", now), Some(TimeDelta::zero()));
        assert_eq!(parse_retry_after("soon", now), None);
        assert_eq!(parse_retry_after("-5", now), None);
    }
}
