//! Groups: who takes part, who looks after them, and links by which people join.
//!
//! Invariant: all but joining is for admins.

use axum::extract::State;
use contract::AccountId;
use http::StatusCode;
use http_server::auth::Member;
use http_server::{Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::author;
use super::conversation_views::ConversationView;
use super::conversations::whole;
use crate::commands;
use crate::error::Error;
use crate::model::InviteToken;
use crate::state::Chat;

/// People who are brought into a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"members": ["dora"]}))]
pub(super) struct NewMembers {
    /// Their handles or ids.
    #[schema(min_items = 1, max_items = 49)]
    members: Vec<String>,
}

/// A link by which people join a group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"token": "5kT0vYq8Zb3mXw1RcHs9Ga"}))]
pub(super) struct InviteLink {
    /// The token: `POST /v1/chat/invites/{token}` joins. It is shown this once.
    token: String,
}

/// Brings people into a group.
///
/// Those who follow the caller take part at once, the others when they accept. Who has declined is not asked again.
#[utoipa::path(
    post,
    path = "/v1/conversations/{id}/members",
    operation_id = "add_conversation_members",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
    ),
    request_body = NewMembers,
    responses(
        (
            status = 200,
            description = "The conversation",
            body = ConversationView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "chat.account_limited",
            "chat.blocked",
            "chat.group_full",
            "chat.invalid_members",
            "chat.no_such_person",
            "chat.not_a_group",
            "chat.not_a_member",
            "chat.not_accepted",
            "chat.not_admin",
            "chat.not_found",
            "chat.refused",
            "chat.slow_down",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn add(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(body): Json<NewMembers>,
) -> Result<Json<ConversationView>, Error> {
    commands::add_members(&chat, author(&member), id, &body.members).await?;
    Ok(Json(whole(&chat, AccountId(member.id()), id).await?))
}

/// Takes a member out of a group.
///
/// They read what there was until then, and nothing newer.
#[utoipa::path(
    delete,
    path = "/v1/conversations/{id}/members/{account}",
    operation_id = "remove_conversation_member",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
        (
            "account" = Uuid,
            Path,
            description = "The id of the member's account",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11",
        ),
    ),
    responses(
        (
            status = 204,
            description = "Removed",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "chat.not_a_group",
            "chat.not_a_member",
            "chat.not_accepted",
            "chat.not_admin",
            "chat.not_found",
        ])),
    ),
)]
pub(super) async fn remove(
    State(chat): State<Chat>,
    member: Member,
    Path((id, account)): Path<(Uuid, Uuid)>,
) -> Result<StatusCode, Error> {
    commands::remove_member(&chat, AccountId(member.id()), id, AccountId(account)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a member an admin of a group.
///
/// Nothing changes if they are one.
#[utoipa::path(
    put,
    path = "/v1/conversations/{id}/admins/{account}",
    operation_id = "add_conversation_admin",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
        (
            "account" = Uuid,
            Path,
            description = "The id of the member's account",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11",
        ),
    ),
    responses(
        (
            status = 204,
            description = "Set",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "chat.not_a_group",
            "chat.not_a_member",
            "chat.not_accepted",
            "chat.not_admin",
            "chat.not_found",
        ])),
    ),
)]
pub(super) async fn add_admin(
    State(chat): State<Chat>,
    member: Member,
    Path((id, account)): Path<(Uuid, Uuid)>,
) -> Result<StatusCode, Error> {
    commands::set_admin(&chat, AccountId(member.id()), id, AccountId(account), true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends that a member is an admin of a group.
///
/// The last one stays.
#[utoipa::path(
    delete,
    path = "/v1/conversations/{id}/admins/{account}",
    operation_id = "remove_conversation_admin",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
        (
            "account" = Uuid,
            Path,
            description = "The id of the member's account",
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11",
        ),
    ),
    responses(
        (
            status = 204,
            description = "Ended, or they are the last one",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "chat.not_a_group",
            "chat.not_a_member",
            "chat.not_accepted",
            "chat.not_admin",
            "chat.not_found",
        ])),
    ),
)]
pub(super) async fn remove_admin(
    State(chat): State<Chat>,
    member: Member,
    Path((id, account)): Path<(Uuid, Uuid)>,
) -> Result<StatusCode, Error> {
    commands::set_admin(&chat, AccountId(member.id()), id, AccountId(account), false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a new link by which people join a group.
///
/// The one from before opens nothing any more.
#[utoipa::path(
    put,
    path = "/v1/conversations/{id}/invite",
    operation_id = "renew_conversation_invite",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
    ),
    responses(
        (
            status = 200,
            description = "The link",
            body = InviteLink,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "chat.not_a_group",
            "chat.not_a_member",
            "chat.not_accepted",
            "chat.not_admin",
            "chat.not_found",
        ])),
    ),
)]
pub(super) async fn renew_invite(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<Json<InviteLink>, Error> {
    let token = commands::renew_invite(&chat, AccountId(member.id()), id).await?;
    Ok(Json(InviteLink { token: token.as_str().to_owned() }))
}

/// Removes the link of a group.
///
/// Nothing changes if there is none.
#[utoipa::path(
    delete,
    path = "/v1/conversations/{id}/invite",
    operation_id = "remove_conversation_invite",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
    ),
    responses(
        (
            status = 204,
            description = "Removed",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "chat.not_a_group",
            "chat.not_a_member",
            "chat.not_accepted",
            "chat.not_admin",
            "chat.not_found",
        ])),
    ),
)]
pub(super) async fn remove_invite(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    commands::remove_invite(&chat, AccountId(member.id()), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Joins the group of a link.
///
/// The caller sees what comes from then on. Nothing changes if they take part. Who was taken out by an admin comes back
/// by an invitation only.
#[utoipa::path(
    post,
    path = "/v1/chat/invites/{token}",
    operation_id = "join_conversation",
    tag = "chat",
    security(("token" = [])),
    params(
        (
            "token" = String,
            Path,
            description = "The token of the link",
            max_length = 64,
            example = "5kT0vYq8Zb3mXw1RcHs9Ga",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The conversation",
            body = ConversationView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "chat.group_full",
            "chat.no_such_invite",
            "chat.no_such_person",
            "chat.not_a_member",
            "chat.not_found",
        ])),
    ),
)]
pub(super) async fn join(
    State(chat): State<Chat>,
    member: Member,
    Path(token): Path<String>,
) -> Result<Json<ConversationView>, Error> {
    let account = AccountId(member.id());
    let id = commands::join_by_invite(&chat, account, &InviteToken::new(token)).await?;
    Ok(Json(whole(&chat, account, id).await?))
}
