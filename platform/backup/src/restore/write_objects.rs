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
    let batches = batches(index, BATCH_OBJECTS, BATCH_BYTES, |entry| entry.file.bytes);
    write_batches(objects, repository, &batches, may_exist).await
}

async fn write_batches(
    objects: &Objects,
    repository: &Repository,
    batches: &[&[IndexEntry]],
    may_exist: bool,
) -> Result<(), Error> {
    let (batch, mut unsynced) = (objects.batch().await?, Vec::new());
    let target = Target { objects, batch: &batch, repository, may_exist };
    for &entries in batches {
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::ops::Range;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use async_trait::async_trait;
    use bytes::BytesMut;
    use futures::stream::BoxStream;
    use objects::{Barrier, Checkpoint, Engine, Listed, PresignOptions, Sink, Source};

    use super::*;
    use crate::options::BackupOptions;

    /// A store in memory, whose disk fails at one sync.
    #[derive(Clone, Default)]
    struct Disk {
        stored: Arc<Mutex<HashMap<ObjectKey, Bytes>>>,
        syncs: Arc<AtomicUsize>,
        /// The number of the sync, from 1.
        fails_at: usize,
    }

    struct DiskSink {
        key: ObjectKey,
        content: BytesMut,
        disk: Disk,
    }

    #[async_trait]
    impl Sink for DiskSink {
        async fn write(&mut self, bytes: Bytes) -> Result<(), objects::Error> {
            self.content.extend_from_slice(&bytes);
            Ok(())
        }

        async fn save(&mut self) -> Result<String, objects::Error> {
            Err(objects::Error::Full)
        }

        async fn finish(&mut self) -> Result<ObjectKey, objects::Error> {
            let content = self.content.split().freeze();
            self.disk.stored.lock().unwrap().insert(self.key.clone(), content);
            Ok(self.key.clone())
        }

        async fn discard_unsaved(&mut self) {}
    }

    #[async_trait]
    impl Barrier for Disk {
        async fn sync(&self) -> Result<(), objects::Error> {
            let number = self.syncs.fetch_add(1, Ordering::SeqCst) + 1;
            if number == self.fails_at { Err(objects::Error::Full) } else { Ok(()) }
        }
    }

    #[async_trait]
    impl Engine for Disk {
        async fn create(&self, key: &ObjectKey) -> Result<Box<dyn Sink>, objects::Error> {
            Ok(Box::new(DiskSink { key: key.clone(), content: BytesMut::new(), disk: self.clone() }))
        }

        async fn batch(&self) -> Result<Option<Box<dyn Barrier>>, objects::Error> {
            Ok(Some(Box::new(self.clone())))
        }

        async fn resume(&self, _: &Checkpoint, _: ObjectKey) -> Result<Box<dyn Sink>, objects::Error> {
            Err(objects::Error::Missing)
        }

        async fn read_back(
            &self,
            _: &Checkpoint,
        ) -> Result<BoxStream<'static, Result<Bytes, objects::Error>>, objects::Error> {
            Err(objects::Error::Missing)
        }

        async fn len(&self, key: &ObjectKey) -> Result<u64, objects::Error> {
            let stored = self.stored.lock().unwrap();
            stored.get(key).map(|content| content.len() as u64).ok_or(objects::Error::Missing)
        }

        async fn read(
            &self,
            key: &ObjectKey,
            _: Range<u64>,
        ) -> Result<BoxStream<'static, Result<Bytes, objects::Error>>, objects::Error> {
            let content = self.stored.lock().unwrap().get(key).cloned().ok_or(objects::Error::Missing)?;
            Ok(stream::iter([Ok(content)]).boxed())
        }

        async fn source(&self, _: &ObjectKey) -> Result<Source, objects::Error> {
            Err(objects::Error::Missing)
        }

        async fn presign(&self, _: &ObjectKey, _: &PresignOptions<'_>) -> Result<Option<String>, objects::Error> {
            Ok(None)
        }

        async fn remove(&self, key: &ObjectKey) -> Result<(), objects::Error> {
            self.stored.lock().unwrap().remove(key);
            Ok(())
        }

        async fn list(&self, _: &str) -> Result<Vec<Listed>, objects::Error> {
            Ok(Vec::new())
        }

        async fn exists(&self, key: &ObjectKey) -> Result<bool, objects::Error> {
            Ok(self.stored.lock().unwrap().contains_key(key))
        }

        async fn ping(&self) -> Result<(), objects::Error> {
            Ok(())
        }

        fn settles_within(&self) -> Duration {
            Duration::ZERO
        }
    }

    #[tokio::test]
    async fn what_a_failed_sync_may_have_lost_is_written_again_by_the_next_attempt() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("backup.key");
        crate::Keys::generate(&key).unwrap();
        let place = folder.path().join("repository");
        let options = BackupOptions { folder: Some(place), key_file: Some(key), ..BackupOptions::default() };
        let repository = Repository::open(&options, None).await.unwrap();
        let file = repository.store_bytes("an object", b"song".to_vec()).await.unwrap();
        let entry = || IndexEntry { object: ObjectKey::random(), modified: None, file: file.clone() };
        let index: Vec<IndexEntry> = std::iter::repeat_with(entry).take(6).collect();
        let batches: Vec<&[IndexEntry]> = index.chunks(2).collect();
        for fails_at in 1..=3 {
            let failing = Disk { fails_at, ..Disk::default() };
            let written = write_batches(&Objects::on(failing.clone()), &repository, &batches, false).await;
            assert!(matches!(written, Err(Error::Objects(_))), "{written:?}");
            // The batches that were synced before stay.
            assert_eq!(failing.stored.lock().unwrap().len(), (fails_at - 1) * 2);
            let mended = Disk { stored: failing.stored, ..Disk::default() };
            write_batches(&Objects::on(mended.clone()), &repository, &batches, true).await.unwrap();
            let stored = mended.stored.lock().unwrap();
            assert!(index.iter().all(|entry| stored.get(&entry.object).is_some_and(|content| content == "song")));
            assert!(mended.syncs.load(Ordering::SeqCst) <= batches.len(), "each object was synced by itself");
        }
    }
}
