//! How many requests of clients each role works on at once, and which of them are refused when it is too slow.
//!
//! The limit of a role follows its latency (see `adaptive_limit`). A request beyond it waits a while; when there is
//! room, members are first, then requests without a token, and of each the cheap operations. Does not own health
//! checks, which no role responds to, nor uploads, which roles take in turn (decision 12). Invariants: no request waits
//! longer than [`MEMBER_TIMEOUT`]; requests without a token never take the last quarter of a limit; a permit is never
//! held while its client is waited for.

mod adaptive_limit;
mod metrics;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use base::telemetry::Metrics;
use http::{HeaderName, StatusCode};
use http_body::Body as _;
use http_server::problem::every_role;
use http_server::{Deadline, MAX_JSON_BYTES, Problem, is_json};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout, timeout_at};

use self::adaptive_limit::{AdaptiveLimit, Bounds, Sample};
use self::metrics::{LimitMetrics, RoleMetrics};
use self::waiting::{Waiting, Worth};
use crate::Config;
use crate::body_limit::Violation;
use crate::routes::{Route, RouteTable};
use crate::stream_budget::{ClientKey, StreamAdmission};

/// How long a request of a member waits for a role.
const MEMBER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a request without a token waits.
const ANONYMOUS_TIMEOUT: Duration = Duration::from_secs(5);
/// After how long a client may try again what was refused.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// In a stored response to a repeated request.
const REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");

/// The limits of all roles; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct RoleLimits(Arc<BTreeMap<&'static str, Arc<RoleLimit>>>);

/// The limit of one role.
#[derive(Debug)]
struct RoleLimit {
    state: Mutex<State>,
    metrics: RoleMetrics,
}

#[derive(Debug)]
struct State {
    limit: AdaptiveLimit,
    in_flight: usize,
    waiting: Waiting<RolePermit>,
}

/// What counts of a request for its admission.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    /// A hash of the operation.
    operation: u64,
    is_member: bool,
    /// Whether the role has to respond within a time. To an upload it does not: its latency is the client's.
    is_timed: bool,
}

/// Permits one request in flight. Released on drop.
#[derive(Debug)]
pub(crate) struct RolePermit {
    /// `None` for a permit that was given to no request.
    role: Option<Arc<RoleLimit>>,
    operation: u64,
    began: Instant,
}

impl RoleLimits {
    /// Returns the limits of the roles in a route table.
    pub(crate) fn new(config: &Config, routes: &RouteTable, metrics: &Metrics) -> Self {
        let bounds = Bounds { least: config.requests_per_role_at_least, most: config.requests_per_role_at_once };
        let metrics = LimitMetrics::register(metrics);
        let operations = routes.routes().flat_map(|route| &route.operations);
        let roles: BTreeSet<&'static str> = operations.map(|operation| operation.role).collect();
        let now = Instant::now();
        let limits = roles.into_iter().map(|role| (role, RoleLimit::new(bounds, metrics.of(role), now)));
        Self(Arc::new(limits.collect()))
    }

    /// Waits until the body of a request is here, if it is JSON, and then until the role may work on it. Fails with
    /// 503 if that takes too long, or if too many wait already that are worth as much. The permit is `None` if the
    /// request is not limited.
    pub(crate) async fn admit(
        &self,
        role: &str,
        route: &Route,
        request: Request,
    ) -> Result<(Request, Option<RolePermit>), Problem> {
        let arrival = Arrival::of(route, &request);
        match self.0.get(role) {
            Some(limit) if arrival.is_timed => {
                let request = receive_body(request).await?;
                let permit = limit.acquire(arrival).await?;
                Ok((request, Some(permit)))
            }
            _ => Ok((request, None)),
        }
    }
}

/// Waits for the body of a request that has a deadline, so that a client which sends it slowly, or never, has no permit
/// meanwhile.
async fn receive_body(request: Request) -> Result<Request, Problem> {
    let deadline = request.extensions().get::<Deadline>().copied();
    let Some(Deadline(end)) = deadline.filter(|_| !request.body().is_end_stream()) else { return Ok(request) };
    let (parts, body) = request.into_parts();
    match timeout_at(end, to_bytes(body, MAX_JSON_BYTES)).await {
        Ok(Ok(bytes)) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Ok(Err(_)) => Err(Problem::of(every_role::BROKEN_OFF, "The request's body is incomplete or malformed.")),
        Err(_) => Err(Violation::TooSlow.into()),
    }
}

impl Arrival {
    /// Returns what counts of a request, which the guard has admitted.
    fn of(route: &Route, request: &Request) -> Self {
        let mut hasher = DefaultHasher::new();
        route.pattern.hash(&mut hasher);
        // Methods that a route does not have are one operation: the role refuses them all.
        route.operation(request.method()).map(|operation| &operation.method).hash(&mut hasher);
        let client = request.extensions().get::<StreamAdmission>().map(|admission| admission.client);
        Self {
            operation: hasher.finish(),
            is_member: matches!(client, Some(ClientKey::Member(_))),
            // A small body that is no JSON is that of an upload.
            is_timed: request.extensions().get::<Deadline>().is_some()
                && (request.body().is_end_stream() || is_json(request.headers())),
        }
    }
}

impl RoleLimit {
    fn new(bounds: Bounds, metrics: RoleMetrics, now: Instant) -> Arc<Self> {
        let limit = AdaptiveLimit::new(bounds, now);
        metrics.set_limit(limit.get());
        let state = State { limit, in_flight: 0, waiting: Waiting::default() };
        Arc::new(Self { state: Mutex::new(state), metrics })
    }

    async fn acquire(self: &Arc<Self>, arrival: Arrival) -> Result<RolePermit, Problem> {
        let (worth, receiver) = {
            let mut state = self.state.lock();
            let worth = Worth::of(arrival.is_member, state.limit.is_expensive(arrival.operation));
            if state.has_room(worth) {
                state.in_flight += 1;
                return Ok(RolePermit::new(self, arrival.operation));
            }
            (worth, state.waiting.add(worth))
        };
        let longest = if worth.is_member() { MEMBER_TIMEOUT } else { ANONYMOUS_TIMEOUT };
        let permit = match receiver {
            Some(receiver) => timeout(longest, receiver).await.ok().and_then(Result::ok),
            None => None,
        };
        let Some(mut permit) = permit else {
            self.metrics.count_refused(worth);
            return Err(overloaded());
        };
        // What the request waited here is no latency of the role.
        (permit.operation, permit.began) = (arrival.operation, Instant::now());
        Ok(permit)
    }

    /// Takes a permit back, with what the response said of the role, and gives the room to those that wait.
    fn release(self: &Arc<Self>, sample: Option<(u64, Sample)>) {
        let mut state = self.state.lock();
        let State { limit, in_flight, .. } = &mut *state;
        if let Some((operation, sample)) = sample {
            limit.record(operation, sample, *in_flight, Instant::now());
            self.metrics.set_limit(limit.get());
        }
        *in_flight = in_flight.saturating_sub(1);
        for worth in Worth::ALL.into_iter().rev() {
            while state.has_room(worth) {
                let Some(sender) = state.waiting.take(worth) else { break };
                match sender.send(RolePermit::new(self, 0)) {
                    Ok(()) => state.in_flight += 1,
                    // It gave up just now. The permit never counted, and its drop must not take the lock again.
                    Err(permit) => permit.discard(),
                }
            }
        }
    }
}

impl State {
    /// Whether another request of this worth may be in flight. Requests without a token leave a quarter to members.
    fn has_room(&self, worth: Worth) -> bool {
        let limit = self.limit.get();
        self.in_flight < if worth.is_member() { limit } else { limit - limit / 4 }
    }
}

impl RolePermit {
    fn new(role: &Arc<RoleLimit>, operation: u64) -> Self {
        Self { role: Some(role.clone()), operation, began: Instant::now() }
    }

    /// Releases the permit of a request whose response has begun.
    pub(crate) fn finish(mut self, response: &Response) {
        let (latency, status) = (self.began.elapsed(), response.status());
        let sample = if status == StatusCode::GATEWAY_TIMEOUT {
            Some(Sample::GivenUp(latency))
        } else {
            is_work_done(response).then_some(Sample::Done(latency))
        };
        if let Some(role) = self.role.take() {
            role.release(sample.map(|sample| (self.operation, sample)));
        }
    }

    /// Drops a permit that was not counted.
    fn discard(mut self) {
        self.role = None;
    }
}

impl Drop for RolePermit {
    fn drop(&mut self) {
        if let Some(role) = self.role.take() {
            role.release(None);
        }
    }
}

/// Whether a response says how long the work of its operation takes. A refusal, a fault, and a response that the client
/// or the role has already are fast whatever that is: compared with them, every sign-up, which hashes a password, would
/// be slow.
fn is_work_done(response: &Response) -> bool {
    let status = response.status();
    let is_new = status != StatusCode::NOT_MODIFIED && !response.headers().contains_key(REPLAY);
    (status.is_success() || status.is_redirection()) && is_new
}

fn overloaded() -> Problem {
    let detail = "This part of the service has more to do than it can do right now. Wait a little, then try again.";
    Problem::of(every_role::SERVER_OVERLOADED, detail).retry_after(RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    const ANONYMOUS: Arrival = Arrival { operation: 1, is_member: false, is_timed: true };
    const MEMBER: Arrival = Arrival { is_member: true, ..ANONYMOUS };

    fn limit_of(requests: usize) -> Arc<RoleLimit> {
        let bounds = Bounds { least: requests, most: requests };
        RoleLimit::new(bounds, LimitMetrics::register(&Metrics::default()).of("media"), Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_without_tokens_leaves_room_for_members_and_is_refused_after_a_while() {
        let limit = limit_of(4);
        let mut flood = Vec::new();
        for _ in 0..3 {
            flood.push(limit.acquire(ANONYMOUS).await.unwrap());
        }
        let began = Instant::now();
        let refused = limit.acquire(ANONYMOUS).await.unwrap_err();
        assert_eq!((refused.status.as_u16(), &*refused.code), (503, "server.overloaded"));
        assert_eq!(refused.retry_after, Some(RETRY_AFTER));
        assert!(began.elapsed() >= ANONYMOUS_TIMEOUT && began.elapsed() < MEMBER_TIMEOUT);
        let began = Instant::now();
        let member = limit.acquire(MEMBER).await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO, "a member does not wait");
        // All is taken: a member waits, and is served before those without a token who came earlier.
        let waiting = |arrival| {
            let limit = limit.clone();
            tokio::spawn(async move { limit.acquire(arrival).await })
        };
        let (earlier, later) = (waiting(ANONYMOUS), waiting(MEMBER));
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        drop(flood.pop());
        let second = later.await.unwrap().unwrap();
        assert!(!earlier.is_finished());
        drop((member, second));
        drop(earlier.await.unwrap().unwrap());
        drop(flood);
        assert_eq!(limit.state.lock().in_flight, 0, "nothing is left");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_gave_up_leave_nothing_behind() {
        let limit = limit_of(1);
        let first = limit.acquire(MEMBER).await.unwrap();
        for _ in 0..3 {
            let given_up = timeout(Duration::from_millis(1), limit.acquire(MEMBER)).await;
            assert!(given_up.is_err());
        }
        first.finish(&StatusCode::OK.into_response());
        limit.acquire(MEMBER).await.unwrap().finish(&StatusCode::SERVICE_UNAVAILABLE.into_response());
        let state = limit.state.lock();
        assert_eq!(state.in_flight, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_and_stored_responses_do_not_make_the_work_seem_slow() {
        let bounds = Bounds { least: 8, most: 1024 };
        let limit = RoleLimit::new(bounds, LimitMetrics::register(&Metrics::default()).of("accounts"), Instant::now());
        let respond = async |milliseconds, response: Response| {
            let permit = limit.acquire(ANONYMOUS).await.unwrap();
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            permit.finish(&response);
        };
        for _ in 0..50 {
            respond(1, StatusCode::UNPROCESSABLE_ENTITY.into_response()).await;
            respond(1, StatusCode::NOT_MODIFIED.into_response()).await;
            respond(1, (StatusCode::CREATED, [(REPLAY, "true")]).into_response()).await;
            respond(100, StatusCode::CREATED.into_response()).await;
        }
        assert_eq!(limit.state.lock().limit.get(), 1024);
        for _ in 0..50 {
            respond(1000, StatusCode::CREATED.into_response()).await;
        }
        assert!(limit.state.lock().limit.get() < 512);
    }
}
