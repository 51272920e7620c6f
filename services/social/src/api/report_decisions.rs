//! `/v1/admin/reports/{id}` and `/decision`: what was reported, and what a moderator decides about it.
//!
//! Invariant: only moderators read what is reported without being in its audience, and each decision is in the audit
//! trail with its reason.

use axum::extract::State;
use axum::response::IntoResponse;
use contract::social::talk::ReportDecision;
use contract::social::talk_views::ReportDetailView;
use http::{HeaderName, header};
use http_server::operators::{Moderator, Operator, require_reason};
use http_server::{Json, Path, Problem};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::commands;
use crate::error::Error;
use crate::queries;
use crate::state::Social;

const NO_STORE: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "decision": "remove",
    "reason": "Advertising under every post, the third time.",
    "message": "No advertising below the clips of others, please.",
}))]
pub(super) struct ReportDecisionBody {
    /// What becomes of the thing.
    decision: ReportDecision,
    /// The reason, for the audit trail.
    #[schema(max_length = 500)]
    reason: String,
    /// What the author of the thing reads beside the reason of the report, if it is removed. It names nobody by itself.
    #[serde(default)]
    #[schema(max_length = 500)]
    message: String,
}

/// Returns a report with what was reported.
///
/// The text and the ids of the media are shown whatever the audience is. `object` is null if the thing is gone.
#[utoipa::path(
    get,
    path = "/v1/admin/reports/{id}",
    operation_id = "show_report",
    tag = "operators",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The report's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b62"),
    ),
    responses(
        (
            status = 200,
            description = "The report",
            body = ReportDetailView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_report"])),
        ("x-admin-role" = json!("moderator")),
    ),
)]
pub(super) async fn show(
    _: Operator<Moderator>,
    State(social): State<Social>,
    Path(id): Path<Uuid>,
) -> Result<impl IntoResponse, Error> {
    Ok((NO_STORE, Json(queries::reports::find(&social, id).await?)))
}

/// Decides about what was reported.
///
/// `keep` leaves it, `remove` removes the post, or the comment with the answers to it. All open reports of the same
/// thing are closed. Its author finds it in `GET /v1/me/removals`, with the reason of this report and the `message`. An
/// account is not removed here: limit, suspend or ban it, then decide `keep`. No moderator decides about something of
/// their own, or that they have reported. The act is recorded in the audit trail.
#[utoipa::path(
    post,
    path = "/v1/admin/reports/{id}/decision",
    operation_id = "decide_report",
    tag = "operators",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The report's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b62"),
    ),
    request_body = ReportDecisionBody,
    responses(
        (
            status = 200,
            description = "The report as it is now",
            body = ReportDetailView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.invalid_decision",
            "social.no_such_report",
            "social.own_report",
            "social.report_closed",
            "request.invalid",
        ])),
        ("x-admin-role" = json!("moderator")),
    ),
)]
pub(super) async fn decide(
    operator: Operator<Moderator>,
    State(social): State<Social>,
    Path(id): Path<Uuid>,
    Json(body): Json<ReportDecisionBody>,
) -> Result<impl IntoResponse, Problem> {
    let reason = require_reason(&body.reason)?;
    commands::decide_report(&social, operator.actor, id, body.decision, reason, &body.message).await?;
    Ok((NO_STORE, Json(queries::reports::find(&social, id).await?)))
}
