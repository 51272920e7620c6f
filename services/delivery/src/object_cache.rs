//! Objects as bytes: small ones from a memory cache, large ones as streams.
//!
//! Owns the two memory bounds of serving bytes. Whole objects (segments, images, posters) are shared: their buffers
//! count as long as they are referenced, by the cache or by a response to a slow client. When there is no memory for
//! another one, it is streamed instead. Streams share a budget: the more there are, the smaller their chunks.
//! Invariant: buffers of whole objects never exceed twice `object_cache_bytes` (plus what is being written), and a
//! stream holds two chunks at most.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{self, Poll};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use codec::scrub::Patch;
use contract::ObjectKey;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use objects::Objects;

use crate::config::Config;
use crate::error::Error;

/// Larger objects are always streamed.
const MAX_CACHED_OBJECT_BYTES: u64 = 8 << 20;
/// The chunk size of the object store.
const STORE_CHUNK_BYTES: u64 = 256 << 10;
/// The smallest chunk of a stream, even with ten thousand clients.
const MIN_CHUNK_BYTES: u64 = 16 << 10;
const MAX_WINDOW_BYTES: u64 = 8 << 20;

/// The cache in front of the object store. Clones share it.
#[derive(Clone)]
pub(crate) struct ObjectCache(Arc<Inner>);

struct Inner {
    objects: Objects,
    whole: moka::future::Cache<ObjectKey, Bytes>,
    /// Bytes of all buffers that are referenced, or about to be.
    buffered_bytes: Arc<AtomicU64>,
    max_buffered_bytes: u64,
    open_streams: Arc<AtomicU64>,
    stream_buffer_bytes: u64,
}

/// Memory that is reserved for a buffer, released when it is dropped.
struct MemoryPermit {
    buffered_bytes: Arc<AtomicU64>,
    bytes: u64,
}

impl MemoryPermit {
    fn take(buffered_bytes: &Arc<AtomicU64>, bytes: u64) -> Self {
        buffered_bytes.fetch_add(bytes, Ordering::Relaxed);
        Self { buffered_bytes: buffered_bytes.clone(), bytes }
    }
}

impl Drop for MemoryPermit {
    fn drop(&mut self) {
        self.buffered_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A buffer that counts as long as it is referenced.
struct TrackedBytes {
    bytes: Bytes,
    _permit: MemoryPermit,
}

impl AsRef<[u8]> for TrackedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// How the bytes of an object are available.
pub(crate) enum Content {
    /// All bytes, in memory.
    Whole(Bytes),
    /// Too large, or no memory now: to be streamed.
    Stream,
}

impl ObjectCache {
    pub fn new(objects: Objects, config: &Config) -> Self {
        let weigher = |_: &ObjectKey, bytes: &Bytes| u32::try_from(bytes.len() + 128).unwrap_or(u32::MAX);
        Self(Arc::new(Inner {
            objects,
            whole: moka::future::Cache::builder().max_capacity(config.object_cache_bytes).weigher(weigher).build(),
            buffered_bytes: Arc::default(),
            max_buffered_bytes: config.object_cache_bytes * 2,
            open_streams: Arc::default(),
            stream_buffer_bytes: config.stream_buffer_bytes,
        }))
    }

    /// Returns an object of `bytes`: from memory, or loaded into memory if there is room. Concurrent requests load it
    /// once.
    pub async fn get(&self, key: &ObjectKey, bytes: u64) -> Result<Content, Error> {
        if let Some(whole) = self.0.whole.get(key).await {
            return Ok(Content::Whole(whole));
        }
        if bytes > MAX_CACHED_OBJECT_BYTES {
            return Ok(Content::Stream);
        }
        match self.0.whole.try_get_with_by_ref(key, self.load(key, bytes)).await {
            Ok(whole) => Ok(Content::Whole(whole)),
            Err(failure) => match &*failure {
                LoadError::NoMemory => Ok(Content::Stream),
                LoadError::Failed(error) => Err(error.clone()),
            },
        }
    }

    /// Returns a small object of unknown size that has to be whole (an initialization segment, a storyboard).
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

    async fn load(&self, key: &ObjectKey, bytes: u64) -> Result<Bytes, LoadError> {
        // Released also when the caller is dropped while this waits.
        let permit = MemoryPermit::take(&self.0.buffered_bytes, bytes);
        if self.0.buffered_bytes.load(Ordering::Relaxed) > self.0.max_buffered_bytes {
            return Err(LoadError::NoMemory);
        }
        let whole = self.0.objects.get(key, bytes).await.map_err(|error| LoadError::Failed(error.into()))?;
        Ok(Bytes::from_owner(TrackedBytes { bytes: whole, _permit: permit }))
    }

    /// Caches an object that was just written.
    pub async fn put(&self, key: ObjectKey, bytes: Bytes) {
        let permit = MemoryPermit::take(&self.0.buffered_bytes, bytes.len() as u64);
        self.0.whole.insert(key, Bytes::from_owner(TrackedBytes { bytes, _permit: permit })).await;
    }

    /// Removes an object from the cache.
    pub async fn invalidate(&self, key: &ObjectKey) {
        self.0.whole.invalidate(key).await;
    }

    /// Streams a range of an object, with overlays applied. The first chunk is read before this returns, so that a
    /// missing object is an error and not a broken response.
    pub async fn stream(&self, key: &ObjectKey, range: Range<u64>, overlays: Option<Overlays>) -> Result<Body, Error> {
        let open = OpenStream::new(&self.0.open_streams);
        let reading = RangeReader {
            cache: self.clone(),
            key: key.clone(),
            position: range.start,
            end: range.end,
            window: None,
            overlays,
            _open_stream: open,
        };
        let mut chunks = ReadAhead::new(stream::try_unfold(reading, RangeReader::next).boxed());
        let Some(first) = chunks.try_next().await? else { return Ok(Body::empty()) };
        Ok(Body::from_stream(stream::once(async { Ok::<_, objects::Error>(first) }).chain(chunks)))
    }
}

#[derive(Debug)]
enum LoadError {
    NoMemory,
    Failed(Error),
}

/// The overlays of an item, shared with the item.
#[derive(Clone)]
pub(crate) struct Overlays(pub Arc<crate::model::Item>);

impl Overlays {
    fn patches(&self) -> &[Patch] {
        self.0.scrub.as_deref().unwrap_or_default()
    }
}

/// A range that is being read, window by window, so that its chunks get smaller when more streams open.
struct RangeReader {
    cache: ObjectCache,
    key: ObjectKey,
    position: u64,
    end: u64,
    window: Option<Chunks>,
    overlays: Option<Overlays>,
    _open_stream: OpenStream,
}

impl RangeReader {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, objects::Error> {
        loop {
            if self.position >= self.end {
                return Ok(None);
            }
            let is_new = self.window.is_none();
            let mut window = match self.window.take() {
                Some(window) => window,
                None => {
                    self.cache.0.objects.read(&self.key, self.position..self.position + self.window_bytes()).await?
                }
            };
            match window.try_next().await? {
                Some(chunk) => {
                    self.window = Some(window);
                    let chunk = self.overlaid(chunk);
                    self.position += chunk.len() as u64;
                    return Ok(Some((chunk, self)));
                }
                None if is_new => return Err(objects::Error::Engine(std::io::ErrorKind::UnexpectedEof.into())),
                None => {}
            }
        }
    }

    /// Returns how much to open at once. Two chunks are held at a time. Where they may have full size, many of them
    /// share one window.
    fn window_bytes(&self) -> u64 {
        let share = self.cache.0.stream_buffer_bytes / 2 / self.cache.0.open_streams.load(Ordering::Relaxed).max(1);
        let window = if share >= STORE_CHUNK_BYTES { MAX_WINDOW_BYTES } else { share.max(MIN_CHUNK_BYTES) };
        window.min(self.end - self.position)
    }

    fn overlaid(&self, chunk: Bytes) -> Bytes {
        let Some(overlays) = &self.overlays else { return chunk };
        let mut window = chunk.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        codec::scrub::apply(overlays.patches(), self.position, &mut window);
        window.freeze()
    }
}

type Chunks = BoxStream<'static, Result<Bytes, objects::Error>>;

/// A stream that polls for the next chunk before it returns one: the disk reads while the network writes.
#[allow(
    clippy::option_option,
    reason = "outside: whether a chunk is buffered; inside: the result of the stream, its end included"
)]
struct ReadAhead {
    chunks: Chunks,
    next: Option<Option<Result<Bytes, objects::Error>>>,
}

impl ReadAhead {
    fn new(chunks: Chunks) -> Self {
        Self { chunks, next: None }
    }
}

impl Stream for ReadAhead {
    type Item = Result<Bytes, objects::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        let chunk = match self.next.take() {
            Some(chunk) => chunk,
            None => task::ready!(self.chunks.poll_next_unpin(cx)),
        };
        // The poll starts the read; whether it is ready does not matter. After an end or an error there is nothing to
        // poll for.
        if matches!(chunk, Some(Ok(_)))
            && let Poll::Ready(next) = self.chunks.poll_next_unpin(cx)
        {
            self.next = Some(next);
        }
        Poll::Ready(chunk)
    }
}

/// Counts a stream as open until it is dropped.
struct OpenStream(Arc<AtomicU64>);

impl OpenStream {
    fn new(open_streams: &Arc<AtomicU64>) -> Self {
        open_streams.fetch_add(1, Ordering::Relaxed);
        Self(open_streams.clone())
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
