//! `/v1/posts`: writing, reading, changing and removing posts.
//!
//! Invariant: a post that the reader may not see and one that does not exist are the same 404.

use axum::extract::State;
use axum::response::IntoResponse;
use contract::MediaId;
use contract::social::views::PostView;
use contract::social::{Audience, Policies};
use http::{StatusCode, header};
use http_server::auth::Member;
use http_server::{Effect, Json, Path, Query};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::reader_of;
use crate::commands;
use crate::error::Error;
use crate::known_people::{caller, reader, sender};
use crate::model::{InvalidPost, NewPost, Place, PostChange, PostText, SongChoice};
use crate::queries;
use crate::state::Social;

/// A new post.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "text": "First take of the evening, with @bob. #karaoke",
    "media": ["5kT0vYq8Zb3mXw1RcHs9Ga"],
    "audience": "followers",
    "policies": {"comment": "everyone", "repost": "nobody", "join": "friends"},
}))]
pub(super) struct NewPostBody {
    /// At most 5,000 characters, with up to 50 people who are mentioned as `@handle` and 30 `#tags`. It may be empty
    /// where there are media.
    #[serde(default)]
    #[schema(max_length = 5000)]
    text: String,
    /// The ids of up to 20 items of the author's library, in order. They need not be converted yet: the post appears
    /// when they can be shown.
    #[serde(default)]
    #[schema(max_items = 20)]
    media: Vec<MediaId>,
    /// Alternative texts in the order of the media, at most 1,000 characters each. Where there is none, or an empty
    /// one, that of the library counts.
    #[serde(default)]
    alts: Vec<String>,
    /// Who may read it.
    audience: Audience,
    /// What its readers may do; everyone everything by default.
    #[serde(default)]
    policies: Policies,
    /// The place, in the author's words: one line of at most 80 characters.
    #[schema(max_length = 80)]
    place: Option<String>,
    /// The song: the id of an audio item of the author's library that is ready, or of one that a public post shows to
    /// the author. Those who see the post may listen to the author's own; another member's is shown to those to whom
    /// its owner shows it.
    song: Option<MediaId>,
    /// Whether it ends 24 hours after it has appeared.
    #[serde(default)]
    story: bool,
}

impl NewPostBody {
    fn into_new_post(self) -> Result<NewPost, InvalidPost> {
        let place = self.place.as_deref().map(Place::parse).transpose()?.unwrap_or_default();
        let new = NewPost {
            text: PostText::parse(&self.text)?,
            media: self.media,
            alts: self.alts,
            audience: self.audience,
            policies: self.policies,
            place,
            song: SongChoice(self.song),
            is_story: self.story,
        };
        new.check()
    }
}

/// A change of a post. What is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"policies": {"comment": "followers", "repost": "nobody", "join": "nobody"}}))]
pub(super) struct PostChangeBody {
    /// The new text, with the rules of a new post.
    #[schema(max_length = 5000)]
    text: Option<String>,
    /// Who may read it from now on.
    audience: Option<Audience>,
    /// What its readers may do from now on; one that is left out becomes `everyone`.
    policies: Option<Policies>,
    /// The new place; empty for none.
    #[schema(max_length = 80)]
    place: Option<String>,
    /// The id of the new song, with the rules of a new post; empty for none.
    #[schema(max_length = 22, example = "5kT0vYq8Zb3mXw1RcHs9Gb")]
    song: Option<String>,
}

impl PostChangeBody {
    fn into_change(self) -> Result<PostChange, InvalidPost> {
        Ok(PostChange {
            text: self.text.as_deref().map(PostText::parse).transpose()?,
            audience: self.audience,
            policies: self.policies,
            place: self.place.as_deref().map(Place::parse).transpose()?,
            song: self.song.as_deref().map(SongChoice::parse).transpose()?,
        })
    }
}

/// Parameters of a read.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ShowParams {
    /// The token of the post's link, if it has the audience `link`.
    #[param(example = "5kT0vYq8Zb3mXw1RcHs9Ga")]
    link: Option<String>,
}

/// Writes a post.
///
/// The response has the post, and its URL in `Location`. Its `state` is `waiting` until all of its media can be shown;
/// until then only its author sees it. A mention lets nobody read it who could not read it without.
///
/// A post that mentions many people who don't know its author may be refused, with a `reason`, and a `verdict` that an
/// appeal names.
#[utoipa::path(
    post,
    path = "/v1/posts",
    operation_id = "create_post",
    tag = "posts",
    security(("token" = [])),
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day returns the post that the first one wrote",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    request_body = NewPostBody,
    responses(
        (
            status = 201,
            description = "The post",
            body = PostView,
            headers(
                ("Location" = String, description = "The URL of the post"),
            ),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.account_limited",
            "social.invalid_post",
            "social.no_such_media",
            "social.no_such_person",
            "social.no_such_song",
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
pub(super) async fn create(
    State(social): State<Social>,
    member: Member,
    effect: Effect,
    Json(body): Json<NewPostBody>,
) -> Result<impl IntoResponse, Error> {
    let (new, author) = (body.into_new_post()?, sender(&social, &member).await?);
    let number = author.person.number;
    let id = commands::create_post(&social, author, new, effect).await?;
    let post = queries::posts::get(&social, number, id, None).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("/v1/posts/{id}"))], Json(post)))
}

/// Returns a post.
///
/// One that the reader may not see is a 404, like one that does not exist. The URLs of its media are signed, and end
/// within an hour.
#[utoipa::path(
    get,
    path = "/v1/posts/{id}",
    operation_id = "show_post",
    tag = "posts",
    security((), ("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The post's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
        ShowParams,
    ),
    responses(
        (
            status = 200,
            description = "The post",
            body = PostView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.not_found", "request.invalid"])),
    ),
)]
pub(super) async fn show(
    State(social): State<Social>,
    member: Option<Member>,
    Path(id): Path<Uuid>,
    Query(params): Query<ShowParams>,
) -> Result<Json<PostView>, Error> {
    let reader = reader(&social, reader_of(member)).await?;
    Ok(Json(queries::posts::get(&social, reader, id, params.link.as_deref()).await?))
}

/// Changes a post of the caller's.
///
/// Its readers see the change at once. A post that gets the audience `link` gets a new link.
#[utoipa::path(
    patch,
    path = "/v1/posts/{id}",
    operation_id = "change_post",
    tag = "posts",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The post's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
    ),
    request_body = PostChangeBody,
    responses(
        (
            status = 200,
            description = "The post",
            body = PostView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.account_limited",
            "social.invalid_post",
            "social.no_such_person",
            "social.no_such_song",
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
    Json(body): Json<PostChangeBody>,
) -> Result<Json<PostView>, Error> {
    let (change, author) = (body.into_change()?, sender(&social, &member).await?);
    let number = author.person.number;
    commands::change_post(&social, author, id, change).await?;
    Ok(Json(queries::posts::get(&social, number, id, None).await?))
}

/// Removes a post of the caller's.
///
/// It is gone for good, with everything that belongs to it. Its media stay in the caller's library.
#[utoipa::path(
    delete,
    path = "/v1/posts/{id}",
    operation_id = "remove_post",
    tag = "posts",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The post's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
    ),
    responses(
        (
            status = 204,
            description = "Removed",
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_person", "social.not_found"])),
    ),
)]
pub(super) async fn remove(
    State(social): State<Social>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    commands::remove_post(&social, caller(&social, &member).await?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
