//! Objects of a restored point: opened a few at a time, and made durable a batch at a time.
//!
//! While a batch waits for the disk, the next one is opened. Invariant: when [`write_all`] returns, each object is what
//! the point says and durable; an object that was there already was read and compared.

use base::ObjectKey;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use objects::{Batch, Objects};

use crate::Error;
use crate::batches::batches;
use crate::check_objects::sha256;
use crate::copy_objects::failed;
use crate::manifest::IndexEntry;
use crate::repository::{MAX_CONCURRENT, Repository};

/// Objects that become durable together: enough that waiting for the disk is no part of the time, and no more than an
/// interrupted restore may write again.
const BATCH_OBJECTS: usize = 1_000;
const BATCH_BYTES: u64 = 128 << 20;

/// Writes the objects of a point. Where some `may_exist`, of an interrupted restore or because they never went, those
/// that are whole stay.
pub(super) async fn write_all(
    objects: &Objects,
    repository: &Repository,
    index: &[IndexEntry],
    may_exist: bool,
) -> Result<(), Error> {
    let (batch, mut unsynced) = (objects.batch().await?, Vec::new());
    let target = Target { objects, batch: &batch, repository, may_exist };
    for entries in batches(index, BATCH_OBJECTS, BATCH_BYTES, |entry| entry.file.bytes) {
        let mut written = Vec::new();
        let syncing = async { if unsynced.is_empty() { Ok(()) } else { batch.sync().await } };
        let (opened, synced) = tokio::join!(target.write(entries, &mut written), syncing);
        if let Err(error) = synced {
            unsynced.extend(written);
            discard(objects, &unsynced).await;
            return Err(error.into());
        }
        opened?;
        unsynced = written;
    }
    // Also if nothing was written: what an interrupted restore has left is whole, and may not be durable.
    if let Err(error) = batch.sync().await {
        discard(objects, &unsynced).await;
        return Err(error.into());
    }
    Ok(())
}

/// Where objects are written to, and what from.
struct Target<'a> {
    objects: &'a Objects,
    batch: &'a Batch,
    repository: &'a Repository,
    may_exist: bool,
}

impl Target<'_> {
    /// Writes objects, and adds the keys of those that were not there to `written`.
    async fn write(&self, entries: &[IndexEntry], written: &mut Vec<ObjectKey>) -> Result<(), Error> {
        let mut restored =
            stream::iter(entries).map(async |entry| self.write_one(entry).await).buffer_unordered(MAX_CONCURRENT);
        while let Some(key) = restored.try_next().await? {
            written.extend(key);
        }
        Ok(())
    }

    /// Writes an object under its key, unless it is there. Returns the key if it was written.
    async fn write_one(&self, entry: &IndexEntry) -> Result<Option<ObjectKey>, Error> {
        let IndexEntry { object: key, file, .. } = entry;
        if self.may_exist {
            if sha256(self.objects, key).await?.as_deref() == Some(file.sha256.as_str()) {
                return Ok(None);
            }
            self.objects.remove(key).await.map_err(failed(key))?;
        }
        let mut writer = self.batch.create_as(key.clone()).await.map_err(failed(key))?;
        let write = async |chunk: Bytes| writer.write(chunk).await.map_err(failed(key));
        let opened = self.repository.open_file(&format!("the object {key}"), file, write).await;
        match opened {
            Ok(()) => writer.finish().await.map(|_| Some(key.clone())).map_err(failed(key)),
            Err(error) => {
                writer.abort().await.map_err(failed(key))?;
                Err(error)
            }
        }
    }
}

/// Removes objects whose bytes the disk may have lost: they can still be read from memory, so the next attempt would
/// take them for restored.
async fn discard(objects: &Objects, keys: &[ObjectKey]) {
    let mut removals = stream::iter(keys).map(async |key| objects.remove(key).await).buffer_unordered(MAX_CONCURRENT);
    while let Some(removed) = removals.next().await {
        if let Err(error) = removed {
            tracing::warn!(%error, "an object that the disk may have lost could not be removed");
        }
    }
}
