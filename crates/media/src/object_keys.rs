//! Keys for new objects, written down before a byte is stored under them.
//!
//! Keys are registered in batches, so that an upload costs no commit of its own before its bytes arrive. What becomes of a key that nothing names
//! in the end is [`Orphans`]' to see to. Invariant: a key is given to one upload at a time, and again only if nothing was stored under it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use kit::objects::orphans::Policy;
use kit::objects::{Checkpoint, KeyLease, ObjectKey, Objects, Orphans, Writer};
use kit::service::BootError;
use kit::{Clock, Context};
use tokio::time::timeout;

use crate::error::Error;
use crate::jobs::cleanup;
use crate::store;

const KEY_BATCH: usize = 64;
/// How long a request waits for another one that registers keys.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(5);
/// A key older than this is not used any more: other instances remove objects under keys from [`ABANDONED_AFTER`] on.
const MAX_KEY_AGE: TimeDelta = TimeDelta::hours(24);
/// Keys of instances that never came back are swept after this. No single request lasts as long (24 h, see `ingest::feed`).
const ABANDONED_AFTER: TimeDelta = TimeDelta::days(7);

/// The pool of keys.
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
    /// Learns who this instance is.
    pub(crate) async fn open(context: &Context) -> Result<Self, BootError> {
        let policy = Policy { names: store::OBJECT_COLUMNS, abandoned_after: ABANDONED_AFTER };
        let orphans = Orphans::open(&context.db, &context.objects, &context.clock, &context.folder, policy).await;
        let orphans = orphans.map_err(|error| BootError::Io("who this instance is".into(), error))?;
        let (objects, clock) = (context.objects.clone(), context.clock.clone());
        Ok(Self(Arc::new(Inner { free: Mutex::default(), refill: tokio::sync::Mutex::default(), orphans, objects, clock })))
    }

    /// What keeps every key in mind.
    pub(crate) fn orphans(&self) -> &Orphans {
        &self.0.orphans
    }

    /// Takes a key; registers more when none is left.
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

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<KeyLease>> {
        self.0.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key in an upload's hands. Dropped before it is settled, it has its object removed.
pub(crate) struct PooledKey {
    lease: Option<KeyLease>,
    pool: KeyPool,
    /// Whether something may lie under it.
    written: bool,
}

impl PooledKey {
    fn key(&self) -> Result<&ObjectKey, Error> {
        self.lease.as_ref().map(KeyLease::key).ok_or(Error::TaskFailed)
    }

    /// Starts the object.
    pub(crate) async fn create_object(&mut self) -> Result<Writer, Error> {
        self.written = true;
        Ok(self.pool.0.objects.create_as(self.key()?.clone()).await?)
    }

    /// Goes on with an unfinished object, which may end under this key.
    pub(crate) async fn resume_object(&self, at: &Checkpoint) -> Result<Writer, Error> {
        Ok(self.pool.0.objects.resume(at, self.key()?.clone()).await?)
    }

    /// The object that goes on is about to end: from now on it may lie under this key.
    pub(crate) fn mark_written(&mut self) {
        self.written = true;
    }

    /// It ended under another one: nothing lies under this.
    pub(crate) fn mark_unused(&mut self) {
        self.written = false;
    }

    /// Whether this is its key.
    pub(crate) fn is_for(&self, object: &ObjectKey) -> bool {
        self.key().is_ok_and(|key| key == object)
    }

    /// The object stays if a row names it by now; otherwise the sweep removes it.
    pub(crate) fn release(mut self) {
        self.lease.take();
    }

    /// The object goes, now. A key under which nothing was stored is free again.
    pub(crate) async fn discard(mut self) {
        let Some(lease) = self.lease.take() else { return };
        if self.written { cleanup(remove(self.pool.0.orphans.clone(), lease)).await } else { self.pool.free().push(lease) }
    }
}

impl Drop for PooledKey {
    fn drop(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        if !self.written {
            return self.pool.free().push(lease);
        }
        // Whoever wrote has gone. Without a runtime the next start removes the object.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(remove(self.pool.0.orphans.clone(), lease));
        }
    }
}

async fn remove(orphans: Orphans, lease: KeyLease) {
    if let Err(error) = orphans.remove(std::slice::from_ref(lease.key())).await {
        tracing::warn!(object = %lease.key(), %error, "an unwanted object could not be removed; the sweep will");
    }
}
