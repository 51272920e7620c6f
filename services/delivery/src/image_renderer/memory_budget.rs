//! The memory of all running renders, acquired before a byte of them is decoded.
//!
//! Invariant: acquired memory never exceeds the budget. A quarter of it is not available to slow renders, unless one of
//! them needs more than the rest. So a quick render does not wait for their memory either.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::flights::WorkerPool;
use crate::error::Error;

/// The unit of the budget.
const MIB: u64 = 1 << 20;

/// The budget. Clones share it.
#[derive(Clone)]
pub(super) struct MemoryBudget {
    slow: Arc<Semaphore>,
    slow_mib: u32,
    reserved: Arc<Semaphore>,
    reserved_mib: u32,
}

/// Acquired memory, released when it is dropped.
pub(super) struct BudgetPermit {
    _slow: Option<OwnedSemaphorePermit>,
    _reserved: Option<OwnedSemaphorePermit>,
}

impl MemoryBudget {
    pub fn new(bytes: u64) -> Self {
        let mib = u32::try_from(bytes / MIB).unwrap_or(u32::MAX).max(1);
        let reserved_mib = mib.div_ceil(4);
        let slow_mib = mib - reserved_mib;
        Self {
            slow: Arc::new(Semaphore::new(slow_mib as usize)),
            slow_mib,
            reserved: Arc::new(Semaphore::new(reserved_mib as usize)),
            reserved_mib,
        }
    }

    /// Waits until `bytes` are free. Both parts are acquired in one order, so that two renders cannot wait for each
    /// other.
    pub async fn acquire(&self, pool: WorkerPool, bytes: u64) -> Result<BudgetPermit, Error> {
        let mib = u32::try_from(bytes.div_ceil(MIB)).unwrap_or(u32::MAX);
        let slow = match pool {
            WorkerPool::Slow => mib.min(self.slow_mib),
            // A quick render uses the other part for what its own part does not have at all.
            WorkerPool::Quick => mib.saturating_sub(self.reserved_mib).min(self.slow_mib),
        };
        let reserved = mib.saturating_sub(slow).min(self.reserved_mib);
        let slow = acquire_from(&self.slow, slow).await?;
        Ok(BudgetPermit { _slow: slow, _reserved: acquire_from(&self.reserved, reserved).await? })
    }
}

async fn acquire_from(from: &Arc<Semaphore>, mib: u32) -> Result<Option<OwnedSemaphorePermit>, Error> {
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
    async fn slow_renders_leave_a_quarter_and_the_budget_is_never_exceeded() {
        let budget = MemoryBudget::new(100 * MIB);
        let slow = budget.acquire(WorkerPool::Slow, 75 * MIB).await.ok();
        assert!(budget.acquire(WorkerPool::Slow, MIB).now_or_never().is_none());
        let quick = budget.acquire(WorkerPool::Quick, 25 * MIB).now_or_never();
        assert!(quick.is_some());
        assert!(budget.acquire(WorkerPool::Quick, MIB).now_or_never().is_none());
        drop((slow, quick));
        let all = budget.acquire(WorkerPool::Slow, 1000 * MIB).now_or_never();
        assert!(
            all.is_some() && budget.acquire(WorkerPool::Quick, MIB).now_or_never().is_none(),
            "more than all is all"
        );
        drop(all);
        assert!(budget.acquire(WorkerPool::Quick, 100 * MIB).now_or_never().is_some());
        assert!(
            MemoryBudget::new(0).acquire(WorkerPool::Slow, 5).now_or_never().is_some(),
            "the smallest budget has room for one"
        );
    }
}
