//! Announcements of operators: one row for all, which is shown to those whom it is for.
//!
//! Invariant: which announcements a member is shown follows from the rows, the member's row and the time alone, so the
//! list, the counts and the stream agree; a promotion is shown only to a member who had consented when it began, and at
//! most as many of one week as the member wants.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::language::Language;

/// The week in which promotions are counted: seven days of UTC, the first since 1970-01-01.
pub(crate) const WEEK: TimeDelta = TimeDelta::days(7);
/// How long an announcement that is over is looked at: one of the week of a promotion that is shown ended no earlier,
/// because a promotion is shown for a [`WEEK`] at most.
pub(crate) const COUNTED_FOR: TimeDelta = TimeDelta::days(14);
/// The most characters of a text.
const MAX_TEXT_CHARS: usize = 500;
/// The most characters of a URL.
const MAX_URL_CHARS: usize = 300;
/// The most characters of a role's name.
const MAX_ROLE_CHARS: usize = 32;
/// How far ahead an announcement may begin.
const MAX_AHEAD: TimeDelta = TimeDelta::days(366);
/// How long it may be shown; a promotion for a [`WEEK`].
const MAX_SHOWN: TimeDelta = TimeDelta::days(90);
/// How long it is shown, unless its end is set, or it is a promotion.
const DEFAULT_SHOWN: TimeDelta = TimeDelta::days(14);

/// What an announcement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AnnouncementCategory, example = "service")]
pub(crate) enum Category {
    /// What members should know about the service.
    Service,
    /// Advertising, for those alone who have consented to it.
    Promotion,
}

contract::string_enum!(Category: Service => "service", Promotion => "promotion");

/// An announcement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Announcement {
    /// The id. Its time is that of the beginning, so it has its place among notices.
    pub id: Uuid,
    /// What it is.
    pub category: Category,
    /// Only members with this role.
    pub role: Option<String>,
    /// Only members who read in this language.
    pub language: Option<Language>,
    /// What it says, by language.
    pub texts: BTreeMap<Language, String>,
    /// Where it leads.
    pub url: Option<String>,
    /// When it begins to be shown.
    pub starts_at: DateTime<Utc>,
    /// When it ends.
    pub ends_at: DateTime<Utc>,
    /// When an operator cancelled it.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// How many members have seen it.
    pub seen_count: u64,
}

/// What an announcement says, to whom and when, as an operator asks for it.
#[derive(Debug, Clone)]
pub(crate) struct NewAnnouncement {
    /// What it is.
    pub category: Category,
    /// Only members with this role.
    pub role: Option<String>,
    /// Only members who read in this language.
    pub language: Option<Language>,
    /// What it says, by language.
    pub texts: BTreeMap<Language, String>,
    /// Where it leads.
    pub url: Option<String>,
    /// When it begins; `None` for now.
    pub starts_at: Option<DateTime<Utc>>,
    /// When it ends; `None` for two weeks later.
    pub ends_at: Option<DateTime<Utc>>,
}

impl NewAnnouncement {
    /// Checks it, and returns when it is shown; the rule that it breaks otherwise.
    pub(crate) fn check(&self, now: DateTime<Utc>) -> Result<(DateTime<Utc>, DateTime<Utc>), &'static str> {
        let is_text = |text: &String| {
            let has_line = !text.trim().is_empty() && !text.chars().any(char::is_control);
            has_line && text.chars().count() <= MAX_TEXT_CHARS
        };
        if self.texts.is_empty() || !self.texts.values().all(is_text) {
            return Err("`texts` must have a text for one language at least, each 1 to 500 characters in one line.");
        }
        if self.language.is_some_and(|language| !self.texts.contains_key(&language)) {
            return Err("`texts` must have a text in the `language` that the announcement is for.");
        }
        let is_url = |url: &String| {
            let is_here = url.starts_with('/') && !url.starts_with("//");
            let is_plain = url.chars().all(|letter| letter.is_ascii_graphic() && letter != '\\');
            (is_here || url.starts_with("https://")) && is_plain && url.len() <= MAX_URL_CHARS
        };
        if !self.url.iter().all(is_url) {
            return Err("`url` must be a path of the site such as /settings, or an https URL.");
        }
        let is_role = |role: &String| {
            (1..=MAX_ROLE_CHARS).contains(&role.len())
                && role.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        if !self.role.iter().all(is_role) {
            return Err("`role` must be the name of a role, such as curator.");
        }
        let starts_at = self.starts_at.unwrap_or(now).max(now);
        // Before anything is added to it: a client can name any year.
        if starts_at > now + MAX_AHEAD {
            return Err("An announcement must begin within a year.");
        }
        let longest = match self.category {
            Category::Service => MAX_SHOWN,
            Category::Promotion => WEEK,
        };
        let ends_at = self.ends_at.unwrap_or(starts_at + DEFAULT_SHOWN.min(longest));
        if ends_at <= starts_at || ends_at > starts_at + longest {
            return Err("An announcement must end after its beginning, within 90 days; a promotion within 7.");
        }
        Ok((starts_at, ends_at))
    }
}

/// What decides which announcements a member is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AnnouncementReader {
    /// All until this id were seen.
    pub seen_until: Uuid,
    /// All until this id were read.
    pub read_until: Uuid,
    /// The roles.
    pub roles: Vec<String>,
    /// The language in which the member reads.
    pub language: Option<Language>,
    /// Since when promotions are wanted.
    pub promotions_since: Option<DateTime<Utc>>,
}

impl Announcement {
    fn is_for(&self, reader: &AnnouncementReader) -> bool {
        let has_role = self.role.as_ref().is_none_or(|role| reader.roles.contains(role));
        has_role && self.language.is_none_or(|language| reader.language == Some(language))
    }

    fn was_shown(&self, now: DateTime<Utc>) -> bool {
        self.starts_at <= now && self.cancelled_at.is_none_or(|at| at > self.starts_at)
    }

    /// Whether it is shown at this time to those whom it is for.
    pub(crate) fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.starts_at <= now && now < self.ends_at && self.cancelled_at.is_none()
    }

    /// Returns the text for a reader: that in the language, else that in English, else any.
    pub(crate) fn text(&self, language: Language) -> &str {
        let texts = &self.texts;
        let text = texts.get(&language).or_else(|| texts.get(&Language::En)).or_else(|| texts.values().next());
        text.map(String::as_str).unwrap_or_default()
    }

    fn week(&self) -> i64 {
        self.starts_at.timestamp().div_euclid(WEEK.num_seconds())
    }
}

/// Returns the announcements that a member is shown, of all that are not over for longer than [`COUNTED_FOR`], in the
/// order of their ids. `promotions` is how many of a week the member wants.
pub(crate) fn shown<'a>(
    announcements: &'a [Announcement],
    reader: &AnnouncementReader,
    promotions: Option<u8>,
    now: DateTime<Utc>,
) -> Vec<&'a Announcement> {
    let mut promotions_of_week: HashMap<i64, u8> = HashMap::new();
    let mut shown = Vec::new();
    for announcement in announcements.iter().filter(|one| one.was_shown(now) && one.is_for(reader)) {
        if announcement.category == Category::Promotion {
            let since = reader.promotions_since.filter(|since| *since <= announcement.starts_at);
            let (Some(max), Some(_)) = (promotions, since) else { continue };
            // One that is over counts for its week.
            let count = promotions_of_week.entry(announcement.week()).or_default();
            if *count >= max {
                continue;
            }
            *count += 1;
        }
        if announcement.is_live(now) {
            shown.push(announcement);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2027-01-07T12:00:00Z".parse().unwrap()
    }

    fn announcement(number: u128, category: Category, starts_at: DateTime<Utc>) -> Announcement {
        Announcement {
            id: Uuid::from_u128(number),
            category,
            role: None,
            language: None,
            texts: BTreeMap::from([(Language::En, "Hello".to_owned()), (Language::Fr, "Bonjour".to_owned())]),
            url: None,
            starts_at,
            ends_at: starts_at + TimeDelta::days(3),
            cancelled_at: None,
            seen_count: 0,
        }
    }

    fn numbers(all: &[Announcement], reader: &AnnouncementReader, promotions: Option<u8>) -> Vec<u128> {
        shown(all, reader, promotions, now()).iter().map(|one| one.id.as_u128()).collect()
    }

    #[test]
    fn an_announcement_is_shown_in_its_time_to_those_whom_it_is_for() {
        let service = |number, starts_at| announcement(number, Category::Service, starts_at);
        let all = [
            service(1, now() - TimeDelta::days(3)),
            service(2, now()),
            service(3, now() + TimeDelta::seconds(1)),
            Announcement { cancelled_at: Some(now()), ..service(4, now()) },
            Announcement { role: Some("curator".into()), ..service(5, now()) },
            Announcement { language: Some(Language::Fr), ..service(6, now()) },
        ];
        assert_eq!(numbers(&all, &AnnouncementReader::default(), None), [2]);
        let roles = vec!["curator".to_owned(), "member".to_owned()];
        let reader = AnnouncementReader { roles, language: Some(Language::Fr), ..AnnouncementReader::default() };
        assert_eq!(numbers(&all, &reader, None), [2, 5, 6]);
        assert_eq!((all[1].text(Language::Fr), all[1].text(Language::Ar)), ("Bonjour", "Hello"));
    }

    #[test]
    fn promotions_need_consent_and_are_bounded_a_week_also_by_those_that_are_over() {
        let promotion = |number, days| announcement(number, Category::Promotion, now() - TimeDelta::days(days));
        // The week began at midnight; the first of these is of the week before.
        let all = [promotion(1, 1), promotion(2, 0), promotion(3, 0), promotion(4, 0)];
        let since = |days| AnnouncementReader {
            promotions_since: Some(now() - TimeDelta::days(days)),
            ..AnnouncementReader::default()
        };
        assert!(numbers(&all, &AnnouncementReader::default(), Some(7)).is_empty());
        assert!(numbers(&all, &since(9), None).is_empty());
        assert_eq!(numbers(&all, &since(9), Some(2)), [1, 2, 3]);
        assert_eq!(numbers(&all, &since(0), Some(1)), [2]);
        let mut over = all.clone();
        over[1].ends_at = now();
        assert_eq!(numbers(&over, &since(9), Some(1)), [1]);
    }

    #[test]
    fn what_operators_ask_for_is_checked() {
        let new = || NewAnnouncement {
            category: Category::Service,
            role: None,
            language: None,
            texts: BTreeMap::from([(Language::En, "Hello".to_owned())]),
            url: Some("/settings".into()),
            starts_at: None,
            ends_at: None,
        };
        assert_eq!(new().check(now()), Ok((now(), now() + DEFAULT_SHOWN)));
        let promotion = || NewAnnouncement { category: Category::Promotion, ..new() };
        assert_eq!(promotion().check(now()), Ok((now(), now() + WEEK)));
        let text = |text: &str| NewAnnouncement { texts: BTreeMap::from([(Language::En, text.to_owned())]), ..new() };
        let url = |url: &str| NewAnnouncement { url: Some(url.to_owned()), ..new() };
        let role = |role: &str| NewAnnouncement { role: Some(role.to_owned()), ..new() };
        for wrong in [
            NewAnnouncement { texts: BTreeMap::new(), ..new() },
            NewAnnouncement { language: Some(Language::Ar), ..new() },
            NewAnnouncement { ends_at: Some(now()), ..new() },
            NewAnnouncement { ends_at: Some(now() + TimeDelta::days(91)), ..new() },
            NewAnnouncement { ends_at: Some(now() + TimeDelta::days(8)), ..promotion() },
            NewAnnouncement { starts_at: Some(now() + TimeDelta::days(400)), ..new() },
            NewAnnouncement { starts_at: Some(DateTime::<Utc>::MAX_UTC), ..new() },
            text(" "),
            text("a\nb"),
            text(&"x".repeat(501)),
            url("javascript:alert(1)"),
            url("//evil.example"),
            url("/\\evil.example"),
            url("http://x.example"),
            role("Curator"),
            role(""),
        ] {
            assert!(wrong.check(now()).is_err(), "{wrong:?}");
        }
    }
}
