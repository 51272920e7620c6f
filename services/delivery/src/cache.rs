//! A cache that can be invalidated while a load is in flight.
//!
//! Owns the one race that matters here: a reader loads an old value, an event changes it and invalidates the cache, and
//! the reader inserts the old value. Keys share stripes. The epoch of a stripe grows with every invalidation, and a
//! value whose load began in an older epoch is loaded again instead of cached. Invariant: once [`Cache::invalidate`]
//! has returned, [`Cache::get`] never returns a value that was loaded before it.

use std::future::Future;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::Error;

/// The number of stripes: keys that can load at once, when they do not share a stripe.
const STRIPES: usize = 512;
/// How often a load may be overtaken by an invalidation before its value is returned without being cached.
const MAX_LOAD_ATTEMPTS: usize = 4;
/// How long a reader waits, for the loads of other readers and its own together. Longer than the timeout of any one
/// query in a load.
const LOAD_TIMEOUT: Duration = Duration::from_secs(13);

#[derive(Default)]
struct Stripe {
    /// Held while loading, so that a hundred readers of one key load it once.
    load_lock: tokio::sync::Mutex<()>,
    epoch: Mutex<u64>,
}

/// A cache of values by key, bounded by weight.
pub(crate) struct Cache<K, V> {
    entries: moka::sync::Cache<K, V>,
    stripes: Vec<Stripe>,
    hasher: RandomState,
}

impl<K, V> Cache<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Returns a cache of at most `bytes`, as `weigh` counts them.
    pub fn new(bytes: u64, weigh: impl Fn(&V) -> usize + Send + Sync + 'static) -> Self {
        let weigher = move |_: &K, value: &V| u32::try_from(weigh(value)).unwrap_or(u32::MAX);
        Self {
            entries: moka::sync::Cache::builder().max_capacity(bytes).weigher(weigher).build(),
            stripes: (0..STRIPES).map(|_| Stripe::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Returns the value; on a miss, that of `load`. An error is not cached. A load that takes too long is a transient
    /// error.
    pub async fn get<F>(&self, key: &K, load: impl Fn() -> F) -> Result<V, Error>
    where
        F: Future<Output = Result<V, Error>>,
    {
        if let Some(value) = self.entries.get(key) {
            return Ok(value);
        }
        tokio::time::timeout(LOAD_TIMEOUT, self.load(key, load))
            .await
            .unwrap_or_else(|late| Err(db::Error::from(late).into()))
    }

    async fn load<F>(&self, key: &K, load: impl Fn() -> F) -> Result<V, Error>
    where
        F: Future<Output = Result<V, Error>>,
    {
        let stripe = self.stripe(key);
        let _loading = stripe.load_lock.lock().await;
        for _ in 0..MAX_LOAD_ATTEMPTS {
            if let Some(value) = self.entries.get(key) {
                return Ok(value);
            }
            let before = *stripe.epoch.lock();
            let value = load().await?;
            let epoch = stripe.epoch.lock();
            if *epoch == before {
                self.entries.insert(key.clone(), value.clone());
                return Ok(value);
            }
        }
        load().await
    }

    /// Invalidates one key. Returns whether it was cached.
    pub fn invalidate(&self, key: &K) -> bool {
        let mut epoch = self.stripe(key).epoch.lock();
        *epoch += 1;
        self.entries.remove(key).is_some()
    }

    /// Invalidates all keys.
    pub fn invalidate_all(&self) {
        for stripe in &self.stripes {
            *stripe.epoch.lock() += 1;
        }
        self.entries.invalidate_all();
    }

    fn stripe(&self, key: &K) -> &Stripe {
        &self.stripes[self.hasher.hash_one(key) as usize % STRIPES]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_change_during_a_load_is_not_overwritten_by_it() {
        let cache = Arc::new(Cache::<u8, u64>::new(1000, |_| 1));
        let fact = Arc::new(AtomicU64::new(1));
        let (reading, read) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
        let reader = tokio::spawn({
            let (cache, fact, reading, read) = (cache.clone(), fact.clone(), reading.clone(), read.clone());
            async move {
                cache
                    .get(&7, || async {
                        let old = fact.load(Ordering::SeqCst);
                        if old == 1 {
                            reading.notify_one();
                            read.notified().await;
                        }
                        Ok(old)
                    })
                    .await
            }
        });
        reading.notified().await;
        fact.store(2, Ordering::SeqCst);
        assert!(!cache.invalidate(&7), "nothing is kept yet");
        read.notify_one();
        assert_eq!(reader.await.unwrap().unwrap(), 2);
        assert_eq!(cache.get(&7, || async { Ok(3) }).await.unwrap(), 2, "kept");
        assert!(cache.invalidate(&7));
    }

    #[tokio::test]
    async fn a_hundred_readers_load_once() {
        let cache = Cache::<u8, u64>::new(1000, |_| 1);
        let loads = AtomicU64::new(0);
        let load = || async {
            tokio::task::yield_now().await;
            Ok(loads.fetch_add(1, Ordering::SeqCst))
        };
        let readers = (0..100).map(|_| cache.get(&7, load));
        let values = futures::future::join_all(readers).await;
        assert!(values.into_iter().all(|value| value.unwrap() == 0));
    }
}
