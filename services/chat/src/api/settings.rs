//! What a member wants of messages.
//!
//! Invariant: every operation is about the caller alone.

use axum::extract::State;
use contract::AccountId;
use http_server::Json;
use http_server::auth::Member;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::commands::{self, NewSettings};
use crate::error::Error;
use crate::model::{PresenceAudience, Settings};
use crate::state::Chat;
use crate::store::settings;

/// What a member wants of messages.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = ChatSettings, example = json!({"allow_strangers": true, "send_receipts": true, "presence": "everyone"}))]
pub(super) struct SettingsView {
    /// Whether people whom the member does not follow may write, into the box of requests. They are told beforehand.
    allow_strangers: bool,
    /// Whether others are told what the member has read and received.
    send_receipts: bool,
    /// Who sees whether the member is online, of those with whom the member shares a conversation. It is mutual: who is
    /// not shown to the other does not see the other.
    presence: PresenceAudience,
}

impl From<Settings> for SettingsView {
    fn from(settings: Settings) -> Self {
        let Settings { allows_strangers, sends_receipts, presence } = settings;
        Self { allow_strangers: allows_strangers, send_receipts: sends_receipts, presence }
    }
}

/// What a member wants of messages from now on.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChatSettings, example = json!({"allow_strangers": true, "send_receipts": true, "presence": "nobody"}))]
pub(super) struct NewSettingsBody {
    /// Whether people whom the member does not follow may write, into the box of requests.
    allow_strangers: bool,
    /// Whether others are told what the member has read and received.
    send_receipts: bool,
    /// Who sees whether the member is online; those who see it now if it is absent.
    presence: Option<PresenceAudience>,
}

/// Returns what the caller wants of messages.
///
/// Who has set nothing receives requests, sends receipts, and is seen online by those with whom they share a
/// conversation.
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
            body = SettingsView,
        ),
    ),
)]
pub(super) async fn show(State(chat): State<Chat>, member: Member) -> Result<Json<SettingsView>, Error> {
    let found = settings::find(chat.context.db.read(), AccountId(member.id())).await?;
    Ok(Json(found.into()))
}

/// Sets what the caller wants of messages.
///
/// It counts for the next message that is sent. Others are told at once that the caller's presence is hidden, or shown.
#[utoipa::path(
    put,
    path = "/v1/chat/settings",
    operation_id = "set_chat_settings",
    tag = "chat",
    security(("token" = [])),
    request_body = NewSettingsBody,
    responses(
        (
            status = 200,
            description = "The settings",
            body = SettingsView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["request.invalid"])),
    ),
)]
pub(super) async fn set(
    State(chat): State<Chat>,
    member: Member,
    Json(body): Json<NewSettingsBody>,
) -> Result<Json<SettingsView>, Error> {
    let NewSettingsBody { allow_strangers, send_receipts, presence } = body;
    let new = NewSettings { allows_strangers: allow_strangers, sends_receipts: send_receipts, presence };
    Ok(Json(commands::set_settings(&chat, AccountId(member.id()), new).await?.into()))
}
