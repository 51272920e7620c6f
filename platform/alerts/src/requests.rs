//! How many requests there were lately, how many of them failed, and how many of members were refused.
//!
//! Invariant: it holds an hour of points, whatever the interval between two of them.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use crate::samples::Samples;

/// The metric of responses.
pub(crate) const REQUESTS: &str = "tutti_http_requests_total";
/// The metric of requests that were refused because a role is too slow.
pub(crate) const REFUSED: &str = "tutti_gateway_refused_overload_total";
/// What is remembered.
const MEMORY: TimeDelta = TimeDelta::hours(1);
/// The most points: an hour of one every ten seconds, for a clock that stands still.
const MAX_POINTS: usize = 361;

/// The counters at a time.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: DateTime<Utc>,
    requests: f64,
    errors: f64,
    refused: f64,
}

/// The counters of the last hour, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct RequestHistory(VecDeque<Point>);

impl RequestHistory {
    /// Adds what the gateway has responded so far.
    pub(crate) fn add(&mut self, at: DateTime<Utc>, samples: &Samples) {
        const GATEWAY: &str = "role=\"gateway\"";
        let (requests, errors) = (
            samples.sum(REQUESTS, &[GATEWAY]),
            // No other label begins so.
            samples.sum(REQUESTS, &[GATEWAY, "status=\"5"]),
        );
        // Of members: `member` and `member_expensive`.
        let refused = samples.sum(REFUSED, &["worth=\"member"]);
        self.0.push_back(Point { at, requests, errors, refused });
        while self.0.len() > MAX_POINTS || self.0.front().is_some_and(|oldest| at - oldest.at > MEMORY) {
            self.0.pop_front();
        }
    }

    /// Returns the requests and the errors among them within a time.
    pub(crate) fn within(&self, window: TimeDelta) -> (f64, f64) {
        self.ends(window)
            .map_or((0.0, 0.0), |(oldest, newest)| (newest.requests - oldest.requests, newest.errors - oldest.errors))
    }

    /// Returns the requests of members that were refused within a time.
    pub(crate) fn refused(&self, window: TimeDelta) -> f64 {
        self.ends(window).map_or(0.0, |(oldest, newest)| newest.refused - oldest.refused)
    }

    /// Returns the oldest point within a time, and the newest.
    fn ends(&self, window: TimeDelta) -> Option<(&Point, &Point)> {
        let newest = self.0.back()?;
        Some((self.0.iter().find(|point| newest.at - point.at <= window).unwrap_or(newest), newest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_differences_of_counters_and_the_history_is_bounded() {
        let mut history = RequestHistory::default();
        assert!(history.within(MEMORY).0.abs() < 1e-9);
        for minute in 0..90 {
            let text = format!(
                "{REQUESTS}{{role=\"gateway\",status=\"200\"}} {}\n{REQUESTS}{{role=\"gateway\",status=\"503\"}} {}\n\
                 {REQUESTS}{{role=\"media\",status=\"503\"}} 7\n",
                minute * 10,
                minute
            );
            let at = DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
            history.add(at, &Samples::parse(&text, &[REQUESTS]));
        }
        assert_eq!(history.0.len(), 61);
        let (requests, errors) = history.within(TimeDelta::minutes(5));
        assert!((requests - 55.0).abs() < 1e-9 && (errors - 5.0).abs() < 1e-9, "{requests} {errors}");
        for _ in 0..2 * MAX_POINTS {
            history.add(DateTime::UNIX_EPOCH + TimeDelta::minutes(90), &Samples::default());
        }
        assert_eq!(history.0.len(), MAX_POINTS);
    }
}
