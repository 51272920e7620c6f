//! A classifier outside: one signed POST for each question.
//!
//! A picture is sent as a JPEG (`image/jpeg`), a text as `{"text": …}`; the response is `{"score": 0.93}`, from 0 to 1.
//! Requests are signed as Standard Webhooks define it, like those to webhooks. Owns the client, its bounds and its
//! breaker. The operator has named the server, so it may be in a network of the operator's. Invariant: a question takes
//! one request and ends by its deadline, and what is asked is never logged.

use std::time::Duration;

use base::{Clock, Random};
use http::header;
use outgoing::signature::{Secret, signatures};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response};
use screening::classifier::{Classifier, NoScore, Picture, Score, Scoring};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::breaker::Breaker;

/// Connecting takes no longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How many questions may be open at once; beyond them there is no score.
const MAX_OPEN: usize = 64;
/// The largest response.
const MAX_RESPONSE_BYTES: usize = 4096;
const USER_AGENT: &str = concat!("Tutti-Classifiers/", env!("CARGO_PKG_VERSION"));

/// A classifier outside; see the module.
pub(crate) struct Webhook {
    client: Client,
    url: Url,
    secret: Secret,
    clock: Clock,
    random: Random,
    breaker: Breaker,
    open: Semaphore,
    name: String,
}

/// What a server answers.
#[derive(Deserialize)]
struct Answer {
    score: f32,
}

impl Webhook {
    /// Returns the classifier at this URL, or why there can't be a client.
    pub(crate) fn new(
        url: Url,
        secret: Secret,
        trusted: Vec<Certificate>,
        (clock, random): (Clock, Random),
    ) -> Result<Self, reqwest::Error> {
        base::tls::install_provider();
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .https_only(url.scheme() == "https")
            .tls_certs_merge(trusted)
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(USER_AGENT)
            .build()?;
        let name = format!("webhook {}", url.host_str().unwrap_or_default());
        let (breaker, open) = (Breaker::default(), Semaphore::new(MAX_OPEN));
        Ok(Self { client, url, secret, clock, random, breaker, open, name })
    }

    async fn ask(&self, content_type: &'static str, body: Vec<u8>, deadline: Duration) -> Result<Score, NoScore> {
        let Ok(_permit) = self.open.try_acquire() else { return Err(NoScore::Unavailable) };
        if !self.breaker.allows(Instant::now()) {
            return Err(NoScore::Unavailable);
        }
        let result = timeout(deadline, self.request(content_type, body)).await.unwrap_or(Err(NoScore::TimedOut));
        self.breaker.record(result.is_ok(), Instant::now());
        if let Err(cause) = result {
            tracing::debug!(model = self.name, %cause, "a classifier outside gave no score");
        }
        result
    }

    async fn request(&self, content_type: &'static str, body: Vec<u8>) -> Result<Score, NoScore> {
        let (id, timestamp) = (self.random.id(), self.clock.now().timestamp());
        let signature = signatures(std::slice::from_ref(&self.secret), &id, timestamp, &body);
        let request = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, content_type)
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body);
        let response = request.send().await.map_err(|_| NoScore::Unavailable)?;
        if !response.status().is_success() {
            return Err(NoScore::Unavailable);
        }
        let bytes = read(response).await?;
        let answer: Answer = serde_json::from_slice(&bytes).map_err(|_| NoScore::Malformed)?;
        Score::of_probability(answer.score).ok_or(NoScore::Malformed)
    }
}

/// Reads a response, which is short.
async fn read(mut response: Response) -> Result<Vec<u8>, NoScore> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| NoScore::Unavailable)? {
        if bytes.len() + chunk.len() > MAX_RESPONSE_BYTES {
            return Err(NoScore::Malformed);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

impl Classifier<Picture> for Webhook {
    fn model(&self) -> &str {
        &self.name
    }

    fn score<'a>(&'a self, input: &'a Picture, deadline: Duration) -> Scoring<'a> {
        Box::pin(self.ask("image/jpeg", input.jpeg.clone(), deadline))
    }
}

impl Classifier<str> for Webhook {
    fn model(&self) -> &str {
        &self.name
    }

    fn score<'a>(&'a self, input: &'a str, deadline: Duration) -> Scoring<'a> {
        let body = json!({ "text": input }).to_string().into_bytes();
        Box::pin(self.ask("application/json", body, deadline))
    }
}
