//! Keys for new objects, written down before a byte is stored under them.
//!
//! Keys are registered in batches, so that an upload costs no commit of its own before its bytes arrive. Invariant: an
//! object that this process began and did not finish stands in `pending_object`, with the name of this start
//! (`boot`); the next start of the same instance removes what no item and no upload knows.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kit::objects::{Checkpoint, ObjectKey, Objects, Writer};
use kit::service::BootError;
use kit::{Clock, Context};
use tokio::time::timeout;

use crate::error::Error;
use crate::jobs::tidy;
use crate::store;

const BATCH: usize = 256;
/// How long a request waits for another one that registers keys.
const PATIENCE: Duration = Duration::from_secs(5);
/// A key older than this is not used any more: other instances remove objects under keys from [`ABANDONED`] on.
const FRESH: TimeDelta = TimeDelta::hours(24);
/// Keys of instances that never came back are swept after this. No single request lasts as long (24 h, see `ingest::feed`).
pub(crate) const ABANDONED: TimeDelta = TimeDelta::days(7);

/// The pool of keys.
#[derive(Clone)]
pub(crate) struct Keys(Arc<Inner>);

struct Inner {
    pool: Mutex<Pool>,
    filling: tokio::sync::Mutex<()>,
    db: kit::db::Db,
    objects: Objects,
    clock: Clock,
    /// This installation of the role: stays the same when the process starts anew.
    instance: String,
    /// This start of it.
    boot: String,
}

#[derive(Default)]
struct Pool {
    free: Vec<ObjectKey>,
    registered_at: DateTime<Utc>,
    /// Handed out (or being registered) and not settled.
    held: HashSet<ObjectKey>,
}

impl Keys {
    /// Learns who this instance is.
    pub(crate) async fn open(context: &Context) -> Result<Self, BootError> {
        let path = context.folder.join("instance");
        let failed = |error| BootError::Io(format!("{} can't be read or written", path.display()), error);
        let instance = match tokio::fs::read_to_string(&path).await {
            Ok(text) if text.len() == 22 => text,
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {
                let fresh = kit::objects::base62();
                tokio::fs::write(&path, &fresh).await.map_err(failed)?;
                fresh
            }
        };
        let (db, objects, clock) = (context.db.clone(), context.objects.clone(), context.clock.clone());
        Ok(Self(Arc::new(Inner { pool: Mutex::default(), filling: tokio::sync::Mutex::default(), db, objects, clock, instance, boot: kit::objects::base62() })))
    }

    /// Who this instance is, and this start of it.
    pub(crate) fn boot(&self) -> (String, String) {
        (self.0.instance.clone(), self.0.boot.clone())
    }

    /// Takes a key; registers more when none is left.
    pub(crate) async fn take(&self) -> Result<HeldKey, Error> {
        loop {
            if let Some(key) = self.pop() {
                return Ok(HeldKey { key: Some(key), keys: self.clone(), written: false });
            }
            let _filling = timeout(PATIENCE, self.0.filling.lock()).await.map_err(|_| Error::Busy)?;
            if self.lock().free.is_empty() {
                self.fill().await?;
            }
        }
    }

    /// Whether the key is free or in somebody's hands.
    pub(crate) fn is_in_use(&self, key: &ObjectKey) -> bool {
        let pool = self.lock();
        pool.held.contains(key) || pool.free.contains(key)
    }

    fn pop(&self) -> Option<ObjectKey> {
        let mut pool = self.lock();
        if self.0.clock.now() - pool.registered_at > FRESH {
            pool.free.clear();
        }
        let key = pool.free.pop()?;
        pool.held.insert(key.clone());
        Some(key)
    }

    async fn fill(&self) -> Result<(), Error> {
        let keys: Vec<ObjectKey> = (0..BATCH).map(|_| ObjectKey::random()).collect();
        let now = self.0.clock.now();
        // Known here before they are known there, so that no sweep sees them unheld.
        self.lock().held.extend(keys.iter().cloned());
        let registered = store::objects::register(&self.0.db, keys.clone(), &self.0.instance, &self.0.boot, now).await;
        let mut pool = self.lock();
        pool.held.retain(|key| !keys.contains(key));
        registered?;
        pool.free = keys;
        pool.registered_at = now;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pool> {
        self.0.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key in somebody's hands. Dropped before it is settled, it has its object removed.
pub(crate) struct HeldKey {
    key: Option<ObjectKey>,
    keys: Keys,
    written: bool,
}

impl HeldKey {
    /// Starts the object.
    pub(crate) async fn create(&mut self) -> Result<Writer, Error> {
        let key = self.key.clone().ok_or(Error::Worker)?;
        self.written = true;
        Ok(self.keys.0.objects.create_as(key).await?)
    }

    /// Goes on with an unfinished object, which may end under this key.
    pub(crate) async fn resume(&mut self, at: &Checkpoint) -> Result<Writer, Error> {
        let key = self.key.clone().ok_or(Error::Worker)?;
        self.written = true;
        Ok(self.keys.0.objects.resume(at, key).await?)
    }

    /// Whether this is its key.
    pub(crate) fn is(&self, object: &ObjectKey) -> bool {
        self.key.as_ref() == Some(object)
    }

    /// The object stays: a row names it now.
    pub(crate) fn settle(mut self) {
        self.release();
    }

    /// The object goes, now.
    pub(crate) async fn discard(mut self) {
        let Some(key) = self.key.take() else { return };
        let (keys, written) = (self.keys.clone(), self.written);
        tidy(async move {
            if written {
                remove(&keys.0.objects, &key).await;
            }
            keys.lock().held.remove(&key);
        })
        .await;
    }

    fn release(&mut self) {
        if let Some(key) = self.key.take() {
            self.keys.lock().held.remove(&key);
        }
    }
}

impl Drop for HeldKey {
    fn drop(&mut self) {
        let Some(key) = self.key.clone().filter(|_| self.written) else { return self.release() };
        let keys = self.keys.clone();
        self.key = None;
        // Whoever wrote has gone. Its row in `pending_object` stays until the object is known to be gone.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                remove(&keys.0.objects, &key).await;
                keys.lock().held.remove(&key);
            });
        }
    }
}

async fn remove(objects: &Objects, key: &ObjectKey) {
    if let Err(error) = objects.remove(key).await {
        tracing::warn!(object = %key, %error, "an unwanted object could not be removed; the sweep will");
    }
}
