//! The rates of the public listener: requests per second, by client.
//!
//! Does not own how many requests are open at once. Invariant: a limiter tracks about [`MAX_TRACKED_CLIENTS`] at most,
//! and a refusal says after how long the client may try again.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use http_server::Problem;
use http_server::problem::every_role;
use uuid::Uuid;

use super::request_class::RequestClass;
use crate::Config;
use crate::stream_budget::ClientKey;

/// The burst of a rate limit, in seconds' worth of requests.
const BURST_SECONDS: u32 = 10;
/// The most clients that a rate limiter tracks. Past that, idle clients are dropped early.
const MAX_TRACKED_CLIENTS: usize = 100_000;
/// How often idle clients are dropped.
pub(super) const PRUNE_INTERVAL: Duration = Duration::from_secs(60);
/// Health checks per second from one prefix.
const HEALTH_CHECKS_PER_SECOND: u32 = 50;
/// New access tokens per second from one prefix: each costs a signature check (50 µs).
const NEW_TOKENS_PER_SECOND: u32 = 500;
/// A static file counts as one read request per this many bytes, because its cost is the transfer.
const STATIC_BYTES_PER_REQUEST: u64 = 16 * 1024;
/// A request for a stream counts as this many read requests, so that a client that reconnects after each eviction costs
/// no more than an ordinary reader.
const REQUESTS_PER_STREAM: u32 = 20;

/// The rate limits of all clients.
pub(super) struct RateLimits {
    reads: Limiter<ClientKey>,
    writes: Limiter<Uuid>,
    anonymous_writes: Limiter<IpAddr>,
    static_reads: Limiter<IpAddr>,
    health_checks: Limiter<IpAddr>,
    new_tokens: Limiter<IpAddr>,
}

impl RateLimits {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            reads: Limiter::new(config.reads_per_second),
            writes: Limiter::new(config.writes_per_second),
            anonymous_writes: Limiter::new(config.anonymous_writes_per_second),
            static_reads: Limiter::new(config.reads_per_second),
            health_checks: Limiter::new(HEALTH_CHECKS_PER_SECOND),
            new_tokens: Limiter::new(NEW_TOKENS_PER_SECOND),
        }
    }

    /// Drops the clients that have been idle.
    pub(super) fn prune(&self) {
        self.reads.prune();
        self.writes.prune();
        for by_prefix in [&self.anonymous_writes, &self.static_reads, &self.health_checks, &self.new_tokens] {
            by_prefix.prune();
        }
    }

    /// Counts a request of `client`, whose address is in `prefix`. Fails with 429 if there were too many.
    pub(super) fn check(
        &self,
        class: RequestClass,
        is_read: bool,
        client: ClientKey,
        prefix: IpAddr,
    ) -> Result<(), Problem> {
        match (class, client) {
            (RequestClass::Health, _) => self.health_checks.check(&prefix, 1),
            // Static files are counted by their size, once it is known.
            (RequestClass::Static, _) if is_read => Ok(()),
            (RequestClass::Stream, _) if is_read => self.reads.check(&client, REQUESTS_PER_STREAM),
            (_, _) if is_read => self.reads.check(&client, 1),
            (_, ClientKey::Member(member)) => self.writes.check(&member, 1),
            (_, ClientKey::Prefix(prefix)) => self.anonymous_writes.check(&prefix, 1),
        }
    }

    /// Counts a static file of `bytes` bytes.
    pub(super) fn check_static_file(&self, prefix: IpAddr, bytes: u64) -> Result<(), Problem> {
        let weight = 1 + bytes / STATIC_BYTES_PER_REQUEST;
        self.static_reads.check(&prefix, u32::try_from(weight).unwrap_or(u32::MAX))
    }

    /// Counts a token that was not verified before.
    pub(super) fn check_new_token(&self, prefix: IpAddr) -> Result<(), Problem> {
        self.new_tokens.check(&prefix, 1)
    }
}

/// A rate limit by client; `None` for no limit.
struct Limiter<K: Hash + Eq + Clone>(Option<DefaultKeyedRateLimiter<K>>);

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// Returns a limiter of so many requests per second; 0 for no limit.
    fn new(per_second: u32) -> Self {
        let quota = NonZeroU32::new(per_second)
            .zip(NonZeroU32::new(BURST_SECONDS))
            .map(|(per_second, burst)| Quota::per_second(per_second).allow_burst(per_second.saturating_mul(burst)));
        Self(quota.map(DefaultKeyedRateLimiter::keyed))
    }

    fn prune(&self) {
        self.0.iter().for_each(DefaultKeyedRateLimiter::retain_recent);
    }

    /// Counts a request that is worth `weight` of them. Fails with 429 if there were too many.
    fn check(&self, key: &K, weight: u32) -> Result<(), Problem> {
        let Some(limiter) = &self.0 else { return Ok(()) };
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
            Problem::of(
                every_role::TOO_MANY_REQUESTS,
                "Too many requests in a short time. Wait a little, then try again.",
            )
            .retry_after(wait)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_burst_ten_seconds_of_requests_and_must_then_wait() {
        let limiter = Limiter::<u8>::new(1);
        for _ in 0..10 {
            limiter.check(&1, 1).unwrap();
        }
        let problem = limiter.check(&1, 1).unwrap_err();
        assert_eq!(problem.status, 429);
        assert!(problem.retry_after.is_some());
        limiter.check(&2, 1).unwrap();
    }
}
