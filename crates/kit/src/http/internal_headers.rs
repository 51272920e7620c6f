//! What neighbours tell each other beside a request: how long its sender will wait, and who the client is.
//!
//! Whoever may tell it is decided at the door, once: the doors of roles are private, and wear [`believe`]; the gateway's door is not, and
//! doesn't. Invariant: behind a public door nothing in `X-Tutti-*` comes from outside; the gateway takes it away.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::time::Instant;

use super::layers;
use crate::problem::Problem;

/// The client's address, as the gateway believes it.
pub const CLIENT: HeaderName = HeaderName::from_static("x-tutti-client");
/// How many milliseconds the sender will wait for the head of the answer.
const DEADLINE: HeaderName = HeaderName::from_static("x-tutti-deadline-ms");

/// When the head of an answer is no longer of use, in a request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub Instant);

impl Deadline {
    /// That long from now.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// Says to the next how much time is left; takes away what another said.
    pub(crate) fn write(deadline: Option<&Self>, headers: &mut HeaderMap) {
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
        // No time-out of ours is longer than a day.
        (left <= 86_400_000).then(|| Self::after(Duration::from_millis(left)))
    }

    /// The answer to a request whose time is over.
    pub fn passed() -> Problem {
        let detail = "This took too long and was given up. Try again; if it stays, quote the request id.";
        Problem::new(StatusCode::GATEWAY_TIMEOUT, "server.too_late", detail).retry_after(Duration::from_secs(2))
    }
}

/// The layer of a private door: takes the client's address and the deadline from the neighbour, and works no longer than it waits.
pub async fn trust_internal_headers(mut request: Request, next: Next) -> Response {
    let client = request.headers().get(CLIENT).and_then(|value| value.to_str().ok()?.parse::<IpAddr>().ok());
    if let Some(client) = client {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, 0)));
    }
    let Some(deadline) = Deadline::read(request.headers()) else { return next.run(request).await };
    request.extensions_mut().insert(deadline);
    let id = layers::request_id(&request);
    match tokio::time::timeout_at(deadline.0, next.run(request)).await {
        Ok(response) => response,
        Err(_) => layers::render_problem(&Deadline::passed(), &id),
    }
}
