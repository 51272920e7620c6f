//! The public HTTP API of delivery.
//!
//! Invariant: no handler reads bytes before an extractor of [`access`] has authorized the caller.

mod access;
mod assets;
mod client_info;
mod files;
mod images;
mod redirect;
mod response;
mod streams;

pub(crate) use streams::PlaylistCache;

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Delivery;

fn routes() -> OpenApiRouter<Delivery> {
    OpenApiRouter::new()
        .routes(routes!(files::original))
        .routes(routes!(files::file))
        .routes(routes!(images::image))
        .routes(routes!(assets::poster))
        .routes(routes!(assets::storyboard))
        .routes(routes!(assets::sprite))
        .routes(routes!(assets::waveform))
        .routes(routes!(streams::master))
        .routes(routes!(streams::rendition))
}

/// Returns the routes. HEAD is supported wherever GET is.
pub(crate) fn router(delivery: Delivery) -> Router {
    routes().with_state(delivery).into()
}

/// Returns the OpenAPI description of this service.
pub(crate) fn openapi() -> OpenApi {
    routes().into_openapi()
}
