//! Removes recovery points that are kept no longer, and the files that no point names.
//!
//! It runs under the hold of a backup, so no other backup names a file meanwhile. Invariant: a file that a point names
//! stays, and so does one that an interrupted backup has copied; if a point can't be read, so that its files are
//! unknown, every file stays; the newest point that lacks no object stays, however many came after it from a store that
//! had lost some.

use std::collections::HashSet;

use base::ObjectKey;
use chrono::{DateTime, TimeDelta, Utc};

use crate::Error;
use crate::manifest::time_of;
use crate::repository::Repository;
use crate::retention::Retention;

/// Files that were written since then stay, also those of another backup.
const MIN_AGE: TimeDelta = TimeDelta::hours(24);

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Recovery points.
    pub points: u64,
    /// Files.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// Removes what `retention` doesn't keep.
pub(crate) async fn prune(repository: &Repository, retention: Retention, now: DateTime<Utc>) -> Result<Pruned, Error> {
    let (ids, mut pruned) = (repository.list().await?, Pruned::default());
    let times: Vec<DateTime<Utc>> = ids.iter().filter_map(|id| time_of(id)).collect();
    let kept_times = retention.kept(&times, now);
    let is_kept = |id: &String| time_of(id).is_some_and(|at| kept_times.contains(&at));
    if ids.iter().all(is_kept) {
        return Ok(pruned);
    }
    let whole = newest_whole(repository, &ids, now).await?;
    let (kept, old): (Vec<String>, Vec<String>) =
        ids.into_iter().partition(|id| is_kept(id) || whole.as_ref() == Some(id));
    if old.is_empty() {
        return Ok(pruned);
    }
    // The files of what stays are read first: a point that can't be read stops everything.
    let mut named = HashSet::new();
    for id in &kept {
        named.extend(files_of(repository, id).await?);
    }
    named.extend(repository.parts().await?.into_iter().map(|entry| entry.file.key));
    for id in &old {
        repository.remove_point(id).await?;
        pruned.points += 1;
    }
    let mut keys = Vec::new();
    for file in repository.list_files(named.len()).await? {
        let is_old = file.modified.is_some_and(|at| DateTime::<Utc>::from(at) < now - MIN_AGE);
        if is_old && !named.contains(&file.key) {
            pruned.files += 1;
            pruned.bytes += file.bytes;
            keys.push(file.key);
        }
    }
    repository.remove_files(&keys).await?;
    Ok(pruned)
}

/// Returns the newest point that lacks no object.
async fn newest_whole(repository: &Repository, ids: &[String], now: DateTime<Utc>) -> Result<Option<String>, Error> {
    for id in ids.iter().rev().filter(|id| time_of(id).is_some_and(|at| at <= now)) {
        if repository.manifest(id).await?.missing.is_empty() {
            return Ok(Some(id.clone()));
        }
    }
    Ok(None)
}

/// Returns the keys of all files of a point.
async fn files_of(repository: &Repository, id: &str) -> Result<Vec<ObjectKey>, Error> {
    let manifest = repository.manifest(id).await?;
    let index = repository.index(&manifest).await?;
    let own = manifest.own_files().map(|(_, file)| file.key.clone());
    Ok(own.chain(index.into_iter().map(|entry| entry.file.key)).collect())
}
