//! The HTTP API of this role.
//!
//! Invariant: a handler that needs a signed-in member takes an [`authenticated::Authenticated`], whose session has not
//! ended; one that needs an operator takes an `Operator` of the role that its `x-admin-role` names.

mod accounts;
mod api_keys;
mod audit;
mod authenticated;
mod client_info;
mod email;
mod export_archive;
mod exports;
mod factor_body;
mod factors;
mod flags;
mod internal;
mod jwks;
mod me;
mod operators;
mod operators_views;
mod passkey_sign_in;
mod passwords;
mod sessions;
mod sign_ins;
mod sign_ups;
mod standings;
mod team_keys;
mod token_transport;
mod views;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest as _, Request};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use http_server::problem::every_role;
use http_server::{Json, MAX_JSON_BYTES, Problem};
use serde::de::DeserializeOwned;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::Error;
use crate::state::Accounts;

#[derive(utoipa::OpenApi)]
#[openapi(tags(
    (name = "accounts", description = "Signing up and in, sessions, the own account, profiles."),
    (name = "operators", description = "For operators: members, audit trail, timed jobs, dead letters."),
))]
struct ApiDoc;

/// Returns the router.
pub(crate) fn router(state: Accounts) -> Router {
    routes().with_state(state.clone()).split_for_parts().0.merge(internal::router().with_state(state))
}

/// Returns the OpenAPI part of this role.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<Accounts> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(accounts::sign_up))
        .routes(routes!(accounts::profile))
        .routes(routes!(sign_ups::challenge))
        .routes(routes!(sessions::sign_in, sessions::list, sessions::end_all))
        .routes(routes!(sessions::refresh))
        .routes(routes!(sessions::end_current))
        .routes(routes!(sessions::end))
        .routes(routes!(me::show, me::edit, me::erase))
        .routes(routes!(me::change_password))
        .routes(routes!(email::change))
        .routes(routes!(email::send_confirmation))
        .routes(routes!(email::confirm))
        .routes(routes!(passwords::forgotten))
        .routes(routes!(passwords::reset))
        .routes(routes!(sign_ins::list))
        .routes(routes!(factors::list, factors::begin))
        .routes(routes!(factors::confirm))
        .routes(routes!(factors::remove))
        .routes(routes!(factors::replace_recovery_codes))
        .routes(routes!(factors::prove))
        .routes(routes!(passkey_sign_in::begin))
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::remove))
        .routes(routes!(exports::request))
        .routes(routes!(exports::list))
        .routes(routes!(exports::show))
        .routes(routes!(export_archive::download))
        .routes(routes!(standings::suspend))
        .routes(routes!(standings::restore))
        .routes(routes!(standings::list))
        .routes(routes!(jwks::jwks))
        .routes(routes!(operators::search))
        .routes(routes!(operators::show))
        .routes(routes!(operators::change_roles))
        .routes(routes!(audit::list))
        .routes(routes!(flags::list))
        .routes(routes!(flags::set))
        .routes(routes!(team_keys::list, team_keys::create))
        .routes(routes!(team_keys::remove))
}

/// Parses a JSON body that may be absent, because many clients and proxies send DELETE without a body.
async fn optional_json<T: DeserializeOwned>(request: Request) -> Result<Option<T>, Error> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_JSON_BYTES).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Problem::of(every_role::TOO_LARGE, "The JSON body is larger than 64 KB.")
        } else {
            Problem::of(every_role::BROKEN_OFF, "The body of the request broke off, or was malformed.")
        }
    })?;
    let body = body.to_bytes();
    if body.is_empty() {
        return Ok(None);
    }
    let Json(body) = Json::from_request(Request::from_parts(parts, Body::from(body)), &()).await?;
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
        let without_operation = codes::CODES.iter().filter(|code| !listed.contains(code.code));
        assert_eq!(without_operation.count(), 0);
    }
}
