//! One POST to a receiver.
//!
//! Owns the HTTP client: each request has a connection of its own to a checked address, follows no redirect, uses no
//! proxy and is never repeated by the client. Does not own when a request is sent. Invariant: a request takes 15 s at
//! most and keeps at most 1 KiB of the response, whatever the receiver does.

use std::error::Error as _;
use std::time::Duration;

use base::error::chain;
use base::{Clock, Environment};
use chrono::TimeDelta;
use http::{StatusCode, header};
use outgoing::{AddressRules, Lookup, LookupError, Resolver, address, parse_retry_after};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response};
use tokio::time::Instant;
use url::Url;

use crate::model::{Attempt, AttemptResult};

/// Finding the address, connecting and TLS together take no longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A request takes no longer, from its start to the part of the response that is kept.
pub(crate) const TOTAL_TIMEOUT: Duration = Duration::from_secs(15);
/// How much of a response's body is kept.
const MAX_RESPONSE_BYTES: usize = 1024;
/// The most characters of an error that are kept.
const MAX_ERROR_CHARS: usize = 300;
const USER_AGENT: &str = concat!("Tutti-Webhooks/", env!("CARGO_PKG_VERSION"));

/// A message to a receiver.
pub(crate) struct Message<'a> {
    /// Where it goes.
    pub url: &'a str,
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: i64,
    /// `webhook-signature`.
    pub signatures: String,
    /// The payload.
    pub body: String,
}

/// Sends requests to the outside.
pub(crate) struct Outbound {
    /// `None` if they can't be created, as on a machine without certificates.
    clients: Option<Clients>,
    rules: AddressRules,
    /// Outside production, its list says which hosts may be reached.
    environment: Environment,
    clock: Clock,
}

struct Clients {
    https: Client,
    http: Client,
}

/// Why no request was sent, or no response was read.
enum Failure {
    /// A sentence of ours.
    Reason(&'static str),
    /// An error of the client.
    Client(reqwest::Error),
}

impl Clients {
    fn new(rules: &AddressRules, trusted: &[Certificate], lookup: &Lookup) -> Result<Self, reqwest::Error> {
        base::tls::install_provider();
        let client = |is_encrypted: bool| {
            Client::builder()
                .dns_resolver(Resolver::new(lookup.clone(), rules.clone(), is_encrypted))
                .no_proxy()
                .redirect(Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .http1_only()
                .https_only(is_encrypted)
                .tls_certs_merge(trusted.iter().cloned())
                // A connection that is used again would be to an address that was checked long ago.
                .pool_max_idle_per_host(0)
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(TOTAL_TIMEOUT)
                .user_agent(USER_AGENT)
                .build()
        };
        Ok(Self { https: client(true)?, http: client(false)? })
    }
}

impl Outbound {
    /// Creates the clients, which trust the certificates of the system and `trusted`. Without any they fail, and with
    /// them each request, not the role.
    pub(crate) fn new(rules: &AddressRules, trusted: &[Certificate], lookup: &Lookup, clock: Clock) -> Self {
        let clients = Clients::new(rules, trusted, lookup);
        if let Err(error) = &clients {
            tracing::warn!(error = chain(error), "requests to webhooks can't be sent; are ca-certificates installed?");
        }
        Self { clients: clients.ok(), rules: rules.clone(), environment: Environment::default(), clock }
    }

    /// Sets the environment; production by default.
    #[must_use]
    pub(crate) fn within(self, environment: Environment) -> Self {
        Self { environment, ..self }
    }

    /// Sends a message, and returns what came of it.
    pub(crate) async fn send(&self, message: Message<'_>) -> AttemptResult {
        let (at, began) = (self.clock.now(), Instant::now());
        let response = self.request(message).await;
        let mut attempt = Attempt { at, status: None, error: None, response: None, milliseconds: 0 };
        let mut retry_after = None;
        match response {
            Ok(response) => {
                attempt.status = Some(response.status().as_u16());
                attempt.error = refusal(response.status());
                retry_after = self.retry_after(&response);
                attempt.response = read_beginning(response).await;
            }
            Err(failure) => attempt.error = Some(sentence(&failure)),
        }
        attempt.milliseconds = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        AttemptResult { attempt, retry_after }
    }

    async fn request(&self, message: Message<'_>) -> Result<Response, Failure> {
        let url = Url::parse(message.url).map_err(|_| Failure::Reason("The URL can't be read."))?;
        let is_encrypted = url.scheme() == "https";
        if !self.environment.may_call(url.host_str().unwrap_or_default()) {
            return Err(Failure::Reason("It was not sent: environment.webhook_allowed does not name the host."));
        }
        // The connector asks the resolver about names only.
        if address(&url).is_some_and(|address| !self.rules.admit(address, is_encrypted)) {
            return Err(Failure::Reason("It was not sent: the address of the host may not be reached."));
        }
        let clients =
            self.clients.as_ref().ok_or(Failure::Reason("It was not sent: this server has no certificates."))?;
        let client = if is_encrypted { &clients.https } else { &clients.http };
        let request = client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", message.timestamp)
            .header("webhook-signature", message.signatures)
            .body(message.body);
        request.send().await.map_err(Failure::Client)
    }

    /// Returns how long the receiver asks to wait.
    fn retry_after(&self, response: &Response) -> Option<TimeDelta> {
        let asks = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&response.status());
        let value = response.headers().get(header::RETRY_AFTER).filter(|_| asks)?;
        parse_retry_after(value.to_str().ok()?, self.clock.now())
    }
}

/// Returns why a response with this status is a failure; `None` if it is none.
fn refusal(status: StatusCode) -> Option<String> {
    match status.as_u16() {
        200..=299 => None,
        300..=399 => Some("The receiver redirects; redirects are not followed.".to_owned()),
        410 => Some("The receiver is gone (410).".to_owned()),
        status => Some(format!("The receiver answered {status}.")),
    }
}

/// Reads the beginning of a response's body. An error ends it, as the status decides.
async fn read_beginning(mut response: Response) -> Option<String> {
    let mut bytes = Vec::new();
    while bytes.len() < MAX_RESPONSE_BYTES {
        let Ok(Some(chunk)) = response.chunk().await else { break };
        bytes.extend(chunk.iter().take(MAX_RESPONSE_BYTES - bytes.len()));
    }
    // PostgreSQL stores no NUL.
    let text = String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}");
    (!text.is_empty()).then_some(text)
}

/// Returns a sentence about a failure, without the URL.
fn sentence(failure: &Failure) -> String {
    let error = match failure {
        Failure::Reason(reason) => return (*reason).to_owned(),
        Failure::Client(error) => error,
    };
    let mut last = String::new();
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(lookup) = cause.downcast_ref::<LookupError>() {
            return format!("It was not sent: {lookup}.");
        }
        if let Some(problem) = base::tls::certificate_problem(cause) {
            return format!("The connection failed: the receiver's certificate {problem}.");
        }
        last = cause.to_string();
        source = cause.source();
    }
    let text = if error.is_connect() && error.is_timeout() {
        "No connection within 10 s.".to_owned()
    } else if error.is_timeout() {
        "No response within 15 s.".to_owned()
    } else if error.is_connect() {
        format!("The connection failed: {last}.")
    } else {
        format!("The response could not be read: {last}.")
    };
    text.chars().filter(|letter| !letter.is_control()).take(MAX_ERROR_CHARS).collect()
}

#[cfg(test)]
mod tests;
