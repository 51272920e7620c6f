//! Reminders: when they fire, and what becomes of them when the date that they follow changes.
//!
//! Invariant: a reminder that waits for a date fires at the time that its rule gives for the newest version of that
//! date, and not at all once the date is cancelled or not the member's to see any more.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use uuid::Uuid;

use super::local_time::{LocalTime, TimeOfDay, Zone};

/// The most characters of a text.
pub(crate) const MAX_TEXT_CHARS: usize = 200;
/// The most days before a date.
pub(crate) const MAX_DAYS_BEFORE: u16 = 730;
/// How far ahead a reminder may be.
const MAX_AHEAD: TimeDelta = TimeDelta::days(3_660);

/// When a reminder fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rule {
    /// At a time of the wall clock in a zone.
    At {
        /// The time.
        local: LocalTime,
        /// The zone (IANA).
        zone: String,
    },
    /// Relative to something that has a date.
    Before {
        /// What has the date.
        subject: Uuid,
        /// How many days before the day of the date.
        days: u16,
        /// The time of that day.
        time: TimeOfDay,
        /// The zone (IANA); `None` for that of the date.
        zone: Option<String>,
    },
}

/// Something that has a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatedSubject {
    /// Its id.
    pub subject: Uuid,
    /// When it is; `None` if it is cancelled.
    pub date: Option<DateTime<Utc>>,
    /// The zone (IANA) of the place.
    pub zone: String,
    /// The version of the date.
    pub version: i64,
}

impl Rule {
    /// Returns when the rule fires, with the date that it follows; `None` if it does not.
    pub(crate) fn instant(&self, dated: Option<&DatedSubject>) -> Option<DateTime<Utc>> {
        match self {
            Self::At { local, zone } => Zone::find(zone)?.instant(*local),
            Self::Before { days, time, zone, .. } => {
                let dated = dated?;
                // A zone that is not known here is UTC.
                let zone = Zone::find(zone.as_deref().unwrap_or(&dated.zone)).or_else(|| Zone::find("UTC"))?;
                zone.days_before(dated.date?, *days, *time)
            }
        }
    }

    /// Returns what has the date that the rule follows.
    pub(crate) fn subject(&self) -> Option<Uuid> {
        match self {
            Self::At { .. } => None,
            Self::Before { subject, .. } => Some(*subject),
        }
    }
}

/// What has become of a reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReminderState {
    /// It will fire.
    Waiting,
    /// It has fired.
    Fired,
    /// Its date was cancelled, or is not the member's to see any more.
    Cancelled,
}

contract::string_enum!(ReminderState: Waiting => "waiting", Fired => "fired", Cancelled => "cancelled");

/// A reminder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reminder {
    /// The id.
    pub id: Uuid,
    /// Whose.
    pub member: AccountId,
    /// What the member wants to be reminded of.
    pub text: String,
    /// When it fires.
    pub rule: Rule,
    /// The version of the date that `at` follows; 0 without one.
    pub subject_version: i64,
    /// When it fires, or has fired.
    pub at: DateTime<Utc>,
    /// What has become of it.
    pub state: ReminderState,
    /// Whether the member has put it off: `at` then follows nothing.
    pub is_snoozed: bool,
    /// Increases with each firing.
    pub version: i64,
    /// When it fired or was cancelled.
    pub ended_at: Option<DateTime<Utc>>,
}

impl Reminder {
    /// Returns the reminder after its date has changed, at a time when it waits. `dated` is `None` if the date is gone
    /// or not the member's to see any more.
    pub(crate) fn follow(self, dated: Option<&DatedSubject>, now: DateTime<Utc>) -> Self {
        if self.rule.subject().is_none() {
            return self;
        }
        let Some((dated, at)) = dated.and_then(|dated| Some((dated, self.rule.instant(Some(dated))?))) else {
            return Self { state: ReminderState::Cancelled, ended_at: Some(now), ..self };
        };
        let at = if self.is_snoozed || dated.version == self.subject_version { self.at } else { at };
        Self { at, subject_version: dated.version, ..self }
    }

    /// Returns the reminder after it has fired.
    pub(crate) fn fire(self, now: DateTime<Utc>) -> Self {
        Self { state: ReminderState::Fired, version: self.version + 1, ended_at: Some(now), ..self }
    }

    /// Returns the reminder put off until a time; `None` if its date is cancelled.
    pub(crate) fn snooze(self, until: DateTime<Utc>) -> Option<Self> {
        let is_cancelled = self.state == ReminderState::Cancelled;
        let state = ReminderState::Waiting;
        (!is_cancelled).then_some(Self { at: until, state, is_snoozed: true, ended_at: None, ..self })
    }
}

/// Whether a new reminder may fire at a time: later than now, and not too far ahead.
pub(crate) fn is_ahead(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    at > now && at <= now + MAX_AHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn dated(date: Option<&str>, version: i64) -> DatedSubject {
        let (subject, zone) = (Uuid::from_u128(7), "Europe/Berlin".to_owned());
        DatedSubject { subject, date: date.map(utc), zone, version }
    }

    fn reminder() -> Reminder {
        let time = TimeOfDay::hour(9);
        let rule = Rule::Before { subject: Uuid::from_u128(7), days: 21, time, zone: None };
        Reminder {
            id: Uuid::from_u128(1),
            member: AccountId(Uuid::from_u128(2)),
            text: "flowers".into(),
            at: rule.instant(Some(&dated(Some("2027-04-10T12:00:00Z"), 1))).unwrap(),
            rule,
            subject_version: 1,
            state: ReminderState::Waiting,
            is_snoozed: false,
            version: 0,
            ended_at: None,
        }
    }

    #[test]
    fn it_is_moved_and_cancelled_with_its_date() {
        let now = utc("2027-01-01T00:00:00Z");
        assert_eq!(reminder().at, utc("2027-03-20T08:00:00Z"), "09:00 there, before the clock changes");
        let moved = reminder().follow(Some(&dated(Some("2027-05-10T12:00:00Z"), 2)), now);
        assert_eq!((moved.at, moved.subject_version), (utc("2027-04-19T07:00:00Z"), 2));
        for gone in [Some(dated(None, 3)), None] {
            let cancelled = reminder().follow(gone.as_ref(), now);
            assert_eq!((cancelled.state, cancelled.ended_at), (ReminderState::Cancelled, Some(now)));
            assert_eq!(cancelled.snooze(now), None);
        }
    }

    #[test]
    fn one_that_was_put_off_follows_its_date_no_more_but_ends_with_it() {
        let (now, until) = (utc("2027-03-20T08:00:00Z"), utc("2027-03-20T09:00:00Z"));
        let snoozed = reminder().fire(now).snooze(until).unwrap();
        let moved = snoozed.clone().follow(Some(&dated(Some("2027-05-10T12:00:00Z"), 2)), now);
        assert_eq!((moved.at, moved.state, moved.version), (until, ReminderState::Waiting, 1));
        assert_eq!(snoozed.follow(Some(&dated(None, 2)), now).state, ReminderState::Cancelled);
    }

    #[test]
    fn in_both_nights_of_a_clock_change_a_time_is_one_instant() {
        let at = |local: &str| {
            let (local, zone) = (LocalTime::parse(local).unwrap(), "Europe/Berlin".to_owned());
            Rule::At { local, zone }.instant(None)
        };
        assert_eq!(at("2027-03-28T02:30"), Some(utc("2027-03-28T01:30:00Z")));
        assert_eq!(at("2027-10-31T02:30"), Some(utc("2027-10-31T00:30:00Z")));
        assert!(is_ahead(utc("2027-10-31T00:30:00Z"), utc("2027-10-31T00:29:00Z")));
        assert!(!is_ahead(utc("2027-10-31T00:30:00Z"), utc("2027-10-31T00:30:00Z")));
    }
}
