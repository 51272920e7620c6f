//! Objects of a point: those that no earlier point has are copied, the others are named again.
//!
//! An object never changes once it is complete, and an unfinished upload that grows has another size and time: so what
//! has the same key, size and time is in the repository already. Invariant: an object of the index was read back from
//! the repository and compared when it was copied, and is durable before a list names it.

use std::collections::HashMap;

use base::ObjectKey;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use objects::{Listed, Objects, shards};

use crate::Error;
use crate::manifest::{IndexEntry, ObjectTotals};
use crate::named_objects::NamedObjects;
use crate::repository::{MAX_CONCURRENT, Repository};

/// How often an object is read before the backup fails: the store may be unavailable for a moment, and an unfinished
/// upload be cut to its checkpoint meanwhile.
const MAX_ATTEMPTS: u32 = 3;

/// After so many objects, or bytes of them, a backup stores what it has copied: an interrupted one costs no more.
const PART_OBJECTS: usize = 1_000;
const PART_BYTES: u64 = 1 << 30;

/// The objects of a point.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    pub(crate) index: Vec<IndexEntry>,
    pub(crate) totals: ObjectTotals,
    pub(crate) missing: Vec<ObjectKey>,
    pub(crate) unfinished: Vec<ObjectKey>,
}

/// What became of an object that rows name.
enum Outcome {
    Known(IndexEntry),
    Copied(IndexEntry),
    /// It is not there, or not complete.
    Absent(ObjectKey),
}

/// Copies the objects that rows name and that are not `known`, of which the last entry of a key counts.
pub(crate) async fn copy(
    objects: &Objects,
    mut named: NamedObjects,
    known: Vec<IndexEntry>,
    repository: &Repository,
) -> Result<Copied, Error> {
    let known: HashMap<ObjectKey, IndexEntry> = known.into_iter().map(|entry| (entry.object.clone(), entry)).collect();
    let (mut copied, mut absent, mut new) = (Copied::default(), Vec::new(), Vec::new());
    let mut shards =
        stream::iter(shards()).map(async |shard| objects.list(&shard).await).buffer_unordered(MAX_CONCURRENT);
    while let Some(shard) = shards.try_next().await? {
        for object in shard {
            let Some(is_whole) = named.remove(&object.key) else { continue };
            match find_known(&known, &object) {
                Some(entry) => copied.add(Outcome::Known(entry.clone()), is_whole, &mut absent),
                None => new.push((object, is_whole)),
            }
        }
    }
    drop(shards);
    let mut part = Part::default();
    let mut outcomes = stream::iter(new)
        .map(async |(object, is_whole)| Ok::<_, Error>((copy_one(objects, object, repository).await?, is_whole)))
        .buffer_unordered(MAX_CONCURRENT);
    while let Some((outcome, is_whole)) = outcomes.try_next().await? {
        if let Outcome::Copied(entry) = &outcome
            && let Some(entries) = part.add(entry)
        {
            repository.store_part(&entries).await?;
        }
        copied.add(outcome, is_whole, &mut absent);
    }
    drop(outcomes);
    // The others were not listed. Where a key is within other text, that proves nothing.
    absent.extend(named.into_iter().filter(|(_, is_whole)| *is_whole).map(|(key, _)| key));
    for key in absent {
        // An unfinished upload on S3 is parts of an object: its sender starts again after a restore.
        let list = if objects.exists(&key).await? { &mut copied.unfinished } else { &mut copied.missing };
        list.push(key);
    }
    copied.index.sort_unstable_by(|one, other| one.object.cmp(&other.object));
    copied.missing.sort_unstable();
    copied.unfinished.sort_unstable();
    Ok(copied)
}

/// What was copied since the last part was stored.
#[derive(Default)]
struct Part {
    entries: Vec<IndexEntry>,
    bytes: u64,
}

impl Part {
    /// Adds an object. Returns all of them if they are many.
    fn add(&mut self, entry: &IndexEntry) -> Option<Vec<IndexEntry>> {
        self.bytes += entry.file.bytes;
        self.entries.push(entry.clone());
        if self.entries.len() < PART_OBJECTS && self.bytes < PART_BYTES {
            return None;
        }
        self.bytes = 0;
        Some(std::mem::take(&mut self.entries))
    }
}

impl Copied {
    fn add(&mut self, outcome: Outcome, is_whole: bool, absent: &mut Vec<ObjectKey>) {
        let entry = match outcome {
            Outcome::Known(entry) => entry,
            Outcome::Copied(entry) => {
                self.totals.new_count += 1;
                self.totals.new_bytes += entry.file.bytes;
                entry
            }
            Outcome::Absent(key) => {
                absent.extend(is_whole.then_some(key));
                return;
            }
        };
        self.totals.count += 1;
        self.totals.bytes += entry.file.bytes;
        self.index.push(entry);
    }
}

/// Returns the entry of an object that the repository has already.
fn find_known<'a>(known: &'a HashMap<ObjectKey, IndexEntry>, object: &Listed) -> Option<&'a IndexEntry> {
    let modified = modified_micros(object)?;
    known.get(&object.key).filter(|entry| entry.file.bytes == object.bytes && entry.modified == Some(modified))
}

/// Returns when an object was last written to, as an index has it.
fn modified_micros(object: &Listed) -> Option<i64> {
    object.modified.map(|at| chrono::DateTime::<chrono::Utc>::from(at).timestamp_micros())
}

/// Copies an object. Each copy is synced by itself: a sync of the whole file system, which a restore uses for many at
/// once, would also wait for what members are writing, and they for it.
async fn copy_one(objects: &Objects, object: Listed, repository: &Repository) -> Result<Outcome, Error> {
    let modified = modified_micros(&object);
    let key = object.key;
    let what = format!("the object {key}");
    let mut attempt = 1;
    loop {
        let copied = async {
            let bytes = objects.len(&key).await.map_err(failed(&key))?;
            repository.store(&what, read(objects, &key, bytes).await?).await
        };
        let copied = copied.await;
        match copied {
            Ok(file) => return Ok(Outcome::Copied(IndexEntry { object: key, modified, file })),
            Err(Error::Object { cause: objects::Error::Missing, .. }) => return Ok(Outcome::Absent(key)),
            Err(error @ Error::Object { .. }) if attempt < MAX_ATTEMPTS => {
                tracing::warn!(%error, attempt, "an object could not be read for the backup; it will be tried again");
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Returns an object's bytes as a stream.
async fn read(
    objects: &Objects,
    key: &ObjectKey,
    bytes: u64,
) -> Result<impl Stream<Item = Result<Bytes, Error>>, Error> {
    let chunks = objects.read(key, 0..bytes).await.map_err(failed(key))?;
    let key = key.clone();
    Ok(chunks.map_err(move |cause| Error::Object { key: key.clone(), cause }))
}

/// Returns an error about an object.
pub(crate) fn failed(key: &ObjectKey) -> impl Fn(objects::Error) -> Error + '_ {
    move |cause| Error::Object { key: key.clone(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::SealedFile;

    #[test]
    fn what_was_copied_is_stored_after_so_many_objects_or_bytes() {
        let entry = |bytes: u64| {
            let file = SealedFile { key: ObjectKey::random(), bytes, sha256: String::new(), stored_bytes: bytes };
            IndexEntry { object: ObjectKey::random(), modified: None, file }
        };
        let mut part = Part::default();
        assert!(part.add(&entry(1)).is_none());
        assert_eq!(part.add(&entry(PART_BYTES)).map(|entries| entries.len()), Some(2));
        assert!((1..PART_OBJECTS).all(|_| part.add(&entry(1)).is_none()));
        assert_eq!(part.add(&entry(1)).map(|entries| entries.len()), Some(PART_OBJECTS));
    }
}
