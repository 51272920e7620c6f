//! A report of a message, and what moderation calls the things of this role.
//!
//! Invariant: a thing that is named to moderation is found again by its name.

use contract::moderation::Thing;
use contract::social::talk::ReportReason;
use screening::facts::Surface;
use uuid::Uuid;

/// The role of things that are here, as moderation names them.
pub(crate) const ROLE: &str = "chat";
/// The kind of a message.
const MESSAGE: &str = "message";
/// The kind of an invitation to a group, which is never stored.
const INVITATION: &str = "invitation";
/// The longest text of a report, in characters.
const MAX_TEXT_CHARS: usize = 1_000;

/// A new report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewReport {
    /// Why.
    pub reason: ReportReason,
    /// What the member says about it; may be empty.
    pub text: String,
}

impl NewReport {
    /// Checks a report, without the white space around its text; the error is a sentence that names the rule.
    pub(crate) fn parse(reason: ReportReason, text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.chars().count() > MAX_TEXT_CHARS || text.contains('\0') {
            return Err("The text of a report has at most 1,000 characters, and no NUL character.");
        }
        if reason == ReportReason::Other && text.is_empty() {
            return Err("Say in `text` what is wrong with it.");
        }
        Ok(Self { reason, text: text.to_owned() })
    }
}

/// Returns a message as moderation names it.
pub(crate) fn message_thing(id: Uuid) -> Thing {
    Thing { role: ROLE.to_owned(), kind: MESSAGE.to_owned(), id: id.to_string() }
}

/// Returns what moderation calls a thing that is sent on a surface of this role.
pub(crate) fn kind_of(surface: Surface) -> &'static str {
    if surface == Surface::Message { MESSAGE } else { INVITATION }
}

/// Whether a thing is one of this role.
pub(crate) fn is_own_thing(thing: &Thing) -> bool {
    thing.role == ROLE
}

/// Returns the id of a message; `None` for another thing. What was refused has the id of its verdict, which is none.
pub(crate) fn own_message(thing: &Thing) -> Option<Uuid> {
    if is_own_thing(thing) && thing.kind == MESSAGE { thing.id.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_that_is_named_to_moderation_is_found_again() {
        let id = Uuid::from_u128(7);
        let thing = message_thing(id);
        assert_eq!(own_message(&thing), Some(id));
        assert_eq!(own_message(&Thing { role: "social".into(), ..thing }), None);
        let kind = kind_of(Surface::GroupInvite).to_owned();
        let invitation = Thing { kind, ..message_thing(id) };
        assert!(is_own_thing(&invitation) && own_message(&invitation).is_none());
    }

    #[test]
    fn a_report_has_bounds_and_says_what_is_wrong() {
        let parse = NewReport::parse;
        assert_eq!(parse(ReportReason::Spam, " again ").unwrap().text, "again");
        assert!(parse(ReportReason::Spam, "").is_ok() && parse(ReportReason::Other, " ").is_err());
        assert!(parse(ReportReason::Hate, &"é".repeat(MAX_TEXT_CHARS)).is_ok());
        assert!(parse(ReportReason::Hate, &"é".repeat(MAX_TEXT_CHARS + 1)).is_err());
        assert!(parse(ReportReason::Hate, "a\0b").is_err());
    }
}
