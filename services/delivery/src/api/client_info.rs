//! The client of a request, for the fair sharing of work.
//!
//! The gateway sends the client address in `x-tutti-client`, which it sets on every request. Without a gateway it is
//! the peer of the connection. Invariant: the client never affects authorization; an invalid token counts as none here.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use http_server::auth::Member;
use http_server::{CLIENT_IP, client_prefix};

use crate::model::Client;
use crate::state::Delivery;

impl FromRequestParts<Delivery> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, delivery: &Delivery) -> Result<Self, Infallible> {
        let member = <Member as OptionalFromRequestParts<Delivery>>::from_request_parts(parts, delivery).await;
        if let Ok(Some(member)) = member {
            return Ok(Self::Member(member.id()));
        }
        Ok(address(parts).map_or(Self::Unknown, |address| Self::Prefix(client_prefix(address))))
    }
}

fn address(parts: &Parts) -> Option<IpAddr> {
    let forwarded = parts.headers.get(CLIENT_IP).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    forwarded.or_else(|| parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip()))
}
