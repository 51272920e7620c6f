//! `/v1/feeds`: home, explore, and the posts with a tag, at a place or with a song.
//!
//! Invariant: a cursor is one of its feed only, and a page is full as long as there is something that the reader may
//! see.

use axum::extract::State;
use contract::social::TopicKind;
use contract::social::views::{FeedView, NewPostsView, PostView};
use http_server::auth::Member;
use http_server::{Json, List, Page, Path, Query};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::reader_of;
use crate::commands;
use crate::error::Error;
use crate::known_people::{caller, reader};
use crate::model::{Person, Topic};
use crate::queries::feeds;
use crate::state::Social;

/// The order of explore.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExploreSort {
    /// The newest first.
    #[default]
    Recent,
    /// What has many reactions lately, not many posts of one author in a row. The order is made anew every few
    /// minutes, and a walk goes on in the order with which it began.
    Rising,
}

/// Which part of explore.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExploreParams {
    /// The order; `recent` by default.
    #[serde(default)]
    #[param(inline, example = "recent")]
    sort: ExploreSort,
    /// How many posts, 1–100; 50 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    after: Option<String>,
}

/// What to count.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct NewParams {
    /// The `marker` of the page of home that is shown.
    #[param(example = "h-854775807000000099")]
    since: String,
}

/// Returns a page of a member's home, and sees to it that the next ones are fast.
pub(super) async fn home_of(
    social: &Social,
    member: Person,
    after: Option<&str>,
    size: usize,
) -> Result<FeedView, Error> {
    let (page, wants_entries) = feeds::home(social, member.number, after, size).await?;
    if wants_entries {
        let number = member.number;
        if let Err(error) = commands::want_feed(social, member).await {
            // The page is complete without entries; the next read asks for them again.
            tracing::warn!(%error, person = number.0, "entries of a feed could not be asked for");
        }
    }
    Ok(page)
}

/// Returns a page of the caller's home.
///
/// It has what the people, tags, places and songs show that the caller follows, and the caller's own posts, the newest
/// first; nothing of muted members. Continue with the `next` of a page as `after`.
#[utoipa::path(
    get,
    path = "/v1/feeds/home",
    operation_id = "show_home_feed",
    tag = "feeds",
    security(("token" = [])),
    params(Page),
    responses(
        (
            status = 200,
            description = "A page of posts",
            body = FeedView,
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
pub(super) async fn home(
    State(social): State<Social>,
    member: Member,
    Query(page): Query<Page>,
) -> Result<Json<FeedView>, Error> {
    let caller = caller(&social, &member).await?;
    Ok(Json(home_of(&social, caller, page.after.as_deref(), page.size()).await?))
}

/// Counts the posts that are new in the caller's home.
///
/// Ask now and then, and read home again when the member wants to see them.
#[utoipa::path(
    get,
    path = "/v1/feeds/home/new",
    operation_id = "count_new_posts",
    tag = "feeds",
    security(("token" = [])),
    params(NewParams),
    responses(
        (
            status = 200,
            description = "How many posts are new",
            body = NewPostsView,
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
pub(super) async fn new_in_home(
    State(social): State<Social>,
    member: Member,
    Query(params): Query<NewParams>,
) -> Result<Json<NewPostsView>, Error> {
    let caller = caller(&social, &member).await?;
    Ok(Json(feeds::new_in_home(&social, caller.number, &params.since).await?))
}

/// Lists posts for everyone.
///
/// Nothing of members whose profile is private, nor of muted ones. Continue with the `next` of a page as `after`.
#[utoipa::path(
    get,
    path = "/v1/feeds/explore",
    operation_id = "explore",
    tag = "feeds",
    security((), ("token" = [])),
    params(ExploreParams),
    responses(
        (
            status = 200,
            description = "A page of posts",
            body = List<PostView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.wrong_cursor",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn explore(
    State(social): State<Social>,
    member: Option<Member>,
    Query(params): Query<ExploreParams>,
) -> Result<Json<List<PostView>>, Error> {
    let reader = reader(&social, reader_of(member)).await?;
    let page = Page { limit: params.limit, after: params.after };
    let (items, next) = match params.sort {
        ExploreSort::Recent => feeds::recent(&social, reader, page.after.as_deref(), page.size()).await?,
        ExploreSort::Rising => feeds::rising(&social, reader, page.after.as_deref(), page.size()).await?,
    };
    Ok(Json(List { items, next }))
}

/// Lists the posts with a tag that the reader may see, the newest first.
///
/// The case of the tag doesn't matter. Continue with the `next` of a page as `after`.
#[utoipa::path(
    get,
    path = "/v1/feeds/tags/{tag}",
    operation_id = "list_tagged_posts",
    tag = "feeds",
    security((), ("token" = [])),
    params(
        (
            "tag" = String,
            Path,
            description = "The tag, without the number sign",
            example = "karaoke",
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
            "social.invalid_topic",
            "social.wrong_cursor",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn tag(
    State(social): State<Social>,
    member: Option<Member>,
    Path(tag): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<List<PostView>>, Error> {
    let topic = Topic::parse(TopicKind::Tag, &tag).ok_or(Error::InvalidTopic)?;
    let reader = reader(&social, reader_of(member)).await?;
    let (items, next) = feeds::topic(&social, reader, &topic, page.after.as_deref(), page.size()).await?;
    Ok(Json(List { items, next }))
}

/// Lists the posts at a place that the reader may see, the newest first.
///
/// The case of the place and its spaces don't matter. Continue with the `next` of a page as `after`.
#[utoipa::path(
    get,
    path = "/v1/feeds/places/{place}",
    operation_id = "list_posts_at_place",
    tag = "feeds",
    security((), ("token" = [])),
    params(
        (
            "place" = String,
            Path,
            description = "The place, as posts name it",
            example = "The Bar",
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
            "social.invalid_topic",
            "social.wrong_cursor",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn place(
    State(social): State<Social>,
    member: Option<Member>,
    Path(place): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<List<PostView>>, Error> {
    let topic = Topic::parse(TopicKind::Place, &place).ok_or(Error::InvalidTopic)?;
    let reader = reader(&social, reader_of(member)).await?;
    let (items, next) = feeds::topic(&social, reader, &topic, page.after.as_deref(), page.size()).await?;
    Ok(Json(List { items, next }))
}

/// Lists the posts with a song that the reader may see, the newest first.
///
/// The list is empty if the song is not shown to the reader, as if there were none. Continue with the `next` of a page
/// as `after`.
#[utoipa::path(
    get,
    path = "/v1/feeds/songs/{id}",
    operation_id = "list_posts_with_song",
    tag = "feeds",
    security((), ("token" = [])),
    params(
        (
            "id" = String,
            Path,
            description = "The id of the song",
            example = "5kT0vYq8Zb3mXw1RcHs9Gb",
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
            "social.invalid_topic",
            "social.wrong_cursor",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn song(
    State(social): State<Social>,
    member: Option<Member>,
    Path(id): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<List<PostView>>, Error> {
    let topic = Topic::parse(TopicKind::Song, &id).ok_or(Error::InvalidTopic)?;
    let reader = reader(&social, reader_of(member)).await?;
    let (items, next) = feeds::topic(&social, reader, &topic, page.after.as_deref(), page.size()).await?;
    Ok(Json(List { items, next }))
}
