//! `/v1/threads`: opening, reading, changing and removing threads.
//!
//! Invariant: a thread that the reader may not see and one that does not exist are the same 404.

use axum::extract::State;
use axum::response::IntoResponse;
use contract::MediaId;
use contract::social::threads::{ThreadRule, ThreadView};
use contract::social::{Audience, Policies};
use http::{StatusCode, header};
use http_server::auth::Member;
use http_server::{Effect, Json, Path, Query};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::reader_of;
use crate::commands;
use crate::error::Error;
use crate::known_people::{caller, reader, sender};
use crate::model::thread::{DEFAULT_CAP, check_cap, parse_title, policy_of};
use crate::model::{InvalidPost, NewPost, NewThread, Place, PostText, SongChoice};
use crate::queries;
use crate::state::Social;

/// A clip: the id of a video of the caller's library. A list with one id is the same.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "It is the id of a video, or a list of one.")]
pub(super) enum Clip {
    /// One id.
    One(MediaId),
    /// A list of ids.
    List(Vec<MediaId>),
}

impl Clip {
    /// Returns the ids; a thread or a part takes exactly one.
    pub(super) fn into_media(self) -> Vec<MediaId> {
        match self {
            Self::One(id) => vec![id],
            Self::List(ids) => ids,
        }
    }
}

/// A new thread.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "title": "Sing the next line. #karaoke",
    "media": "5kT0vYq8Zb3mXw1RcHs9Ga",
    "rule": "open",
    "cap": 20,
    "audience": "public",
}))]
pub(super) struct NewThreadBody {
    /// The title: one line of at most 200 characters, with mentions and tags as in a post.
    #[schema(max_length = 200)]
    title: String,
    /// The id of the opening clip: a video of the caller's library, which need not be converted yet.
    #[schema(value_type = String)]
    media: Clip,
    /// An alternative text of the clip, of at most 1,000 characters; that of the library without it.
    #[schema(max_length = 1000)]
    alt: Option<String>,
    /// Who of those who see the thread may join it.
    rule: ThreadRule,
    /// The largest number of parts, 1 to 200; 100 without it.
    #[schema(minimum = 1, maximum = 200)]
    cap: Option<u32>,
    /// Who may see it.
    audience: Audience,
}

impl NewThreadBody {
    fn into_new_thread(self) -> Result<NewThread, InvalidPost> {
        let post = NewPost {
            text: PostText::parse(&parse_title(&self.title)?)?,
            media: self.media.into_media(),
            alts: self.alt.into_iter().collect(),
            audience: self.audience,
            policies: Policies { join: policy_of(self.rule), ..Policies::default() },
            place: Place::default(),
            song: SongChoice::default(),
            is_story: false,
        };
        let cap = self.cap.map_or(Ok(DEFAULT_CAP), check_cap)?;
        Ok(NewThread { post: post.check()?, rule: self.rule, cap })
    }
}

/// A change of a thread. What is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"rule": "closed"}))]
pub(super) struct ThreadChangeBody {
    /// The new title, with the rules of a new thread.
    #[schema(max_length = 200)]
    title: Option<String>,
    /// Who may join from now on.
    rule: Option<ThreadRule>,
    /// The new cap. One below the number of parts removes none, and lets nobody join.
    #[schema(minimum = 1, maximum = 200)]
    cap: Option<u32>,
    /// Who may see it from now on.
    audience: Option<Audience>,
}

impl ThreadChangeBody {
    fn into_change(self) -> Result<commands::ThreadChange, InvalidPost> {
        let title = self.title.as_deref().map(parse_title).transpose()?;
        Ok(commands::ThreadChange {
            title: title.as_deref().map(PostText::parse).transpose()?,
            rule: self.rule,
            cap: self.cap.map(check_cap).transpose()?,
            audience: self.audience,
        })
    }
}

/// The link of a thread.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LinkParams {
    /// The token of the link of the opening post, if it has the audience `link`.
    #[param(example = "5kT0vYq8Zb3mXw1RcHs9Ga")]
    pub link: Option<String>,
}

/// Opens a thread.
///
/// The opening is a post with the thread's id, and the title as its text. It appears when its clip can be shown; until
/// then only its author sees it. The response has the thread, and its URL in `Location`.
#[utoipa::path(
    post,
    path = "/v1/threads",
    operation_id = "open_thread",
    tag = "threads",
    security(("token" = [])),
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day returns the thread that the first one opened",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    request_body = NewThreadBody,
    responses(
        (
            status = 201,
            description = "The thread",
            body = ThreadView,
            headers(
                ("Location" = String, description = "The URL of the thread"),
            ),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.account_limited",
            "social.invalid_post",
            "social.no_such_media",
            "social.no_such_person",
            "social.not_a_clip",
            "social.refused",
            "social.slow_down",
            "social.too_many_posts",
            "request.bad_idempotency_key",
            "request.done_before",
            "request.idempotency_key_reused",
            "request.in_progress",
            "request.invalid",
            "request.result_removed",
        ])),
    ),
)]
pub(super) async fn open(
    State(social): State<Social>,
    member: Member,
    effect: Effect,
    Json(body): Json<NewThreadBody>,
) -> Result<impl IntoResponse, Error> {
    let (new, opener) = (body.into_new_thread()?, sender(&social, &member).await?);
    let number = opener.person.number;
    let id = commands::open_thread(&social, opener, new, effect).await?;
    let thread = queries::threads::get(&social, number, id, None).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("/v1/threads/{id}"))], Json(thread)))
}

/// Returns a thread.
///
/// A post that others may join is a thread too, with the post's id. One that the reader may not see is a 404, like one
/// that does not exist.
#[utoipa::path(
    get,
    path = "/v1/threads/{id}",
    operation_id = "show_thread",
    tag = "threads",
    security((), ("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The thread's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        LinkParams,
    ),
    responses(
        (
            status = 200,
            description = "The thread",
            body = ThreadView,
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
    Path(id): Path<Uuid>,
    Query(params): Query<LinkParams>,
) -> Result<Json<ThreadView>, Error> {
    let reader = reader(&social, reader_of(member)).await?;
    Ok(Json(queries::threads::get(&social, reader, id, params.link.as_deref()).await?))
}

/// Changes a thread of the caller's.
///
/// The `join` policy of the opening changes with the rule.
#[utoipa::path(
    patch,
    path = "/v1/threads/{id}",
    operation_id = "change_thread",
    tag = "threads",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The thread's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
    ),
    request_body = ThreadChangeBody,
    responses(
        (
            status = 200,
            description = "The thread",
            body = ThreadView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.account_limited",
            "social.invalid_post",
            "social.no_such_person",
            "social.not_found",
            "social.refused",
            "social.slow_down",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn change(
    State(social): State<Social>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(body): Json<ThreadChangeBody>,
) -> Result<Json<ThreadView>, Error> {
    let (change, opener) = (body.into_change()?, sender(&social, &member).await?);
    let number = opener.person.number;
    commands::change_thread(&social, opener, id, change).await?;
    Ok(Json(queries::threads::get(&social, number, id, None).await?))
}

/// Removes a thread of the caller's, with its opening.
///
/// The parts of others leave it: each stays a post that only its author sees. All media stay in their libraries.
#[utoipa::path(
    delete,
    path = "/v1/threads/{id}",
    operation_id = "remove_thread",
    tag = "threads",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The thread's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
    ),
    responses(
        (
            status = 204,
            description = "Removed",
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "social.not_found",
        ])),
    ),
)]
pub(super) async fn remove(
    State(social): State<Social>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    let opener = caller(&social, &member).await?;
    // A part has no thread of its own; its author withdraws it.
    queries::threads::get(&social, opener.number, id, None).await?;
    commands::remove_post(&social, opener, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
