//! `/v1/posts/{id}/comments` and `/v1/comments/{id}`: what members say about a post.
//!
//! Invariant: a comment that the reader may not see and one that does not exist are the same 404.

use axum::extract::State;
use axum::response::IntoResponse;
use contract::social::talk_views::CommentView;
use http::{StatusCode, header};
use http_server::auth::Member;
use http_server::{Effect, Json, List, Page, Path, Query};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::reader_of;
use crate::commands::{self, NewComment};
use crate::error::Error;
use crate::known_people::{caller, reader, sender};
use crate::model::{Comment, CommentText, Position, parse_cursor};
use crate::queries;
use crate::queries::comments::CommentSelection;
use crate::state::Social;

/// A new comment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "What a voice!"}))]
pub(super) struct NewCommentBody {
    /// At most 2,000 characters, with up to 10 people who are mentioned as `@handle`.
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
    /// The comment that it answers. An answer to an answer stands under the same comment.
    answers: Option<Uuid>,
}

/// The token of a post's link, where a post has the audience `link`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LinkParams {
    /// The token of the post's link, if it has the audience `link`.
    #[param(example = "5kT0vYq8Zb3mXw1RcHs9Ga")]
    pub(super) link: Option<String>,
}

/// Parameters of a list of comments.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CommentsParams {
    /// How many items, 1–100; 50 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    after: Option<String>,
    /// Lists the answers to this comment.
    #[param(example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b61")]
    answers: Option<Uuid>,
    /// The token of the post's link, if it has the audience `link`.
    #[param(example = "5kT0vYq8Zb3mXw1RcHs9Ga")]
    link: Option<String>,
}

/// Returns the position behind which a page begins.
fn position(after: Option<&str>) -> Result<Option<Position>, Error> {
    after.map(|text| parse_cursor(text).map(Position).ok_or(Error::BadCursor)).transpose()
}

/// Lists the comments on a post, the newest first; with `answers`, the answers to one of them, the oldest first.
///
/// Continue with the `next` of a page as `after`. People who are not shown to the reader are left out. What waits for
/// approval is shown to its author and to the author of the post.
#[utoipa::path(
    get,
    path = "/v1/posts/{id}/comments",
    operation_id = "list_comments",
    tag = "posts",
    security((), ("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The post's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        CommentsParams,
    ),
    responses(
        (
            status = 200,
            description = "A page of comments",
            body = List<CommentView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_comment",
            "social.not_found",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn list(
    State(social): State<Social>,
    member: Option<Member>,
    Path(id): Path<Uuid>,
    Query(params): Query<CommentsParams>,
) -> Result<Json<List<CommentView>>, Error> {
    let reader = reader(&social, reader_of(member)).await?;
    let selection = CommentSelection { post: id, token: params.link.as_deref(), answers: params.answers };
    let size = Page { limit: params.limit, after: None }.size();
    let after = position(params.after.as_deref())?;
    let (items, next) = queries::comments::list(&social, reader, selection, after, size).await?;
    Ok(Json(List { items, next }))
}

/// Writes a comment.
///
/// Its `state` is `pending` if the author of the post approves comments first, by the post's policy or by their
/// settings. Then only they and its author see it until they approve it. It is `pending` with a `verdict`, too, if a
/// moderator reads it first: only its author sees it then, and can appeal against the verdict.
///
/// 429 says that it comes too early, 403 `social.refused` that it is not taken; both have a `reason` that clients show,
/// and the second the `verdict` that an appeal names.
#[utoipa::path(
    post,
    path = "/v1/posts/{id}/comments",
    operation_id = "create_comment",
    tag = "posts",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The post's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        LinkParams,
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day returns the comment that the first one wrote",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    request_body = NewCommentBody,
    responses(
        (
            status = 201,
            description = "The comment",
            body = CommentView,
            headers(
                ("Location" = String, description = "The URL of the comment"),
            ),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.account_limited",
            "social.comment_pending",
            "social.invalid_comment",
            "social.no_such_comment",
            "social.no_such_person",
            "social.not_allowed",
            "social.not_found",
            "social.refused",
            "social.slow_down",
            "social.too_often",
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
    State(social): State<Social>,
    member: Member,
    effect: Effect,
    Path(id): Path<Uuid>,
    Query(params): Query<LinkParams>,
    Json(body): Json<NewCommentBody>,
) -> Result<impl IntoResponse, Error> {
    let text = CommentText::parse(&body.text).map_err(Error::InvalidComment)?;
    let author = sender(&social, &member).await?;
    let number = author.person.number;
    let new = NewComment { post: id, token: params.link.clone(), text, answers: body.answers };
    let id = commands::create_comment(&social, author, new, effect).await?;
    let comment = queries::comments::get(&social, number, id, params.link.as_deref()).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, Comment::location(id, params.link.as_deref()))], Json(comment)))
}

/// Returns a comment.
///
/// One that the reader may not see is a 404, like one that does not exist.
#[utoipa::path(
    get,
    path = "/v1/comments/{id}",
    operation_id = "show_comment",
    tag = "posts",
    security((), ("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The comment's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b61"),
        LinkParams,
    ),
    responses(
        (
            status = 200,
            description = "The comment",
            body = CommentView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_comment", "request.invalid"])),
    ),
)]
pub(super) async fn show(
    State(social): State<Social>,
    member: Option<Member>,
    Path(id): Path<Uuid>,
    Query(params): Query<LinkParams>,
) -> Result<Json<CommentView>, Error> {
    let reader = reader(&social, reader_of(member)).await?;
    Ok(Json(queries::comments::get(&social, reader, id, params.link.as_deref()).await?))
}

/// Removes a comment of the caller's, or one on a post of the caller's.
///
/// The answers to it are gone with it. It can be removed also beyond a block.
#[utoipa::path(
    delete,
    path = "/v1/comments/{id}",
    operation_id = "remove_comment",
    tag = "posts",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The comment's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b61"),
    ),
    responses(
        (
            status = 204,
            description = "Removed",
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_comment", "social.no_such_person"])),
    ),
)]
pub(super) async fn remove(
    State(social): State<Social>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    commands::remove_comment(&social, &caller(&social, &member).await?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Approves a comment on a post of the caller's.
///
/// The readers of the post see it from then on. Nothing changes if they do already. To refuse it, remove it.
#[utoipa::path(
    post,
    path = "/v1/comments/{id}/approve",
    operation_id = "approve_comment",
    tag = "posts",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The comment's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b61"),
    ),
    responses(
        (
            status = 204,
            description = "Approved",
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_comment", "social.no_such_person"])),
    ),
)]
pub(super) async fn approve(
    State(social): State<Social>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    commands::approve_comment(&social, caller(&social, &member).await?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the comments on the caller's posts that wait for approval, the oldest first.
///
/// Continue with the `next` of a page as `after`.
#[utoipa::path(
    get,
    path = "/v1/me/comments/pending",
    operation_id = "list_pending_comments",
    tag = "posts",
    security(("token" = [])),
    params(
        Page,
    ),
    responses(
        (
            status = 200,
            description = "A page of comments",
            body = List<CommentView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_person", "request.invalid"])),
    ),
)]
pub(super) async fn pending(
    State(social): State<Social>,
    member: Member,
    Query(page): Query<Page>,
) -> Result<Json<List<CommentView>>, Error> {
    let after = position(page.after.as_deref())?.unwrap_or(Position(0));
    let caller = caller(&social, &member).await?;
    let (items, next) = queries::comments::list_pending(&social, caller.number, after, page.size()).await?;
    Ok(Json(List { items, next }))
}
