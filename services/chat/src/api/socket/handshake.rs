//! The handshake of the socket: who opens it, and that it is one.
//!
//! Invariant: a socket has a member whose token was checked like that of any other request, be it in the header or, of
//! a browser, among the protocols that it offers ([`take_offered_token`]).

use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse as _, Response};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{HeaderValue, StatusCode};
use http_server::auth::{Member, take_offered_token};
use http_server::{ConnectionPermit, Problem};
use hyper::upgrade::OnUpgrade;
use peer::is_handshake;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::codes;
use crate::state::Chat;

/// The protocol that a client offers if it offers any.
const PROTOCOL: &str = "tutti.chat.v1";

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
        // The gateway has done it, if there is one in front.
        take_offered_token(&mut parts.headers);
        let member = <Member as FromRequestParts<Chat>>::from_request_parts(&mut parts, chat).await?;
        let upgrade = parts.extensions.remove::<OnUpgrade>().filter(|_| is_one);
        let key = parts.headers.get(SEC_WEBSOCKET_KEY).cloned();
        let Some((upgrade, key)) = upgrade.zip(key) else {
            let detail = "This is a WebSocket: open it over HTTP/1.1 with `Upgrade: websocket` (RFC 6455).";
            return Err(Problem::of(codes::NOT_A_WEBSOCKET, detail));
        };
        let permit = parts.extensions.remove::<ConnectionPermit>();
        let offered = parts.headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|line| line.to_str().ok());
        let has_protocol = offered.flat_map(|line| line.split(',')).any(|name| name.trim() == PROTOCOL);
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
