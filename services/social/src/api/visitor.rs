//! The extractor of [`Visitor`]: who opens a link without an account, as far as it can be told.
//!
//! Invariant: what is read here is only ever used inside a hash, together with a secret token.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;
use http::{HeaderName, Method, header};
use http_server::CLIENT_IP;
use http_server::auth::Member;

use crate::model::is_preview;

/// The headers by which browsers say that they fetch ahead.
const PURPOSE_HEADERS: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];

/// Who sends a request.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    address: String,
    agent: String,
    /// Whether it is a program that makes previews, or a browser that fetches ahead.
    is_program: bool,
}

impl Visitor {
    /// Returns what tells this visitor from others; `None` for a program, which does not count.
    pub(super) fn features(&self, member: Option<&Member>) -> Option<String> {
        let features = match member {
            Some(member) => format!("account {}", member.id()),
            None => format!("address {} {}", self.address, self.agent),
        };
        (!self.is_program).then_some(features)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let text = |name: &HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let address = text(&CLIENT_IP)
            .map(str::to_owned)
            .or_else(|| connection.map(|ConnectInfo(address)| address.ip().to_canonical().to_string()));
        let agent = text(&header::USER_AGENT).unwrap_or_default().to_owned();
        let purpose: Vec<&str> = PURPOSE_HEADERS.iter().filter_map(text).collect();
        let is_program = parts.method == Method::HEAD || is_preview(&agent, &purpose.join(" "));
        Ok(Self { address: address.unwrap_or_default(), agent, is_program })
    }
}
