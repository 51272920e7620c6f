//! The memory of all pictures at work, paid before a byte of them is decoded.
//!
//! Invariant: what is paid together never exceeds the budget, and a quarter of it is out of reach for pictures that take long, unless one of them needs
//! more than the rest; so an ordinary picture does not wait for their memory either.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::flights::Lane;
use crate::error::Error;

/// Unit of the budget.
const MIB: u64 = 1 << 20;

/// The budget.
#[derive(Clone)]
pub(super) struct Budget {
    slow: Arc<Semaphore>,
    slow_mib: u32,
    rest: Arc<Semaphore>,
    rest_mib: u32,
}

/// What was paid, paid back when it goes.
pub(super) struct Paid {
    _slow: Option<OwnedSemaphorePermit>,
    _rest: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub fn new(bytes: u64) -> Self {
        let mib = u32::try_from(bytes / MIB).unwrap_or(u32::MAX).max(1);
        let rest_mib = mib.div_ceil(4);
        let slow_mib = mib - rest_mib;
        Self { slow: Arc::new(Semaphore::new(slow_mib as usize)), slow_mib, rest: Arc::new(Semaphore::new(rest_mib as usize)), rest_mib }
    }

    /// Waits until `bytes` are free. Both parts are taken in one order, so that two can't wait for each other.
    pub async fn pay(&self, lane: Lane, bytes: u64) -> Result<Paid, Error> {
        let mib = u32::try_from(bytes.div_ceil(MIB)).unwrap_or(u32::MAX);
        let slow = match lane {
            Lane::Slow => mib.min(self.slow_mib),
            // An ordinary one goes to the other part for what its own does not have at all.
            Lane::Quick => mib.saturating_sub(self.rest_mib).min(self.slow_mib),
        };
        let rest = mib.saturating_sub(slow).min(self.rest_mib);
        let slow = take(&self.slow, slow).await?;
        Ok(Paid { _slow: slow, _rest: take(&self.rest, rest).await? })
    }
}

async fn take(from: &Arc<Semaphore>, mib: u32) -> Result<Option<OwnedSemaphorePermit>, Error> {
    if mib == 0 {
        return Ok(None);
    }
    from.clone().acquire_many_owned(mib).await.map(Some).map_err(|_| Error::Busy)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn what_takes_long_leaves_a_quarter_and_all_is_never_exceeded() {
        let budget = Budget::new(100 * MIB);
        let slow = budget.pay(Lane::Slow, 75 * MIB).await.ok();
        assert!(budget.pay(Lane::Slow, MIB).now_or_never().is_none());
        let quick = budget.pay(Lane::Quick, 25 * MIB).now_or_never();
        assert!(quick.is_some());
        assert!(budget.pay(Lane::Quick, MIB).now_or_never().is_none());
        drop((slow, quick));
        let all = budget.pay(Lane::Slow, 1000 * MIB).now_or_never();
        assert!(all.is_some() && budget.pay(Lane::Quick, MIB).now_or_never().is_none(), "more than all is all");
        drop(all);
        assert!(budget.pay(Lane::Quick, 100 * MIB).now_or_never().is_some());
        assert!(Budget::new(0).pay(Lane::Slow, 5).now_or_never().is_some(), "the smallest budget has room for one");
    }
}
