//! A role that plays elsewhere: its instances, and how a request finds one that answers.
//!
//! Owns no policy about what may be asked; does not own any instance's state. Invariant: a request is sent again only while nothing of an answer
//! has been seen and doing it twice is as good as once, or nothing of it was sent; and never more often than the budget allows.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Request};
use http_body::Body as _;
use hyper::body::Incoming;

use super::balance::{Candidate, Health, choose};
use super::connection::{Connection, ExchangeError};
use super::instance::{InFlight, Instance};
use super::metrics::RoleMetrics;
use super::request_body::{Progress, track_progress};
use super::retry::{Budget, MAX_ATTEMPTS, is_repeatable};
use super::urls::{PeerUrls, Resolver};
use super::{Error, headers, response_body};
use crate::http::Deadline;

/// How long an instance may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To begin its answer to a request without a body, where the request brings no deadline of its own.
    pub answer: Duration,
    /// To take the next bytes of a body (it may have its turn to wait for), and to begin its answer after the last.
    pub body: Duration,
    /// To go on with an answer that it has begun.
    pub stalled: Duration,
    /// To move a request that it has in its hands while it does not say either whether it is ready: then it is frozen, or cut off.
    pub silent: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        // A long upload is made durable after its last byte. Live streams say something every 15 s.
        Self { answer: Duration::from_secs(30), body: Duration::from_secs(120), stalled: Duration::from_secs(60), silent: Duration::from_secs(8) }
    }
}

/// How often we look who has the word, and whether the instance lives. Also how often names are looked up at most.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Upstream {
    pub(super) role: String,
    pub(super) urls: PeerUrls,
    pub(super) metrics: RoleMetrics,
    pub(super) timeouts: Timeouts,
    pub(super) host: HeaderValue,
    resolver: tokio::sync::Mutex<(Resolver, Option<Instant>)>,
    instances: RwLock<Arc<[Arc<Instance>]>>,
    /// Why some name could not be looked up.
    unresolved: Mutex<Option<String>>,
    budget: Mutex<Budget>,
    /// Whether an instance was well at any time.
    seen: AtomicBool,
}

/// A request that came to nothing.
struct AttemptError {
    error: Error,
    /// It, if it may be sent again.
    request: Option<Request<Body>>,
    /// Whether there was not even a connection. Then nobody has worked for it, and another instance gets no more than it would without this one.
    is_unsent: bool,
    /// Whether the instance has fallen silent, so that another line to it is of no use.
    is_frozen: bool,
}

/// Who was silent when the time was over.
enum TimedOut {
    Sender,
    Instance,
    /// The instance, and not with this request alone.
    Frozen,
}

impl AttemptError {
    /// Tells the breaker, unless it was the sender who broke off.
    fn record_failure(self, in_flight: &mut InFlight) -> Self {
        if !matches!(self.error, Error::Sender(..) | Error::Slow(_)) {
            in_flight.record_failure(&self.error.causes());
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
            host: HeaderValue::from_str(role).unwrap_or_else(|_| HeaderValue::from_static("neighbour")),
            resolver: tokio::sync::Mutex::new((Resolver::new(urls.clone()), None)),
            urls,
            instances: RwLock::new(Arc::new([])),
            unresolved: Mutex::default(),
            budget: Mutex::new(Budget::new(Instant::now())),
            seen: AtomicBool::new(false),
        }
    }

    /// Sends a request to the best instance, and to another one if that is safe and the first does not answer.
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
                Some(again) if error.is_unsent || self.with_budget(|budget| budget.withdraw(Instant::now())) => request = again,
                _ => return Err(error.error),
            }
            self.metrics.retries.inc();
            tracing::debug!(error = %error.error, "sent once more, to another instance");
        }
    }

    /// A place at an instance that was not tried yet.
    pub(super) async fn admit(&self, tried: &[SocketAddr]) -> Result<InFlight, Error> {
        if self.instances().is_empty() {
            self.resolve().await;
        }
        // Of two requests that want an instance's only trial, one goes on to the next.
        let in_flight =
            std::iter::repeat_with(|| self.choose(tried)).take(MAX_ATTEMPTS).map_while(|instance| instance).find_map(|instance| instance.admit(&self.metrics.in_flight));
        in_flight.ok_or_else(|| Error::Missing(self.role.clone(), self.reasons()))
    }

    fn choose(&self, tried: &[SocketAddr]) -> Option<Arc<Instance>> {
        let instances = self.instances();
        let candidates = instances.iter().map(|instance| Candidate { health: instance.health(), load: instance.load(), tried: tried.contains(&instance.address) });
        choose(candidates, |below| rand::random_range(0..below)).and_then(|index| instances.get(index).cloned())
    }

    /// One instance: a line that waits there if there is one, a new one otherwise.
    async fn attempt(&self, mut in_flight: InFlight, mut request: Request<Body>) -> Result<Response, AttemptError> {
        let instance = in_flight.instance.clone();
        if let Some(connection) = instance.pool.take().await {
            match self.exchange(&instance, connection, request).await {
                Ok((response, connection)) => return Ok(self.respond(response, connection, in_flight).await),
                // The instance closed the line while it waited, which says nothing against it: a new line is tried there.
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
                // The others come first until it says that it is ready, which it is asked every second.
                instance.connect_failed(asked, &error);
                return Err(AttemptError { error: Error::Silent(self.role.clone(), error.into()), request: Some(request), is_unsent: true, is_frozen: false });
            }
        };
        match self.exchange(&instance, connection, request).await {
            Ok((response, connection)) => Ok(self.respond(response, connection, in_flight).await),
            Err(error) => Err(error.record_failure(&mut in_flight)),
        }
    }

    pub(super) async fn respond(&self, mut response: http::Response<Incoming>, connection: Option<Connection>, mut in_flight: InFlight) -> Response {
        in_flight.record_success();
        headers::strip(response.headers_mut());
        response_body::streamed(response, connection, in_flight, self.timeouts.stalled).await
    }

    /// Sends the request over a line and waits for the head of the answer, as long as the request, or our patience, allows.
    async fn exchange(&self, instance: &Instance, connection: Connection, request: Request<Body>) -> Result<(http::Response<Incoming>, Option<Connection>), AttemptError> {
        let bodiless = request.body().is_end_stream();
        let until = request.extensions().get::<Deadline>().map(|deadline| deadline.0);
        let copy = is_repeatable(request.method(), bodiless).then(|| clone_request(&request));
        let outcome = if bodiless {
            let until = until.unwrap_or_else(|| (Instant::now() + self.timeouts.answer).into());
            self.wait_for_response(connection.send(request), instance, &Progress::of_instance(), None, Some(until)).await
        } else {
            let (request, progress) = track_progress(request);
            self.wait_for_response(connection.send(request), instance, &progress, Some(self.timeouts.body), until).await
        };
        match outcome {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(ExchangeError { error, .. })) if error.is_user() => {
                Err(AttemptError { error: Error::Sender(self.role.clone(), error.into()), request: None, is_unsent: false, is_frozen: false })
            }
            Ok(Err(ExchangeError { error, request })) => {
                Err(AttemptError { error: Error::Silent(self.role.clone(), error.into()), request: request.or(copy), is_unsent: false, is_frozen: false })
            }
            Err(TimedOut::Frozen) => {
                let error = std::io::Error::new(std::io::ErrorKind::TimedOut, "it has fallen silent with the request in its hands");
                Err(AttemptError { error: Error::Silent(self.role.clone(), error.into()), request: copy, is_unsent: false, is_frozen: true })
            }
            Err(TimedOut::Instance) => Err(AttemptError { error: Error::Late(self.role.clone()), request: None, is_unsent: false, is_frozen: false }),
            Err(TimedOut::Sender) => Err(AttemptError { error: Error::Slow(self.role.clone()), request: None, is_unsent: false, is_frozen: false }),
        }
    }

    /// PendingDependencies for an answer until `until`, or until the instance has not moved the request for `body_timeout` (or less, if it seems frozen).
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
            if has_passed(progress.deadline(self.timeouts.silent)) && has_passed(instance.silent_since().map(|since| (since + self.timeouts.silent).into())) {
                return Err(TimedOut::Frozen);
            }
            let next_check = [Some(now + RECHECK_INTERVAL), until, body_deadline].into_iter().flatten().min().unwrap_or(now);
            if let Ok(response) = tokio::time::timeout_at(next_check, sent.as_mut()).await {
                return Ok(response);
            }
        }
    }

    /// Looks the names up; instances that stay keep their state and their lines.
    pub(super) async fn resolve(&self) {
        let mut resolver = self.resolver.lock().await;
        let (resolver, resolved_at) = &mut *resolver;
        // Whoever waited for another's look takes its answer, also where there is none.
        if resolved_at.is_some_and(|resolved_at| resolved_at.elapsed() < RECHECK_INTERVAL) {
            return;
        }
        let (addresses, failed) = resolver.resolve().await;
        *resolved_at = Some(Instant::now());
        *self.unresolved.lock().unwrap_or_else(PoisonError::into_inner) = failed;
        let before = self.instances();
        if before.iter().map(|instance| instance.address).eq(addresses.iter().copied()) {
            return;
        }
        let known = |address| before.iter().find(|instance| instance.address == address).cloned();
        let now = addresses.into_iter().map(|address| known(address).unwrap_or_else(|| Arc::new(Instance::new(address)))).collect();
        *self.instances.write().unwrap_or_else(PoisonError::into_inner) = now;
    }

    pub(super) fn instances(&self) -> Arc<[Arc<Instance>]> {
        self.instances.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is missing, as a sentence, if no instance is healthy.
    pub(super) fn not_ready(&self) -> Option<String> {
        let is_healthy = self.instances().iter().any(|instance| instance.is_healthy() && instance.health() == Health::Healthy);
        if is_healthy {
            self.seen.store(true, Ordering::Relaxed);
        }
        (!is_healthy).then(|| format!("no instance of {} answers at {} ({})", self.role, self.urls, self.reasons()))
    }

    /// Whether an instance was well at any time.
    pub(super) fn was_seen(&self) -> bool {
        self.seen.load(Ordering::Relaxed)
    }

    fn reasons(&self) -> String {
        let mut reasons: Vec<String> = self.instances().iter().map(|instance| instance.last_error()).collect();
        reasons.extend(self.unresolved.lock().unwrap_or_else(PoisonError::into_inner).clone());
        reasons.sort_unstable();
        reasons.dedup();
        if reasons.is_empty() { "it has not been looked up yet".to_owned() } else { reasons.join("; ") }
    }

    fn with_budget<T>(&self, what: impl FnOnce(&mut Budget) -> T) -> T {
        what(&mut self.budget.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The same request once more; it has no body.
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
