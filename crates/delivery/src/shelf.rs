//! Small objects in memory, and large ones as streams.
//!
//! Owns the two memory bounds of reading bytes. Whole objects (segments, pictures, posters) are shared: their buffers count for as long
//! as anybody holds them, cached or on the way to a slow reader, and when there is no room for another it is streamed instead.
//! Streams share a budget: the more there are, the smaller their chunks. Invariant: buffers of whole objects never exceed twice
//! `memory_bytes`, and a stream holds at most two chunks.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use codec::scrub::Patch;
use contract::ObjectKey;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kit::objects::{self, Objects};

use crate::config::Config;
use crate::error::Error;

/// Larger objects are always streamed.
const LARGEST_WHOLE: u64 = 8 << 20;
const SMALLEST_CHUNK: u64 = 16 << 10;
const LARGEST_CHUNK: u64 = 1 << 20;

/// The shelf in front of the object store.
#[derive(Clone)]
pub(crate) struct Shelf(Arc<Inner>);

struct Inner {
    objects: Objects,
    whole: moka::future::Cache<ObjectKey, Bytes>,
    /// Bytes of buffers that somebody holds, or is about to.
    held: Arc<AtomicU64>,
    most_held: u64,
    streams: Arc<AtomicU64>,
    stream_bytes: u64,
}

/// A buffer that counts while it lives.
struct Counted {
    bytes: Bytes,
    held: Arc<AtomicU64>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes.len() as u64, Ordering::Relaxed);
    }
}

/// What an object's bytes come as.
pub(crate) enum Content {
    /// All of them, in memory.
    Whole(Bytes),
    /// Too large, or no room now: to be streamed.
    Stream,
}

impl Shelf {
    pub fn new(objects: Objects, config: &Config) -> Self {
        let weigher = |_: &ObjectKey, bytes: &Bytes| u32::try_from(bytes.len() + 128).unwrap_or(u32::MAX);
        Self(Arc::new(Inner {
            objects,
            whole: moka::future::Cache::builder().max_capacity(config.memory_bytes).weigher(weigher).build(),
            held: Arc::default(),
            most_held: config.memory_bytes * 2,
            streams: Arc::default(),
            stream_bytes: config.stream_bytes,
        }))
    }

    /// An object of `bytes`: from memory, or into memory if there is room; loaded once however many ask.
    pub async fn get(&self, key: &ObjectKey, bytes: u64) -> Result<Content, Error> {
        if let Some(whole) = self.0.whole.get(key).await {
            return Ok(Content::Whole(whole));
        }
        if bytes > LARGEST_WHOLE {
            return Ok(Content::Stream);
        }
        match self.0.whole.try_get_with_by_ref(key, self.load(key, bytes)).await {
            Ok(whole) => Ok(Content::Whole(whole)),
            Err(unloaded) => match &*unloaded {
                Unloaded::NoRoom => Ok(Content::Stream),
                Unloaded::Failed(error) => Err(error.clone()),
            },
        }
    }

    /// A small object of unknown size that has to be whole (an initialisation segment, a storyboard).
    pub async fn get_small(&self, key: &ObjectKey) -> Result<Bytes, Error> {
        if let Some(whole) = self.0.whole.get(key).await {
            return Ok(whole);
        }
        let bytes = self.0.objects.len(key).await?;
        match self.get(key, bytes).await? {
            Content::Whole(whole) => Ok(whole),
            Content::Stream => Err(Error::Busy),
        }
    }

    async fn load(&self, key: &ObjectKey, bytes: u64) -> Result<Bytes, Unloaded> {
        let held = &self.0.held;
        if held.fetch_add(bytes, Ordering::Relaxed) + bytes > self.0.most_held {
            held.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Unloaded::NoRoom);
        }
        match self.0.objects.get(key, bytes).await {
            Ok(whole) => {
                // A row may be wrong about a size; the count may not.
                held.fetch_add(whole.len() as u64, Ordering::Relaxed);
                held.fetch_sub(bytes, Ordering::Relaxed);
                Ok(Bytes::from_owner(Counted { bytes: whole, held: held.clone() }))
            }
            Err(error) => {
                held.fetch_sub(bytes, Ordering::Relaxed);
                Err(Unloaded::Failed(error.into()))
            }
        }
    }

    /// Puts an object that was just written into memory.
    pub async fn put(&self, key: ObjectKey, bytes: Bytes) {
        self.0.held.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let counted = Counted { bytes, held: self.0.held.clone() };
        self.0.whole.insert(key, Bytes::from_owner(counted)).await;
    }

    /// Forgets an object.
    pub async fn forget(&self, key: &ObjectKey) {
        self.0.whole.invalidate(key).await;
    }

    /// Streams a range of an object with overlays laid on. Its first chunk is read before this returns, so that a missing object
    /// is an error and not a broken answer.
    pub async fn stream(&self, key: &ObjectKey, range: Range<u64>, patches: Option<Overlays>) -> Result<Body, Error> {
        let reading = Reading { shelf: self.clone(), key: key.clone(), at: range.start, end: range.end, patches, _open: Open::new(&self.0.streams) };
        let Some((first, reading)) = reading.next().await? else { return Ok(Body::empty()) };
        // One chunk is read while the one before it is on its way.
        let rest = stream::try_unfold(reading, Reading::next);
        let chunks = stream::once(async { Ok::<_, objects::Error>(first) }).chain(rest);
        Ok(Body::from_stream(chunks))
    }
}

#[derive(Debug)]
enum Unloaded {
    NoRoom,
    Failed(Error),
}

/// An item's overlays, shared with the item.
#[derive(Clone)]
pub(crate) struct Overlays(pub Arc<crate::model::Item>);

impl Overlays {
    fn patches(&self) -> &[Patch] {
        self.0.scrub.as_deref().unwrap_or_default()
    }
}

struct Reading {
    shelf: Shelf,
    key: ObjectKey,
    at: u64,
    end: u64,
    patches: Option<Overlays>,
    _open: Open,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, objects::Error> {
        if self.at >= self.end {
            return Ok(None);
        }
        let share = self.shelf.0.stream_bytes / 2 / self.shelf.0.streams.load(Ordering::Relaxed).max(1);
        let wanted = share.clamp(SMALLEST_CHUNK, LARGEST_CHUNK).min(self.end - self.at);
        let mut pieces = self.shelf.0.objects.read(&self.key, self.at..self.at + wanted).await?;
        let first = pieces.try_next().await?.unwrap_or_default();
        let mut chunk = if first.len() as u64 == wanted {
            first
        } else {
            let mut gathered = BytesMut::with_capacity(usize::try_from(wanted).unwrap_or(0));
            gathered.extend_from_slice(&first);
            while let Some(piece) = pieces.try_next().await? {
                gathered.extend_from_slice(&piece);
            }
            gathered.freeze()
        };
        if chunk.len() as u64 != wanted {
            return Err(objects::Error::Engine(std::io::ErrorKind::UnexpectedEof.into()));
        }
        if let Some(overlays) = &self.patches {
            let mut window = chunk.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
            codec::scrub::apply(overlays.patches(), self.at, &mut window);
            chunk = window.freeze();
        }
        self.at += wanted;
        Ok(Some((chunk, self)))
    }
}

/// Counts open streams.
struct Open(Arc<AtomicU64>);

impl Open {
    fn new(streams: &Arc<AtomicU64>) -> Self {
        streams.fetch_add(1, Ordering::Relaxed);
        Self(streams.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
