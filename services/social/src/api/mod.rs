//! The HTTP API of this role.
//!
//! Owns parsing, authorisation and responses; the rules are elsewhere. Invariant: every handler that reads takes its
//! reader, a member or a visitor, and every handler that writes takes a `Member`.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

mod comments;
mod feeds;
mod greetings;
mod internal;
mod lists;
mod marks;
mod own_lists;
mod posts;
mod programme;
mod reactions;
mod relation_state;
mod relations;
mod report_decisions;
mod reports;
mod reposts;
mod talk_settings;
mod thread_parts;
mod thread_people;
mod threads;
mod topics;
mod visitor;

use axum::Router;
use axum::middleware::from_fn_with_state;
use contract::AccountId;
use http_server::auth::Member;
use http_server::{Idempotency, Page, compress_json};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::Error;
use crate::model::parse_cursor;
use crate::state::Social;

#[derive(utoipa::OpenApi)]
#[openapi(tags(
    (name = "people", description = "Who follows whom, requests, blocks, mutes and close friends."),
    (name = "posts", description = "What members show each other, and what they say about it."),
    (name = "feeds", description = "Lists of posts of many people: home, explore, and those with a tag or a song."),
    (name = "threads", description = "Threads that others join with a clip, and their programmes."),
    (name = "greetings", description = "Clips for one person, behind a link that opens without an account.")
))]
struct ApiDoc;

fn documented_routes() -> OpenApiRouter<Social> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(relations::follow, relations::unfollow))
        .routes(routes!(relations::block, relations::unblock))
        .routes(routes!(marks::mute, marks::unmute))
        .routes(routes!(marks::add_close, marks::remove_close))
        .routes(routes!(lists::followers))
        .routes(routes!(lists::following))
        .routes(routes!(lists::posts))
        .routes(routes!(lists::requests))
        .routes(routes!(lists::accept))
        .routes(routes!(lists::reject))
        .routes(routes!(own_lists::blocked))
        .routes(routes!(own_lists::muted))
        .routes(routes!(own_lists::close))
        .routes(routes!(own_lists::removals))
        .routes(routes!(topics::follow, topics::unfollow))
        .routes(routes!(topics::list))
        .routes(routes!(feeds::home))
        .routes(routes!(feeds::new_in_home))
        .routes(routes!(feeds::explore))
        .routes(routes!(feeds::tag))
        .routes(routes!(feeds::place))
        .routes(routes!(feeds::song))
        .routes(routes!(posts::create))
        .routes(routes!(posts::show, posts::change, posts::remove))
        .routes(routes!(comments::list, comments::create))
        .routes(routes!(comments::show, comments::remove))
        .routes(routes!(comments::approve))
        .routes(routes!(comments::pending))
        .routes(routes!(talk_settings::show, talk_settings::set))
        .routes(routes!(reactions::react, reactions::unreact))
        .routes(routes!(reactions::list))
        .routes(routes!(reactions::save, reactions::unsave))
        .routes(routes!(reactions::saved))
        .routes(routes!(reposts::create, reposts::remove))
        .routes(routes!(reposts::list))
        .routes(routes!(reposts::approve))
        .routes(routes!(reposts::remove_of_member))
        .routes(routes!(reports::create))
        .routes(routes!(reports::list))
        .routes(routes!(report_decisions::show))
        .routes(routes!(report_decisions::decide))
        .routes(routes!(greetings::create, greetings::list))
        .routes(routes!(greetings::open, greetings::remove))
        .routes(routes!(threads::open))
        .routes(routes!(threads::show, threads::change, threads::remove))
        .routes(routes!(thread_parts::join, thread_parts::list))
        .routes(routes!(thread_parts::show, thread_parts::remove))
        .routes(routes!(thread_parts::approve))
        .routes(routes!(thread_people::members))
        .routes(routes!(thread_people::invitations))
        .routes(routes!(thread_people::invite, thread_people::uninvite))
        .routes(routes!(thread_people::add_moderator, thread_people::remove_moderator))
        .routes(routes!(programme::show))
}

/// Returns the OpenAPI part of this role.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    documented_routes().into_openapi()
}

/// Returns the routes, public and internal.
pub(crate) fn router(social: &Social) -> Router {
    let (router, _) = documented_routes().split_for_parts();
    let routes = router.with_state(social.clone());
    let context = &social.context;
    let idempotency = Idempotency::new(context.db.clone(), context.clock.clone(), routes.clone());
    let routes = routes
        .layer(from_fn_with_state(idempotency, Idempotency::layer))
        .merge(internal::router().with_state(social.clone()));
    compress_json(routes)
}

/// Returns the account of a reader; `None` for a visitor.
fn reader_of(member: Option<Member>) -> Option<AccountId> {
    member.map(|member| AccountId(member.id()))
}

/// Returns the number or position below which a page begins.
fn before(page: &Page) -> Result<i64, Error> {
    page.after.as_deref().map_or(Ok(i64::MAX), |text| parse_cursor(text).ok_or(Error::BadCursor))
}
