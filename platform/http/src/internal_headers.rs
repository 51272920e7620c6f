//! The headers that internal requests carry: how long the sender will wait, and the client's IP address.
//!
//! Only private listeners trust these headers, through [`trust_internal_headers`]; the gateway's public listener does
//! not. Invariant: behind the public listener no `X-Tutti-*` header comes from outside; the gateway strips them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use super::layers;
use crate::problem::{Problem, every_role};

/// The client's IP address, as the gateway determined it.
pub const CLIENT_IP: HeaderName = HeaderName::from_static("x-tutti-client");
/// The listener that a request came through, if it is not the public one: [`OPERATORS_LISTENER`].
pub const LISTENER: HeaderName = HeaderName::from_static("x-tutti-listener");
/// The value of [`LISTENER`] in requests of the operators' listener.
pub const OPERATORS_LISTENER: &str = "operators";
/// How many milliseconds the sender will wait for the head of the response.
const DEADLINE: HeaderName = HeaderName::from_static("x-tutti-deadline-ms");

/// The time until which the head of a response is of use, in a request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub Instant);

impl Deadline {
    /// Returns the deadline that is `time` from now.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// Writes the remaining time for the next process, in place of what a sender wrote.
    pub fn write(deadline: Option<&Self>, headers: &mut HeaderMap) {
        match deadline {
            Some(deadline) => {
                let left = deadline.0.saturating_duration_since(Instant::now()).as_millis();
                headers.insert(DEADLINE, HeaderValue::from(u64::try_from(left).unwrap_or(u64::MAX)));
            }
            None => drop(headers.remove(DEADLINE)),
        }
    }

    fn read(headers: &HeaderMap) -> Option<Self> {
        let left: u64 = headers.get(DEADLINE)?.to_str().ok()?.parse().ok()?;
        // No timeout of ours is longer than a day.
        (left <= 86_400_000).then(|| Self::after(Duration::from_millis(left)))
    }

    /// Returns the problem for a request whose deadline has passed.
    pub fn exceeded() -> Problem {
        let detail = "This took too long and was cancelled. Try again; if it stays, quote the request id.";
        Problem::of(every_role::SERVER_TOO_LATE, detail).retry_after(Duration::from_secs(2))
    }
}

/// The layer of a private listener: reads the client's IP address and the deadline from the headers, and stops working
/// at the deadline.
pub async fn trust_internal_headers(mut request: Request, next: Next) -> Response {
    let client = request.headers().get(CLIENT_IP).and_then(|value| value.to_str().ok()?.parse::<IpAddr>().ok());
    if let Some(client) = client {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, 0)));
    }
    let Some(deadline) = Deadline::read(request.headers()) else { return next.run(request).await };
    request.extensions_mut().insert(deadline);
    let id = layers::request_id(&request);
    match tokio::time::timeout_at(deadline.0, next.run(request)).await {
        Ok(response) => response,
        Err(_) => layers::render_problem(&Deadline::exceeded(), &id),
    }
}
