//! `/v1/topics`: the tags, places and songs that the caller follows.
//!
//! Invariant: a list is the caller's own; nobody else sees what a member follows besides people.

use axum::extract::State;
use contract::social::TopicKind;
use contract::social::views::TopicView;
use http_server::auth::Member;
use http_server::{Json, List, Page, Path, Query};

use super::relation_state::{RelationState, RelationWord, state};
use crate::commands;
use crate::error::Error;
use crate::known_people::caller;
use crate::model::Topic;
use crate::state::Social;
use crate::store;

/// Follows a tag, a place or a song.
///
/// Tags and places are the same in any case. Nothing changes if the caller follows it already.
#[utoipa::path(
    put,
    path = "/v1/topics/{kind}/{name}/follow",
    operation_id = "follow_topic",
    tag = "people",
    security(("token" = [])),
    params(
        (
            "kind" = TopicKind,
            Path,
            description = "What it is",
            example = "tag",
        ),
        (
            "name" = String,
            Path,
            description = "The tag, the place, or the id of the song",
            example = "karaoke",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The state",
            body = RelationState,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.invalid_topic",
            "social.no_such_person",
            "social.too_many_topics",
        ])),
    ),
)]
pub(super) async fn follow(
    State(social): State<Social>,
    member: Member,
    Path((kind, name)): Path<(TopicKind, String)>,
) -> Result<Json<RelationState>, Error> {
    let topic = Topic::parse(kind, &name).ok_or(Error::InvalidTopic)?;
    commands::follow_topic(&social, caller(&social, &member).await?, topic).await?;
    Ok(state(RelationWord::Following))
}

/// Ends following a tag, a place or a song.
///
/// Nothing changes if the caller does not follow it.
#[utoipa::path(
    delete,
    path = "/v1/topics/{kind}/{name}/follow",
    operation_id = "unfollow_topic",
    tag = "people",
    security(("token" = [])),
    params(
        (
            "kind" = TopicKind,
            Path,
            description = "What it is",
            example = "tag",
        ),
        (
            "name" = String,
            Path,
            description = "The tag, the place, or the id of the song",
            example = "karaoke",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The state",
            body = RelationState,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.invalid_topic",
            "social.no_such_person",
        ])),
    ),
)]
pub(super) async fn unfollow(
    State(social): State<Social>,
    member: Member,
    Path((kind, name)): Path<(TopicKind, String)>,
) -> Result<Json<RelationState>, Error> {
    let topic = Topic::parse(kind, &name).ok_or(Error::InvalidTopic)?;
    commands::unfollow_topic(&social, caller(&social, &member).await?, topic).await?;
    Ok(state(RelationWord::None))
}

/// Lists the tags, places and songs that the caller follows, by kind and name.
///
/// Continue with the `next` of a page as `after`.
#[utoipa::path(
    get,
    path = "/v1/topics",
    operation_id = "list_topics",
    tag = "people",
    security(("token" = [])),
    params(Page),
    responses(
        (
            status = 200,
            description = "A page of topics",
            body = List<TopicView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_person", "request.invalid"])),
    ),
)]
pub(super) async fn list(
    State(social): State<Social>,
    member: Member,
    Query(page): Query<Page>,
) -> Result<Json<List<TopicView>>, Error> {
    let (after, size) = (page.after.as_deref().map(parse_after).transpose()?, page.size());
    let caller = caller(&social, &member).await?;
    let sql = social.context.db.read();
    let mut topics = store::topics::list(sql, caller.number, after.as_ref(), size + 1).await?;
    let has_more = topics.len() > size;
    topics.truncate(size);
    let next = topics.last().filter(|_| has_more).map(|last| format!("{}:{}", last.kind.as_str(), last.name));
    Ok(Json(List { items: topics.into_iter().map(Topic::view).collect(), next }))
}

/// Returns the topic behind which a page begins.
fn parse_after(text: &str) -> Result<Topic, Error> {
    let (kind, name) = text.split_once(':').ok_or(Error::BadCursor)?;
    Topic::parse(kind.parse().map_err(|_| Error::BadCursor)?, name).ok_or(Error::BadCursor)
}
