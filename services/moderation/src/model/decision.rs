//! A decision: what a moderator wants, and what may be decided by whom.
//!
//! Invariant: a decision against a member has a statement that they read, of at most 300 characters on one line, which
//! is what the history of an account takes.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use contract::MediaId;
use contract::moderation::{Action, Evidence, Thing};
use contract::social::talk::ReportReason;
use uuid::Uuid;

use super::case::Case;
use crate::error::Error;

/// The longest statement, in characters.
const MAX_STATEMENT_CHARS: usize = 300;
/// The longest that a moderator may limit or suspend an account. An operator has no such bound.
const MODERATOR_MAX: TimeDelta = TimeDelta::days(7);
/// The kind of things that are removed by no decision.
const ACCOUNT: &str = "account";

/// What a moderator wants to decide, as the request says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// What is done.
    pub action: Action,
    /// Which rule it breaks; that of the report by default.
    pub reason: Option<ReportReason>,
    /// What the member reads.
    pub statement: String,
    /// When a state of the account ends by itself.
    pub until: Option<DateTime<Utc>>,
    /// Whether the thing is removed too.
    pub removes: bool,
    /// Whether the bytes of its media are refused from now on.
    pub blocks_media: bool,
}

/// A decision that may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewDecision {
    /// What is done.
    pub action: Action,
    /// Which rule it breaks.
    pub reason: ReportReason,
    /// What the member reads; empty if nothing is done.
    pub statement: String,
    /// When a state of the account ends by itself.
    pub until: Option<DateTime<Utc>>,
    /// Whether the thing is removed.
    pub removes: bool,
    /// Media whose bytes are refused from now on.
    pub blocked_media: Vec<MediaId>,
}

/// A decision, or a verdict of a check, as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DecisionRow {
    /// Its id, which sorts by time; a verdict has that of the role that gave it, also once a moderator has decided.
    pub id: Uuid,
    /// The case; a verdict has none until a moderator has decided about what it holds.
    pub case: Option<Uuid>,
    /// What it is about.
    pub thing: Thing,
    /// Whose that is.
    pub owner: AccountId,
    /// What was decided.
    pub decision: NewDecision,
    /// The check whose verdict it is.
    pub check: Option<String>,
    /// What the thing was.
    pub evidence: Evidence,
    /// Who has decided; `None` for a check, and once the account was erased.
    pub decided_by: Option<AccountId>,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// When an appeal has undone it.
    pub overturned_at: Option<DateTime<Utc>>,
    /// Why accounts has not followed it.
    pub refusal: Option<String>,
}

impl Request {
    /// Checks a request about a case. `is_operator` says that the caller has the role `operator`.
    pub(crate) fn check(self, case: &Case, is_operator: bool, now: DateTime<Utc>) -> Result<NewDecision, Error> {
        let is_about_appeal = matches!(self.action, Action::Uphold | Action::Overturn);
        if self.action == Action::Screened {
            return Err(Error::InvalidDecision("`screened` is what checks decide. Choose another action."));
        }
        if is_about_appeal != case.appeal.is_some() {
            return Err(Error::InvalidDecision(
                "Decide `uphold` or `overturn` about an appeal, and one of the other actions about anything else.",
            ));
        }
        let statement = one_line(&self.statement);
        if statement.chars().count() > MAX_STATEMENT_CHARS {
            return Err(Error::InvalidDecision("A statement has at most 300 characters."));
        }
        if statement.is_empty() && self.action.is_adverse() {
            return Err(Error::InvalidDecision("Say in `statement` which rule it breaks. The member reads it."));
        }
        // What a check holds is delivered, or is gone: nothing of it waits after a decision.
        let is_refused = case.is_of_verdict() && self.action.is_adverse();
        let (removes, blocks_media) = (self.removes || is_refused || self.action == Action::Remove, self.blocks_media);
        if (removes || blocks_media) && !self.action.is_adverse() {
            return Err(Error::InvalidDecision("Nothing is removed or blocked by this action. Choose another one."));
        }
        if removes && case.thing.kind == ACCOUNT {
            return Err(Error::InvalidDecision("An account is not removed: limit, suspend or ban it."));
        }
        let until = self.check_until(is_operator, now)?;
        let blocked_media = if blocks_media { case.evidence.media.clone() } else { Vec::new() };
        if blocks_media && blocked_media.is_empty() {
            return Err(Error::InvalidDecision("There are no media to block in this case."));
        }
        let reason = self.reason.unwrap_or(case.reason);
        Ok(NewDecision { action: self.action, reason, statement, until, removes, blocked_media })
    }

    /// Checks the end of a state: what it may be, and what the caller may decide.
    fn check_until(&self, is_operator: bool, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Error> {
        // The databases keep microseconds.
        let until = self.until.and_then(|until| DateTime::from_timestamp_micros(until.timestamp_micros()));
        match self.action {
            Action::Limit | Action::Suspend => {
                if until.is_some_and(|until| until <= now) {
                    return Err(Error::InvalidDecision("`until` must be in the future."));
                }
                let is_short = until.is_some_and(|until| until <= now + MODERATOR_MAX);
                if is_operator || is_short { Ok(until) } else { Err(Error::BeyondRole) }
            }
            _ if until.is_some() => Err(Error::InvalidDecision("Only `limit` and `suspend` have an `until`.")),
            Action::Ban if !is_operator => Err(Error::BeyondRole),
            _ => Ok(None),
        }
    }
}

impl DecisionRow {
    /// Whether the member may appeal it: it is against them, and was not undone.
    pub(crate) fn can_be_appealed(&self) -> bool {
        self.decision.action.is_adverse() && self.overturned_at.is_none()
    }

    /// Whether a check has decided, and no moderator yet.
    pub(crate) fn is_automatic(&self) -> bool {
        self.case.is_none()
    }

    /// Whether only an operator may have decided so: a moderator does not undo it either.
    pub(crate) fn is_of_operators(&self) -> bool {
        match self.decision.action {
            Action::Ban => true,
            Action::Limit | Action::Suspend => {
                self.decision.until.is_none_or(|until| until > self.decided_at + MODERATOR_MAX)
            }
            _ => false,
        }
    }
}

/// Returns a text on one line, without characters that are not seen.
fn one_line(text: &str) -> String {
    codec::filename::lines(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::case::{CaseAppeal, CaseState, urgency_of};

    fn case(kind: &str, appeal: Option<CaseAppeal>, media: Vec<MediaId>) -> Case {
        Case {
            id: Uuid::from_u128(1),
            thing: Thing { role: "social".into(), kind: kind.into(), id: "7".into() },
            owner: AccountId(Uuid::from_u128(2)),
            reason: ReportReason::Spam,
            urgency: urgency_of(ReportReason::Spam),
            evidence: Evidence::of("text", media, None),
            fingerprint: None,
            state: CaseState::Open,
            report_count: 1,
            is_held: false,
            appeal,
            claim: None,
            created_at: DateTime::UNIX_EPOCH,
            decided_at: None,
        }
    }

    fn request(action: Action, statement: &str) -> Request {
        let statement = statement.to_owned();
        Request { action, reason: None, statement, until: None, removes: false, blocks_media: false }
    }

    #[test]
    fn a_decision_fits_its_case_and_says_why() {
        let now = DateTime::UNIX_EPOCH;
        let (post, account) = (case("post", None, Vec::new()), case("account", None, Vec::new()));
        let appealed = CaseAppeal { decision: Uuid::nil(), text: "No.".into() };
        let appeal = case("post", Some(appealed), Vec::new());
        let removed = request(Action::Remove, " No\nads.\u{202e} ").check(&post, false, now).unwrap();
        assert_eq!(
            (removed.statement.as_str(), removed.removes, removed.reason),
            ("No ads.", true, ReportReason::Spam)
        );
        assert!(request(Action::Keep, "").check(&post, false, now).is_ok());
        let held = Case { is_held: true, ..post.clone() };
        assert!(request(Action::Warn, "No.").check(&held, false, now).unwrap().removes, "nothing waits any more");
        assert!(!request(Action::Keep, "").check(&held, false, now).unwrap().removes);
        assert!(request(Action::Overturn, "").check(&appeal, false, now).is_ok());
        let with = |change: fn(&mut Request)| {
            let mut asked = request(Action::Warn, "No.");
            change(&mut asked);
            asked
        };
        for (refused, case) in [
            (request(Action::Warn, " \u{200b}"), &post),
            (request(Action::Warn, &"a".repeat(301)), &post),
            (request(Action::Screened, "No."), &post),
            (request(Action::Remove, "No."), &account),
            (request(Action::Uphold, ""), &post),
            (request(Action::Warn, "No."), &appeal),
            (with(|asked| asked.blocks_media = true), &post),
            (with(|asked| asked.until = Some(DateTime::UNIX_EPOCH + TimeDelta::days(1))), &post),
            (with(|asked| (asked.action, asked.removes) = (Action::Keep, true)), &post),
        ] {
            assert!(matches!(refused.clone().check(case, true, now), Err(Error::InvalidDecision(_))), "{refused:?}");
        }
        let photo = MediaId::random();
        let of_photo = case("post", None, vec![photo.clone()]);
        let blocked = with(|asked| asked.blocks_media = true).check(&of_photo, false, now).unwrap();
        assert_eq!(blocked.blocked_media, [photo]);
    }

    #[test]
    fn who_may_decide_follows_from_the_role() {
        let (now, post) = (DateTime::UNIX_EPOCH, case("post", None, Vec::new()));
        let may = |action, days: Option<i64>, is_operator| {
            let until = days.map(|days| now + TimeDelta::days(days));
            Request { until, ..request(action, "No.") }.check(&post, is_operator, now)
        };
        assert!(may(Action::Suspend, Some(7), false).is_ok() && may(Action::Limit, Some(7), false).is_ok());
        for (action, days) in [(Action::Suspend, Some(8)), (Action::Limit, None), (Action::Ban, None)] {
            assert!(matches!(may(action, days, false), Err(Error::BeyondRole)), "{action:?}");
            assert!(may(action, days, true).is_ok(), "{action:?}");
        }
        assert!(matches!(may(Action::Suspend, Some(0), true), Err(Error::InvalidDecision(_))));
    }

    #[test]
    fn what_only_an_operator_decides_is_undone_by_one() {
        let (now, post) = (DateTime::UNIX_EPOCH, case("post", None, Vec::new()));
        for (action, days, expected) in [
            (Action::Ban, None, true),
            (Action::Limit, None, true),
            (Action::Suspend, Some(8), true),
            (Action::Suspend, Some(7), false),
            (Action::Remove, None, false),
        ] {
            let until = days.map(|days| now + TimeDelta::days(days));
            let decision = Request { until, ..request(action, "No.") }.check(&post, true, now).unwrap();
            let row = DecisionRow {
                id: Uuid::from_u128(3),
                case: Some(post.id),
                thing: post.thing.clone(),
                owner: post.owner,
                decision,
                check: None,
                evidence: post.evidence.clone(),
                decided_by: None,
                decided_at: now,
                overturned_at: None,
                refusal: None,
            };
            assert_eq!(row.is_of_operators(), expected, "{action:?} {days:?}");
        }
    }
}
