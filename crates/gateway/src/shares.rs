//! How many of the request places a client without a token has.
//!
//! Invariant: an address holds at most its share, and one that holds nothing is not remembered.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kit::Problem;

/// The shares of all addresses.
#[derive(Debug, Clone)]
pub(crate) struct Shares {
    most: usize,
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A place in a share, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Shares,
    prefix: IpAddr,
}

impl Shares {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), held: Arc::default() }
    }

    /// Takes a place; refused where the address has its share.
    pub(crate) fn take(&self, prefix: IpAddr) -> Result<Share, Problem> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let has = held.entry(prefix).or_insert(0);
        if *has >= self.most {
            let detail = "Too many requests are in progress from your network. Wait for some of them to end, then go on.";
            return Err(Problem::new(http::StatusCode::TOO_MANY_REQUESTS, "request.too_many", detail).retry_after(Duration::from_secs(1)));
        }
        *has += 1;
        Ok(Share { shares: self.clone(), prefix })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(has) = held.get_mut(&self.prefix) {
            *has -= 1;
            if *has == 0 {
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
        let shares = Shares::new(2);
        let one = IpAddr::from([192, 0, 2, 1]);
        let held = (shares.take(one).unwrap(), shares.take(one).unwrap());
        assert_eq!(shares.take(one).unwrap_err().status, 429);
        shares.take(IpAddr::from([192, 0, 2, 2])).unwrap();
        drop(held);
        shares.take(one).unwrap();
        assert!(shares.held.lock().unwrap().is_empty());
    }
}
