//! Keys of objects that no row names: recorded before a byte is stored under them, and kept until nothing can appear
//! under them any more.
//!
//! A row of `orphan_object` (a table of every service's database) says one of two things. *Held*: a process may be
//! writing under this key, which no row names yet. *Orphaned*: nothing names the key, and its object is to be removed.
//! A key is named in the transaction that deletes its row. Removing an object does not delete the row at once: a store
//! may still apply a request of a dead process (bytes in a socket, a proxy in between, a retry), and then the object
//! appears again. So the row stays, its key is removed again after growing pauses, and the row is deleted only after
//! the engine's [`Objects::settles_within`] (decision 18). Owns the rows and the sweeping; each service declares which
//! of its columns name objects. Invariant: an object in the store is named by a row or its key is in this table; a
//! removed key stays in the table until nothing can appear under it.

mod columns;
mod store;

pub use columns::{ObjectColumn, keys_within};
pub(crate) use store::SWEEP;
pub use store::{insert_held, mark_all_referenced, mark_orphaned, mark_referenced};

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, stream};
use parking_lot::Mutex;

use super::{ObjectKey, Objects};
use base::clock::Clock;
use base::random::Random;
use base::tasks::Tasks;
use db::{Db, Error};
use store::Claimed;

/// Rows of one step of a sweep.
const BATCH_ROWS: usize = 256;
/// Objects that are removed at once: each takes several requests to a remote store.
const MAX_CONCURRENT_REMOVALS: usize = 8;
/// How often a process looks for keys that are due.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// The longest pause of a sweep while an engine is unavailable.
const MAX_SWEEP_INTERVAL: Duration = Duration::from_secs(300);
/// How long a sweep has a key that it claimed. If the sweep dies, the next one claims it after that.
const CLAIM_LEASE: TimeDelta = TimeDelta::seconds(60);
/// The pause before a removed key is checked again; five times as long each time.
const FIRST_RECHECK: TimeDelta = TimeDelta::seconds(5);
const MAX_RETRY_PAUSE: TimeDelta = TimeDelta::minutes(5);
/// The number of checks after which the pause no longer grows. An object that a row named was complete, so no request
/// of its writer is in progress: it starts with this number, and is checked only once more, at the end.
const MAX_GROWING_CHECKS: i64 = 6;

/// What a service declares about its objects.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// The columns that name objects.
    pub columns: &'static [ObjectColumn],
    /// A key that another instance holds for longer than this is orphaned: that instance never came back.
    pub abandoned_after: TimeDelta,
}

/// See the module. Clones share their state.
#[derive(Clone)]
pub struct Orphans(Arc<Inner>);

struct Inner {
    db: Db,
    objects: Objects,
    clock: Clock,
    policy: Policy,
    /// The id of this instance of the role; it stays the same when the process restarts.
    instance: String,
    /// The id of this start of the process.
    boot: String,
    held: Mutex<HashSet<ObjectKey>>,
    /// Whether a lease has ended since the last sweep.
    released: AtomicBool,
}

impl std::fmt::Debug for Orphans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Orphans").field("instance", &self.0.instance).finish_non_exhaustive()
    }
}

impl Orphans {
    /// Reads this instance's id from `folder`, or generates it there.
    pub async fn open(
        db: &Db,
        objects: &Objects,
        clock: &Clock,
        folder: &Path,
        policy: Policy,
    ) -> std::io::Result<Self> {
        let path = folder.join("instance");
        let named = |error: std::io::Error| {
            std::io::Error::new(error.kind(), format!("{} can't be read or written: {error}", path.display()))
        };
        let instance = match tokio::fs::read_to_string(&path).await {
            Ok(text) if text.len() == 22 => text,
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(named(error)),
            _ => {
                let instance = Random::system().id();
                tokio::fs::write(&path, &instance).await.map_err(named)?;
                instance
            }
        };
        let (db, objects, clock) = (db.clone(), objects.clone(), clock.clone());
        let (held, released) = (Mutex::default(), AtomicBool::new(false));
        Ok(Self(Arc::new(Inner { db, objects, clock, policy, instance, boot: Random::system().id(), held, released })))
    }

    /// Records `count` new keys. Until its lease ends, this process may store an object under each.
    pub async fn register(&self, count: usize) -> Result<Vec<KeyLease>, Error> {
        let now = self.0.clock.now();
        let leases: Vec<KeyLease> =
            (0..count).map(|_| KeyLease { key: ObjectKey::random(), since: now, orphans: self.clone() }).collect();
        let keys: Vec<ObjectKey> = leases.iter().map(|lease| lease.key.clone()).collect();
        // In memory before the table, so that a sweep of this process never sees a key as lost.
        self.held().extend(keys.iter().cloned());
        store::hold(&self.0.db, keys, &self.0.instance, &self.0.boot, now).await?;
        Ok(leases)
    }

    /// Removes the objects of those of `keys` that no row names, and everything that was stored to make them. Returns
    /// `false` if some could not be removed now; the sweep retries those. While a backup holds removals, it leaves all
    /// of them to the sweep.
    pub async fn remove(&self, keys: &[ObjectKey]) -> Result<bool, Error> {
        let mut is_clean = true;
        for keys in keys.chunks(BATCH_ROWS) {
            let now = self.0.clock.now();
            let claimed = store::claim(&self.0.db, keys.to_vec(), now, now + CLAIM_LEASE).await?;
            is_clean &= self.remove_claimed(claimed, now).await?;
        }
        Ok(is_clean)
    }

    /// Sweeps at once and then every few seconds, until the process ends.
    pub fn start(&self, tasks: &Tasks) {
        let (orphans, owner) = (self.clone(), tasks.clone());
        tasks.spawn(async move {
            let mut pause = SWEEP_INTERVAL;
            loop {
                let swept = tokio::select! {
                    swept = orphans.sweep() => swept,
                    () = owner.stopping() => return,
                };
                match swept {
                    Ok(_) => pause = SWEEP_INTERVAL,
                    Err(error) => {
                        tracing::warn!(%error, "orphaned objects could not be swept; it will be tried again");
                        pause = (pause * 2).min(MAX_SWEEP_INTERVAL);
                    }
                }
                if !owner.sleep(pause).await {
                    return;
                }
            }
        });
    }

    /// Removes the objects that are due. Returns `false` if some could not be removed now.
    pub async fn sweep(&self) -> Result<bool, Error> {
        self.orphan_lost().await?;
        let mut is_clean = true;
        loop {
            let now = self.0.clock.now();
            let claimed = store::claim_due(&self.0.db, now, now + CLAIM_LEASE, BATCH_ROWS).await?;
            let is_full = claimed.len() == BATCH_ROWS;
            is_clean &= self.remove_claimed(claimed, now).await?;
            if !is_full {
                return Ok(is_clean);
            }
        }
    }

    /// Marks as orphaned what no process holds any more: keys of an earlier start of this instance, of one that never
    /// came back, or of a lease of this process that ended without its key being named.
    async fn orphan_lost(&self) -> Result<(), Error> {
        let Inner { db, clock, policy, instance, boot, released, .. } = &*self.0;
        let released = released.swap(false, Ordering::AcqRel);
        let (now, mut after) = (clock.now(), String::new());
        loop {
            let listed =
                store::list_lost(db, (instance, boot), released, now - policy.abandoned_after, &after, BATCH_ROWS)
                    .await?;
            let Some(last) = listed.last() else { return Ok(()) };
            last.as_str().clone_into(&mut after);
            let is_full = listed.len() == BATCH_ROWS;
            // Checked after they were listed: a key that is not held now was named, or given up, before.
            let lost: Vec<ObjectKey> = {
                let held = self.held();
                listed.into_iter().filter(|key| !held.contains(key)).collect()
            };
            store::orphan_lost(db, lost, policy.columns, now).await?;
            if !is_full {
                return Ok(());
            }
        }
    }

    /// Removes the objects of rows that were claimed at `now`, and deletes the rows under whose keys nothing can appear
    /// any more.
    async fn remove_claimed(&self, claimed: Vec<Claimed>, now: DateTime<Utc>) -> Result<bool, Error> {
        if claimed.is_empty() {
            return Ok(true);
        }
        let removals = stream::iter(claimed).map(|row| async move {
            let removed = self.0.objects.remove(&row.key).await;
            if let Err(error) = &removed {
                tracing::warn!(object = %row.key, %error, "an object could not be removed; it will be tried again");
            }
            (row, removed.is_ok())
        });
        let outcomes: Vec<(Claimed, bool)> = removals.buffer_unordered(MAX_CONCURRENT_REMOVALS).collect().await;
        let settles_within = self.0.objects.settles_within();
        let (mut forgotten, mut rechecks) = (Vec::new(), Vec::new());
        let is_clean = outcomes.iter().all(|(_, removed)| *removed);
        for (row, removed) in outcomes {
            match next_check(&row, removed, settles_within, now) {
                None => forgotten.push(row.key),
                Some(due_at) => rechecks.push((row.key, due_at)),
            }
        }
        store::settle(&self.0.db, forgotten, rechecks).await?;
        Ok(is_clean)
    }

    fn held(&self) -> parking_lot::MutexGuard<'_, HashSet<ObjectKey>> {
        self.0.held.lock()
    }
}

/// Returns when a key that was removed (or could not be) at `now` is checked again; `None` once nothing can appear
/// under it.
fn next_check(row: &Claimed, removed: bool, settles_within: TimeDelta, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let end = row.condemned_at + settles_within;
    let growing = |first: TimeDelta, factor: i32| {
        first * factor.saturating_pow(u32::try_from((row.looks - 1).clamp(0, MAX_GROWING_CHECKS)).unwrap_or(0))
    };
    if !removed {
        return Some(now + growing(FIRST_RECHECK, 2).min(MAX_RETRY_PAUSE));
    }
    (now < end).then(|| (now + growing(FIRST_RECHECK, 5)).min(end))
}

/// The right to store an object under a key. If it ends without a row naming the key, the next sweep removes the
/// object.
#[derive(Debug)]
pub struct KeyLease {
    key: ObjectKey,
    since: DateTime<Utc>,
    orphans: Orphans,
}

impl KeyLease {
    /// The key.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// When the key was recorded.
    pub fn since(&self) -> DateTime<Utc> {
        self.since
    }
}

impl Drop for KeyLease {
    fn drop(&mut self) {
        self.orphans.held().remove(&self.key);
        self.orphans.0.released.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_key_is_checked_after_growing_pauses_and_forgotten_only_at_the_end() {
        let start = DateTime::UNIX_EPOCH;
        let pauses = |settles_within: i64, looks: i64| {
            let (mut now, mut looks, mut seen) = (start, looks, Vec::new());
            loop {
                looks += 1;
                let row = Claimed { key: ObjectKey::random(), condemned_at: start, looks };
                let Some(next) = next_check(&row, true, TimeDelta::seconds(settles_within), now) else { return seen };
                now = next;
                seen.push((now - start).num_seconds());
            }
        };
        assert_eq!(pauses(600, 0), [5, 30, 155, 600]);
        assert_eq!(pauses(600, MAX_GROWING_CHECKS), [600], "a complete object is checked once more");
        assert_eq!(pauses(0, 0), [0_i64; 0], "a folder has no request in progress");
    }

    #[test]
    fn what_could_not_be_removed_is_retried_and_never_forgotten() {
        let start = DateTime::UNIX_EPOCH;
        for looks in [1, 3, 50] {
            let row = Claimed { key: ObjectKey::random(), condemned_at: start, looks };
            let rechecks = start + TimeDelta::days(30);
            let next = next_check(&row, false, TimeDelta::zero(), rechecks).unwrap();
            assert!(next > rechecks && next <= rechecks + MAX_RETRY_PAUSE, "{looks}: {next}");
        }
    }
}
