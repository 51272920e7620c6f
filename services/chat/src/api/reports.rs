//! Reports of messages, for moderators.
//!
//! Invariant: a message that the caller never saw and one that does not exist are the same 404; the author learns of no
//! report.

use axum::extract::State;
use contract::AccountId;
use contract::social::talk::{ReportReason, ReportState};
use http::StatusCode;
use http_server::auth::Member;
use http_server::{Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::commands;
use crate::error::Error;
use crate::model::NewReport;
use crate::state::Chat;

/// A report of a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMessageReport, example = json!({"reason": "spam", "text": "The same to all of the choir."}))]
pub(super) struct ReportBody {
    /// Why.
    reason: ReportReason,
    /// What the caller says about it, at most 1,000 characters. The reason `other` needs it.
    #[serde(default)]
    #[schema(max_length = 1000)]
    text: String,
}

/// A report that was sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentMessageReport, example = json!({"id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b74", "state": "open"}))]
pub(super) struct ReportView {
    /// Its id.
    id: Uuid,
    /// How far it is.
    state: ReportState,
}

/// Reports a message.
///
/// Moderators read it, with a copy of what the message is now. Its author does not learn who has reported it. A member
/// reports a message once. What the caller has deleted for themselves, declined or left can be reported still.
#[utoipa::path(
    post,
    path = "/v1/messages/{id}/reports",
    operation_id = "report_message",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The message's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b72"),
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day makes no second report",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    request_body = ReportBody,
    responses(
        (
            status = 201,
            description = "The report",
            body = ReportView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "chat.invalid_report",
            "chat.not_found",
            "chat.reported_already",
            "chat.too_often",
            "request.bad_idempotency_key",
            "request.done_before",
            "request.idempotency_key_reused",
            "request.in_progress",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn report(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(body): Json<ReportBody>,
) -> Result<(StatusCode, Json<ReportView>), Error> {
    let new = NewReport::parse(body.reason, &body.text).map_err(Error::InvalidReport)?;
    let id = commands::report_message(&chat, AccountId(member.id()), id, new).await?;
    Ok((StatusCode::CREATED, Json(ReportView { id, state: ReportState::Open })))
}
