//! Reactions to messages.
//!
//! Invariant: each operation can be repeated.

use axum::extract::State;
use contract::AccountId;
use http::StatusCode;
use http_server::auth::Member;
use http_server::{Json, Path};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::commands;
use crate::error::Error;
use crate::model::Reaction;
use crate::state::Chat;

/// A reaction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMessageReaction, example = json!({"reaction": "❤️"}))]
pub(super) struct ReactionBody {
    /// One emoji, or a short word.
    #[schema(min_length = 1, max_length = 48)]
    reaction: String,
}

/// Reacts to a message.
///
/// A member has one reaction to a message: another one takes its place.
#[utoipa::path(
    put,
    path = "/v1/messages/{id}/reaction",
    operation_id = "react_to_message",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The message's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b72"),
    ),
    request_body = ReactionBody,
    responses(
        (
            status = 204,
            description = "Set",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "chat.account_limited",
            "chat.blocked",
            "chat.invalid_text",
            "chat.not_a_member",
            "chat.not_accepted",
            "chat.not_found",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn react(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(body): Json<ReactionBody>,
) -> Result<StatusCode, Error> {
    let reaction = Reaction::parse(&body.reaction)?;
    commands::react(&chat, AccountId(member.id()), id, Some(reaction)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the caller's reaction to a message back.
///
/// Nothing changes if there is none.
#[utoipa::path(
    delete,
    path = "/v1/messages/{id}/reaction",
    operation_id = "unreact_to_message",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The message's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b72"),
    ),
    responses(
        (
            status = 204,
            description = "Removed",
        ),
    ),
    extensions(
        ("x-codes" = json!(["chat.not_a_member", "chat.not_accepted", "chat.not_found"])),
    ),
)]
pub(super) async fn unreact(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    commands::react(&chat, AccountId(member.id()), id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
