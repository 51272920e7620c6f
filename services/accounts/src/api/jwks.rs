//! `/.well-known/jwks.json`: the keys that access tokens are checked with (RFC 7517).
//!
//! Invariant: a key is published for longer than [`JWKS_CACHE_CONTROL`] before it signs, so a cached response is never
//! too old to verify a token.

use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use http_server::Json;

use crate::state::Accounts;

/// How long clients may cache the response. Keys are published a day before they sign.
const JWKS_CACHE_CONTROL: &str = "public, max-age=300, stale-while-revalidate=3600";

/// Returns the public keys that verify access tokens.
///
/// A new key is listed a day before it signs, and is removed after the last token that it signed has expired.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "list_signing_keys",
    tag = "accounts",
    responses(
        (
            status = 200,
            description = "A JWK set (RFC 7517) of Ed25519 keys",
            body = serde_json::Value,
            example = json!({
                "keys": [
                    {
                        "kty": "OKP",
                        "crv": "Ed25519",
                        "use": "sig",
                        "alg": "EdDSA",
                        "kid": "5d0c9a4be1f24f0a8c7e6b3d2a190f84",
                        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                    },
                ],
            }),
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
    ),
)]
pub(super) async fn jwks(State(accounts): State<Accounts>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, JWKS_CACHE_CONTROL)], Json(accounts.signing_keys.jwks().await))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_jwks_has_the_path_that_roles_request() {
        assert!(crate::api::openapi().paths.paths.contains_key(http_server::auth::JWKS_PATH));
    }
}
