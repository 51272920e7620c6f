//! The public addresses of this role.
//!
//! Invariant: no handler touches bytes before an extractor of [`access`] has let its reader in.

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

/// The routes, ready to serve. HEAD goes wherever GET goes.
pub(crate) fn router(delivery: Delivery) -> Router {
    routes().with_state(delivery).into()
}

/// This role's part of the public interface.
pub(crate) fn openapi() -> OpenApi {
    routes().into_openapi()
}
