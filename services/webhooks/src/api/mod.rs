//! The HTTP API of this role: operations of the operators' listener.
//!
//! Owns parsing, authorisation and responses; the rules are elsewhere. Invariant: every handler takes an `Operator` of
//! the role that its `x-admin-role` names, and every one that changes something records an act.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

mod deliveries;
mod request_key;
mod views;
mod webhooks;

use axum::Router;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Webhooks;

#[derive(utoipa::OpenApi)]
#[openapi(tags((name = "webhooks", description = "For operators: receivers outside that are told of events.")))]
struct ApiDoc;

fn documented_routes() -> OpenApiRouter<Webhooks> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::show, webhooks::edit, webhooks::remove))
        .routes(routes!(webhooks::rotate_secret))
        .routes(routes!(webhooks::list_events))
        .routes(routes!(deliveries::send_test))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::redeliver))
}

/// Returns the OpenAPI part of this role.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    documented_routes().into_openapi()
}

/// Returns the routes.
pub(crate) fn router(webhooks: &Webhooks) -> Router {
    documented_routes().split_for_parts().0.with_state(webhooks.clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use http_server::problem::every_role;

    use super::*;
    use crate::codes;

    #[test]
    fn operations_list_codes_of_the_table_and_leave_none_out() {
        let document = serde_json::to_value(openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.values().flat_map(|path| path.as_object().unwrap().values());
        let listed: BTreeSet<&str> = operations
            .flat_map(|operation| operation["x-codes"].as_array().unwrap())
            .map(|code| code.as_str().unwrap())
            .collect();
        let known: BTreeSet<&str> = codes::CODES.iter().chain(every_role::CODES).map(|code| code.code).collect();
        assert_eq!(listed.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert_eq!(codes::CODES.iter().filter(|code| !listed.contains(code.code)).count(), 0);
    }
}
