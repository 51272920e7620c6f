//! What a client may ask for: who it is, how often, how much at once. Every route of the public listener stands behind it.
//!
//! Clients are told apart by member where a token was checked, by address otherwise (IPv6: the /64; behind proxies: as
//! many hops from the right as we trust). Requests have places, long-lived ones a budget of their own (see `streams`), health checks a few
//! places that no flood of others takes. Invariant: what a client writes into `X-Forwarded-For` or `X-Tutti-*` by itself never counts.

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
use kit::http::{CLIENT, Deadline, HeadBounds, neighbourhood};
use kit::tasks::Tasks;
use kit::telemetry::Metrics;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::body::{Cut, Measure, Verdict};
use crate::shares::{Share, Shares, Turn};
use crate::streams::{Holder, StreamLimits, Streams, StreamsOf};
use crate::{Config, ROUTES, STATIC_ROUTES, live};

/// What neighbours tell each other; nobody else may.
const OURS: &str = "x-tutti-";
/// Bodies up to this size are expected to be there at once, so their requests have a deadline like those without.
const SMALL_BODY: u64 = 16 * 1024;
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What proxies say that nothing here reads, and so must not be passed on as if it had been checked.
const PROXY_ALWAYS: [&str; 7] = ["forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "x-original-url", "x-rewrite-url", "x-http-method"];
/// What a proxy of ours may say, and nobody else.
const PROXY_TRUSTED: [&str; 4] = ["x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix"];
/// A client may save up this many seconds' worth of requests.
const BURST_SECONDS: u32 = 10;
/// Clients that are remembered at most; past that, the ones that have been quiet are forgotten early.
const REMEMBERED: usize = 100_000;
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// Where balancers ask whether the process serves; answered by the process, not by a role.
const HEALTH_ROUTES: [&str; 2] = ["/healthz", "/readyz"];
/// Health checks at once, and per second from one address.
const HEALTH_AT_ONCE: usize = 64;
const HEALTH_PER_SECOND: u32 = 50;
/// Access tokens per second from one address that were not seen before: each costs the check of a signature (50 µs).
const NEW_TOKENS_PER_SECOND: u32 = 500;
/// A client that is refused because it asks too much hears so after this long.
const REFUSAL_PAUSE: Duration = Duration::from_millis(100);
/// A static file counts as a reading request for each of these that it has: what it costs is its way through the socket.
const STATIC_CELL_BYTES: u64 = 16 * 1024;
/// Asking for a stream counts as this many reading requests: one that comes back as often as it is evicted is to cost no more than a reader.
const STREAM_CELLS: u32 = 20;

type Rates<K> = Option<Arc<DefaultKeyedRateLimiter<K>>>;

/// What kind of a request it is, by its route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// One for a role, or for nothing that is there.
    Role,
    /// One for a role whose answer will be a stream (see [`ROUTES`]).
    Stream,
    /// A file of the binary: the same for everyone, so no token is looked at.
    Static,
    /// One of [`HEALTH_ROUTES`].
    Health,
}

impl Class {
    fn of(request: &Request) -> Self {
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
    places: Arc<Semaphore>,
    /// How many of the places those without a token have together.
    anonymous_places: Arc<Semaphore>,
    health_places: Arc<Semaphore>,
    /// What each of them has.
    shares: Shares,
    streams: Streams,
    tasks: Tasks,
    reads: Rates<Holder>,
    writes: Rates<Uuid>,
    anonymous: Rates<IpAddr>,
    static_reads: Rates<IpAddr>,
    health: Rates<IpAddr>,
    new_tokens: Rates<IpAddr>,
    origins: Arc<[String]>,
    trusted_hops: usize,
    answer: Duration,
    measure: Measure,
    head: HeadBounds,
}

impl Guard {
    pub(crate) fn new(config: &Config, tasks: &Tasks, metrics: &Metrics) -> Self {
        let limits = StreamLimits { all: config.streams_at_once, per_member: config.streams_per_member, per_prefix: config.streams_per_address };
        let guard = Self {
            places: Arc::new(Semaphore::new(config.requests_at_once)),
            anonymous_places: Arc::new(Semaphore::new(config.requests_at_once - config.requests_at_once / 4)),
            health_places: Arc::new(Semaphore::new(HEALTH_AT_ONCE)),
            shares: Shares::new(config.anonymous_requests_per_address, config.anonymous_at_work_per_address),
            streams: Streams::new(limits, metrics),
            tasks: tasks.clone(),
            reads: rates(config.reads_per_second),
            writes: rates(config.writes_per_second),
            anonymous: rates(config.anonymous_writes_per_second),
            static_reads: rates(config.reads_per_second),
            health: rates(HEALTH_PER_SECOND),
            new_tokens: rates(NEW_TOKENS_PER_SECOND),
            origins: config.allowed_origins.clone().into(),
            trusted_hops: config.trusted_hops,
            answer: Duration::from_secs(config.answer_seconds.max(1)),
            measure: Measure { most_bytes: config.body_max_bytes, per_second: config.slow_bytes_per_second, window: Duration::from_secs(config.slow_window_seconds.max(1)) },
            head: HeadBounds { max_address_bytes: config.address_max_bytes, max_headers: config.headers_max },
        };
        let (owner, keeper) = (tasks.clone(), guard.clone());
        tasks.spawn(async move {
            while owner.sleep(FORGET_EVERY).await {
                keeper.forget();
            }
        });
        guard
    }

    fn forget(&self) {
        self.reads.iter().for_each(|rates| rates.retain_recent());
        self.writes.iter().for_each(|rates| rates.retain_recent());
        let by_address = [&self.anonymous, &self.static_reads, &self.health, &self.new_tokens];
        by_address.into_iter().flatten().for_each(|rates| rates.retain_recent());
    }

    /// The middleware.
    pub(crate) async fn layer(State(guard): State<Self>, request: Request, next: Next) -> Response {
        let origin = request.headers().get(header::ORIGIN).cloned();
        match guard.pass(request, next).await {
            Ok(response) => response,
            Err(problem) => {
                // It holds no place any more. One that asks again at once would otherwise keep the processor busy with being refused.
                if problem.status == StatusCode::TOO_MANY_REQUESTS {
                    tokio::time::sleep(REFUSAL_PAUSE).await;
                }
                guard.readable(problem.into_response(), origin)
            }
        }
    }

    async fn pass(&self, request: Request, next: Next) -> Result<Response, Problem> {
        let Admitted { request, class, holder, hold, turn, verdict } = self.admit(request).await?;
        let response = next.run(request).await;
        // What is left is to send it.
        drop(turn);
        // The role knows no more than that the body broke off.
        let response = verdict.and_then(|verdict| verdict.get().copied()).map_or(response, |cut| Problem::from(cut).into_response());
        self.leave(response, class, holder, hold)
    }

    /// What becomes of an answer on its way out.
    fn leave(&self, response: Response, class: Class, holder: Holder, hold: Hold) -> Result<Response, Problem> {
        if live::is_stream(&response) {
            // From now on it holds a place among the streams instead.
            drop(hold);
            return Ok(live::ends_with(&self.tasks, self.streams.enter(holder)?, response));
        }
        if let (Class::Static, Holder::Prefix(prefix)) = (class, holder) {
            let cells = 1 + response.body().size_hint().exact().unwrap_or(0) / STATIC_CELL_BYTES;
            check_many(self.static_reads.as_deref(), &prefix, u32::try_from(cells).unwrap_or(u32::MAX))?;
        }
        // The place is held until the answer's body has left.
        Ok(response.map(|body| axum::body::Body::new(Held { body, _hold: hold })))
    }

    /// Lets a page on an allowed origin read why it was refused: what the guard refuses never reaches the layer that says so of answers.
    fn readable(&self, mut response: Response, origin: Option<HeaderValue>) -> Response {
        if let Some(origin) = origin.filter(|origin| self.origins.iter().any(|known| known.as_bytes() == origin.as_bytes())) {
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
        }
        response
    }

    async fn admit(&self, request: Request) -> Result<Admitted, Problem> {
        let class = Class::of(&request);
        self.check_head(&request)?;
        let places = if class == Class::Health { &self.health_places } else { &self.places };
        if places.available_permits() == 0 {
            return Err(busy());
        }
        let (mut parts, body) = request.into_parts();
        let address = self.client(&mut parts).await;
        take_away_ours(&mut parts.headers, self.trusted_hops > 0);
        if let Ok(value) = HeaderValue::from_str(&address.to_string()) {
            // What stood there before it was somebody's claim.
            parts.headers.insert(FORWARDED, value.clone());
            parts.headers.insert(CLIENT, value);
        }
        let prefix = neighbourhood(address);
        let member = if matches!(class, Class::Role | Class::Stream) { self.member(&mut parts, prefix).await? } else { None };
        let holder = member.as_ref().map_or(Holder::Prefix(prefix), |member| Holder::Member(member.id()));
        let reads = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
        match (class, member) {
            (Class::Health, _) => check(self.health.as_deref(), &prefix)?,
            // Counted by what it weighs, once that is known.
            (Class::Static, _) if reads => {}
            (Class::Stream, _) if reads => check_many(self.reads.as_deref(), &holder, STREAM_CELLS)?,
            (_, _) if reads => check(self.reads.as_deref(), &holder)?,
            (_, Some(member)) => check(self.writes.as_deref(), &member.id())?,
            (_, None) => check(self.anonymous.as_deref(), &prefix)?,
        }
        let share = match holder {
            Holder::Prefix(prefix) if class != Class::Health => Some(self.shares.take(prefix)?),
            _ => None,
        };
        // Places are for those whose turn it is: one who waits holds none that another could have.
        let turn = match &share {
            Some(share) if reads && class != Class::Static => Some(share.turn().await?),
            _ => None,
        };
        let anonymous_place = share.is_some().then(|| self.anonymous_places.clone().try_acquire_owned()).transpose();
        let (place, anonymous_place) = (places.clone().try_acquire_owned().map_err(|_| busy())?, anonymous_place.map_err(|_| busy())?);
        let hold = Hold { _place: place, _anonymous_place: anonymous_place, _share: share };
        parts.extensions.insert(StreamsOf { streams: self.streams.clone(), holder });
        let bodiless = body.is_end_stream();
        if bodiless || body.size_hint().exact().is_some_and(|bytes| bytes <= SMALL_BODY) {
            parts.extensions.insert(Deadline::after(self.answer));
        }
        if bodiless {
            return Ok(Admitted { request: Request::from_parts(parts, body), class, holder, hold, turn, verdict: None });
        }
        let (body, verdict) = self.measure.take(body);
        Ok(Admitted { request: Request::from_parts(parts, body), class, holder, hold, turn, verdict: Some(verdict) })
    }

    /// Who asks. A token that was not seen before costs something to check, so a client may bring only so many.
    async fn member(&self, parts: &mut http::request::Parts, prefix: IpAddr) -> Result<Option<Member>, Problem> {
        let brings_one = parts.headers.contains_key(header::AUTHORIZATION);
        if brings_one && !parts.extensions.get::<Verifier>().is_some_and(|verifier| verifier.remembers(&parts.headers)) {
            check(self.new_tokens.as_deref(), &prefix)?;
        }
        <Option<Member> as axum::extract::FromRequestParts<()>>::from_request_parts(parts, &()).await
    }

    /// Refuses what is too large before anything of it is looked at.
    fn check_head(&self, request: &Request) -> Result<(), Problem> {
        self.head.check(request)?;
        if request.body().size_hint().lower() > self.measure.most_bytes {
            return Err(Cut::TooLarge.into());
        }
        Ok(())
    }

    /// The address of whoever stands before the proxies that we trust. An IPv4 address is one, also where it came over an IPv6 socket.
    async fn client(&self, parts: &mut http::request::Parts) -> IpAddr {
        let direct = ConnectInfo::<SocketAddr>::from_request_parts(parts, &()).await.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip());
        if self.trusted_hops == 0 {
            return direct.to_canonical();
        }
        // Bytes that are no text count as an element that is no address: left out, they would move what stands before them to another place.
        let lines: Vec<Cow<'_, str>> = parts.headers.get_all(&FORWARDED).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        let chain = lines.join(",");
        chain.rsplit(',').nth(self.trusted_hops - 1).and_then(address).unwrap_or(direct).to_canonical()
    }
}

/// An address as proxies write it: some add the port, and brackets around IPv6.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// A request that may pass, what it holds, and what becomes of its body.
struct Admitted {
    request: Request,
    class: Class,
    holder: Holder,
    hold: Hold,
    turn: Option<Turn>,
    verdict: Option<Verdict>,
}

/// A place among the requests at once, and in the share of the client.
struct Hold {
    _place: OwnedSemaphorePermit,
    _anonymous_place: Option<OwnedSemaphorePermit>,
    _share: Option<Share>,
}

fn busy() -> Problem {
    Problem::unavailable("The server is busy. Try again in a moment.", Duration::from_secs(1))
}

/// Takes away what a stranger sends under our names, and what only a proxy of ours could know.
fn take_away_ours(headers: &mut HeaderMap, behind_proxy: bool) {
    let forged: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(OURS)).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
    for name in PROXY_ALWAYS.iter().chain(if behind_proxy { &[][..] } else { &PROXY_TRUSTED[..] }) {
        headers.remove(*name);
    }
}

fn rates<K: std::hash::Hash + Eq + Clone>(per_second: u32) -> Rates<K> {
    let per_second = NonZeroU32::new(per_second)?;
    let burst = per_second.saturating_mul(NonZeroU32::new(BURST_SECONDS)?);
    Some(Arc::new(RateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst))))
}

fn check<K: std::hash::Hash + Eq + Clone>(rates: Option<&DefaultKeyedRateLimiter<K>>, key: &K) -> Result<(), Problem> {
    check_many(rates, key, 1)
}

/// As [`check`], for what counts as several.
fn check_many<K: std::hash::Hash + Eq + Clone>(rates: Option<&DefaultKeyedRateLimiter<K>>, key: &K, cells: u32) -> Result<(), Problem> {
    let Some(rates) = rates else { return Ok(()) };
    if rates.len() > REMEMBERED {
        rates.retain_recent();
    }
    let cells = NonZeroU32::new(cells).unwrap_or(NonZeroU32::MIN);
    let checked = match rates.check_key_n(key, cells) {
        Ok(checked) => checked,
        // It weighs more than can be saved up: then it takes all there is.
        Err(most) => rates.check_key_n(key, NonZeroU32::new(most.0).unwrap_or(NonZeroU32::MIN)).unwrap_or(Ok(())),
    };
    checked.map_err(|not_until| {
        let wait = not_until.wait_time_from(DefaultClock::default().now());
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "request.too_many", "That was too many requests in a short time. Wait a little, then go on.").retry_after(wait)
    })
}

/// A body that holds a place among the requests at once.
struct Held {
    body: axum::body::Body,
    _hold: Hold,
}

impl http_body::Body for Held {
    type Data = bytes::Bytes;
    type Error = axum::Error;
    fn poll_frame(mut self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, axum::Error>>> {
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

    async fn client(hops: usize, forwarded: &str) -> String {
        client_of(hops, &[forwarded.as_bytes()]).await
    }

    async fn client_of(hops: usize, lines: &[&[u8]]) -> String {
        let request = Request::get("/").extension(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 1))));
        let request = lines.iter().fold(request, |request, line| request.header(FORWARDED, *line)).body(()).unwrap();
        guard(hops).client(&mut request.into_parts().0).await.to_string()
    }

    #[tokio::test]
    async fn a_forged_address_never_counts() {
        assert_eq!(client(0, "1.2.3.4").await, "10.0.0.1");
        assert_eq!(client(1, "6.6.6.6, 1.2.3.4").await, "1.2.3.4");
        assert_eq!(client(2, "6.6.6.6, 1.2.3.4, 10.0.0.2").await, "1.2.3.4");
        assert_eq!(client(1, "nonsense").await, "10.0.0.1");
        assert_eq!(client(3, "1.2.3.4").await, "10.0.0.1");
        // A byte that is no text takes nothing with it that a proxy has written.
        assert_eq!(client_of(1, &[b"6.6.6.6", b"\xff, 1.2.3.4"]).await, "1.2.3.4");
        assert_eq!(client_of(1, &[b"\xff, 1.2.3.4"]).await, "1.2.3.4");
        assert_eq!(client_of(2, &[b"6.6.6.6, \xff, 1.2.3.4"]).await, "10.0.0.1");
        for (written, meant) in
            [("2001:db8::1", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"), ("[2001:db8::1]:443", "2001:db8::1"), ("1.2.3.4:80", "1.2.3.4"), ("::ffff:1.2.3.4", "1.2.3.4")]
        {
            assert_eq!(client(1, written).await, meant);
        }
    }

    #[test]
    fn a_client_may_save_up_ten_seconds_and_is_then_told_to_wait() {
        let rates = rates::<u8>(1);
        for _ in 0..10 {
            check(rates.as_deref(), &1).unwrap();
        }
        let problem = check(rates.as_deref(), &1).unwrap_err();
        assert_eq!(problem.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(problem.retry_after.is_some());
        check(rates.as_deref(), &2).unwrap();
    }
}
