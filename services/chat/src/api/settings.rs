//! What a member wants of messages, and appeals against verdicts.
//!
//! Invariant: every operation is about the caller alone.

use axum::extract::State;
use chrono::{DateTime, Utc};
use contract::AccountId;
use http::StatusCode;
use http_server::Json;
use http_server::auth::Member;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::commands;
use crate::error::Error;
use crate::model::{AppealText, Settings};
use crate::state::Chat;
use crate::store::settings;

/// What a member wants of messages.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatSettings, example = json!({"allow_strangers": true, "send_receipts": true}))]
pub(super) struct SettingsBody {
    /// Whether people whom the member does not follow may write, into the box of requests. They are told beforehand.
    allow_strangers: bool,
    /// Whether others are told what the member has read and received.
    send_receipts: bool,
}

/// An appeal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "verdict": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b71",
    "text": "These are invitations to our wedding.",
}))]
pub(super) struct NewAppeal {
    /// The id of the verdict.
    verdict: Uuid,
    /// Why it is wrong, in 1 to 2,000 characters.
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
}

/// An appeal that waits for a decision.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Appeal, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b73",
    "verdict": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b71",
    "text": "These are invitations to our wedding.",
    "created_at": "2026-05-04T18:30:00Z",
}))]
pub(super) struct AppealView {
    /// Its id.
    id: Uuid,
    /// The id of the verdict.
    verdict: Uuid,
    /// What was written.
    text: String,
    /// When.
    created_at: DateTime<Utc>,
}

/// Returns what the caller wants of messages.
///
/// Who has set nothing receives requests and sends receipts.
#[utoipa::path(
    get,
    path = "/v1/chat/settings",
    operation_id = "show_chat_settings",
    tag = "chat",
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The settings",
            body = SettingsBody,
        ),
    ),
)]
pub(super) async fn show(State(chat): State<Chat>, member: Member) -> Result<Json<SettingsBody>, Error> {
    let found = settings::find(chat.context.db.read(), AccountId(member.id())).await?;
    Ok(Json(SettingsBody { allow_strangers: found.allows_strangers, send_receipts: found.sends_receipts }))
}

/// Sets what the caller wants of messages.
///
/// It counts for the next message that is sent.
#[utoipa::path(
    put,
    path = "/v1/chat/settings",
    operation_id = "set_chat_settings",
    tag = "chat",
    security(("token" = [])),
    request_body = SettingsBody,
    responses(
        (
            status = 200,
            description = "The settings",
            body = SettingsBody,
        ),
    ),
    extensions(
        ("x-codes" = json!(["request.invalid"])),
    ),
)]
pub(super) async fn set(
    State(chat): State<Chat>,
    member: Member,
    Json(body): Json<SettingsBody>,
) -> Result<Json<SettingsBody>, Error> {
    let wanted = Settings { allows_strangers: body.allow_strangers, sends_receipts: body.send_receipts };
    commands::set_settings(&chat, AccountId(member.id()), wanted).await?;
    Ok(Json(body))
}

/// Appeals against a verdict about what the caller has sent.
///
/// A verdict says by `can_appeal` whether it has an appeal; there is one appeal for each.
#[utoipa::path(
    post,
    path = "/v1/appeals",
    operation_id = "create_appeal",
    tag = "chat",
    security(("token" = [])),
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day returns the appeal that the first one made",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    request_body = NewAppeal,
    responses(
        (
            status = 201,
            description = "The appeal",
            body = AppealView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "chat.appealed_already",
            "chat.invalid_text",
            "chat.no_appeal",
            "chat.no_such_verdict",
            "request.bad_idempotency_key",
            "request.done_before",
            "request.idempotency_key_reused",
            "request.in_progress",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn appeal(
    State(chat): State<Chat>,
    member: Member,
    Json(body): Json<NewAppeal>,
) -> Result<(StatusCode, Json<AppealView>), Error> {
    let text = AppealText::parse(&body.text)?;
    let made = commands::appeal(&chat, AccountId(member.id()), body.verdict, text).await?;
    let view = AppealView { id: made.id, verdict: made.verdict, text: made.text, created_at: made.created_at };
    Ok((StatusCode::CREATED, Json(view)))
}
