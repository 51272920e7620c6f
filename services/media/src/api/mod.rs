//! The HTTP API of media.
//!
//! Owns parsing, authorization and responses; the rules are elsewhere. Invariant: everything about an item is for its
//! owner, except reading a public or unlisted one, or one by a link that has not expired. Any other caller receives the
//! same error as for an item that does not exist. Operators see items at their own listener, and no private files.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

mod album_items;
mod albums;
mod caption_streams;
mod captions;
mod claims;
mod create;
mod form;
mod internal;
mod item_events;
mod items;
mod listed_pictures;
mod multipart;
mod operation_codes;
mod operators;
mod share_links;
mod storage;
mod trash;
mod tus;
mod tus_headers;
mod upload_params;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};
use http_server::{Idempotency, compress_json};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Media;
use crate::error::Error;
use crate::ingest::BodyReader;
use crate::model::Item;
use crate::model::view::{MediaView, UrlSigningContext, Viewer};

#[derive(utoipa::OpenApi)]
#[openapi(tags(
    (name = "media", description = "Photos, audio files and videos: sending, finding, changing, removing."),
    (name = "albums", description = "Named, ordered sets of items, to show and to share."),
    (name = "uploads", description = "Resumable uploads: tus 1.0.0.")
))]
struct ApiDoc;

fn documented_routes() -> OpenApiRouter<Media> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(create::create, items::list))
        .routes(routes!(create::create_from_form))
        .routes(routes!(claims::claim))
        .routes(routes!(items::get, items::change, items::remove))
        .routes(routes!(trash::restore))
        .routes(routes!(storage::show))
        .routes(routes!(captions::put, captions::get, captions::remove))
        .routes(routes!(caption_streams::captions_playlist))
        .routes(routes!(caption_streams::captions_segment))
        .routes(routes!(item_events::events))
        .routes(routes!(albums::create, albums::list))
        .routes(routes!(albums::get, albums::change, albums::remove))
        .routes(routes!(album_items::add, album_items::list))
        .routes(routes!(album_items::change_place, album_items::remove))
        .routes(routes!(share_links::create, share_links::list))
        .routes(routes!(share_links::get, share_links::revoke))
        .routes(routes!(share_links::open))
        .routes(routes!(operators::list))
        .routes(routes!(operators::show))
        .routes(routes!(operators::retry))
        .routes(routes!(listed_pictures::list, listed_pictures::import))
        .routes(routes!(listed_pictures::show, listed_pictures::remove))
        .routes(routes!(operators::mark))
        .merge(tus_routes())
}

fn tus_routes() -> OpenApiRouter<Media> {
    OpenApiRouter::new()
        .routes(routes!(tus::options, tus::create))
        .routes(routes!(tus::head, tus::patch, tus::cancel, tus::method_override, tus::options_of_one))
        .layer(from_fn(tus::require_version))
}

/// Returns the OpenAPI description of this service.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    documented_routes().into_openapi()
}

/// Returns the routes, public and internal.
pub(crate) fn router(media: &Media) -> Router {
    let (router, _) = documented_routes().split_for_parts();
    let routes = router.with_state(media.clone());
    let idempotency = Idempotency::new(media.context.db.clone(), media.context.clock.clone(), routes.clone());
    let routes = routes
        .layer(from_fn_with_state(idempotency, Idempotency::layer))
        .merge(internal::router().with_state(media.clone()))
        // Bodies are streamed, and limited by their type.
        .layer(DefaultBodyLimit::disable());
    compress_json(routes)
}

/// Returns an item as this viewer sees it.
fn view(media: &Media, item: &Item, viewer: &Viewer) -> MediaView {
    let signing = UrlSigningContext {
        signer: &media.context.url_signer,
        now: media.context.clock.now(),
        valid_for: media.config.signed_url_ttl(),
    };
    item.view(viewer, &signing)
}

/// Returns the response to a client whose bytes are refused, without waiting for the rest of them. The listener reads
/// what still arrives for a while.
fn refuse(media: &Media, error: Error, body: &BodyReader) -> Response {
    let problem = error.problem();
    media.metrics.upload_refused(&problem.code);
    let mut response = problem.into_response();
    if body.has_more() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[cfg(test)]
mod tests {
    use http_server::problem::every_role;

    use super::*;

    #[test]
    fn every_operation_has_an_id_and_codes_of_the_tables() {
        let document = serde_json::to_value(openapi()).unwrap();
        let known: Vec<&str> = crate::codes::CODES.iter().chain(every_role::CODES).map(|code| code.code).collect();
        let mut operations = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap().iter().filter(|(_, one)| one.is_object()) {
                operations += 1;
                assert!(operation["operationId"].is_string(), "{method} {path}");
                let codes = operation["x-codes"].as_array().unwrap_or_else(|| panic!("{method} {path} has no codes"));
                for code in codes.iter().map(|code| code.as_str().unwrap()) {
                    // Some have a status before them.
                    let name = code.rsplit(' ').next().unwrap();
                    assert!(known.contains(&name), "{method} {path}: {code}");
                }
            }
        }
        assert_eq!(operations, 44);
    }
}
