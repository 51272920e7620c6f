//! Who goes on with an upload in this process.
//!
//! A phone that lost its connection comes back before we notice that the old one is dead: the newcomer asks the old request to stop, and
//! waits for it to write down what it has. Other processes are kept off by the row's epoch. Invariant: a hold ends with its
//! request, whatever becomes of the connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, watch};

use crate::error::Error;

/// How long a newcomer waits for the old request to write down what it has.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The uploads that somebody is busy with.
#[derive(Debug, Clone, Default)]
pub(crate) struct UploadLocks(Arc<Mutex<HashMap<String, LockEntry>>>);

#[derive(Debug, Clone)]
struct LockEntry {
    mutex: Arc<tokio::sync::Mutex<()>>,
    /// The number of the newest request.
    newest: watch::Sender<u64>,
    /// Requests that hold it or wait for it.
    waiters: usize,
}

/// A request's hold on an upload.
#[derive(Debug)]
pub(crate) struct UploadLock {
    number: u64,
    newest: watch::Receiver<u64>,
    _guard: OwnedMutexGuard<()>,
    _waiter: Waiter,
}

/// A request that holds an upload or waits for it.
#[derive(Debug)]
struct Waiter {
    locks: UploadLocks,
    id: String,
}

impl UploadLocks {
    /// Asks whoever has the upload to stop, and takes it.
    pub(crate) async fn acquire(&self, id: &str) -> Result<UploadLock, Error> {
        let (mutex, newest, number, waiter) = self.register(id);
        let mutex = tokio::time::timeout(ACQUIRE_TIMEOUT, mutex.lock_owned()).await.map_err(|_| Error::Busy)?;
        if *newest.borrow() != number {
            return Err(Error::TakenOver);
        }
        Ok(UploadLock { number, newest, _guard: mutex, _waiter: waiter })
    }

    fn register(&self, id: &str) -> (Arc<tokio::sync::Mutex<()>>, watch::Receiver<u64>, u64, Waiter) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(id.to_owned()).or_insert_with(|| LockEntry { mutex: Arc::default(), newest: watch::Sender::new(0), waiters: 0 });
        entry.waiters += 1;
        let number = *entry.newest.borrow() + 1;
        entry.newest.send_replace(number);
        (entry.mutex.clone(), entry.newest.subscribe(), number, Waiter { locks: self.clone(), id: id.to_owned() })
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut entries = self.locks.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(&self.id) {
            entry.waiters -= 1;
            if entry.waiters == 0 {
                entries.remove(&self.id);
            }
        }
    }
}

impl UploadLock {
    /// Resolves when a newer request wants the upload.
    pub(crate) async fn superseded(&mut self) {
        while *self.newest.borrow_and_update() == self.number {
            if self.newest.changed().await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_request_gets_the_upload_and_nothing_is_left_behind() {
        let locks = UploadLocks::default();
        let mut old = locks.acquire("a").await.unwrap();
        let (first, second) = (locks.clone(), locks.clone());
        let middle = tokio::spawn(async move { first.acquire("a").await.map(drop) });
        while *old.newest.borrow() < 2 {
            tokio::task::yield_now().await;
        }
        let newest = tokio::spawn(async move { second.acquire("a").await.map(drop) });
        while *old.newest.borrow() < 3 {
            tokio::task::yield_now().await;
        }
        old.superseded().await;
        drop(old);
        assert!(matches!(middle.await.unwrap(), Err(Error::TakenOver)));
        assert!(newest.await.unwrap().is_ok());
        assert!(locks.0.lock().unwrap().is_empty());
    }
}
