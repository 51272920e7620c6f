//! `/.well-known/jwks.json`: the keys that access tokens are checked with (RFC 7517).
//!
//! Invariant: a key is published for longer than [`JWKS_CACHE_CONTROL`] before it signs, so a cached response is never
//! too old to verify a token.

use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use kit::http::Json;

use crate::accounts::Accounts;

/// How long clients may cache the response. Keys are published a day before they sign.
const JWKS_CACHE_CONTROL: &str = "public, max-age=300, stale-while-revalidate=3600";

/// Returns the public keys that verify access tokens.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "accounts", responses((status = 200, description = "A JWK set (RFC 7517) of Ed25519 keys", body = serde_json::Value)))]
pub(super) async fn jwks(State(accounts): State<Accounts>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, JWKS_CACHE_CONTROL)], Json(accounts.signing_keys.jwks().await))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_jwks_has_the_path_that_roles_request() {
        assert!(crate::api::openapi().paths.paths.contains_key(kit::auth::JWKS_PATH));
    }
}
