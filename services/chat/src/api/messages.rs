//! Messages: sending, the history, and what is done with one.
//!
//! Invariant: a message that the caller does not see and one that does not exist are the same 404.

use axum::extract::State;
use contract::{AccountId, MediaId};
use http::StatusCode;
use http_server::auth::Member;
use http_server::{Json, List, Page, Path, Query};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::author;
use super::views::{MessageView, SentView, message_view};
use crate::commands::{self, For, NewMessage};
use crate::error::Error;
use crate::model::{ClientId, InvalidText, MAX_MEDIA, MessageText, parse_seq};
use crate::queries;
use crate::queries::messages::Place;
use crate::state::Chat;

/// A new message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "client_id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b80",
    "text": "Shall we sing it a tone lower?",
    "media": ["5kT0vYq8Zb3mXw1RcHs9Ga"],
    "reply_to": null,
}))]
pub(super) struct NewMessageBody {
    /// An id that the client draws: a message that is sent again under it is stored once.
    #[schema(min_length = 1, max_length = 64)]
    pub(super) client_id: String,
    /// At most 4,000 characters. It may be empty where there are media.
    #[serde(default)]
    #[schema(max_length = 4000)]
    pub(super) text: String,
    /// The ids of up to 10 items of the caller's library: photos, voice notes, videos.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub(super) media: Vec<MediaId>,
    /// A message of the conversation that this one replies to.
    pub(super) reply_to: Option<Uuid>,
}

impl NewMessageBody {
    /// Checks the message.
    pub(super) fn parse(self) -> Result<NewMessage, InvalidText> {
        if self.media.len() > MAX_MEDIA {
            return Err(InvalidText("A message has at most 10 media."));
        }
        let text = MessageText::parse(&self.text, !self.media.is_empty())?;
        let client_id = ClientId::parse(&self.client_id)?;
        Ok(NewMessage { client_id, text, media: self.media, reply_to: self.reply_to })
    }
}

/// A changed text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "Shall we sing it two tones lower?"}))]
pub(super) struct EditBody {
    /// The new text, with the rules of a new message.
    #[schema(max_length = 4000)]
    text: String,
}

/// The parameters of the history.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryParams {
    /// How many messages, 1–100; 50 by default.
    limit: Option<u16>,
    /// Messages above this place, the oldest first.
    #[param(example = "18")]
    after: Option<String>,
    /// Messages below this place, the newest first.
    #[param(example = "18")]
    before: Option<String>,
}

impl HistoryParams {
    fn place(&self) -> Result<Place, Error> {
        let parse = |text: &str| parse_seq(text).ok_or(Error::BadCursor);
        match (self.after.as_deref(), self.before.as_deref()) {
            (Some(after), None) => Ok(Place::After(parse(after)?)),
            (None, Some(before)) => Ok(Place::Before(parse(before)?)),
            (None, None) => Ok(Place::Before(i64::MAX)),
            (Some(_), Some(_)) => Err(Error::BadCursor),
        }
    }
}

/// For whom a message is deleted.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeletedFor, example = "me")]
pub(super) enum ForName {
    /// The caller alone.
    #[default]
    Me,
    /// All members.
    All,
}

/// The parameter of a deletion.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RemovalParams {
    /// For whom; `me` by default.
    #[serde(rename = "for")]
    #[param(inline, example = "me")]
    whom: Option<ForName>,
}

/// Sends a message.
///
/// It has a verdict before anything of it is stored. One that is refused is a 403 with the `reason`, and one that comes
/// too early a 429 with the time; both store nothing for others. A message that is sent again with its `client_id`
/// returns what became of the first.
#[utoipa::path(
    post,
    path = "/v1/conversations/{id}/messages",
    operation_id = "send_message",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day returns the message that the first one sent",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    request_body = NewMessageBody,
    responses(
        (
            status = 201,
            description = "The message",
            body = SentView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "chat.account_limited",
            "chat.blocked",
            "chat.invalid_text",
            "chat.no_such_media",
            "chat.no_such_person",
            "chat.not_a_member",
            "chat.not_accepted",
            "chat.not_found",
            "chat.refused",
            "chat.slow_down",
            "request.bad_idempotency_key",
            "request.done_before",
            "request.idempotency_key_reused",
            "request.in_progress",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn send(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(body): Json<NewMessageBody>,
) -> Result<(StatusCode, Json<SentView>), Error> {
    let sent = commands::send_message(&chat, author(&member), id, body.parse()?).await?;
    Ok((StatusCode::CREATED, Json(sent.into())))
}

/// Lists the messages of a conversation.
///
/// The newest first, or upwards from a place with `after`. Continue with the `next` of a page as the parameter that it
/// was read with; without either, as `before`.
#[utoipa::path(
    get,
    path = "/v1/conversations/{id}/messages",
    operation_id = "list_messages",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The conversation's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70"),
        HistoryParams,
    ),
    responses(
        (
            status = 200,
            description = "A page of messages",
            body = List<MessageView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["chat.not_found", "request.invalid"])),
    ),
)]
pub(super) async fn list(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
    Query(params): Query<HistoryParams>,
) -> Result<Json<List<MessageView>>, Error> {
    let place = params.place()?;
    let size = Page { limit: params.limit, after: None }.size();
    let reader = queries::messages::reader(&chat, AccountId(member.id()), id).await?;
    let mut seen = queries::messages::history(&chat, &reader, place, size + 1).await?;
    let has_more = seen.len() > size;
    seen.truncate(size);
    let next = seen.last().filter(|_| has_more).map(|last| last.message.seq.to_string());
    Ok(Json(List { items: seen.into_iter().map(|seen| message_view(&chat, seen)).collect(), next }))
}

/// Returns a message.
///
/// One that the caller does not see is a 404, like one that does not exist.
#[utoipa::path(
    get,
    path = "/v1/messages/{id}",
    operation_id = "show_message",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The message's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b72"),
    ),
    responses(
        (
            status = 200,
            description = "The message",
            body = MessageView,
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
) -> Result<Json<MessageView>, Error> {
    let seen = queries::messages::get(&chat, AccountId(member.id()), id).await?;
    Ok(Json(message_view(&chat, seen)))
}

/// Changes the text of a message of the caller's.
///
/// For 15 minutes after it was sent. The message is marked as edited, and the new text has a verdict of its own.
#[utoipa::path(
    patch,
    path = "/v1/messages/{id}",
    operation_id = "edit_message",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The message's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b72"),
    ),
    request_body = EditBody,
    responses(
        (
            status = 200,
            description = "The message",
            body = MessageView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "chat.account_limited",
            "chat.blocked",
            "chat.invalid_text",
            "chat.not_a_member",
            "chat.not_accepted",
            "chat.not_author",
            "chat.not_found",
            "chat.refused",
            "chat.slow_down",
            "chat.too_late",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn edit(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(body): Json<EditBody>,
) -> Result<Json<MessageView>, Error> {
    commands::edit_message(&chat, author(&member), id, &body.text).await?;
    let seen = queries::messages::get(&chat, AccountId(member.id()), id).await?;
    Ok(Json(message_view(&chat, seen)))
}

/// Deletes a message, for the caller or for all.
///
/// Only its author deletes it for all: its words, media and reactions are gone then, and its place says so.
#[utoipa::path(
    delete,
    path = "/v1/messages/{id}",
    operation_id = "delete_message",
    tag = "chat",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The message's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b72"),
        RemovalParams,
    ),
    responses(
        (
            status = 204,
            description = "Deleted",
        ),
    ),
    extensions(
        ("x-codes" = json!(["chat.not_author", "chat.not_found", "request.invalid"])),
    ),
)]
pub(super) async fn remove(
    State(chat): State<Chat>,
    member: Member,
    Path(id): Path<Uuid>,
    Query(params): Query<RemovalParams>,
) -> Result<StatusCode, Error> {
    let whom = match params.whom.unwrap_or_default() {
        ForName::Me => For::Me,
        ForName::All => For::All,
    };
    commands::remove_message(&chat, AccountId(member.id()), id, whom).await?;
    Ok(StatusCode::NO_CONTENT)
}
