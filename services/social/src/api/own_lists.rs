//! `/v1/me/blocked`, `/muted`, `/close` and `/removals`: what the caller has decided about others, and what moderators
//! have decided about the caller's posts and comments.
//!
//! Invariant: each list is the caller's own, and a cursor of one is none of another.

use axum::extract::State;
use contract::social::own_list_views::{BlockedPersonView, MutedPersonView, RemovalView};
use contract::social::views::PersonView;
use http_server::auth::Member;
use http_server::{Json, List, Page, Query};

use crate::error::Error;
use crate::known_people::caller;
use crate::model::Mark;
use crate::queries;
use crate::state::Social;
use crate::store::marks::Marked;

/// Returns a page of those whom the caller has marked so.
async fn marked(
    social: &Social,
    member: &Member,
    mark: Mark,
    page: &Page,
) -> Result<(Vec<Marked>, Option<String>), Error> {
    let number = caller(social, member).await?.number;
    queries::people::marked(social, number, mark, page.after.as_deref(), page.size()).await
}

/// Lists those whom the caller blocks.
///
/// Continue with the `next` of a page as `after`. The order stays the same, and means nothing. Who has blocked the
/// caller as well is listed like the others; members whose accounts are suspended are left out meanwhile.
#[utoipa::path(
    get,
    path = "/v1/me/blocked",
    operation_id = "list_blocked",
    tag = "people",
    security(("token" = [])),
    params(Page),
    responses(
        (
            status = 200,
            description = "A page of people",
            body = List<BlockedPersonView>,
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
pub(super) async fn blocked(
    State(social): State<Social>,
    member: Member,
    Query(page): Query<Page>,
) -> Result<Json<List<BlockedPersonView>>, Error> {
    let (found, next) = marked(&social, &member, Mark::Block, &page).await?;
    let view = |one: &Marked| Some(BlockedPersonView { person: one.person.view(), since: one.time? });
    Ok(Json(List { items: found.iter().filter_map(view).collect(), next }))
}

/// Lists those whom the caller mutes, with the end of each mute.
///
/// Continue with the `next` of a page as `after`. The order stays the same, and means nothing. Mutes that have ended
/// are left out, and members who are not shown to the caller.
#[utoipa::path(
    get,
    path = "/v1/me/muted",
    operation_id = "list_muted",
    tag = "people",
    security(("token" = [])),
    params(Page),
    responses(
        (
            status = 200,
            description = "A page of people",
            body = List<MutedPersonView>,
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
pub(super) async fn muted(
    State(social): State<Social>,
    member: Member,
    Query(page): Query<Page>,
) -> Result<Json<List<MutedPersonView>>, Error> {
    let (found, next) = marked(&social, &member, Mark::Mute, &page).await?;
    let view = |one: &Marked| MutedPersonView { person: one.person.view(), until: one.time };
    Ok(Json(List { items: found.iter().map(view).collect(), next }))
}

/// Lists the close friends of the caller.
///
/// Continue with the `next` of a page as `after`. The order stays the same, and means nothing. Members who are not
/// shown to the caller are left out.
#[utoipa::path(
    get,
    path = "/v1/me/close",
    operation_id = "list_close_friends",
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
            "social.wrong_cursor",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn close(
    State(social): State<Social>,
    member: Member,
    Query(page): Query<Page>,
) -> Result<Json<List<PersonView>>, Error> {
    let (found, next) = marked(&social, &member, Mark::Close, &page).await?;
    Ok(Json(List { items: found.iter().map(|one| one.person.view()).collect(), next }))
}

/// Lists what moderators of the site have removed of the caller's, the last first.
///
/// Continue with the `next` of a page as `after`. Each has the reason, and not who has reported it. It is listed for as
/// long as reports are kept (`social.report_days`). Parts that were removed from a thread by its opener or moderators
/// are not here: their authors read the reason in the part.
#[utoipa::path(
    get,
    path = "/v1/me/removals",
    operation_id = "list_removals",
    tag = "posts",
    security(("token" = [])),
    params(Page),
    responses(
        (
            status = 200,
            description = "A page of posts and comments that are gone",
            body = List<RemovalView>,
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
pub(super) async fn removals(
    State(social): State<Social>,
    member: Member,
    Query(page): Query<Page>,
) -> Result<Json<List<RemovalView>>, Error> {
    let (number, after) = (caller(&social, &member).await?.number, page.after.as_deref());
    let (items, next) = queries::removals::list(&social, number, after, page.size()).await?;
    Ok(Json(List { items, next }))
}
