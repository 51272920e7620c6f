//! A limit on concurrent reads of libraries, so that the lists of one member, or of all members together, do not use up
//! the database.
//!
//! Invariant: a bounded number of lists is read at once, at most [`MAX_WAITING`] wait for a moment, and each member has
//! only a few of both.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use contract::AccountId;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::config::Config;
use crate::error::Error;

/// Lists that wait for others; further requests receive 503.
const MAX_WAITING: usize = 64;
/// How long a list waits, and how long it may take after that.
const WAIT_TIMEOUT: Duration = Duration::from_secs(2);
const READ_TIMEOUT: Duration = Duration::from_secs(3);

/// The limiter.
#[derive(Debug)]
pub(crate) struct ListLimiter {
    running: Semaphore,
    admitted: Semaphore,
    members: Arc<Mutex<HashMap<AccountId, usize>>>,
    max_per_member: usize,
}

/// Counts one list of a member until it is dropped.
struct MemberPermit {
    members: Arc<Mutex<HashMap<AccountId, usize>>>,
    member: AccountId,
}

impl Drop for MemberPermit {
    fn drop(&mut self) {
        let mut members = self.members.lock();
        if let Some(count) = members.get_mut(&self.member) {
            *count -= 1;
            if *count == 0 {
                members.remove(&self.member);
            }
        }
    }
}

impl ListLimiter {
    pub(crate) fn new(config: &Config) -> Self {
        let running = config.max_concurrent_lists.clamp(1, 1024);
        Self {
            running: Semaphore::new(running),
            admitted: Semaphore::new(running + MAX_WAITING),
            members: Arc::default(),
            max_per_member: config.max_lists_per_member.max(1),
        }
    }

    /// Returns a limiter of the lists that visitors read. Only all of them together are limited: many visitors may read
    /// what one member shows.
    pub(crate) fn for_visitors(config: &Config) -> Self {
        Self { max_per_member: usize::MAX, ..Self::new(config) }
    }

    /// Runs `work`, which reads a list of `member`, when a permit is free.
    pub(crate) async fn run<T>(
        &self,
        member: AccountId,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let _member_permit = self.admit(member)?;
        let _admitted = self.admitted.try_acquire().map_err(|_| Error::ListsBusy)?;
        let Ok(Ok(_running)) = timeout(WAIT_TIMEOUT, self.running.acquire()).await else {
            return Err(Error::ListsBusy);
        };
        timeout(READ_TIMEOUT, work).await.map_err(|_| Error::ListsBusy)?
    }

    fn admit(&self, member: AccountId) -> Result<MemberPermit, Error> {
        let mut members = self.members.lock();
        let count = members.entry(member).or_default();
        if *count >= self.max_per_member {
            return Err(Error::TooManyLists(self.max_per_member));
        }
        *count += 1;
        Ok(MemberPermit { members: self.members.clone(), member })
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures::FutureExt as _;
    use uuid::Uuid;

    use super::*;

    fn lists() -> ListLimiter {
        ListLimiter::new(&Config { max_concurrent_lists: 2, max_lists_per_member: 3, ..Config::default() })
    }

    fn member(number: u128) -> AccountId {
        AccountId(Uuid::from_u128(number))
    }

    #[tokio::test]
    async fn one_member_holds_only_a_few_lists_and_releases_them() {
        let lists = lists();
        let mut open: Vec<_> = (0..3).map(|_| Box::pin(lists.run(member(1), pending::<Result<(), Error>>()))).collect();
        for one in &mut open {
            assert!(one.now_or_never().is_none());
        }
        assert!(matches!(lists.run(member(1), async { Ok(()) }).await, Err(Error::TooManyLists(3))));
        // Two run and one waits. The list of another member waits behind it and runs when a permit is free.
        open.pop();
        open.pop();
        assert!(lists.run(member(2), async { Ok(()) }).await.is_ok());
        drop(open);
        assert!(lists.members.lock().is_empty());
    }

    #[tokio::test]
    async fn waiting_lists_are_bounded() {
        let lists = lists();
        let mut open: Vec<_> = (0..MAX_WAITING + 2)
            .map(|number| Box::pin(lists.run(member(number as u128), pending::<Result<(), Error>>())))
            .collect();
        for one in &mut open {
            assert!(one.now_or_never().is_none());
        }
        assert!(matches!(lists.run(member(1000), async { Ok(()) }).await, Err(Error::ListsBusy)));
    }
}
