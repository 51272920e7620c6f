//! Requests to providers, and what is read of their responses.
//!
//! Invariant: no redirect is followed, no proxy is used, and nothing is repeated by the client.

use std::time::Duration;

use base::Clock;
use base::error::chain;
use chrono::TimeDelta;
use http::{StatusCode, header};
use outgoing::parse_retry_after;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, RequestBuilder, Response};
use serde_json::Value;

use super::outcome::Outcome;

/// Connecting and TLS together take no longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A request takes no longer, from its start to the part of the response that is read.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection without a request is closed after this time.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of a response's body is read: errors of providers are small.
const MAX_RESPONSE_BYTES: usize = 16 * 1024;
const USER_AGENT: &str = concat!("Tutti-Push/", env!("CARGO_PKG_VERSION"));

/// Returns what all clients have in common.
pub(super) fn builder(trusted: &[Certificate]) -> ClientBuilder {
    base::tls::install_provider();
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .tls_certs_merge(trusted.iter().cloned())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .user_agent(USER_AGENT)
}

/// Creates a client; without certificates on the machine it is none, and each request fails.
pub(super) fn build(builder: ClientBuilder) -> Option<Client> {
    let client = builder.build();
    let warn = |error: &reqwest::Error| {
        tracing::warn!(error = chain(error), "pushes can't be sent; are ca-certificates installed?");
    };
    client.inspect_err(warn).ok()
}

/// A response, as far as it is read.
pub(super) struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body as JSON; `null` if it is none.
    pub body: Value,
    /// How long the server asks to wait.
    pub retry_after: Option<TimeDelta>,
}

/// Sends a request, and reads the beginning of the response.
pub(super) async fn send(request: RequestBuilder, clock: &Clock) -> Result<Answer, Outcome> {
    let response = request.send().await.map_err(|error| {
        tracing::debug!(error = chain(&error.without_url()), "a request to a provider failed");
        Outcome::unavailable("no response", None)
    })?;
    let status = response.status();
    let retry_after = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| parse_retry_after(value.to_str().ok()?, clock.now()));
    let body = read_beginning(response).await;
    Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or_default(), retry_after })
}

/// Reads the beginning of a response's body. An error ends it, as the status decides.
async fn read_beginning(mut response: Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < MAX_RESPONSE_BYTES {
        let Ok(Some(chunk)) = response.chunk().await else { break };
        bytes.extend(chunk.iter().take(MAX_RESPONSE_BYTES - bytes.len()));
    }
    bytes
}
