//! The extractor of [`ClientInfo`]: the client's address and the request's `Idempotency-Key`.
//!
//! The gateway sets `x-tutti-client` to the client's address on every request. Without a gateway, the address is that
//! of the connection. Invariant: an `Idempotency-Key` leaves this module as a hash only.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, OriginalUri};
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use http_server::{LISTENER, OPERATORS_LISTENER};

use crate::error::Error;
use crate::model::ClientInfo;
use crate::tokens::sha256;

const CLIENT_HEADER: HeaderName = HeaderName::from_static("x-tutti-client");
const IDEMPOTENCY_KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");

impl<S: Send + Sync> FromRequestParts<S> for ClientInfo {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let operators = is_of_operators(&parts.headers);
        Ok(Self { address: client_address(parts), request_key: request_key(parts)?, operators })
    }
}

/// Whether a request came through the operators' listener, which says so in a header that no client can set.
pub(super) fn is_of_operators(headers: &HeaderMap) -> bool {
    headers.get(LISTENER).is_some_and(|listener| listener == OPERATORS_LISTENER)
}

fn client_address(parts: &Parts) -> Option<IpAddr> {
    let from_header = parts.headers.get(CLIENT_HEADER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    from_header.or_else(|| parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip()))
}

fn request_key(parts: &Parts) -> Result<Option<Vec<u8>>, Error> {
    let Some(key) = parts.headers.get(IDEMPOTENCY_KEY_HEADER) else { return Ok(None) };
    if key.is_empty() || key.len() > 255 {
        return Err(Error::BadIdempotencyKey);
    }
    // The hash includes the path, so that one key at two operations is two keys.
    let path = parts.extensions.get::<OriginalUri>().map_or(parts.uri.path(), |uri| uri.path());
    Ok(Some(sha256(&[path.as_bytes(), b"\0", key.as_bytes()].concat())))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn extract(request: http::request::Builder) -> Result<ClientInfo, Error> {
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        ClientInfo::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn the_address_from_the_gateway_takes_precedence() {
        let peer = SocketAddr::from(([10, 0, 0, 1], 1));
        let direct = extract(http::Request::post("/v1/sessions").extension(ConnectInfo(peer))).await.unwrap();
        assert_eq!(direct.address, Some(peer.ip()));
        let forwarded = extract(
            http::Request::post("/v1/sessions").extension(ConnectInfo(peer)).header(CLIENT_HEADER, "2001:db8::7"),
        )
        .await
        .unwrap();
        assert_eq!(forwarded.address, Some("2001:db8::7".parse().unwrap()));
        assert_eq!(extract(http::Request::post("/v1/sessions")).await.unwrap().address, None);
    }

    #[tokio::test]
    async fn an_idempotency_key_is_hashed_with_its_path() {
        let at = async |path: &str, key: &str| {
            extract(http::Request::post(path).header(IDEMPOTENCY_KEY_HEADER, key))
                .await
                .map(|client| client.request_key)
        };
        assert_eq!(at("/v1/accounts", "k").await.unwrap(), at("/v1/accounts", "k").await.unwrap());
        assert_ne!(at("/v1/accounts", "k").await.unwrap(), at("/v1/sessions", "k").await.unwrap());
        assert!(matches!(at("/v1/accounts", "").await, Err(Error::BadIdempotencyKey)));
        assert!(matches!(at("/v1/accounts", &"k".repeat(256)).await, Err(Error::BadIdempotencyKey)));
    }
}
