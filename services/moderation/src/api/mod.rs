//! The HTTP API of this role.
//!
//! Owns parsing, authorisation and responses; the rules are elsewhere. Invariant: a handler of the queue takes an
//! `Operator<Moderator>`; one for members takes a `Member`, whose id is the owner of what it reads.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

mod counts;
mod decide;
mod own;
mod queue;
mod views;

use axum::Router;
use axum::middleware::from_fn_with_state;
use contract::AccountId;
use http::{HeaderName, header};
use http_server::Idempotency;
use http_server::operators::Actor;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Moderation;

const NO_STORE: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

#[derive(utoipa::OpenApi)]
#[openapi(tags((name = "moderation", description = "What moderators have decided about the caller, and appeals.")))]
struct ApiDoc;

fn documented_routes() -> OpenApiRouter<Moderation> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(own::list))
        .routes(routes!(own::show))
        .routes(routes!(own::appeal))
        .routes(routes!(queue::list))
        .routes(routes!(queue::show))
        .routes(routes!(queue::list_like))
        .routes(routes!(queue::claim, queue::release))
        .routes(routes!(decide::decide))
        .routes(routes!(counts::list))
}

/// Returns the OpenAPI part of this role.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    documented_routes().into_openapi()
}

/// Returns the routes.
pub(crate) fn router(moderation: &Moderation) -> Router {
    let (router, _) = documented_routes().split_for_parts();
    let routes = router.with_state(moderation.clone());
    let context = &moderation.context;
    let idempotency = Idempotency::new(context.db.clone(), context.clock.clone(), routes.clone());
    routes.layer(from_fn_with_state(idempotency, Idempotency::layer))
}

/// Returns the account of an operator, whose token always names one.
fn account_of(actor: &Actor) -> AccountId {
    AccountId(actor.account.unwrap_or_default())
}
