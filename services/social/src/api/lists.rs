//! `/v1/accounts/{handle}/followers`, `/following` and `/posts`, and the requests to follow the caller.
//!
//! Invariant: a list that the reader may not read is the 404 of an unknown member.

use axum::extract::State;
use contract::social::views::{PersonView, PostView};
use http::StatusCode;
use http_server::auth::Member;
use http_server::{Json, List, Page, Path, Query};

use super::{before, reader_of};
use crate::commands;
use crate::error::Error;
use crate::known_people::{by_name, caller, reader};
use crate::model::PersonNumber;
use crate::queries;
use crate::state::Social;

fn people(page: queries::people::Page) -> Json<List<PersonView>> {
    Json(List { items: page.people, next: page.next })
}

/// Lists those who follow a member, the newest first.
///
/// Continue with the `next` of a page as `after`. Those of a member whose profile is private are for the member's
/// followers. People who are not shown to the reader are left out.
#[utoipa::path(
    get,
    path = "/v1/accounts/{handle}/followers",
    operation_id = "list_followers",
    tag = "people",
    security((), ("token" = [])),
    params(
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "bob",
        ),
        Page,
    ),
    responses(
        (
            status = 200,
            description = "A page of people",
            body = List<PersonView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn followers(
    State(social): State<Social>,
    member: Option<Member>,
    Path(handle): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<List<PersonView>>, Error> {
    let reader = reader(&social, reader_of(member)).await?;
    let after = page.after.as_deref();
    Ok(people(queries::people::followers(&social, reader, &handle, after, page.size()).await?))
}

/// Lists those whom a member follows, the newest first.
///
/// Continue with the `next` of a page as `after`. Who may read it is as for the followers.
#[utoipa::path(
    get,
    path = "/v1/accounts/{handle}/following",
    operation_id = "list_following",
    tag = "people",
    security((), ("token" = [])),
    params(
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "bob",
        ),
        Page,
    ),
    responses(
        (
            status = 200,
            description = "A page of people",
            body = List<PersonView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn following(
    State(social): State<Social>,
    member: Option<Member>,
    Path(handle): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<List<PersonView>>, Error> {
    let reader = reader(&social, reader_of(member)).await?;
    let after = page.after.as_deref();
    Ok(people(queries::people::following(&social, reader, &handle, after, page.size()).await?))
}

/// Lists the posts of a member that the reader may see, the newest first.
///
/// Continue with the `next` of a page as `after`. A page is full as long as there is something to see.
#[utoipa::path(
    get,
    path = "/v1/accounts/{handle}/posts",
    operation_id = "list_account_posts",
    tag = "posts",
    security((), ("token" = [])),
    params(
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "bob",
        ),
        Page,
    ),
    responses(
        (
            status = 200,
            description = "A page of posts",
            body = List<PostView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "social.wrong_cursor",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn posts(
    State(social): State<Social>,
    member: Option<Member>,
    Path(handle): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<List<PostView>>, Error> {
    let reader = reader(&social, reader_of(member)).await?;
    let after = page.after.as_deref();
    let (items, next) = queries::posts::list_of_person(&social, reader, &handle, after, page.size()).await?;
    Ok(Json(List { items, next }))
}

/// Lists those who ask to follow the caller.
///
/// Continue with the `next` of a page as `after`. The order stays the same, and means nothing.
#[utoipa::path(
    get,
    path = "/v1/follow-requests",
    operation_id = "list_follow_requests",
    tag = "people",
    security(("token" = [])),
    params(Page),
    responses(
        (
            status = 200,
            description = "A page of people",
            body = List<PersonView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn requests(
    State(social): State<Social>,
    member: Member,
    Query(page): Query<Page>,
) -> Result<Json<List<PersonView>>, Error> {
    let (caller, before) = (caller(&social, &member).await?, PersonNumber(before(&page)?));
    Ok(people(queries::people::follow_requests(&social, caller.number, before, page.size()).await?))
}

/// Accepts a request to follow the caller.
///
/// The member follows the caller from then on.
#[utoipa::path(
    post,
    path = "/v1/follow-requests/{handle}/accept",
    operation_id = "accept_follow_request",
    tag = "people",
    security(("token" = [])),
    params(
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "bob",
        ),
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
            status = 204,
            description = "Answered",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "social.no_such_request",
            "social.yourself",
            "request.bad_idempotency_key",
            "request.done_before",
            "request.idempotency_key_reused",
            "request.in_progress",
            "request.result_removed",
        ])),
    ),
)]
pub(super) async fn accept(
    State(social): State<Social>,
    member: Member,
    Path(handle): Path<String>,
) -> Result<StatusCode, Error> {
    let (caller, asker) = (caller(&social, &member).await?, by_name(&social, &handle).await?);
    commands::answer_request(&social, caller, asker, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses a request to follow the caller.
///
/// Nothing is left of it, and the member is not told. They may ask again; a block ends that.
#[utoipa::path(
    post,
    path = "/v1/follow-requests/{handle}/reject",
    operation_id = "reject_follow_request",
    tag = "people",
    security(("token" = [])),
    params(
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "bob",
        ),
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
            status = 204,
            description = "Answered",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "social.no_such_request",
            "social.yourself",
            "request.bad_idempotency_key",
            "request.done_before",
            "request.idempotency_key_reused",
            "request.in_progress",
            "request.result_removed",
        ])),
    ),
)]
pub(super) async fn reject(
    State(social): State<Social>,
    member: Member,
    Path(handle): Path<String>,
) -> Result<StatusCode, Error> {
    let (caller, asker) = (caller(&social, &member).await?, by_name(&social, &handle).await?);
    commands::answer_request(&social, caller, asker, false).await?;
    Ok(StatusCode::NO_CONTENT)
}
