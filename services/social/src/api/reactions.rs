//! `/v1/posts/{id}/reaction`, `/reactions` and `/save`, and `/v1/me/saved`.
//!
//! Invariant: each operation can be repeated, and what a member did can be undone whether or not they see the post.

use axum::extract::State;
use contract::social::talk::ReactionKind;
use contract::social::talk_views::ReactionView;
use contract::social::views::PostView;
use http_server::auth::Member;
use http_server::{Json, List, Page, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::comments::LinkParams;
use super::{before, reader_of};
use crate::commands;
use crate::error::Error;
use crate::known_people::{caller, reader};
use crate::model::{PersonNumber, Position};
use crate::queries;
use crate::state::Social;

/// A reaction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "applause"}))]
pub(super) struct ReactionBody {
    /// How the caller reacts.
    kind: ReactionKind,
}

/// How the caller has reacted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"reaction": "applause"}))]
pub(super) struct ReactionState {
    /// The reaction that there is now.
    #[schema(required)]
    reaction: Option<ReactionKind>,
}

/// Whether the caller has saved a post.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"saved": true}))]
pub(super) struct SavedState {
    /// Whether it is saved now.
    saved: bool,
}

/// Parameters of a list of reactions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReactionsParams {
    /// How many items, 1–100; 50 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    after: Option<String>,
    /// The token of the post's link, if it has the audience `link`.
    #[param(example = "5kT0vYq8Zb3mXw1RcHs9Ga")]
    link: Option<String>,
}

/// Reacts to a post.
///
/// A member has one reaction to a post; another one takes its place.
#[utoipa::path(
    put,
    path = "/v1/posts/{id}/reaction",
    operation_id = "react",
    tag = "posts",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The post's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        LinkParams,
    ),
    request_body = ReactionBody,
    responses(
        (
            status = 200,
            description = "The reaction",
            body = ReactionState,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.account_limited",
            "social.no_such_person",
            "social.not_allowed",
            "social.not_found",
            "social.too_often",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn react(
    State(social): State<Social>,
    member: Member,
    Path(id): Path<Uuid>,
    Query(params): Query<LinkParams>,
    Json(body): Json<ReactionBody>,
) -> Result<Json<ReactionState>, Error> {
    commands::react(&social, caller(&social, &member).await?, id, params.link, body.kind).await?;
    Ok(Json(ReactionState { reaction: Some(body.kind) }))
}

/// Takes a reaction back.
///
/// Nothing changes if there is none, or no such post.
#[utoipa::path(
    delete,
    path = "/v1/posts/{id}/reaction",
    operation_id = "unreact",
    tag = "posts",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The post's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
    ),
    responses(
        (
            status = 200,
            description = "No reaction",
            body = ReactionState,
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_person"])),
    ),
)]
pub(super) async fn unreact(
    State(social): State<Social>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<Json<ReactionState>, Error> {
    commands::unreact(&social, caller(&social, &member).await?, id).await?;
    Ok(Json(ReactionState { reaction: None }))
}

/// Lists the reactions to a post.
///
/// Continue with the `next` of a page as `after`. The order stays the same, and means nothing. People who are not shown
/// to the reader are left out.
#[utoipa::path(
    get,
    path = "/v1/posts/{id}/reactions",
    operation_id = "list_reactions",
    tag = "posts",
    security((), ("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The post's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        ReactionsParams,
    ),
    responses(
        (
            status = 200,
            description = "A page of reactions",
            body = List<ReactionView>,
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
    Query(params): Query<ReactionsParams>,
) -> Result<Json<List<ReactionView>>, Error> {
    let reader = reader(&social, reader_of(member)).await?;
    let page = Page { limit: params.limit, after: params.after };
    let (before, post) = (PersonNumber(before(&page)?), (id, params.link.as_deref()));
    let (items, next) = queries::reactions::list(&social, reader, post, before, page.size()).await?;
    Ok(Json(List { items, next }))
}

/// Saves a post.
///
/// Nobody else learns of it. Nothing changes if it is saved.
#[utoipa::path(
    put,
    path = "/v1/posts/{id}/save",
    operation_id = "save_post",
    tag = "posts",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The post's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
    ),
    responses(
        (
            status = 200,
            description = "Saved",
            body = SavedState,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.account_limited",
            "social.no_such_person",
            "social.not_allowed",
            "social.not_found",
            "social.too_often",
        ])),
    ),
)]
pub(super) async fn save(
    State(social): State<Social>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<Json<SavedState>, Error> {
    commands::save_post(&social, caller(&social, &member).await?, id).await?;
    Ok(Json(SavedState { saved: true }))
}

/// Takes a post out of what the caller has saved.
///
/// Nothing changes if it is not saved, or if there is no such post.
#[utoipa::path(
    delete,
    path = "/v1/posts/{id}/save",
    operation_id = "unsave_post",
    tag = "posts",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The post's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
    ),
    responses(
        (
            status = 200,
            description = "Not saved",
            body = SavedState,
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_person"])),
    ),
)]
pub(super) async fn unsave(
    State(social): State<Social>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<Json<SavedState>, Error> {
    commands::unsave_post(&social, caller(&social, &member).await?, id).await?;
    Ok(Json(SavedState { saved: false }))
}

/// Lists the posts that the caller has saved, the last saved first.
///
/// Continue with the `next` of a page as `after`. Posts that the caller may not see any more are left out.
#[utoipa::path(
    get,
    path = "/v1/me/saved",
    operation_id = "list_saved",
    tag = "posts",
    security(("token" = [])),
    params(
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
        ("x-codes" = json!(["social.no_such_person", "request.invalid"])),
    ),
)]
pub(super) async fn saved(
    State(social): State<Social>,
    member: Member,
    Query(page): Query<Page>,
) -> Result<Json<List<PostView>>, Error> {
    let (before, caller) = (Position(before(&page)?), caller(&social, &member).await?);
    let (items, next) = queries::posts::list_saved(&social, caller.number, before, page.size()).await?;
    Ok(Json(List { items, next }))
}
