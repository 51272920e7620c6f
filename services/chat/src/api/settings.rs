//! What a member wants of messages.
//!
//! Invariant: every operation is about the caller alone.

use axum::extract::State;
use contract::AccountId;
use http_server::Json;
use http_server::auth::Member;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::commands;
use crate::error::Error;
use crate::model::Settings;
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
