//! The repository: sealed files under random keys, and the manifests of recovery points under their ids.
//!
//! Two stores of the Objects port, so a folder and any S3 are the same here: `points` has the manifests, `data`
//! everything else. Files are written once and never changed. Invariant: a file counts as stored only after it was read
//! back, opened and compared.

use std::path::Path;
use std::sync::Arc;

use base::ObjectKey;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use objects::{Listed, Objects, Source, shards};

use crate::Error;
use crate::keys::Keys;
use crate::manifest::{IndexEntry, Manifest, SealedFile, read_index, time_of, write_index};
use crate::options::BackupOptions;
use crate::rate_limit::RateLimit;
use crate::sealed::{self, Digest, SmallFile};

/// The shard of the manifests.
const POINTS: &str = "rp";
/// The shard of the lists of what a backup has copied whose point is not stored yet.
const PARTS: &str = "pa";
/// The number of files up to which a few requests list them faster than one for each shard.
const SMALL_FILES: usize = 20_000;
/// The largest manifest or part that is read into memory, and the longest line of an index.
const MAX_IN_MEMORY_BYTES: usize = 1 << 30;
/// The largest file that is opened whole in memory: of so many at once as there are concurrent requests.
const MAX_SMALL_BYTES: u64 = 1 << 20;
/// Concurrent requests to the repository.
pub(crate) const MAX_CONCURRENT: usize = 8;

/// See the module.
#[derive(Debug)]
pub struct Repository {
    points: Objects,
    data: Objects,
    /// Whether both are folders on this machine.
    is_folder: bool,
    keys: Arc<Keys>,
    limit: RateLimit,
}

impl Repository {
    /// Opens the repository that the settings name, with the key of `key_file`, or else of the settings.
    pub async fn open(options: &BackupOptions, key_file: Option<&Path>) -> Result<Self, Error> {
        options.check()?;
        let key_file = key_file.or(options.key_file.as_deref()).ok_or(Error::NoKey)?;
        let keys = Arc::new(Keys::read(key_file, &options.recipients)?);
        let (points, data) = match &options.folder {
            Some(folder) => {
                boot::data_dir::create_private_folder(folder)?;
                let part = async |name: &str| Objects::folder(&folder.join(name)).await.map_err(Error::Repository);
                (part("points").await?, part("data").await?)
            }
            None if options.bucket.is_empty() => return Err(Error::NoRepository),
            None => {
                let part = |name: &str| objects_s3::open(&options.s3(name)).map_err(Error::Repository);
                (part("points")?, part("data")?)
            }
        };
        points.ping().await.map_err(Error::Repository)?;
        let (is_folder, limit) = (options.folder.is_some(), RateLimit::new(options.bytes_per_second));
        Ok(Self { points, data, is_folder, keys, limit })
    }

    /// Returns the ids of all recovery points, the oldest first.
    pub async fn list(&self) -> Result<Vec<String>, Error> {
        let listed = self.points.list(POINTS).await.map_err(Error::Repository)?;
        let ids = listed.iter().filter_map(|listed| listed.key.as_str().split_once('/')).map(|(_, id)| id);
        let mut ids: Vec<String> = ids.filter(|id| time_of(id).is_some()).map(str::to_owned).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Returns the manifest of the point with this id; `latest` is the newest one.
    pub async fn manifest(&self, id: &str) -> Result<Manifest, Error> {
        let newest;
        let id = if id == "latest" {
            newest = self.list().await?.pop().ok_or_else(|| Error::NoPoint("at all".to_owned()))?;
            newest.as_str()
        } else {
            id
        };
        let key = point_key(id)?;
        let what = format!("the point {id}");
        let bytes = match self.points.len(&key).await {
            Err(objects::Error::Missing) => return Err(Error::NoPoint(id.to_owned())),
            bytes => bytes.map_err(Error::Repository)?,
        };
        let mut json = BytesMut::new();
        let sealed = stream_of(&self.points, &key, bytes).await?;
        sealed::open(&self.keys, &what, sealed, async |chunk| collect(&mut json, &chunk, &what)).await?;
        Manifest::from_json(id, &json)
    }

    /// Returns the objects of a point.
    pub(crate) async fn index(&self, manifest: &Manifest) -> Result<Vec<IndexEntry>, Error> {
        let what = format!("the index of {}", manifest.id);
        let (mut entries, mut text) = (Vec::new(), BytesMut::new());
        let visit = async |chunk: Bytes| {
            collect(&mut text, &chunk, &what)?;
            // Whole lines are read at once, so that a long index is in memory only once.
            if let Some(end) = text.iter().rposition(|byte| *byte == b'\n') {
                entries.extend(read_index(&manifest.id, &text.split_to(end + 1))?);
            }
            Ok::<(), Error>(())
        };
        self.open_file(&what, &manifest.index, visit).await?;
        entries.extend(read_index(&manifest.id, &text)?);
        Ok(entries)
    }

    /// Stores a manifest, and with it the point.
    pub(crate) async fn store_manifest(&self, manifest: &Manifest) -> Result<(), Error> {
        let json = serde_json::to_vec(manifest).map_err(|error| Error::Interrupted(error.to_string()))?;
        let key = point_key(&manifest.id)?;
        let writer = self.points.create_as(key.clone()).await.map_err(Error::Repository)?;
        let sealed = sealed::seal(&self.keys, one_chunk(json), writer, &self.limit).await;
        if let Err(error) = sealed {
            // A part of it, such as a full disk leaves, would be a damaged point.
            let _ = self.points.remove(&key).await;
            return Err(error);
        }
        let stored = self.manifest(&manifest.id).await?;
        if stored == *manifest { Ok(()) } else { Err(Error::damaged(&manifest.id, "it came back changed")) }
    }

    /// Stores a stream as a sealed file, reads it back and compares.
    pub(crate) async fn store<S>(&self, what: &str, source: S) -> Result<SealedFile, Error>
    where
        S: Stream<Item = Result<Bytes, Error>>,
    {
        let writer = self.data.create().await.map_err(Error::Repository)?;
        let (digest, stored) = sealed::seal(&self.keys, source, writer, &self.limit).await?;
        let Digest { bytes, sha256 } = digest;
        let file = SealedFile { key: stored.key, bytes, sha256, stored_bytes: stored.bytes };
        self.open_file(what, &file, async |_| Ok(())).await?;
        Ok(file)
    }

    /// Stores bytes as a sealed file.
    pub(crate) async fn store_bytes(&self, what: &str, bytes: Vec<u8>) -> Result<SealedFile, Error> {
        self.store(what, one_chunk(bytes)).await
    }

    /// Opens a sealed file, hands its bytes to `visit`, and compares its digest. What was visited counts only if this
    /// returns `Ok`.
    pub(crate) async fn open_file(
        &self,
        what: &str,
        file: &SealedFile,
        visit: impl AsyncFnMut(Bytes) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let named = with_key(what, file);
        let opened = self.open_named(&named, file, visit).await;
        let opened = match opened {
            // One of the keys has opened the manifest that names it.
            Err(Error::WrongKey) => Err(Error::damaged(named, "none of the keys opens it")),
            opened => opened,
        };
        if let Err(Error::Repository(_) | Error::Damaged { .. }) = opened {
            // A file that is missing or cut off is reported as that. Before it is read, asking would cost a request.
            self.check_size(what, file).await?;
        }
        opened
    }

    async fn open_named(
        &self,
        what: &str,
        file: &SealedFile,
        mut visit: impl AsyncFnMut(Bytes) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let check = |digest: Digest| {
            if digest.bytes == file.bytes && digest.sha256 == file.sha256 {
                Ok(())
            } else {
                Err(Error::damaged(what, "it holds other bytes than the point names"))
            }
        };
        if file.stored_bytes.max(file.bytes) > MAX_SMALL_BYTES {
            let sealed = stream_of(&self.data, &file.key, file.stored_bytes).await?;
            return check(sealed::open(&self.keys, what, sealed, visit).await?);
        }
        let (sealed, bytes) = (self.small_file(file).await?, usize::try_from(file.bytes).unwrap_or(0));
        let (digest, content) = sealed::open_small(&self.keys, what, sealed, bytes).await?;
        check(digest)?;
        if content.is_empty() { Ok(()) } else { visit(content).await }
    }

    /// Returns the bytes of a small file, or where it is on this machine: its thread reads it then.
    async fn small_file(&self, file: &SealedFile) -> Result<SmallFile, Error> {
        if self.is_folder
            && let Source::File(path) = self.data.source(&file.key).await.map_err(Error::Repository)?
        {
            return Ok(SmallFile::Local(path, file.stored_bytes));
        }
        let mut chunks = stream_of(&self.data, &file.key, file.stored_bytes).await?;
        let mut whole = BytesMut::new();
        while let Some(chunk) = chunks.try_next().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(SmallFile::Bytes(whole.freeze()))
    }

    /// Opens a sealed file and compares its size and its digest.
    pub(crate) async fn verify(&self, what: &str, file: &SealedFile) -> Result<(), Error> {
        self.check_size(what, file).await?;
        self.open_file(what, file, async |_| Ok(())).await
    }

    /// Returns an error unless a file is there with its size.
    pub(crate) async fn check_size(&self, what: &str, file: &SealedFile) -> Result<(), Error> {
        let what = || with_key(what, file);
        match self.data.len(&file.key).await {
            Ok(bytes) if bytes == file.stored_bytes => Ok(()),
            Ok(bytes) => Err(Error::damaged(what(), format!("it has {bytes} of {} bytes", file.stored_bytes))),
            Err(objects::Error::Missing) => Err(Error::damaged(what(), "it is missing")),
            Err(error) => Err(Error::Repository(error)),
        }
    }

    /// Removes a point. Its files stay until [`Repository::remove_files`].
    pub(crate) async fn remove_point(&self, id: &str) -> Result<(), Error> {
        self.points.remove(&point_key(id)?).await.map_err(Error::Repository)
    }

    /// Stores a list of objects that were copied for a point that is not stored yet: if its backup is interrupted, the
    /// next one finds them.
    pub(crate) async fn store_part(&self, copied: &[IndexEntry]) -> Result<(), Error> {
        let random = ObjectKey::random();
        let tail = random.as_str().trim_start_matches(|at: char| at != '/');
        let key: Result<ObjectKey, _> = format!("{PARTS}{tail}").parse();
        let key = key.map_err(|error| Error::Interrupted(error.to_string()))?;
        let writer = self.points.create_as(key).await.map_err(Error::Repository)?;
        sealed::seal(&self.keys, one_chunk(write_index(copied)?), writer, &self.limit).await.map(drop)
    }

    /// Returns the objects of all parts. A damaged part, such as a torn one, costs another copy of its objects.
    pub(crate) async fn parts(&self) -> Result<Vec<IndexEntry>, Error> {
        let mut entries = Vec::new();
        for Listed { key, bytes, .. } in self.points.list(PARTS).await.map_err(Error::Repository)? {
            let read = async {
                let (what, mut text) = (format!("the part {key}"), BytesMut::new());
                let sealed = stream_of(&self.points, &key, bytes).await?;
                sealed::open(&self.keys, &what, sealed, async |chunk| collect(&mut text, &chunk, &what)).await?;
                read_index(key.as_str(), &text)
            };
            match read.await {
                Ok(part) => entries.extend(part),
                Err(error @ (Error::Damaged { .. } | Error::WrongKey)) => {
                    tracing::warn!(%error, "what an interrupted backup has copied is copied again");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    /// Removes all parts: their objects are in a point.
    pub(crate) async fn remove_parts(&self) -> Result<(), Error> {
        for part in self.points.list(PARTS).await.map_err(Error::Repository)? {
            self.points.remove(&part.key).await.map_err(Error::Repository)?;
        }
        Ok(())
    }

    /// Lists the files of all points. `expected` is about how many there are.
    pub(crate) async fn list_files(&self, expected: usize) -> Result<Vec<Listed>, Error> {
        if expected < SMALL_FILES {
            return self.data.list_all().await.map_err(Error::Repository);
        }
        let shards = stream::iter(shards()).map(async |shard| self.data.list(&shard).await);
        let listed: Vec<Vec<Listed>> =
            shards.buffer_unordered(MAX_CONCURRENT).try_collect().await.map_err(Error::Repository)?;
        Ok(listed.into_iter().flatten().collect())
    }

    /// Removes files.
    pub(crate) async fn remove_files(&self, keys: &[ObjectKey]) -> Result<(), Error> {
        let removals = stream::iter(keys).map(async |key| self.data.remove(key).await);
        removals.buffer_unordered(MAX_CONCURRENT).try_collect().await.map_err(Error::Repository)
    }

    /// Returns when the newest point began, if there is one.
    pub async fn newest(&self) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(self.list().await?.last().and_then(|id| time_of(id)))
    }
}

/// Returns the name of a file for an error: what it is, and where the repository has it.
fn with_key(what: &str, file: &SealedFile) -> String {
    format!("{what} (data/{})", file.key)
}

fn point_key(id: &str) -> Result<ObjectKey, Error> {
    let key = time_of(id).and_then(|_| format!("{POINTS}/{id}").parse().ok());
    key.ok_or_else(|| Error::NoPoint(id.to_owned()))
}

async fn stream_of(
    store: &Objects,
    key: &ObjectKey,
    bytes: u64,
) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
    Ok(store.read(key, 0..bytes).await.map_err(Error::Repository)?.map_err(Error::Repository).boxed())
}

fn one_chunk(bytes: Vec<u8>) -> impl Stream<Item = Result<Bytes, Error>> {
    stream::iter([Ok(Bytes::from(bytes))])
}

fn collect(into: &mut BytesMut, chunk: &Bytes, what: &str) -> Result<(), Error> {
    if into.len() + chunk.len() > MAX_IN_MEMORY_BYTES {
        return Err(Error::damaged(what, "it is larger than this release reads"));
    }
    into.extend_from_slice(chunk);
    Ok(())
}
