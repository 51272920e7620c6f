//! Calls to other roles: to a router of this process, or to the best instance of a role that runs elsewhere.
//!
//! Owns the way to a role (balancing, health, retries, connections), not which requests are allowed. Invariant: a
//! caller can't tell whether the role is local or remote.

mod balance;
mod breaker;
mod connection;
mod headers;
mod health_check;
mod instance;
mod instances;
mod metrics;
mod pool;
mod request_body;
mod response_body;
mod retry;
mod upgrade;
mod upstream;
mod urls;

pub use base::Query;
pub use health_check::READY_PATH;
pub use instances::RemoteProcess;
pub use upgrade::{Tunnel, UpgradeOutcome, is_handshake};
pub use upstream::Timeouts;
pub use urls::{InvalidPeerUrl, PeerUrls};

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use axum::{Router, response::Response};
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use parking_lot::RwLock;
use tower::ServiceExt as _;

use base::Transient;

use base::config;
use base::config::Config;
use base::tasks::Tasks;
use base::telemetry::Metrics;
use http_server::{Deadline, keep_forwarded};
use metrics::PeerMetrics;
use upstream::Upstream;

/// A larger response between services is an error.
const MAX_JSON_BYTES: usize = 64 * 1024 * 1024;
const JSON_TIMEOUT: Duration = Duration::from_secs(10);

/// An error of an internal request.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The role does not run here and no URL is configured.
    #[error("the {0} role is not part of this process and has no URL; set peers.{0} in the configuration")]
    UnknownRole(String),
    /// No instance can be asked; with the reason.
    #[error("no instance of the {0} role can be asked ({1})")]
    NoInstance(String, String),
    /// The instance did not respond.
    #[error("the {0} role did not respond")]
    NoResponse(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// The instance did not respond in time.
    #[error("the {0} role did not respond in time")]
    DeadlineExceeded(String),
    /// The request's body did not arrive in time, which is its sender's fault.
    #[error("the body of a request to the {0} role did not arrive in time")]
    RequestBodyTimeout(String),
    /// The request's body broke off, which is its sender's fault.
    #[error("the body of a request to the {0} role broke off")]
    RequestBodyFailed(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// The role responded with an unexpected status.
    #[error("the {0} role responded with {1}")]
    UnexpectedStatus(String, StatusCode),
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::NoInstance(..) | Self::NoResponse(..) | Self::DeadlineExceeded(_) => true,
            // Its own engines may be unavailable. An internal error (500) will happen again.
            Self::UnexpectedStatus(_, status) => matches!(status.as_u16(), 429 | 502 | 503 | 504 | 507),
            Self::UnknownRole(_) | Self::RequestBodyTimeout(_) | Self::RequestBodyFailed(..) => false,
        }
    }
}

#[derive(Clone)]
enum Target {
    Local(Router),
    Remote(Arc<Upstream>),
}

/// The roles that a process can call.
#[derive(Clone, Default)]
pub struct Peers(Arc<Inner>);

#[derive(Default)]
struct Inner {
    targets: RwLock<HashMap<String, Target>>,
    /// What `[peers]` names of roles that run in this process as well: no request goes there.
    replaced: RwLock<Vec<Arc<Upstream>>>,
    timeouts: Timeouts,
    peer_metrics: PeerMetrics,
    health_checks: OnceLock<Tasks>,
}

impl std::fmt::Debug for Peers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Peers")
    }
}

/// An entry of `[peers]`: one URL or several.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum PeerEntry {
    One(String),
    Several(Vec<String>),
}

impl Peers {
    /// Returns an empty set of roles, with these timeouts.
    pub fn with_timeouts(timeouts: Timeouts) -> Self {
        Self(Arc::new(Inner { timeouts, ..Inner::default() }))
    }

    /// Returns the roles that `[peers]` names: `media = "http://10.0.0.7:8080"`, or a list of such URLs.
    pub fn from_config(config: &Config) -> Result<Self, config::Error> {
        let peers = Self::default();
        for (role, entry) in config.section::<BTreeMap<String, PeerEntry>>("peers")? {
            let texts = match entry {
                PeerEntry::One(text) => vec![text],
                PeerEntry::Several(texts) => texts,
            };
            let refuse = |reason: String| config::Error::Section {
                section: "peers".into(),
                reason: format!("{role}: {reason}"),
            };
            if texts.is_empty() {
                return Err(refuse("the list of URLs is empty".into()));
            }
            let urls = PeerUrls::parse(&texts).map_err(|error| refuse(error.to_string()))?;
            peers.register_remote(&role, urls);
        }
        Ok(peers)
    }

    /// Adds a role that runs in this process.
    pub fn register_local(&self, role: &str, router: Router) {
        self.set(role, Target::Local(router));
    }

    /// Adds a role that runs elsewhere, at `url` (such as `http://10.0.0.7:8080`). An invalid URL is logged, and the
    /// role stays unknown.
    pub fn register_remote_url(&self, role: &str, url: &str) {
        match PeerUrls::parse(&[url]) {
            Ok(urls) => self.register_remote(role, urls),
            Err(error) => tracing::error!(role, %error, "a role can't be called: its URL is invalid"),
        }
    }

    /// Adds a role whose instances run elsewhere.
    pub fn register_remote(&self, role: &str, urls: PeerUrls) {
        let upstream = Arc::new(Upstream::new(role, urls, self.0.timeouts, self.0.peer_metrics.of(role)));
        self.set(role, Target::Remote(upstream.clone()));
        if let Some(tasks) = self.0.health_checks.get() {
            tasks.spawn(health_check::run(Arc::downgrade(&upstream), tasks.clone()));
        }
    }

    /// Checks every instance of every role from now on, each second. Call it once.
    pub fn start_health_checks(&self, tasks: &Tasks, metrics: &Metrics) {
        if self.0.health_checks.set(tasks.clone()).is_err() {
            return;
        }
        self.0.peer_metrics.register(metrics);
        for upstream in self.upstreams() {
            tasks.spawn(health_check::run(Arc::downgrade(&upstream), tasks.clone()));
        }
    }

    /// Returns the remote roles of which no instance has been ready yet, as sentences.
    pub fn not_ready(&self) -> Vec<String> {
        self.without_instance(false)
    }

    /// Returns the remote roles that were ready before and have no ready instance now, as sentences.
    pub fn lost(&self) -> Vec<String> {
        self.without_instance(true)
    }

    fn without_instance(&self, seen: bool) -> Vec<String> {
        let upstreams = self.upstreams();
        let mut sentences: Vec<String> = upstreams
            .iter()
            .filter_map(|upstream| upstream.not_ready().filter(|_| upstream.was_seen() == seen))
            .collect();
        sentences.sort_unstable();
        sentences
    }

    /// Whether the role is known.
    pub fn knows(&self, role: &str) -> bool {
        self.0.targets.read().contains_key(role)
    }

    fn set(&self, role: &str, target: Target) {
        let is_local = matches!(target, Target::Local(_));
        let before = self.0.targets.write().insert(role.to_owned(), target);
        if let Some(Target::Remote(upstream)) = before.filter(|_| is_local) {
            self.0.replaced.write().push(upstream);
        }
    }

    fn upstreams(&self) -> Vec<Arc<Upstream>> {
        let targets = self.0.targets.read();
        targets
            .values()
            .filter_map(|target| match target {
                Target::Local(_) => None,
                Target::Remote(upstream) => Some(upstream.clone()),
            })
            .collect()
    }

    /// Sends a request with a streamed body and returns the role's response. A [`Deadline`] in its extensions limits
    /// the time until the head of the response.
    pub async fn call(&self, role: &str, mut request: Request<Body>) -> Result<Response, Error> {
        let target = self.0.targets.read().get(role).cloned();
        match target {
            Some(Target::Local(router)) => {
                keep_forwarded(request.extensions_mut());
                let deadline = request.extensions().get::<Deadline>().copied();
                let response = router.oneshot(request);
                let response = match deadline {
                    Some(deadline) => tokio::time::timeout_at(deadline.0, response)
                        .await
                        .map_err(|_| Error::DeadlineExceeded(role.to_owned()))?,
                    None => response.await,
                };
                match response {
                    Ok(response) => Ok(response),
                    Err(never) => match never {},
                }
            }
            Some(Target::Remote(upstream)) => upstream.send(request).await,
            None => Err(Error::UnknownRole(role.to_owned())),
        }
    }

    /// As [`Peers::call`], for a WebSocket handshake ([`is_handshake`]).
    pub async fn upgrade(&self, role: &str, request: Request<Body>) -> Result<UpgradeOutcome, Error> {
        let target = self.0.targets.read().get(role).cloned();
        match target {
            Some(Target::Remote(upstream)) => upstream.upgrade(request).await,
            _ => self.call(role, request).await.map(UpgradeOutcome::Responded),
        }
    }

    /// Asks another role; `None` if it responds with 404. Times out after ten seconds.
    pub async fn ask<Q: Query>(&self, query: &Q) -> Result<Option<Q::Response>, Error> {
        self.get_json(Q::ROLE, &query.path()).await
    }

    /// Fetches JSON; `None` if the role responds with 404. Times out after ten seconds.
    pub async fn get_json<T: serde::de::DeserializeOwned>(&self, role: &str, path: &str) -> Result<Option<T>, Error> {
        self.get_json_for(None, role, path).await
    }

    /// As [`Peers::get_json`], for the sender of a request with this `Authorization`, which the role checks again.
    pub async fn get_json_for<T: serde::de::DeserializeOwned>(
        &self,
        authorization: Option<&HeaderValue>,
        role: &str,
        path: &str,
    ) -> Result<Option<T>, Error> {
        let silent = |error: Box<dyn std::error::Error + Send + Sync>| Error::NoResponse(role.to_owned(), error);
        let uri: Uri = path.parse().map_err(|error: http::uri::InvalidUri| silent(error.into()))?;
        let mut request = Request::get(uri)
            .extension(Deadline::after(JSON_TIMEOUT))
            .body(Body::empty())
            .map_err(|error| silent(error.into()))?;
        if let Some(authorization) = authorization {
            request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
        }
        let request = async {
            let response = self.call(role, request).await?;
            read_json(role, response, MAX_JSON_BYTES).await
        };
        tokio::time::timeout(JSON_TIMEOUT, request).await.map_err(|late| silent(late.into()))?
    }
}

/// Reads the JSON of a response of a role, of at most `max_bytes`; `None` if it is a 404.
async fn read_json<T: serde::de::DeserializeOwned>(
    role: &str,
    response: Response,
    max_bytes: usize,
) -> Result<Option<T>, Error> {
    let silent = |error: Box<dyn std::error::Error + Send + Sync>| Error::NoResponse(role.to_owned(), error);
    let status = response.status();
    if status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    if !status.is_success() {
        return Err(Error::UnexpectedStatus(role.to_owned(), status));
    }
    let body = http_body_util::Limited::new(response.into_body(), max_bytes).collect().await.map_err(silent)?;
    serde_json::from_slice(&body.to_bytes()).map(Some).map_err(|error| silent(error.into()))
}
