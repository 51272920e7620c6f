//! Objects: each under its own key, hashed while it is copied and read back from the destination.
//!
//! Unfinished objects are copied too: their uploads can be resumed there. Invariant: an object is recorded as copied
//! only after the destination has returned the same bytes.

use std::collections::HashSet;

use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::{Error, ProgressListener, ReportRow, Transfer, progress};
use ::objects::{Listed, Objects, shards};
use base::ObjectKey;
use db::Lane;

/// Objects that are copied at once.
const MAX_CONCURRENT: usize = 8;
/// From this size on, a writer that was killed may have left a multipart upload.
const MIN_MULTIPART_BYTES: u64 = 5 << 20;
/// The most differing objects that a report names.
const MAX_NAMED: usize = 20;

/// Lists everything in the folder, shard by shard.
fn list_shards(source: &Objects) -> BoxStream<'_, Result<Vec<Listed>, Error>> {
    stream::iter(shards()).then(async |shard| Ok(source.list(&shard).await?)).boxed()
}

/// Returns the size of the folder's objects, in bytes.
pub(super) async fn total_bytes(source: &Objects) -> Result<u64, Error> {
    list_shards(source)
        .try_fold(0, async |sum, shard| Ok(sum + shard.iter().map(|object| object.bytes).sum::<u64>()))
        .await
}

/// Copies the missing objects. Returns the result for the report.
pub(super) async fn copy(transfer: &Transfer, listener: &dyn ProgressListener) -> Result<ReportRow, Error> {
    let row = Mutex::new(ReportRow::new("objects"));
    let missing = list_shards(&transfer.source).and_then(|shard| async {
        let known = copied_keys(transfer, &shard).await?;
        Ok(stream::iter(
            shard.into_iter().map(move |object| Ok::<_, Error>((known.contains(object.key.as_str()), object))),
        ))
    });
    missing
        .try_flatten()
        .try_for_each_concurrent(MAX_CONCURRENT, async |(known, Listed { key, bytes, .. })| {
            if !known {
                let digest = copy_one(transfer, &key, bytes).await?;
                record_copied(transfer, &key, bytes, &digest).await?;
            }
            listener.advanced(bytes);
            add_to_row(&row, bytes, None);
            Ok(())
        })
        .await?;
    Ok(row.into_inner())
}

/// Reads both sides of every object again.
pub(super) async fn compare(transfer: &Transfer, listener: &dyn ProgressListener) -> Result<ReportRow, Error> {
    let row = Mutex::new(ReportRow::new("objects"));
    list_shards(&transfer.source)
        .map_ok(|shard| stream::iter(shard.into_iter().map(Ok::<_, Error>)))
        .try_flatten()
        .try_for_each_concurrent(MAX_CONCURRENT, async |Listed { key, bytes, .. }| {
            let same =
                is_same(transfer, &key, bytes).await.map_err(|cause| Error::Object { key: key.to_string(), cause })?;
            listener.advanced(bytes);
            add_to_row(&row, bytes, (!same).then_some(key));
            Ok(())
        })
        .await?;
    Ok(row.into_inner())
}

fn add_to_row(row: &Mutex<ReportRow>, bytes: u64, differs: Option<ObjectKey>) {
    let mut row = row.lock();
    row.source_count += 1;
    row.bytes += bytes;
    match differs {
        None => row.destination_count += 1,
        Some(key) => {
            row.matches = false;
            if row.differences.len() < MAX_NAMED {
                row.differences.push(key.to_string());
            }
        }
    }
}

/// Progress is stored by shard, so that reading it is one index lookup.
fn progress_part(key: &str) -> String {
    format!("objects/{}", key.split('/').next().unwrap_or_default())
}

async fn copied_keys(transfer: &Transfer, shard: &[Listed]) -> Result<HashSet<String>, Error> {
    let Some(first) = shard.first() else { return Ok(HashSet::new()) };
    let noted = progress::list(transfer.records.read(), &transfer.name, &progress_part(first.key.as_str())).await?;
    Ok(noted.into_iter().map(|(key, _)| key).collect())
}

async fn record_copied(transfer: &Transfer, key: &ObjectKey, bytes: u64, digest: &[u8]) -> Result<(), Error> {
    let (name, key, position) = (transfer.name.clone(), key.to_string(), format!("{bytes} {}", hex::encode(digest)));
    let noted: Result<(), db::Error> = transfer
        .records
        .write(Lane::ALL, async move |tx| progress::record(tx, &name, &progress_part(&key), &key, &position).await)
        .await;
    Ok(noted?)
}

/// Copies one object and reads it back. Returns its SHA-256.
async fn copy_one(transfer: &Transfer, key: &ObjectKey, bytes: u64) -> Result<Vec<u8>, Error> {
    let failed = |cause| Error::Object { key: key.to_string(), cause };
    if transfer.is_resumed && bytes >= MIN_MULTIPART_BYTES {
        transfer.destination.remove(key).await.map_err(failed)?;
    }
    let sent = copy_bytes(transfer, key, bytes).await.map_err(failed)?;
    let arrived = digest(&transfer.destination, key).await.map_err(failed)?;
    if arrived == (bytes, sent.clone()) { Ok(sent) } else { Err(Error::Corrupted(key.to_string())) }
}

async fn copy_bytes(transfer: &Transfer, key: &ObjectKey, bytes: u64) -> Result<Vec<u8>, objects::Error> {
    let mut writer = transfer.destination.create_as(key.clone()).await?;
    let (mut hash, mut chunks) = (Sha256::new(), transfer.source.read(key, 0..bytes).await?);
    while let Some(chunk) = chunks.try_next().await? {
        hash.update(&chunk);
        writer.write(chunk).await?;
    }
    writer.finish().await?;
    Ok(hash.finalize().to_vec())
}

/// Returns an object's size and SHA-256.
async fn digest(objects: &Objects, key: &ObjectKey) -> Result<(u64, Vec<u8>), objects::Error> {
    let bytes = objects.len(key).await?;
    let (mut hash, mut chunks) = (Sha256::new(), objects.read(key, 0..bytes).await?);
    while let Some(chunk) = chunks.try_next().await? {
        hash.update(&chunk);
    }
    Ok((bytes, hash.finalize().to_vec()))
}

async fn is_same(transfer: &Transfer, key: &ObjectKey, bytes: u64) -> Result<bool, objects::Error> {
    match transfer.destination.len(key).await {
        Ok(there) if there == bytes => {
            Ok(digest(&transfer.source, key).await? == digest(&transfer.destination, key).await?)
        }
        Ok(_) | Err(objects::Error::Missing) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_shard_that_is_listed() {
        let all: HashSet<String> = shards().collect();
        assert_eq!(all.len(), 36 * 36);
        for _ in 0..1000 {
            let key = ObjectKey::random();
            assert!(all.contains(key.as_str().split('/').next().unwrap()), "{key}");
        }
    }
}
