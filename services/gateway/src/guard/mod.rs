//! The guard: the middleware around every route of the public listener. It identifies the client and enforces rate and
//! concurrency limits.
//!
//! A client is a member if its token is valid, and otherwise an address prefix (an IPv4 address or an IPv6 /64; behind
//! proxies, the address that many trusted hops from the right). Ordinary requests, streams (see `stream_budget`) and
//! health checks have separate limits, so that health checks succeed under load. Invariant: a request is forwarded only
//! after every limit has admitted it.

mod client_address;
mod member_requests;
mod permits;
mod rate_limits;
mod rate_reports;
mod rate_sharing;
mod request_class;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base::Networks;
use base::tasks::Tasks;
use base::telemetry::Metrics;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use http_server::Problem;
use http_server::auth::{MaybeSuspended, Verifier, take_offered_token};
use http_server::problem::every_role;
use http_server::{Deadline, HeadBounds, LISTENER, OPERATORS_LISTENER, client_prefix, is_json};
use service::Context;
use tokio::sync::Semaphore;

use self::member_requests::MemberRequests;
use self::permits::Permits;
use self::rate_limits::{RateLimits, RateStatus, Refusal};
use self::rate_sharing::RateSharing;
use self::request_class::RequestClass;
use crate::anonymous_limits::{AnonymousLimits, InFlightPermit};
use crate::body_limit::{BodyLimit, BodyOutcome, SMALL_BODY_BYTES, Violation};
use crate::routes::{ListenerKind, Operation, RouteTable};
use crate::stream_budget::{ClientKey, StreamAdmission, StreamBudget, StreamLimits};
use crate::{Config, scope, sse};

/// The most health checks at once.
const MAX_HEALTH_CHECKS: usize = 64;
/// How long a 429 response is delayed.
const TOO_MANY_REQUESTS_DELAY: Duration = Duration::from_millis(100);

#[derive(Clone)]
pub(crate) struct Guard {
    listener: ListenerKind,
    networks: Networks,
    routes: RouteTable,
    requests: Arc<Semaphore>,
    /// Permits for all requests without a token together.
    anonymous_requests: Arc<Semaphore>,
    health_checks: Arc<Semaphore>,
    /// Permits for requests without a token, per prefix.
    anonymous_limits: AnonymousLimits,
    member_requests: MemberRequests,
    streams: StreamBudget,
    tasks: Tasks,
    rates: Arc<RateLimits>,
    allowed_origins: Arc<[String]>,
    trusted_hops: usize,
    response_timeout: Duration,
    body_limit: BodyLimit,
    head: HeadBounds,
}

impl Guard {
    /// Returns the guard of the public listener, which shares rates with those of other gateways.
    pub(crate) fn public(config: &Config, routes: RouteTable, context: &Context) -> Self {
        let own = Self::new(config, routes, &context.tasks, Some(&context.metrics));
        match RateSharing::of(context) {
            Some(sharing) => Self { rates: sharing.start(config, &context.tasks), ..own },
            None => own,
        }
    }

    /// Returns the guard of the operators' listener, which admits clients of these networks only.
    pub(crate) fn operators(config: &Config, networks: Networks, routes: RouteTable, tasks: &Tasks) -> Self {
        Self { listener: ListenerKind::Operators, networks, ..Self::new(config, routes, tasks, None) }
    }

    fn new(config: &Config, routes: RouteTable, tasks: &Tasks, metrics: Option<&Metrics>) -> Self {
        let limits = StreamLimits {
            all: config.streams_at_once,
            per_member: config.streams_per_member,
            per_prefix: config.streams_per_address,
        };
        Self {
            listener: ListenerKind::Public,
            networks: Networks::default(),
            routes,
            requests: Arc::new(Semaphore::new(config.requests_at_once)),
            anonymous_requests: Arc::new(Semaphore::new(config.requests_at_once - config.requests_at_once / 4)),
            health_checks: Arc::new(Semaphore::new(MAX_HEALTH_CHECKS)),
            anonymous_limits: AnonymousLimits::new(
                config.anonymous_requests_per_address,
                config.anonymous_in_flight_per_address,
            ),
            member_requests: MemberRequests::new(config.requests_per_member_at_once),
            streams: StreamBudget::new(limits, metrics),
            tasks: tasks.clone(),
            rates: Arc::new(RateLimits::new(config)),
            allowed_origins: config.allowed_origins.clone().into(),
            trusted_hops: config.trusted_hops,
            response_timeout: Duration::from_secs(config.response_timeout_seconds.max(1)),
            body_limit: BodyLimit {
                max_bytes: config.max_body_bytes,
                too_large: Violation::TooLarge,
                min_bytes_per_second: config.slow_bytes_per_second,
                window: Duration::from_secs(config.slow_window_seconds.max(1)),
            },
            head: HeadBounds { max_url_bytes: config.max_url_bytes, max_headers: config.max_headers },
        }
    }

    /// Runs the middleware.
    pub(crate) async fn layer(State(guard): State<Self>, request: Request, next: Next) -> Response {
        let origin = request.headers().get(header::ORIGIN).cloned();
        match guard.handle(request, next).await {
            Ok(response) => response,
            Err(Refusal { problem, rate }) => {
                // The request holds no permit any more. The delay keeps a client that retries at once from using up the
                // processor.
                if problem.status == StatusCode::TOO_MANY_REQUESTS {
                    tokio::time::sleep(TOO_MANY_REQUESTS_DELAY).await;
                }
                let mut response = problem.into_response();
                if let Some(rate) = rate {
                    rate.add_to(response.headers_mut());
                }
                guard.add_cors_headers(response, origin)
            }
        }
    }

    async fn handle(&self, request: Request, next: Next) -> Result<Response, Refusal> {
        let Admitted { request, class, client, permits, in_flight, outcome, rate } = self.admit(request).await?;
        let response = next.run(request).await;
        // The response's head is here: the request is not in flight any more.
        drop(in_flight);
        // The role saw only an incomplete body. The violation says why.
        let response = outcome
            .and_then(|outcome| outcome.get().copied())
            .map_or(response, |violation| Problem::from(violation).into_response());
        let mut response = self.finish(response, class, client, permits)?;
        if let Some(rate) = rate.filter(|_| !is_for_everybody(&response)) {
            rate.add_to(response.headers_mut());
        }
        Ok(response)
    }

    /// Attaches permits to a response: a stream gets one from the stream budget, any other body keeps the request's.
    fn finish(
        &self,
        response: Response,
        class: RequestClass,
        client: ClientKey,
        permits: Permits,
    ) -> Result<Response, Refusal> {
        if sse::is_event_stream(&response) {
            // A stream counts in the stream budget instead.
            drop(permits);
            return Ok(sse::end_on_shutdown_or_eviction(&self.tasks, self.streams.acquire(client)?, response));
        }
        if let (RequestClass::Static, ClientKey::Prefix(prefix)) = (class, client) {
            self.rates.check_static_file(prefix, response.body().size_hint().exact().unwrap_or(0))?;
        }
        Ok(response.map(|body| permits.hold_with(body)))
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

    /// Refuses clients of other networks, before anything of their requests is read: as if there were nothing, so that
    /// a scanner learns nothing.
    async fn check_network(&self, request: Request) -> Result<Request, Problem> {
        if self.networks.is_empty() {
            return Ok(request);
        }
        let (mut parts, body) = request.into_parts();
        let address = client_address::client_address(&mut parts, self.trusted_hops).await;
        if self.networks.contains(address) {
            Ok(Request::from_parts(parts, body))
        } else {
            Err(Problem::of(every_role::NO_SUCH_URL, "There is nothing at this URL."))
        }
    }

    async fn admit(&self, request: Request) -> Result<Admitted, Refusal> {
        let request = self.check_network(request).await?;
        let class = RequestClass::of(&request, &self.routes);
        self.check_head(&request)?;
        let semaphore = if class == RequestClass::Health { &self.health_checks } else { &self.requests };
        if semaphore.available_permits() == 0 {
            return Err(busy().into());
        }
        let (mut parts, body) = request.into_parts();
        let prefix = client_prefix(client_address::identify(&mut parts, self.trusted_hops).await);
        if self.listener == ListenerKind::Operators {
            parts.headers.insert(LISTENER, HeaderValue::from_static(OPERATORS_LISTENER));
        }
        let client = self.identify_client(&mut parts, class, prefix).await?;
        let is_read = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let rate = self.rates.check(class, is_read, client, prefix)?;
        let has_no_body = body.is_end_stream();
        let is_json_body = !has_no_body && self.is_json_body(&parts);
        let body_limit = if is_json_body { self.body_limit.for_json() } else { self.body_limit };
        if body.size_hint().lower() > body_limit.max_bytes {
            return Err(Problem::from(body_limit.too_large).into());
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
        // After the request permit: so there are never more members with permits than requests in progress.
        let of_member = match client {
            ClientKey::Member(member) => Some(self.member_requests.acquire(member)?),
            ClientKey::Prefix(_) => None,
        };
        let permits = Permits {
            _request: request_permit,
            _anonymous_request: anonymous_request,
            _of_prefix: prefix_permit,
            _of_member: of_member,
        };
        parts.extensions.insert(StreamAdmission { budget: self.streams.clone(), client });
        if has_no_body || is_json_body || body.size_hint().exact().is_some_and(|bytes| bytes <= SMALL_BODY_BYTES as u64)
        {
            parts.extensions.insert(Deadline::after(self.response_timeout));
        }
        let (body, outcome) = if has_no_body {
            (body, None)
        } else {
            let (body, outcome) = body_limit.apply(body);
            (body, Some(outcome))
        };
        Ok(Admitted { request: Request::from_parts(parts, body), class, client, permits, in_flight, outcome, rate })
    }

    /// Returns the client that the request is counted for: a member if it has a valid token, or an API key for which it
    /// gets one; a key of the team that acts for no member counts as itself. Each new token costs a signature check,
    /// and each new key a request to accounts, so their rate is limited per prefix. A key is refused what is not in
    /// its scope.
    async fn identify_client(
        &self,
        parts: &mut Parts,
        class: RequestClass,
        prefix: IpAddr,
    ) -> Result<ClientKey, Refusal> {
        if !matches!(class, RequestClass::Role | RequestClass::Stream) {
            return Ok(ClientKey::Prefix(prefix));
        }
        if class == RequestClass::Stream {
            take_offered_token(&mut parts.headers);
        }
        let verifier = parts.extensions.get::<Verifier>().cloned();
        let has_token = parts.headers.contains_key(header::AUTHORIZATION);
        if has_token && !verifier.as_ref().is_some_and(|verifier| verifier.has_verified(&parts.headers)) {
            self.rates.check_new_token(prefix)?;
        }
        let mut team = None;
        if has_token && let Some(verifier) = &verifier {
            team = verifier.exchange_team_key(&mut parts.headers).await?;
            verifier.exchange_api_key(&mut parts.headers).await?;
        }
        let member = <Option<MaybeSuspended> as FromRequestParts<()>>::from_request_parts(parts, &()).await?;
        match (&member, &team) {
            (Some(MaybeSuspended(claims)), _) => scope::check(claims, self.operation(parts), &parts.method)?,
            (None, Some(claims)) => scope::check_team(claims, self.operation(parts), &parts.method)?,
            (None, None) => {}
        }
        let id = member.map(|member| member.id()).or(team.map(|claims| claims.sub));
        Ok(id.map_or(ClientKey::Prefix(prefix), ClientKey::Member))
    }

    /// Returns the operation that a request is for.
    fn operation(&self, parts: &Parts) -> Option<&Operation> {
        let pattern = parts.extensions.get::<MatchedPath>()?;
        self.routes.find(pattern.as_str())?.operation(&parts.method)
    }

    /// Whether a request has a JSON body, and its operation reads one.
    fn is_json_body(&self, parts: &Parts) -> bool {
        is_json(&parts.headers) && self.operation(parts).is_some_and(|operation| operation.has_json_body)
    }

    /// Refuses requests that are too large, before anything else of them is read.
    fn check_head(&self, request: &Request) -> Result<(), Problem> {
        self.head.check(request)?;
        if request.body().size_hint().lower() > self.body_limit.max_bytes {
            return Err(Violation::TooLarge.into());
        }
        Ok(())
    }
}

/// An admitted request, its permits, and the outcome of its body.
struct Admitted {
    request: Request,
    class: RequestClass,
    client: ClientKey,
    permits: Permits,
    in_flight: Option<InFlightPermit>,
    outcome: Option<BodyOutcome>,
    rate: Option<RateStatus>,
}

/// Whether caches may keep a response for other clients, to whom what is left to this one says nothing.
fn is_for_everybody(response: &Response) -> bool {
    let control = response.headers().get(header::CACHE_CONTROL).map(HeaderValue::as_bytes).unwrap_or_default();
    control.windows(6).any(|word| word == b"public")
}

fn busy() -> Problem {
    Problem::unavailable("The server is busy. Try again in a moment.", Duration::from_secs(1))
}
