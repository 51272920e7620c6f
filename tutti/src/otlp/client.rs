//! The HTTP client of the exporter: the one that the binary has already.
//!
//! The exporter would bring a client of its own, with features of its own. Invariant: a request follows no redirect and
//! takes no longer than the timeout, and of a response no more than [`MAX_RESPONSE_BYTES`] are kept.

use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::Client;
use reqwest::redirect::Policy;
use tokio::runtime::Handle;

/// More than a collector says about spans that it refused.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Sends batches of spans.
#[derive(Debug)]
pub(super) struct CollectorClient {
    client: Client,
    /// The exporter works on a thread of its own, which has no runtime.
    runtime: Handle,
}

impl CollectorClient {
    /// Returns a client whose requests run on the current runtime.
    pub(super) fn new(timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            .build()?;
        Ok(Self { client, runtime: Handle::current() })
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.runtime.spawn(send(self.client.clone(), request)).await?
    }
}

async fn send(client: Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (parts, body) = request.into_parts();
    let request = client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
    let mut received = request.send().await.map_err(reqwest::Error::without_url)?;
    let (status, headers) = (received.status(), received.headers().clone());
    let mut kept = Vec::new();
    while let Some(chunk) = received.chunk().await.map_err(reqwest::Error::without_url)? {
        if kept.len() + chunk.len() > MAX_RESPONSE_BYTES {
            return Err("the collector's response is too long".into());
        }
        kept.extend_from_slice(&chunk);
    }
    let mut response = Response::new(Bytes::from(kept));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
