//! `/v1/threads/{id}/parts`: joining a thread, its parts, approving and removing them.
//!
//! Invariant: a part that the reader may not see and one that does not exist are the same 404.

use axum::extract::{FromRequest, Request, State};
use axum::response::IntoResponse;
use contract::social::Audience;
use contract::social::threads::ThreadPartView;
use http::{StatusCode, header};
use http_server::auth::Member;
use http_server::{Effect, Json, List, Page, Path, Problem, Query};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::reader_of;
use super::threads::{Clip, LinkParams};
use crate::commands::{self, NamedPart, NewPart};
use crate::error::Error;
use crate::known_people::{caller, reader, sender};
use crate::model::thread::policies_of_part;
use crate::model::{InvalidPost, NewPost, Place, PostText, SongChoice, parse_cursor};
use crate::queries;
use crate::state::Social;

/// A part with which a member joins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"media": "5kT0vYq8Zb3mXw1RcHs9Gb", "text": "My line", "answers": null}))]
pub(super) struct NewPartBody {
    /// The id of the clip: a video of the caller's library, which need not be converted yet.
    #[schema(value_type = String)]
    media: Clip,
    /// A text, with the rules of a post.
    #[serde(default)]
    #[schema(max_length = 5000)]
    text: String,
    /// An alternative text of the clip, of at most 1,000 characters; that of the library without it.
    #[schema(max_length = 1000)]
    alt: Option<String>,
    /// The id of the part that this one answers.
    answers: Option<Uuid>,
}

impl NewPartBody {
    fn into_new_part(self, thread: Uuid, token: Option<String>) -> Result<NewPart, InvalidPost> {
        let post = NewPost {
            text: PostText::parse(&self.text)?,
            media: self.media.into_media(),
            alts: self.alt.into_iter().collect(),
            // Shown to those who see the thread, and never to more.
            audience: Audience::Public,
            policies: policies_of_part(),
            place: Place::default(),
            song: SongChoice::default(),
            is_story: false,
        };
        Ok(NewPart { thread, token, post: post.check()?, answers: self.answers })
    }
}

/// Why a part is removed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "Off topic."}))]
pub(super) struct RemovalBody {
    /// The reason, of at most 500 characters, which the author of the part reads.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// The body of a removal, which may be absent.
#[derive(Debug)]
pub(super) struct Removal(Option<String>);

impl<S: Send + Sync> FromRequest<S> for Removal {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let headers = request.headers();
        let is_empty = headers.get(header::CONTENT_LENGTH).is_some_and(|bytes| bytes == "0");
        if is_empty || !headers.contains_key(header::CONTENT_TYPE) {
            return Ok(Self(None));
        }
        let Json(body) = Json::<RemovalBody>::from_request(request, state).await?;
        Ok(Self(body.reason))
    }
}

/// Which parts a list has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PartFilter {
    /// Those that have appeared.
    #[default]
    Joined,
    /// Those that have not: the reader's own, also those that were removed; and, for the opener and the moderators,
    /// what waits for approval.
    Waiting,
}

/// Which parts a list has.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PartParams {
    /// `joined`, which is the default, or `waiting`.
    #[serde(default)]
    #[param(inline, example = "joined")]
    state: PartFilter,
}

fn named(thread: Uuid, part: Uuid, params: LinkParams) -> NamedPart {
    NamedPart { thread, part, token: params.link }
}

/// Joins a thread with a clip.
///
/// The part appears when its clip can be shown, and, where the rule says so, when it is approved. It is shown to those
/// who see the thread, but not to those from whom its author is hidden: by a block, or a private profile that they
/// don't follow.
///
/// A part that a verdict holds is `pending`, with the `reason`, until a moderator of the site, or the opener,
/// approves it.
#[utoipa::path(
    post,
    path = "/v1/threads/{id}/parts",
    operation_id = "join_thread",
    tag = "threads",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The thread's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        LinkParams,
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day returns the part that the first one added",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    request_body = NewPartBody,
    responses(
        (
            status = 201,
            description = "The part",
            body = ThreadPartView,
            headers(
                ("Location" = String, description = "The URL of the part"),
            ),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.account_limited",
            "social.invalid_post",
            "social.may_not_join",
            "social.no_such_media",
            "social.no_such_person",
            "social.not_a_clip",
            "social.not_found",
            "social.refused",
            "social.slow_down",
            "social.thread_closed",
            "social.thread_full",
            "social.too_many_posts",
            "social.too_many_waiting",
            "request.bad_idempotency_key",
            "request.done_before",
            "request.idempotency_key_reused",
            "request.in_progress",
            "request.invalid",
            "request.result_removed",
        ])),
    ),
)]
pub(super) async fn join(
    State(social): State<Social>,
    member: Member,
    effect: Effect,
    Path(thread): Path<Uuid>,
    Query(params): Query<LinkParams>,
    Json(body): Json<NewPartBody>,
) -> Result<impl IntoResponse, Error> {
    let (new, author) = (body.into_new_part(thread, params.link.clone())?, sender(&social, &member).await?);
    let number = author.person.number;
    let id = commands::join_thread(&social, author, new, effect).await?;
    let part = queries::threads::part(&social, number, thread, id, params.link.as_deref()).await?;
    let location = format!("/v1/threads/{thread}/parts/{id}");
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(part)))
}

/// Lists the parts of a thread, in the order in which they have appeared.
///
/// Continue with the `next` of a page as `after`. Those that wait are in the order in which their authors have joined.
#[utoipa::path(
    get,
    path = "/v1/threads/{id}/parts",
    operation_id = "list_thread_parts",
    tag = "threads",
    security((), ("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The thread's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        PartParams,
        LinkParams,
        Page,
    ),
    responses(
        (
            status = 200,
            description = "A page of parts",
            body = List<ThreadPartView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.not_found",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn list(
    State(social): State<Social>,
    member: Option<Member>,
    Path(thread): Path<Uuid>,
    Query(params): Query<PartParams>,
    Query(link): Query<LinkParams>,
    Query(page): Query<Page>,
) -> Result<Json<List<ThreadPartView>>, Error> {
    let reader = reader(&social, reader_of(member)).await?;
    let (token, size, after) = (link.link.as_deref(), page.size(), page.after.as_deref());
    let (items, next) = match params.state {
        PartFilter::Joined => {
            let after = after.map_or(Ok(0), |text| parse_cursor(text).ok_or(Error::BadCursor))?;
            queries::threads::parts(&social, reader, thread, token, after, size).await?
        }
        PartFilter::Waiting => {
            let after = after.map_or(Ok(Uuid::nil()), |text| text.parse().map_err(|_| Error::BadCursor))?;
            queries::threads::waiting_parts(&social, reader, thread, token, after, size).await?
        }
    };
    Ok(Json(List { items, next }))
}

/// Returns a part of a thread.
///
/// Its author sees it also while it waits and after it was removed, with the reason.
#[utoipa::path(
    get,
    path = "/v1/threads/{id}/parts/{part}",
    operation_id = "show_thread_part",
    tag = "threads",
    security((), ("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The thread's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        ("part" = Uuid, Path, description = "The part's id", example = "0198f3a2-7d20-7000-8a11-5b7de2c90f11"),
        LinkParams,
    ),
    responses(
        (
            status = 200,
            description = "The part",
            body = ThreadPartView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.not_found",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn show(
    State(social): State<Social>,
    member: Option<Member>,
    Path((thread, part)): Path<(Uuid, Uuid)>,
    Query(params): Query<LinkParams>,
) -> Result<Json<ThreadPartView>, Error> {
    let reader = reader(&social, reader_of(member)).await?;
    Ok(Json(queries::threads::part(&social, reader, thread, part, params.link.as_deref()).await?))
}

/// Withdraws, removes or unlinks a part.
///
/// Its author withdraws it, which removes its post and needs no reason. The opener and the moderators remove it with a
/// reason: its post stays, and only its author sees it, with the reason. Whoever is answered by it has it unlinked,
/// with a reason: it stays in the thread, and answers nothing.
#[utoipa::path(
    delete,
    path = "/v1/threads/{id}/parts/{part}",
    operation_id = "remove_thread_part",
    tag = "threads",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The thread's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        ("part" = Uuid, Path, description = "The part's id", example = "0198f3a2-7d20-7000-8a11-5b7de2c90f11"),
        LinkParams,
    ),
    request_body = Option<RemovalBody>,
    responses(
        (
            status = 204,
            description = "Removed or unlinked",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.invalid_post",
            "social.no_such_person",
            "social.not_found",
            "social.not_moderator",
        ])),
    ),
)]
pub(super) async fn remove(
    State(social): State<Social>,
    member: Member,
    Path((thread, part)): Path<(Uuid, Uuid)>,
    Query(params): Query<LinkParams>,
    Removal(reason): Removal,
) -> Result<StatusCode, Error> {
    let actor = caller(&social, &member).await?;
    commands::remove_part(&social, actor, named(thread, part, params), reason.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Approves a part that waits for it.
///
/// The opener and the moderators approve. The part appears as soon as its clip can be shown. Nothing changes if it was
/// approved already.
#[utoipa::path(
    post,
    path = "/v1/threads/{id}/parts/{part}/approve",
    operation_id = "approve_thread_part",
    tag = "threads",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The thread's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        ("part" = Uuid, Path, description = "The part's id", example = "0198f3a2-7d20-7000-8a11-5b7de2c90f11"),
        LinkParams,
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
            description = "Approved",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "social.not_found",
            "social.not_moderator",
            "social.thread_full",
            "request.bad_idempotency_key",
            "request.done_before",
            "request.idempotency_key_reused",
            "request.in_progress",
            "request.result_removed",
        ])),
    ),
)]
pub(super) async fn approve(
    State(social): State<Social>,
    member: Member,
    Path((thread, part)): Path<(Uuid, Uuid)>,
    Query(params): Query<LinkParams>,
) -> Result<StatusCode, Error> {
    let actor = caller(&social, &member).await?;
    commands::approve_part(&social, actor, named(thread, part, params)).await?;
    Ok(StatusCode::NO_CONTENT)
}
