//! A report of a post, a comment or a member.
//!
//! Invariant: its text has at most [`MAX_TEXT_CHARS`] characters, none of them invisible.

use chrono::{DateTime, Utc};
use contract::moderation::Thing;
use contract::social::talk::{ReportDecision, ReportKind, ReportReason, ReportState};
use uuid::Uuid;

use super::person::PersonNumber;

/// The role of things that are here, as moderation names them.
pub(crate) const ROLE: &str = "social";
/// The longest text, in characters.
const MAX_TEXT_CHARS: usize = 1_000;

/// A new report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewReport {
    /// What kind of thing is reported.
    pub kind: ReportKind,
    /// Its id.
    pub object: Uuid,
    /// Why.
    pub reason: ReportReason,
    /// What the member says about it, normalized; may be empty.
    pub text: String,
}

impl NewReport {
    /// Checks and normalizes a report; the error is a sentence that names the rule.
    pub(crate) fn parse(
        kind: ReportKind,
        object: Uuid,
        reason: ReportReason,
        text: &str,
    ) -> Result<Self, &'static str> {
        let text = codec::filename::lines(text);
        if text.chars().count() > MAX_TEXT_CHARS {
            return Err("The text of a report has at most 1,000 characters.");
        }
        if reason == ReportReason::Other && text.is_empty() {
            return Err("Say in `text` what is wrong with it.");
        }
        Ok(Self { kind, object, reason, text })
    }

    /// Returns what is reported, as moderation names it.
    pub(crate) fn thing(&self) -> Thing {
        Thing { role: ROLE.to_owned(), kind: self.kind.as_str().to_owned(), id: self.object.to_string() }
    }
}

/// Returns the kind and the id of a thing that is here; `None` for one of another role.
pub(crate) fn own_thing(thing: &Thing) -> Option<(ReportKind, Uuid)> {
    if thing.role != ROLE {
        return None;
    }
    Some((thing.kind.parse().ok()?, thing.id.parse().ok()?))
}

/// A report as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// The id.
    pub id: Uuid,
    /// Who reports.
    pub reporter: PersonNumber,
    /// Whose the thing is.
    pub owner: PersonNumber,
    /// What is reported, and why.
    pub new: NewReport,
    /// How far it is.
    pub state: ReportState,
    /// What was decided, if it is closed.
    pub decision: Option<ReportDecision>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
}

/// Checks that something of this kind can be decided about so; the error is a sentence that says what to do instead.
pub(crate) fn check_decision(kind: ReportKind, decision: ReportDecision) -> Result<(), &'static str> {
    match (kind, decision) {
        (ReportKind::Account, ReportDecision::Remove) => {
            Err("An account is not removed here: limit, suspend or ban it on its page, then decide `keep`.")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_and_comments_are_removed_and_accounts_are_not() {
        for kind in [ReportKind::Post, ReportKind::Comment, ReportKind::Account] {
            assert!(check_decision(kind, ReportDecision::Keep).is_ok(), "{kind:?}");
            let may_remove = check_decision(kind, ReportDecision::Remove).is_ok();
            assert_eq!(may_remove, kind != ReportKind::Account, "{kind:?}");
        }
    }

    #[test]
    fn a_thing_that_is_named_to_moderation_is_found_again() {
        let report = NewReport::parse(ReportKind::Comment, Uuid::from_u128(7), ReportReason::Spam, "").unwrap();
        let thing = report.thing();
        assert_eq!(own_thing(&thing), Some((ReportKind::Comment, Uuid::from_u128(7))));
        assert_eq!(own_thing(&Thing { role: "chat".into(), ..thing.clone() }), None);
        assert_eq!(own_thing(&Thing { kind: "song".into(), ..thing }), None);
    }

    #[test]
    fn a_report_has_bounds_and_says_what_is_wrong() {
        let parse = |reason, text: &str| NewReport::parse(ReportKind::Post, Uuid::nil(), reason, text);
        assert_eq!(parse(ReportReason::Spam, " a\u{202e} ").unwrap().text, "a");
        assert!(parse(ReportReason::Spam, "").is_ok() && parse(ReportReason::Other, "\u{200b}").is_err());
        assert!(parse(ReportReason::Hate, &"a".repeat(MAX_TEXT_CHARS + 1)).is_err());
    }
}
