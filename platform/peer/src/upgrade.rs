//! WebSockets to an instance: the handshake as a request, then the connection itself (RFC 6455 §4).
//!
//! Owns no frames; the two ends interpret them. Invariant: only a WebSocket handshake is ever passed on as an upgrade,
//! and a tunnel begins only with the instance's own 101.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Version};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;

use super::Error;
use super::connection::{Connection, ExchangeError, HandshakeResponse};
use super::headers;
use super::instance::InFlight;
use super::upstream::Upstream;
use http_server::Deadline;

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// The result of a handshake.
pub enum UpgradeOutcome {
    /// An ordinary response; also that of a role that runs in this process, which needs no tunnel.
    Responded(Response),
    /// The response (101) for the client, and the connection to the role.
    Tunnel(Response, Tunnel),
}

/// A connection to an instance that has switched to WebSocket. It counts as a request in flight for as long as it is
/// held.
pub struct Tunnel {
    stream: TcpStream,
    /// The bytes that the instance sent right after its 101.
    early_bytes: Bytes,
    _in_flight: InFlight,
}

impl Tunnel {
    /// Returns the two directions: from the role, and to it.
    pub fn split(&mut self) -> (impl AsyncRead + Send + Unpin + use<'_>, impl AsyncWrite + Send + Unpin + use<'_>) {
        let (reads, writes) = self.stream.split();
        (std::io::Cursor::new(std::mem::take(&mut self.early_bytes)).chain(reads), writes)
    }
}

/// Returns whether a request is a WebSocket handshake (RFC 6455, section 4.1). A request with a body is not: it is
/// forwarded like every other request, together with its body.
pub fn is_handshake<B: http_body::Body>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let is = |name, wanted: &str| {
        headers.get(name).is_some_and(|value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(wanted.as_bytes()))
    };
    let named = || {
        headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|name| name.trim().eq_ignore_ascii_case("upgrade"))
    };
    let plain = request.method() == Method::GET && request.version() == Version::HTTP_11;
    plain
        && request.body().is_end_stream()
        && is(UPGRADE, "websocket")
        && is(SEC_WEBSOCKET_VERSION, "13")
        && headers.contains_key(SEC_WEBSOCKET_KEY)
        && named()
}

/// Sets the hop-by-hop headers of an upgrade for the next connection.
fn set_upgrade_headers(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, WEBSOCKET);
}

impl Upstream {
    /// Passes a handshake on, once: over a new connection, to the best instance.
    pub(super) async fn upgrade(&self, request: Request<Body>) -> Result<UpgradeOutcome, Error> {
        let until =
            request.extensions().get::<Deadline>().copied().unwrap_or_else(|| Deadline::after(self.timeouts.response));
        let (mut parts, _) = request.into_parts();
        headers::outgoing(&mut parts, &self.host);
        set_upgrade_headers(&mut parts.headers);
        let mut in_flight = self.admit(&[]).await?;
        let exchange = async {
            let connection = Connection::connect(in_flight.instance.address)
                .await
                .map_err(|error| Error::NoResponse(self.role.clone(), error.into()))?;
            connection
                .upgrade(Request::from_parts(parts, Body::empty()))
                .await
                .map_err(|ExchangeError { error, .. }| Error::NoResponse(self.role.clone(), error.into()))
        };
        let exchange = tokio::time::timeout_at(until.0, exchange)
            .await
            .unwrap_or_else(|_| Err(Error::DeadlineExceeded(self.role.clone())));
        match exchange {
            Err(error) => {
                in_flight.record_failure(&base::error::chain(&error));
                Err(error)
            }
            Ok(HandshakeResponse::Plain(response, connection)) => {
                Ok(UpgradeOutcome::Responded(self.respond(response, connection, in_flight).await))
            }
            Ok(HandshakeResponse::Upgraded(mut head, stream, early_bytes)) => {
                in_flight.record_success();
                headers::strip(&mut head.headers);
                set_upgrade_headers(&mut head.headers);
                Ok(UpgradeOutcome::Tunnel(
                    Response::from_parts(head, Body::empty()),
                    Tunnel { stream, early_bytes, _in_flight: in_flight },
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake() -> http::request::Builder {
        Request::get("/")
            .header(CONNECTION, "keep-alive, Upgrade")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, "x")
    }

    #[test]
    fn nothing_else_is_taken_for_a_handshake() {
        let is =
            |request: http::request::Builder| is_handshake(&request.body(Body::empty()).expect("it is well-formed"));
        assert!(is(handshake().header(UPGRADE, "WebSocket")));
        assert!(!is(handshake()));
        let with_body = handshake().header(UPGRADE, "websocket").body(Body::from("AAAAA")).expect("it is well-formed");
        assert!(!is_handshake(&with_body), "its length would be sent without its body");
        assert!(!is(handshake().header(UPGRADE, "h2c")));
        assert!(!is(handshake().header(UPGRADE, "websocket, h2c")));
        assert!(!is(handshake().header(UPGRADE, "websocket").method(Method::POST)));
        assert!(!is(handshake().header(UPGRADE, "websocket").version(Version::HTTP_10)));
        assert!(!is(Request::get("/")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, "x")));
    }
}
