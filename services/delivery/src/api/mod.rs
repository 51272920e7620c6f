//! The public HTTP API of delivery.
//!
//! Invariant: no handler reads bytes before an extractor of [`access`] has authorized the caller.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

mod access;
mod assets;
mod client_info;
mod documentation;
mod downloads;
mod file_headers;
mod files;
mod images;
mod internal;
mod redirect;
mod response;
mod streams;

use axum::Router;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Delivery;

#[derive(utoipa::OpenApi)]
#[openapi(tags((
    name = "delivery",
    description = "Reading media: files, archives, image sizes, posters, HLS streams.",
)))]
struct ApiDoc;

fn routes() -> OpenApiRouter<Delivery> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(files::original))
        .routes(routes!(files::file))
        .routes(routes!(downloads::create_download))
        .routes(routes!(downloads::zip))
        .routes(routes!(images::image))
        .routes(routes!(assets::poster))
        .routes(routes!(assets::storyboard))
        .routes(routes!(assets::sprite))
        .routes(routes!(assets::waveform))
        .routes(routes!(assets::motion))
        .routes(routes!(streams::master))
        .routes(routes!(streams::rendition_playlist))
        .routes(routes!(streams::init_segment))
        .routes(routes!(streams::segment))
}

/// Returns the routes, public and internal. HEAD is supported wherever GET is.
pub(crate) fn router(delivery: Delivery) -> Router {
    let public: Router = routes().with_state(delivery.clone()).into();
    public.merge(internal::router().with_state(delivery))
}

/// Returns the OpenAPI description of this service.
pub(crate) fn openapi() -> OpenApi {
    routes().into_openapi()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use http_server::problem::every_role;

    use crate::codes;

    #[test]
    fn every_operation_has_its_own_id_and_codes_that_exist() {
        let document = serde_json::to_value(super::openapi()).unwrap();
        let known: HashSet<&str> = codes::CODES.iter().chain(every_role::CODES).map(|code| code.code).collect();
        let mut ids = HashSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            let operation = item.get("get").unwrap_or(&item["post"]);
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{path}");
            assert!(operation["summary"].is_string() && operation["security"].is_array(), "{path}");
            for code in operation["x-codes"].as_array().unwrap() {
                assert!(known.contains(code.as_str().unwrap()), "{path}: {code}");
            }
        }
        assert_eq!(ids.len(), 14);
    }
}
