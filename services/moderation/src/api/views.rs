//! The shapes of responses.
//!
//! Invariant: what a member reads names neither who has reported something nor who has decided.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::MediaId;
use contract::moderation::{Action, Evidence};
use contract::social::talk::ReportReason;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model::{AppealState, Case, CaseState, DecisionRow};
use crate::queries::{CaseDetail, Handles, OwnAppeal, OwnDecision};
use crate::store::reports::CaseReport;

/// The beginning of a text that a member reads of what they wrote, in characters.
const MAX_EXCERPT_CHARS: usize = 200;

/// An account that a case names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CasePerson, example = json!({"id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10", "handle": "ada"}))]
pub(super) struct PersonView {
    /// The account.
    id: Uuid,
    /// Its handle; `null` if the account is gone, or accounts does not respond.
    #[schema(required)]
    handle: Option<String>,
}

/// Who works on a case.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CaseClaim, example = json!({
    "by": {"id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c13", "handle": "mona"},
    "until": "2026-05-25T09:45:00Z",
}))]
pub(super) struct ClaimView {
    /// The moderator.
    by: PersonView,
    /// Until when no other one can take it.
    until: DateTime<Utc>,
}

/// A case of the queue.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ModerationCase, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b62",
    "role": "social",
    "kind": "comment",
    "object": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b61",
    "owner": {"id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10", "handle": "ada"},
    "reason": "spam",
    "urgency": 2,
    "excerpt": "buy at my shop",
    "report_count": 3,
    "state": "open",
    "is_held": false,
    "is_appeal": false,
    "claim": null,
    "created_at": "2026-05-25T09:30:00Z",
    "decided_at": null,
}))]
pub(super) struct CaseView {
    id: Uuid,
    /// The role that has the thing.
    role: String,
    /// What kind of thing it is: `post`, `comment`, `account`, `message` …
    kind: String,
    /// The thing's id.
    object: String,
    /// Whose it is.
    owner: PersonView,
    /// Why it was reported first; `other` if a check has stopped it.
    reason: ReportReason,
    /// 0 is the most urgent.
    urgency: i64,
    /// The beginning of its text.
    excerpt: String,
    /// How many have reported it.
    report_count: i64,
    state: CaseState,
    /// Whether a check has stopped it, so that it reaches its recipient only if a moderator keeps it.
    is_held: bool,
    /// Whether it is an appeal against a decision.
    is_appeal: bool,
    /// Who works on it, if anyone does.
    #[schema(required)]
    claim: Option<ClaimView>,
    created_at: DateTime<Utc>,
    #[schema(required)]
    decided_at: Option<DateTime<Utc>>,
}

/// A report of a case.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CaseReport, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63",
    "reporter": {"id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11", "handle": "eve"},
    "reason": "spam",
    "text": "The same under every post.",
    "created_at": "2026-05-25T09:30:00Z",
}))]
pub(super) struct ReportView {
    id: Uuid,
    /// Who has reported it.
    reporter: PersonView,
    reason: ReportReason,
    /// What they say about it.
    text: String,
    created_at: DateTime<Utc>,
}

/// A decision, as moderators see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CaseDecision, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b64",
    "kind": "comment",
    "object": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b61",
    "action": "remove",
    "reason": "spam",
    "statement": "No advertising below the clips of others, please.",
    "until": null,
    "removes": true,
    "blocked_media": [],
    "screened_by": null,
    "decided_by": {"id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c13", "handle": "mona"},
    "decided_at": "2026-05-25T09:40:00Z",
    "overturned_at": null,
    "refusal": null,
}))]
pub(super) struct DecisionView {
    id: Uuid,
    kind: String,
    object: String,
    action: Action,
    reason: ReportReason,
    /// What the member read.
    statement: String,
    #[schema(required)]
    until: Option<DateTime<Utc>>,
    removes: bool,
    /// Media whose bytes are refused from then on.
    blocked_media: Vec<MediaId>,
    /// The check whose verdict it is.
    #[schema(required)]
    screened_by: Option<String>,
    #[schema(required)]
    decided_by: Option<PersonView>,
    decided_at: DateTime<Utc>,
    #[schema(required)]
    overturned_at: Option<DateTime<Utc>>,
    /// Why accounts has not followed it.
    #[schema(required)]
    refusal: Option<String>,
}

/// A case with what a moderator needs to decide about it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ModerationCaseDetail, example = json!({
    "case": {
        "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b62",
        "role": "social",
        "kind": "comment",
        "object": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b61",
        "owner": {"id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10", "handle": "ada"},
        "reason": "spam",
        "urgency": 2,
        "excerpt": "buy at my shop",
        "report_count": 1,
        "state": "open",
        "is_held": false,
        "is_appeal": false,
        "claim": null,
        "created_at": "2026-05-25T09:30:00Z",
        "decided_at": null,
    },
    "evidence": {"text": "buy at my shop", "media": [], "place": null},
    "appeal": null,
    "appealed": null,
    "reports": [],
    "history": [],
    "decision": null,
}))]
pub(super) struct CaseDetailView {
    case: CaseView,
    /// What the thing was when it was reported first.
    evidence: Evidence,
    /// What the member says against a decision.
    #[schema(required)]
    appeal: Option<String>,
    /// The decision that it is an appeal against, or the verdict by which a check holds it.
    #[schema(required)]
    appealed: Option<DecisionView>,
    /// The newest reports, at most 50.
    reports: Vec<ReportView>,
    /// Earlier decisions about its owner, the newest first, at most 20.
    history: Vec<DecisionView>,
    /// The decision about it.
    #[schema(required)]
    decision: Option<DecisionView>,
}

/// An appeal, as its member sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Appeal, example = json!({
    "verdict": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b64",
    "state": "open",
    "text": "It was a quotation.",
    "answer": "",
    "created_at": "2026-05-25T10:00:00Z",
}))]
pub(super) struct AppealView {
    /// The decision.
    pub verdict: Uuid,
    /// How far it is.
    pub state: AppealState,
    /// What the member says.
    pub text: String,
    /// What the moderator who has decided about it says; may be empty.
    pub answer: String,
    pub created_at: DateTime<Utc>,
}

/// A decision against the caller.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OwnDecision, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b64",
    "kind": "comment",
    "object": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b61",
    "excerpt": "buy at my shop",
    "action": "remove",
    "reason": "spam",
    "statement": "No advertising below the clips of others, please.",
    "until": null,
    "is_automatic": false,
    "decided_at": "2026-05-25T09:40:00Z",
    "overturned_at": null,
    "appeal": null,
    "can_appeal": true,
}))]
pub(super) struct OwnDecisionView {
    id: Uuid,
    /// What kind of thing it is about.
    kind: String,
    /// The thing's id.
    object: String,
    /// The beginning of its text.
    excerpt: String,
    /// What was decided.
    action: Action,
    /// Which rule it broke.
    reason: ReportReason,
    /// Why, in words.
    statement: String,
    /// When a limitation or suspension ends by itself.
    #[schema(required)]
    until: Option<DateTime<Utc>>,
    /// Whether a check has decided, and no person.
    is_automatic: bool,
    decided_at: DateTime<Utc>,
    /// When an appeal has undone it.
    #[schema(required)]
    overturned_at: Option<DateTime<Utc>>,
    #[schema(required)]
    appeal: Option<AppealView>,
    /// Whether the caller can appeal it.
    can_appeal: bool,
}

fn person(id: AccountId, handles: &Handles) -> PersonView {
    PersonView { id: id.0, handle: handles.get(&id).cloned() }
}

fn excerpt(text: &str) -> String {
    text.chars().take(MAX_EXCERPT_CHARS).collect()
}

impl CaseView {
    pub(super) fn of(case: &Case, handles: &Handles, now: DateTime<Utc>) -> Self {
        let claim = case.claim_at(now);
        Self {
            id: case.id,
            role: case.thing.role.clone(),
            kind: case.thing.kind.clone(),
            object: case.thing.id.clone(),
            owner: person(case.owner, handles),
            reason: case.reason,
            urgency: case.urgency,
            excerpt: excerpt(&case.evidence.text),
            report_count: case.report_count,
            state: case.state,
            is_held: case.is_held,
            is_appeal: case.appeal.is_some(),
            claim: claim.map(|claim| ClaimView { by: person(claim.by, handles), until: claim.until }),
            created_at: case.created_at,
            decided_at: case.decided_at,
        }
    }
}

impl ReportView {
    fn of(report: CaseReport, handles: &Handles) -> Self {
        let CaseReport { id, reporter, reason, text, created_at } = report;
        Self { id, reporter: person(reporter, handles), reason, text, created_at }
    }
}

impl DecisionView {
    fn of(row: DecisionRow, handles: &Handles) -> Self {
        Self {
            id: row.id,
            kind: row.thing.kind,
            object: row.thing.id,
            action: row.decision.action,
            reason: row.decision.reason,
            statement: row.decision.statement,
            until: row.decision.until,
            removes: row.decision.removes,
            blocked_media: row.decision.blocked_media,
            screened_by: row.check,
            decided_by: row.decided_by.map(|by| person(by, handles)),
            decided_at: row.decided_at,
            overturned_at: row.overturned_at,
            refusal: row.refusal,
        }
    }
}

impl CaseDetailView {
    pub(super) fn of(detail: CaseDetail, now: DateTime<Utc>) -> Self {
        let CaseDetail { case, reports, history, decision, appealed, handles } = detail;
        Self {
            case: CaseView::of(&case, &handles, now),
            evidence: case.evidence,
            appeal: case.appeal.map(|appeal| appeal.text),
            appealed: appealed.map(|row| DecisionView::of(row, &handles)),
            reports: reports.into_iter().map(|report| ReportView::of(report, &handles)).collect(),
            history: history.into_iter().map(|row| DecisionView::of(row, &handles)).collect(),
            decision: decision.map(|row| DecisionView::of(row, &handles)),
        }
    }
}

impl From<OwnDecision> for OwnDecisionView {
    fn from(own: OwnDecision) -> Self {
        let can_appeal = own.row.can_be_appealed() && own.appeal.is_none();
        let OwnDecision { row, appeal } = own;
        let (verdict, is_automatic) = (row.id, row.is_automatic());
        let appeal = appeal.map(|OwnAppeal { state, case, answer }| {
            let text = case.appeal.map_or_else(String::new, |appeal| appeal.text);
            AppealView { verdict, state, text, answer, created_at: case.created_at }
        });
        Self {
            id: row.id,
            kind: row.thing.kind,
            object: row.thing.id,
            excerpt: excerpt(&row.evidence.text),
            action: row.decision.action,
            reason: row.decision.reason,
            statement: row.decision.statement,
            until: row.decision.until,
            is_automatic,
            decided_at: row.decided_at,
            overturned_at: row.overturned_at,
            appeal,
            can_appeal,
        }
    }
}
