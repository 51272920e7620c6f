//! What happens to the notices of a member that a mail is due for.
//!
//! What is mailed at once and what is mailed daily go into one mail when they are due together. Invariant: a member
//! gets at most one mail in [`MAIL_INTERVAL`]; what their preferences do not want mailed by then is not mailed.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::kinds::MailFrequency;
use super::local_time::Zone;
use super::preferences::Preferences;
use crate::stored_kind::StoredKind;

/// The shortest time between two mails to a member. What comes in between is in the next one.
const MAIL_INTERVAL: TimeDelta = TimeDelta::minutes(5);
/// What is of a kind that a later release has waits for that release.
const LATER_KIND_PAUSE: TimeDelta = TimeDelta::hours(1);

/// A notice that a mail is due for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DueMail {
    /// Its group, which is mailed once.
    pub group: Uuid,
    /// What it is about.
    pub kind: StoredKind,
    /// When it came.
    pub added_at: DateTime<Utc>,
}

/// What happens to each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct MailPlan {
    /// In a mail now.
    pub ready: Vec<Uuid>,
    /// Later, and when.
    pub postponed: Vec<(Uuid, DateTime<Utc>)>,
    /// Not mailed.
    pub dropped: Vec<Uuid>,
}

impl MailPlan {
    /// Returns the plan to mail what is ready later, because its mail can't be taken now.
    pub(crate) fn delayed(mut self, at: DateTime<Utc>) -> Self {
        self.postponed.extend(self.ready.drain(..).map(|group| (group, at)));
        self
    }
}

/// Returns what happens to what is due. `zone` is that of daily mails, `mailed_at` the time of the last mail.
pub(crate) fn plan_mail(
    due: &[DueMail],
    preferences: &Preferences,
    zone: &Zone,
    mailed_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> MailPlan {
    let mut plan = MailPlan::default();
    for mail in due {
        let Some(kind) = mail.kind.known() else {
            plan.postponed.push((mail.group, now + LATER_KIND_PAUSE));
            continue;
        };
        let at = match preferences.of(kind).mail {
            MailFrequency::Off => {
                plan.dropped.push(mail.group);
                continue;
            }
            MailFrequency::Now => mail.added_at,
            MailFrequency::Daily => zone.next(preferences.digest_at(), mail.added_at).unwrap_or(mail.added_at),
        };
        let at = mailed_at.map_or(at, |mailed_at| at.max(mailed_at + MAIL_INTERVAL));
        if at > now { plan.postponed.push((mail.group, at)) } else { plan.ready.push(mail.group) }
    }
    plan
}

#[cfg(test)]
mod tests {
    use contract::notify::NoticeKind;

    use super::*;

    #[test]
    fn a_kind_is_mailed_at_once_at_the_hour_of_the_zone_or_never_and_mails_have_a_distance() {
        let text = r#"{"digest_at": "09:00", "kinds": {"commented": {"mail": "now"}, "mentioned": {"mail": "daily"},
            "reacted": {"mail": "off"}}}"#;
        let preferences: Preferences = serde_json::from_str(text).unwrap();
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let now = at("2027-03-27T20:00:00Z");
        let kinds = [NoticeKind::Commented, NoticeKind::Mentioned, NoticeKind::Reacted];
        let due: Vec<DueMail> = (1..)
            .zip(kinds)
            .map(|(number, kind)| DueMail { group: Uuid::from_u128(number), kind: kind.into(), added_at: now })
            .collect();
        let [commented, mentioned, reacted] = [1, 2, 3].map(Uuid::from_u128);
        let zone = Zone::find("Europe/Berlin").unwrap();
        // The clock changes in that night.
        let digest_at = at("2027-03-28T07:00:00Z");
        let plan = plan_mail(&due, &preferences, &zone, None, now);
        assert_eq!((plan.ready, plan.dropped), (vec![commented], vec![reacted]));
        assert_eq!(plan.postponed, [(mentioned, digest_at)]);

        let mailed_at = now - TimeDelta::minutes(2);
        let plan = plan_mail(&due, &preferences, &zone, Some(mailed_at), now);
        assert_eq!(plan.postponed, [(commented, now + TimeDelta::minutes(3)), (mentioned, digest_at)]);
        let plan = plan_mail(&due, &preferences, &zone, Some(mailed_at), digest_at);
        assert_eq!(plan.ready, [commented, mentioned]);
        let delayed = plan.delayed(now);
        assert_eq!((delayed.ready, delayed.dropped), (vec![], vec![reacted]), "nothing is lost");
        let later = DueMail { group: commented, kind: StoredKind::Later("waved".to_owned()), added_at: now };
        let plan = plan_mail(&[later], &preferences, &zone, None, now);
        assert_eq!(plan.postponed, [(commented, now + LATER_KIND_PAUSE)]);
        assert_eq!(delayed.postponed, [(commented, now), (mentioned, now)]);
    }
}
