//! A case: what was reported or is held, or an appeal, and how far it is.
//!
//! Invariant: a claim holds until its time, and a decided case has none that counts.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::moderation::{Evidence, Thing};
use contract::social::talk::ReportReason;
use screening::fingerprint::Fingerprint;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Error;

/// The most bits in which the texts of two cases differ that are alike (decision 63).
const ALIKE_BITS: u32 = 12;

/// How far a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "open")]
pub(crate) enum CaseState {
    /// It waits for a decision.
    Open,
    /// It was decided about.
    Decided,
}

contract::string_enum!(CaseState: Open => "open", Decided => "decided");

/// Who works on a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The moderator.
    pub by: AccountId,
    /// Until when no other one can take it.
    pub until: DateTime<Utc>,
}

/// What an appeal is against, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaseAppeal {
    /// The decision.
    pub decision: Uuid,
    /// What the member says.
    pub text: String,
}

/// A case of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    /// Its id, which sorts by time; of what a check holds, that of the verdict.
    pub id: Uuid,
    /// What it is about.
    pub thing: Thing,
    /// Whose that is.
    pub owner: AccountId,
    /// Why it was reported first.
    pub reason: ReportReason,
    /// Where it stands in the queue: small is first.
    pub urgency: i64,
    /// What the thing was when it was reported first.
    pub evidence: Evidence,
    /// The fingerprint of the text, if it is long enough to have one.
    pub fingerprint: Option<Fingerprint>,
    /// How far it is.
    pub state: CaseState,
    /// How many have reported it.
    pub report_count: i64,
    /// Whether a check holds the thing until it is decided about.
    pub is_held: bool,
    /// The decision that it is an appeal against.
    pub appeal: Option<CaseAppeal>,
    /// The last claim, whether or not it still holds.
    pub claim: Option<Claim>,
    /// When it came into the queue.
    pub created_at: DateTime<Utc>,
    /// When it was decided about.
    pub decided_at: Option<DateTime<Utc>>,
}

/// Where what checks hold stands in the queue: among the least urgent, by age, so that it does not wait for ever.
pub(crate) const HELD_URGENCY: i64 = 2;

/// Returns where cases with this reason stand in the queue: danger to life first, then harm to people.
pub(crate) fn urgency_of(reason: ReportReason) -> i64 {
    match reason {
        ReportReason::ChildSafety | ReportReason::SelfHarm => 0,
        ReportReason::Violence | ReportReason::Hate | ReportReason::Harassment | ReportReason::Nudity => 1,
        ReportReason::Spam | ReportReason::Impersonation | ReportReason::Copyright | ReportReason::Other => 2,
    }
}

impl Case {
    /// Returns the claim that counts at a time.
    pub(crate) fn claim_at(&self, now: DateTime<Utc>) -> Option<Claim> {
        self.claim.filter(|claim| self.state == CaseState::Open && claim.until > now)
    }

    /// Refuses a moderator whom the case concerns: it is about them, against the decision of theirs, `decided_by`, or
    /// about what they have reported.
    pub(crate) fn check_party(
        &self,
        by: AccountId,
        decided_by: Option<AccountId>,
        has_reported: bool,
    ) -> Result<(), Error> {
        if self.owner == by || decided_by == Some(by) || has_reported { Err(Error::OwnCase) } else { Ok(()) }
    }

    /// Refuses a case that another moderator holds, and, if `must_hold`, one that this moderator does not.
    pub(crate) fn check_claim(&self, by: AccountId, must_hold: bool, now: DateTime<Utc>) -> Result<(), Error> {
        if self.state == CaseState::Decided {
            return Err(Error::DecidedAlready);
        }
        match self.claim_at(now) {
            Some(claim) if claim.by != by => Err(Error::Claimed(claim.until)),
            None if must_hold => Err(Error::NotClaimed),
            _ => Ok(()),
        }
    }

    /// Whether this and another one are of the same account, or have texts that are alike.
    pub(crate) fn is_like(&self, owner: AccountId, fingerprint: Option<Fingerprint>) -> bool {
        let is_alike = |own: Fingerprint, other: Fingerprint| own.distance(other) <= ALIKE_BITS;
        self.owner == owner || self.fingerprint.zip(fingerprint).is_some_and(|(own, other)| is_alike(own, other))
    }

    /// Whether the verdict of a check is what is decided about: its sender has not appealed it.
    pub(crate) fn is_of_verdict(&self) -> bool {
        self.is_held && self.appeal.is_none()
    }

    /// Returns its place in the queue.
    pub(crate) fn place(&self) -> QueuePlace {
        QueuePlace { urgency: self.urgency, id: self.id }
    }
}

/// A place in the queue: a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueuePlace {
    /// The urgency.
    pub urgency: i64,
    /// The case.
    pub id: Uuid,
}

impl QueuePlace {
    /// The place before the first case.
    pub(crate) const START: Self = Self { urgency: -1, id: Uuid::nil() };
}

impl fmt::Display for QueuePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.urgency, self.id)
    }
}

impl FromStr for QueuePlace {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let (urgency, id) = text.split_once('.').ok_or(Error::BadCursor)?;
        let urgency = urgency.parse().map_err(|_| Error::BadCursor)?;
        Ok(Self { urgency, id: id.parse().map_err(|_| Error::BadCursor)? })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use screening::text::Normalised;

    use super::*;

    fn case(now: DateTime<Utc>, claim: Option<Claim>) -> Case {
        let text = "Win a free iPhone now, click the link in my profile";
        Case {
            id: Uuid::from_u128(1),
            thing: Thing { role: "social".into(), kind: "comment".into(), id: "7".into() },
            owner: AccountId(Uuid::from_u128(2)),
            reason: ReportReason::Spam,
            urgency: urgency_of(ReportReason::Spam),
            evidence: Evidence::of(text, [], None),
            fingerprint: Fingerprint::of(&Normalised::of(text)),
            state: CaseState::Open,
            report_count: 1,
            is_held: false,
            appeal: None,
            claim,
            created_at: now,
            decided_at: None,
        }
    }

    #[test]
    fn a_claim_holds_for_one_moderator_until_its_end() {
        let now = Utc::now();
        let (ann, bob) = (AccountId(Uuid::from_u128(8)), AccountId(Uuid::from_u128(9)));
        let held = case(now, Some(Claim { by: ann, until: now + TimeDelta::minutes(1) }));
        assert!(held.check_claim(ann, true, now).is_ok());
        assert!(matches!(held.check_claim(bob, false, now), Err(Error::Claimed(_))));
        let later = now + TimeDelta::minutes(1);
        assert!(held.check_claim(bob, false, later).is_ok(), "it has ended");
        assert!(matches!(held.check_claim(ann, true, later), Err(Error::NotClaimed)));
        let decided = Case { state: CaseState::Decided, ..held };
        assert!(matches!(decided.check_claim(ann, true, now), Err(Error::DecidedAlready)));
        assert_eq!(decided.claim_at(now), None);
    }

    #[test]
    fn neither_the_owner_nor_who_has_decided_or_reported_takes_part() {
        let (now, ann) = (Utc::now(), AccountId(Uuid::from_u128(8)));
        let of_owner = case(now, None);
        assert!(matches!(of_owner.check_party(of_owner.owner, None, false), Err(Error::OwnCase)));
        assert!(matches!(of_owner.check_party(ann, Some(ann), false), Err(Error::OwnCase)));
        assert!(matches!(of_owner.check_party(ann, None, true), Err(Error::OwnCase)));
        assert!(of_owner.check_party(ann, Some(of_owner.owner), false).is_ok());
    }

    #[test]
    fn cases_of_one_account_and_those_with_one_text_are_alike() {
        let (case, other) = (case(Utc::now(), None), AccountId(Uuid::from_u128(3)));
        let of = |text: &str| Fingerprint::of(&Normalised::of(text));
        assert!(case.is_like(case.owner, None) && !case.is_like(other, None));
        assert!(case.is_like(other, of("W1N a FREE iphone now!! Click the link in my bio")));
        assert!(!case.is_like(other, of("Shall we meet at the station at six, or is that too early?")));
    }

    #[test]
    fn a_cursor_comes_back() {
        let place = QueuePlace { urgency: 2, id: Uuid::from_u128(7) };
        assert_eq!(place.to_string().parse::<QueuePlace>().ok(), Some(place));
        assert!(["", "2", "2.x", "x.7"].iter().all(|text| text.parse::<QueuePlace>().is_err()));
    }
}
