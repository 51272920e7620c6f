//! Concurrency limits for clients without a token, per client prefix (an IPv4 address or an IPv6 /64).
//!
//! Owns two limits: the requests that a prefix may have open, and the requests in flight, which means forwarded to a
//! role with no response head yet. Further requests wait here and not in the queue of a database, where they would
//! delay those of members. Invariant: a prefix never holds more permits than its limit, and a prefix without permits
//! uses no memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http_server::Problem;
use http_server::problem::every_role;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long a request waits for an in-flight permit before it is refused.
const IN_FLIGHT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many prefixes may use their whole in-flight limit at the same time.
const MAX_BUSY_PREFIXES: usize = 8;

/// The limits and the current usage of all prefixes.
#[derive(Debug, Clone)]
pub(crate) struct AnonymousLimits {
    max_requests: usize,
    max_in_flight: usize,
    usage: Arc<Mutex<HashMap<IpAddr, PrefixUsage>>>,
    /// In-flight permits of all prefixes together.
    in_flight: Arc<Semaphore>,
}

#[derive(Debug)]
struct PrefixUsage {
    requests: usize,
    in_flight: Arc<Semaphore>,
}

/// Permits one open request of a prefix. Released on drop.
#[derive(Debug)]
pub(crate) struct PrefixPermit {
    limits: AnonymousLimits,
    prefix: IpAddr,
    in_flight: Arc<Semaphore>,
}

/// Permits one request in flight. Released on drop.
#[derive(Debug)]
pub(crate) struct InFlightPermit {
    _of_prefix: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl AnonymousLimits {
    /// Creates limits of `max_requests` open requests and `max_in_flight` requests in flight per prefix.
    pub(crate) fn new(max_requests: usize, max_in_flight: usize) -> Self {
        let (max_requests, max_in_flight) = (max_requests.max(1), max_in_flight.max(1));
        Self {
            max_requests,
            max_in_flight,
            usage: Arc::default(),
            in_flight: Arc::new(Semaphore::new(
                max_in_flight.saturating_mul(MAX_BUSY_PREFIXES).min(Semaphore::MAX_PERMITS),
            )),
        }
    }

    /// Acquires a permit for a request. Fails with 429 if the prefix has reached its limit.
    pub(crate) fn acquire(&self, prefix: IpAddr) -> Result<PrefixPermit, Problem> {
        let mut usage = self.usage.lock();
        let prefix_usage = usage.entry(prefix).or_insert_with(|| PrefixUsage {
            requests: 0,
            in_flight: Arc::new(Semaphore::new(self.max_in_flight.min(Semaphore::MAX_PERMITS))),
        });
        if prefix_usage.requests >= self.max_requests {
            return Err(too_many());
        }
        prefix_usage.requests += 1;
        Ok(PrefixPermit { limits: self.clone(), prefix, in_flight: prefix_usage.in_flight.clone() })
    }
}

impl PrefixPermit {
    /// Waits for an in-flight permit. Fails with 429 after [`IN_FLIGHT_TIMEOUT`].
    pub(crate) async fn acquire_in_flight(&self) -> Result<InFlightPermit, Problem> {
        let both = async {
            let of_prefix = self.in_flight.clone().acquire_owned().await.ok()?;
            Some(InFlightPermit {
                _of_prefix: of_prefix,
                _of_all: self.limits.in_flight.clone().acquire_owned().await.ok()?,
            })
        };
        timeout(IN_FLIGHT_TIMEOUT, both).await.ok().flatten().ok_or_else(too_many)
    }
}

fn too_many() -> Problem {
    let detail = "Too many requests are in progress from your network. Wait until some of them end, then try again.";
    Problem::of(every_role::TOO_MANY_REQUESTS, detail).retry_after(Duration::from_secs(1))
}

impl Drop for PrefixPermit {
    fn drop(&mut self) {
        let mut usage = self.limits.usage.lock();
        if let Some(prefix_usage) = usage.get_mut(&self.prefix) {
            prefix_usage.requests -= 1;
            if prefix_usage.requests == 0 {
                usage.remove(&self.prefix);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_per_prefix_are_limited_and_idle_prefixes_are_removed() {
        let limits = AnonymousLimits::new(2, 1);
        let one = IpAddr::from([192, 0, 2, 1]);
        let permits = (limits.acquire(one).unwrap(), limits.acquire(one).unwrap());
        assert_eq!(limits.acquire(one).unwrap_err().status, 429);
        limits.acquire(IpAddr::from([192, 0, 2, 2])).unwrap();
        drop(permits);
        limits.acquire(one).unwrap();
        assert!(limits.usage.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_in_flight_per_prefix_are_limited_and_others_wait() {
        let limits = AnonymousLimits::new(10, 1);
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let (first, second, third) =
            (limits.acquire(one).unwrap(), limits.acquire(one).unwrap(), limits.acquire(other).unwrap());
        let permit = first.acquire_in_flight().await.unwrap();
        third.acquire_in_flight().await.unwrap();
        assert_eq!(second.acquire_in_flight().await.unwrap_err().status, 429);
        drop(permit);
        second.acquire_in_flight().await.unwrap();
    }
}
