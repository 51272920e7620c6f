//! The lock that decides which request of this process writes to an upload.
//!
//! A phone that lost its connection comes back before the server notices that the old connection is dead. So the newer
//! request asks the older one to stop, and waits for it to save what it has. The row's epoch, a fencing token, keeps
//! other processes off. Invariant: a lock ends with its request, whatever becomes of the connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, watch};

use crate::error::Error;

/// How long a newer request waits for the older one to save what it has.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The locks of all uploads that requests of this process use.
#[derive(Debug, Clone, Default)]
pub(crate) struct UploadLocks(Arc<Mutex<HashMap<String, LockEntry>>>);

#[derive(Debug, Clone)]
struct LockEntry {
    mutex: Arc<tokio::sync::Mutex<()>>,
    /// The number of the newest request.
    newest: watch::Sender<u64>,
    /// Requests that hold the lock or wait for it.
    waiters: usize,
}

/// The lock of a request on an upload, released when it is dropped.
#[derive(Debug)]
pub(crate) struct UploadLock {
    number: u64,
    newest: watch::Receiver<u64>,
    _guard: OwnedMutexGuard<()>,
    _waiter: Waiter,
}

/// A request that holds a lock or waits for it. Removes the entry when it is the last one.
#[derive(Debug)]
struct Waiter {
    locks: UploadLocks,
    id: String,
}

impl UploadLocks {
    /// Asks the request that has the upload to stop, and takes the lock. [`Error::TakenOver`] if a newer request did
    /// the same meanwhile.
    pub(crate) async fn acquire(&self, id: &str) -> Result<UploadLock, Error> {
        let (mutex, newest, number, waiter) = self.register(id);
        let mutex = tokio::time::timeout(ACQUIRE_TIMEOUT, mutex.lock_owned()).await.map_err(|_| Error::Busy)?;
        if *newest.borrow() != number {
            return Err(Error::TakenOver);
        }
        Ok(UploadLock { number, newest, _guard: mutex, _waiter: waiter })
    }

    fn register(&self, id: &str) -> (Arc<tokio::sync::Mutex<()>>, watch::Receiver<u64>, u64, Waiter) {
        let mut entries = self.0.lock();
        let entry = entries.entry(id.to_owned()).or_insert_with(|| LockEntry {
            mutex: Arc::default(),
            newest: watch::Sender::new(0),
            waiters: 0,
        });
        entry.waiters += 1;
        let number = *entry.newest.borrow() + 1;
        entry.newest.send_replace(number);
        (entry.mutex.clone(), entry.newest.subscribe(), number, Waiter { locks: self.clone(), id: id.to_owned() })
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut entries = self.locks.0.lock();
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
        assert!(locks.0.lock().is_empty());
    }
}
