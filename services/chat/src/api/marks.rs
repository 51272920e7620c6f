//! Answers to requests, marks, and the changes of a conversation.
//!
//! Invariant: each operation can be repeated; marks move forward only.

use axum::extract::State;
use contract::AccountId;
use http::StatusCode;
use http_server::auth::Member;
use http_server::{Json, Page, Path, Query};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::conversation_views::ConversationView;
use super::conversations::whole;
use super::views::{ChangesView, changes_view};
use crate::commands::{self, Mark};
use crate::error::Error;
use crate::live::{self, Update};
use crate::model::parse_seq;
use crate::queries;
use crate::state::Chat;

/// A place that is marked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConversationMark, example = json!({"seq": 18}))]
pub(super) struct MarkBody {
    /// Everything up to this place is marked; to the end if it is absent.
    #[schema(minimum = 0)]
    seq: Option<i64>,
}

/// The parameters of the changes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ChangesParams {
    /// The place up to which the caller has all changes; 0 for none.
    #[param(example = "18")]
    after: String,
    /// The number of the sequence that the place is of.
    #[param(example = "81236712")]
    epoch: Option<String>,
    /// How many changes, 1–100; 50 by default.
    limit: Option<u16>,
}

/// Accepts a request.
///
/// The conversation is in the inbox from then on, and the others see that the caller takes part.
#[utoipa::path(
    post,
    path = "/v1/conversations/{id}/accept",
    operation_id = "accept_conversation",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
    ),
    responses(
        (
            status = 200,
            description = "The conversation",
            body = ConversationView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["chat.not_found"])),
    ),
)]
pub(super) async fn accept(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<Json<ConversationView>, Error> {
    let account = AccountId(member.id());
    commands::accept(&chat, account, id).await?;
    Ok(Json(whole(&chat, account, id).await?))
}

/// Declines a request.
///
/// It is in no box any more. Who has asked learns nothing of it.
#[utoipa::path(
    post,
    path = "/v1/conversations/{id}/decline",
    operation_id = "decline_conversation",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
    ),
    responses(
        (
            status = 204,
            description = "Declined",
        ),
    ),
    extensions(
        ("x-codes" = json!(["chat.not_found"])),
    ),
)]
pub(super) async fn decline(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    commands::decline(&chat, AccountId(member.id()), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Marks a conversation as read up to a place.
///
/// The others are told, unless the caller's settings say otherwise, or the conversation is a request.
#[utoipa::path(
    post,
    path = "/v1/conversations/{id}/read",
    operation_id = "read_conversation",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
    ),
    request_body = MarkBody,
    responses(
        (
            status = 204,
            description = "Marked",
        ),
    ),
    extensions(
        ("x-codes" = json!(["chat.not_found", "request.invalid"])),
    ),
)]
pub(super) async fn read(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(body): Json<MarkBody>,
) -> Result<StatusCode, Error> {
    commands::mark(&chat, AccountId(member.id()), id, Mark::Read, body.seq).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Marks a conversation as delivered to a device of the caller's up to a place.
///
/// The others are told as with `read`.
#[utoipa::path(
    post,
    path = "/v1/conversations/{id}/delivered",
    operation_id = "confirm_conversation_delivery",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
    ),
    request_body = MarkBody,
    responses(
        (
            status = 204,
            description = "Marked",
        ),
    ),
    extensions(
        ("x-codes" = json!(["chat.not_found", "request.invalid"])),
    ),
)]
pub(super) async fn delivered(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(body): Json<MarkBody>,
) -> Result<StatusCode, Error> {
    commands::mark(&chat, AccountId(member.id()), id, Mark::Delivered, body.seq).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tells the others that the caller is typing.
///
/// It is stored nowhere: those who follow the stream get the event `typing`. Send it again every few seconds. As with
/// marks, they are not told if the caller's settings say so, or if it is a request.
#[utoipa::path(
    post,
    path = "/v1/conversations/{id}/typing",
    operation_id = "show_typing",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
    ),
    responses(
        (
            status = 204,
            description = "Told",
        ),
    ),
    extensions(
        ("x-codes" = json!(["chat.not_found"])),
    ),
)]
pub(super) async fn typing(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    tell_typing(&chat, AccountId(member.id()), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tells those who may know it that a member is typing.
pub(super) async fn tell_typing(chat: &Chat, account: AccountId, id: Uuid) -> Result<(), Error> {
    let listeners = queries::conversations::list_listeners(chat, account, id).await?;
    live::publish_update(&chat.context.bus, Update::Typing { conversation: id, member: account }, &listeners);
    Ok(())
}

/// Returns the changes of a conversation after a place.
///
/// There is one for each place, without a gap: `none` stands for what the caller does not see. Each is shown as what
/// there is now. A place of another `epoch`, or beyond the end, is a 410: read the conversation again.
#[utoipa::path(
    get,
    path = "/v1/conversations/{id}/changes",
    operation_id = "list_conversation_changes",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
        ChangesParams,
    ),
    responses(
        (
            status = 200,
            description = "The changes",
            body = ChangesView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["chat.changes_reset", "chat.not_found", "request.invalid"])),
    ),
)]
pub(super) async fn changes(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
    Query(params): Query<ChangesParams>,
) -> Result<Json<ChangesView>, Error> {
    let parse = |text: &str| parse_seq(text).ok_or(Error::BadCursor);
    let (after, epoch) = (parse(&params.after)?, params.epoch.as_deref().map(parse).transpose()?);
    let size = Page { limit: params.limit, after: None }.size();
    let page = queries::changes::list(&chat, AccountId(member.id()), id, after, epoch, size).await?;
    Ok(Json(changes_view(&chat, page)))
}
