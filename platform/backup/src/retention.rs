//! Which recovery points stay.
//!
//! Of each hour, day, ISO week and month (UTC) that has a point, the newest point stands for it; as many of the newest
//! hours, days, weeks and months stay as the table says. A point of a time that is yet to come, which a wrong clock has
//! made, stays and stands for nothing. Invariant: the newest point that is not of the future stays, whatever the table
//! says.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike as _, Utc};

use crate::options::BackupOptions;

/// Returns a name for the period that a time is in.
type Period = fn(DateTime<Utc>) -> String;

/// How many periods of each kind stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Hours.
    pub hourly: u32,
    /// Days.
    pub daily: u32,
    /// ISO weeks.
    pub weekly: u32,
    /// Months.
    pub monthly: u32,
}

impl From<&BackupOptions> for Retention {
    fn from(options: &BackupOptions) -> Self {
        Self {
            hourly: options.keep_hourly,
            daily: options.keep_daily,
            weekly: options.keep_weekly,
            monthly: options.keep_monthly,
        }
    }
}

impl Retention {
    /// Returns those of `points`, which began at these times, that stay at `now`.
    pub fn kept(self, points: &[DateTime<Utc>], now: DateTime<Utc>) -> BTreeSet<DateTime<Utc>> {
        let (mut newest_first, early): (Vec<DateTime<Utc>>, Vec<DateTime<Utc>>) =
            points.iter().copied().partition(|at| *at <= now);
        newest_first.sort_unstable_by(|one, other| other.cmp(one));
        let rules: [(u32, Period); 4] = [
            (self.hourly, |at| at.format("%Y-%m-%d %H").to_string()),
            (self.daily, |at| at.format("%Y-%m-%d").to_string()),
            (self.weekly, |at| format!("{:?}", at.iso_week())),
            (self.monthly, |at| at.format("%Y-%m").to_string()),
        ];
        let mut kept: BTreeSet<DateTime<Utc>> = newest_first.first().copied().into_iter().chain(early).collect();
        for (count, period) in rules {
            let mut last = None;
            let mut left = count;
            for at in &newest_first {
                let name = Some(period(*at));
                if left > 0 && name != last {
                    kept.insert(*at);
                    left -= 1;
                    last = name;
                }
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("{text}:00Z").parse().unwrap()
    }

    #[test]
    fn the_newest_of_each_hour_day_week_and_month_stays_and_nothing_else() {
        let points = [
            "2026-11-30T08:45", // the newest
            "2026-11-30T08:15", // the same hour
            "2026-11-30T07:45", // the hour before
            "2026-11-30T06:45", // the third hour
            "2026-11-29T23:45", // the day before, and the week before: a Sunday
            "2026-11-28T23:45",
            "2026-11-22T12:00", // two weeks before
            "2026-10-31T12:00", // the month before
            "2026-10-30T12:00",
            "2025-11-30T08:45", // a year before
        ]
        .map(at);
        let now = at("2026-11-30T08:50");
        let kept = |hourly, daily, weekly, monthly| -> Vec<String> {
            let kept = Retention { hourly, daily, weekly, monthly }.kept(&points, now);
            kept.iter().rev().map(|at| at.format("%Y-%m-%dT%H:%M").to_string()).collect()
        };
        assert_eq!(kept(0, 0, 0, 0), ["2026-11-30T08:45"], "the newest stays");
        assert_eq!(kept(2, 0, 0, 0), ["2026-11-30T08:45", "2026-11-30T07:45"]);
        assert_eq!(kept(0, 2, 0, 0), ["2026-11-30T08:45", "2026-11-29T23:45"]);
        assert_eq!(kept(0, 0, 3, 0), ["2026-11-30T08:45", "2026-11-29T23:45", "2026-11-22T12:00"]);
        assert_eq!(kept(0, 0, 0, 3), ["2026-11-30T08:45", "2026-10-31T12:00", "2025-11-30T08:45"]);
        assert_eq!(kept(99, 99, 99, 99).len(), 9, "only the second point of an hour goes");
        assert!(Retention { hourly: 1, daily: 1, weekly: 1, monthly: 1 }.kept(&[], now).is_empty());
    }

    #[test]
    fn a_point_that_a_wrong_clock_has_made_takes_the_place_of_no_other() {
        let (now, wrong) = (at("2026-11-30T08:50"), at("2031-01-01T00:00"));
        let points = [wrong, at("2026-11-30T08:45"), at("2026-11-30T07:45")];
        let kept = Retention { hourly: 1, daily: 0, weekly: 0, monthly: 0 }.kept(&points, now);
        assert_eq!(kept.into_iter().collect::<Vec<_>>(), [points[1], wrong]);
    }
}
