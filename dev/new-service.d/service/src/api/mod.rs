//! The HTTP API of this role.
//!
//! Owns parsing, authorisation and responses; the rules are elsewhere. Invariant: every handler takes a `Member`, whose
//! id is the owner of what it reads and writes.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

mod entries;

use axum::Router;
use axum::middleware::from_fn_with_state;
use http_server::Idempotency;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::NewService;

#[derive(utoipa::OpenApi)]
#[openapi(tags((name = "newservice", description = "Short texts that members keep for themselves.")))]
struct ApiDoc;

fn documented_routes() -> OpenApiRouter<NewService> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(entries::add, entries::list))
        .routes(routes!(entries::show, entries::remove))
}

/// Returns the OpenAPI part of this role.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    documented_routes().into_openapi()
}

/// Returns the routes.
pub(crate) fn router(newservice: &NewService) -> Router {
    let (router, _) = documented_routes().split_for_parts();
    let routes = router.with_state(newservice.clone());
    let context = &newservice.context;
    let idempotency = Idempotency::new(context.db.clone(), context.clock.clone(), routes.clone());
    routes.layer(from_fn_with_state(idempotency, Idempotency::layer))
}
