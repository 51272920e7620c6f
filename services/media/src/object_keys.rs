//! The pool of keys for new objects. A key is recorded before a byte is stored under it.
//!
//! Keys are registered in batches, so an upload needs no commit of its own before its bytes arrive. [`Orphans`] removes
//! objects whose keys no row names in the end. Invariant: a key is leased to one upload at a time, and again only if
//! nothing was stored under it.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use base::ObjectKey;
use chrono::TimeDelta;
use objects::orphans::Policy;
use objects::{Checkpoint, KeyLease, Objects, Orphans, Writer};
use parking_lot::{Mutex, MutexGuard};
use service::BootError;
use service::Context;
use tokio::time::timeout;

use crate::cleanup::cleanup;
use crate::error::Error;
use crate::store;

const KEY_BATCH: usize = 64;
/// How long a request waits for another request that registers keys.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(5);
/// A key older than this is not used any more: other instances remove objects under keys that are older than
/// [`ABANDONED_AFTER`].
const MAX_KEY_AGE: TimeDelta = TimeDelta::hours(24);
/// Keys of instances that never came back are swept after this. No single request lasts as long (24 h, see
/// `ingest::body_reader`).
const ABANDONED_AFTER: TimeDelta = TimeDelta::days(7);

/// The pool of keys. Clones share the same keys.
#[derive(Clone)]
pub(crate) struct KeyPool(Arc<Inner>);

struct Inner {
    free: Mutex<Vec<KeyLease>>,
    refill: tokio::sync::Mutex<()>,
    orphans: Orphans,
    objects: Objects,
    clock: Clock,
}

impl KeyPool {
    /// Opens the pool. Fails where the identity of this instance cannot be read or written.
    pub(crate) async fn open(context: &Context) -> Result<Self, BootError> {
        let policy = Policy { columns: store::OBJECT_COLUMNS, abandoned_after: ABANDONED_AFTER };
        let orphans = Orphans::open(&context.db, &context.objects, &context.clock, &context.folder, policy).await;
        let orphans = orphans.map_err(|error| BootError::Io("the identity of this instance".into(), error))?;
        let (objects, clock) = (context.objects.clone(), context.clock.clone());
        Ok(Self(Arc::new(Inner {
            free: Mutex::default(),
            refill: tokio::sync::Mutex::default(),
            orphans,
            objects,
            clock,
        })))
    }

    /// Returns the registry of object keys.
    pub(crate) fn orphans(&self) -> &Orphans {
        &self.0.orphans
    }

    /// Leases a key. Registers a batch of keys when none is left.
    pub(crate) async fn acquire(&self) -> Result<PooledKey, Error> {
        loop {
            if let Some(lease) = self.pop() {
                return Ok(PooledKey { lease: Some(lease), pool: self.clone(), written: false });
            }
            let _refill = timeout(REGISTER_TIMEOUT, self.0.refill.lock()).await.map_err(|_| Error::Busy)?;
            if self.free().is_empty() {
                let registered = self.0.orphans.register(KEY_BATCH).await?;
                self.free().extend(registered);
            }
        }
    }

    fn pop(&self) -> Option<KeyLease> {
        let (mut free, now) = (self.free(), self.0.clock.now());
        free.retain(|lease| now - lease.since() <= MAX_KEY_AGE);
        free.pop()
    }

    fn free(&self) -> MutexGuard<'_, Vec<KeyLease>> {
        self.0.free.lock()
    }
}

/// A key that an upload has leased. Dropped before it is released, it removes its object.
pub(crate) struct PooledKey {
    lease: Option<KeyLease>,
    pool: KeyPool,
    /// Whether an object may exist under the key.
    written: bool,
}

impl PooledKey {
    fn key(&self) -> Result<&ObjectKey, Error> {
        self.lease.as_ref().map(KeyLease::key).ok_or(Error::TaskFailed)
    }

    /// Creates the object.
    pub(crate) async fn create_object(&mut self) -> Result<Writer, Error> {
        self.written = true;
        Ok(self.pool.0.objects.create_as(self.key()?.clone()).await?)
    }

    /// Continues an unfinished object, which may be stored under this key in the end.
    pub(crate) async fn resume_object(&self, at: &Checkpoint) -> Result<Writer, Error> {
        Ok(self.pool.0.objects.resume(at, self.key()?.clone()).await?)
    }

    /// Notes that the continued object is about to be finished, possibly under this key.
    pub(crate) fn mark_written(&mut self) {
        self.written = true;
    }

    /// Notes that the object was finished under another key, so that none exists under this one.
    pub(crate) fn mark_unused(&mut self) {
        self.written = false;
    }

    /// Returns whether `object` is stored under this key.
    pub(crate) fn is_for(&self, object: &ObjectKey) -> bool {
        self.key().is_ok_and(|key| key == object)
    }

    /// Releases the key. The object stays if a row names it by now; otherwise the sweep removes it.
    pub(crate) fn release(mut self) {
        self.lease.take();
    }

    /// Removes the object now. A key under which nothing was stored returns to the pool.
    pub(crate) async fn discard(mut self) {
        let Some(lease) = self.lease.take() else { return };
        if self.written {
            cleanup(remove(self.pool.0.orphans.clone(), lease)).await;
        } else {
            self.pool.free().push(lease);
        }
    }
}

impl Drop for PooledKey {
    fn drop(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        if !self.written {
            return self.pool.free().push(lease);
        }
        // The writer has gone. Without a runtime, the next start of the process removes the object.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(remove(self.pool.0.orphans.clone(), lease));
        }
    }
}

async fn remove(orphans: Orphans, lease: KeyLease) {
    if let Err(error) = orphans.remove(std::slice::from_ref(lease.key())).await {
        let object = lease.key();
        tracing::warn!(%object, %error, "an unused object could not be removed; the sweep will remove it");
    }
}
