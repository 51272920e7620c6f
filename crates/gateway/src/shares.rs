//! What a client without a token has of the gateway: request places, and turns at work.
//!
//! A role works on a request until the head of its answer is there. Of one address only so many are worked on at once, and the others wait here
//! rather than in the queue of a database, where they would stand before those of members. Invariant: an address holds at most its
//! share, and one that holds nothing is not remembered.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use kit::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// A request that has waited this long for its turn is given up.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);
/// Addresses whose requests are worked on at once where all have as much as they may.
const ADDRESSES_AT_WORK: usize = 8;

/// The shares of all addresses.
#[derive(Debug, Clone)]
pub(crate) struct Shares {
    max: usize,
    at_work: usize,
    held: Arc<Mutex<HashMap<IpAddr, Held>>>,
    /// Turns of all addresses together.
    turns: Arc<Semaphore>,
}

#[derive(Debug)]
struct Held {
    places: usize,
    turns: Arc<Semaphore>,
}

/// A place in a share, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Shares,
    prefix: IpAddr,
    turns: Arc<Semaphore>,
}

/// A turn at work, over when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _own: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Shares {
    /// Shares of `max` places, `at_work` of which may be worked on at once.
    pub(crate) fn new(max: usize, at_work: usize) -> Self {
        let (max, at_work) = (max.max(1), at_work.max(1));
        Self { max, at_work, held: Arc::default(), turns: Arc::new(Semaphore::new(at_work.saturating_mul(ADDRESSES_AT_WORK).min(Semaphore::MAX_PERMITS))) }
    }

    /// Takes a place; refused where the address has its share.
    pub(crate) fn take(&self, prefix: IpAddr) -> Result<Share, Problem> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let has = held.entry(prefix).or_insert_with(|| Held { places: 0, turns: Arc::new(Semaphore::new(self.at_work.min(Semaphore::MAX_PERMITS))) });
        if has.places >= self.max {
            return Err(too_many());
        }
        has.places += 1;
        Ok(Share { shares: self.clone(), prefix, turns: has.turns.clone() })
    }
}

impl Share {
    /// Waits for a turn at work.
    pub(crate) async fn turn(&self) -> Result<Turn, Problem> {
        let both = async {
            let own = self.turns.clone().acquire_owned().await.ok()?;
            Some(Turn { _own: own, _of_all: self.shares.turns.clone().acquire_owned().await.ok()? })
        };
        timeout(TURN_TIMEOUT, both).await.ok().flatten().ok_or_else(too_many)
    }
}

fn too_many() -> Problem {
    let detail = "Too many requests are in progress from your network. Wait for some of them to end, then go on.";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "request.too_many", detail).retry_after(Duration::from_secs(1))
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(has) = held.get_mut(&self.prefix) {
            has.places -= 1;
            if has.places == 0 {
                held.remove(&self.prefix);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_leaves_nothing_behind() {
        let shares = Shares::new(2, 1);
        let one = IpAddr::from([192, 0, 2, 1]);
        let held = (shares.take(one).unwrap(), shares.take(one).unwrap());
        assert_eq!(shares.take(one).unwrap_err().status, 429);
        shares.take(IpAddr::from([192, 0, 2, 2])).unwrap();
        drop(held);
        shares.take(one).unwrap();
        assert!(shares.held.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn of_one_address_only_so_many_are_worked_on_at_once_and_the_others_wait() {
        let shares = Shares::new(10, 1);
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let (first, second, third) = (shares.take(one).unwrap(), shares.take(one).unwrap(), shares.take(other).unwrap());
        let turn = first.turn().await.unwrap();
        third.turn().await.unwrap();
        assert_eq!(second.turn().await.unwrap_err().status, 429);
        drop(turn);
        second.turn().await.unwrap();
    }
}
