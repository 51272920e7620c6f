//! `/v1/admin/moderation/queue/{id}/decide`: what a moderator decides about a case, and about others like it.
//!
//! Invariant: each decision is in the audit trail with its reason, also each of several.

use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use contract::moderation::Action;
use contract::social::talk::ReportReason;
use http_server::operators::{Moderator, Operator, require_reason};
use http_server::{Json, Path, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::NO_STORE;
use super::views::CaseDetailView;
use crate::commands;
use crate::error::Error;
use crate::model::Request;
use crate::queries::{self, MAX_LIKE};
use crate::state::Moderation;

/// A decision about a case.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCaseDecision, example = json!({
    "action": "suspend",
    "statement": "Advertising under every clip, after two warnings.",
    "until": "2026-06-01T00:00:00Z",
    "removes": true,
    "reason": "The third time this week.",
}))]
pub(super) struct DecideBody {
    /// What is done: `uphold` or `overturn` about an appeal, one of the others about what was reported.
    action: Action,
    /// Which rule it breaks; that of the first report by default.
    rule: Option<ReportReason>,
    /// What the member reads, on one line. Every decision against them needs it. It must not name who has reported it.
    #[serde(default)]
    #[schema(max_length = 300)]
    statement: String,
    /// When a limitation or a suspension ends by itself. A moderator decides for at most seven days.
    until: Option<DateTime<Utc>>,
    /// Whether the thing is removed too. `remove` does nothing else.
    #[serde(default)]
    removes: bool,
    /// Whether the bytes of its media are refused from now on, no matter which member sends them.
    #[serde(default)]
    blocks_media: bool,
    /// Why, for the audit trail.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
    /// Other cases about which the same is decided, at most 50.
    #[serde(default)]
    #[schema(max_items = 50)]
    also: Vec<Uuid>,
}

/// What was decided.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CaseOutcome, example = json!({
    "case": {
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
    },
    "also": [],
}))]
pub(super) struct OutcomeView {
    /// The case as it is now.
    case: CaseDetailView,
    /// The other cases about which the same was decided. The rest of `also` was left out: another moderator has them,
    /// they were decided about, or the decision does not fit them.
    also: Vec<Uuid>,
}

/// Decides about a case that the caller has claimed.
///
/// The role that has the thing removes it, and accounts changes the standing of its owner, within seconds. The owner
/// reads the statement in `GET /v1/me/decisions` and is notified; so are all who have reported it. An appeal is decided
/// by another moderator than the one whose decision it is against. What a check holds is delivered by `keep`, and
/// removed by the other actions. The act is recorded in the audit trail.
#[utoipa::path(
    post,
    path = "/v1/admin/moderation/queue/{id}/decide",
    operation_id = "decide_moderation_case",
    tag = "operators",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The case's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b62"),
    ),
    request_body = DecideBody,
    responses(
        (
            status = 200,
            description = "What was decided",
            body = OutcomeView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "moderation.beyond_role",
            "moderation.claimed",
            "moderation.decided_already",
            "moderation.invalid_decision",
            "moderation.no_such_case",
            "moderation.not_claimed",
            "moderation.own_case",
            "request.invalid",
        ])),
        ("x-admin-role" = json!("moderator")),
    ),
)]
pub(super) async fn decide(
    operator: Operator<Moderator>,
    State(moderation): State<Moderation>,
    Path(id): Path<Uuid>,
    Json(body): Json<DecideBody>,
) -> Result<impl IntoResponse, Problem> {
    let reason = require_reason(&body.reason)?;
    if body.also.len() > MAX_LIKE {
        return Err(Error::InvalidDecision("Name at most 50 other cases in `also`.").into());
    }
    let request = body.request();
    commands::decide_case(&moderation, operator.actor.clone(), id, request.clone(), reason).await?;
    let also = commands::decide_like(&moderation, &operator.actor, &body.also, &request, reason).await?;
    let detail = queries::find(&moderation, id).await?;
    let case = CaseDetailView::of(detail, moderation.context.clock.now());
    Ok((NO_STORE, Json(OutcomeView { case, also })))
}

impl DecideBody {
    fn request(&self) -> Request {
        Request {
            action: self.action,
            reason: self.rule,
            statement: self.statement.clone(),
            until: self.until,
            removes: self.removes,
            blocks_media: self.blocks_media,
        }
    }
}
