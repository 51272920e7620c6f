//! `/v1/posts/{id}/repost` and `/reposts`: showing a post of another member again.
//!
//! Invariant: a repost is shown to nobody who may not see its post.

use axum::extract::State;
use axum::response::IntoResponse;
use contract::social::talk_views::RepostView;
use contract::social::views::PostView;
use http::{StatusCode, header};
use http_server::auth::Member;
use http_server::{Json, List, Page, Path, Query};
use uuid::Uuid;

use super::{before, reader_of};
use crate::commands;
use crate::error::Error;
use crate::known_people::{by_name, caller, reader};
use crate::model::PersonNumber;
use crate::queries;
use crate::state::Social;

/// Reposts a post.
///
/// Only what everyone may read is reposted, if its policy lets the caller. It waits for the author's approval if the
/// policy says so. A member reposts a post once: 200, and nothing changes, if the caller has done so.
#[utoipa::path(
    post,
    path = "/v1/posts/{id}/repost",
    operation_id = "repost",
    tag = "posts",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The post's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "Makes it safe to repeat this request",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The post, which the caller has reposted before",
            body = PostView,
        ),
        (
            status = 201,
            description = "The post, which the caller has reposted",
            body = PostView,
            headers(
                ("Location" = String, description = "The URL of the post"),
            ),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.account_limited",
            "social.no_such_person",
            "social.not_allowed",
            "social.not_found",
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
    Path(id): Path<Uuid>,
) -> Result<impl IntoResponse, Error> {
    let caller = caller(&social, &member).await?;
    let number = caller.number;
    let is_new = commands::repost(&social, caller, id).await?;
    let post = queries::posts::get(&social, number, id, None).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(header::LOCATION, format!("/v1/posts/{id}"))], Json(post)))
}

/// Takes a repost of the caller's back.
///
/// Nothing changes if there is none, or no such post.
#[utoipa::path(
    delete,
    path = "/v1/posts/{id}/repost",
    operation_id = "remove_repost",
    tag = "posts",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The post's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
    ),
    responses(
        (
            status = 204,
            description = "No repost",
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_person"])),
    ),
)]
pub(super) async fn remove(
    State(social): State<Social>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    let caller = caller(&social, &member).await?;
    commands::remove_repost(&social, caller.clone(), id, caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the reposts of a post.
///
/// Continue with the `next` of a page as `after`. The order stays the same, and means nothing. People who are not shown
/// to the reader are left out. The author of the post sees those that wait for approval as well.
#[utoipa::path(
    get,
    path = "/v1/posts/{id}/reposts",
    operation_id = "list_reposts",
    tag = "posts",
    security((), ("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The post's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        Page,
    ),
    responses(
        (
            status = 200,
            description = "A page of reposts",
            body = List<RepostView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.not_found", "request.invalid"])),
    ),
)]
pub(super) async fn list(
    State(social): State<Social>,
    member: Option<Member>,
    Path(id): Path<Uuid>,
    Query(page): Query<Page>,
) -> Result<Json<List<RepostView>>, Error> {
    let (reader, before) = (reader(&social, reader_of(member)).await?, PersonNumber(before(&page)?));
    let (items, next) = queries::reactions::list_reposts(&social, reader, id, before, page.size()).await?;
    Ok(Json(List { items, next }))
}

/// Approves a repost of a post of the caller's.
///
/// Nothing changes if it is shown already, or if there is none.
#[utoipa::path(
    post,
    path = "/v1/posts/{id}/reposts/{handle}/approve",
    operation_id = "approve_repost",
    tag = "posts",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The post's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "bob",
        ),
    ),
    responses(
        (
            status = 204,
            description = "Approved",
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_person", "social.not_found"])),
    ),
)]
pub(super) async fn approve(
    State(social): State<Social>,
    member: Member,
    Path((id, handle)): Path<(Uuid, String)>,
) -> Result<StatusCode, Error> {
    let (caller, other) = (caller(&social, &member).await?, by_name(&social, &handle).await?);
    commands::approve_repost(&social, caller, id, other).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a member's repost of a post of the caller's.
///
/// Nothing changes if there is none.
#[utoipa::path(
    delete,
    path = "/v1/posts/{id}/reposts/{handle}",
    operation_id = "remove_repost_of_member",
    tag = "posts",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The post's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "bob",
        ),
    ),
    responses(
        (
            status = 204,
            description = "No repost",
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_person", "social.not_found"])),
    ),
)]
pub(super) async fn remove_of_member(
    State(social): State<Social>,
    member: Member,
    Path((id, handle)): Path<(Uuid, String)>,
) -> Result<StatusCode, Error> {
    let (caller, other) = (caller(&social, &member).await?, by_name(&social, &handle).await?);
    commands::remove_repost(&social, caller, id, other).await?;
    Ok(StatusCode::NO_CONTENT)
}
