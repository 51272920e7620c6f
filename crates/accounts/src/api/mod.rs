//! The HTTP API of this role.
//!
//! Invariant: a handler that needs a signed-in member takes an [`authenticated::Authenticated`], whose session has not
//! ended.

mod accounts;
mod authenticated;
mod client_info;
mod jwks;
mod me;
mod sessions;
mod token_transport;
mod views;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest as _, Request};
use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use kit::http::Json;
use serde::de::DeserializeOwned;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::Accounts;
use crate::error::Error;

const MAX_OPTIONAL_BODY_BYTES: usize = 64 * 1024;

/// Returns the router.
pub(crate) fn router(state: Accounts) -> Router {
    routes().with_state(state).split_for_parts().0
}

/// Returns the OpenAPI part of this role.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<Accounts> {
    OpenApiRouter::new()
        .routes(routes!(accounts::sign_up))
        .routes(routes!(accounts::profile))
        .routes(routes!(sessions::sign_in, sessions::list, sessions::end_all))
        .routes(routes!(sessions::refresh))
        .routes(routes!(sessions::end_current))
        .routes(routes!(sessions::end))
        .routes(routes!(me::show, me::edit, me::erase))
        .routes(routes!(me::change_password))
        .routes(routes!(jwks::jwks))
}

/// Parses a JSON body that may be absent, because many clients and proxies send DELETE without a body.
async fn optional_json<T: DeserializeOwned>(request: Request) -> Result<Option<T>, Error> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_OPTIONAL_BODY_BYTES).collect().await;
    let body = body
        .map_err(|_| {
            kit::Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "request.too_large", "The JSON body is larger than 64 KB.")
        })?
        .to_bytes();
    if body.is_empty() {
        return Ok(None);
    }
    let Json(body) = Json::from_request(Request::from_parts(parts, Body::from(body)), &()).await?;
    Ok(Some(body))
}
