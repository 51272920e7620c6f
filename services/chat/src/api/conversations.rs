//! `/v1/conversations`: beginning, listing, showing, changing and leaving conversations.
//!
//! Invariant: a conversation that the caller may not read and one that does not exist are the same 404.

use axum::extract::State;
use axum::response::IntoResponse;
use contract::{AccountId, MediaId};
use http::{StatusCode, header};
use http_server::auth::Member;
use http_server::{Effect, Json, List, Page, Path, Query};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::author;
use super::conversation_views::{ConversationView, conversation_view};
use crate::commands::{self, GroupChange, PictureChange};
use crate::error::Error;
use crate::model::{GroupName, InboxCursor, InvalidText, MemberState};
use crate::queries;
use crate::state::Chat;

/// A new conversation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"members": ["bob", "carol"], "name": "Choir"}))]
pub(super) struct NewConversation {
    /// The handles or ids of 1 to 49 others. With one, and without a name, it is the conversation of the two.
    #[schema(min_items = 1, max_items = 49)]
    members: Vec<String>,
    /// The name of a group: one line of 1 to 80 characters.
    #[schema(min_length = 1, max_length = 80)]
    name: Option<String>,
}

/// A change of a group. What is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Chamber choir", "picture": "5kT0vYq8Zb3mXw1RcHs9Ga"}))]
pub(super) struct GroupChangeBody {
    /// The new name.
    #[schema(min_length = 1, max_length = 80)]
    name: Option<String>,
    /// The id of a photo of the caller's library; empty for none.
    #[schema(max_length = 22)]
    picture: Option<String>,
}

impl GroupChangeBody {
    fn parse(self) -> Result<GroupChange, InvalidText> {
        let name = self.name.as_deref().map(GroupName::parse).transpose()?;
        let picture = match self.picture.as_deref() {
            None => PictureChange::Unchanged,
            Some("") => PictureChange::Removed,
            Some(id) => {
                let id: MediaId = id.parse().map_err(|_| InvalidText("`picture` is the id of a photo, or empty."))?;
                PictureChange::Set(id)
            }
        };
        Ok(GroupChange { name, picture })
    }
}

/// A box of conversations.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConversationBox, example = "inbox")]
pub(super) enum BoxName {
    /// Those that the caller takes part in.
    #[default]
    Inbox,
    /// Those that wait for the caller's answer.
    Requests,
}

/// The parameters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BoxParams {
    /// The box; `inbox` by default.
    #[serde(rename = "box")]
    #[param(inline, example = "inbox")]
    name: Option<BoxName>,
    /// How many conversations, 1–100; 50 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    after: Option<String>,
}

/// Returns a conversation with what the caller may do.
pub(super) async fn whole(chat: &Chat, account: AccountId, id: Uuid) -> Result<ConversationView, Error> {
    let seen = queries::conversations::get(chat, account, id).await?;
    let can = queries::conversations::permissions(chat, &seen).await?;
    let contexts = queries::conversations::shared_contexts(chat, account, std::slice::from_ref(&seen)).await?;
    let context = seen.reader.inviter.and_then(|inviter| contexts.get(&inviter).copied());
    Ok(conversation_view(chat, seen, Some(can), context))
}

/// Begins a conversation.
///
/// That of two is the same one each time, and nothing of it reaches the other member before a message does; `can` says
/// where the first message would go. In a group, people who don't follow the caller take part when they accept.
#[utoipa::path(
    post,
    path = "/v1/conversations",
    operation_id = "create_conversation",
    tag = "chat",
    security(("token" = [])),
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day returns the conversation that the first one began",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    request_body = NewConversation,
    responses(
        (
            status = 201,
            description = "The conversation",
            body = ConversationView,
            headers(
                ("Location" = String, description = "The URL of the conversation"),
            ),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "chat.account_limited",
            "chat.blocked",
            "chat.invalid_members",
            "chat.invalid_text",
            "chat.no_such_person",
            "chat.refused",
            "chat.slow_down",
            "request.bad_idempotency_key",
            "request.done_before",
            "request.idempotency_key_reused",
            "request.in_progress",
            "request.invalid",
            "request.result_removed",
        ])),
    ),
)]
pub(super) async fn create(
    State(chat): State<Chat>,
    member: Member,
    effect: Effect,
    Json(body): Json<NewConversation>,
) -> Result<impl IntoResponse, Error> {
    let name = body.name.as_deref().map(GroupName::parse).transpose()?;
    let id = commands::create_conversation(&chat, author(&member), &body.members, name, effect).await?;
    let view = whole(&chat, AccountId(member.id()), id).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("/v1/conversations/{id}"))], Json(view)))
}

/// Lists the caller's conversations, those with the newest messages first.
///
/// Continue with the `next` of a page as `after`. A conversation is listed from its first message on. In the box of
/// requests, nothing that the caller reads is told to anybody, and no media are shown.
#[utoipa::path(
    get,
    path = "/v1/conversations",
    operation_id = "list_conversations",
    tag = "chat",
    security(("token" = [])),
    params(
        BoxParams,
    ),
    responses(
        (
            status = 200,
            description = "A page of conversations",
            body = List<ConversationView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["request.invalid"])),
    ),
)]
pub(super) async fn list(
    State(chat): State<Chat>,
    member: Member,
    Query(params): Query<BoxParams>,
) -> Result<Json<List<ConversationView>>, Error> {
    let state = match params.name.unwrap_or_default() {
        BoxName::Inbox => MemberState::Joined,
        BoxName::Requests => MemberState::Requested,
    };
    let account = AccountId(member.id());
    let after = params.after.as_deref().map(|text| InboxCursor::parse(text).ok_or(Error::BadCursor)).transpose()?;
    let size = Page { limit: params.limit, after: None }.size();
    let before = after.unwrap_or(InboxCursor::START);
    let (seen, next) = queries::conversations::list_box(&chat, account, state, before, size).await?;
    let contexts = queries::conversations::shared_contexts(&chat, account, &seen).await?;
    let view = |seen: queries::conversations::SeenConversation| {
        let context = seen.reader.inviter.and_then(|inviter| contexts.get(&inviter).copied());
        conversation_view(&chat, seen, None, context)
    };
    Ok(Json(List { items: seen.into_iter().map(view).collect(), next }))
}

/// Returns a conversation.
///
/// Who has left a group still reads what there was until then.
#[utoipa::path(
    get,
    path = "/v1/conversations/{id}",
    operation_id = "show_conversation",
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
pub(super) async fn show(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<Json<ConversationView>, Error> {
    Ok(Json(whole(&chat, AccountId(member.id()), id).await?))
}

/// Changes the name or the picture of a group.
///
/// For its admins.
#[utoipa::path(
    patch,
    path = "/v1/conversations/{id}",
    operation_id = "change_conversation",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
    ),
    request_body = GroupChangeBody,
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
            "chat.invalid_text",
            "chat.no_such_media",
            "chat.not_a_group",
            "chat.not_a_member",
            "chat.not_accepted",
            "chat.not_admin",
            "chat.not_found",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn change(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(body): Json<GroupChangeBody>,
) -> Result<Json<ConversationView>, Error> {
    let account = AccountId(member.id());
    commands::change_group(&chat, account, id, body.parse()?).await?;
    Ok(Json(whole(&chat, account, id).await?))
}

/// Deletes a conversation of two for the caller, leaves a group, or declines a request.
///
/// The other member of two learns nothing of it; the conversation comes back with the next message. In a group that is
/// left without an admin, the member who has been there for longest becomes one.
#[utoipa::path(
    delete,
    path = "/v1/conversations/{id}",
    operation_id = "leave_conversation",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
    ),
    responses(
        (
            status = 204,
            description = "Done",
        ),
    ),
    extensions(
        ("x-codes" = json!(["chat.not_found"])),
    ),
)]
pub(super) async fn leave(State(chat): State<Chat>, member: Member, Path(id): Path<Uuid>) -> Result<StatusCode, Error> {
    commands::leave(&chat, AccountId(member.id()), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
