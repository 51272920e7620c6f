//! Neighbour roles: a router called in the process for one that plays here, the best of its instances for one that plays elsewhere.
//!
//! Owns the way there (choosing, health, retries, connections), not what may be asked. Invariant: a caller can't tell which of the two it was.

mod balance;
mod breaker;
mod connection;
mod headers;
mod health_check;
mod instance;
mod metrics;
mod pool;
mod request_body;
mod response_body;
mod retry;
mod upgrade;
mod upstream;
mod urls;

pub use health_check::READY_PATH;
pub use upgrade::{Tunnel, UpgradeOutcome, is_handshake};
pub use upstream::Timeouts;
pub use urls::{InvalidPeerUrl, PeerUrls};

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Body;
use axum::{Router, response::Response};
use http::{Request, StatusCode, Uri};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::config::{self, Config};
use crate::http::Deadline;
use crate::tasks::Tasks;
use crate::telemetry::Metrics;
use metrics::PeerMetrics;
use upstream::Upstream;

/// An answer between services that is larger is a fault.
const MAX_JSON_BYTES: usize = 64 * 1024 * 1024;
const JSON_TIMEOUT: Duration = Duration::from_secs(10);

/// What can go wrong with a neighbour.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It doesn't play here and no address is configured.
    #[error("the {0} role is not part of this process and has no address; set peers.{0} in the configuration")]
    Unknown(String),
    /// Nobody is there to be asked: why.
    #[error("no instance of the {0} role can be asked ({1})")]
    Missing(String, String),
    /// It did not answer.
    #[error("the {0} role did not answer")]
    Silent(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// It did not answer in time.
    #[error("the {0} role did not answer in time")]
    Late(String),
    /// The request's body did not arrive in time, which is its sender's doing.
    #[error("the body of a request to the {0} role did not arrive in time")]
    Slow(String),
    /// The request's body broke off, which is its sender's doing.
    #[error("the body of a request to the {0} role broke off")]
    Sender(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answered with something else than promised.
    #[error("the {0} role answered {1}")]
    Refused(String, StatusCode),
}

impl Error {
    /// The error with its sources, for a log.
    fn causes(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        text
    }
}

#[derive(Clone)]
enum Target {
    Local(Router),
    Remote(Arc<Upstream>),
}

/// The neighbours of a process.
#[derive(Clone, Default)]
pub struct Peers(Arc<Inner>);

#[derive(Default)]
struct Inner {
    targets: RwLock<HashMap<String, Target>>,
    timeouts: Timeouts,
    peer_metrics: PeerMetrics,
    health_checks: OnceLock<Tasks>,
}

impl std::fmt::Debug for Peers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Peers")
    }
}

/// A row of `[peers]`: one address or several.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum PeerEntry {
    One(String),
    Several(Vec<String>),
}

impl Peers {
    /// Neighbours who are given this long to answer.
    pub fn with_timeouts(timeouts: Timeouts) -> Self {
        Self(Arc::new(Inner { timeouts, ..Inner::default() }))
    }

    /// The neighbours that `[peers]` names: `media = "http://10.0.0.7:8080"`, or a list of such addresses.
    pub fn configured(config: &Config) -> Result<Self, config::Error> {
        let peers = Self::default();
        for (role, entry) in config.section::<BTreeMap<String, PeerEntry>>("peers")? {
            let texts = match entry {
                PeerEntry::One(text) => vec![text],
                PeerEntry::Several(texts) => texts,
            };
            let refuse = |reason: String| config::Error::Section { section: "peers".into(), reason: format!("{role}: {reason}") };
            if texts.is_empty() {
                return Err(refuse("the list of addresses is empty".into()));
            }
            let urls = PeerUrls::parse(&texts).map_err(|error| refuse(error.to_string()))?;
            peers.register_remote(&role, urls);
        }
        Ok(peers)
    }

    /// A role that plays in this process.
    pub fn register_local(&self, role: &str, router: Router) {
        self.set(role, Target::Local(router));
    }

    /// A role that plays elsewhere, at `address` (such as `http://10.0.0.7:8080`). What is no address is a role that nobody plays.
    pub fn register_remote_url(&self, role: &str, url: &str) {
        match PeerUrls::parse(&[url]) {
            Ok(urls) => self.register_remote(role, urls),
            Err(error) => tracing::error!(role, %error, "a neighbour can't be found"),
        }
    }

    /// A role with instances elsewhere.
    pub fn register_remote(&self, role: &str, urls: PeerUrls) {
        let upstream = Arc::new(Upstream::new(role, urls, self.0.timeouts, self.0.peer_metrics.of(role)));
        self.set(role, Target::Remote(upstream.clone()));
        if let Some(tasks) = self.0.health_checks.get() {
            tasks.spawn(health_check::run(Arc::downgrade(&upstream), tasks.clone()));
        }
    }

    /// Asks every instance of every role from now on, each second, whether it is ready. To be called once.
    pub fn watch(&self, tasks: &Tasks, metrics: &Metrics) {
        if self.0.health_checks.set(tasks.clone()).is_err() {
            return;
        }
        self.0.peer_metrics.register(metrics);
        for upstream in self.upstreams() {
            tasks.spawn(health_check::run(Arc::downgrade(&upstream), tasks.clone()));
        }
    }

    /// The roles elsewhere of which no instance was ready yet, as sentences.
    pub fn not_ready(&self) -> Vec<String> {
        self.without_instance(false)
    }

    /// The roles elsewhere that were there and of which no instance is ready now, as sentences.
    pub fn lost(&self) -> Vec<String> {
        self.without_instance(true)
    }

    fn without_instance(&self, seen: bool) -> Vec<String> {
        let upstreams = self.upstreams();
        let mut sentences: Vec<String> = upstreams.iter().filter_map(|upstream| upstream.not_ready().filter(|_| upstream.was_seen() == seen)).collect();
        sentences.sort_unstable();
        sentences
    }

    /// Whether the role is known.
    pub fn knows(&self, role: &str) -> bool {
        self.0.targets.read().unwrap_or_else(PoisonError::into_inner).contains_key(role)
    }

    fn set(&self, role: &str, target: Target) {
        self.0.targets.write().unwrap_or_else(PoisonError::into_inner).insert(role.to_owned(), target);
    }

    fn upstreams(&self) -> Vec<Arc<Upstream>> {
        let targets = self.0.targets.read().unwrap_or_else(PoisonError::into_inner);
        targets
            .values()
            .filter_map(|target| match target {
                Target::Local(_) => None,
                Target::Remote(upstream) => Some(upstream.clone()),
            })
            .collect()
    }

    /// Sends a request, its body streamed, and answers what the role answers. A [`Deadline`] in its extensions holds for the head of the answer.
    pub async fn call(&self, role: &str, request: Request<Body>) -> Result<Response, Error> {
        let target = self.0.targets.read().unwrap_or_else(PoisonError::into_inner).get(role).cloned();
        match target {
            Some(Target::Local(router)) => {
                let request = strip_local_extensions(request);
                let deadline = request.extensions().get::<Deadline>().copied();
                let response = router.oneshot(request);
                let response = match deadline {
                    Some(deadline) => tokio::time::timeout_at(deadline.0, response).await.map_err(|_| Error::Late(role.to_owned()))?,
                    None => response.await,
                };
                match response {
                    Ok(response) => Ok(response),
                    Err(never) => match never {},
                }
            }
            Some(Target::Remote(upstream)) => upstream.send(request).await,
            None => Err(Error::Unknown(role.to_owned())),
        }
    }

    /// As [`Peers::call`], for a request that wants to become a WebSocket ([`is_handshake`]).
    pub async fn switch(&self, role: &str, request: Request<Body>) -> Result<UpgradeOutcome, Error> {
        let target = self.0.targets.read().unwrap_or_else(PoisonError::into_inner).get(role).cloned();
        match target {
            Some(Target::Remote(upstream)) => upstream.upgrade(request).await,
            _ => self.call(role, request).await.map(UpgradeOutcome::Responded),
        }
    }

    /// Asks for JSON; `None` where the role answers 404. Ends after ten seconds.
    pub async fn get_json<T: serde::de::DeserializeOwned>(&self, role: &str, path: &str) -> Result<Option<T>, Error> {
        let silent = |error: Box<dyn std::error::Error + Send + Sync>| Error::Silent(role.to_owned(), error);
        let uri: Uri = path.parse().map_err(|error: http::uri::InvalidUri| silent(error.into()))?;
        let request = Request::get(uri).extension(Deadline::after(JSON_TIMEOUT)).body(Body::empty()).map_err(|error| silent(error.into()))?;
        let request = async {
            let answer = self.call(role, request).await?;
            let status = answer.status();
            if status == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            if !status.is_success() {
                return Err(Error::Refused(role.to_owned(), status));
            }
            let body = http_body_util::Limited::new(answer.into_body(), MAX_JSON_BYTES).collect().await.map_err(silent)?;
            serde_json::from_slice(&body.to_bytes()).map(Some).map_err(|error| silent(error.into()))
        };
        tokio::time::timeout(JSON_TIMEOUT, request).await.map_err(|late| silent(late.into()))?
    }
}

/// Leaves behind what one router noted for itself (such as its path parameters), which the next would take for its own.
/// Who asks, from where, and under which id goes along.
fn strip_local_extensions(request: Request<Body>) -> Request<Body> {
    let (mut parts, body) = request.into_parts();
    let mut kept = http::Extensions::new();
    let all = &mut parts.extensions;
    keep_extension::<crate::auth::Member>(all, &mut kept);
    keep_extension::<axum::extract::ConnectInfo<std::net::SocketAddr>>(all, &mut kept);
    keep_extension::<crate::http::RequestId>(all, &mut kept);
    keep_extension::<crate::http::Trace>(all, &mut kept);
    keep_extension::<Deadline>(all, &mut kept);
    keep_extension::<hyper::upgrade::OnUpgrade>(all, &mut kept);
    keep_extension::<crate::http::ConnectionPermit>(all, &mut kept);
    parts.extensions = kept;
    Request::from_parts(parts, body)
}

fn keep_extension<T: Clone + Send + Sync + 'static>(from: &mut http::Extensions, to: &mut http::Extensions) {
    if let Some(value) = from.remove::<T>() {
        to.insert(value);
    }
}
