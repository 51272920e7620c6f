//! How many requests each member has in progress.
//!
//! Does not own streams and sockets, which have a budget of their own (`stream_budget`). Invariant: a member never
//! holds more permits than the limit, and one without permits uses no memory: there are never more entries than
//! requests in progress, which are bounded.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http_server::Problem;
use http_server::problem::every_role;
use parking_lot::Mutex;
use uuid::Uuid;

/// The limit, and the current usage of all members; clones share it.
#[derive(Debug, Clone)]
pub(super) struct MemberRequests {
    max: usize,
    running: Arc<Mutex<HashMap<Uuid, usize>>>,
}

/// Permits one request of a member. Released on drop.
#[derive(Debug)]
pub(super) struct MemberPermit {
    requests: MemberRequests,
    member: Uuid,
}

impl MemberRequests {
    /// Creates a limit of `max` requests per member, at least one.
    pub(super) fn new(max: usize) -> Self {
        Self { max: max.max(1), running: Arc::default() }
    }

    /// Acquires a permit for a request. Fails with 429 if the member has reached the limit.
    pub(super) fn acquire(&self, member: Uuid) -> Result<MemberPermit, Problem> {
        let mut running = self.running.lock();
        let count = running.entry(member).or_insert(0);
        // An entry has at least one permit, so a refusal never leaves an empty one behind.
        if *count >= self.max {
            return Err(too_many());
        }
        *count += 1;
        Ok(MemberPermit { requests: self.clone(), member })
    }
}

fn too_many() -> Problem {
    let detail = "Too many of your requests are in progress. Wait until some of them end, then try again.";
    Problem::of(every_role::TOO_MANY_REQUESTS, detail).retry_after(Duration::from_secs(1))
}

impl Drop for MemberPermit {
    fn drop(&mut self) {
        let mut running = self.requests.running.lock();
        if let Some(count) = running.get_mut(&self.member) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.member);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_a_member_are_limited_and_those_who_have_none_use_no_memory() {
        let requests = MemberRequests::new(2);
        let (ada, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let permits = (requests.acquire(ada).unwrap(), requests.acquire(ada).unwrap());
        let refused = requests.acquire(ada).unwrap_err();
        assert_eq!((refused.status.as_u16(), &*refused.code), (429, "request.too_many"));
        assert!(refused.retry_after.is_some());
        drop(requests.acquire(bob).unwrap());
        drop(permits);
        drop(requests.acquire(ada).unwrap());
        assert!(requests.running.lock().is_empty());
    }
}
