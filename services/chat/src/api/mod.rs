//! The HTTP API of this role.
//!
//! Owns parsing, authorisation and responses; the rules are elsewhere. Invariant: every handler takes a `Member`, the
//! socket by its handshake, and reads and writes as that member.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

mod conversation_views;
mod conversations;
mod follower;
mod groups;
mod marks;
mod messages;
mod reactions;
mod reports;
mod settings;
mod socket;
mod stream;
mod views;

use axum::Router;
use axum::middleware::from_fn_with_state;
use contract::AccountId;
use http_server::auth::Member;
use http_server::{Idempotency, compress_json};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::model::Author;
use crate::state::Chat;

#[derive(utoipa::OpenApi)]
#[openapi(
    tags(
        (name = "chat", description = "Conversations of two and of groups, requests, and verdicts about what is sent.")
    ),
    components(schemas(socket::ClientFrame, socket::ServerFrame))
)]
struct ApiDoc;

fn documented_routes() -> OpenApiRouter<Chat> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(conversations::list, conversations::create))
        .routes(routes!(conversations::show, conversations::change, conversations::leave))
        .routes(routes!(messages::list, messages::send))
        .routes(routes!(messages::show, messages::edit, messages::remove))
        .routes(routes!(reports::report))
        .routes(routes!(reactions::react, reactions::unreact))
        .routes(routes!(marks::accept))
        .routes(routes!(marks::decline))
        .routes(routes!(marks::read))
        .routes(routes!(marks::delivered))
        .routes(routes!(marks::typing))
        .routes(routes!(marks::changes))
        .routes(routes!(groups::add))
        .routes(routes!(groups::remove))
        .routes(routes!(groups::add_admin, groups::remove_admin))
        .routes(routes!(groups::renew_invite, groups::remove_invite))
        .routes(routes!(groups::join))
        .routes(routes!(settings::show, settings::set))
        .routes(routes!(stream::follow))
        .routes(routes!(socket::open))
}

/// Returns the OpenAPI part of this role.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    documented_routes().into_openapi()
}

/// Returns the routes.
pub(crate) fn router(chat: &Chat) -> Router {
    let (router, _) = documented_routes().split_for_parts();
    let routes = router.with_state(chat.clone());
    let context = &chat.context;
    let idempotency = Idempotency::new(context.db.clone(), context.clock.clone(), routes.clone());
    compress_json(routes.layer(from_fn_with_state(idempotency, Idempotency::layer)))
}

/// Returns who sends something, by the access token.
fn author(member: &Member) -> Author {
    Author { account: AccountId(member.id()), is_confirmed: member.0.confirmed }
}
