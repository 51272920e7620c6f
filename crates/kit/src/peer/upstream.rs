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
use super::retry::{ATTEMPTS, Budget, repeatable};
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
    pub(super) addresses: PeerUrls,
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
struct Failure {
    error: Error,
    /// It, if it may be sent again.
    request: Option<Request<Body>>,
    /// Whether there was not even a connection. Then nobody has worked for it, and another instance gets no more than it would without this one.
    unsent: bool,
    /// Whether the instance has fallen silent, so that another line to it is of no use.
    frozen: bool,
}

/// Who was silent when the time was over.
enum Silent {
    Sender,
    Instance,
    /// The instance, and not with this request alone.
    Frozen,
}

impl Failure {
    /// Tells the breaker, unless it was the sender who broke off.
    fn record_failure(self, guard: &mut InFlight) -> Self {
        if !matches!(self.error, Error::Sender(..) | Error::Slow(_)) {
            guard.failed(&self.error.causes());
        }
        self
    }
}

impl Upstream {
    pub(super) fn new(role: &str, addresses: PeerUrls, timeouts: Timeouts, metrics: RoleMetrics) -> Self {
        Self {
            role: role.to_owned(),
            metrics,
            timeouts,
            host: HeaderValue::from_str(role).unwrap_or_else(|_| HeaderValue::from_static("neighbour")),
            resolver: tokio::sync::Mutex::new((Resolver::new(addresses.clone()), None)),
            addresses,
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
            let guard = self.admit(&tried).await?;
            let address = guard.instance.address;
            let failure = match self.attempt(guard, request).await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            tried.push(address);
            let again = failure.request.filter(|_| tried.len() < ATTEMPTS && self.choose(&tried).is_some());
            match again {
                Some(again) if failure.unsent || self.with_budget(|budget| budget.withdraw(Instant::now())) => request = again,
                _ => return Err(failure.error),
            }
            self.metrics.retries.inc();
            tracing::debug!(error = %failure.error, "sent once more, to another instance");
        }
    }

    /// A place at an instance that was not tried yet.
    pub(super) async fn admit(&self, tried: &[SocketAddr]) -> Result<InFlight, Error> {
        if self.instances().is_empty() {
            self.look().await;
        }
        // Of two requests that want an instance's only trial, one goes on to the next.
        let guard = std::iter::repeat_with(|| self.choose(tried)).take(ATTEMPTS).map_while(|instance| instance).find_map(|instance| instance.admit(&self.metrics.in_flight));
        guard.ok_or_else(|| Error::Missing(self.role.clone(), self.reasons()))
    }

    fn choose(&self, tried: &[SocketAddr]) -> Option<Arc<Instance>> {
        let instances = self.instances();
        let candidates = instances.iter().map(|instance| Candidate { health: instance.health(), load: instance.load(), tried: tried.contains(&instance.address) });
        choose(candidates, |below| rand::random_range(0..below)).and_then(|place| instances.get(place).cloned())
    }

    /// One instance: a line that waits there if there is one, a new one otherwise.
    async fn attempt(&self, mut guard: InFlight, mut request: Request<Body>) -> Result<Response, Failure> {
        let instance = guard.instance.clone();
        if let Some(connection) = instance.pool.take().await {
            match self.exchange(&instance, connection, request).await {
                Ok((answer, connection)) => return Ok(self.answered(answer, connection, guard).await),
                // The instance closed the line while it waited, which says nothing against it: a new line is tried there.
                Err(Failure { request: Some(unsent), frozen: false, .. }) => request = unsent,
                Err(failure) => return Err(failure.record_failure(&mut guard)),
            }
        }
        self.metrics.connects.inc();
        let asked = Instant::now();
        let connection = match Connection::connect(instance.address).await {
            Ok(connection) => connection,
            Err(error) => {
                guard.failed(&error.to_string());
                // The others come first until it says that it is ready, which it is asked every second.
                instance.connect_failed(asked, &error);
                return Err(Failure { error: Error::Silent(self.role.clone(), error.into()), request: Some(request), unsent: true, frozen: false });
            }
        };
        match self.exchange(&instance, connection, request).await {
            Ok((answer, connection)) => Ok(self.answered(answer, connection, guard).await),
            Err(failure) => Err(failure.record_failure(&mut guard)),
        }
    }

    pub(super) async fn answered(&self, mut answer: http::Response<Incoming>, connection: Option<Connection>, mut guard: InFlight) -> Response {
        guard.succeeded();
        headers::strip(answer.headers_mut());
        response_body::streamed(answer, connection, guard, self.timeouts.stalled).await
    }

    /// Sends the request over a line and waits for the head of the answer, as long as the request, or our patience, allows.
    async fn exchange(&self, instance: &Instance, connection: Connection, request: Request<Body>) -> Result<(http::Response<Incoming>, Option<Connection>), Failure> {
        let bodiless = request.body().is_end_stream();
        let until = request.extensions().get::<Deadline>().map(|deadline| deadline.0);
        let copy = repeatable(request.method(), bodiless).then(|| copy(&request));
        let outcome = if bodiless {
            let until = until.unwrap_or_else(|| (Instant::now() + self.timeouts.answer).into());
            self.wait_for_response(connection.send(request), instance, &Progress::of_instance(), None, Some(until)).await
        } else {
            let (request, progress) = track_progress(request);
            self.wait_for_response(connection.send(request), instance, &progress, Some(self.timeouts.body), until).await
        };
        match outcome {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(ExchangeError { error, .. })) if error.is_user() => {
                Err(Failure { error: Error::Sender(self.role.clone(), error.into()), request: None, unsent: false, frozen: false })
            }
            Ok(Err(ExchangeError { error, request })) => {
                Err(Failure { error: Error::Silent(self.role.clone(), error.into()), request: request.or(copy), unsent: false, frozen: false })
            }
            Err(Silent::Frozen) => {
                let error = std::io::Error::new(std::io::ErrorKind::TimedOut, "it has fallen silent with the request in its hands");
                Err(Failure { error: Error::Silent(self.role.clone(), error.into()), request: copy, unsent: false, frozen: true })
            }
            Err(Silent::Instance) => Err(Failure { error: Error::Late(self.role.clone()), request: None, unsent: false, frozen: false }),
            Err(Silent::Sender) => Err(Failure { error: Error::Slow(self.role.clone()), request: None, unsent: false, frozen: false }),
        }
    }

    /// PendingDependencies for an answer until `until`, or until the instance has not moved the request for `patience` (or less, if it seems frozen).
    async fn wait_for_response<T>(
        &self,
        sent: impl Future<Output = T>,
        instance: &Instance,
        progress: &Progress,
        patience: Option<Duration>,
        until: Option<tokio::time::Instant>,
    ) -> Result<T, Silent> {
        let mut sent = std::pin::pin!(sent);
        loop {
            let now = tokio::time::Instant::now();
            let over = |end: Option<tokio::time::Instant>| end.is_some_and(|end| end <= now);
            let ends = patience.and_then(|patience| progress.ends(patience));
            if over(until) || over(ends) {
                return Err(if progress.waits_for_instance() { Silent::Instance } else { Silent::Sender });
            }
            if over(progress.ends(self.timeouts.silent)) && over(instance.silent_since().map(|since| (since + self.timeouts.silent).into())) {
                return Err(Silent::Frozen);
            }
            let look_again = [Some(now + RECHECK_INTERVAL), until, ends].into_iter().flatten().min().unwrap_or(now);
            if let Ok(answer) = tokio::time::timeout_at(look_again, sent.as_mut()).await {
                return Ok(answer);
            }
        }
    }

    /// Looks the names up; instances that stay keep their state and their lines.
    pub(super) async fn look(&self) {
        let mut resolver = self.resolver.lock().await;
        let (resolver, resolved_at) = &mut *resolver;
        // Whoever waited for another's look takes its answer, also where there is none.
        if resolved_at.is_some_and(|resolved_at| resolved_at.elapsed() < RECHECK_INTERVAL) {
            return;
        }
        let (addresses, failed) = resolver.look().await;
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
        let well = self.instances().iter().any(|instance| instance.is_healthy() && instance.health() == Health::Healthy);
        if well {
            self.seen.store(true, Ordering::Relaxed);
        }
        (!well).then(|| format!("no instance of {} answers at {} ({})", self.role, self.addresses, self.reasons()))
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
fn copy(request: &Request<Body>) -> Request<Body> {
    let mut copy = Request::new(Body::empty());
    request.method().clone_into(copy.method_mut());
    request.uri().clone_into(copy.uri_mut());
    request.headers().clone_into(copy.headers_mut());
    if let Some(deadline) = request.extensions().get::<Deadline>() {
        copy.extensions_mut().insert(*deadline);
    }
    copy
}
