//! A role that runs elsewhere: its instances, and how a request finds one that responds.
//!
//! Does not own which requests are allowed, nor any instance's state. Invariant: a request is sent again only if
//! nothing of a response has been seen and the request is idempotent, or nothing of it was sent; and never more often
//! than the budget allows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use base::Random;
use http::{HeaderValue, Request};
use http_body::Body as _;
use hyper::body::Incoming;
use parking_lot::{Mutex, RwLock};

use super::balance::{Candidate, Health, choose};
use super::connection::{Connection, ExchangeError};
use super::instance::{InFlight, Instance};
use super::metrics::RoleMetrics;
use super::request_body::{Progress, track_progress};
use super::retry::{Budget, MAX_ATTEMPTS, is_repeatable};
use super::urls::{PeerUrls, Resolver};
use super::{Error, headers, response_body};
use http_server::Deadline;

/// The timeouts for an instance.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Until the head of its response to a request without a body, if the request has no deadline of its own.
    pub response: Duration,
    /// Until it takes the next bytes of a body (it may be queueing the request), and until the head of its response
    /// after the last.
    pub request_body: Duration,
    /// Until the next bytes of a response that it has begun.
    pub response_idle: Duration,
    /// Until a request makes progress, while the instance does not respond to health checks either: then it is frozen,
    /// or the network is interrupted.
    pub unresponsive: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        // A long upload is made durable after its last byte. Live streams send something every 15 s.
        Self {
            response: Duration::from_secs(30),
            request_body: Duration::from_secs(120),
            response_idle: Duration::from_secs(60),
            unresponsive: Duration::from_secs(8),
        }
    }
}

/// How often a waiting request checks which side it waits for, and whether the instance is alive. Also the least
/// interval between resolving names.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Upstream {
    pub(super) role: String,
    pub(super) urls: PeerUrls,
    pub(super) metrics: RoleMetrics,
    pub(super) timeouts: Timeouts,
    pub(super) host: HeaderValue,
    resolver: tokio::sync::Mutex<(Resolver, Option<Instant>)>,
    instances: RwLock<Arc<[Arc<Instance>]>>,
    /// Why some name could not be resolved.
    unresolved: Mutex<Option<String>>,
    budget: Mutex<Budget>,
    /// Whether an instance was ever healthy.
    seen: AtomicBool,
}

/// A failed attempt.
struct AttemptError {
    error: Error,
    /// The request, if it may be sent again.
    request: Option<Request<Body>>,
    /// Whether there was not even a connection. Then no instance has worked on it, and a retry adds no load.
    is_unsent: bool,
    /// Whether the instance is unresponsive, so that another connection to it is useless.
    is_frozen: bool,
}

/// Which side had not moved when the time was over.
enum TimedOut {
    Sender,
    Instance,
    /// The instance, and not only for this request.
    Frozen,
}

impl AttemptError {
    /// Reports the failure to the breaker, unless the sender broke off.
    fn record_failure(self, in_flight: &mut InFlight) -> Self {
        if !matches!(self.error, Error::RequestBodyFailed(..) | Error::RequestBodyTimeout(_)) {
            in_flight.record_failure(&base::error::chain(&self.error));
        }
        self
    }
}

impl Upstream {
    pub(super) fn new(role: &str, urls: PeerUrls, timeouts: Timeouts, metrics: RoleMetrics) -> Self {
        Self {
            role: role.to_owned(),
            metrics,
            timeouts,
            host: HeaderValue::from_str(role).unwrap_or_else(|_| HeaderValue::from_static("peer")),
            resolver: tokio::sync::Mutex::new((Resolver::new(urls.clone()), None)),
            urls,
            instances: RwLock::new(Arc::new([])),
            unresolved: Mutex::default(),
            budget: Mutex::new(Budget::new(Instant::now())),
            seen: AtomicBool::new(false),
        }
    }

    /// Sends a request to the best instance, and to another one if that is safe and the first does not respond.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response, Error> {
        self.with_budget(Budget::deposit);
        let (mut parts, body) = request.into_parts();
        headers::outgoing(&mut parts, &self.host);
        let mut request = Request::from_parts(parts, body);
        let mut tried = Vec::new();
        loop {
            let in_flight = self.admit(&tried).await?;
            let address = in_flight.instance.address;
            let error = match self.attempt(in_flight, request).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            tried.push(address);
            let again = error.request.filter(|_| tried.len() < MAX_ATTEMPTS && self.choose(&tried).is_some());
            match again {
                Some(again) if error.is_unsent || self.with_budget(|budget| budget.withdraw(Instant::now())) => {
                    request = again;
                }
                _ => return Err(error.error),
            }
            self.metrics.retries.inc();
            tracing::debug!(error = %error.error, "a request is sent again, to another instance");
        }
    }

    /// Sends a request to the instance at this address, once.
    pub(super) async fn send_to(&self, address: SocketAddr, request: Request<Body>) -> Result<Response, Error> {
        let (mut parts, body) = request.into_parts();
        headers::outgoing(&mut parts, &self.host);
        let instance = self.instances().iter().find(|instance| instance.address == address).cloned();
        let in_flight = instance.and_then(|instance| instance.admit(&self.metrics.in_flight));
        let in_flight = in_flight.ok_or_else(|| Error::NoInstance(self.role.clone(), self.reasons()))?;
        self.attempt(in_flight, Request::from_parts(parts, body)).await.map_err(|failed| failed.error)
    }

    /// Starts a request at an instance that was not tried yet.
    pub(super) async fn admit(&self, tried: &[SocketAddr]) -> Result<InFlight, Error> {
        if self.instances().is_empty() {
            self.resolve().await;
        }
        // Of two requests that want an instance's only probe, one goes on to the next instance.
        let in_flight = std::iter::repeat_with(|| self.choose(tried))
            .take(MAX_ATTEMPTS)
            .map_while(|instance| instance)
            .find_map(|instance| instance.admit(&self.metrics.in_flight));
        in_flight.ok_or_else(|| Error::NoInstance(self.role.clone(), self.reasons()))
    }

    fn choose(&self, tried: &[SocketAddr]) -> Option<Arc<Instance>> {
        let instances = self.instances();
        let candidates = instances.iter().map(|instance| Candidate {
            health: instance.health(),
            load: instance.load(),
            tried: tried.contains(&instance.address),
        });
        choose(candidates, random_index).and_then(|index| instances.get(index).cloned())
    }

    /// Sends a request to one instance: over an idle connection if there is one, over a new one otherwise.
    async fn attempt(&self, mut in_flight: InFlight, mut request: Request<Body>) -> Result<Response, AttemptError> {
        let instance = in_flight.instance.clone();
        if let Some(connection) = instance.pool.take().await {
            match self.exchange(&instance, connection, request).await {
                Ok((response, connection)) => return Ok(self.respond(response, connection, in_flight).await),
                // The instance closed the connection while it was idle, which does not count as a failure: a new
                // connection is tried.
                Err(AttemptError { request: Some(unsent), is_frozen: false, .. }) => request = unsent,
                Err(error) => return Err(error.record_failure(&mut in_flight)),
            }
        }
        self.metrics.connects.inc();
        let asked = Instant::now();
        let connection = match Connection::connect(instance.address).await {
            Ok(connection) => connection,
            Err(error) => {
                in_flight.record_failure(&error.to_string());
                // The other instances come first until this one says that it is ready; it is checked every second.
                instance.connect_failed(asked, &error);
                return Err(AttemptError {
                    error: Error::NoResponse(self.role.clone(), error.into()),
                    request: Some(request),
                    is_unsent: true,
                    is_frozen: false,
                });
            }
        };
        match self.exchange(&instance, connection, request).await {
            Ok((response, connection)) => Ok(self.respond(response, connection, in_flight).await),
            Err(error) => Err(error.record_failure(&mut in_flight)),
        }
    }

    pub(super) async fn respond(
        &self,
        mut response: http::Response<Incoming>,
        connection: Option<Connection>,
        mut in_flight: InFlight,
    ) -> Response {
        in_flight.record_success();
        headers::strip(response.headers_mut());
        response_body::streamed(response, connection, in_flight, self.timeouts.response_idle).await
    }

    /// Sends the request over a connection and waits for the head of the response, as long as the request's deadline or
    /// our timeouts allow.
    async fn exchange(
        &self,
        instance: &Instance,
        connection: Connection,
        request: Request<Body>,
    ) -> Result<(http::Response<Incoming>, Option<Connection>), AttemptError> {
        let bodiless = request.body().is_end_stream();
        let until = request.extensions().get::<Deadline>().map(|deadline| deadline.0);
        let copy = is_repeatable(request.method(), bodiless).then(|| clone_request(&request));
        let outcome = if bodiless {
            let until = until.unwrap_or_else(|| (Instant::now() + self.timeouts.response).into());
            self.wait_for_response(connection.send(request), instance, &Progress::of_instance(), None, Some(until))
                .await
        } else {
            let (request, progress) = track_progress(request);
            self.wait_for_response(
                connection.send(request),
                instance,
                &progress,
                Some(self.timeouts.request_body),
                until,
            )
            .await
        };
        match outcome {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(ExchangeError { error, .. })) if error.is_user() => Err(AttemptError {
                error: Error::RequestBodyFailed(self.role.clone(), error.into()),
                request: None,
                is_unsent: false,
                is_frozen: false,
            }),
            Ok(Err(ExchangeError { error, request })) => Err(AttemptError {
                error: Error::NoResponse(self.role.clone(), error.into()),
                request: request.or(copy),
                is_unsent: false,
                is_frozen: false,
            }),
            Err(TimedOut::Frozen) => {
                let error = std::io::Error::new(
                    std::io::ErrorKind::TimedOut,
                    "it became unresponsive with the request in progress",
                );
                Err(AttemptError {
                    error: Error::NoResponse(self.role.clone(), error.into()),
                    request: copy,
                    is_unsent: false,
                    is_frozen: true,
                })
            }
            Err(TimedOut::Instance) => Err(AttemptError {
                error: Error::DeadlineExceeded(self.role.clone()),
                request: None,
                is_unsent: false,
                is_frozen: false,
            }),
            Err(TimedOut::Sender) => Err(AttemptError {
                error: Error::RequestBodyTimeout(self.role.clone()),
                request: None,
                is_unsent: false,
                is_frozen: false,
            }),
        }
    }

    /// Waits for a response until `until`, or until the instance has not moved the request for `body_timeout` (or less,
    /// if it seems frozen).
    async fn wait_for_response<T>(
        &self,
        sent: impl Future<Output = T>,
        instance: &Instance,
        progress: &Progress,
        body_timeout: Option<Duration>,
        until: Option<tokio::time::Instant>,
    ) -> Result<T, TimedOut> {
        let mut sent = std::pin::pin!(sent);
        loop {
            let now = tokio::time::Instant::now();
            let has_passed = |end: Option<tokio::time::Instant>| end.is_some_and(|end| end <= now);
            let body_deadline = body_timeout.and_then(|body_timeout| progress.deadline(body_timeout));
            if has_passed(until) || has_passed(body_deadline) {
                return Err(if progress.is_waiting_for_instance() { TimedOut::Instance } else { TimedOut::Sender });
            }
            if has_passed(progress.deadline(self.timeouts.unresponsive))
                && has_passed(instance.silent_since().map(|since| (since + self.timeouts.unresponsive).into()))
            {
                return Err(TimedOut::Frozen);
            }
            let next_check =
                [Some(now + RECHECK_INTERVAL), until, body_deadline].into_iter().flatten().min().unwrap_or(now);
            if let Ok(response) = tokio::time::timeout_at(next_check, sent.as_mut()).await {
                return Ok(response);
            }
        }
    }

    /// Resolves the names; instances that remain keep their state and their connections.
    pub(super) async fn resolve(&self) {
        let mut resolver = self.resolver.lock().await;
        let (resolver, resolved_at) = &mut *resolver;
        // A caller that waited for another's resolution uses its result, even if there is none.
        if resolved_at.is_some_and(|resolved_at| resolved_at.elapsed() < RECHECK_INTERVAL) {
            return;
        }
        let (addresses, failed) = resolver.resolve().await;
        *resolved_at = Some(Instant::now());
        *self.unresolved.lock() = failed;
        let before = self.instances();
        if before.iter().map(|instance| instance.address).eq(addresses.iter().copied()) {
            return;
        }
        let known = |address| before.iter().find(|instance| instance.address == address).cloned();
        let now = addresses
            .into_iter()
            .map(|address| known(address).unwrap_or_else(|| Arc::new(Instance::new(address))))
            .collect();
        *self.instances.write() = now;
    }

    pub(super) fn instances(&self) -> Arc<[Arc<Instance>]> {
        self.instances.read().clone()
    }

    /// Returns what is missing, as a sentence, if no instance is healthy.
    pub(super) fn not_ready(&self) -> Option<String> {
        let is_healthy =
            self.instances().iter().any(|instance| instance.is_healthy() && instance.health() == Health::Healthy);
        if is_healthy {
            self.seen.store(true, Ordering::Relaxed);
        }
        (!is_healthy).then(|| format!("no instance of {} answers at {} ({})", self.role, self.urls, self.reasons()))
    }

    /// Whether an instance was ever healthy.
    pub(super) fn was_seen(&self) -> bool {
        self.seen.load(Ordering::Relaxed)
    }

    fn reasons(&self) -> String {
        let mut reasons: Vec<String> = self.instances().iter().map(|instance| instance.last_error()).collect();
        reasons.extend(self.unresolved.lock().clone());
        reasons.sort_unstable();
        reasons.dedup();
        if reasons.is_empty() { "its names have not been resolved yet".to_owned() } else { reasons.join("; ") }
    }

    fn with_budget<T>(&self, what: impl FnOnce(&mut Budget) -> T) -> T {
        what(&mut self.budget.lock())
    }
}

/// Copies a request without a body.
fn clone_request(request: &Request<Body>) -> Request<Body> {
    let mut copy = Request::new(Body::empty());
    request.method().clone_into(copy.method_mut());
    request.uri().clone_into(copy.uri_mut());
    request.headers().clone_into(copy.headers_mut());
    if let Some(deadline) = request.extensions().get::<Deadline>() {
        copy.extensions_mut().insert(*deadline);
    }
    copy
}

/// Returns a random index below `below`.
fn random_index(below: usize) -> usize {
    Random::system().below(below as u64) as usize
}
