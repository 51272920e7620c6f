//! When signing keys are published, sign, and are removed.
//!
//! Invariant: a key that signs has been published for a day, except for the very first key; and a key is removed only
//! after the last token that it signed has expired.

use chrono::{DateTime, TimeDelta, Utc};

use super::session::ACCESS_TOKEN_LIFETIME;

/// How long a key is published before it signs.
const PUBLISHED_AHEAD: TimeDelta = TimeDelta::hours(24);
/// How long a key stays after its last token has expired, because clocks differ and requests take time.
const RETIREMENT_MARGIN: TimeDelta = TimeDelta::minutes(45);

/// Returns when the next key begins to sign, if it must be published now. `starts` are the times from which the
/// existing keys sign, in ascending order.
pub(crate) fn next_start(
    starts: &[DateTime<Utc>],
    rotation_period: TimeDelta,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let Some(newest) = starts.last() else { return Some(now) };
    let due = *newest + rotation_period;
    (due <= now + PUBLISHED_AHEAD).then(|| due.max(now + PUBLISHED_AHEAD))
}

/// Returns how many of the oldest keys have signed no token that is still valid.
pub(crate) fn retired_count(starts: &[DateTime<Utc>], now: DateTime<Utc>) -> usize {
    starts.iter().skip(1).take_while(|&&successor| successor + ACCESS_TOKEN_LIFETIME + RETIREMENT_MARGIN <= now).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONTH: TimeDelta = TimeDelta::days(30);

    #[test]
    fn the_next_key_is_published_a_day_before_it_signs() {
        let start = Utc::now();
        assert_eq!(next_start(&[start], MONTH, start + TimeDelta::days(28)), None);
        assert_eq!(next_start(&[start], MONTH, start + TimeDelta::days(29)), Some(start + MONTH));
        // After a long downtime the old key goes on signing until the new one has been published for a day.
        let late = start + TimeDelta::days(400);
        assert_eq!(next_start(&[start], MONTH, late), Some(late + PUBLISHED_AHEAD));
        assert_eq!(next_start(&[start, start + MONTH], MONTH, start + TimeDelta::days(29)), None, "published already");
    }

    #[test]
    fn a_key_stays_until_its_last_token_has_expired() {
        let start = Utc::now();
        let starts = [start, start + MONTH];
        assert_eq!(retired_count(&[start], start + TimeDelta::days(900)), 0, "the only key stays");
        assert_eq!(retired_count(&starts, start + MONTH + ACCESS_TOKEN_LIFETIME), 0);
        assert_eq!(retired_count(&starts, start + MONTH + TimeDelta::hours(1)), 1);
        assert_eq!(retired_count(&[start, start + MONTH, start + MONTH * 2], start + MONTH * 3), 2);
    }
}
