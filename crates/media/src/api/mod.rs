//! The HTTP face of receiving.
//!
//! Owns parsing, authorising and answering; rules are elsewhere. Invariant: everything about one item is its owner's, except reading
//! what is public or unlisted; anybody else is told that there is no such item.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

mod claims;
mod create;
mod form;
mod items;
mod live;
mod multipart;
mod neighbours;
mod tus;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::options;
use http::{HeaderValue, header};
use kit::http::Idempotency;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Media;
use crate::error::Error;
use crate::ingest::Feed;
use crate::model::Item;
use crate::model::view::{Addresses, MediaView, Reader};

#[derive(utoipa::OpenApi)]
#[openapi(tags(
    (name = "media", description = "Photos, sounds and videos: sending, finding, changing, removing."),
    (name = "uploads", description = "Resumable uploads: tus 1.0.0.")
))]
struct Document;

fn documented() -> OpenApiRouter<Media> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(create::create, items::list))
        .routes(routes!(claims::claim))
        .routes(routes!(items::get, items::change, items::remove))
        .routes(routes!(live::events))
        .merge(resumable())
}

fn resumable() -> OpenApiRouter<Media> {
    OpenApiRouter::new()
        .routes(routes!(tus::options, tus::create))
        .routes(routes!(tus::head, tus::patch, tus::cancel, tus::disguised))
        .route("/v1/uploads/{id}", options(tus::options))
        .layer(from_fn(tus::version))
}

/// This role's part of the public interface.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    documented().into_openapi()
}

/// The routes.
pub(crate) fn router(media: &Media) -> Router {
    let (router, _) = documented().split_for_parts();
    let routes = router.with_state(media.clone());
    let idempotency = Idempotency::new(media.context.db.clone(), media.context.clock.clone(), routes.clone());
    routes
        .layer(from_fn_with_state(idempotency, Idempotency::layer))
        .merge(neighbours::router().with_state(media.clone()))
        // Bodies are streamed and limited by what they are.
        .layer(DefaultBodyLimit::disable())
}

impl Media {
    /// An item as this reader sees it.
    pub(crate) fn view(&self, item: &Item, reader: &Reader) -> MediaView {
        let addresses = Addresses { grants: &self.context.grants, now: self.context.clock.now(), lasts: self.config.address_lasts() };
        item.view(reader, &addresses)
    }
}

/// Answers a sender whose bytes are refused, without waiting for the rest of them. The door takes what still comes for a while.
fn refuse(media: &Media, error: Error, feed: &Feed) -> Response {
    let problem = error.problem();
    media.figures.refused(&problem.code);
    let mut response = problem.into_response();
    if feed.has_more() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
