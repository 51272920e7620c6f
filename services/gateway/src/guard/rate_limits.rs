//! The rates of the public listener: requests per second, by client.
//!
//! Does not own how many requests are open at once, nor how gateways share what clients have spent (see
//! `rate_sharing`). Invariant: memory is bounded under any number of clients (see
//! [`http_server::rate_table`]), and a refusal says after how long the client may try again.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use http_server::Problem;
use http_server::problem::every_role;
use http_server::rate_table::{Quota, RateTable, Spent, TooMany};
use tokio::time::Instant;

use super::rate_reports::Reports;
use super::request_class::RequestClass;
use crate::Config;
use crate::stream_budget::ClientKey;

/// The burst of a rate limit, in seconds' worth of requests.
const BURST_SECONDS: u32 = 10;
/// Health checks per second from one prefix.
const HEALTH_CHECKS_PER_SECOND: u32 = 50;
/// New access tokens per second from one prefix: each costs a signature check (50 µs).
const NEW_TOKENS_PER_SECOND: u32 = 500;
/// A static file counts as one read request per this many bytes, because its cost is the transfer.
const STATIC_BYTES_PER_REQUEST: u64 = 16 * 1024;
/// A request for a stream counts as this many read requests, so that a client that reconnects after each eviction costs
/// no more than an ordinary reader.
const REQUESTS_PER_STREAM: u32 = 20;
/// The fields of draft-ietf-httpapi-ratelimit-headers-10.
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The rate limits of all clients.
pub(super) struct RateLimits {
    reads: Limiter,
    writes: Limiter,
    anonymous_writes: Limiter,
    static_reads: Limiter,
    health_checks: Limiter,
    new_tokens: Limiter,
}

/// What is left of the limit that a request counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RateStatus {
    limit: &'static str,
    burst: u32,
    remaining: u32,
    reset_seconds: u32,
}

/// A request that is refused, and what is left of its limit if that was the reason.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) problem: Problem,
    pub(super) rate: Option<RateStatus>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, rate: None }
    }
}

impl RateStatus {
    /// Adds the fields `RateLimit-Policy` (so many requests in so many seconds) and `RateLimit` (what is left, and
    /// after how many seconds all of it is free).
    pub(super) fn add_to(self, headers: &mut HeaderMap) {
        let Self { limit, burst, remaining, reset_seconds } = self;
        let fields = [
            (RATELIMIT_POLICY, format!("\"{limit}\";q={burst};w={BURST_SECONDS}")),
            (RATELIMIT, format!("\"{limit}\";r={remaining};t={reset_seconds}")),
        ];
        for (name, text) in fields {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}

impl RateLimits {
    /// Returns limits of this process alone.
    pub(super) fn new(config: &Config) -> Self {
        Self::with(config, &Limiter::new)
    }

    /// Returns limits that several gateways with the same secret key share.
    pub(super) fn shared(config: &Config, key: &str, reports: &Arc<Reports>) -> Self {
        Self::with(config, &|name, per_second, now| Limiter::shared(name, per_second, now, key, reports))
    }

    fn with(config: &Config, limiter: &dyn Fn(&'static str, u32, Instant) -> Limiter) -> Self {
        let now = Instant::now();
        Self {
            reads: limiter("reads", config.reads_per_second, now),
            writes: limiter("writes", config.writes_per_second, now),
            anonymous_writes: limiter("anonymous-writes", config.anonymous_writes_per_second, now),
            static_reads: limiter("static", config.reads_per_second, now),
            // A load balancer checks each gateway by itself.
            health_checks: Limiter::new("health", HEALTH_CHECKS_PER_SECOND, now),
            new_tokens: limiter("tokens", NEW_TOKENS_PER_SECOND, now),
        }
    }

    /// Counts what a client has spent of the limit with this name at another gateway.
    pub(super) fn add(&self, limit: &str, spent: Spent) {
        let all = [&self.reads, &self.writes, &self.anonymous_writes, &self.static_reads, &self.new_tokens];
        // A later release may have limits that this one does not know.
        if let Some(table) = all.iter().find(|limiter| limiter.name == limit).and_then(|limiter| limiter.table.as_ref())
        {
            table.add(spent, Instant::now());
        }
    }

    /// Counts a request of `client`, whose address is in `prefix`. Returns what is left, `None` where there is no
    /// limit; fails with 429 if there were too many.
    pub(super) fn check(
        &self,
        class: RequestClass,
        is_read: bool,
        client: ClientKey,
        prefix: IpAddr,
    ) -> Result<Option<RateStatus>, Refusal> {
        let now = Instant::now();
        match (class, client) {
            (RequestClass::Health, _) => self.health_checks.check(&prefix, 1, now),
            // Static files are counted by their size, once it is known.
            (RequestClass::Static, _) if is_read => Ok(None),
            (RequestClass::Stream, _) if is_read => self.reads.check(&client, REQUESTS_PER_STREAM, now),
            (_, _) if is_read => self.reads.check(&client, 1, now),
            (_, ClientKey::Member(member)) => self.writes.check(&member, 1, now),
            (_, ClientKey::Prefix(prefix)) => self.anonymous_writes.check(&prefix, 1, now),
        }
    }

    /// Counts a static file of `bytes` bytes.
    pub(super) fn check_static_file(&self, prefix: IpAddr, bytes: u64) -> Result<(), Refusal> {
        let weight = u32::try_from(1 + bytes / STATIC_BYTES_PER_REQUEST).unwrap_or(u32::MAX);
        self.static_reads.check(&prefix, weight, Instant::now()).map(drop)
    }

    /// Counts a token that was not verified before.
    pub(super) fn check_new_token(&self, prefix: IpAddr) -> Result<(), Refusal> {
        self.new_tokens.check(&prefix, 1, Instant::now()).map(drop)
    }
}

/// A rate limit by client.
struct Limiter {
    name: &'static str,
    /// `None` for no limit.
    table: Option<RateTable>,
    /// Where to say what clients spend; `None` if this process limits on its own.
    reports: Option<Arc<Reports>>,
}

impl Limiter {
    /// Returns a limiter of so many requests per second; 0 for no limit.
    fn new(name: &'static str, per_second: u32, now: Instant) -> Self {
        let table = (per_second > 0).then(|| RateTable::new(quota(per_second), now));
        Self { name, table, reports: None }
    }

    /// As [`Limiter::new`], for a limit that several processes share.
    fn shared(name: &'static str, per_second: u32, now: Instant, key: &str, reports: &Arc<Reports>) -> Self {
        // Each limit has its own key, so that a client's hashes can't be connected.
        let key = format!("{name}.{key}");
        let table = (per_second > 0).then(|| RateTable::shared(quota(per_second), now, key.as_bytes()));
        Self { name, table, reports: Some(reports.clone()) }
    }

    /// Counts a request that is worth `weight` of them. Fails with 429 if there were too many.
    fn check(&self, client: &impl Hash, weight: u32, now: Instant) -> Result<Option<RateStatus>, Refusal> {
        let Some(table) = &self.table else { return Ok(None) };
        let status = |remaining, reset: Duration| RateStatus {
            limit: self.name,
            burst: table.quota().burst,
            remaining,
            reset_seconds: u32::try_from(reset.as_millis().div_ceil(1000)).unwrap_or(u32::MAX),
        };
        match table.take(client, weight, now) {
            Ok(left) => {
                if let (Some(spent), Some(reports)) = (left.to_report, &self.reports) {
                    reports.push(self.name, spent);
                }
                Ok(Some(status(left.requests, left.reset)))
            }
            Err(TooMany(wait)) => {
                let detail = "Too many requests in a short time. Wait a little, then try again.";
                let problem = Problem::of(every_role::TOO_MANY_REQUESTS, detail).retry_after(wait);
                Err(Refusal { problem, rate: Some(status(0, wait)) })
            }
        }
    }
}

fn quota(per_second: u32) -> Quota {
    Quota { burst: per_second.saturating_mul(BURST_SECONDS), per_second }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_burst_ten_seconds_of_requests_and_must_then_wait() {
        let now = Instant::now();
        let limiter = Limiter::new("reads", 1, now);
        for left in (0..10).rev() {
            assert_eq!(limiter.check(&1, 1, now).unwrap().map(|status| status.remaining), Some(left));
        }
        let refusal = limiter.check(&1, 1, now).unwrap_err();
        assert_eq!((refusal.problem.status.as_u16(), refusal.problem.retry_after), (429, Some(Duration::from_secs(1))));
        limiter.check(&2, 1, now).unwrap();
        assert!(limiter.check(&1, 1, now + Duration::from_secs(1)).is_ok());
        assert!(Limiter::new("reads", 0, now).check(&1, 1, now).unwrap().is_none(), "0 for no limit");
    }

    #[test]
    fn a_response_says_what_is_left() {
        let now = Instant::now();
        let limiter = Limiter::new("writes", 2, now);
        let mut headers = HeaderMap::new();
        limiter.check(&1, 5, now).unwrap().unwrap().add_to(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"writes\";q=20;w=10");
        assert_eq!(headers["ratelimit"], "\"writes\";r=15;t=3");
        limiter.check(&1, 15, now).unwrap();
        limiter.check(&1, 1, now).unwrap_err().rate.unwrap().add_to(&mut headers);
        assert_eq!(headers["ratelimit"], "\"writes\";r=0;t=1");
    }
}
