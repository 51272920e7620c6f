//! When a delivery is tried again, and when it is given up.
//!
//! Invariant: a delivery is tried ten times at most, over about three days; a receiver that answers 410 is asked no
//! more.

use chrono::{DateTime, TimeDelta, Utc};

use super::webhook::Attempt;

/// The pause after each attempt that failed: the schedule that Standard Webhooks recommends, cut at three days. After
/// the last one there is no other.
const PAUSES: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
    TimeDelta::hours(18),
    TimeDelta::hours(20),
];
/// The longest pause that a receiver can ask for.
const MAX_RETRY_AFTER: TimeDelta = TimeDelta::hours(24);
/// How much is added to a pause at most, as a share of it, so that a receiver that was down doesn't get all at once.
const JITTER: f64 = 0.1;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttemptResult {
    /// The attempt, as it is recorded.
    pub attempt: Attempt,
    /// How long the receiver asks to wait (`Retry-After` of 429 and 503).
    pub retry_after: Option<TimeDelta>,
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The receiver has taken it.
    Delivered,
    /// The receiver is gone for good.
    Gone,
    /// It is tried again.
    Retry {
        /// When.
        due_at: DateTime<Utc>,
        /// Until when nothing at all is sent to the receiver, because it asked for that.
        paused_until: Option<DateTime<Utc>>,
    },
    /// It was tried for about three days.
    GivenUp,
}

impl AttemptResult {
    /// Returns what follows. `tries` counts the attempts since the delivery was recorded or redelivered, with this one;
    /// `fraction` is a random number from 0 to 1.
    pub(crate) fn verdict(&self, tries: i64, now: DateTime<Utc>, fraction: f64) -> Verdict {
        match self.attempt.status {
            // A redirect is a failure: it is not followed, as it could lead anywhere.
            Some(200..=299) => return Verdict::Delivered,
            Some(410) => return Verdict::Gone,
            _ => {}
        }
        let place = usize::try_from(tries - 1).unwrap_or(0);
        let Some(pause) = PAUSES.get(place) else { return Verdict::GivenUp };
        // Whole milliseconds, as times in a database have microseconds at best.
        let jitter = (pause.num_milliseconds() as f64 * JITTER * fraction) as i64;
        let due_at = now + *pause + TimeDelta::milliseconds(jitter);
        let paused_until = self.retry_after.map(|asked| now + asked.clamp(TimeDelta::zero(), MAX_RETRY_AFTER));
        Verdict::Retry { due_at: paused_until.map_or(due_at, |until| until.max(due_at)), paused_until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(status: Option<u16>) -> AttemptResult {
        let attempt = Attempt { at: DateTime::UNIX_EPOCH, status, error: None, response: None, milliseconds: 0 };
        AttemptResult { attempt, retry_after: None }
    }

    #[test]
    fn a_delivery_is_tried_for_about_three_days_with_growing_pauses() {
        for (fraction, hours) in [(0.0, 69), (1.0, 76)] {
            let mut now = DateTime::UNIX_EPOCH;
            let mut tries = 1;
            while let Verdict::Retry { due_at, .. } = result(Some(500)).verdict(tries, now, fraction) {
                assert!(due_at > now);
                (now, tries) = (due_at, tries + 1);
            }
            assert_eq!((tries, (now - DateTime::UNIX_EPOCH).num_hours()), (10, hours));
        }
    }

    #[test]
    fn a_status_decides() {
        let verdict = |status| result(status).verdict(1, DateTime::UNIX_EPOCH, 0.0);
        for status in [200, 204, 299] {
            assert_eq!(verdict(Some(status)), Verdict::Delivered);
        }
        assert_eq!(verdict(Some(410)), Verdict::Gone);
        for status in [None, Some(100), Some(301), Some(308), Some(400), Some(404), Some(429), Some(500)] {
            assert!(matches!(verdict(status), Verdict::Retry { paused_until: None, .. }), "{status:?}");
        }
    }

    #[test]
    fn a_receiver_that_asks_for_time_gets_it_up_to_a_day() {
        let now = DateTime::UNIX_EPOCH;
        for (asked, got) in [(60, 60), (1, 1), (u32::MAX, 86_400)] {
            let asked = Some(TimeDelta::seconds(asked.into()));
            let slow = AttemptResult { retry_after: asked, ..result(Some(429)) };
            let until = now + TimeDelta::seconds(got);
            let due_at = until.max(now + TimeDelta::seconds(5));
            assert_eq!(slow.verdict(1, now, 0.0), Verdict::Retry { due_at, paused_until: Some(until) });
        }
    }
}
