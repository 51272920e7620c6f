//! `/v1/reports`: reporting what breaks the rules, and the queue of operators.
//!
//! Invariant: a member reports what they may see; what they may not see is the 404 of what does not exist. Only
//! operators read reports.

use axum::extract::State;
use axum::response::IntoResponse;
use contract::social::talk::{ReportKind, ReportReason, ReportState};
use contract::social::talk_views::ReportView;
use http::{StatusCode, header};
use http_server::auth::Member;
use http_server::operators::{Moderator, Operator};
use http_server::{Json, List, Page, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::commands;
use crate::error::Error;
use crate::known_people::caller;
use crate::model::NewReport;
use crate::queries;
use crate::queries::reports::{find_evidence, find_reported};
use crate::state::Social;

/// A new report.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "kind": "comment",
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b61",
    "reason": "spam",
    "text": "The same under every post.",
}))]
pub(super) struct NewReportBody {
    /// What kind of thing it is.
    kind: ReportKind,
    /// The id of the post, the comment or the account.
    id: Option<Uuid>,
    /// The handle of the account, in place of its id.
    handle: Option<String>,
    /// Why.
    reason: ReportReason,
    /// What the caller says about it, at most 1,000 characters. The reason `other` needs it.
    #[serde(default)]
    #[schema(max_length = 1000)]
    text: String,
    /// The token of the post's link, if the post has the audience `link`.
    link: Option<String>,
}

/// A report that was sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b62", "state": "open"}))]
pub(super) struct SentReport {
    /// Its id.
    id: Uuid,
    /// How far it is.
    state: ReportState,
}

/// Parameters of the queue.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReportsParams {
    /// Reports in this state; `open` by default.
    #[param(example = "open")]
    state: Option<ReportState>,
    /// Only reports of such things.
    #[param(example = "comment")]
    kind: Option<ReportKind>,
    /// How many items, 1–100; 50 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    after: Option<String>,
}

/// Reports a post, a comment or a member.
///
/// Moderators read it. The owner of the thing does not learn who has reported it. A member has one open report of a
/// thing. An account can also be reported by who is blocked by it; a post and a comment only by who sees them.
#[utoipa::path(
    post,
    path = "/v1/reports",
    operation_id = "create_report",
    tag = "posts",
    security(("token" = [])),
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day makes no second report",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    request_body = NewReportBody,
    responses(
        (
            status = 201,
            description = "The report",
            body = SentReport,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.invalid_report",
            "social.no_such_comment",
            "social.no_such_person",
            "social.not_found",
            "social.reported_already",
            "social.too_often",
            "social.yourself",
            "request.bad_idempotency_key",
            "request.done_before",
            "request.idempotency_key_reused",
            "request.in_progress",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn create(
    State(social): State<Social>,
    member: Member,
    Json(body): Json<NewReportBody>,
) -> Result<impl IntoResponse, Error> {
    let caller = caller(&social, &member).await?;
    let named = (body.kind, body.id, body.handle.as_deref());
    let (owner, object) = find_reported(&social, caller.number, named, body.link.as_deref()).await?;
    let new = NewReport::parse(body.kind, object, body.reason, &body.text).map_err(Error::InvalidReport)?;
    let evidence = find_evidence(&social, &owner, new.kind, new.object).await?;
    let id = commands::create_report(&social, caller, owner, new, evidence).await?;
    Ok((StatusCode::CREATED, Json(SentReport { id, state: ReportState::Open })))
}

/// Lists reports, the newest first.
///
/// Continue with the `next` of a page as `after`.
#[utoipa::path(
    get,
    path = "/v1/admin/reports",
    operation_id = "list_reports",
    tag = "operators",
    security(("token" = [])),
    params(
        ReportsParams,
    ),
    responses(
        (
            status = 200,
            description = "A page of reports",
            body = List<ReportView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["request.invalid"])),
        ("x-admin-role" = json!("moderator")),
    ),
)]
pub(super) async fn list(
    _: Operator<Moderator>,
    State(social): State<Social>,
    Query(params): Query<ReportsParams>,
) -> Result<impl IntoResponse, Error> {
    let before = params.after.as_deref().map_or(Ok(Uuid::max()), str::parse).map_err(|_| Error::BadCursor)?;
    let size = Page { limit: params.limit, after: None }.size();
    let state = params.state.unwrap_or(ReportState::Open);
    let (items, next) = queries::reports::list(&social, (state, params.kind), before, size).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(List { items, next })))
}
