//! What a client may ask for: who it is, how often, how much at once.
//!
//! Clients are told apart by member where a token was checked, by address otherwise (IPv6: the /64; behind proxies: as
//! many hops from the right as we trust). Invariant: what a client writes into `X-Forwarded-For` or `X-Tutti-*` by itself never counts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts as _, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body::Body as _;
use kit::Problem;
use kit::auth::Member;
use kit::http::{CLIENT, Deadline, neighbourhood};
use kit::tasks::Tasks;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::Config;
use crate::body::{Cut, Measure, Verdict};

/// What neighbours tell each other; nobody else may.
const OURS: &str = "x-tutti-";
/// Bodies up to this size are expected to be there at once, so their requests have a deadline like those without.
const SMALL_BODY: u64 = 16 * 1024;
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");
/// A client may save up this many seconds' worth of requests.
const BURST_SECONDS: u32 = 10;
/// Clients that are remembered at most; past that, the ones that have been quiet are forgotten early.
const REMEMBERED: usize = 100_000;
const FORGET_EVERY: Duration = Duration::from_secs(60);

type Rates<K> = Option<Arc<DefaultKeyedRateLimiter<K>>>;

#[derive(Clone)]
pub(crate) struct Guard {
    places: Arc<Semaphore>,
    reads: Rates<IpAddr>,
    writes: Rates<Uuid>,
    anonymous: Rates<IpAddr>,
    trusted_hops: usize,
    answer: Duration,
    measure: Measure,
    address_max_bytes: usize,
    headers_max: usize,
}

impl Guard {
    pub(crate) fn new(config: &Config, tasks: &Tasks) -> Self {
        let guard = Self {
            places: Arc::new(Semaphore::new(config.requests_at_once)),
            reads: rates(config.reads_per_second),
            writes: rates(config.writes_per_second),
            anonymous: rates(config.anonymous_writes_per_second),
            trusted_hops: config.trusted_hops,
            answer: Duration::from_secs(config.answer_seconds.max(1)),
            measure: Measure { most_bytes: config.body_max_bytes, per_second: config.slow_bytes_per_second, window: Duration::from_secs(config.slow_window_seconds.max(1)) },
            address_max_bytes: config.address_max_bytes,
            headers_max: config.headers_max,
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
        self.anonymous.iter().for_each(|rates| rates.retain_recent());
    }

    /// The middleware.
    pub(crate) async fn layer(State(guard): State<Self>, request: Request, next: Next) -> Response {
        match guard.admit(request).await {
            Ok(Admitted { request, place, verdict }) => {
                let response = next.run(request).await;
                // The role knows no more than that the body broke off.
                let response = verdict.and_then(|verdict| verdict.get().copied()).map_or(response, |cut| Problem::from(cut).into_response());
                // The place is held until the answer's body has left.
                response.map(|body| axum::body::Body::new(Held { body, _place: place }))
            }
            Err(problem) => problem.into_response(),
        }
    }

    async fn admit(&self, request: Request) -> Result<Admitted, Problem> {
        self.check_head(&request)?;
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| Problem::unavailable("The server is busy. Try again in a moment.", Duration::from_secs(1)))?;
        let (mut parts, body) = request.into_parts();
        let address = self.client(&mut parts).await;
        take_away_ours(&mut parts.headers);
        if let Ok(value) = HeaderValue::from_str(&address.to_string()) {
            // What stood there before it was somebody's claim.
            parts.headers.insert(FORWARDED, value.clone());
            parts.headers.insert(CLIENT, value);
        }
        let reads = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let member = <Option<Member> as axum::extract::FromRequestParts<()>>::from_request_parts(&mut parts, &()).await?;
        let neighbourhood = neighbourhood(address);
        match member {
            _ if reads => check(self.reads.as_deref(), &neighbourhood)?,
            Some(member) => check(self.writes.as_deref(), &member.id())?,
            None => check(self.anonymous.as_deref(), &neighbourhood)?,
        }
        let bodiless = body.is_end_stream();
        if bodiless || body.size_hint().exact().is_some_and(|bytes| bytes <= SMALL_BODY) {
            parts.extensions.insert(Deadline::after(self.answer));
        }
        if bodiless {
            return Ok(Admitted { request: Request::from_parts(parts, body), place, verdict: None });
        }
        let (body, verdict) = self.measure.take(body);
        Ok(Admitted { request: Request::from_parts(parts, body), place, verdict: Some(verdict) })
    }

    /// Refuses what is too large before anything of it is looked at.
    fn check_head(&self, request: &Request) -> Result<(), Problem> {
        let address_bytes = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
        if address_bytes > self.address_max_bytes {
            let detail = format!("The address has {address_bytes} bytes; {} are taken.", self.address_max_bytes);
            return Err(Problem::new(StatusCode::URI_TOO_LONG, "request.address_too_long", detail));
        }
        let headers = request.headers().len();
        if headers > self.headers_max {
            let detail = format!("The request has {headers} header lines; {} are taken.", self.headers_max);
            return Err(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "request.too_many_headers", detail));
        }
        if request.body().size_hint().lower() > self.measure.most_bytes {
            return Err(Cut::TooLarge.into());
        }
        Ok(())
    }

    /// The address of whoever stands before the proxies that we trust.
    async fn client(&self, parts: &mut http::request::Parts) -> IpAddr {
        let direct = ConnectInfo::<SocketAddr>::from_request_parts(parts, &()).await.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip());
        if self.trusted_hops == 0 {
            return direct;
        }
        let lines: Vec<&str> = parts.headers.get_all(&FORWARDED).iter().filter_map(|value| value.to_str().ok()).collect();
        let chain = lines.join(",");
        chain.rsplit(',').nth(self.trusted_hops - 1).and_then(|address| address.trim().parse().ok()).unwrap_or(direct)
    }
}

/// A request that may pass, its place, and what becomes of its body.
struct Admitted {
    request: Request,
    place: tokio::sync::OwnedSemaphorePermit,
    verdict: Option<Verdict>,
}

/// Takes away what a stranger sends under our names.
fn take_away_ours(headers: &mut HeaderMap) {
    let forged: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(OURS)).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
}

fn rates<K: std::hash::Hash + Eq + Clone>(per_second: u32) -> Rates<K> {
    let per_second = NonZeroU32::new(per_second)?;
    let burst = per_second.saturating_mul(NonZeroU32::new(BURST_SECONDS)?);
    Some(Arc::new(RateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst))))
}

fn check<K: std::hash::Hash + Eq + Clone>(rates: Option<&DefaultKeyedRateLimiter<K>>, key: &K) -> Result<(), Problem> {
    let Some(rates) = rates else { return Ok(()) };
    if rates.len() > REMEMBERED {
        rates.retain_recent();
    }
    rates.check_key(key).map_err(|not_until| {
        let wait = not_until.wait_time_from(DefaultClock::default().now());
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "request.too_many", "That was too many requests in a short time. Wait a little, then go on.").retry_after(wait)
    })
}

/// A body that holds a place among the requests at once.
struct Held {
    body: axum::body::Body,
    _place: tokio::sync::OwnedSemaphorePermit,
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
        let (places, measure) = (Arc::new(Semaphore::new(1)), Measure { most_bytes: 1, per_second: 1, window: Duration::from_secs(1) });
        Guard { places, reads: rates(1), writes: None, anonymous: rates(1), trusted_hops, answer: Duration::from_secs(1), measure, address_max_bytes: 100, headers_max: 10 }
    }

    async fn client(hops: usize, forwarded: &str) -> String {
        let request = Request::get("/").header(FORWARDED, forwarded).extension(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 1)))).body(()).unwrap();
        guard(hops).client(&mut request.into_parts().0).await.to_string()
    }

    #[tokio::test]
    async fn a_forged_address_never_counts() {
        assert_eq!(client(0, "1.2.3.4").await, "10.0.0.1");
        assert_eq!(client(1, "6.6.6.6, 1.2.3.4").await, "1.2.3.4");
        assert_eq!(client(2, "6.6.6.6, 1.2.3.4, 10.0.0.2").await, "1.2.3.4");
        assert_eq!(client(1, "nonsense").await, "10.0.0.1");
        assert_eq!(client(3, "1.2.3.4").await, "10.0.0.1");
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
