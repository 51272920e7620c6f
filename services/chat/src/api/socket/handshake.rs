//! The handshake of the socket: who opens it, and that it is one.
//!
//! A browser can't set headers at a WebSocket. It offers its access token as a protocol, `bearer.TOKEN`, beside
//! [`PROTOCOL`]; a token in the URL would be in logs and histories. Invariant: a socket has a member whose token was
//! checked like that of any other request; a token of an API key comes in the header, where the gateway checks its
//! scope.

use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse as _, Response};
use http::header::{
    AUTHORIZATION, CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use http_server::auth::Member;
use http_server::problem::every_role;
use http_server::{ConnectionPermit, Problem};
use hyper::upgrade::OnUpgrade;
use peer::is_handshake;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::codes;
use crate::state::Chat;

/// The protocol that a client offers if it offers any.
const PROTOCOL: &str = "tutti.chat.v1";
/// What an offered protocol begins with that is an access token.
const TOKEN_PREFIX: &str = "bearer.";

/// A handshake that is accepted.
pub(super) struct Handshake {
    /// Who opens the socket.
    pub member: Member,
    /// The connection, once the response is sent.
    pub upgrade: OnUpgrade,
    /// Counts the connection as open, for as long as it is held.
    pub permit: Option<ConnectionPermit>,
    key: HeaderValue,
    /// Whether the client has offered [`PROTOCOL`].
    has_protocol: bool,
}

impl Handshake {
    /// Checks a request that opens a socket.
    pub(super) async fn read(chat: &Chat, request: Request) -> Result<Self, Problem> {
        let is_one = is_handshake(&request);
        let (mut parts, _) = request.into_parts();
        let offered = take_protocols(&mut parts);
        let token = offered.iter().find_map(|name| name.strip_prefix(TOKEN_PREFIX));
        let token = token.filter(|_| !parts.headers.contains_key(AUTHORIZATION));
        if let Some(token) = token {
            let value = HeaderValue::try_from(format!("Bearer {token}"));
            let malformed = |_| Problem::of(every_role::AUTH_INVALID_TOKEN, "The access token is malformed.");
            parts.headers.insert(AUTHORIZATION, value.map_err(malformed)?);
        }
        let member = <Member as FromRequestParts<Chat>>::from_request_parts(&mut parts, chat).await?;
        if token.is_some() && !member.0.scope.is_empty() {
            let detail = "Send the token of an API key in the Authorization header.";
            return Err(Problem::of(every_role::AUTH_SCOPE, detail));
        }
        let upgrade = parts.extensions.remove::<OnUpgrade>().filter(|_| is_one);
        let key = parts.headers.get(SEC_WEBSOCKET_KEY).cloned();
        let Some((upgrade, key)) = upgrade.zip(key) else {
            let detail = "This is a WebSocket: open it over HTTP/1.1 with `Upgrade: websocket` (RFC 6455).";
            return Err(Problem::of(codes::NOT_A_WEBSOCKET, detail));
        };
        let permit = parts.extensions.remove::<ConnectionPermit>();
        let has_protocol = offered.iter().any(|name| name == PROTOCOL);
        Ok(Self { member, upgrade, permit, key, has_protocol })
    }

    /// Returns the response that accepts it (RFC 6455, section 4.2.2).
    pub(super) fn response(&self) -> Result<Response, Problem> {
        let accept = HeaderValue::try_from(derive_accept_key(self.key.as_bytes()));
        let accept = accept.map_err(|error| Problem::fault(&error))?;
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        if self.has_protocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
        }
        Ok(response)
    }
}

/// Takes the protocols that a client offers, so that no token among them goes further.
fn take_protocols(parts: &mut Parts) -> Vec<String> {
    let lines = parts.headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|line| line.to_str().ok());
    let offered = lines.flat_map(|line| line.split(',')).map(|name| name.trim().to_owned()).collect();
    parts.headers.remove(SEC_WEBSOCKET_PROTOCOL);
    offered
}
