//! The guard: the middleware around every route of the public listener. It identifies the client and enforces rate and
//! concurrency limits.
//!
//! A client is a member if its token is valid, and otherwise an address prefix (an IPv4 address or an IPv6 /64; behind
//! proxies, the address that many trusted hops from the right). Ordinary requests, streams (see `stream_budget`) and
//! health checks have separate limits, so that health checks succeed under load. Invariant: values that a client itself
//! writes into `X-Forwarded-For` or `X-Tutti-*` are never used.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts as _, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use kit::Problem;
use kit::auth::{Member, Verifier};
use kit::http::{CLIENT_IP, Deadline, HeadBounds, client_prefix};
use kit::tasks::Tasks;
use kit::telemetry::Metrics;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::anonymous_limits::{AnonymousLimits, InFlightPermit, PrefixPermit};
use crate::body_limit::{BodyLimit, BodyOutcome, Violation};
use crate::stream_budget::{ClientKey, StreamAdmission, StreamBudget, StreamLimits};
use crate::{Config, ROUTES, STATIC_ROUTES, sse};

/// The prefix of headers that only internal requests may have.
const INTERNAL_HEADER_PREFIX: &str = "x-tutti-";
/// Bodies up to this size should arrive at once, so their requests have a deadline like those without a body.
const SMALL_BODY_BYTES: u64 = 16 * 1024;
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Proxy headers that Tutti does not read. They are removed so that no role takes them for checked.
const UNTRUSTED_HEADERS: [&str; 7] =
    ["forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "x-original-url", "x-rewrite-url", "x-http-method"];
/// Proxy headers that are accepted from trusted proxies only.
const PROXY_HEADERS: [&str; 4] = ["x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix"];
/// The burst of a rate limit, in seconds' worth of requests.
const BURST_SECONDS: u32 = 10;
/// The most clients that a rate limiter tracks. Past that, idle clients are dropped early.
const MAX_TRACKED_CLIENTS: usize = 100_000;
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);

/// Paths of health checks by load balancers. The process responds to them, not a role.
const HEALTH_ROUTES: [&str; 2] = ["/healthz", "/readyz"];
/// The most health checks at once.
const MAX_HEALTH_CHECKS: usize = 64;
/// Health checks per second from one prefix.
const HEALTH_CHECKS_PER_SECOND: u32 = 50;
/// New access tokens per second from one prefix: each costs a signature check (50 µs).
const NEW_TOKENS_PER_SECOND: u32 = 500;
/// How long a 429 response is delayed.
const TOO_MANY_REQUESTS_DELAY: Duration = Duration::from_millis(100);
/// A static file counts as one read request per this many bytes, because its cost is the transfer.
const STATIC_BYTES_PER_REQUEST: u64 = 16 * 1024;
/// A request for a stream counts as this many read requests, so that a client that reconnects after each eviction costs
/// no more than an ordinary reader.
const REQUESTS_PER_STREAM: u32 = 20;

type Limiter<K> = Option<Arc<DefaultKeyedRateLimiter<K>>>;

/// The class of a request, by its route. It decides which limits apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RequestClass {
    /// A request for a role, or for an unknown path.
    Role,
    /// A request for a role whose response is a stream (see [`ROUTES`]).
    Stream,
    /// An embedded file. It is the same for every client, so no token is checked.
    Static,
    /// A health check: one of [`HEALTH_ROUTES`].
    Health,
}

impl RequestClass {
    fn from_request(request: &Request) -> Self {
        match request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) {
            Some(path) if HEALTH_ROUTES.contains(&path) => Self::Health,
            Some(path) if STATIC_ROUTES.iter().any(|(route, _)| *route == path) => Self::Static,
            Some(path) if ROUTES.iter().any(|row| row.streams && row.path == path) => Self::Stream,
            _ => Self::Role,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Guard {
    requests: Arc<Semaphore>,
    /// Permits for all requests without a token together.
    anonymous_requests: Arc<Semaphore>,
    health_checks: Arc<Semaphore>,
    /// Permits for requests without a token, per prefix.
    anonymous_limits: AnonymousLimits,
    streams: StreamBudget,
    tasks: Tasks,
    reads: Limiter<ClientKey>,
    writes: Limiter<Uuid>,
    anonymous_writes: Limiter<IpAddr>,
    static_reads: Limiter<IpAddr>,
    health_rate: Limiter<IpAddr>,
    new_tokens: Limiter<IpAddr>,
    allowed_origins: Arc<[String]>,
    trusted_hops: usize,
    response_timeout: Duration,
    body_limit: BodyLimit,
    head: HeadBounds,
}

impl Guard {
    pub(crate) fn new(config: &Config, tasks: &Tasks, metrics: &Metrics) -> Self {
        let limits = StreamLimits {
            all: config.streams_at_once,
            per_member: config.streams_per_member,
            per_prefix: config.streams_per_address,
        };
        let guard = Self {
            requests: Arc::new(Semaphore::new(config.requests_at_once)),
            anonymous_requests: Arc::new(Semaphore::new(config.requests_at_once - config.requests_at_once / 4)),
            health_checks: Arc::new(Semaphore::new(MAX_HEALTH_CHECKS)),
            anonymous_limits: AnonymousLimits::new(
                config.anonymous_requests_per_address,
                config.anonymous_in_flight_per_address,
            ),
            streams: StreamBudget::new(limits, metrics),
            tasks: tasks.clone(),
            reads: rate_limiter(config.reads_per_second),
            writes: rate_limiter(config.writes_per_second),
            anonymous_writes: rate_limiter(config.anonymous_writes_per_second),
            static_reads: rate_limiter(config.reads_per_second),
            health_rate: rate_limiter(HEALTH_CHECKS_PER_SECOND),
            new_tokens: rate_limiter(NEW_TOKENS_PER_SECOND),
            allowed_origins: config.allowed_origins.clone().into(),
            trusted_hops: config.trusted_hops,
            response_timeout: Duration::from_secs(config.response_timeout_seconds.max(1)),
            body_limit: BodyLimit {
                max_bytes: config.max_body_bytes,
                min_bytes_per_second: config.slow_bytes_per_second,
                window: Duration::from_secs(config.slow_window_seconds.max(1)),
            },
            head: HeadBounds { max_url_bytes: config.max_url_bytes, max_headers: config.max_headers },
        };
        let (owner, guard_to_prune) = (tasks.clone(), guard.clone());
        tasks.spawn(async move {
            while owner.sleep(PRUNE_INTERVAL).await {
                guard_to_prune.prune();
            }
        });
        guard
    }

    fn prune(&self) {
        self.reads.iter().for_each(|limiter| limiter.retain_recent());
        self.writes.iter().for_each(|limiter| limiter.retain_recent());
        let by_prefix = [&self.anonymous_writes, &self.static_reads, &self.health_rate, &self.new_tokens];
        by_prefix.into_iter().flatten().for_each(|limiter| limiter.retain_recent());
    }

    /// Runs the middleware.
    pub(crate) async fn layer(State(guard): State<Self>, request: Request, next: Next) -> Response {
        let origin = request.headers().get(header::ORIGIN).cloned();
        match guard.handle(request, next).await {
            Ok(response) => response,
            Err(problem) => {
                // The request holds no permit any more. The delay keeps a client that retries at once from using up the
                // processor.
                if problem.status == StatusCode::TOO_MANY_REQUESTS {
                    tokio::time::sleep(TOO_MANY_REQUESTS_DELAY).await;
                }
                guard.add_cors_headers(problem.into_response(), origin)
            }
        }
    }

    async fn handle(&self, request: Request, next: Next) -> Result<Response, Problem> {
        let Admitted { request, class, client, permits, in_flight, outcome } = self.admit(request).await?;
        let response = next.run(request).await;
        // The response's head is here: the request is not in flight any more.
        drop(in_flight);
        // The role saw only an incomplete body. The violation says why.
        let response = outcome
            .and_then(|outcome| outcome.get().copied())
            .map_or(response, |violation| Problem::from(violation).into_response());
        self.finish(response, class, client, permits)
    }

    /// Attaches permits to a response: a stream gets one from the stream budget, any other body keeps the request's.
    fn finish(
        &self,
        response: Response,
        class: RequestClass,
        client: ClientKey,
        permits: Permits,
    ) -> Result<Response, Problem> {
        if sse::is_event_stream(&response) {
            // A stream counts in the stream budget instead.
            drop(permits);
            return Ok(sse::end_on_shutdown_or_eviction(&self.tasks, self.streams.acquire(client)?, response));
        }
        if let (RequestClass::Static, ClientKey::Prefix(prefix)) = (class, client) {
            let weight = 1 + response.body().size_hint().exact().unwrap_or(0) / STATIC_BYTES_PER_REQUEST;
            check_weighted(self.static_reads.as_deref(), &prefix, u32::try_from(weight).unwrap_or(u32::MAX))?;
        }
        // The permits are held until the response's body has been sent.
        Ok(response.map(|body| axum::body::Body::new(BodyWithPermits { body, _permits: permits })))
    }

    /// Adds CORS headers to a refusal, so that a page on an allowed origin can read it. Refusals never reach the CORS
    /// layer.
    fn add_cors_headers(&self, mut response: Response, origin: Option<HeaderValue>) -> Response {
        if let Some(origin) =
            origin.filter(|origin| self.allowed_origins.iter().any(|known| known.as_bytes() == origin.as_bytes()))
        {
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
        }
        response
    }

    async fn admit(&self, request: Request) -> Result<Admitted, Problem> {
        let class = RequestClass::from_request(&request);
        self.check_head(&request)?;
        let semaphore = if class == RequestClass::Health { &self.health_checks } else { &self.requests };
        if semaphore.available_permits() == 0 {
            return Err(busy());
        }
        let (mut parts, body) = request.into_parts();
        let address = self.client_address(&mut parts).await;
        strip_internal_headers(&mut parts.headers, self.trusted_hops > 0);
        if let Ok(value) = HeaderValue::from_str(&address.to_string()) {
            // An earlier value was an unchecked claim of the client.
            parts.headers.insert(X_FORWARDED_FOR, value.clone());
            parts.headers.insert(CLIENT_IP, value);
        }
        let prefix = client_prefix(address);
        let member = if matches!(class, RequestClass::Role | RequestClass::Stream) {
            self.verify_member(&mut parts, prefix).await?
        } else {
            None
        };
        let client = member.as_ref().map_or(ClientKey::Prefix(prefix), |member| ClientKey::Member(member.id()));
        let is_read = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
        match (class, member) {
            (RequestClass::Health, _) => check(self.health_rate.as_deref(), &prefix)?,
            // Static files are counted by their size, once it is known.
            (RequestClass::Static, _) if is_read => {}
            (RequestClass::Stream, _) if is_read => {
                check_weighted(self.reads.as_deref(), &client, REQUESTS_PER_STREAM)?;
            }
            (_, _) if is_read => check(self.reads.as_deref(), &client)?,
            (_, Some(member)) => check(self.writes.as_deref(), &member.id())?,
            (_, None) => check(self.anonymous_writes.as_deref(), &prefix)?,
        }
        let prefix_permit = match client {
            ClientKey::Prefix(prefix) if class != RequestClass::Health => Some(self.anonymous_limits.acquire(prefix)?),
            _ => None,
        };
        // The in-flight permit comes first: a waiting request must not hold a request permit that another could use.
        let in_flight = match &prefix_permit {
            Some(permit) if is_read && class != RequestClass::Static => Some(permit.acquire_in_flight().await?),
            _ => None,
        };
        let anonymous_request =
            prefix_permit.is_some().then(|| self.anonymous_requests.clone().try_acquire_owned()).transpose();
        let (request_permit, anonymous_request) =
            (semaphore.clone().try_acquire_owned().map_err(|_| busy())?, anonymous_request.map_err(|_| busy())?);
        let permits =
            Permits { _request: request_permit, _anonymous_request: anonymous_request, _of_prefix: prefix_permit };
        parts.extensions.insert(StreamAdmission { budget: self.streams.clone(), client });
        let has_no_body = body.is_end_stream();
        if has_no_body || body.size_hint().exact().is_some_and(|bytes| bytes <= SMALL_BODY_BYTES) {
            parts.extensions.insert(Deadline::after(self.response_timeout));
        }
        if has_no_body {
            return Ok(Admitted {
                request: Request::from_parts(parts, body),
                class,
                client,
                permits,
                in_flight,
                outcome: None,
            });
        }
        let (body, outcome) = self.body_limit.apply(body);
        Ok(Admitted {
            request: Request::from_parts(parts, body),
            class,
            client,
            permits,
            in_flight,
            outcome: Some(outcome),
        })
    }

    /// Returns the member whose token the request has, if any. Each new token costs a signature check, so their rate is
    /// limited per prefix.
    async fn verify_member(&self, parts: &mut http::request::Parts, prefix: IpAddr) -> Result<Option<Member>, Problem> {
        let has_token = parts.headers.contains_key(header::AUTHORIZATION);
        if has_token
            && !parts.extensions.get::<Verifier>().is_some_and(|verifier| verifier.has_verified(&parts.headers))
        {
            check(self.new_tokens.as_deref(), &prefix)?;
        }
        <Option<Member> as axum::extract::FromRequestParts<()>>::from_request_parts(parts, &()).await
    }

    /// Refuses requests that are too large, before anything else of them is read.
    fn check_head(&self, request: &Request) -> Result<(), Problem> {
        self.head.check(request)?;
        if request.body().size_hint().lower() > self.body_limit.max_bytes {
            return Err(Violation::TooLarge.into());
        }
        Ok(())
    }

    /// Returns the address of the client in front of the trusted proxies. An IPv4-mapped IPv6 address is returned as
    /// IPv4.
    async fn client_address(&self, parts: &mut http::request::Parts) -> IpAddr {
        let peer = ConnectInfo::<SocketAddr>::from_request_parts(parts, &())
            .await
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip());
        if self.trusted_hops == 0 {
            return peer.to_canonical();
        }
        // An element that is not text stays an element: without it, the elements before it would move to another position.
        let values = parts.headers.get_all(&X_FORWARDED_FOR).iter();
        let lines: Vec<Cow<'_, str>> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        let chain = lines.join(",");
        chain.rsplit(',').nth(self.trusted_hops - 1).and_then(parse_forwarded_address).unwrap_or(peer).to_canonical()
    }
}

/// Parses an address as proxies write it: some add a port, and brackets around IPv6.
fn parse_forwarded_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let without_brackets = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    without_brackets.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// An admitted request, its permits, and the outcome of its body.
struct Admitted {
    request: Request,
    class: RequestClass,
    client: ClientKey,
    permits: Permits,
    in_flight: Option<InFlightPermit>,
    outcome: Option<BodyOutcome>,
}

/// The permits of a request. Released on drop.
struct Permits {
    _request: OwnedSemaphorePermit,
    _anonymous_request: Option<OwnedSemaphorePermit>,
    _of_prefix: Option<PrefixPermit>,
}

fn busy() -> Problem {
    Problem::unavailable("The server is busy. Try again in a moment.", Duration::from_secs(1))
}

/// Removes internal headers, headers that Tutti does not read, and, without a trusted proxy, those that only one may
/// set.
fn strip_internal_headers(headers: &mut HeaderMap, behind_proxy: bool) {
    let internal: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(INTERNAL_HEADER_PREFIX)).cloned().collect();
    for name in internal {
        headers.remove(name);
    }
    for name in UNTRUSTED_HEADERS.iter().chain(if behind_proxy { &[][..] } else { &PROXY_HEADERS[..] }) {
        headers.remove(*name);
    }
}

fn rate_limiter<K: std::hash::Hash + Eq + Clone>(per_second: u32) -> Limiter<K> {
    let per_second = NonZeroU32::new(per_second)?;
    let burst = per_second.saturating_mul(NonZeroU32::new(BURST_SECONDS)?);
    Some(Arc::new(RateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst))))
}

fn check<K: std::hash::Hash + Eq + Clone>(
    limiter: Option<&DefaultKeyedRateLimiter<K>>,
    key: &K,
) -> Result<(), Problem> {
    check_weighted(limiter, key, 1)
}

/// Like [`check`], for a request that counts as several.
fn check_weighted<K: std::hash::Hash + Eq + Clone>(
    limiter: Option<&DefaultKeyedRateLimiter<K>>,
    key: &K,
    weight: u32,
) -> Result<(), Problem> {
    let Some(limiter) = limiter else { return Ok(()) };
    if limiter.len() > MAX_TRACKED_CLIENTS {
        limiter.retain_recent();
    }
    let weight = NonZeroU32::new(weight).unwrap_or(NonZeroU32::MIN);
    let result = match limiter.check_key_n(key, weight) {
        Ok(result) => result,
        // The weight exceeds the whole burst: the request uses all of it.
        Err(capacity) => {
            limiter.check_key_n(key, NonZeroU32::new(capacity.0).unwrap_or(NonZeroU32::MIN)).unwrap_or(Ok(()))
        }
    };
    result.map_err(|not_until| {
        let wait = not_until.wait_time_from(DefaultClock::default().now());
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "request.too_many",
            "Too many requests in a short time. Wait a little, then try again.",
        )
        .retry_after(wait)
    })
}

/// A body that holds the permits of its request until it has been sent.
struct BodyWithPermits {
    body: axum::body::Body,
    _permits: Permits,
}

impl http_body::Body for BodyWithPermits {
    type Data = bytes::Bytes;
    type Error = axum::Error;
    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, axum::Error>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(context)
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(trusted_hops: usize) -> Guard {
        Guard::new(&Config { trusted_hops, ..Config::default() }, &Tasks::default(), &Metrics::default())
    }

    async fn client_address(hops: usize, forwarded: &str) -> String {
        client_address_by(hops, &[forwarded.as_bytes()]).await
    }

    async fn client_address_by(hops: usize, lines: &[&[u8]]) -> String {
        let request = Request::get("/").extension(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 1))));
        let request =
            lines.iter().fold(request, |request, line| request.header(X_FORWARDED_FOR, *line)).body(()).unwrap();
        guard(hops).client_address(&mut request.into_parts().0).await.to_string()
    }

    #[tokio::test]
    async fn a_forged_address_is_ignored() {
        assert_eq!(client_address(0, "1.2.3.4").await, "10.0.0.1");
        assert_eq!(client_address(1, "6.6.6.6, 1.2.3.4").await, "1.2.3.4");
        assert_eq!(client_address(2, "6.6.6.6, 1.2.3.4, 10.0.0.2").await, "1.2.3.4");
        assert_eq!(client_address(1, "nonsense").await, "10.0.0.1");
        assert_eq!(client_address(3, "1.2.3.4").await, "10.0.0.1");
        // A byte that is not text hides no element that a proxy wrote.
        assert_eq!(client_address_by(1, &[b"6.6.6.6", b"\xff, 1.2.3.4"]).await, "1.2.3.4");
        assert_eq!(client_address_by(1, &[b"\xff, 1.2.3.4"]).await, "1.2.3.4");
        assert_eq!(client_address_by(2, &[b"6.6.6.6, \xff, 1.2.3.4"]).await, "10.0.0.1");
        for (value, expected) in [
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("1.2.3.4:80", "1.2.3.4"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
        ] {
            assert_eq!(client_address(1, value).await, expected);
        }
    }

    #[test]
    fn a_client_may_burst_ten_seconds_of_requests_and_must_then_wait() {
        let limiter = rate_limiter::<u8>(1);
        for _ in 0..10 {
            check(limiter.as_deref(), &1).unwrap();
        }
        let problem = check(limiter.as_deref(), &1).unwrap_err();
        assert_eq!(problem.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(problem.retry_after.is_some());
        check(limiter.as_deref(), &2).unwrap();
    }
}
